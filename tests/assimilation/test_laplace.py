"""The normal posterior of the twins, and its draws."""

import numpy as np
import pytest
from scipy import stats

from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import laplace_of_density, laplace_posterior
from terraflux.assimilation.pareto_smoothing import importance_check
from terraflux.assimilation.residuals import Residuals, gaussian_prior
from terraflux.assimilation.twin_models import dense_twin


@pytest.fixture(scope="module")
def dense():
    """The dense twin and its normal posterior."""
    twin = dense_twin()
    return twin, laplace_posterior(twin, gauss_newton(twin, np.zeros((1, 10))).u)


def test_dense_twin_is_nearly_normal(dense):
    """Within 0.2 standard deviations of weighted draws in the mean, 10 % in the spread."""
    twin, posterior = dense
    check = importance_check(twin.log_density, posterior, 6000, 5)
    assert check.shape < 0.7 and check.effective_size > 2000
    assert np.max(np.abs(check.mean() - posterior.mean) / posterior.deviation) < 0.2
    np.testing.assert_allclose(np.sqrt(np.diag(check.covariance())) / posterior.deviation, 1.0, atol=0.10)


def test_intervals_hold_the_truth_as_often_as_they_claim():
    """20 realisations of noise, all parameters pooled: 85 to 95 % within the 90 % interval."""
    inside = []
    for seed in range(20):
        twin = dense_twin(seed)
        posterior = laplace_posterior(twin, gauss_newton(twin, twin.truth[np.newaxis]).u)
        inside.append(np.abs(posterior.mean - twin.truth) / posterior.deviation < stats.norm.ppf(0.95))
    assert 0.85 <= np.mean(inside) <= 0.95


def test_centre_is_moved_to_the_mode(dense):
    """From half a standard deviation away, along all principal axes, to 0.1; runs are 2p + 2."""
    twin, posterior = dense
    shift = np.linalg.cholesky(posterior.covariance) @ np.full(10, 0.5 / np.sqrt(10.0))
    again = laplace_posterior(twin, posterior.mean + shift)
    assert again.runs == 22
    gap = again.mean - posterior.mean
    assert np.sqrt(gap @ posterior.hessian @ gap) < 0.1


def test_differences_of_the_density_give_the_same_posterior(dense):
    """Observed curvature against that of Gauss-Newton, within 5 %."""
    twin, posterior = dense
    observed = laplace_of_density(twin.log_density, posterior.mean)
    np.testing.assert_allclose(observed.deviation / posterior.deviation, 1.0, atol=0.05)


def test_draws_come_from_the_density_they_claim():
    """Normal and t: the importance weights of one with the other have the mean 1."""
    prior = gaussian_prior(np.array([1.0, -2.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
    problem = Residuals(lambda u: u, np.array([0.0, 1.0]), np.array([1.0, 2.0]), **prior)
    posterior = laplace_posterior(problem, np.zeros(2))
    wide = posterior.draws(200_000, 3, 1.1, 5.0)
    ratio = np.exp(posterior.log_density(wide) - posterior.log_density(wide, 1.1, 5.0))
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(np.cov(wide, rowvar=False), posterior.covariance * 1.1 * 5.0 / 3.0, rtol=0.05)
    wanted = stats.multivariate_t(posterior.mean, 1.1 * posterior.covariance, df=5).logpdf(wide[:5])
    np.testing.assert_allclose(posterior.log_density(wide[:5], 1.1, 5.0), wanted)


def test_robust_errors_use_fisher_information():
    """The spread of the fitted mean over realisations is the one claimed, within 12 %, for Student errors."""
    random = np.random.default_rng(2)
    data = random.standard_t(4, (300, 200)) * np.sqrt(0.5)
    prior = gaussian_prior(np.zeros(1), 100.0 * np.eye(1))
    fits = []
    for row in data:
        problem = Residuals(lambda u: np.repeat(u, 200, axis=1), row, np.ones(200), error_model="student_t", **prior)
        posterior = laplace_posterior(problem, gauss_newton(problem, np.zeros((1, 1))).u)
        fits.append(posterior.mean[0])
    assert np.std(fits) / posterior.deviation[0] == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("place", [-1e-4, 5e-5])
def test_a_jump_of_the_model_does_not_make_a_parameter_look_well_known(place):
    """One of 300 observations jumps by half a standard deviation right beside the optimum, as when snow has just gone."""
    random = np.random.default_rng(4)
    matrix, prior = random.normal(0.0, 0.05, (4, 300)), gaussian_prior(np.zeros(4), np.eye(4))
    observed = random.standard_normal(300)
    linear = Residuals(lambda u: u @ matrix, observed, np.ones(300), **prior)
    smooth = laplace_posterior(linear, gauss_newton(linear, np.zeros((1, 4))).u)

    def jumping(u):
        made = u @ matrix
        made[:, 17] += np.where(u[:, 2] > smooth.mean[2] + place, 0.5, 0.0)
        return made

    found = laplace_posterior(Residuals(jumping, observed, np.ones(300), **prior), smooth.mean)
    np.testing.assert_allclose(found.deviation, smooth.deviation, rtol=1e-6)
    assert np.max(np.abs(found.mean - smooth.mean) / smooth.deviation) < 0.1


def test_trouble_is_told():
    """A direction without curvature, a point that fails, a neighbour that fails."""
    flat = Residuals(lambda u: u[:, :1], np.zeros(1), np.ones(1), log_prior=lambda u: np.zeros(u.shape[0]))
    result = laplace_posterior(flat, np.zeros(2))
    assert result.status == "not_converged" and "not curved" in result.message
    prior = gaussian_prior(np.zeros(1), np.eye(1))
    edge = Residuals(lambda u: np.where(u > 0.5, np.nan, u), np.ones(1), np.ones(1), names=("conductance",), **prior)
    with pytest.raises(ValueError, match="conductance"):
        laplace_posterior(edge, np.array([0.5]))
    with pytest.raises(ValueError, match="not finite"):
        laplace_posterior(edge, np.array([0.6]))
