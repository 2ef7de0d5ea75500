"""Snow: nothing is lost in reshaping, melt pays its heat, layers stay physical."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.snow import (
    HOLDING,
    compaction,
    exchange_with_air,
    fresh_snow_density,
    hand_to_soil,
    melt_and_drain,
    reshape_layers,
    snow_conduction,
    snow_from_heat,
    snow_totals,
    snowfall,
    specific_heat_of_ice,
)

FUSION, ICE_HEAT, ICE_DENSITY = 3.337e5, 2117.0, 917.0
SIGMA = 5.670374e-8
masses = st.one_of(st.just(0.0), st.floats(1e-9, 1e-3), st.floats(1e-3, 400.0), st.sampled_from([10.0, 30.0]))
specific = st.floats(-FUSION - 40.0 * ICE_HEAT, 0.0)  # J kg-1, from ice at -40 degC to water at 0 degC
densities = st.floats(50.0, ICE_DENSITY)


def pack(mass, temperature, liquid_share=0.0, density=300.0):
    """States of a pack cut into layers: ice at a temperature (degC) with a share of liquid."""
    layers = np.array([min(mass, 10.0), min(max(mass - 10.0, 0.0), 30.0), max(mass - 40.0, 0.0)])
    heat = layers * (1.0 - liquid_share) * (ICE_HEAT * temperature - FUSION)
    return {"snow_mass": layers, "snow_enthalpy": heat, "snow_thickness": layers / density}


def given_net(net, air=0.0):
    """Forcing under which a surface at 0 degC gains exactly `net` (W m-2) if it is snow (emissivity 0.99)."""
    return {"shortwave_down": net, "longwave_down": SIGMA * 273.15**4, "air_temperature": air,
            "vapour_pressure": 0.61115, "wind_speed": 0.0}


@given(st.tuples(masses, masses, masses), st.tuples(specific, specific, specific), st.tuples(densities, densities, densities))
def test_reshaping_keeps_mass_heat_and_depth_and_the_order_of_sizes(mass, heat_per_mass, density):
    heat = [m * h for m, h in zip(mass, heat_per_mass, strict=True)]
    thickness = [m / d for m, d in zip(mass, density, strict=True)]
    new = reshape_layers(*mass, *heat, *thickness)
    new_mass, new_heat, new_thickness = new[:3], new[3:6], new[6:]
    assert sum(new_mass) == pytest.approx(sum(mass), rel=1e-12, abs=1e-300)
    assert sum(new_heat) == pytest.approx(sum(heat), rel=1e-9, abs=1e-12)
    assert sum(new_thickness) == pytest.approx(sum(thickness), rel=1e-9, abs=1e-12)
    assert min(new_mass) >= 0.0 and min(new_thickness) >= 0.0 and max(new_heat) <= 1e-6
    total = sum(mass)
    assert new_mass[0] == pytest.approx(min(total, 10.0), rel=1e-12)
    assert new_mass[1] == pytest.approx(min(max(total - 10.0, 0.0), 30.0), rel=1e-9, abs=1e-12)


@given(st.tuples(masses, masses, masses), st.tuples(specific, specific, specific))
def test_reshaping_twice_changes_nothing_more(mass, heat_per_mass):
    heat = [m * h for m, h in zip(mass, heat_per_mass, strict=True)]
    once = reshape_layers(*mass, *heat, *(m / 200.0 for m in mass))
    assert reshape_layers(*once) == pytest.approx(once, rel=1e-9, abs=1e-9)


def test_no_snow_stays_no_snow():
    assert reshape_layers(*(9 * [0.0])) == tuple(9 * [0.0])
    assert snowfall(0.0, 0.0, 0.0, 0.0, -5.0, 1800.0) == (0.0, 0.0, 0.0, 0.0)
    assert compaction(0.0, 0.0, 0.0, 0.0, 1800.0) == 0.0
    assert melt_and_drain(0.0, 0.0, 0.0, 0.0, 0.0, 0.0) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert exchange_with_air(0.0, 0.0, 0.0, 0.0, 1800.0)[:3] == (0.0, 0.0, 0.0)
    assert snow_conduction(0.0, 0.0, 0.0)[0] == 0.0
    assert snow_totals(*(6 * [0.0])) == (0.0, 0.0)


def test_a_column_without_snow_never_meets_any(ground):
    ran = ground.ground_column().run(96, {}, {"soil_liquid": 0.3, "soil_temperature": 5.0}, ("snow_melt", "snow_depth"))
    assert (ran["snow_melt"] == 0.0).all() and (ran["snow_depth"] == 0.0).all()
    assert (ran.state("snow_mass") == 0.0).all() and (ran.state("snow_enthalpy") == 0.0).all()


@pytest.mark.parametrize(("air", "density"), [
    (-30.0, 50.0), (-15.0, 50.0), (-5.0, 50.0 + 1.7 * 10.0**1.5), (2.0, 169.16), (5.0, 169.16)])
def test_fresh_snow_has_the_density_of_anderson(air, density):
    assert fresh_snow_density(air) == pytest.approx(density, abs=0.01)


def test_new_snow_brings_the_heat_of_ice_at_air_temperature():
    mass, heat, thickness, added = snowfall(5.0, -1.7e6, 0.02, 1e-3, -8.0, 1800.0)
    assert mass == pytest.approx(6.8)
    assert added == pytest.approx(-1.8 * (FUSION + 8.0 * ICE_HEAT), rel=1e-12)
    assert heat == -1.7e6 + added
    assert thickness == pytest.approx(0.02 + 1.8 / fresh_snow_density(-8.0), rel=1e-12)
    assert specific_heat_of_ice(3.0) == -FUSION


@given(density=st.floats(20.0, 917.0), mass=st.floats(1e-3, 1000.0))
def test_snow_conducts_by_yens_law(density, mass):
    thickness = mass / density
    resistance, heat, same, ice = snow_conduction(mass, -FUSION * mass, thickness)
    assert 0.5 * thickness / resistance == pytest.approx(2.22 * (density / 917.0) ** 1.88, rel=1e-9)
    assert heat == same == -FUSION * mass
    assert ice == pytest.approx(mass, rel=1e-12)


@given(mass=st.floats(1e-3, 500.0), temperature=st.floats(-50.0, -0.01))
def test_frozen_snow_has_the_temperature_of_its_heat(mass, temperature):
    found, response, inertia = snow_from_heat(mass, mass * specific_heat_of_ice(temperature), 0.0)
    assert found == pytest.approx(temperature, abs=1e-8)
    assert (response, inertia) == (1.0, mass * ICE_HEAT)


def test_melting_snow_stays_at_zero_whatever_heat_comes():
    assert snow_from_heat(20.0, -20.0 * 0.9 * FUSION, 5.0) == (0.0, 0.0, 1.0)


def test_snow_that_has_melted_through_warms_as_water():
    temperature, response, inertia = snow_from_heat(2.0, 2.0 * 4188.0 * 3.0, 5.0)
    assert (temperature, response, inertia) == (pytest.approx(3.0), 1.0, 2.0 * 4188.0)


@given(mass=st.floats(1e-5, 0.49))
def test_a_trace_of_snow_melts_within_a_tenth_of_a_kelvin(mass):
    heats = np.array([-1.1, -1.0, -0.5, 0.0, 0.1]) * FUSION * mass
    temperatures = [snow_from_heat(mass, heat, 5.0)[0] for heat in heats]
    assert temperatures[1:4] == pytest.approx([0.0, 0.05, 0.1], abs=1e-9)
    assert (np.diff(temperatures) > 0.0).all()
    assert snow_from_heat(mass, heats[2], 5.0)[1:] == (1.0, pytest.approx(10.0 * FUSION * mass))


@given(mass=st.floats(0.0, 500.0), heat_per_mass=specific, density=st.floats(10.0, 917.0), load=st.floats(0.0, 2000.0),
       step=st.floats(60.0, 86400.0))
def test_snow_settles_and_never_grows_denser_than_ice(mass, heat_per_mass, density, load, step):
    thickness = compaction(mass / density, mass, mass * heat_per_mass, load, step)
    assert thickness <= mass / density
    assert thickness >= mass / ICE_DENSITY * (1.0 - 1e-12)


def test_loaded_and_warm_snow_settles_faster():
    def settled(load, temperature):
        return 0.1 - compaction(0.1, 15.0, 15.0 * specific_heat_of_ice(temperature), load, 86400.0)

    assert settled(100.0, -5.0) > settled(0.0, -5.0) > 0.0
    assert settled(50.0, -1.0) > settled(50.0, -20.0)


@given(mass=st.floats(0.0, 400.0), heat_per_mass=st.floats(-FUSION - 40.0 * ICE_HEAT, 2.0 * FUSION),
       old_ice=st.floats(0.0, 1.0), water=st.floats(0.0, 50.0), extra=st.floats(-1e6, 1e7))
def test_melt_hands_on_all_mass_and_heat_it_does_not_keep(mass, heat_per_mass, old_ice, water, extra):
    heat = mass * heat_per_mass
    left, kept, thickness, surplus, drained = melt_and_drain(mass, heat, mass / 250.0, old_ice * mass, extra, water)
    assert left + drained == pytest.approx(mass + water, rel=1e-12, abs=1e-300)
    assert kept + surplus == pytest.approx(heat + extra, rel=1e-9, abs=1e-3)
    assert left >= 0.0 and drained >= 0.0 and kept <= 0.0 and thickness >= 0.0
    ice = min(-kept / FUSION, left) if left > 0.0 else 0.0
    assert left - ice <= HOLDING * ice + 1e-9  # liquid that ice holds
    assert thickness >= left / ICE_DENSITY * (1.0 - 1e-12)


def test_water_from_above_refreezes_in_cold_snow_and_warms_it():
    cold = 30.0 * specific_heat_of_ice(-10.0)
    left, heat, _, surplus, drained = melt_and_drain(30.0, cold, 0.1, 30.0, 0.0, 1.0)
    assert (left, drained, surplus) == (31.0, 0.0, 0.0)
    warmed = snow_from_heat(left, heat, 0.0)[0]
    assert warmed == pytest.approx(-10.0 * 30.0 / 31.0 + FUSION / (31.0 * ICE_HEAT), abs=1e-9)
    assert warmed > -10.0


def test_the_last_snow_hands_its_water_and_heat_to_the_soil():
    left, kept, thickness, surplus, drained = melt_and_drain(5e-7, -0.01, 1e-9, 5e-7, 0.0, 0.0)
    assert (left, kept, thickness) == (0.0, 0.0, 0.0)
    assert hand_to_soil(drained, surplus, 1e6, 1800.0) == (5e-7 / 1800.0, 1e6 - 0.01)


@given(mass=st.floats(0.0, 10.0), flux=st.floats(-1e-3, 1e-2))
def test_sublimation_takes_at_most_the_top_layer_with_its_heat(mass, flux):
    heat = mass * specific_heat_of_ice(-5.0)
    left, left_heat, added, _, _ = exchange_with_air(mass, heat, 0.0, flux, 1800.0)
    assert left == pytest.approx(mass - min(1800.0 * flux, mass), abs=1e-12)
    assert left >= 0.0
    assert left_heat - heat == pytest.approx(added, abs=1e-6)
    if mass > 1e-3 and left > 1e-3:
        assert left_heat / left == pytest.approx(specific_heat_of_ice(-5.0), rel=1e-9)


@pytest.mark.parametrize("surface", [-5.0, 0.0, 5.0])
@pytest.mark.parametrize("passes", [2, 3])
def test_a_wet_pack_melts_what_a_day_of_sun_pays_for(ground, surface, passes):
    start = pack(200.0, 0.0, HOLDING / (1.0 + HOLDING)) | {"soil_liquid": 0.3, "surface_temperature": surface}
    ran = ground.ground_column(passes=passes).run(48, {}, start, ("snow_melt", "surface_temperature", "snow_water_equivalent"),
                                                  **given_net(100.0))
    known = 100.0 * 86400.0 / FUSION * (1.0 + HOLDING)  # with the liquid that the melted ice held
    assert ran["snow_melt"].sum() * 1800.0 == pytest.approx(known, rel=0.01)
    assert ran["snow_water_equivalent"][-1, 0] == pytest.approx(200.0 - known, rel=0.01)
    assert (ran["surface_temperature"] == 0.0).all()


def test_cold_content_is_paid_before_snow_melts(ground):
    start = pack(100.0, -8.0) | {"soil_liquid": 0.2, "soil_temperature": -8.0, "surface_temperature": -8.0}
    ran = ground.ground_column().run(96, {}, start, ("snow_melt", "ground_heat_flux", "soil_heat_flux"), **given_net(100.0))
    gained = np.cumsum(ran["ground_heat_flux"][:, 0] - ran["soil_heat_flux"][:, 0, 0]) * 1800.0
    first = int(np.argmax(ran["snow_melt"][:, 0] > 0.0))
    # no snow is cold any more, and ice holds all the liquid it can, before any water leaves
    known = 100.0 * (8.0 * ICE_HEAT + HOLDING / (1.0 + HOLDING) * FUSION)
    assert gained[first - 1] < known + 1e3 and gained[first] > known - 1e3


def snowy_winter(ground, time_step, seed=3, days=60):
    steps = int(days * 86400 / time_step)
    random = np.random.default_rng(seed)
    days_ = np.arange(steps) * time_step / 86400.0
    air = -16.0 + 24.0 * days_ / 60.0 + 5.0 * np.sin(2 * np.pi * (days_ - 0.375)) + random.normal(0.0, 3.0, steps)
    vapour = 0.6108 * np.exp(17.27 * air / (air + 237.3)) * random.uniform(0.5, 1.1, steps)
    weather = {"air_temperature": air, "vapour_pressure": vapour, "wind_speed": random.uniform(0.1, 8.0, steps),
               "shortwave_down": 80.0 * np.maximum(np.sin(2 * np.pi * (days_ - 0.25)), 0.0),
               "longwave_down": 230.0 + 4.0 * air, "precipitation": np.where(random.random(steps) < 0.1, 4e-4, 0.0)}
    outputs = ("snow_mass", "snow_enthalpy", "snow_thickness", "soil_temperature", "soil_liquid", "soil_ice", "ponded_water",
               "ground_heat_flux", "lower_heat_flux", "advected_heat", "soil_evaporation", "snow_sublimation", "drainage",
               "surface_runoff", "snow_melt", "surface_temperature", "snow_water_equivalent")
    start = {"soil_liquid": 0.25, "soil_temperature": 1.0}
    return weather, ground.ground_column().run(steps, {"geothermal_heat_flux": 0.06}, start, outputs, time_step=time_step,
                                               **weather)


@pytest.mark.parametrize("time_step", [600.0, 1800.0, 3600.0])
def test_water_and_heat_close_in_every_step_of_a_snowy_winter(ground, time_step):
    weather, ran = snowy_winter(ground, time_step)
    thickness = ground.TEN_LAYERS
    moisture = (ran["soil_liquid"] + ran["soil_ice"])[:, :, 0]
    water = 1000.0 * (moisture * thickness).sum(1) + ran["snow_mass"][:, :, 0].sum(1) + ran["ponded_water"][:, 0]
    gained = weather["precipitation"] - sum(ran[name][:, 0] for name in (
        "soil_evaporation", "snow_sublimation", "drainage", "surface_runoff"))
    assert np.abs(np.diff(water) - gained[1:] * time_step).max() < 1e-9
    capacity = (1.0 - 0.451) * 2.2e6 + 4188e3 * ran["soil_liquid"] + 2117e3 * ran["soil_ice"]
    soil = (capacity * ran["soil_temperature"] - 1000.0 * FUSION * ran["soil_ice"])[:, :, 0] * thickness
    heat = soil.sum(1) + ran["snow_enthalpy"][:, :, 0].sum(1)
    gained = (ran["ground_heat_flux"] - ran["lower_heat_flux"] + ran["advected_heat"])[:, 0]
    assert np.abs(np.diff(heat) / time_step - gained[1:]).max() < 1e-6
    assert ran["snow_water_equivalent"].max() > 20.0 and ran["snow_melt"].max() > 0.0


@pytest.mark.parametrize("time_step", [600.0, 1800.0, 3600.0])
def test_snow_stays_physical_through_a_winter(ground, time_step):
    weather, ran = snowy_winter(ground, time_step, seed=8)
    mass, heat, thickness = (ran[name][:, :, 0] for name in ("snow_mass", "snow_enthalpy", "snow_thickness"))
    assert all(np.isfinite(ran[name]).all() for name in ("snow_mass", "snow_enthalpy", "surface_temperature"))
    some = mass > 1e-3
    density = mass[some] / thickness[some]
    assert density.min() > 40.0 and density.max() <= ICE_DENSITY * (1.0 + 1e-9)
    cold = (heat + FUSION * mass)[some] / (ICE_HEAT * mass[some])
    assert cold.min() > weather["air_temperature"].min() - 25.0
    deep = ran["snow_water_equivalent"][:, 0] > 5.0
    assert ran["surface_temperature"][deep, 0].max() < 0.5


def test_thin_snow_vanishes_without_a_trace(ground):
    start = pack(0.02, -1.0) | {"soil_liquid": 0.3, "soil_temperature": 3.0, "surface_temperature": 1.0}
    ran = ground.ground_column().run(8, {}, start, ("surface_temperature", "snow_melt"), shortwave_down=300.0)
    assert np.isfinite(ran["surface_temperature"]).all()
    assert (ran.state("snow_mass") == 0.0).all() and (ran.state("snow_thickness") == 0.0).all()
    assert np.abs(ran.state("snow_enthalpy")).max() < 1e-3
