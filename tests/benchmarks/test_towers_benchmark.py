"""The benchmark of the towers runs and writes what it found."""

import json
import runpy


def test_towers_benchmark_writes_its_seconds(repository, tmp_path):
    main = runpy.run_path(str(repository / "benchmarks" / "towers.py"))["main"]
    target = tmp_path / "towers.json"
    found = main(["--size", "0.003", "--only", "ffp", "fractions", "--json", str(target)])
    assert json.loads(target.read_text(encoding="utf-8")) == found
    assert found["ffp_year_101_seconds"] > 0.0 and found["fractions_1001_seconds"] > 0.0
