"""Cells of which a column left the bounds of its states: missing from then on, told by name, while all others go on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.cells import Cells
from terraflux.model.weave.failure import Failure
from terraflux.region.mosaic import Mosaic

MAY_BE_INFINITE = ("value", "low", "high")


@dataclass(frozen=True)
class MaskedCell:
    """Why a cell is missing from day `day` of the run on (0 also where its spin-up failed): the first `variable` (with `unit`)
    of the column of a plant type whose `value` lay outside `low`..`high`, and when. `cell` is its number in the forcing
    `file`, `place` that in its tile; `commit` is that of the tile which told it first."""

    tile: int
    cell: int
    latitude: float
    longitude: float
    plant_type: str
    member: int
    time: str
    variable: str
    unit: str
    value: float
    low: float
    high: float
    file: str
    day: int
    place: int
    commit: int

    def __str__(self) -> str:
        return (f"{self.plant_type} in cell {self.cell} at {self.latitude:.3f} N {self.longitude:.3f} E, {self.time}: "
                f"{self.variable} is {self.value:.6g}, outside {self.low:g}..{self.high:g} {self.unit} "
                f"(forcing {self.file}); the cell is missing from then on")

    def entry(self) -> dict[str, Any]:
        """As a line of JSON holds it; what may be no finite number is told as text."""
        return asdict(self) | {name: f"{getattr(self, name):.9g}" for name in MAY_BE_INFINITE}


def masked_from(entries: Iterable[Mapping[str, Any]]) -> list[MaskedCell]:
    """Masked cells from entries of JSON."""
    return [MaskedCell(**{**one, **{name: float(one[name]) for name in MAY_BE_INFINITE}}) for one in entries]


class CellMask:
    """The masked cells of a tile; `notes` tell them, `since` [member, cell] is the day, counted from the first of the run,
    from which a cell is missing (NaN: it is not)."""

    def __init__(self, tile: int, mosaic: Mosaic, cells: Cells, numbers: NDArray[np.int64], file: str) -> None:
        self._tile, self._mosaic, self._cells, self._numbers, self._file = tile, mosaic, cells, numbers, file
        self.notes: list[MaskedCell] = []
        self.since = np.full((mosaic.members, mosaic.cells), np.nan)

    def restore(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """The mask as a checkpoint tells it."""
        self.notes = masked_from(entries)
        self.since[:] = np.nan
        for one in self.notes:
            self.since[one.member, one.place] = one.day

    def add(self, failures: Sequence[Failure], day_of: NDArray[np.int64], times: Sequence[str], commit: int) -> None:
        """Mask the cells of failed columns that are not masked yet. `day_of` and `times` belong to the failures; the first
        failure of a cell is told."""
        order = sorted(range(len(failures)), key=lambda one: (failures[one].step, failures[one].column))
        for place in order:
            one, column = failures[place], failures[place].column
            member, cell = int(self._mosaic.member[column]), int(self._mosaic.cell[column])
            if not np.isnan(self.since[member, cell]):
                continue
            day = int(day_of[place])
            low, high = one.variable.bounds or (-np.inf, np.inf)
            self.since[member, cell] = day
            self.notes.append(MaskedCell(
                self._tile, int(self._numbers[cell]), float(self._cells.latitude[cell]), float(self._cells.longitude[cell]),
                self._mosaic.plant_types[int(self._mosaic.plant[column])], member, times[place], one.variable.name,
                one.variable.unit, float(one.value), float(low), float(high), self._file, day, cell, commit))

    @property
    def columns(self) -> NDArray[np.int64]:
        """All columns of masked cells."""
        return np.flatnonzero(~np.isnan(self.since[self._mosaic.member, self._mosaic.cell]))

    def blank(self, daily: NDArray[np.float64], first_day: int) -> None:
        """Take the columns of masked cells out of daily means [day, row, column] that begin with `first_day`."""
        for column in self.columns.tolist():
            since = int(self.since[self._mosaic.member[column], self._mosaic.cell[column]])
            daily[max(since - first_day, 0):, :, column] = np.nan
