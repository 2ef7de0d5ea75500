"""`terraflux compare`: what it writes, and what it says of bad input."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from terraflux.cli.errors import run

DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def product(path, first=1995, years=12, cell=1.0, trend=0.0, seed=0, units="gC m-2 d-1", title="", calendar="noleap"):
    """A made-up monthly product with bounds."""
    generator = np.random.default_rng(seed)
    latitude, longitude = 30.0 + cell * (np.arange(int(6 / cell)) + 0.5), 100.0 + cell * (np.arange(int(8 / cell)) + 0.5)
    edges = np.concatenate([[0], np.cumsum(np.tile(DAYS, years))])
    month = np.arange(12 * years)
    level = 2.0 + 0.1 * (latitude - 30.0)[:, None] + 0.1 * (longitude - 100.0)
    values = level * (1.0 - 0.8 * np.cos(2 * np.pi * month / 12))[:, None, None] + trend * (month // 12)[:, None, None]
    values = values + generator.normal(0.0, 0.1, (12 * years, 1, 1)) + generator.normal(0.0, 0.05, values.shape)
    with netCDF4.Dataset(path, "w") as file:
        file.title = title
        for dim, size in (("time", month.size), ("lat", latitude.size), ("lon", longitude.size), ("nv", 2)):
            file.createDimension(dim, size)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar, time.bounds = f"days since {first}-01-01", calendar, "time_bnds"
        time[:] = 0.5 * (edges[:-1] + edges[1:])
        file.createVariable("time_bnds", "f8", ("time", "nv"))[:] = np.stack([edges[:-1], edges[1:]], axis=1)
        for name, axis, unit in (("lat", latitude, "degrees_north"), ("lon", longitude, "degrees_east")):
            file.createVariable(name, "f8", (name,))[:] = axis
            file[name].units = unit
        file.createVariable("gpp", "f4", ("time", "lat", "lon"))[:] = values
        file["gpp"].units = units
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Three made-up products."""
    ours = product(tmp_path / "ours.nc", cell=0.5, trend=0.03, title="Synthetic nation")
    return [f"ours={ours}", f"other={product(tmp_path / 'other.nc', seed=1, first=1994)}",
            f"MTE={product(tmp_path / 'mte.nc', seed=2, years=14)}"]


