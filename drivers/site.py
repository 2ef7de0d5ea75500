"""Facts about a site: where it stands, what grows there, on which soil, and how high the instruments are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.safe_files import read_table, read_toml
from terraflux.model.options import OptionError, Options
from terraflux.model.parameter_table import plant_types, soil_classes
from terraflux.model.variables import variable_table

# IGBP classes and the plant types that stand for them.
IGBP_PLANT_TYPE = {
    "ENF": "ENF", "EBF": "EBF", "DNF": "DNF", "DBF": "DBF", "MF": "MF", "CSH": "CSH", "OSH": "OSH", "SHR": "OSH",
    "WSA": "WSA", "SAV": "SAV", "GRA": "GRA", "CRO": "CRO", "CVM": "CRO", "WET": "WET", "TUN": "TUN", "BSV": "BSV",
}
_TABLE_COLUMNS = {
    "name": "name", "latitude": "lat", "longitude": "lon", "elevation": "elevation_m", "igbp": "igbp",
    "canopy_height": "canopy_height_m", "measurement_height": "measurement_height_m",
    "utc_offset_hours": "hh_utc_offset_h",
}
FACT_BOUNDS: dict[str, tuple[float, float]] = {
    "latitude": (-90, 90), "longitude": (-180, 180), "utc_offset_hours": (-12, 14), "elevation": (-500, 6000),
    "canopy_height": (0.02, 80), "measurement_height": (0.1, 200),
}
_TEXTS = ("site_id", "name", "igbp", "soil_class", "source")


@dataclass(frozen=True)
class SiteDescription:
    """One tower site.

    `latitude` (degrees north), `longitude` (degrees east), `elevation` (m), `utc_offset_hours` (local standard time
    minus UTC). `plant_type` is a plant code, or a mapping from codes to shares that sum to 1; `soil_class` a soil class
    of the parameter table. `canopy_height` and `measurement_height` are in m above ground (None: typical of the plant
    type). `leaf_area` says in words where leaf area comes from. `parameters` overrides model parameters by name (a list
    for one value a layer), `options` names processes that the site calls for (see `terraflux.model.options`).
    `source` cites where the facts come from; `synthetic` says that the data are invented, which every file and figure
    then repeats. Raises ForcingError for facts that cannot be.
    """

    site_id: str
    latitude: float
    longitude: float
    utc_offset_hours: float
    plant_type: str | Mapping[str, float]
    soil_class: str = "loam"
    name: str = ""
    elevation: float = 0.0
    canopy_height: float | None = None
    measurement_height: float | None = None
    igbp: str = ""
    leaf_area: str = ""
    parameters: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    options: Mapping[str, str | int] = field(default_factory=dict)
    source: str = ""
    synthetic: bool = False

    def __post_init__(self) -> None:
        where = f"site {self.site_id}"
        for fact, (low, high) in FACT_BOUNDS.items():
            value = getattr(self, fact)
            if value is not None and not low <= float(value) <= high:
                remedy = "longitude runs from -180 to 180, east positive" if fact == "longitude" else f"correct {fact}"
                raise ForcingError(f"{fact} = {value} of {where} lies outside {low}..{high}", variable=fact,
                                   remedy=remedy)
        for code in self.mixture:
            if code not in plant_types():
                raise ForcingError(f"the plant type {code!r} of {where} is unknown", variable="plant_type",
                                   remedy=nearest(code, plant_types()))
        shares = list(self.mixture.values())
        if min(shares) < 0 or abs(sum(shares) - 1.0) > 1e-6:
            raise ForcingError(f"the shares of plant types of {where} sum to {sum(shares):g}", variable="plant_type",
                               remedy="make them sum to 1")
        if self.soil_class not in soil_classes():
            raise ForcingError(f"the soil class {self.soil_class!r} of {where} is unknown", variable="soil_class",
                               remedy=nearest(self.soil_class, soil_classes()))
        known = [one.name for one in variable_table(deep_layers=1).of_kind("parameter")]
        refuse_unknown_keys(self.parameters, known, place=f"parameters of {where}")
        try:
            Options.from_mapping(self.options)
        except OptionError as trouble:
            raise ForcingError(f"options of {where}: {trouble}", variable="options",
                               remedy="name registered processes") from trouble

    @property
    def mixture(self) -> dict[str, float]:
        """Plant codes with their shares, also for a single plant type."""
        return {self.plant_type: 1.0} if isinstance(self.plant_type, str) else dict(self.plant_type)

    def with_facts(self, **facts: Any) -> "SiteDescription":
        """The description with some facts replaced."""
        return replace(self, **facts)


FIELDS = tuple(one.name for one in fields(SiteDescription))
REQUIRED = ("site_id", "latitude", "longitude", "utc_offset_hours")


def plant_type_of(igbp: str, latitude: float) -> str:
    """Plant type for an IGBP class; the warm, cold and treeless variants are told by latitude (degrees)."""
    if igbp not in IGBP_PLANT_TYPE:
        raise ForcingError(f"the IGBP class {igbp!r} has no plant type", variable="igbp",
                           remedy=f"name the plant_type of the site; {nearest(igbp, IGBP_PLANT_TYPE)}")
    plant = IGBP_PLANT_TYPE[igbp]
    if plant == "EBF" and abs(latitude) < 23.5:
        return "EBF_tropical"
    if plant == "ENF" and latitude > 58.0:
        return "ENF_boreal"
    if plant == "OSH" and latitude > 60.0:
        return "OSH_tundra"
    return plant


def site_from_facts(facts: Mapping[str, Any], *, file: object = "") -> SiteDescription:
    """A description from a mapping of field names; unknown keys and missing facts are refused.

    Without `plant_type` it follows from `igbp`; without `soil_class` it is loam.
    """
    refuse_unknown_keys(facts, FIELDS, file=file, place="[site]")
    given = {key: value for key, value in facts.items() if value is not None}
    for fact in REQUIRED:
        if fact not in given:
            raise ForcingError(f"the site has no {fact}", file=file, variable=fact, remedy=f"give {fact} of the site")
    for fact, value in given.items():
        expected: tuple[type, ...] = (int, float, np.floating)
        if fact in _TEXTS or fact == "leaf_area":
            expected = (str,)
        elif fact == "plant_type":
            expected = (str, Mapping)
        elif fact in ("parameters", "options"):
            expected = (Mapping,)
        elif fact == "synthetic":
            expected = (bool,)
        if not isinstance(value, expected) or (isinstance(value, bool) and fact != "synthetic"):
            raise ForcingError(f"{fact} = {value!r} is of the wrong kind", file=file, variable=fact,
                               remedy="see the schema of the tower file")
    if "plant_type" not in given:
        if "igbp" not in given:
            raise ForcingError("the site has neither plant_type nor igbp", file=file, variable="plant_type",
                               remedy=f"give one of {', '.join(plant_types())}")
        given["plant_type"] = plant_type_of(given["igbp"], given["latitude"])
    return SiteDescription(**given)


def facts_from_table(path: str | os.PathLike[str], site_id: str) -> dict[str, Any]:
    """Facts of one site from a table of sites (columns site_id, name, lat, lon, elevation_m, igbp, canopy_height_m,
    measurement_height_m, hh_utc_offset_h); blank cells are left out. An unknown site is refused."""
    numbers = [column for fact, column in _TABLE_COLUMNS.items() if fact not in _TEXTS]
    table = read_table(path, columns=numbers, text_columns=("site_id", "name", "igbp")).set_index("site_id")
    if site_id not in table.index:
        raise ForcingError(f"the site {site_id!r} is not in the table", file=path, remedy=nearest(site_id, table.index))
    row = table.loc[site_id]
    facts: dict[str, Any] = {"site_id": site_id}
    for fact, column in _TABLE_COLUMNS.items():
        value: Any = row.get(column)
        if isinstance(value, str):
            if value.strip():
                facts[fact] = value.strip()
        elif value is not None and np.isfinite(value):
            facts[fact] = float(value)
    return facts


def site_from_table(path: str | os.PathLike[str], site_id: str) -> SiteDescription:
    """The description of one site of a table of sites; see `facts_from_table`."""
    return site_from_facts(facts_from_table(path, site_id), file=path)


def read_site(path: str | os.PathLike[str]) -> SiteDescription:
    """The description in a TOML file: its [site] table, or the whole file where it has none."""
    contents = read_toml(path)
    facts = contents.get("site", contents)
    if not isinstance(facts, dict):
        raise ForcingError("[site] is not a table", file=Path(path), remedy="see the schema of the tower file")
    return site_from_facts(facts, file=path)
