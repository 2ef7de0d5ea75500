"""Gaps are refused or filled by rule, flagged and counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.gaps import fill_gaps
from terraflux.drivers.provenance import FILLED_POOR, INTERPOLATED, MEASURED
from terraflux.drivers.record import series
from terraflux.drivers.time_axis import TimeAxis

AXIS = TimeAxis(np.arange(np.datetime64("2020-05-01", "s"), np.datetime64("2020-06-10", "s"),
                          np.timedelta64(1800, "s")), 1800)
CYCLE = 15.0 + 6.0 * np.sin(2.0 * np.pi * AXIS.step_of_day / 48.0)


def with_gap(first, last, values=CYCLE, variable="air_temperature", unit="degC"):
    gappy = values.copy()
    gappy[first:last] = np.nan
    return series(variable, gappy, unit, 1800, file="some.csv")


def test_gap_is_refused_with_its_time():
    with pytest.raises(ForcingError, match="10 of 1920 values are missing") as caught:
        fill_gaps("air_temperature", with_gap(48, 58), AXIS, rule="refuse")
    assert caught.value.time == "2020-05-02T00:00:00" and caught.value.variable == "air_temperature"


def test_two_hours_are_bridged_by_a_line():
    one = with_gap(100, 104)
    notes = fill_gaps("air_temperature", one, AXIS, rule="fill")
    assert np.allclose(np.diff(one.values[99:105], 2), 0.0)
    assert (one.flags[100:104] == INTERPOLATED).all() and one.flags[99] == MEASURED
    assert "4 missing values filled" in notes[0]


def test_longer_gap_takes_the_diurnal_mean_of_neighbouring_days():
    one = with_gap(480, 528)
    fill_gaps("air_temperature", one, AXIS, rule="fill")
    assert np.allclose(one.values, CYCLE)
    assert (one.flags[480:528] == FILLED_POOR).all() and (np.delete(one.flags, np.s_[480:528]) == MEASURED).all()


def test_rain_gap_copies_a_day_and_makes_no_drizzle():
    rain = np.where(AXIS.day_number % 5 == 0, 1e-4, 0.0)
    one = with_gap(480, 528, rain, "precipitation", "kg m-2 s-1")
    fill_gaps("precipitation", one, AXIS, rule="fill")
    assert set(np.unique(one.values)) == {0.0, 1e-4}


def test_missing_night_light_is_darkness():
    dark = AXIS.step_of_day < 12
    light = np.where(dark, 0.0, 300.0)
    one = with_gap(480, 490, light, "shortwave_down", "W m-2")
    fill_gaps("shortwave_down", one, AXIS, rule="fill", dark=dark)
    assert (one.values[480:490] == 0.0).all()


def test_too_much_missing_is_refused():
    with pytest.raises(ForcingError, match="more than 20 %"):
        fill_gaps("air_temperature", with_gap(0, 600), AXIS, rule="fill")


@given(st.lists(st.tuples(st.integers(0, 1900), st.integers(1, 60)), max_size=5))
def test_filling_leaves_measured_values_alone(gaps):
    one = with_gap(0, 0)
    for first, length in gaps:
        one.values[first:first + length] = np.nan
    missing = np.isnan(one.values)
    fill_gaps("air_temperature", one, AXIS, rule="fill")
    assert np.array_equal(one.values[~missing], CYCLE[~missing])
    assert np.isfinite(one.values).all() and (one.flags[missing] != MEASURED).all()
    again = one.values.copy()
    assert fill_gaps("air_temperature", one, AXIS, rule="refuse") == [] and np.array_equal(one.values, again)
