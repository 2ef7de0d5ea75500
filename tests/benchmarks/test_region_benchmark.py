"""The benchmark of regional runs runs and says what it found. How fast the machine is at that moment decides nothing."""

import json
import runpy
import subprocess
import sys

import numpy as np
import pytest

KEYS = ("quarter_degree_34yr_minutes", "tenth_degree_34yr_minutes", "dask_over_threads", "peak_memory_gb", "io_share",
        "quarter_degree_34yr_minutes_by_cpu", "start_seconds", "remarks")


@pytest.fixture(scope="module")
def benchmark(repository):
    return runpy.run_path(str(repository / "benchmarks" / "region.py"), run_name="region_benchmark")


def run_of(seconds, cpu_seconds):
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "tile_seconds": seconds, "waited_share": 0.1,
            "peak_memory_gb": 0.3}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_quick_benchmark_writes_its_figures(benchmark, tmp_path):
    pytest.importorskip("distributed")
    path = tmp_path / "found.json"
    benchmark["main"](["--quick", "--json", str(path)])
    found = json.loads(path.read_text(encoding="utf-8"))
    assert set(KEYS) <= set(found)
    assert found["quarter_degree_34yr_minutes_by_cpu"] > 0.0
    assert (found["quarter_degree_34yr_minutes"] is None) == any("wall-clock" in remark for remark in found["remarks"])
    assert 0.0 <= found["io_share"] <= 1.0 and found["peak_memory_gb"] < 2.0


def test_peak_memory_is_that_of_the_process_itself_whatever_began_it(repository):
    """A parent that holds 0.8 GB; the benchmark with all it imports holds less."""
    held = np.ones(100_000_000)
    script = str(repository / "benchmarks" / "region.py")
    words = f"import runpy; print(runpy.run_path({script!r}, run_name='it')['peak_memory']())"
    told = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    assert 0.02 < float(told.stdout) < 0.7 < held.nbytes / 1e9


def test_start_is_taken_off_and_the_rest_scaled_from_cells_and_days(benchmark):
    """770 cells are a twentieth of 0.25 degrees; 360 days took 36 s, so 34 years of all take 0.1 * 34 * 365.25 * 20 s."""
    runs = {"threads": [run_of(38.0, 60.0)] * 3, "dask": [run_of(80.0, 1.0)] * 3,
            "start": [run_of(2.0, 1.0), run_of(1.0, 1.0), run_of(50.0, 1.0)]}
    found = benchmark["figures"](runs, 770, 365)
    minutes = 36.0 / 360.0 * 34.0 * 365.25 * 20.0 / 60.0
    assert found["quarter_degree_34yr_minutes"] == pytest.approx(minutes)
    assert found["quarter_degree_34yr_minutes_by_cpu"] == pytest.approx(59.0 / 36.0 / 2.0 * minutes)
    assert found["start_seconds"] == 2.0 and found["remarks"] == []


def test_a_run_that_took_no_longer_than_its_start_is_told_as_null_with_words(benchmark):
    runs = {"threads": [run_of(3.0, 2.0)], "dask": [run_of(4.0, 1.0)], "start": [run_of(4.0, 1.0)] * 3}
    found = benchmark["figures"](runs, 60, 365)
    for name in ("quarter_degree_34yr_minutes", "tenth_degree_34yr_minutes", "quarter_degree_with_spin_up_minutes",
                 "cell_years_per_second"):
        assert found[name] is None, name
    assert found["quarter_degree_34yr_minutes_by_cpu"] > 0.0 and found["cell_years_per_cpu_second"] > 0.0
    (remark,) = found["remarks"]
    assert "wall-clock" in remark and "took 3 s" in remark and "4 s" in remark
