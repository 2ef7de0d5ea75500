"""Legends of land-cover maps: from class codes to plant types of the model, bare land and water."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.safe_files import read_toml
from terraflux.drivers.site import IGBP_PLANT_TYPE, plant_type_of
from terraflux.model.parameter_table import plant_types

BARE, WATER = "bare", "water"


@dataclass(frozen=True)
class MapLegend:
    """Classes of a map: `plants` gives an IGBP class, a plant type, "bare" or "water" by code; `missing` codes are no data."""

    name: str
    names: Mapping[int, str]
    plants: Mapping[int, str]
    missing: tuple[int, ...] = ()

    def plant_of(self, code: int, latitude: float) -> str:
        """Plant type of a code at a latitude (degrees), "bare" or "water"."""
        plant = self.plants[code]
        return plant_type_of(plant, latitude) if plant in IGBP_PLANT_TYPE else plant

    def check(self, codes: np.ndarray, *, file: object = "") -> None:
        """Refuse codes that the legend does not know."""
        strange = sorted({int(code) for code in np.unique(codes)} - set(self.plants) - set(self.missing))
        if strange:
            raise ForcingError(f"the legend {self.name!r} has no class for the codes {', '.join(map(str, strange[:12]))}",
                               file=file, variable="land cover",
                               remedy=f"choose the legend of this map ({', '.join(legends())}), give one of your own, or "
                                      "declare the codes as missing")


def legend_from(content: Mapping[str, Any], name: str, *, file: object = "") -> MapLegend:
    """A legend from a table with `classes` {code: {name, plant}} and `missing`; unknown plants are refused."""
    refuse_unknown_keys(content, ("classes", "missing", "title", "source"), file=file)
    names, plants = {}, {}
    known = {*plant_types(), *IGBP_PLANT_TYPE, BARE, WATER}
    try:
        for code, entry in dict(content["classes"]).items():
            names[int(code)], plants[int(code)] = str(entry["name"]), str(entry["plant"])
        missing = tuple(int(code) for code in content.get("missing", ()))
    except (KeyError, TypeError, ValueError) as trouble:
        raise ForcingError("a class is not of the form CODE = { name = \"...\", plant = \"...\" }", file=file,
                           variable="classes",
                           remedy='write, say, 4 = { name = "broadleaf forest", plant = "DBF" }') from trouble
    for code, plant in plants.items():
        if plant not in known:
            raise ForcingError(f"the plant type {plant!r} of code {code} is unknown", file=file, variable="classes",
                               remedy=nearest(plant, known))
    return MapLegend(name, names, plants, missing)


@cache
def legends() -> Mapping[str, MapLegend]:
    """The built-in legends by short name."""
    table = tomllib.loads(files("terraflux.drivers.grid").joinpath("legends.toml").read_text(encoding="utf-8"))
    return {name: legend_from(entry, name, file="legends.toml") for name, entry in table.items()}


def map_legend(name: str) -> MapLegend:
    """A built-in legend by short name, or one from a TOML file."""
    if name.endswith(".toml"):
        return legend_from(read_toml(name), name, file=name)
    if name not in legends():
        raise ForcingError(f"the legend {name!r} is unknown", variable="legend", remedy=nearest(name, legends()))
    return legends()[name]
