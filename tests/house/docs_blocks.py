"""Fenced blocks of a Markdown page, and how each kind is run."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)[ \t]*([^\n]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
LINKED = ("examples", "docs", "benchmarks", "model", "drivers")
LIMIT = 600  # s


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind it on the fence, its text and its line on the page."""

    language: str
    mark: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(found[1], found[2].strip(), found[3], page[: found.start()].count("\n") + 2)
            for found in FENCE.finditer(page)]


def workplace(repository: Path, folder: Path) -> dict[str, str]:
    """Makes a folder look like the repository to a reader who follows a page; returns the environment for commands."""
    for name in LINKED:
        (folder / name).symlink_to(repository / name)
    (folder / ".venv").symlink_to(sys.prefix)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COV_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment.pop("TERRAFLUX_SHARED_DATA", None)
    return environment


def run_bash(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Runs a block of commands, stopping at the first that fails; `exit=2` on the fence expects that code instead."""
    expected = int(block.mark.partition("=")[2]) if block.mark.startswith("exit=") else 0
    script = f"set -euo pipefail\n{block.text}"
    run = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True,
                         timeout=LIMIT)
    assert run.returncode == expected, f"line {block.line} left with {run.returncode}:\n{run.stdout}\n{run.stderr}"
    return run.stdout + run.stderr


def run_python(block: Block, folder: Path, names: dict[str, object]) -> None:
    """Runs a block of Python with the names that earlier blocks of the page have made.

    The block is a file, as a reader would have it: the weave reads the source of processes.
    """
    path = folder / f"block_at_line_{block.line}.py"
    path.write_text("\n" * (block.line - 1) + block.text, encoding="utf-8")
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    exec(code, names)
