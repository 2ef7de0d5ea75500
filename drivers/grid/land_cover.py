"""Shares of plant types in cells, from a map of land-cover classes or from maps of shares.

Maps in degrees are overlapped exactly; maps in an (equal-area) projection give each pixel to the cell that holds its centre.
Pixels without data count for nothing. The shares of plants and of bare land sum to 1 over the land; water is no land.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.grid_file import open_grid_file
from terraflux.drivers.grid.horizontal_grid import grid_of
from terraflux.drivers.grid.legends import BARE, WATER, MapLegend
from terraflux.drivers.grid.pixel_maps import PixelMap, placing_of, row_blocks
from terraflux.drivers.grid.regridding import CellEdges, regridder

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlantShares:
    """`fractions` [plant type, cell] of the land by `plant_types`, `land` share of the cell (0-1), and `known` (0-1), the
    share of the cell that the map covers. Cells without land have shares of 0."""

    plant_types: tuple[str, ...]
    fractions: Floats
    land: Floats
    known: Floats


def class_areas(classes: PixelMap, target: CellEdges, legend: MapLegend) -> dict[int, Floats]:
    """Area (m2, or pixels for projected maps) of every class in every target cell; missing pixels are left out."""
    placing = placing_of(classes, target)
    areas: dict[int, Floats] = {}
    for first, after in row_blocks(classes):
        add = placing(first, after)
        if add is None:
            continue
        values = np.asarray(classes.rows(first, after), dtype=np.float64)
        present = np.isfinite(values) & (values != (np.nan if classes.nodata is None else classes.nodata))
        codes = np.unique(values[present])
        if (codes != np.floor(codes)).any():
            raise ForcingError("the map holds values that are no class codes", file=classes.path, variable="land cover",
                               remedy="give the band or variable of classes")
        legend.check(codes[~np.isin(codes, legend.missing)], file=classes.path)
        for code in codes.astype(int).tolist():
            if code not in legend.missing:
                found = add((present & (values == code)).astype(np.float64))
                areas[code] = areas.get(code, np.zeros(target.latitude.size)) + found
    return areas


def shares_from_areas(areas: Mapping[int, Floats], target: CellEdges, legend: MapLegend, whole: Floats | None) -> PlantShares:
    """Plant shares from class areas; `whole` is the area of cells in the same unit, None where only the map tells it."""
    count = target.latitude.size
    total = sum(areas.values(), np.zeros(count))
    water = sum((area for code, area in areas.items() if legend.plants[code] == WATER), np.zeros(count))
    land = total - water
    shares: dict[str, Floats] = {}
    for code, area in areas.items():
        for latitude_rule in _variants(legend, code, target.latitude):
            plant, where = latitude_rule
            if plant not in (BARE, WATER):
                shares[plant] = shares.get(plant, np.zeros(count)) + np.where(where, area, 0.0)
    names = tuple(sorted(shares))
    some = land > 0.0
    fractions = np.array([np.where(some, shares[name] / np.where(some, land, 1.0), 0.0) for name in names]).reshape(len(names),
                                                                                                                  count)
    known = np.where(total > 0.0, 1.0, 0.0) if whole is None else np.clip(total / whole, 0.0, 1.0)
    return PlantShares(names, fractions, np.where(total > 0.0, land / np.where(total > 0.0, total, 1.0), 0.0), known)


def _variants(legend: MapLegend, code: int, latitude: Floats) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Plant types that a code stands for at different latitudes, and where."""
    plants = np.array([legend.plant_of(code, float(one)) for one in np.unique(latitude)])
    at = plants[np.unique(latitude, return_inverse=True)[1].ravel()]
    for plant in np.unique(plants).tolist():
        yield plant, at == plant


def shares_from_fractions(path: str | Path, variables: Mapping[str, str], target: CellEdges, *, percent: bool = False
                          ) -> PlantShares:
    """Plant shares from maps of shares, {plant type: variable}; what they lack to 1 is bare."""
    with open_grid_file(path) as opened:
        parts = []
        for name in variables.values():
            found = opened.variable(name)
            grid = grid_of(opened, found)
            way = regridder(grid, target, "conservative" if grid.regular and target.south is not None else "nearest")
            piece = found.read({dim: 0 for dim in found.dims if dim not in grid.dims})
            parts.append(way(way.take(piece[way.window], grid.shape[1])[None], 0.0)[0] / (100.0 if percent else 1.0))
    stacked = np.array(parts)
    known = np.isfinite(stacked).all(axis=0)
    fractions = np.where(known, stacked, 0.0)
    if (fractions < -1e-6).any() or (fractions.sum(axis=0) > 1.001).any():
        raise ForcingError(f"shares of {fractions.min():g} sum to up to {fractions.sum(axis=0).max():g}", file=path,
                           variable="land cover", unit="1", remedy="give fractions of 0 to 1, or percent = true")
    return PlantShares(tuple(variables), np.clip(fractions, 0.0, 1.0), known.astype(np.float64), known.astype(np.float64))
