"""Directional semivariograms and how far the ranges differ between directions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.lag_bins import checked_edges, grid_bins
from terraflux.sites.representativeness.lag_map import lag_map
from terraflux.sites.representativeness.variogram import Variogram, binned_lags
from terraflux.sites.representativeness.variogram_models import RANGE_AT_BOUND, VariogramModel, fit_variogram

DIRECTIONS = (0.0, 45.0, 90.0, 135.0)


@dataclass(frozen=True)
class Anisotropy:
    """Directional variograms with their fits.

    `ratio` = shortest / longest fitted range, 1 for a field alike in all directions (NaN where fewer than two directions
    could be fitted, or where all ranges are beyond the lags); `direction` of the longest range, degrees counter-clockwise
    from east. `note` says where the ratio is only an upper limit, because the longest range is beyond the lags.
    """

    variograms: dict[float, Variogram]
    models: dict[float, VariogramModel]
    ratio: float
    direction: float
    note: str = ""


def directional_variograms(raster: Raster, edges: np.ndarray | None = None, *, angles: Sequence[float] = DIRECTIONS,
                           tolerance: float = 22.5) -> dict[float, Variogram]:
    """Matheron's semivariogram along each of `angles` (degrees counter-clockwise from east), from one exact lag map."""
    bins = checked_edges(grid_bins(raster.cell_size, raster.shape) if edges is None else edges)
    lags = lag_map(raster.values, raster.cell_size, float(bins[-1]))
    return {float(angle): binned_lags(lags, bins, angle=angle, tolerance=tolerance) for angle in angles}


def anisotropy(raster: Raster, edges: np.ndarray | None = None, *, angles: Sequence[float] = DIRECTIONS,
               tolerance: float = 22.5, model: str = "spherical") -> Anisotropy:
    """Fits a model along each direction and compares the ranges; all share the total sill only as far as the data say so."""
    variograms = directional_variograms(raster, edges, angles=angles, tolerance=tolerance)
    models: dict[float, VariogramModel] = {}
    for angle, variogram in variograms.items():
        try:
            models[angle] = fit_variogram(variogram, model)
        except RasterError:
            continue  # too few pairs along this direction; the others still tell
    usable = {angle: fitted.range for angle, fitted in models.items() if fitted.partial_sill > 0}
    if len(usable) < 2:
        return Anisotropy(variograms, models, float("nan"), float("nan"), "fewer than two directions could be fitted")
    beyond = [angle for angle in usable if models[angle].note == RANGE_AT_BOUND]
    if len(beyond) == len(usable):
        return Anisotropy(variograms, models, float("nan"), float("nan"), RANGE_AT_BOUND)
    longest = max(usable, key=lambda angle: usable[angle])
    return Anisotropy(variograms, models, min(usable.values()) / usable[longest], longest,
                      "an upper limit: the longest range is beyond the lags" if longest in beyond else "")
