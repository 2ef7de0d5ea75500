"""Measures of agreement follow their formulas."""

import numpy as np
import pytest

from terraflux.evaluation.comparison.agreement import agreement_maps, pattern, phase_shift, taylor, weighted_mean
from terraflux.evaluation.comparison.fields import fields_of, yearly


def like(fields, values, name="other"):
    """Other values on the cells and times of fields."""
    return fields_of(name, fields.quantity.name, values, fields.time, fields.latitude, fields.longitude)


def test_maps_of_a_shifted_and_stretched_product(make_fields):
    reference = make_fields(years=(2001, 2001))
    simulated = like(reference, 1.5 * reference.values + 0.5)
    found = agreement_maps(simulated, reference)
    weight = reference.days / reference.days.sum()
    series = reference.values[:, 2, 3]
    mean = weight @ series
    deviation = np.sqrt(weight @ (series - mean) ** 2)
    assert found.bias[2, 3] == pytest.approx(0.5 * mean + 0.5)
    assert found.centred_rmse[2, 3] == pytest.approx(0.5 * deviation)
    assert found.rmse[2, 3] == pytest.approx(np.hypot(found.bias[2, 3], found.centred_rmse[2, 3]))
    assert found.correlation == pytest.approx(1.0) and found.deviation_ratio == pytest.approx(1.5)
    assert found.phase_shift == pytest.approx(0.0)


def test_only_steps_that_both_have_count(make_fields):
    reference = make_fields()
    values = reference.values + 1.0
    values[4, 0, 0] = np.nan
    values[:, 5, 5] = np.nan
    found = agreement_maps(like(reference, values), reference)
    assert found.bias[0, 0] == pytest.approx(1.0) and np.isnan(found.bias[5, 5]) and np.isnan(found.correlation[5, 5])


def test_phase_is_the_way_between_maxima_the_short_way_round(make_fields):
    reference = make_fields(years=(2001, 2002))  # maximum in July
    assert phase_shift(like(reference, np.roll(reference.values, 1, axis=0)), reference) == pytest.approx(31.0)
    half = np.array([1.0 + (month % 12 == 0) for month in range(24)])[:, None, None] * np.ones((6, 8))
    late = np.array([1.0 + (month % 12 == 11) for month in range(24)])[:, None, None] * np.ones((6, 8))
    assert phase_shift(like(reference, late), like(reference, half)) == pytest.approx(349.5 - 15.5 - 365.0)
    assert np.isnan(phase_shift(reference, like(reference, np.ones((24, 6, 8))))).all()
    assert np.isnan(phase_shift(yearly(reference), yearly(reference))).all()


def test_taylor_statistics_obey_the_law_of_cosines():
    generator = np.random.default_rng(0)
    one, other, weights = generator.normal(size=(3, 50))
    found = taylor(one + 3.0, other, np.abs(weights))
    assert found.centred_rmse**2 == pytest.approx(1 + found.deviation_ratio**2 - 2 * found.deviation_ratio * found.correlation)
    assert taylor(other, other).correlation == pytest.approx(1.0) and taylor(other, other).centred_rmse == 0.0


def test_taylor_statistics_of_too_little_are_nan():
    assert np.isnan(taylor(np.array([1.0]), np.array([2.0])).correlation)
    assert np.isnan(taylor(np.array([1.0, 2.0]), np.array([2.0, 2.0])).deviation_ratio)


def test_patterns_are_weighted_by_area(make_fields):
    reference = make_fields(seed=3)
    simulated = make_fields(seed=4)
    maps = agreement_maps(simulated, reference)
    weights = np.zeros((6, 8))
    weights[0, :2] = 1.0
    assert abs(pattern(maps, weights).correlation) == pytest.approx(1.0)
    assert weighted_mean(np.array([1.0, np.nan, 4.0]), np.array([1.0, 5.0, 2.0])) == 3.0
    assert np.isnan(weighted_mean(np.array([np.nan]), np.array([1.0])))
