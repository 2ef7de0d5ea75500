"""Ground albedo and snow ageing: wetness, bands, cover and renewal by new snow."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model import ground_albedo as albedo
from terraflux.model.canopy_radiation import VISIBLE_SHARE

HALF_HOUR = 1800.0


def ground(age=0.0, depth=0.0, mass=0.0, liquid=0.2, ice=0.0, porosity=0.45, dry=0.30, wet=0.12):
    found = albedo.ground_albedo(age, depth, mass, liquid, ice, porosity, dry, wet)
    return dict(zip(albedo.ground_albedo.returns, found))


def broadband_of(found):
    return VISIBLE_SHARE * found["ground_albedo_visible"] + (1.0 - VISIBLE_SHARE) * found["ground_albedo_infrared"]


@pytest.mark.parametrize(("liquid", "broadband"), [(0.0, 0.30), (0.225, 0.21), (0.45, 0.12)])
def test_bare_albedo_runs_from_dry_to_wet(liquid, broadband):
    found = ground(liquid=liquid)
    assert broadband_of(found) == pytest.approx(broadband)
    assert found["ground_albedo_infrared"] == pytest.approx(2.0 * found["ground_albedo_visible"])
    assert found["ground_emissivity"] == 0.96
    assert found["snow_cover_fraction"] == 0.0


def test_ice_in_the_pores_counts_as_wetness():
    assert ground(liquid=0.1, ice=0.2) == ground(liquid=0.3, ice=0.0)


@given(st.floats(0.0, 1e4), st.floats(0.0, 20.0), st.floats(50.0, 600.0), st.floats(0.0, 0.5), st.floats(0.02, 0.8),
       st.floats(0.02, 0.8))
def test_albedo_and_cover_stay_physical(age, depth, density, liquid, dry, wet):
    found = ground(age, depth, depth * density, liquid=liquid, dry=dry, wet=wet)
    assert all(0.0 <= value <= 1.0 for value in found.values())


def test_brightest_ground_keeps_its_broadband_albedo():
    found = ground(liquid=0.0, dry=0.8)
    assert found["ground_albedo_infrared"] == 0.95
    assert broadband_of(found) == pytest.approx(0.8)


def test_deep_fresh_snow_has_the_fresh_albedo():
    found = ground(depth=0.5, mass=50.0)
    assert found["ground_albedo_visible"] == pytest.approx(0.95, abs=1e-9)
    assert found["ground_albedo_infrared"] == pytest.approx(0.65, abs=1e-9)
    assert found["ground_emissivity"] == pytest.approx(0.99, abs=1e-9)


def test_old_snow_darkens_most_in_the_infrared():
    found = ground(age=1e4, depth=0.5, mass=100.0)
    assert found["ground_albedo_visible"] == pytest.approx(0.95 * 0.8, rel=1e-3)
    assert found["ground_albedo_infrared"] == pytest.approx(0.65 * 0.5, rel=1e-3)


@pytest.mark.parametrize(("depth", "density"), [(0.01, 100.0), (0.05, 100.0), (0.05, 300.0), (0.2, 400.0)])
def test_snow_cover_follows_depth_over_roughness_and_density(depth, density):
    expected = math.tanh(depth / (2.5 * 0.01 * density / 100.0))
    assert ground(depth=depth, mass=depth * density)["snow_cover_fraction"] == pytest.approx(expected, rel=1e-13)


def test_vanishing_snow_leaves_no_trace():
    found = ground(depth=1e-12, mass=1e-10)
    assert found["snow_cover_fraction"] < 1e-6
    assert ground(depth=0.0, mass=0.0)["snow_cover_fraction"] == 0.0


def test_snow_at_freezing_ages_by_its_three_terms():
    aged = albedo.snow_ageing(0.5, 0.0, 0.0, 20.0, HALF_HOUR)
    assert aged - 0.5 == pytest.approx(2.3 * HALF_HOUR / 1e6, rel=1e-12)
    assert albedo.snow_ageing(0.5, 3.0, 0.0, 20.0, HALF_HOUR) == aged


def test_cold_snow_ages_by_grain_growth_and_soot():
    growth = math.exp(5000.0 * (1.0 / 273.15 - 1.0 / (273.15 - 15.0)))
    aged = albedo.snow_ageing(0.0, -15.0, 0.0, 20.0, HALF_HOUR)
    assert aged == pytest.approx((growth + growth**10 + 0.3) * HALF_HOUR / 1e6, rel=1e-12)


def test_warmer_snow_ages_faster():
    ages = [albedo.snow_ageing(0.0, temperature, 0.0, 20.0, HALF_HOUR) for temperature in (-40.0, -20.0, -5.0, -0.5)]
    assert all(later > earlier for earlier, later in itertools.pairwise(ages))


def test_ten_millimetres_of_new_snow_make_the_surface_new():
    assert albedo.snow_ageing(3.0, -5.0, 10.0 / HALF_HOUR, 20.0, HALF_HOUR) == pytest.approx(0.0, abs=1e-12)
    assert albedo.snow_ageing(3.0, -5.0, 20.0 / HALF_HOUR, 20.0, HALF_HOUR) == 0.0
    half = albedo.snow_ageing(3.0, -5.0, 5.0 / HALF_HOUR, 20.0, HALF_HOUR)
    assert half == pytest.approx(0.5 * albedo.snow_ageing(3.0, -5.0, 0.0, 20.0, HALF_HOUR), rel=1e-12)


def test_snow_free_ground_has_no_snow_age():
    assert albedo.snow_ageing(7.0, 5.0, 0.0, 0.0, HALF_HOUR) == 0.0


def test_a_month_of_thaw_takes_most_of_the_ageing_darkness():
    age = 0.0
    for _ in range(30 * 48):
        age = albedo.snow_ageing(age, 0.0, 0.0, 50.0, HALF_HOUR)
    visible = ground(age=age, depth=1.0, mass=300.0)["ground_albedo_visible"]
    assert age == pytest.approx(2.3 * 30 * 86400.0 / 1e6, rel=1e-9)
    assert 0.95 * 0.8 < visible < 0.80
