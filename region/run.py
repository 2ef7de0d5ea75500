"""A regional run from its choices to its manifest: laid out, locked, gone on with, and told how it stands.

>>> from terraflux.region.run import run_region
>>> result = run_region("china.toml")                                          # doctest: +SKIP
>>> result.status, result.folder                                               # doctest: +SKIP
"""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256, write_durably
from terraflux.region.configuration import RegionChoices, read_choices
from terraflux.region.errors import DiskFull, RegionError
from terraflux.region.executors import EXECUTOR
from terraflux.region.ledger import masked_entries, read_lines
from terraflux.region.lock import RUN_LOCK, exclusive
from terraflux.region.masking import MaskedCell
from terraflux.region.output_store import create_group
from terraflux.region.plan import RUN, STOP, RegionPlan, load_plan, make_plan, read_facts, run_facts
from terraflux.region.tile import TileReport

MANIFEST = "manifest.json"
BEGUN = (RUN_LOCK, f".{RUN}.partial")  # all that a folder holds of a run that was killed before it was laid out
STOPPED_EXIT = 75  # EX_TEMPFAIL: run the same command again
MASKED_EXIT = 3  # done, but for cells that are masked
SPARE_BYTES = 50_000_000
COMPRESSED_SHARE = 0.8
CHECKPOINT_BYTES = 8 * 100  # of a column in each of two slots, state and sums
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class RegionResult:
    """How a run ended: "done", "stopped" (run it again to go on), "failed" (some tiles, see `reports`) or "full" (no room);
    the seconds it took and the share of them that waited for reading and writing. A run that is done may have `masked`
    cells."""

    folder: Path
    status: str
    reports: tuple[TileReport, ...]
    seconds: float
    waited_share: float

    @property
    def troubles(self) -> list[str]:
        """What went wrong, tile by tile."""
        return [f"tile {one.tile}: {one.message}" for one in self.reports if one.status in ("failed", "full")]

    @property
    def masked(self) -> list[MaskedCell]:
        """Cells that are missing from some day on, for a column left the bounds of its states."""
        return [cell for one in sorted(self.reports, key=lambda report: report.tile) for cell in one.masked]


def run_region(choices: RegionChoices | str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None,
               force: bool = False, progress: Progress | None = None, **changes: Any) -> RegionResult:
    """Run a region, or go on with a run that was interrupted; a finished one is left as it is.

    `choices` is a file, or what `choices_from` returns; `folder` replaces the folder of the run; `changes` are those of `[run]`
    that decide nothing about results: executor, threads, workers, scheduler, slab_days. `force` goes on with checkpoints of
    other code, choices or forcing, which is noted. `progress(done, total, words)` counts cell-days. Raises ForcingError for
    what cannot begin; trouble of single tiles is in the result.
    """
    chosen = choices if isinstance(choices, RegionChoices) else read_choices(choices)
    if changes:
        chosen = replace(chosen, run=replace(chosen.run, **changes))
    home = Path(folder).resolve() if folder is not None else chosen.output
    began = time.perf_counter()
    with exclusive(home / RUN_LOCK, force=force):
        plan = _prepare(chosen, home, force)
        with _asked_to_stop() as stop:
            reports = _run_tiles(plan, progress or (lambda done, total, words: None), stop)
        statuses = Counter(one.status for one in reports)
        status = next((one for one in ("full", "failed", "stopped") if statuses[one]), "done")
        if status == "done":
            _finish(plan)
    seconds = time.perf_counter() - began
    waited = sum(one.waited for one in reports) / max(sum(one.seconds for one in reports), 1e-9)
    return RegionResult(home, status, tuple(reports), seconds, waited)


def _prepare(choices: RegionChoices, home: Path, force: bool) -> RegionPlan:
    """Lay the run out, compare it with what the folder holds, and make room for its output."""
    plan = make_plan(choices, home)
    if (home / RUN).is_file():
        facts = read_facts(home)
        older = [facts["identity"], *facts["accepted"]]
        if facts["identity"] != plan.identity and not force:
            raise RegionError("the folder holds a run of other choices, parameters, forcing or code", file=home,
                              remedy="give another folder, or force the run to go on from its checkpoints")
        accepted = tuple(one for one in dict.fromkeys(older) if one != plan.identity)
        plan = replace(plan, accepted=(plan.identity, *accepted))
    elif home.exists() and any(one.name not in BEGUN for one in home.iterdir()):
        raise RegionError("the folder of the run is taken by something else", file=home, remedy="give another folder")
    home.mkdir(parents=True, exist_ok=True)
    (home / STOP).unlink(missing_ok=True)
    needed = _bytes_needed(plan)
    free = shutil.disk_usage(home).free
    if free < needed:
        raise DiskFull(f"the run needs about {needed / 1e9:.3g} GB more, the disk has {free / 1e9:.3g} GB left", file=home,
                       remedy="free space, choose another disk, or keep fewer variables")
    label = " (SYNTHETIC weather, not a real place)" if plan.forcing.synthetic else ""
    attributes = {"title": (choices.title or "terraflux regional run") + label, "source": "terraflux land-surface model",
                  "forcing": plan.forcing.place, "synthetic": int(plan.forcing.synthetic), "run_identity": plan.identity}
    write_durably(home / RUN, json_bytes(run_facts(plan)))
    for layout in plan.layouts:
        create_group(home, layout, plan.cells, plan.model.table, attributes)
    return load_plan(home)


