"""The page is one file, tells everything, and escapes what comes from data."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.evaluation.scores import score_table
from terraflux.report.page import page_html
from terraflux.report.summary import annual_budget, closures, warnings
from terraflux.report.write import write_run


def test_the_page_needs_no_other_file_and_no_network(simulated, observed, forcing, tmp_path):
    text = write_run(simulated, tmp_path, observed, forcing).page.read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 9
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", text)
    assert "@import" not in text
    assert "<script" not in text


def test_data_cannot_inject_markup(simulated, observed, forcing):
    simulated.attrs["site_name"] = "<script>alert(1)</script>"
    simulated.attrs["parameters"] = "</pre><img src=x onerror=alert(1)>"
    forcing.attrs["history"] = ["<b>bold</b>"]
    text = page_html(simulated, observed, forcing, notes=["<i>note</i>"])
    for raw in ("<script", "<img src=x", "<b>bold", "<i>note"):
        assert raw not in text
    assert "&lt;script&gt;" in text


def test_a_synthetic_tower_is_called_so_on_top_and_a_real_one_is_not(simulated):
    assert "SYNTHETIC" not in page_html(simulated)
    simulated.attrs["synthetic"] = 1
    text = page_html(simulated)
    assert "SYNTHETIC TOWER" in text
    assert "(synthetic)" in re.search("<title>(.*)</title>", text)[1]


def test_scores_closures_provenance_and_completions_stand_on_the_page(simulated, observed, forcing):
    text = page_html(simulated, observed, forcing, score_table(simulated, observed))
    assert "1.00e-12" in text
    assert "longwave estimated by brutsaert" in text
    assert "carboxylation_capacity = 50.0" in text
    assert "Gross primary production" in text
    assert "estimated 100.0%" in text
    assert "measured for longwave down (measured 0%, estimated 100%); precipitation (measured 0%, disaggregated 100%)." in text


def test_a_budget_that_does_not_close_is_told_first(simulated):
    simulated.attrs["water_closure_mm"] = 1e-3
    del simulated.attrs["carbon_closure_g_m2"]
    assert [closure.closes for closure in closures(simulated)] == [False, True, True, None]
    said = warnings(simulated)
    assert any(text.startswith("Water does not close: 0.001 mm") for text in said)
    assert "The run does not tell its carbon closure." in said
    assert '<td class="no">NO</td>' in page_html(simulated)


def test_annual_budgets_are_sums_over_whole_years_only():
    time = pd.date_range("2004-01-01", "2006-06-30 12:00", freq="12h")
    run = xr.Dataset({"evapotranspiration": ("time", np.full(time.size, 2.0 / 86400.0), {"units": "kg m-2 s-1"}),
                      "latent_heat": ("time", np.full(time.size, 57.0), {"units": "W m-2"})}, coords={"time": time})
    table = annual_budget(run)
    assert list(table.columns) == ["unit", 2004, 2005]
    assert table.loc["Evapotranspiration", "unit"] == "mm yr-1"
    assert table.loc["Evapotranspiration", 2004] == pytest.approx(2.0 * 366)
    assert table.loc["Evapotranspiration", 2005] == pytest.approx(2.0 * 365)
    assert table.loc["Latent heat", 2005] == pytest.approx(57.0)


def test_a_run_writes_its_files_and_touches_no_other(simulated, observed, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "scores.csv").write_text("old")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "snow.png").write_text("of an earlier run")
    (tmp_path / "figures" / "mine.png").write_text("keep")
    run = write_run(simulated, tmp_path, observed, figures=False)
    names = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["mine.png"]
    assert names == ["mine.txt", "report.html", "scores.csv", "scores.json", "simulation.nc"]
    assert sorted(path.name for path in run.files) == names[1:]
    assert (tmp_path / "mine.txt").read_text() == "keep"
    table = pd.read_csv(tmp_path / "scores.csv")
    assert list(table.columns) == ["variable", "scale", "metric", "value", "n", "unit"]
    scores = json.loads((tmp_path / "scores.json").read_text())
    bias = table.query("variable == 'latent_heat' and scale == 'daily' and metric == 'bias'")["value"].item()
    assert scores["daily"]["latent_heat"]["bias"] == pytest.approx(bias, rel=1e-5)


def test_observations_without_values_are_noted(simulated, observed, tmp_path):
    run = write_run(simulated, tmp_path, observed * np.nan, figures=False)
    assert "No observation has a value to compare with." in run.notes
    assert "No observation has a value to compare with." in run.page.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "scores.json").read_text())["daily"] == {}
