"""What first-order autoregression does to the Mann-Kendall test: the variance of S, and how well it is known.

Variance. Where y is Gaussian with the lag-one correlation rho, a pair's sign has the covariance (2/pi) asin r with another
pair's, r the correlation of the two differences (Sheppard 1899), so that over all pairs i < j, k < l

    var S = sum (2/pi) asin r,   r = (c[j-l] - c[i-l] - c[j-k] + c[i-k]) / (2 sqrt((1 - c[j-i]) (1 - c[l-k]))),   c[m] = rho^|m|

(Hamed 2008, J. Hydrology 349:350; 2009, 365:86). It is n (n - 1) (2 n + 5) / 18 for rho = 0, and less than the variance of a
mean would suggest, 1 + 2 sum_k (1 - k/n) rho^k: by 16 % for 34 years and rho = 0.7. `shares_of_simple` is the ratio.

Reference. rho is estimated from the few years at hand; as for slopes of least squares, Student's t with n_e - 2 degrees of
freedom stands for the normal distribution, n_e = n / inflation the number of independent years (Santer et al. 2000,
J. Geophys. Res. 105:7337).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel

Floats = NDArray[np.float64]
SMALLEST_RHO, LARGEST_RHO = -0.5, 0.95
NODE_STEP = 0.025
NODES = 59  # of rho, from the smallest to the largest
LONGEST = 100  # years; the ratio of longer series is taken as theirs
FEWEST_FREEDOM = 3.0  # degrees, so that a few strongly correlated years still have a distribution with a variance
QUANTILE_NODES = 34  # of 1 / degrees of freedom, from 0 to 1 / FEWEST_FREEDOM


@kernel
def variance_of_kendall(n: int, rho: float) -> float:
    """Variance of Kendall's S of n successive Gaussian values with the lag-one correlation rho (-1 < rho < 1)."""
    c = np.empty(2 * n)
    for lag in range(2 * n):
        c[lag] = rho**lag
    total = 0.0
    for a in range(1, n):
        for b in range(1, n):
            scale = 2.0 * math.sqrt((1.0 - c[a]) * (1.0 - c[b]))
            for d in range(1 - b - n, n):
                count = min(n - a, n - b - d) - max(0, -d)
                if count > 0:
                    r = (c[abs(a - d - b)] - c[abs(d + b)] - c[abs(a - d)] + c[abs(d)]) / scale
                    total += count * math.asin(min(max(r, -1.0), 1.0))
    return 2.0 / math.pi * total


@lru_cache(maxsize=512)
def _shares(n: int) -> tuple[float, ...]:
    plain = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0
    lag = np.arange(1, n)
    found = []
    for node in range(NODES):
        rho = SMALLEST_RHO + NODE_STEP * node
        found.append(variance_of_kendall(n, rho) / (plain * (1.0 + 2.0 * float(np.sum((1.0 - lag / n) * rho**lag)))))
    return tuple(found)


def shares_of_simple(counts: NDArray[np.int64], least: int) -> Floats:
    """[n, node of rho]: variance of S over n years as a share of var0 [1 + 2 sum_k (1 - k/n) rho^k], for every n that occurs in
    `counts` and is not below `least`; other rows are NaN."""
    table = np.full((int(counts.max(initial=0)) + 1, NODES), np.nan)
    for n in np.unique(counts[counts >= least]).tolist():
        table[n] = _shares(min(n, LONGEST))
    return table


@lru_cache(maxsize=64)
def _quantiles(quantile: float) -> tuple[float, ...]:
    from scipy.special import ndtr, stdtrit

    share = float(ndtr(quantile))
    inverse = np.linspace(0.0, 1.0 / FEWEST_FREEDOM, QUANTILE_NODES)[1:]
    return (quantile, *(float(value) for value in stdtrit(1.0 / inverse, share)))


def student_quantiles(quantile: float) -> Floats:
    """Quantiles of Student's t that stand for a `quantile` of the normal distribution, by 1 / degrees of freedom."""
    return np.array(_quantiles(quantile))


def student_p(kendall_s: Floats, variance: Floats, freedom: Floats) -> Floats:
    """Two-sided p of Kendall's S with the correction for continuity; 1 where the variance vanishes, NaN where S is."""
    from scipy.special import stdtr

    known = variance > 0.0
    z = np.maximum(np.abs(kendall_s) - 1.0, 0.0) / np.sqrt(np.where(known, variance, 1.0))
    p = np.where(known, 2.0 * stdtr(np.where(known, freedom, 1.0), -z), 1.0)
    return np.asarray(np.where(np.isnan(kendall_s), np.nan, p))
