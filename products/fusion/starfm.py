"""STARFM: the spatial and temporal adaptive reflectance fusion model of Gao et al. (2006).

A fine image F and a coarse one C0 of the same date, and a coarse one C1 of the target date, give the fine image of the target
date. Among the pixels i of a window that look like the centre c in the fine image, |F_i - F_c| <= 2 sd / classes, those count
whose fine and coarse values agree at least as well as the centre's, S_i <= S_c + sqrt(sF^2 + sC^2), S = |F - C0|:

    P_c = sum_i W_i (F_c + C1_i - C0_i),   W_i ~ 1 / ((S_i + e) (T_i + e) D_i),   T = |C1 - C0|,   D = 1 + d / A

with d the distance to the centre and A the spatial impact. Where S_c = 0 or T_c = 0 the prediction is F_c + C1_c - C0_c.
Gao et al. (2006, TGRS 44, 2207-2218) average F_i + C1_i - C0_i, which also averages the fine detail away: `detail="similar"`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.threads import run_ranges
from terraflux.products.fusion.fused import Fusion, Reason
from terraflux.products.fusion.images import Images, Pairs, check_positive, check_window, cores, pairs, per_band
from terraflux.products.fusion.starfm_kernel import similar_pixel_sums
from terraflux.products.fusion.window import Edge, centres, distances, padded_strip, strips, window_spread

Array = NDArray[np.float64]
LOG_SCALE = 10000.0  # Gao et al. (2006) take logarithms of reflectance times 10000


@dataclass(frozen=True)
class Rules:
    """Settings of one run, as `starfm` documents them; differences in the unit of the divided images."""

    half: int
    tolerance: float
    nearness: Array
    spectral_slack: Array
    temporal_slack: Array | None
    offset: float
    log_weights: bool
    detail: Literal["centre", "similar"]
    edge: Edge
    fill: bool
    threads: int


def starfm(fine_pairs: Images, coarse_pairs: Images, coarse_target: ArrayLike, *, compat: Literal["starfm4py"] | None = None,
           window: int = 31, classes: float = 4.0, spatial_impact: float | None = None, pixel_size: float = 30.0,
           fine_uncertainty: float | Sequence[float] | None = None, coarse_uncertainty: float | Sequence[float] | None = None,
           offset: float = 1e-4, log_weights: bool = False, temporal_filter: bool = False,
           detail: Literal["centre", "similar"] | None = None, days: Sequence[float] | None = None, fill: bool = False,
           scale: float | None = None, nodata: float | None = None, threads: int | None = None) -> Array:
    """Fine image of the date of `coarse_target`, in the unit and shape of the input; NaN where there are no data.

    fine_pairs, coarse_pairs: images of the same date, one array or a list of one or two; [row, column] or [band, row, column],
        reflectance, a vegetation index or any other field. All on the fine grid (`resampling.on_fine_grid`). Bands do not mix.
    window: width, pixels, odd. classes: expected number of land-cover classes; more means stricter likeness.
    spatial_impact: distance A at which a pixel weighs half, m; default half a window. pixel_size: m.
    fine_uncertainty, coarse_uncertainty: standard errors of the images, one number or one per band, default 0.005.
    offset: e above, keeps weights finite. Uncertainties and offset are in units of the images divided by `scale`.
    log_weights: ln(10000 (S + e) + 1) and ln(10000 (T + e) + 1) in place of S + e and T + e, so that outliers say less.
    temporal_filter: take only pixels with T_i <= T_c + sqrt(2) sC as well. It drops the pure pixels that tell a mixed one what
        happened, so it is off; see docs/products/image-fusion.md.
    detail: "centre" keeps the centre's fine value and averages changes, "similar" averages predictions of similar pixels.
    days: days from the dates of two pairs to the target date, any sign; the nearer date then weighs more, by 1 / days.
    fill: predict also pixels without data in an image, from neighbours alike in the coarse target or in the fine image.
    scale: stored value of 1, 10000 for reflectance in digital numbers; integers need it. nodata: number that means none.
    threads: default all cores; results have the same bits for any number.
    compat: "starfm4py" gives the numbers of that program (Mileva et al. 2018): digital numbers as they are, e = 1, distances
        in pixels, A = 150, uncertainties 0.03, zeros around the image, predictions of similar pixels averaged. One pair.
    Raises ValueError for images or settings that do not fit.
    """
    return fuse_starfm(
        fine_pairs, coarse_pairs, coarse_target, compat=compat, window=window, classes=classes, spatial_impact=spatial_impact,
        pixel_size=pixel_size, fine_uncertainty=fine_uncertainty, coarse_uncertainty=coarse_uncertainty, offset=offset,
        log_weights=log_weights, temporal_filter=temporal_filter, detail=detail, days=days, fill=fill, scale=scale,
        nodata=nodata, threads=threads).image


def fuse_starfm(fine_pairs: Images, coarse_pairs: Images, coarse_target: ArrayLike, *,
                compat: Literal["starfm4py"] | None = None, window: int = 31, classes: float = 4.0,
                spatial_impact: float | None = None, pixel_size: float = 30.0,
                fine_uncertainty: float | Sequence[float] | None = None,
                coarse_uncertainty: float | Sequence[float] | None = None, offset: float = 1e-4, log_weights: bool = False,
                temporal_filter: bool = False, detail: Literal["centre", "similar"] | None = None,
                days: Sequence[float] | None = None, fill: bool = False, scale: float | None = None,
                nodata: float | None = None, threads: int | None = None) -> Fusion:
    """As `starfm`, with the reason and the number of similar pixels of every pixel."""
    check_window(window)
    check_positive(classes=classes, pixel_size=pixel_size, offset=offset)
    if compat is not None:
        _check_compat(compat, log_weights, fill, detail, scale)
        detail, offset, pixel_size, scale = "similar", 1.0, 1.0, 1.0
        spatial_impact = 150.0 if spatial_impact is None else spatial_impact
    if detail not in (None, "centre", "similar"):
        raise ValueError(f"detail = {detail!r}: choose 'centre' or 'similar'")
    images = pairs(fine_pairs, coarse_pairs, coarse_target, nodata=nodata, scale=scale)
    if len(images.fine) > (1 if compat else 2):
        raise ValueError(f"{len(images.fine)} pairs of images given; STARFM takes one or two, compat='starfm4py' one")
    half = window // 2
    impact = half * pixel_size if spatial_impact is None else spatial_impact
    check_positive(spatial_impact=impact)
    usual = 0.03 if compat else 0.005
    fine_error = per_band("fine_uncertainty", usual if fine_uncertainty is None else fine_uncertainty, images.shape[0])
    coarse_error = per_band("coarse_uncertainty", usual if coarse_uncertainty is None else coarse_uncertainty, images.shape[0])
    rules = Rules(half, 2.0 / classes, 1.0 / (1.0 + distances(half) * pixel_size / impact), np.hypot(fine_error, coarse_error),
                  np.sqrt(2.0) * coarse_error if temporal_filter else None, offset, log_weights, detail or "centre",
                  "zero" if compat else "reflect", fill, cores(threads))
    fusion = _combined(images, rules, _date_weights(days, len(images.fine)))
    if scale is not None and scale != 1.0:
        fusion = Fusion(fusion.image * scale, fusion.reason, fusion.similar)
    return fusion if images.banded else fusion.without_bands()


def _check_compat(compat: str, log_weights: bool, fill: bool, detail: str | None, scale: float | None) -> None:
    if compat != "starfm4py":
        raise ValueError(f"compat = {compat!r}: only 'starfm4py' is known")
    if log_weights or fill or detail is not None or scale is not None:
        raise ValueError("compat='starfm4py' takes no log_weights, fill, detail or scale: it repeats that program's own rules")


def _date_weights(days: Sequence[float] | None, count: int) -> list[float]:
    if days is None:
        return [1.0] * count
    if len(days) != count or not np.isfinite(days).all():
        raise ValueError(f"days = {days!r}: give the days from each of {count} pairs to the target date")
    away = np.abs(np.asarray(days, dtype=np.float64))
    return [float(one) for one in (np.where(away == 0.0, 1.0, 0.0) if (away == 0.0).any() else away.min() / away)]


def _combined(images: Pairs, rules: Rules, date_weights: list[float]) -> Fusion:
    """Both pairs' similar pixels in one weighted mean; a pair without data at a pixel leaves it to the other."""
    total, product = np.zeros(images.shape), np.zeros(images.shape)
    similar = np.zeros(images.shape, dtype=np.int32)
    reason = np.full(images.shape, Reason.NO_DATA, dtype=np.uint8)
    for fine, coarse, date_weight in zip(images.fine, images.coarse, date_weights, strict=True):
        for band in range(images.shape[0]):
            for rows in strips(images.shape[1]):
                here = (band, slice(*rows))
                f, c, c_target = (padded_strip(one[band], *rows, rules.half, rules.edge)
                                  for one in (fine, coarse, images.target))
                value, weight, number, why = _one_pair(f, c, c_target, rules, band)
                used = (why != Reason.NO_DATA) & (date_weight > 0.0)
                share = np.where(used, date_weight * weight if len(images.fine) > 1 else 1.0, 0.0)
                total[here] += share
                product[here] += np.where(used, share * value, 0.0)
                similar[here] += np.where(used, number, 0)
                reason[here] = np.where(used, np.minimum(reason[here], why), reason[here])
    return Fusion(np.where(reason == Reason.NO_DATA, np.nan, product / np.where(total > 0.0, total, 1.0)), reason, similar)


