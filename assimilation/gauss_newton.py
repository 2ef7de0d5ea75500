"""Gauss-Newton with Levenberg-Marquardt damping, many starts at once: the default way to the best parameters.

Each start costs p runs for forward differences of the modelled observations and one run for each damping tried, all in two
calls of the model. Errors that are not normal are met by reweighting (IRLS). The Hessian is J^T W J less that of the log
prior, with J in whitened observation space (Levenberg 1944; Marquardt 1963, J. SIAM 11, 431; More 1978).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.residuals import LeastSquares

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

DIFFERENCE = 2e-3
"""Step of the forward differences in u."""
DAMPINGS = np.geomspace(1e-4, 1e3, 7)
"""Factors on the present damping, all tried in one call."""
LARGEST_STEP = 3.0
"""Largest change of one control in one iteration."""
GAIN = 1e-3
"""Rise of the log posterior below which a start has arrived."""
LARGEST_DECREMENT = 0.05
"""Half of the squared Newton step in standard deviations above which a small rise is not taken for an arrival."""
MEMORY = 2.5e8
"""Bytes of modelled observations in one call, beyond which starts are taken in groups."""


@dataclass(frozen=True)
class Start:
    """How one start fared: control where it ended (p,), log posterior, runs it took, arrived or not, and why not.

    `history` has a row of (runs so far, log posterior) for each iteration.
    """

    u: Floats
    log_posterior: float
    runs: int
    converged: bool
    message: str
    history: Floats


@dataclass(frozen=True)
class Optimum:
    """The best point found.

    `u` (p,), its `log_posterior`, `runs` of the model in all, `status` ("converged", "not_converged" or "failed"), a
    message in words, and each of the starts. `spread` is the largest difference of log posterior among starts that arrived.
    """

    u: Floats
    log_posterior: float
    runs: int
    status: str
    message: str
    starts: tuple[Start, ...] = field(default=(), repr=False)

    @property
    def spread(self) -> float:
        """Best less worst log posterior of the starts that arrived (0 for one or none): above 2 means several optima."""
        arrived = [start.log_posterior for start in self.starts if start.converged]
        return max(arrived) - min(arrived) if arrived else 0.0


def best_of(starts: list[Start], runs: int) -> Optimum:
    """Sums up starts: the best of them, with how many arrived and how far apart they ended."""
    best = max(starts, key=lambda start: start.log_posterior if np.isfinite(start.log_posterior) else -np.inf)
    arrived = sum(start.converged for start in starts)
    if not np.isfinite(best.log_posterior):
        reason = "no start has a finite posterior: the model fails or the prior excludes every start"
        return Optimum(best.u, best.log_posterior, runs, "failed", reason, tuple(starts))
    status = "converged" if best.converged else "not_converged"
    message = f"{arrived} of {len(starts)} starts converged; best log posterior {best.log_posterior:.3f}"
    if not best.converged:
        message += f"; the best start stopped: {best.message}"
    result = Optimum(best.u, best.log_posterior, runs, status, message, tuple(starts))
    if result.spread > 2.0:
        message += f"; they differ by {result.spread:.1f} in log posterior, so there may be several optima"
        return Optimum(best.u, best.log_posterior, runs, status, message, tuple(starts))
    return result


class _Walk:
    """One start on its way."""

    def __init__(self, u: Floats, predicted: Floats, value: float) -> None:
        self.u, self.predicted, self.value = u, predicted, value
        self.damping, self.runs, self.stalls = 1.0, 1, 0
        self.done, self.converged, self.message = False, False, "the largest number of iterations was reached"
        self.history = [(1, value)]
        if not np.isfinite(value):
            self.done, self.message = True, "the posterior is not finite at the start"

    def finish(self, converged: bool, message: str) -> None:
        self.done, self.converged, self.message = True, converged, message

    def report(self) -> Start:
        return Start(self.u, float(self.value), self.runs, self.converged, self.message, np.array(self.history))


def gauss_newton(
    problem: Any,
    starts: ArrayLike,
    *,
    difference: float = DIFFERENCE,
    tolerance: float = GAIN,
    largest_step: float = LARGEST_STEP,
    maximum_iterations: int = 40,
    progress: Progress | None = None,
) -> Optimum:
    """Maximum of the posterior from `starts` (S, p) in u-space; problem: see `residuals`.

    difference: step of forward differences. tolerance: rise of the log posterior at which a start has arrived.
    largest_step: bound on the change of any control in an iteration. A start that fails costs only itself.
    """
    squares = LeastSquares(problem)
    points = np.atleast_2d(np.asarray(starts, np.float64))
    group = max(1, int(MEMORY / (8.0 * squares.observed.size * (points.shape[1] + 1))))
    walks: list[_Walk] = []
    for first in range(0, points.shape[0], group):
        walks += _together(squares, points[first : first + group], difference, tolerance, largest_step, maximum_iterations)
        if progress is not None:
            best = max(walk.value for walk in walks)
            progress(len(walks), points.shape[0], f"log posterior {best:.2f} after {squares.runs} runs")
    return best_of([walk.report() for walk in walks], squares.runs)


def _together(
    squares: LeastSquares, points: Floats, difference: float, tolerance: float, largest_step: float, iterations: int
) -> list[_Walk]:
    predicted = squares.predict(points)
    values = squares.log_posterior(points, predicted)
    walks = [_Walk(*row) for row in zip(points, predicted, values, strict=True)]
    for _ in range(iterations):
        active = [walk for walk in walks if not walk.done]
        if not active:
            break
        slopes = _jacobians(squares, active, difference)
        steps = [_steps(squares, walk, slope, largest_step) for walk, slope in zip(active, slopes, strict=True)]
        trials = np.concatenate([walk.u + step for walk, (step, _) in zip(active, steps, strict=True)])
        outcome = squares.predict(trials)
        values = squares.log_posterior(trials, outcome)
        for number, (walk, (_, decrement)) in enumerate(zip(active, steps, strict=True)):
            here = slice(number * DAMPINGS.size, (number + 1) * DAMPINGS.size)
            _advance(walk, trials[here], outcome[here], values[here], decrement, tolerance)
    return walks


def _jacobians(squares: LeastSquares, walks: list[_Walk], difference: float) -> list[Floats]:
    """Whitened derivatives (p, n) of each walk; a control whose step fails is stepped backwards, or left out."""
    count = walks[0].u.size
    moves = np.eye(count) * difference
    ahead = squares.predict(np.concatenate([walk.u + moves for walk in walks])).reshape(len(walks), count, -1)
    result = []
    for walk, rows in zip(walks, ahead, strict=True):
        walk.runs += count
        slope = (rows - walk.predicted) / difference
        failed = ~np.all(np.isfinite(slope), axis=1)
        if failed.any():
            walk.runs += int(failed.sum())
            slope[failed] = (walk.predicted - squares.predict(walk.u - moves[failed])) / difference
            slope[~np.all(np.isfinite(slope), axis=1)] = 0.0
        result.append(squares.scaled(slope))
    return result


def _steps(squares: LeastSquares, walk: _Walk, slope: Floats, largest_step: float) -> tuple[Floats, float]:
    """Steps (7, p) for all dampings, and half the squared Newton step in standard deviations."""
    residual = squares.residual(walk.predicted[np.newaxis])
    weight = squares.attraction(residual)[0]
    prior_gradient, prior_hessian = (part[0] for part in squares.prior_slopes(walk.u[np.newaxis]))
    gradient = slope @ (weight * residual[0]) + prior_gradient
    hessian = positive((slope * weight) @ slope.T - prior_hessian)
    decrement = 0.5 * float(gradient @ np.linalg.solve(hessian, gradient))
    scale = np.diag(hessian)
    steps = np.stack([np.linalg.solve(hessian + np.diag(walk.damping * factor * scale), gradient) for factor in DAMPINGS])
    return np.clip(steps, -largest_step, largest_step), decrement


def positive(matrix: Floats, floor: float = 1e-6) -> Floats:
    """A symmetric matrix with its eigenvalues raised to at least `floor`, so that a flat prior leaves it solvable."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    if values[0] >= floor:
        return np.asarray(0.5 * (matrix + matrix.T))
    return np.asarray((vectors * np.maximum(values, floor)) @ vectors.T)


def _advance(walk: _Walk, trials: Floats, outcome: Floats, values: Floats, decrement: float, tolerance: float) -> None:
    """Takes the best of the trials, or turns the damping up."""
    walk.runs += trials.shape[0]
    best = int(np.argmax(values))
    gain = values[best] - walk.value
    if gain > 0.0:
        walk.u, walk.predicted, walk.value = trials[best], outcome[best].copy(), values[best]
        walk.damping = float(np.clip(walk.damping * DAMPINGS[best], 1e-8, 1e6))
    else:
        walk.damping = float(min(walk.damping * 1e2, 1e6))
    walk.history.append((walk.runs, float(walk.value)))
    if gain >= tolerance:
        walk.stalls = 0
        return
    walk.stalls += 1
    if decrement < LARGEST_DECREMENT:
        walk.finish(True, "the log posterior rises no more")
    elif walk.stalls >= 4:
        walk.finish(False, f"no step raises the log posterior, though the gradient asks for {decrement:.2g} more")
