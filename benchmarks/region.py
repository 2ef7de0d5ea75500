"""How long decades over a nation take: daily forcing, hourly physics, the whole column, from a store on disk.

    python benchmarks/region.py                      1 degree (6 % of the cells of 0.25), a year, threads and dask, thrice each
    python benchmarks/region.py --resolution 0.5     a quarter of the cells of 0.25
    python benchmarks/region.py --quick              4 degrees, 60 days, once: does it work
    python benchmarks/region.py --json result.json   writes what was found

Cells of 1 degree lie evenly among those of 0.25 degrees, so that all climates have their share; a whole year has all seasons.
Minutes of 34 years at 0.25 degrees (15,400 cells) and 0.1 degrees (96,200 cells) are scaled from cells and days, without
spin-up; `quarter_degree_with_spin_up_minutes` adds that of the default choices. What a run costs before it works (start, plan,
compiled code) is known from a run of five days, and taken off. Threads and dask take turns on the same tiles, and medians
are told, since other work of the machine comes and goes. `dask_over_threads` compares the time within tiles, which the
workers share; a cluster also needs its seconds to start. `io_share` is the share of its time that a run waits for reading
and writing. Minutes `by_cpu` take the CPU time of threads, shared by two cores without loss: what an idle machine would
need at best.
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
from statistics import median

import numpy as np

from terraflux.drivers.grid.nation_store import nation_store
from terraflux.drivers.safe_write import write_text
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.region.configuration import RunChoice, choices_from
from terraflux.region.run import run_region

QUARTER_DEGREE, TENTH_DEGREE, YEARS = 15_400, 96_200, 34.0
LEAST_SHARE = 0.05
FIRST, SHORT_DAYS, CORES, TILES = "1984-01-01", 5, 2, 4
"""Tiles: two for each of two workers."""


def one_run(work: Path, name: str, last: str, executor: str, tile_cells: int) -> dict[str, float]:
    """Run the store in a process of its own; seconds of it and of its tiles, CPU seconds, waiting share and memory (GB)."""
    words = [sys.executable, __file__, "--run", str(work), name, last, executor, str(tile_cells)]
    told = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(json.loads(told.stdout.splitlines()[-1]))


def worked(work: Path, name: str, last: str, tile_cells: int) -> dict[str, float]:
    """A run on threads, its seconds and CPU seconds without those that a run of the first days needs to start."""
    days = int((np.datetime64(last) - np.datetime64(FIRST)).astype(int)) + 1
    short = one_run(work, f"{name}_short", str(np.datetime64(FIRST) + (SHORT_DAYS - 1)), "threads", tile_cells)
    long = one_run(work, name, last, "threads", tile_cells)
    share = days / (days - SHORT_DAYS)
    return long | {key: (long[key] - short[key]) * share for key in ("seconds", "cpu_seconds")}


def run_here(work: Path, name: str, last: str, executor: str, tile_cells: int) -> dict[str, float]:
    """The run itself."""
    choices = choices_from({"forcing": {"store": "forcing.zarr"}, "output": {"folder": name},
                            "run": {"first": FIRST, "last": last, "spin_up_years": 0, "executor": executor,
                                    "tile_cells": tile_cells, "threads": CORES, "workers": CORES}}, folder=work)
    began, computed = time.perf_counter(), time.process_time()
    result = run_region(choices)
    if result.status != "done":
        raise RuntimeError("; ".join(result.troubles))
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - computed,
            "waited_share": result.waited_share, "tile_seconds": sum(one.seconds for one in result.reports),
            "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}


def take_turns(work: Path, last: str, tile_cells: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """{executor: what its runs took}, threads and dask one after the other, each beginning every other turn."""
    found: dict[str, list[dict[str, float]]] = {"threads": [], "dask": []}
    for turn in range(repeats):
        for executor in ("threads", "dask") if turn % 2 == 0 else ("dask", "threads"):
            name = f"{executor}{turn}"
            one = (worked(work, name, last, tile_cells) if executor == "threads"
                   else one_run(work, name, last, executor, tile_cells))
            found[executor].append(one)
            print(f"{executor}: {one['tile_seconds']:.1f} s in tiles", flush=True)
    return found


def middle(runs: Sequence[dict[str, float]], key: str) -> float:
    """Median of a figure over runs."""
    return median(one[key] for one in runs)


def figures(found: dict[str, list[dict[str, float]]], cells: int, days: int) -> dict[str, float]:
    """Minutes of decades and what else is told."""
    threads, dask = found["threads"], found["dask"]
    cell_years = cells * days / 365.25
    minutes = middle(threads, "seconds") / cell_years * YEARS / 60.0
    by_cpu = middle(threads, "cpu_seconds") / CORES / cell_years * YEARS / 60.0
    default = RunChoice()
    spin_up = default.spin_up_years * (default.physical_cycles + default.spin_up_cycles)
    ratios = [one["tile_seconds"] / CORES / other["tile_seconds"] for one, other in zip(dask, threads, strict=True)]
    return {"quarter_degree_34yr_minutes": minutes * QUARTER_DEGREE, "tenth_degree_34yr_minutes": minutes * TENTH_DEGREE,
            "dask_over_threads": median(ratios), "peak_memory_gb": max(one["peak_memory_gb"] for one in threads),
            "io_share": middle(threads, "waited_share"), "quarter_degree_34yr_minutes_by_cpu": by_cpu * QUARTER_DEGREE,
            "quarter_degree_with_spin_up_minutes": minutes * QUARTER_DEGREE * (1.0 + spin_up / YEARS),
            "dask_over_threads_least": min(ratios), "dask_over_threads_most": max(ratios), "cells": cells, "days": days,
            "repeats": len(threads), "share_of_quarter_degree_cells": cells / QUARTER_DEGREE,
            "cell_years_per_second": cell_years / middle(threads, "seconds"),
            "cell_years_per_cpu_second": cell_years / middle(threads, "cpu_seconds")}


def main(words: Sequence[str] | None = None) -> dict[str, float]:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a small world: does it work")
    parser.add_argument("--resolution", type=float, help="degrees")
    parser.add_argument("--days", type=int)
    parser.add_argument("--repeats", type=int, help="runs of threads and of dask")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.run:
        work, name, last, executor, tile_cells = chosen.run
        told = run_here(Path(work), name, last, executor, int(tile_cells))
        print(json.dumps(told))
        return told
    resolution = chosen.resolution or (4.0 if chosen.quick else 1.0)
    days = chosen.days or (60 if chosen.quick else 365)
    last = str(np.datetime64(FIRST) + (days - 1))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cells = nation_store(SyntheticNation(resolution), work / "forcing.zarr", FIRST, last).cells.count
        print(f"{cells} cells of {resolution:g} degrees, {days} days", flush=True)
        found = figures(take_turns(work, last, -(-cells // TILES), chosen.repeats or (1 if chosen.quick else 3)), cells, days)
    for name, value in found.items():
        print(f"{name:36} {value:.4g}")
    if found["share_of_quarter_degree_cells"] < LEAST_SHARE or days < 365:
        print("few cells, or not a whole year: these figures only say that it works")
    if chosen.json:
        write_text(chosen.json, json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
