"""Independent ensembles of walkers by emcee's moves, advanced side by side: one call of the model for all of them.

Every ensemble has walkers in sub-ensembles; a walker moves by differences of walkers of the other sub-ensembles
(differential evolution, ter Braak 2006; snooker update, ter Braak & Vrugt 2008; emcee, Foreman-Mackey et al. 2013). Four
ensembles share nothing but the order of the kinds of move, so R-hat across them means what it says; their sub-ensembles
are put together for one batched call of the log posterior. They start from a Laplace approximation, never from the prior:
from prior draws the same moves stay stuck for tens of thousands of runs.

The snooker move is our own, of the 2008 paper: that of emcee 3.1.6 does not normalise the direction and takes half the
exponent of its Jacobian, and draws variances a third too small by itself, a tenth in a mix of 0.2.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from emcee.moves import DEMove, StretchMove
from emcee.moves.red_blue import RedBlueMove
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.checkpoint import Checkpoint, Saved, array_hash
from terraflux.assimilation.convergence import walkers_as_chains
from terraflux.assimilation.counted_density import CountedDensity, LogDensity
from terraflux.assimilation.sampling_loop import LoopOutcome, Progress, run_chains
from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.assimilation.starting_points import as_modes, spread_points
from terraflux.assimilation.stop_rule import StopRule, Verdict

BLOCK = 32  # walkers come in multiples of it, so that every batch fills the lanes of the compiled model


class SnookerMove(RedBlueMove):
    """Steps along the line to another walker, as long as two more walkers lie apart on it (ter Braak & Vrugt 2008).

    The scale is uniform on 1.2 to 2.2. The ratio of distances to the power of dimensions - 1 enters the acceptance. The three
    are different walkers of the other half, so that a step takes two calls of the model, each as large as those of
    differential evolution; with quarters, of one walker from each, calls are half as large and leave a core idle.
    """

    def __init__(self) -> None:
        super().__init__(nsplits=2)

    def get_proposal(self, sample, complement, random):
        """Proposals (n, dimensions) for `sample`, and the log of their Hastings factor (n,)."""
        count, dimensions = sample.shape
        others = np.concatenate(complement)
        picked = np.argsort(random.random_sample((count, len(others))), axis=1)[:, :3]
        anchor, first, second = others[picked].transpose(1, 0, 2)
        away = sample - anchor
        distance = np.maximum(np.sqrt((away**2).sum(axis=1, keepdims=True)), np.finfo(float).tiny)
        direction = away / distance
        scale = random.uniform(1.2, 2.2, size=(count, 1))
        proposal = sample + direction * scale * ((first - second) * direction).sum(axis=1, keepdims=True)
        ratio = np.sqrt(((proposal - anchor) ** 2).sum(axis=1)) / distance[:, 0]
        with np.errstate(divide="ignore"):
            return proposal, (dimensions - 1.0) * np.log(ratio)


MOVES: dict[str, tuple[tuple[type[RedBlueMove], float], ...]] = {
    "de_snooker": ((DEMove, 0.8), (SnookerMove, 0.2)),
    "de": ((DEMove, 1.0),),
    "stretch": ((StretchMove, 1.0),),
}


@dataclass(frozen=True)
class EnsembleSettings:
    """Settings of the ensembles.

    `ensembles` independent ensembles of `walkers` each (None: at least 64 and four per parameter, in multiples of 32);
    `moves` a name in MOVES; `start_scale` widens the Laplace approximation the walkers start from; `burn_in` steps are
    never kept, and in them, every `restart_every` steps, walkers whose mean log posterior lies more than `stuck_depth`
    below the median of their ensemble are put among the others.
    """

    ensembles: int = 4
    walkers: int | None = None
    moves: str = "de_snooker"
    start_scale: float = 1.3
    burn_in: int = 100
    restart_every: int = 25
    stuck_depth: float = 20.0

    def __post_init__(self) -> None:
        if self.moves not in MOVES:
            raise ValueError(f"moves {self.moves!r} is not one of {', '.join(MOVES)}")
        if self.ensembles < 2:
            raise ValueError("at least 2 independent ensembles are needed to judge convergence; 4 are usual")
        if self.burn_in < 0 or self.restart_every < 1 or not self.start_scale > 0.0:
            raise ValueError("burn_in must not be negative, restart_every at least 1 and start_scale positive")

    def walkers_for(self, parameters: int) -> int:
        """Number of walkers of an ensemble for a number of parameters."""
        if self.walkers is not None:
            if self.walkers < 2 * parameters or self.walkers % 4:
                raise ValueError(f"walkers must be a multiple of 4 and at least twice the {parameters} parameters, not "
                                 f"{self.walkers}")
            return self.walkers
        return BLOCK * -(-max(64, 4 * parameters) // BLOCK)


class EnsembleChains:
    """Ensembles side by side; see `sampling_loop.Chains`."""

    def __init__(self, density: CountedDensity, walkers: int, settings: EnsembleSettings, seed: int) -> None:
        self.density = density
        self.settings = settings
        self.burn_in = settings.burn_in
        self.walkers = walkers
        self.restarted = 0
        self.accepted = np.zeros(settings.ensembles, np.int64)
        seeds = np.random.SeedSequence(seed).spawn(settings.ensembles + 1)
        self.generator = np.random.default_rng(seeds[0])
        # emcee's moves speak to the older interface; it draws from the same kind of stream as a Generator would.
        self.randoms = [np.random.RandomState(np.random.PCG64(one)) for one in seeds[1:]]
        kinds = MOVES[settings.moves]
        self.moves = [kind() for kind, _ in kinds]
        self.shares = np.cumsum([share for _, share in kinds])

    def start(self, means: NDArray[np.float64], covariances: NDArray[np.float64]) -> None:
        """Spread walkers around the modes and evaluate them."""
        points, values, companions = spread_points(self.density, means, covariances, self.settings.start_scale,
                                                   self.settings.ensembles * self.walkers, self.generator)
        shape = (self.settings.ensembles, self.walkers)
        # Modes are dealt in turn, so every ensemble has its share of each.
        self.position = points.reshape(*shape, -1)
        self.log_density = values.reshape(shape)
        self.companions = companions.reshape(*shape, -1)

    def step(self) -> None:
        """One move of every walker: as many calls of the log posterior as the move has sub-ensembles."""
        move = self.moves[int(np.searchsorted(self.shares, self.generator.random() * self.shares[-1], side="right"))]
        splits = move.nsplits
        labels = np.tile(np.arange(self.walkers) % splits, (len(self.randoms), 1))
        for row, random in zip(labels, self.randoms):
            random.shuffle(row)
        for split in range(splits):
            members = [np.flatnonzero(row == split) for row in labels]
            proposals, factors = [], []
            for which, (row, random) in enumerate(zip(labels, self.randoms)):
                groups = [self.position[which][row == other] for other in range(splits)]
                move.setup(self.position[which])
                proposal, factor = move.get_proposal(groups[split], groups[:split] + groups[split + 1:], random)
                proposals.append(proposal)
                factors.append(factor)
            values, companions = self.density(np.concatenate(proposals))
            for which, random in enumerate(self.randoms):
                there = slice(which * members[0].size, (which + 1) * members[0].size)
                gain = factors[which] + values[there] - self.log_density[which][members[which]]
                taken = np.log(random.random_sample(members[which].size)) < gain
                moved = members[which][taken]
                self.position[which, moved] = proposals[which][taken]
                self.log_density[which, moved] = values[there][taken]
                self.companions[which, moved] = companions[there][taken]
                self.accepted[which] += int(taken.sum())

    def after_step(self, chain: NDArray[np.float64], log_density: NDArray[np.float64]) -> None:
        """Put stuck walkers of the last `restart_every` steps of burn-in among the others of their ensemble."""
        every = self.settings.restart_every
        if chain.shape[0] % every:
            return
        level = log_density[-every:].mean(axis=0)
        stuck = level < np.median(level, axis=1, keepdims=True) - self.settings.stuck_depth
        if not stuck.any():
            return
        where = np.argwhere(stuck)
        placed = []
        for ensemble, _ in where:
            well = np.flatnonzero(~stuck[ensemble])
            near, first, second = self.generator.choice(well, size=3, replace=False)
            standing = self.position[ensemble]
            placed.append(standing[near] + 0.3 * (standing[first] - standing[second]))
        values, companions = self.density(np.array(placed))
        for (ensemble, walker), point, value, companion in zip(where, placed, values, companions):
            if value > self.log_density[ensemble, walker]:
                self.position[ensemble, walker] = point
                self.log_density[ensemble, walker] = value
                self.companions[ensemble, walker] = companion
                self.restarted += 1

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Random generators and counters."""
        randoms = [random.get_state(legacy=False) for random in self.randoms]
        return {"generator": self.generator.bit_generator.state, "randoms": randoms, "restarted": self.restarted}, {}

    def restore(self, saved: Saved) -> None:
        """Stand where `saved` stood."""
        self.position, self.log_density = saved.chain[-1].copy(), saved.log_density[-1].copy()
        self.companions = saved.companions[-1].copy()
        self.generator.bit_generator.state = saved.state["generator"]
        for random, state in zip(self.randoms, saved.state["randoms"], strict=True):
            random.set_state(state)
        self.restarted = saved.state["restarted"]
        self.accepted = np.array(saved.state["accepted"], np.int64)
        self.density.runs, self.density.failed = saved.state["runs"], saved.state["failed"]


