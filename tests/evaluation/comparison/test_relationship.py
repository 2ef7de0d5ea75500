"""Functional responses and their score equal those of ILAMB."""

import numpy as np
import pytest

from terraflux.evaluation.comparison.relationship import relationship


@pytest.fixture
def maps():
    """Driver and flux of a simulation and a reference, seeded; a fifth of the reference is missing."""
    generator = np.random.default_rng(8)
    reference = generator.gamma(3.0, 1.0, (20, 30))
    flux = 2.0 * reference / (1.0 + 0.2 * reference) + 0.1 * generator.normal(size=(20, 30))
    simulated = generator.gamma(3.5, 1.0, (20, 30))
    other = 1.8 * simulated / (1.0 + 0.15 * simulated) + 0.2 * generator.normal(size=(20, 30))
    flux[generator.random((20, 30)) < 0.2] = np.nan
    return simulated, other, reference, flux


def test_the_score_is_that_of_ilamb(maps):
    # Relationship.scoreRMSE of ILAMB 2.7.3 on the same fields, the missing cells masked in all.
    assert relationship(*maps, held=np.isfinite(maps[3])).score == pytest.approx(0.9474887885485257, rel=1e-12)


def test_the_same_response_scores_one_whatever_the_map(maps):
    x = maps[2]
    found = relationship(x, 3.0 * x, x.T, 3.0 * x.T)
    assert found.score == pytest.approx(1.0) and found.edges.size == 26
    assert np.nansum(np.isfinite(found.reference)) >= 15


def test_bins_with_hardly_any_cells_do_not_count():
    x = np.concatenate([np.linspace(0.0, 1.0, 999), [5.0]])
    y = np.concatenate([np.ones(999), [1e6]])
    assert np.isnan(relationship(x, y, x, y).reference[-1])


def test_empty_and_unlike_maps_are_refused(maps):
    with pytest.raises(ValueError, match="no cell of the reference"):
        relationship(maps[0], maps[1], maps[2], np.nan * maps[3])
    with pytest.raises(ValueError, match="shapes"):
        relationship(maps[0], maps[1][:5], maps[2], maps[3])
