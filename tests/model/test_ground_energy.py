"""The surface energy balance: it closes, its slopes are derivatives, dew and limits."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from terraflux.model.ground_energy import drying_surface, saturation_over_ice, surface_balance, surface_fluxes

LATENT, HEAT_CAPACITY, GAMMA, SIGMA = 2.48e6, 1220.0, 0.066, 5.670374e-8
SUBLIMATION = 2.501e6 + 3.337e5
SLOPE_ROUNDED = 5e-5  # FAO-56 rounds 17.27 times 237.3 to 4098


def balance_at(temperature, vapour=0.8, cover=0.0, resistance=200.0, humidity=1.0, conductance=0.01, air=10.0):
    """(previous, balance, slope, soil, soil slope, snow, snow slope) with 300 W m-2 of sun and 320 of longwave."""
    return surface_balance(temperature, 300.0, 320.0, 0.96, air, vapour, HEAT_CAPACITY, GAMMA, LATENT, conductance, cover,
                           resistance, humidity)


def tetens(temperature):
    return 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))


@pytest.mark.parametrize(("temperature", "pressure"), [(-10.0, 0.25995), (-20.0, 0.1033), (0.0, 0.61115)])
def test_saturation_over_ice_has_its_known_values(temperature, pressure):
    assert saturation_over_ice(temperature) == pytest.approx(pressure, rel=4e-4)


@given(temperature=st.floats(-40.0, 60.0), cover=st.floats(0.0, 1.0), humidity=st.floats(0.3, 1.0),
       resistance=st.floats(0.0, 4000.0), vapour=st.floats(0.05, 3.0))
def test_slopes_are_the_derivatives_of_the_balance_and_its_parts(temperature, cover, humidity, resistance, vapour):
    step = 1e-4
    kinks = (0.0 - temperature, tetens(temperature) - vapour, tetens(temperature) * humidity - vapour)
    assume(min(abs(kink) for kink in kinks) > 0.01)
    up, here, down = (balance_at(temperature + d, vapour, cover, resistance, humidity) for d in (step, 0.0, -step))
    for value, slope in ((1, 2), (3, 4), (5, 6)):
        assert here[slope] == pytest.approx((up[value] - down[value]) / (2.0 * step), rel=SLOPE_ROUNDED, abs=1e-5)


def test_bare_wet_ground_evaporates_through_both_resistances():
    _, balance, _, soil, _, snow, _ = balance_at(20.0, resistance=200.0)
    expected = HEAT_CAPACITY / GAMMA * (tetens(20.0) - 0.8) / (1.0 / 0.01 + 200.0)
    assert soil == pytest.approx(expected, rel=1e-12)
    assert snow == 0.0
    emitted = 0.96 * SIGMA * 293.15**4
    assert balance == pytest.approx(300.0 + 0.96 * 320.0 - emitted - HEAT_CAPACITY * 0.01 * 10.0 - expected, rel=1e-12)


def test_dew_meets_no_resistance():
    vapour = tetens(10.0) + 0.3
    for resistance in (0.0, 5000.0):
        soil = balance_at(10.0, vapour=vapour, resistance=resistance, humidity=0.5)[3]
        assert soil == pytest.approx(-HEAT_CAPACITY / GAMMA * 0.01 * 0.3, rel=1e-12)


def test_pores_drier_than_unsaturated_air_exchange_nothing():
    assert balance_at(20.0, vapour=0.5 * tetens(20.0), humidity=0.4)[3:5] == (0.0, 0.0)


def test_snow_sublimates_at_saturation_over_ice():
    snow = balance_at(-10.0, vapour=0.1, cover=1.0)[5]
    vapour = HEAT_CAPACITY / GAMMA * 0.01 * (saturation_over_ice(-10.0) - 0.1)
    assert snow == pytest.approx(vapour * SUBLIMATION / LATENT, rel=1e-12)
    assert balance_at(-10.0, vapour=0.1, cover=1.0)[3] == 0.0


def test_melting_snow_holds_the_vapour_pressure_of_ice_at_zero():
    assert balance_at(3.0, cover=1.0)[5] == balance_at(0.0, cover=1.0)[5]


@given(previous=st.floats(-30.0, 50.0), change=st.floats(-8.0, 8.0), cover=st.floats(0.0, 1.0), limit=st.floats(0.0, 1e-3),
       snow=st.floats(0.0, 100.0), resistance=st.floats(0.0, 4000.0))
def test_fluxes_add_up_and_latent_heat_is_that_of_the_water_that_left(previous, change, cover, limit, snow, resistance):
    _, balance, slope, soil, soil_slope, icy, icy_slope = balance_at(previous, cover=cover, resistance=resistance)
    into = balance + slope * change
    temperature, net, evaporation, sublimation, latent, sensible, stored = surface_fluxes(
        previous + change, previous, 300.0, 320.0, 0.96, LATENT, soil, soil_slope, icy, icy_slope, limit, snow, into, 1800.0)
    assert temperature == previous + change
    assert net - latent - sensible - stored == pytest.approx(0.0, abs=1e-9)
    assert latent == evaporation * LATENT + sublimation * SUBLIMATION
    assert evaporation <= limit and sublimation <= snow / 1800.0
    if evaporation < limit and sublimation < snow / 1800.0:
        assert sensible == pytest.approx(HEAT_CAPACITY * 0.01 * (previous + change - 10.0), abs=1e-7)


@given(liquid=st.floats(0.0, 0.45), ice=st.floats(0.0, 0.3), pond=st.floats(0.0, 20.0), potential=st.floats(-1e6, 1.0))
def test_the_drying_surface_gives_no_more_than_it_holds(liquid, ice, pond, potential):
    resistance, humidity, limit, first = drying_surface(liquid, ice, 5.0, 0.45, 0.05, 0.05, potential, pond, 7.0, 1800.0)
    assert 0.0 <= resistance <= np.exp(8.206) and 0.0 <= humidity <= 1.0
    assert 0.0 <= limit * 1800.0 <= liquid * 50.0 + pond + 1e-9
    assert first == 7.0


def test_sellers_resistance_and_philips_humidity_at_half_saturation():
    resistance, humidity, _, _ = drying_surface(0.225, 0.0, 20.0, 0.45, 0.0, 0.05, -1000.0, 0.0, 0.0, 1800.0)
    assert resistance == pytest.approx(np.exp(8.206 - 4.255 * 0.5), rel=1e-12)
    assert humidity == pytest.approx(np.exp(-1000.0 * 9.80665 / (461.52 * 293.15)), rel=1e-12)


def test_a_full_pond_evaporates_as_open_water():
    assert drying_surface(0.1, 0.0, 20.0, 0.45, 0.0, 0.05, -1000.0, 5.0, 0.0, 1800.0)[:2] == (0.0, 1.0)


def test_the_solved_surface_balances_in_a_column(ground):
    hours = np.arange(960) * 0.5
    sun = 700.0 * np.maximum(np.sin(2 * np.pi * (hours - 6) / 24), 0.0)
    ran = ground.ground_column().run(
        960, {}, {"soil_liquid": 0.25, "soil_temperature": 10.0}, (
            "ground_net_radiation", "ground_latent_heat", "ground_sensible_heat", "ground_heat_flux", "surface_temperature",
            "soil_evaporation", "snow_sublimation", "latent_heat_vaporisation"),
        shortwave_down=sun, air_temperature=10.0 + 8.0 * np.sin(2 * np.pi * (hours - 9) / 24))
    net, latent, sensible, stored = (ran[name][:, 0] for name in (
        "ground_net_radiation", "ground_latent_heat", "ground_sensible_heat", "ground_heat_flux"))
    assert np.abs(net - latent - sensible - stored).max() < 1e-9
    assert np.array_equal(latent, ran["soil_evaporation"][:, 0] * ran["latent_heat_vaporisation"][:, 0]
                          + ran["snow_sublimation"][:, 0] * SUBLIMATION)
    exact = sun + 0.96 * 300.0 - 0.96 * SIGMA * (ran["surface_temperature"][:, 0] + 273.15) ** 4
    assert np.abs(net - exact).max() < 2.0  # what one more linearisation would change
