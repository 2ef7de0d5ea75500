"""Columns that left the bounds of their states, and the error that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.table import Table, Variable


@dataclass(frozen=True)
class Failure:
    """The first trouble of one column; `step` and `layer` count from 0, `value` is in the variable's unit."""

    column: int
    step: int
    variable: Variable
    layer: int
    value: float
    time: Any = None

    def __str__(self) -> str:
        variable = self.variable
        when = f"step {self.step}" + (f" ({self.time})" if self.time is not None else "")
        where = f" in layer {self.layer + 1}" if variable.dimension else ""
        what = f"{variable.name}{where} is {self.value:.6g} {variable.unit}"
        if variable.bounds is None:
            return f"column {self.column}, {when}: {what}, not finite"
        low, high = variable.bounds
        return f"column {self.column}, {when}: {what}, outside {low:g} to {high:g} {variable.unit}"


class ColumnError(ArithmeticError):
    """Columns left the bounds of their states; `failures` holds the first trouble of each."""

    def __init__(self, failures: Sequence[Failure], columns: int) -> None:
        self.failures = list(failures)
        super().__init__(f"{len(failures)} of {columns} columns failed; {failures[0]}")


def failures_of(
    status: NDArray[np.int64], value: NDArray[np.float64], table: Table, times: Sequence[Any] | None = None
) -> list[Failure]:
    """What the status codes of a run say, one entry per failed column; `times` labels the steps."""
    rows = table.rows_of("state")
    found = []
    for column in np.flatnonzero(status):
        step, row = divmod(int(status[column]) - 1, len(rows))
        time = times[step] if times is not None else None
        found.append(Failure(int(column), step, *rows[row], float(value[column]), time))
    return found
