"""Results of a run, read back: every chunk is held against the checksum it was written with.

>>> results = open_results("china_run")                                        # doctest: +SKIP
>>> results.values("monthly", "gross_primary_production", 0, 12)               # doctest: +SKIP
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import nearest
from terraflux.drivers.grid.zarr_chunks import METADATA, decoded_chunk, sha256
from terraflux.region.errors import RegionError
from terraflux.region.ledger import masked_entries, read_lines
from terraflux.region.masking import MaskedCell, masked_from
from terraflux.region.output_store import EPOCH
from terraflux.region.plan import TILES, read_facts
from terraflux.region.run import MANIFEST

KINDS = ("monthly", "annual", "daily")
_AGAIN = "delete the folder of the tile below tiles/ and run again"


@dataclass(frozen=True, eq=False)
class RegionResults:
    """Output of the run in `folder`: `facts` of run.json, `groups` {kind: metadata of its arrays}, `checksums` of the chunks
    written so far, whether the run is `complete`, and its `masked` cells, which are NaN from some day on."""

    folder: Path
    facts: dict[str, Any]
    groups: dict[str, dict[str, Any]]
    checksums: dict[str, str]
    complete: bool
    masked: tuple[MaskedCell, ...] = ()

    def variables(self, kind: str) -> list[str]:
        """Names of the variables of a kind of output ("monthly", "annual", "daily")."""
        return [name for name, one in self._group(kind).items() if one["dimension_names"][0] == "time" and name not in
                ("time", "time_bnds")]

    def _group(self, kind: str) -> dict[str, Any]:
        if kind not in self.groups:
            raise RegionError(f"the run has no {kind} output", file=self.folder, variable=kind,
                              remedy=nearest(kind, self.groups))
        return self.groups[kind]

    def attributes(self, kind: str, name: str) -> dict[str, Any]:
        """Unit and names of a variable."""
        return dict(self._array(kind, name)["attributes"])

    def _array(self, kind: str, name: str) -> dict[str, Any]:
        group = self._group(kind)
        if name not in group:
            raise RegionError(f"the run has no {kind} {name!r}", file=self.folder, variable=name,
                              remedy=nearest(name, self.variables(kind)))
        return dict(group[name])

    def static(self, name: str) -> NDArray[Any]:
        """A value per cell: latitude, longitude, area (m2), land_fraction, elevation, row or column."""
        return self._whole(next(iter(self.groups)), name)

    def edges(self, kind: str) -> NDArray[np.datetime64]:
        """First days of the periods, and the day after the last."""
        bounds = self._whole(kind, "time_bnds")
        return EPOCH + np.append(bounds[:, 0], bounds[-1, 1]).astype(np.int64)

    def _whole(self, kind: str, name: str) -> NDArray[Any]:
        one = self._array(kind, name)
        path = self.folder / f"{kind}.zarr" / "/".join([name, "c", *("0" for _ in one["shape"])])
        return decoded_chunk(path.read_bytes(), one["data_type"], one["shape"], file=path)

    def values(self, kind: str, name: str, first: int = 0, after: int | None = None) -> NDArray[Any]:
        """Means [period, member, cell] of periods `first` .. before `after`; NaN where the run has not come yet.

        Raises RegionError for a chunk that is gone or whose checksum differs.
        """
        one = self._array(kind, name)
        shape, chunk = one["shape"], one["chunk_grid"]["configuration"]["chunk_shape"]
        last = shape[0] if after is None else min(after, shape[0])
        members = 1 if len(shape) == 2 else shape[1]
        result = np.full((last - first, members, shape[-1]), np.nan, one["data_type"])
        for number in range(first // chunk[0], -(-last // chunk[0])):
            for tile in range(-(-shape[-1] // chunk[-1])):
                middle = "" if len(shape) == 2 else "0/"
                place = f"{kind}.zarr/{name}/c/{number}/{middle}{tile}"
                if place not in self.checksums:
                    continue
                values = self._chunk(place, one["data_type"], chunk).reshape(chunk[0], members, chunk[-1])
                low, high = max(first, number * chunk[0]), min(last, (number + 1) * chunk[0])
                cells = slice(tile * chunk[-1], min((tile + 1) * chunk[-1], shape[-1]))
                result[low - first:high - first, :, cells] = values[low - number * chunk[0]:high - number * chunk[0], :,
                                                                    : cells.stop - cells.start]
        return result

    def _chunk(self, place: str, kind: str, shape: list[int]) -> NDArray[Any]:
        path = self.folder / place
        try:
            content = path.read_bytes()
        except OSError as trouble:
            raise RegionError(f"a chunk of output cannot be read: {trouble}", file=path, remedy=_AGAIN) from trouble
        if sha256(content) != self.checksums[place]:
            raise RegionError("the bytes are not those that were written: the checksum differs", file=path, remedy=_AGAIN)
        return decoded_chunk(content, kind, shape, file=path)

    def totals(self, kind: str, name: str) -> NDArray[np.float64]:
        """Sums over the land, value times m2, of every period and member [period, member], rounded once: they do not depend on
        tiles or on the order of cells. Masked cells are left out of all periods; `masked_share` tells how much land that is."""
        land = (self.static("area") * self.static("land_fraction"))[~self._is_masked()]
        return np.array([[math.fsum(row * land) for row in part[0][:, ~self._is_masked()].astype(float)]
                         for part in self._by_period(kind, name)])

    @property
    def masked_share(self) -> float:
        """Share (0-1) of the land that lies in masked cells."""
        land = self.static("area") * self.static("land_fraction")
        return math.fsum(land[self._is_masked()]) / math.fsum(land)

    def _is_masked(self) -> NDArray[np.bool_]:
        width, found = int(self.facts["tile_cells"]), np.zeros(int(self.facts["cells"]), bool)
        found[[one.tile * width + one.place for one in self.masked]] = True
        return found

    def _by_period(self, kind: str, name: str) -> Iterator[NDArray[Any]]:
        count = self._array(kind, name)["shape"][0]
        return (self.values(kind, name, one, one + 1) for one in range(count))


def open_results(folder: str | os.PathLike[str]) -> RegionResults:
    """Open the output of a run, finished or not. Raises RegionError for a folder that holds none."""
    home = Path(folder)
    facts = read_facts(home)
    groups = {}
    for kind in KINDS:
        path = home / f"{kind}.zarr" / METADATA
        if path.is_file():
            groups[kind] = json.loads(path.read_bytes())["consolidated_metadata"]["metadata"]
    checksums: dict[str, str] = {}
    masked: list[MaskedCell] = []
    for tile in range(int(facts["tiles"])):
        lines = read_lines(home / TILES / f"{tile:06d}")
        masked += masked_from(masked_entries(lines))
        for line in lines:
            checksums |= line.get("chunks", {})
    return RegionResults(home, facts, groups, checksums, (home / MANIFEST).is_file(), tuple(masked))
