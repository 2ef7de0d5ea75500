"""The weave engine: scalar processes and a recipe become one compiled time step for a block of columns.

A process is a plain function whose parameter names are variables of a `Table`. A recipe lists processes in order, with
`Layers`, sweeps, `Repeat`, `RepeatPerLane` and `When`. `weave` (for one number of lanes) or `Model` (for any number of
columns) writes a readable Python module in which every stage is a branch-free loop over columns, compiles and runs it.
"""

from terraflux.model.weave.failure import ColumnError, Failure
from terraflux.model.weave.lane_choice import Model
from terraflux.model.weave.recipe import (
    Fused,
    Item,
    Layers,
    Process,
    RecipeError,
    Repeat,
    RepeatPerLane,
    SweepDown,
    SweepUp,
    When,
    process,
)
from terraflux.model.weave.streams import Stream, StreamPlan
from terraflux.model.weave.table import Table, Variable
from terraflux.model.weave.woven import Result, Woven, weave

__all__ = [
    "ColumnError",
    "Failure",
    "Fused",
    "Item",
    "Layers",
    "Model",
    "Process",
    "RecipeError",
    "Repeat",
    "RepeatPerLane",
    "Result",
    "Stream",
    "StreamPlan",
    "SweepDown",
    "SweepUp",
    "Table",
    "Variable",
    "When",
    "Woven",
    "process",
    "weave",
]
