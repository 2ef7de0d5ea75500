"""Accuracy and odd values of the functions that vectorise."""

import math

import numpy as np
import pytest
from numba import njit

from terraflux.model.weave import lane_math, lane_math_python

EPSILON = np.finfo(float).eps


def mapped(function):
    """The function over an array, compiled as in a stage."""

    @njit(error_model="numpy")
    def over(x):
        result = np.empty_like(x)
        for k in range(len(x)):
            result[k] = function(x[k])
        return result

    return over


def units_in_the_last_place(function, reference, x):
    """Largest error in units of the spacing of doubles at the exact result (long double arithmetic)."""
    exact = reference(x.astype(np.longdouble))
    return float(np.max(np.abs(mapped(function)(x) - exact) / np.spacing(np.abs(exact.astype(float)))))


def both_signs(low, high, count=20000):
    x = np.geomspace(low, high, count)
    return np.concatenate([-x, x])


def test_exp_is_within_three_units_in_the_last_place():
    assert units_in_the_last_place(lane_math.exp, np.exp, np.linspace(-707.0, 707.0, 100001)) < 3.0


def test_log_is_within_three_units_in_the_last_place():
    x = np.concatenate([np.geomspace(1e-300, 1e300, 50001), 1.0 + both_signs(1e-12, 0.4)])
    x = x[x != 1.0]
    assert units_in_the_last_place(lane_math.log, np.log, x) < 3.0


def test_expm1_and_tanh_keep_small_arguments():
    assert units_in_the_last_place(lane_math.expm1, np.expm1, both_signs(1e-15, 30.0)) < 4.0
    assert units_in_the_last_place(lane_math.tanh, np.tanh, both_signs(1e-15, 40.0)) < 4.0


def test_power_of_a_positive_number_matches_numpy():
    base = np.geomspace(1e-4, 1e4, 2001)
    for exponent in (-7.5, -0.25, 0.5, 1.0, 3.7):
        power = mapped(njit(lambda x, a=exponent: lane_math.pow_positive(x, a)))
        scale = 1.0 + np.abs(exponent * np.log(base))
        assert np.max(np.abs(power(base) / base**exponent - 1.0) / scale) < 2.0 * EPSILON


@pytest.mark.parametrize("name", sorted({*lane_math.__all__} - {"fma", "pow_positive"}))
def test_nan_passes_through(name):
    assert math.isnan(getattr(lane_math, name)(math.nan))


def test_infinite_and_impossible_arguments():
    assert lane_math.log(math.inf) == math.inf
    assert all(math.isnan(lane_math.log(x)) for x in (0.0, -1.0, -math.inf))
    assert math.isnan(lane_math.sqrt(-1.0))
    assert math.isnan(lane_math.pow_positive(0.0, 2.0)) and math.isnan(lane_math.pow_positive(2.0, math.nan))
    assert 1e307 < lane_math.exp(math.inf) < math.inf and 0.0 < lane_math.exp(-math.inf) < 1e-307
    assert (lane_math.tanh(math.inf), lane_math.tanh(-math.inf), lane_math.tanh(0.0)) == (1.0, -1.0, 0.0)
    assert lane_math.expm1(-math.inf) == -1.0


def test_fma_rounds_once():
    a = 1.0 + EPSILON
    assert lane_math.fma(a, a, -(a * a)) == EPSILON**2
    assert math.isnan(lane_math.fma(math.nan, 1.0, 1.0))


def test_floor_and_ceil_stay_floats():
    assert (lane_math.floor(-1.5), lane_math.ceil(-1.5)) == (-2.0, -1.0)
    assert isinstance(lane_math.floor(2.5), float)


def test_plain_python_form_has_the_same_bits_and_divides_by_zero():
    for name in ("exp", "log", "tanh"):
        assert getattr(lane_math_python, name)(0.3) == getattr(lane_math, name)(0.3)
    with np.errstate(divide="ignore"):
        assert 1.0 / lane_math_python.floor(0.5) == math.inf
