"""A clock that disagrees with the sun is found, measured and refused."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.sun_clock import check_clock, clock_offset
from terraflux.drivers.time_axis import TimeAxis
from terraflux.model.solar import interval_sun

AXIS = TimeAxis(np.arange(np.datetime64("2020-03-01", "s"), np.datetime64("2020-06-01", "s"),
                          np.timedelta64(1800, "s")), 1800)
LIGHT = 0.7 * interval_sun(AXIS.start, 1800, 42.4, 128.1, 8.0)[2]
CLOUDY = LIGHT * np.repeat(np.random.default_rng(1).uniform(0.2, 1.0, AXIS.start.size // 12), 12)


@pytest.mark.parametrize("true_offset", [5.0, 7.0, 7.5, 8.0, 8.5, 9.0, 10.0])
def test_offset_of_the_clock_is_measured(true_offset):
    found = clock_offset(CLOUDY, AXIS, 42.4, 128.1, true_offset)
    assert found == pytest.approx(8.0 - true_offset, abs=0.1)


def test_right_clock_passes_and_leaves_a_note():
    notes = check_clock(CLOUDY, AXIS, 42.4, 128.1, 8.0)
    assert "checked against the sun" in notes[0]


def test_wrong_offset_is_refused_with_the_one_that_fits():
    with pytest.raises(ForcingError, match=r"h ahead.*\+8 would fit"):
        check_clock(CLOUDY, AXIS, 42.4, 128.1, 7.0)


def test_end_stamps_taken_for_starts_are_refused():
    with pytest.raises(ForcingError, match="starts or ends"):
        check_clock(np.roll(CLOUDY, 1), AXIS, 42.4, 128.1, 8.0)


def test_west_longitude_given_as_east_is_refused():
    with pytest.raises(ForcingError, match="longitude"):
        check_clock(CLOUDY, AXIS, 42.4, -128.1, 8.0)


def test_short_and_dark_records_are_not_judged():
    short = TimeAxis(AXIS.start[:96], 1800)
    assert "not checked" in check_clock(CLOUDY[:96], short, 42.4, 128.1, 0.0)[0]
    assert np.isnan(clock_offset(np.zeros_like(CLOUDY), AXIS, 42.4, 128.1, 8.0))
