"""Delimited text as a table whose numbers are exactly those that were written.

Decimal numbers become the nearest float64 (correctly rounded, so that what is written back reads the same); missing
codes become NaN. A cell that is no number, a line of another length or a repeated column is an error that names the
line of the file.
"""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import MAXIMUM_TEXT_BYTES, read_text

MISSING = ("-9999", "-9999.0", "-9999.00", "-9999.000", "-9999.0000", "-9999.00000", "-9999.000000", "NaN", "nan", "NAN",
           "NA", "N/A", "n/a", "")


@dataclass(frozen=True)
class Text:
    """The lines of a file, and its path for messages."""

    lines: list[str]
    path: str | os.PathLike[str]


def text_of(path: str | os.PathLike[str], maximum_bytes: int = MAXIMUM_TEXT_BYTES, fallback: str = "latin-1") -> Text:
    """Lines of a plain or gzipped text file; LF, CRLF and bare CR all end a line. The size is checked before reading.

    Text is UTF-8, else in the encoding `fallback`, else Latin-1.
    """
    content = read_text(path, maximum_bytes, fallback)
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return Text(lines, path)


def cells_of(line: str, separator: str = ",") -> list[str]:
    """Cells of one line, stripped; quoted separators do not count."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def comma_lines(lines: Sequence[str], separator: str) -> list[str]:
    """Lines with commas between their cells, whatever stood there before."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(cells_of(line, separator) for line in lines)
    return stream.getvalue().splitlines()


def table_of(text: Text, header: Sequence[str], first: int, *, separator: str = ",", missing: Sequence[str] = MISSING,
             text_columns: Sequence[str] = ()) -> pd.DataFrame:
    """The lines from number `first` (0 is the first line) as a table with the columns `header`.

    Columns are float64 with NaN for `missing`, but `text_columns` stay stripped text. Raises ForcingError naming line
    and column for whatever does not fit.
    """
    repeated = sorted({name for name in header if list(header).count(name) > 1})
    if repeated:
        raise ForcingError(f"the column {repeated[0]!r} appears twice", file=text.path, remedy="rename or delete one")
    body = text.lines[first:]
    if not body:
        raise ForcingError("the table has no data line", file=text.path, remedy="fetch it again")
    _refuse_uneven_lines(text, first, len(header), separator)
    numeric = [place for place, name in enumerate(header) if name not in text_columns]
    columns: dict[str, np.ndarray] = {}
    try:
        numbers = np.loadtxt(body, delimiter=separator, usecols=numeric, dtype=np.float64, comments=None, quotechar='"',
                             ndmin=2) if numeric else np.empty((len(body), 0))
    except ValueError:
        cells = _as_text(body, header, separator, numeric)
        for place in numeric:
            columns[header[place]] = _numbers(cells[header[place]], missing, header[place], text, first)
    else:
        for code in sorted({float(code) for code in missing if _is_number(code)}):
            numbers[numbers == code] = np.nan
        columns = {header[place]: np.ascontiguousarray(numbers[:, row]) for row, place in enumerate(numeric)}
    named = [place for place, name in enumerate(header) if name in text_columns]
    if named:
        cells = _as_text(body, header, separator, named)
        columns |= {header[place]: cells[header[place]].to_numpy(dtype=object) for place in named}
    return pd.DataFrame({name: columns[name] for name in header})


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _as_text(body: list[str], header: Sequence[str], separator: str, places: Sequence[int]) -> pd.DataFrame:
    """Some columns as stripped text."""
    cells = pd.read_csv(io.StringIO("\n".join(body)), sep=separator, header=None, names=list(header), dtype=str,
                        usecols=list(places), keep_default_na=False, index_col=False, on_bad_lines="error",
                        skipinitialspace=True, skip_blank_lines=False)
    return cells.apply(lambda column: column.str.strip())


def _numbers(cells: pd.Series, missing: Sequence[str], name: str, text: Text, first: int) -> np.ndarray:
    """Numbers of a column of text, one by one, so that the first bad cell can be named."""
    found = np.full(cells.size, np.nan)
    for row, cell in enumerate(cells):
        if cell in missing:
            continue
        try:
            found[row] = float(cell)
        except ValueError:
            raise ForcingError(f"{cell!r} in line {first + row + 1} is not a number", file=text.path, variable=name,
                               remedy="correct the cell, or declare the text as a missing value") from None
    return found


def _refuse_uneven_lines(text: Text, first: int, cells: int, separator: str) -> None:
    for number in range(first, len(text.lines)):
        line = text.lines[number]
        if line.count(separator) + 1 != cells or not line:
            found = len(next(csv.reader([line], delimiter=separator), []))
            if found != cells:
                raise ForcingError(f"line {number + 1} has {found} cells, the header {cells}", file=text.path,
                                   remedy=f"the file may be cut off; check the separator (now {separator!r})")
