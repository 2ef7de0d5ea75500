"""From gridded products and maps to a checked forcing store: the one function behind `terraflux drivers build`."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.co2 import carbon_dioxide_polynomial, decimal_year, read_series
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.configuration import BuildChoices, SourceChoice, read_choices
from terraflux.drivers.grid.fingerprints import fingerprints, name_below
from terraflux.drivers.grid.grid_file import open_grid_file
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, grid_of
from terraflux.drivers.grid.leaf_area_maps import leaf_area_nodes
from terraflux.drivers.grid.profiles import profile, profile_from
from terraflux.drivers.grid.regridding import CellEdges, Regridder, cells_of, regridder
from terraflux.drivers.grid.source import GridSource, SourceRules
from terraflux.drivers.grid.source_clock import DAY
from terraflux.drivers.grid.store import ForcingStore, open_forcing_store
from terraflux.drivers.grid.store_layout import StoreLayout
from terraflux.drivers.grid.store_writer import StoreWriter, exclusive
from terraflux.drivers.grid.target_cells import choose_cells, elevation_in_metres, target_grid
from terraflux.drivers.grid.weather import OpenSource, Recipe, WeatherReader, recipes_of
from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256
from terraflux.drivers.safe_files import read_toml

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
SMOOTH = ("air_temperature", "air_temperature_minimum", "air_temperature_maximum", "air_pressure", "wind_speed",
          "eastward_wind", "northward_wind", "vapour_pressure", "vapour_pressure_deficit", "relative_humidity",
          "specific_humidity", "dew_point_temperature", "vapour_mole_fraction")


def prepare(choices: BuildChoices | str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *,
            progress: Progress | None = None, data: str | os.PathLike[str] | None = None) -> ForcingStore:
    """Build a forcing store, or go on with one that was interrupted, and open it.

    `choices` is the path of a TOML file or its contents (see `configuration`), `out` the store (default: the key `store`,
    below the folder of the file), `data` the folder below which the data lie. `progress(done, total, name)` is told every
    slab. A build that is killed at any moment and started again gives the same bytes. Raises ForcingError naming file,
    variable, time and remedy for whatever is wrong with the sources.

    >>> store = prepare("china.toml")           # doctest: +SKIP
    """
    chosen = choices if isinstance(choices, BuildChoices) else read_choices(choices, data=data)
    path = Path(out) if out is not None else _store_path(chosen)
    tell = progress or (lambda done, total, name: None)
    with exclusive(path):
        tell(0, 1, "sources")
        with ExitStack() as held:
            sources = [held.enter_context(closing(_open(chosen, one))) for one in chosen.sources]
            return _build(chosen, path, sources, tell)


def _store_path(choices: BuildChoices) -> Path:
    """The store below the folder of the choices; ways out of it are refused."""
    return replace(choices, folder=choices.home).path(choices.store)


def _open(choices: BuildChoices, one: SourceChoice) -> GridSource:
    """A source with its files, profile and rules."""
    if one.profile.endswith(".toml"):
        known = profile_from(read_toml(choices.path(one.profile)), one.profile, file=one.profile)
    else:
        known = profile(one.profile, file=choices.file)
    shape = known.changed(one.variables, file=choices.file)
    return GridSource(choices.paths(one.files), shape, SourceRules(**one.rules),
                      grid=_static(choices, one.grid)[1] if one.grid else None)


def _static(choices: BuildChoices, entry: Mapping[str, str]) -> tuple[Floats, HorizontalGrid, str]:
    """A map of one value per cell in stored order, its grid and its unit."""
    with open_grid_file(choices.path(entry["file"])) as opened:
        found = opened.variable(entry["variable"])
        grid = grid_of(opened, found)
        piece = found.read({dim: 0 for dim in found.dims if dim not in grid.dims})
        kept = [dim for dim in found.dims if dim in grid.dims]
        return piece.transpose([kept.index(dim) for dim in grid.dims]).reshape(-1), grid, entry.get("unit", found.unit)


def _build(choices: BuildChoices, path: Path, sources: list[GridSource], tell: Progress) -> ForcingStore:
    step = _stored_step(choices, sources)
    recipes = recipes_of(sources, step == DAY, has_height="elevation" in choices.surface)
    days = np.datetime64(choices.first, "D") + np.arange(choices.days)
    grid = target_grid(choices, sources[0].grid)
    everywhere = cells_of(grid)
    covered = np.ones(everywhere.latitude.size, dtype=bool)
    valid = {}
    fill = choices.minimum_fraction if choices.target.cells_without_weather == "nearest" else None
    for recipe in recipes:
        if recipe.source >= 0 and (recipe.source, recipe.inputs[0]) not in valid:
            mask = _valid_cells(sources[recipe.source], recipe, days[:1])
            valid[recipe.source, recipe.inputs[0]] = mask
            way = _way(choices, sources[recipe.source], recipe, everywhere, grid, mask, fill)
            covered &= way.covered(choices.minimum_fraction)
    tell(0, 1, "cells")
    cells, edges, notes = choose_cells(choices, grid, covered)
    opened = [_opened(choices, number, source, recipes, edges, grid, cells, valid, fill)
              for number, source in enumerate(sources)]
    offsets = np.round(cells.longitude / 15.0) if choices.day == "solar" else np.full(cells.count, float(choices.day))
    if step < DAY and offsets.any():
        raise ForcingError("steps shorter than a day are stored in UTC", file=choices.file, variable="day",
                           remedy="leave out day")
    layout = StoreLayout(days[0], choices.days, tuple(one.name for one in recipes), cells.count, step, choices.slab_days,
                         choices.block_cells, np.nan if choices.day == "solar" else float(choices.day), choices.synthetic,
                         choices.title, {"source": "; ".join(source.profile.title for source in sources)})
    leaves: dict[str, Any] = {}
    if "leaf_area" in choices.surface:
        tell(0, 1, "leaf area")
        leaves, counts = _leaves(choices, edges, cells)
        notes |= {f"leaf_area_{name}": number for name, number in counts.items()}
    tell(0, 1, "checksums of the sources")
    provenance = _provenance(choices, sources, recipes, notes)
    by_choice = provenance | {"sources": [{name: part for name, part in one.items() if name not in ("files", "notes")}
                                          for one in provenance["sources"]]}
    identity = sha256(json_bytes({"provenance": by_choice, "schema": 1}))
    reader = WeatherReader(opened, recipes, step, offsets, cells.elevation, choices.lapse_rate, choices.minimum_fraction)
    reader.check_period(days)
    prints = [fingerprints_by_path(source, choices, one) for source, one in zip(sources, provenance["sources"])]
    slab_sources = [sha256(json_bytes({"files": [prints[number][file] for number, file in reader.files_of(
        layout.dates(*layout.days_of(slab)))]})) for slab in range(layout.slabs)]
    writer = StoreWriter(path, layout, cells, identity, carbon_dioxide=_carbon_dioxide(choices, days),
                         slab_sources=slab_sources, **leaves)
    pending = writer.pending()
    for number, slab in enumerate(pending):
        part = layout.dates(*layout.days_of(slab))
        tell(number, len(pending), f"{part[0]} to {part[-1]}")
        weather, repairs = reader.of_days(part)
        writer.write_slab(slab, weather, repairs)
    tell(len(pending), max(len(pending), 1), "finished")
    return open_forcing_store(writer.finish(provenance))


def fingerprints_by_path(source: GridSource, choices: BuildChoices, described: Mapping[str, Any]) -> dict[str, str]:
    """Checksums of the files of a source by their paths."""
    return {path: str(described["files"][name_below(Path(path), choices.folder)]["sha256"]) for path in source.paths}


def _stored_step(choices: BuildChoices, sources: list[GridSource]) -> int:
    """Step of the store (s): a day, or the longest step of the sources."""
    if choices.step == "day":
        return DAY
    return max(variable.clock.step_seconds for source in sources for variable in source.variables.values())


def _valid_cells(source: GridSource, recipe: Recipe, day: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Source cells (flat) that hold all inputs of a variable at the first step of the period."""
    whole = (slice(0, source.grid.shape[0]), slice(0, source.grid.shape[1]))
    size = source.grid.shape[0] * source.grid.shape[1]
    every = Regridder(None, np.arange(size), whole, np.ones(1), "nearest")
    maps = [source.raw_map(name, source.steps_of(name, day)[0, :1], every) for name in recipe.inputs]
    return np.asarray(np.isfinite(np.array(maps)).all(axis=0))


