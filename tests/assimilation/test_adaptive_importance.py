"""Adaptive importance sampling: right moments, weights that sum to one, and honesty about what was missed."""

import numpy as np
import pytest
from scipy import stats

from terraflux.assimilation.adaptive_importance import (
    FirstDraws,
    ImportanceSettings,
    StudentMixture,
    sample_importance,
    student,
    tempered,
)
from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.laplace import laplace_posterior
from terraflux.assimilation.solvers import solve, starting_controls
from terraflux.assimilation.twin_models import dense_twin, sparse_twin

COVARIANCE = np.array([[1.0, 0.7, 0.0], [0.7, 2.0, -0.4], [0.0, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)


def normal(u):
    """Log density of a correlated normal."""
    return -0.5 * np.einsum("ri,ij,rj->r", u, PRECISION, u)


def bimodal(u):
    """A third of the mass around -5, two thirds around 5, in every direction."""
    low, high = -0.5 * ((u + 5.0) ** 2).sum(axis=1), -0.5 * ((u - 5.0) ** 2).sum(axis=1)
    return np.logaddexp(low + np.log(1.0 / 3.0), high + np.log(2.0 / 3.0))


def test_the_mixture_has_the_density_of_student_t():
    mixture = StudentMixture(np.array([0.3, 0.7]), np.array([[0.0, 1.0], [2.0, -1.0]]),
                             np.stack([np.eye(2), np.array([[2.0, 0.5], [0.5, 1.0]])]), 5.0)
    points = np.random.default_rng(1).standard_normal((20, 2)) * 3.0
    parts = [stats.multivariate_t(centre, scale, df=5.0).pdf(points) for centre, scale in zip(mixture.centres, mixture.scales)]
    np.testing.assert_allclose(np.exp(mixture.log_density(points)), 0.3 * parts[0] + 0.7 * parts[1], rtol=1e-10)
    draws = mixture.draw(200_000, np.random.default_rng(2))
    np.testing.assert_allclose(draws.mean(axis=0), [1.4, -0.4], atol=0.02)
    inner = np.abs(draws[:, 0]) < 1.0
    grid = stats.norm.rvs(size=(200_000, 2), random_state=3) * 4.0
    weights = np.exp(mixture.log_density(grid)) / np.prod(stats.norm.pdf(grid, scale=4.0), axis=1)
    share = np.mean((np.abs(grid[:, 0]) < 1.0) * weights)
    assert inner.mean() == pytest.approx(share, abs=0.01)


def test_the_search_keeps_a_density_and_reaches_further():
    mixture = StudentMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[np.newaxis], 5.0)
    wide = mixture.searching(np.zeros(2), np.eye(2), 0.25, 3.0)
    assert wide.shares.sum() == pytest.approx(1.0)
    assert wide.log_density(np.array([[8.0, 0.0]]))[0] > mixture.log_density(np.array([[8.0, 0.0]]))[0] + 1.0


def test_refitting_finds_mean_and_scale_of_a_sample():
    random = np.random.default_rng(4)
    points = stats.multivariate_t([3.0, -2.0], [[1.0, 0.6], [0.6, 2.0]], df=5.0).rvs(20_000, random_state=random)
    start = StudentMixture(np.ones(1), np.zeros((1, 2)), 9.0 * np.eye(2)[np.newaxis], 5.0)
    found = start.refitted(points, np.full(20_000, 1.0 / 20_000), np.eye(2), sweeps=30)
    np.testing.assert_allclose(found.centres[0], [3.0, -2.0], atol=0.05)
    np.testing.assert_allclose(found.scales[0], [[1.0, 0.6], [0.6, 2.0]], atol=0.08)


def test_tempering_leaves_the_wanted_number_of_draws():
    log_weights = np.random.default_rng(5).standard_normal(1000) * 10.0
    weights = tempered(log_weights, 100.0)
    assert weights.sum() == pytest.approx(1.0)
    assert 1.0 / (weights**2).sum() == pytest.approx(100.0, rel=0.01)
    np.testing.assert_allclose(tempered(np.zeros(10), 5.0), 0.1)


def test_moments_of_a_normal_are_found_from_a_wrong_start():
    result = sample_importance(normal, np.array([1.0, -1.0, 0.5]), 2.0 * np.eye(3), seed=1)
    assert result.status == "converged"
    assert result.runs <= 6400
    assert result.details["pareto_k"] < 0.7
    assert result.flat_weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(result.mean(), 0.0, atol=0.15)
    np.testing.assert_allclose(result.covariance(), COVARIANCE, atol=0.2)
    equal = result.equal_draws(5000, seed=2)
    np.testing.assert_allclose(np.cov(equal.T), COVARIANCE, atol=0.25)


def test_both_modes_keep_their_weights_where_both_are_given():
    result = sample_importance(bimodal, np.array([[-5.0] * 4, [5.0] * 4]), np.stack([np.eye(4)] * 2), seed=1)
    assert result.status == "converged"
    assert result.flat_weights[result.flat[:, 0] > 0.0].sum() == pytest.approx(2.0 / 3.0, abs=0.04)


def test_populations_that_disagree_are_not_taken_for_converged():
    def long_tail(u):
        # A ridge: the second parameter must follow the exponential of the first, far beyond the mode.
        return -0.5 * (u[:, 0] / 3.0) ** 2 - 0.5 * ((u[:, 1] - np.exp(u[:, 0])) / 0.1) ** 2

    result = sample_importance(long_tail, np.array([0.0, 1.0]), np.diag([0.01, 0.01]), seed=1, maximum_runs=8000)
    assert result.status == "not_converged"
    assert result.warnings
    assert "'ensemble'" in result.warnings[0]


def test_a_resumed_population_is_the_same(tmp_path):
    def skewed(u):
        return (3.0 * u - np.exp(u)).sum(axis=1)

    given = {"seed": 3, "settings": ImportanceSettings(draws=100), "minimum_effective_size": 4000.0}
    once = sample_importance(skewed, np.zeros(3), np.eye(3), maximum_runs=6000, **given)
    place = Checkpoint(tmp_path / "run.h5")
    sample_importance(skewed, np.zeros(3), np.eye(3), maximum_runs=2000, checkpoint=place, **given)
    more = sample_importance(skewed, np.zeros(3), np.eye(3), maximum_runs=6000, checkpoint=place, **given)
    np.testing.assert_array_equal(once.controls, more.controls)
    np.testing.assert_array_equal(once.weights, more.weights)


def first_draws(density, mean, covariance, count, seed=0):
    """Draws of a Student-t density, weighed before sampling."""
    proposal = student(mean, covariance, 5.0)
    points = proposal.draw(count, np.random.default_rng(seed))
    values = density(points)
    return FirstDraws(points, values, np.zeros((count, 0)), proposal)


def test_draws_weighed_before_are_a_first_iteration_without_runs(tmp_path):
    """They save their runs, leave the moments right, and a resumed sampler is the same."""
    mean, wide = np.array([0.3, 0.0, -0.2]), 2.0 * COVARIANCE
    given = {"seed": 5, "settings": ImportanceSettings(draws=100), "first": first_draws(normal, mean, wide, 400)}
    result = sample_importance(normal, mean, wide, **given)
    assert result.status == "converged"
    assert result.flat.shape[0] == result.runs + 400
    np.testing.assert_allclose(result.covariance(), COVARIANCE, atol=0.2)
    wish = given | {"minimum_effective_size": 3000.0}
    place = Checkpoint(tmp_path / "run.h5")
    sample_importance(normal, mean, wide, maximum_runs=1200, checkpoint=place, **wish)
    more = sample_importance(normal, mean, wide, maximum_runs=4000, checkpoint=place, **wish)
    once = sample_importance(normal, mean, wide, maximum_runs=4000, **wish)
    np.testing.assert_array_equal(once.controls, more.controls)
    np.testing.assert_array_equal(once.weights, more.weights)
    with pytest.raises(ValueError, match="300 first draws are too few for 4 populations of 100 draws"):
        sample_importance(normal, mean, wide, **given | {"first": first_draws(normal, mean, wide, 300)})


@pytest.mark.parametrize(("make", "most"), [(dense_twin, 3500), (sparse_twin, 20_000)])
def test_twins_give_a_thousand_effective_draws_within_their_budget(make, most):
    """With R-hat across populations below 1.01, Pareto k below 0.7; runs count from the normal posterior on."""
    twin = make()
    normal_posterior = laplace_posterior(twin, solve("gn", twin, starting_controls(10)).u)
    first = first_draws(twin.log_density, normal_posterior.mean, 1.1 * normal_posterior.covariance, 1000)
    result = sample_importance(twin.log_density, normal_posterior.mean, normal_posterior.covariance, seed=1, first=first,
                               settings=ImportanceSettings(draws=250), maximum_runs=most - 1000)
    assert result.status == "converged", result.message
    assert result.details["effective_size"] >= 1000.0
    assert 1000 + result.runs <= most
    distance = np.abs(twin.truth - result.mean()) / np.sqrt(np.diag(result.covariance()))
    assert distance.max() < 3.5


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="two iterations"):
        sample_importance(normal, np.zeros(3), COVARIANCE, maximum_runs=1000)
    with pytest.raises(ValueError, match="no draw of a first mixture"):
        sample_importance(lambda u: np.full(u.shape[0], -np.inf), np.zeros(3), COVARIANCE)
    with pytest.raises(ValueError, match="at least 2 independent populations"):
        ImportanceSettings(populations=1)
