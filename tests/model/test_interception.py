"""Interception: water is neither made nor lost, and stores keep to their capacities."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import interception as ic

STEP = 1800.0


def held(liquid=0.0, snow=0.0, rain=0.0, snowfall=0.0, leaves=4.0, capacity=0.2, snow_capacity=4.0, air=5.0, wind=2.0,
         step=STEP):
    values = ic.interception(liquid, snow, rain, snowfall, leaves, capacity, snow_capacity, air, wind, step)
    return dict(zip(ic.interception.returns, values, strict=True))


@settings(deadline=None)
@given(st.floats(0.0, 5.0), st.floats(0.0, 60.0), st.floats(0.0, 0.02), st.floats(0.0, 0.02), st.floats(0.0, 12.0),
       st.floats(0.0, 1.0), st.floats(0.0, 10.0), st.floats(-60.0, 50.0), st.floats(0.0, 40.0), st.floats(60.0, 86400.0))
def test_water_closes_and_stores_keep_to_their_bounds(liquid, snow, rain, snowfall, leaves, capacity, snow_capacity, air,
                                                      wind, step):
    found = held(liquid, snow, rain, snowfall, leaves, capacity, snow_capacity, air, wind, step)
    change = found["canopy_liquid"] + found["canopy_snow"] - liquid - snow
    passed = (rain + snowfall - found["throughfall_rain"] - found["throughfall_snow"]) * step
    assert change == pytest.approx(passed, abs=1e-12 * max(1.0, liquid + snow + (rain + snowfall) * step))
    assert 0.0 <= found["canopy_liquid"] <= capacity * leaves
    assert 0.0 <= found["canopy_snow"] <= snow_capacity * leaves
    assert found["throughfall_rain"] >= 0.0
    assert found["throughfall_snow"] >= 0.0
    assert 0.0 <= found["wet_fraction"] <= 1.0
    assert 0.0 <= found["wet_share_of_snow"] <= 1.0


def test_light_rain_is_held_and_heavy_rain_drips():
    light = held(rain=1e-5)
    assert light["canopy_liquid"] == pytest.approx((1.0 - 2.718281828459045**-2) * 0.018, rel=1e-12)
    heavy = held(rain=5e-3)
    assert heavy["canopy_liquid"] == pytest.approx(0.8, rel=1e-12)
    assert heavy["wet_fraction"] == 1.0


def test_without_leaves_everything_falls_through():
    found = held(liquid=0.5, snow=2.0, rain=1e-4, snowfall=2e-4, leaves=0.0)
    assert found["canopy_liquid"] == found["canopy_snow"] == found["wet_fraction"] == 0.0
    assert found["throughfall_rain"] == pytest.approx(1e-4 + 0.5 / STEP, rel=1e-12)
    assert found["throughfall_snow"] == pytest.approx(2e-4 + 2.0 / STEP, rel=1e-12)


def test_snow_stays_in_calm_cold_and_slides_off_in_warmth_and_wind():
    assert held(snow=3.0, air=-10.0, wind=0.0)["canopy_snow"] == 3.0
    thaw = held(snow=3.0, air=0.0, wind=0.0)["canopy_snow"]
    assert thaw == pytest.approx(3.0 / (1.0 + 3.0 / 1.87e5 * STEP), rel=1e-12)
    assert held(snow=3.0, air=6.0, wind=0.0)["canopy_snow"] < thaw
    assert held(snow=3.0, air=-10.0, wind=10.0)["canopy_snow"] < 3.0


def test_wet_share_grows_as_two_thirds_power_of_filling():
    assert held(liquid=0.1, air=-10.0, wind=0.0)["wet_fraction"] == pytest.approx(0.125 ** (2.0 / 3.0), rel=1e-12)
    both = held(liquid=0.1, snow=2.0, air=-10.0, wind=0.0)
    assert both["wet_fraction"] == pytest.approx(1.27 * 0.125 ** (2.0 / 3.0), rel=1e-12)
    assert both["wet_share_of_snow"] == pytest.approx(0.27 / 1.27, rel=1e-12)
    assert held()["wet_fraction"] == 0.0


def test_trees_lose_snow_2_6_times_more_slowly_than_rain():
    """As weighed by Lundberg et al. (1998), with the Penman equation at 0 degC (slope 44.4 Pa K-1, constant 66 Pa K-1)."""
    rain = held(liquid=0.8, air=-10.0, wind=0.0)
    snow = held(snow=16.0, air=-10.0, wind=0.0)
    assert (rain["wet_share_of_snow"], snow["wet_share_of_snow"]) == (0.0, 1.0)

    def vapour(open_share):
        return open_share * (44.4 + 66.0) / (open_share * 44.4 + 66.0)

    assert vapour(rain["wet_fraction"]) / vapour(snow["wet_fraction"]) == pytest.approx(2.6, rel=0.01)
