"""ESTARFM: the enhanced STARFM of Zhu et al. (2010), for landscapes whose patches are finer than a coarse pixel.

Two pairs of images, dates m and n. Pixels i of a window are similar to the centre where every fine band differs by at most
2 sd / classes on both dates, sd over the scene. They weigh by how well fine and coarse values go together and by distance:

    W_i ~ 1 / ((1 - R_i + e) (1 + d_i / A)),   R_i: correlation of fine with coarse values over all bands and both dates.

Change of fine per change of coarse, V, is the slope of fine on coarse values of the similar pixels of both dates; 1 where the
slope is not significant or not within 0..5. A prediction from each date k, and their mean by how little the coarse image of the
window moved since:

    P_k = F_k + sum_i W_i V (C_i(target) - C_i(k)),   P = sum_k T_k P_k,   T_k ~ 1 / |sum C(k) - sum C(target)|

Source: Zhu, Chen, Gao, Chen and Masek (2010, RSE 114, 2610-2623).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.threads import run_ranges
from terraflux.products.fusion.estarfm_kernel import MOMENTS, correlations, similar_on_both_dates
from terraflux.products.fusion.fused import Fusion, Reason
from terraflux.products.fusion.images import Images, Pairs, check_positive, check_window, cores, pairs
from terraflux.products.fusion.window import centres, distances, padded_strip, strips, window_sums

Array = NDArray[np.float64]
STEEPEST = 5.0  # largest credible change of fine per change of coarse value (Zhu et al. 2010)
FEWEST = 6  # similar pixels below which no slope is drawn


def estarfm(fine_pairs: Sequence[ArrayLike], coarse_pairs: Sequence[ArrayLike], coarse_target: ArrayLike, *, window: int = 31,
            classes: float = 4.0, spatial_impact: float | None = None, pixel_size: float = 30.0, offset: float = 1e-4,
            significance: float = 0.05, scale: float | None = None, nodata: float | None = None,
            threads: int | None = None) -> Array:
    """Fine image of the date of `coarse_target`, in the unit and shape of the input; NaN where there are no data.

    fine_pairs, coarse_pairs: two images each, one per date; [row, column] or [band, row, column], reflectance, a vegetation
        index or any other field, on the fine grid (`resampling.on_fine_grid`). All bands together decide which pixels are
        similar, and a pixel must have data in all bands of all images.
    window: width, pixels, odd. classes: expected number of land-cover classes; more means stricter likeness.
    spatial_impact: distance A at which a pixel weighs half, m; default half a window. pixel_size: m.
    offset: e above, keeps the weight of perfect correlation finite; no unit.
    significance: largest p of the F test at which a slope is believed.
    scale: stored value of 1, 10000 for digital numbers; integers need it. nodata: number that means none.
    threads: default all cores; results have the same bits for any number.
    Raises ValueError for images or settings that do not fit.
    """
    return fuse_estarfm(fine_pairs, coarse_pairs, coarse_target, window=window, classes=classes, spatial_impact=spatial_impact,
                        pixel_size=pixel_size, offset=offset, significance=significance, scale=scale, nodata=nodata,
                        threads=threads).image


def fuse_estarfm(fine_pairs: Images, coarse_pairs: Images, coarse_target: ArrayLike, *, window: int = 31, classes: float = 4.0,
                 spatial_impact: float | None = None, pixel_size: float = 30.0, offset: float = 1e-4,
                 significance: float = 0.05, scale: float | None = None, nodata: float | None = None,
                 threads: int | None = None) -> Fusion:
    """As `estarfm`, with the reason and the number of similar pixels of every pixel."""
    check_window(window)
    half = window // 2
    impact = half * pixel_size if spatial_impact is None else spatial_impact
    check_positive(classes=classes, pixel_size=pixel_size, offset=offset, spatial_impact=impact)
    if not 0.0 < significance < 1.0:
        raise ValueError(f"significance = {significance!r} must lie between 0 and 1")
    images = pairs(fine_pairs, coarse_pairs, coarse_target, nodata=nodata, scale=scale)
    if len(images.fine) != 2:
        raise ValueError(f"{len(images.fine)} pairs of images given; ESTARFM takes two, best one before and one after the "
                         "target date; with one pair use starfm")
    nearness = 1.0 / (1.0 + distances(half) * pixel_size / impact)
    fusion = _fused(images, half, classes, nearness, offset, significance, cores(threads))
    if scale is not None and scale != 1.0:
        fusion = Fusion(fusion.image * scale, fusion.reason, fusion.similar)
    return fusion if images.banded else fusion.without_bands()


def _fused(images: Pairs, half: int, classes: float, nearness: Array, offset: float, significance: float,
           threads: int) -> Fusion:
    usable = np.isfinite(np.concatenate([*images.fine, *images.coarse, images.target])).all(axis=0)
    result = np.full(images.shape, np.nan)
    similar = np.zeros(images.shape, dtype=np.int32)
    if usable.any():
        fine, coarse = np.concatenate(images.fine), np.concatenate(images.coarse)
        tolerance = 2.0 / classes * np.array([one[usable].std() for one in fine])
        middle = [np.array([one[usable].mean() for one in group]) for group in (fine, coarse)]
        believed = _believed_t_square(nearness.size, significance)
        for rows in strips(images.shape[1]):
            f, c, c_target = (np.stack([padded_strip(one, *rows, half) for one in group])
                              for group in (fine, coarse, images.target))
            value, number = _strip(f, c, c_target, tolerance, middle, nearness, offset, believed, threads)
            result[:, slice(*rows)], similar[:, slice(*rows)] = value, number
    reason = np.where(usable, Reason.FUSED, Reason.NO_DATA).astype(np.uint8)
    return Fusion(result, np.broadcast_to(reason, images.shape).copy(), similar)


def _strip(fine: Array, coarse: Array, target: Array, tolerance: Array, middle: list[Array], nearness: Array, offset: float,
           believed: Array, threads: int) -> tuple[Array, Array]:
    """Prediction [band, row, column] and number of similar pixels [row, column] of a padded strip.

    fine, coarse: bands of the first date, then of the second. middle: means of their images over the scene.
    """
    half, bands = nearness.shape[0] // 2, len(target)
    usable = np.isfinite(np.concatenate([fine, coarse, target])).all(axis=0)
    inside = centres(usable, half)
    look = np.where(usable, fine, np.nan)
    correlation = np.where(usable, correlations(look, coarse), 0.0)
    weight = np.where(usable, 1.0 / (1.0 - correlation + offset), 0.0)
    terms = np.concatenate([_terms([f[[band, bands + band]] for f in (fine, coarse)], target[band],
                                   [m[[band, bands + band]].mean() for m in middle], usable) for band in range(bands)])
    sums = np.zeros((2 + len(terms), *inside.shape))
    run_ranges(lambda first, last: similar_on_both_dates(first, last, look, tolerance, weight, terms, nearness, half, sums),
               inside.shape[0], threads)
    number = np.where(inside, sums[1], 0.0)
    total = np.where(inside, sums[0], np.nan)
    result = np.zeros((bands, *inside.shape))
    for band in range(bands):
        moments = sums[2 + MOMENTS * band:2 + MOMENTS * (band + 1)]
        conversion = _conversion(moments, number, believed)
        first, second = (centres(fine[band + bands * k], half) + conversion * moments[k] / total for k in (0, 1))
        share = _share_of_first(terms[MOMENTS * band], terms[MOMENTS * band + 1], half)
        result[band] = second + share * (first - second)
    return result, number.astype(np.int32)


def _terms(pair: list[Array], target: Array, middle: list[float], usable: NDArray[np.bool_]) -> Array:
    """What the windows sum of one band [MOMENTS, row, column], 0 where a pixel is not usable; F and C from their means."""
    a, b = pair[0] - middle[0]
    x, y = pair[1] - middle[1]
    terms = np.stack([target - pair[1][0], target - pair[1][1], x + y, a + b, x * x + y * y, a * x + b * y, a * a + b * b])
    return np.where(usable, terms, 0.0)


def _believed_t_square(most: int, significance: float) -> Array:
    """Least F of a slope that is significant, by number of similar pixels 0..most; each gives two points, one per date."""
    from scipy.stats import f as distribution

    freedom = np.maximum(2 * np.arange(most + 1) - 2, 1)
    return np.asarray(distribution.isf(significance, 1, freedom), dtype=np.float64)


def _conversion(moments: Array, number: Array, believed: Array) -> Array:
    """Change of fine per change of coarse value, V [row, column]."""
    points = 2.0 * np.maximum(number, 1.0)
    _, _, sum_c, sum_f, square_c, product, square_f = moments
    spread_c = np.maximum(square_c - sum_c * sum_c / points, 0.0)
    spread_f = np.maximum(square_f - sum_f * sum_f / points, 0.0)
    together = product - sum_c * sum_f / points
    varied = spread_c > 1e-12 * square_c
    slope = together / np.where(varied, spread_c, 1.0)
    left = np.maximum(spread_f - slope * together, 0.0)
    least = believed[number.astype(np.int64)]
    significant = slope * together * (points - 2.0) >= least * left
    good = varied & (number >= FEWEST) & significant & (slope >= 0.0) & (slope <= STEEPEST)
    return np.where(good, slope, 1.0)


def _share_of_first(first: Array, second: Array, half: int) -> Array:
    """Weight of the prediction from the first date, 0..1 [row, column], by the coarse changes since each date.

    Equal changes share equally; a date since which the window did not move at all takes everything.
    """
    moved = [np.abs(window_sums(one, half)) for one in (first, second)]
    both = moved[0] + moved[1]
    return np.where(both > 0.0, moved[1] / np.where(both > 0.0, both, 1.0), 0.5)
