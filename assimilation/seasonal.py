"""Calibration with a season: from `seasonal = "spline"` in a problem to columns, controls and a fit.

    posed, columns = with_season(problem, tower)         # a problem and columns that `TowerProblem` takes
    target = TowerProblem(posed, columns)
    found = fit_season(target)                           # optimum, normal posterior, smoothing width (`seasonal_fit`)

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
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.problem import Problem
from terraflux.assimilation.seasonal_space import FIRST_WIDTH, WEIGHT, SeasonalSpace, season_of
from terraflux.assimilation.tower_columns import SPIN_UP_CYCLES, TowerColumns, tower_columns
from terraflux.drivers.seasonal_terms import SeasonalBasis, SeasonError, seasonal_basis
from terraflux.drivers.tower import Tower
from terraflux.drivers.tower_columns import tower_options
from terraflux.model.column import column_model
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import parameter_entries
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]

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
    """Columns of a tower whose forcing ends with the terms of a season, `terms` [time, term], made by `basis`."""

    terms: Floats
    basis: SeasonalBasis

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
    leaves = None
    if phase == "growing_season":
        leaves = plain.tower.forcing["prescribed_leaf_area_index"].values if leaf_area is None else np.asarray(leaf_area)
        if leaves.shape != plain.times.shape or not leaves.any():
            raise ProblemError(f"{plain.tower.site.site_id} has no prescribed leaf area that a growing season could follow; "
                               f"give leaf_area, {plain.times.size} values (m2 m-2), or phase = \"calendar\"")
    air = plain.tower.forcing["air_temperature"].values
    try:
        basis = seasonal_basis(form, plain.times, temperature=air, leaf_area=leaves)
        terms = basis.terms(plain.times, air)
    except SeasonError as error:
        raise ProblemError(f"{plain.tower.site.site_id}: {error}") from error
    options = replace(plain.options, seasonality="basis", seasonal_terms=basis.size)
    given = {one.name: getattr(plain, one.name) for one in fields(TowerColumns)}
    given |= {"model": column_model(options), "options": options, "forcing": np.concatenate([plain.forcing, terms], axis=1)}
    return SeasonalColumns(**given, terms=terms, basis=basis)
