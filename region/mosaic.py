"""Columns of a tile: every cell once for each plant type that covers enough of it, and for each member of an ensemble."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.cells import Cells

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
BARE = "BSV"  # where a cell has no plants at all


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Columns in fixed order: by member, then cell, then plant type.

    Per column: number of the `cell` within the tile, of the `plant` type in `plant_types`, of
    the `member`, and the `weight` in the mean of its cell. `left_out` is the share of the land of each cell whose plants were
    below the smallest fraction; the others stand for it.
    """

    cell: Whole
    plant: Whole
    member: Whole
    weight: Floats
    plant_types: tuple[str, ...]
    cells: int
    members: int
    left_out: Floats

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.cell.size)

    def within(self, first: int, after: int) -> "Mosaic":
        """The columns of one member in the cells `first` .. before `after`, which are numbered from 0."""
        chosen = np.flatnonzero((self.member == 0) & (self.cell >= first) & (self.cell < after))
        return Mosaic(self.cell[chosen] - first, self.plant[chosen], self.member[chosen], self.weight[chosen], self.plant_types,
                      after - first, 1, self.left_out[first:after])

    def to_cells(self, values: Floats) -> Floats:
        """Means of cells [..., member, cell] from values [..., column], always summed in the same order."""
        result = np.zeros((*values.shape[:-1], self.members * self.cells))
        place = self.member * self.cells + self.cell
        rank = np.arange(self.columns) - np.searchsorted(place, place)  # the columns of a cell lie side by side
        for number in range(int(rank.max()) + 1):
            chosen = np.flatnonzero(rank == number)
            result[..., place[chosen]] += self.weight[chosen] * values[..., chosen]
        return result.reshape(*values.shape[:-1], self.members, self.cells)


def mosaic_of(cells: Cells, minimum_fraction: float, members: int = 1) -> Mosaic:
    """The columns of some cells. Plant types below `minimum_fraction` of the land are left out, unless none is above it: then
    the largest stays; the rest is scaled to 1. Cells without plants get bare ground."""
    types = cells.plant_types or (BARE,)
    share = np.asarray(cells.plant_fraction, float) if cells.plant_types else np.ones((1, cells.count))
    if (share.sum(axis=0) <= 0.0).any():
        if BARE not in types:
            types, share = (*types, BARE), np.concatenate([share, np.zeros((1, cells.count))])
        share = share.copy()
        share[types.index(BARE), share.sum(axis=0) <= 0.0] = 1.0
    kept = (share >= minimum_fraction) & (share > 0.0)
    largest = np.argmax(share, axis=0)
    none = ~kept.any(axis=0)
    kept[largest[none], none] = True
    within = np.where(kept, share, 0.0)
    total = _in_order(within)
    cell, plant = np.nonzero(kept.T)
    weight = within[plant, cell] / total[cell]
    repeat = np.arange(members).repeat(cell.size)
    return Mosaic(np.tile(cell, members), np.tile(plant, members), repeat, np.tile(weight, members), types, cells.count,
                  members, 1.0 - total / _in_order(share))


def _in_order(share: Floats) -> Floats:
    """Sums over plant types, row by row, so that a cell has the same bits in any tile."""
    total = np.zeros(share.shape[1])
    for row in share:
        total += row
    return total
