"""The benchmark of regional runs runs and says what it found."""

import importlib.util
import json

import pytest

pytest.importorskip("distributed")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_quick_benchmark_writes_its_figures(repository, tmp_path):
    spec = importlib.util.spec_from_file_location("region_benchmark", repository / "benchmarks" / "region.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = tmp_path / "found.json"
    module.main(["--quick", "--json", str(path)])
    found = json.loads(path.read_text(encoding="utf-8"))
    for name in ("quarter_degree_34yr_minutes", "tenth_degree_34yr_minutes", "dask_over_threads", "peak_memory_gb"):
        assert found[name] > 0.0, name
    assert 0.0 <= found["io_share"] < 1.0 and found["peak_memory_gb"] < 2.0
