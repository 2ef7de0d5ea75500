"""One runner at a time: a lock that the system releases when its holder dies, with a note that says who holds it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terraflux.region.errors import RegionError

RUN_LOCK, TILE_LOCK = "run.lock", "tile.lock"
BOOT = Path("/proc/sys/kernel/random/boot_id")


def holder() -> dict[str, object]:
    """Who this process is: pid, host and the boot of the host."""
    return {"pid": os.getpid(), "host": socket.gethostname(), "boot": BOOT.read_text().strip() if BOOT.is_file() else ""}


def _note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return note if isinstance(note, dict) else {}


def _stalled(note: dict[str, object]) -> bool:
    """Is the holder a process of this host that a signal has stopped (SIGSTOP, Ctrl-Z)? It keeps its lock."""
    if note.get("host") != socket.gethostname():
        return False
    try:
        facts = (Path("/proc") / str(int(str(note.get("pid", "")))) / "stat").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return False
    return facts.rpartition(")")[2].split()[:1] == ["T"]


@contextmanager
def exclusive(path: Path, *, patience: float = 0.0, force: bool = False) -> Iterator[None]:
    """Hold `path` as a lock, waiting `patience` seconds for it.

    On one host the system says whether the holder lives. A note left by a process of another host cannot be checked from
    here: it is refused unless `force`. Raises RegionError naming the holder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="utf-8") as stream:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as trouble:
                if time.monotonic() >= until:
                    note = _note(path)
                    stalled = _stalled(note)
                    words = "holds this and is stopped by a signal" if stalled else "is running this"
                    raise RegionError(f"process {note.get('pid', '?')} on {note.get('host', '?')} {words}", file=path,
                                      remedy=(f"let it go on (kill -CONT {note.get('pid')}), or end it" if stalled
                                              else "wait for it, or end it")) from trouble
                time.sleep(0.2)
        note, own = _note(path), holder()
        if note and note.get("host") != own["host"] and not force:
            raise RegionError(f"process {note.get('pid')} on {note.get('host')} holds the lock, which cannot be checked from "
                              f"{own['host']}", file=path, remedy="make sure that it has ended, then force the run")
        stream.seek(0)
        stream.truncate()
        json.dump(own, stream)
        stream.flush()
        try:
            yield
        finally:
            stream.seek(0)
            stream.truncate()
            stream.flush()
