"""Delayed acceptance: many steps on a surrogate for every run of the model, corrected so that the posterior is exact.

Each chain takes some Metropolis steps on a surrogate s (Laplace approximation corrected by a Gaussian process); the model is
run only where it ends, and the end y is taken from x with probability min(1, pi(y) s(x) / (pi(x) s(y))). The inner steps are
reversible with respect to s, so pi stays invariant whatever the surrogate; a poor one costs acceptance, not truth. Source:
Christen & Fox (2005) J Comput Graph Stat 14:795.

Groups of chains train a surrogate each, on their own runs, so that R-hat across groups also compares surrogates. Training
begins with draws from the Laplace approximation and goes on with the ends of the chains themselves, where the posterior is;
then the surrogate is frozen and sampling begins. Where it is still poor, training goes on up to a limit.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.checkpoint import Checkpoint, Saved, array_hash
from terraflux.assimilation.convergence import walkers_as_chains
from terraflux.assimilation.counted_density import CountedDensity, LogDensity
from terraflux.assimilation.sampling_loop import Progress, run_chains
from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.assimilation.starting_points import as_modes, spread_points
from terraflux.assimilation.stop_rule import StopRule
from terraflux.assimilation.surrogate import Surrogate, train, whitening_of

FREEDOM = 5.0  # degrees of freedom of the Student-t proposals

LOCAL_STEPS = 2
LEAST_STEPS = 8  # steps that a budget must leave after training

# Chains are many and nearly independent from step to step: autocorrelation times are no criterion, and training is burn-in.
DELAYED_RULE = StopRule(check_every=4, discard=0.1, autocorrelation_lengths=0.0)


@dataclass(frozen=True)
class DelayedSettings:
    """Settings of delayed acceptance.

    `groups` of `chains` chains each; `first_runs` of a group are drawn from the Laplace approximation widened by
    `start_scale`, training takes `training_runs` in all and goes on to `most_training_runs` while less than
    `wanted_acceptance` of the ends are accepted; `inner_steps` steps on the surrogate for each run, but in
    `local_share` of the runs only LOCAL_STEPS of a random walk: where the surrogate is far too low a chain would reject
    every distant end, and a near one lets it leave.
    """

    groups: int = 4
    chains: int = 16
    first_runs: int = 96
    training_runs: int = 320
    most_training_runs: int = 800
    wanted_acceptance: float = 0.8
    inner_steps: int = 20
    local_share: float = 0.2
    start_scale: float = 1.3

    def __post_init__(self) -> None:
        if self.groups < 2 or self.chains < 2 or self.inner_steps < 1 or not self.start_scale > 0.0:
            raise ValueError("at least 2 groups of 2 chains, 1 inner step and a positive start_scale are needed")
        if not self.chains <= self.first_runs <= self.training_runs <= self.most_training_runs:
            raise ValueError("chains <= first_runs <= training_runs <= most_training_runs must hold, not "
                             f"{self.chains}, {self.first_runs}, {self.training_runs}, {self.most_training_runs}")


class DelayedChains:
    """Groups of chains with a surrogate each; see `sampling_loop.Chains`."""

    def __init__(self, density: CountedDensity, mean: NDArray[np.float64], covariance: NDArray[np.float64],
                 settings: DelayedSettings, seed: int) -> None:
        self.density, self.settings, self.burn_in = density, settings, 0
        self.mean, self.covariance = mean, covariance
        self.root = whitening_of(covariance)
        self.accepted = np.zeros(settings.groups, np.int64)
        self.generators = [np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(settings.groups)]
        self.surrogates: list[Surrogate] = []
        self.training = 0

    def prepare(self, progress: Progress | None, maximum_runs: int) -> None:
        """Train the surrogates and bring the chains to where sampling begins."""
        settings, shape = self.settings, (self.settings.groups, self.settings.chains)
        points, values, held, hints = [], [], [], []
        stood: list[NDArray[np.int64]] = []
        for random in self.generators:
            drawn, found, companions = spread_points(self.density, self.mean[np.newaxis], self.covariance[np.newaxis],
                                                     settings.start_scale, settings.first_runs, random)
            surrogate, hint = train(self.mean, self.covariance, drawn, found, None, random)
            self.surrogates.append(surrogate)
            # Start where importance weights put the posterior, not at the widened draws themselves.
            z = (drawn - self.mean) @ self.root[0] / settings.start_scale
            weight = found + 0.5 * (z**2).sum(axis=1)
            weight = np.exp(0.5 * (weight - weight.max()))
            picked = random.choice(settings.first_runs, size=settings.chains, p=weight / weight.sum())
            points.append(drawn)
            values.append(found)
            hints.append(hint)
            held.append(companions[picked])
            stood.append(picked)
        self.position = np.stack([drawn[picked] for drawn, picked in zip(points, stood)])
        self.log_density = np.stack([found[picked] for found, picked in zip(values, stood)])
        self.companions = np.stack(held).reshape(*shape, -1)
        used = settings.first_runs
        recent: list[float] = []
        while used + settings.chains <= settings.most_training_runs:
            poor = float(np.mean(recent[-4:])) < settings.wanted_acceptance if len(recent) >= 4 else True
            if used >= settings.training_runs and not poor:
                break
            before = int(self.accepted.sum())
            ends, found_ends = self.advance()
            recent.append((int(self.accepted.sum()) - before) / self.log_density.size)
            used += settings.chains
            refit = used == settings.training_runs or len(recent) in (4, 30)
            for group, random in enumerate(self.generators):
                points[group] = np.concatenate([points[group], ends[group]])
                values[group] = np.concatenate([values[group], found_ends[group]])
                usable = np.isfinite(values[group])
                self.surrogates[group], hints[group] = train(self.mean, self.covariance, points[group][usable],
                                                             values[group][usable], hints[group], random, refit)
            if progress is not None:
                progress(self.density.runs, maximum_runs, f"training surrogates: {used} runs each, {recent[-1]:.0%} accepted")
        self.training = self.density.runs
        self.accepted[:] = 0

    def advance(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """One run of every chain; the ends of the inner steps (groups, chains, p) and their log posterior."""
        walked = [self._inner(group) for group in range(self.settings.groups)]
        ends = np.stack([end for end, _ in walked])
        values, companions = self.density(ends.reshape(-1, ends.shape[-1]))
        found = values.reshape(self.log_density.shape)
        companions = companions.reshape(*found.shape, -1)
        for group, random in enumerate(self.generators):
            gain = found[group] - self.log_density[group] - walked[group][1]
            taken = np.log(random.random(gain.size)) < gain
            self.position[group, taken] = ends[group, taken]
            self.log_density[group, taken] = found[group, taken]
            self.companions[group, taken] = companions[group, taken]
            self.accepted[group] += int(taken.sum())
        return ends, found

    def _inner(self, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ends (chains, p) of Metropolis steps on the surrogate, and its rise from start to end (chains,).

        Every step is a random walk or an independent Student-t draw, whichever the chain's coin says.
        """
        random, surrogate = self.generators[group], self.surrogates[group]
        whitening, root = self.root
        place = self.position[group].copy()
        chains, parameters = place.shape
        level = first = surrogate(place)
        reach = 2.38 / np.sqrt(parameters)
        local = random.random(chains) < self.settings.local_share
        for number in range(self.settings.inner_steps):
            far = (random.random(chains) < 0.5) & ~local
            noise = random.standard_normal((chains, parameters))
            tail = np.sqrt(FREEDOM / random.chisquare(FREEDOM, size=chains))
            z = (place - self.mean) @ whitening
            scale = np.where(random.random(chains) < 0.5, reach, 0.5 * reach)[:, np.newaxis]
            ahead = np.where(far[:, np.newaxis], noise * tail[:, np.newaxis], z + scale * noise)
            # Student-t densities of where the step begins and ends; the random walk is symmetric.
            bias = 0.5 * (FREEDOM + parameters) * (np.log1p((ahead**2).sum(axis=1) / FREEDOM)
                                                   - np.log1p((z**2).sum(axis=1) / FREEDOM))
            ahead_place = self.mean + ahead @ root
            ahead_level = surrogate(ahead_place)
            taken = np.log(random.random(chains)) < ahead_level - level + np.where(far, bias, 0.0)
            if number >= LOCAL_STEPS:
                taken &= ~local
            place = np.where(taken[:, np.newaxis], ahead_place, place)
            level = np.where(taken, ahead_level, level)
        return place, level - first

    def step(self) -> None:
        """One run of every chain."""
        self.advance()

    def after_step(self, chain: NDArray[np.float64], log_density: NDArray[np.float64]) -> None:
        """Nothing: training is the burn-in."""

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Random generators, counters and the frozen surrogates."""
        arrays: dict[str, NDArray[np.float64]] = {}
        for group, surrogate in enumerate(self.surrogates):
            arrays |= {f"points_{group}": surrogate.points, f"lengths_{group}": surrogate.lengths,
                       f"pull_{group}": surrogate.pull, f"level_{group}": np.array(surrogate.level)}
        return {"generators": [random.bit_generator.state for random in self.generators], "training": self.training}, arrays

    def restore(self, saved: Saved) -> None:
        """Stand where `saved` stood."""
        self.position, self.log_density = saved.chain[-1].copy(), saved.log_density[-1].copy()
        self.companions = saved.companions[-1].copy()
        for random, state in zip(self.generators, saved.state["generators"], strict=True):
            random.bit_generator.state = state
        self.training = saved.state["training"]
        self.accepted = np.array(saved.state["accepted"], np.int64)
        self.density.runs, self.density.failed = saved.state["runs"], saved.state["failed"]
        part = saved.arrays
        self.surrogates = [Surrogate(self.mean, self.root[0], part[f"points_{g}"], part[f"lengths_{g}"], part[f"pull_{g}"],
                                     float(part[f"level_{g}"])) for g in range(self.settings.groups)]


def sample_delayed(log_density: LogDensity, mean: ArrayLike, covariance: ArrayLike, *, names: tuple[str, ...] | None = None,
                   seed: int = 0, settings: DelayedSettings | None = None, rule: StopRule | None = None,
                   maximum_runs: int = 50_000, checkpoint: Checkpoint | None = None,
                   progress: Progress | None = None) -> SamplingResult:
    """Sample a posterior with delayed acceptance until the stop rule is satisfied.

    Arguments and errors as `sample_ensembles`; one Laplace approximation only, for a surrogate of several modes would be
    trained on the one it starts from. Saves begin when training is done; killed before, the same seed trains the same again.
    """
    from threadpoolctl import threadpool_limits

    settings, rule = settings or DelayedSettings(), rule or DELAYED_RULE
    means, covariances = as_modes(mean, covariance)
    if means.shape[0] > 1:
        raise ValueError(f"delayed acceptance starts from one Laplace approximation, not {means.shape[0]}; sample "
                         "several modes by 'ensemble'")
    names = tuple(names) if names is not None else tuple(f"u{i}" for i in range(means.shape[1]))
    if len(names) != means.shape[1]:
        raise ValueError(f"{len(names)} names for {means.shape[1]} parameters")
    # Where the budget cuts training short the chain depends on it: the limit then belongs to what a checkpoint is tied to.
    most = (maximum_runs - LEAST_STEPS * settings.groups * settings.chains) // settings.groups
    if most < settings.training_runs:
        raise ValueError(f"maximum_runs of {maximum_runs} leave nothing to sample with after {settings.groups} trainings of "
                         f"{settings.training_runs} runs; allow more runs or a smaller training_runs")
    settings = replace(settings, most_training_runs=min(settings.most_training_runs, most))
    tied = {"method": "delayed_acceptance", "seed": seed, "names": list(names), "start": array_hash(means, covariances),
            **asdict(settings)}
    chains = DelayedChains(CountedDensity(log_density), means[0], covariances[0], settings, seed)
    saved = None if checkpoint is None else checkpoint.load(tied)
    # The matrices are small: threads of the linear algebra would only wait for each other, a hundred times as long.
    with threadpool_limits(1, user_api="blas"):
        if saved is None:
            chains.prepare(progress, maximum_runs)
        else:
            chains.restore(saved)
        outcome = run_chains(chains, names, rule, maximum_runs, tied, checkpoint, progress, saved)
    trace, verdict = outcome.trace, outcome.verdict
    first = min(rule.first_kept(trace.steps), max(trace.steps - 1, 0))
    acceptance = chains.accepted / max(trace.steps * settings.chains, 1)
    message = f"stop rule satisfied at step {trace.steps}" if verdict.satisfied else "; ".join(verdict.reasons)
    warnings = list(outcome.warnings)
    if acceptance.min() < 0.05:
        warnings.append(f"only {acceptance.min():.0%} of the ends were accepted: the surrogate does not resemble the "
                        "posterior; sample by 'ensemble'")
    return SamplingResult("delayed_acceptance", outcome.status, message, names,
                          walkers_as_chains(trace.chain[first:trace.steps]),
                          walkers_as_chains(trace.log_density[first:trace.steps]),
                          np.repeat(np.arange(settings.groups), settings.chains), chains.density.runs, chains.density.failed,
                          trace.steps, acceptance, verdict,
                          companions=walkers_as_chains(trace.companions[first:trace.steps]), warnings=tuple(warnings),
                          seconds=outcome.seconds, details={"training_runs": float(chains.training)})
