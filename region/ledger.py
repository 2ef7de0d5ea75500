"""The ledger of a tile: one line per commit, so that anyone can see what is done, what failed, and the checksums of output."""

import json
import os
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"


def append_line(folder: Path, entry: dict[str, Any]) -> None:
    """Add a line, on the disk. It begins with a new line, so that one torn by a kill swallows nothing."""
    with open(folder / LEDGER, "a", encoding="utf-8") as stream:
        stream.write("\n" + json.dumps(entry, sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """All whole lines; torn ones count for nothing."""
    path = folder / LEDGER
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found
