"""Reader of BADM files (Biological, Ancillary, Disturbance and Metadata; also called BIF) of AmeriFlux and FLUXNET.

Long form with the columns SITE_ID, GROUP_ID, VARIABLE_GROUP, VARIABLE, DATAVALUE: the rows of one GROUP_ID describe one
thing, such as the canopy height at a date (GRP_HEIGHTC) or the height of a sensor from a date on (GRP_VAR_INFO). CSV
is read as it is; XLSX needs the package openpyxl.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import existing
from terraflux.sites.records.cells import cells_of, table_of, text_of

COLUMNS = ("SITE_ID", "GROUP_ID", "VARIABLE_GROUP", "VARIABLE", "DATAVALUE")
MAXIMUM_BYTES = 200_000_000
NUMBERS = {"latitude": ("LOCATION", "LOCATION_LAT"), "longitude": ("LOCATION", "LOCATION_LONG"),
           "elevation": ("LOCATION", "LOCATION_ELEV"), "utc_offset_hours": ("UTC_OFFSET", "UTC_OFFSET"),
           "mean_annual_temperature": ("CLIM_AVG", "MAT"), "mean_annual_precipitation": ("CLIM_AVG", "MAP")}
TEXTS = {"name": ("HEADER", "SITE_NAME"), "igbp": ("IGBP", "IGBP")}


@dataclass(frozen=True)
class DatedHeight:
    """A height (m above ground) from a date on ("" where undated), of a variable ("" for the canopy)."""

    height: float
    date: str = ""
    variable: str = ""
    note: str = ""


@dataclass(frozen=True)
class Badm:
    """What a BADM file says about one site.

    `groups` are all rows: (kind of group without GRP_, {variable: text}). `canopy_heights` and `variable_heights` are
    ordered by date.
    """

    site_id: str
    groups: tuple[tuple[str, dict[str, str]], ...]
    canopy_heights: tuple[DatedHeight, ...]
    variable_heights: tuple[DatedHeight, ...]

    def facts(self, date: str = "") -> dict[str, Any]:
        """Facts of the site as in the catalogue; `date` (YYYY-MM-DD) picks dated heights, else the last ones."""
        found: dict[str, Any] = {"site_id": self.site_id}
        for name, (group, variable) in TEXTS.items():
            text = self._first(group, variable)
            if text:
                found[name] = text
        for name, (group, variable) in NUMBERS.items():
            text = self._first(group, variable)
            if text:
                found[name] = _number(text, variable, self.site_id)
        canopy = _at(self.canopy_heights, date)
        if canopy is not None:
            found["canopy_height"] = canopy.height
        sensor = self.height_of(("FC", "CO2", "H", "USTAR", "WS"), date)
        if sensor is not None:
            found["measurement_height"] = sensor
        return found

    def height_of(self, variables: str | Sequence[str], date: str = "") -> float | None:
        """Height (m) of a sensor at a date: of the first variable that has one, positions (_1_1_1) disregarded."""
        for wanted in [variables] if isinstance(variables, str) else variables:
            same = [one for one in self.variable_heights if one.variable == wanted
                    or re.fullmatch(rf"{re.escape(wanted)}(_PI)?(_F)?(_\d+)*(_A)?", one.variable)]
            found = _at(same, date)
            if found is not None:
                return found.height
        return None

    def _first(self, group: str, variable: str) -> str:
        return next((rows[variable] for kind, rows in self.groups if kind == group and rows.get(variable)), "")


def read_badm(path: str | os.PathLike[str], site_id: str = "") -> Badm:
    """One site of a BADM file (CSV or XLSX); `site_id` is needed where the file holds several sites.

    Raises ForcingError for missing columns, an absent site, and an XLSX file without openpyxl.
    """
    found = existing(path, MAXIMUM_BYTES)
    rows = _xlsx_rows(found) if found.suffix.lower() in (".xlsx", ".xlsm") else _csv_rows(found)
    codes = sorted({row[0] for row in rows})
    code = site_id or (codes[0] if len(codes) == 1 else "")
    if code not in codes:
        raise ForcingError(f"the file holds {len(codes)} sites" + (f", but not {site_id!r}" if site_id else ""),
                           file=path, variable="SITE_ID", remedy=f"name one of {', '.join(codes[:20])}")
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for site, group_id, group, variable, value in rows:
        if site == code:
            groups.setdefault((group_id, group.removeprefix("GRP_")), {})[variable] = value
    kept = tuple((kind, content) for (_, kind), content in groups.items())
    canopy = [DatedHeight(_number(content["HEIGHTC"], "HEIGHTC", path), _date(content, "HEIGHTC_DATE", "HEIGHTC_DATE_START"),
                          "", content.get("HEIGHTC_STATISTIC", ""))
              for kind, content in kept if kind == "HEIGHTC" and content.get("HEIGHTC")]
    sensors = [DatedHeight(_number(content["VAR_INFO_HEIGHT"], "VAR_INFO_HEIGHT", path), _date(content, "VAR_INFO_DATE"),
                           content.get("VAR_INFO_VARNAME", ""), content.get("VAR_INFO_MODEL", ""))
               for kind, content in kept if kind == "VAR_INFO" and content.get("VAR_INFO_HEIGHT")]
    # The statistic that stands for the canopy: its mean, or its top; a minimum or a spread does not.
    usable = [one for one in canopy if one.note.lower() not in ("minimum", "standard deviation", "standard error")]
    return Badm(code, kept, tuple(sorted(usable, key=lambda one: one.date)),
                tuple(sorted(sensors, key=lambda one: one.date)))


def _csv_rows(path: Path) -> list[tuple[str, str, str, str, str]]:
    text = text_of(path, MAXIMUM_BYTES)
    header = cells_of(text.lines[0])
    _refuse_columns(header, path)
    table = table_of(text, header, 1, text_columns=header)
    return list(table[list(COLUMNS)].itertuples(index=False, name=None))


def _xlsx_rows(path: Path) -> list[tuple[str, str, str, str, str]]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ForcingError("reading XLSX needs the package openpyxl", file=path,
                           remedy="save the sheet as CSV, or install openpyxl") from None
    book = load_workbook(path, read_only=True, data_only=True)
    sheet = book.worksheets[0].iter_rows(values_only=True)
    rows = [["" if cell is None else str(cell).strip() for cell in row] for row in sheet]
    book.close()
    _refuse_columns(rows[0] if rows else [], path)
    places = [rows[0].index(name) for name in COLUMNS]
    return [(row[places[0]], row[places[1]], row[places[2]], row[places[3]], row[places[4]]) for row in rows[1:] if any(row)]


def _refuse_columns(header: Sequence[str], path: Path) -> None:
    for name in COLUMNS:
        if name not in header:
            raise ForcingError(f"the column {name} is missing", file=path, variable=name,
                               remedy=f"use a BADM file in the long form ({', '.join(COLUMNS)})")


def _number(text: str, variable: str, file: object) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ForcingError(f"{variable} = {text!r} is no number", file=file, variable=variable, remedy="correct the cell")
    return number


def _date(content: dict[str, str], *names: str) -> str:
    """First of the dates that is there, as YYYY-MM-DD; months and days that are not given become the first."""
    digits = next((re.sub(r"\D", "", content[name]) for name in names if content.get(name)), "")
    return f"{digits[:4]}-{digits[4:6] or '01'}-{digits[6:8] or '01'}" if len(digits) >= 4 else ""


def _at(heights: Sequence[DatedHeight], date: str) -> DatedHeight | None:
    """The last height that began before a date; the first where all are later, the last without a date."""
    before = [one for one in heights if not date or one.date <= date]
    return before[-1] if before else (heights[0] if heights else None)
