"""The analyses: exact for linear problems, missing data, batches, localisation, and the Lorenz-96 twin."""

import numpy as np
import pytest

from terraflux.assimilation.inflation import AdaptiveInflation
from terraflux.assimilation.localisation import Localisation, line_localisation
from terraflux.assimilation.transform_filter import EnsembleFilter, mean_preserving_rotation


@pytest.fixture
def linear():
    """A random ensemble, linear observations, data and error variances."""
    random = np.random.default_rng(4)
    ensemble = random.normal(size=(30, 6)) @ random.normal(size=(6, 6))
    operator = random.normal(size=(4, 6))
    return ensemble, (lambda e: e @ operator.T), random.normal(size=4), np.array([0.5, 1.0, 2.0, 0.1]), operator


def kalman(ensemble, operator, observed, variance):
    covariance = np.cov(ensemble.T)
    gain = covariance @ operator.T @ np.linalg.inv(operator @ covariance @ operator.T + np.diag(variance))
    mean = ensemble.mean(0)
    return mean + gain @ (observed - operator @ mean), covariance - gain @ operator @ covariance


@pytest.mark.parametrize("rotation", [False, True])
def test_transform_analysis_equals_the_kalman_filter(linear, rotation):
    ensemble, observe, observed, variance, operator = linear
    done = EnsembleFilter("transform", rotation=rotation).analyse(ensemble, observe, observed, variance)
    mean, covariance = kalman(ensemble, operator, observed, variance)
    assert np.allclose(done.ensemble.mean(0), mean, rtol=0, atol=1e-10)
    assert np.allclose(np.cov(done.ensemble.T), covariance, rtol=0, atol=1e-10)


def test_perturbed_analysis_has_the_kalman_mean_and_nearly_its_covariance(linear):
    ensemble, observe, observed, variance, operator = linear
    many = np.random.default_rng(1).multivariate_normal(ensemble.mean(0), np.cov(ensemble.T), 20000)
    done = EnsembleFilter("perturbed").analyse(many, observe, observed, variance)
    mean, covariance = kalman(many, operator, observed, variance)
    assert np.allclose(done.ensemble.mean(0), mean, rtol=0, atol=1e-10)
    assert np.abs(np.cov(done.ensemble.T) - covariance).max() < 0.05 * np.abs(covariance).max()


@pytest.mark.parametrize("method", ["transform", "perturbed"])
def test_a_missing_observation_says_nothing(linear, method):
    ensemble, observe, observed, variance, operator = linear
    gap = observed.copy()
    gap[1] = np.nan
    kept = [0, 2, 3]
    done = EnsembleFilter(method).analyse(ensemble, observe, gap, variance)
    mean, _ = kalman(ensemble, operator[kept], observed[kept], variance[kept])
    assert np.allclose(done.ensemble.mean(0), mean, rtol=0, atol=1e-10)
    assert np.isnan(done.innovation[1]) and np.isfinite(done.innovation[kept]).all()


def test_without_any_observation_the_ensemble_stays(linear):
    ensemble, observe, _, variance, _ = linear
    for method in ("transform", "perturbed"):
        done = EnsembleFilter(method).analyse(ensemble, observe, np.full(4, np.nan), variance)
        assert np.allclose(done.ensemble, ensemble, rtol=0, atol=1e-12)


@pytest.mark.parametrize("local", [False, True])
def test_ensembles_analysed_together_equal_those_analysed_alone(local):
    random = np.random.default_rng(2)
    ensembles, observed = random.normal(size=(5, 12, 4)), random.normal(size=(5, 4))
    places = np.arange(4.0)
    near = line_localisation(places, places, 3.0) if local else None
    together = EnsembleFilter(localisation=near).analyse(ensembles, lambda e: e, observed, 0.5).ensemble
    for one in range(5):
        alone = EnsembleFilter(localisation=near).analyse(ensembles[one], lambda e: e, observed[one], 0.5).ensemble
        assert np.allclose(together[one], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["transform", "perturbed"])
def test_tapers_of_one_change_nothing_and_of_zero_cut_off(linear, method):
    ensemble, observe, observed, variance, _ = linear
    ones = Localisation(np.ones((6, 4)), np.ones((4, 4)))
    cut = Localisation(np.vstack([np.zeros((3, 4)), np.ones((3, 4))]), np.ones((4, 4)))
    free = EnsembleFilter(method).analyse(ensemble, observe, observed, variance).ensemble
    assert np.allclose(EnsembleFilter(method, localisation=ones).analyse(ensemble, observe, observed, variance).ensemble,
                       free, rtol=0, atol=1e-10)
    half = EnsembleFilter(method, localisation=cut).analyse(ensemble, observe, observed, variance).ensemble
    assert np.allclose(half[:, :3], ensemble[:, :3], rtol=0, atol=1e-12)
    assert np.allclose(half[:, 3:], free[:, 3:], rtol=0, atol=1e-10)


def test_rotation_is_orthogonal_and_keeps_the_mean():
    rotation = mean_preserving_rotation(9, np.random.default_rng(1))
    assert np.allclose(rotation @ rotation.T, np.eye(9), atol=1e-12) and np.allclose(rotation.sum(1), 1.0, atol=1e-12)
    assert not np.allclose(rotation, np.eye(9), atol=0.1)


@pytest.mark.parametrize(("given", "words"), [
    ({"observed": np.zeros(3)}, "do not fit"), ({"variance": 0.0}, "above zero"),
    ({"ensemble": np.zeros((1, 6))}, "two members"), ({"ensemble": np.full((5, 6), np.nan)}, "not finite"),
])
def test_what_does_not_fit_is_refused(linear, given, words):
    ensemble, observe, observed, variance, _ = linear
    arguments = {"ensemble": ensemble, "observed": observed, "variance": variance[0]} | given
    with pytest.raises(ValueError, match=words):
        EnsembleFilter().analyse(arguments["ensemble"], observe, arguments["observed"], arguments["variance"])


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="transform, perturbed"):
        EnsembleFilter("magic")


def test_learning_inflation_is_used_by_the_next_analysis(linear):
    ensemble, observe, observed, variance, _ = linear
    inflation = AdaptiveInflation(1.05, damping=1.0)
    one = EnsembleFilter(inflation=inflation)
    one.analyse(ensemble, observe, observed + 50.0, variance)
    assert inflation.factor.shape == (6,) and (inflation.factor > 1.05).any()
