"""Distance bins of a variogram, in our own form and by the conventions of the two well-known Python programs.

Bins are given by their edges (m, ascending); a pair at distance d belongs to bin k where edges[k] <= d < edges[k + 1].
gstools and scikit-gstat share that rule; what differs is which distances they choose and where they plot a bin.
"""

import numpy as np

from terraflux.sites.raster_grid import RasterError


def even_bins(maximum_lag: float, number: int) -> np.ndarray:
    """Edges of `number` equally wide bins from 0 to `maximum_lag` (m)."""
    if not (np.isfinite(maximum_lag) and maximum_lag > 0 and number >= 1):
        raise RasterError(f"bins up to {maximum_lag} m in {number} steps do not exist", variable="bins", unit="m",
                          remedy="give a positive largest lag and at least one bin")
    return np.linspace(0.0, maximum_lag, int(number) + 1)


def grid_bins(cell_size: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """Edges centred on whole steps of the coarser cell side, from half a step to half the shorter side of the grid.

    `cell_size` (dx, dy) m, `shape` (ny, nx). The steps are never fewer than one.
    """
    step = max(cell_size)
    longest = 0.5 * min(cell_size[0] * (shape[1] - 1), cell_size[1] * (shape[0] - 1))
    return (np.arange(max(1, int(longest / step)) + 1) + 0.5) * step


def scikit_gstat_bins(distances: np.ndarray, number: int = 10, maximum_lag: float | str | None = None) -> np.ndarray:
    """Edges as scikit-gstat's `bin_func="even"` chooses them from all pair distances (m).

    `maximum_lag` is None (the largest distance), "median" or "mean" of the distances, a share of the largest (below 1)
    or a distance (m). That program plots and fits a bin at its RIGHT edge: `abscissa="right"` in `fit_variogram`.
    """
    largest = float(np.max(distances))
    if maximum_lag is None:
        return even_bins(largest, number)
    if isinstance(maximum_lag, str):
        if maximum_lag not in ("median", "mean"):
            raise RasterError(f"the largest lag {maximum_lag!r} is unknown", variable="maximum_lag",
                              remedy="use 'median', 'mean' or a number")
        return even_bins(float(np.median(distances) if maximum_lag == "median" else np.mean(distances)), number)
    return even_bins(maximum_lag * largest if maximum_lag < 1 else float(maximum_lag), number)


def gstools_bins(x: np.ndarray, y: np.ndarray, number: int | None = None, maximum_lag: float | None = None) -> np.ndarray:
    """Edges as gstools' standard bins for points (m): a third of the box's diagonal, ceil(2 log2 n + 1) bins.

    That program plots a bin at its middle and gives an empty bin the value 0, which its fit then sees:
    `abscissa="middle", empty="zero"` in `fit_variogram`.
    """
    diagonal = float(np.hypot(np.ptp(x), np.ptp(y)))
    return even_bins(diagonal / 3 if maximum_lag is None else maximum_lag,
                     int(np.ceil(2 * np.log2(np.size(x)) + 1)) if number is None else number)


def checked_edges(edges: np.ndarray) -> np.ndarray:
    """The edges as float64; RasterError where they are not ascending, finite and at least 0."""
    found = np.asarray(edges, dtype=np.float64)
    if found.ndim != 1 or found.size < 2 or not np.isfinite(found).all() or np.diff(found).min() <= 0 or found[0] < 0:
        raise RasterError("bin edges are not ascending distances", variable="bins", unit="m",
                          remedy="give at least two ascending edges, the first at 0 or above")
    return found
