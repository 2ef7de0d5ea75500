"""Footprint climatologies: where the half hours of a day, season or year had their flux from, weighted or not.

    F_w(x) = sum_t w_t f_t(x) / sum_t w_t          (footprint.md 6; Kljun et al. 2015 for w = 1)

over the rows that have a footprint and a weight; all others are dropped and counted by reason. The mass on the grid is
reported as it is; `norm` says otherwise only when asked.

    rows = footprint_rows("ffp", measurement_height=zm, ...)            # models.py
    year = climatology(rows, Grid.square(500.0, 10.0))
    year.density, year.captured_mass, year.dropped, year.contour_level(0.8)
    gpp = climatology(rows, grid, weights=flux_weights("gpp", gpp))     # weights.py
    months = climatologies(rows, grid, by_period(times, "month"))       # {"1998-01": Climatology, ...}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.source_area import contour_levels
from terraflux.sites.footprint.streaming import Rows, Sampling, group_sums, usable_rows

Floats = NDArray[np.float64]
NORMS = ("none", "domain", "contour")
SMOOTHING = np.array([[0.05, 0.1, 0.05], [0.1, 0.4, 0.1], [0.05, 0.1, 0.05]])
"""Smoothing kernel of the published FFP climatology, applied twice (-)."""


@dataclass(frozen=True, eq=False)
class Climatology:
    """A weighted mean of footprints on a grid, and what it was made of.

    `density` F (m-2), shape (lines, columns) of `grid`; `row_mass` (-): mass of every row's footprint on the grid, NaN for
    rows left out; `captured_mass` (-): sum of F over the grid before any norm; `weight` sum of weights; `used` rows that
    count, `dropped` {reason: rows}; `factor` what the norm multiplied F by; `model`, `norm`, `sampling` as asked for.
    """

    grid: Grid
    density: Floats
    row_mass: Floats
    captured_mass: float
    weight: float
    used: int
    dropped: Mapping[str, int]
    factor: float
    model: str
    norm: str
    sampling: Sampling
    smoothed: bool = False

    @property
    def peak(self) -> tuple[float, float, float]:
        """Largest density (m-2) and the node x, y (m) where it is."""
        line, column = np.unravel_index(int(np.argmax(self.density)), self.density.shape)
        return float(self.density[line, column]), float(self.grid.x[column]), float(self.grid.y[line])

    def contour_level(self, fraction: float, of: str = "unit") -> float:
        """Density (m-2) of the contour that encloses a fraction of `of` = "unit" mass or of the "captured" mass.

        The level whose mass is nearest to the fraction, as in the published program; NaN where the grid holds less. Polygons
        come from `source_area.source_areas`.
        """
        return contour_levels(self.density, self.grid.cell_area, [fraction], of)[0]

    def source_area(self, fraction: float, of: str = "unit") -> NDArray[np.bool_]:
        """True for the cells within the contour of a fraction; shape (lines, columns). All False where it leaves the grid."""
        return np.asarray(self.density >= self.contour_level(fraction, of))

    def contour_is_closed(self, fraction: float, of: str = "unit") -> bool:
        """True if the contour of a fraction lies within the grid: no cell of its source area is on the grid's edge."""
        inside = self.source_area(fraction, of)
        edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
        return bool(inside.any() and not edge)

    def to_dataset(self) -> Any:
        """xarray Dataset: density on y, x with units and how it was made."""
        import xarray

        attributes = {"model": self.model, "norm": self.norm, "norm_factor": self.factor, "captured_mass": self.captured_mass,
                      "rows_used": self.used, "sum_of_weights": self.weight, "cells": self.sampling.cells,
                      "mode": self.sampling.mode, "tolerance": self.sampling.tolerance, "smoothed": int(self.smoothed),
                      "rows_dropped": "; ".join(f"{name}: {count}" for name, count in self.dropped.items()),
                      "true_north_degrees": self.grid.true_north}
        if self.model.startswith("safe_f"):
            attributes["comment"] = "the match of this solution to the published SAFE-f is unverified"
        return xarray.Dataset(
            {"footprint": (("y", "x"), self.density, {"long_name": "footprint climatology", "units": "m-2"}),
             "row_mass": (("row",), self.row_mass, {"long_name": "mass of the footprint on the grid", "units": "1"})},
            coords={"x": ("x", self.grid.x, {"long_name": "distance east of the tower", "units": "m"}),
                    "y": ("y", self.grid.y, {"long_name": "distance north of the tower", "units": "m"})},
            attrs=attributes)


