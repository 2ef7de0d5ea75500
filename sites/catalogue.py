"""The catalogue of flux towers: where they stand, what grows there, how high they measure, and when.

The table `towers.csv` beside this file holds published facts, the source of each in its own column, Chinese towers
first. Lists of networks name some towers twice or misplace them: one tower is one row, its other codes stand in
`other_codes`, and `note` says what was merged, corrected or doubtful. A file of the user (CSV with the same columns, or
TOML with [[tower]] tables) lies on top: new codes are added, facts given for a known code replace those of the table.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.safe_files import read_text, read_toml
from terraflux.drivers.site import IGBP_PLANT_TYPE, SiteDescription, plant_type_of, site_from_facts

TABLE = Path(__file__).with_name("towers.csv")
MAXIMUM_BYTES = 5_000_000
IGBP_NAMES = {
    "ENF": "evergreen needleleaf forest", "EBF": "evergreen broadleaf forest", "DNF": "deciduous needleleaf forest",
    "DBF": "deciduous broadleaf forest", "MF": "mixed forest", "CSH": "closed shrubland", "OSH": "open shrubland",
    "SHR": "shrubland", "WSA": "woody savanna", "SAV": "savanna", "GRA": "grassland", "WET": "permanent wetland",
    "CRO": "cropland", "CVM": "cropland and natural vegetation", "URB": "urban", "SNO": "snow and ice",
    "BSV": "barren or sparse vegetation", "WAT": "water", "TUN": "tundra",
}
BOUNDS: dict[str, tuple[float, float]] = {
    "latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0), "elevation": (-500.0, 6500.0),
    "canopy_height": (0.0, 120.0), "measurement_height": (0.1, 500.0), "tower_height": (0.1, 700.0),
    "mean_annual_temperature": (-60.0, 45.0), "mean_annual_precipitation": (0.0, 13000.0),
    "first_year": (1950, 2100), "last_year": (1950, 2100), "utc_offset_hours": (-12.0, 14.0),
}
REQUIRED = ("code", "latitude", "longitude")
YEARS = ("first_year", "last_year")
LISTS = ("other_codes", "network")


@dataclass(frozen=True)
class TowerFacts:
    """Facts of one tower; None, "" and () where nothing is known.

    `latitude` and `longitude` in degrees (north and east positive), `elevation` in m above sea level; `canopy_height`,
    `measurement_height` (of the eddy flux sensor) and `tower_height` in m above ground; `mean_annual_temperature` in
    degC, `mean_annual_precipitation` in mm per year; `first_year` and `last_year` of the published half-hourly record;
    `utc_offset_hours` of local standard time. `igbp` is the land cover by the IGBP legend (`IGBP_NAMES`), `koppen` the
    Köppen climate class, `country` the two-letter country code. `source` cites every fact, `note` what to beware of.
    """

    code: str
    latitude: float
    longitude: float
    name: str = ""
    other_codes: tuple[str, ...] = ()
    country: str = ""
    elevation: float | None = None
    igbp: str = ""
    koppen: str = ""
    canopy_height: float | None = None
    measurement_height: float | None = None
    tower_height: float | None = None
    mean_annual_temperature: float | None = None
    mean_annual_precipitation: float | None = None
    first_year: int | None = None
    last_year: int | None = None
    utc_offset_hours: float | None = None
    network: tuple[str, ...] = ()
    source: str = ""
    note: str = ""

    @property
    def plant_type(self) -> str:
        """Plant type of the model for the IGBP class and latitude; "" where the model has none (water, unknown)."""
        return plant_type_of(self.igbp, self.latitude) if self.igbp in IGBP_PLANT_TYPE else ""

    def site(self, **more: Any) -> SiteDescription:
        """The site description that a model run needs; `more` adds or replaces its fields (soil_class, plant_type ...).

        Raises ForcingError for what is missing, naming the fact.
        """
        known = {"site_id": self.code, "name": self.name or None, "latitude": self.latitude,
                 "longitude": self.longitude, "elevation": self.elevation, "igbp": self.igbp or None,
                 "canopy_height": self.canopy_height, "measurement_height": self.measurement_height,
                 "utc_offset_hours": self.utc_offset_hours, "source": self.source or None}
        return site_from_facts({name: value for name, value in (known | more).items() if value is not None},
                               file=f"catalogue, tower {self.code}")


COLUMNS = tuple(one.name for one in fields(TowerFacts))


def catalogue(user_file: str | os.PathLike[str] | None = None) -> dict[str, TowerFacts]:
    """All towers by code, in the order of the table, with those of a user's file on top.

    Raises ForcingError naming file, tower and fact for duplicate codes, impossible positions and unknown columns.
    """
    towers = _towers(_csv_rows(TABLE), TABLE)
    if user_file is None:
        return towers
    path = Path(user_file)
    rows = _toml_rows(path) if path.suffix.lower() == ".toml" else _csv_rows(path)
    owner = {alias: code for code, facts in towers.items() for alias in facts.other_codes}
    given = [(line, row | {"code": owner.get(str(row.get("code", "")).strip(), row.get("code", ""))})
             for line, row in rows]
    return towers | _towers(given, path, towers)


def tower_facts(code: str, user_file: str | os.PathLike[str] | None = None) -> TowerFacts:
    """Facts of one tower by its code, or by a code that another list uses for it.

    Raises ForcingError for an unknown code, naming the nearest known one.
    """
    towers = catalogue(user_file)
    aliases = {alias: facts for facts in towers.values() for alias in facts.other_codes}
    found = towers.get(code) or aliases.get(code)
    if found is None:
        lower = {name.lower(): name for name in (*towers, *aliases)}
        hint = f"did you mean {lower[code.lower()]!r}?" if code.lower() in lower else nearest(code, (*towers, *aliases))
        raise ForcingError(f"the tower {code!r} is not in the catalogue", remedy=f"{hint} Or give its facts in a file of "
                           "your own" if hint.startswith("did") else "see `terraflux towers list`, or give its facts in a "
                           "file of your own")
    return found


def select(towers: Iterable[TowerFacts], *, igbp: str = "", country: str = "", network: str = "") -> list[TowerFacts]:
    """Towers of an IGBP class, country (two letters) and network (part of its name); empty filters take all.

    Raises ForcingError for a class, country or network that no tower has, naming what there is.
    """
    chosen = list(towers)
    known = {"igbp": sorted({one.igbp for one in chosen if one.igbp}),
             "country": sorted({one.country for one in chosen if one.country}),
             "network": sorted({name for one in chosen for name in one.network})}
    for name, value in (("igbp", igbp), ("country", country)):
        if value and value.upper() not in known[name]:
            raise ForcingError(f"no tower has {name} {value!r}", remedy=f"known are {', '.join(known[name])}")
    if network and not any(network.lower() in name.lower() for name in known["network"]):
        raise ForcingError(f"no tower has network {network!r}", remedy=f"known are {', '.join(known['network'])}")
    return [one for one in chosen if (not igbp or one.igbp == igbp.upper())
            and (not country or one.country == country.upper())
            and (not network or any(network.lower() in name.lower() for name in one.network))]


def _csv_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(read_text(path, MAXIMUM_BYTES)), restkey="", strict=True)
    header = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = header
    refuse_unknown_keys(header, COLUMNS, file=path, place="the header")
    for name in REQUIRED:
        if name not in header:
            raise ForcingError(f"the column {name} is missing", file=path, variable=name,
                               remedy=f"give the columns {', '.join(REQUIRED)} and any of {', '.join(COLUMNS)}")
    rows = []
    try:
        for row in reader:
            if "" in row or None in row.values():
                raise ForcingError(f"line {reader.line_num} has not {len(header)} cells", file=path,
                                   remedy="put quotes around cells with commas")
            rows.append((f"line {reader.line_num}", dict(row)))
    except csv.Error as trouble:
        raise ForcingError(f"line {reader.line_num} is no CSV: {trouble}", file=path, remedy="correct the line") from trouble
    return rows


def _toml_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    contents = read_toml(path)
    refuse_unknown_keys(contents, ("tower",), file=path)
    tables = contents.get("tower", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ForcingError("the file has no [[tower]] tables", file=path, remedy="write one [[tower]] table a tower")
    for one in tables:
        refuse_unknown_keys(one, COLUMNS, file=path, place="[[tower]]")
    return [(f"[[tower]] number {number}", one) for number, one in enumerate(tables, 1)]


def _towers(rows: Iterable[tuple[str, Mapping[str, Any]]], path: Path, known: Mapping[str, TowerFacts] | None = None
            ) -> dict[str, TowerFacts]:
    found: dict[str, TowerFacts] = {}
    for place, row in rows:
        facts = {name: _value(name, value, place, path) for name, value in row.items()
                 if not (value is None or (isinstance(value, str) and not value.strip()))}
        code = facts.get("code")
        if not code:
            raise ForcingError(f"{place} has no code", file=path, variable="code", remedy="give every tower a code")
        if code in found:
            raise ForcingError(f"the code {code!r} in {place} was given before", file=path, variable="code",
                               remedy="keep one row a tower; other codes of it go into other_codes")
        base = (known or {}).get(code)
        if base is not None:
            found[code] = replace(base, **facts)
        else:
            for name in REQUIRED:
                if name not in facts:
                    raise ForcingError(f"the tower {code} in {place} has no {name}", file=path, variable=name,
                                       remedy=f"give {name}; the tower is new to the catalogue")
            new: dict[str, Any] = {"country": code[:2].upper() if code[2:3] == "-" else ""} | facts
            found[code] = TowerFacts(**new)
        first, last = found[code].first_year, found[code].last_year
        if first is not None and last is not None and first > last:
            raise ForcingError(f"the record of {code} in {place} ends in {last} before it begins in {first}", file=path,
                               variable="last_year", remedy="correct the years")
    return found


def _value(name: str, value: Any, place: str, path: Path) -> Any:
    if name in LISTS:
        return tuple(value if isinstance(value, list) else str(value).split())
    if name not in BOUNDS:
        text = str(value).strip()
        if name == "igbp" and text not in IGBP_NAMES:
            raise ForcingError(f"the IGBP class {text!r} in {place} is unknown", file=path, variable="igbp",
                               remedy=nearest(text, IGBP_NAMES))
        return text
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ForcingError(f"{name} = {value!r} in {place} is no number", file=path, variable=name,
                           remedy="correct the cell, or leave it empty") from None
    low, high = BOUNDS[name]
    if not low <= number <= high:
        raise ForcingError(f"{name} = {number:g} in {place} lies outside {low:g}..{high:g}", file=path, variable=name,
                           remedy="longitude runs from -180 to 180, east positive" if name == "longitude"
                           else "correct the cell and its unit")
    return int(number) if name in YEARS else number
