"""A tower record: what a network's file holds, under one set of names, with the source kept beside it.

`data` is a dataset along `time`, the START of each interval in local standard time (`time_bnds` has both ends). Each
variable has the unit of `terraflux.sites.records.variables` and, where the source flags its values, a companion
`<name>_quality` with the source's own codes and their sense in its attributes. `source` is the table of the file
itself, every column with its own name, so that nothing is lost between reading and writing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.sites.records.variables import converted, tower_variable

RESOLUTIONS = {"HH": 1800, "HR": 3600, "DD": 86400, "WW": 7 * 86400, "MM": None, "YY": None}
"""FLUXNET codes of resolutions and their step (s); other sub-daily steps are "HH" with their own step."""

SENSES = {
    "fluxnet_code": "0 measured, 1 good, 2 medium, 3 poor gap filling",
    "fraction": "fraction (0-1) of measured or well filled half-hours in the interval, 1 is best",
    "three_classes": "0 best, 1 good for averages, 2 to be discarded (Mauder and Foken 2004)",
    "nine_classes": "1 best to 9 worst (Foken 2003)",
    "source": "as in the source",
}
MEASURED_AT = {"fluxnet_code": (0.0,), "three_classes": (0.0, 1.0)}


@dataclass(frozen=True)
class Column:
    """How a column of a source becomes a variable: its unit, its flag column ("" for none) and the sense of the flags."""

    variable: str
    column: str
    unit: str
    quality: str = ""
    sense: str = "source"


@dataclass(frozen=True)
class TowerRecord:
    """Observations of one tower.

    `data` as described above; `source` the columns of the file on the same rows (missing rows that were inserted are
    NaN or ""); `facts` what is known about the site (site_id, latitude, longitude, elevation, igbp, canopy_height,
    measurement_height ... as in the catalogue; heights in m above ground).
    """

    data: xr.Dataset
    source: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def site_id(self) -> str:
        """Code of the tower, "" where the file does not say."""
        return str(self.facts.get("site_id", ""))

    @property
    def format(self) -> str:
        """Short name of the format the record was read from."""
        return str(self.data.attrs["source_format"])

    @property
    def resolution(self) -> str:
        """HH, HR, DD, WW, MM or YY."""
        return str(self.data.attrs["resolution"])

    @property
    def step_seconds(self) -> int | None:
        """Length of the intervals (s); None for months and years."""
        step = int(self.data.attrs["time_step_seconds"])
        return step or None

    @property
    def utc_offset_hours(self) -> float | None:
        """Local standard time minus UTC (h); None where neither file nor catalogue says."""
        value = self.data.attrs.get("utc_offset_hours")
        return None if value is None else float(value)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Interval starts, local standard time (datetime64[s])."""
        return self.data["time"].to_numpy().astype("datetime64[s]")

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, without flags and bounds."""
        return tuple(str(name) for name in self.data.data_vars if "units" in self.data[name].attrs)

    @property
    def history(self) -> tuple[str, ...]:
        """What was done on the way: repairs, choices between columns, values set aside."""
        return tuple(line for line in str(self.data.attrs.get("history", "")).split("\n") if line)

    def values(self, name: str, unit: str | None = None) -> NDArray[np.float64]:
        """Values (float64, NaN where missing) of a variable, in its own unit or another. Unknown names are refused."""
        if name not in self.variables:
            raise ForcingError(f"the record of {self.site_id or 'the tower'} has no {name}", variable=name,
                               file=self.data.attrs.get("source_files", ""), remedy=nearest(name, self.variables))
        own = str(self.data[name].attrs["units"])
        return converted(name, self.data[name].to_numpy(), own, unit or own, self.step_seconds or 86400.0)

    def quality(self, name: str) -> NDArray[np.float64] | None:
        """The source's flags of a variable (float64, NaN where missing), or None where the source has none."""
        companion = f"{name}_quality"
        return self.data[companion].to_numpy() if companion in self.data else None

    def quality_sense(self, name: str) -> str:
        """Sense of the flags: a key of `SENSES`, "" without flags. At daily and coarser steps of FLUXNET files flags
        are fractions, where 1 is best; at half-hours they are codes, where 0 is best."""
        companion = f"{name}_quality"
        return str(self.data[companion].attrs["quality_sense"]) if companion in self.data else ""

    def measured(self, name: str) -> NDArray[np.bool_]:
        """Whether each value was measured (and not filled or to be discarded); without flags, whether it is there.

        Raises ForcingError for flags that do not tell, such as fractions of a day.
        """
        flags, sense = self.quality(name), self.quality_sense(name)
        present = np.isfinite(self.values(name))
        if flags is None:
            return present
        if sense not in MEASURED_AT:
            raise ForcingError(f"flags of {name} are {SENSES.get(sense, sense)}; they do not say of a single value "
                               "whether it was measured", variable=name,
                               remedy="compare record.quality(name) with a share of your choice")
        return present & np.isin(flags, MEASURED_AT[sense])

    def between(self, first: str, last: str) -> "TowerRecord":
        """The intervals that start between two days, both included. A period without any is refused."""
        keep = (self.time >= np.datetime64(first, "s")) & (self.time < np.datetime64(last, "D") + 1)
        if not keep.any():
            raise ForcingError(f"no interval starts between {first} and {last}", variable="time",
                               remedy=f"the record runs from {self.time[0]} to {self.time[-1]}")
        rows = np.flatnonzero(keep)
        return replace(self, data=self.data.isel(time=rows), source=self.source.iloc[rows].reset_index(drop=True))

    def with_variable(self, name: str, values: Any, *, unit: str | None = None, quality: Any = None,
                      sense: str = "source") -> "TowerRecord":
        """The record with a variable added or replaced (in `unit`, by default the unit it has), and its flags where
        given; the flags that it had stay otherwise."""
        own = str(self.data[name].attrs["units"]) if name in self.variables else tower_variable(name).unit
        data = self.data.copy()
        kept = dict(self.data[name].attrs) if name in self.data else {}
        kept.pop("derived_from", None)
        companion = f"{name}_quality"
        flagged = str(self.data[companion].attrs.get("source_column", "")) if companion in self.data else ""
        add_variable(data, name, converted(name, values, unit or own, own, self.step_seconds or 86400.0), own,
                     quality=quality, sense=sense, attributes=kept, quality_column=flagged)
        return replace(self, data=data)


