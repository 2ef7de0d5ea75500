"""Checksums of what a store is made from."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from terraflux.drivers.errors import ForcingError

BLOCK = 1 << 24
END_BYTES = 1 << 20


def file_fingerprint(path: Path, how: str = "full") -> dict[str, object]:
    """Size and SHA-256 of a file, or of all files of a folder (Zarr) in order of name.

    `how` is "full", or "ends": the size and the first and last megabyte, for archives that are too large to read twice.
    """
    digest = hashlib.sha256()
    total = 0
    parts = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    try:
        for part in parts:
            size = part.stat().st_size
            total += size
            if path.is_dir():
                digest.update(f"{part.relative_to(path).as_posix()} {size}\n".encode())
            with open(part, "rb") as stream:
                if how == "ends" and size > 2 * END_BYTES:
                    digest.update(f"{size}\n".encode() + stream.read(END_BYTES))
                    stream.seek(size - END_BYTES)
                while block := stream.read(BLOCK):
                    digest.update(block)
    except OSError as trouble:
        raise ForcingError(f"the file cannot be read: {trouble}", file=path, remedy="check the path and the disk") from trouble
    return {"bytes": total, "sha256": digest.hexdigest(), "of": how}


def name_below(path: Path, root: Path) -> str:
    """A path below the root, or the name of a file elsewhere."""
    real, folder = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    return real.relative_to(folder).as_posix() if real.is_relative_to(folder) else path.name


def fingerprints(paths: Iterable[Path], root: Path, how: str = "full") -> dict[str, dict[str, object]]:
    """Fingerprints by path below the root."""
    found = {}
    for path in paths:
        name = name_below(path, root)
        if name not in found:
            found[name] = file_fingerprint(path, how)
    return found
