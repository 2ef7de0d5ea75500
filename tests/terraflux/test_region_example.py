"""The finished national example: interrupted, gone on with, and held to the stores it is made of."""

import csv
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from terraflux.cli.errors import run
from terraflux.cli.progress import Progress
from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.compare import compare
from terraflux.evaluation.comparison.read_product import read_product
from terraflux.evaluation.trends.trend import trend
from terraflux.nation_choices import NationChoices
from terraflux.nation_stages import NationalExample
from terraflux.region.configuration import choices_from
from terraflux.region.errors import Stopped
from terraflux.region.plan import STOP, read_facts
from terraflux.region.results import open_results
from terraflux.region.run import run_region
from terraflux.region.tile import run_tile
from terraflux.region_fields import run_fields, run_folder
from terraflux.report import comparison_figures
from terraflux.report.nation_page import national

CHOICES = NationChoices(resolution=4.0, first=1979, last=1988, coarse=6.0, every=12, spin_up_years=1)
pytestmark = pytest.mark.xdist_group("national_example")


class Stopping(Progress):
    """Progress that asks the run of the nation to stop in its third year, and counts what it was told."""

    def __init__(self, folder):
        super().__init__()
        self.stop, self.words = folder / "runs" / "nation" / STOP, []

    def update(self, done, total, name):
        self.words.append(name)
        if done > 0.2 * total and self.stop.parent.is_dir():
            self.stop.touch()


def digests(folder, *left_out):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in left_out}


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """Folder of an example that was stopped in the middle and gone on with."""
    folder = tmp_path_factory.mktemp("example") / "nation"
    stopping = Stopping(folder)
    with pytest.raises(Stopped):
        NationalExample(folder, CHOICES, threads=1, progress=stopping).run()
    assert any("left" in words for words in stopping.words)
    assert not (folder / "runs" / "nation" / "manifest.json").exists() and not (folder / "nation.html").exists()
    assert NationalExample(folder, CHOICES, threads=1).run() == folder / "nation.html"
    return folder


def test_what_was_interrupted_has_the_bytes_of_a_run_that_was_not(example, tmp_path):
    facts = read_facts(example / "runs" / "nation")
    result = run_region(choices_from(facts["choices"], folder=example), folder=tmp_path / "run")
    assert result.status == "done"
    for group in ("monthly.zarr", "annual.zarr"):
        assert digests(example / "runs" / "nation" / group) == digests(tmp_path / "run" / group)
    stages = json.loads((example / "example.json").read_text())["stages"]
    assert stages["run nation"]["attempts"] == 2 and stages["run other"]["attempts"] == 1


def test_a_finished_example_is_left_as_it_is(example):
    before = digests(example, "nation.html", "example.json", "run.lock", "tile.lock")
    NationalExample(example, CHOICES, threads=1).run()
    assert digests(example, "nation.html", "example.json", "run.lock", "tile.lock") == before


