"""Writes the last section of every page in docs/processes: what the processes of a file read and return.

Run `make docs` after a change of a process; a test compares pages and code. What stands above the section is written by
hand. A page names the files it describes in its third line, as `model/solar.py`.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from terraflux.model.variables import DEEP_LAYERS, SEASONAL_TERMS, variable_table
from terraflux.model.weave import Process
from terraflux.model.weave.table import Variable

PAGES = Path(__file__).resolve().parent / "processes"
TITLE = "## In the code"
MADE = ("Made by `make docs` from the signatures. A name without its twin stands for each of them: sunlit and shaded leaves;\n"
        "snow, soil and deep layers.")
TWINS = ("sunlit", "shaded", "snow", "soil", "deep")
NEIGHBOURS = re.compile(r"_(above|below|top|bottom|layer\d+)$")
KINDS = {"forcing": "forcing", "setting": "setting", "state": "states", "derived": "derived", "diagnostic": "diagnostics"}
TABLE = dict(variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS))


def files_of(page: str) -> list[str]:
    """Module names of the files that the text of a page describes."""
    return re.findall(r"`model/(\w+)\.py`", page.splitlines()[2])


def processes_of(module: str) -> list[Process]:
    """The processes that a file of the model defines, in order."""
    home = importlib.import_module(f"terraflux.model.{module}")
    found = {one.function: one for one in vars(home).values()
             if isinstance(one, Process) and one.function.__module__ == home.__name__ and not one.twin and not one.renames}
    return sorted(found.values(), key=lambda one: one.function.__code__.co_firstlineno)


def variables_of(name: str) -> list[Variable]:
    """The variables that a name of a process may stand for: itself, a neighbour, or twins."""
    if name in TABLE:
        return [TABLE[name]]
    if NEIGHBOURS.search(name):
        return variables_of(NEIGHBOURS.sub("", name))
    return [TABLE[full] for twin in TWINS for full in (f"{name}_{twin}", f"{twin}_{name}") if full in TABLE]


def shown(name: str) -> str:
    """A name as the page shows it: without the neighbour it refers to."""
    return name if name in TABLE else NEIGHBOURS.sub("", name)


def section(modules: list[str]) -> str:
    """The last section of a page on these files; empty where they have no processes."""
    processes = [one for module in modules for one in processes_of(module)]
    if not processes:
        return ""
    lines = [TITLE, "", MADE, "", "| process | returns |", "|---|---|"]
    lines += [f"| `{one.name}` | {_names(one.returns)} |" for one in processes]
    read = list(dict.fromkeys(name for one in processes for name in one.reads))
    parameters = list(dict.fromkeys(one for name in read for one in variables_of(name) if one.kind == "parameter"))
    if parameters:
        lines += ["", "| parameter | unit | meaning |", "|---|---|---|"]
        lines += [f"| `{one.name}` | {one.unit} | {one.long_name} |" for one in parameters]
    lines += [""] + [f"Reads {words}: {_names(names)}.  " for words, names in _others(read)]
    return "\n".join(line.rstrip() if not line.startswith("Reads") else line for line in lines).rstrip() + "\n"


def _names(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(map(shown, names)))


def _others(read: list[str]) -> Iterator[tuple[str, list[str]]]:
    for kind, words in KINDS.items():
        names = [name for name in read if any(one.kind == kind for one in variables_of(name))]
        if names:
            yield words, names


def written(page: str) -> str:
    """The text of a page with its last section made anew."""
    above = page.partition(f"\n{TITLE}\n")[0].rstrip() + "\n"
    below = section(files_of(page))
    return f"{above}\n{below}" if below else above


def write() -> None:
    """Makes the last section of every page anew."""
    for path in sorted(PAGES.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        path.write_text(written(page), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
