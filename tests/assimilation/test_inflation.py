"""Fixed and adaptive inflation."""

import numpy as np
import pytest

from terraflux.assimilation.inflation import AdaptiveInflation, FixedInflation, updated_factor


def test_fixed_inflation_widens_anomalies_and_keeps_the_mean():
    ensemble = np.random.default_rng(1).normal(size=(20, 5))
    wide = FixedInflation(1.5).widen(ensemble)
    assert np.allclose(wide.mean(0), ensemble.mean(0))
    assert np.allclose(wide.std(0), 1.5 * ensemble.std(0))


def test_update_finds_the_mode_of_the_linearised_density():
    factor, spread, distance, prior, error, share = 1.2, 0.2, 3.0, 1.0, 0.5, 0.8

    def likelihood(f):
        total = (1.0 + share * (np.sqrt(f) - 1.0)) ** 2 * prior + error
        return np.exp(-0.5 * distance**2 / total) / np.sqrt(total)

    grid = np.linspace(0.5, 3.0, 250001)
    slope = (likelihood(factor + 1e-6) - likelihood(factor - 1e-6)) / 2e-6
    line = likelihood(factor) + slope * (grid - factor)
    density = np.where(line > 0.0, line, 0.0) * np.exp(-0.5 * ((grid - factor) / spread) ** 2)
    new, narrower = updated_factor(factor, spread, distance, prior, error, share)
    assert float(new) == pytest.approx(grid[density.argmax()], abs=2e-5)
    assert float(narrower) <= spread


def test_surprises_raise_the_factor_and_the_expected_lowers_it():
    assert updated_factor(1.5, 0.2, 5.0, 1.0, 1.0, 1.0)[0] > 1.5 > updated_factor(1.5, 0.2, 0.1, 1.0, 1.0, 1.0)[0]


def test_a_state_without_correlation_learns_nothing():
    assert float(updated_factor(1.5, 0.2, 5.0, 1.0, 1.0, 0.0)[0]) == 1.5


def test_adaptive_inflation_finds_the_variance_that_departures_have():
    random = np.random.default_rng(3)
    inflation = AdaptiveInflation(1.0, 0.3, least_spread=0.02, damping=1.0)
    late = []
    for time in range(3000):
        ensemble = random.normal(size=(40, 1))
        truth = random.normal(scale=2.0, size=1)  # the variance is four times that of the ensemble
        inflation.learn(ensemble, ensemble, truth + random.normal(scale=0.5, size=1), np.array(0.25), None)
        if time >= 1000:
            late.append(float(inflation.factor[0]))
    assert np.mean(late) == pytest.approx(4.0, rel=0.15)


def test_missing_observations_change_no_factor():
    inflation = AdaptiveInflation(1.3, damping=1.0)
    ensemble = np.random.default_rng(1).normal(size=(20, 2))
    inflation.learn(ensemble, ensemble, np.array([np.nan, np.nan]), np.array(1.0), None)
    assert np.array_equal(inflation.factor, [1.3, 1.3])


def test_factors_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="start"):
        AdaptiveInflation(0.5)
