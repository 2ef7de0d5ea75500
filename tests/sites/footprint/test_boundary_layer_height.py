"""Boundary-layer height, Obukhov length and sigma_v where missing: limits, growth over a day, and who says what."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from terraflux.sites.footprint.boundary_layer_height import (
    boundary_layer_height,
    coriolis_parameter,
    growth_rate,
    neutral_height,
    stable_height,
)
from terraflux.sites.footprint.inputs import complete_inputs
from terraflux.sites.footprint.lateral_spread import estimated_sigma_v
from terraflux.sites.footprint.models import footprint_rows
from terraflux.sites.footprint.stability import obukhov_length
from terraflux.sites.footprint.validity import Caution, counts

AIR = {"air_temperature": 290.0, "air_pressure": 1.0e5}


def test_stable_height_tends_to_the_neutral_limit():
    assert stable_height(0.3, 9.9e5, 45.0) == pytest.approx(neutral_height(0.3, 45.0), rel=3e-3)
    large = 1e9
    f = coriolis_parameter(45.0)
    formula = large / 3.8 * (np.sqrt(1.0 + 2.28 * 0.3 / (f * large)) - 1.0)
    assert formula == pytest.approx(neutral_height(0.3, 45.0), rel=1e-5)
    assert stable_height(0.3, np.inf, 45.0) == neutral_height(0.3, 45.0)


def test_stable_height_grows_with_wind_and_length_and_is_alike_in_both_hemispheres():
    assert stable_height(0.4, 50.0, 45.0) > stable_height(0.3, 50.0, 45.0) > stable_height(0.3, 20.0, 45.0)
    assert stable_height(0.3, 50.0, -45.0) == stable_height(0.3, 50.0, 45.0)
    assert np.isnan(stable_height(0.3, 50.0, 0.0)) and np.isnan(stable_height(0.3, -50.0, 45.0))


def a_day():
    hours = np.arange(48) / 2.0
    heat = np.where((hours > 6.0) & (hours < 18.0), 250.0 * np.sin(np.pi * (hours - 6.0) / 12.0), -20.0)
    ustar = np.full(48, 0.3)
    return heat, ustar, obukhov_length(ustar, heat, **AIR)


def test_convective_growth_equals_an_accurate_integration():
    heat, ustar, length = a_day()
    found = boundary_layer_height(ustar, length, heat, **AIR, latitude=45.0).height
    kinematic = heat / (1.0e5 / (287.05 * 290.0) * 1004.65)
    height = found[12]
    assert length[12] > 0.0 > length[13]
    for t in range(13, 36):
        solution = solve_ivp(lambda _, h, t=t: growth_rate.py_func(h, kinematic[t], 0.3, length[t], 290.0, 0.01, 0.4),
                             (0.0, 1800.0), [height], rtol=1e-10, atol=1e-8)
        height = solution.y[0, -1]
        assert found[t] == pytest.approx(height, rel=2e-4)
    assert np.all(np.diff(found[13:36]) > 0.0) and 800.0 < found[35] < 2500.0


def test_the_height_of_the_night_is_diagnosed_and_that_of_the_day_grown():
    heat, ustar, length = a_day()
    found = boundary_layer_height(ustar, length, heat, **AIR, latitude=45.0)
    assert counts(found.caution, Caution) == {"BOUNDARY_LAYER_STABLE": 25, "BOUNDARY_LAYER_GROWN": 23}
    assert found.height[40] == stable_height(0.3, length[40], 45.0)


def test_more_heat_and_a_weaker_lid_grow_a_deeper_layer():
    heat, ustar, length = a_day()
    usual = boundary_layer_height(ustar, length, heat, **AIR, latitude=45.0).height[30]
    warm = np.where(heat > 0.0, 1.5 * heat, heat)
    assert boundary_layer_height(ustar, obukhov_length(ustar, warm, **AIR), warm, **AIR, latitude=45.0).height[30] > usual
    assert boundary_layer_height(ustar, length, heat, **AIR, latitude=45.0, lapse=0.005).height[30] > usual


def test_a_gap_leaves_the_rest_of_the_day_unknown_until_the_air_is_stable():
    heat, ustar, length = a_day()
    heat[20] = np.nan
    found = boundary_layer_height(ustar, length, heat, **AIR, latitude=45.0)
    assert np.isnan(found.height[20:36]).all() and np.isfinite(found.height[36:]).all() and np.isfinite(found.height[:20]).all()
    assert (found.caution[20:36] == 0).all()


def test_a_series_that_begins_unstable_is_unknown_until_stable():
    heat, ustar, length = a_day()
    found = boundary_layer_height(ustar[20:], length[20:], heat[20:], **AIR, latitude=45.0).height
    assert np.isnan(found[:16]).all() and np.isfinite(found[16:]).all()


def test_obukhov_length_has_the_sign_of_stability_and_feels_moisture():
    assert obukhov_length(0.3, 100.0, **AIR) < 0.0 < obukhov_length(0.3, -20.0, **AIR)
    assert obukhov_length(0.3, 0.0, **AIR) == np.inf
    density = 1.0e5 / (287.05 * 290.0)
    assert obukhov_length(0.3, 100.0, **AIR) == pytest.approx(-density * 1004.65 * 0.027 * 290.0 / (0.4 * 9.80665 * 100.0))
    assert abs(obukhov_length(0.3, 100.0, **AIR, latent_heat_flux=200.0)) < abs(obukhov_length(0.3, 100.0, **AIR))


def test_sigma_v_estimates_and_their_marks():
    value, mark = estimated_sigma_v([0.4, 0.4, 0.4, np.nan], [-50.0, 100.0, -50.0, -50.0], [1000.0, 1000.0, np.nan, 1000.0])
    np.testing.assert_allclose(value[:3], [0.4 * 22.0 ** (1 / 3), 0.76, 0.76], rtol=1e-12)
    assert np.isnan(value[3])
    assert mark.tolist() == [Caution.SIGMA_V_CONVECTIVE.value, Caution.SIGMA_V_NEUTRAL.value, Caution.SIGMA_V_NEUTRAL.value, 0]


def test_only_what_is_missing_is_estimated_and_each_estimate_is_marked():
    heat, ustar, length = a_day()
    known_length = np.where(np.arange(48) % 2 == 0, length * 1.01, np.nan)
    filled = complete_inputs(friction_velocity=ustar, obukhov_length=known_length, sensible_heat_flux=heat,
                             latitude=45.0, **AIR, sigma_v=np.where(np.arange(48) < 10, 0.5, np.nan), wind_direction=200.0)
    assert np.array_equal(filled["obukhov_length"][::2], known_length[::2])
    np.testing.assert_allclose(filled["obukhov_length"][1::2], length[1::2])
    assert (filled["sigma_v"][:10] == 0.5).all() and filled["wind_direction"] == 200.0
    assert counts(filled["caution"], Caution) == {
        "BOUNDARY_LAYER_STABLE": 25, "OBUKHOV_LENGTH_FROM_FLUXES": 24, "BOUNDARY_LAYER_GROWN": 23, "SIGMA_V_CONVECTIVE": 23,
        "SIGMA_V_NEUTRAL": 15}
    rows = footprint_rows("ffp", measurement_height=5.0, roughness_length=0.05, **filled)
    assert rows.valid.all()
    assert (rows.caution & filled["caution"] == filled["caution"]).all()


def test_what_cannot_be_estimated_stays_missing():
    filled = complete_inputs(friction_velocity=[0.3, np.nan])
    rows = footprint_rows("ffp", measurement_height=5.0, roughness_length=0.05, wind_direction=1.0, **filled)
    assert set(counts(rows.reason)) == {
        "MISSING_OBUKHOV_LENGTH", "MISSING_BOUNDARY_LAYER_HEIGHT", "MISSING_SIGMA_V", "MISSING_FRICTION_VELOCITY"}
