"""Whole series of fluxes and states over a posterior, as a dataset: for maps, budgets, figures and other formats.

    predicted_fluxes(found, ["gross_primary_production", "latent_heat"], years=[2005], every="day")

All draws run side by side through a warm-up and the years; their state is carried from one stretch of time to the next, so
memory does not grow with the length of the record.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.prediction import MOST_DRAWS, QUANTILES, thinned
from terraflux.assimilation.tower_columns import TowerColumns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import nearest
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import parameter_entries
from terraflux.model.weave import Table

Floats = NDArray[np.float64]
WINDOWS = {"step": "datetime64[s]", "day": "datetime64[D]", "month": "datetime64[M]", "year": "datetime64[Y]"}
LARGEST_BLOCK = 4_000_000
"""Values (windows, layers, draws) of all outputs kept at once."""


def predicted_fluxes(target: Fit | TowerProblem, outputs: Sequence[str], draws: ArrayLike | None = None, *,
                     years: Sequence[int] | None = None, every: str = "day", count: int = MOST_DRAWS,
                     members: bool = False) -> xr.Dataset:
    """Mean, standard deviation (`_sd`) and quantiles (`_q05` to `_q95`) of outputs of the model over draws of a posterior.

    `outputs` are names of the variable table, `every` is step, day, month or year: means over that window. `draws` (N, p)
    are control vectors, those of a fit by default, thinned to `count`. The years run from the first to the last of `years`.
    Plant types of a mixture are averaged by area. With `members` the series of every draw comes too (`_members`). Draws that
    the model cannot run are left out; the attribute `draws_failed` counts them. Raises ProblemError for what does not exist.
    """
    problem = target.target if isinstance(target, Fit) else target
    if draws is None:
        if not isinstance(target, Fit):
            raise ValueError("a problem without a fit has no posterior: give draws (N, p) of control vectors")
        draws = target.draws
    given = np.atleast_2d(np.asarray(draws, np.float64))
    chosen = given if len(given) == 1 else thinned(given, count)
    columns = problem.columns
    table = columns.model.table
    for name in outputs:
        if name not in table:
            raise ProblemError(f"the model has no output {name!r}; {nearest(name, table)}")
    if every not in WINDOWS:
        raise ProblemError(f"every is {every!r}; known are {', '.join(WINDOWS)}")
    span = columns.span(problem.years if years is None else years)
    times = columns.times[span]
    starts, window = np.unique(times.astype(WINDOWS[every]), return_inverse=True)
    defaults = np.stack([one.vector(table) for one in columns.sets.values()], axis=1)
    vectors = np.concatenate([_vectors(columns, plant, problem, chosen) for plant in columns.sets], axis=1)
    bad = ~np.isfinite(vectors).all(axis=0)
    vectors = np.where(bad, np.repeat(defaults, len(chosen), axis=1), vectors)
    state = np.repeat(columns.state, len(chosen), axis=1)
    shares = np.array(list(columns.shares.values()))
    common: dict[str, Any] = {"forcing_of": np.zeros(state.shape[1], np.int64), "on_error": "status",
                              "threads": problem.threads}
    step = {"time_step": columns.time_step}
    before, length = columns.warm_up_forcing(span)
    result = columns.model.run(before[:, :, None], vectors, state, {"time_step": length}, **common)
    bad |= result.status != 0
    pieces: list[dict[str, Floats]] = []
    for first, last in _stretches(window, sum(map(table.layers_of, outputs)) * state.shape[1]):
        part = slice(span.start + first, span.start + last)
        result = columns.model.run(columns.forcing[part][:, :, None], vectors, state, step,
                                   outputs=dict.fromkeys(outputs, "mean"), windows=window[first:last] - window[first], **common)
        bad |= result.status != 0
        pieces.append({name: _mixed(np.asarray(result[name]), shares, len(chosen)) for name in outputs})
    failed = bad.reshape(shares.size, -1).any(axis=0)
    if failed.all():
        raise ProblemError(f"the model fails at {columns.tower.site.site_id} for all {failed.size} draws")
    values = {name: np.concatenate([piece[name] for piece in pieces])[..., ~failed] for name in outputs}
    return _dataset(columns, values, starts.astype("datetime64[ns]"), times[-1], members, int(failed.sum()), every)


def parameter_vectors(table: Table, base: ParameterSet, names: Sequence[str], values: ArrayLike) -> Floats:
    """All parameters of the model [row, draw] with `names` set to `values` (draws, names); layered ones in every layer."""
    given = np.atleast_2d(np.asarray(values, np.float64))
    made = np.repeat(base.vector(table)[:, None], len(given), axis=1)
    place = {name: number for number, name in enumerate(names)}
    for row, (variable, _) in enumerate(table.rows_of("parameter")):
        if variable.name in place:
            made[row] = given[:, place[variable.name]]
    return made


def _vectors(columns: TowerColumns, plant: str, problem: TowerProblem, draws: Floats) -> Floats:
    """All parameters [row, draw] of a plant type; NaN for a draw that leaves the bounds of the parameter table."""
    names, chosen = problem.space.columns_of(plant)
    values = problem.space.expand(draws)[:, chosen]
    entries = parameter_entries()
    bounds = np.array([entries[name].bounds for name in names]).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        inside = ((values >= bounds[:, 0]) & (values <= bounds[:, 1])).all(axis=1)
    made = parameter_vectors(columns.model.table, columns.sets[plant], names, values)
    return np.where(inside, made, np.nan)


def _stretches(window: NDArray[np.int64], width: int) -> list[tuple[int, int]]:
    """Ranges of steps that end with windows and whose values fit into LARGEST_BLOCK."""
    ends = np.append(np.flatnonzero(np.diff(window)) + 1, window.size)
    most = max(LARGEST_BLOCK // max(width, 1), 1)
    cuts = [0, *(int(end) for end in ends[most - 1::most])]
    if cuts[-1] != window.size:
        cuts.append(window.size)
    return list(itertools.pairwise(cuts))


def _mixed(values: Floats, shares: Floats, draws: int) -> Floats:
    """Values [window, (layer,) column] of plant types, draws innermost, averaged by area."""
    apart = values.reshape(*values.shape[:-1], shares.size, draws)
    return np.asarray(np.tensordot(apart, shares / shares.sum(), axes=([-2], [0])))


def _dataset(columns: TowerColumns, values: dict[str, Floats], starts: NDArray[np.datetime64], last: np.datetime64,
             members: bool, failed: int, every: str) -> xr.Dataset:
    table = columns.model.table
    end = np.append(starts[1:], last + np.timedelta64(round(columns.time_step), "s"))
    made: dict[str, Any] = {"time_bnds": (("time", "bnds"), np.stack([starts, end], axis=1))}
    for name, value in values.items():
        variable = table[name]
        dims = ("time", variable.dimension) if variable.dimension else ("time",)
        about = {"units": variable.unit, "cell_methods": "time: mean"}
        made[name] = (dims, value.mean(axis=-1), about | {"long_name": f"{variable.long_name}, mean of the posterior"})
        made[f"{name}_sd"] = (dims, value.std(axis=-1, ddof=1) if value.shape[-1] > 1 else np.zeros(value.shape[:-1]),
                              about | {"long_name": f"{variable.long_name}, standard deviation of the posterior"})
        for level, quantile in zip(QUANTILES, np.quantile(value, QUANTILES, axis=-1), strict=True):
            made[f"{name}_q{round(100 * level):02d}"] = (dims, quantile, about | {
                "long_name": f"{variable.long_name}, {level:g} quantile of the posterior"})
        if members:
            made[f"{name}_members"] = ((*dims, "member"), value, about | {"long_name": f"{variable.long_name}, every draw"})
    site, plants = columns.tower.site, ", ".join(f"{code} {share:g}" for code, share in columns.shares.items())
    return xr.Dataset(made, {"time": ("time", starts, {"standard_name": "time", "axis": "T", "bounds": "time_bnds"})}, {
        "Conventions": "CF-1.8", "title": f"Posterior predictions at {site.site_id}", "site_id": site.site_id,
        "latitude": site.latitude, "longitude": site.longitude, "draws": int(next(iter(values.values())).shape[-1]),
        "draws_failed": failed, "window": every, "plant_types": plants})
