"""Diagnostics of a filter: honest ensembles pass, dishonest ones are found out."""

import numpy as np
import pytest

from terraflux.assimilation.filter_diagnostics import innovation_chi_square, rank_histogram, spread_skill


@pytest.fixture
def honest():
    """Ensembles, truth of the same distribution, and observations with an error variance of 0.25."""
    random = np.random.default_rng(1)
    centre = random.normal(size=(2000, 1, 2))
    ensemble = centre + random.normal(size=(2000, 19, 2))
    truth = (centre + random.normal(size=(2000, 1, 2)))[:, 0]
    return ensemble, truth, truth + 0.5 * random.normal(size=truth.shape)


def test_chi_square_is_one_for_innovations_as_large_as_claimed():
    random = np.random.default_rng(2)
    covariance = np.array([[2.0, 1.2], [1.2, 1.0]])
    innovation = random.multivariate_normal([0, 0], covariance + 0.5 * np.eye(2), 4000)
    innovation[::7, 0] = np.nan
    covariances = np.broadcast_to(covariance, (4000, 2, 2))
    assert innovation_chi_square(innovation, covariances, 0.5) == pytest.approx(1.0, abs=0.06)
    assert innovation_chi_square(2.0 * innovation, covariances, 0.5) == pytest.approx(4.0, abs=0.24)


def test_chi_square_without_observations_is_undefined():
    assert np.isnan(innovation_chi_square(np.full((3, 2), np.nan), np.ones((3, 2, 2)), 1.0))


def test_ranks_are_uniform_for_an_honest_ensemble_only(honest):
    ensemble, _, observed = honest
    assert rank_histogram(ensemble, observed, 0.25).p_value > 0.01
    narrow = ensemble.mean(1, keepdims=True) + 0.5 * (ensemble - ensemble.mean(1, keepdims=True))
    assert rank_histogram(narrow, observed, 0.25).p_value < 1e-6
    assert rank_histogram(ensemble, observed, 0.25).counts.sum() == observed.size


def test_merged_ranks_expect_their_share(honest):
    ensemble, _, observed = honest
    merged = rank_histogram(ensemble, observed, 0.25, bins=7)
    assert len(merged.counts) == 7 and merged.p_value > 0.01


def test_spread_equals_error_for_an_honest_ensemble(honest):
    ensemble, truth, _ = honest
    assert spread_skill(ensemble, truth).ratio == pytest.approx(1.0, abs=0.03)
    assert spread_skill(ensemble, truth + 3.0).ratio < 0.5