def sample_ensembles(log_density: LogDensity, mean: ArrayLike, covariance: ArrayLike, *, names: tuple[str, ...] | None = None,
                     seed: int = 0, settings: EnsembleSettings | None = None, rule: StopRule | None = None,
                     maximum_runs: int = 500_000, checkpoint: Checkpoint | None = None,
                     progress: Progress | None = None) -> SamplingResult:
    """Sample a posterior with independent ensembles until the stop rule is satisfied.

    `log_density(u) -> (R,)` for u (R, parameters), or a pair with companions; `mean` (parameters,) and `covariance`
    (parameters, parameters) of the Laplace approximation, or (modes, ...) of several, among which walkers are shared.
    With a `checkpoint` that holds a save of the same configuration the chain is resumed. Running out of `maximum_runs`
    gives status "not_converged" and all draws. Raises ValueError for shapes that do not fit, starting points without a
    finite posterior, or a foreign checkpoint.
    """
    settings, rule = settings or EnsembleSettings(), rule or StopRule()
    means, covariances = as_modes(mean, covariance)
    parameters = means.shape[1]
    names = tuple(names) if names is not None else tuple(f"u{i}" for i in range(parameters))
    if len(names) != parameters:
        raise ValueError(f"{len(names)} names for {parameters} parameters")
    walkers = settings.walkers_for(parameters)
    tied = {"method": "ensemble", "seed": seed, "walkers": walkers, "names": list(names),
            "start": array_hash(means, covariances), **asdict(settings)}
    chains = EnsembleChains(CountedDensity(log_density), walkers, settings, seed)
    saved = None if checkpoint is None else checkpoint.load(tied)
    if saved is None:
        chains.start(means, covariances)
    else:
        chains.restore(saved)
    outcome = run_chains(chains, names, rule, maximum_runs, tied, checkpoint, progress, saved)
    return conclude(outcome, chains, names, rule)


