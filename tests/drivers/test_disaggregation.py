"""Weather made from monthly values keeps them exactly, is plausible, and comes again with its seed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.drivers import disaggregation
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import TimeAxis

AXIS = TimeAxis(np.arange(np.datetime64("2020-01-01", "s"), np.datetime64("2021-01-01", "s"),
                          np.timedelta64(1800, "s")), 1800)
MONTHS = AXIS.months.astype(int) - AXIS.months.astype(int)[0]
STEPS = np.bincount(MONTHS)
TOTALS = np.array([0.0, 3.0, 22.0, 48.0, 75.0, 110.0, 320.0, 95.0, 40.0, 18.0, 0.4, 7.0])
RATES = TOTALS / (STEPS * 1800.0)
WETNESS = np.random.default_rng(5).normal(size=AXIS.start.size)
CLOUDY_DAYS = np.repeat(np.random.default_rng(6).normal(size=366), 48)


def test_monthly_totals_of_rain_are_exact():
    rain = disaggregation.precipitation_events(RATES, AXIS, WETNESS, seed=1)
    for month in range(12):
        total = math.fsum(rain[month == MONTHS]) * 1800.0
        assert total == pytest.approx(TOTALS[month], rel=1e-12, abs=1e-15)
    assert rain.min() >= 0.0


def test_rain_comes_in_events():
    rain = disaggregation.precipitation_events(RATES, AXIS, CLOUDY_DAYS, seed=1)
    wet = rain > 0.0
    assert 0.01 < wet.mean() < 0.25
    wet_days = np.array([(wet & (month == MONTHS)).reshape(-1, 48).any(axis=1).sum() for month in range(12)])
    assert np.array_equal(wet_days, [disaggregation.wet_days(total, 31) for total in TOTALS])
    assert rain.max() * 3600.0 < 120.0


def test_rain_falls_on_wet_days():
    rain = disaggregation.precipitation_events(RATES, AXIS, CLOUDY_DAYS, seed=1)
    daily, score = rain.reshape(-1, 48).sum(axis=1), CLOUDY_DAYS.reshape(-1, 48).mean(axis=1)
    assert score[daily > 0].mean() > score[daily == 0].mean() + 0.5


def test_seed_decides_the_weather():
    first, again, other = (disaggregation.precipitation_events(RATES, AXIS, WETNESS, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    hour = AXIS.step_of_day / 2.0
    winds = [disaggregation.gusty_wind(np.full(12, 3.0), AXIS, hour, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(winds[0], winds[1]) and not np.array_equal(winds[0], winds[2])


def test_one_month_does_not_move_the_rain_of_the_next():
    changed = RATES.copy()
    changed[2] = 0.0
    before = disaggregation.precipitation_events(RATES, AXIS, WETNESS, seed=1)
    after = disaggregation.precipitation_events(changed, AXIS, WETNESS, seed=1)
    assert np.array_equal(before[MONTHS != 2], after[MONTHS != 2]) and (after[MONTHS == 2] == 0.0).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.05, 15.0), min_size=12, max_size=12), st.integers(0, 10))
def test_wind_keeps_its_means_and_stays_positive(means, seed):
    wind = disaggregation.gusty_wind(np.array(means), AXIS, AXIS.step_of_day / 2.0, seed=seed)
    assert wind.min() > 0.0
    np.testing.assert_allclose(disaggregation.monthly_means(wind, AXIS), means, rtol=1e-12)


def test_wind_peaks_in_the_afternoon():
    hour = AXIS.step_of_day / 2.0
    wind = disaggregation.gusty_wind(np.full(12, 3.0), AXIS, hour, seed=4)
    by_hour = wind.reshape(-1, 48).mean(axis=0)
    assert 11.0 <= hour[np.argmax(by_hour)] <= 17.0 and by_hour.max() > 1.3 * by_hour.min()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-40.0, 40.0), min_size=12, max_size=12))
def test_smooth_course_keeps_monthly_means(targets):
    course = disaggregation.smooth_from_monthly(np.array(targets), AXIS)
    np.testing.assert_allclose(disaggregation.monthly_means(course, AXIS), targets, atol=1e-10)


def test_smooth_course_has_no_jumps_at_month_ends():
    pressure = 9.25e4 + 400.0 * np.cos(np.arange(12) * np.pi / 6.0)
    course = disaggregation.smooth_from_monthly(pressure, AXIS)
    assert np.abs(np.diff(course)).max() < 2.0


def test_negative_rain_and_still_months_are_refused():
    with pytest.raises(ForcingError, match="negative"):
        disaggregation.precipitation_events(-RATES, AXIS, WETNESS, seed=1)
    with pytest.raises(ForcingError, match="not positive"):
        disaggregation.gusty_wind(np.zeros(12), AXIS, AXIS.step_of_day / 2.0, seed=1)
