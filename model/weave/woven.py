"""A woven model that can be run: arrays in, the compiled module, results out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.cache import is_compiled, module_from
from terraflux.model.weave.compiling import compile_stage, lane_loops_kept, operations
from terraflux.model.weave.failure import ColumnError, Failure, failures_of
from terraflux.model.weave.module_text import ModuleText
from terraflux.model.weave.names import near
from terraflux.model.weave.recipe import Item, RecipeError
from terraflux.model.weave.refinement import Disaggregator, Refinement, no_plan
from terraflux.model.weave.streams import Stream, StreamPlan, noise_array, stream_plan
from terraflux.model.weave.table import Table
from terraflux.model.weave.threads import available_cores, run_ranges
from terraflux.model.weave.weaving import OF_FEW
from terraflux.model.weave.windows import Outputs, Windows, output_plan, window_plan

FLOAT_1, FLOAT_2, FLOAT_3 = (types.Array(types.float64, n, "C") for n in (1, 2, 3))
WHOLE_1, WHOLE_2 = (types.Array(types.int64, n, "C") for n in (1, 2))
FLAG_1, FLAG_2 = (types.Array(types.boolean, n, "C") for n in (1, 2))
SIGNATURE = (
    types.int64, types.int64, FLOAT_3, WHOLE_1, FLOAT_1, FLOAT_2, FLOAT_2,
    WHOLE_1, FLAG_1, WHOLE_1, WHOLE_1, FLOAT_3,
    WHOLE_1, WHOLE_2, FLAG_2, WHOLE_1, WHOLE_1, WHOLE_1, FLOAT_2, FLOAT_2,
    FLOAT_2, FLOAT_2, FLOAT_3, FLOAT_2, FLOAT_2, WHOLE_1, FLOAT_1, FLOAT_1, WHOLE_1, FLOAT_2, FLOAT_2, FLOAT_2,
)  # fmt: skip
RANGES_OF_COLUMNS = 32  # per thread: blocks of a tile take turns one by one, so that no thread waits long for the last
Progress = Callable[[int, int, str], object]


@dataclass(frozen=True)
class Result:
    """What a run returns.

    `out` [window, row, column] with `rows` (output name -> slice of rows), `values` (stream -> [observation, column]),
    `stream_misfit` (stream -> [column], negative log-likelihood; 0 without observations), `misfit` [column] (their sum
    in the order of the streams), `status` [column] (0 is
    well) and `failures`, one entry for each column that is not. `result[name]` is [window, column] for an output
    without layers and [window, layer, column] for one with layers.
    """

    out: NDArray[np.float64]
    rows: dict[str, slice]
    values: dict[str, NDArray[np.float64]]
    stream_misfit: dict[str, NDArray[np.float64]]
    misfit: NDArray[np.float64]
    status: NDArray[np.int64]
    failures: list[Failure]
    layered: frozenset[str]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        rows = self.rows[name]
        return self.out[:, rows] if name in self.layered else self.out[:, rows.start]


class Woven:
    """A recipe woven for one number of lanes; `module` is the generated Python module, `source_path` its file."""

    def __init__(self, text: ModuleText, table: Table, lanes: int, python: bool, folder: Path | None,
                 refinement: Refinement | None = None) -> None:
        self.table, self.lanes, self.python, self.refinement = table, lanes, python, refinement
        self.stages, self.workspace_rows = tuple(text.stages), dict(text.rows)
        self._never = {variable.name for variable in table.of_kind("derived", "diagnostic")}
        self._never -= {name for name, _ in (*text.computed, *text.maybe)}
        self._told = [{self.workspace_rows[name] + layer for name in names for layer in range(table.layers_of(table[name]))}
                      for names in text.told]
        self.module: ModuleType = module_from(text.text, f"{'python_' if python else ''}{lanes}", folder)
        self.source_path = Path(str(self.module.__file__))
        self._settings = table.rows_of("setting")
        self._sizes = {kind: len(table.rows_of(kind)) for kind in ("forcing", "parameter", "state")}

    def compile(self, progress: Progress | None = None) -> None:
        """Compiles the module, or loads the compiled copy of an earlier process; the first run does this by itself.

        `progress(done, total, name)` is called before each stage and once at the end.
        """
        if self.python or self.module.run_blocks.signatures:
            return
        report: Progress = progress or (lambda done, total, name: None)
        by_groups = [name for name in self.stages if OF_FEW in name]  # before those that call them: LLVM is told otherwise
        others = [name for name in (*self.stages, "check") if OF_FEW not in name] if progress is not None else []
        parts = [] if is_compiled(self.module) else [*by_groups, *others]
        total = len(parts) + 1
        for done, name in enumerate(parts):
            report(done, total, name)
            compile_stage(getattr(self.module, name))
        report(total - 1, total, "time loop")
        with lane_loops_kept(self.lanes):
            if not self.module.run_blocks.signatures:  # another thread may have been first
                self.module.run_blocks.compile(SIGNATURE)
                self.module.run_blocks.disable_compile()
        report(total, total, "done")

    def run(
        self,
        forcing: ArrayLike,
        parameters: ArrayLike,
        state: NDArray[np.float64],
        settings: Mapping[str, float] | None = None,
        *,
        forcing_of: ArrayLike | None = None,
        outputs: Outputs = (),
        windows: Windows = None,
        streams: Sequence[Stream] | StreamPlan = (),
        noise: Mapping[str, Mapping[str, ArrayLike]] | None = None,
        threads: int | None = None,
        on_error: str = "raise",
        times: Sequence[Any] | None = None,
        disaggregation: Disaggregator | None = None,
    ) -> Result:
        """Steps all columns through the forcing; `state` is changed in place.

        `forcing` [time, row, series], `parameters` [row, column] and `state` [row, column] have their rows in the order
        of the table (`table.rows_of(kind)`), in the table's units. `forcing_of[column]` picks the series (by default
        column k takes series k, or all the only one). `settings` gives each variable of kind setting; those with a
        `value` in the table may be left out. `outputs` and `windows`: see `windows.output_plan`, `windows.window_plan`.
        `streams`: see `Stream`; a plan from `plan_streams` saves its preparation. `noise[stream]` says, per
        column, how errors are scaled and correlated: see `streams.noise_array`. `threads`: all cores by default.
        `times` labels the steps in messages. With a `disaggregation`, `forcing` holds coarse intervals in the rows that it
        names, which become the forcing of steps inside the loop; windows and streams still count steps.

        Results do not depend on threads, lanes or on which columns run together, to the last bit. Raises ValueError for
        arrays that do not fit and, unless `on_error` is "status", ColumnError if a column leaves its bounds (its own
        state is then of no use; other columns are complete).
        """
        if on_error not in ("raise", "status"):
            raise ValueError(f"on_error is {on_error!r}; known are 'raise' and 'status'")
        if (disaggregation.refinement(self.table) if disaggregation else None) != self.refinement:
            raise ValueError("this module is woven for another disaggregation; use Model.run, which weaves what is needed")
        rows = self.refinement.rows if self.refinement else self._sizes["forcing"]
        weather = _readable(forcing, 3, "forcing [time, row, series]", rows, 1)
        values = _readable(parameters, 2, "parameters [row, column]", self._sizes["parameter"], 0)
        self._check_state(state)
        columns = state.shape[1]
        if values.shape[1] != columns:
            raise ValueError(f"parameters are for {values.shape[1]} columns, state is for {columns}")
        intervals, _, series = weather.shape
        refined = disaggregation.plan(settings or {}, intervals, series) if disaggregation else no_plan(intervals)
        steps = refined.steps
        window = window_plan(windows, steps)
        output = output_plan(outputs, self.table, self.workspace_rows)
        self._check_computed(output.slices)
        plan = streams if isinstance(streams, StreamPlan) else self.plan_streams(streams, steps, series)
        out = np.empty((window.count if len(output.rows) else 0, len(output.rows), columns))
        if len(window.empty) and len(out):
            out[window.empty] = np.nan
        modelled = np.full((plan.values, columns), np.nan)
        misfit, status, status_value = np.zeros((len(plan.names), columns)), np.zeros(columns, np.int64), np.zeros(columns)
        arguments = (
            weather, _series_of(forcing_of, columns, series), self._setting_values(settings or {}), values, state,
            window.window_of if len(output.rows) else np.full(steps, -1), window.ends, output.rows, output.reductions,
            out, *plan.arrays, noise_array(plan.names, noise or {}, columns), modelled, misfit, status, status_value,
            self._asked(output.rows, plan.arrays[0]), *refined.arrays,
        )  # fmt: skip
        self.compile()
        blocks = -(-columns // self.lanes)
        run_ranges(lambda first, last: self.module.run_blocks(first, last, *arguments), blocks,
                   available_cores() if threads is None else threads, RANGES_OF_COLUMNS)
        failures = failures_of(status, status_value, self.table, times) if status.any() else []
        if failures and on_error == "raise":
            raise ColumnError(failures, columns)
        layered = frozenset(name for name in output.slices if name in self.table and self.table[name].dimension)
        kept = {name: modelled[rows] for name, rows in plan.value_slices.items()}
        total = np.zeros(columns)
        for row in misfit:
            total += row
        return Result(out, output.slices, kept, dict(zip(plan.names, misfit, strict=True)), total, status, failures, layered)

    def plan_streams(self, streams: Sequence[Stream], steps: int, series: int) -> StreamPlan:
        """Lays out streams once for many runs over the same steps and series; raises like `streams.stream_plan`."""
        plan = stream_plan(streams, self.table, self.workspace_rows, steps, series)
        self._check_computed(stream.variable for stream in streams)
        return plan

    def vectorised(self) -> dict[str, tuple[int, int]]:
        """{stage: (vector operations, scalar operations)} of floating point in the machine's code.

        A stage with mostly scalar operations runs lane by lane.
        """
        if self.python:
            raise ValueError("a model woven with python=True is not compiled")
        return {name: operations(getattr(self.module, name)) for name in (*self.stages, "check")}

    def _asked(self, *rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Which questions of the step a run with these workspace rows as outputs answers with yes."""
        wanted = set(np.concatenate(rows).tolist())
        return np.array([float(not told.isdisjoint(wanted)) for told in self._told])

    def _check_computed(self, names: Any) -> None:
        for name in names:
            if name in self._never:
                raise RecipeError(f"no process of the recipe computes {name!r}")

    def _check_state(self, state: NDArray[np.float64]) -> None:
        if not isinstance(state, np.ndarray) or state.dtype != np.float64 or not state.flags.c_contiguous:
            raise ValueError("state is changed in place and must be a C-contiguous numpy array of float64")
        if not state.flags.writeable:
            raise ValueError("state is changed in place and must be writeable")
        if state.ndim != 2 or state.shape[0] != self._sizes["state"] or not state.shape[1]:
            raise ValueError(f"state has the shape {state.shape}; expected ({self._sizes['state']}, columns)")

    def _setting_values(self, settings: Mapping[str, float]) -> NDArray[np.float64]:
        known = [variable.name for variable, _ in self._settings]
        for name in settings:
            if name not in known:
                raise ValueError(f"unknown setting {name!r}{near(name, known)}")
        values = np.empty(len(known))
        for k, (variable, _) in enumerate(self._settings):
            value = settings.get(variable.name, variable.value)
            if value is None:
                raise ValueError(f"setting {variable.name!r} ({variable.unit}) is missing")
            values[k] = value
        return values


