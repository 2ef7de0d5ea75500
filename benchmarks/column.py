"""How fast the column runs: microseconds per column and half-hourly step, where they go, and how low they could be.

    python benchmarks/column.py                      batch, lone column, two cores, memory
    python benchmarks/column.py --stages             also the share of every stage
    python benchmarks/column.py --json result.json   writes what was found, for comparison with an earlier run

Full physics with default options on a year of invented weather, every plant type on soils in turn. Times are medians
over repeats of CPU time of the running thread, so that other work on the machine disturbs them little; the speed-up of
two cores compares wall times. The floor is what the exponentials, logarithms and roots alone would take.
"""

import argparse
import functools
import importlib.util
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.column import column_model, prepare, step
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameters import parameters, plant_types, soil_classes
from terraflux.model.weave import Model, lane_math
from terraflux.model.weave.compiling import compile_stage

Array = NDArray[np.float64]
TIME_STEP = 1800.0
LANES = 32
DAY = 48  # steps
MEAN_TEMPERATURE = 8.0


def inputs(model: Model, columns: int, steps: int) -> tuple[Array, Array, Array]:
    """Forcing [time, row, 1], parameters [row, column] and a first state [row, column]; short runs begin in spring."""
    tower = synthetic_tower()
    whole = forcing_array(tower.forcing, model.table)
    start = 0 if steps >= len(whole) else len(whole) // 5
    forcing = np.ascontiguousarray(np.resize(whole[start:], (steps, *whole.shape[1:])))
    pairs = [(plant, soil) for soil in soil_classes() for plant in plant_types()]
    sets = [parameters(*pairs[k % len(pairs)]) for k in range(columns)]
    vectors = np.stack([one.vector(model.table) for one in sets], axis=1)
    state = np.stack([initial_state(model.table, one, MEAN_TEMPERATURE) for one in sets], axis=1)
    return forcing, vectors, np.ascontiguousarray(state)


