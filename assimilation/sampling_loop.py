"""The loop all Markov chain samplers share: step, save, judge, tell, stop.

An algorithm offers `Chains`; the loop keeps what they visit, applies the stop rule at fixed steps and saves the state before
it judges, so that a resumed sampler judges, steps and stops exactly as one that was never stopped.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.checkpoint import Checkpoint, Saved
from terraflux.assimilation.counted_density import CountedDensity
from terraflux.assimilation.stop_rule import StopRule, Verdict, judge

Progress = Callable[[int, int, str], None]


class Chains(Protocol):
    """Parallel chains of a sampler.

    `position` (ensembles, walkers, parameters), `log_density` (ensembles, walkers) and `companions` (ensembles, walkers, k)
    are where they stand; `accepted` (ensembles,) counts accepted proposals; `burn_in` is the number of steps never kept.
    """

    position: NDArray[np.float64]
    log_density: NDArray[np.float64]
    companions: NDArray[np.float64]
    accepted: NDArray[np.int64]
    burn_in: int
    density: CountedDensity

    def step(self) -> None:
        """Advance every chain once."""
        ...

    def after_step(self, chain: NDArray[np.float64], log_density: NDArray[np.float64]) -> None:
        """Mend chains, in burn-in only, given all steps so far."""
        ...

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Plain values and arrays that, with the position, decide every later step."""
        ...

    def restore(self, saved: Saved) -> None:
        """Stand where `saved` stood."""
        ...


@dataclass
class Trace:
    """What the chains visited; arrays hold room for more steps than taken."""

    chain: NDArray[np.float64]
    log_density: NDArray[np.float64]
    companions: NDArray[np.float64]
    steps: int = 0

    @classmethod
    def beside(cls, chains: Chains) -> "Trace":
        """An empty trace that fits the chains."""
        room = 256
        return cls(np.empty((room, *chains.position.shape)), np.empty((room, *chains.log_density.shape)),
                   np.empty((room, *chains.companions.shape)))

    @classmethod
    def of(cls, saved: Saved) -> "Trace":
        """The trace of a save."""
        return cls(saved.chain, saved.log_density, saved.companions, saved.chain.shape[0])

    def store(self, chains: Chains, step: int) -> None:
        """Keep where the chains stand as number `step`, over what stood there."""
        while step >= self.chain.shape[0]:
            self.chain, self.log_density, self.companions = (
                np.concatenate([part, np.empty_like(part)]) for part in (self.chain, self.log_density, self.companions))
        self.chain[step] = chains.position
        self.log_density[step] = chains.log_density
        self.companions[step] = chains.companions
        self.steps = step + 1


@dataclass
class LoopOutcome:
    """End of a loop: `status` is "converged" or "not_converged"; `resumed_at` the step resumed from, 0 for a fresh start."""

    trace: Trace
    verdict: Verdict
    status: str
    resumed_at: int
    seconds: float
    warnings: list[str] = field(default_factory=list)


def steps_expected(verdict: Verdict, rule: StopRule, most: int) -> int:
    """Steps the rule will probably ask for, from how R-hat, effective sizes and autocorrelation time scale with length."""
    if not np.isfinite(verdict.worst_rhat) or not np.isfinite(verdict.least_effective_size):
        return most
    factors = [rule.minimum_effective_size / max(verdict.least_effective_size, 1.0),
               (verdict.worst_rhat - 1.0) / (rule.maximum_rhat - 1.0)]
    if rule.autocorrelation_lengths > 0.0:
        factors.append(rule.autocorrelation_lengths * float(verdict.autocorrelation.max()) / verdict.steps)
    return int(min(max(*factors, 1.0) * verdict.steps, most))


