"""The benchmark of the column runs and says what it found."""

import importlib.util
import json

import pytest

pytestmark = pytest.mark.xdist_group("column")


@pytest.fixture(scope="module")
def benchmark_module(repository):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("column_benchmark", repository / "benchmarks" / "column.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_tiny_benchmark_writes_its_figures(benchmark_module, tmp_path, capsys):
    path = tmp_path / "found.json"
    benchmark_module.main(["--columns", "32", "--steps", "96", "--repeats", "1", "--json", str(path)])
    found = json.loads(path.read_text(encoding="utf-8"))
    for name in ("batch_us_per_step", "lone_us_per_step", "two_core_speedup", "floor_us_per_step", "peak_bytes_per_column"):
        assert found[name] > 0.0, name
    assert found["floor_us_per_step"] < found["lone_us_per_step"]
    assert found["calls_per_step"]["exp"] > 50
    printed = capsys.readouterr().out
    assert "one core" in printed and "us per column and step" in printed


def test_memory_grows_with_columns_only(benchmark_module):
    """Four times the columns: at most four times the memory above that of the forcing; nothing grows with steps."""
    few, many, longer = (benchmark_module.run_times(columns, steps, 1, lambda words: None)["peak_bytes_per_column"] * columns
                         for columns, steps in ((32, 96), (128, 96), (128, 960)))
    assert many < 4.5 * few
    assert longer < many + 960 * 13 * 8 + 20_000


@pytest.mark.slow
def test_stage_times_cover_the_whole_step(benchmark_module):
    stages = benchmark_module.stage_times(96)
    assert {"check", "aerodynamics_stage", "canopy_radiation_stage"} <= stages.keys()
    assert all(spent >= 0.0 and calls > 0.0 for spent, calls in stages.values())
