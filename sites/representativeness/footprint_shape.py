"""Shape of footprint climatologies and their overlap between seasons, and between day and night.

After Chu et al. (2021, AFM 301-302:108350). X80 is the farthest distance from the tower of the 80 % source area, A80 its
area, S80 = A80 / (pi X80^2) its symmetry (below 0.30 asymmetric). With phi the climatologies truncated at 80 % and scaled
to sum 1,

    O80_season   = sum_i (prod_k phi_ik)^(1/K)               over the K seasons
    O80_daynight = mean_k sum_i sqrt(phi_day phi_night)       over the pairs; below 0.8 poor

Both are 1 for equal and 0 for disjoint footprints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.source_cells import source_cells
from terraflux.sites.representativeness.weighted_value import checked_footprint

TRUNCATION = 0.8
ASYMMETRIC_BELOW = 0.30
POOR_OVERLAP_BELOW = 0.8


@dataclass(frozen=True)
class FootprintShape:
    """`farthest` X80 (m), `area` A80 (m2), `symmetry` S80 (0..1); NaN with a `reason` where the grid captures too little."""

    farthest: float
    area: float
    symmetry: float
    captured_mass: float
    reason: str = ""


def footprint_shape(footprint: np.ndarray, grid: Raster, *, share: float = TRUNCATION, of: str = "unit") -> FootprintShape:
    """X80, A80 and S80 of a climatology (ny, nx; m-2) on the grid of a raster.

    X80 is taken to the centre of the farthest cell plus half a cell, so that S80 of a disc stays at 1 as the grid coarsens.
    """
    density = checked_footprint(footprint, grid.shape)
    captured = float(density.sum()) * grid.cell_area
    cells = source_cells(density, grid.cell_area, share, of)
    if not cells.reached:
        nan = float("nan")
        return FootprintShape(nan, nan, nan, captured, f"the grid captures {captured:.3f} of the flux, less than {share:g}")
    farthest = float(grid.distance[cells.inside].max()) + 0.5 * float(np.sqrt(grid.cell_area))
    area = float(cells.inside.sum()) * grid.cell_area
    return FootprintShape(farthest, area, min(1.0, area / (np.pi * farthest**2)), captured)


def truncated(footprint: np.ndarray, cell_area: float, *, share: float = TRUNCATION, of: str = "unit") -> np.ndarray:
    """The climatology inside its source area of `share`, scaled to sum 1; RasterError where too little is captured."""
    density = np.asarray(footprint, dtype=np.float64)
    cells = source_cells(density, cell_area, share, of)
    if not cells.reached:
        raise RasterError(f"the grid captures {cells.mass:.3f} of the flux, less than {share:g}", variable="footprint",
                          remedy="use a larger grid, or of='captured'")
    kept = np.where(cells.inside, density, 0.0)
    return kept / kept.sum()


def season_overlap(footprints: Sequence[np.ndarray], cell_area: float, *, share: float = TRUNCATION, of: str = "unit") -> float:
    """O80_season of two or more climatologies on one grid: sum of the geometric means of their weights, 0..1."""
    if len(footprints) < 2:
        raise RasterError("an overlap needs two climatologies or more", variable="footprint", remedy="give one per season")
    weights = [truncated(one, cell_area, share=share, of=of) for one in footprints]
    if len({one.shape for one in weights}) > 1:
        raise RasterError("the climatologies lie on different grids", variable="footprint", remedy="compute them on one grid")
    everywhere = np.all([one > 0 for one in weights], axis=0)
    logarithm = np.mean([np.log(one[everywhere]) for one in weights], axis=0)
    return float(min(1.0, np.exp(logarithm).sum()))


def day_night_overlap(pairs: Sequence[tuple[np.ndarray, np.ndarray]], cell_area: float, *, share: float = TRUNCATION,
                      of: str = "unit") -> float:
    """O80_daynight: mean over (day, night) pairs, such as one per season, of their overlap, 0..1."""
    if not pairs:
        raise RasterError("an overlap of day and night needs a pair of climatologies", variable="footprint",
                          remedy="give (day, night) of at least one period")
    return float(np.mean([season_overlap(pair, cell_area, share=share, of=of) for pair in pairs]))
