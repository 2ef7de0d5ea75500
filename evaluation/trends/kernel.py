"""Theil-Sen slope and Mann-Kendall test of many series, compiled (Sen 1968; Mann 1945; Kendall 1975).

Serial correlation widens the variance of Kendall's S: with d = y - b t and the correlation r1 of successive d,

    rho = clip((n r1 + 2) / (n - 4), -0.5, 0.95),   var = var0 [1 + 2 sum_k (1 - k/n) rho^k] share(n, rho).

(n r1 + 2) / (n - 4) undoes the mean bias -(2 + 4 rho) / n that a regression of successive residuals about a trend has
(Marriott and Pope 1954; Kendall 1954); so r1 is the correlation over successive pairs, not the autocorrelation that
divides by all n squares, whose bias is larger. `share` brings the variance to that of S itself, and p and intervals follow
Student's t, since rho is estimated: see `serial_correlation`. Where years are missing the sum runs over the pairs there are,
1 + (2/n) sum_{i<j} rho^(t_j - t_i), which is the same without gaps; the share is then that of n years without gaps.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.trends.serial_correlation import (
    FEWEST_FREEDOM,
    LARGEST_RHO,
    NODE_STEP,
    QUANTILE_NODES,
    SMALLEST_RHO,
    shares_of_simple,
    student_p,
    student_quantiles,
)
from terraflux.model.weave.kernels import kernel

COLUMNS = ("slope", "lower_plain", "upper_plain", "lower", "upper", "kendall_s", "variance_plain", "variance", "lag_one",
           "rho", "p_plain", "p", "years", "intercept")
"""What `series_trends` gives for each series, in this order; `_plain` is without serial correlation."""


@numba.njit(error_model="numpy")
def _select(values: np.ndarray, first: int, last: int, rank: int) -> float:
    """The value of a rank (from 0) of values[first..last], which holds that rank; smaller ones move before it."""
    while first < last:
        middle = (first + last) // 2
        a, b, c = values[first], values[middle], values[last]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first - 1, last + 1
        while True:
            i += 1
            while values[i] < pivot:
                i += 1
            j -= 1
            while values[j] > pivot:
                j -= 1
            if i >= j:
                break
            values[i], values[j] = values[j], values[i]
        if rank <= j:
            last = j
        else:
            first = j + 1
    return values[rank]


@numba.njit(error_model="numpy")
def _at_position(values: np.ndarray, first: int, last: int, position: float) -> float:
    """Value at a position between ranks (from 0), linear in between; positions beyond the ends are the ends."""
    position = min(max(position, float(first)), float(last))
    rank = int(position)
    share = position - rank
    low = _select(values, first, last, rank)
    if share == 0.0:
        return low
    high = values[rank + 1]
    for index in range(rank + 2, last + 1):
        high = min(high, values[index])
    return low + share * (high - low)


@numba.njit(error_model="numpy")
def _tied_pairs(values: np.ndarray, n: int, work: np.ndarray) -> float:
    """sum t (t - 1) (2 t + 5) over groups of t equal values."""
    work[:n] = values[:n]
    ordered = np.sort(work[:n])
    total, run = 0.0, 1
    for index in range(1, n + 1):
        if index < n and ordered[index] == ordered[index - 1]:
            run += 1
        else:
            total += run * (run - 1.0) * (2.0 * run + 5.0)
            run = 1
    return total


@numba.njit(error_model="numpy")
def _inflation(rho: float, n: int, time: np.ndarray) -> float:
    """1 + (2/n) sum over pairs of rho^lag; over years without a gap, 1 + 2 sum_k (1 - k/n) rho^k."""
    total = 0.0
    if time[n - 1] - time[0] == n - 1:
        power = 1.0
        for k in range(1, n):
            power *= rho
            total += (1.0 - k / n) * power
        return 1.0 + 2.0 * total
    for j in range(1, n):
        for i in range(j):
            total += rho ** (time[j] - time[i])
    return 1.0 + 2.0 * total / n


@numba.njit(error_model="numpy")
def _between(table: np.ndarray, place: float) -> float:
    """Value of a table at a place between its numbers, by the cubic through the four around it."""
    first = min(max(int(place) - 1, 0), table.size - 4)
    x = place - first
    return (table[first] * (x - 1.0) * (x - 2.0) * (x - 3.0) / -6.0 + table[first + 1] * x * (x - 2.0) * (x - 3.0) / 2.0
            - table[first + 2] * x * (x - 1.0) * (x - 3.0) / 2.0 + table[first + 3] * x * (x - 1.0) * (x - 2.0) / 6.0)


@numba.njit(error_model="numpy")
def _two_sided(s: float, variance: float) -> float:
    """Two-sided p of Kendall's S with the correction for continuity; 1 where the variance vanishes (all values equal)."""
    if not variance > 0.0:
        return 1.0
    z = (abs(s) - 1.0) / math.sqrt(variance) if s != 0.0 else 0.0
    return math.erfc(z / math.sqrt(2.0))


