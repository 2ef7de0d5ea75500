"""Time axes of products as intervals, in the calendar of the product, and their share in each month or year.

Products state bounds, or stamps that stand for the day, the composite, the month or the year around or after them.
Composites of eight days begin anew on 1 January, so that the last of a year has five days, or six in a leap year.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError

Floats = NDArray[np.float64]
EPOCH = "days since 1600-01-01"
CALENDARS = {"standard": "standard", "gregorian": "standard", "proleptic_gregorian": "standard", "": "standard",
             "julian": "julian", "noleap": "noleap", "365_day": "noleap", "all_leap": "all_leap", "366_day": "all_leap",
             "360_day": "360_day"}
STEPS = ("auto", "day", "8day", "month", "year")


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of a time axis: `start` and `end` in days of `EPOCH` in `calendar`; `kind` says what a step is."""

    start: Floats
    end: Floats
    calendar: str
    kind: str
    note: str = ""

    def ordered(self) -> tuple["Intervals", NDArray[np.intp]]:
        """Sorted by start, and the order that does it."""
        order = np.argsort(self.start, kind="stable")
        return Intervals(self.start[order], self.end[order], self.calendar, self.kind, self.note), order


def day_number(year: int, month: int, day: int, calendar: str) -> float:
    """Days since the epoch of a date in a calendar."""
    import cftime

    made = cftime.datetime(year, month, day, calendar=calendar)
    return float(cftime.date2num(made, EPOCH, calendar=calendar))


def dates(days: Floats, calendar: str) -> list[Any]:
    """Dates of days since the epoch."""
    import cftime

    return list(np.atleast_1d(cftime.num2date(days, EPOCH, calendar=calendar)))