def _one_pair(fine: Array, coarse: Array, target: Array, rules: Rules,
              band: int) -> tuple[Array, Array, NDArray[np.int32], NDArray[np.uint8]]:
    """Prediction, sum of weights, number of similar pixels and reason [row, column], from padded strips of one band."""
    half = rules.half
    change = target - coarse
    spectral, temporal = np.abs(fine - coarse), np.abs(change)
    usable = np.isfinite(spectral + temporal)
    weight = np.where(usable, 1.0 / (_distance(spectral, rules) * _distance(temporal, rules)), 0.0)
    value = np.where(usable, change + (fine if rules.detail == "similar" else 0.0), 0.0)
    known = np.isfinite(fine)
    tolerance = rules.tolerance * window_spread(fine, known & (fine != 0.0) if rules.edge == "zero" else known, half)
    f, s, t = (centres(one, half) for one in (fine, spectral, temporal))
    spectral_limit = np.where(np.isfinite(s), s + rules.spectral_slack[band], np.inf)
    unlimited = np.full(f.shape, np.inf)
    temporal_limit = unlimited
    if rules.temporal_slack is not None:
        temporal_limit = np.where(np.isfinite(t), t + rules.temporal_slack[band], np.inf)
    parts = np.where(usable, spectral, np.nan), np.where(usable, temporal, np.nan), weight
    sums = _sums(np.where(usable, fine, np.nan), *parts, value, rules, f, tolerance, spectral_limit, temporal_limit)
    complete = centres(usable, half)
    own = 0.0 if rules.detail == "similar" else f
    prediction = own + sums[1] / np.where(sums[0] > 0.0, sums[0], np.nan)
    reason = np.where(complete, Reason.FUSED, np.where(np.isfinite(prediction) & rules.fill, Reason.FILLED, Reason.NO_DATA))
    if rules.fill and not np.isfinite(f).all():
        # Where the fine image has no data, likeness is judged in the coarse image of the target date.
        near = rules.tolerance * window_spread(target, np.isfinite(target), half)
        filled = _sums(np.where(usable, target, np.nan), *parts, np.where(usable, fine + change, 0.0), rules,
                       np.where(np.isfinite(f), np.nan, centres(target, half)), near, unlimited, unlimited)
        found = filled[0] > 0.0
        sums[:, found] = filled[:, found]
        prediction[found], reason[found] = (filled[1] / np.where(found, filled[0], 1.0))[found], Reason.FILLED
    alone = complete & ((s == 0.0) | (t == 0.0))
    prediction[alone], reason[alone] = (f + centres(change, half))[alone], Reason.CENTRE
    return prediction, sums[0], sums[2].astype(np.int32), reason.astype(np.uint8)


def _distance(difference: Array, rules: Rules) -> Array:
    shifted = difference + rules.offset
    return np.log1p(LOG_SCALE * shifted) if rules.log_weights else shifted


def _sums(look: Array, spectral: Array, temporal: Array, weight: Array, value: Array, rules: Rules, centre: Array,
          tolerance: Array, spectral_limit: Array, temporal_limit: Array) -> Array:
    sums = np.zeros((3, *centre.shape))
    arrays = [np.ascontiguousarray(one) for one in (look, spectral, temporal, weight, value, rules.nearness, centre, tolerance,
                                                    spectral_limit, temporal_limit)]
    run_ranges(lambda first, last: similar_pixel_sums(first, last, *arrays, sums), centre.shape[0], rules.threads)
    return sums
