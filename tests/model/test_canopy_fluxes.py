"""Canopy sums: water and energy close, stores and roots limit, latent heat is that of the fluxes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import canopy_fluxes as cf
from terraflux.model.constants import LATENT_HEAT_SUBLIMATION

LATENT = 2.45e6
BASE = {"sunlit_area": 1.5, "shaded_area": 2.5, "leaf_transpiration_heat_sunlit": 60.0, "leaf_transpiration_heat_shaded": 20.0,
        "leaf_wet_heat_sunlit": 10.0, "leaf_wet_heat_shaded": 5.0, "canopy_temperature": 12.0, "canopy_liquid": 0.3,
        "canopy_snow": 0.0, "absorbed_shortwave_sunlit": 250.0, "absorbed_shortwave_shaded": 80.0,
        "absorbed_shortwave_stems": 0.0, "wet_share_of_snow": 0.0,
        "canopy_net_longwave": -60.0, "latent_heat_vaporisation": LATENT, "root_water_limit": 1.0, "time_step": 1800.0}


def fluxes(**changed):
    values = BASE | changed
    arguments = (values[name] for name in cf.canopy_fluxes.reads)
    return dict(zip(cf.canopy_fluxes.returns, cf.canopy_fluxes(*arguments), strict=True))


def test_what_stems_absorb_warms_the_air():
    bare, wooded = fluxes(), fluxes(absorbed_shortwave_stems=40.0)
    assert wooded["canopy_sensible_heat"] == pytest.approx(bare["canopy_sensible_heat"] + 40.0, rel=1e-14)
    assert wooded["canopy_latent_heat"] == bare["canopy_latent_heat"]


@settings(deadline=None)
@given(st.floats(-100.0, 500.0), st.floats(-100.0, 500.0), st.floats(-200.0, 800.0), st.floats(-200.0, 800.0),
       st.floats(-40.0, 40.0), st.floats(0.0, 3.0), st.floats(0.0, 30.0), st.floats(0.0, 1.0), st.floats(0.0, 1e-3),
       st.floats(0.0, 6.0))
def test_water_and_energy_close_whatever_limits(dry_sunlit, dry_shaded, wet_sunlit, wet_shaded, temperature, liquid, snow,
                                                snow_share, limit, area):
    found = fluxes(leaf_transpiration_heat_sunlit=dry_sunlit, leaf_transpiration_heat_shaded=dry_shaded,
                   leaf_wet_heat_sunlit=wet_sunlit, leaf_wet_heat_shaded=wet_shaded, canopy_temperature=temperature,
                   canopy_liquid=liquid, canopy_snow=snow, wet_share_of_snow=snow_share, root_water_limit=limit,
                   sunlit_area=area)
    stored = found["canopy_liquid"] + found["canopy_snow"] - liquid - snow
    lost = (found["canopy_evaporation"] + found["canopy_sublimation"]) * 1800.0
    assert stored == pytest.approx(-lost, abs=1e-12 * max(1.0, liquid + snow))
    assert found["canopy_liquid"] >= 0.0
    assert found["canopy_snow"] >= 0.0
    assert found["transpiration"] <= limit
    latent = (LATENT * (found["transpiration"] + found["canopy_evaporation"])
              + LATENT_HEAT_SUBLIMATION * found["canopy_sublimation"])
    assert found["canopy_latent_heat"] == latent
    assert found["canopy_sensible_heat"] == found["canopy_net_radiation"] - latent
    assert found["canopy_net_radiation"] == pytest.approx(270.0, rel=1e-14)


def test_unlimited_fluxes_are_the_area_sums_of_leaves():
    found = fluxes()
    assert found["transpiration"] * LATENT == pytest.approx(1.5 * 60.0 + 2.5 * 20.0, rel=1e-12)
    assert found["canopy_evaporation"] * LATENT == pytest.approx(1.5 * 10.0 + 2.5 * 5.0, rel=1e-12)
    assert found["canopy_latent_heat"] == pytest.approx(140.0 + 27.5, rel=1e-12)


def test_roots_and_stores_limit_what_leaves():
    assert fluxes(root_water_limit=1e-6)["transpiration"] == 1e-6
    drained = fluxes(canopy_liquid=1e-3)
    assert drained["canopy_liquid"] == 0.0
    assert drained["canopy_evaporation"] == pytest.approx(1e-3 / 1800.0, rel=1e-12)


def test_rain_and_snow_on_leaves_share_the_heat_by_what_they_wet():
    found = fluxes(canopy_liquid=0.1, canopy_snow=0.3, wet_share_of_snow=0.75)
    assert found["canopy_evaporation"] * LATENT == pytest.approx(0.25 * 27.5, rel=1e-12)
    assert found["canopy_sublimation"] * LATENT_HEAT_SUBLIMATION == pytest.approx(0.75 * 27.5, rel=1e-12)


def test_dew_is_liquid_above_and_frost_below_freezing():
    dew = fluxes(leaf_wet_heat_sunlit=-20.0, leaf_wet_heat_shaded=-20.0, canopy_snow=5.0)
    assert dew["canopy_liquid"] > 0.3
    assert dew["canopy_snow"] == 5.0
    frost = fluxes(leaf_wet_heat_sunlit=-20.0, leaf_wet_heat_shaded=-20.0, canopy_temperature=-1.0)
    assert frost["canopy_liquid"] == 0.3
    assert frost["canopy_snow"] == pytest.approx(80.0 * 1800.0 / LATENT_HEAT_SUBLIMATION, rel=1e-12)


def test_carbon_is_counted_in_grams_of_the_ground_area():
    gross, dark, conductance, temperature = cf.canopy_sums(1.5, 2.5, 20.0, 4.0, 1.0, 0.5, 0.3, 0.1, 22.0, 18.0, 17.0)
    assert gross == pytest.approx(12.011e-6 * 40.0, rel=1e-12)
    assert dark == pytest.approx(12.011e-6 * 2.75, rel=1e-12)
    assert conductance == pytest.approx(0.7, rel=1e-12)
    assert temperature == pytest.approx(19.5, rel=1e-12)


def test_a_canopy_without_leaves_has_the_temperature_of_the_air():
    assert cf.canopy_sums(0.0, 0.0, 20.0, 4.0, 1.0, 0.5, 0.3, 0.1, 22.0, 18.0, 17.0) == (0.0, 0.0, 0.0, 17.0)
