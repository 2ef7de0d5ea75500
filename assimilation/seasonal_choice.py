"""Is a season worth its parameters? Predictive density of left-out weeks, by Pareto-smoothed importance sampling.

    choice = accepted(constant, seasonal, week)      # pointwise log-likelihoods (draws, observations) of either model
    choice.accepted, choice.gain, choice.error

Neighbouring days are alike, so whole weeks are left out (Vehtari, Gelman and Gabry 2017, Stat. Comput. 27, 1413, with blocks):
for each week the draws are weighted by 1/p(week | draw), the largest weights smoothed, and the week's density averaged with
them. The season is accepted if the sum over weeks rises by more than 4 and by more than two standard errors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from terraflux.assimilation.pareto_smoothing import LARGEST_SHAPE, smoothed_weights

Floats = NDArray[np.float64]

LEAST_GAIN = 4.0
"""Log predictive density that a season must add."""
LEAST_ERRORS = 2.0
"""Standard errors that it must add."""


@dataclass(frozen=True)
class LeaveOut:
    """Log predictive density of each block left out (blocks,), and the Pareto k of its weights (blocks,)."""

    density: Floats
    shape: Floats

    @property
    def total(self) -> float:
        """Expected log predictive density."""
        return float(self.density.sum())


@dataclass(frozen=True)
class SeasonalChoice:
    """Whether a season is accepted over a constant.

    `gain` is the difference of log predictive density (positive for the season), `error` its standard error over
    `blocks` weeks, `doubtful` the share of weeks whose Pareto k is 0.7 or more in either model.
    """

    accepted: bool
    gain: float
    error: float
    blocks: int
    doubtful: float
    message: str


def week_blocks(times: ArrayLike) -> NDArray[np.int64]:
    """Number of the week, counted over all years, of each time."""
    return np.asarray(times).astype("datetime64[D]").astype(np.int64) // 7


def leave_blocks_out(log_likelihood: ArrayLike, block: ArrayLike) -> LeaveOut:
    """Predictive density of each block from draws of the posterior with all of them.

    log_likelihood: (draws, observations), finite. block: (observations,), any labels. Raises ValueError for shapes that do not
    fit or values that are not finite.
    """
    terms, labels = np.asarray(log_likelihood, np.float64), np.asarray(block)
    if terms.ndim != 2 or labels.shape != terms.shape[1:]:
        raise ValueError(f"log-likelihoods of the shape {terms.shape} do not fit blocks of the shape {labels.shape}; expected "
                         "(draws, observations) and (observations,)")
    if not np.isfinite(terms).all():
        count = int((~np.isfinite(terms)).any(axis=1).sum())
        raise ValueError(f"{count} draws have log-likelihoods that are not finite; leave failed draws out")
    names, number = np.unique(labels, return_inverse=True)
    sums = np.zeros((names.size, terms.shape[0]))
    np.add.at(sums, number, terms.T)
    density, shape = np.empty(names.size), np.empty(names.size)
    for row, values in enumerate(sums):
        weights, shape[row] = smoothed_weights(-values)
        density[row] = logsumexp(values, b=weights)
    return LeaveOut(density, shape)


def accepted(constant: ArrayLike, seasonal: ArrayLike, week: ArrayLike) -> SeasonalChoice:
    """Compares log-likelihoods (draws, observations) of a constant and a seasonal model at the same observations.

    The numbers of draws may differ. `week` (observations,) labels the blocks that are left out together.
    """
    without, with_season = leave_blocks_out(constant, week), leave_blocks_out(seasonal, week)
    each = with_season.density - without.density
    gain = float(each.sum())
    error = float(np.sqrt(each.size) * each.std(ddof=1)) if each.size > 1 else np.inf
    good = gain > LEAST_GAIN and gain > LEAST_ERRORS * error
    doubtful = float(np.mean((with_season.shape >= LARGEST_SHAPE) | (without.shape >= LARGEST_SHAPE)))
    message = (f"a season {'adds' if good else 'does not add enough:'} {gain:.1f} to the log predictive density of {each.size} "
               f"weeks (standard error {error:.1f}; more than {LEAST_GAIN:g} and {LEAST_ERRORS:g} errors wanted)")
    if doubtful > 0.0:
        message += f"; Pareto k is {LARGEST_SHAPE} or more in {doubtful:.0%} of the weeks"
    return SeasonalChoice(good, gain, error, each.size, doubtful, message)
