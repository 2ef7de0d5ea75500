"""Diagnostics against closed forms and against each other."""

import emcee
import numpy as np
import pytest

from terraflux.assimilation.convergence import (
    autocorrelation_time,
    autocovariance,
    bulk_effective_size,
    ensembles_as_chains,
    mean_effective_size,
    mean_standard_error,
    plain_rhat,
    rhat,
    tail_effective_size,
    walkers_as_chains,
)


def autoregressive(chains, draws, phi, seed=0):
    """Stationary first-order autoregressive chains of unit variance."""
    random = np.random.default_rng(seed)
    series = np.empty((chains, draws))
    series[:, 0] = random.standard_normal(chains)
    for step in range(1, draws):
        series[:, step] = phi * series[:, step - 1] + np.sqrt(1.0 - phi**2) * random.standard_normal(chains)
    return series


def test_independent_draws_are_all_effective():
    draws = np.random.default_rng(1).standard_normal((4, 5000))
    assert rhat(draws) == pytest.approx(1.0, abs=2e-3)
    assert bulk_effective_size(draws) == pytest.approx(20_000, rel=0.1)
    assert tail_effective_size(draws) == pytest.approx(20_000, rel=0.15)
    assert autocorrelation_time(draws) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("phi", [0.5, 0.9, -0.5])
def test_autoregressive_chains_have_the_effective_size_of_theory(phi):
    draws = autoregressive(8, 20_000, phi)
    expected = draws.size * (1.0 - phi) / (1.0 + phi)
    assert mean_effective_size(draws) == pytest.approx(expected, rel=0.12)
    assert bulk_effective_size(draws) == pytest.approx(expected, rel=0.12)
    if phi > 0.0:
        assert autocorrelation_time(draws) == pytest.approx((1.0 + phi) / (1.0 - phi), rel=0.08)


def test_the_standard_error_is_the_spread_of_repeated_means():
    means = [autoregressive(4, 1000, 0.7, seed).mean() for seed in range(200)]
    errors = [mean_standard_error(autoregressive(4, 1000, 0.7, seed)) for seed in range(40)]
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.15)


def test_a_shifted_chain_and_a_wider_chain_are_both_seen():
    draws = np.random.default_rng(2).standard_normal((4, 1000))
    shifted, wider = draws.copy(), draws.copy()
    shifted[0] += 1.0
    wider[0] *= 3.0
    assert rhat(shifted) > 1.05
    assert rhat(wider) > 1.05
    assert plain_rhat(wider) < 1.01  # which is why the folded form is needed


def test_a_drifting_chain_is_seen_by_splitting():
    draws = np.random.default_rng(3).standard_normal((4, 1000)) + np.linspace(0.0, 2.0, 1000)
    assert rhat(draws) > 1.05
    assert plain_rhat(draws) < 1.01


def test_ranks_do_not_care_for_monotone_changes_and_infinite_variance():
    draws = np.random.default_rng(4).standard_cauchy((4, 2000))
    assert rhat(draws) == pytest.approx(float(rhat(np.arctan(draws))), abs=0.01)
    assert bulk_effective_size(draws) == pytest.approx(float(bulk_effective_size(np.arctan(draws))), rel=1e-12)


def test_what_does_not_move_or_is_not_a_number_is_never_taken_for_converged():
    still, broken = np.ones((4, 100)), np.random.default_rng(5).standard_normal((4, 100))
    broken[1, 3] = np.nan
    for draws in (still, broken):
        for measure in (rhat, bulk_effective_size, tail_effective_size, autocorrelation_time, mean_standard_error):
            assert np.isnan(measure(draws))
    assert np.isnan(rhat(np.zeros((4, 3))))


def test_autocovariance_is_the_sum_of_products():
    draws = np.random.default_rng(6).standard_normal((2, 37))
    centred = draws - draws.mean(axis=1, keepdims=True)
    plain = [[(row[: 37 - lag] * row[lag:]).sum() / 37 for lag in range(37)] for row in centred]
    np.testing.assert_allclose(autocovariance(draws), plain, atol=1e-12)


def test_the_autocorrelation_time_is_that_of_emcee():
    draws = autoregressive(16, 3000, 0.9)
    theirs = emcee.autocorr.integrated_time(draws.T[:, :, np.newaxis], c=5, tol=0)[0]
    assert autocorrelation_time(draws) == pytest.approx(theirs, rel=1e-6)


def test_walkers_and_ensembles_are_laid_out_as_chains():
    steps = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert walkers_as_chains(steps).shape == (12, 2)
    np.testing.assert_array_equal(walkers_as_chains(steps)[5], steps[:, 1, 1])
    np.testing.assert_array_equal(ensembles_as_chains(steps)[2], steps[:, 2].ravel())


def test_quantities_are_judged_one_by_one():
    draws = np.random.default_rng(7).standard_normal((4, 500, 3))
    draws[0, :, 1] += 2.0
    found = rhat(draws)
    assert found.shape == (3,)
    assert found[1] > 1.1 > max(found[0], found[2])
    with pytest.raises(ValueError, match="chains, draws"):
        rhat(np.zeros(10))
