"""Trends of yearly series and maps: Theil-Sen slope, Mann-Kendall p with and without serial correlation.

    one = trend(totals, years)                    # one.slope, one.p, one.p_plain, one.interval
    fields = trend_map(yearly, years)             # arrays of the shape of the map
    difference = trend_difference(ours, theirs, years)

Both p values are always given. The plain one takes years as independent and rejects far too often where they are not:
of series of 34 years without a trend and with the lag-one correlation 0.5 it calls 23 % significant at 5 %, the other 5 %.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.evaluation.trends.kernel import COLUMNS, series_trends

LEAST_YEARS = 10
FEWEST_YEARS = 5
"""The correction of the lag-one correlation divides by n - 4."""


@dataclass(frozen=True)
class Trend:
    """A trend, or a map of them: floats or arrays of one shape; slopes in the unit of the values per year.

    `p`, `lower`, `upper` allow for serial correlation and for its being estimated, `p_plain`, `lower_plain`, `upper_plain` do
    not. `intercept` is the median of y - slope t, so that intercept + slope t is the line. NaN where there are too few years.
    """

    slope: NDArray[np.float64] | float
    lower: NDArray[np.float64] | float
    upper: NDArray[np.float64] | float
    p: NDArray[np.float64] | float
    lower_plain: NDArray[np.float64] | float
    upper_plain: NDArray[np.float64] | float
    p_plain: NDArray[np.float64] | float
    kendall_s: NDArray[np.float64] | float
    variance: NDArray[np.float64] | float
    variance_plain: NDArray[np.float64] | float
    lag_one: NDArray[np.float64] | float
    rho: NDArray[np.float64] | float
    years: NDArray[np.float64] | float
    intercept: NDArray[np.float64] | float

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the slope of one series, serial correlation allowed for."""
        return float(self.lower), float(self.upper)

    def per_mean(self, mean: ArrayLike) -> NDArray[np.float64]:
        """The slope as % of a mean per year; NaN where that is nought."""
        whole = np.asarray(mean, dtype=float)
        empty = np.full(np.broadcast(self.slope, whole).shape, np.nan)
        return 100.0 * np.divide(self.slope, whole, out=empty, where=whole != 0.0)


def trend(values: ArrayLike, years: ArrayLike, confidence: float = 0.95, least_years: int = LEAST_YEARS) -> Trend:
    """Trend of one series (any unit, NaN = missing) on whole years.

    Raises ValueError where years are not whole and increasing, lengths differ, or there are fewer than `least_years`
    values: a map leaves such cells empty, a single series is an answer someone waits for.

    >>> trend([3.0, 5.0, 4.0, 6.0, 8.0, 7.0, 9.0, 11.0, 10.0, 12.0], range(2001, 2011)).slope
    1.0
    """
    series = np.asarray(values, dtype=float)
    if series.ndim != 1:
        raise ValueError(f"one series has one dimension, not {series.ndim}; use trend_map for fields")
    found = trend_map(series, years, confidence, least_years)
    if found.years < least_years:
        raise ValueError(f"the series has {int(found.years)} years with values and a trend needs {least_years}; "
                         "give more years, or a smaller least_years")
    return Trend(**{one.name: float(getattr(found, one.name)) for one in fields(Trend)})


def trend_map(values: ArrayLike, years: ArrayLike, confidence: float = 0.95, least_years: int = LEAST_YEARS,
              threads: int = 1) -> Trend:
    """Trends of fields [year, ...]: arrays of the remaining shape. NaN years are left out cell by cell.

    The result does not depend on `threads`. Raises ValueError as `trend` does, but not for short series.
    """
    field = np.asarray(values, dtype=float)
    time = checked_years(years, field.shape[0] if field.ndim else 0)
    if least_years < FEWEST_YEARS:
        raise ValueError(f"least_years is {least_years}; the test needs at least {FEWEST_YEARS}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"the confidence is {confidence}; it lies between 0 and 1")
    from scipy.special import ndtri

    rows = np.ascontiguousarray(field.reshape(field.shape[0], -1).T)
    quantile = float(ndtri(0.5 + 0.5 * confidence))
    blocks = np.array_split(rows, max(1, min(threads, rows.shape[0])))
    if len(blocks) == 1:
        found = series_trends(rows, time, least_years, quantile, True)
    else:
        from concurrent.futures import ThreadPoolExecutor

        series_trends(rows[:0], time, least_years, quantile, True)  # compiled once, not by every thread
        with ThreadPoolExecutor(len(blocks)) as pool:
            parts = pool.map(lambda block: series_trends(block, time, least_years, quantile, True), blocks)
            found = np.concatenate(list(parts))
    shape = field.shape[1:]
    columns = {name: found[:, place].reshape(shape) for place, name in enumerate(COLUMNS)}
    return Trend(**columns)


def trend_difference(first: ArrayLike, second: ArrayLike, years: ArrayLike, confidence: float = 0.95,
                     least_years: int = LEAST_YEARS) -> Trend:
    """Trend of first minus second on the years both have (one unit), by the same test: do two products differ in trend?

    Weather that both share cancels, which makes it sharper than a look at whether two intervals overlap.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape:
        raise ValueError(f"the series have the shapes {one.shape} and {other.shape}; bring them to one grid and period first")
    tested = trend if one.ndim == 1 else trend_map
    return tested(one - other, years, confidence, least_years)


def interval_overlap(first: Trend, second: Trend) -> float:
    """Share (0..1) of the shorter of two confidence intervals that lies within the other; 0 where they are apart."""
    low, high = max(float(first.lower), float(second.lower)), min(float(first.upper), float(second.upper))
    shorter = min(float(first.upper) - float(first.lower), float(second.upper) - float(second.lower))
    if shorter <= 0.0:
        return float(high >= low)
    return max(0.0, high - low) / shorter


def checked_years(years: ArrayLike, length: int) -> NDArray[np.float64]:
    """Whole, increasing years as float64. Raises ValueError where they are not, or not as many as values."""
    time = np.asarray(years, dtype=float)
    if time.shape != (length,):
        raise ValueError(f"there are {time.size} years and {length} yearly values")
    if not np.all(np.isfinite(time)) or np.any(time != np.round(time)) or np.any(np.diff(time) <= 0.0):
        raise ValueError("years must be whole numbers that increase, such as 1979, 1980, ...; "
                         "average other steps to years first")
    return time
