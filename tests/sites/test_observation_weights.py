"""Weights of half hours: bounds, limits, and operators that are not mixed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from terraflux.sites.observation_weights import (
    OPERATORS,
    Rejection,
    effective_sample_size,
    observation_weights,
    representativeness_sigma,
)

CAPTURED = np.array([0.95, 0.60, 0.95, np.nan])
TARGET = np.array([0.90, 0.90, 0.30, 0.90])


def test_half_hours_need_captured_mass_and_target_class_before_any_operator():
    made = observation_weights("inflation", CAPTURED, TARGET)
    assert made.weight.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert made.rejection.tolist() == [0, Rejection.LITTLE_CAPTURED, Rejection.LITTLE_TARGET, Rejection.NO_FOOTPRINT]
    assert made.counts() == {"no_footprint": 1, "little_captured": 1, "little_target": 1, "no_location_bias": 0,
                             "location_bias": 0}


def test_a_mixture_models_every_class_and_so_needs_no_target_class():
    assert observation_weights("mixture", CAPTURED, TARGET).weight.tolist() == [1.0, 0.0, 1.0, 0.0]


def test_a_hard_filter_keeps_pure_footprints_only():
    target = np.array([0.79, 0.80, 1.0])
    assert observation_weights("hard_filter", np.ones(3), target).weight.tolist() == [0.0, 1.0, 1.0]
    assert observation_weights("hard_filter", np.ones(3), target, least_target_fraction=0.9).weight.tolist() == [0.0, 0.0, 1.0]


def test_a_tempered_weight_is_the_target_fraction_less_by_the_bias():
    made = observation_weights("tempered", np.ones(5), np.array([1.0, 0.8, 1.0, 1.0, 1.0]),
                               np.array([0.0, -12.5, 25.0, 40.0, np.nan]))
    assert made.weight == pytest.approx([1.0, 0.4, 0.0, 0.0, 0.0])
    assert made.rejection.tolist() == [0, 0, Rejection.LOCATION_BIAS, Rejection.LOCATION_BIAS, Rejection.NO_LOCATION_BIAS]


@given(arrays(float, 20, elements=some.floats(0, 1)), arrays(float, 20, elements=some.floats(0, 1)),
       arrays(float, 20, elements=some.floats(-100, 100)))
def test_weights_lie_between_nought_and_one_and_rejected_rows_have_none(captured, target, bias):
    made = observation_weights("tempered", captured, target, bias)
    assert ((made.weight >= 0.0) & (made.weight <= 1.0)).all()
    assert (made.weight[made.rejection != 0] == 0.0).all()


def test_the_site_operator_counts_every_half_hour():
    assert observation_weights("site", rows=3).weight.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("operator", [one for one in OPERATORS if one != "tempered"])
def test_a_location_bias_is_refused_outside_the_tempered_operator(operator):
    with pytest.raises(ValueError, match="not mixed"):
        observation_weights(operator, np.ones(2), np.ones(2), np.zeros(2))


def test_senseless_inputs_are_refused_by_name():
    with pytest.raises(ValueError, match="known are mixture"):
        observation_weights("blend", np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="needs captured_mass"):
        observation_weights("mixture")
    with pytest.raises(ValueError, match=r"target_fraction must lie in 0\.\.1"):
        observation_weights("mixture", np.ones(2), np.array([0.5, 80.0]))
    with pytest.raises(ValueError, match="takes the number of rows"):
        observation_weights("site", np.ones(2), np.ones(2), rows=2)


def test_the_effective_sample_size_is_the_count_of_equal_weights_and_less_for_unequal_ones():
    assert effective_sample_size(np.full(40, 0.3)) == pytest.approx(40.0)
    assert effective_sample_size([1.0, 0.0, 0.0]) == pytest.approx(1.0)
    assert effective_sample_size([1.0, 0.5]) == pytest.approx(1.8)
    assert effective_sample_size([0.0, 0.0]) == 0.0
    assert effective_sample_size([1.0, 1.0, 1.0], [True, False, True]) == pytest.approx(2.0)


def test_the_representativeness_error_joins_dispersion_and_distance_and_vanishes_where_footprint_is_cell():
    sigma = representativeness_sigma(20.0, np.array([0.0, 0.0, 0.0009]), np.array([0.5, 0.6, 0.54]), 0.5)
    assert sigma == pytest.approx([0.0, 2.0, 20.0 * np.sqrt(0.0009 + 0.0016)])
    with pytest.raises(ValueError, match="not negative"):
        representativeness_sigma(1.0, np.array([-0.1]), np.array([0.5]), 0.5)
