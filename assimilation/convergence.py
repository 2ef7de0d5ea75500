"""Have the chains converged: rank-normalised split R-hat, bulk and tail effective sample size, autocorrelation time.

Sources: Vehtari, Gelman, Simpson, Carpenter & Buerkner (2021) Bayesian Analysis 16:667 (R-hat, effective sample sizes,
Monte Carlo standard errors); Geyer (1992) Statistical Science 7:473 (initial monotone sequence); Sokal (1997) and
Goodman & Weare (2010) (autocorrelation time of an ensemble by a self-consistent window).

All functions take draws shaped (chains, draws) of one quantity, or (chains, draws, quantities), and return a float or an
array (quantities,). A quantity that is not finite gives nan; one that never moves has R-hat nan and effective size nan,
so that no rule can take it for converged.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

SHORTEST = 4  # draws a chain must have: two halves of two


def split_chains(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Halves of every chain as chains of their own: (chains, draws) to (2 chains, draws // 2); a middle draw is left out."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]], axis=0)


def rank_normalised(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of the pooled ranks, (r - 3/8) / (n + 1/4) (Blom); ties share their mean rank."""
    ranks = rankdata(draws, method="average", axis=None).reshape(draws.shape)
    return np.asarray(ndtri((ranks - 0.375) / (draws.size + 0.25)))


def _plain_rhat(draws: NDArray[np.float64]) -> float:
    """Potential scale reduction of chains taken as they are."""
    length = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    between = draws.mean(axis=1).var(ddof=1)
    if not within > 0.0:
        return float("nan")
    return float(np.sqrt((length - 1) / length + between / within))


def autocovariance(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Autocovariance (chains, lags) of chains (chains, draws), biased form (divided by the length), by Fourier transform."""
    length = draws.shape[1]
    padded = 1 << (2 * length - 1).bit_length()
    spectrum = np.fft.rfft(draws - draws.mean(axis=1, keepdims=True), n=padded, axis=1)
    return np.asarray(np.fft.irfft(spectrum * spectrum.conj(), n=padded, axis=1)[:, :length]) / length


def _plain_effective_size(draws: NDArray[np.float64]) -> float:
    """Effective sample size of chains taken as they are (Vehtari et al. 2021, equations 10 to 13)."""
    chains, length = draws.shape
    covariance = autocovariance(draws)
    within = covariance[:, 0].mean() * length / (length - 1)
    total = within * (length - 1) / length
    if chains > 1:
        total += draws.mean(axis=1).var(ddof=1)
    if not total > 0.0 or not within > 0.0:
        return float("nan")
    correlation = 1.0 - (within - covariance.mean(axis=0) * length / (length - 1)) / total
    correlation[0] = 1.0
    pairs = correlation[: 2 * (length // 2)].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0.0)
    kept = np.minimum.accumulate(pairs[: negative[0] if negative.size else pairs.size])
    time = -1.0 + 2.0 * kept.sum()
    if negative.size:  # the odd half of the first refused pair still lowers the variance of the estimate
        time += max(correlation[2 * negative[0]], 0.0)
    size = chains * length
    return float(size / max(time, 1.0 / np.log10(max(size, 10))))


def _by_quantity(function, draws: ArrayLike):
    """Apply a function of (chains, draws) to every quantity of (chains, draws[, quantities])."""
    array = np.asarray(draws, dtype=np.float64)
    if array.ndim not in (2, 3):
        raise ValueError(f"draws must be (chains, draws) or (chains, draws, quantities), not {array.shape}")
    if array.ndim == 2:
        return function(array) if _usable(array) else float("nan")
    return np.array([function(array[:, :, i]) if _usable(array[:, :, i]) else np.nan for i in range(array.shape[2])])


def _usable(draws: NDArray[np.float64]) -> bool:
    return draws.shape[1] >= SHORTEST and bool(np.isfinite(draws).all()) and bool(np.ptp(draws) > 0.0)


def _rhat(draws: NDArray[np.float64]) -> float:
    halves = split_chains(draws)
    folded = np.abs(halves - np.median(halves))
    parts = [_plain_rhat(rank_normalised(values)) for values in (halves, folded) if np.ptp(values) > 0.0]
    return max(parts) if np.isfinite(parts).all() else float("nan")


def rhat(draws: ArrayLike) -> float | NDArray[np.float64]:
    """Rank-normalised split R-hat: the larger of the location form and the folded (scale) form; 1 when chains agree.

    For an ensemble sampler give one chain per independent ensemble: walkers of one ensemble are not independent.
    """
    return _by_quantity(_rhat, draws)


def plain_rhat(draws: ArrayLike) -> float | NDArray[np.float64]:
    """R-hat of whole chains, neither split nor ranked (Gelman & Rubin 1992): far apart modes keep their distance."""
    return _by_quantity(_plain_rhat, draws)


def bulk_effective_size(draws: ArrayLike) -> float | NDArray[np.float64]:
    """Effective sample size of the centre of the distribution: of the rank-normalised split chains."""
    return _by_quantity(lambda one: _plain_effective_size(rank_normalised(split_chains(one))), draws)


def _tail_effective_size(draws: NDArray[np.float64]) -> float:
    sizes = []
    for level in (0.05, 0.95):
        below = (draws <= np.quantile(draws, level)).astype(np.float64)
        sizes.append(_plain_effective_size(split_chains(below)))
    return min(sizes) if np.isfinite(sizes).all() else float("nan")


def tail_effective_size(draws: ArrayLike) -> float | NDArray[np.float64]:
    """Effective sample size of the tails: the smaller of those of the 5 % and the 95 % quantile."""
    return _by_quantity(_tail_effective_size, draws)


def mean_effective_size(draws: ArrayLike) -> float | NDArray[np.float64]:
    """Effective sample size for the mean: of the split chains themselves, not of their ranks."""
    return _by_quantity(lambda one: _plain_effective_size(split_chains(one)), draws)


def mean_standard_error(draws: ArrayLike) -> float | NDArray[np.float64]:
    """Monte Carlo standard error of the mean, in the unit of the draws."""
    return _by_quantity(lambda one: float(one.std(ddof=1) / np.sqrt(_plain_effective_size(split_chains(one)))), draws)


def _autocorrelation_time(draws: NDArray[np.float64], window: float) -> float:
    covariance = autocovariance(draws)
    moving = covariance[:, 0] > 0.0
    if not moving.all():
        return float("nan")
    correlation = (covariance / covariance[:, :1]).mean(axis=0)
    times = 2.0 * np.cumsum(correlation) - 1.0
    inside = np.arange(times.size) >= window * times
    return float(max(times[np.argmax(inside)] if inside.any() else times[-1], 1.0))


def autocorrelation_time(draws: ArrayLike, window: float = 5.0) -> float | NDArray[np.float64]:
    """Integrated autocorrelation time in steps; each walker is a chain, their autocorrelations are averaged.

    The sum stops at the first lag that is at least `window` times the sum so far. A chain that never moves gives nan.
    """
    return _by_quantity(lambda one: _autocorrelation_time(one, window), draws)


def walkers_as_chains(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps, ensembles, walkers, ...) as (ensembles x walkers, steps, ...): each walker is a chain."""
    moved = np.moveaxis(chain, 0, 2)
    return moved.reshape(moved.shape[0] * moved.shape[1], *moved.shape[2:])


def ensembles_as_chains(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps, ensembles, walkers, ...) as (ensembles, steps x walkers, ...), steps outermost: each ensemble is a chain."""
    moved = np.moveaxis(chain, 1, 0)
    return moved.reshape(moved.shape[0], moved.shape[1] * moved.shape[2], *moved.shape[3:])