def days_of(numbers: Floats, units: str, calendar: str, *, file: object = "", variable: str = "time") -> tuple[Floats, str]:
    """Times of a file in days of the epoch, and the calendar. Raises ForcingError for units or calendars unknown.

    Besides what CF knows, "months since" and "years since" count calendar months and years, as files mean them.
    """
    import cftime

    known = CALENDARS.get(calendar.strip().lower())
    if known is None:
        raise ForcingError(f"the calendar {calendar!r} is unknown", file=file, variable=variable,
                           remedy=f"use one of {', '.join(sorted(name for name in CALENDARS if name))}")
    word = units.strip().lower().partition(" ")[0]
    if not np.all(np.isfinite(numbers)):
        raise ForcingError("a time is missing", file=file, variable=variable, unit=units, remedy="repair the time axis")
    try:
        if word in ("month", "months", "year", "years"):
            origin = cftime.num2date(0, "days " + units.strip().partition(" ")[2], calendar=known)
            months = np.floor(numbers * (1.0 if word.startswith("month") else 12.0)) + (origin.year * 12 + origin.month - 1)
            return np.array([day_number(int(one // 12), int(one % 12) + 1, 1, known) for one in months]), known
        found = cftime.num2date(numbers, units, calendar=known)
        return np.atleast_1d(np.asarray(cftime.date2num(found, EPOCH, calendar=known), dtype=float)), known
    except (ValueError, TypeError, OverflowError) as trouble:
        raise ForcingError(f"the times cannot be decoded: {trouble}", file=file, variable=variable, unit=units,
                           remedy="give time as 'days since YYYY-MM-DD'") from trouble


def intervals(stamps: Floats, bounds: Floats | None, calendar: str, step: str = "auto", *, file: object = "") -> Intervals:
    """Intervals from stamps (days of the epoch, increasing) and bounds [time, 2], where the file has them.

    Without bounds `step` says what a stamp stands for; "auto" tells it from their spacing. Raises ForcingError for repeated
    times, bounds that overlap, and a single stamp without bounds.
    """
    if step not in STEPS:
        raise ValueError(f"unknown step {step!r}; known are {', '.join(STEPS)}")
    if np.any(np.diff(stamps) <= 0.0):
        place = int(np.argmax(np.diff(stamps) <= 0.0)) + 1
        raise ForcingError("a time repeats", file=file, variable="time", time=dates(stamps[place:place + 1], calendar)[0],
                           remedy="give each period once")
    if bounds is not None and step == "auto":
        start, end = bounds.min(axis=1), bounds.max(axis=1)
        if np.any(end <= start) or np.any(start[1:] < end[:-1] - 0.01):
            raise ForcingError("the time bounds are empty or overlap", file=file, variable="time",
                               remedy="repair the time bounds, or say what a step is")
        return Intervals(start, end, calendar, _kind(float(np.median(end - start))))
    if step == "auto":
        if stamps.size < 2:
            raise ForcingError("a single time without bounds may be a day, a month or a year", file=file, variable="time",
                               remedy=f"say which, one of {', '.join(STEPS[1:])}")
        step = _kind(float(np.median(np.diff(stamps))))
    if step == "hours":
        width = float(np.median(np.diff(stamps)))
        return Intervals(stamps, stamps + width, calendar, "hours", "stamps without bounds are read as starts of steps")
    when = dates(stamps, calendar)
    if step == "day":
        start = np.floor(stamps)
        return Intervals(start, start + 1.0, calendar, step)
    if step == "8day":
        start = np.floor(stamps)
        turn = np.array([day_number(one.year + 1, 1, 1, calendar) for one in when])
        return Intervals(start, np.minimum(start + 8.0, turn), calendar, step)
    if step == "month":
        start = np.array([day_number(one.year, one.month, 1, calendar) for one in when])
        end = np.array([day_number(one.year + one.month // 12, one.month % 12 + 1, 1, calendar) for one in when])
    else:
        start = np.array([day_number(one.year, 1, 1, calendar) for one in when])
        end = np.array([day_number(one.year + 1, 1, 1, calendar) for one in when])
    note = "" if np.unique(start).size == start.size else "two stamps fall into one period"
    if note:
        raise ForcingError(note, file=file, variable="time", remedy="give time bounds")
    return Intervals(start, end, calendar, step)


def _kind(width: float) -> str:
    """What steps of a width (days) are."""
    if width < 0.9:
        return "hours"
    if width < 1.5:
        return "day"
    if 7.0 <= width <= 9.0:
        return "8day"
    if 27.0 <= width <= 32.0:
        return "month"
    if 350.0 <= width <= 380.0:
        return "year"
    raise ForcingError(f"steps of {width:g} days are neither days, eight days, months nor years", variable="time",
                       remedy="give time bounds, or average the product to months")


@dataclass(frozen=True, eq=False)
class Periods:
    """Months or years that intervals touch: their numbers, their days in the calendar, and who overlaps whom.

    `step`, `period` and `overlap` (days) are one row for each pair of an interval and a period.
    """

    time: NDArray[np.datetime64]
    days: Floats
    step: NDArray[np.intp]
    period: NDArray[np.intp]
    overlap: Floats


def periods(found: Intervals) -> Periods:
    """Months that intervals fall into; years where the intervals are years. A step may belong to two months."""
    unit = "Y" if found.kind == "year" else "M"
    count = 12 if unit == "M" else 1
    first, last = dates(np.array([found.start.min(), found.end.max() - 1e-6]), found.calendar)
    low = first.year * count + (first.month - 1 if unit == "M" else 0)
    high = last.year * count + (last.month - 1 if unit == "M" else 0)
    numbers = np.arange(low, high + 2)
    edges = np.array([day_number(int(one // count), int(one % count) + 1, 1, found.calendar) for one in numbers])
    begin = np.clip(np.searchsorted(edges, found.start + 1e-9, side="right") - 1, 0, numbers.size - 2)
    end = np.clip(np.searchsorted(edges, found.end - 1e-9, side="right") - 1, 0, numbers.size - 2)
    rows = [(step, period, min(found.end[step], edges[period + 1]) - max(found.start[step], edges[period]))
            for step in range(found.start.size) for period in range(begin[step], end[step] + 1)]
    step, period, overlap = (np.array(column) for column in zip(*rows))
    offset = 1970 * count
    return Periods((numbers[:-1] - offset).astype(f"datetime64[{unit}]"), np.diff(edges), step.astype(np.intp),
                   period.astype(np.intp), overlap.astype(float))
