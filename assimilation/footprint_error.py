"""What a fit owes to footprints: the error that all half hours share where one class stands for everything the tower saw.

`fit` calls `with_footprint_error` last. For the operator `shared_error` the posterior is widened by the covariance of
`representativeness.shared_error`, over draws of every class's parameters from the prior; for `inflation` it is left as it is,
and a warning says that it is too sure.
"""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.fit import Fit, Progress, Stage
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.representativeness import ClassParameters, class_mismatch, shared_error
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem

Floats = NDArray[np.float64]
RUNS = 20
"""Draws of the parameters of every class."""
INFLATION_WARNING = (
    "the operator inflation takes what other classes add to a half hour for new in every half hour; in truth it has one sign "
    "whenever the wind comes from there, and the posterior is too sure (on a twin the truth lay up to 3.9 of its standard "
    "deviations away). Use the operator shared_error, or mixture")


def with_footprint_error(found: Fit, *, progress: Progress | None = None) -> Fit:
    """The fit with what its footprint operator leaves out of the posterior, or with a warning of it.

    Raises ProblemError where classes of the footprints cannot be run, or there is no normal posterior to widen.
    """
    operator = found.target.problem.footprint.operator
    if operator == "inflation":
        return replace(found, warnings=(*found.warnings, INFLATION_WARNING))
    return with_shared_error(found, progress=progress) if operator == "shared_error" else found


def with_shared_error(found: Fit, *, runs: int = RUNS, progress: Progress | None = None) -> Fit:
    """The fit with draws and normal posterior widened by an error of footprints that all half hours share.

    Every plant type that the footprints see is run with `runs` draws of its parameters from the prior (to first order a
    mismatch shifts the posterior; see `shared_error`). Weighted draws and chains are kept as they were. Raises ProblemError.
    """
    begun = time.monotonic()
    target, observed = found.target, found.target.observations
    if observed is None or found.normal is None:
        raise ProblemError(f"{target.columns.tower.site.site_id}: the operator shared_error needs observations with "
                           f"footprints and a normal posterior, which the method {found.method!r} does not give; use auto, gn "
                           "or a sampler")
    if progress is not None:
        progress(0, 0, "running every class of the footprints")
    columns = tower_columns(target.columns.tower, target.problem.options, classes=observed)
    parameters = class_parameters(target, columns, runs, found.seed)
    mismatch = class_mismatch(observed, columns, dict(target.columns.shares), parameters)
    before = target.runs
    extra = shared_error(target, found.normal, observed, mismatch)
    covariance = found.normal.covariance + extra
    normal = replace(found.normal, covariance=covariance, hessian=np.asarray(np.linalg.inv(covariance), np.float64))
    random = np.random.default_rng([found.seed, runs])
    draws = found.draws + random.multivariate_normal(np.zeros(extra.shape[0]), extra, len(found.draws), method="eigh")
    wider = normal.deviation / found.normal.deviation
    most = int(np.argmax(wider))
    message = (f"an error that all half hours share widens the posterior up to {wider[most]:.1f} times "
               f"({target.names[most].replace('_', ' ')})")
    stage = Stage("footprints", target.runs - before + runs * len(columns.sets), time.monotonic() - begun, message)
    return replace(found, draws=draws, normal=normal, stages=(*found.stages, stage), warnings=(
        *found.warnings, f"{message}; weighted draws and chains do not hold it, the posterior's draws do"))


def class_parameters(target: TowerProblem, columns: TowerColumns, runs: int, seed: int) -> ClassParameters:
    """Draws (runs,) from the prior for every plant type of `columns`, of the rows that hold for it."""
    made: dict[str, dict[str, Floats]] = {}
    for number, (plant, base) in enumerate(columns.sets.items()):
        rows = [row for row in target.problem.parameters if row.plant_type in ("", plant)]
        made[plant] = {}
        if rows:
            space = ParameterSpace(rows, {plant: base})
            names, places = space.columns_of(plant)
            values = space.expand(space.draw(np.random.default_rng([seed, number]), runs))
            made[plant] = dict(zip(names, values[:, places].T, strict=True))
    return made
