"""The source text of processes and their helpers: checked, then copied into the woven module."""

import ast
import builtins
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from terraflux.model.weave import lane_math
from terraflux.model.weave.recipe import Process, RecipeError

REFUSED: dict[type[ast.AST], str] = {
    ast.While: "a while statement; use Repeat",
    ast.Try: "a try statement",
    ast.Raise: "a raise statement; trouble shows in the bounds of states",
    ast.Assert: "an assert statement",
    ast.With: "a with statement",
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.Global: "a global statement",
    ast.Nonlocal: "a nonlocal statement",
    ast.Delete: "a del statement",
    ast.Lambda: "a lambda",
    ast.ClassDef: "a class",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a generator expression",
    ast.Yield: "a yield",
    ast.Await: "an await",
    ast.JoinedStr: "an f-string",
    ast.Match: "a match statement",
}
BUILTINS = {"abs", "bool", "float", "int", "max", "min", "range"}


@functools.lru_cache(maxsize=4096)
def definition(function: Callable[..., Any]) -> tuple[str, ast.FunctionDef]:
    """Source text of a function without decorators, and its syntax tree.

    Raises RecipeError if the source cannot be read or the function is not defined by a plain `def`.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(text).body[0]
    except (OSError, SyntaxError) as trouble:
        raise RecipeError(f"the source of {function.__name__} cannot be read: {trouble}") from trouble
    if not isinstance(tree, ast.FunctionDef):
        raise RecipeError(f"{function.__name__} is not defined by a plain def")
    return "\n".join(text.splitlines()[tree.lineno - 1 :]).rstrip(), tree


@functools.lru_cache(maxsize=4096)
def check(function: Callable[..., Any], results: int | None = None) -> None:
    """Refuses what would stop LLVM from vectorising, before anything is compiled.

    With `results`, every return must give that many values. Raises RecipeError naming function and line.
    """
    name = function.__name__
    _, tree = definition(function)
    if function.__code__.co_freevars:
        raise RecipeError(f"{name} uses {function.__code__.co_freevars[0]!r} of an enclosing function")
    for statement in tree.body:
        for node in ast.walk(statement):
            trouble = _trouble(node, results)
            if trouble:
                line = function.__code__.co_firstlineno + getattr(node, "lineno", 1) - 1
                raise RecipeError(f"{name} has {trouble} ({function.__code__.co_filename}:{line})")
    if results is not None and not _always_returns(tree.body):
        raise RecipeError(f"{name} can end without a return")


def _trouble(node: ast.AST, results: int | None) -> str:
    if type(node) in REFUSED:
        return REFUSED[type(node)]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "a function inside; define it at the top of the file"
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
        return f"a call of {ast.unparse(node.func)}; take the function from lane_math"
    if isinstance(node, ast.Attribute):
        return f"the attribute {ast.unparse(node)}; import the name itself"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        if not isinstance(exponent, ast.Constant) or not isinstance(exponent.value, int):
            return "a power whose exponent is not a whole number; write pow_positive(base, exponent)"
    if isinstance(node, ast.Return) and results is not None:
        given = len(node.value.elts) if isinstance(node.value, ast.Tuple) else int(node.value is not None)
        if given != results:
            return f"a return of {given} values for {results} names"
    return ""


def _always_returns(body: list[ast.stmt]) -> bool:
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _always_returns(last.body) and _always_returns(last.orelse)
    return isinstance(last, ast.Return)


class Sources:
    """Everything copied into a woven module: numbers, functions in order of need, and names of lane_math.

    Helpers are followed across the modules of the package that the process belongs to.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        self.reserved = set(reserved)
        self.numbers: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self.imports: dict[str, str] = {}
        self._origin: dict[str, str] = {}
        self._seen: dict[Callable[..., Any], None] = {}

    @property
    def names(self) -> set[str]:
        """Every name that the copied text defines."""
        return {*self.numbers, *self.functions, *self.imports}

    def add(self, one: Process) -> None:
        """Checks and copies a process with all it uses.

        Raises RecipeError for source that cannot be woven, and for one name with two meanings.
        """
        check(one.function, len(one.returns))
        self._copy(one.function)

    def add_number(self, name: str, value: Any) -> None:
        """Defines a number, or a tuple of numbers. Raises RecipeError for a name that has another meaning already."""
        self._define(self.numbers, name, _literal(value), f"the number {name}")

    def _copy(self, function: Callable[..., Any]) -> None:
        if function in self._seen:
            return
        self._seen[function] = None
        text, tree = definition(function)
        local = {*function.__code__.co_varnames}
        inside = [node for statement in tree.body for node in ast.walk(statement)]
        for name in dict.fromkeys(node.id for node in inside if isinstance(node, ast.Name)):
            if name not in local:
                self._copy_global(function, name)
        self._define(self.functions, function.__name__, text, f"{function.__module__}.{function.__name__}")

    def _copy_global(self, function: Callable[..., Any], name: str) -> None:
        value = function.__globals__.get(name, getattr(builtins, name, None))
        where = f"{function.__module__}.{name}"
        if isinstance(value, Process):
            value = value.function
        if _is_number(value) or (isinstance(value, tuple) and value and all(map(_is_number, value))):
            self._define(self.numbers, name, _literal(value), where)
        elif name in BUILTINS and value is getattr(builtins, name):
            return
        elif (known := _lane_function(value)) is not None:
            self._define(self.imports, name, known, where)
        elif inspect.isfunction(value) and _package(value) == _package(function):
            if value.__name__ != name:
                raise RecipeError(f"{function.__name__} calls {value.__name__} under the other name {name!r}")
            check(value)
            self._copy(value)
        elif value is None:
            raise RecipeError(f"{function.__name__} uses {name!r}, which its file does not define")
        else:
            raise RecipeError(f"{function.__name__} uses {name!r}, which is neither a number, nor from lane_math, nor "
                              f"a plain function of {_package(function)}")

    def _define(self, kind: dict[str, str], name: str, text: str, origin: str) -> None:
        if name in self.reserved:
            raise RecipeError(f"{origin} has a name that the woven module needs itself: rename {name!r}")
        if name in self.names and kind.get(name) != text:
            raise RecipeError(f"{origin} and {self._origin[name]} share the name {name!r} but differ")
        kind[name] = text
        self._origin.setdefault(name, origin)


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))},)"
    if isinstance(value, float):
        text = float(value).__repr__()
        return text if text not in ("inf", "-inf", "nan") else f'float("{text}")'
    return repr(value)


def _lane_function(value: object) -> str | None:
    return next((name for name in lane_math.__all__ if getattr(lane_math, name) is value), None)


def _package(function: Callable[..., Any]) -> str:
    return function.__module__.partition(".")[0]
