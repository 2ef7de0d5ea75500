"""Errors that half hours of a day, and days of a month, share: what makes errors of means larger than averaging says.

    lasting = lasting_errors(found.target, found.mode)      # {stream: LastingError}, from the residuals of calibration

The errors of half hours in a likelihood forget within hours, those of a model last for days. With standardised errors

    z_i = rho^1/2 s_d(i) + (1 - rho)^1/2 w_i,     s of unit variance with memory phi^k between days k apart,

w as in the likelihood, a half hour keeps its variance while the mean of a day of n half hours has rho + (1 - rho) q_n
instead of q_n = (1 + 2 sum ...)/n. `share` rho is what brings the mean square of daily mean residuals about, and `memory`
phi what brings that of monthly means about (moments, as in an analysis of variance with random effects; Searle et al. 1992).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.likelihood import standardised
from terraflux.assimilation.observed_streams import ObservedStream, mean_inflation
from terraflux.assimilation.tower_problem import TowerProblem

Floats = NDArray[np.float64]
LEAST_STEPS = 6
"""Observations that a day needs for its mean to say something of what its errors share."""
LEAST_DAYS = 10
LEAST_MONTHS = 6
"""Months that tell the memory; with fewer, neighbouring days do."""
MOST_SHARE, MOST_MEMORY = 0.95, 0.99


@dataclass(frozen=True)
class LastingError:
    """`share` (0..1) of the error variance that half hours of a day have in common, and its `memory` (0..1) from day to day."""

    share: float
    memory: float


NONE = LastingError(0.0, 0.0)


def lasting_errors(problem: TowerProblem, control: ArrayLike) -> dict[str, LastingError]:
    """What errors share in each half-hourly stream of a problem, from its residuals at a control vector (p,): one run.

    Streams of means, and those with too few days, share nothing. Raises ValueError where the model fails.
    """
    u = np.atleast_2d(np.asarray(control, np.float64))
    predicted = problem.predict(u)
    if not np.isfinite(predicted).all():
        raise ValueError(f"{problem.columns.tower.site.site_id}: the model fails with the parameters whose residuals were "
                         "to tell the errors that days share")
    noise = problem.space.noise(u)
    return {one.name: lasting_error(one, predicted[:, problem.parts[one.name]], noise.get(one.name, {}))
            for one in problem.streams}


def lasting_error(stream: ObservedStream, predicted: Floats, noise: Mapping[str, Floats]) -> LastingError:
    """What the errors of a stream share, from modelled observations (1, n) and the noise (`scale`, `correlation`)."""
    if stream.choice.average != "step":
        return NONE
    scale = np.broadcast_to(np.asarray(noise.get("scale", 1.0), np.float64), (1,))
    correlation = float(np.ravel(noise.get("correlation", 0.0))[0])
    z = standardised(stream, predicted, scale)[0][0]
    day, number, size = np.unique(stream.when.astype("datetime64[D]"), return_inverse=True, return_counts=True)
    enough = size >= LEAST_STEPS
    variance = float(np.mean(z**2))
    if enough.sum() < LEAST_DAYS or not variance > 0.0:
        return NONE
    mean = np.bincount(number, z) / size
    alone = mean_inflation(correlation, size) / size
    q = float(alone[enough].mean())
    share = float(np.clip((np.mean(mean[enough] ** 2) / variance - q) / (1.0 - q), 0.0, MOST_SHARE))
    if share == 0.0:
        return NONE
    months = _months(day, size)
    if len(months) < LEAST_MONTHS:
        return LastingError(share, _from_neighbours(day, mean, share * variance))
    observed = np.mean([(np.sum(size[part] * mean[part]) / size[part].sum()) ** 2 for part in months]) / variance
    return LastingError(share, _from_months(day, size, alone, months, share, float(observed)))


def typical(found: Sequence[Mapping[str, LastingError]]) -> dict[str, LastingError]:
    """Medians over towers, by stream, for a tower that has no residuals of its own."""
    names = dict.fromkeys(name for one in found for name in one)
    return {name: LastingError(*(float(np.median([getattr(one[name], what) for one in found if name in one]))
                                for what in ("share", "memory"))) for name in names}


def _months(day: NDArray[np.datetime64], size: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Places of the days of each month that has LEAST_DAYS of them."""
    of = day.astype("datetime64[M]")
    parts = [np.flatnonzero(of == month) for month in np.unique(of)]
    return [part for part in parts if (size[part] >= LEAST_STEPS).sum() >= LEAST_DAYS]


def _from_neighbours(day: NDArray[np.datetime64], mean: Floats, variance: float) -> float:
    """Memory from the product of means of neighbouring days, over the variance they share."""
    near = np.flatnonzero(np.diff(day.astype(np.int64)) == 1)
    if near.size < LEAST_DAYS:
        return 0.0
    return float(np.clip(np.mean(mean[near] * mean[near + 1]) / variance, 0.0, MOST_MEMORY))


def _from_months(day: NDArray[np.datetime64], size: NDArray[np.int64], alone: Floats, months: list[NDArray[np.int64]],
                 share: float, observed: float) -> float:
    """Memory with which monthly means have the mean square that is observed, found by halving."""
    def expected(memory: float) -> float:
        total = 0.0
        for part in months:
            weight = size[part] / size[part].sum()
            apart = np.abs(np.subtract.outer(day[part].astype(np.int64), day[part].astype(np.int64)))
            total += share * weight @ memory**apart.astype(np.float64) @ weight + (1.0 - share) * weight**2 @ alone[part]
        return float(total / len(months))

    low, high = 0.0, MOST_MEMORY
    if expected(high) <= observed:
        return high
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if expected(middle) < observed else (low, middle)
    return low


def lasting_part(day: NDArray[np.int64], error: LastingError, count: int, random: np.random.Generator) -> Floats:
    """Draws (count, days) of the shared error of days numbered `day` (days,), ascending, of unit variance."""
    gaps = np.diff(day, prepend=day[:1]).astype(np.float64)
    keep = np.where(np.arange(day.size) == 0, 0.0, error.memory**gaps)
    made = random.standard_normal((count, day.size)) * np.sqrt(1.0 - keep**2)
    for place in range(1, day.size):
        made[:, place] += keep[place] * made[:, place - 1]
    return made
