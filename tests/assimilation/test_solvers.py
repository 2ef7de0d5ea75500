"""Solvers by name, and the ladder up to the question of sampling."""

import numpy as np
import pytest

from terraflux.assimilation.solvers import approximate, solve, starting_controls
from terraflux.assimilation.twin_models import dense_twin, sparse_twin


def test_all_solvers_that_iterate_find_the_same_optimum():
    """On the sparse twin: searches to 0.1 in log posterior; the smoother's cost has a normal prior, so its own optimum."""
    twin = sparse_twin()
    starts = twin.truth[np.newaxis] + 0.3
    searched = [solve(name, twin, starts) for name in ("gn", "lbfgsb")]
    assert abs(searched[0].log_posterior - searched[1].log_posterior) < 0.1
    smoothed = solve("ienks", twin, seed=1)
    assert twin.log_density(smoothed.mean[np.newaxis])[0] > searched[0].log_posterior - 1.0
    assert solve("4denvar", twin, members=20, seed=1).runs == 21
    assert solve("esmda", twin, members=20, steps=3).runs == 60
    assert solve("eki_dmc", twin, members=50).status in ("converged", "not_converged")


def test_unknown_names_are_answered_with_the_nearest():
    """And searches without starts with how to get them."""
    with pytest.raises(ValueError, match="ienks"):
        solve("ienk", sparse_twin())
    with pytest.raises(ValueError, match="starting_controls"):
        solve("gn", sparse_twin())


def test_starts_are_the_median_and_a_hypercube():
    """Each of the other starts lies in another quarter of every prior."""
    starts = starting_controls(6, lambda cube: cube, seed=2)
    np.testing.assert_array_equal(starts[0], 0.5)
    np.testing.assert_array_equal(np.sort(np.floor(4.0 * starts[1:]), axis=0), np.arange(4.0)[:, np.newaxis] * np.ones(6))


def test_ladder_ends_at_the_dense_twin_and_goes_on_at_the_sparse_one():
    """Weighted draws suffice for the first, the second must be sampled; runs are counted."""
    dense, sparse = dense_twin(), sparse_twin()
    done, going_on = (approximate(twin, starting_controls(10)) for twin in (dense, sparse))
    assert done.status == "converged" and not done.sampling_needed and done.runs == dense.runs
    assert going_on.sampling_needed and going_on.status == "not_converged" and "sample" in going_on.message
    assert not done.global_doubt
