"""Assembling the text of a woven module: numbers, processes, stages, the step and the time loop."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from terraflux.model.weave import time_loop
from terraflux.model.weave.error_models import ERROR_MODELS
from terraflux.model.weave.recipe import Item, Process, conditions_of, processes_of
from terraflux.model.weave.refinement import NOT_REFINED, Refinement, copied_text
from terraflux.model.weave.sources import Sources
from terraflux.model.weave.table import KINDS, Table
from terraflux.model.weave.text import indent
from terraflux.model.weave.weaving import GROUP, Weaving

LARGEST = 1.7e308
ROWS_AT_ONCE = 20
COMPILED_HEADER = '''
import math

import numpy as np
from numba import njit

inline = njit(error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
stage = block_function = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, cache=True, no_cfunc_wrapper=True)
'''
PYTHON_HEADER = '''
import math

import numpy as np


def inline(function):
    return function


stage = block_function = entry = inline
'''
HELPERS = '''

@inline
def keep(on, new, old):
    """The new value in lanes where a condition holds."""
    return new if on else old


@inline
def watch(code, value, low, high, number):
    """The number of a state row if its value is outside its bounds or NaN, else the code so far."""
    return code if (value >= low) & (value <= high) else number
'''


def time_loop_text() -> str:
    """The part of `time_loop.py` that every woven module holds."""
    return copied_text(Path(time_loop.__file__))


def engine_names(refinement: str = NOT_REFINED) -> set[str]:
    """Names that woven modules define themselves, with the text of their refinement."""
    text = "\n".join((COMPILED_HEADER, HELPERS, time_loop_text(), refinement))
    names = {"check", "group", "here", "lane", "layer", "misfit_of", "on", "place", "prepare", "rounds", "step", "turn", "w",
             "GROUP", "ROWS", "SKIP", "FIRST_ASKED", "N_ASKED"}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name for alias in node.names)
    return names | {name for name in vars(time_loop) if name.isupper()}


def row_names(table: Table, taken: Iterable[str]) -> dict[str, str]:
    """The capital name of every variable's first row; `_ROW` is added where a number of a process has that name."""
    used = set(taken)
    return {name: f"{name.upper()}_ROW" if name.upper() in used else name.upper() for name in table}


class ModuleText:
    """The text of a woven module and what the runner needs to know of it.

    `rows` maps variables to their first workspace row, `stages` are the names of the stage functions, `computed` and
    `maybe` the rows that processes compute always or under a flag, `told` the variables behind each question of a run.
    Raises RecipeError for what does not fit.
    """

    def __init__(
        self, recipe: Sequence[Item], table: Table, prepare: Sequence[Item], lanes: int, skip: bool, python: bool,
        refinement: Refinement | None = None,
    ) -> None:
        refining = refinement.text if refinement else NOT_REFINED
        sources = Sources(engine_names(refining))
        for item in (*prepare, *recipe):
            for one in (*processes_of(item), *conditions_of(item)):
                sources.add(one)
        for function in ERROR_MODELS.values():
            sources.add(Process(function, ("misfit",)))
        if refinement:
            for name, value in refinement.numbers:
                sources.add_number(name, value)
            for function in refinement.functions:
                sources.add(Process(function, ("result",)))
        by_groups = lanes > GROUP and lanes % GROUP == 0
        weaving = Weaving(table, row_names(table, engine_names(refining) | sources.names), by_groups=by_groups)
        prepare_calls = weaving.weave(prepare, "prepare")
        step_calls = weaving.weave(recipe, "step")
        self.rows: dict[str, int] = {}
        self.computed, self.maybe, self.told = weaving.computed, weaving.maybe, weaving.told
        total = 0
        for variable in (variable for kind in KINDS for variable in table.of_kind(kind)):
            self.rows[variable.name] = total
            total += table.layers_of(variable)
        numbers: dict[str, object] = {"LANES": lanes, "GROUP": GROUP, "SKIP": skip, "REFINED": refinement is not None}
        for kind in KINDS:
            numbers[f"N_{kind.upper()}"] = len(table.rows_of(kind))
        first = 0
        for kind in KINDS:
            numbers[f"FIRST_{kind.upper()}"] = first
            first += len(table.rows_of(kind))
        numbers |= {weaving.row_names[name]: f"{row} * LANES" for name, row in self.rows.items()}
        for name in ("CODE", *weaving.masks):
            numbers[name] = f"{total} * LANES"
            total += 1
        numbers |= {"ROWS": total, "N_ASKED": len(self.told), "FIRST_ASKED": "ROWS * LANES",
                    "SIZE": "ROWS * LANES + N_ASKED"}
        self.stages = list(weaving.stages)
        self.text = "\n".join(
            [
                '"""Woven from a recipe. Do not edit: change the processes, the table or the recipe."""\n',
                "from __future__ import annotations",
                PYTHON_HEADER if python else COMPILED_HEADER,
                _imports(sources.imports, python),
                "".join(f"{name} = {text}\n" for name, text in sources.numbers.items()),
                "\n".join(f"{name} = {value}" for name, value in numbers.items()),
                HELPERS,
                *(f"\n@inline\n{text}\n" for text in sources.functions.values()),
                *(f"\n@stage\ndef {name}{body}\n" for name, body in weaving.stages.items()),
                _phase("prepare", prepare_calls, "What does not change with time."),
                _phase("step", step_calls, "One time step."),
                _check_text(table, weaving.row_names),
                _misfit_text(),
                "\n" + refining + "\n",
                "\n" + time_loop_text() + "\n",
            ]
        )