@numba.njit(error_model="numpy")
def _lag_one(values: np.ndarray, time: np.ndarray, n: int) -> float:
    """Correlation of the values of successive years; 0 where there are too few or they do not vary."""
    pairs, before, after = 0, 0.0, 0.0
    for i in range(1, n):
        if time[i] - time[i - 1] == 1.0:
            pairs += 1
            before += values[i - 1]
            after += values[i]
    if pairs < 3:
        return 0.0
    before /= pairs
    after /= pairs
    product, square_before, square_after = 0.0, 0.0, 0.0
    for i in range(1, n):
        if time[i] - time[i - 1] == 1.0:
            a, b = values[i - 1] - before, values[i] - after
            product += a * b
            square_before += a * a
            square_after += b * b
    scale = math.sqrt(square_before * square_after)
    return product / scale if scale > 0.0 else 0.0


@numba.njit(error_model="numpy")
def _one_series(y: np.ndarray, time: np.ndarray, n: int, quantile: float, intervals: bool, shares: np.ndarray,
                quantiles: np.ndarray, slopes: np.ndarray, work: np.ndarray, out: np.ndarray) -> float:
    """Fills `out` but for p; returns the degrees of freedom of its distribution."""
    count, s, tied = 0, 0, False
    whole = time[n - 1] - time[0] == n - 1
    for lag in range(1, n):
        if whole:
            length = float(lag)
            for i in range(n - lag):
                step = y[i + lag] - y[i]
                slopes[count + i] = step / length
                s += (step > 0.0) - (step < 0.0)
                tied |= step == 0.0
        else:
            for i in range(n - lag):
                step = y[i + lag] - y[i]
                slopes[count + i] = step / (time[i + lag] - time[i])
                s += (step > 0.0) - (step < 0.0)
                tied |= step == 0.0
        count += n - lag
    half = (count - 1) // 2
    slope = _select(slopes, 0, count - 1, half)
    if count % 2 == 0:
        above = slopes[half + 1]
        for index in range(half + 2, count):
            above = min(above, slopes[index])
        slope = 0.5 * (slope + above)
    variance_plain = n * (n - 1.0) * (2.0 * n + 5.0)
    if tied:
        variance_plain -= _tied_pairs(y, n, work)
    variance_plain /= 18.0
    for i in range(n):
        work[i] = y[i] - slope * (time[i] - time[0])
    lag_one = _lag_one(work, time, n)
    rho = min(max((n * lag_one + 2.0) / (n - 4.0), SMALLEST_RHO), LARGEST_RHO)
    inflation = _inflation(rho, n, time) * _between(shares, (rho - SMALLEST_RHO) / NODE_STEP)
    variance = variance_plain * inflation
    freedom = max(min(n, n / inflation) - 2.0, FEWEST_FREEDOM)
    out[0] = slope
    if intervals:
        plain = 0.5 * quantile * math.sqrt(variance_plain)
        wide = 0.5 * _between(quantiles, (QUANTILE_NODES - 1) * FEWEST_FREEDOM / freedom) * math.sqrt(variance)
        # What is selected first parts its side in two, and the narrower interval lies inside.
        for place, reach in ((3, wide), (1, plain)) if wide >= plain else ((1, plain), (3, wide)):
            outer = max(wide, plain)
            below = min(max(int(0.5 * count - outer - 1.0), 0), half) if reach < outer else 0
            above = max(min(int(0.5 * count + outer), count - 1), half) if reach < outer else count - 1
            if int(0.5 * count + reach) >= above:
                above = count - 1
            out[place] = _at_position(slopes, below, half, 0.5 * count - reach - 1.0)
            out[place + 1] = _at_position(slopes, half, above, 0.5 * count + reach)
    out[5] = s
    out[6] = variance_plain
    out[7] = variance
    out[8] = lag_one
    out[9] = rho
    out[10] = _two_sided(s, variance_plain)
    out[12] = n
    work[:n] = y[:n] - slope * time[:n]
    out[13] = _at_position(work, 0, n - 1, 0.5 * (n - 1.0))
    return freedom


def series_trends(values: NDArray[np.float64], years: NDArray[np.float64], least: int, quantile: float, intervals: bool
                  ) -> NDArray[np.float64]:
    """Trends of series [series, year] on whole years (float64, increasing): [series, COLUMNS].

    NaN years are left out; a series with fewer than `least` (at least 5) years is NaN but for its count. `quantile` is that of
    the normal distribution for the confidence intervals, which are NaN without `intervals`.
    """
    counts = np.isfinite(values).sum(axis=1)
    out, freedom = _compiled(values, years, least, quantile, intervals, shares_of_simple(counts, least),
                             student_quantiles(quantile))
    out[:, COLUMNS.index("p")] = student_p(out[:, COLUMNS.index("kendall_s")], out[:, COLUMNS.index("variance")], freedom)
    return np.asarray(out)


@kernel
def _compiled(values: np.ndarray, years: np.ndarray, least: int, quantile: float, intervals: bool, shares: np.ndarray,
              quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All columns but p, and the degrees of freedom of every series."""
    rows, length = values.shape
    out = np.full((rows, len(COLUMNS)), np.nan)
    freedom = np.full(rows, np.nan)
    slopes = np.empty(length * (length - 1) // 2)
    y, time, work = np.empty(length), np.empty(length), np.empty(length)
    for row in range(rows):
        n = 0
        for i in range(length):
            if np.isfinite(values[row, i]):
                y[n] = values[row, i]
                time[n] = years[i]
                n += 1
        if n < least:
            out[row, 12] = n
        else:
            freedom[row] = _one_series(y, time, n, quantile, intervals, shares[n], quantiles, slopes, work, out[row])
    return out, freedom
