"""How long decades over a nation take: daily forcing, hourly physics, the whole column, from a store on disk.

    python benchmarks/region.py                      0.5 degrees (a quarter of the cells of 0.25), one year, threads and dask
    python benchmarks/region.py --quick              2 degrees, 60 days: does it work
    python benchmarks/region.py --json result.json   writes what was found

Minutes of 34 years at 0.25 degrees (15,400 cells) and 0.1 degrees (96,200 cells) are scaled from the cells and days that were
run, without spin-up. What a run costs that has nothing to do (start, plan, cluster) is measured by running it again, and taken
off. `io_share` is the share of its time that a run waits for reading and writing. Weather is that of the synthetic nation.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from terraflux.drivers.grid.nation_store import nation_store
from terraflux.drivers.safe_write import write_text
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.region.configuration import choices_from
from terraflux.region.run import run_region

QUARTER_DEGREE, TENTH_DEGREE, YEARS = 15_400, 96_200, 34.0
FIRST = "1984-01-01"


def one_run(work: Path, name: str, last: str, executor: str, tile_cells: int) -> dict[str, float]:
    """Run the store in a process of its own, twice; seconds of work, waiting share and peak memory (GB)."""
    words = [sys.executable, __file__, "--run", str(work), name, last, executor, str(tile_cells)]
    found = []
    for _ in range(2):
        told = subprocess.run(words, check=True, capture_output=True, text=True)
        found.append(json.loads(told.stdout.splitlines()[-1]))
    return {**found[0], "seconds": found[0]["seconds"] - found[1]["seconds"], "start_seconds": found[1]["seconds"]}


def run_here(work: Path, name: str, last: str, executor: str, tile_cells: int) -> dict[str, float]:
    """The run itself."""
    choices = choices_from({"forcing": {"store": "forcing.zarr"}, "output": {"folder": name},
                            "run": {"first": FIRST, "last": last, "spin_up_years": 0, "executor": executor,
                                    "tile_cells": tile_cells}}, folder=work)
    began, computed = time.perf_counter(), time.process_time()
    result = run_region(choices)
    if result.status != "done":
        raise RuntimeError("; ".join(result.troubles))
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - computed,
            "waited_share": result.waited_share,
            "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


def main(words: Sequence[str] | None = None) -> dict[str, float]:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a small world: does it work")
    parser.add_argument("--resolution", type=float, help="degrees")
    parser.add_argument("--days", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.run:
        work, name, last, executor, tile_cells = chosen.run
        told = run_here(Path(work), name, last, executor, int(tile_cells))
        print(json.dumps(told))
        return told
    resolution = chosen.resolution or (2.0 if chosen.quick else 0.5)
    days = chosen.days or (60 if chosen.quick else 365)
    last = str(np.datetime64(FIRST) + (days - 1))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        store = nation_store(SyntheticNation(resolution), work / "forcing.zarr", FIRST, last)
        cells = store.cells.count
        print(f"{cells} cells of {resolution:g} degrees, {days} days", flush=True)
        tile = -(-cells // 4)  # two for each of two workers
        threads = one_run(work, "threads", last, "threads", 0)
        print(f"threads: {threads['seconds']:.1f} s of work, {threads['cpu_seconds']:.1f} s of CPU", flush=True)
        split = one_run(work, "split", last, "threads", tile)
        dask = one_run(work, "dask", last, "dask", tile)
        print(f"dask: {dask['seconds']:.1f} s of work on the tiles that take threads {split['seconds']:.1f} s", flush=True)
    cell_years = cells * days / 365.25
    minutes = threads["seconds"] / cell_years * YEARS / 60.0
    found = {"quarter_degree_34yr_minutes": minutes * QUARTER_DEGREE, "tenth_degree_34yr_minutes": minutes * TENTH_DEGREE,
             "dask_over_threads": dask["seconds"] / split["seconds"], "peak_memory_gb": threads["peak_memory_gb"],
             "io_share": threads["waited_share"], "cells": cells, "share_of_quarter_degree_cells": cells / QUARTER_DEGREE,
             "cell_years_per_second": cell_years / threads["seconds"],
             "cell_years_per_cpu_second": cell_years / threads["cpu_seconds"]}
    for name, value in found.items():
        print(f"{name:32} {value:.4g}")
    if chosen.json:
        write_text(chosen.json, json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