def test_numbers_of_the_page_are_those_of_the_store(example):
    results = open_results(example / "runs" / "nation")
    days = np.diff(results.edges("annual")).astype(float)
    land = math.fsum(results.static("area") * results.static("land_fraction"))
    numbers = json.loads((example / "nation.json").read_text())
    page = (example / "nation.html").read_text(encoding="utf-8")
    for short, name, scale in (("gpp", "gross_primary_production", 1e-15), ("et", "evapotranspiration", 1.0 / land)):
        yearly = results.totals("annual", name)[:, 0] * days * 86400.0 * scale
        assert np.allclose(numbers["nation"][short]["values"], yearly, rtol=1e-12)
        months = results.totals("monthly", name)[:, 0] * np.diff(results.edges("monthly")).astype(float) * 86400.0 * scale
        assert np.allclose(months.reshape(-1, 12).sum(axis=1), yearly, rtol=1e-6)
        line = trend(yearly, np.arange(1979, 1989))
        assert numbers["nation"][short]["trend"] == pytest.approx(line.slope, rel=1e-12)
        assert numbers["nation"][short]["p"] == pytest.approx(line.p, abs=1e-12)
        assert numbers["nation"][short]["p_plain"] == pytest.approx(line.p_plain, abs=1e-12)
        for value in (yearly.mean(), line.slope, line.p):
            assert f"{value:.4g}" in page
        whole = numbers["regional"][short][0]
        measure = "total" if short == "gpp" else "mean"
        assert whole["region"] == "all" and whole[measure] == pytest.approx(yearly.mean(), rel=1e-6)
    with open(example / "gpp" / "years.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["region"] == "all"]
    assert [float(row["total"]) for row in rows] == pytest.approx(numbers["nation"]["gpp"]["values"], rel=1e-6)


def test_cells_that_are_missing_are_told_beside_the_totals(example):
    stages = json.loads((example / "example.json").read_text())["stages"]
    assert stages["run nation"]["facts"]["masked_cells"] == 0
    assert "left the bounds" not in national({}, stages)[1]
    stages["run nation"]["facts"] |= {"cells": 3909, "masked_cells": 7, "masked_share": 0.0018}
    assert "7 of 3909 cells (0.18 % of the land) left the bounds" in national({}, stages)[1]


def test_everything_says_that_it_is_synthetic(example):
    page = (example / "nation.html").read_text(encoding="utf-8")
    assert "SYNTHETIC: an invented country" in page and "no product is MODIS or MTE" in page
    assert page.count("<figcaption>Synthetic.") == page.count("data:image/png") >= 20
    for path in [*(example / "export").glob("*.nc"), *(example / "products").glob("*.nc"), example / "gpp" / "maps.nc"]:
        with netCDF4.Dataset(path) as file:
            assert int(file.synthetic) == 1 and file.Conventions == "CF-1.8", path
    for path in (example / "products").glob("*.nc"):
        assert "MODIS" not in path.name and "MTE" not in path.name
        with netCDF4.Dataset(path) as file:
            assert file.title.startswith("SYNTHETIC product")
    assert "SYNTHETIC" in (example / "comparison_gpp_8day" / "comparison.html").read_text(encoding="utf-8")


def test_every_plot_says_that_it_is_synthetic(example, monkeypatch):
    labels = []
    monkeypatch.setattr(comparison_figures, "png", lambda figure: labels.append(figure.get_suptitle()) or b"")
    comparison_figures.draw_comparison(compare([run_fields(example / "runs" / "nation", "gpp", "nation")]))
    assert len(labels) >= 3 and all(one == "SYNTHETIC: nation is no observation and no real place." for one in labels)


def test_monthly_products_follow_the_conventions(example):
    pytest.importorskip("compliance_checker")
    files = [str(example / "products" / f"synthetic_monthly_{name}.nc") for name in ("gpp", "le")]
    told = subprocess.run([str(Path(sys.executable).with_name("compliance-checker")), "--test=cf:1.8", *files],
                          capture_output=True, text=True, timeout=300)
    assert told.returncode == 0 and told.stdout.count("All tests passed!") == 2, told.stdout


def test_maps_of_parameters_open_in_a_run_with_their_members(example, tmp_path):
    with xr.open_dataset(example / "parameters.nc") as maps:
        drawn = maps["carboxylation_capacity"].sel(plant_type="GRA").values
    days = {"first": "1984-07-01", "last": "1984-07-02", "spin_up_years": 0, "every": 9}
    table = {"forcing": {"synthetic": 6.0}, "run": days,
             "parameters": {"map": str(example / "parameters.nc"), "members": 3},
             "output": {"monthly": ["gross_primary_production"], "annual": []}}
    assert run_region(choices_from(table, folder=tmp_path), folder=tmp_path / "run").status == "done"
    assert run_tile(tmp_path / "run", 0).status == "done"
    values = open_results(tmp_path / "run").values("monthly", "gross_primary_production")[0]
    assert values.shape[0] == 3 and np.unique(drawn[:3]).size == 3 and (np.ptp(values, axis=0) > 0.0).any()


def test_a_regional_run_is_compared_by_its_folder_with_its_share_of_land(example, tmp_path, capsys):
    folder = example / "runs" / "nation"
    assert run(["compare", f"nation={folder}", "--variable", "gpp", "--no-figures", "--out", str(tmp_path / "out")]) == 0
    assert "SYNTHETIC: nation" in capsys.readouterr().out
    numbers = json.loads((tmp_path / "out" / "comparison.json").read_text())["regional"][0]
    own = json.loads((example / "nation.json").read_text())["nation"]["gpp"]["mean"]
    assert numbers["total"] == pytest.approx(own, rel=1e-6)
    assert np.array_equal(run_fields(run_folder(folder / "monthly.zarr"), "et", "a").values,
                          run_fields(folder, "evapotranspiration", "b").values, equal_nan=True)
    assert run(["compare", f"nation={folder}", "--product-option", "nation.unit=g m-2 d-1", "--out", str(tmp_path / "no")]) == 2
    assert "needs no options" in capsys.readouterr().err
    (export,) = (example / "export").glob("gpp_*.nc")
    read, own = read_product(export, "gpp"), run_fields(folder, "gpp", "b")
    totals = [np.nansum(one.values.astype(float) * one.area(), axis=(1, 2)) for one in (read, own)]
    assert np.allclose(*totals, rtol=1e-6)
    with pytest.raises(ForcingError, match="keeps no monthly net_radiation"):
        run_fields(folder, "net_radiation", "c")


def test_other_choices_in_the_same_folder_are_refused(example, tmp_path, capsys):
    assert run(["region", "example", str(example), "--resolution", "5"]) == 2
    assert "holds an example with resolution = 4.0" in capsys.readouterr().err
    (tmp_path / "taken").write_text("")
    assert run(["region", "example", str(tmp_path), "--years", "1979-1980"]) == 2
    assert "taken by something else" in capsys.readouterr().err


@pytest.mark.slow
def test_attribution_and_members_are_added_to_a_finished_example(tmp_path):
    given = {"resolution": 6.0, "first": 1979, "last": 1988, "coarse": 6.0, "every": 6, "spin_up_years": 1}
    NationalExample(tmp_path / "nation", NationChoices(**given), threads=1, figures=False).run()
    more = NationChoices(**given, attribution=True, members=3)
    page = NationalExample(tmp_path / "nation", more, threads=1, figures=False).run().read_text(encoding="utf-8")
    numbers = json.loads((tmp_path / "nation" / "nation.json").read_text())
    assert "What makes the trend of gross primary production" in page and "Spread of the posterior: 3 members" in page
    stages = json.loads((tmp_path / "nation" / "example.json").read_text())["stages"]
    assert stages["run nation"]["attempts"] == 1
    everything = stages["run co2+climate+lai"]["facts"]["gpp"]
    assert everything["values"] == pytest.approx(stages["run nation"]["facts"]["gpp"]["values"], rel=1e-4)  # float32
    by_factor = {row["factor"]: row["effect"] for row in numbers["effects"]["gpp"] if row["region"] == "all"}
    none = stages["run none"]["facts"]["gpp"]["trend"]
    land = stages["run none"]["facts"]["land_km2"]
    assert sum(by_factor.values()) * land * 1e6 * 1e-15 == pytest.approx(everything["trend"] - none, abs=1e-5)
    assert by_factor["co2"] > 0.0 and len(numbers["members"]) == 3
    assert not list((tmp_path / "nation" / "forcing").glob("*.zarr"))
