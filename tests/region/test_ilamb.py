"""The real ILAMB reads what is exported, and finds the numbers that terraflux finds."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from terraflux.cli.errors import run
from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.ilamb_agreement import agreement_with_ilamb
from terraflux.evaluation.comparison.ilamb_maps import period_total
from terraflux.evaluation.comparison.ilamb_numbers import GLOBAL, PERIOD_MEAN, SIMULATED, ilamb_numbers, on_union
from terraflux.evaluation.comparison.ilamb_study import run_study, write_study
from terraflux.evaluation.comparison.read_product import read_product
from terraflux.evaluation.comparison.regions import regions_of_china
from terraflux.region.export import export_region
from terraflux.region.results import open_results

SCRIPT = Path(__file__).parents[2] / "docs" / "evaluation" / "run_ilamb.py"
VARIABLES = ("gpp", "evspsbl", "snw", "tas", "cVeg")
NOLEAP = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * 2)
TROPICAL_YEAR = 365.242198781


def ilamb_run():
    """Command that starts ILAMB: $TERRAFLUX_ILAMB_RUN, or ilamb-run where ILAMB is installed beside terraflux."""
    named = os.environ.get("TERRAFLUX_ILAMB_RUN")
    if named:
        return [named]
    beside = Path(sys.executable).with_name("ilamb-run")
    if importlib.util.find_spec("ILAMB") is not None and beside.is_file():
        return [beside]
    pytest.skip("ILAMB is not installed; install it in an environment of its own and set TERRAFLUX_ILAMB_RUN to its ilamb-run")


@pytest.fixture(scope="module")
def script():
    """The documented script as a module."""
    spec = importlib.util.spec_from_file_location("run_ilamb", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(script, tmp_path_factory):
    """A folder with a run of two years, its export as MODELS/, and synthetic references as ILAMB_ROOT/."""
    folder = tmp_path_factory.mktemp("ilamb")
    export_region(script.make_run(folder, 6.0, VARIABLES), folder / "MODELS" / "terraflux", variables=VARIABLES)
    script.make_references(folder / "MODELS" / "terraflux", folder / "ILAMB_ROOT")
    return folder


@pytest.fixture(scope="module")
def study(home):
    return write_study(home, home / "ILAMB_ROOT", regions=regions_of_china())


def test_the_real_ilamb_finds_our_numbers(study):
    build = run_study(study, ilamb_run(), timeout=600)
    found = agreement_with_ilamb(study, build, regions_of_china())
    assert sorted(one.variable for one in found) == sorted(VARIABLES)
    for one in found:
        names = {key[1] for key, *_ in one.rows}
        assert {PERIOD_MEAN, "Bias", "Bias Score", "Spatial Distribution Score"} <= names, one.variable
        if one.variable != "cVeg":
            assert {"RMSE", "RMSE Score", "Phase Shift", "Seasonal Cycle Score", "Interannual Variability Score"} <= names
        assert len({key[2] for key, *_ in one.rows}) > 3
        assert one.lacking == [] and one.largest < 1e-5, (one.variable, one.rows[0], one.lacking)
    with pytest.raises(ForcingError, match="the build folder exists"):
        run_study(study, ["true"])


def test_totals_of_an_export_are_those_of_the_run_in_the_conventions_of_ilamb(home):
    path = next((home / "MODELS" / "terraflux").glob("gpp_*.nc"))
    fields = read_product(path, "gpp", name="ours")
    months = open_results(home / "run").totals("monthly", "gross_primary_production")[:, 0]
    expected = float((months * NOLEAP).sum() / NOLEAP.sum()) * 86400.0 * TROPICAL_YEAR * 1e-15
    assert period_total(fields) == pytest.approx(expected, rel=1e-6)
    numbers = ilamb_numbers(fields, fields.named("reference"), totals=True)
    assert numbers[SIMULATED, PERIOD_MEAN, GLOBAL] == pytest.approx(expected, rel=1e-6)
    assert numbers[SIMULATED, "Bias Score", GLOBAL] == pytest.approx(1.0)


def test_exports_have_a_ring_of_empty_cells_so_that_nothing_is_spread_beyond_them(home):
    models = home / "MODELS" / "terraflux"
    with netCDF4.Dataset(next(models.glob("gpp_*.nc"))) as file, netCDF4.Dataset(models / "sftlf.nc") as land:
        there = ~np.ma.getmaskarray(file["gpp"][:]).all(axis=0)
        share = land["sftlf"][:]
        assert file.external_variables == "areacella" and file["gpp"].cell_measures == "area: areacella"
        assert np.array_equal(file["lat_bnds"][1:, 0], file["lat_bnds"][:-1, 1])
    assert there[1].any() and there[-2].any() and there[:, 1].any() and there[:, -2].any()
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert not there[edge].any() and (share[edge] == 0.0).all()


def test_the_configuration_names_references_that_exist_and_regions_that_hold_cells(study):
    text = (study.folder / "ilamb.cfg").read_text()
    assert dict(study.confrontations) == dict.fromkeys(VARIABLES, "SYNTHETIC")
    sources = [line.split('"')[1] for line in text.splitlines() if line.startswith("source")]
    assert len(sources) == len(VARIABLES) and all((study.data / source).is_file() for source in sources)
    assert 'variable = "et"\nalternate_vars = "evspsbl"' in text
    with netCDF4.Dataset(study.folder / "regions.nc") as file:
        assert tuple(file["label"][:]) == study.regions and "tibetan_plateau" in study.regions
        assert set(np.unique(file["region_number"][:].compressed())) == set(range(len(study.regions)))


def test_fields_of_other_extents_are_brought_to_the_cells_of_either(home):
    fields = read_product(next((home / "MODELS" / "terraflux").glob("gpp_*.nc")), "gpp", name="ours")
    reference = home / "ILAMB_ROOT" / "DATA" / "gpp" / "SYNTHETIC" / "gpp.nc"
    part = read_product(reference, "gpp", name="part", box=(85, 125, 25, 45))
    whole, wide = on_union(fields, part)
    assert wide.values.shape == whole.values.shape == fields.values.shape
    assert np.nansum(wide.values) == pytest.approx(np.nansum(part.values))
    assert ilamb_numbers(fields, part) == pytest.approx(ilamb_numbers(whole, wide))


def test_an_export_lays_out_a_study(home, tmp_path, capsys):
    assert run(["region", "export", str(home / "run"), "--ilamb", "--data", str(home / "ILAMB_ROOT"), "--out",
                str(tmp_path / "study"), "--model", "ours", "--variable", "gpp", "--regions", "none"]) == 0
    told = capsys.readouterr().out
    assert "gpp against SYNTHETIC" in told and "ilamb-run --config ilamb.cfg --model_root MODELS --regions global" in told
    assert sorted(path.name for path in (tmp_path / "study" / "MODELS" / "ours").iterdir()) == [
        "areacella.nc", "gpp_Lmon_ours_200001-200112.nc", "sftlf.nc"]
    assert run(["region", "export", str(home / "run"), "--model", "../x"]) == 2


def test_what_is_missing_is_told(home, tmp_path, monkeypatch, capsys):
    with pytest.raises(ForcingError, match="no files of a model"):
        write_study(tmp_path, home / "ILAMB_ROOT")
    shutil.copytree(home / "MODELS", tmp_path / "MODELS")
    with pytest.raises(ForcingError, match="no reference file"):
        write_study(tmp_path, tmp_path)
    monkeypatch.delenv("ILAMB_ROOT", raising=False)
    assert run(["region", "export", str(home / "run"), "--ilamb"]) == 2
    assert "set ILAMB_ROOT" in capsys.readouterr().err
