"""From the names in a process to rows of the table."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from terraflux.model.weave.recipe import Process, RecipeError
from terraflux.model.weave.table import Table, Variable

ENDINGS = re.compile(r"(.+?)_(above|below|top|bottom|layer([1-9]\d*))")
SHIFTS = {"above": -1, "below": 1}


@dataclass(frozen=True)
class Place:
    """What a name stands for: a variable in the loop's own layer plus `shift`, or in the `fixed` layer (from 0)."""

    variable: Variable
    shift: int = 0
    fixed: int | None = None

    @property
    def moves(self) -> bool:
        """Does the place follow the layer loop?"""
        return bool(self.variable.dimension) and self.fixed is None

    def layer(self, loop_layer: int | None) -> int:
        """Layer meant while the loop is in `loop_layer`."""
        if self.fixed is not None:
            return self.fixed
        return 0 if loop_layer is None or not self.variable.dimension else loop_layer + self.shift


class LeftOut(RecipeError):
    """A name belongs to a dimension that has no layers in this table."""


def near(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known name most like `name`, if any is."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; meant {found[0]!r}?" if found else ""


def resolve(table: Table, name: str, who: str = "the request", twin: str = "") -> Place:
    """The place that a name (with its ending) stands for; with a twin, `name_twin` and `twin_name` come first.

    Raises RecipeError if the table has neither, or both twin forms, or the ending does not fit the variable, and
    LeftOut if the variable's dimension has no layers.
    """
    variable = _variable(table, name, who, twin)
    if variable is not None:
        return Place(variable)
    found = ENDINGS.fullmatch(name)
    variable = _variable(table, found[1], who, twin) if found else None
    if found is None or variable is None:
        raise RecipeError(f"{who} uses {name!r}, which the table does not declare{near(name, table)}")
    if not variable.dimension:
        raise RecipeError(f"{who} uses {name!r}, but {variable.name!r} has no layers")
    if found[2] in SHIFTS:
        return Place(variable, shift=SHIFTS[found[2]])
    count = table.layers_of(variable)
    layer = {"top": 1, "bottom": count}.get(found[2]) or int(found[3])
    if layer > count:
        raise RecipeError(f"{who} uses {name!r}, but {variable.name!r} has {count} layers")
    return Place(variable, fixed=layer - 1)


def _variable(table: Table, stem: str, who: str, twin: str) -> Variable | None:
    pair = (f"{stem}_{twin}", f"{twin}_{stem}") if twin else ()
    twins = [name for name in pair if name in table or name in table.left_out]
    if len(twins) > 1:
        raise RecipeError(f"{who} uses {stem!r}, and the table has both {twins[0]!r} and {twins[1]!r}")
    name = twins[0] if twins else stem
    if name in table.left_out:
        raise LeftOut(f"{who} uses {name!r}, whose dimension {table.left_out[name].dimension!r} has no layers")
    return table.get(name)


def place_of(table: Table, one: Process, name: str) -> Place:
    """The place of a parameter or result of a process, after its renames. Raises like `resolve`."""
    renames = dict(one.renames)
    if name in renames:
        return resolve(table, renames[name], one.name)
    found = ENDINGS.fullmatch(name)
    if found and found[1] in renames:
        return resolve(table, f"{renames[found[1]]}_{found[2]}", one.name)
    return resolve(table, name, one.name, one.twin)
