"""Checkpoints of a tile in two alternating slots: a kill at any moment leaves at least one that can be gone on from.

A file is one line naming its format, one line of JSON (what it belongs to, the next day, the arrays and the SHA-256 of their
bytes) and the bytes of the arrays, little endian. Nothing in it is code.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.zarr_chunks import write_durably
from terraflux.region.errors import RegionError

FORMAT = b"terraflux region checkpoint 2\n"
SLOTS = ("checkpoint_a.bin", "checkpoint_b.bin")
LARGEST_HEADER, LARGEST_FILE = 10_000_000, 4_000_000_000
TYPES = ("<f8", "<f4")


@dataclass(frozen=True)
class Checkpoint:
    """Where a tile stands: `number` of the commit, `next_day` counted from the first of the run, `spun_up` cells that have been
    through the spin-up, the `arrays` by name, the `chunks` {path: sha256} that were written with this commit, and all `masked`
    cells up to now, as JSON holds them."""

    number: int
    next_day: int
    spun_up: int
    arrays: Mapping[str, NDArray[Any]]
    chunks: Mapping[str, str] = field(default_factory=dict)
    masked: Sequence[Mapping[str, Any]] = ()


def write_checkpoint(folder: Path, identity: str, one: Checkpoint) -> Path:
    """Write into the slot that the commit before did not use; whole or not at all. Raises OSError."""
    arrays = {name: np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
              for name, values in one.arrays.items()}
    body = b"".join(values.tobytes() for values in arrays.values())
    header = {"identity": identity, "number": one.number, "next_day": one.next_day, "spun_up": one.spun_up,
              "chunks": dict(one.chunks), "masked": list(one.masked), "sha256": hashlib.sha256(body).hexdigest(),
              "arrays": [[name, values.dtype.str, list(values.shape)] for name, values in arrays.items()]}
    text = json.dumps(header, sort_keys=True).encode("utf-8")
    path = folder / SLOTS[one.number % 2]
    write_durably(path, FORMAT + hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n" + body)
    return path


def newest_checkpoint(folder: Path, identities: Sequence[str]) -> Checkpoint | None:
    """The newest slot that verifies, None where there is none.

    Raises RegionError where a sound slot belongs to another run.
    """
    found = []
    for name in SLOTS:
        one = read_checkpoint(folder / name)
        if one is None:
            continue
        identity, checkpoint = one
        if identity not in identities:
            raise RegionError("the checkpoint belongs to another run: code, choices, parameters or forcing differ",
                              file=folder / name, remedy="give another output folder, or force the run to go on")
        found.append(checkpoint)
    return max(found, key=lambda one: one.number, default=None)


def read_checkpoint(path: Path) -> tuple[str, Checkpoint] | None:
    """Identity and content of a slot, None where it is absent, cut off or damaged."""
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        return None
    content = path.read_bytes()
    end = content.find(b"\n", len(FORMAT), len(FORMAT) + LARGEST_HEADER)
    if not content.startswith(FORMAT) or end < 0:
        return None
    digest, _, text = content[len(FORMAT):end].partition(b" ")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        return None
    header, body = json.loads(text), memoryview(content)[end + 1:]
    if hashlib.sha256(body).hexdigest() != header["sha256"]:
        return None
    arrays, start = {}, 0
    for name, kind, shape in header["arrays"]:
        if kind not in TYPES:
            return None
        count = int(np.prod(np.array(shape, np.int64)))
        size = count * np.dtype(kind).itemsize
        arrays[name] = np.frombuffer(body[start:start + size], dtype=kind).reshape(shape).copy()
        start += size
    return str(header["identity"]), Checkpoint(int(header["number"]), int(header["next_day"]), int(header["spun_up"]), arrays,
                                               dict(header["chunks"]), list(header["masked"]))
