"""Which cells a store holds, in which order, and what is known of them: land, plants, soil, height, clumping."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import EARTH_RADIUS, strip_area
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.configuration import BuildChoices
from terraflux.drivers.grid.hilbert import hilbert_order
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, regular_grid
from terraflux.drivers.grid.land_cover import PlantShares, class_areas, shares_from_areas, shares_from_fractions
from terraflux.drivers.grid.leaf_area_maps import nearest_known
from terraflux.drivers.grid.legends import map_legend
from terraflux.drivers.grid.pixel_maps import mean_of_pixels, open_pixel_map
from terraflux.drivers.grid.regridding import CellEdges, cells_of
from terraflux.drivers.grid.soil_texture import usda_class
from terraflux.drivers.safe_files import read_text
from terraflux.model.constants import GRAVITY
from terraflux.model.parameter_table import soil_classes

Floats = NDArray[np.float64]
MAXIMUM_BOUNDARY_BYTES = 200_000_000


def some(edges: CellEdges, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> CellEdges:
    """Some of the cells, in the order chosen."""
    def part(values: Floats | None) -> Floats | None:
        return None if values is None else values[chosen]
    return CellEdges(edges.latitude[chosen], edges.longitude[chosen], part(edges.south), part(edges.north), part(edges.west),
                     part(edges.east))


def target_grid(choices: BuildChoices, source: HorizontalGrid) -> HorizontalGrid:
    """The grid that is asked for: a box, or that of the first source."""
    if choices.target.like == "source":
        return source
    one = choices.target
    return regular_grid(one.west, one.east, one.south, one.north, one.resolution)


def areas_of(grid: HorizontalGrid, method: str) -> Floats:
    """Area (m2) of all cells of a grid in stored order; for curvilinear grids, of the quadrilaterals between centres."""
    if grid.latitude_edges is not None and grid.longitude_edges is not None:
        ns, width = grid.latitude_edges, np.abs(np.diff(grid.longitude_edges))
        south, north = np.minimum(ns[:-1], ns[1:]), np.maximum(ns[:-1], ns[1:])
        return strip_area(south[:, None], north[:, None], width[None, :], method).ravel()
    # The sides of a cell are the mean distances to its neighbours along rows and columns.
    phi, lam = np.radians(grid.latitude), np.radians(grid.longitude)
    points = EARTH_RADIUS * np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)
    down, across = np.gradient(points, axis=0), np.gradient(points, axis=1)
    return np.linalg.norm(np.cross(down, across), axis=-1).ravel()


def inside(boundary: Path, edges: CellEdges) -> NDArray[np.bool_]:
    """Cells whose centres lie in the polygons of a GeoJSON file (longitude, latitude; holes count)."""
    from matplotlib.path import Path as Outline

    try:
        content = json.loads(read_text(boundary, MAXIMUM_BOUNDARY_BYTES))
        features = content["features"] if content.get("type") == "FeatureCollection" else [content]
        polygons: list[Any] = []
        for feature in features:
            shape = feature.get("geometry", feature)
            polygons += [shape["coordinates"]] if shape["type"] == "Polygon" else list(shape["coordinates"])
        rings = [[np.asarray(ring, dtype=np.float64)[:, :2] for ring in polygon] for polygon in polygons]
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as trouble:
        raise ForcingError(f"the boundary cannot be read: {trouble}", file=boundary,
                           remedy="give GeoJSON with polygons") from trouble
    points = np.stack([edges.longitude, edges.latitude], axis=-1)
    found = np.zeros(edges.latitude.size, dtype=bool)
    for polygon in rings:
        holds = np.zeros_like(found)
        for ring in polygon:
            holds ^= Outline(ring).contains_points(points)
        found |= holds
    return found


def map_of(choices: BuildChoices, entry: Any, edges: CellEdges) -> Floats:
    """Mean of a map of numbers in cells, NaN where it has none; units as in the file."""
    pixels, close = open_pixel_map(choices.path(entry["file"]), variable=entry.get("variable", ""), crs=entry.get("crs", ""))
    try:
        return mean_of_pixels(pixels, edges)
    finally:
        close()


def elevation_in_metres(values: Floats, unit: str, file: object) -> Floats:
    """Heights (m) from metres or geopotential (m2 s-2)."""
    if unit.replace("**", "") in ("m2 s-2", "m^2 s^-2"):
        return values / GRAVITY
    if unit not in ("", "m"):
        raise ForcingError(f"the unit {unit!r} is not understood for elevation", file=file, variable="elevation", unit=unit,
                           remedy="give m, or m2 s-2 for geopotential")
    return values


def plant_shares(choices: BuildChoices, edges: CellEdges, areas: Floats) -> PlantShares | None:
    """Plant shares by the choices; None where no land cover is named."""
    entry = choices.surface.get("land_cover")
    if entry is None:
        return None
    path = choices.path(entry["file"])
    if "fractions" in entry:
        return shares_from_fractions(path, entry["fractions"], edges, percent=bool(entry.get("percent", False)))
    name = str(entry.get("legend", "modis_igbp"))
    legend = map_legend(str(choices.path(name)) if name.endswith(".toml") else name)
    classes, close = open_pixel_map(path, variable=entry.get("variable", ""), crs=entry.get("crs", ""))
    try:
        exact = classes.grid is not None and edges.south is not None
        return shares_from_areas(class_areas(classes, edges, legend), edges, legend, areas if exact else None)
    finally:
        close()


def choose_cells(choices: BuildChoices, grid: HorizontalGrid, covered: NDArray[np.bool_]
                 ) -> tuple[Cells, CellEdges, dict[str, int]]:
    """The land cells of a store in stored order, their edges, and counts of cells that were left out or filled.

    `covered` marks cells of the grid that have weather. Raises ForcingError where none is left.
    """
    edges, areas = cells_of(grid), areas_of(grid, choices.target.area)
    counts: dict[str, int] = {}
    wanted = np.ones(edges.latitude.size, dtype=bool)
    if choices.target.boundary:
        wanted &= inside(choices.path(choices.target.boundary), edges)
    shares = plant_shares(choices, edges, areas)
    land = np.ones(edges.latitude.size)
    if "land_fraction" in choices.surface:
        land = np.nan_to_num(map_of(choices, choices.surface["land_fraction"], edges))
    elif shares is not None:
        land = shares.land
    wanted &= (land >= choices.target.minimum_land_fraction) & (land > 0.0)
    if shares is not None:
        wanted &= shares.known > 0.0
    bare = wanted & ~covered
    if bare.any():
        if choices.target.cells_without_weather == "refuse":
            cell = int(np.argmax(bare))
            raise ForcingError(f"{int(bare.sum())} land cells have no weather, the first at {edges.latitude[cell]:.3f} N, "
                               f"{edges.longitude[cell]:.3f} E", file=choices.file, variable="target",
                               remedy='choose cells_without_weather = "leave_out" or "nearest"')
        counts["cells_without_weather_left_out"] = int(bare.sum())
        wanted &= covered
    if not wanted.any():
        raise ForcingError("no land cell with weather is left", file=choices.file, variable="target",
                           remedy="check box, boundary, land cover and sources")
    flat = np.flatnonzero(wanted)
    rows, columns = np.divmod(flat, grid.shape[1])
    order, tile = hilbert_order(rows, columns, choices.target.tile_side)
    flat = flat[order]
    edges = some(edges, flat)
    sand, clay, soil = _soil(choices, edges, counts)
    unknown = np.full(flat.size, np.nan)
    height, clumping = unknown, unknown
    if "elevation" in choices.surface:
        entry = choices.surface["elevation"]
        height = elevation_in_metres(map_of(choices, entry, edges), str(entry.get("unit", "m")), entry["file"])
        height = _nearby(height, edges, counts, "elevation", choices.file)
    if "clumping_index" in choices.surface:
        entry = choices.surface["clumping_index"]
        clumping = _nearby(map_of(choices, entry, edges), edges, counts, "clumping_index", choices.file)
        if (clumping < 0.2).any() or (clumping > 1.0 + 1e-6).any():
            raise ForcingError(f"clumping of {clumping.min():g}..{clumping.max():g} lies outside 0.2..1", file=entry["file"],
                               variable="clumping_index", remedy="check scale_factor and _FillValue")
    cells = Cells(edges.latitude, edges.longitude, areas[flat], land[flat], height, rows[order].astype(np.int32),
                  columns[order].astype(np.int32), tile, sand, clay, clumping, soil,
                  np.zeros((0, flat.size)) if shares is None else shares.fractions[:, flat], grid.latitude, grid.longitude,
                  () if shares is None else shares.plant_types, soil_classes())
    return cells, edges, counts


def _nearby(values: Floats, edges: CellEdges, counts: dict[str, int], name: str, file: str) -> Floats:
    """Values with gaps filled from the nearest cell, counted."""
    missing = np.isnan(values)
    if missing.all():
        raise ForcingError(f"no cell has {name.replace('_', ' ')}", file=file, variable=name,
                           remedy="check the box of the target")
    if missing.any():
        counts[f"cells_with_{name}_of_the_nearest"] = int(missing.sum())
        values = np.where(missing, values[nearest_known(~missing, edges)], values)
    return values


def _soil(choices: BuildChoices, edges: CellEdges, counts: dict[str, int]) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Sand and clay (0-1) and the number of the soil class; NaN and -1 where no soil is named."""
    entry = choices.surface.get("soil")
    if entry is None:
        nothing = np.full(edges.latitude.size, np.nan)
        return nothing, nothing, np.full(edges.latitude.size, -1, dtype=np.int8)
    unit = str(entry.get("unit", "%"))
    factors = {"%": 0.01, "1": 1.0, "g kg-1": 1e-3, "g/kg": 1e-3}
    if unit not in factors:
        raise ForcingError(f"the unit {unit!r} is not understood for sand and clay", file=choices.file, variable="soil",
                           unit=unit, remedy=f"declare one of {', '.join(factors)}")
    parts = []
    for name in ("sand", "clay"):
        file = entry.get(f"{name}_file", entry.get("file"))
        if file is None:
            raise ForcingError(f"no file of {name} is named", file=choices.file, variable="soil",
                               remedy="give file, or sand_file and clay_file, in [surface.soil]")
        parts.append(map_of(choices, {"file": file, "variable": entry.get(name, name), "crs": entry.get("crs", "")}, edges)
                     * factors[unit])
    # Neither sand nor clay is how soil maps write rock, ice and water.
    none = np.isnan(parts[0]) | np.isnan(parts[1]) | (parts[0] + parts[1] == 0.0)
    sand, clay = (_nearby(np.where(none, np.nan, part), edges, counts, "soil", choices.file) for part in parts)
    return sand, clay, usda_class(sand, clay)
