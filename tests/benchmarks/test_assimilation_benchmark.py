"""The benchmark of assimilation measures every number it promises and writes what it has after every part."""

import json
import runpy

from terraflux.assimilation.full_twins import land_twin


def test_assimilation_benchmark_measures_its_keys(repository, tmp_path):
    """On ten days and two parameters; the numbers mean nothing there, their kinds do."""
    parts = runpy.run_path(str(repository / "benchmarks" / "assimilation.py"))
    names, period = ("carboxylation_capacity", "stomatal_slope_medlyn"), ("2021-06-10", "2021-06-19")
    written = tmp_path / "found.json"
    states = []

    def keep(numbers):
        written.write_text(json.dumps(numbers), encoding="utf-8")
        states.append(sum(value is not None for value in numbers.values()))

    found = parts["measure"](*(land_twin(kind, names=names, period=period) for kind in ("dense", "sparse")), True, keep)
    assert tuple(found) == parts["KEYS"] == (
        "map_runs_median", "map_success_fraction", "dense_runs_to_ess1000", "sparse_runs_to_ess1000", "fit_auto_seconds",
        "emcee_64x1000_seconds", "normal_shift", "corrected_shift")
    assert json.loads(written.read_text(encoding="utf-8")) == found
    assert states == sorted(states)
    assert found["map_success_fraction"] == 1.0
    assert 3.0 <= found["map_runs_median"] <= 200.0
    assert found["dense_runs_to_ess1000"] >= 2000.0
    assert found["fit_auto_seconds"] > 0.0
    assert found["emcee_64x1000_seconds"] > 0.0
    assert 0.0 < found["corrected_shift"] < 0.3 and 0.0 < found["normal_shift"] < 0.5