def _way(choices: BuildChoices, source: GridSource, recipe: Recipe, target: CellEdges, grid: HorizontalGrid,
         valid: NDArray[np.bool_], fill: float | None) -> Regridder:
    """Regridding of a variable: the choice of its source, or by the kind of variable and the sizes of cells."""
    method = choices.sources[recipe.source].regrid
    if (choices.target.like == "source" and recipe.source == 0) or not source.grid.regular:
        method = "nearest"
    elif method == "auto":
        finer = recipe.inputs[0] in SMOOTH and _size(grid) < _size(source.grid)
        method = "bilinear" if finer else "conservative"
    return regridder(source.grid, target, method, valid=valid, fill_below=fill)


def _size(grid: HorizontalGrid) -> float:
    """Size of cells (degrees)."""
    if grid.latitude_edges is None:
        return float(np.median(np.abs(np.diff(grid.latitude, axis=0))))
    return float(np.median(np.abs(np.diff(grid.latitude_edges))))


def _opened(choices: BuildChoices, number: int, source: GridSource, recipes: list[Recipe], edges: CellEdges,
            grid: HorizontalGrid, cells: Cells, valid: Mapping[tuple[int, str], NDArray[np.bool_]], fill: float | None
            ) -> OpenSource:
    """A source with its regridders on the chosen cells, and the heights between it and them."""
    ways: dict[str, Regridder] = {}
    made: dict[tuple[str, bytes], Regridder] = {}
    for recipe in recipes:
        if recipe.source == number and recipe.inputs[0] not in ways:
            mask = valid[number, recipe.inputs[0]]
            way = _way(choices, source, recipe, edges, grid, mask, fill)
            ways[recipe.inputs[0]] = made.setdefault((way.method, mask.tobytes()), way)
    change = None
    if choices.lapse_rate is not None:
        entry = choices.sources[number].elevation
        if not entry or "elevation" not in choices.surface:
            raise ForcingError("lapse_rate needs the heights of source and cells", file=choices.file, variable="elevation",
                               remedy="give elevation in [[source]] and in [surface.elevation]")
        heights, own, unit = _static(choices, entry)
        source.grid.require_same(own, "elevation")
        way = ways.get("air_temperature", next(iter(ways.values())))
        change = cells.elevation - way(elevation_in_metres(heights[way.used], unit, entry["file"])[None],
                                       choices.minimum_fraction)[0]
    return OpenSource(source, ways, change)


