"""When sampling may stop: agreement of independent ensembles, enough effective draws, a known autocorrelation time.

Every quantity (each free parameter and the log posterior) must pass, on the chain without its first part:

(a) rank-normalised split R-hat below a limit, one chain per independent ensemble;
(b) bulk and tail effective sample size of at least a target, each walker a chain;
(c) optionally, an autocorrelation time that has settled and is a small part of the chain;
(d) walkers cross the posterior: R-hat across walkers, neither split nor ranked, below a limit far above that of (a).

(d) refuses ensembles whose walkers sit in separate modes: such ensembles agree with each other, and as many effective draws
as there are walkers seem to be there, but the weights of the modes are those of the start. Walkers of one ensemble never
enter (a) as if independent: R-hat - 1 is about 1 / (2 effective draws per chain), so short walkers show a large R-hat however
well the ensembles agree.

Source of (a) and (b): Vehtari et al. (2021) Bayesian Analysis 16:667; of (c): Foreman-Mackey et al. (2013) PASP 125:306.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.convergence import (
    autocorrelation_time,
    bulk_effective_size,
    ensembles_as_chains,
    plain_rhat,
    rhat,
    tail_effective_size,
    walkers_as_chains,
)

LEAST_EFFECTIVE_SIZE = 400  # below this R-hat and the effective sizes are themselves unreliable (Vehtari et al. 2021)


@dataclass(frozen=True)
class StopRule:
    """Limits of the rule.

    `maximum_rhat` (-), `minimum_effective_size` (draws, at least 400), `check_every` (steps), `discard` (part of the chain
    left out at its start, 0 to 0.9). `autocorrelation_lengths` is the number of autocorrelation times the chain must
    cover and `autocorrelation_change` the largest relative change between checks; 0 lengths switch (c) off.
    `maximum_walker_rhat` (-) is the limit of (d): at 1.5 a walker has on average made less than one effective draw.
    """

    maximum_rhat: float = 1.01
    minimum_effective_size: float = 1000.0
    check_every: int = 100
    discard: float = 0.5
    autocorrelation_lengths: float = 50.0
    autocorrelation_change: float = 0.01
    maximum_walker_rhat: float = 1.5

    def __post_init__(self) -> None:
        if not self.maximum_rhat > 1.0:
            raise ValueError(f"maximum_rhat must exceed 1, not {self.maximum_rhat}")
        if self.minimum_effective_size < LEAST_EFFECTIVE_SIZE:
            raise ValueError(f"minimum_effective_size must be at least {LEAST_EFFECTIVE_SIZE}, not "
                             f"{self.minimum_effective_size:g}: diagnostics of fewer draws cannot be trusted")
        if self.check_every < 1 or not 0.0 <= self.discard <= 0.9:
            raise ValueError(f"check_every must be at least 1 and discard within 0 to 0.9, not {self.check_every} and "
                             f"{self.discard}")
        if self.autocorrelation_lengths < 0.0 or not self.autocorrelation_change > 0.0:
            raise ValueError("autocorrelation_lengths must not be negative and autocorrelation_change must be positive")

    def first_kept(self, steps: int, burn_in: int = 0) -> int:
        """Index of the first step that counts, of a chain of `steps` with a burn-in of `burn_in` steps."""
        return max(int(np.ceil(self.discard * steps)), min(burn_in, steps))


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Arrays (quantities,) in the order of the parameters, log posterior last: `rhat` (-), `bulk` and `tail` effective sizes
    (draws), `autocorrelation` (steps), `walker_rhat` (-). `satisfied` says whether sampling may stop; `reasons` what
    forbids it, in words.
    """

    steps: int
    satisfied: bool
    reasons: tuple[str, ...]
    rhat: NDArray[np.float64]
    bulk: NDArray[np.float64]
    tail: NDArray[np.float64]
    autocorrelation: NDArray[np.float64]
    walker_rhat: NDArray[np.float64]
    names: tuple[str, ...]

    @property
    def worst_rhat(self) -> float:
        """Largest R-hat; nan where one is unknown."""
        return float(self.rhat.max())

    @property
    def least_effective_size(self) -> float:
        """Smallest of the bulk and tail effective sizes (draws); nan where one is unknown."""
        return float(min(self.bulk.min(), self.tail.min()))

    def summary(self) -> str:
        """One line for a progress display."""
        return f"R-hat {self.worst_rhat:.3f}, effective draws {self.least_effective_size:.0f}"