def _imports(imports: Mapping[str, str], python: bool) -> str:
    names = {**{name: name for name in ("exp", "log", "sqrt")}, **imports}
    module = "lane_math_python" if python else "lane_math"
    lines = ", ".join(name if name == known else f"{known} as {name}" for name, known in sorted(names.items()))
    return f"from terraflux.model.weave.{module} import {lines}\n"


def _phase(name: str, calls: Sequence[str], title: str) -> str:
    return f'\n@block_function\ndef {name}(w):\n    """{title}"""\n{indent(chr(10).join(calls))}\n'


def _check_text(table: Table, names: Mapping[str, str]) -> str:
    """A stage that notes the first state row outside its bounds or NaN, in the order of the table."""
    lines = ["for lane in range(LANES):", "    code = 0.0"]
    number = len(table.rows_of("state"))
    for variable in reversed(table.of_kind("state")):
        low, high = variable.bounds or (-LARGEST, LARGEST)
        low, high = max(low, -LARGEST), min(high, LARGEST)
        count = table.layers_of(variable)
        number -= count
        row = names[variable.name]
        if count <= ROWS_AT_ONCE:  # the code stays in a register
            lines += [f"    code = watch(code, w[{row} + {layer} * LANES + lane], {low}, {high}, {number + layer + 1}.0)"
                      for layer in range(count - 1, -1, -1)]
        else:
            lines += ["    w[CODE + lane] = code"]
            lines += [f"for layer in range({count - 1}, -1, -1):",
                      "    for lane in range(LANES):",
                      f"        value, number = w[{row} + layer * LANES + lane], float(layer + {number + 1})",
                      f"        w[CODE + lane] = watch(w[CODE + lane], value, {low}, {high}, number)",
                      "for lane in range(LANES):", "    code = w[CODE + lane]"]
    lines += ["    w[CODE + lane] = code"]
    return f'\n@stage\ndef check(w):\n    """Which state is out of bounds."""\n{indent(chr(10).join(lines))}\n'


def _misfit_text() -> str:
    lines = [f"if model == {k}:\n    return {function.__name__}(residual)"
             for k, function in enumerate(ERROR_MODELS.values())]
    return ('\n@inline\ndef misfit_of(model, residual):\n    """The term of one error model."""\n'
            + indent("\n".join(lines)) + '\n    return np.nan\n')
