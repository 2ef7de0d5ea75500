"""Smoothing of a series of uncertain estimates by a Gaussian process: the temperature sensitivity across windows.

Estimates y_i at positions x_i with standard errors s_i are taken as mu + g(x_i) + error, g a Gaussian process with covariance

    variance exp(-((x - x') / scale)^2)

and errors of variance c s_i^2. The mean mu, variance, scale and the multiplier c maximise the likelihood (Rasmussen and
Williams 2006, Gaussian Processes for Machine Learning, ch. 5; used for E0 by Wutzler et al. 2018 Biogeosciences 15:5015).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize

Floats = NDArray[np.float64]


def _profile(logs: Floats, distance2: Floats, value: Floats, error2: Floats, free_multiplier: bool):
    """(negative log likelihood, factor, mean, variance, noise ratio): mean and variance at their best for the given logs.

    The covariance is variance (exp(-d^2 / scale^2) + ratio error2): with a free multiplier the ratio is one of the
    parameters and the variance has its closed form; else variance is one and the ratio is 1 / variance.
    """
    n = value.size
    ratio = np.exp(logs[1])
    matrix = np.exp(-distance2 * np.exp(-2.0 * logs[0])) + np.diag(ratio * error2)
    matrix[np.diag_indices(n)] += 1e-9
    factor = cho_factor(matrix, lower=True)
    ones = cho_solve(factor, np.ones(n))
    mean = float(ones @ value / ones.sum())
    rest = value - mean
    form = float(rest @ cho_solve(factor, rest))
    determinant = 2.0 * np.log(np.diag(factor[0])).sum()
    if free_multiplier:
        variance = form / n
        return 0.5 * (n * np.log(variance) + determinant + n), factor, mean, variance
    variance = 1.0 / ratio
    return 0.5 * (n * np.log(variance) + determinant + form / variance), factor, mean, variance


def smoothed(
    position: Floats, value: Floats, error: Floats, at: Floats, *, free_multiplier: bool = True
) -> tuple[Floats, Floats]:
    """(mean, standard deviation) of the smooth curve at the positions `at`, in the unit of `value`.

    NaN estimates or errors that are not positive are left out. With fewer than four estimates, or where they do not vary,
    the mean weighted by 1 / error^2 stands everywhere; with none the result is NaN.
    """
    usable = np.isfinite(value) & np.isfinite(error) & (error > 0.0)
    x, y, e = position[usable], value[usable], error[usable]
    if y.size == 0:
        return np.full(at.shape, np.nan), np.full(at.shape, np.nan)
    weight = 1.0 / e**2
    if y.size < 4 or np.ptp(y) == 0.0:
        mean = float(np.average(y, weights=weight))
        return np.full(at.shape, mean), np.full(at.shape, float(np.sqrt(1.0 / weight.sum())))
    distance2 = (x[:, None] - x[None, :]) ** 2
    step = float(np.median(np.diff(np.unique(x))))
    span = float(np.ptp(x))
    spread = float(np.var(y))
    error2 = e**2

    def objective(logs: Floats) -> float:
        try:
            return float(_profile(logs, distance2, y, error2, free_multiplier)[0])
        except LinAlgError:
            return 1e10

    bounds = [(np.log(step), np.log(3.0 * span)), (np.log(1e-4 / spread), np.log(1e4 / spread))]
    starts = [np.array([np.log(length), -np.log(spread)]) for length in np.geomspace(2.0 * step, span, 4)]
    tries = [minimize(objective, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(tries, key=lambda found: found.fun).x
    _, factor, mean, variance = _profile(best, distance2, y, error2, free_multiplier)
    cross = np.exp(-((at[:, None] - x[None, :]) ** 2) * np.exp(-2.0 * best[0]))
    smooth = mean + cross @ cho_solve(factor, y - mean)
    left = 1.0 - np.einsum("ij,ji->i", cross, cho_solve(factor, cross.T))
    return smooth, np.sqrt(variance * np.maximum(left, 0.0))