def _leaves(choices: BuildChoices, edges: CellEdges, cells: Cells) -> tuple[dict[str, Any], dict[str, int]]:
    """Leaf area of cells, and of their plant types where each has a variable of its own: that of cells is then their mean."""
    entry = dict(choices.surface["leaf_area"])
    files, own = entry.pop("files"), dict(entry.pop("variables", {}))
    paths = choices.paths((files,) if isinstance(files, str) else tuple(files))
    lacking = [name for name in cells.plant_types if name not in own]
    if own and (lacking or "variable" in entry or not cells.plant_types):
        grown = ", ".join(cells.plant_types) or "no plants"
        raise ForcingError(f"variables tell leaf area of {', '.join(own)}, the cells hold {grown}",
                           file=choices.file, variable="leaf_area",
                           remedy=f"add {', '.join(lacking)}" if lacking else "give [surface.land_cover], and not variable too")
    parts: list[NDArray[np.float32]] = []
    counts, nodes = Counter[str](), np.zeros(0)
    for name in [own[plant] for plant in cells.plant_types] if own else [entry.pop("variable", "")]:
        values, dates, found = leaf_area_nodes(paths, name, edges, **entry)
        if parts and not np.array_equal(dates, nodes):
            raise ForcingError("the variables have other dates than the first", file=paths[0], variable=name,
                               remedy="give maps of the same dates for all plant types")
        parts.append(values)
        counts.update(found)
        nodes = dates
    if not entry.get("climatology", False):
        first, last = (np.datetime64(day, "D").astype(np.int64) for day in (choices.first, choices.last))
        if nodes[0] > first + 31 or nodes[-1] < last - 31:
            raise ForcingError(f"leaf area covers {np.datetime64(int(nodes[0]), 'D')} to {np.datetime64(int(nodes[-1]), 'D')}, "
                               "not the period", file=choices.file, variable="leaf_area",
                               remedy="give maps of the period, or a climatology")
    if not own:
        return {"leaf_area": parts[0], "leaf_area_time": nodes}, dict(counts)
    plants = np.stack(parts, axis=1)
    mean = (plants.astype(np.float64) * cells.plant_fraction).sum(axis=1).astype(np.float32)
    return {"leaf_area": mean, "leaf_area_time": nodes, "leaf_area_by_plant": plants}, dict(counts)


