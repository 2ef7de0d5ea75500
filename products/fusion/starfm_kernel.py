"""The compiled heart of STARFM: weighted sums over the similar pixels of every window."""

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.products.fusion.window import LANES

Array = NDArray[np.float64]


@kernel
def similar_pixel_sums(first: int, last: int, look: Array, spectral: Array, temporal: Array, weight: Array, value: Array,
                       nearness: Array, centre: Array, tolerance: Array, spectral_limit: Array, temporal_limit: Array,
                       sums: Array) -> None:
    """For rows first..last: sums of weights, of weights times values, and the number of similar pixels.

    Padded images [row, column]: `look` by which pixels are alike (NaN: never), `spectral` and `temporal` difference, `weight`
    without distance, `value` to be averaged. `nearness`: factor of the weight by place in the window. Per centre [row, column]:
    a pixel is similar where |look - centre| <= tolerance, spectral <= its limit and temporal <= its limit.
    Result in `sums` [3, row, column]. Columns lie side by side in lanes and every pixel adds its window in the same order, so
    results have the same bits for any range of rows.
    """
    window = nearness.shape[0]
    columns = centre.shape[1]
    for i in range(first, last):
        for start in range(0, columns, LANES):
            width = min(LANES, columns - start)
            middle, near = centre[i, start:start + width], tolerance[i, start:start + width]
            spectral_most = spectral_limit[i, start:start + width]
            temporal_most = temporal_limit[i, start:start + width]
            total = np.zeros(width)
            product = np.zeros(width)
            number = np.zeros(width)
            for a in range(window):
                for b in range(window):
                    begin, factor = start + b, nearness[a, b]
                    looks = look[i + a, begin:begin + width]
                    spectra = spectral[i + a, begin:begin + width]
                    changes = temporal[i + a, begin:begin + width]
                    weights = weight[i + a, begin:begin + width]
                    values = value[i + a, begin:begin + width]
                    for j in range(width):
                        similar = ((abs(looks[j] - middle[j]) <= near[j]) & (spectra[j] <= spectral_most[j])
                                   & (changes[j] <= temporal_most[j]))
                        share = weights[j] * factor if similar else 0.0
                        total[j] += share
                        product[j] += share * values[j]
                        number[j] += 1.0 if similar else 0.0
            sums[0, i, start:start + width] = total
            sums[1, i, start:start + width] = product
            sums[2, i, start:start + width] = number
