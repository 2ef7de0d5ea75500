"""Files from outside are opened with care: declared sizes first, text only, paths kept in their folder.

Nothing is unpickled and no code is taken from files. A damaged, truncated or oversized file becomes a ForcingError
naming the file and the remedy.
"""

import csv
import gzip
import io
import os
import tomllib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.drivers.errors import ForcingError

MAXIMUM_TEXT_BYTES = 2_000_000_000  # a century of half-hours in 300 columns is about 3.5e8 numbers
MAXIMUM_TOML_BYTES = 1_000_000
MAXIMUM_DECLARED_BYTES = 4_000_000_000
MAXIMUM_ATTRIBUTES = 2000
MISSING_TEXTS = ("-9999", "-9999.0", "-9999.00", "NaN", "nan", "NA", "")


def data_folder(given: str | os.PathLike[str] | None = None) -> Path | None:
    """Root of external data: the folder given, or $TERRAFLUX_SHARED_DATA, or None."""
    chosen = given if given is not None else os.environ.get("TERRAFLUX_SHARED_DATA")
    return None if chosen in (None, "") else Path(str(chosen))


def contained(folder: Path, relative: str, *, file: object = "") -> Path:
    """Path of `relative` inside `folder`; absolute paths, NUL and ways out of the folder (.., links) are refused."""
    if not relative or "\0" in relative or Path(relative).is_absolute() or relative.startswith(("\\", "//")):
        raise ForcingError(f"the path {relative!r} is not a relative path", file=file,
                           remedy="give a path relative to the data folder")
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, relative))
    if os.path.commonpath([root, target]) != root:
        raise ForcingError(f"the path {relative!r} leads out of the folder {root}", file=file,
                           remedy="keep the file inside the folder, or give that folder as data_folder")
    return Path(target)


def existing(path: str | os.PathLike[str], maximum_bytes: int = MAXIMUM_TEXT_BYTES) -> Path:
    """The path, if it is a readable regular file of acceptable size."""
    found = Path(path)
    if not found.is_file():
        problem = "this is not a regular file" if found.exists() else "the file does not exist"
        raise ForcingError(problem, file=found, remedy="check the path and the data folder")
    size = found.stat().st_size
    if size == 0:
        raise ForcingError("the file is empty", file=found, remedy="fetch it again")
    if size > maximum_bytes:
        raise ForcingError(f"the file has {size} bytes, more than the limit of {maximum_bytes}", file=found,
                           remedy="cut it to the site and years you need")
    return found


