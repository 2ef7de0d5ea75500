"""Averages pair simulated and observed values fairly and refuse windows with too few of them."""

import numpy as np
import pandas as pd
import pytest

from terraflux.evaluation.averaging import MissingRule, pairs, period_means


def half_hours(days, start="2004-01-01"):
    return pd.date_range(start, periods=48 * days, freq="30min").to_numpy()


def test_daily_means_use_only_steps_that_both_have():
    time = half_hours(2)
    observed = np.tile(np.arange(48.0), 2)
    simulated = observed + 1.0
    observed[:10] = np.nan
    simulated[5:20] = np.nan
    daily = pairs(time, simulated, observed, "daily", 1800.0)
    assert daily.observed == pytest.approx([np.arange(20, 48).mean(), 23.5])
    assert daily.simulated - daily.observed == pytest.approx([1.0, 1.0])


def test_a_day_with_23_half_hours_is_refused_and_one_with_24_is_kept():
    time = half_hours(2)
    observed = np.zeros(96)
    observed[:25] = np.nan
    observed[48:72] = np.nan
    daily = pairs(time, np.zeros(96), observed, "daily", 1800.0)
    assert list(daily.label) == [np.datetime64("2004-01-02")]


def test_a_month_counts_with_its_full_calendar_length():
    time = half_hours(12, start="2004-02-01")
    values = np.ones(time.size)
    assert len(pairs(time, values, values, "monthly", 1800.0)) == 1  # 12 of 29 days are more than 0.4
    assert len(pairs(time, values, values, "monthly", 1800.0, MissingRule(monthly=0.42))) == 0


def test_a_leap_year_has_366_days():
    time = half_hours(366)
    values = np.ones(time.size)
    assert len(pairs(time, values, values, "annual", 1800.0, MissingRule(annual=1.0))) == 1
    assert len(pairs(time[:-1], values[:-1], values[:-1], "annual", 1800.0, MissingRule(annual=1.0))) == 0


def test_the_mean_diurnal_cycle_has_one_value_per_time_of_day():
    time = half_hours(20)
    hour = np.tile(np.arange(48) / 2.0, 20)
    cycle = pairs(time, hour, hour * 2.0, "diurnal", 1800.0)
    assert cycle.label == pytest.approx(np.arange(48) / 2.0)
    assert cycle.observed == pytest.approx(2.0 * cycle.label)
    assert len(pairs(time, hour, hour, "diurnal", 1800.0, MissingRule(diurnal_days=21))) == 0


def test_hourly_steps_need_half_as_many_values():
    time = pd.date_range("2005-06-01", periods=24, freq="h").to_numpy()
    observed = np.where(np.arange(24) < 12, 1.0, np.nan)
    assert len(pairs(time, np.ones(24), observed, "daily", 3600.0)) == 1


def test_nothing_in_common_gives_no_pairs_on_any_scale():
    time = half_hours(3)
    for scale in ("half_hourly", "daily", "monthly", "diurnal", "annual"):
        assert len(pairs(time, np.ones(144), np.full(144, np.nan), scale, 1800.0)) == 0


def test_unknown_scales_shares_and_unequal_lengths_are_refused():
    time = half_hours(1)
    with pytest.raises(ValueError, match="unknown scale 'weekly'; known are half_hourly"):
        pairs(time, np.ones(48), np.ones(48), "weekly", 1800.0)
    with pytest.raises(ValueError, match="lengths"):
        pairs(time, np.ones(47), np.ones(48), "daily", 1800.0)
    with pytest.raises(ValueError, match="daily share"):
        MissingRule(daily=24.0)


def test_means_of_one_series_are_missing_where_too_few_values_are():
    time = half_hours(2)
    values = np.where(np.arange(96) < 60, 2.0, np.nan)
    means = period_means(time, values, "D", 1800.0, 0.5)
    assert means.iloc[0] == 2.0
    assert np.isnan(means.iloc[1])
