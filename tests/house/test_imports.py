"""Imports run one way: rooms know only the rooms before them, and the door loads them when they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED = {
    "model": set(),
    "drivers": {"model"},
    "sites": {"model", "drivers"},
    "assimilation": {"model", "drivers", "sites"},
    "region": {"model", "drivers"},
    "evaluation": {"model", "drivers"},
    "products": {"model", "drivers", "sites", "evaluation"},
}
ROOMS = tuple(ALLOWED)
OUTSIDE_THE_MODEL = {"xarray", "pandas", "netCDF4", "h5py", "zarr", "matplotlib", "dask"}
HEAVY = ("numpy", "numba", "llvmlite", "xarray", "pandas", "scipy", "matplotlib", "netCDF4", "typer")


def imported(tree: ast.AST) -> list[tuple[str, int]]:
    """Dotted name and line of every import of a syntax tree, wherever it stands; relative ones begin with a dot."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names.append((module, node.lineno))
            if module == "terraflux":
                names += [(f"terraflux.{alias.name}", node.lineno) for alias in node.names]
    return names


def room_of(name: str) -> str | None:
    """Room that a dotted name belongs to; None for what lies in no room."""
    first, _, rest = name.partition(".")
    second = rest.partition(".")[0]
    return second if first == "terraflux" and second in ROOMS else None


def offences(room: str, text: str) -> list[str]:
    """What a file of a room may not import."""
    found = []
    for name, line in imported(ast.parse(text)):
        other = room_of(name)
        if name.startswith("."):
            found.append(f"line {line}: relative import {name}")
        elif other is not None and other != room and other not in ALLOWED[room]:
            found.append(f"line {line}: {room} imports {name}")
        elif other is None and name.partition(".")[0] == "terraflux":
            found.append(f"line {line}: {room} imports the door ({name})")
        elif name.partition(".")[0] in ROOMS:
            found.append(f"line {line}: {name} without terraflux in front")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_before_it(repository, room):
    found = {str(path.relative_to(repository)): trouble for path in sorted((repository / room).rglob("*.py"))
             if (trouble := offences(room, path.read_text(encoding="utf-8")))}
    assert not found, found


def test_the_guard_sees_what_it_should():
    assert offences("model", "from terraflux.drivers.site import read_site")
    assert offences("drivers", "def late():\n    import terraflux.evaluation.scores")
    assert offences("drivers", "from terraflux import simulate")
    assert offences("evaluation", "from terraflux import drivers")
    assert offences("model", "from .constants import GRAVITY")
    assert offences("drivers", "import model.constants")
    assert not offences("drivers", "import numpy\nfrom terraflux.model.constants import GRAVITY")


def test_the_model_knows_no_labelled_arrays_and_no_file_formats(repository):
    found = {path.name: name for path in (repository / "model").rglob("*.py")
             for name, _ in imported(ast.parse(path.read_text(encoding="utf-8")))
             if name.partition(".")[0] in OUTSIDE_THE_MODEL}
    assert not found, found


def at_import(path: Path) -> set[str]:
    """First parts of what a file imports when it is imported itself: not inside functions, not for type checkers."""
    names = set()
    waiting: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        names |= {name for name, _ in imported(node)} if isinstance(node, (ast.Import, ast.ImportFrom)) else set()
        waiting += ast.iter_child_nodes(node)
    return names


def test_the_door_loads_rooms_only_when_asked(repository):
    files = [repository / "terraflux" / "__init__.py", *sorted((repository / "terraflux" / "cli").glob("*.py"))]
    found = {path.name: names for path in files
             if (names := {name for name in at_import(path)
                           if room_of(name) or name.partition(".")[0] in set(HEAVY) - {"typer"}})}
    assert not found, found


def test_importing_terraflux_loads_nothing_heavy():
    code = f"import terraflux, sys; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_name_of_the_door_leads_somewhere():
    import terraflux

    for name in terraflux.__all__:
        assert getattr(terraflux, name) is not None
    with pytest.raises(AttributeError, match="offers"):
        terraflux.no_such_name  # noqa: B018
