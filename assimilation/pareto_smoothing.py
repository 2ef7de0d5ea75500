"""Is an approximate posterior good enough? Pareto-smoothed importance sampling (Vehtari et al. 2024, JMLR 25(72)).

Draws from a heavy-tailed proposal are weighted by the true posterior. The largest weights are fitted with a generalised
Pareto distribution (Zhang and Stephens 2009, Technometrics 51, 316) and replaced by its expected order statistics; its shape
k tells whether the weights can be trusted. A good k alone is not enough: too few draws may carry all weight.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.laplace import LaplacePosterior

Floats = NDArray[np.float64]

LARGEST_SHAPE = 0.7
"""Pareto k from which importance weights are not to be trusted."""
SMALLEST_SAMPLE = 400.0
"""Effective draws that a posterior needs."""
FREEDOM, INFLATION = 5.0, 1.1
"""Degrees of freedom and inflation of covariance of the proposal."""
PRIOR_COUNT, PRIOR_SHAPE = 10.0, 0.5
"""The shape is drawn towards PRIOR_SHAPE as by so many data (Vehtari et al. 2024, appendix)."""


def generalised_pareto(exceedances: ArrayLike) -> tuple[float, float]:
    """Shape k and scale of the generalised Pareto distribution of exceedances (> 0) over a threshold.

    The posterior mean of Zhang and Stephens (2009), with the weak prior on k of Vehtari et al. (2024).

    >>> shape, scale = generalised_pareto(-2.0 * np.log(1.0 - (np.arange(1000) + 0.5) / 1000))  # exponential, mean 2
    >>> abs(shape) < 0.05, abs(scale - 2.0) < 0.1
    (True, True)
    """
    x = np.sort(np.asarray(exceedances, np.float64))
    count = x.size
    if count < 5 or not np.all(np.isfinite(x)) or x[-1] <= 0.0:
        raise ValueError(f"a Pareto tail needs at least 5 finite exceedances above 0; these are {count}")
    quartile = x[int(count / 4.0 + 0.5) - 1]
    if quartile <= 0.0:
        quartile = max(float(x[x > 0.0][0]), 1e-300)
    grid = 30 + int(np.sqrt(count))
    trial = 1.0 / x[-1] + (1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3.0 * quartile)
    trial = trial[trial != 0.0]
    shape = np.log1p(-trial[:, np.newaxis] * x).mean(axis=1)
    profile = count * (np.log(-trial / shape) - shape - 1.0)
    weight = np.exp(profile - profile.max())
    rate = float(trial @ weight / weight.sum())
    if rate == 0.0:
        rate = 1e-12 / x[-1]
    found = float(np.log1p(-rate * x).mean())
    scale = -found / rate
    return (found * count + PRIOR_SHAPE * PRIOR_COUNT) / (count + PRIOR_COUNT), scale


def smoothed_weights(log_ratios: ArrayLike) -> tuple[Floats, float]:
    """Normalised weights (S,) and Pareto k from log importance ratios (S,); a ratio of -inf gets the weight 0.

    k is inf when fewer than 5 draws make up the tail; then weights are not smoothed.
    """
    ratios = np.asarray(log_ratios, np.float64)
    if ratios.ndim != 1 or not np.any(np.isfinite(ratios)) or np.any(np.isnan(ratios)) or np.any(ratios == np.inf):
        raise ValueError("log importance ratios must be one row, none NaN or +inf, and some of them finite")
    logarithm = ratios - ratios.max()
    count = logarithm.size
    tail = int(np.ceil(min(0.2 * count, 3.0 * np.sqrt(count))))
    order = np.argsort(logarithm, kind="stable")
    largest = order[count - tail :]
    threshold = max(float(logarithm[order[count - tail - 1]]), -700.0) if count > tail else -700.0
    shape = np.inf
    if tail >= 5:
        exceedances = np.maximum(np.exp(logarithm[largest]) - np.exp(threshold), 0.0)
        if exceedances[-1] <= np.finfo(float).eps * np.exp(threshold):
            shape = -np.inf  # all weights in the tail are the same
        elif np.sum(exceedances > 0.0) >= 5:
            shape, scale = generalised_pareto(exceedances)
            place = (np.arange(tail) + 0.5) / tail
            quantile = scale * (np.expm1(-shape * np.log1p(-place)) / shape if abs(shape) > 1e-12 else -np.log1p(-place))
            logarithm = logarithm.copy()
            logarithm[largest] = np.minimum(np.log(quantile + np.exp(threshold)), 0.0)
    weight = np.exp(logarithm - logarithm.max())
    return weight / weight.sum(), float(shape)


@dataclass(frozen=True)
class ImportanceCheck:
    """Weighted draws of the posterior and whether they suffice.

    `draws` (S, p), `weights` (S,) of sum 1, their Pareto `shape` k and `effective_size` 1/sum(w^2); `log_posterior` (S,) of
    the draws; `failed` replicas of weight 0; `runs` of the model; `sufficient`: no sampling is needed; `message` in words.
    """

    draws: Floats
    weights: Floats
    log_posterior: Floats
    shape: float
    effective_size: float
    failed: int
    runs: int
    sufficient: bool
    message: str

    @property
    def status(self) -> str:
        """ "converged" if the weighted draws suffice, else "not_converged"."""
        return "converged" if self.sufficient else "not_converged"

    def mean(self) -> Floats:
        """Weighted mean (p,)."""
        return np.asarray(self.weights @ self.draws)

    def covariance(self) -> Floats:
        """Weighted covariance (p, p)."""
        gap = self.draws - self.mean()
        return np.asarray((gap * self.weights[:, np.newaxis]).T @ gap)

    def resample(self, count: int, seed: int | np.random.Generator) -> Floats:
        """Draws (count, p) of equal weight, by systematic resampling."""
        random = np.random.default_rng(seed)
        places = (np.arange(count) + random.random()) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), places), self.weights.size - 1)
        return self.draws[random.permutation(chosen)]


def importance_check(
    log_density: Callable[[Floats], Floats],
    posterior: LaplacePosterior,
    draws: int = 1000,
    seed: int | np.random.Generator = 0,
    smallest_sample: float = SMALLEST_SAMPLE,
) -> ImportanceCheck:
    """Weighs draws from t_5(mean, 1.1 covariance) of `posterior` by a batched log density; `draws` runs.

    Sufficient if k < 0.7 and at least `smallest_sample` effective draws remain; else sampling is needed.
    """
    u = posterior.draws(draws, seed, INFLATION, FREEDOM)
    values = np.asarray(log_density(u), np.float64)
    values = np.where(np.isfinite(values), values, -np.inf)
    failed = int(np.sum(~np.isfinite(values)))
    if failed == draws:
        nothing = np.full(draws, 1.0 / draws)
        return ImportanceCheck(u, nothing, values, np.inf, 0.0, failed, draws, False, "every draw of the proposal failed")
    weights, shape = smoothed_weights(values - posterior.log_density(u, INFLATION, FREEDOM))
    effective = float(1.0 / np.sum(weights**2))
    good = bool(shape < LARGEST_SHAPE and effective >= smallest_sample)
    message = f"Pareto k {shape:.2f} (below {LARGEST_SHAPE} is good), {effective:.0f} effective of {draws} draws"
    message += "" if good else f" (at least {smallest_sample:.0f} wanted): sample the posterior"
    if failed:
        message += f"; {failed} draws failed in the model"
    return ImportanceCheck(u, weights, values, shape, effective, failed, draws, good, message)
