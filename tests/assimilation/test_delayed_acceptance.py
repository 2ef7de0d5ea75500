"""Delayed acceptance is exact whatever its surrogate, and cheap where the surrogate is good."""

import numpy as np
import pytest

from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.delayed_acceptance import DELAYED_RULE, DelayedChains, DelayedSettings, sample_delayed
from terraflux.assimilation.surrogate import train, whitening_of

COVARIANCE = np.array([[1.0, 0.7, 0.0], [0.7, 2.0, -0.4], [0.0, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)
SMALL = DelayedSettings(first_runs=48, training_runs=80, most_training_runs=80)


def normal(u):
    """Log density of a correlated normal."""
    return -0.5 * np.einsum("ri,ij,rj->r", u, PRECISION, u)


def skewed(u):
    """A density that no normal fits: log-gamma in every direction, variance trigamma(3) = 0.3949."""
    return (3.0 * u - np.exp(u)).sum(axis=1)


def test_a_surrogate_reproduces_a_smooth_posterior():
    random = np.random.default_rng(1)
    points = random.standard_normal((200, 2)) * 0.8 + np.log(3.0)
    mean, covariance = np.full(2, np.log(3.0)), np.eye(2) / 3.0
    surrogate, settings = train(mean, covariance, points, skewed(points), None, random)
    fresh = mean + random.standard_normal((300, 2)) * 0.5
    error = surrogate(fresh) - skewed(fresh)
    assert np.std(error) < 0.02
    again, kept = train(mean, covariance, points, skewed(points), settings, random)
    np.testing.assert_array_equal(kept, settings)
    np.testing.assert_array_equal(again(fresh), surrogate(fresh))


def test_whitening_and_its_inverse():
    whitening, root = whitening_of(COVARIANCE)
    np.testing.assert_allclose(whitening @ root, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(root.T @ root, COVARIANCE, atol=1e-12)


def test_moments_of_a_normal_are_found_with_few_runs():
    result = sample_delayed(normal, np.zeros(3), COVARIANCE, seed=1, settings=SMALL)
    assert result.status == "converged"
    assert result.runs < 3500
    assert result.acceptance.min() > 0.9
    np.testing.assert_allclose(result.covariance(), COVARIANCE, atol=0.2)


def test_a_skewed_posterior_is_sampled_exactly():
    result = sample_delayed(skewed, np.full(2, np.log(3.0)), np.eye(2) / 3.0, seed=2, settings=SMALL)
    assert result.status == "converged"
    np.testing.assert_allclose(result.mean(), 0.92278, atol=0.08)  # digamma(3)
    np.testing.assert_allclose(np.diag(result.covariance()), 0.39493, rtol=0.15)  # trigamma(3)


def test_a_wrong_surrogate_costs_acceptance_but_not_truth():
    # The inner steps see a normal of half the variance, shifted: the chain must still have the moments of the posterior.
    class Misled(DelayedChains):
        def _inner(self, group):
            kept = self.surrogates[group]
            self.surrogates[group] = lambda u: -((u - 0.3) ** 2).sum(axis=1)
            walked = super()._inner(group)
            self.surrogates[group] = kept
            return walked

    from terraflux.assimilation.counted_density import CountedDensity

    chains = Misled(CountedDensity(lambda u: -0.5 * (u**2).sum(axis=1)), np.zeros(2), np.eye(2),
                    DelayedSettings(chains=64, first_runs=64, training_runs=64, most_training_runs=64), seed=3)
    chains.prepare(None, 10_000_000)
    kept = []
    for step in range(1200):
        chains.step()
        if step >= 200:
            kept.append(chains.position.copy())
    draws = np.array(kept).reshape(-1, 2)
    assert 0.2 < chains.accepted.sum() / (1200 * 256) < 0.95
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=0.03)
    np.testing.assert_allclose(draws.var(axis=0), 1.0, atol=0.05)


def test_training_goes_on_where_the_surrogate_is_poor():
    settings = DelayedSettings(first_runs=48, training_runs=48, most_training_runs=144, wanted_acceptance=1.1)
    result = sample_delayed(normal, np.zeros(3), COVARIANCE, seed=1, settings=settings)
    assert result.details["training_runs"] == 4 * 144


def test_a_resumed_chain_is_the_same(tmp_path):
    once = sample_delayed(normal, np.zeros(3), COVARIANCE, seed=5, settings=SMALL)
    place = Checkpoint(tmp_path / "run.h5", every=2)
    early = sample_delayed(normal, np.zeros(3), COVARIANCE, seed=5, settings=SMALL, checkpoint=place, maximum_runs=1000)
    assert early.status == "not_converged"
    more = sample_delayed(normal, np.zeros(3), COVARIANCE, seed=5, settings=SMALL, checkpoint=place)
    np.testing.assert_array_equal(once.controls, more.controls)
    assert once.runs == more.runs


def test_every_run_is_counted():
    calls = []

    def watched(u):
        calls.append(u.shape[0])
        return normal(u)

    result = sample_delayed(watched, np.zeros(3), COVARIANCE, seed=1, settings=SMALL)
    assert result.runs == sum(calls)
    assert set(calls[4:]) == {64}
    assert result.details["training_runs"] == 320


def test_several_modes_and_senseless_settings_are_refused():
    with pytest.raises(ValueError, match="several modes by 'ensemble'"):
        sample_delayed(normal, np.zeros((2, 3)), np.stack([COVARIANCE] * 2))
    with pytest.raises(ValueError, match="chains <= first_runs"):
        DelayedSettings(first_runs=8)
    with pytest.raises(ValueError, match="leave nothing to sample with"):
        sample_delayed(normal, np.zeros(3), COVARIANCE, maximum_runs=1000)
    assert DELAYED_RULE.autocorrelation_lengths == 0.0
