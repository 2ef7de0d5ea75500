"""L-BFGS-B with batched gradients."""

import numpy as np

from terraflux.assimilation.quasi_newton import limited_memory_search
from terraflux.assimilation.twin_models import sparse_twin


def test_most_starts_reach_the_optimum_of_the_sparse_twin():
    """Of 2 prior starts at least 1 ends within 0.5 of the best, and the best is that of Gauss-Newton."""
    from terraflux.assimilation.gauss_newton import gauss_newton

    twin = sparse_twin()
    best = gauss_newton(twin, np.zeros((1, 10))).log_posterior
    twin.runs = 0
    found = limited_memory_search(twin, twin.prior_draws(2, 5))
    assert abs(found.log_posterior - best) < 0.1
    assert np.sum([start.log_posterior > best - 0.5 for start in found.starts]) >= 1
    assert found.runs == twin.runs


def test_controls_stay_within_their_bounds():
    """A slope without end stops at +8."""
    found = limited_memory_search(lambda u: 3.0 * u.sum(axis=1), np.zeros((1, 2)))
    np.testing.assert_allclose(found.u, 8.0)


def test_failed_replicas_turn_the_search_back():
    """A density that fails above 1 with its optimum at 0.9; a start that fails is reported."""
    def density(u):
        return np.where(u[:, 0] > 1.0, np.nan, -50.0 * (u[:, 0] - 0.9) ** 2)

    found = limited_memory_search(density, [[-3.0], [2.0]])
    assert abs(found.u[0] - 0.9) < 1e-2
    assert not found.starts[1].converged and "not finite" in found.starts[1].message
