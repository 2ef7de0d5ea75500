"""The clock of a gridded variable: which record of which file holds which step, over many files."""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.calendars import calendar_name, date_text, seconds_of
from terraflux.drivers.grid.grid_file import GridFile, GridVariable

DAY = 86400
SHORTEST_STEP = 600
BEFORE = ("mean_before", "total_before", "running_total")
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class FileStamps:
    """Stamps of one file in its calendar's count (s), and the lower and upper bounds of the steps where it has them."""

    file: int
    stamps: Counts
    bounds: Counts | None
    calendar: str


def file_stamps(opened: GridFile, variable: GridVariable, number: int, rule: str) -> tuple[str, FileStamps]:
    """Name of the time dimension of a variable and its stamps. Raises ForcingError where there is no usable time."""
    names = [dim for dim in variable.dims if dim in opened.variables
             and (" since " in opened.variables[dim].unit or opened.variables[dim].attributes.get("standard_name") == "time")]
    if not names:
        raise ForcingError(f"none of the dimensions {', '.join(variable.dims)} is time", file=opened.path,
                           variable=variable.name, remedy="give a coordinate with units such as hours since 1900-01-01")
    axis = opened.variables[names[0]]
    if axis.shape[0] == 0:
        raise ForcingError("the time axis is empty", file=opened.path, variable=names[0], remedy="fetch the file again")
    calendar = calendar_name(axis.attributes.get("calendar"), rule, file=opened.path)
    stamps = seconds_of(axis.read(), axis.unit, calendar, file=opened.path)
    bounds_name = str(axis.attributes.get("bounds", ""))
    bounds = None
    if bounds_name in opened.variables and opened.variables[bounds_name].shape == (stamps.size, 2):
        held = opened.variables[bounds_name]
        unit = held.unit if " since " in held.unit else axis.unit
        bounds = seconds_of(held.read().ravel(), unit, calendar, file=opened.path).reshape(-1, 2)
    return names[0], FileStamps(number, stamps, bounds, calendar)


@dataclass(frozen=True)
class SourceClock:
    """Records by step: step `steps[i]` (its number since 1970 in the calendar's count) is record `records[i]` of file
    `files[i]`. `step_seconds` is the length of a step; `halfway` says that a record belongs to the middle of two steps,
    that is, to the instant at which its step begins. `notes` tell repairs."""

    step_seconds: int
    calendar: str
    steps: Counts
    files: Counts
    records: Counts
    halfway: bool
    notes: tuple[str, ...] = ()

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return DAY // self.step_seconds

    def find(self, steps: Counts) -> Counts:
        """Rows of the index for step numbers, -1 where a step is absent."""
        place = np.minimum(np.searchsorted(self.steps, steps), self.steps.size - 1)
        return np.where(self.steps[place] == steps, place, -1)

    def text(self, step: int) -> str:
        """Begin of a step as a date."""
        return date_text(int(step) * self.step_seconds, self.calendar)


