"""The weave engine: scalar processes and a recipe become one compiled time step for a block of columns."""

from terraflux.model.weave.recipe import (
    Fused,
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
from terraflux.model.weave.table import Table, Variable

__all__ = [
    "Fused",
    "Layers",
    "Process",
    "RecipeError",
    "Repeat",
    "RepeatPerLane",
    "SweepDown",
    "SweepUp",
    "Table",
    "Variable",
    "When",
    "process",
]
