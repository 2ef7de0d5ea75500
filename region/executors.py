"""Who runs the tiles: threads of this process, or the workers of a dask cluster. Both map the same `run_tile`."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from terraflux.model.weave.lane_choice import BLOCK
from terraflux.model.weave.threads import available_cores
from terraflux.region.errors import RegionError
from terraflux.region.ledger import read_lines
from terraflux.region.plan import STOP, RegionPlan
from terraflux.region.tile import Report, TileReport, run_tile

POLL = 1.0  # s between looks at the ledgers
RETRIES = 5  # of a tile whose worker died; it goes on from its last checkpoint
Executor = Callable[[RegionPlan, Sequence[int], Report, Callable[[], bool]], Iterator[TileReport]]


def on_threads(plan: RegionPlan, tiles: Sequence[int], report: Report, stop: Callable[[], bool]) -> Iterator[TileReport]:
    """One tile after another, its columns on all threads; a thread reads ahead and one writes behind."""
    threads = plan.choices.run.threads or available_cores()
    for tile in tiles:
        if stop():
            yield TileReport(tile, "stopped", 0, "asked to stop")
            continue
        yield run_tile(plan.folder, tile, threads=threads, report=report, stop=stop)


def on_dask(plan: RegionPlan, tiles: Sequence[int], report: Report, stop: Callable[[], bool]) -> Iterator[TileReport]:
    """Tiles on the workers of `scheduler`, else of a cluster of this machine with `workers` processes of one thread.

    Tasks carry the folder of the run and the number of a tile; forcing, checkpoints and output go through the file system,
    which all machines must share. A tile whose worker dies is given to another one. Raises RegionError without dask.
    """
    try:
        from dask import config
        from distributed import Client, LocalCluster, wait
    except ImportError as trouble:
        raise RegionError("dask is not installed", variable="executor",
                          remedy="pip install 'terraflux[cluster]', or executor = \"threads\"") from trouble
    run = plan.choices.run
    plan.model.compile(BLOCK, disaggregation=plan.disaggregation)  # once, before many processes want it
    with config.set({"distributed.worker.daemon": False, "distributed.scheduler.allowed-failures": RETRIES}):
        cluster: Any = run.scheduler or LocalCluster(n_workers=run.workers or available_cores(), threads_per_worker=1,
                                                     processes=True, dashboard_address=None)
        try:
            with Client(cluster) as client:
                futures = {client.submit(run_tile, os.fspath(plan.folder), tile, pure=False, retries=RETRIES,
                                         key=f"tile-{tile}-{plan.identity[:8]}-{time.time_ns()}"): tile for tile in tiles}
                days = dict.fromkeys(tiles, 0)
                while futures:
                    ready = [one for one in futures if one.done()]
                    if not ready:
                        time.sleep(POLL)
                        if stop():
                            (plan.folder / STOP).touch()
                        _look(plan.folder, plan, days, report)
                        continue
                    wait(ready)
                    for one in ready:
                        tile = futures.pop(one)
                        failure = one.exception()
                        yield (one.result() if failure is None
                               else TileReport(tile, "failed", 0, f"the worker failed: {failure}"))
                _look(plan.folder, plan, days, report)
        finally:
            if not run.scheduler:
                cluster.close()


def _look(folder: Path, plan: RegionPlan, days: dict[int, int], report: Report) -> None:
    """Tell what the ledgers say has been done since the last look."""
    for tile, before in days.items():
        now = max((int(line.get("next_day", 0)) for line in read_lines(plan.tile_folder(tile))), default=0)
        if now > before:
            chosen = plan.cells_of(tile)
            report(tile, (now - before) * (chosen.stop - chosen.start), str(plan.start + (now - 1)))
            days[tile] = now


EXECUTOR: dict[str, Executor] = {"threads": on_threads, "dask": on_dask}
"""Executors by short name."""