def read_text(path: str | os.PathLike[str], maximum_bytes: int = MAXIMUM_TEXT_BYTES, fallback: str = "latin-1") -> str:
    """Text of a plain or gzipped file, UTF-8, else in the encoding `fallback`, else Latin-1; the unpacked size is
    limited before it is reached."""
    found = existing(path, maximum_bytes)
    try:
        with open(found, "rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(found, "rb") if packed else open(found, "rb") as stream:
            content = stream.read(maximum_bytes + 1)
    except (OSError, EOFError, zlib.error) as trouble:
        raise ForcingError(f"the file cannot be read: {trouble}", file=found, remedy="fetch it again") from trouble
    if len(content) > maximum_bytes:
        raise ForcingError(f"the file unpacks to more than {maximum_bytes} bytes", file=found,
                           remedy="cut it to the site and years you need")
    if b"\0" in content:
        raise ForcingError("the file holds NUL bytes and is no text", file=found, remedy="fetch it again")
    for encoding in ("utf-8-sig", fallback):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def read_table(path: str | os.PathLike[str], *, separator: str = ",", skip_lines: int = 0,
               missing: tuple[str, ...] = MISSING_TEXTS, columns: Iterable[str] | None = None,
               text_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Delimited text as numbers, NaN where missing.

    Only `columns` are kept, where given (names that are absent are passed over: the caller knows which are needed);
    `text_columns` stay strings. A cell that is neither a number nor one of `missing` is a ForcingError, and so are
    lines of different lengths and repeated names.
    """
    text = read_text(path)
    lines = text.splitlines()[skip_lines:]
    if len(lines) < 2:
        raise ForcingError("the table has no data line", file=path, remedy="fetch it again")
    header = [name.strip().strip('"') for name in lines[0].split(separator)]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise ForcingError(f"the column {repeated[0]!r} appears twice", file=path, remedy="rename or delete one")
    _refuse_uneven_lines(lines, separator, len(header), path)
    wanted = header if columns is None else [name for name in header if name in set(columns) | set(text_columns)]
    try:
        table = pd.read_csv(io.StringIO("\n".join(lines[1:])), sep=separator, header=None, names=header, dtype=str,
                            usecols=wanted, keep_default_na=False, index_col=False, on_bad_lines="error",
                            skipinitialspace=True)
    except (pd.errors.ParserError, ValueError) as trouble:
        raise ForcingError(f"the table cannot be parsed: {trouble}", file=path,
                           remedy=f"check the separator (now {separator!r}) and the cells per line") from trouble
    for name in wanted:
        if name in text_columns:
            continue
        cells = table[name].fillna("").str.strip()
        numbers = pd.to_numeric(cells.mask(cells.isin(missing)), errors="coerce").to_numpy(dtype=float)
        broken = np.isnan(numbers) & ~cells.isin(missing).to_numpy()
        if broken.any():
            row = int(np.argmax(broken))
            raise ForcingError(f"{cells.iloc[row]!r} in data line {row + 1} is not a number", file=path, variable=name,
                               remedy="correct the cell or declare the text as a missing value")
        table[name] = numbers
    return table


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A TOML file as nested dictionaries; size limited, syntax errors named with their line."""
    text = read_text(path, MAXIMUM_TOML_BYTES)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as trouble:
        raise ForcingError(f"the TOML is malformed: {trouble}", file=path, remedy="correct the line") from trouble


def _refuse_uneven_lines(lines: list[str], separator: str, cells: int, path: str | os.PathLike[str]) -> None:
    """Refuse the first line whose number of cells is not that of the header; quoted separators do not count."""
    for number, line in enumerate(lines):
        if line.count(separator) + 1 != cells and line.strip():
            found = len(next(csv.reader([line], delimiter=separator)))
            if found != cells:
                raise ForcingError(f"data line {number} has {found} cells, the header {cells}", file=path,
                                   remedy=f"the file may be cut off; check the separator (now {separator!r})")


def header_of(path: str | os.PathLike[str], *, separator: str = ",", skip_lines: int = 0) -> list[str]:
    """Column names of a delimited text file, without reading the rest of its numbers."""
    lines = read_text(path).split("\n", skip_lines + 1)
    if len(lines) < skip_lines + 1:
        raise ForcingError("the table has no header line", file=path, remedy="fetch it again")
    return [name.strip().strip('"') for name in lines[skip_lines].split(separator)]


def open_netcdf(path: str | os.PathLike[str], maximum_bytes: int = MAXIMUM_DECLARED_BYTES) -> xr.Dataset:
    """A netCDF dataset, decoded, after its declared sizes passed a budget; the caller closes it (a context manager)."""
    found = existing(path, maximum_bytes)
    try:
        raw = xr.open_dataset(found, engine="netcdf4", decode_cf=False)
    except (OSError, RuntimeError, ValueError) as trouble:
        raise ForcingError(f"the netCDF file cannot be opened: {trouble}", file=found,
                           remedy="the file is damaged or no netCDF; fetch it again") from trouble
    declared = sum(variable.size * variable.dtype.itemsize for variable in raw.variables.values())
    attributes = len(raw.attrs) + sum(len(variable.attrs) for variable in raw.variables.values())
    if declared > maximum_bytes or attributes > MAXIMUM_ATTRIBUTES:
        raw.close()
        raise ForcingError(f"the file declares {declared} bytes and {attributes} attributes, more than the limits of "
                           f"{maximum_bytes} and {MAXIMUM_ATTRIBUTES}", file=found,
                           remedy="cut it to the site and years you need")
    calendar = str(raw["time"].attrs.get("calendar", "standard")) if "time" in raw.variables else "standard"
    if calendar.lower() not in ("standard", "gregorian", "proleptic_gregorian"):
        raw.close()
        raise ForcingError(f"the calendar {calendar!r} has no real dates", file=found, variable="time",
                           remedy="convert the file to the standard calendar, with leap days")
    try:
        return xr.decode_cf(raw)
    except (ValueError, OverflowError, TypeError, KeyError) as trouble:
        raw.close()
        raise ForcingError(f"the netCDF metadata cannot be decoded: {trouble}", file=found,
                           remedy="repair units and calendar of time, _FillValue and scale_factor") from trouble


def netcdf_values(dataset: xr.Dataset, name: str, path: str | os.PathLike[str]) -> np.ndarray:
    """Values of a variable along time as float64, NaN where missing; length-1 axes beside time are dropped."""
    variable = dataset[name]
    try:
        values = np.asarray(variable.values)
    except (OSError, RuntimeError, ValueError) as trouble:
        raise ForcingError(f"the values cannot be read: {trouble}", file=path, variable=name,
                           remedy="the file is damaged; fetch it again") from trouble
    if variable.dims and variable.dims[0] == "time":
        values = values.reshape(values.shape[0], -1)
        if values.shape[1] != 1:
            raise ForcingError(f"the variable has dimensions {variable.dims} {variable.shape}, not one point",
                               file=path, variable=name, remedy="cut the file to one site")
        values = values[:, 0]
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as trouble:
        raise ForcingError("the values are no numbers", file=path, variable=name,
                           remedy="fetch the file again") from trouble
