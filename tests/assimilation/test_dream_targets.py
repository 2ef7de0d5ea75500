"""Targets of the DREAM papers: a twisted normal, a hundred correlated dimensions, two far modes (Vrugt 2016 EMS 75:273)."""

import numpy as np
import pytest

from terraflux.assimilation.ensemble_sampling import EnsembleSettings, sample_ensembles
from terraflux.assimilation.samplers import sampler
from terraflux.assimilation.stop_rule import StopRule

RULE = StopRule(autocorrelation_lengths=0.0)


def banana(u):
    """Twisted normal: x1 has the variance 100, x2 + 0.1 x1^2 - 10 the variance 1."""
    return -0.5 * (u[:, 0] ** 2 / 100.0 + (u[:, 1] + 0.1 * u[:, 0] ** 2 - 10.0) ** 2)


def bimodal(u):
    """A third of the mass around -5, two thirds around 5, in every direction."""
    low, high = -0.5 * ((u + 5.0) ** 2).sum(axis=1), -0.5 * ((u - 5.0) ** 2).sum(axis=1)
    return np.logaddexp(low + np.log(1.0 / 3.0), high + np.log(2.0 / 3.0))


@pytest.mark.slow
def test_the_banana_has_its_moments():
    # Start: the Laplace approximation at the top (0, 10), which knows nothing of the bend.
    result = sample_ensembles(banana, np.array([0.0, 10.0]), np.diag([100.0, 1.0]), seed=2, rule=RULE, maximum_runs=1_000_000)
    variance = np.diag(result.covariance())
    assert variance[0] == pytest.approx(100.0, rel=0.15)
    assert variance[1] == pytest.approx(1.0 + 0.01 * 2.0 * 100.0**2, rel=0.25)  # 1 + b^2 Var(x1^2)
    np.testing.assert_allclose(result.mean(), [0.0, 0.0], atol=1.5)


@pytest.mark.slow
def test_a_hundred_correlated_dimensions_keep_their_spread():
    size = 100
    variance = np.arange(1.0, size + 1.0)
    covariance = np.where(np.eye(size, dtype=bool), 1.0, 0.5) * np.sqrt(np.outer(variance, variance))
    precision = np.linalg.inv(covariance)

    def normal(u):
        return -0.5 * ((u @ precision) * u).sum(axis=1)

    settings = EnsembleSettings(walkers=256)
    result = sample_ensembles(normal, np.zeros(size), covariance, seed=3, settings=settings, rule=RULE, maximum_runs=600_000)
    error = np.sqrt(np.diag(result.covariance()) / variance) - 1.0
    assert np.abs(error).mean() < 0.10


@pytest.mark.parametrize("start", ["both modes", "one wide normal"])
def test_ensembles_spread_over_two_modes_warn(start):
    size = 10
    mean, covariance = np.array([[-5.0] * size, [5.0] * size]), np.stack([np.eye(size)] * 2)
    if start == "one wide normal":
        mean, covariance = np.zeros(size), np.eye(size) + 25.0
    result = sampler("ensemble")(bimodal, mean, covariance, seed=2, maximum_runs=150_000, rule=RULE)
    assert result.status == "not_converged"
    assert any("walkers do not mix" in words and "several modes" in words for words in result.warnings)
    assert 0.1 < (result.flat[:, 0] > 0.0).mean() < 0.9


def test_importance_sampling_finds_the_weights_of_two_given_modes():
    size = 10
    result = sampler("importance")(bimodal, np.array([[-5.0] * size, [5.0] * size]), np.stack([np.eye(size)] * 2), seed=4)
    assert result.status == "converged"
    assert result.flat_weights[result.flat[:, 0] > 0.0].sum() == pytest.approx(2.0 / 3.0, abs=0.05)
