"""Building a forcing store that survives being killed: whole chunks first, then a line in the ledger, the manifest last.

A second run with the same identity goes on where the first one stopped, and the finished folder is the same, byte for byte,
however often it was interrupted. Slabs whose sources have changed since are made again, others kept. A folder that was built
by other choices is refused.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.grid_checks import limits_of
from terraflux.drivers.grid.store_layout import SCHEMA, StoreLayout, chunk_name, group_attributes, metadata_of, static_arrays
from terraflux.drivers.grid.zarr_chunks import (
    METADATA,
    encoded,
    group_metadata,
    json_bytes,
    sha256,
    sync_folders,
    write_durably,
)

LEDGER, MANIFEST = "ledger.jsonl", "manifest.json"
BEGUN = (f".{METADATA}.partial",)  # all that a folder holds of a build that was killed at its first write
COMPRESSED_SHARE = 0.75  # of float32 weather after compression, for the check of free space; 0.4-0.65 is usual
SPARE_BYTES = 50_000_000


class StoreWriter:
    """A store being built. `pending` tells the slabs to make, `write_slab` takes one, `finish` completes the store.

    `identity` is a checksum of the choices the store is made by, `slab_sources` one of the files that each slab is made from
    (none: the identity stands for them). Raises ForcingError where the folder holds another build,
    where another process writes to it, or where the disk is too full.
    """

    def __init__(self, path: str | os.PathLike[str], layout: StoreLayout, cells: Cells, identity: str, *,
                 carbon_dioxide: NDArray[np.float64] | None = None, leaf_area: NDArray[np.float32] | None = None,
                 leaf_area_time: NDArray[np.float64] | None = None,
                 leaf_area_by_plant: NDArray[np.float32] | None = None, slab_sources: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.layout = layout
        self._sources = list(slab_sources) or [""] * layout.slabs
        if cells.count != layout.cells:
            raise ForcingError(f"{cells.count} cells do not fit a layout of {layout.cells}", file=self.path, variable="cells",
                               remedy="give the cells of the layout")
        twice = [name for name, given in (("carbon_dioxide", carbon_dioxide), ("prescribed_leaf_area_index", leaf_area))
                 if given is not None and name in layout.variables]
        if twice:
            raise ForcingError(f"{twice[0]} is given twice", file=self.path, variable=twice[0],
                               remedy="give it as weather of the layout, or as a series")
        self._static = static_arrays(layout, cells, carbon_dioxide=carbon_dioxide, leaf_area=leaf_area,
                                     leaf_area_time=leaf_area_time, leaf_area_by_plant=leaf_area_by_plant)
        # What is not weather belongs to the identity: other cells are another store.
        parts = {name: sha256(np.ascontiguousarray(values).tobytes()) for name, (values, _, _) in self._static.items()}
        self.identity = sha256(json_bytes({"choices": identity, "static": parts}))
        self._done: dict[str, dict[str, Any]] = {}
        self._prepare_folder()

    @property
    def complete(self) -> bool:
        """Whether the store is finished."""
        return (self.path / MANIFEST).is_file()

    def _prepare_folder(self) -> None:
        begun = self.path / METADATA
        if begun.is_file():
            found = _identity(begun)
            if found and found != self.identity and not self.complete and not dict(self._ledger()):
                shutil.rmtree(self.path)  # begun, but nothing of it was committed
            elif found != self.identity:
                raise ForcingError("the folder holds a store that was built from other data or choices", file=self.path,
                                   remedy="give another folder, or delete this one")
        elif self.path.exists() and (not self.path.is_dir() or any(one.name not in BEGUN for one in self.path.iterdir())):
            raise ForcingError("the place of the store is taken by something else", file=self.path,
                               remedy="give a folder that does not exist yet")
        if self.complete:
            self._reopen()
        if self.complete:
            return
        self._done = dict(self._ledger())
        self._check_space()
        metadata = metadata_of(self.layout, self._static)
        write_durably(begun, json_bytes(group_metadata(group_attributes(self.layout, self.identity), metadata)))
        for name, one in metadata.items():
            write_durably(self.path / name / METADATA, json_bytes(one))

    def _reopen(self) -> None:
        """Verify a finished store; where chunks are absent or damaged, make it unfinished again, without them."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_bytes())
            chunks = dict(manifest["chunks"])
            others = {place: facts["sha256"] for place, facts in manifest["static"].items()} | manifest["metadata"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
            chunks, others = {}, {"": ""}

        def sound(place: str, digest: str) -> bool:
            path = self.path / place
            return path.is_file() and sha256(path.read_bytes()) == digest
        good = {place: facts for place, facts in chunks.items()
                if self._current(place, facts) and sound(place, facts["sha256"])}
        if len(good) == len(chunks) and chunks and all(sound(place, digest) for place, digest in others.items()):
            return
        lines = [json.dumps({"chunk": place, "counts": {}, **facts}, sort_keys=True) for place, facts in good.items()]
        write_durably(self.path / LEDGER, ("\n".join(lines) + "\n").encode("utf-8"))
        (self.path / MANIFEST).unlink()

    def _current(self, place: str, facts: Mapping[str, Any]) -> bool:
        """Whether a chunk was made from the sources as they are now."""
        slab = place.split("/")[2]
        return slab.isdigit() and int(slab) < len(self._sources) and facts.get("source", "") == self._sources[int(slab)]

    def _check_space(self) -> None:
        """Refuse to begin what the disk cannot hold."""
        self.path.mkdir(parents=True, exist_ok=True)
        missing = 1.0 - len(self._done) / max(len(self.layout.chunk_names()), 1)
        needed = int(self.layout.uncompressed_bytes() * COMPRESSED_SHARE * missing) + SPARE_BYTES
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise ForcingError(f"the store needs about {needed / 1e9:.3g} GB, the disk has {free / 1e9:.3g} GB left",
                               file=self.path, remedy="free space, choose another disk, a shorter period or fewer cells")

    def _ledger(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Chunks that were committed and are still there; a line torn by a kill counts for nothing."""
        ledger = self.path / LEDGER
        if not ledger.is_file():
            return
        for line in ledger.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                name = str(entry["chunk"])
                facts = {"sha256": str(entry["sha256"]), "bytes": int(entry["bytes"]), "counts": dict(entry["counts"]),
                         "source": str(entry.get("source", ""))}
            except (json.JSONDecodeError, KeyError, TypeError, ValueError):
                continue
            chunk = self.path / name
            if ".." not in name and chunk.is_file() and chunk.stat().st_size == facts["bytes"] and self._current(name, facts):
                yield name, facts

    def pending(self) -> list[int]:
        """Slabs of which at least one chunk is missing."""
        if self.complete:
            return []
        return [slab for slab in range(self.layout.slabs)
                if any(chunk_name(name, slab, block) not in self._done for name in self.layout.variables
                       for block in range(self.layout.blocks))]

    def write_slab(self, slab: int, weather: Mapping[str, NDArray[np.floating[Any]]],
                   counts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Commit the weather of a slab, {variable: [step, cell]}, with counts of repairs {variable: {what: number}}.

        Every value is checked once more: NaN, infinities and values out of bounds are refused. Counts are kept with the
        first block of the slab.
        """
        first, after = self.layout.days_of(slab)
        shape = ((after - first) * self.layout.steps_per_day, self.layout.cells)
        lines = []
        for name in self.layout.variables:
            values = np.asarray(weather[name])
            if values.shape != shape:
                raise ForcingError(f"the slab has the shape {values.shape} instead of {shape}", file=self.path, variable=name,
                                   remedy="give [step, cell] of the days of the slab")
            _refuse_impossible(name, values, self.layout, first)
            for block in range(self.layout.blocks):
                chunk = np.full(self.layout.chunk_shape, np.nan, dtype=np.float32)
                part = values[:, self.layout.cells_of(block)]
                chunk[: part.shape[0], : part.shape[1]] = part
                content = encoded(chunk)
                place = chunk_name(name, slab, block)
                write_durably(self.path / place, content, sync_folder=False)
                facts = {"sha256": sha256(content), "bytes": len(content),
                         "counts": dict((counts or {}).get(name, {})) if block == 0 else {}, "source": self._sources[slab]}
                self._done[place] = facts
                lines.append(json.dumps({"chunk": place, **facts}, sort_keys=True))
        # Names of chunks and of new folders are on the disk before the ledger tells of them.
        sync_folders(folder for name in self.layout.variables
                     for folder in (self.path / name / "c" / str(slab), self.path / name / "c", self.path / name))
        with open(self.path / LEDGER, "a", encoding="utf-8") as stream:
            # A torn line from a kill must not swallow the first of these.
            stream.write("\n" + "\n".join(lines) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def finish(self, provenance: Mapping[str, Any] | None = None) -> Path:
        """Write what is not weather and the manifest, drop the ledger, and return the path of the store.

        Raises ForcingError naming the first missing slab.
        """
        if self.complete:
            (self.path / LEDGER).unlink(missing_ok=True)
            return self.path
        missing = self.pending()
        if missing:
            raise ForcingError(f"{len(missing)} of {self.layout.slabs} slabs are missing", file=self.path,
                               time=self.layout.dates(*self.layout.days_of(missing[0]))[0], remedy="write them first")
        static = {}
        for name, (values, dims, _) in self._static.items():
            place = "/".join([name, "c", *("0" for _ in dims)])
            content = encoded(values)
            write_durably(self.path / place, content)
            static[place] = {"sha256": sha256(content), "bytes": len(content)}
        totals: dict[str, Counter[str]] = {name: Counter() for name in self.layout.variables}
        chunks = {}
        for place, facts in self._done.items():
            totals[place.split("/")[0]].update(facts["counts"])
            chunks[place] = {name: value for name, value in facts.items() if value not in ({}, "")}
        metadata = {f"{name}/{METADATA}" if name else METADATA: sha256((self.path / name / METADATA).read_bytes())
                    for name in ("", *self.layout.variables, *self._static)}
        manifest = {"schema": 1, "identity": self.identity, "chunks": chunks, "static": static, "metadata": metadata,
                    "repairs": {name: dict(found) for name, found in totals.items()},
                    "values": dict.fromkeys(totals, self.layout.days * self.layout.steps_per_day * self.layout.cells),
                    "provenance": dict(provenance or {})}
        for stale in self.path.rglob(".*.partial"):
            stale.unlink()
        write_durably(self.path / MANIFEST, json_bytes(manifest))
        (self.path / LEDGER).unlink(missing_ok=True)
        return self.path


def _identity(begun: Path) -> str:
    """Identity that a begun store declares, "" where it cannot be read."""
    try:
        attributes = json.loads(begun.read_bytes())["attributes"]
        return str(attributes["identity"]) if attributes["schema"] == SCHEMA else ""
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        return ""


def _refuse_impossible(name: str, values: NDArray[np.floating[Any]], layout: StoreLayout, first: int) -> None:
    """Refuse NaN, infinities and values out of bounds, naming variable, time and cell."""
    low, high = limits_of(name)
    wrong = ~((values >= low) & (values <= high))
    if not wrong.any():
        return
    step, cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    when = layout.dates(first, first + 1)[0].astype("datetime64[s]") + np.timedelta64(int(step) * layout.step_seconds, "s")
    raise ForcingError(f"{int(wrong.sum())} values are missing or lie outside {low:g}..{high:g}, the first, of cell {cell}, is "
                       f"{values[step, cell]:.6g}", variable=name, time=when, remedy="correct the source")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the right to build a store; a second process is refused. The system releases it when a process dies."""
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "a", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as trouble:
            raise ForcingError("another process is building this store", file=path,
                               remedy="wait for it, or end it") from trouble
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
