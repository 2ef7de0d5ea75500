"""The table that a record becomes in a text format: the source's own columns where they are unchanged, changed
variables in their place, and nothing lost without a warning."""

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import replacing
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.variables import converted

MISSING = "-9999"


def table_of_record(record: TowerRecord, format: str, names: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Columns of a record for a format; `names` gives column, unit and flag column ("" for none) of each variable.

    A record that was read from the same format keeps all its columns; those whose variable was changed since carry the
    new values, in the unit of the column. From another format only variables with a name in `names` can be written;
    what is left out is told in a warning.
    """
    step = record.step_seconds or 86400
    same = record.format == format
    table = record.source.copy() if same else pd.DataFrame(index=range(record.data.sizes["time"]))
    taken: set[str] = set()
    left_out: list[str] = []
    for name in record.variables:
        attributes = record.data[name].attrs
        column, unit, flag = names.get(name, ("", "", ""))
        own = str(attributes.get("source_column", ""))
        if same and "derived_from" in attributes:
            continue
        if same and own in table.columns:
            if own not in taken:
                column, unit = own, str(attributes["source_unit"])
            elif _unchanged(record, name, own, step):
                continue
            flag = _flag_column(record, name) or flag
        if not column or (column in table.columns and column != own):
            left_out.append(name)
            continue
        taken.add(column)
        if not (same and column == own and _unchanged(record, name, own, step)):
            table[column] = converted(name, record.values(name), str(attributes["units"]), unit, step)
        flags = record.quality(name)
        if flags is not None and not flag:
            left_out.append(f"{name}_quality")
        elif flags is not None and not _has_flags(record, table, flag, flags, same):
            table[flag] = flags
    if not same:
        told = {str(record.data[name].attrs.get("source_column", "")) for name in record.data.data_vars}
        left_out += [f"{column} (column of the source)" for column in record.source.columns
                     if column not in told and record.source[column].dtype == np.float64]
    if left_out:
        warnings.warn(f"not written to {format}: {', '.join(left_out)}; the netCDF format keeps everything", stacklevel=3)
    return table


def _has_flags(record: TowerRecord, table: pd.DataFrame, flag: str, flags: NDArray[np.float64], same: bool) -> bool:
    """Whether a table has these flags: unchanged since the source, or from a variable that shares them."""
    return (flag in record.source and _equal(record.source[flag], flags)) if same else flag in table


def _equal(column: pd.Series, values: NDArray[np.float64]) -> bool:
    return bool(np.array_equal(column.to_numpy(dtype=float), values, equal_nan=True))


def _flag_column(record: TowerRecord, name: str) -> str:
    companion = f"{name}_quality"
    return str(record.data[companion].attrs.get("source_column", "")) if companion in record.data else ""


def _unchanged(record: TowerRecord, name: str, column: str, step: float) -> bool:
    """Whether a variable still is what its column of the source says."""
    attributes = record.data[name].attrs
    raw = record.source[column].to_numpy(dtype=float)
    before = converted(name, raw, str(attributes["source_unit"]), str(attributes["units"]), step)
    return bool(np.array_equal(np.where(np.isinf(before), np.nan, before), record.values(name), equal_nan=True))


def texts(values: NDArray[np.float64], column: str) -> list[str]:
    """Numbers as the shortest text that reads back to the same bits; -9999 where missing, integers without a point.

    Raises ForcingError where a value equals the missing code.
    """
    missing = np.isnan(values)
    if (values == float(MISSING)).any():
        raise ForcingError(f"a value equals the missing code {MISSING}", variable=column,
                           remedy="set it to NaN, or write the netCDF format")
    present = values[~missing]
    whole = present.size > 0 and bool(np.all(np.isfinite(present)) and np.all(present == np.round(present))
                                      and np.all(np.abs(present) < 2.0**53) and not np.signbit(present[present == 0]).any())
    if whole:
        return [MISSING if gap else str(int(value)) for gap, value in zip(missing.tolist(), values.tolist())]
    return [MISSING if gap else repr(value) for gap, value in zip(missing.tolist(), values.tolist())]


def write_table(table: pd.DataFrame, path: str | Path, *, above: Sequence[str] = (), header: Sequence[str] | None = None
                ) -> Path:
    """Write a table as CSV in UTF-8, whole or not at all: lines `above`, a header (the column names), the rows."""
    columns = [texts(table[name].to_numpy(dtype=float), str(name)) if table[name].dtype == np.float64
               else [str(cell) for cell in table[name]] for name in table.columns]
    stream = io.StringIO()
    for line in above:
        stream.write(line + "\n")
    writer = csv.writer(stream, lineterminator="\n")
    if header is None:
        writer.writerow(table.columns)
    writer.writerows(zip(*columns))
    with replacing(path) as draft:
        draft.write_text(stream.getvalue(), encoding="utf-8")
    return Path(path)
