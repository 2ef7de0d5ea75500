"""Rain and snow: nothing is lost in the split, and dry air snows at warmer temperatures."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.air import air_properties
from terraflux.model.humidity import saturation_vapour_pressure
from terraflux.model.precipitation_phase import PRECIPITATION_PHASE, rain_and_snow, rain_and_snow_by_air_temperature


def split(precipitation, temperature, relative_humidity=1.0, air_pressure=95000.0):
    saturation, slope, deficit, _, _, constant, _ = air_properties(
        temperature, relative_humidity * saturation_vapour_pressure(temperature), air_pressure)
    return rain_and_snow(precipitation, temperature, saturation, slope, deficit, constant)


@given(st.floats(0.0, 0.1), st.floats(-60.0, 50.0), st.floats(0.05, 1.0))
def test_rain_and_snow_add_up_to_precipitation(precipitation, temperature, relative_humidity):
    rain, snow = split(precipitation, temperature, relative_humidity)
    assert rain >= 0.0
    assert snow >= 0.0
    assert rain + snow == pytest.approx(precipitation, rel=1e-15, abs=0.0)


@pytest.mark.parametrize("temperature", [-20.0, -0.01, 0.0])
def test_frost_brings_only_snow(temperature):
    assert split(1e-3, temperature) == (0.0, 1e-3)
    assert rain_and_snow_by_air_temperature(1e-3, temperature) == (0.0, 1e-3)


def test_ramp_is_half_snow_at_one_degree_of_saturated_air():
    _, snow = split(1e-3, 1.0)
    assert snow == pytest.approx(5e-4, rel=1e-6)
    assert rain_and_snow_by_air_temperature(1e-3, 1.0)[1] == pytest.approx(5e-4, rel=1e-12)


def test_warm_humid_air_brings_only_rain():
    assert split(1e-3, 2.1) == (1e-3, 0.0)


def test_dry_air_snows_at_a_warmer_temperature():
    assert split(1e-3, 3.0, relative_humidity=1.0)[1] == 0.0
    assert split(1e-3, 3.0, relative_humidity=0.5)[1] > 5e-4


def test_snow_share_never_rises_with_temperature():
    shares = [split(1.0, 0.1 * tenth, 0.7)[1] for tenth in range(-30, 90)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(shares))


def test_options_are_registered_by_name():
    assert sorted(PRECIPITATION_PHASE) == ["air_temperature", "wet_bulb"]
