"""One tile of a run: from its newest checkpoint to the end, slab by slab, reading ahead and committing behind.

A tile reads its own slice of the forcing, writes its own whole chunks of output, then its checkpoint, then a line of its
ledger. It shares nothing with other tiles, so that any executor may run any tile anywhere, and again.
"""

import errno
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.weave.failure import Failure
from terraflux.model.weave.lane_choice import BLOCK
from terraflux.region.checkpoint import Checkpoint, newest_checkpoint, write_checkpoint
from terraflux.region.errors import DiskFull, RegionError, Stopped
from terraflux.region.forcing import Slab, read_slab
from terraflux.region.leaf_area import weather_of_columns
from terraflux.region.ledger import append_line, read_lines
from terraflux.region.lock import TILE_LOCK, exclusive
from terraflux.region.masking import CellMask, MaskedCell
from terraflux.region.mosaic import mosaic_of
from terraflux.region.output_store import OutputLayout, write_chunks
from terraflux.region.periods import Gatherer
from terraflux.region.plan import STOP, RegionPlan, load_plan
from terraflux.region.spin_up import batch_cells, first_days, spun_up

PIECE_BYTES = 64_000_000  # of daily means that the model hands over, or of weather that it is given, at a time
PATIENCE = 60.0  # s, for a worker that was given up but still runs the tile
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
PASSING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT)  # troubles of disks and shared file systems that may go by
ATTEMPTS, PAUSE = 3, 1.0  # at a tile with such trouble, and s before another
Report = Callable[[int, int, str], None]  # tile, cell-days done since the last call, words
Chunks = list[tuple[OutputLayout, int, NDArray[Any]]]


@dataclass(frozen=True)
class TileReport:
    """What became of a tile: "done", "stopped", "failed" or "full" (no room on the disk), its next day, why, how long it
    took and `waited` for reading and writing (s), and the cells that are `masked`."""

    tile: int
    status: str
    next_day: int
    message: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    masked: tuple[MaskedCell, ...] = ()


def run_tile(folder: str | os.PathLike[str], tile: int, *, threads: int = 1, report: Report | None = None,
             stop: Callable[[], bool] | None = None) -> TileReport:
    """Bring a tile of the run in `folder` to its end, or as far as it gets.

    What goes wrong with the tile is told in its report and its ledger, and raises nothing. A read or write that the system
    fails (EIO and the like) is tried again from the last checkpoint, twice. With a file named `stop` in the
    folder, or where `stop()` is true, the tile commits the slab at hand and leaves.
    """
    began = time.perf_counter()
    plan = load_plan(folder)
    told = report or (lambda tile, done, words: None)
    asked = lambda: (plan.folder / STOP).exists() or (stop is not None and stop())  # noqa: E731
    for attempt in range(1, ATTEMPTS + 1):
        found, passing = _attempt(plan, tile, threads, told, asked)
        if not passing or attempt == ATTEMPTS:
            break
        told(tile, 0, f"trouble, tried again: {found.message}")
        time.sleep(PAUSE)
    return replace(found, seconds=time.perf_counter() - began)


def _attempt(plan: RegionPlan, tile: int, threads: int, report: Report, stop: Callable[[], bool]) -> tuple[TileReport, bool]:
    """Bring a tile as far as it gets; what became of it, and whether the trouble may go by."""
    home = plan.tile_folder(tile)
    work, passing = None, False
    try:
        home.mkdir(parents=True, exist_ok=True)
        with exclusive(home / TILE_LOCK, patience=PATIENCE, force=True):
            work = _Work(plan, tile, threads, report, stop)
            work.run()
            status, message = "done", ""
    except Stopped:
        status, message = "stopped", "asked to stop"
    except (OSError, ForcingError, ArithmeticError, ValueError) as trouble:
        number = next((one.errno for one in (trouble, trouble.__cause__) if isinstance(one, OSError)), None)
        status = "full" if number in NO_ROOM or isinstance(trouble, DiskFull) else "failed"
        message, passing = str(trouble), number in PASSING
    if status == "failed":
        try:
            append_line(home, {"tile": tile, "failed": message})
        except OSError as trouble:
            message += f"; and the ledger cannot be written: {trouble}"
    return TileReport(tile, status, work.next_day if work else 0, message, 0.0, work.waited if work else 0.0,
                      tuple(work.mask.notes) if work else ()), passing