def run_chains(chains: Chains, names: tuple[str, ...], rule: StopRule, maximum_runs: int, settings: Mapping[str, Any],
               checkpoint: Checkpoint | None = None, progress: Progress | None = None,
               saved: Saved | None = None) -> LoopOutcome:
    """Advance chains until the rule is satisfied or the next step would exceed `maximum_runs` replicas.

    The chains must stand somewhere already: at their start, or where `saved`, what `checkpoint.load` returned, stood.
    `settings` are those the checkpoint is tied to.
    """
    begun = time.monotonic()
    trace, previous, warnings = Trace.beside(chains), None, []
    if saved is not None and checkpoint is not None:
        trace = Trace.of(saved)
        stored = saved.state["previous_autocorrelation"]
        previous = None if stored is None else np.array(stored)
        if saved.state["code_revision"] != checkpoint.revision:
            warnings.append(f"resumed a chain begun with code revision {saved.state['code_revision'] or 'unknown'}; the chain "
                            "may differ from one never stopped")
    resumed_at = saved_steps = trace.steps
    per_step = chains.log_density.size
    verdict: Verdict | None = None
    told = begun
    if trace.steps == 0 and chains.density.runs + per_step > maximum_runs:
        raise ValueError(f"maximum_runs of {maximum_runs} leave nothing for a first step of {per_step} runs after the "
                         f"{chains.density.runs} already made")
    while True:
        finished = chains.density.runs + per_step > maximum_runs
        if checkpoint is not None and trace.steps > saved_steps and (finished or checkpoint.is_due(trace.steps, saved_steps)):
            save(checkpoint, chains, trace, previous, settings)
            saved_steps = trace.steps
        due = trace.steps > 0 and trace.steps % rule.check_every == 0
        if due or finished:
            steps = trace.steps
            verdict = judge(rule, trace.chain[:steps], trace.log_density[:steps], names, chains.burn_in, previous)
            if verdict.satisfied or finished:
                break
            previous = verdict.autocorrelation
        if progress is not None and (due or time.monotonic() - told > 1.0):
            told = time.monotonic()
            pace = (told - begun) / max(trace.steps - resumed_at, 1)
            progress(chains.density.runs, maximum_runs, report(trace.steps, verdict, rule, maximum_runs // per_step, pace))
        chains.step()
        trace.store(chains, trace.steps)
        steps = trace.steps
        if steps <= chains.burn_in:
            chains.after_step(trace.chain[:steps], trace.log_density[:steps])
            trace.store(chains, steps - 1)
    if checkpoint is not None and trace.steps > saved_steps:
        save(checkpoint, chains, trace, previous, settings)
    status = "converged" if verdict.satisfied else "not_converged"
    if progress is not None:
        progress(chains.density.runs, maximum_runs, f"step {trace.steps}: {status.replace('_', ' ')}, {verdict.summary()}")
    return LoopOutcome(trace, verdict, status, resumed_at, time.monotonic() - begun, warnings)


def save(checkpoint: Checkpoint, chains: Chains, trace: Trace, previous: NDArray[np.float64] | None,
         settings: Mapping[str, Any]) -> None:
    """Write the chains and the trace so far to the checkpoint."""
    state, arrays = chains.state()
    state = {**state, "runs": chains.density.runs, "failed": chains.density.failed, "accepted": chains.accepted.tolist(),
             "previous_autocorrelation": None if previous is None else previous.tolist()}
    steps = trace.steps
    checkpoint.save(Saved(trace.chain[:steps], trace.log_density[:steps], trace.companions[:steps], state, arrays), settings)


def report(steps: int, verdict: Verdict | None, rule: StopRule, most: int, pace: float) -> str:
    """Words for a progress display; `pace` is seconds per step, `most` the largest number of steps."""
    if verdict is None:
        return f"step {steps}"
    left = max(steps_expected(verdict, rule, most) - steps, 0) * pace
    clock = f"{left / 60.0:.0f} min" if left >= 120.0 else f"{left:.0f} s"
    return f"step {steps}: {verdict.summary()}, about {clock} left"
