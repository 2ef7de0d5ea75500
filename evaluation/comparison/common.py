"""Products on common ground: one grid (the coarsest), one period, one mask.

Values are carried over conservatively, weighted by the area of land of each cell, so that the amount over the area is kept.
A cell counts only where every product has values at the same times: what one lacks, none may be judged by.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.horizontal_grid import HorizontalGrid
from terraflux.drivers.grid.regridding import overlap_matrices
from terraflux.evaluation.comparison.fields import Fields, yearly

Floats = NDArray[np.float64]
LEAST_COVERED = 0.5
SAME_EDGES = 1e-4  # of a cell


def coarsest(products: Sequence[Fields]) -> Fields:
    """The product with the largest cells (square degrees, on average)."""
    return max(products, key=lambda one: float(np.ptp(one.latitude_edges) * np.ptp(one.longitude_edges))
               / ((one.latitude_edges.size - 1) * (one.longitude_edges.size - 1)))


def common_grid(products: Sequence[Fields]) -> tuple[Floats, Floats]:
    """Edges of the coarsest grid (latitude, longitude) where all products reach. Raises ValueError where they do not meet."""
    chosen = coarsest(products)
    edges = []
    for axis in ("latitude_edges", "longitude_edges"):
        own = getattr(chosen, axis)
        low = max(float(getattr(one, axis)[0]) for one in products)
        high = min(float(getattr(one, axis)[-1]) for one in products)
        slack = SAME_EDGES * float(np.min(np.diff(own)))
        inside = np.flatnonzero((own[1:] > low + slack) & (own[:-1] < high - slack))
        if inside.size == 0:
            reach = "; ".join(f"{one.name} {getattr(one, axis)[0]:g} to {getattr(one, axis)[-1]:g}" for one in products)
            raise ValueError(f"the products do not overlap in {axis.partition('_')[0]}: {reach} degrees")
        edges.append(own[inside[0]:inside[-1] + 2])
    return edges[0], edges[1]


def regridded(fields: Fields, latitude_edges: Floats, longitude_edges: Floats, least_covered: float = LEAST_COVERED) -> Fields:
    """Fields on the cells between edges (degrees, increasing): means over land area, NaN where less than `least_covered`
    of the land of a cell has values. `land` and `areas` of the result are those of the source, summed."""
    if _same(fields.latitude_edges, latitude_edges) and _same(fields.longitude_edges, longitude_edges):
        return fields
    source = HorizontalGrid(fields.latitude, fields.longitude, fields.latitude_edges, fields.longitude_edges)
    vertical, horizontal = overlap_matrices(source, latitude_edges[:-1], latitude_edges[1:], longitude_edges[:-1],
                                            longitude_edges[1:])
    across = horizontal.T.tocsc()
    land = np.ones(fields.values.shape[1:]) if fields.land is None else fields.land
    whole = vertical @ np.ones(land.shape) @ across
    ground = vertical @ land @ across
    out = np.full((fields.time.size, *ground.shape), np.nan, dtype=fields.values.dtype)
    for step in range(fields.time.size):
        values = fields.values[step].astype(float)
        valid = np.isfinite(values)
        weight = vertical @ (valid * land) @ across
        enough = (weight >= least_covered * ground * (1.0 - 1e-9)) & (weight > 0.0)
        total = vertical @ (np.where(valid, values, 0.0) * land) @ across
        out[step] = np.where(enough, total / np.where(enough, weight, 1.0), np.nan)
    share = None if fields.land is None else np.divide(ground, whole, out=np.zeros_like(ground), where=whole > 0.0)
    # Stated areas are shares of own cells; on other cells only the geometry can tell them.
    return replace(fields, values=out, latitude_edges=latitude_edges, longitude_edges=longitude_edges, land=share, areas=None)


def common_period(products: Sequence[Fields]) -> list[Fields]:
    """Products on the steps all have: months where all are monthly, else years. Raises ValueError where there are none."""
    steps = list(products) if all(one.monthly for one in products) else [yearly(one) for one in products]
    shared = steps[0].time
    for one in steps[1:]:
        shared = np.intersect1d(shared, one.time)
    if shared.size == 0:
        reach = "; ".join(f"{one.name} {one.time[0]} to {one.time[-1]}" for one in steps)
        raise ValueError(f"the products have no {'month' if steps[0].monthly else 'year'} in common: {reach}")
    chosen = []
    for one in steps:
        place = np.searchsorted(one.time, shared)
        chosen.append(replace(one, values=one.values[place], time=shared, days=one.days[place]))
    return chosen


def common_mask(products: Sequence[Fields], whole_series: bool = True) -> NDArray[np.bool_]:
    """Cells [latitude, longitude] (or values [time, ...] without `whole_series`) that every product has.

    With `whole_series` a cell must have values at every step at which anything has: months that one product leaves empty
    everywhere cost no cell.
    """
    there = np.logical_and.reduce([np.isfinite(one.values) for one in products])
    if not whole_series:
        return there
    used = there.any(axis=(1, 2))
    return there[used].all(axis=0) if used.any() else np.zeros(there.shape[1:], dtype=bool)


def masked(fields: Fields, mask: NDArray[np.bool_]) -> Fields:
    """Fields with NaN outside a mask [latitude, longitude] or [time, ...]."""
    return replace(fields, values=np.where(mask, fields.values, np.nan).astype(fields.values.dtype))


def bring_together(products: Sequence[Fields], least_covered: float = LEAST_COVERED, whole_series: bool = True) -> list[Fields]:
    """Products of one quantity on the coarsest grid, the common period and the common mask.

    All come out with the cells, times and missing values of each other, and with the least share of land that any states.
    Raises ValueError for different quantities or nothing in common.
    """
    if len(products) < 2:
        raise ValueError("a comparison needs two products at least")
    if len({one.quantity.name for one in products}) > 1:
        raise ValueError("the products are of different quantities: "
                         + "; ".join(f"{one.name} {one.quantity.name}" for one in products))
    if len({one.name for one in products}) < len(products):
        raise ValueError(f"two products have one name: {', '.join(one.name for one in products)}")
    edges = common_grid(products)
    placed = [regridded(one, *edges, least_covered) for one in common_period(products)]
    mask = common_mask(placed, whole_series)
    if not mask.any():
        raise ValueError(f"no cell has values of {' and '.join(one.name for one in products)} at the same times")
    lands = [one.land for one in placed if one.land is not None]
    land = np.minimum.reduce(lands) if lands else None
    return [replace(masked(one, mask), land=land, areas=None) for one in placed]


def _same(first: Floats, second: Floats) -> bool:
    return first.size == second.size and bool(np.allclose(first, second, atol=SAME_EDGES * float(np.min(np.diff(first)))))
