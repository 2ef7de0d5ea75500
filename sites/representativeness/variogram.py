"""Experimental semivariograms of rasters and of points, in all directions or along one.

    gamma(h) = 1/2 mean (z(x) - z(x + h))^2                                     matheron (Matheron 1962)
    gamma(h) = 1/2 (mean |dz|^1/2)^4 / (0.457 + 0.494/N + 0.045/N^2)            cressie (Cressie & Hawkins 1980)
    gamma(h) = 1/2 x 2.198 (median |dz|)^2                                      dowd (Dowd 1984)

Rasters are done exactly by FFT for matheron (`lag_map`), with missing cells; the robust estimators need the differences
themselves and go through pairs, on a seeded sample of cells where there are too many.

    variogram = grid_variogram(raster)                      # all directions
    eastward = grid_variogram(raster, angle=0)              # along x, within 22.5 degrees either side
    rows = grid_variogram(raster, angle=0, tolerance=0)     # exact lag vectors along x only
    scattered = point_variogram(x, y, lead, even_bins(1000, 15), estimator="dowd")

Directions are in degrees counter-clockwise from EAST (0 east-west, 45 SW-NE, 90 south-north, 135 SE-NW), as in gstools; a
lag and its opposite are one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from terraflux.drivers.errors import nearest
from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.lag_bins import checked_edges, grid_bins
from terraflux.sites.representativeness.lag_map import LagMap, lag_map
from terraflux.sites.representativeness.pair_sums import pair_differences, pair_sums

MAXIMUM_PAIRS = 20_000_000
ANGLE_ROUNDING = 1e-9  # degrees, so that a tolerance of 0 keeps lag vectors that lie on the direction


@dataclass(frozen=True)
class Variogram:
    """An experimental semivariogram.

    `edges` (bins + 1) m; `gamma` (bins) in squared units of the values, NaN where a bin holds no pair; `count` (bins) pairs,
    each once; `mean_lag` (bins) mean distance of the pairs, m, NaN where empty. `angle` and `tolerance` in degrees (None:
    all directions); `sampled` says that pairs of a random sample stand for all.
    """

    edges: np.ndarray
    gamma: np.ndarray
    count: np.ndarray
    mean_lag: np.ndarray
    estimator: str = "matheron"
    angle: float | None = None
    tolerance: float | None = None
    sampled: bool = False

    @property
    def middle(self) -> np.ndarray:
        """Middles of the bins, m."""
        return 0.5 * (self.edges[:-1] + self.edges[1:])

    @property
    def right(self) -> np.ndarray:
        """Right edges of the bins, m."""
        return self.edges[1:]


def matheron(count: np.ndarray, squares: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Half the mean squared difference, from sums per bin."""
    return squares / (2.0 * count)


def cressie(count: np.ndarray, squares: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """The estimator of Cressie & Hawkins (1980, Math. Geol. 12:115) with its bias correction, from sums per bin."""
    return 0.5 * (roots / count) ** 4 / (0.457 + 0.494 / count + 0.045 / count**2)


ESTIMATORS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None] = {
    "matheron": matheron, "cressie": cressie, "dowd": None}


def grid_variogram(raster: Raster | np.ndarray, edges: np.ndarray | None = None, *,
                   cell_size: tuple[float, float] | float | None = None, estimator: str = "matheron",
                   angle: float | None = None, tolerance: float = 22.5, bandwidth: float = np.inf,
                   maximum_pairs: int = MAXIMUM_PAIRS, seed: int = 0) -> Variogram:
    """Semivariogram of a raster, or of an array (ny, nx; row 0 southern) with `cell_size` (m, or (dx, dy)).

    `edges` are distance bins in m; without them, steps of one cell to half the shorter side. `angle` (degrees counter-
    clockwise from east) keeps lags within `tolerance` (degrees either side) and `bandwidth` (m across). Exact for
    "matheron"; the robust estimators take a random sample of cells (`seed`) where the pairs would exceed `maximum_pairs`.
    """
    values, size = _values_and_size(raster, cell_size)
    bins = checked_edges(grid_bins(size, values.shape) if edges is None else edges)  # type: ignore[arg-type]
    if _known(estimator) == "matheron":
        return binned_lags(lag_map(values, size, float(bins[-1])), bins, angle=angle, tolerance=tolerance,
                           bandwidth=bandwidth)
    rows, columns = np.nonzero(np.isfinite(values))
    return point_variogram(columns * size[0], rows * size[1], values[rows, columns], bins, estimator=estimator, angle=angle,
                           tolerance=tolerance, bandwidth=bandwidth, maximum_pairs=maximum_pairs, seed=seed)


