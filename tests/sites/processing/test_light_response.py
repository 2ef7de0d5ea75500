"""Light response of photosynthesis: limits of the curve, recovery of known parameters, bounds."""

import numpy as np
import pytest

from terraflux.sites.processing import light_response as light
from terraflux.sites.processing.lloyd_taylor import respiration
from terraflux.sites.processing.sensitivity_smoothing import smoothed

PRIOR_DEVIATION = np.array([50.0, 600.0, 10.0, 80.0])


def day(truth, n=200, noise=0.0, seed=0):
    random = np.random.default_rng(seed)
    rg = random.uniform(5.0, 900.0, n)
    vpd = random.uniform(2.0, 25.0, n)
    response = respiration(random.uniform(5.0, 25.0, n), 1.0, 200.0)
    k, beta, alpha, rref = truth
    nee = rref * response - light.light_response(rg, vpd, k, beta, alpha) + random.normal(0.0, 1.0, n) * noise
    return rg, np.maximum(vpd - 10.0, 0.0), response, nee, np.full(n, max(noise, 0.1))


def fit(data, prior, free=(True, True, True, True), last_alpha=np.nan):
    theta, covariance, free = np.full(4, np.nan), np.zeros((4, 4)), np.array(free)
    starts = np.tile(prior, (3, 1))
    starts[:, light.BETA] *= (1.0, 1.3, 0.8)
    status, refit = light.fit_within_bounds(
        *data, np.arange(data[0].size), prior, PRIOR_DEVIATION, free, starts, last_alpha, 0.22, 250.0, theta, covariance
    )
    return theta, covariance, status, refit


def test_curve_starts_with_alpha_and_ends_at_beta():
    assert light.light_response(1e-6, 5.0, 0.1, 30.0, 0.05) == pytest.approx(0.05e-6, rel=1e-6)
    assert light.light_response(1e9, 5.0, 0.1, 30.0, 0.05) == pytest.approx(30.0, rel=1e-6)
    assert light.light_response(1e9, 20.0, 0.1, 30.0, 0.05) == pytest.approx(30.0 * np.exp(-1.0), rel=1e-6)


def test_curve_is_zero_in_the_dark_and_needs_no_humidity_without_its_effect():
    assert light.light_response([0.0, -3.0], 5.0, 0.0, 30.0, 0.05).tolist() == [0.0, 0.0]
    assert np.isfinite(light.light_response(500.0, np.nan, 0.0, 30.0, 0.05))
    assert np.isnan(light.light_response(500.0, np.nan, 0.1, 30.0, 0.05))


def test_known_parameters_are_recovered():
    truth = (0.08, 28.0, 0.06, 4.0)
    theta, _, status, refit = fit(day(truth), np.array([0.0, 20.0, 0.1, 2.0]))
    assert (status, refit) == (light.FITTED, 0)
    np.testing.assert_allclose(theta, truth, rtol=1e-3)


def test_covariance_is_that_of_many_fits():
    truth, prior = (0.08, 28.0, 0.06, 4.0), np.array([0.0, 20.0, 0.1, 2.0])
    fits = [fit(day(truth, noise=1.5, seed=seed), prior)[:2] for seed in range(150)]
    spread = np.std([theta for theta, _ in fits], axis=0)
    stated = np.median([np.sqrt(np.diag(covariance)) for _, covariance in fits], axis=0)
    # each seed draws its own weather, hence the tolerance
    np.testing.assert_allclose(stated, spread, rtol=0.3)


def test_negative_effect_of_dry_air_is_held_at_zero():
    theta, covariance, status, refit = fit(day((-0.05, 20.0, 0.06, 4.0)), np.array([0.0, 20.0, 0.1, 2.0]))
    assert (status, refit) == (light.FITTED, 1)
    assert theta[light.K] == 0.0
    assert covariance[light.K, light.K] == 0.0


def test_steep_start_takes_the_slope_of_the_last_window():
    data = day((0.08, 28.0, 0.4, 4.0))
    held, _, _, refit = fit(data, np.array([0.0, 20.0, 0.1, 2.0]), last_alpha=0.1)
    assert refit & 2
    assert held[light.ALPHA] == 0.1
    free, _, _, refit = fit(data, np.array([0.0, 20.0, 0.1, 2.0]))
    assert refit == 0
    assert free[light.ALPHA] == pytest.approx(0.4, rel=0.01)


def test_negative_respiration_is_out_of_bounds():
    assert fit(day((0.08, 28.0, 0.06, -4.0)), np.array([0.0, 20.0, 0.1, 2.0]))[2] == light.OUT_OF_BOUNDS


def test_smoothing_follows_good_estimates_and_ignores_bad_ones():
    random = np.random.default_rng(3)
    x = np.arange(0.0, 200.0, 2.0)
    truth = 200.0 + 60.0 * np.sin(x / 25.0)
    error = np.where(random.uniform(size=x.size) < 0.3, 150.0, 15.0)
    value = truth + error * random.normal(size=x.size)
    smooth, deviation = smoothed(x, value, error, x)
    assert np.sqrt(np.mean((smooth - truth) ** 2)) < 12.0
    assert 0.3 < np.mean(np.abs(smooth - truth) / deviation) < 2.0


def test_smoothing_of_few_or_no_estimates():
    mean, deviation = smoothed(np.array([1.0, 2.0]), np.array([100.0, 200.0]), np.array([10.0, 10.0]), np.array([5.0]))
    assert mean[0] == pytest.approx(150.0)
    assert deviation[0] == pytest.approx(10.0 / np.sqrt(2.0))
    assert np.isnan(smoothed(np.array([1.0]), np.array([np.nan]), np.array([1.0]), np.array([1.0]))[0]).all()