def climatology(rows: Rows, grid: Grid, weights: ArrayLike | None = None, *, norm: str = "none", contour: float = 0.8,
                smooth: bool = False, mode: str = "fast", tolerance: float = 1e-12, cells: str = "point",
                threads: int | None = None) -> Climatology:
    """Weighted mean footprint of all rows on a grid.

    weights (rows,) >= 0, NaN drops the row; None: all 1. norm: "none" leaves the mass on the grid as it is, "domain"
    divides by it, "contour" keeps the cells within the source area of a fraction `contour` of the captured mass and divides
    by their mass. smooth: the 3 x 3 kernel of the published FFP, twice, before the norm. mode "fast" may leave out nodes
    where a row's density is below `tolerance` times the row's largest, which bounds the error of F at every node by
    tolerance times the weighted mean of the rows' largest densities; "exact" evaluates all that is above 0 in double
    precision. cells: "point" values at nodes or "integrated" means over cells. The result does not depend on `threads`.

    Raises ValueError for negative weights, an unknown norm, or where no row is left or no weight above 0.
    """
    everything = np.zeros(len(rows), np.int64)
    one = _climatologies(rows, grid, everything, ("all",), weights, norm, contour, smooth,
                         Sampling(mode, tolerance, cells, threads))["all"]
    if not one.weight > 0.0:
        raise ValueError(f"no row of {len(rows)} has a footprint and a weight above 0; dropped: {dict(one.dropped) or 'none'}")
    return one


def climatologies(rows: Rows, grid: Grid, groups: "Sequence[Any] | NDArray[Any]", weights: ArrayLike | None = None, *,
                  norm: str = "none", contour: float = 0.8, smooth: bool = False, mode: str = "fast", tolerance: float = 1e-12,
                  cells: str = "point", threads: int | None = None) -> dict[Any, Climatology]:
    """One climatology for every label in `groups` (rows,), e.g. periods, seasons, sectors or stability classes.

    Labels come sorted; rows labelled None, "" or NaN belong nowhere. A group without any usable row has a density of NaN,
    `used` 0 and its reasons; the other groups are not affected. See `climatology` for the rest.
    """
    labels, number = grouped(groups, len(rows))
    return _climatologies(rows, grid, number, labels, weights, norm, contour, smooth, Sampling(mode, tolerance, cells, threads))


def grouped(groups: "Sequence[Any] | NDArray[Any]", count: int) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Sorted labels of groups, and the number of every row's label, -1 for rows without one; shape (rows,)."""
    values = list(np.asarray(groups, dtype=object).ravel())
    if len(values) != count:
        raise ValueError(f"{len(values)} group labels for {count} rows; one label per row is needed")
    absent = [one is None or one == "" or one != one for one in values]
    labels = tuple(sorted({one for one, none in zip(values, absent, strict=True) if not none}))
    index = {one: k for k, one in enumerate(labels)}
    number = [-1 if none else index[one] for one, none in zip(values, absent, strict=True)]
    return labels, np.array(number, dtype=np.int64)


def _climatologies(rows: Rows, grid: Grid, number: NDArray[np.int64], labels: Sequence[Any], weights: ArrayLike | None,
                   norm: str, contour: float, smooth: bool, sampling: Sampling) -> dict[Any, Climatology]:
    if norm not in NORMS:
        raise ValueError(f'norm of a climatology is one of {", ".join(NORMS)}, not "{norm}"')
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    usable, _ = usable_rows(rows, given)
    values = np.ones(len(usable)) if given is None else given[usable]
    group = number[usable]
    sums, mass = group_sums(rows.select(usable), grid, values, group, len(labels), sampling)
    found = {}
    for k, label in enumerate(labels):
        inside = group == k
        own_mass = np.full(len(rows), np.nan)
        own_mass[usable[inside]] = mass[inside]
        weight = float(np.sum(values[inside]))
        members = np.flatnonzero(number == k)
        dropped = usable_rows(rows.select(members), None if given is None else given[members])[1]
        density = sums[k] / weight if weight > 0.0 else np.full(grid.shape, np.nan)
        captured = float(density.sum() * grid.cell_area)
        density = smoothed(density) if smooth else density
        density, factor = _normed(density, grid.cell_area, norm, contour)
        found[label] = Climatology(grid, density, own_mass, captured, weight, int(inside.sum()), dropped, factor,
                                   rows.model, norm, sampling, smooth)
    return found


def _normed(density: Floats, area: float, norm: str, contour: float) -> tuple[Floats, float]:
    if norm == "none" or not np.isfinite(density).all():
        return density, 1.0
    kept = density
    if norm == "contour":
        kept = np.where(density >= contour_levels(density, area, [contour], "captured")[0], density, 0.0)
    mass = float(kept.sum() * area)
    if mass <= 0.0:
        raise ValueError("the footprints have no mass on the grid, which no norm can mend: is the tower on the grid?")
    return kept / mass, 1.0 / mass


def smoothed(density: Floats) -> Floats:
    """The density smoothed twice with the 3 x 3 kernel of the published FFP climatology; zero beyond the grid."""
    from scipy.ndimage import convolve

    once = convolve(density, SMOOTHING, mode="constant")
    return np.asarray(convolve(once, SMOOTHING, mode="constant"))
