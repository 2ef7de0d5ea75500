"""The compiled heart of ESTARFM: sums over the pixels that are similar to the centre on both dates."""

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.products.fusion.window import LANES

Array = NDArray[np.float64]
MOMENTS = 7
"""Rows of sums per band: weight times change since the first and since the second date; C, F, CC, CF, FF over both dates."""


@kernel
def correlations(fine: Array, coarse: Array) -> Array:
    """Correlation [row, column] of fine with coarse values [image, row, column] over all images; 0 where one is constant.

    Two passes, so that the mean takes no digits away. NaN where a value is NaN.
    """
    count, rows, columns = fine.shape
    result = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            mean_fine, mean_coarse = 0.0, 0.0
            for k in range(count):
                mean_fine += fine[k, i, j] / count
                mean_coarse += coarse[k, i, j] / count
            both, square_fine, square_coarse = 0.0, 0.0, 0.0
            for k in range(count):
                x, y = coarse[k, i, j] - mean_coarse, fine[k, i, j] - mean_fine
                both += x * y
                square_fine += y * y
                square_coarse += x * x
            spread = np.sqrt(square_fine) * np.sqrt(square_coarse)
            size = abs(mean_fine) + abs(mean_coarse)
            constant = min(square_fine, square_coarse) <= (1e-12 * size) ** 2
            result[i, j] = 0.0 if constant else min(max(both / spread, -1.0), 1.0)
            if np.isnan(mean_fine + mean_coarse):
                result[i, j] = np.nan
    return result


@kernel
def similar_on_both_dates(first: int, last: int, look: Array, tolerance: Array, weight: Array, terms: Array, nearness: Array,
                          half: int, sums: Array) -> None:
    """For rows first..last: sum of weights, number of similar pixels, and the moments of every band.

    look [image, row, column]: fine bands of both dates, padded, NaN where a pixel is not usable. A pixel is similar where every
    image differs from the centre by at most tolerance [image]. weight [row, column], padded: without distance, 0 where not
    usable. terms [MOMENTS * band, row, column], padded: what is summed, the first two of a band with weights, the others
    without.
    Result in `sums` [2 + MOMENTS * band, row, column]. Columns lie in lanes; same bits for any range of rows.
    """
    window, columns = nearness.shape[0], sums.shape[2]
    images, count = look.shape[0], terms.shape[0]
    alike, share = np.zeros(LANES), np.zeros(LANES)
    held = np.zeros((2 + count, LANES))
    for i in range(first, last):
        for start in range(0, columns, LANES):
            width = min(LANES, columns - start)
            held[:] = 0.0
            for a in range(window):
                for b in range(window):
                    begin = start + b
                    alike[:] = 1.0
                    for k in range(images):
                        looks = look[k, i + a, begin:begin + width]
                        middle = look[k, i + half, start + half:start + half + width]
                        near = tolerance[k]
                        for j in range(width):
                            alike[j] = alike[j] if abs(looks[j] - middle[j]) <= near else 0.0
                    weights, factor = weight[i + a, begin:begin + width], nearness[a, b]
                    for j in range(width):
                        share[j] = alike[j] * weights[j] * factor
                        held[0, j] += share[j]
                        held[1, j] += alike[j]
                    for k in range(count):
                        values, into = terms[k, i + a, begin:begin + width], held[2 + k]
                        if k % MOMENTS < 2:
                            for j in range(width):
                                into[j] += share[j] * values[j]
                        else:
                            for j in range(width):
                                into[j] += alike[j] * values[j]
            for k in range(2 + count):
                sums[k, i, start:start + width] = held[k, :width]
