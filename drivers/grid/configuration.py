"""What a build of forcing is asked for: a TOML file, checked key by key, with paths that stay in their folder."""

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError, refuse_unknown_keys
from terraflux.drivers.grid.regridding import METHODS
from terraflux.drivers.safe_files import contained, read_toml

REGRID_RULES = ("auto", *METHODS)
CELL_RULES = ("leave_out", "nearest", "refuse")
SOURCE_KEYS = ("profile", "files", "variables", "order", "duplicates", "calendar", "edges", "regrid", "elevation", "grid")
SURFACE_KEYS = ("land_cover", "soil", "elevation", "leaf_area", "clumping_index", "land_fraction")
MAP_KEYS = {
    "land_cover": ("file", "variable", "legend", "crs", "fractions", "percent"),
    "soil": ("file", "sand", "clay", "sand_file", "clay_file", "unit", "crs"),
    "elevation": ("file", "variable", "crs", "unit"),
    "leaf_area": ("files", "variable", "variables", "climatology", "composite_days", "scale", "date_pattern", "largest_code",
                  "crs"),
    "clumping_index": ("file", "variable"),
    "land_fraction": ("file", "variable"),
}


@dataclass(frozen=True)
class TargetChoice:
    """Cells wanted: a box (degrees) at a resolution, or `like = "source"`, the cells of the first source themselves.

    `boundary` is a GeoJSON file whose polygons hold the centres of the cells kept; `minimum_land_fraction` (0-1) drops cells
    of water. `cells_without_weather` is "leave_out", "nearest" (weather of the nearest cell that has some) or "refuse".
    `tile_side` is the number of cells a side of a tile, a power of two; `area` the method of cell areas.
    """

    west: float = 73.0
    east: float = 136.0
    south: float = 18.0
    north: float = 54.0
    resolution: float = 0.25
    like: str = ""
    boundary: str = ""
    minimum_land_fraction: float = 0.1
    cells_without_weather: str = "leave_out"
    tile_side: int = 16
    area: str = "sphere"


@dataclass(frozen=True)
class SourceChoice:
    """One source: profile, files (with wildcards), changed variables, rules of reading, and how it is regridded."""

    profile: str
    files: tuple[str, ...]
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    regrid: str = "auto"
    elevation: Mapping[str, str] = field(default_factory=dict)
    grid: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildChoices:
    """A whole build. `step` is "day" or "source" (the step of the sources); `day` is the offset of stored days from UTC in
    hours, or "solar" (each cell its nearest whole hour of local solar time). `lapse_rate` (K km-1) is None for none.
    Paths of data begin at `folder`, that of the store at `home`. `checksums` of source files are "full" or of their "ends"."""

    store: str
    first: str
    last: str
    folder: Path
    home: Path
    target: TargetChoice
    sources: tuple[SourceChoice, ...]
    surface: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    title: str = "forcing"
    step: str = "day"
    day: float | str = 0.0
    slab_days: int = 73
    block_cells: int = 2048
    lapse_rate: float | None = None
    minimum_fraction: float = 0.5
    carbon_dioxide: str | float = "polynomial"
    checksums: str = "full"
    synthetic: bool = False
    file: str = ""

    @property
    def days(self) -> int:
        """Number of days of the period."""
        return int((np.datetime64(self.last, "D") - np.datetime64(self.first, "D")).astype(np.int64)) + 1

    def path(self, relative: str) -> Path:
        """A path below the folder; ways out of it are refused."""
        return contained(self.folder, relative, file=self.file)

    def paths(self, patterns: tuple[str, ...]) -> list[Path]:
        """Files that match patterns below the folder, sorted by name within each; a pattern without any is refused."""
        found: list[Path] = []
        for pattern in patterns:
            if not any(sign in pattern for sign in "*?["):
                found.append(self.path(pattern))
                continue
            self.path(pattern)
            matches = sorted(glob.glob(pattern, root_dir=self.folder, recursive=True))
            if not matches:
                raise ForcingError(f"no file matches {pattern!r}", file=self.file, variable="files",
                                   remedy=f"check the pattern below {self.folder}")
            found += [self.path(match) for match in matches]
        return found


_TOP = ("title", "store", "first", "last", "step", "day", "slab_days", "block_cells", "lapse_rate", "minimum_fraction",
        "carbon_dioxide", "checksums", "synthetic", "target", "source", "surface")


def read_choices(path: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None) -> BuildChoices:
    """The choices of a TOML file. Paths of data begin at the folder `data`, else at that of the file, as the store does."""
    home = Path(path).resolve().parent
    return choices_from(read_toml(path), folder=home if data is None else data, home=home, file=str(path))


