"""Files for PLUMBER2 and modelevaluation.org: one cell, ALMA names and signs, and our own reader takes them."""

import json
import shutil

import netCDF4
import numpy as np
import pytest

from terraflux.drivers.read_plumber import read
from terraflux.evaluation.cf import cf_dataset, write_netcdf
from terraflux.model.constants import CARBON_MOLAR_MASS


@pytest.fixture
def simulated(make_simulation):
    made = make_simulation(days=3)
    time = np.arange(made.sizes["time"])
    for name, values, unit in (("air_temperature", 10.0 + time % 7, "degC"), ("shortwave_down", 100.0 + time % 5, "W m-2"),
                               ("reflected_shortwave", 20.0 + time % 5, "W m-2"), ("longwave_down", 300.0 + time % 3, "W m-2"),
                               ("longwave_up", 350.0 + time % 3, "W m-2"), ("vapour_pressure_deficit", 0.5 + 0.0 * time, "kPa"),
                               ("precipitation", 1e-5 * (time % 4), "kg m-2 s-1")):
        made[name] = ("time", values, {"units": unit})
    return made


@pytest.fixture
def path(simulated, tmp_path):
    return write_netcdf(simulated, tmp_path / "XX-Tst_2005_Met.nc", names="plumber", precision="float64")


def test_a_file_has_one_cell_and_seconds(path, simulated):
    with netCDF4.Dataset(path) as file:
        assert file["Qle"].dimensions == ("time", "y", "x") and file["SoilTemp"].dimensions == ("time", "soil_depth", "y", "x")
        assert file["latitude"].dimensions == ("y", "x")
        assert float(file["latitude"][0, 0]) == simulated.attrs["latitude"]
        assert file["time"].units == "seconds since 2005-01-01" and file["time"][1] == 1800.0
        assert {"latitude", "longitude"} <= set(file["Qle"].coordinates.split())
        assert file.site_code == simulated.attrs["site_id"] and "featureType" not in file.ncattrs()


def test_names_units_and_signs_are_those_of_alma(path, simulated):
    expected = {"Qle": ("latent_heat", 1.0, "W m-2"), "Qh": ("sensible_heat", 1.0, "W m-2"),
                "Rnet": ("net_radiation", 1.0, "W m-2"), "Qg": ("ground_heat_flux", 1.0, "W m-2"),
                "Evap": ("evapotranspiration", 1.0, "kg m-2 s-1"),
                "NEE": ("net_ecosystem_exchange", 1e6 / CARBON_MOLAR_MASS, "umol m-2 s-1"),
                "GPP": ("gross_primary_production", 1e6 / CARBON_MOLAR_MASS, "umol m-2 s-1"),
                "Resp": ("ecosystem_respiration", 1e6 / CARBON_MOLAR_MASS, "umol m-2 s-1")}
    with netCDF4.Dataset(path) as file:
        for name, (ours, factor, unit) in expected.items():
            assert file[name].units == unit
            assert np.asarray(file[name][:, 0, 0]) == pytest.approx(factor * simulated[ours].to_numpy(), rel=1e-12)
        assert file["Tair"].units == "K" and "Reco" not in file.variables
        assert (file["SWnet"][:] == 80.0).all() and file["SWnet"].standard_name == "surface_net_downward_shortwave_flux"
        assert (file["LWnet"][:] == -50.0).all()


def test_the_reader_of_plumber_files_takes_it_back(simulated, tmp_path):
    path = write_netcdf(simulated.drop_dims("soil"), tmp_path / "XX-Tst_2005_Met.nc", names="plumber", precision="float64")
    shutil.copy(path, tmp_path / "XX-Tst_2005_Flux.nc")
    record = read(path)
    assert record.facts["latitude"] == pytest.approx(simulated.attrs["latitude"])
    assert record.facts["site_id"] == simulated.attrs["site_id"]
    assert np.array_equal(record.axis.start, simulated["time"].to_numpy().astype("datetime64[s]"))
    assert record.forcing["air_temperature"].values == pytest.approx(simulated["air_temperature"].to_numpy())
    for name in ("latent_heat", "sensible_heat", "net_radiation", "ground_heat_flux", "net_ecosystem_exchange",
                 "gross_primary_production", "ecosystem_respiration"):
        assert record.observations[name].values == pytest.approx(simulated[name].to_numpy(), abs=1e-9), name


def test_the_file_passes_the_cf_checker(path, tmp_path):
    runner = pytest.importorskip("compliance_checker.runner")
    runner.CheckSuite.load_all_available_checkers()
    passed, errors = runner.ComplianceChecker.run_checker(str(path), ["cf:1.8"], 0, "strict",
                                                          output_filename=str(tmp_path / "cf.json"), output_format="json")
    result = json.loads((tmp_path / "cf.json").read_text())["cf:1.8"]
    messages = [message for level in ("high_priorities", "medium_priorities", "low_priorities")
                for check in result[level] if check["value"][0] < check["value"][1] for message in check["msgs"]]
    assert messages == [] and passed and not errors


def test_a_simulation_of_nowhere_is_refused(simulated):
    del simulated.attrs["longitude"]
    with pytest.raises(ValueError, match="no attribute 'longitude'"):
        cf_dataset(simulated, "plumber")