def conclude(outcome: LoopOutcome, chains: EnsembleChains, names: tuple[str, ...], rule: StopRule) -> SamplingResult:
    """The result of a finished loop, with warnings on walkers that do not mix."""
    trace, verdict = outcome.trace, outcome.verdict
    first = min(rule.first_kept(trace.steps, chains.burn_in), max(trace.steps - 1, 0))
    kept = walkers_as_chains(trace.chain[first:trace.steps])
    density = trace.log_density[first:trace.steps]
    warnings = [*outcome.warnings, *walker_warnings(verdict, rule, density, chains.settings.stuck_depth)]
    proposals = max(trace.steps * chains.walkers, 1)
    message = f"stop rule satisfied at step {trace.steps}" if verdict.satisfied else "; ".join(verdict.reasons)
    ensemble = np.repeat(np.arange(chains.settings.ensembles), chains.walkers)
    return SamplingResult("ensemble", outcome.status, message, names, kept, walkers_as_chains(density), ensemble,
                          chains.density.runs, chains.density.failed, trace.steps, chains.accepted / proposals, verdict,
                          companions=walkers_as_chains(trace.companions[first:trace.steps]), warnings=tuple(warnings),
                          restarted=chains.restarted, seconds=outcome.seconds)


def walker_warnings(verdict: Verdict, rule: StopRule, density: NDArray[np.float64], depth: float) -> list[str]:
    """Words on walkers that stay apart, or far below the rest; `density` (steps, ensembles, walkers) of kept steps."""
    found = [words for words in verdict.reasons if (verdict.walker_rhat >= rule.maximum_walker_rhat).any() and "mix" in words]
    level = density.mean(axis=0)
    stuck = int((level < np.median(level, axis=1, keepdims=True) - depth).sum())
    if stuck:
        found.append(f"{stuck} walkers stay more than {depth:g} in log posterior below the median of their ensemble")
    return found
