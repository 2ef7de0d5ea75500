"""Land-cover legends: what the codes of a class raster mean, and which plant type of the model stands for each.

Built in are those of `drivers.grid.legends`: the IGBP scheme of MODIS MCD12Q1 LC_Type1 (Sulla-Menashe & Friedl 2018, user
guide of collection 6, table 3) and the nine classes of CLCD, the annual land cover of China (Yang & Huang 2021, ESSD 13:3907).
CLCD tells neither leaf type nor crop: its forest stands as mixed forest until `with_plant_types` says otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.grid.legends import BARE, WATER, MapLegend, legend_from, legends
from terraflux.sites.raster_grid import RasterError


@dataclass(frozen=True)
class LandCoverClass:
    """One class: `code` in the raster, `name` in words, `plant_type` of the model ("" where no plants grow)."""

    code: int
    name: str
    plant_type: str = ""


@dataclass(frozen=True)
class Legend:
    """The classes of a land-cover raster by code; `missing` lists codes that mean "no data"."""

    name: str
    classes: Mapping[int, LandCoverClass]
    missing: tuple[int, ...] = ()

    def check(self, values: np.ndarray, *, file: object = "") -> None:
        """Raise RasterError naming every code of `values` (NaN = no data) that the legend does not have."""
        finite = np.asarray(values, dtype=np.float64)
        finite = finite[np.isfinite(finite)]
        codes, counts = np.unique(finite, return_counts=True)
        strange = [(code, count) for code, count in zip(codes, counts)
                   if code != np.floor(code) or (int(code) not in self.classes and int(code) not in self.missing)]
        if strange:
            text = ", ".join(f"{code:g} ({count} cells)" for code, count in strange[:12])
            raise RasterError(f"the legend {self.name!r} has no class for the codes {text}", file=file,
                              variable="land cover",
                              remedy=f"choose the legend of this raster ({', '.join(LEGENDS)}), or give one with "
                                     "legend_of({code: (name, plant type)}), or declare the codes as nodata")

    def without_missing(self, values: np.ndarray) -> np.ndarray:
        """A float64 copy of `values` with the codes for "no data" set to NaN."""
        result = np.array(values, dtype=np.float64)
        for code in self.missing:
            result[result == code] = np.nan
        return result

    def codes_of(self, target: int | str | Iterable[int | str]) -> tuple[int, ...]:
        """Codes meant by a code, a class name, a plant type, or several of them.

        Raises RasterError, suggesting the nearest name, for a target that the legend does not know.
        """
        if isinstance(target, int | np.integer):
            targets: list[int | str] = [int(target)]
        else:
            targets = [target] if isinstance(target, str) else list(target)
        found: list[int] = []
        for one in targets:
            codes = [code for code, entry in self.classes.items()
                     if (code == one if not isinstance(one, str) else one.lower() in (entry.name, entry.plant_type.lower()))]
            if not codes:
                known = {entry.name for entry in self.classes.values()} | {
                    entry.plant_type for entry in self.classes.values() if entry.plant_type}
                hint = nearest(str(one), known) if isinstance(one, str) else f"codes are {sorted(self.classes)}"
                raise RasterError(f"the legend {self.name!r} has no class or plant type {one!r}", variable="target class",
                                  remedy=hint)
            found += [code for code in codes if code not in found]
        return tuple(found)

    def with_plant_types(self, plant_types: Mapping[int, str]) -> "Legend":
        """The same legend with other plant types for some codes, such as {2: "DBF"} for CLCD forest of broad leaves."""
        for code in plant_types:
            self.codes_of(code)
        changed = {code: replace(entry, plant_type=plant_types.get(code, entry.plant_type))
                   for code, entry in self.classes.items()}
        return replace(self, classes=changed)


def legend_of(classes: Mapping[int, tuple[str, str] | str], *, name: str = "own", missing: tuple[int, ...] = ()) -> Legend:
    """A legend from {code: name} or {code: (name, plant type)}, such as {1: ("maize", "CRO_C4"), 2: "road"}."""
    entries = {}
    for code, entry in classes.items():
        words = (entry, "") if isinstance(entry, str) else entry
        entries[int(code)] = LandCoverClass(int(code), words[0].lower(), words[1])
    return Legend(name, entries, tuple(int(code) for code in missing))


def legend_of_map(known: MapLegend) -> Legend:
    """A legend of maps of regions as one of class rasters: bare land and water have no plant type."""
    return legend_of({code: (name, "" if known.plants[code] in (BARE, WATER) else known.plants[code])
                      for code, name in known.names.items()}, name=known.name, missing=known.missing)


LEGENDS: dict[str, Legend] = {name: legend_of_map(known) for name, known in legends().items()}
"""Built-in legends by short name; their one source is drivers/grid/legends.toml."""


def legend(name: str | Legend) -> Legend:
    """A built-in legend by short name ("modis_igbp", "clcd"); a Legend passes through."""
    if isinstance(name, Legend):
        return name
    if name not in LEGENDS:
        raise RasterError(f"the legend {name!r} is unknown", variable="legend", remedy=nearest(name, LEGENDS))
    return LEGENDS[name]


def read_legend(name: str) -> Legend:
    """A built-in legend, or one from a TOML file: `missing = [0]` and `[classes]` of CODE = "name", ["name", "PFT"], or
    { name = "...", plant = "..." } as `terraflux drivers build` reads them."""
    if name in LEGENDS or not name.endswith(".toml"):
        return legend(name)
    from terraflux.drivers.safe_files import read_toml

    content = read_toml(name)
    classes = content.get("classes")
    if isinstance(classes, dict) and classes and all(isinstance(entry, dict) for entry in classes.values()):
        return legend_of_map(legend_from(content, Path(name).stem, file=name))
    refuse_unknown_keys(content, ("classes", "missing"), file=name)
    try:
        entries = {int(code): entry if isinstance(entry, str) else (str(entry[0]), str(entry[1]))
                   for code, entry in classes.items()} if isinstance(classes, dict) else {}
        missing = tuple(int(code) for code in content.get("missing", ()))
    except (ValueError, TypeError, IndexError) as trouble:
        raise ForcingError("a class is not of the form CODE = \"name\" or CODE = [\"name\", \"plant type\"]", file=name,
                           variable="classes", remedy="write, say, 4 = [\"broadleaf forest\", \"DBF\"]") from trouble
    if not entries:
        raise ForcingError("the legend has no [classes]", file=name, variable="classes",
                           remedy="write [classes] and below it 4 = [\"broadleaf forest\", \"DBF\"]")
    return legend_of(entries, name=Path(name).stem, missing=missing)
