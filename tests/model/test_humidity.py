"""Humidity: known answers, an independent library, and conversions that undo each other."""

import metpy.calc as metpy_calc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metpy.units import units
from scipy.optimize import brentq

from terraflux.model import humidity
from terraflux.model.constants import KELVIN, WATER_AIR_MASS_RATIO

TEMPERATURES = np.array([-40.0, -10.0, -0.1, 0.0, 5.0, 20.0, 35.0])


@pytest.mark.parametrize(
    ("temperature", "pressure"),
    [(1.0, 0.657), (10.0, 1.228), (15.0, 1.705), (20.0, 2.338), (25.0, 3.168), (30.0, 4.243), (40.0, 7.376)],
)
def test_saturation_pressure_matches_the_fao_table(temperature, pressure):
    assert humidity.saturation_vapour_pressure(temperature) == pytest.approx(pressure, abs=6e-4)


@pytest.mark.parametrize(("temperature", "pressure"), [(-10.0, 0.25995), (-20.0, 0.1033)])
def test_saturation_over_ice_matches_buck(temperature, pressure):
    assert humidity.saturation_vapour_pressure_ice(temperature) == pytest.approx(pressure, abs=6e-5)


@pytest.mark.parametrize("temperature", [-30.0, -5.0, 0.0, 12.0, 38.0])
def test_saturation_agrees_with_an_independent_formula(temperature):
    oracle = metpy_calc.saturation_vapor_pressure(units.Quantity(temperature, "degC")).to("kPa").magnitude
    tolerance = 0.005 if temperature > -1.0 else 0.03
    assert humidity.saturation_vapour_pressure(temperature) == pytest.approx(oracle, rel=tolerance)
    assert humidity.saturation_vapour_pressure_water(temperature) == pytest.approx(oracle, rel=tolerance)


def test_buck_option_is_ice_below_and_water_above_freezing():
    for temperature in TEMPERATURES:
        phase = "ice" if temperature < 0.0 else "water"
        expected = getattr(humidity, f"saturation_vapour_pressure_{phase}")(temperature)
        assert humidity.saturation_vapour_pressure_buck(temperature) == pytest.approx(expected, rel=1e-14)
    assert humidity.saturation_vapour_pressure_ice(-10.0) < humidity.saturation_vapour_pressure_water(-10.0)


@pytest.mark.parametrize("name", sorted(humidity.SATURATION))
@pytest.mark.parametrize("temperature", [-60.0, -15.0, 3.0, 25.0, 45.0])
def test_slope_is_the_derivative_of_saturation_pressure(name, temperature):
    pressure, slope = humidity.SATURATION[name]
    step = 1e-4
    difference = (pressure(temperature + step) - pressure(temperature - step)) / (2.0 * step)
    assert slope(pressure(temperature), temperature) == pytest.approx(difference, rel=1e-7)


def test_array_and_scalar_saturation_are_the_same_curve():
    scalar = [humidity.saturation_vapour_pressure(temperature) for temperature in TEMPERATURES]
    np.testing.assert_allclose(humidity.saturation_pressure_at(TEMPERATURES), scalar, rtol=1e-14)


@given(st.floats(-40.0, 25.0), st.floats(0.02, 1.0), st.floats(6e4, 1.05e5))
def test_wet_bulb_solves_the_psychrometer_equation(temperature, relative_humidity, air_pressure):
    saturation = humidity.saturation_vapour_pressure(temperature)
    slope = humidity.saturation_vapour_slope(saturation, temperature)
    constant = humidity.psychrometric_coefficient(air_pressure, humidity.latent_heat_of_vaporisation(temperature))
    deficit = saturation * (1.0 - relative_humidity)
    found = humidity.wet_bulb_temperature(temperature, saturation, slope, deficit, constant)

    def imbalance(wet_bulb):
        warmed = humidity.saturation_vapour_pressure(wet_bulb) + constant * (wet_bulb - temperature)
        return warmed - (saturation - deficit)

    exact = brentq(imbalance, -120.0, temperature + 1e-6)
    assert exact - 1e-6 <= found <= exact + 0.02
    assert found <= temperature + 1e-9


