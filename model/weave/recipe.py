"""What a recipe is made of: processes, and the order and loops in which they run.

A process is a plain scalar function whose parameter names are variables of the table. A recipe is a list of processes
and of the elements below; it reads like the flow chart of one time step.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

PYTHON_MATHEMATICS = ("exp", "expm1", "log", "sqrt", "tanh")


class RecipeError(ValueError):
    """The recipe, its processes and the table do not fit together."""


@dataclass(frozen=True)
class Process:
    """A scalar function with the names of its results; it stays callable as a plain function.

    Names (parameters and results) stand for variables. Inside a loop over layers a layered name means the layer's own
    value; `_above` and `_below` mean the neighbours', `_top`, `_bottom` and `_layer2` one fixed layer (counted from 1).
    """

    function: Callable[..., Any]
    returns: tuple[str, ...]
    twin: str = ""
    renames: tuple[tuple[str, str], ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the scalar function."""
        return self.function(*args, **kwargs)

    def plain(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the scalar function with Python's own exp, log, ...: nothing is compiled for it; the last bits may differ."""
        own = self.function.__globals__
        python: dict[str, Any] = {name: getattr(math, name) for name in PYTHON_MATHEMATICS if name in own}
        return FunctionType(self.function.__code__, {**own, **python}, self.name, self.function.__defaults__)(*args, **kwargs)

    def of(self, twin: str) -> "Process":
        """The same process for one twin: a name means `name_twin` or `twin_name` wherever the table has that."""
        return replace(self, twin=twin)

    def with_names(self, **renames: str) -> "Process":
        """The same process with other variables: `with_names(liquid_to_ground="snow_melt")`.

        A name is replaced as a whole, or in front of `_above`, `_below`, `_top`, `_bottom`, `_layerN`. Replaced names
        are taken as they are: a twin does not change them. Raises RecipeError for a name the process does not use.
        """
        for name in renames:
            if not any(known == name or known.startswith(name + "_") for known in (*self.reads, *self.returns)):
                raise RecipeError(f"{self.name} neither reads nor returns {name!r}, so it cannot be renamed")
        return replace(self, renames=tuple({**dict(self.renames), **renames}.items()))

    @property
    def name(self) -> str:
        """Name of the function, and of the twin if there is one."""
        return "_".join(filter(None, (self.function.__name__, self.twin)))

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the parameters."""
        code = self.function.__code__
        return code.co_varnames[: code.co_argcount]


def process(returns: str | Sequence[str]) -> Callable[[Callable[..., Any]], Process]:
    """Makes a plain function a process and names its results.

    Raises RecipeError if the function has parameters that are not plain names, or a result is named twice.
    """
    names = (returns,) if isinstance(returns, str) else tuple(returns)

    def named(function: Callable[..., Any]) -> Process:
        for parameter in inspect.signature(function).parameters.values():
            plain = parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
            if not plain:
                raise RecipeError(f"{function.__name__} has the parameter {str(parameter)!r}; use plain names")
        if not names or len(set(names)) < len(names):
            raise RecipeError(f"{function.__name__} returns {names}: name every result once")
        return Process(function, names)

    return named


class Fused(tuple[Process, ...]):
    """Processes that share one loop over the lanes: fewer passes over memory, more registers in use.

    Fuse what reads the same rows, such as twins; one giant stage is slower.
    """

    def __new__(cls, *processes: Process) -> "Fused":
        return super().__new__(cls, processes)


Body = Process | Fused


@dataclass(frozen=True)
class LayerLoop:
    """Processes over the layers of one dimension, in order of visit.

    `first` and `last` replace the body in the layer visited first and last. `leave_out` skips that many layers at
    the top and at the bottom. `where` chooses the cells that the body changes.
    """

    body: Body
    upward: bool = False
    first: Body | None = None
    last: Body | None = None
    leave_out: tuple[int, int] = (0, 0)
    ordered: bool = True
    where: Process | None = None


def Layers(body: Body, where: Process | None = None) -> LayerLoop:
    """Every layer by itself; a body that reads neighbours which it also writes is refused.

    `where` is a condition, a process with one result that names no variable: only layers of columns in which it is true
    change, and a layer is skipped where it holds in no column of the block. The body may then return only what has a value
    in all layers already.
    """
    return LayerLoop(body, ordered=False, where=where)


def SweepDown(
    body: Body, first: Body | None = None, last: Body | None = None, first_is_done: bool = False
) -> LayerLoop:
    """Top layer to bottom layer. `first` serves the top layer, `last` the bottom one.

    `first_is_done` starts at the second layer.
    """
    return LayerLoop(body, False, first, last, (int(first_is_done), 0))


def SweepUp(body: Body, first: Body | None = None, last: Body | None = None, last_is_done: bool = False) -> LayerLoop:
    """Bottom layer to top layer. `first` serves the layer visited first (the lowest), `last` the top one.

    `last_is_done` starts at the last but one layer: the way down has already finished the bottom layer.
    """
    return LayerLoop(body, True, first, last, (0, int(last_is_done)))


class Repeat:
    """The same items a fixed number of times."""

    def __init__(self, times: int, *body: "Item") -> None:
        if times < 1:
            raise RecipeError(f"Repeat {times} times: at least 1")
        self.times, self.body = times, body


class RepeatPerLane:
    """The same items as often as each column's own variable `count` says, held between 1 and `maximum`.

    A block goes round as often as its busiest column; results of the others are kept from changing in surplus rounds,
    so no column feels its neighbours. After the first round groups of columns that are all done are skipped.
    """

    def __init__(self, count: str, maximum: int, *body: "Item") -> None:
        if maximum < 1:
            raise RecipeError(f"RepeatPerLane of {count!r} with the maximum {maximum}: at least 1")
        self.count, self.maximum, self.body = count, maximum, body


class When:
    """Items for columns in which the variable `flag` is not 0; a block without such a column skips them.

    In the other columns nothing changes, and diagnostics that only these items compute are 0. `few` says that such columns
    are few even where there are some: groups of columns without one are then skipped as well.
    """

    def __init__(self, flag: str, *body: "Item", few: bool = False) -> None:
        self.flag, self.body, self.few = flag, body, few


Item = Process | Fused | LayerLoop | Repeat | RepeatPerLane | When


def conditions_of(item: Item | None) -> Iterator[Process]:
    """Every condition on layers within an item."""
    if isinstance(item, LayerLoop) and item.where is not None:
        yield item.where
    elif isinstance(item, (Repeat, RepeatPerLane, When)):
        for part in item.body:
            yield from conditions_of(part)


def processes_of(item: Item | None) -> Iterator[Process]:
    """Every process of an item, in order of first appearance; raises RecipeError for what is no item."""
    if isinstance(item, Process):
        yield item
    elif isinstance(item, LayerLoop):
        for body in (item.first, item.body, item.last):
            yield from processes_of(body)
    elif isinstance(item, (Fused, Repeat, RepeatPerLane, When)):
        for part in item if isinstance(item, Fused) else item.body:
            yield from processes_of(part)
    elif item is not None:
        raise RecipeError(f"a recipe cannot hold {item!r}; it holds processes, Fused, Layers, sweeps, Repeat, "
                          "RepeatPerLane and When")
