"""The clock of a record: interval starts in local standard time, one regular step, no doubt left.

Stamps may be interval starts or ends (declared), text or calendar columns, local standard time or any zone that is
declared. Missing, doubled and shuffled steps are refused, or repaired by the rule that the caller names. Leap days
are real days. There is no daylight saving time: a record that jumps like one is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError

Stamps = NDArray[np.datetime64]
DAY_SECONDS = 86400
SHORTEST_STEP, LONGEST_STEP = 600, 10800
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$")
_DASHED = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
                     r"\s*(Z|[+-]\d{2}:?\d{2})?$")


@dataclass(frozen=True)
class TimeAxis:
    """Regular interval starts: `start` (datetime64[s], local standard time) and `step_seconds`."""

    start: Stamps
    step_seconds: int

    def __post_init__(self) -> None:
        check_step(self.step_seconds)

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return DAY_SECONDS // self.step_seconds

    @property
    def months(self) -> Stamps:
        """Month (datetime64[M]) of every step."""
        return self.start.astype("datetime64[M]")

    @property
    def day_number(self) -> NDArray[np.int64]:
        """Calendar day of every step, counted from the first day of the axis."""
        days = self.start.astype("datetime64[D]")
        return (days - days[0]).astype(np.int64)

    @property
    def step_of_day(self) -> NDArray[np.int64]:
        """Number of every step in its day, 0 at midnight."""
        seconds = (self.start - self.start.astype("datetime64[D]")).astype(np.int64)
        return seconds // self.step_seconds


def check_step(step_seconds: int, *, file: object = "") -> None:
    """Refuse a step that does not divide the day, or lies outside ten minutes to three hours."""
    if not SHORTEST_STEP <= step_seconds <= LONGEST_STEP or DAY_SECONDS % step_seconds:
        raise ForcingError(f"a time step of {step_seconds} s is not usable", file=file, variable="time", unit="s",
                           remedy=f"use steps of {SHORTEST_STEP} to {LONGEST_STEP} s that divide the day, such as 1800")


def _seconds_of_zone(zone: str) -> int:
    if zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


def stamps_from_text(texts: Sequence[str], *, file: object = "", utc_offset_hours: float | None = None) -> Stamps:
    """Instants from stamps such as 201807010030, 2018-07-01 00:30, 2018-07-01T24:00 or 2018-07-01T00:30+01:00.

    24:00 is the midnight that ends the day. A stamp with its own zone is turned into local standard time, for which
    `utc_offset_hours` must be known; stamps without a zone are local standard time already.
    """
    found = np.empty(len(texts), dtype="datetime64[s]")
    for row, text in enumerate(texts):
        stripped = str(text).strip()
        if stripped.endswith(".0"):
            stripped = stripped[:-2]
        match = _COMPACT.match(stripped) or _DASHED.match(stripped)
        if match is None:
            raise ForcingError(f"the time stamp {text!r} in data line {row + 1} is not understood", file=file,
                               variable="time", remedy="use YYYYMMDDHHMM or YYYY-MM-DD HH:MM")
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        found[row] = _instant(year, month, day, hour, minute, second, file, row)
        zone = match.group(7) if match.re is _DASHED else None
        if zone:
            if utc_offset_hours is None:
                raise ForcingError(f"the time stamp {text!r} names a zone, but the offset of the site is not known",
                                   file=file, variable="time", remedy="declare utc_offset_hours of the site")
            shift = round(utc_offset_hours * 3600) - _seconds_of_zone(zone)
            found[row] += np.timedelta64(shift, "s")
    return found


def _instant(year: int, month: int, day: int, hour: int, minute: int, second: int, file: object, row: int
             ) -> np.datetime64:
    whole = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        midnight = np.datetime64(whole, "s")
        if not (0 <= hour < 24 or (hour == 24 and minute == second == 0)) or minute > 59 or second > 59:
            raise ValueError(f"{hour:02d}:{minute:02d}")
    except ValueError as trouble:
        raise ForcingError(f"{whole} {hour:02d}:{minute:02d} in data line {row + 1} is no date", file=file,
                           variable="time", remedy="correct the line; only leap years have a 29 February") from trouble
    return midnight + np.timedelta64(hour * 3600 + minute * 60 + second, "s")


def stamps_from_columns(year: ArrayLike, *, month: ArrayLike | None = None, day: ArrayLike | None = None,
                        day_of_year: ArrayLike | None = None, hour: ArrayLike = 0.0, minute: ArrayLike = 0.0,
                        file: object = "") -> Stamps:
    """Instants from numeric columns: year with month and day, or year with day_of_year (1 is 1 January).

    Hours may be fractional (0.5 is half past midnight) and reach 24, the midnight that ends the day.
    """
    years = np.asarray(year, dtype=float)
    hours = np.asarray(hour, dtype=float) + np.asarray(minute, dtype=float) / 60.0
    if day_of_year is None:
        if month is None or day is None:
            raise ForcingError("year needs month and day, or day_of_year", file=file, variable="time",
                               remedy="map month and day, or day_of_year")
        months, days = np.asarray(month, dtype=float), np.asarray(day, dtype=float)
    else:
        months, days = np.ones_like(years), np.asarray(day_of_year, dtype=float)
    broken = ~(np.isfinite(years + months + days + hours) & (months >= 1) & (months <= 12) & (days >= 1) & (hours >= 0)
               & (hours <= 24))
    if not broken.any():
        first = years.astype(np.int64).astype("U4").astype("datetime64[Y]").astype("datetime64[M]")
        month_start = first + (months.astype(np.int64) - 1)
        after = (first + 12) if day_of_year is not None else (month_start + 1)
        date = month_start.astype("datetime64[D]") + (days.astype(np.int64) - 1)
        broken = date >= after.astype("datetime64[D]")
    if broken.any():
        row = int(np.argmax(broken))
        hour_given = np.broadcast_to(hours, years.shape)[row]
        raise ForcingError(f"data line {row + 1} holds no date (year {years[row]}, month {months[row]}, "
                           f"day {days[row]}, hour {hour_given})", file=file, variable="time",
                           remedy="correct the line; only leap years have a 29 February or a day 366")
    return date.astype("datetime64[s]") + np.round(hours * 3600.0).astype("timedelta64[s]")


def to_local_standard_time(stamps: Stamps, stamp_offset_hours: float, utc_offset_hours: float) -> Stamps:
    """Stamps of a zone `stamp_offset_hours` from UTC, in the local standard time `utc_offset_hours` from UTC."""
    return stamps + np.timedelta64(round((utc_offset_hours - stamp_offset_hours) * 3600), "s")


def infer_step(stamps: Stamps, *, file: object = "") -> int:
    """The step (s): the commonest distance between neighbouring distinct stamps."""
    distances = np.diff(np.unique(stamps)).astype("timedelta64[s]").astype(np.int64)
    if distances.size == 0:
        raise ForcingError("fewer than two time stamps", file=file, variable="time", remedy="give a longer record")
    values, counts = np.unique(distances, return_counts=True)
    step = int(values[np.argmax(counts)])
    check_step(step, file=file)
    return step


def regular_axis(starts: Stamps, *, file: object = "", step_seconds: int | None = None, order: str = "refuse",
                 duplicates: str = "refuse", gaps: str = "refuse", first_line: int | None = None
                 ) -> tuple[TimeAxis, NDArray[np.int64], list[str]]:
    """The regular axis of a record, the source row of each of its steps (-1 where missing), and notes of repairs.

    `order="sort"` puts shuffled rows in order; `duplicates="first"` keeps the first row of a repeated stamp;
    `gaps="fill"` inserts missing steps, to be filled later. Anything else refuses. A record that jumps by an hour as
    daylight saving time does is refused whatever the rules, because its clock is in doubt. Errors name the line of the
    file where `first_line`, that of the first stamp, is given and lines follow each other.
    """
    def at_line(row: int) -> str:
        return "" if first_line is None else f" in line {first_line + row}"

    for rule, given, known in (("order", order, "sort"), ("duplicates", duplicates, "first"), ("gaps", gaps, "fill")):
        if given not in ("refuse", known):
            raise ForcingError(f"the rule {rule}={given!r} is unknown", file=file, remedy=f"choose refuse or {known}")
    stamps = np.asarray(starts, dtype="datetime64[s]")
    if np.isnat(stamps).any():
        raise ForcingError(f"a time stamp is missing{at_line(int(np.argmax(np.isnat(stamps))))}", file=file,
                           variable="time", remedy="delete or correct the line")
    step = infer_step(stamps, file=file) if step_seconds is None else step_seconds
    check_step(step, file=file)
    notes: list[str] = []
    jumps = np.diff(stamps).astype(np.int64)
    _refuse_daylight_saving(stamps, jumps, step, file)
    rows = np.arange(stamps.size)
    if (jumps < 0).any():
        first = int(np.argmax(jumps < 0)) + 1
        if order != "sort":
            raise ForcingError(f"time runs backwards{at_line(first)}", file=file, variable="time", time=stamps[first],
                               remedy='sort the rows, or read with order="sort"')
        rows = np.argsort(stamps, kind="stable")
        notes.append(f"rows sorted by time ({int((jumps < 0).sum())} places ran backwards)")
    ordered = stamps[rows]
    repeated = np.concatenate([[False], ordered[1:] == ordered[:-1]])
    if repeated.any():
        if duplicates != "first":
            where = int(np.argmax(repeated))
            line = "" if first_line is None else f", the first{at_line(int(rows[where]))}"
            raise ForcingError(f"{int(repeated.sum())} time stamps appear twice{line}", file=file, variable="time",
                               time=ordered[where],
                               remedy='delete the repeats, or read with duplicates="first"')
        notes.append(f"{int(repeated.sum())} repeated time stamps dropped, the first kept")
        rows, ordered = rows[~repeated], ordered[~repeated]
    offsets = (ordered - ordered[0]).astype(np.int64)
    if (offsets % step).any():
        bad = int(np.argmax(offsets % step != 0))
        raise ForcingError(f"the stamp{at_line(int(rows[bad]))} does not lie on the {step} s grid", file=file, variable="time",
                           time=ordered[bad], remedy="correct the stamp or declare the step")
    places = offsets // step
    count = int(places[-1]) + 1
    source = np.full(count, -1, dtype=np.int64)
    source[places] = rows
    missing = source < 0
    if missing.any():
        first_gap = int(np.argmax(missing))
        when = ordered[0] + np.timedelta64(step, "s") * first_gap
        line = "" if first_line is None else f", the first after line {first_line + int(source[first_gap - 1])}"
        leap = " (a 29 February is missing)" if _lacks_leap_day(missing, ordered[0], step) else ""
        if gaps != "fill":
            raise ForcingError(f"{int(missing.sum())} of {count} time steps are missing{leap}{line}", file=file,
                               variable="time", time=when, remedy='add the rows, or read with gaps="fill"')
        notes.append(f"{int(missing.sum())} missing time steps inserted{leap}")
    axis = TimeAxis(ordered[0] + np.timedelta64(step, "s") * np.arange(count), step)
    return axis, source, notes


def _lacks_leap_day(missing: NDArray[np.bool_], first: np.datetime64, step: int) -> bool:
    times = first + np.timedelta64(step, "s") * np.flatnonzero(missing)
    days = times.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return bool(((months.astype(int) % 12 == 1) & ((days - months).astype(int) == 28)).any())


def _refuse_daylight_saving(stamps: Stamps, jumps: NDArray[np.int64], step: int, file: object) -> None:
    """Refuse a spring hour that is missing together with an autumn hour that comes twice."""
    hour = (stamps[:-1].astype("datetime64[h]").astype(np.int64)) % 24
    month = stamps[:-1].astype("datetime64[M]").astype(np.int64) % 12 + 1
    at_night = (hour <= 3) | (hour == 23)
    forward = (jumps == 3600 + step) & at_night & np.isin(month, (3, 4, 9, 10))
    backward = (jumps == step - 3600) & at_night & np.isin(month, (3, 4, 9, 10, 11))
    if forward.any() and backward.any():
        raise ForcingError("an hour is missing in one season and comes twice in the other: the clock follows daylight "
                           "saving time", file=file, variable="time", time=stamps[int(np.argmax(forward))],
                           remedy="export the data in local standard time or UTC, and declare the offset")
