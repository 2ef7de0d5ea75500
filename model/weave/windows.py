"""Which steps are averaged together, and which rows are kept: the plan of a run's output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave import time_loop
from terraflux.model.weave.names import resolve
from terraflux.model.weave.table import Table

REDUCTIONS = {
    "mean": time_loop.MEAN,
    "sum": time_loop.SUM,
    "last": time_loop.LAST,
    "minimum": time_loop.MINIMUM,
    "maximum": time_loop.MAXIMUM,
}
Windows = int | NDArray[np.int64] | None
Outputs = Sequence[str] | Mapping[str, str]


@dataclass(frozen=True)
class WindowPlan:
    """`window_of[time]` (-1: not kept), whether a step `ends` its window, the number of windows, and the empty ones."""

    window_of: NDArray[np.int64]
    ends: NDArray[np.bool_]
    count: int
    empty: NDArray[np.int64]


@dataclass(frozen=True)
class OutputPlan:
    """Names with their slices of output rows, the workspace row of every output row, and its reduction."""

    slices: dict[str, slice]
    rows: NDArray[np.int64]
    reductions: NDArray[np.int64]


def ends_of(index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For every step: is it the last one of its number? Steps of number -1 are not."""
    kept = np.flatnonzero(index >= 0)
    ends = np.zeros(len(index), np.bool_)
    if len(kept):
        numbers = index[kept]
        ends[kept[np.append(numbers[1:] != numbers[:-1], True)]] = True
    return ends


def checked_index(index: object, steps: int, what: str) -> NDArray[np.int64]:
    """An index per step: whole numbers, -1 or more, not decreasing where not -1. Raises ValueError otherwise."""
    array = np.asarray(index)
    if array.shape != (steps,) or array.dtype.kind not in "iu":
        found = f"{array.dtype} {array.shape}"
        raise ValueError(f"{what} must hold one whole number for each of the {steps} steps, not {found}")
    numbers = np.ascontiguousarray(array, np.int64)
    kept = numbers[numbers >= 0]
    if (numbers < -1).any() or (kept[1:] < kept[:-1]).any():
        raise ValueError(f"{what} must not decrease over time (-1 leaves a step out)")
    return numbers


def window_plan(windows: Windows, steps: int) -> WindowPlan:
    """The windows of a run.

    `windows` is None (every step by itself), a number of steps per window (which must divide the steps of the run) or
    a window number per step, not decreasing, -1 for steps that are not kept; there a window is the mean over the steps
    it has, even if the run ends early, and a number without steps gives NaN. Raises ValueError for what does not fit.
    """
    none = np.zeros(0, np.int64)
    if windows is None:
        return WindowPlan(np.arange(steps), np.ones(steps, np.bool_), steps, none)
    if isinstance(windows, (int, np.integer)):
        if windows < 1 or steps % windows:
            raise ValueError(f"{steps} steps do not make whole windows of {windows}; pass a window number per step")
        numbers = np.arange(steps) // int(windows)
        return WindowPlan(numbers, ends_of(numbers), steps // int(windows), none)
    numbers = checked_index(windows, steps, "windows")
    count = int(numbers.max(initial=-1)) + 1
    ends = ends_of(numbers)
    empty = none if ends.sum() == count else np.setdiff1d(np.arange(count), numbers)
    return WindowPlan(numbers, ends, count, empty)


def output_plan(outputs: Outputs, table: Table, rows: Mapping[str, int]) -> OutputPlan:
    """Which workspace rows are kept, and how windows reduce them.

    `outputs` are names, or names with a reduction each: "mean" (the default), "sum", "last", "minimum", "maximum".
    A layered name takes one row per layer; `_top`, `_bottom`, `_layer2` choose one. Raises RecipeError for an unknown
    name and ValueError for an unknown reduction.
    """
    wanted = dict(outputs) if isinstance(outputs, Mapping) else dict.fromkeys(outputs, "mean")
    slices: dict[str, slice] = {}
    places: list[int] = []
    reductions: list[int] = []
    for name, reduction in wanted.items():
        if reduction not in REDUCTIONS:
            raise ValueError(f"output {name!r} has the reduction {reduction!r}; known are {', '.join(REDUCTIONS)}")
        chosen = rows_named(name, table, rows, "the output")
        slices[name] = slice(len(places), len(places) + len(chosen))
        places += chosen
        reductions += [REDUCTIONS[reduction]] * len(chosen)
    return OutputPlan(slices, np.array(places, np.int64), np.array(reductions, np.int64))


def rows_named(name: str, table: Table, rows: Mapping[str, int], who: str) -> list[int]:
    """Workspace rows of a name: all layers, or the fixed one. Raises RecipeError for an unknown name or a neighbour."""
    place = resolve(table, name, who)
    if place.shift:
        raise ValueError(f"{who} cannot be {name!r}: there is no layer that it is a neighbour of")
    first = rows[place.variable.name]
    layers = range(table.layers_of(place.variable)) if place.fixed is None else [place.fixed]
    return [first + layer for layer in layers]
