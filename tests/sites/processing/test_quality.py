"""Range, run and spike tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.sites.processing.quality import PLAUSIBLE, Quality, out_of_range, quality_flags, repeated, spikes

ROWS = 48 * 26
CLOCK = np.arange(ROWS) % 48
DARK = (CLOCK < 12) | (CLOCK >= 36)


def quiet(seed=1):
    generator = np.random.default_rng(seed)
    return np.where(DARK, 2.0, -10.0) + generator.normal(0.0, 0.5, ROWS)


def test_a_planted_spike_is_found_by_day_and_by_night():
    series = quiet()
    series[100], series[120] = 40.0, 40.0
    marked = spikes(series, DARK, z=7.0)
    assert bool(DARK[100]) != bool(DARK[120])
    assert marked[100] and marked[120]
    assert marked.sum() <= 6  # neighbours of a spike also see a jump


def test_day_and_night_are_judged_apart():
    assert not spikes(quiet(), DARK, z=7.0).any()  # the jump at sunrise is no spike


def test_a_stricter_z_finds_no_fewer_spikes():
    series = np.random.default_rng(2).standard_t(3, ROWS)
    counts = [spikes(series, DARK, z=z).sum() for z in (4.0, 5.5, 7.0)]
    assert counts[0] >= counts[1] >= counts[2] and counts[0] > counts[2]


def test_spikes_follow_the_formula_of_papale():
    series = quiet(3)[: 48 * 13]
    dark = np.ones(series.size, bool)
    double = 2.0 * series[1:-1] - series[:-2] - series[2:]
    middle = np.median(double)
    limit = 4.0 * np.median(np.abs(double - middle)) / 0.6745
    expected = np.concatenate(([False], np.abs(double - middle) > limit, [False]))
    assert np.array_equal(spikes(series, dark, z=4.0), expected)


def test_gaps_do_not_hide_a_spike():
    series = quiet()
    series[100] = 40.0
    series[[99, 101]] = np.nan
    assert spikes(series, DARK)[100]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), max_size=60), st.integers(2, 5))
def test_runs_are_those_of_the_series_without_gaps(values, shortest):
    marked = repeated(values, shortest)
    present = [(row, value) for row, value in enumerate(values) if value == value]
    expected = np.zeros(len(values), bool)
    for place, (row, value) in enumerate(present):
        first = place
        while first > 0 and present[first - 1][1] == value:
            first -= 1
        last = place
        while last + 1 < len(present) and present[last + 1][1] == value:
            last += 1
        expected[row] = last - first + 1 >= shortest
    assert np.array_equal(marked, expected)


def test_every_row_gets_exactly_one_reason_and_keeps_its_value():
    series = quiet()
    series[10], series[20], series[30], series[200:208] = np.nan, 900.0, 60.0, 2.5
    before = series.copy()
    flags = quality_flags(series, bounds=PLAUSIBLE["nee"], is_night=DARK)
    assert np.array_equal(before, series, equal_nan=True)
    assert flags[10] == Quality.MISSING
    assert flags[20] == Quality.OUT_OF_RANGE
    assert flags[30] == Quality.SPIKE
    assert (flags[200:208] == Quality.REPEATED).all()
    assert (flags == Quality.FIT).sum() > 0.97 * ROWS


def test_a_run_is_measured_in_hours_not_rows():
    hourly = np.concatenate((np.arange(20.0), np.full(4, 7.5), np.arange(20.0)))
    assert (quality_flags(hourly, step_minutes=60.0)[20:24] == Quality.REPEATED).all()
    assert (quality_flags(hourly, step_minutes=30.0) == Quality.FIT).all()


def test_a_series_of_nothing_is_all_missing():
    flags = quality_flags(np.full(ROWS, np.nan), bounds=(-1.0, 1.0), is_night=DARK)
    assert (flags == Quality.MISSING).all()
    assert quality_flags(np.zeros(0), is_night=np.zeros(0, bool)).size == 0


def test_infinity_is_missing_and_the_bounds_are_inside():
    assert quality_flags([np.inf, 1.0, 2.0], bounds=(1.0, 2.0)).tolist() == [1, 0, 0]
    assert out_of_range([0.9, np.nan], 1.0, 2.0).tolist() == [True, False]


def test_a_wrong_length_names_the_column():
    with pytest.raises(ValueError, match="is_night"):
        spikes(np.zeros(10), np.zeros(9, bool))
