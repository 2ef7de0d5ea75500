"""From a problem and a tower to a fit, in one call: what `terraflux fit` does at each tower.

    found = fit_tower(read_problem("problem.toml"), open_tower("tower.toml"))
    print(found.summary())
"""

import os
from collections.abc import Callable
from typing import Any

import xarray as xr

from terraflux.assimilation.fit import Fit, fit
from terraflux.assimilation.fit_checkpoint import fit_checkpoint
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem import Problem
from terraflux.assimilation.seasonal import with_season
from terraflux.assimilation.seasonal_fit import fit_season
from terraflux.assimilation.tower_columns import SPIN_UP_CYCLES
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.tower import Tower
from terraflux.drivers.tower_columns import tower_options, tower_parameters

Progress = Callable[[int, int, str], object]


def pose(problem: Problem, tower: Tower, *, observations: xr.Dataset | None = None, threads: int | None = None,
         spin_up_cycles: int = SPIN_UP_CYCLES, progress: Progress | None = None) -> TowerProblem:
    """The problem at a tower, ready to be fitted: compiled, spun up, with the season that its rows ask for.

    `observations` is a dataset of `read_observations`, needed for every footprint operator but `site`. What can be refused
    is refused before the model is compiled (`check_problem`). Raises ProblemError.
    """
    check_problem(problem, tower, observations)
    classes = observations if problem.footprint.operator == "mixture" else None
    posed, columns = with_season(problem, tower, classes=classes, spin_up_cycles=spin_up_cycles, progress=progress)
    target = TowerProblem(posed, columns, observations=observations, threads=threads)
    if posed is problem:
        return target
    return fit_season(target, progress=progress).target  # the same with the smoothing width that the data ask for


def fit_tower(problem: Problem, tower: Tower, method: str = "auto", *, observations: xr.Dataset | None = None, seed: int = 0,
              checkpoint: str | os.PathLike[str] | None = None, revision: str = "", threads: int | None = None,
              spin_up_cycles: int = SPIN_UP_CYCLES, progress: Progress | None = None, **options: Any) -> Fit:
    """Calibrate a problem at a tower.

    `checkpoint` is a file in which a sampler saves itself and from which it goes on; `options` are those of `fit` (draws,
    starts, maximum_runs, stop, settings). Raises as `pose` and `fit`, and ForeignCheckpoint for a chain of something else.
    """
    target = pose(problem, tower, observations=observations, threads=threads, spin_up_cycles=spin_up_cycles,
                  progress=progress)
    chain = None if checkpoint is None else fit_checkpoint(checkpoint, target, seed=seed, revision=revision)
    return fit(target, method, seed=seed, checkpoint=chain, progress=progress, **options)


def check_problem(problem: Problem, tower: Tower, observations: xr.Dataset | None = None) -> None:
    """Raise ProblemError for what a tower lacks of a problem: years, footprints, parameters, room in their priors."""
    check_years(problem, tower)
    check_observations(problem, tower, observations)
    if observations is None or problem.footprint.operator != "mixture":
        mixture = tower_parameters(tower, tower_options(tower, problem.options))
        problem.space({code: one for code, (_, one) in mixture.items()})


def check_years(problem: Problem, tower: Tower) -> None:
    """Raise ProblemError for years of which the forcing holds nothing, naming those it has."""
    known = {int(year) for year in tower.forcing["time"].dt.year.values}
    for what, years in (("calibration", problem.calibration), ("validation", problem.validation)):
        missing = sorted(set(years) - known)
        if missing:
            raise ProblemError(f"{what} names {', '.join(map(str, missing))}, of which the record of {tower.site.site_id} "
                               f"holds nothing; it has {', '.join(map(str, sorted(known)))}: choose among these")


def check_observations(problem: Problem, tower: Tower, observations: xr.Dataset | None) -> None:
    """Raise ProblemError where the footprint operator lacks its observations, or they are made for another or elsewhere."""
    operator = problem.footprint.operator
    if observations is None:
        if operator != "site":
            raise ProblemError(f"the footprint operator {operator!r} needs observations with footprints: make them by "
                               f"`terraflux observations --operator {operator}` and give --observations FILE, or use the "
                               "operator 'site'")
        return
    made_for, site = observations.attrs.get("operator", "site"), observations.attrs.get("site_id", "")
    if made_for != operator:
        raise ProblemError(f"the observations were made for the footprint operator {made_for!r}, the problem asks for "
                           f"{operator!r}; operators are never mixed: make the observations anew, or change operator in "
                           "[footprint]")
    if site and site != tower.site.site_id:
        raise ProblemError(f"the observations are those of {site}, the tower is {tower.site.site_id}; give those of this tower")
