"""Ensemble smoothers in steps."""

import numpy as np
import pytest

from terraflux.assimilation.ensemble_smoother import (
    _step,
    controlled_share,
    misfit_controlled_inversion,
    multiple_assimilation,
)
from terraflux.assimilation.residuals import LeastSquares, Residuals, gaussian_prior


@pytest.fixture
def linear():
    """A linear problem with its exact posterior (mean, covariance)."""
    random = np.random.default_rng(4)
    operator, sigma = random.standard_normal((12, 3)), np.full(12, 0.7)
    observed = operator @ np.array([0.5, -1.0, 2.0]) + 0.7 * random.standard_normal(12)
    problem = Residuals(lambda u: u @ operator.T, observed, sigma, **gaussian_prior(np.zeros(3), np.eye(3)))
    covariance = np.linalg.inv(operator.T @ operator / 0.49 + np.eye(3))
    return problem, covariance @ operator.T @ observed / 0.49, covariance


@pytest.mark.parametrize("steps", [1, 4])
def test_large_ensembles_give_the_kalman_posterior(linear, steps):
    """4000 members: mean within 0.1 standard deviations, spread within 6 %, whatever the number of steps."""
    problem, mean, covariance = linear
    result = multiple_assimilation(problem, members=4000, steps=steps, seed=1)
    deviation = np.sqrt(np.diag(covariance))
    assert np.max(np.abs(result.mean - mean) / deviation) < 0.1
    np.testing.assert_allclose(result.deviation / deviation, 1.0, atol=0.06)
    assert result.runs == 4000 * steps and result.status == "converged"


def test_misfit_controller_takes_all_data_once(linear):
    """Shares sum to 1 and the posterior is that of Kalman."""
    problem, mean, covariance = linear
    result = misfit_controlled_inversion(problem, members=4000, seed=2)
    assert result.status == "converged" and "100 %" in result.message
    assert np.max(np.abs(result.mean - mean) / np.sqrt(np.diag(covariance))) < 0.1


def test_share_of_the_data_follows_the_misfit():
    """Large misfits take little of the data; the last step takes what is left."""
    assert controlled_share(np.array([900.0, 1100.0]), 100, 0.0) == pytest.approx(0.05)
    assert controlled_share(np.array([40.0, 60.0]), 100, 0.7) == pytest.approx(0.3)


def test_failed_members_are_left_out_and_counted():
    """The ensemble shrinks; when nearly all fail that is an error."""
    prior = gaussian_prior(np.zeros(1), np.eye(1))
    some = Residuals(lambda u: np.where(u > 1.0, np.nan, u), np.array([0.2]), np.array([0.3]), **prior)
    result = multiple_assimilation(some, members=200, seed=0)
    assert result.failed > 0 and result.ensemble.shape[0] == 200 - result.failed and "failed" in result.message
    none = Residuals(lambda u: u * np.nan, np.array([0.2]), np.array([0.3]), **prior)
    with pytest.raises(ValueError, match="fails for 100 of 100"):
        multiple_assimilation(none, members=100)


def test_few_members_and_few_data_take_the_same_step(linear):
    """The algebra of members and that of data agree."""
    problem, _, _ = linear
    members = np.random.default_rng(0).standard_normal((13, 3))
    squares = LeastSquares(problem)
    predicted = squares.predict(members)
    by_data = _step(squares, members, predicted, np.ones((1, 12)), 2.0, np.random.default_rng(1))
    centred = members - members.mean(axis=0)
    modelled = squares.scaled(predicted - predicted.mean(axis=0))
    noise = np.sqrt(2.0) * np.random.default_rng(1).standard_normal(predicted.shape)
    innovation = squares.residual(predicted) + noise - noise.mean(axis=0)
    by_members = np.linalg.solve(modelled @ modelled.T / 12.0 + 2.0 * np.eye(13), modelled @ innovation.T / 12.0)
    np.testing.assert_allclose(by_data, members + by_members.T @ centred, atol=1e-10)


def test_the_seed_decides_all_draws(linear):
    """Same seed, same ensemble; another seed, another."""
    first, again, other = (multiple_assimilation(linear[0], members=50, seed=seed).ensemble for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
