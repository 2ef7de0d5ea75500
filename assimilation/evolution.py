"""Global searches for posteriors with several optima: CMA-ES (package `cma`, optional) and differential evolution (scipy).

A whole generation is one call of the model. Gauss-Newton from several starts takes twenty times fewer runs where it works.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from terraflux.assimilation.gauss_newton import Optimum, Start, best_of
from terraflux.assimilation.quasi_newton import log_density_of

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

FAILED = 1e15
"""Cost of a failed replica."""


def covariance_adaptation(
    problem: Any,
    starts: ArrayLike,
    *,
    population: int = 20,
    deviation: float = 1.0,
    tolerance: float = 1e-3,
    maximum_runs: int = 20_000,
    seed: int | np.random.Generator = 0,
    progress: Progress | None = None,
) -> Optimum:
    """CMA-ES (Hansen 2016, arXiv 1604.00772) from each of `starts` (S, p) with a first standard deviation in u.

    Raises ImportError naming the extra if `cma` is absent. maximum_runs: for each start. tolerance: range of the log
    posterior in recent generations at which a start has arrived.
    """
    try:
        import cma
    except ImportError as error:
        raise ImportError("CMA-ES needs the package `cma`: install terraflux[calibration], or use method "
                          "`differential_evolution`") from error
    density, random = log_density_of(problem), np.random.default_rng(seed)
    reports: list[Start] = []
    points = np.atleast_2d(np.asarray(starts, np.float64))
    for number, point in enumerate(points):
        options = {
            "popsize": population,
            "tolfun": tolerance,
            "maxfevals": maximum_runs,
            "verbose": -9,
            "seed": np.nan,  # its draws come from our generator alone
            "randn": lambda rows, columns: random.standard_normal((rows, columns)),
        }
        search = cma.CMAEvolutionStrategy(point, deviation, options)
        best, place, runs = -np.inf, point, 0
        history: list[tuple[int, float]] = []
        while not search.stop():
            trials = np.array(search.ask())
            values = np.asarray(density(trials), np.float64)
            runs += values.size
            values = np.where(np.isfinite(values), values, -FAILED)
            search.tell(list(trials), list(-values))
            top = int(np.argmax(values))
            if values[top] > max(best, -FAILED):
                best, place = float(values[top]), trials[top].copy()
            history.append((runs, best))
        reason = search.stop()
        arrived = bool(np.isfinite(best)) and bool({"tolfun", "tolfunhist", "tolx", "ftarget"} & set(reason))
        message = "arrived" if arrived else f"CMA-ES stopped: {', '.join(reason)}"
        reports.append(Start(place, best, runs, arrived, message, np.array(history)))
        if progress is not None:
            progress(number + 1, points.shape[0], f"log posterior {max(report.log_posterior for report in reports):.2f}")
    return best_of(reports, sum(report.runs for report in reports))


def differential_evolution(
    problem: Any,
    starts: ArrayLike,
    *,
    bound: float = 8.0,
    tolerance: float = 1e-2,
    maximum_runs: int = 20_000,
    seed: int | np.random.Generator = 0,
    progress: Progress | None = None,
) -> Optimum:
    """Differential evolution (Storn and Price 1997) whose first generation is `starts` (S, p), filled to 4p by a cube.

    tolerance: range of the log posterior in a generation at which it has arrived. Controls stay within +-bound.
    """
    density, random = log_density_of(problem), np.random.default_rng(seed)
    first = np.clip(np.atleast_2d(np.asarray(starts, np.float64)), -bound, bound)
    count = first.shape[1]
    wanted = max(4 * count, 8)
    if first.shape[0] < wanted:
        fill = random.uniform(-3.0, 3.0, (wanted - first.shape[0], count))
        first = np.concatenate([first, np.clip(fill, -bound, bound)])
    runs, best, place = 0, -np.inf, first[0]
    history: list[tuple[int, float]] = []

    def cost(columns: Floats) -> Floats:
        nonlocal runs, best, place
        trials = np.atleast_2d(columns.T)
        values = np.asarray(density(trials), np.float64)
        runs += values.size
        values = np.where(np.isfinite(values), values, -FAILED)
        top = int(np.argmax(values))
        if values[top] > max(best, -FAILED):
            best, place = float(values[top]), trials[top].copy()
        history.append((runs, best))
        if progress is not None:
            progress(runs, maximum_runs, f"log posterior {best:.2f}")
        return -values

    answer = optimize.differential_evolution(
        cost,
        [(-bound, bound)] * count,
        init=first,
        vectorized=True,
        updating="deferred",
        polish=False,
        tol=0.0,
        atol=tolerance,
        maxiter=max(1, maximum_runs // first.shape[0]),
        rng=random,
    )
    converged = bool(answer.success) and np.isfinite(best)
    message = "arrived" if converged else f"differential evolution stopped: {answer.message}"
    return best_of([Start(place, best, runs, converged, message, np.array(history))], runs)
