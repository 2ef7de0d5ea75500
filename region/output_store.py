"""Output of a run: one Zarr group for months, one for years, one for days, land cells side by side.

Arrays are (time, cell), or (time, member, cell) of an ensemble; a chunk belongs to one tile and is written once, whole, when
its last period is complete. Any Zarr client opens them, at any moment of the run; what is not yet done reads as NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.cells import CELL_ATTRIBUTES, Cells
from terraflux.drivers.grid.zarr_chunks import (
    METADATA,
    array_metadata,
    encoded,
    group_metadata,
    json_bytes,
    sha256,
    sync_folders,
    write_durably,
)
from terraflux.model.weave import Table
from terraflux.model.weave.names import resolve
from terraflux.region.periods import Periods

EPOCH = np.datetime64("1850-01-01")
TIME_UNIT = "days since 1850-01-01"


@dataclass(frozen=True, eq=False)
class OutputLayout:
    """One group of output: its `spans`, `variables`, number of `cells`, `members` and cells of a tile (the chunk)."""

    spans: Periods
    variables: tuple[str, ...]
    cells: int
    members: int
    tile_cells: int
    precision: str

    @property
    def name(self) -> str:
        """Folder of the group."""
        return f"{self.spans.kind}.zarr"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a variable."""
        return (self.spans.count, self.cells) if self.members == 1 else (self.spans.count, self.members, self.cells)

    @property
    def chunk(self) -> tuple[int, ...]:
        """Shape of a chunk."""
        wide = min(self.tile_cells, self.cells)
        return (self.spans.per_chunk, wide) if self.members == 1 else (self.spans.per_chunk, self.members, wide)

    def chunk_name(self, variable: str, number: int, tile: int) -> str:
        """Path of a chunk below the folder of the run."""
        place = f"{number}/{tile}" if self.members == 1 else f"{number}/0/{tile}"
        return f"{self.name}/{variable}/c/{place}"

    def chunk_bytes(self, values: NDArray[Any]) -> bytes:
        """Bytes of a chunk from values [period, member, cell of the tile]; short tiles are padded with NaN."""
        whole = np.full(self.chunk, np.nan, self.precision)
        part = values[:, 0] if self.members == 1 else values
        whole[: part.shape[0], ..., : part.shape[-1]] = part
        return encoded(whole)

    @property
    def uncompressed_bytes(self) -> int:
        """Bytes of all variables before compression."""
        return int(np.prod(np.array(self.shape, np.int64))) * np.dtype(self.precision).itemsize * len(self.variables)


def variable_attributes(name: str, table: Table) -> dict[str, Any]:
    """Unit and names of an output variable from the variable table; `soil_temperature_top` is a layer of its variable."""
    place = resolve(table, name, "the output")
    declared = place.variable
    layer = "" if place.fixed is None else f", layer {place.fixed + 1}"
    found = {"units": declared.unit, "long_name": f"{declared.long_name}{layer}",
             "cell_methods": "time: mean area: mean where land", "coordinates": "latitude longitude"}
    return found | ({"standard_name": declared.standard_name} if declared.standard_name else {})


def create_group(folder: Path, layout: OutputLayout, cells: Cells, table: Table, attributes: Mapping[str, Any]) -> None:
    """Write metadata, times and places of a group; doing it again changes nothing. Raises OSError."""
    edges = (layout.spans.edges - EPOCH).astype(np.float64)
    static: dict[str, tuple[NDArray[Any], tuple[str, ...], dict[str, Any]]] = {
        "time": (0.5 * (edges[:-1] + edges[1:]), ("time",), {
            "units": TIME_UNIT, "calendar": "standard", "standard_name": "time", "axis": "T", "bounds": "time_bnds",
            "long_name": "middle of the period"}),
        "time_bnds": (np.stack([edges[:-1], edges[1:]], axis=1), ("time", "bnds"),
                      {"units": TIME_UNIT, "calendar": "standard"}),
    }
    for name in ("latitude", "longitude", "area", "land_fraction", "elevation", "row", "column"):
        values = np.asarray(getattr(cells, name))
        kind = np.int32 if name in ("row", "column") else np.float64
        static[name] = (values.astype(kind), ("cell",), dict(CELL_ATTRIBUTES[name]))
    if layout.members > 1:
        static["member"] = (np.arange(layout.members, dtype=np.int32), ("member",), {"long_name": "member of the ensemble"})
    dims = ("time", "cell") if layout.members == 1 else ("time", "member", "cell")
    metadata = {name: array_metadata(layout.shape, layout.chunk, layout.precision, dims, variable_attributes(name, table))
                for name in layout.variables}
    home = folder / layout.name
    for name, (values, axes, described) in static.items():
        metadata[name] = array_metadata(values.shape, values.shape, str(values.dtype), axes, described)
        _keep(home / "/".join([name, "c", *("0" for _ in axes)]), encoded(values))
    for name, one in metadata.items():
        _keep(home / name / METADATA, json_bytes(one))
    _keep(home / METADATA, json_bytes(group_metadata({"Conventions": "CF-1.8", **attributes}, metadata)))


def _keep(path: Path, content: bytes) -> None:
    """Write what is not there already."""
    if not (path.is_file() and path.read_bytes() == content):
        write_durably(path, content)


def write_chunks(folder: Path, layout: OutputLayout, tile: int, number: int, values: NDArray[Any]) -> dict[str, str]:
    """Write the chunk of every variable from values [period, variable, member, cell]; returns {path: sha256}.

    Raises OSError where the disk is full or cannot be written.
    """
    written = {}
    for row, name in enumerate(layout.variables):
        content = layout.chunk_bytes(values[:, row])
        place = layout.chunk_name(name, number, tile)
        write_durably(folder / place, content, sync_folder=False)
        written[place] = sha256(content)
    parents = {(folder / place).parent for place in written}
    sync_folders(sorted(parents | {parent.parent for parent in parents}))
    return written
