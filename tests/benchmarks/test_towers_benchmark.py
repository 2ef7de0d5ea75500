"""The benchmark of the towers runs and writes what it found."""

import json
import runpy


def test_towers_benchmark_writes_its_seconds(repository, tmp_path):
    main = runpy.run_path(str(repository / "benchmarks" / "towers.py"))["main"]
    target = tmp_path / "towers.json"
    found = main(["--size", "0.003", "--json", str(target)])
    assert json.loads(target.read_text(encoding="utf-8")) == found
    for task in ("ffp_year_101", "fractions_1001", "mds_year", "daytime_partitioning", "variogram_1000"):
        assert found[f"{task}_seconds"] > 0.0