def add_variable(data: xr.Dataset, name: str, values: Any, unit: str, *, quality: Any = None, sense: str = "source",
                 attributes: Mapping[str, Any] | None = None, quality_column: str = "") -> None:
    """Put a variable, and its flags where given, into a dataset along `time`. Infinities become NaN."""
    entry = tower_variable(name)
    numbers = np.array(values, dtype=np.float64)
    numbers[np.isinf(numbers)] = np.nan
    named = {"units": unit, "long_name": entry.long_name, "cell_methods": entry.cell_methods}
    if entry.standard_name and not (entry.total and unit != entry.unit):
        named["standard_name"] = entry.standard_name
    data[name] = ("time", numbers, named | dict(attributes or {}))
    companion = f"{name}_quality"
    if quality is not None:
        data[name].attrs["ancillary_variables"] = companion
        data[companion] = ("time", np.array(quality, dtype=np.float64),
                           {"long_name": f"quality of {name}", "quality_sense": sense,
                            "comment": SENSES.get(sense, sense)}
                           | ({"source_column": quality_column} if quality_column else {}))


def time_of(starts: NDArray[np.datetime64], ends: NDArray[np.datetime64]) -> xr.Dataset:
    """A dataset with nothing but `time` (interval starts) and `time_bnds`."""
    bounds = np.stack([starts, ends], axis=1).astype("datetime64[ns]")
    attributes = {"standard_name": "time", "long_name": "start of the interval, local standard time", "axis": "T",
                  "bounds": "time_bnds"}
    return xr.Dataset({"time_bnds": (("time", "bnds"), bounds)}, {"time": ("time", bounds[:, 0], attributes)})


def rows_taken(source: pd.DataFrame, rows: NDArray[np.int64]) -> pd.DataFrame:
    """A table with its rows rearranged; -1 makes a row of missing values (NaN, "" for text)."""
    if np.array_equal(rows, np.arange(len(source))):
        return source.reset_index(drop=True)
    present = rows >= 0
    taken = source.iloc[np.where(present, rows, 0)].reset_index(drop=True)
    for name in taken.columns:
        taken[name] = taken[name].where(present, np.nan if taken[name].dtype == np.float64 else "")
    return taken


def record_from(source: pd.DataFrame, starts: NDArray[np.datetime64], ends: NDArray[np.datetime64], *, format: str,
                resolution: str, step_seconds: int, columns: Sequence[Column], facts: Mapping[str, Any],
                files: Sequence[str], history: Sequence[str], units: Mapping[str, str] | None = None) -> TowerRecord:
    """A record from a table on its rows. `units` gives the unit that a variable keeps where it is not that of the table
    of variables (daily sums, say). Infinite values become NaN, counted in the history; the source keeps them."""
    data = time_of(starts, ends)
    notes = list(history)
    for one in columns:
        raw = source[one.column].to_numpy(dtype=np.float64)
        infinite = int(np.isinf(raw).sum())
        if infinite:
            notes.append(f"{infinite} infinite values of {one.column} set to missing")
        unit = (units or {}).get(one.variable) or tower_variable(one.variable).unit
        flags = source[one.quality].to_numpy(dtype=np.float64) if one.quality in source.columns else None
        add_variable(data, one.variable, converted(one.variable, raw, one.unit, unit, step_seconds or 86400.0), unit,
                     quality=flags, sense=one.sense, quality_column=one.quality,
                     attributes={"source_column": one.column, "source_unit": one.unit})
    data.attrs = {"source_format": format, "resolution": resolution, "time_step_seconds": step_seconds,
                  "source_files": ", ".join(files), "history": "\n".join(notes)}
    if facts.get("utc_offset_hours") is not None:
        data.attrs["utc_offset_hours"] = float(facts["utc_offset_hours"])
    if facts.get("site_id"):
        data.attrs["site_id"] = str(facts["site_id"])
    return TowerRecord(data, source, dict(facts))
