"""Dispersion variance: the expected squared difference between what the footprint sees and the mean of the model's cell.

For weights f (footprint) and g (cell), each summing to 1, and a semivariogram gamma of the surface,

    sigma2 = 2 sum f_i g_j gamma_ij - sum f_i f_j gamma_ij - sum g_i g_j gamma_ij = - sum d_i d_j gamma_ij,   d = f - g

(Journel & Huijbregts 1978, Mining Geostatistics, extension variance). It is >= 0, 0 if and only if f = g for a strictly
valid model, and c0 sum (f - g)^2 for a pure nugget c0. gamma depends on the lag alone, so by the convolution theorem it is
one FFT of d against the spectrum of gamma, which `DispersionOperator` keeps for many footprints on one grid.
"""

from collections.abc import Callable

import numpy as np

from terraflux.sites.raster_grid import RasterError
from terraflux.sites.representativeness.weighted_value import checked_footprint

ROUNDING = 1e-12  # of gamma's largest value; a variance below minus this means an invalid model


class DispersionOperator:
    """The variances of many pairs of weights on one grid of `shape` (ny, nx) and `cell_size` (dx, dy; m).

    `gamma` maps distances (m, any array) to semivariances, 0 at 0: a `VariogramModel`, say. Models must be valid in the plane
    (conditionally negative definite: spherical, exponential, gaussian and matern are).
    """

    def __init__(self, gamma: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int],
                 cell_size: tuple[float, float]) -> None:
        from scipy import fft

        self.shape = (int(shape[0]), int(shape[1]))
        self._size = tuple(fft.next_fast_len(2 * length - 1, real=True) for length in self.shape)
        lags = [np.minimum(np.arange(length), length - np.arange(length)) * step
                for length, step in zip(self._size, (cell_size[1], cell_size[0]))]
        table = np.asarray(gamma(np.sqrt(lags[0][:, None] ** 2 + lags[1][None, :] ** 2)), dtype=np.float64)
        table[0, 0] = 0.0
        if not np.isfinite(table).all():
            raise RasterError("the semivariogram is no number at some lag", variable="gamma",
                              remedy="give a model that is defined at all distances on the grid")
        self._top = float(np.abs(table).max())
        self._spectrum = fft.rfft2(table).real

    def variance(self, footprint: np.ndarray, cell: np.ndarray) -> float:
        """sigma2 between two weight fields (ny, nx; any scale, each is divided by its sum), in squared units of the raster."""
        from scipy import fft

        weights = [checked_footprint(one, self.shape) for one in (footprint, cell)]
        difference = weights[0] / weights[0].sum() - weights[1] / weights[1].sum()
        spectrum = fft.rfft2(difference, self._size)
        power = (spectrum.real**2 + spectrum.imag**2) * self._spectrum
        # the real transform leaves out the mirrored half of the columns
        total = 2.0 * power.sum() - power[:, 0].sum() - (power[:, -1].sum() if self._size[1] % 2 == 0 else 0.0)
        variance = -float(total) / (self._size[0] * self._size[1])
        if variance < -ROUNDING * self._top:
            raise RasterError(f"the dispersion variance is {variance:g}, below zero: the semivariogram is no valid model in "
                              "the plane", variable="gamma", remedy="fit a spherical, exponential, gaussian or matern model")
        return max(0.0, variance)


def dispersion_variance(footprint: np.ndarray, cell: np.ndarray, gamma: Callable[[np.ndarray], np.ndarray],
                        cell_size: tuple[float, float]) -> float:
    """sigma2 between footprint and cell weights (ny, nx) under a semivariogram; see `DispersionOperator`."""
    return DispersionOperator(gamma, np.shape(footprint), cell_size).variance(footprint, cell)  # type: ignore[arg-type]
