"""Linear models with normal errors and priors have posteriors in closed form, which every method must give."""

import numpy as np
import pytest

from terraflux.assimilation.ensemble_variational import ensemble_variational, iterative_smoother, prior_ensemble
from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import laplace_of_density, laplace_posterior
from terraflux.assimilation.pareto_smoothing import importance_check
from terraflux.assimilation.quasi_newton import limited_memory_search
from terraflux.assimilation.residuals import LeastSquares, Residuals, Whitening, gaussian_prior

PARAMETERS, DATA = 6, 40


class Linear:
    """y = G u + c with errors that may be correlated, and the closed form of its posterior."""

    def __init__(self, whiten=None, weight=None):
        random = np.random.default_rng(5)
        self.operator = random.standard_normal((DATA, PARAMETERS))
        self.sigma = random.uniform(0.5, 2.0, DATA)
        root = random.standard_normal((PARAMETERS, PARAMETERS))
        self.prior = root @ root.T / PARAMETERS + 0.5 * np.eye(PARAMETERS)
        self.prior_mean = random.standard_normal(PARAMETERS)
        self.observed = random.standard_normal(DATA) * 3.0
        self.problem = Residuals(lambda u: u @ self.operator.T + 0.7, self.observed, self.sigma, whiten=whiten, weight=weight,
                                 **gaussian_prior(self.prior_mean, self.prior))
        whitener = np.eye(DATA) if whiten is None else whiten(np.eye(DATA)).T
        scaled = whitener @ (self.operator / self.sigma[:, None])
        weights = np.ones(DATA) if weight is None else weight
        precision = scaled.T @ (weights[:, None] * scaled) + np.linalg.inv(self.prior)
        self.covariance = np.linalg.inv(precision)
        gap = whitener @ ((self.observed - 0.7 - self.operator @ self.prior_mean) / self.sigma)
        self.mean = self.prior_mean + self.covariance @ scaled.T @ (weights * gap)


@pytest.fixture(scope="module")
def linear():
    """The plain case."""
    return Linear()


def test_gauss_newton_and_laplace_give_the_exact_posterior(linear):
    """Mean and covariance to 1e-8."""
    found = gauss_newton(linear.problem, linear.prior_mean[np.newaxis] + 4.0)
    posterior = laplace_posterior(linear.problem, found.u)
    assert found.status == "converged"
    np.testing.assert_allclose(posterior.mean, linear.mean, atol=1e-8)
    np.testing.assert_allclose(posterior.covariance, linear.covariance, atol=1e-8)


def test_correlated_and_tempered_errors_give_the_exact_posterior():
    """The whitening and the weights act in the cost, its slopes and its curvature alike."""
    steps = np.where(np.arange(DATA) % 7 == 0, 0, 1 + np.arange(DATA) % 3)
    for case in (Linear(whiten=Whitening(0.6, steps)), Linear(weight=np.linspace(0.1, 1.0, DATA))):
        posterior = laplace_posterior(case.problem, gauss_newton(case.problem, np.zeros((1, PARAMETERS))).u)
        np.testing.assert_allclose(posterior.mean, case.mean, atol=1e-8)
        np.testing.assert_allclose(posterior.covariance, case.covariance, atol=1e-8)


def test_4denvar_equals_the_kalman_update(linear):
    """With an ensemble that has exactly the prior's moments, and with a drawn one whose own covariance is used."""
    exact = ensemble_variational(linear.problem, members=20, seed=1)
    np.testing.assert_allclose(exact.mean, linear.mean, atol=1e-10)
    np.testing.assert_allclose(exact.covariance, linear.covariance, atol=1e-10)
    drawn = prior_ensemble(linear.prior_mean, linear.prior, 15, 3, exact=False)
    spread = np.cov(drawn, rowvar=False)
    gain = spread @ linear.operator.T @ np.linalg.inv(linear.operator @ spread @ linear.operator.T + np.diag(linear.sigma**2))
    centre = drawn.mean(axis=0)
    wanted = centre + gain @ (linear.observed - 0.7 - linear.operator @ centre)
    result = ensemble_variational(linear.problem, drawn)
    np.testing.assert_allclose(result.mean, wanted, atol=1e-10)
    np.testing.assert_allclose(result.covariance, spread - gain @ linear.operator @ spread, atol=1e-10)
    np.testing.assert_allclose(np.cov(result.ensemble, rowvar=False), result.covariance, atol=1e-10)


def test_iterative_smoother_equals_the_kalman_update(linear):
    """Three iterations: a step held to its largest size, the rest of it, and the one that finds no more to gain."""
    result = iterative_smoother(linear.problem, members=20, seed=1)
    np.testing.assert_allclose(result.mean, linear.mean, atol=1e-8)
    np.testing.assert_allclose(result.covariance, linear.covariance, atol=1e-8)
    assert result.status == "converged" and result.runs == 1 + 3 * 25


def test_density_alone_gives_the_posterior(linear):
    """Quasi-Newton search and second differences know nothing of observations."""
    density = LeastSquares(linear.problem).log_density
    found = limited_memory_search(density, np.zeros((1, PARAMETERS)))
    posterior = laplace_of_density(density, found.u)
    deviation = np.sqrt(np.diag(linear.covariance))
    assert np.max(np.abs(posterior.mean - linear.mean) / deviation) < 1e-5
    np.testing.assert_allclose(posterior.covariance, linear.covariance, rtol=1e-4, atol=1e-7)


def test_weighted_draws_have_the_exact_moments(linear):
    """The proposal is the posterior but for its tails, so k is small and nearly all draws count."""
    check = importance_check(LeastSquares(linear.problem).log_density, laplace_posterior(linear.problem, linear.mean), 8000, 2)
    deviation = np.sqrt(np.diag(linear.covariance))
    assert check.sufficient and check.shape < 0.3 and check.effective_size > 4000
    assert np.max(np.abs(check.mean() - linear.mean) / deviation) < 0.06
    np.testing.assert_allclose(np.sqrt(np.diag(check.covariance())) / deviation, 1.0, atol=0.06)


def test_log_posterior_is_the_normal_density(linear):
    """Constants of the normal errors and of the prior are kept, so evidence can be compared."""
    from scipy.stats import multivariate_normal, norm

    u = np.random.default_rng(0).standard_normal((3, PARAMETERS))
    wanted = norm(u @ linear.operator.T + 0.7, linear.sigma).logpdf(linear.observed).sum(axis=1)
    wanted = wanted + multivariate_normal(linear.prior_mean, linear.prior).logpdf(u)
    np.testing.assert_allclose(LeastSquares(linear.problem).log_density(u), wanted, rtol=1e-12)
