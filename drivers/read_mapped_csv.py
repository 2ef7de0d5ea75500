"""Reader of plain CSV described by a mapping: which column is what, in which unit, and how time is written.

A mapping has tables, each a list of files of the same layout (put one after the other):

    [[table]]
    files = ["forcing.csv"]             # relative to the data folder; .gz is unpacked
    separator = ","                     # default
    missing = ["-9999", "NaN"]          # texts of missing cells, beside the usual ones
    time = { stamp = "TIMESTAMP_END", marks = "end", utc_offset_hours = -8 }
                                        # or year, month, day, hour, minute; or year, day_of_year, hour
    [table.forcing]
    air_temperature = { column = "TA", unit = "degC" }
    shortwave_down = { columns = ["direct", "diffuse"], unit = "W m-2" }      # their sum
    precipitation = { column = "P", unit = "mm", flag = "P_flag", flags = { 0 = "measured", 1 = "filled_poor" } }
    [table.observations]
    latent_heat = { column = "LE", unit = "W m-2" }
    soil_temperature_observed = { column = "TS", unit = "degC", depth = 0.05 }                 # m below the surface

`marks` says whether stamps are the start or the end of the interval and has no default; `utc_offset_hours` is the zone
of the stamps, by default the site's local standard time. Unknown keys are refused with the nearest known one.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.provenance import FLAG_MEANINGS, flags_from
from terraflux.drivers.record import Record, Series, series
from terraflux.drivers.safe_files import MISSING_TEXTS, contained, header_of, read_table
from terraflux.drivers.time_axis import (
    Stamps,
    TimeAxis,
    infer_step,
    regular_axis,
    stamps_from_columns,
    stamps_from_text,
    to_local_standard_time,
)
from terraflux.drivers.units import FORCING_INPUTS, OBSERVABLES

TABLE_KEYS = ("files", "separator", "missing", "time", "forcing", "observations")
TIME_KEYS = ("stamp", "year", "month", "day", "day_of_year", "hour", "minute", "marks", "utc_offset_hours",
             "step_seconds")
COLUMN_KEYS = ("column", "columns", "unit", "flag", "flags", "depth")


def read(mapping: Mapping[str, Any], folder: Path, *, utc_offset_hours: float, file: object = "",
         order: str = "refuse", duplicates: str = "refuse", gaps: str = "refuse", **_unused: Any) -> Record:
    """A record from the tables of a mapping whose files lie in `folder`.

    The record covers the time that all tables with forcing share; observations outside it are dropped, and are missing
    where their tables do not reach. Raises ForcingError for everything that does not fit the mapping.
    """
    tables = mapping.get("table", [])
    if not isinstance(tables, list) or not tables:
        raise ForcingError("the mapping has no [[table]]", file=file, remedy="describe at least one table of forcing")
    parts = [_read_table(table, folder, utc_offset_hours, file, order, duplicates, gaps) for table in tables]
    forced = [part for part in parts if part.forcing]
    if not forced:
        raise ForcingError("no table maps forcing", file=file, remedy="add [table.forcing]")
    steps = {part.axis.step_seconds for part in parts}
    if len(steps) > 1:
        raise ForcingError(f"the tables have steps of {', '.join(map(str, sorted(steps)))} s", file=file,
                           variable="time", remedy="map tables of one step")
    step = forced[0].axis.step_seconds
    first = max(part.axis.start[0] for part in forced)
    last = min(part.axis.start[-1] for part in forced)
    if last < first:
        raise ForcingError("the tables of forcing share no time", file=file, variable="time", time=first,
                           remedy="map tables of the same period")
    count = int((last - first).astype(np.int64)) // step + 1
    merged = Record(TimeAxis(first + np.timedelta64(step, "s") * np.arange(count), step))
    for part in parts:
        offset = int((first - part.axis.start[0]).astype(np.int64))
        if offset % step:
            raise ForcingError("the tables have shifted time grids", file=part.files[0], variable="time",
                               time=part.axis.start[0], remedy="check whether stamps mark the start or the end")
        rows = np.arange(count) + offset // step
        rows = np.where((rows >= 0) & (rows < part.axis.start.size), rows, -1)
        moved = part.rearranged(merged.axis, rows)
        for group, added in ((merged.forcing, moved.forcing), (merged.observations, moved.observations)):
            for name, one in added.items():
                if name in group:
                    raise ForcingError(f"{name} is mapped twice", file=file, variable=name, remedy="map it once")
                group[name] = one
        merged.files += [path for path in part.files if path not in merged.files]
        merged.history += part.history
    return merged


def _read_table(table: Mapping[str, Any], folder: Path, utc_offset_hours: float, file: object, order: str,
                duplicates: str, gaps: str) -> Record:
    refuse_unknown_keys(table, TABLE_KEYS, file=file, place="[[table]]")
    for key in ("files", "time"):
        if not table.get(key):
            raise ForcingError(f"a [[table]] has no {key}", file=file, remedy=f"give {key}")
    clock = table["time"]
    refuse_unknown_keys(clock, TIME_KEYS, file=file, place="time of a [[table]]")
    groups: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    for group, known in (("forcing", FORCING_INPUTS), ("observations", OBSERVABLES)):
        groups[group] = table.get(group, {})
        refuse_unknown_keys(groups[group], known, file=file, place=f"[table.{group}]")
        for variable, entry in groups[group].items():
            refuse_unknown_keys(entry, COLUMN_KEYS, file=file, place=f"{variable} of [table.{group}]")
            if "unit" not in entry or ("column" in entry) == ("columns" in entry):
                raise ForcingError("a column needs a unit, and column or columns", file=file, variable=variable,
                                   remedy='write { column = "TA", unit = "degC" }')
    paths = [contained(folder, str(name), file=file) for name in _list_of(table["files"])]
    entries = [entry for group in groups.values() for entry in group.values()]
    frames = [_cells(path, table, clock, entries) for path in paths]
    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    path = paths[0] if len(paths) == 1 else paths[0].with_name(" + ".join(one.name for one in paths))
    starts = _starts(frame, clock, utc_offset_hours, path)
    axis, rows, notes = regular_axis(starts, file=path, step_seconds=clock.get("step_seconds"), order=order,
                                     duplicates=duplicates, gaps=gaps)
    record = Record(axis, files=paths, history=[f"{path.name}: {note}" for note in notes])
    for group, target in (("forcing", record.forcing), ("observations", record.observations)):
        for variable, entry in groups[group].items():
            target[variable] = _series(variable, entry, frame, axis.step_seconds, path, file).taken(rows)
    return record


def _list_of(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _columns(entry: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in _list_of(entry.get("columns", entry.get("column")))]


def _time_columns(clock: Mapping[str, Any]) -> list[str]:
    return [str(clock[key]) for key in TIME_KEYS[:7] if key in clock]


def _cells(path: Path, table: Mapping[str, Any], clock: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
           ) -> pd.DataFrame:
    separator = str(table.get("separator", ","))
    header = header_of(path, separator=separator)
    names = [name for entry in entries for name in _columns(entry)]
    names += [str(entry["flag"]) for entry in entries if "flag" in entry]
    for name in names + _time_columns(clock):
        if name not in header:
            raise ForcingError(f"the column {name!r} is missing", file=path, variable=name,
                               remedy=nearest(name, header))
    text = (str(clock["stamp"]),) if "stamp" in clock else ()
    missing = (*MISSING_TEXTS, *(str(one) for one in table.get("missing", ())))
    return read_table(path, separator=separator, missing=missing, columns=names + _time_columns(clock),
                      text_columns=text)


def _starts(frame: pd.DataFrame, clock: Mapping[str, Any], utc_offset_hours: float, path: Path) -> Stamps:
    marks = clock.get("marks")
    if marks not in ("start", "end"):
        raise ForcingError("time does not say what stamps mark", file=path, variable="time",
                           remedy='declare marks = "start" or marks = "end"')
    if "stamp" in clock:
        stamps = stamps_from_text(frame[clock["stamp"]].tolist(), file=path, utc_offset_hours=utc_offset_hours)
    else:
        if "year" not in clock:
            raise ForcingError("time has neither stamp nor year", file=path, variable="time",
                               remedy="map the column of stamps, or year with month and day or day_of_year")
        parts = {key: frame[clock[key]].to_numpy(dtype=float) for key in TIME_KEYS[1:7] if key in clock}
        stamps = stamps_from_columns(parts.pop("year"), **parts, file=path)
    stamp_offset = float(clock.get("utc_offset_hours", utc_offset_hours))
    stamps = to_local_standard_time(stamps, stamp_offset, utc_offset_hours)
    step = int(clock.get("step_seconds") or infer_step(stamps, file=path))
    return stamps - np.timedelta64(step, "s") if marks == "end" else stamps


def _series(variable: str, entry: Mapping[str, Any], frame: pd.DataFrame, step: int, path: Path, file: object
            ) -> Series:
    columns = _columns(entry)
    values = np.sum([frame[name].to_numpy(dtype=float) for name in columns], axis=0)
    flags = None
    if "flag" in entry:
        meaning = {}
        for code, name in entry.get("flags", {"0": "measured"}).items():
            if name not in FLAG_MEANINGS or not re.fullmatch(r"-?\d+", str(code)):
                raise ForcingError(f"the flag {code} = {name!r} is not understood", file=file, variable=variable,
                                   remedy=nearest(str(name), FLAG_MEANINGS))
            meaning[int(code)] = FLAG_MEANINGS.index(name)
        flags = flags_from(frame[str(entry["flag"])].to_numpy(dtype=float), meaning)
    return series(variable, values, str(entry["unit"]), step, flags=flags, file=path, column=" + ".join(columns),
                  depth=_depth(entry, variable, path))


def _depth(entry: Mapping[str, Any], variable: str, path: Path) -> float | None:
    depth = entry.get("depth")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, (int, float)) or not 0.0 <= depth <= 20.0):
        raise ForcingError(f"depth = {depth!r} is no depth of a sensor", file=path, variable=variable, unit="m",
                           remedy="give m below the surface, from 0 to 20")
    return None if depth is None else float(depth)
