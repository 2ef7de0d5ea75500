"""Whole runs from the command line: the demo without any data, and a real tower."""

import json

import pandas as pd
import pytest
import xarray as xr

from terraflux.cli.errors import run

pytestmark = pytest.mark.xdist_group("column")
LIMITS = {"water_closure_mm": 1e-9, "energy_closure_W_m2": 1e-6, "heat_closure_W_m2": 1e-6, "carbon_closure_g_m2": 1e-10}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Folder of a demo run."""
    folder = tmp_path_factory.mktemp("demo")
    assert run(["demo", "--out", str(folder)]) == 0
    return folder


def test_the_demo_says_it_is_synthetic_and_where_the_report_is(tmp_path, capsys):
    assert run(["demo", "--kind", "grassland", "--out", str(tmp_path / "run"), "--no-figures"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("SYNTHETIC TOWER")
    assert "Scores against SYNTHETIC observations" in said
    assert str(tmp_path / "run" / "report.html") in said.replace("\n", "")
    for budget in ("Water", "Energy", "Carbon"):
        assert budget in said


def test_the_demo_closes_water_energy_and_carbon(demo):
    with xr.open_dataset(demo / "simulation.nc") as run_file:
        for name, limit in LIMITS.items():
            assert 0.0 <= run_file.attrs[name] < limit, name
        assert run_file.sizes["time"] == 17520
        assert "SYNTHETIC" in run_file.attrs["title"]
        assert run_file["GPP"].attrs["units"] == "kg m-2 s-1"
        carbon_use = float(run_file["NPP"].mean() / run_file["GPP"].mean())
        assert 0.2 < carbon_use < 0.8


def test_the_demo_file_passes_the_cf_checker(demo, tmp_path):
    runner = pytest.importorskip("compliance_checker.runner")
    runner.CheckSuite.load_all_available_checkers()
    passed, errors = runner.ComplianceChecker.run_checker(
        str(demo / "simulation.nc"), ["cf:1.8"], 0, "strict", output_filename=str(tmp_path / "cf.json"),
        output_format="json")
    assert not errors
    assert passed
    assert json.loads((tmp_path / "cf.json").read_text())["cf:1.8"]["high_count"] == 0


def test_the_demo_report_shows_every_figure_under_a_banner(demo):
    text = (demo / "report.html").read_text(encoding="utf-8")
    assert "SYNTHETIC TOWER" in text
    assert text.count("data:image/png;base64,") == 9
    assert len(list((demo / "figures").glob("*.png"))) == 9


def test_a_second_run_replaces_only_its_own_files(demo, capsys):
    (demo / "mine.txt").write_text("keep")
    before = pd.read_csv(demo / "scores.csv")
    assert run(["demo", "--out", str(demo), "--no-figures"]) == 0
    assert "of an earlier run were replaced" in capsys.readouterr().out
    assert (demo / "mine.txt").read_text() == "keep"
    assert not list((demo / "figures").glob("*.png"))
    pd.testing.assert_frame_equal(pd.read_csv(demo / "scores.csv"), before)


def test_an_output_place_that_is_a_file_is_refused_before_the_run(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert run(["demo", "--out", str(tmp_path / "taken")]) == 2
    streams = capsys.readouterr()
    assert "is a file; choose another with --out" in streams.err
    assert "Closure" not in streams.out


@pytest.mark.real_data
def test_a_real_tower_runs_and_is_scored(shared_data, repository, tmp_path, capsys):
    arguments = ["site", str(repository / "examples" / "towers" / "DK-Fou"), "--data-folder", str(shared_data),
                 "--out", str(tmp_path), "--no-figures", "--scheme", "stomatal_conductance=medlyn",
                 "--parameter", "carboxylation_capacity=80", "--names", "terraflux", "--precision", "float64"]
    assert run(arguments) == 0
    assert "SYNTHETIC" not in capsys.readouterr().out
    scores = pd.read_csv(tmp_path / "scores.csv")
    radiation = scores.query("variable == 'net_radiation' and scale == 'daily' and metric == 'r'")["value"].item()
    assert radiation > 0.9
    with xr.open_dataset(tmp_path / "simulation.nc") as made:
        assert made.attrs["synthetic"] == 0
        assert "carboxylation_capacity = 80.0" in made.attrs["parameters"]
        assert made.attrs["water_closure_mm"] < 1e-9
        assert "latent_heat" in made


@pytest.mark.real_data
def test_wrong_parameters_of_a_real_tower_stop_with_one_paragraph(shared_data, repository, tmp_path, capsys):
    tower = str(repository / "examples" / "towers" / "DK-Fou")
    common = ["site", tower, "--data-folder", str(shared_data), "--out", str(tmp_path), "--no-figures"]
    assert run([*common, "--parameter", "carboxylation_capcity=80"]) == 2
    assert "Did you mean 'carboxylation_capacity'?" in capsys.readouterr().err
    assert run([*common, "--parameter", "carboxylation_capacity=8000"]) == 2
    assert "outside 1..300 umol m-2 s-1" in capsys.readouterr().err
    assert run([*common, "--plant", "ENG"]) == 2
    assert "ENF" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