def source_clock(parts: list[FileStamps], holds: str, declared: bool, *, paths: list[str], variable: str, order: str = "refuse",
                 duplicates: str = "refuse") -> SourceClock:
    """The clock of a variable from the stamps of its files.

    `holds` says what a value stands for (see profiles.toml), `declared` that the user said so. Files may come in any
    order; inside a file time must not run backwards unless order="sort". Steps that come twice are refused unless
    duplicates="first". Raises ForcingError naming file and time.
    """
    for rule, given, known in (("order", order, "sort"), ("duplicates", duplicates, "first")):
        if given not in ("refuse", known):
            raise ForcingError(f"the rule {rule}={given!r} is unknown", remedy=f"choose refuse or {known}")
    calendars = {part.calendar for part in parts}
    if len(calendars) > 1 and not calendars <= {"standard", "gregorian", "proleptic_gregorian"}:
        raise ForcingError(f"the files have different calendars: {', '.join(sorted(calendars))}", file=paths[parts[0].file],
                           variable=variable, remedy="make each a source of its own")
    calendar = parts[0].calendar
    notes: list[str] = []
    for part in parts:
        back = np.diff(part.stamps) < 0
        if back.any():
            where = int(np.argmax(back)) + 1
            if order != "sort":
                raise ForcingError(f"time runs backwards at record {where}", file=paths[part.file], variable=variable,
                                   time=date_text(int(part.stamps[where]), calendar),
                                   remedy='sort the records, or read with order = "sort"')
            notes.append(f"{variable}: records of {os.path.basename(paths[part.file])} sorted by time")
    stamps = np.concatenate([part.stamps for part in parts])
    files = np.concatenate([np.full(part.stamps.size, part.file, dtype=np.int64) for part in parts])
    records = np.concatenate([np.arange(part.stamps.size) for part in parts])
    bounds = None if any(part.bounds is None for part in parts) else np.concatenate(
        [part.bounds for part in parts if part.bounds is not None])
    step = _step(stamps, bounds, paths[parts[0].file], variable, calendar)
    begins, halfway = _begins(stamps, bounds, step, holds, declared, paths[parts[0].file], variable, calendar)
    numbers = begins // step
    row = np.lexsort((records, files, numbers))
    numbers, files, records = numbers[row], files[row], records[row]
    repeated = np.concatenate([[False], numbers[1:] == numbers[:-1]])
    if repeated.any():
        if duplicates != "first":
            where = int(np.argmax(repeated))
            raise ForcingError(f"{int(repeated.sum())} time steps appear twice, also in {paths[int(files[where - 1])]}",
                               file=paths[int(files[where])], variable=variable,
                               time=date_text(int(numbers[where]) * step, calendar),
                               remedy='delete the repeats, or read with duplicates = "first"')
        notes.append(f"{variable}: {int(repeated.sum())} repeated time steps dropped, the first kept")
        numbers, files, records = numbers[~repeated], files[~repeated], records[~repeated]
    return SourceClock(step, calendar, numbers, files, records, halfway, tuple(notes))


def _step(stamps: Counts, bounds: Counts | None, file: str, variable: str, calendar: str) -> int:
    """Length of a step (s): the commonest distance of stamps, or of bounds where there is one stamp."""
    ordered = np.unique(stamps)
    if ordered.size > 1:
        values, counts = np.unique(np.diff(ordered), return_counts=True)
        step = int(values[np.argmax(counts)])
    elif bounds is not None:
        step = int(bounds[0, 1] - bounds[0, 0])
    else:
        raise ForcingError("there is one time stamp only, so that the step is unknown", file=file, variable=variable,
                           time=date_text(int(stamps[0]), calendar), remedy="give more files, or time bounds")
    if step < SHORTEST_STEP or step > DAY or DAY % step:
        raise ForcingError(f"a time step of {step} s cannot drive the model", file=file, variable=variable, unit="s",
                           remedy="give daily or shorter steps that divide the day, such as 10800 s")
    return step


def _begins(stamps: Counts, bounds: Counts | None, step: int, holds: str, declared: bool, file: str, variable: str,
            calendar: str) -> tuple[Counts, bool]:
    """Begins of the steps that records stand for, and whether they really stand for the instant at the begin."""
    if bounds is not None and holds not in ("running_total", "instant"):
        length = bounds[:, 1] - bounds[:, 0]
        if (length != step).any():
            where = int(np.argmax(length != step))
            raise ForcingError(f"the bounds of a step of {step} s span {int(length[where])} s", file=file, variable=variable,
                               time=date_text(int(stamps[where]), calendar), remedy="repair the bounds of time")
        if (bounds[:, 0] % step == 0).all():
            return bounds[:, 0], False
    phase = stamps % step
    if step == DAY and holds in BEFORE and not declared and (phase == 0).all():
        raise ForcingError("daily values at midnight: the profile does not say whether the day before or after is meant",
                           file=file, variable=variable, time=date_text(int(stamps[0]), calendar),
                           remedy=f'declare holds = "mean_after" or "mean_before" in [source.variables.{variable}]')
    if step == DAY and holds not in BEFORE:
        return stamps - phase, False
    if (phase == step // 2).all():
        return stamps - phase, False
    if phase.any():
        where = int(np.argmax(phase != 0))
        raise ForcingError(f"the stamp does not lie on the grid of {step} s", file=file, variable=variable,
                           time=date_text(int(stamps[where]), calendar), remedy="repair the time axis")
    return (stamps - step, False) if holds in BEFORE else (stamps, holds in ("instant", "mean_centred"))