def _readable(given: ArrayLike, dimensions: int, what: str, rows: int, axis: int) -> NDArray[np.float64]:
    """The array as the compiled code wants it, copied only if need be."""
    array = np.ascontiguousarray(given, np.float64)
    if array.ndim != dimensions or array.shape[axis] != rows:
        raise ValueError(f"{what} has the shape {array.shape}; expected {rows} rows in {dimensions} dimensions")
    if not array.flags.writeable:
        array = _same_memory(array)
    return array


def _same_memory(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view without the read-only mark, which would be another type to the compiled code; nothing writes to it."""
    description = {"shape": array.shape, "typestr": "<f8", "data": (array.ctypes.data, False), "version": 3}
    holder = type("Memory", (), {"__array_interface__": description, "array": array})()
    return np.asarray(holder)


def _series_of(forcing_of: ArrayLike | None, columns: int, series: int) -> NDArray[np.int64]:
    if forcing_of is None:
        if series not in (1, columns):
            raise ValueError(f"{columns} columns and {series} series of forcing: say which with forcing_of[column]")
        return np.zeros(columns, np.int64) if series == 1 else np.arange(columns)
    chosen = np.asarray(forcing_of)
    if chosen.shape != (columns,) or chosen.dtype.kind not in "iu":
        raise ValueError(f"forcing_of must hold one whole number for each of the {columns} columns")
    if chosen.min() < 0 or chosen.max() >= series:
        raise ValueError(f"forcing_of names series {chosen.min()} to {chosen.max()}; there are 0 to {series - 1}")
    return np.ascontiguousarray(chosen, np.int64)


def weave(
    recipe: Sequence[Item],
    table: Table,
    prepare: Sequence[Item] = (),
    lanes: int = 32,
    *,
    skip: bool = True,
    python: bool = False,
    folder: Path | None = None,
    refinement: Refinement | None = None,
) -> Woven:
    """Writes and imports the module of a recipe; compiling waits for the first run.

    `recipe` is one time step; `prepare` computes the derived variables once per run. `skip=False` never skips the body
    of a When, which must not change any result. `python=True` leaves out the compiler, so that a debugger can step
    through; results are the same bits unless a process takes a power above 2. `folder` replaces the cache folder.
    `refinement` makes a module whose runs are given coarse forcing.

    Raises RecipeError, before anything is compiled, for recipes, processes and tables that do not fit together.
    """
    if lanes < 1:
        raise ValueError(f"{lanes} lanes: at least 1")
    text = ModuleText(recipe, table, prepare, lanes, skip, python, refinement)
    return Woven(text, table, lanes, python, folder, refinement)
