"""How long decades over a nation take: daily forcing, hourly physics, the whole column, from a store on disk.

    python benchmarks/region.py                      1 degree (6 % of the cells of 0.25), a year, threads and dask, thrice each
    python benchmarks/region.py --resolution 0.5     a quarter of the cells of 0.25
    python benchmarks/region.py --quick              3 degrees, a year, once: does it work
    python benchmarks/region.py --json result.json   writes what was found

Cells of 1 degree lie evenly among those of 0.25 degrees, so that all climates have their share; a whole year has all seasons.
Minutes of 34 years at 0.25 degrees (15,400 cells) and 0.1 degrees (96,200 cells) are scaled from cells and days, without
spin-up; `quarter_degree_with_spin_up_minutes` adds that of the default choices. A run of each executor that is not measured
compiles the model first, if need be. What a run on threads costs before it works (start, plan, loading of compiled code) is
known from runs of five days, and their median, `start_seconds`, is taken off. Threads and dask take turns on the same tiles,
and medians are told, since other work of the machine comes and goes. A figure is null, and `remarks` say why, where a run took
no longer than its start. `dask_over_threads` compares the time within tiles, which the workers share; a cluster also needs its
seconds to start. `io_share` is the share of its time that a run waits for reading and writing. Minutes `by_cpu` take the CPU
time of threads, shared by two cores without loss: what an idle machine would need at best.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

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
LEAST_STARTS = 3  # short runs whose median is taken for the start
Runs = Mapping[str, Sequence[Mapping[str, float]]]


def one_run(work: Path, name: str, last: str, executor: str, tile_cells: int) -> dict[str, float]:
    """Run the store in a process of its own; seconds of it and of its tiles, CPU seconds, waiting share and memory (GB)."""
    words = [sys.executable, __file__, "--run", str(work), name, last, executor, str(tile_cells)]
    told = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(json.loads(told.stdout.splitlines()[-1]))


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
            "peak_memory_gb": peak_memory()}


def peak_memory() -> float:
    """The most memory (GB) that this process has held.

    Linux says so itself: there the figure of `getrusage` also counts the process that began this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def take_turns(work: Path, last: str, tile_cells: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """What the runs of "threads" and "dask" took, and the short ones ("start"), one after the other: threads and dask begin
    every other turn."""
    found: dict[str, list[dict[str, float]]] = {"threads": [], "dask": [], "start": []}
    soon = str(np.datetime64(FIRST) + (SHORT_DAYS - 1))
    for executor in ("threads", "dask"):
        one_run(work, f"{executor}_first", soon, executor, tile_cells)
    for turn in range(repeats):
        for again in range(-(-LEAST_STARTS // repeats)):
            found["start"].append(one_run(work, f"start{turn}_{again}", soon, "threads", tile_cells))
        for executor in ("threads", "dask") if turn % 2 == 0 else ("dask", "threads"):
            one = one_run(work, f"{executor}{turn}", last, executor, tile_cells)
            found[executor].append(one)
            print(f"{executor}: {one['tile_seconds']:.1f} s in tiles", flush=True)
    return found


def middle(runs: Sequence[Mapping[str, float]], key: str) -> float:
    """Median of a figure over runs."""
    return median(one[key] for one in runs)


def figures(found: Runs, cells: int, days: int) -> dict[str, Any]:
    """Minutes of decades and what else is told; None for what cannot be told, with the reason among the `remarks`."""
    threads, dask = found["threads"], found["dask"]
    cell_years = cells * days / 365.25
    share = days / (days - SHORT_DAYS)
    default = RunChoice()
    spin_up = default.spin_up_years * (default.physical_cycles + default.spin_up_cycles)
    remarks, rate = [], {}
    for key, words in (("seconds", "wall-clock"), ("cpu_seconds", "CPU")):
        long, start = middle(threads, key), middle(found["start"], key)
        rate[key] = (long - start) * share / cell_years if long > start else None
        if rate[key] is None:
            remarks.append(f"figures of {words} time are not told: a run took {long:.3g} s, and {start:.3g} s of {SHORT_DAYS} "
                           "days to start. Run more days or cells, or on a machine with less other work")

    def minutes(key: str, cells_of_grid: float) -> float | None:
        one = rate[key]
        return None if one is None else one / (CORES if key == "cpu_seconds" else 1) * YEARS / 60.0 * cells_of_grid

    def per_second(key: str) -> float | None:
        one = rate[key]
        return None if one is None else 1.0 / one
    ratios = [one["tile_seconds"] / CORES / other["tile_seconds"] for one, other in zip(dask, threads, strict=True)]
    return {"quarter_degree_34yr_minutes": minutes("seconds", QUARTER_DEGREE),
            "tenth_degree_34yr_minutes": minutes("seconds", TENTH_DEGREE),
            "dask_over_threads": median(ratios), "peak_memory_gb": max(one["peak_memory_gb"] for one in threads),
            "io_share": middle(threads, "waited_share"),
            "quarter_degree_34yr_minutes_by_cpu": minutes("cpu_seconds", QUARTER_DEGREE),
            "quarter_degree_with_spin_up_minutes": minutes("seconds", QUARTER_DEGREE * (1.0 + spin_up / YEARS)),
            "dask_over_threads_least": min(ratios), "dask_over_threads_most": max(ratios), "cells": cells, "days": days,
            "repeats": len(threads), "share_of_quarter_degree_cells": cells / QUARTER_DEGREE,
            "start_seconds": middle(found["start"], "seconds"), "start_cpu_seconds": middle(found["start"], "cpu_seconds"),
            "cell_years_per_second": per_second("seconds"), "cell_years_per_cpu_second": per_second("cpu_seconds"),
            "remarks": remarks}


def main(words: Sequence[str] | None = None) -> dict[str, Any]:
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
    resolution = chosen.resolution or (3.0 if chosen.quick else 1.0)
    days = chosen.days or 365
    if days <= SHORT_DAYS:
        parser.error(f"--days: more than {SHORT_DAYS}, which are taken for the start")
    last = str(np.datetime64(FIRST) + (days - 1))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cells = nation_store(SyntheticNation(resolution), work / "forcing.zarr", FIRST, last).cells.count
        print(f"{cells} cells of {resolution:g} degrees, {days} days", flush=True)
        found = figures(take_turns(work, last, -(-cells // TILES), chosen.repeats or (1 if chosen.quick else 3)), cells, days)
    for name, value in found.items():
        if name != "remarks":
            print(f"{name:36} {'not told' if value is None else format(value, '.4g')}")
    for remark in found["remarks"]:
        print(remark)
    if found["share_of_quarter_degree_cells"] < LEAST_SHARE or days < 365:
        print("few cells, or not a whole year: these figures only say that it works")
    if chosen.json:
        write_text(chosen.json, json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