def test_wet_bulb_agrees_with_an_independent_library():
    for temperature, dew_point in ((1.0, -8.0), (8.0, -3.0), (20.0, 10.0)):
        oracle = metpy_calc.wet_bulb_temperature(
            units.Quantity(950.0, "hPa"), units.Quantity(temperature, "degC"), units.Quantity(dew_point, "degC"))
        saturation = humidity.saturation_vapour_pressure(temperature)
        deficit = saturation - humidity.saturation_vapour_pressure(dew_point)
        slope = humidity.saturation_vapour_slope(saturation, temperature)
        constant = humidity.psychrometric_coefficient(95000.0, humidity.latent_heat_of_vaporisation(temperature))
        found = humidity.wet_bulb_temperature(temperature, saturation, slope, deficit, constant)
        assert found == pytest.approx(oracle.to("degC").magnitude, abs=0.3)


@given(st.floats(-50.0, 45.0), st.floats(0.03, 0.99), st.floats(5e4, 1.05e5))
def test_conversions_undo_each_other(temperature, relative_humidity, air_pressure):
    vapour = humidity.vapour_pressure_from_relative_humidity(relative_humidity, temperature)
    assert humidity.relative_humidity_of(vapour, temperature) == pytest.approx(relative_humidity, rel=1e-12)
    deficit = humidity.vapour_pressure_deficit_of(vapour, temperature)
    assert humidity.vapour_pressure_from_deficit(deficit, temperature) == pytest.approx(vapour, rel=1e-10)
    specific = humidity.specific_humidity_of(vapour, air_pressure)
    assert humidity.vapour_pressure_from_specific_humidity(specific, air_pressure) == pytest.approx(vapour, rel=1e-12)
    assert humidity.vapour_pressure_from_dew_point(humidity.dew_point_of(vapour)) == pytest.approx(vapour, rel=1e-12)


def test_specific_humidity_agrees_with_an_independent_library():
    oracle = metpy_calc.specific_humidity_from_dewpoint(units.Quantity(900.0, "hPa"), units.Quantity(12.0, "degC"))
    found = humidity.specific_humidity_of(humidity.vapour_pressure_from_dew_point(12.0), 90000.0)
    assert found == pytest.approx(oracle.to("kg/kg").magnitude, rel=3e-3)


def test_dew_point_of_saturated_air_is_its_temperature():
    np.testing.assert_allclose(
        humidity.dew_point_of(humidity.saturation_pressure_at(TEMPERATURES)), TEMPERATURES, atol=1e-10)


def test_deficit_is_never_negative():
    assert humidity.vapour_pressure_deficit_of(3.0, 20.0) == 0.0
    assert humidity.vapour_pressure_from_deficit(3.0, 20.0) == 0.0


def test_psychrometric_constant_matches_fao_at_sea_level():
    latent_heat = humidity.latent_heat_of_vaporisation(20.0)
    assert humidity.psychrometric_coefficient(101300.0, latent_heat) == pytest.approx(0.0665, rel=5e-3)
    assert latent_heat == pytest.approx(2.4538e6, rel=1e-3)


def test_clausius_clapeyron_holds_near_twenty_degrees():
    temperature, vapour_constant = 20.0, 461.52
    saturation = humidity.saturation_vapour_pressure(temperature)
    theory = humidity.latent_heat_of_vaporisation(temperature) * saturation / (
        vapour_constant * (temperature + KELVIN) ** 2)
    assert humidity.saturation_vapour_slope(saturation, temperature) == pytest.approx(theory, rel=0.01)
    assert pytest.approx(287.05 / vapour_constant, rel=1e-3) == WATER_AIR_MASS_RATIO
