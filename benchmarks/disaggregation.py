"""What daily forcing costs: the column on daily forcing refined in its loop, against the same hourly forcing from memory.

    python benchmarks/disaggregation.py                      every course of precipitation
    python benchmarks/disaggregation.py --json result.json   writes what was found

Both runs do the same physics and give the same bits, which is checked. Times are the least CPU time of several runs that take
turns, so that other work on the machine disturbs their ratio little. Weather is that of the synthetic nation.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.safe_write import write_text
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.model.column import column_model
from terraflux.model.disaggregation import PRECIPITATION_COURSE, Disaggregation, disaggregated
from terraflux.model.initial_state import initial_state
from terraflux.model.parameters import parameters

HOURLY = {"time_step": 3600.0}
FIRST, LAST = "1980-05-01", "1980-06-29"
OUTPUTS = ("gross_primary_production", "latent_heat")


def cost_of(course: str, columns: int, repeats: int) -> dict[str, float]:
    """CPU microseconds per column and step on hourly and on daily forcing, and their ratio."""
    nation, model = SyntheticNation(2.0), column_model()
    cells = np.linspace(0, nation.cells.latitude.size - 1, columns).astype(int)
    plants = [nation.plant_types[nation.cells.plant_share[:, cell].argmax()] for cell in cells]
    sets = [parameters(plant, str(nation.cells.soil_class[cell])) for plant, cell in zip(plants, cells, strict=True)]
    warmth = nation.cells.climate.mean_temperature[cells]
    vectors = np.ascontiguousarray(np.stack([one.vector(model.table) for one in sets], axis=1))
    begin = np.stack([initial_state(model.table, one, float(mean)) for one, mean in zip(sets, warmth, strict=True)], axis=1)
    places = Disaggregation(nation.cells.latitude[cells], nation.cells.longitude[cells], FIRST, precipitation=course)
    daily = nation.daily(FIRST, LAST, cells)
    made = disaggregated(daily, places, HOURLY["time_step"])
    hourly = np.ascontiguousarray(np.stack([made[variable.name] for variable in model.table.of_kind("forcing")], axis=1))

    def run(forcing: NDArray[np.float64], refined: Disaggregation | None) -> tuple[float, NDArray[np.float64]]:
        state = np.array(begin, order="C")
        start = time.process_time()
        result = model.run(forcing, vectors, state, HOURLY, outputs=OUTPUTS, windows=24, threads=1, disaggregation=refined)
        return time.process_time() - start, result.out

    times: dict[str, list[float]] = {"hourly": [], "daily": []}
    bits = run(hourly, None)[1], run(daily, places)[1]
    if not np.array_equal(*bits):
        raise AssertionError("daily forcing and the hourly forcing made of it differ")
    for _ in range(repeats):
        times["hourly"].append(run(hourly, None)[0])
        times["daily"].append(run(daily, places)[0])
    least = {name: min(found) for name, found in times.items()}
    steps = len(hourly) * columns
    return {"hourly_us_per_step": 1e6 * least["hourly"] / steps, "daily_us_per_step": 1e6 * least["daily"] / steps,
            "daily_over_hourly": least["daily"] / least["hourly"]}


def main(words: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(words)
    found = {course: cost_of(course, chosen.columns, chosen.repeats) for course in PRECIPITATION_COURSE}
    for course, numbers in found.items():
        print(f"{course:12} hourly {numbers['hourly_us_per_step']:.3f} us, daily {numbers['daily_us_per_step']:.3f} us "
              f"per column and step, ratio {numbers['daily_over_hourly']:.4f}")
    if chosen.json:
        write_text(chosen.json, json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    main()
