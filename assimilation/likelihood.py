"""The likelihood on the host: the same terms as those fused in the time loop, from modelled values at observation times.

It serves mixtures of columns, whose values are known only when all of them have run, pointwise terms for predictive
densities, and estimates of the noise of streams at fixed parameters, which need no run of the model. Each term is

    model(e_i) + ln(variance_i (1 - phi^2k))/2,   e_i = (z_i - phi^k z_(i-1)) / (1 - phi^2k)^1/2,
    z_i = (h_i - y_i) / variance_i^1/2

with variance (scale sigma)^2 + extra_sigma^2 and k intervals since the observation before (spec: AR(1) over gaps).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.assimilation.residuals import LONGEST_MEMORY, negative_log_density

Floats = NDArray[np.float64]
LEAST_CORRELATION = 1e-300


def slices_of(streams: Sequence[ObservedStream]) -> dict[str, slice]:
    """Where each stream lies in the row of all observations."""
    ends = np.cumsum([0, *(one.observed.size for one in streams)])
    return {one.name: slice(int(ends[k]), int(ends[k + 1])) for k, one in enumerate(streams)}


def standardised(stream: ObservedStream, predicted: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Residuals, modelled less observed, over their standard deviation (R, n), and the variance (R, n)."""
    variance = (scale[:, None] * stream.sigma) ** 2 + stream.extra_sigma**2
    return (predicted - stream.observed) / np.sqrt(variance), variance


def memory_of(stream: ObservedStream, correlation: Floats) -> Floats:
    """phi^k between each observation and the one before (R, n); 0 for the first and across long gaps."""
    linked = (stream.intervals > 0.0) & (stream.intervals <= LONGEST_MEMORY)
    exponent = np.where(linked, stream.intervals, 1.0)
    return np.where(linked, np.maximum(correlation, LEAST_CORRELATION)[:, None] ** exponent, 0.0)


def stream_terms(stream: ObservedStream, predicted: Floats, noise: Mapping[str, Floats]) -> Floats:
    """Terms of the negative log-likelihood (R, n), without the weights of the observations.

    predicted: modelled observations (R, n), factors applied. noise: `scale` and `correlation`, each (R,).
    """
    replicas = predicted.shape[0]
    scale, correlation = (np.broadcast_to(np.asarray(noise.get(name, usual), np.float64), (replicas,))
                          for name, usual in (("scale", 1.0), ("correlation", 0.0)))
    residual, variance = standardised(stream, predicted, scale)
    memory = memory_of(stream, correlation)
    fresh = 1.0 - memory**2
    innovation = residual.copy()
    innovation[:, 1:] -= memory[:, 1:] * residual[:, :-1]
    innovation /= np.sqrt(fresh)
    return np.asarray(negative_log_density(innovation, stream.choice.error_model) + 0.5 * np.log(variance * fresh))


def misfit(streams: Sequence[ObservedStream], predicted: Floats, noise: Mapping[str, Mapping[str, Floats]]) -> Floats:
    """Negative log-likelihood of each stream (R, streams), infinite for a replica whose values are not finite."""
    # summed row by row, for a product of matrices would give other bits to other numbers of replicas
    made = np.stack([(stream_terms(stream, predicted[:, part], noise.get(name, {})) * stream.weight).sum(axis=1)
                     for (name, part), stream in zip(slices_of(streams).items(), streams, strict=True)], axis=1)
    return np.where(np.isfinite(made), made, np.inf)


def neighbour_correlation(stream: ObservedStream, residual: Floats) -> float:
    """Correlation of residuals (n,) one interval apart; 0 with fewer than ten such pairs."""
    pairs = np.flatnonzero(np.abs(stream.intervals - 1.0) < 0.5)
    pairs = pairs[pairs > 0]
    if pairs.size < 10:
        return 0.0
    centred = residual - residual.mean()
    below = float(centred @ centred) / residual.size
    return float(np.clip((centred[pairs] * centred[pairs - 1]).mean() / below, -1.0, 1.0)) if below > 0.0 else 0.0


def daily_memory(stream: ObservedStream, residual: Floats) -> tuple[float, int]:
    """Correlation, 0 to 1, of the mean residuals of neighbouring days (months of monthly means), and the number of them.

    The errors of a model last for days and weeks, not for half hours. With fewer than ten pairs of neighbours the
    correlation is taken as 0.5.
    """
    unit = "datetime64[M]" if stream.choice.average == "month" else "datetime64[D]"
    number, place, counts = np.unique(stream.when.astype(unit).astype(np.int64), return_inverse=True, return_counts=True)
    mean = np.bincount(place, residual) / counts
    centred = mean - mean.mean()
    pairs = np.flatnonzero(np.diff(number) == 1)
    below = float(np.mean(centred**2))
    if pairs.size < 10 or below == 0.0:
        return 0.5, number.size
    return float(np.clip(np.mean(centred[pairs] * centred[pairs + 1]) / below, 0.0, 1.0)), number.size
