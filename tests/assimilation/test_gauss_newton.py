"""Gauss-Newton finds the optimum from the prior, and says when it does not."""

import numpy as np
import pytest

from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.residuals import LeastSquares, Residuals, gaussian_prior
from terraflux.assimilation.twin_models import dense_twin, sparse_twin


@pytest.mark.parametrize("make", [dense_twin, sparse_twin])
def test_starts_from_the_prior_reach_the_optimum(make):
    """At least 38 of 40 within 0.5 in log posterior; half of them in at most 200 runs."""
    twin = make()
    found = gauss_newton(twin, twin.prior_draws(40, 21))
    best = found.log_posterior
    assert np.sum([start.log_posterior > best - 0.5 for start in found.starts]) >= 38
    reached = [next((runs for runs, value in start.history if value > best - 0.5), np.inf) for start in found.starts]
    assert np.median(reached) <= 200
    assert found.runs == twin.runs == sum(start.runs for start in found.starts)
    assert found.status == "converged"


def test_outliers_move_heavy_tailed_fits_little():
    """2 % outliers of 10 standard deviations: 0.3 standard deviations (root mean square), above 1 for normal errors."""
    x = np.linspace(-1.0, 1.0, 3000)
    operator = np.stack([np.ones_like(x), x])
    deviation = 1.0 / np.sqrt(np.sum(operator**2, axis=1))
    prior = gaussian_prior(np.zeros(2), 100.0 * np.eye(2))
    moved = {"gaussian": [], "laplace": [], "student_t": []}
    for seed in range(12):
        random = np.random.default_rng(seed)
        clean = np.array([1.0, 2.0]) @ operator + random.standard_normal(x.size)
        outlier = np.where(random.random(x.size) < 0.02, random.choice([-10.0, 10.0], x.size), 0.0)
        for shape, shifts in moved.items():
            fits = []
            for observed in (clean, clean + outlier):
                problem = Residuals(lambda u: u @ operator, observed, np.ones(x.size), error_model=shape, **prior)
                fits.append(gauss_newton(problem, np.zeros((1, 2))).u)
            shifts.append((fits[1] - fits[0]) / deviation)
    size = {shape: np.sqrt(np.mean(np.square(shifts))) for shape, shifts in moved.items()}
    assert size["laplace"] < 0.3 and size["student_t"] < 0.3 and size["gaussian"] > 1.0


def test_a_start_that_fails_costs_only_itself():
    """The others converge; a problem without any finite start is reported as failed."""
    def predict(u):
        return np.where(u[:, :1] > 2.0, np.nan, u @ np.ones((1, 3)))

    problem = Residuals(predict, np.array([1.9, 2.1, 1.8]), np.full(3, 0.1), **gaussian_prior(np.zeros(1), np.eye(1)))
    found = gauss_newton(problem, [[5.0], [0.0], [1.9995]])
    assert found.status == "converged" and not found.starts[0].converged
    assert "not finite at the start" in found.starts[0].message
    assert found.starts[2].converged and abs(found.starts[2].u[0] - found.starts[1].u[0]) < 0.02
    assert gauss_newton(problem, [[5.0]]).status == "failed"


def test_several_optima_are_pointed_out():
    """u^2 = 4 seen with a slope: two optima of different height."""
    prior = gaussian_prior(np.array([0.5]), np.eye(1))
    problem = Residuals(lambda u: u**2, np.array([4.0]), np.array([0.1]), **prior)
    found = gauss_newton(problem, [[-1.0], [1.0], [3.0]])
    assert found.spread > 1.9 and abs(found.u[0] - 2.0) < 0.05


def test_groups_of_starts_give_what_one_batch_gives(monkeypatch):
    """Memory decides how many starts run together, not what they find."""
    twin = sparse_twin()
    starts = twin.prior_draws(6, 5)
    together = gauss_newton(twin, starts)
    monkeypatch.setattr("terraflux.assimilation.gauss_newton.MEMORY", 8.0 * twin.observed.size * 11 * 2)
    seen = []
    apart = gauss_newton(twin, starts, progress=lambda done, total, text: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]
    np.testing.assert_array_equal(together.u, apart.u)
    assert together.runs == apart.runs


def test_missing_parts_are_named():
    """An object without predictions is no problem of least squares."""
    with pytest.raises(TypeError, match="predict"):
        LeastSquares(object())
