"""The exact variogram of a grid at every lag vector, by FFT, with missing cells.

With m the mask of cells that have data and z the centred values, 0 where missing, the number of pairs and the sum of
squared differences at lag h are correlations (Marcotte 1996, Computers & Geosciences 22:1175):

    N(h) = corr(m, m),    S(h) = corr(m z2, m) + corr(m, m z2) - 2 corr(m z, m z),    gamma(h) = S / 2 N

Both have real spectra, |M|2 and 2 Re(Z2 conj M) - 2 |Z|2, so three transforms there and two back do for all lags.
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import RasterError


@dataclass(frozen=True)
class LagMap:
    """Pairs and squared differences at the lags of a half plane (the other half mirrors it).

    `squares` and `count` (rows, columns): row r is a lag of r dy north, column c one of (c - middle) dx east, with middle =
    columns // 2. Of row 0 only the lags to the east are kept, so that each pair counts once; the rest of row 0 is 0.
    """

    squares: np.ndarray
    count: np.ndarray
    cell_size: tuple[float, float]

    @property
    def east(self) -> np.ndarray:
        """Eastward lag of each column, m."""
        columns = self.count.shape[1]
        return (np.arange(columns) - columns // 2) * self.cell_size[0]

    @property
    def north(self) -> np.ndarray:
        """Northward lag of each row, m."""
        return np.arange(self.count.shape[0]) * self.cell_size[1]


def lag_map(values: np.ndarray, cell_size: tuple[float, float], maximum_lag: float = np.inf) -> LagMap:
    """Exact pair counts and sums of squared differences of `values` (ny, nx; NaN = missing) up to `maximum_lag` (m).

    `cell_size` (dx, dy) in m. O(n log n) in the number of cells. Raises RasterError with fewer than two cells of data.
    """
    from scipy import fft

    values = np.asarray(values, dtype=np.float64)
    present = np.isfinite(values)
    if present.sum() < 2:
        raise RasterError("a variogram needs at least two cells with data", remedy="widen the window")
    centred = np.where(present, values - values[present].mean(), 0.0)
    rows, columns = values.shape
    far_east = min(columns - 1, int(np.floor(min(maximum_lag / cell_size[0], columns) * (1 + 1e-12))))
    far_north = min(rows - 1, int(np.floor(min(maximum_lag / cell_size[1], rows) * (1 + 1e-12))))
    size = (fft.next_fast_len(rows + far_north, real=True), fft.next_fast_len(columns + far_east, real=True))
    mask = fft.rfft2(present.astype(np.float64), size)
    power = mask.real ** 2 + mask.imag ** 2
    count = _half_plane(fft.irfft2(power, size), far_north, far_east)
    squared = fft.rfft2(centred * centred, size)
    power = mask.real * squared.real + mask.imag * squared.imag
    plain = fft.rfft2(centred, size)
    power -= plain.real ** 2 + plain.imag ** 2
    squares = _half_plane(fft.irfft2(2.0 * power, size), far_north, far_east)
    count = np.rint(count)
    squares = np.where(count > 0, np.maximum(squares, 0.0), 0.0)
    count[0, :far_east + 1] = squares[0, :far_east + 1] = 0.0
    return LagMap(squares, count, cell_size)


def _half_plane(correlation: np.ndarray, far_north: int, far_east: int) -> np.ndarray:
    """Lags 0..far_north by -far_east..far_east of a circular correlation."""
    part = correlation[:far_north + 1]
    if far_east == 0:
        return part[:, :1].copy()
    return np.concatenate([part[:, -far_east:], part[:, :far_east + 1]], axis=1)
