"""Air: density, heat capacity and the consistency of the flux equations built on them."""

import metpy.calc as metpy_calc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metpy.units import units

from terraflux.model import air, humidity
from terraflux.model.constants import AIR_HEAT_CAPACITY, GAS_CONSTANT, KELVIN, WATER_AIR_MASS_RATIO


def properties(temperature=20.0, vapour_pressure=1.5, air_pressure=95000.0, scheme="tetens"):
    process = air.AIR[scheme]
    return dict(zip(process.returns, process(temperature, vapour_pressure, air_pressure)))


def test_density_agrees_with_an_independent_library():
    mixing_ratio = 0.622 * 1.5 / (95.0 - 1.5)
    oracle = metpy_calc.density(units.Quantity(950.0, "hPa"), units.Quantity(20.0, "degC"), mixing_ratio)
    assert air.moist_air_density(20.0, 1.5, 95000.0) == pytest.approx(oracle.to("kg/m^3").magnitude, rel=1e-3)


@pytest.mark.parametrize("scheme", sorted(air.AIR))
def test_vapour_pressure_deficit_is_what_is_missing_and_never_negative(scheme):
    found = properties(scheme=scheme)
    assert found["vapour_pressure_deficit"] == pytest.approx(found["saturation_pressure"] - 1.5, rel=1e-14)
    assert properties(vapour_pressure=4.0, scheme=scheme)["vapour_pressure_deficit"] == 0.0


@given(st.floats(-75.0, 60.0), st.floats(0.0, 6.0), st.floats(4e4, 1.1e5))
def test_vapour_flux_factor_holds_moist_density_alone(temperature, vapour_pressure, air_pressure):
    """Heat capacity / (gamma * latent heat), which turns kPa m s-1 into kg m-2 s-1, is density * 0.622 / pressure."""
    found = properties(temperature, vapour_pressure, air_pressure)
    factor = found["volumetric_heat_capacity_air"] / (
        found["psychrometric_constant"] * found["latent_heat_vaporisation"])
    density = air.moist_air_density(temperature, vapour_pressure, air_pressure)
    assert factor == pytest.approx(1000.0 * WATER_AIR_MASS_RATIO * density / air_pressure, rel=1e-12)
    assert found["volumetric_heat_capacity_air"] == pytest.approx(AIR_HEAT_CAPACITY * density, rel=1e-14)


def test_molar_volume_is_that_of_an_ideal_gas():
    expected = GAS_CONSTANT * (20.0 + KELVIN) / 95000.0
    assert properties()["molar_conductance_factor"] == pytest.approx(expected, rel=1e-14)


def test_buck_air_is_drier_than_tetens_air_in_frost():
    cold = {scheme: properties(-20.0, 0.05, 95000.0, scheme)["saturation_pressure"] for scheme in air.AIR}
    assert cold["buck"] < 0.9 * cold["tetens"]
    assert cold["buck"] == pytest.approx(humidity.saturation_vapour_pressure_ice(-20.0), rel=1e-14)
