"""What a reader hands over: columns in canonical units on one regular clock, before checks and completion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import MEASURED
from terraflux.drivers.time_axis import TimeAxis
from terraflux.drivers.units import conversion


@dataclass
class Series:
    """One variable as read: `values` (float64, canonical unit, NaN where missing), a flag per value, and its origin.

    `flags` are provenance flags for forcing and quality (0 measured, 1 and more filled) for observations. `declared`
    is the unit that the source was read in, `raw` its values in that unit; `file` and `column` name the source;
    `depth` (m below the surface) is that of a sensor in the soil.
    """

    values: NDArray[np.float64]
    flags: NDArray[np.int8]
    declared: str
    raw: NDArray[np.float64]
    file: str = ""
    column: str = ""
    depth: float | None = None

    def taken(self, rows: NDArray[np.int64]) -> "Series":
        """The series with its rows rearranged; -1 makes a missing value."""
        present = rows >= 0
        safe = np.where(present, rows, 0)
        values, raw = (np.where(present, part[safe], np.nan) for part in (self.values, self.raw))
        flags = np.where(present, self.flags[safe], 0).astype(np.int8)
        return Series(values, flags, self.declared, raw, self.file, self.column, self.depth)


def series(variable: str, raw: ArrayLike, unit: str, step_seconds: float, *, flags: ArrayLike | None = None,
           file: object = "", column: str = "", depth: float | None = None) -> Series:
    """A series of `variable` from values in a declared unit. Unknown variables and units are refused."""
    given = np.asarray(raw, dtype=np.float64)
    values = conversion(variable, unit, file=file).apply(given, step_seconds)
    marks = np.full(given.shape, MEASURED, dtype=np.int8) if flags is None else np.asarray(flags, dtype=np.int8)
    return Series(values, marks, unit, given, str(file), column, depth)


@dataclass
class Record:
    """Everything read from a site's files.

    `forcing` holds forcing variables and the humidity form of the source by name; `observations` the observed
    diagnostics; `monthly` means per month (index datetime64[M] months as period starts; columns named as forcing
    variables, canonical units) for what the steps lack. `facts` are site facts found in the files.
    """

    axis: TimeAxis
    forcing: dict[str, Series] = field(default_factory=dict)
    observations: dict[str, Series] = field(default_factory=dict)
    monthly: pd.DataFrame | None = None
    facts: dict[str, object] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def rearranged(self, axis: TimeAxis, rows: NDArray[np.int64]) -> "Record":
        """The record on another axis, whose step i is source row `rows[i]` (-1 missing)."""
        def moved(group: Mapping[str, Series]) -> dict[str, Series]:
            return {name: one.taken(rows) for name, one in group.items()}
        return Record(axis, moved(self.forcing), moved(self.observations), self.monthly, self.facts, self.files,
                      self.history)

    def between(self, first: str | None, last: str | None) -> "Record":
        """The record from `first` to `last` (dates, both included); a period without steps is refused."""
        keep = np.ones(self.axis.start.size, dtype=bool)
        if first is not None:
            keep &= self.axis.start >= np.datetime64(first, "s")
        if last is not None:
            keep &= self.axis.start < np.datetime64(last, "D") + 1
        if not keep.any():
            raise ForcingError(f"no step lies between {first} and {last}", file=self.files[0] if self.files else "",
                               variable="time", time=self.axis.start[0],
                               remedy=f"the record runs from {self.axis.start[0]} to {self.axis.start[-1]}")
        rows = np.flatnonzero(keep)
        return self.rearranged(TimeAxis(self.axis.start[rows], self.axis.step_seconds), rows)
