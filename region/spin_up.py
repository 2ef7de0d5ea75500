"""The state that a run begins with: columns brought to a steady state under recycled forcing of their own cells."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from terraflux.model.disaggregation import Disaggregation
from terraflux.model.initial_state import initial_state
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.spinup_run import SpinUp
from terraflux.model.spinup_run import spin_up as to_steady_state
from terraflux.model.weave.failure import Failure
from terraflux.model.weave.lane_choice import BLOCK, Model
from terraflux.region.forcing import Slab
from terraflux.region.leaf_area import weather_of_columns
from terraflux.region.mosaic import Mosaic
from terraflux.region.plan import RegionPlan

FORCING_BYTES = 60_000_000  # of recycled forcing that is held at a time
FIRST_DAYS = 365  # whose mean temperature begins a run without spin-up
EVERY_CYCLE = 0.0  # drift below which no more cycles are run: never, or a column's state would depend on its neighbours


class _OnThreads:
    """The model with its lanes and threads fixed, as `spinup_run` calls it. Columns that fail are noted in `failures` (the
    first of each) and keep the state they had; numbers of a column that did not fail stand for theirs."""

    def __init__(self, model: Model, threads: int) -> None:
        self.table, self._model, self._threads = model.table, model, threads
        self.failures: dict[int, Failure] = {}

    def run(self, forcing: Any, vectors: Any, state: NDArray[np.float64], *arguments: Any, **options: Any) -> Any:
        before = state.copy()
        result = self._model.run(forcing, vectors, state, *arguments, lanes=BLOCK, threads=self._threads, on_error="status",
                                 **options)
        for one in result.failures:
            self.failures.setdefault(one.column, one)
        failed = np.array(sorted(self.failures), np.int64)
        if failed.size:
            state[:, failed] = before[:, failed]
            sound = np.setdiff1d(np.arange(state.shape[1]), failed)
            result.out[:, :, failed] = result.out[:, :, sound[:1]] if sound.size else 0.0
        return result


def batch_cells(plan: RegionPlan, mosaic: Mosaic, per_day: int, rows: int) -> int:
    """Cells whose recycled forcing, one series per column of a member, fits into memory at a time."""
    of_cell = -(-mosaic.columns // (mosaic.members * mosaic.cells))
    return max(1, FORCING_BYTES // (8 * max(plan.spin_up_days, 1) * per_day * rows * of_cell))


def first_days(plan: RegionPlan) -> int:
    """Days of forcing that the first state is made from."""
    return plan.spin_up_days or min(plan.days, FIRST_DAYS)


def first_states(plan: RegionPlan, mosaic: Mosaic, sets: Sequence[ParameterSet], columns: NDArray[np.int64],
                 warmth: Mapping[int, float]) -> NDArray[np.float64]:
    """States [row, column] of some columns from the mean temperature (degC) of their cells."""
    table = plan.model.table
    return np.stack([initial_state(table, sets[int(column)], warmth[int(mosaic.cell[column])]) for column in columns], axis=1)


def spun_up(plan: RegionPlan, mosaic: Mosaic, sets: Sequence[ParameterSet], vectors: NDArray[np.float64], slab: Slab,
            first: int, after: int, places: Disaggregation, names: Sequence[str], threads: int
            ) -> tuple[NDArray[np.int64], NDArray[np.float64], SpinUp | None, list[Failure]]:
    """Columns of the cells `first` .. before `after` of a tile, their states [row, column], what the spin-up did, and the
    failures of columns (numbered among these), which then have their first state.

    `slab` holds `names` on the recycled days of these cells, of which a run without spin-up needs the air temperature only;
    `places` is the disaggregation of the cells of the tile. Each column is treated by itself.
    """
    run = plan.choices.run
    columns = np.flatnonzero((mosaic.cell >= first) & (mosaic.cell < after))
    air = slab.weather[:, list(names).index("air_temperature")]
    warmth = {first + cell: float(values.mean(dtype=np.float64)) for cell, values in enumerate(np.ascontiguousarray(air.T))}
    state = np.ascontiguousarray(first_states(plan, mosaic, sets, columns, warmth))
    if not run.spin_up_years:
        return columns, state, None, []
    cells, leaves, beside = slab.piece(0, slab.after)
    series = mosaic.within(first, after)
    weather = weather_of_columns(cells, leaves, plan.cells.plant_types, names, series)
    begun, model = state.copy(), _OnThreads(plan.model, threads)
    done = to_steady_state(
        cast(Model, model), weather, [sets[int(column)] for column in columns],
        np.ascontiguousarray(vectors[:, columns]), state, plan.choices.step,
        forcing_of=np.arange(columns.size) % series.columns, physical_cycles=run.physical_cycles,
        carbon_cycles=run.spin_up_cycles, small_drift=EVERY_CYCLE,
        disaggregation=places.of(first + series.cell).starting(plan.choices.run.first, beside))
    failed = sorted(model.failures)
    state[:, failed] = begun[:, failed]
    return columns, state, done, [model.failures[one] for one in failed]
