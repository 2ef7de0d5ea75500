"""Global searches."""

import sys

import numpy as np
import pytest

from terraflux.assimilation.evolution import covariance_adaptation, differential_evolution


def two_hills(u):
    """A low hill at -1.5 and a high one at 2, in three dimensions."""
    return np.logaddexp(-0.5 * np.sum((u + 1.5) ** 2, axis=1), 4.0 - 0.5 * np.sum((u - 2.0) ** 2, axis=1))


def test_differential_evolution_finds_the_higher_hill():
    """From starts on the lower one; the seed decides the path."""
    starts = np.array([[-1.5, -1.5, -1.5], [-1.4, -1.4, -1.4]])
    found = differential_evolution(two_hills, starts, seed=1)
    assert found.status == "converged"
    np.testing.assert_allclose(found.u, 2.0, atol=0.2)
    np.testing.assert_array_equal(found.u, differential_evolution(two_hills, starts, seed=1).u)


def test_evolution_strategy_finds_a_hill():
    """Where `cma` is installed; failed replicas lie at a cost no one takes."""
    pytest.importorskip("cma")

    def density(u):
        return np.where(u[:, 0] > 3.0, np.nan, two_hills(u))

    found = covariance_adaptation(density, np.full((1, 3), 1.5), seed=2)
    assert found.status == "converged"
    np.testing.assert_allclose(found.u, 2.0, atol=0.05)
    np.testing.assert_array_equal(found.u, covariance_adaptation(density, np.full((1, 3), 1.5), seed=2).u)


def test_an_absent_package_is_named(monkeypatch):
    """With what to use instead."""
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(ImportError, match="differential_evolution"):
        covariance_adaptation(two_hills, np.zeros((1, 3)))
