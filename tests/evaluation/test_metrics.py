"""Measures of agreement give the values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from terraflux.evaluation import metrics
from terraflux.evaluation.metrics import METRICS

OBSERVED = np.array([1.0, 2.0, 3.0, 4.0])
SIMULATED = np.array([2.0, 2.0, 4.0, 6.0])


def test_measures_of_four_pairs_equal_hand_calculation():
    # Differences 1, 0, 1, 2; deviations of observed -1.5 -0.5 0.5 1.5 (squares 5), of simulated -1.5 -1.5 0.5 2.5 (11).
    r = 7.0 / np.sqrt(55.0)  # products 2.25 + 0.75 + 0.25 + 3.75
    alpha = np.sqrt(11.0 / 5.0)
    beta = 3.5 / 2.5
    expected = {
        "bias": 1.0,
        "rmse": np.sqrt(1.5),
        "r": r,
        "nse": 1.0 - 6.0 / 5.0,
        "kge_2009": 1.0 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2),
        "kge_2012": 1.0 - np.sqrt((r - 1) ** 2 + (alpha / beta - 1) ** 2 + (beta - 1) ** 2),
        "nme": 4.0 / 4.0,
        "mbe": 1.0,
        "sd_difference": alpha - 1.0,
        "percentile_5_difference": 2.0 - 1.15,
        "percentile_95_difference": 5.7 - 3.85,
    }
    for name, value in expected.items():
        assert METRICS[name].function(SIMULATED, OBSERVED) == pytest.approx(value, rel=1e-12), name


def test_a_perfect_simulation_is_perfect_in_every_measure():
    values = np.random.default_rng(1).gamma(2.0, 3.0, 500)
    for name, metric in METRICS.items():
        assert metric.function(values, values) == pytest.approx(metric.perfect, abs=1e-12), name
        assert metric.distance(metric.function(values, values)) == pytest.approx(0.0, abs=1e-12)


def test_mean_of_observations_has_no_efficiency():
    constant = np.full(4, OBSERVED.mean())
    assert metrics.nash_sutcliffe(constant, OBSERVED) == pytest.approx(0.0, abs=1e-15)
    assert metrics.normalised_mean_error(constant, OBSERVED) == pytest.approx(1.0, rel=1e-15)
    assert np.isnan(metrics.correlation(constant, OBSERVED))


def test_measures_of_nothing_or_of_constant_observations_are_undefined():
    nothing = np.array([])
    constant = np.full(4, 2.0)
    for name, metric in METRICS.items():
        assert np.isnan(metric.function(nothing, nothing)), name
    for name in ("r", "nse", "kge_2009", "kge_2012", "nme", "sd_difference", "skewness_difference"):
        assert np.isnan(METRICS[name].function(SIMULATED, constant)), name


def test_skewness_and_kurtosis_of_known_samples():
    # (0, 0, 0, 1): mean 1/4, variance 3/16, third moment 3/32, fourth 21/256.
    lopsided, symmetric = np.array([0.0, 0.0, 0.0, 1.0]), np.array([-1.0, -1.0, 1.0, 1.0])
    assert metrics.skewness_difference(lopsided, symmetric) == pytest.approx((3 / 32) / (3 / 16) ** 1.5)
    assert metrics.kurtosis_difference(lopsided, symmetric) == pytest.approx((21 / 256) / (3 / 16) ** 2 - 1.0)


def test_separate_distributions_do_not_overlap_and_half_shared_ones_overlap_by_half():
    low, high = np.zeros(100), np.ones(100)
    assert metrics.probability_overlap(low, high) == 0.0
    mixed = np.concatenate([np.zeros(50), np.ones(50)])
    assert metrics.probability_overlap(low, mixed) == pytest.approx(0.5)


@given(arrays(float, 30, elements=st.floats(-50, 50)), arrays(float, 30, elements=st.floats(-50, 50)))
def test_squared_error_splits_into_bias_and_centred_error(simulated, observed):
    centred = np.mean(((simulated - simulated.mean()) - (observed - observed.mean())) ** 2)
    total = metrics.root_mean_square_error(simulated, observed) ** 2
    assert total == pytest.approx(metrics.bias(simulated, observed) ** 2 + centred, rel=1e-9, abs=1e-9)


@given(arrays(float, 80, elements=st.floats(-50, 50)), arrays(float, 80, elements=st.floats(-50, 50)))
def test_overlap_is_a_share_and_the_same_from_both_sides(simulated, observed):
    overlap = metrics.probability_overlap(simulated, observed)
    assert 0.0 <= overlap <= 1.0 + 1e-12
    assert overlap == pytest.approx(metrics.probability_overlap(observed, simulated))


def test_overlap_of_a_few_values_is_undefined():
    assert np.isnan(metrics.probability_overlap(SIMULATED, OBSERVED))
