"""Window-size analysis: mean and variance of a raster in squares that grow around the tower.

Where the variance stops growing the window holds the patches of the landscape; the side of that window is its characteristic
scale (Kim et al. 2006, AFM 136:132; Chen et al. 2011).
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError

FLAT = 0.1  # relative change of variance that counts as flat
WIDEST_PART = 2.0 / 3.0  # a plateau must begin within this part of the widest window to be seen as one


@dataclass(frozen=True)
class WindowSizes:
    """One entry per window: `side` (m), `mean`, `variance` (population), `count` of cells with data.

    `characteristic_scale` is the side (m) from which on the variance of all wider windows stays within 10 %; NaN, with a
    `note`, where the variance still changes at the widest windows.
    """

    side: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    count: np.ndarray
    characteristic_scale: float
    note: str = ""

    @property
    def variation(self) -> np.ndarray:
        """Coefficient of variation, standard deviation over |mean|; NaN where the mean is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.mean != 0, np.sqrt(self.variance) / np.abs(self.mean), np.nan)


def window_sizes(raster: Raster) -> WindowSizes:
    """Mean and variance of all squares centred on the tower that the raster holds whole, one cell wider at each side a step."""
    step = max(raster.cell_size)
    widest = int(np.floor(min(-raster.x[0], raster.x[-1], -raster.y[0], raster.y[-1]) / step + 1e-6))
    if widest < 1:
        raise RasterError("the tower stands at the edge of the raster: no window around it", variable=raster.name,
                          remedy="read a window centred on the tower")
    nearest_ring = np.maximum(np.abs(raster.x)[None, :], np.abs(raster.y)[:, None]) / step
    ring = np.ceil(nearest_ring - 1e-6).astype(np.int64)
    present = np.isfinite(raster.values) & (ring <= widest)
    if not present.any():
        raise RasterError("the window around the tower has no value", file=raster.source, variable=raster.name,
                          remedy="take another scene")
    values = raster.values[present]
    centre = float(values.mean())
    deviation, place = values - centre, ring[present]
    count, total, squares = (np.cumsum(np.bincount(place, weight, widest + 1))
                             for weight in (np.ones(place.size), deviation, deviation**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0.0)
    side = (2.0 * np.arange(widest + 1) + 1.0) * step
    scale, note = _plateau(side, variance, count)
    return WindowSizes(side, mean + centre, variance, count.astype(np.int64), scale, note)


def _plateau(side: np.ndarray, variance: np.ndarray, count: np.ndarray) -> tuple[float, str]:
    """Side of the smallest window whose variance all wider ones share, and a note where there is none."""
    for k in range(side.size):
        if count[k] < 9 or not np.isfinite(variance[k]):
            continue
        wider = variance[k:]
        if np.nanmax(np.abs(wider - variance[k])) <= FLAT * variance[k]:
            if side[k] <= WIDEST_PART * side[-1]:
                return float(side[k]), ""
            break
    return float("nan"), "the variance still changes at the widest windows: the landscape varies on larger scales"
