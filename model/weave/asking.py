"""Which parts of a step only serve outputs: they run where a run asks for what they compute, and cost nothing else.

A part (an item of the recipe's top level) is needed if it changes a state, or a variable that a needed part after it reads.
All others only tell: budgets that close, depth of thaw. Variables are followed by name, so a part runs too often rather than
too seldom.
"""

from collections.abc import Iterator, Sequence

from terraflux.model.weave.names import LeftOut, place_of
from terraflux.model.weave.recipe import Item, LayerLoop, Process, Repeat, RepeatPerLane, When, conditions_of, processes_of
from terraflux.model.weave.table import Table

Names = frozenset[str]


def told_by_parts(items: Sequence[Item], table: Table) -> list[Names | None]:
    """For each part: None where it is needed, else the variables whose values would lack without it."""
    used = [(_variables(item, table, False), _variables(item, table, True)) for item in items]
    states = {variable.name for variable in table.of_kind("state")}
    needed: set[str] = set()
    told: list[Names | None] = [None] * len(used)
    for place in range(len(used) - 1, -1, -1):
        reads, writes = used[place]
        if writes & (states | needed):
            needed |= reads
        else:
            told[place] = _depending(used[place:])
    return told


def _depending(used: Sequence[tuple[Names, Names]]) -> Names:
    """What the first part computes, and what parts after it make of that."""
    found = set(used[0][1])
    for reads, writes in used[1:]:
        if reads & found:
            found |= writes
    return frozenset(found)


def _variables(item: Item, table: Table, written: bool) -> Names:
    names = set()
    for one in (*processes_of(item), *(() if written else conditions_of(item))):
        for name in one.returns if written else one.reads:
            try:
                names.add(place_of(table, one, name).variable.name)
            except LeftOut:
                continue
    return frozenset(names if written else {*names, *_flags(item)})


def _flags(item: Item | Process | LayerLoop) -> Iterator[str]:
    if isinstance(item, When):
        yield item.flag
    elif isinstance(item, RepeatPerLane):
        yield item.count
    if isinstance(item, (When, Repeat, RepeatPerLane)):
        for part in item.body:
            yield from _flags(part)