def _bytes_needed(plan: RegionPlan) -> int:
    written = sum(path.stat().st_size for path in plan.folder.rglob("*") if path.is_file()) if plan.folder.exists() else 0
    columns = 4 * plan.numbers.size * plan.choices.parameters.members
    return max(0, int(plan.output_bytes * COMPRESSED_SHARE) + 2 * CHECKPOINT_BYTES * columns - written) + SPARE_BYTES


def _run_tiles(plan: RegionPlan, progress: Progress, stop: Callable[[], bool]) -> list[TileReport]:
    """All tiles through the executor; with no room on the disk the others do not begin."""
    total, done = plan.days * plan.numbers.size, 0
    reports: list[TileReport] = []

    def report(tile: int, cell_days: int, words: str) -> None:
        nonlocal done
        done += cell_days
        years = done / 365.25
        progress(done, total, f"tile {tile + 1} of {plan.tiles}, {words}; {years:.0f} cell-years")
    progress(0, total, f"{plan.numbers.size} cells, {plan.tiles} tiles, {plan.days} days")
    run = EXECUTOR[plan.choices.run.executor]
    for one in run(plan, range(plan.tiles), report, lambda: stop() or any(one.status == "full" for one in reports)):
        reports.append(one)
    return reports


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """SIGTERM and a first SIGINT ask the run to commit the slab at hand and leave; a second SIGINT interrupts."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(number: int, frame: object) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(plan: RegionPlan) -> None:
    """Write the manifest: the checksum of every chunk, and the cells that are masked."""
    if (plan.folder / MANIFEST).is_file():
        return
    chunks: dict[str, str] = {}
    masked: list[dict[str, Any]] = []
    for tile in range(plan.tiles):
        lines = read_lines(plan.tile_folder(tile))
        masked += masked_entries(lines)
        for line in lines:
            chunks |= line.get("chunks", {})
    missing = [name for name in chunk_names(plan) if name not in chunks or not (plan.folder / name).is_file()]
    if missing:
        raise RegionError(f"{len(missing)} chunks of output are missing", file=plan.folder / missing[0],
                          remedy="delete the folder of its tile below tiles/ and run again")
    write_durably(plan.folder / MANIFEST, json_bytes({"identity": plan.identity, "chunks": chunks, "masked": masked}))


def chunk_names(plan: RegionPlan) -> list[str]:
    """Paths of all chunks of output below the folder of a run."""
    return [layout.chunk_name(name, number, tile) for layout in plan.layouts for name in layout.variables
            for number in range(layout.spans.chunks) for tile in range(plan.tiles)]


def region_status(folder: str | os.PathLike[str], *, verify: bool = False) -> dict[str, Any]:
    """How a run stands: per tile its next day and last trouble; the `masked` cells, each with file, place, plant type, time and
    variable; with `verify` the chunks whose bytes are not those written.

    Nothing but the folder is read, so that it may be asked while the run goes on and where the forcing is not at hand.
    """
    home = Path(folder)
    facts = read_facts(home)
    tiles, wrong, masked = [], [], []
    for tile in range(int(facts["tiles"])):
        lines = read_lines(home / "tiles" / f"{tile:06d}")
        next_day = max((int(line.get("next_day", 0)) for line in lines), default=0)
        failed = lines[-1].get("failed", "") if lines else ""
        tiles.append({"tile": tile, "next_day": next_day, "done": next_day >= facts["days"], "trouble": failed,
                      "spun_up": max((int(line.get("spun_up", 0)) for line in lines), default=0)})
        masked += masked_entries(lines)
        chunks: dict[str, str] = {}
        for line in lines:
            chunks |= line.get("chunks", {})
        for name, digest in chunks.items() if verify else ():
            path = home / name
            if not path.is_file() or sha256(path.read_bytes()) != digest:
                wrong.append(name)
    return {"folder": os.fspath(home), "cells": facts["cells"], "days": facts["days"], "tiles": tiles,
            "done": (home / MANIFEST).is_file(), "share": sum(one["next_day"] for one in tiles) / (facts["days"] * len(tiles)),
            "synthetic": facts["forcing"]["synthetic"], "damaged": wrong, "masked": masked}
