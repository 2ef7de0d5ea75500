"""Least-squares problems: errors of all shapes, correlation over gaps, slopes."""

import numpy as np
import pytest
from scipy import stats

from terraflux.assimilation.residuals import (
    FISHER,
    SMALLEST_RESIDUAL,
    LeastSquares,
    Residuals,
    Whitening,
    cost_gradient,
    finite_slopes,
    gaussian_prior,
    negative_log_density,
    robust_weight,
    sensitivity,
)
from terraflux.assimilation.twin_models import dense_twin

Z = np.linspace(-6.0, 6.0, 241)
FROZEN = {"gaussian": stats.norm(), "laplace": stats.laplace(scale=np.sqrt(0.5)), "student_t": stats.t(4, scale=np.sqrt(0.5))}


@pytest.mark.parametrize("shape", FROZEN)
def test_costs_are_log_densities_of_unit_variance(shape):
    """Against the distributions of scipy."""
    np.testing.assert_allclose(negative_log_density(Z, shape), -FROZEN[shape].logpdf(Z), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", FROZEN)
def test_weight_times_residual_is_the_slope_of_the_cost(shape):
    """Except where the double exponential is rounded off."""
    z = Z[np.abs(Z) > SMALLEST_RESIDUAL]
    slope = (negative_log_density(z + 1e-6, shape) - negative_log_density(z - 1e-6, shape)) / 2e-6
    np.testing.assert_allclose(robust_weight(z, shape) * z, slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", FROZEN)
def test_fisher_information_is_the_mean_square_slope(shape):
    """By quadrature over the density."""
    z = np.linspace(1e-6, 400.0, 400_001)
    slope = np.sqrt(2.0) if shape == "laplace" else robust_weight(z, shape) * z
    assert FISHER[shape] == pytest.approx(2.0 * np.trapezoid(slope**2 * FROZEN[shape].pdf(z), z), rel=1e-4)


def test_whitening_frees_residuals_of_correlation_over_gaps():
    """The likelihood equals that of the full covariance matrix phi^|time difference|."""
    times = np.array([0, 1, 2, 5, 6, 9, 100, 101], float)
    steps = np.concatenate([[0], np.diff(times)])
    whiten = Whitening(0.7, steps)
    z = np.random.default_rng(1).standard_normal((1, times.size))
    correlation = np.where(np.abs(np.subtract.outer(times, times)) > 48, 0.0, 0.7 ** np.abs(np.subtract.outer(times, times)))
    assert np.sum(whiten(z) ** 2) == pytest.approx(float(z[0] @ np.linalg.solve(correlation, z[0])))
    assert whiten.log_determinant == pytest.approx(0.5 * np.linalg.slogdet(correlation)[1])


def test_finite_slopes_of_a_quadratic_are_exact():
    """Gradient and Hessian with a step of its own for each control."""
    matrix = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, -0.4], [0.0, -0.4, 5.0]])
    u = np.random.default_rng(0).standard_normal((4, 3))
    step = np.array([0.1, 0.2, 0.05])
    gradient, hessian = finite_slopes(lambda v: 0.5 * np.einsum("ri,ij,rj->r", v, matrix, v), u, step)
    np.testing.assert_allclose(gradient, u @ matrix, atol=1e-10)
    np.testing.assert_allclose(hessian, np.broadcast_to(matrix, (4, 3, 3)), atol=1e-9)


def test_gradient_foretells_the_change_of_the_cost_over_four_decades():
    """|1 - dJ/(grad J . delta)| < 1e-5; dJ is the central difference, whose error falls with the square of delta."""
    twin = dense_twin()
    squares, point = LeastSquares(twin), twin.prior_draws(1, 4)[0]
    gradient = cost_gradient(twin, point)
    direction = gradient / np.linalg.norm(gradient)
    for size in 10.0 ** np.arange(-7, -2):
        ahead, behind = squares.log_density(point + np.outer([size, -size], direction))
        assert abs(1.0 - 0.5 * (behind - ahead) / (size * (gradient @ direction))) < 1e-5, size


def test_a_failed_replica_costs_only_itself():
    """Its log posterior is -inf, the others' are those of a batch without it."""
    def predict(u):
        return np.where(u[:, :1] > 2.0, np.nan, u @ np.ones((2, 3)))

    squares = LeastSquares(Residuals(predict, np.ones(3), np.ones(3), **gaussian_prior(np.zeros(2), np.eye(2))))
    u = np.array([[0.0, 1.0], [3.0, 0.0], [1.0, 1.0]])
    values = squares.log_density(u)
    assert values[1] == -np.inf
    np.testing.assert_array_equal(values[[0, 2]], squares.log_density(u[[0, 2]]))
    assert squares.runs == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [({"observed": np.array([1.0, np.nan])}, "missing"), ({"sigma": np.array([1.0, 0.0])}, "not above 0"),
     ({"error_model": "cauchy"}, "not one of"), ({"observed": np.zeros(0), "sigma": np.zeros(0)}, "not empty")],
)
def test_bad_problems_are_refused_in_words(change, words):
    """Missing data, errors of no size, unknown shapes, no data."""
    parts = {"predict": lambda u: u, "observed": np.zeros(2), "sigma": np.ones(2), "log_prior": lambda u: u[:, 0]}
    with pytest.raises(ValueError, match=words):
        LeastSquares(Residuals(**{**parts, **change}))


@pytest.mark.parametrize("place", [-0.0007, 0.0004])
def test_a_jump_beside_the_point_is_no_slope(place):
    """Linear but for observations that jump within the step, on either side; bent observations keep their central slope."""
    matrix = np.random.default_rng(3).normal(1.0, 0.1, (3, 40))

    def predict(u):
        made = u @ matrix
        made[:, 5:8] += np.where(u[:, 1:2] > place, 0.4, 0.0)
        made[:, 20] += np.exp(u[:, 0])
        return made

    squares = LeastSquares(Residuals(predict, np.zeros(40), np.ones(40), **gaussian_prior(np.zeros(3), np.eye(3))))
    point = np.zeros(3)
    wanted = matrix.copy()
    wanted[0, 20] += 1.0
    np.testing.assert_allclose(sensitivity(squares, point, 1e-3, predict(point[None])[0]), wanted, rtol=1e-6, atol=1e-9)
    blind = sensitivity(squares, point, 1e-3)
    assert (blind[1, 5:8] > 100.0).all()
