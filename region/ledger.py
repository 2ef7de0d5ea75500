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


def masked_entries(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Masked cells that the lines tell of, each once; what was told before the tile began anew counts for nothing."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for line in lines:
        if line.get("number") == 0:
            found.clear()
        for one in line.get("masked", ()):
            found.setdefault((int(one["member"]), int(one["cell"])), one)
    return sorted(found.values(), key=lambda one: (one["member"], one["place"]))