def choices_from(content: Mapping[str, Any], *, folder: str | os.PathLike[str],
                 home: str | os.PathLike[str] | None = None, file: str = "") -> BuildChoices:
    """Choices from nested tables; `folder` holds the data, `home` (default: the same) the store.

    Unknown keys are refused with the nearest known one, impossible values by name.
    """
    refuse_unknown_keys(content, _TOP, file=file)
    for key in ("first", "last", "source"):
        if key not in content:
            raise ForcingError(f"the key {key!r} is missing", file=file, variable=key,
                               remedy=f"a build needs first, last and [[source]]; add {key}")
    table = dict(content)
    targets, sources, surface = table.pop("target", {}), table.pop("source"), table.pop("surface", {})
    refuse_unknown_keys(targets, [one.name for one in fields(TargetChoice)], file=file, place="[target]")
    refuse_unknown_keys(surface, SURFACE_KEYS, file=file, place="[surface]")
    for name, entry in surface.items():
        refuse_unknown_keys(entry, MAP_KEYS[name], file=file, place=f"[surface.{name}]")
    target = TargetChoice(**targets)
    _one_of(target.cells_without_weather, CELL_RULES, "cells_without_weather", file)
    if target.like not in ("", "source"):
        raise ForcingError(f"like = {target.like!r} is unknown", file=file, variable="target", remedy='give like = "source"')
    if not isinstance(sources, list) or not sources:
        raise ForcingError("there is no [[source]]", file=file, variable="source", remedy="add one")
    for name in ("first", "last"):
        table[name] = str(table[name])
        try:
            np.datetime64(table[name], "D")
        except ValueError as trouble:
            raise ForcingError(f"{name} = {table[name]!r} is no date", file=file, variable=name,
                               remedy="write YYYY-MM-DD") from trouble
    choices = BuildChoices(**{"store": "forcing.zarr", **table}, folder=Path(folder),
                           home=Path(folder if home is None else home), target=target, file=file, surface=surface,
                           sources=tuple(_source(entry, file) for entry in sources))
    _check(choices)
    return choices


def _one_of(given: object, known: tuple[str, ...], name: str, file: str) -> None:
    if given not in known:
        raise ForcingError(f"{name} = {given!r} is unknown", file=file, variable=name, remedy=f"choose {', '.join(known)}")


def _source(entry: Mapping[str, Any], file: str) -> SourceChoice:
    refuse_unknown_keys(entry, SOURCE_KEYS, file=file, place="[[source]]")
    files = entry.get("files", ())
    files = (files,) if isinstance(files, str) else tuple(files)
    if "profile" not in entry or not files:
        raise ForcingError("a source needs profile and files", file=file, variable="source",
                           remedy='write, say, profile = "era5", files = ["era5/*.nc"]')
    _one_of(entry.get("regrid", "auto"), REGRID_RULES, "regrid", file)
    for name in ("elevation", "grid"):
        refuse_unknown_keys(entry.get(name, {}), ("file", "variable", "unit"), file=file, place=f"source.{name}")
    return SourceChoice(str(entry["profile"]), tuple(map(str, files)), entry.get("variables", {}),
                        {rule: entry[rule] for rule in ("order", "duplicates", "calendar", "edges") if rule in entry},
                        entry.get("regrid", "auto"), entry.get("elevation", {}), entry.get("grid", {}))


def _check(choices: BuildChoices) -> None:
    """Refuse numbers that make no sense."""
    file = choices.file
    _one_of(choices.step, ("day", "source"), "step", file)
    _one_of(choices.checksums, ("full", "ends"), "checksums", file)
    if choices.days < 1:
        raise ForcingError(f"the period {choices.first} to {choices.last} holds no day", file=file, variable="last",
                           remedy="exchange first and last")
    if choices.day != "solar" and (isinstance(choices.day, str) or not -12 <= choices.day <= 14):
        raise ForcingError(f"day = {choices.day!r} is no offset", file=file, variable="day", unit="h",
                           remedy='give hours from UTC such as 8, or "solar"')
    for name, low, high in (("slab_days", 1, 3660), ("block_cells", 1, 1_000_000), ("minimum_fraction", 0.0, 1.0),
                            ("lapse_rate", -12.0, 12.0)):
        value = getattr(choices, name)
        if value is not None and (isinstance(value, (str, bool)) or not low <= value <= high):
            raise ForcingError(f"{name} = {value!r} lies outside {low:g}..{high:g}", file=file, variable=name,
                               remedy=f"correct {name}")
