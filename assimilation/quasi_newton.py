"""L-BFGS-B (Byrd et al. 1995, SIAM J. Sci. Comput. 16, 1190) on the log posterior alone, with batched central gradients.

For posteriors that are no sum of squares. Value and gradient come from one call of 2p + 1 replicas.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from terraflux.assimilation.gauss_newton import Optimum, Start, best_of

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

BOUND = 8.0
"""Largest control in size."""
DIFFERENCE = 1e-4
"""Step of the central differences in u."""
RESTARTS = 8
"""Searches from where the one before stopped, until one gains nothing."""
FAILED = 1e12
"""Cost of a failed replica, which the line search takes as a step too far."""


def log_density_of(problem: Any) -> Callable[[Floats], Floats]:
    """The batched log posterior of a problem: its `log_density`, itself if it is a function, or that of its residuals."""
    if hasattr(problem, "log_density"):
        return problem.log_density  # type: ignore[no-any-return]
    if callable(problem):
        return problem  # type: ignore[no-any-return]
    from terraflux.assimilation.residuals import LeastSquares

    return LeastSquares(problem).log_density


def limited_memory_search(
    problem: Any,
    starts: ArrayLike,
    *,
    difference: float = DIFFERENCE,
    bound: float = BOUND,
    tolerance: float = 1e-3,
    maximum_iterations: int = 200,
    progress: Progress | None = None,
) -> Optimum:
    """Maximum of a batched log posterior from `starts` (S, p) in u-space, one after another.

    tolerance: rise of the log posterior in an iteration at which a start has arrived. Controls stay within +-bound.
    """
    density = log_density_of(problem)
    points = np.clip(np.atleast_2d(np.asarray(starts, np.float64)), -bound, bound)
    reports: list[Start] = []
    for number, point in enumerate(points):
        reports.append(_from_start(density, point, difference, bound, tolerance, maximum_iterations))
        if progress is not None:
            best = max(report.log_posterior for report in reports)
            progress(number + 1, points.shape[0], f"log posterior {best:.2f}")
    return best_of(reports, sum(report.runs for report in reports))


def _from_start(
    density: Callable[[Floats], Floats], start: Floats, difference: float, bound: float, tolerance: float, iterations: int
) -> Start:
    count = start.size
    moves = np.concatenate([np.zeros((1, count)), difference * np.eye(count), -difference * np.eye(count)])
    runs, best, place = 0, -np.inf, start
    history: list[tuple[int, float]] = []

    def cost(u: Floats) -> tuple[float, Floats]:
        nonlocal runs, best, place
        values = np.asarray(density(u + moves), np.float64)
        runs += values.size
        if not np.isfinite(values[0]):
            return FAILED, np.zeros(count)
        ahead, behind = values[1 : count + 1], values[count + 1 :]
        slope = np.where(np.isfinite(ahead) & np.isfinite(behind), (ahead - behind) / (2.0 * difference), 0.0)
        if values[0] > best:
            best, place = float(values[0]), u.copy()
        history.append((runs, best))
        return -float(values[0]), -slope

    small, last = 0, np.inf

    def settled(intermediate_result: optimize.OptimizeResult) -> None:
        nonlocal small, last
        fall, last = last - float(intermediate_result.fun), float(intermediate_result.fun)
        small = small + 1 if fall < tolerance else 0
        if small >= 2:
            raise StopIteration

    converged, reason = False, "no restart came to rest"
    for _ in range(RESTARTS):
        before, small, last = best, 0, np.inf
        answer = optimize.minimize(
            cost,
            place,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-bound, bound)] * count,
            callback=settled,
            options={"maxiter": iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-3},
        )
        # a line search in a narrow valley may stand still far from the optimum: only a fresh memory tells
        if not np.isfinite(best) or best - before < 10.0 * tolerance:
            converged, reason = bool(np.isfinite(best)), str(answer.message)
            break
    message = "arrived" if converged else f"L-BFGS-B stopped: {reason}"
    if not np.isfinite(best):
        message = "the posterior is not finite at the start"
    return Start(place, best, runs, converged, message, np.array(history).reshape(-1, 2))
