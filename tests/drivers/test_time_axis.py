"""The clock of a record: stamps, leap days, and what is refused or repaired by rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import (
    TimeAxis,
    regular_axis,
    stamps_from_columns,
    stamps_from_text,
    to_local_standard_time,
)

HALF_HOURS = np.arange(np.datetime64("2020-02-27", "s"), np.datetime64("2020-03-03", "s"), np.timedelta64(1800, "s"))


def test_spellings_of_a_stamp_agree():
    spelled = ["202003010030", "2020-03-01 00:30", "2020-03-01T00:30:00", "2020/03/01 0:30", "202003010030.0"]
    assert set(stamps_from_text(spelled).tolist()) == {np.datetime64("2020-03-01T00:30", "s").item()}


def test_twenty_four_o_clock_ends_the_day():
    assert stamps_from_text(["2020-12-31 24:00"])[0] == np.datetime64("2021-01-01T00:00", "s")
    columns = stamps_from_columns([2020.0], month=[12.0], day=[31.0], hour=[24.0])
    assert columns[0] == np.datetime64("2021-01-01T00:00", "s")


def test_day_of_year_counts_leap_days():
    assert stamps_from_columns([2020.0], day_of_year=[366.0], hour=[0.5])[0] == np.datetime64("2020-12-31T00:30", "s")
    with pytest.raises(ForcingError, match="holds no date"):
        stamps_from_columns([2021.0], day_of_year=[366.0])
    with pytest.raises(ForcingError, match="29 February"):
        stamps_from_text(["2021-02-29 12:00"])


def test_zone_of_a_stamp_is_honoured_and_needs_the_offset_of_the_site():
    assert stamps_from_text(["2020-03-01T00:30Z"], utc_offset_hours=8)[0] == np.datetime64("2020-03-01T08:30", "s")
    assert stamps_from_text(["2020-03-01T00:30+09:00"], utc_offset_hours=8)[0] == np.datetime64("2020-02-29T23:30", "s")
    with pytest.raises(ForcingError, match="utc_offset_hours"):
        stamps_from_text(["2020-03-01T00:30Z"])
    moved = to_local_standard_time(HALF_HOURS[:1], 0.0, -8.0)
    assert moved[0] == HALF_HOURS[0] - np.timedelta64(8, "h")


def test_regular_record_passes_through_leap_day():
    axis, rows, notes = regular_axis(HALF_HOURS)
    assert axis.step_seconds == 1800 and notes == []
    assert np.array_equal(rows, np.arange(HALF_HOURS.size)) and np.array_equal(axis.start, HALF_HOURS)
    assert np.datetime64("2020-02-29") in axis.start.astype("datetime64[D]")


def test_missing_leap_day_is_named():
    kept = HALF_HOURS[HALF_HOURS.astype("datetime64[D]") != np.datetime64("2020-02-29")]
    with pytest.raises(ForcingError, match=r"48 of 240 time steps are missing \(a 29 February") as caught:
        regular_axis(kept)
    assert caught.value.time == "2020-02-29T00:00:00"
    axis, rows, notes = regular_axis(kept, gaps="fill")
    assert (rows < 0).sum() == 48 and axis.start.size == 240 and "48 missing" in notes[0]


def test_shuffled_time_is_refused_or_sorted():
    shuffled = np.random.default_rng(1).permutation(HALF_HOURS)
    with pytest.raises(ForcingError, match="backwards"):
        regular_axis(shuffled)
    axis, rows, notes = regular_axis(shuffled, order="sort")
    assert np.array_equal(shuffled[rows], HALF_HOURS) and np.array_equal(axis.start, HALF_HOURS)
    assert "sorted" in notes[0]


def test_repeated_stamp_is_refused_or_first_kept():
    doubled = np.insert(HALF_HOURS, 10, HALF_HOURS[10])
    with pytest.raises(ForcingError, match="1 time stamps appear twice"):
        regular_axis(doubled)
    _, rows, notes = regular_axis(doubled, duplicates="first")
    assert rows[10] == 10 and rows[11] == 12 and "1 repeated" in notes[0]


def test_daylight_saving_clock_is_refused_even_with_repairs():
    utc = np.arange(np.datetime64("2021-01-01", "s"), np.datetime64("2021-12-31", "s"), np.timedelta64(1800, "s"))
    summer = (utc >= np.datetime64("2021-03-28T02:00")) & (utc < np.datetime64("2021-10-31T02:00"))
    clock = np.where(summer, utc + np.timedelta64(3600, "s"), utc)
    with pytest.raises(ForcingError, match="daylight saving"):
        regular_axis(clock, gaps="fill", duplicates="first", order="sort")


def test_stamp_off_the_grid_and_unusable_step_are_refused():
    crooked = HALF_HOURS.copy()
    crooked[7] += np.timedelta64(60, "s")
    with pytest.raises(ForcingError, match="grid"):
        regular_axis(crooked, step_seconds=1800)
    with pytest.raises(ForcingError, match="time step"):
        TimeAxis(HALF_HOURS, 1700)


@given(st.sets(st.integers(1, 238), max_size=60))
def test_gaps_are_found_wherever_they_are(missing):
    kept = np.delete(HALF_HOURS, sorted(missing))
    axis, rows, _ = regular_axis(kept, gaps="fill", step_seconds=1800)
    assert np.array_equal(axis.start, HALF_HOURS)
    assert set(np.flatnonzero(rows < 0).tolist()) == missing
    assert np.array_equal(kept[rows[rows >= 0]], np.delete(HALF_HOURS, sorted(missing)))
