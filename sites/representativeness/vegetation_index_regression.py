"""Vegetation index of target area against footprint over many scenes, by model-II regression.

After Chu et al. (2021, AFM 301-302:108350). Both carry error, so the reduced major axis is used: slope = sign(r) s_target /
s_footprint, through the means. HIGH: R2 >= 0.8, slope within 1 +- 0.1, intercept within +- 0.1; MEDIUM: R2 >= 0.6 and
p < 0.05; LOW otherwise. At least 6 matched scenes.
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import RasterError

LEAST_SCENES = 6


@dataclass(frozen=True)
class IndexRegression:
    """`slope`, `intercept` (unit of the index), `determination` R2, `probability` p of no correlation (two-sided t test).

    `scenes` matched; `rating` HIGH, MEDIUM, LOW, or UNDETERMINED with a `reason`.
    """

    slope: float
    intercept: float
    determination: float
    probability: float
    scenes: int
    rating: str
    reason: str = ""


def index_regression(footprint_values: np.ndarray, target_values: np.ndarray) -> IndexRegression:
    """Reduced major axis of the target's index (scenes) on the footprint-weighted one (scenes); pairs with NaN are left out."""
    from scipy.stats import t as student

    x, y = (np.asarray(one, dtype=np.float64).ravel() for one in (footprint_values, target_values))
    if x.size != y.size:
        raise RasterError(f"{x.size} footprint values and {y.size} target values are no pairs",
                          remedy="give one of each per scene")
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    nan = float("nan")
    if x.size < LEAST_SCENES:
        return IndexRegression(nan, nan, nan, nan, x.size, "UNDETERMINED",
                               f"{x.size} matched scenes; {LEAST_SCENES} are needed")
    dx, dy = x - x.mean(), y - y.mean()
    if not dx.any() or not dy.any():
        return IndexRegression(nan, nan, nan, nan, x.size, "UNDETERMINED", "the index does not vary between scenes")
    r = float(np.clip(dx @ dy / np.sqrt((dx @ dx) * (dy @ dy)), -1.0, 1.0))
    slope = float(np.copysign(np.sqrt((dy @ dy) / (dx @ dx)), r))
    intercept = float(y.mean() - slope * x.mean())
    freedom = x.size - 2
    with np.errstate(divide="ignore"):
        statistic = abs(r) * np.sqrt(freedom / np.float64(1.0 - r * r)) if r * r < 1 else np.inf
    probability = 2.0 * float(student.sf(statistic, freedom))
    if r > 0 and r * r >= 0.8 and abs(slope - 1.0) <= 0.1 and abs(intercept) <= 0.1:
        rating = "HIGH"
    else:
        rating = "MEDIUM" if r > 0 and r * r >= 0.6 and probability < 0.05 else "LOW"
    return IndexRegression(slope, intercept, r * r, probability, x.size, rating)
