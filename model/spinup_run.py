"""Bring columns to a steady state: cycle the forcing, solve the carbon pools, cycle again until they hardly drift."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.model.parameter_set import ParameterSet
from terraflux.model.spinup import POOLS, RESPIRING, at_cycle_start, drift, rates_of_cycle, steady_pools
from terraflux.model.weave import Model
from terraflux.model.weave.refinement import Disaggregator

Array = NDArray[np.float64]
MEANS = ("decomposition_pace_surface", "decomposition_pace_soil", "allocated_production", *RESPIRING.values(), *POOLS)
"""In balance organs receive net primary production; before, labile carbon may still fill up."""
SMALL_DRIFT = 0.005  # of total carbon per 100 years (Xia et al. 2012)


@dataclass(frozen=True)
class SpinUp:
    """What a spin-up did.

    Cycles of the forcing, the last drift of each column (share of carbon per 100 years; NaN where no steady state
    exists) and, for those columns, the reason.
    """

    cycles: int
    drift: Array
    troubles: dict[int, str]


def state_rows(model: Model, name: str) -> slice:
    """Rows of a state in the state array."""
    rows = [k for k, (variable, _) in enumerate(model.table.rows_of("state")) if variable.name == name]
    if not rows:
        raise ValueError(f"{name!r} is no state of this column")
    return slice(rows[0], rows[-1] + 1)


def spin_up(
    model: Model,
    forcing: Array,
    parameters: Sequence[ParameterSet],
    vectors: Array,
    state: Array,
    time_step: float,
    *,
    forcing_of: NDArray[np.int64] | None = None,
    physical_cycles: int = 2,
    carbon_cycles: int = 6,
    progress: Callable[[int, int, str], object] | None = None,
    disaggregation: Disaggregator | None = None,
    small_drift: float = SMALL_DRIFT,
) -> SpinUp:
    """Changes `state` [row, column] in place to a steady state under `forcing` [time, row, series], cycled.

    `physical_cycles` bring soil heat and water into balance; then up to `carbon_cycles` times the pools are solved from
    the means of the last cycle and run once more, until every column drifts by less than `small_drift` (0.5 %) of its
    carbon in 100 years; 0 runs every cycle, so that a column does not depend on those it is run with. `vectors`
    [row, column] holds the same parameters as `parameters`. `progress(done, total, words)`. With a `disaggregation`,
    `forcing` holds the coarse intervals that it describes.

    The drift is the change of total carbon over a cycle. Raises what `Model.run` raises.
    """
    pools = [state_rows(model, name).start for name in POOLS]
    steps = forcing.shape[0]
    if disaggregation is not None:
        steps = disaggregation.plan({"time_step": time_step}, forcing.shape[0], forcing.shape[2]).steps
    seconds = steps * time_step
    total = physical_cycles + carbon_cycles
    drifts = np.full(state.shape[1], np.nan)
    troubles: dict[int, str] = {}

    def cycle(number: int, words: str) -> Array:
        if progress is not None:
            progress(number, total, words)
        result = model.run(forcing, vectors, state, {"time_step": time_step}, forcing_of=forcing_of, outputs=MEANS,
                           windows=np.zeros(steps, np.int64), disaggregation=disaggregation)
        return result.out[0]

    means, change = np.zeros((len(MEANS), state.shape[1])), np.zeros((len(POOLS), state.shape[1]))
    for number in range(physical_cycles):
        before = state[pools].copy()
        means = cycle(number, "soil heat and water")
        change = state[pools] - before
    done = physical_cycles
    for number in range(carbon_cycles):
        for column in range(state.shape[1]):
            mean = dict(zip(MEANS, means[:, column], strict=True))
            rates = rates_of_cycle(parameters[column], mean["allocated_production"], mean,
                                   dict(zip(POOLS, change[:, column], strict=True)), seconds)
            try:
                steady = steady_pools(parameters[column], mean["decomposition_pace_surface"],
                                      mean["decomposition_pace_soil"], mean["allocated_production"],
                                      {name: mean[name] for name in POOLS},
                                      {flux: mean[flux] for flux in RESPIRING.values()}, rates=rates)
            except ValueError as trouble:
                troubles[column] = str(trouble)
                continue
            troubles.pop(column, None)
            end = {name: float(state[row, column]) for row, name in zip(pools, POOLS, strict=True)}
            start = at_cycle_start(steady, {name: mean[name] for name in POOLS}, end)
            state[pools, column] = [start[name] for name in POOLS]
        before = state[pools].copy()
        means = cycle(physical_cycles + number, "carbon pools")
        done += 1
        after = state[pools]
        change = after - before
        for column in range(state.shape[1]):
            start, end = (dict(zip(POOLS, values[:, column], strict=True)) for values in (before, after))
            drifts[column] = np.nan if column in troubles else drift(start, end, seconds)
        if np.nanmax(np.where(np.isnan(drifts), 0.0, drifts)) < small_drift:
            break
    if progress is not None:
        progress(total, total, "done")
    return SpinUp(done, drifts, troubles)
