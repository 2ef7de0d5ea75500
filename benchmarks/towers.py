"""How fast tower data are processed: CPU seconds of the tasks that take longest, each with a fixed and invented input.

    python benchmarks/towers.py                          every task
    python benchmarks/towers.py --only ffp_year_101      some of them, by the start of their names
    python benchmarks/towers.py --json result.json       writes what was found, for comparison with an earlier run

Seconds are CPU time of one thread, the median of several repeats, after a run that does not count (compiled code is then
loaded). `_wall_seconds` of a task is the time on the wall with all cores. A calibration loop of nothing but exponentials
is timed beside them, since ratios to it carry over between machines better than seconds do.

A task is a function that returns the work to time, registered under its name in `TASKS`; the time is written as
`<name>_seconds`. To add one, write such a function with `@task("name", "what it does")`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[int], object]
"""Does the task once on a number of threads."""
TASKS: dict[str, tuple[Callable[[float], Work], str, int]] = {}
HALF_HOURS = 17520


def task(name: str, meaning: str, repeats: int = 5) -> Callable[[Callable[[float], Work]], Callable[[float], Work]]:
    """Registers a function of the size (1 for the real task, less for a trial) that returns the work to time."""
    def register(make: Callable[[float], Work]) -> Callable[[float], Work]:
        TASKS[name] = (make, meaning, repeats)
        return make
    return register


def year_of_footprints(size: float) -> Any:
    """FFP rows of an invented half-hourly year: days with convection, stable nights, veering winds."""
    from terraflux.sites.footprint.models import footprint_rows

    count = max(48, int(HALF_HOURS * size))
    draw = np.random.default_rng(20)
    hour = np.arange(count) % 48 / 2.0
    sun = np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0, None) * draw.uniform(0.3, 1.0, count)
    friction_velocity = np.clip(0.22 + 0.25 * sun + draw.normal(0.0, 0.06, count), 0.12, None)
    obukhov_length = np.where(sun > 0.05, -friction_velocity**3 / (0.4 * 9.81 / 290.0 * (0.02 + 0.25 * sun)),
                              draw.uniform(40.0, 400.0, count))
    return footprint_rows(
        "ffp", measurement_height=10.0, roughness_length=0.15, obukhov_length=np.minimum(obukhov_length, 1e3),
        sigma_v=friction_velocity * draw.uniform(1.7, 2.3, count), friction_velocity=friction_velocity,
        boundary_layer_height=150.0 + 1200.0 * sun + draw.uniform(0.0, 100.0, count),
        wind_direction=(230.0 + np.cumsum(draw.normal(0.0, 8.0, count))) % 360.0)


@task("ffp_year_101", "FFP climatology of a year of half hours on 101 x 101 nodes, 10 m apart")
def ffp_year(size: float) -> Work:
    """Climatology of 17,520 half hours; the published Python program takes 17 s (performance.md 7)."""
    from terraflux.sites.footprint.climatology import climatology
    from terraflux.sites.footprint.grid import Grid

    rows, grid = year_of_footprints(size), Grid.nodes(-500.0, 500.0, 100)
    return lambda threads: climatology(rows, grid, threads=threads)


@task("fractions_1001", "FFP fractions of 8 classes for a year of half hours on 1001 x 1001 nodes, 1 m apart", repeats=1)
def class_fractions_of_a_year(size: float) -> Work:
    """Class fractions of 17,520 half hours over a patchy invented land cover."""
    from terraflux.sites.footprint.class_fractions import class_fractions
    from terraflux.sites.footprint.grid import Grid

    rows, grid = year_of_footprints(size), Grid.nodes(-500.0, 500.0, 1000)
    patches = np.random.default_rng(21).integers(1, 9, (51, 51))
    cover = np.kron(patches, np.ones((20, 20), dtype=int))[:1001, :1001]
    return lambda threads: class_fractions(rows, cover, grid, range(1, 9), threads=threads)


def year_of_fluxes(size: float) -> dict[str, Any]:
    """An invented half-hourly year of weather and of net exchange with noise and a third of its values missing."""
    count = max(48 * 30, int(HALF_HOURS * size) // 48 * 48)
    draw = np.random.default_rng(22)
    hour, day = np.arange(count) % 48 / 2.0 + 0.25, np.arange(count) // 48
    season = np.sin((day - 100.0) / 365.0 * 2.0 * np.pi)
    height = np.sin((hour - 6.0) / 12.0 * np.pi) * (0.6 + 0.35 * season)
    potential = 1360.0 * np.clip(height, 0.0, None)
    radiation = potential * draw.uniform(0.2, 0.75, count // 48)[day]
    temperature = 8.0 + 10.0 * season + 5.0 * np.sin((hour - 9.0) / 12.0 * np.pi) + draw.normal(0.0, 3.0, count // 48)[day]
    deficit = np.clip(0.4 * np.exp(0.06 * temperature) * draw.uniform(3.0, 8.0, count), 0.1, None)
    respiration = 3.0 * np.exp(200.0 * (1.0 / 61.02 - 1.0 / np.maximum(temperature + 46.02, 5.0)))
    uptake = np.clip(18.0 * (1.0 + season) * radiation / (radiation + 400.0), 0.0, None)
    nee = respiration - uptake + draw.normal(0.0, 1.0, count) * (1.0 + 0.1 * uptake)
    nee[draw.random(count) < 0.35] = np.nan
    return {"nee": nee, "radiation": radiation, "potential": potential, "temperature": temperature, "vpd": deficit}


@task("mds_year", "gap filling by marginal distribution sampling of a year of half hours, all rows")
def gap_filling_of_a_year(size: float) -> Work:
    """Every row of 17,520 is estimated, as REddyProc does in 11.4 s (performance.md 7)."""
    from terraflux.sites.processing.gap_filling import fill_gaps

    year = year_of_fluxes(size)
    weather = {name: year[name] for name in ("radiation", "temperature", "vpd")}
    return lambda threads: fill_gaps(year["nee"], all_rows=True, **weather)


@task("daytime_partitioning", "day-time partitioning of a year of half hours with 30 bootstraps")
def daytime_partitioning_of_a_year(size: float) -> Work:
    """Lasslop et al. (2010) on a filled year; REddyProc takes 19 to 61 s (performance.md 7)."""
    from terraflux.sites.processing.gap_filling import fill_gaps
    from terraflux.sites.processing.partitioning import partition

    year = year_of_fluxes(size)
    fill = fill_gaps(year["nee"], all_rows=True, **{name: year[name] for name in ("radiation", "temperature", "vpd")})
    return lambda threads: partition(
        "daytime", nee=fill.value, nee_quality=fill.quality, nee_spread=fill.sd, temperature=year["temperature"],
        temperature_quality=np.zeros(year["nee"].size), vapour_pressure_deficit=year["vpd"], radiation=year["radiation"],
        potential_radiation=year["potential"])


@task("variogram_1000", "semivariogram of a raster of 1000 x 1000 cells with holes, by FFT")
def variogram_of_a_raster(size: float) -> Work:
    """Every pair of a million cells up to half the side of the raster."""
    from terraflux.sites.representativeness.variogram import grid_variogram

    side = max(50, int(1000 * size))
    draw = np.random.default_rng(23)
    field = draw.normal(0.0, 1.0, (side, side)).cumsum(axis=0).cumsum(axis=1)
    field[draw.random(field.shape) < 0.05] = np.nan
    return lambda threads: grid_variogram(field, cell_size=30.0)


def calibration() -> float:
    """CPU seconds of ten million exponentials of numpy."""
    values = np.linspace(-5.0, 5.0, 1_000_000)
    return middle(lambda: [np.exp(values) for _ in range(10)], 5)


def middle(run: Callable[[], object], repeats: int, clock: Callable[[], float] = time.process_time) -> float:
    """Median time of several calls by a clock, of the CPU if none is given (s)."""
    found = []
    for _ in range(repeats):
        begin = clock()
        run()
        found.append(clock() - begin)
    return float(np.median(found))


def measured(name: str, size: float) -> dict[str, float]:
    """`<name>_seconds` and `<name>_wall_seconds` of a task."""
    from terraflux.model.weave.threads import available_cores

    make, _, repeats = TASKS[name]
    make(min(size, 0.01))(1)  # compiles, or loads what is compiled
    work = make(size)
    seconds = middle(lambda: work(1), repeats)
    wall = middle(lambda: work(available_cores()), repeats, time.perf_counter)
    return {f"{name}_seconds": seconds, f"{name}_wall_seconds": wall}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Runs the benchmark, prints it and returns what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="starts of names of tasks (default all)")
    parser.add_argument("--size", type=float, default=1.0, help="part of the full input, for a trial (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found")
    chosen = parser.parse_args(arguments)
    names = [name for name in TASKS if chosen.only is None or any(name.startswith(start) for start in chosen.only)]
    if not names:
        parser.error(f"no task begins with {', '.join(chosen.only)}; there are {', '.join(TASKS)}")
    found: dict[str, Any] = {"size": chosen.size, "calibration_seconds": calibration()}
    for name in names:
        print(f"  ... {name}", file=sys.stderr, flush=True)
        found |= measured(name, chosen.size)
        print(f"{name:24s} {found[f'{name}_seconds']:9.3f} s   {found[f'{name}_wall_seconds']:9.3f} s on the wall with all "
              f"cores   {TASKS[name][1]}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
