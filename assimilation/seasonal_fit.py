"""The best season and its uncertainty in few runs: linear about a point, solved, and linear about the next.

Modelled production is nearly a product of the season and the rest, so a handful of linearisations arrive. Within one, the
weights, the noise of the streams and the smoothing width are settled without running the model. It serves problems without
a season just as well, so that both are fitted by the same means before they are compared:

    found = fit_season(TowerProblem(posed, columns))
    draws = found.draws(1000)
    terms = pointwise(found.target, draws, found.predict(draws))     # for `seasonal_choice.accepted`
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.fit import estimated_noise
from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.likelihood import stream_terms
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.residuals import Residuals
from terraflux.assimilation.seasonal_space import SeasonalSpace, best_width
from terraflux.assimilation.tower_problem import TowerProblem

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]

PASSES = 15
WIDTH_PASSES = 20
WIDTH_CHANGE = 0.02
"""The smoothing width is settled when its logarithm moves by no more."""
TOLERANCE = 0.05
"""Rise of the log posterior that a further step may still promise at the best point: a third of a standard deviation."""
LARGEST_PROMISE = 0.5
"""Two steps that raise it by less than twice the tolerance end the search, as converged if no more than this is promised:
ramps of the model have corners, so that slopes promise what no step can keep."""
LARGEST_STEP = 2.0
LARGEST_WEIGHT = 45.0
"""Steps keep weights within this, so that differences beside them stay within the bounds of the model."""
SHORTER = (1.0, 0.5, 0.25, 0.1, 0.03)
"""Parts of a step that are tried where the whole of it lowers the posterior."""
DIFFERENCE = 2e-3


@dataclass(frozen=True, eq=False)
class SeasonalFit:
    """The best point of a tower problem and the normal posterior around it.

    `control` (p,) is the whole control vector; `normal` that of the mean columns (`target.mean_columns`), with noise and
    smoothing width held where they were estimated. `width` is None for a problem without season or with a sampled width.
    `modelled` (n,) and `slope` (m, n) are modelled observations at `centre` (p,), the point of the last linearisation beside
    `control`, and their derivatives. `runs` of the model. `status` is "converged" or "not_converged".
    """

    target: TowerProblem
    control: Floats
    normal: LaplacePosterior
    width: float | None
    centre: Floats
    modelled: Floats
    slope: Floats
    runs: int
    status: str

    def draws(self, count: int, seed: int = 0) -> Floats:
        """Control vectors (count, p) from the normal posterior, noise held."""
        made = np.repeat(self.control[np.newaxis], count, axis=0)
        made[:, self.target.mean_columns] = self.normal.draws(count, seed)
        return made

    def predict(self, control: ArrayLike) -> Floats:
        """Modelled observations (R, n) of control vectors (R, p), linear about the best point; no run of the model."""
        columns = self.target.mean_columns
        away = np.atleast_2d(np.asarray(control, np.float64))[:, columns] - self.centre[columns]
        return np.asarray(self.modelled + away @ self.slope)

    def factor(self, terms: ArrayLike, control: ArrayLike | None = None, season: int = 0) -> Floats:
        """Seasonal factor (R, T) of control vectors (R, p), the best one by default, from terms (T, K)."""
        space = self.target.space
        if not isinstance(space, SeasonalSpace):
            raise ProblemError("the problem has no season")
        weights = space.weights(self.control[np.newaxis] if control is None else control)[:, season]
        return np.exp(weights @ np.asarray(terms, np.float64).T)


def fit_season(target: TowerProblem, start: ArrayLike | None = None, *, tolerance: float = TOLERANCE,
               progress: Progress | None = None) -> SeasonalFit:
    """The optimum and normal posterior of a tower problem, the noise of streams and the smoothing width estimated beside.

    `start` (p,) is a control vector, the defaults unless given. It ends where the next step promises the log posterior a
    rise of less than `tolerance`. The smoothing width of the target's space is set to the
    one that is found; where it is sampled, it is a control like any other. 2m + 4 runs a pass. Raises ValueError where the
    model fails at the start or beside it.
    """
    space, columns, before = target.space, target.mean_columns, target.runs
    control = space.default_control() if start is None else np.array(start, np.float64)
    arrived, stalls = False, 0
    for number in range(PASSES):
        if progress is not None:
            progress(number, PASSES, "fitting")
        centre = control.copy()
        modelled, slope = _linearised(target, centre)
        control = estimated_noise(target, control)
        problem = _linear_problem(target, control, centre, modelled, slope)
        normal = _settled(target, problem, control[columns])
        step = np.clip(normal.mean - control[columns], -LARGEST_STEP, LARGEST_STEP)
        promised = 0.5 * float(step @ normal.hessian @ step)
        if promised < tolerance:
            control[columns] = normal.mean
            arrived = True
            break
        control, rise = _moved(target, control, step)
        stalls = stalls + 1 if rise < 2.0 * tolerance else 0
        if stalls == 2:
            arrived = promised < max(LARGEST_PROMISE, tolerance)
            break
    width = space.width if isinstance(space, SeasonalSpace) else None
    return SeasonalFit(target, control, normal, width, centre, modelled, slope, target.runs - before,
                       "converged" if arrived else "not_converged")


def pointwise(target: TowerProblem, control: ArrayLike, predicted: ArrayLike | None = None) -> Floats:
    """Log-likelihood of every observation (R, n) at control vectors (R, p), weighted as in the fit.

    `predicted` (R, n) are modelled observations, if they are known; else the model is run.
    """
    u = np.atleast_2d(np.asarray(control, np.float64))
    values = target.predict(u) if predicted is None else np.asarray(predicted, np.float64)
    noise = target.space.noise(u)
    return -np.concatenate([stream_terms(one, values[:, target.parts[one.name]], noise.get(one.name, {})) * one.weight * share
                            for one, share in zip(target.streams, target.stream_weight, strict=True)], axis=1)


def _linearised(target: TowerProblem, control: Floats) -> tuple[Floats, Floats]:
    """Modelled observations (n,) at a control vector, and their derivatives (m, n) by central differences."""
    columns = target.mean_columns
    moves = DIFFERENCE * np.eye(control.size)[columns]
    rows = target.predict(np.concatenate([control[np.newaxis], control + moves, control - moves]))
    if not np.isfinite(rows).all():
        raise ValueError(f"{target.columns.tower.site.site_id}: the model fails at or beside {', '.join(target.names)} = "
                         f"{', '.join(f'{value:.4g}' for value in target.space.physical(control)[0])}")
    count = columns.size
    return rows[0], (rows[1:count + 1] - rows[count + 1:]) / (2.0 * DIFFERENCE)


def _linear_problem(target: TowerProblem, control: Floats, centre: Floats, modelled: Floats, slope: Floats) -> Residuals:
    """The problem of least squares at the noise of `control`, its predictions linear about `centre`."""
    fixed, columns = target.with_noise(control), target.mean_columns
    return Residuals(lambda v: modelled + (v - centre[columns]) @ slope, fixed.observed, fixed.sigma, fixed.log_prior,
                     fixed.prior_gradient_hessian, names=fixed.names, streams=fixed.streams, error_model=fixed.error_model,
                     weight=fixed.weight, whiten=fixed.whiten)


def _settled(target: TowerProblem, problem: Residuals, start: Floats) -> LaplacePosterior:
    """Normal posterior of the linear problem, at the smoothing width of the highest marginal density."""
    space, columns = target.space, target.mean_columns
    for _ in range(WIDTH_PASSES):
        optimum = gauss_newton(problem, start[np.newaxis], largest_step=LARGEST_STEP)
        if optimum.status == "failed":
            raise ValueError(f"{target.columns.tower.site.site_id}: {optimum.message}")
        normal = laplace_posterior(problem, optimum.u)
        if not isinstance(space, SeasonalSpace) or space.width is None:
            break
        place = np.searchsorted(columns, space.season_columns)
        found = best_width(normal.mean[place], normal.covariance[np.ix_(place, place)], space.width)
        change = abs(np.log(found / space.width))
        if change < WIDTH_CHANGE:
            break
        space.width, start = found, normal.mean
    return normal


def _moved(target: TowerProblem, control: Floats, step: Floats) -> tuple[Floats, float]:
    """The control vector after the step or the best part of it, and the rise of the log posterior; it stays if none rises."""
    columns = target.mean_columns
    trials = np.repeat(control[np.newaxis], len(SHORTER), axis=0)
    trials[:, columns] += np.array(SHORTER)[:, np.newaxis] * step
    if isinstance(target.space, SeasonalSpace) and target.space.width is not None:
        season = target.space.season_columns
        trials[:, season] = np.clip(trials[:, season], -LARGEST_WEIGHT, LARGEST_WEIGHT)
    here, whole = target.log_density(np.stack([control, trials[0]]))
    if whole >= here:
        return trials[0], float(whole - here)
    values = target.log_density(trials[1:])
    best = int(np.argmax(values))
    return (trials[1 + best], float(values[best] - here)) if values[best] > here else (control, 0.0)
