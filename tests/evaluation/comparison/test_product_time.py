"""Time axes become intervals in the calendar of the product."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.product_time import days_of, intervals, periods


def test_the_last_composite_of_a_year_is_short():
    for year, last in ((2001, 5.0), (2004, 6.0)):
        stamps, calendar = days_of(np.arange(0.0, 366.0, 8.0), f"days since {year}-01-01", "standard")
        found = intervals(stamps[:46], None, calendar, "8day")
        assert found.end[-1] - found.start[-1] == last
        assert np.all(found.end[:-1] - found.start[:-1] == 8.0)
        assert (found.end - found.start).sum() == 360.0 + last


def test_a_composite_is_shared_by_two_months_and_no_day_is_lost():
    stamps, calendar = days_of(np.arange(0.0, 365.0, 8.0), "days since 2001-01-01", "standard")
    found = periods(intervals(stamps, None, calendar))
    assert found.time[0] == np.datetime64("2001-01") and found.time.size == 12
    for month in range(12):
        assert found.overlap[found.period == month].sum() == found.days[month]
    shared = found.overlap[found.step == 3]  # 25 January to 1 February
    assert shared.tolist() == [7.0, 1.0]


@pytest.mark.parametrize(("calendar", "february"), [("standard", 29.0), ("noleap", 28.0), ("360_day", 30.0), ("365_day", 28.0)])
def test_months_have_the_days_of_their_calendar(calendar, february):
    stamps, plain = days_of(np.array([0.0, 1.0, 2.0]), "months since 2000-01-01", calendar)
    found = periods(intervals(stamps, None, plain))
    assert found.days[1] == february


def test_stamps_in_the_middle_or_at_the_end_of_a_month_mean_that_month():
    for day in (1, 15, 28):
        stamps, calendar = days_of(np.array([day - 1.0, 31.0 + day - 1.0]), "days since 2001-01-01", "standard")
        found = periods(intervals(stamps, None, calendar))
        assert found.time.tolist() == np.array(["2001-01", "2001-02"], dtype="datetime64[M]").tolist()
        assert found.overlap.tolist() == [31.0, 28.0]


def test_bounds_go_before_stamps():
    stamps, calendar = days_of(np.array([31.0, 59.0]), "days since 2001-01-01", "standard")  # stamps at the ends
    bounds = np.array([[0.0, 31.0], [31.0, 59.0]]) + stamps[0] - 31.0
    assert periods(intervals(stamps, bounds, calendar)).time[0] == np.datetime64("2001-01")


def test_years_stay_years():
    stamps, calendar = days_of(np.array([0.0, 1.0]), "years since 2000-01-01", "standard")
    found = periods(intervals(stamps, None, calendar))
    assert found.time.astype(str).tolist() == ["2000", "2001"] and found.days.tolist() == [366.0, 365.0]


def test_unclear_axes_are_refused():
    one, calendar = days_of(np.array([0.0]), "days since 2001-01-01", "standard")
    with pytest.raises(ForcingError, match="single time without bounds"):
        intervals(one, None, calendar)
    with pytest.raises(ForcingError, match="a time repeats"):
        intervals(np.repeat(one, 2), None, calendar)
    with pytest.raises(ForcingError, match="steps of 16 days"):
        intervals(one + np.array([0.0, 16.0]), None, calendar)
    with pytest.raises(ForcingError, match="overlap"):
        intervals(one + np.array([0.0, 1.0]), np.array([[0.0, 2.0], [1.0, 3.0]]), calendar)
    with pytest.raises(ForcingError, match="calendar 'lunar'"):
        days_of(np.array([0.0]), "days since 2001-01-01", "lunar")
    with pytest.raises(ForcingError, match="cannot be decoded"):
        days_of(np.array([0.0]), "days since the flood", "standard")