def _carbon_dioxide(choices: BuildChoices, days: NDArray[np.datetime64]) -> Floats:
    """Carbon dioxide (umol mol-1) of every day: a number, the polynomial of the global mean, or a series."""
    given = choices.carbon_dioxide
    middle = days.astype("datetime64[s]") + np.timedelta64(43200, "s")
    if not isinstance(given, str):
        return np.full(days.size, float(given))
    if given == "polynomial":
        return carbon_dioxide_polynomial(middle)
    years, values = read_series(choices.path(given))
    wanted = decimal_year(middle)
    if wanted[0] < years[0] - 1.0 or wanted[-1] > years[-1] + 1.0:
        raise ForcingError(f"the series covers {years[0]:.1f}-{years[-1]:.1f}, the period {wanted[0]:.1f}-{wanted[-1]:.1f}",
                           file=given, variable="carbon_dioxide", remedy="give a series that covers the period")
    return np.interp(wanted, years, values)


def _provenance(choices: BuildChoices, sources: list[GridSource], recipes: list[Recipe], notes: Mapping[str, int]
                ) -> dict[str, Any]:
    """Choices, files with checksums, rules and repairs: everything a store is made from, without places of the machine."""
    plain = {name: value for name, value in vars(choices).items() if name not in ("folder", "home", "file", "store", "target",
                                                                                 "sources")}
    names = [entry[key] for entry in choices.surface.values() for key in ("file", "sand_file", "clay_file") if key in entry]
    names += [entry["legend"] for entry in choices.surface.values() if str(entry.get("legend", "")).endswith(".toml")]
    for entry in choices.surface.values():
        names += [entry["files"]] if isinstance(entry.get("files"), str) else list(entry.get("files", ()))
    names += [choices.target.boundary] if choices.target.boundary else []
    if isinstance(choices.carbon_dioxide, str) and choices.carbon_dioxide != "polynomial":
        names.append(choices.carbon_dioxide)
    names += [one.profile for one in choices.sources if one.profile.endswith(".toml")]
    surface_files = choices.paths(tuple(names))
    described = []
    for one, source in zip(choices.sources, sources):
        extra = [choices.path(entry["file"]) for entry in (one.elevation, one.grid) if entry]
        described.append({
            "profile": one.profile, "title": source.profile.title, "reference": source.profile.source, "rules": dict(one.rules),
            "regrid": one.regrid, "changed": json.loads(json.dumps(one.variables)), "notes": source.notes,
            "variables": {name: {"in_file": variable.in_file, "unit": variable.unit, "holds": variable.holds,
                                 "step_seconds": variable.clock.step_seconds, "calendar": variable.clock.calendar}
                          for name, variable in source.variables.items()},
            "files": fingerprints([Path(path) for path in source.paths] + extra, choices.folder, choices.checksums)})
    return {"choices": json.loads(json.dumps(plain, default=str)), "target": vars(choices.target), "sources": described,
            "surface_files": fingerprints(surface_files, choices.folder, choices.checksums),
            "made_from": {one.name: list(one.inputs) for one in recipes}, "cells": dict(notes)}
