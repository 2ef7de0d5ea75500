"""Calendars of gridded files and real days.

A stamp becomes a count of seconds in the file's own calendar. Real calendars (standard, gregorian, proleptic_gregorian) count
real days. The others have no real dates and are refused, unless `calendar = "stretch"` is chosen: then every real day
takes the day of the file's year at the same date (noleap: 29 February repeats 28 February; all_leap: 29 February is dropped
in common years) or, for 360_day, at the same share of the year, (day + 1/2) 360/365 rounded down: five or six days a year
are repeated, none is dropped, rates are kept and annual totals grow by 1.4 %. What is repeated is counted.
"""

import re

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest

REAL = ("standard", "gregorian", "proleptic_gregorian")
DAYS_OF_YEAR = {"noleap": 365, "365_day": 365, "all_leap": 366, "366_day": 366, "360_day": 360}
_SECONDS = {"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
            "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400}
_UNITS = re.compile(r"^\s*(\w+)\s+since\s+(.+)$")
Counts = NDArray[np.int64]


def calendar_name(given: object, rule: str, *, file: object = "") -> str:
    """The calendar in lower case; one without real dates is refused unless the rule is "stretch"."""
    if rule not in ("refuse", "stretch"):
        raise ForcingError(f"calendar = {rule!r} is unknown", file=file, remedy="choose refuse or stretch")
    name = str(given or "standard").lower()
    if name in REAL:
        return name
    if name not in DAYS_OF_YEAR:
        raise ForcingError(f"the calendar {name!r} is not understood", file=file, variable="time",
                           remedy=nearest(name, (*REAL, *DAYS_OF_YEAR)))
    if rule != "stretch":
        raise ForcingError(f"the calendar {name!r} has no real dates", file=file, variable="time",
                           remedy='convert the file to the standard calendar, or read with calendar = "stretch"')
    return name


def seconds_of(values: NDArray[np.float64], units: str, calendar: str, *, file: object = "") -> Counts:
    """Seconds since 1 January 1970 in the calendar's own count (each of its years has its own number of days).

    `values` are numbers in `units` such as "hours since 1900-01-01 00:00:00". Raises ForcingError for units that are not
    understood and for stamps that are missing.
    """
    import cftime

    match = _UNITS.match(units)
    if match is None or match[1].lower() not in _SECONDS:
        raise ForcingError("the unit of time is not understood", file=file, variable="time", unit=units,
                           remedy="write, say, hours since 1900-01-01 00:00:00 (months and years have no fixed length)")
    if not np.isfinite(values).all():
        raise ForcingError(f"stamp number {int(np.argmin(np.isfinite(values)))} is missing", file=file, variable="time",
                           unit=units, remedy="repair the time axis")
    unit_seconds = _SECONDS[match[1].lower()]
    try:
        first = cftime.num2date(float(values[0]), units, calendar, only_use_cftime_datetimes=True)
    except (ValueError, OverflowError, TypeError) as trouble:
        raise ForcingError(f"the time axis cannot be decoded: {trouble}", file=file, variable="time", unit=units,
                           remedy="repair units and calendar of time") from trouble
    year = first.year
    if calendar in REAL:
        day = int(np.datetime64(f"{year:04d}-{first.month:02d}-{first.day:02d}", "D").astype(np.int64))
    else:
        day = (year - 1970) * DAYS_OF_YEAR[calendar] + first.dayofyr - 1
    begin = day * 86400 + first.hour * 3600 + first.minute * 60 + first.second + round(first.microsecond / 1e6)
    # Differences keep the digits of large counts in float32 or float64; stamps are whole seconds.
    counts = begin + np.round((values - values[0]) * unit_seconds).astype(np.int64)
    if not 1500 <= year <= 2500:
        raise ForcingError(f"the first stamp lies in the year {year}", file=file, variable="time", unit=units,
                           remedy="repair the time axis")
    return counts


def source_days(days: NDArray[np.datetime64], calendar: str) -> Counts:
    """Day numbers in the calendar's own count for real days (datetime64[D])."""
    real = np.asarray(days, dtype="datetime64[D]")
    if calendar in REAL:
        return real.astype(np.int64)
    length = DAYS_OF_YEAR[calendar]
    years = real.astype("datetime64[Y]")
    number = (real - years.astype("datetime64[D]")).astype(np.int64)
    year_length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(np.int64)
    leap = year_length == 366
    if length == 365:
        place = np.where(leap & (number >= 59), number - 1, number)
    elif length == 366:
        place = np.where(~leap & (number >= 59), number + 1, number)
    else:
        place = ((2 * number + 1) * length) // (2 * year_length)
    return years.astype(np.int64) * length + place


def date_text(seconds: int, calendar: str) -> str:
    """A count of seconds as a date of its calendar, for messages."""
    day, rest = divmod(int(seconds), 86400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}"
    if calendar in REAL:
        return f"{np.datetime64(day, 'D')} {clock}"
    year, place = divmod(day, DAYS_OF_YEAR[calendar])
    return f"{1970 + year} day {place + 1} of the {calendar} calendar {clock}"
