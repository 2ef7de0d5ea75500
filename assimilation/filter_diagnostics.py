"""Is a filter as sure as it may be? Innovations against their expected size, ranks of observations, spread against error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def innovation_chi_square(innovation: ArrayLike, predicted_covariance: ArrayLike, error_variance: ArrayLike) -> float:
    """Mean of d' (P + R)^-1 d per observation: 1 if predictions and errors are as uncertain as they claim.

    `innovation` (T, m) with NaN for no observation, `predicted_covariance` (T, m, m), `error_variance` (T, m), all in the
    observations' unit. Above 1 the filter is too sure, below too unsure; 0.8 to 1.2 is well. NaN without observations.
    """
    innovations, covariances = np.atleast_2d(innovation), np.asarray(predicted_covariance, np.float64)
    errors = np.broadcast_to(error_variance, innovations.shape)
    total, count = 0.0, 0
    for d, p, r in zip(innovations, np.broadcast_to(covariances, (*innovations.shape, innovations.shape[1])), errors,
                       strict=True):
        seen = np.isfinite(d)
        if seen.any():
            total += float(d[seen] @ np.linalg.solve(p[np.ix_(seen, seen)] + np.diag(r[seen]), d[seen]))
            count += int(seen.sum())
    return total / count if count else float("nan")


@dataclass(frozen=True)
class RankHistogram:
    """How often an observation had 0, 1, .. N predictions below it, and the p value of equal chances (chi-square test)."""

    counts: NDArray[np.int64]
    p_value: float


def rank_histogram(predicted: ArrayLike, observed: ArrayLike, error_variance: ArrayLike = 0.0,
                   seed: int | np.random.Generator = 0, bins: int | None = None) -> RankHistogram:
    """Ranks of observations (T, m) among predictions (T, N, m) to which errors of `error_variance` are added.

    `bins` merges neighbouring ranks (N + 1 by default); NaN observations do not count. Observations in sequence that
    are not independent make the p value too small.
    """
    from scipy.stats import chisquare

    values, truth = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
    noise = np.random.default_rng(seed).standard_normal(values.shape)
    values = values + np.sqrt(np.broadcast_to(error_variance, truth.shape))[:, None, :] * noise
    members = values.shape[1]
    seen = np.isfinite(truth)
    ranks = (values < truth[:, None, :]).sum(1)[seen]
    edges = np.arange(members + 2) if bins is None else np.linspace(0, members + 1, bins + 1)
    counts = np.histogram(ranks, edges)[0]
    room = np.histogram(np.arange(members + 1), edges)[0]
    p_value = float(chisquare(counts, room / room.sum() * counts.sum()).pvalue) if len(ranks) else float("nan")
    return RankHistogram(counts, p_value)


@dataclass(frozen=True)
class SpreadSkill:
    """Root mean square `spread` and `error` of the ensemble mean, in the unit of the state."""

    spread: float
    error: float

    @property
    def ratio(self) -> float:
        """Spread over error: 1 if honest, below 1 too sure."""
        return self.spread / self.error


def spread_skill(ensemble: ArrayLike, truth: ArrayLike) -> SpreadSkill:
    """Compares an ensemble (T, N, n) with the truth (T, n); spread is that expected of the mean of N members."""
    values, true = np.asarray(ensemble, np.float64), np.asarray(truth, np.float64)
    members = values.shape[1]
    known = np.isfinite(true)
    variance = values.var(1, ddof=1) * (members + 1.0) / members
    return SpreadSkill(float(np.sqrt(variance[known].mean())), float(np.sqrt(np.mean((values.mean(1) - true)[known] ** 2))))
