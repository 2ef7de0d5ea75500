"""The Lorenz-96 twin of Sakov and Oke (2008), against the errors that DAPPER lists for the same settings."""

import numpy as np
import pytest

from terraflux.assimilation.inflation import AdaptiveInflation
from terraflux.assimilation.localisation import line_localisation
from terraflux.assimilation.lorenz96 import lorenz96_step, lorenz96_tendency, lorenz96_twin
from terraflux.assimilation.transform_filter import EnsembleFilter


def test_uniform_states_at_the_force_do_not_move():
    assert np.allclose(lorenz96_tendency(np.full(40, 8.0)), 0.0)


def test_advection_keeps_energy():
    states = np.random.default_rng(1).normal(size=(3, 40))
    assert np.allclose((states * (lorenz96_tendency(states, 0.0) + states)).sum(-1), 0.0, atol=1e-12)


def test_the_step_is_of_fourth_order():
    start = 8.0 + np.random.default_rng(1).normal(size=40)

    def after(steps):
        states = start
        for _ in range(steps):
            states = lorenz96_step(states, 0.2 / steps)
        return states

    exact = after(256)
    ratio = np.abs(after(4) - exact).max() / np.abs(after(8) - exact).max()
    assert 10.0 < ratio < 24.0


def median_error(make, members, cycles=1000):
    """Median over three twins: near this inflation a run may lose the truth for good (see docs/assimilation/state.md)."""
    return float(np.median([lorenz96_twin(make(seed), members, cycles=cycles, seed=seed).error for seed in (1, 2, 3)]))


def test_transform_filter_reaches_the_known_error():
    found = median_error(lambda seed: EnsembleFilter("transform", inflation=1.013, rotation=True, seed=seed + 50), 24)
    assert found == pytest.approx(0.18, abs=0.02)


def test_perturbed_filter_reaches_the_known_error():
    found = median_error(lambda seed: EnsembleFilter("perturbed", inflation=1.06, seed=seed + 50), 40)
    assert found == pytest.approx(0.22, abs=0.02)


def test_localisation_lets_seven_members_follow_the_truth():
    places = np.arange(40.0)
    near = line_localisation(places, places, 14.0, period=40.0)
    free = EnsembleFilter(inflation=1.04, rotation=True)
    local = EnsembleFilter(inflation=1.04, rotation=True, localisation=near)
    assert lorenz96_twin(local, 7, cycles=300, seed=2).error < 0.3 < 1.0 < lorenz96_twin(free, 7, cycles=300, seed=2).error


def test_adaptive_inflation_keeps_forty_members_honest_without_tuning():
    inflation = AdaptiveInflation(damping=1.0)  # everything is observed, so nothing needs to be pulled back to 1
    found = lorenz96_twin(EnsembleFilter(inflation=inflation, rotation=True, seed=1), 40, cycles=400, seed=5)
    assert found.error < 0.22 and 0.8 < found.spread / found.error < 1.25
