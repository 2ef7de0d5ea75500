"""Pareto-smoothed importance sampling tells good posteriors from bad ones."""

import numpy as np
import pytest
from scipy import stats

from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.pareto_smoothing import generalised_pareto, importance_check, smoothed_weights
from terraflux.assimilation.twin_models import sparse_twin


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4, 0.9])
def test_shape_of_generalised_pareto_is_found(shape):
    """Known k and scale within their sampling error, from 20 000 draws."""
    x = stats.genpareto.rvs(shape, scale=2.5, size=20_000, random_state=1)
    found, scale = generalised_pareto(x)
    assert found == pytest.approx(shape, abs=0.03) and scale == pytest.approx(2.5, rel=0.04)


@pytest.mark.parametrize("power", [1.2, 2.0, 4.0])
def test_k_is_one_over_the_power_of_the_tail(power):
    """Weights of a Pareto law with exponent a have k = 1/a; few data pull it towards 0.5."""
    k = smoothed_weights(np.log(np.random.default_rng(3).pareto(power, 100_000) + 1.0))[1]
    assert k == pytest.approx(1.0 / power, abs=0.1)


def test_weights_sum_to_one_and_keep_their_order():
    """Smoothing changes only the tail, never above the largest raw weight; -inf stays without weight."""
    ratios = np.random.default_rng(0).standard_normal(1000) * 3.0
    ratios[7] = -np.inf
    weights, _ = smoothed_weights(ratios)
    raw = np.exp(ratios - ratios.max())
    tail = np.argsort(ratios)[-95:]
    body = np.setdiff1d(np.arange(1000), tail)
    assert weights.sum() == pytest.approx(1.0) and weights[7] == 0.0
    np.testing.assert_allclose(weights[body] / weights[body].max(), raw[body] / raw[body].max())
    assert np.all(np.diff(weights[np.argsort(ratios)]) >= 0.0)


def test_equal_weights_are_perfect():
    """k = -inf, all draws count."""
    weights, k = smoothed_weights(np.full(500, -3.0))
    assert k == -np.inf
    np.testing.assert_allclose(weights, 1.0 / 500)


def _normal(deviation, count=4):
    spread = deviation**2 * np.eye(count)
    return LaplacePosterior(np.zeros(count), spread, np.linalg.inv(spread), 0.0, 0, "converged", "")


def test_a_posterior_that_is_not_normal_is_found_out():
    """Neal's funnel, whose neck a normal proposal misses: too few draws count, though k alone would pass."""
    def funnel(u):
        return -u[:, 0] ** 2 / 18.0 - 0.5 * np.exp(-u[:, 0]) * np.sum(u[:, 1:] ** 2, axis=1) - 4.5 * u[:, 0]

    check = importance_check(funnel, _normal(1.0, 10), 4000, 1)
    assert not check.sufficient and check.effective_size < 400 and "sample the posterior" in check.message


def test_few_effective_draws_do_not_suffice():
    """A target far narrower than the proposal: k is good, the effective sample is not."""
    check = importance_check(lambda u: -0.5 * np.sum((u / 0.1) ** 2, axis=1), _normal(1.0), 1000, 1)
    assert check.effective_size < 400 and not check.sufficient


def test_failed_draws_have_no_weight():
    """They are counted; when all fail nothing suffices."""
    check = importance_check(lambda u: np.where(u[:, 0] > 1.0, np.nan, -0.5 * np.sum(u**2, axis=1)), _normal(1.0), 2000, 0)
    assert check.failed > 0 and np.all(check.weights[check.draws[:, 0] > 1.0] == 0.0)
    assert np.all(check.resample(300, 1)[:, 0] <= 1.0)
    nothing = importance_check(lambda u: np.full(u.shape[0], np.nan), _normal(1.0), 50, 0)
    assert nothing.failed == 50 and not nothing.sufficient


def test_the_sparse_twin_must_be_sampled():
    """Its curved posterior is not normal, and the check says so."""
    twin = sparse_twin()
    posterior = laplace_posterior(twin, gauss_newton(twin, np.zeros((1, 10))).u)
    check = importance_check(twin.log_density, posterior, 1000, 4)
    assert not check.sufficient and check.runs == 1000 and check.status == "not_converged"
