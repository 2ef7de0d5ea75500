"""The variable table: every quantity of a column, declared once.

The table fixes memory (one row per variable and layer), the order of the input and output arrays, range checks and
error messages. Processes refer to variables only by name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

KINDS = ("forcing", "setting", "parameter", "derived", "state", "diagnostic")


@dataclass(frozen=True)
class Variable:
    """One quantity of a column.

    `kind` is one of
    `forcing` (given every step), `setting` (one number for the whole run, such as the time step), `parameter` (given
    per column), `derived` (computed once at the start of a run, constant afterwards), `state` (carried from step to
    step, part of a restart) and `diagnostic` (remade every step).

    `dimension` is empty or the name of a layer axis of the table. `bounds` (low, high) are in `unit`; a state outside
    them, or NaN, stops its column. `value` is a first or default value. The remaining fields describe the variable in
    files: CF standard name and cell methods, ALMA name and CMIP name.

    Raises ValueError for an unknown kind, a name that is no Python identifier, or bounds in the wrong order.
    """

    name: str
    kind: str
    unit: str
    long_name: str
    dimension: str = ""
    bounds: tuple[float, float] | None = None
    value: float | None = None
    standard_name: str = ""
    alma: str = ""
    cmip: str = ""
    cell_methods: str = "time: mean"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"variable {self.name!r} has the unknown kind {self.kind!r}; known are {', '.join(KINDS)}")
        if not self.name.isidentifier():
            raise ValueError(f"variable name {self.name!r} is not a Python identifier")
        if self.bounds is not None and not self.bounds[0] <= self.bounds[1]:
            raise ValueError(f"variable {self.name!r} has bounds {self.bounds} in the wrong order")


class Table(dict[str, Variable]):
    """Variables by name, in declared order, with the number of layers of every layer axis.

    `layers` maps a dimension name to its number of layers, such as {"soil": 10, "snow": 3, "deep": 0}. Variables of a
    dimension with no layers are left out. Raises ValueError for a name declared twice, a dimension that `layers` does
    not name, or a negative number of layers.
    """

    def __init__(self, variables: Iterable[Variable], layers: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.layers: dict[str, int] = dict(layers or {})
        self.left_out: dict[str, Variable] = {}
        for dimension, count in self.layers.items():
            if count < 0:
                raise ValueError(f"dimension {dimension!r} has {count} layers")
        for variable in variables:
            if variable.name in self or variable.name in self.left_out:
                raise ValueError(f"variable {variable.name!r} is declared twice")
            if variable.dimension and variable.dimension not in self.layers:
                raise ValueError(f"variable {variable.name!r} has the unknown dimension {variable.dimension!r}")
            kept = self.left_out if variable.dimension and not self.layers[variable.dimension] else self
            kept[variable.name] = variable

    def layers_of(self, variable: Variable | str) -> int:
        """Number of rows that a variable takes: 1 without a dimension, else the layers of its dimension."""
        found = self[variable] if isinstance(variable, str) else variable
        return self.layers[found.dimension] if found.dimension else 1

    def of_kind(self, *kinds: str) -> list[Variable]:
        """Variables of these kinds, in declared order."""
        return [variable for variable in self.values() if variable.kind in kinds]

    def rows_of(self, *kinds: str) -> list[tuple[Variable, int]]:
        """(variable, layer) of every row that variables of these kinds take, in order; layers count from 0."""
        return [(variable, layer) for variable in self.of_kind(*kinds) for layer in range(self.layers_of(variable))]
