"""Interannual variability: what regions add to that of the whole, and what drivers explain of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.evaluation.trends.trend import trend_map

LARGEST_INFLATION = 5.0
"""Largest variance inflation factor with which a regression may tell drivers apart."""


def detrended(values: ArrayLike, years: ArrayLike) -> NDArray[np.float64]:
    """Anomalies [year, ...] about the Theil-Sen line, with the mean taken away. NaN stays NaN."""
    field = np.asarray(values, dtype=float)
    time = np.asarray(years, dtype=float).reshape(-1, *[1] * (field.ndim - 1))
    line = np.asarray(trend_map(field, years).slope) * (time - time.mean())
    left = field - line
    return left - np.nanmean(left, axis=0)


def regional_contributions(regions: Mapping[str, ArrayLike], years: ArrayLike, detrend: bool = True) -> dict[str, float]:
    """Contribution of each region to the interannual variability of their sum (Ahlstrom et al. 2015, Science 348:895).

    f_j = sum_t (x_jt |X_t| / X_t) / sum_t |X_t| with the anomalies x_jt of region j (totals of one unit) and X = sum x_j:
    regions that move with the whole score high, those against it below nought; all sum to 1. Raises ValueError for gaps.
    """
    if not regions:
        raise ValueError("there are no regions")
    series = {name: np.asarray(values, dtype=float) for name, values in regions.items()}
    broken = [name for name, values in series.items() if not np.all(np.isfinite(values))]
    if broken:
        raise ValueError(f"years are missing in {', '.join(broken)}; contributions need the same years everywhere")
    anomalies = {name: detrended(values, years) if detrend else values - values.mean() for name, values in series.items()}
    whole = np.sum(list(anomalies.values()), axis=0)
    scale = float(np.abs(whole).sum())
    if scale == 0.0:
        raise ValueError("the sum of the regions does not vary from year to year")
    return {name: float(np.sum(values * np.sign(whole)) / scale) for name, values in anomalies.items()}


@dataclass(frozen=True)
class DriverSensitivity:
    """Linear sensitivities of anomalies: unit of the response per unit of the driver, and what they explain (R2)."""

    sensitivity: dict[str, float]
    inflation: dict[str, float]
    explained: float


def driver_sensitivity(response: ArrayLike, drivers: Mapping[str, ArrayLike], years: ArrayLike,
                       largest_inflation: float = LARGEST_INFLATION) -> DriverSensitivity:
    """Least squares of detrended anomalies of a response on those of drivers.

    Raises ValueError where the variance inflation factor 1 / (1 - R2) of a driver on the others reaches
    `largest_inflation`: the regression then cannot tell which of them it was, and factorial runs must.
    """
    y = detrended(response, years)
    names = list(drivers)
    x = np.column_stack([detrended(drivers[name], years) for name in names])
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ValueError("response and drivers need all years")
    if len(y) < 3 * (len(names) + 1):
        raise ValueError(f"{len(y)} years are too few for {len(names)} drivers")
    inflation = {}
    for place, name in enumerate(names):
        others = np.delete(x, place, axis=1)
        left = x[:, place] - others @ np.linalg.lstsq(others, x[:, place], rcond=None)[0] if others.size else x[:, place]
        square = float(left @ left)
        inflation[name] = float(x[:, place] @ x[:, place]) / square if square > 0.0 else np.inf
    worst = max(inflation, key=lambda name: inflation[name])
    if inflation[worst] >= largest_inflation:
        raise ValueError(f"the drivers are collinear: variance inflation of {worst!r} is {inflation[worst]:.3g}, limit "
                         f"{largest_inflation:g}; leave one out, or use factorial runs")
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ slopes
    return DriverSensitivity(dict(zip(names, slopes.tolist())), inflation, 1.0 - float(left @ left) / float(y @ y))
