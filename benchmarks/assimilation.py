"""How many runs of the model a calibration takes, and how long: twins of the full land model, one half-hourly year.

    python benchmarks/assimilation.py                      all of it, with words as it goes (a quarter of an hour on two cores)
    python benchmarks/assimilation.py --json               also prints the numbers as JSON
    python benchmarks/assimilation.py --json result.json   writes them, after every part
    python benchmarks/assimilation.py --quick              fewer starts; emcee for 20 steps, scaled to 1000

Ten parameters (`terraflux.assimilation.full_twins`). "dense": net exchange and latent heat by the half hour with gaps, soil
water by the day; "sparse": 60 daily means of net exchange and 30 of soil water. Runs to an effective size of 1000 count all
after the normal posterior; a sampler that did not get there with R-hat < 1.01 gives null. Shifts are the largest over
parameters, and over three dense twins unless quick, between a mean and that of independent samplers, in standard deviations:
of the normal posterior, and of the same corrected by the fit's weighted draws. Times are wall clock: let nothing else run.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.fit import SEARCH, Fit, fit
from terraflux.assimilation.full_twins import LandTwin, land_twin
from terraflux.assimilation.gauss_newton import gauss_newton

Floats = NDArray[np.float64]
Found = dict[str, float | None]
KEYS = ("map_runs_median", "map_success_fraction", "dense_runs_to_ess1000", "sparse_runs_to_ess1000", "fit_auto_seconds",
        "emcee_64x1000_seconds", "normal_shift", "corrected_shift")
OTHER_SEEDS = (1, 2)
"""Errors of further dense twins on which the normal posterior is judged."""
JUDGES = (100, 200, 300)
"""What seeds of the samplers that judge a normal posterior are apart from that of the fit. With an effective size of 1000 the
mean of one is known to 0.03 standard deviations, the farthest of ten parameters to twice that."""
STARTS = 40
NEAR = 0.5
"""A start has found the optimum when its log posterior is no further than this below the best known."""
WALKERS, STEPS = 64, 1000
EFFECTIVE = 1000.0
MOST_RUNS = 20_000


def say(text: str) -> None:
    """A line for who waits."""
    print(text, file=sys.stderr, flush=True)


def optimum_runs(twin: LandTwin, starts: int) -> Found:
    """Median runs of Gauss-Newton from prior draws to within NEAR of the best log posterior, and the share that got there."""
    target = twin.target
    points = target.space.draw(np.random.default_rng(40), starts)
    found = gauss_newton(target.with_noise(target.space.default_control()), points[:, target.mean_columns], **SEARCH,
                         progress=lambda done, most, words: say(f"  {done} of {most} starts: {words}"))
    best = max(start.log_posterior for start in found.starts)
    runs = []
    for start in found.starts:
        there = np.flatnonzero(start.history[:, 1] >= best - NEAR)
        if there.size:
            runs.append(float(start.history[there[0], 0]))
    return {"map_runs_median": float(np.median(runs)), "map_success_fraction": len(runs) / starts}


def runs_to_effective(found: Fit) -> float | None:
    """Runs after the normal posterior to EFFECTIVE draws with R-hat < 1.01; None if it took more than allowed."""
    assert found.check is not None
    if found.sampling is None or not found.sampling.converged:
        return None
    return float(found.check.runs + found.sampling.runs)


def describe(found: Fit, twin: LandTwin) -> None:
    """What a fit found, in words."""
    for stage in found.stages:
        say(f"  {stage.name}: {stage.runs} runs, {stage.seconds:.1f} s. {stage.message}")
    assert found.normal is not None and found.corrected is not None
    draws = found.draws if found.sampling is None else found.sampling.equal_draws(4000, 1)
    shift = np.abs(draws.mean(axis=0) - found.normal.mean) / found.normal.deviation
    corrected = np.abs(draws.mean(axis=0) - found.corrected.mean) / found.normal.deviation
    ratio = draws.std(axis=0) / found.normal.deviation
    distance = np.abs(twin.truth - draws.mean(axis=0)) / draws.std(axis=0)
    say(f"  normal posterior against draws: means up to {shift.max():.2f} standard deviations apart, "
        f"{corrected.max():.2f} once weighted draws correct the mean, ratio of standard deviations "
        f"{ratio.min():.2f}..{ratio.max():.2f}; truth up to {distance.max():.1f} from the mean")


def shifts(found: Fit, twin: LandTwin, seed: int) -> Found:
    """Standard deviations between the means of a fit and those of samplers with seeds of their own."""
    assert found.normal is not None and found.corrected is not None
    judged = []
    for apart in JUDGES:
        sampled = fit(twin.target, "importance", seed=seed + apart, starts=1, maximum_runs=MOST_RUNS).sampling
        assert sampled is not None
        judged.append(sampled.equal_draws(4000, 1))
    draws = np.concatenate(judged)
    return {name: float(np.max(np.abs(one.mean - draws.mean(axis=0)) / draws.std(axis=0)))
            for name, one in (("normal_shift", found.normal), ("corrected_shift", found.corrected))}


def worst_shifts(first: Fit, dense: LandTwin, quick: bool) -> Found:
    """The largest shifts over the dense twins."""
    every = [shifts(first, dense, 0)]
    for seed in () if quick else OTHER_SEEDS:
        twin = land_twin("dense", seed)
        every.append(shifts(fit(twin.target, "auto", seed=seed), twin, seed))
        say(f"  seed {seed}: {every[-1]}")
    return {name: max(float(one[name] or 0.0) for one in every) for name in every[0]}


def auto_seconds(twin: LandTwin) -> tuple[float, Fit]:
    """Wall-clock seconds of a whole `fit(..., "auto")`."""
    begin = time.perf_counter()
    found = fit(twin.target, "auto")
    return time.perf_counter() - begin, found


def emcee_seconds(twin: LandTwin, start: Floats, covariance: Floats, steps: int) -> float:
    """Wall-clock seconds of STEPS steps of emcee with WALKERS walkers, from `steps` of them.

    Moves are those of the samplers here: halves of the ensemble for both kinds, 32 replicas in every compiled call.
    """
    import emcee

    from terraflux.assimilation.ensemble_sampling import SnookerMove

    generator = np.random.default_rng(0)
    points = generator.multivariate_normal(start, covariance, WALKERS)
    ensemble = emcee.EnsembleSampler(WALKERS, start.size, twin.target.log_density, vectorize=True,
                                     moves=[(emcee.moves.DEMove(), 0.8), (SnookerMove(), 0.2)])
    first = emcee.State(points, log_prob=twin.target.log_density(points))
    begin = time.perf_counter()
    for number, _ in enumerate(ensemble.sample(first, iterations=steps), 1):
        if number % 100 == 0:
            say(f"  step {number}: {time.perf_counter() - begin:.0f} s")
    return (time.perf_counter() - begin) * STEPS / steps


def measure(dense: LandTwin, sparse: LandTwin, quick: bool, keep: Callable[[Found], None]) -> Found:
    """All numbers; `keep` is called with those known after every part."""
    found: Found = dict.fromkeys(KEYS)

    def part(name: str, numbers: Found) -> None:
        found.update(numbers)
        say(f"{name}: " + ", ".join(f"{key} {value}" for key, value in numbers.items()))
        keep(found)

    for twin in (dense, sparse):  # compiled or loaded before any clock runs
        twin.target.predict(np.repeat(twin.truth[None], 16, axis=0))
    seconds, first = auto_seconds(dense)
    describe(first, dense)
    part("fit", {"fit_auto_seconds": seconds})
    part("shifts", worst_shifts(first, dense, quick))
    if first.sampling is None:
        say("weighted draws were enough for 'auto'; on to an effective size of 1000")
        first = fit(dense.target, "importance", maximum_runs=MOST_RUNS)
        describe(first, dense)
    part("dense", {"dense_runs_to_ess1000": runs_to_effective(first)})
    part("optimum", optimum_runs(dense, STARTS // 5 if quick else STARTS))
    second = fit(sparse.target, "importance", maximum_runs=MOST_RUNS,
                 progress=lambda done, most, words: say(f"  {done} {words}"))
    describe(second, sparse)
    part("sparse", {"sparse_runs_to_ess1000": runs_to_effective(second)})
    assert first.normal is not None
    steps = STEPS // 50 if quick else STEPS
    part("emcee", {"emcee_64x1000_seconds": emcee_seconds(dense, first.normal.mean, first.normal.covariance, steps)})
    return found


def main(arguments: list[str] | None = None) -> Found:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="write the numbers (to the screen without FILE)")
    parser.add_argument("--quick", action="store_true", help="fewer starts and steps")
    parser.add_argument("--threads", type=int, help="cores used (all)")
    chosen = parser.parse_args(arguments)

    def keep(numbers: Found) -> None:
        if chosen.json not in (None, "-"):
            Path(chosen.json).write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")

    options: dict[str, Any] = {"threads": chosen.threads}
    found = measure(land_twin("dense", **options), land_twin("sparse", **options), chosen.quick, keep)
    if chosen.json == "-":
        print(json.dumps(found, indent=2))
    return found


if __name__ == "__main__":
    main()
