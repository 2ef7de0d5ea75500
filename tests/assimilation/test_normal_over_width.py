"""The normal posterior over its own width: exact for normal posteriors, nearer to the mean of skew and rough ones."""

import numpy as np
import pytest
from scipy import special

from terraflux.assimilation.laplace import LaplacePosterior
from terraflux.assimilation.normal_over_width import over_its_width


def normal(mean, covariance):
    covariance = np.atleast_2d(np.asarray(covariance, float))
    return LaplacePosterior(np.asarray(mean, float), covariance, np.linalg.inv(covariance), 0.0, 0, "converged", "given")


def test_a_normal_posterior_is_found_exactly_from_a_guess_beside_it():
    truth = np.array([[2.0, 0.6], [0.6, 0.5]])
    precision = np.linalg.inv(truth)

    def log_density(u):
        return -0.5 * np.einsum("ri,ij,rj->r", u - 1.0, precision, u - 1.0)

    found = over_its_width(normal([1.0, 1.0], truth), log_density)
    assert found.mean == pytest.approx([1.0, 1.0], abs=1e-12)
    assert found.covariance == pytest.approx(truth, rel=1e-12)
    beside = over_its_width(normal([1.3, 0.9], 1.5 * truth), log_density)
    assert beside.mean == pytest.approx([1.0, 1.0], abs=1e-12)
    assert beside.covariance == pytest.approx(truth, rel=1e-12)
    assert found.runs == 2 * 5 + 1


@pytest.mark.parametrize("shape", [4.0, 10.0, 40.0])
def test_the_mean_of_a_skew_posterior_is_met_ten_times_better_than_by_its_mode(shape):
    def log_density(u):  # the logarithm of a gamma variate
        return (shape * u - np.exp(u))[:, 0]

    mode = normal([np.log(shape)], [[1.0 / shape]])
    mean, deviation = special.digamma(shape), np.sqrt(special.polygamma(1, shape))
    found = over_its_width(mode, log_density, passes=4)
    assert abs(found.mean[0] - mean) < 0.1 * abs(mode.mean[0] - mean)
    assert abs(found.mean[0] - mean) < 0.03 * deviation
    assert found.deviation[0] == pytest.approx(deviation, rel=0.08)


def test_roughness_much_finer_than_the_posterior_does_not_lead_it_astray():
    def log_density(u):  # slopes of up to 3 at the mode, where those over the width are none
        return (-0.5 * u**2 + 0.03 * np.sin(100.0 * u)).sum(axis=1)

    found = over_its_width(normal([0.4, -0.3], np.diag([0.3, 2.0])), log_density, passes=3)
    assert np.abs(found.mean).max() < 0.05
    assert found.deviation == pytest.approx([1.0, 1.0], rel=0.05)


def test_passes_settle_where_the_posterior_falls_off_a_step():
    """A normal density that falls by 3 beyond 0.8: mean and deviation from quadrature, and no swing from pass to pass."""
    def log_density(u):
        return (-0.5 * u**2 - 3.0 / (1.0 + np.exp(-(u - 0.8) / 0.03)))[:, 0]

    grid = np.linspace(-8.0, 8.0, 20001)
    density = np.exp(log_density(grid[:, np.newaxis]))
    mean = np.average(grid, weights=density)
    deviation = np.sqrt(np.average((grid - mean) ** 2, weights=density))
    two, three, eight = (over_its_width(normal([0.0], [[1.0]]), log_density, passes) for passes in (2, 3, 8))
    for found in (two, three, eight):
        assert abs(found.mean[0] - mean) < 0.2 * deviation
        assert found.deviation[0] == pytest.approx(deviation, rel=0.25)
    assert abs(three.mean[0] - two.mean[0]) < 0.1 * deviation


def test_an_axis_that_leads_where_the_model_fails_keeps_its_place():
    def log_density(u):
        value = -0.5 * np.sum(u**2, axis=1)
        return np.where(u[:, 1] > 1.0, -np.inf, value)

    found = over_its_width(normal([0.2, 0.0], np.eye(2)), log_density, passes=1)
    assert found.mean == pytest.approx([0.0, 0.0], abs=1e-12)
    assert found.covariance == pytest.approx(np.eye(2), abs=1e-12)