def table(path):
    """Rows of a CSV file."""
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everything_is_written_and_agrees(files, tmp_path, capsys):
    out = tmp_path / "out"
    border = tmp_path / "border.geojson"
    border.write_text(json.dumps({"type": "Feature", "properties": {"name": "Land"}, "geometry": {
        "type": "Polygon", "coordinates": [[[100, 30], [108, 30], [108, 35], [100, 35], [100, 30]]]}}))
    assert run(["compare", *files, "--out", str(out), "--boundary", str(border)]) == 0
    told = capsys.readouterr().out
    assert "Southwest" in told and "note: SYNTHETIC: ours" in told and "comparison.html" in told
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert "SYNTHETIC: ours is no observation" in page and page.count("data:image/png;base64") == 11
    assert "http://" not in page.replace("http://www.w3.org", "") and "src=\"http" not in page
    for name in ("series", "mean_maps", "difference_maps", "trend_maps", "taylor_pattern", "taylor_series", "zonal", "cycles",
                 "regions", "agreement_1", "agreement_2"):
        assert (out / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    regions = table(out / "regions.csv")
    assert len(regions) == len(content["regional"]) and content["synthetic"] == ["ours"]
    assert float(regions[0]["total"]) == pytest.approx(content["regional"][0]["total"], rel=1e-12)
    years = [row for row in table(out / "years.csv") if row["ground"] == "own" and row["product"] == "ours"
             and row["region"] == "all"]
    assert np.mean([float(row["total"]) for row in years]) == pytest.approx(float(regions[0]["total"]))
    assert {row["product"] for row in table(out / "agreement.csv")} == {"ours", "other"}
    assert len(table(out / "zonal.csv")) == 18 and table(out / "trend_differences.csv") and table(out / "variability.csv")
    with netCDF4.Dataset(out / "maps.nc") as maps:
        assert maps["trend_slope"].shape == (3, 6, 8) and maps.synthetic == 1
        assert maps["trend_slope"][0].mean() == pytest.approx(0.03 * 365.0, rel=0.2)
        assert maps["bias"][2].mask.all() and not maps["bias"][0, :5].mask.any()


def test_maps_follow_the_conventions(files, tmp_path):
    assert run(["compare", *files, "--out", str(tmp_path / "out"), "--no-figures"]) == 0
    pytest.importorskip("compliance_checker")
    checker = Path(sys.executable).with_name("compliance-checker")
    check = subprocess.run([str(checker), "--test=cf:1.8", str(tmp_path / "out" / "maps.nc")], capture_output=True, text=True)
    assert check.returncode == 0 and "All tests passed" in check.stdout, check.stdout


def test_a_second_run_leaves_nothing_of_the_first(files, tmp_path):
    out = tmp_path / "out"
    assert run(["compare", *files, "--out", str(out)]) == 0
    assert run(["compare", files[0], "--out", str(out), "--no-figures", "--regions", "none"]) == 0
    assert not list((out / "figures").glob("*.png")) and not (out / "agreement.csv").exists()
    assert (out / "regions.csv").is_file()


def test_years_box_and_reference_are_taken(files, tmp_path):
    out = tmp_path / "out"
    assert run(["compare", *files, "--out", str(out), "--years", "1996-2005", "--box", "101,107,30,35", "--reference", "other",
                "--no-figures", "--regions", "none", "--area", "wgs84"]) == 0
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert content["reference"] == "other" and content["cell_area"] == "wgs84"
    assert {(row["first_year"], row["years"]) for row in content["regional"]} == {(1996, 10)}
    assert content["common"].startswith("1996-01 to 2005-12, 1 x 1 degrees, 5 x 6 cells")


def test_factorial_runs_give_a_table_of_effects(tmp_path):
    words = [f"{name}={product(tmp_path / f'{name}.nc', trend=slope, seed=5)}"
             for name, slope in (("co2+climate", 0.05), ("co2", 0.03), ("climate", 0.02), ("none", 0.0))]
    assert run(["compare", *words, "--factorial", "--no-figures", "--regions", "none", "--out", str(tmp_path / "out")]) == 0
    told = {row["factor"]: float(row["effect"]) for row in table(tmp_path / "out" / "attribution.csv")}
    assert told == pytest.approx({"co2": 0.03 * 365, "climate": 0.02 * 365, "closure": 0.0}, abs=0.2)
    assert "What makes the trend?" in (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")


def test_rasters_and_tables_meet(files, tmp_path):
    for year in range(1995, 2007):
        values = np.full((6, 8), 8000 + 10 * (year - 1995), dtype="uint16")
        with rasterio.open(tmp_path / f"MOD17A3HGF_Gpp_500m_doy{year}001.tif", "w", driver="GTiff", height=6, width=8, count=1,
                           dtype="uint16", crs="EPSG:4326", transform=from_origin(100.0, 36.0, 1.0, 1.0)) as file:
            file.write(values, 1)
    words = [files[0], f"MOD17={tmp_path}/MOD17A3HGF_*.tif", "--product-option", "MOD17.profile=mod17a3"]
    assert run(["compare", *words, "--out", str(tmp_path / "out"), "--no-figures", "--regions", "none"]) == 0
    rows = {row["product"]: row for row in table(tmp_path / "out" / "regions.csv") if row["ground"] == "common"}
    assert float(rows["MOD17"]["mean"]) == pytest.approx(805.5, rel=1e-3)
    assert float(rows["MOD17"]["trend"]) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(("words", "message"), [
    (["ours=missing.nc"], "the file does not exist"),
    (["ours=*.none"], "no file matches"),
    (["{0}", "{0}"], "is given twice"),
    (["{0}", "--reference", "MTR"], "reference 'MTR' is none of ours"),
    (["{0}", "--variable", "gpq"], "quantity 'gpq' is unknown"),
    (["{0}", "--variable", "et"], "no evapotranspiration that is known by name"),
    (["{0}", "--product-option", "ours.profil=mte"], "did you mean 'profile'"),
    (["{0}", "--product-option", "mine.profile=mte"], "there is no product 'mine'"),
    (["{0}", "--product-option", "profile"], "not of the form NAME.KEY=VALUE"),
    (["{0}", "--product-option", "ours.least_share=half"], "is not a number"),
    (["{0}", "--product-option", "ours.resolution=1"], "a resolution belongs to rasters"),
    (["{0}", "--box", "1,2,3"], "not west,east,south,north"),
    (["{0}", "--years", "1900-1910"], "has nothing between"),
    (["{0}", "--regions", "nowhere.geojson"], "the file does not exist"),
    (["{0}", "--boundary-name", "Land"], "--boundary-name needs --boundary"),
    (["{0}", "--area", "flat"], "method 'flat'"),
    (["a=x_doy2001001.tif"], "rasters are read by their profile"),
])
def test_bad_words_are_told_in_one_sentence(words, message, files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = run(["compare", *(word.format(files[0]) for word in words), "--out", str(tmp_path / "out"), "--no-figures"])
    assert code == 2 and message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_products_without_common_months_are_refused_by_name(tmp_path, capsys):
    words = [f"a={product(tmp_path / 'a.nc')}", f"b={product(tmp_path / 'b.nc', first=2015)}"]
    assert run(["compare", *words, "--out", str(tmp_path / "out")]) == 2
    assert "no month in common: a 1995-01 to 2006-12; b 2015-01 to 2026-12" in " ".join(capsys.readouterr().err.split())


def test_names_from_files_are_escaped_on_the_page(files, tmp_path):
    assert run(["compare", files[0].replace("ours=", "<b>x</b>="), "--out", str(tmp_path / "out"), "--no-figures"]) == 0
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert "<b>x</b>" not in page and "&lt;b&gt;x&lt;/b&gt;" in page
