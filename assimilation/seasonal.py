"""Calibration with a season: from `seasonal = "spline"` in a problem to columns, controls and a fit.

    posed, columns = with_season(problem, tower)         # a problem and columns that `TowerProblem` takes
    target = TowerProblem(posed, columns)
    found = fit_season(target)                           # optimum, normal posterior, smoothing width
    found.factor(days)                                   # the season, relative to no season

The column carries a factor exp(sum of weights times terms) (`model/seasonal_capacity.py`): terms are forcing, weights are
parameters, so replicas have seasons of their own in one run. Spin-up is without a season; the warm-up year of every replica
has its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.evaluator import ColumnEvaluator
from terraflux.assimilation.fit import estimated_noise
from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.likelihood import stream_terms
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.problem import Problem
from terraflux.assimilation.seasonal_bases import FORMS, growing_season_phase, seasonal_terms
from terraflux.assimilation.seasonal_space import FIRST_WIDTH, WEIGHT, SeasonalSpace, best_width, season_of
from terraflux.assimilation.tower_columns import SPIN_UP_CYCLES, TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.tower import Tower
from terraflux.drivers.tower_columns import tower_options
from terraflux.model.column import column_model
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import parameter_entries
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]

PASSES = 6
NOISE_CHANGE = 0.02
WIDTH_CHANGE = 0.1
"""Passes end when no noise control moves by more, and the logarithm of the smoothing width neither."""
PHASES = ("calendar", "growing_season")


class SeasonalEvaluator(ColumnEvaluator):
    """Replicas whose last varied parameters are weights of a season, `seasonal_weight_1` to `seasonal_weight_K`."""

    def __post_init__(self) -> None:
        names = self.names
        plain = tuple(name for name in names if not name.startswith(WEIGHT + "_"))
        weights = names[len(plain):]
        self.names = plain
        super().__post_init__()
        self.names = names
        rows = [k for k, (variable, _) in enumerate(self.model.table.rows_of("parameter")) if variable.name == WEIGHT]
        if weights != tuple(f"{WEIGHT}_{term + 1}" for term in range(len(weights))) or len(weights) not in (0, len(rows)):
            raise ValueError(f"the weights {', '.join(weights)} do not fit a model of {len(rows)} seasonal terms")
        self._rows += [np.array([row]) for row in rows[:len(weights)]]
        self._bounds = np.concatenate([self._bounds, np.tile(parameter_entries()[WEIGHT].bounds, (len(weights), 1))])


@dataclass(frozen=True, eq=False)
class SeasonalColumns(TowerColumns):
    """Columns of a tower whose forcing ends with the terms of a season, `terms` [time, term]."""

    terms: Floats

    def evaluator(self, plant_type: str, names: Sequence[str], span: slice, streams: Sequence[Stream],
                  threads: int | None = None) -> ColumnEvaluator:
        """As of `TowerColumns`; names may end with the weights of the season."""
        plain = [name for name in names if not name.startswith(WEIGHT + "_")]
        made = super().evaluator(plant_type, plain, span, streams, threads)
        given = {one.name: getattr(made, one.name) for one in fields(made) if one.init}
        return SeasonalEvaluator(**{**given, "names": tuple(names)})


@dataclass(frozen=True)
class SeasonalProblem(Problem):
    """A problem whose parameter space holds the weights of a season; `width` as of `SeasonalSpace`."""

    form: str = "spline"
    width: float | None = FIRST_WIDTH

    def space(self, base: ParameterSet | Mapping[str, ParameterSet]) -> ParameterSpace:
        """The parameter space at a site, with the weights of the season."""
        return SeasonalSpace(self.parameters, base, self.noise_rows(), form=self.form, width=self.width)


def with_season(problem: Problem, tower: Tower, *, width: float | None = FIRST_WIDTH, phase: str = "calendar",
                leaf_area: ArrayLike | None = None, classes: xr.Dataset | None = None,
                spin_up_cycles: int = SPIN_UP_CYCLES, progress: Progress | None = None) -> tuple[Problem, TowerColumns]:
    """A problem and its columns at a tower, with the season that its rows ask for; both as they are if they ask for none.

    `width` is the smoothing width of the prior, None to sample it. `phase` is calendar or growing_season: then periodic
    terms follow leaf area, so that sites of a plant type can share weights; `leaf_area` (time,) of the forcing's steps
    takes the place of the prescribed one. Other arguments are those of `tower_columns`. Raises ProblemError.
    """
    options = tower_options(tower, problem.options)
    form = season_of(problem.parameters, options)
    plain = tower_columns(tower, options, classes=classes, spin_up_cycles=spin_up_cycles, progress=progress)
    if form == "constant":
        return problem, plain
    given = {one.name: getattr(problem, one.name) for one in fields(Problem)}
    posed = SeasonalProblem(**given, form=form, width=width)
    return posed, seasonal_columns(plain, form, phase=phase, leaf_area=leaf_area)


def seasonal_columns(plain: TowerColumns, form: str, *, phase: str = "calendar", leaf_area: ArrayLike | None = None
                     ) -> SeasonalColumns:
    """The same columns with the terms of a season in their forcing; nothing is spun up anew. See `with_season`."""
    if phase not in PHASES:
        raise ProblemError(f"phase = {phase!r} of a season; it is {' or '.join(PHASES)}")
    place = None
    if phase == "growing_season":
        leaves = plain.tower.forcing["prescribed_leaf_area_index"].values if leaf_area is None else np.asarray(leaf_area)
        if leaves.shape != plain.times.shape or not leaves.any():
            raise ProblemError(f"{plain.tower.site.site_id} has no prescribed leaf area that a growing season could follow; "
                               f"give leaf_area, {plain.times.size} values (m2 m-2), or phase = \"calendar\"")
        place = growing_season_phase(plain.times, leaves)
    air = plain.tower.forcing["air_temperature"].values
    terms = seasonal_terms(form, plain.times, temperature=air, phase=place)
    options = replace(plain.options, seasonality="basis", seasonal_terms=FORMS[form])
    given = {one.name: getattr(plain, one.name) for one in fields(TowerColumns)}
    given |= {"model": column_model(options), "options": options, "forcing": np.concatenate([plain.forcing, terms], axis=1)}
    return SeasonalColumns(**given, terms=terms)


@dataclass(frozen=True, eq=False)
class SeasonalFit:
    """The best point of a tower problem and the normal posterior around it.

    `control` (p,) is the whole control vector; `normal` that of the mean columns (`target.mean_columns`), with noise and
    smoothing width held where they were estimated. `width` is None for a problem without season. `runs` of the model.
    """

    target: TowerProblem
    control: Floats
    normal: LaplacePosterior
    width: float | None
    runs: int
    status: str

    def draws(self, count: int, seed: int = 0) -> Floats:
        """Control vectors (count, p) from the normal posterior, noise held."""
        made = np.repeat(self.control[np.newaxis], count, axis=0)
        made[:, self.target.mean_columns] = self.normal.draws(count, seed)
        return made

    def factor(self, terms: ArrayLike, control: ArrayLike | None = None, season: int = 0) -> Floats:
        """Seasonal factor (R, T) of control vectors (R, p), the best one by default, from terms (T, K)."""
        space = self.target.space
        if not isinstance(space, SeasonalSpace):
            raise ProblemError("the problem has no season")
        weights = space.weights(self.control[np.newaxis] if control is None else control)[:, season]
        return np.exp(weights @ np.asarray(terms, np.float64).T)


def fit_season(target: TowerProblem, start: ArrayLike | None = None, *, maximum_iterations: int = 20,
               progress: Progress | None = None) -> SeasonalFit:
    """Gauss-Newton and a normal posterior, the noise of streams and the smoothing width estimated in between.

    Works as well without a season, for comparison. `start` (p,) is a control vector, the defaults unless given. Where
    the width is a control itself, it is estimated with all others. Raises ValueError where the model fails at the start.
    """
    space = target.space
    columns, seasonal = target.mean_columns, isinstance(space, SeasonalSpace) and space.width is not None
    control = space.default_control() if start is None else np.array(start, np.float64)
    before_runs = target.runs
    for number in range(PASSES):
        if progress is not None:
            progress(number, PASSES, "fitting")
        before = control.copy()
        optimum = gauss_newton(target.with_noise(control), control[columns][np.newaxis], maximum_iterations=maximum_iterations)
        if optimum.status == "failed":
            raise ValueError(f"{target.columns.tower.site.site_id}: {optimum.message}")
        control[columns] = optimum.u
        control = estimated_noise(target, control)
        normal = laplace_posterior(target.with_noise(control), control[columns])
        control[columns] = normal.mean
        settled = np.abs(control - before)[target.noise_columns].max(initial=0.0) < NOISE_CHANGE
        if seasonal:
            assert isinstance(space, SeasonalSpace) and space.width is not None
            place = np.searchsorted(columns, space.season_columns)
            found = best_width(normal.mean[place], normal.covariance[np.ix_(place, place)], space.width)
            settled &= abs(np.log(found / space.width)) < WIDTH_CHANGE
            if not settled and number < PASSES - 1:
                space.width = found
        if settled:
            break
    return SeasonalFit(target, control, normal, space.width if isinstance(space, SeasonalSpace) else None,
                       target.runs - before_runs, normal.status if settled else "not_converged")


def pointwise(target: TowerProblem, control: ArrayLike, predicted: ArrayLike | None = None) -> Floats:
    """Log-likelihood of every observation (R, n) at control vectors (R, p), weighted as in the fit.

    `predicted` (R, n) are modelled observations, if they are known; else the model is run.
    """
    u = np.atleast_2d(np.asarray(control, np.float64))
    values = target.predict(u) if predicted is None else np.asarray(predicted, np.float64)
    noise = target.space.noise(u)
    return -np.concatenate([stream_terms(one, values[:, target.parts[one.name]], noise.get(one.name, {})) * one.weight * share
                            for one, share in zip(target.streams, target.stream_weight, strict=True)], axis=1)


def linear_predictions(found: SeasonalFit, control: ArrayLike, difference: float = 2e-3) -> Floats:
    """Modelled observations (R, n) linearised about the best point: 2m + 1 runs for any number of control vectors."""
    target, columns = found.target, found.target.mean_columns
    moves = np.zeros((columns.size, found.control.size))
    moves[np.arange(columns.size), columns] = difference
    rows = target.predict(np.concatenate([found.control[np.newaxis], found.control + moves, found.control - moves]))
    slope = (rows[1:columns.size + 1] - rows[columns.size + 1:]) / (2.0 * difference)
    away = np.atleast_2d(np.asarray(control, np.float64))[:, columns] - found.control[columns]
    return np.asarray(rows[0] + away @ slope)
