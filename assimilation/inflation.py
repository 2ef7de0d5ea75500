"""Inflation: widening an ensemble that is too sure of itself.

Either by a fixed factor, or by one factor for each state that learns from how far observations fall from predictions
(Anderson 2009, Tellus 61A, 72): a normal distribution of the factor is updated by the likelihood of each departure,
through the correlation of the state with what is observed. The ensemble is widened before the analysis.
"""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LEAST_VARIANCE = 1e-30


class Inflation(Protocol):
    """What widens an ensemble (..., N, n) and learns from its departures."""

    def widen(self, ensemble: Floats) -> Floats:
        """The ensemble with its anomalies enlarged."""

    def learn(self, ensemble: Floats, predicted: Floats, observed: Floats, variance: Floats, taper: Floats | None) -> None:
        """Takes note of an ensemble before widening, its predictions (..., N, m) and the observations (..., m)."""

    @property
    def factor(self) -> Floats:
        """Present factor of the variance."""


class FixedInflation:
    """Anomalies times `factor_of_spread` (1.013 say), which is the square root of the factor of the variance."""

    def __init__(self, factor_of_spread: float = 1.0) -> None:
        if not factor_of_spread > 0.0:
            raise ValueError(f"inflation by {factor_of_spread}; the factor must be above zero")
        self._spread = float(factor_of_spread)

    def widen(self, ensemble: Floats) -> Floats:
        """The ensemble with its anomalies enlarged."""
        mean = ensemble.mean(-2, keepdims=True)
        return mean + self._spread * (ensemble - mean)

    def learn(self, ensemble: Floats, predicted: Floats, observed: Floats, variance: Floats, taper: Floats | None) -> None:
        """A fixed factor learns nothing."""

    @property
    def factor(self) -> Floats:
        """Factor of the variance."""
        return np.array(self._spread**2)


class AdaptiveInflation:
    """A factor of the variance for each state, which follows the departures (Anderson 2009).

    `start` is the first factor and `spread` its standard deviation; the latter shrinks as departures come in, down to
    `least_spread` (the same value keeps it, so that the factor never stops to learn). After each analysis the factor
    falls back towards 1 by `damping` (1 for not at all), or states that no
    observation reaches would be widened without end. It stays within `bounds`.
    """

    def __init__(self, start: float = 1.05, spread: float = 0.1, *, least_spread: float = 0.1, damping: float = 0.9,
                 bounds: tuple[float, float] = (1.0, 10.0)) -> None:
        if not (0.0 < bounds[0] <= start <= bounds[1] and 0.0 < least_spread <= spread and 0.0 < damping <= 1.0):
            raise ValueError(f"adaptive inflation needs 0 < {bounds[0]} <= start {start} <= {bounds[1]}, "
                             f"0 < least_spread {least_spread} <= spread {spread} and a damping {damping} in (0, 1]")
        self._factor, self._spread = np.array(float(start)), np.array(float(spread))
        self.least_spread, self.damping, self.bounds = least_spread, damping, bounds

    @property
    def factor(self) -> Floats:
        """Factor of the variance, one for each state once an ensemble has been seen."""
        return self._factor

    @property
    def spread(self) -> Floats:
        """Standard deviation of the factor."""
        return self._spread

    def widen(self, ensemble: Floats) -> Floats:
        """The ensemble with its anomalies enlarged."""
        mean = ensemble.mean(-2, keepdims=True)
        return mean + np.sqrt(np.broadcast_to(self._factor, mean[..., 0, :].shape))[..., None, :] * (ensemble - mean)

    def learn(self, ensemble: Floats, predicted: Floats, observed: Floats, variance: Floats, taper: Floats | None) -> None:
        """Updates the factors by each observation in turn; NaN is no observation."""
        shape = (*ensemble.shape[:-2], ensemble.shape[-1])
        factor, spread = np.broadcast_to(self._factor, shape).copy(), np.broadcast_to(self._spread, shape).copy()
        anomalies = ensemble - ensemble.mean(-2, keepdims=True)
        centre = predicted.mean(-2)
        departures = predicted - centre[..., None, :]
        state_variance = (anomalies**2).mean(-2)
        variances = np.broadcast_to(variance, observed.shape)
        for one in range(observed.shape[-1]):
            prior = (departures[..., one] ** 2).sum(-1) / (ensemble.shape[-2] - 1)
            share = (anomalies * departures[..., one, None]).mean(-2)
            share = np.abs(share) / np.sqrt(np.maximum(state_variance * (departures[..., one] ** 2).mean(-1)[..., None],
                                                       LEAST_VARIANCE))
            share = np.minimum(share, 1.0) if taper is None else np.minimum(share, 1.0) * taper[:, one]
            distance = (observed[..., one] - centre[..., one])[..., None]
            seen = np.isfinite(distance) & (prior[..., None] > 0.0)
            distance = np.where(seen, distance, 0.0)
            new, narrower = updated_factor(factor, spread, distance, prior[..., None], variances[..., one, None], share)
            factor = np.where(seen, np.clip(new, *self.bounds), factor)
            spread = np.where(seen, np.clip(narrower, self.least_spread, spread), spread)
        self._factor = np.clip(1.0 + self.damping * (factor - 1.0), *self.bounds)
        self._spread = spread


def _log_likelihood(factor: Floats, distance: Floats, prior: Floats, error: Floats, share: Floats) -> Floats:
    total = (1.0 + share * (np.sqrt(factor) - 1.0)) ** 2 * prior + error
    return -0.5 * (np.log(total) + distance**2 / total)


def updated_factor(factor: ArrayLike, spread: ArrayLike, distance: ArrayLike, prior: ArrayLike, error: ArrayLike,
                   share: ArrayLike) -> tuple[Floats, Floats]:
    """Most likely factor, and its standard deviation, after one departure (Anderson 2009, section 3).

    A state with the correlation `share` to the observed quantity expects squared departures of
    (1 + share (sqrt(factor) - 1))^2 prior + error. The likelihood is made linear about the present factor, which
    leaves a quadratic equation; the standard deviation is that of a normal density with the same fall one standard
    deviation further, and never grows. `prior` and `error` are variances of prediction and observation.
    """
    f, s, d, p, e, g = (np.asarray(a, np.float64) for a in (factor, spread, distance, prior, error, share))
    root = np.sqrt(f)
    scale = 1.0 + g * (root - 1.0)
    total = scale**2 * p + e
    slope = 0.5 * (d**2 / total - 1.0) / total * scale * g / root * p  # of the log likelihood
    new = f + 2.0 * slope * s**2 / (1.0 + np.sqrt(1.0 + 4.0 * (slope * s) ** 2))
    new = np.maximum(new, 1e-6)

    def log_density(at: Floats) -> Floats:
        return _log_likelihood(at, d, p, e, g) - 0.5 * ((at - f) / s) ** 2

    fall = log_density(new) - log_density(new + s)
    return new, np.where(fall > 0.5, s / np.sqrt(2.0 * np.maximum(fall, 0.5)), s)