def seconds(run: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    """Median time of a call, after one that does not count."""
    run()
    found = []
    for _ in range(repeats):
        begin = clock()
        run()
        found.append(clock() - begin)
    return statistics.median(found)


def run_times(columns: int, steps: int, repeats: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Times of a batch, a lone column and two cores, and memory per column."""
    model = column_model()
    forcing, vectors, state = inputs(model, columns, steps)

    def batch(threads: int, chosen: slice = slice(None)) -> Callable[[], object]:
        some = np.ascontiguousarray(vectors[:, chosen])
        return lambda: model.run(forcing, some, np.ascontiguousarray(state[:, chosen]), {"time_step": TIME_STEP},
                                 outputs=("latent_heat", "net_ecosystem_exchange"), windows=np.zeros(steps, np.int64),
                                 threads=threads)

    progress("compiling")
    begin = time.perf_counter()
    model.compile(columns)
    model.compile(1)
    compiling = time.perf_counter() - begin
    progress("batch")
    one_core = seconds(batch(1), repeats, time.thread_time)
    progress("lone column")
    lone = seconds(batch(1, slice(0, 1)), repeats, time.thread_time)
    progress("two cores")
    one_wall = seconds(batch(1), repeats, time.perf_counter)
    two_wall = seconds(batch(2), repeats, time.perf_counter)
    tracemalloc.start()
    batch(1)()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "columns": columns,
        "steps": steps,
        "compile_or_load_seconds": compiling,
        "batch_us_per_step": 1e6 * one_core / (columns * steps),
        "lone_us_per_step": 1e6 * lone / steps,
        "two_core_speedup": one_wall / two_wall,
        "peak_bytes_per_column": peak / columns,
    }


# ---- what it could cost at least -----------------------------------------------------------------------------------------

COUNTED = ("exp", "expm1", "log", "sqrt", "tanh", "pow_positive")


def calls_per_step(steps: int = 3) -> Counter[str]:
    """Mean calls of elementary functions in one step of one leafy column, from the model woven as plain Python."""
    plain = Model(step(Options()), column_model().table, prepare(Options()), python=True).woven(1)
    forcing, vectors, state = inputs(column_model(), 1, 48)
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., float]) -> Callable[..., float]:
        def counted(*values: float) -> float:
            counts[name] += 1
            return function(*values)
        return counted

    originals = {name: getattr(plain.module, name) for name in COUNTED if hasattr(plain.module, name)}
    settings = {"time_step": TIME_STEP}
    plain.run(forcing[20:21], vectors, state, settings)
    for name, function in originals.items():
        setattr(plain.module, name, counting(name, function))
    before = Counter(counts)
    plain.run(forcing[21 : 21 + steps], vectors, state, settings)
    after = Counter(counts)
    plain.run(forcing[:0], vectors, state, settings)  # what the preparation of a run calls
    once = counts - after
    for name, function in originals.items():
        setattr(plain.module, name, function)
    return Counter({name: (after[name] - before[name] - once[name]) / steps for name in after})


@njit(error_model="numpy")
def _exp_loop(w: Any, rounds: int) -> None:
    for _ in range(rounds):
        for lane in range(LANES):
            w[lane] = lane_math.exp(-w[lane])


@njit(error_model="numpy")
def _log_loop(w: Any, rounds: int) -> None:
    for _ in range(rounds):
        for lane in range(LANES):
            w[lane] = lane_math.log(w[lane] + 3.0)


@njit(error_model="numpy")
def _sqrt_loop(w: Any, rounds: int) -> None:
    for _ in range(rounds):
        for lane in range(LANES):
            w[lane] = lane_math.sqrt(w[lane] + 1.0)


def floor_us(counts: Counter[str], repeats: int) -> float:
    """Microseconds per step of the elementary functions alone, each at the speed of a loop of nothing else."""
    rounds = 20_000
    data = np.linspace(0.5, 2.0, LANES)
    loops = {"exp": _exp_loop, "log": _log_loop, "sqrt": _sqrt_loop}
    each = {name: seconds(functools.partial(loop, data, rounds), repeats, time.thread_time) / (rounds * LANES)
            for name, loop in loops.items()}
    costs = each | {"expm1": each["exp"], "tanh": each["exp"], "pow_positive": each["exp"] + each["log"]}
    return 1e6 * sum(costs[name] * count for name, count in counts.items())


# ---- where the time goes -------------------------------------------------------------------------------------------------


def stage_times(steps: int) -> dict[str, tuple[float, float]]:
    """{stage: (microseconds per column and step, calls per step)} of one block, over days spread through the year.

    Stages are compiled with a wrapper each and `step` runs as plain Python with a clock around every call. The median
    call counts, less that of an empty stage, so that interruptions do not.
    """
    model = column_model()
    woven = model.woven(LANES)
    text = woven.source_path.read_text(encoding="utf-8")
    text = text.replace("no_cpython_wrapper=True, ", "")
    text = text.replace("@block_function\ndef step(w):", "def step(w):").replace("nogil=True, cache=True, ", "")
    text += "\n\n@stage\ndef nothing_stage(w):\n    pass\n"
    with tempfile.TemporaryDirectory() as folder:
        module = _module_of(text, Path(folder) / "timed_column.py")
    year, vectors, state = inputs(model, LANES, 17520)
    forcing = np.ascontiguousarray(year.reshape(-1, DAY, *year.shape[1:])[:: 365 * DAY // steps].reshape(-1, *year.shape[1:]))
    steps = len(forcing)
    series = np.zeros(LANES, np.int64)
    w = np.empty(module.SIZE)
    module.load_column(w, series, 0, series, np.array([TIME_STEP]), vectors, state)
    module.prepare(w)

    spent: dict[str, list[int]] = defaultdict(list)
    clock = time.perf_counter_ns

    def timed(name: str, stage: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            begin = clock()
            result = stage(*values)
            spent[name].append(clock() - begin)
            return result
        return call

    names = [*woven.stages, "nothing_stage"]
    for name in (*names, "check"):
        compile_stage(getattr(module, name))
    for name in (*names, "check"):
        setattr(module, name, timed(name, getattr(module, name)))
    for moment in range(-2, steps):
        if moment == 0:
            spent.clear()
        module.load_forcing(w, max(moment, 0), forcing, series, 1)
        module.step(w)
        module.check(w)
        for _ in range(10):
            module.nothing_stage(w)
    empty = statistics.median(spent.pop("nothing_stage"))
    per = 1e-3 / (steps * LANES)
    return {name: (max(statistics.median(each) - empty, 0.0) * len(each) * per, len(each) / steps)
            for name, each in spent.items()}


def _module_of(text: str, path: Path) -> ModuleType:
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Runs the benchmark, prints it and returns what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=64, help="columns of the batch (default 64)")
    parser.add_argument("--steps", type=int, default=17520, help="half-hourly steps of each run (default a year)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the median counts (default 5)")
    parser.add_argument("--stages", action="store_true", help="time every stage")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found")
    chosen = parser.parse_args(arguments)

    def progress(words: str) -> None:
        print(f"  ... {words}", file=sys.stderr, flush=True)

    found: dict[str, Any] = run_times(chosen.columns, chosen.steps, chosen.repeats, progress)
    progress("floor")
    counts = calls_per_step()
    found["calls_per_step"] = dict(counts)
    found["floor_us_per_step"] = floor_us(counts, chosen.repeats)
    print(f"batch of {chosen.columns} columns, one core   {found['batch_us_per_step']:.3f} us per column and step")
    print(f"one column alone              {found['lone_us_per_step']:.3f} us per step")
    print(f"two cores                     {found['two_core_speedup']:.2f} times as fast as one")
    print(f"elementary functions alone    {found['floor_us_per_step']:.3f} us per column and step ("
          + ", ".join(f"{count:.0f} {name}" for name, count in counts.most_common()) + ")")
    print(f"memory                        {found['peak_bytes_per_column'] / 1e3:.1f} kB per column at its peak")
    if chosen.stages:
        progress("stages")
        stages = stage_times(min(chosen.steps, 960))
        total = sum(spent for spent, _ in stages.values())
        found["stages"] = {name: {"us_per_step": spent, "calls_per_step": calls} for name, (spent, calls) in stages.items()}
        print(f"\nstages, {total:.3f} us in all (share, us per column and step, calls per step)")
        for name, (spent, calls) in sorted(stages.items(), key=lambda item: -item[1][0]):
            print(f"{100.0 * spent / total:6.1f} %  {spent:7.4f}  {calls:5.1f}  {name}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