def binned_lags(lags: LagMap, edges: np.ndarray, *, angle: float | None = None, tolerance: float = 22.5,
                bandwidth: float = np.inf) -> Variogram:
    """Matheron's semivariogram from an exact lag map, by distance and, where `angle` is given, direction."""
    bins = checked_edges(edges)
    east, north = np.broadcast_arrays(lags.east[None, :], lags.north[:, None])
    distance = np.sqrt(east * east + north * north)
    chosen = lags.count > 0
    if angle is not None:
        along, up = _unit(angle)
        across = np.abs(east * up - north * along)
        chosen &= (np.arctan2(across, np.abs(east * along + north * up)) <= _widest(tolerance)) & (across <= bandwidth)
    group = np.searchsorted(bins, distance[chosen], side="right") - 1
    inside = (group >= 0) & (group < bins.size - 1)
    group, count = group[inside], lags.count[chosen][inside]
    pairs = np.bincount(group, count, bins.size - 1)
    squares = np.bincount(group, lags.squares[chosen][inside], bins.size - 1)
    lengths = np.bincount(group, count * distance[chosen][inside], bins.size - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Variogram(bins, matheron(pairs, squares, squares), pairs.astype(np.int64), lengths / pairs, "matheron", angle,
                         None if angle is None else tolerance)


def point_variogram(x: np.ndarray, y: np.ndarray, values: np.ndarray, edges: np.ndarray, *, estimator: str = "matheron",
                    angle: float | None = None, tolerance: float = 22.5, bandwidth: float = np.inf,
                    maximum_pairs: int = MAXIMUM_PAIRS, seed: int = 0) -> Variogram:
    """Semivariogram of scattered points at `x`, `y` (m), by distance bins `edges` (m); NaN values are left out.

    Other arguments as in `grid_variogram`. Pairs at distance 0 (points in one place) count where edges[0] is 0.
    """
    bins = checked_edges(edges)
    x, y, values = (np.ascontiguousarray(np.ravel(one), dtype=np.float64) for one in (x, y, values))
    if not x.size == y.size == values.size:
        raise RasterError(f"{x.size} x, {y.size} y and {values.size} values are no points", remedy="give one of each per point")
    present = np.isfinite(x) & np.isfinite(y) & np.isfinite(values)
    if present.sum() < 2:
        raise RasterError("a variogram needs at least two points with data", remedy="widen the window")
    x, y, values = x[present], y[present], values[present]
    most = int(0.5 + np.sqrt(0.25 + 2.0 * maximum_pairs))
    sampled = x.size > most
    if sampled:
        chosen = np.sort(np.random.default_rng(seed).choice(x.size, most, replace=False))
        x, y, values = x[chosen], y[chosen], values[chosen]
    east, north = (1.0, 0.0) if angle is None else _unit(angle)
    widest = np.inf if angle is None else _widest(tolerance)
    sums = np.zeros((4, bins.size - 1))
    pair_sums(x, y, values, bins, east, north, widest, bandwidth, sums)
    count, squares, roots, lengths = sums
    formula = ESTIMATORS[_known(estimator)]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_lag = lengths / count
        gamma = np.full(count.size, np.nan) if formula is None else formula(count, squares, roots)
    if formula is None:
        ends = np.cumsum(count).astype(np.int64)
        place = ends - count.astype(np.int64)
        starts = place.copy()
        differences = np.empty(int(ends[-1]))
        pair_differences(x, y, values, bins, east, north, widest, bandwidth, place, differences)
        for k, (start, end) in enumerate(zip(starts, ends)):
            if end > start:
                gamma[k] = 0.5 * 2.198 * np.median(differences[start:end]) ** 2
    return Variogram(bins, gamma, count.astype(np.int64), mean_lag, estimator, angle, None if angle is None else tolerance,
                     sampled)


def _known(estimator: str) -> str:
    if estimator not in ESTIMATORS:
        raise RasterError(f"the estimator {estimator!r} is unknown", variable="estimator",
                          remedy=nearest(estimator, ESTIMATORS))
    return estimator


def _widest(tolerance: float) -> float:
    """Greatest departure from a direction, rad, with room for rounding; RasterError outside 0..90 degrees."""
    if not 0 <= tolerance <= 90:
        raise RasterError(f"an angular tolerance of {tolerance} degrees does not exist", variable="tolerance", unit="degrees",
                          remedy="give 0 (exact lag vectors) to 90 (all directions)")
    return float(np.deg2rad(tolerance + ANGLE_ROUNDING))


def _unit(angle: float) -> tuple[float, float]:
    """(east, north) of a direction in degrees counter-clockwise from east; exact on the axes."""
    turn = np.deg2rad(angle)
    east, north = float(np.cos(turn)), float(np.sin(turn))
    return (0.0 if abs(east) < 1e-15 else east), (0.0 if abs(north) < 1e-15 else north)


def _values_and_size(raster: Raster | np.ndarray,
                     cell_size: tuple[float, float] | float | None) -> tuple[np.ndarray, tuple[float, float]]:
    """Values and (dx, dy), from a Raster or from an array and its cell size."""
    if isinstance(raster, Raster):
        return raster.values, raster.cell_size
    values = np.asarray(raster, dtype=np.float64)
    size = cell_size if isinstance(cell_size, tuple) else (cell_size, cell_size)
    if values.ndim != 2 or None in size:
        raise RasterError("a variogram of an array needs values (ny, nx) and cell_size in m", remedy="give cell_size=30.0")
    return values, (float(size[0]), float(size[1]))  # type: ignore[arg-type]
