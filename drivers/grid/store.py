"""Reading a forcing store slab by slab: every chunk is verified against its checksum before a number of it is used."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.grid.cells import CELL_ATTRIBUTES, Cells
from terraflux.drivers.grid.leaf_area_nodes import leaf_area_of_days
from terraflux.drivers.grid.store_layout import EXTREMES, SCHEMA, StoreLayout, chunk_name
from terraflux.drivers.grid.store_writer import LEDGER, MANIFEST
from terraflux.drivers.grid.zarr_chunks import METADATA, decoded_chunk, sha256

MAXIMUM_MANIFEST_BYTES = 500_000_000
LEAF_AREA, CARBON_DIOXIDE = "prescribed_leaf_area_index", "carbon_dioxide"
RANGE = "air_temperature_range"  # maximum less minimum of the day, K; made when asked for
_ABSENT = "run terraflux drivers build again: only what is missing or damaged is made"


@dataclass(frozen=True, eq=False)
class ForcingStore:
    """A finished store. `slab` reads weather; it may be called from several threads at once.

    `layout` tells period, step and chunks, `cells` the land cells in stored order, `variables` what `slab` gives, in order:
    the weather, then carbon_dioxide and prescribed_leaf_area_index where the store has them. `repairs` are counts by
    variable, `provenance` tells sources and choices. `leaf_area_by_plant` [node, plant type, cell] is there where maps tell it.
    """

    path: Path
    layout: StoreLayout
    cells: Cells
    variables: tuple[str, ...]
    repairs: dict[str, dict[str, int]]
    provenance: dict[str, Any]
    checksums: dict[str, str]
    carbon_dioxide: NDArray[np.float64] | None
    leaf_area_time: NDArray[np.float64] | None
    leaf_area: NDArray[np.float32] | None
    leaf_area_by_plant: NDArray[np.float32] | None = None

    @property
    def first_day(self) -> np.datetime64:
        """First day of the store."""
        return self.layout.first_day

    @property
    def last_day(self) -> np.datetime64:
        """Last day of the store."""
        return self.layout.first_day + (self.layout.days - 1)

    def day_number(self, day: str | np.datetime64 | int) -> int:
        """Number of a day (a date, or a number counted from the first day); days outside the store are refused."""
        number = int(day) if isinstance(day, int | np.integer) else int(
            (np.datetime64(str(day), "D") - self.layout.first_day).astype(np.int64))
        if not 0 <= number < self.layout.days:
            raise ForcingError(f"the store holds {self.first_day} to {self.last_day}", file=self.path, variable="time",
                               time=day, remedy="choose a day inside the store")
        return number

    def times(self, first_day: str | np.datetime64 | int, last_day: str | np.datetime64 | int) -> NDArray[np.datetime64]:
        """Begins of the steps (datetime64[s]) from one day to another, both included."""
        first, last = self.day_number(first_day), self.day_number(last_day)
        steps = np.arange((last + 1 - first) * self.layout.steps_per_day) * self.layout.step_seconds
        return (self.layout.first_day + first).astype("datetime64[s]") + steps.astype("timedelta64[s]")

    def slab(self, first_day: str | np.datetime64 | int, last_day: str | np.datetime64 | int,
             cells: slice | NDArray[np.int64] | None = None, *, variables: tuple[str, ...] | None = None,
             dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Weather [time, variable, cell] from one day to another, both included, of all or some cells.

        `variables` chooses and orders them (default: all of the store); air_temperature_range (K) is made from the extremes
        where it is asked for. Units are those of the variable table.

        Raises ForcingError for a chunk that is absent or whose checksum differs, naming it.
        """
        first, after = self.day_number(first_day), self.day_number(last_day) + 1
        if after <= first:
            raise ForcingError("the last day lies before the first", file=self.path, variable="time", time=first_day,
                               remedy="exchange them")
        names = self.variables if variables is None else tuple(variables)
        for name in names:
            if name not in self.variables and not (name == RANGE and EXTREMES[0] in self.variables):
                raise ForcingError(f"the store holds no {name!r}", file=self.path, variable=name,
                                   remedy=nearest(name, self.variables))
        every = np.arange(self.layout.cells)
        wanted = every if cells is None else every[cells]
        spd = self.layout.steps_per_day
        result = np.empty(((after - first) * spd, len(names), wanted.size), dtype=dtype)
        days = self.layout.dates(first, after)
        for place, name in enumerate(names):
            if name == CARBON_DIOXIDE and self.carbon_dioxide is not None:
                result[:, place, :] = np.repeat(self.carbon_dioxide[first:after], spd)[:, None]
            elif name == LEAF_AREA and self.leaf_area is not None and self.leaf_area_time is not None:
                leaves = leaf_area_of_days(self.leaf_area[:, wanted], self.leaf_area_time, days)
                result[:, place, :] = np.repeat(leaves, spd, axis=0)
            elif name == RANGE:
                low, high = (np.empty((result.shape[0], wanted.size), dtype=np.float32) for _ in EXTREMES)
                self._weather(EXTREMES[0], first, after, wanted, low)
                self._weather(EXTREMES[1], first, after, wanted, high)
                result[:, place, :] = high - low
            else:
                self._weather(name, first, after, wanted, result[:, place, :])
        return result

    def leaf_area_of_plants(self, first_day: str | np.datetime64 | int, last_day: str | np.datetime64 | int,
                            cells: slice | NDArray[np.int64] | None = None) -> NDArray[np.float32] | None:
        """Leaf area index (m2 m-2) [day, plant type, cell] by `cells.plant_types`; None where the store has it by cell only.

        From one day to another, both included.
        """
        if self.leaf_area_by_plant is None or self.leaf_area_time is None:
            return None
        first, after = self.day_number(first_day), self.day_number(last_day) + 1
        chosen = self.leaf_area_by_plant if cells is None else self.leaf_area_by_plant[:, :, cells]
        flat = leaf_area_of_days(chosen.reshape(len(chosen), -1), self.leaf_area_time, self.layout.dates(first, after))
        return flat.reshape(after - first, *chosen.shape[1:])

    def _weather(self, name: str, first: int, after: int, wanted: NDArray[np.int64], result: NDArray[Any]) -> None:
        """Fill [step, cell] with a variable, chunk by chunk."""
        layout, spd = self.layout, self.layout.steps_per_day
        blocks = wanted // layout.block_cells
        for block in np.unique(blocks):
            chosen = np.flatnonzero(blocks == block)
            inside = wanted[chosen] - block * layout.block_cells
            run = inside.size == inside[-1] - inside[0] + 1 and bool((np.diff(inside) == 1).all())
            columns: slice | NDArray[np.int64] = slice(int(inside[0]), int(inside[-1]) + 1) if run else inside
            put: slice | NDArray[np.int64] = (slice(int(chosen[0]), int(chosen[-1]) + 1)
                                              if chosen[-1] - chosen[0] + 1 == chosen.size else chosen)
            for slab in range(first // layout.slab_days, (after - 1) // layout.slab_days + 1):
                begin, end = layout.days_of(slab)
                low, high = max(first, begin), min(after, end)
                values = self.chunk(name, slab, int(block))
                part = values[(low - begin) * spd:(high - begin) * spd, columns]
                result[(low - first) * spd:(high - first) * spd, put] = part

    def chunk(self, name: str, slab: int, block: int) -> NDArray[np.float32]:
        """A whole chunk [step, cell] as stored, after its checksum was verified."""
        place = chunk_name(name, slab, block)
        content = _verified(self.path, place, self.checksums)
        return decoded_chunk(content, "float32", self.layout.chunk_shape, file=self.path / place)

    def verify(self) -> list[str]:
        """Read every chunk and compare checksums; returns what is wrong, chunk by chunk (empty: the store is sound)."""
        wrong = []
        for place in self.checksums:
            try:
                _verified(self.path, place, self.checksums)
            except ForcingError as trouble:
                wrong.append(str(trouble))
        return wrong


def open_forcing_store(path: str | os.PathLike[str]) -> ForcingStore:
    """Open a finished forcing store.

    Raises ForcingError for what is no store, is not finished (naming how much is missing), or whose metadata were changed.

    >>> store = open_forcing_store("forcing.zarr")                          # doctest: +SKIP
    >>> weather = store.slab("1979-01-01", "1979-01-31", slice(0, 2048))    # doctest: +SKIP
    """
    folder = Path(path)
    if not (folder / METADATA).is_file():
        raise ForcingError("this is no forcing store", file=folder, remedy="make one with terraflux drivers build")
    if not (folder / MANIFEST).is_file():
        done, total, first = _progress_of(folder)
        raise ForcingError(f"the store is not finished: {done} of {total} chunks are written", file=folder, time=first,
                           remedy="run terraflux drivers build again: it goes on with the first missing day")
    manifest = _json(folder / MANIFEST)
    try:
        checksums = {place: str(facts["sha256"]) for part in ("chunks", "static") for place, facts in manifest[part].items()}
        checksums |= {place: str(digest) for place, digest in manifest["metadata"].items()}
        repairs, provenance = dict(manifest["repairs"]), dict(manifest["provenance"])
    except (KeyError, TypeError, AttributeError) as trouble:
        raise ForcingError("the manifest is damaged", file=folder / MANIFEST, remedy=_ABSENT) from trouble
    root = json.loads(_verified(folder, METADATA, checksums))
    facts, described = root["attributes"], root["consolidated_metadata"]["metadata"]
    if facts.get("schema") != SCHEMA:
        raise ForcingError(f"the schema {facts.get('schema')!r} is not {SCHEMA!r}", file=folder, remedy="build the store again")
    offset = facts["day_offset_hours"]
    known = {"first_day", "days", "variables", "step_seconds", "slab_days", "block_cells", "day_offset_hours", "synthetic",
             "title", "schema", "identity", "Conventions"}
    count = int(described["latitude"]["shape"][0])
    layout = StoreLayout(np.datetime64(facts["first_day"], "D"), int(facts["days"]), tuple(facts["variables"]), count,
                         int(facts["step_seconds"]), int(facts["slab_days"]), int(facts["block_cells"]),
                         np.nan if offset == "solar" else float(offset), bool(facts["synthetic"]), str(facts["title"]),
                         {name: value for name, value in facts.items() if name not in known})

    def static(name: str) -> NDArray[Any] | None:
        if name not in described or name in layout.variables:
            return None
        shape = described[name]["shape"]
        place = "/".join([name, "c", *("0" for _ in shape)])
        return decoded_chunk(_verified(folder, place, checksums), described[name]["data_type"], shape, file=folder / place)

    plants = static("plant_fraction")
    meanings = str(described["soil_class"]["attributes"]["flag_meanings"]).split()
    cells = Cells(**{name: static(name) for name in (*CELL_ATTRIBUTES, "soil_class", "grid_latitude", "grid_longitude")},  # type: ignore[arg-type]
                  plant_fraction=np.zeros((0, count)) if plants is None else plants,
                  plant_types=() if plants is None else tuple(described["plant_fraction"]["attributes"]["plant_types"]),
                  soil_classes=tuple(meanings))
    gas, leaves = static("carbon_dioxide"), static("leaf_area_index")
    names = (*layout.variables, *((CARBON_DIOXIDE,) if gas is not None else ()), *((LEAF_AREA,) if leaves is not None else ()))
    return ForcingStore(folder, layout, cells, names, repairs, provenance, checksums, gas, static("leaf_area_time"), leaves,
                        static("leaf_area_index_of_plants"))


def _progress_of(folder: Path) -> tuple[int, int, str]:
    """Chunks written and wanted of an unfinished store, and the first day of which one is missing."""
    facts = _json(folder / METADATA).get("attributes", {})
    try:
        count = int(_json(folder / METADATA)["consolidated_metadata"]["metadata"]["latitude"]["shape"][0])
        layout = StoreLayout(np.datetime64(facts["first_day"], "D"), int(facts["days"]), tuple(facts["variables"]), count,
                             int(facts["step_seconds"]), int(facts["slab_days"]), int(facts["block_cells"]))
    except (KeyError, TypeError, ValueError, IndexError):
        return 0, 0, ""
    ledger = folder / LEDGER
    text = ledger.read_text(encoding="utf-8", errors="replace") if ledger.is_file() else ""
    names = layout.chunk_names()
    written = {name for name in re.findall(r'"chunk": "([^"]+)"', text) if (folder / name).is_file()} & set(names)
    missing = [int(name.split("/")[2]) for name in names if name not in written]
    return len(written), len(names), str(layout.dates(*layout.days_of(min(missing)))[0]) if missing else ""


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAXIMUM_MANIFEST_BYTES:
        raise ForcingError(f"the file has {path.stat().st_size} bytes, more than the limit", file=path, remedy=_ABSENT)
    try:
        content = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as trouble:
        raise ForcingError(f"the file is damaged: {trouble}", file=path, remedy=_ABSENT) from trouble
    if not isinstance(content, dict):
        raise ForcingError("the file is damaged", file=path, remedy=_ABSENT)
    return content


def _verified(folder: Path, place: str, checksums: dict[str, str]) -> bytes:
    """Bytes of a file of the store whose checksum is the manifest's."""
    path = folder / place
    if place not in checksums:
        raise ForcingError("the manifest does not know the chunk", file=path, remedy=_ABSENT)
    try:
        content = path.read_bytes()
    except OSError as trouble:
        raise ForcingError(f"the chunk cannot be read: {trouble}", file=path, remedy=_ABSENT) from trouble
    if sha256(content) != checksums[place]:
        raise ForcingError("the bytes are not those that were written: the checksum differs", file=path,
                           remedy=_ABSENT)
    return content
