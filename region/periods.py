"""Months, years and days of a run, and the means over them, gathered day by day: slabs of any length give the same bits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.region.mosaic import Mosaic

PER_CHUNK = {"monthly": 12, "annual": 10, "daily": 73}  # periods in a chunk of output
UNIT = {"monthly": "M", "annual": "Y", "daily": "D"}


@dataclass(frozen=True, eq=False)
class Periods:
    """The periods of a run: `of_day` [day] numbers them from 0; `edges` are their first days within the run, and the day after
    the last. Periods that the run cuts are means over the days it has."""

    kind: str
    of_day: NDArray[np.int64]
    edges: NDArray[np.datetime64]

    @property
    def count(self) -> int:
        """Number of periods."""
        return int(self.edges.size - 1)

    @property
    def per_chunk(self) -> int:
        """Periods in a chunk of output."""
        return min(PER_CHUNK[self.kind], self.count)

    @property
    def chunks(self) -> int:
        """Number of chunks along time."""
        return -(-self.count // self.per_chunk)


def periods(kind: str, first: str, last: str) -> Periods:
    """The periods ("monthly", "annual", "daily") of the days from first to last, both included."""
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    unit = days.astype(f"datetime64[{UNIT[kind]}]").astype(np.int64)
    number = unit - unit[0]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return Periods(kind, number, np.append(days[starts], days[-1] + 1))


class Gatherer:
    """Means over periods of some rows of daily means, for the columns of a tile; `sums` and `buffer` go into checkpoints.

    `buffer` [period of the chunk, row, member, cell] holds the periods that are complete but not yet written.
    """

    def __init__(self, spans: Periods, rows: NDArray[np.int64], mosaic: Mosaic, precision: str) -> None:
        self.spans, self.rows, self._mosaic = spans, rows, mosaic
        self.sums = np.zeros((rows.size, mosaic.columns))
        self.buffer = np.full((spans.per_chunk, rows.size, mosaic.members, mosaic.cells), np.nan, precision)

    def add(self, first_day: int, daily: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Take daily means [day, row, column] from `first_day` of the run on; yields (number, copy) of every chunk that is
        complete with them."""
        of_day, spans = self.spans.of_day, self.spans
        for place in range(len(daily)):
            day = first_day + place
            period = int(of_day[day])
            if day == 0 or of_day[day - 1] != period:
                self.sums[:] = 0.0
            self.sums += daily[place, self.rows]
            if day + 1 < of_day.size and of_day[day + 1] == period:
                continue
            begin = int((spans.edges[period] - spans.edges[0]).astype(int))
            within = period % spans.per_chunk
            self.buffer[within] = self._mosaic.to_cells(self.sums / (day + 1 - begin))
            if within + 1 == spans.per_chunk or day + 1 == of_day.size:
                yield period // spans.per_chunk, self.buffer.copy()
                self.buffer[:] = np.nan
