"""4DEnVar and the iterative ensemble Kalman smoother on the twins; their algebra is tested with linear models."""

import numpy as np
import pytest

from terraflux.assimilation.ensemble_variational import ensemble_variational, iterative_smoother, prior_ensemble
from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import laplace_posterior
from terraflux.assimilation.residuals import Residuals, gaussian_prior
from terraflux.assimilation.twin_models import dense_twin


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_iterative_smoother_reaches_the_optimum_of_the_dense_twin(seed):
    """30 members: within 0.3 standard deviations of the optimum in at most 250 runs, spread within 10 %."""
    twin = dense_twin()
    posterior = laplace_posterior(twin, gauss_newton(twin, twin.truth[np.newaxis]).u)
    result = iterative_smoother(twin, members=30, seed=seed)
    assert result.status == "converged" and result.runs <= 250
    assert np.max(np.abs(result.mean - posterior.mean) / posterior.deviation) < 0.3
    np.testing.assert_allclose(result.deviation / posterior.deviation, 1.0, atol=0.1)
    np.testing.assert_allclose(np.cov(result.ensemble, rowvar=False), result.covariance, rtol=0.05, atol=1e-5)


def test_one_step_from_a_wide_prior_fails_on_the_dense_twin():
    """Why 4DEnVar is offered for comparison only: more than 5 standard deviations away."""
    twin = dense_twin()
    posterior = laplace_posterior(twin, gauss_newton(twin, twin.truth[np.newaxis]).u)
    result = ensemble_variational(twin, members=50)
    assert result.runs == 51
    assert np.max(np.abs(result.mean - posterior.mean) / posterior.deviation) > 5.0


def test_exact_ensembles_have_the_moments_of_the_prior():
    """Mean and covariance to rounding; a small ensemble is plainly drawn."""
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])
    ensemble = prior_ensemble([1.0, 2.0], covariance, 7, 0)
    np.testing.assert_allclose(ensemble.mean(axis=0), [1.0, 2.0], atol=1e-13)
    np.testing.assert_allclose(np.cov(ensemble, rowvar=False), covariance, atol=1e-13)
    with pytest.raises(ValueError, match="2 members"):
        prior_ensemble([0.0], [[1.0]], 1, 0)


def _partly_failing():
    def predict(u):
        return np.where(u[:, :1] > 1.0, np.nan, u @ np.array([[1.0, 0.5], [0.0, 1.0]]))

    return Residuals(predict, np.array([0.4, 0.6]), np.full(2, 0.2), **gaussian_prior(np.zeros(2), np.eye(2)))


def test_failed_members_are_left_out_and_counted():
    """The rest still gives the optimum, near 0.4 and 0.4."""
    result = ensemble_variational(_partly_failing(), members=40, seed=1)
    assert result.failed > 0
    np.testing.assert_allclose(result.mean, [0.4, 0.4], atol=0.08)


def test_problems_without_a_normal_prior_are_refused():
    """Its mean and covariance are asked for by name."""
    problem = Residuals(lambda u: u, np.zeros(1), np.ones(1), log_prior=lambda u: u[:, 0])
    with pytest.raises(ValueError, match="prior_covariance"):
        iterative_smoother(problem)
