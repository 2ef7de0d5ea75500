"""Zarr version 3 written and read chunk by chunk, with every byte accounted for.

The format is the published one (zarr-specs.readthedocs.io, core protocol 3.0): any Zarr client opens what is written here.
terraflux writes the chunks itself because a build that survives kills needs each chunk whole, on the disk (fsync) and with its
checksum known before the ledger says so; zarr-python renames whole files but does not fsync. Compression is LZ4 with bit
shuffling (Blosc); the same numbers give the same bytes.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError

LARGEST_CHUNK_BYTES = 1_000_000_000
METADATA = "zarr.json"
_FILL: dict[str, Any] = {"f": "NaN", "i": -1, "u": 0}


def array_metadata(shape: Sequence[int], chunks: Sequence[int], dtype: str, dims: Sequence[str],
                   attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an array in version 3: regular chunks, little endian, LZ4 with bit shuffling."""
    kind = np.dtype(dtype)
    return {
        "zarr_format": 3, "node_type": "array", "shape": [int(size) for size in shape], "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(int(size), 1) for size in chunks]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}, "fill_value": _FILL[kind.kind],
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}} if kind.itemsize > 1 else {"name": "bytes"},
                   {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle",
                                                       "typesize": kind.itemsize, "blocksize": 0}}],
        "attributes": dict(attributes), "dimension_names": list(dims), "storage_transformers": [],
    }


def group_metadata(attributes: Mapping[str, Any], arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Metadata of the group, with that of its arrays consolidated."""
    return {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes),
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": dict(arrays)}}


def encoded(values: NDArray[Any]) -> bytes:
    """Bytes of a whole chunk: little endian, LZ4 with bit shuffling."""
    from numcodecs import Blosc

    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return bytes(Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE, blocksize=0).encode(little))


def decoded_chunk(content: bytes, dtype: str, shape: Sequence[int], *, file: object = "") -> NDArray[Any]:
    """Numbers of a chunk; bytes that do not make up its shape are refused before they are unpacked."""
    from numcodecs import Blosc

    kind = np.dtype(dtype).newbyteorder("<")
    expected = int(np.prod(np.array(shape, dtype=np.int64))) * kind.itemsize
    # Blosc header: version, flags, type size, then unpacked bytes, block size and packed bytes as 32-bit integers.
    declared = int.from_bytes(content[4:8], "little") if len(content) >= 16 else -1
    if declared != expected or expected > LARGEST_CHUNK_BYTES:
        raise ForcingError(f"the chunk unpacks to {declared} bytes instead of {expected}", file=file,
                           remedy="delete the chunk and build the store again: only what is missing is made")
    try:
        return np.frombuffer(Blosc().decode(content), dtype=kind).reshape(tuple(shape))
    except (RuntimeError, ValueError) as trouble:
        raise ForcingError(f"the chunk cannot be unpacked: {trouble}", file=file,
                           remedy="delete the chunk and build the store again: only what is missing is made") from trouble


def sha256(content: bytes) -> str:
    """Checksum of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_durably(path: Path, content: bytes, *, sync_folder: bool = True) -> None:
    """Put bytes into a file that appears whole, on the disk, or not at all: temporary file, fsync, rename, fsync of the folder.

    The temporary name ends in .partial and holds no process number, so that a second attempt replaces what a kill left.
    Without `sync_folder` the caller must call `sync_folders` before it relies on the name. Raises OSError where the disk
    is full or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with open(temporary, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync_folder:
        sync_folders([path.parent])


def sync_folders(folders: Iterable[Path]) -> None:
    """Bring the names in folders onto the disk."""
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """JSON as sorted, indented UTF-8: the same content gives the same bytes."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
