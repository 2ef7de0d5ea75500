"""Coarse forcing made fine inside the time loop: what a woven module needs for it, and what a run needs.

A refinement brings text that is copied into the module. It defines `refine_size(whole)`, how many rows of lanes it holds
between intervals, and `refine(fine, held, interval, forcing, series, arrangement, whole, calendar, turns, places)`, which
makes the forcing of all steps of one interval for the lanes of a block. The arrays are those of its plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.table import Table

COPIED = "# ---- copied from here"
NOT_REFINED = '''
@block_function
def refine_size(whole):
    """Nothing is refined."""
    return 0


@block_function
def refine(fine, held, interval, forcing, series, arrangement, whole, calendar, turns, places):
    """Nothing is refined."""
'''


def copied_text(path: Path) -> str:
    """The part of a file below its line `copied from here`."""
    text = path.read_text(encoding="utf-8")
    return text[text.index(COPIED) :].partition("\n")[2].strip()


@dataclass(frozen=True)
class Refinement:
    """What goes into a woven module: `text`, the `numbers` (name, value) and scalar `functions` that it uses, and how many
    rows the coarse forcing has. Modules with equal refinements are the same."""

    text: str
    numbers: tuple[tuple[str, Any], ...]
    functions: tuple[Callable[..., Any], ...]
    rows: int


@dataclass(frozen=True)
class RefinementPlan:
    """What goes into a run: its number of steps, `whole` (steps per interval first), `calendar`, `turns` and `places`."""

    steps: int
    whole: NDArray[np.int64]
    calendar: NDArray[np.float64]
    turns: NDArray[np.float64]
    places: NDArray[np.float64]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """In the order of the time loop."""
        return self.whole, self.calendar, self.turns, self.places


class Disaggregator(Protocol):
    """Anything that says how the coarse forcing of a run becomes that of its steps."""

    def refinement(self, table: Table) -> Refinement:
        """What is woven in; the same object for the same choices."""

    def plan(self, settings: Mapping[str, float], intervals: int, series: int) -> RefinementPlan:
        """What a run of so many intervals and series needs; raises ValueError for what does not fit."""


def no_plan(steps: int) -> RefinementPlan:
    """The plan of a run whose forcing is that of its steps."""
    nothing = np.zeros((0, 0))
    return RefinementPlan(steps, np.ones(1, np.int64), nothing, nothing, nothing)