def _named(names: tuple[str, ...], failing: NDArray[np.bool_]) -> str:
    found = [name for name, fails in zip(names, failing, strict=True) if fails]
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def judge(rule: StopRule, chain: NDArray[np.float64], log_density: NDArray[np.float64], names: tuple[str, ...],
          burn_in: int = 0, previous_autocorrelation: NDArray[np.float64] | None = None) -> Verdict:
    """Apply the rule to a chain (steps, ensembles, walkers, parameters) with log posterior (steps, ensembles, walkers).

    `names` are those of the parameters; `previous_autocorrelation` is that of the check before. The first part named by
    the rule, and at least `burn_in` steps, are left out.
    """
    steps = chain.shape[0]
    first = rule.first_kept(steps, burn_in)
    kept = np.concatenate([chain[first:], log_density[first:, ..., np.newaxis]], axis=-1)
    labels = (*names, "log posterior")
    unknown = np.full(len(labels), np.nan)
    if kept.shape[0] < 8:
        reason = f"only {kept.shape[0]} steps after burn-in"
        return Verdict(steps, False, (reason,), *(unknown,) * 5, labels)
    walkers = walkers_as_chains(kept)
    scale_reduction = np.asarray(rhat(ensembles_as_chains(kept)))
    bulk = np.asarray(bulk_effective_size(walkers))
    tail = np.asarray(tail_effective_size(walkers))
    # A walker that has not moved says nothing of the time of the others, so it must not hide it; (b) feels it.
    time = np.array([_moving_time(walkers[:, :, i]) for i in range(len(labels))])
    reasons = []
    if (failing := ~(scale_reduction < rule.maximum_rhat)).any():
        reasons.append(f"R-hat across ensembles not below {rule.maximum_rhat:g} (worst {scale_reduction[failing].max():.3f}) "
                       f"for {_named(labels, failing)}")
    for part, sizes in (("bulk", bulk), ("tail", tail)):
        if (failing := ~(sizes >= rule.minimum_effective_size)).any():
            reasons.append(f"{part} effective draws below {rule.minimum_effective_size:g} (least "
                           f"{sizes[failing].min():.0f}) for {_named(labels, failing)}")
    if rule.autocorrelation_lengths > 0.0:
        if (failing := ~(steps >= rule.autocorrelation_lengths * time)).any():
            reasons.append(f"chain of {steps} steps shorter than {rule.autocorrelation_lengths:g} autocorrelation times "
                           f"(longest {time[failing].max():.0f} steps) for {_named(labels, failing)}")
        if previous_autocorrelation is None:
            reasons.append("autocorrelation time estimated only once")
        elif (failing := ~(np.abs(time / previous_autocorrelation - 1.0) < rule.autocorrelation_change)).any():
            reasons.append(f"autocorrelation time still changing by more than {rule.autocorrelation_change:.0%} "
                           f"for {_named(labels, failing)}")
    apart = np.asarray(plain_rhat(walkers))
    if (failing := apart >= rule.maximum_walker_rhat).any():
        reasons.append(f"walkers do not mix, their means lie further apart than their spread explains (R-hat across walkers up "
                       f"to {apart[failing].max():.1f}) for {_named(labels, failing)}: either the chain is far too short or "
                       "the posterior has several modes, whose weights are unknown")
    return Verdict(steps, not reasons, tuple(reasons), scale_reduction, bulk, tail, time, apart, labels)


def _moving_time(walkers: NDArray[np.float64]) -> float:
    moving = walkers[np.ptp(walkers, axis=1) > 0.0]
    return float(autocorrelation_time(moving)) if moving.size else float("nan")