class _Work:
    """A tile at work."""

    def __init__(self, plan: RegionPlan, tile: int, threads: int, report: Report, stop: Callable[[], bool]) -> None:
        self.plan, self.tile, self.threads, self.stop = plan, tile, threads, stop
        self.home: Path = plan.tile_folder(tile)
        chosen = plan.cells_of(tile)
        self.numbers, self.cells = plan.numbers[chosen], plan.cells.take(chosen)
        self.tell = lambda days, words: report(tile, days * self.cells.count, words)
        self.places = plan.disaggregation.of(np.arange(chosen.start, chosen.stop))
        self.names = self.places.variables(plan.model.table)
        self.mosaic = mosaic_of(self.cells, plan.choices.run.minimum_fraction, plan.choices.parameters.members)
        self.series = self.mosaic.within(0, self.cells.count)
        self.series_places = self.places.of(self.series.cell)
        self.forcing_of = np.arange(self.mosaic.columns) % self.series.columns
        self.sets, self.vectors = plan.sources.columns_of(self.mosaic, self.cells, plan.model.table)
        self.gatherers = [Gatherer(layout.spans, np.array([plan.variables.index(name) for name in layout.variables]),
                                   self.mosaic, layout.precision) for layout in plan.layouts]
        self.mask = CellMask(tile, self.mosaic, self.cells, self.numbers, plan.forcing.place)
        self.state = np.zeros((len(plan.model.table.rows_of("state")), self.mosaic.columns))
        self.number, self.next_day, self.spun, self.waited = 0, 0, 0, 0.0

    def run(self) -> None:
        """From the newest checkpoint to the end."""
        found = newest_checkpoint(self.home, self.plan.accepted)
        if found:
            self._restore(found)
        self.tell(self.next_day, "resumed" if found else "begun")
        if self.next_day == 0 and self.spun < self.cells.count:
            self._spin_up()
        if self.next_day < self.plan.days:
            self._slabs()

    # ---- state of a tile

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"state": self.state.copy()}
        for gatherer in self.gatherers:
            arrays[f"{gatherer.spans.kind}_sums"] = gatherer.sums.copy()
            arrays[f"{gatherer.spans.kind}_buffer"] = gatherer.buffer.copy()
        return arrays

    def _restore(self, found: Checkpoint) -> None:
        own = self._arrays()
        for name, values in own.items():
            given = found.arrays.get(name)
            if given is None or given.shape != values.shape or given.dtype != values.dtype:
                raise RegionError("the checkpoint does not fit this run", file=self.home, variable=name,
                                  remedy="delete the folder of the tile, so that it begins anew")
        self.state = found.arrays["state"]
        for gatherer in self.gatherers:
            gatherer.sums = found.arrays[f"{gatherer.spans.kind}_sums"]
            gatherer.buffer = found.arrays[f"{gatherer.spans.kind}_buffer"]
        self.mask.restore(found.masked)
        self.number, self.next_day, self.spun = found.number + 1, found.next_day, found.spun_up
        if not any(line.get("number") == found.number for line in read_lines(self.home)):
            append_line(self.home, self._line(found))

    def _line(self, one: Checkpoint) -> dict[str, Any]:
        line = {"tile": self.tile, "number": one.number, "next_day": one.next_day, "spun_up": one.spun_up,
                "through": str(self.plan.start + (one.next_day - 1)) if one.next_day else "spin-up", "chunks": dict(one.chunks)}
        fresh = [entry for entry in one.masked if entry["commit"] == one.number]
        return line | ({"masked": fresh} if fresh else {})

    def _checkpoint(self, next_day: int) -> Checkpoint:
        """What a commit keeps: copies, for work goes on while it is written."""
        return Checkpoint(self.number, next_day, self.spun, self._arrays(), masked=[one.entry() for one in self.mask.notes])

    def _commit(self, chunks: Chunks, one: Checkpoint) -> None:
        """Chunks, then the checkpoint that knows of them, then the ledger."""
        written: dict[str, str] = {}
        for layout, index, values in chunks:
            written |= write_chunks(self.plan.folder, layout, self.tile, index, values)
        whole = replace(one, chunks=written)
        write_checkpoint(self.home, self.plan.identity, whole)
        append_line(self.home, self._line(whole))

    # ---- work

    def _spin_up(self) -> None:
        days = first_days(self.plan)
        names = self.names if self.plan.choices.run.spin_up_years else ("air_temperature",)
        batch = batch_cells(self.plan, self.mosaic, 86400 // self.plan.forcing.interval_seconds, len(self.names))
        for first in range(self.spun, self.cells.count, batch):
            after = min(first + batch, self.cells.count)
            slab = read_slab(self.plan.forcing, self.plan.start, 0, days, self.numbers[first:after], names)
            columns, state, done, failures = spun_up(self.plan, self.mosaic, self.sets, self.vectors, slab, first, after,
                                                     self.places, names, self.threads)
            self.state[:, columns], self.spun = state, after
            self._take_out([replace(one, column=int(columns[one.column])) for one in failures],
                           ["spin-up, " + str(self.plan.start + one.step // self._steps_per_day) for one in failures],
                           [0] * len(failures))
            self._commit([], self._checkpoint(0))
            self.number += 1
            if done is not None:
                troubled = sorted({str(self._where(int(columns[one]))) for one in done.troubles})
                append_line(self.home, {"tile": self.tile, "spin_up_cells": [first, after], "cycles": done.cycles,
                                        "columns": int(columns.size), "settled": int((done.drift < 0.005).sum()),
                                        "without_steady_state": troubled[:20]})
            self.tell(0, f"spin-up, {after} of {self.cells.count} cells")
            if self.stop():
                raise Stopped

    def _read(self, first: int, after: int) -> Slab:
        return read_slab(self.plan.forcing, self.plan.start, first, after, self.numbers, self.names)

    def _slabs(self) -> None:
        slabs = list(self.plan.slabs(self.next_day))
        written: Future[None] | None = None
        with ThreadPoolExecutor(1, "reader") as reader, ThreadPoolExecutor(1, "writer") as writer:
            ahead = reader.submit(self._read, *slabs[0])
            for place, (first, after) in enumerate(slabs):
                slab = self._wait(ahead)
                if place + 1 < len(slabs):
                    ahead = reader.submit(self._read, *slabs[place + 1])
                chunks = self._step(slab)
                if written is not None:
                    self._wait(written)
                written = writer.submit(self._commit, chunks, self._checkpoint(after))
                self.number, self.next_day = self.number + 1, after
                self.tell(after - first, str(self.plan.start + (after - 1)))
                if self.stop() and after < self.plan.days:
                    self._wait(written)
                    raise Stopped
            if written is not None:
                self._wait(written)

    def _wait(self, future: Future[Any]) -> Any:
        began = time.perf_counter()
        result = future.result()
        self.waited += time.perf_counter() - began
        return result

    def _step(self, slab: Slab) -> Chunks:
        """Run the columns through a slab; returns the chunks of output that are complete with it."""
        plan, chunks = self.plan, []
        per_day = self._steps_per_day
        daily_values = max(len(plan.variables) * self.mosaic.columns, len(self.names) * self.series.columns * slab.per_day)
        length = max(1, PIECE_BYTES // (8 * daily_values))
        for first in range(slab.first_day, slab.after, length):
            after = min(first + length, slab.after)
            cells, leaves, beside = slab.piece(first, after)
            weather = weather_of_columns(cells, leaves, plan.cells.plant_types, self.names, self.series)
            begin = plan.start + first
            times = begin.astype("datetime64[s]") + (np.arange((after - first) * per_day) * plan.choices.step).astype(
                "timedelta64[s]")
            before = self.state.copy()
            result = plan.model.run(weather, self.vectors, self.state, {"time_step": plan.choices.step},
                                    forcing_of=self.forcing_of, outputs=plan.variables, windows=per_day, lanes=BLOCK,
                                    threads=self.threads, on_error="status", times=times,
                                    disaggregation=self.series_places.starting(begin, beside))
            self._take_out(result.failures, [str(one.time) for one in result.failures],
                           [first + one.step // per_day for one in result.failures])
            if self.mask.notes:
                self.state[:, self.mask.columns] = before[:, self.mask.columns]  # sound numbers to go on with
                self.mask.blank(result.out, first)
            for layout, gatherer in zip(plan.layouts, self.gatherers, strict=True):
                chunks += [(layout, index, values) for index, values in gatherer.add(first, result.out)]
        return chunks

    @property
    def _steps_per_day(self) -> int:
        return round(86400.0 / self.plan.choices.step)

    def _take_out(self, failures: Sequence[Failure], times: Sequence[str], days: Sequence[int]) -> None:
        """Mask the cells of failed columns, or raise RegionError where these are to stop the tile."""
        if failures and self.plan.choices.run.failed_columns == "stop":
            one = failures[0]
            low, high = one.variable.bounds or (-np.inf, np.inf)
            raise RegionError(f"{len(failures)} columns left the bounds of their states; the first is "
                              f"{self._where(one.column)}: {one.value:.6g} is outside {low:g}..{high:g}",
                              file=self.plan.forcing.place, variable=one.variable.name, unit=one.variable.unit, time=times[0],
                              remedy='check the forcing and the parameters of this cell, or let failed_columns = "mask"')
        self.mask.add(failures, np.array(days, np.int64), times, self.number)

    def _where(self, column: int) -> str:
        cell, plant = int(self.mosaic.cell[column]), self.mosaic.plant_types[int(self.mosaic.plant[column])]
        return (f"{plant} in cell {int(self.numbers[cell])} at {self.cells.latitude[cell]:.3f} N "
                f"{self.cells.longitude[cell]:.3f} E")
