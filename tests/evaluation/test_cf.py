"""Output files follow CF-1.8 and lose nothing."""

import json
import os

import netCDF4
import numpy as np
import pytest
import xarray as xr

from terraflux.evaluation.cf import VARIABLES, cf_dataset, file_names, write_netcdf


@pytest.fixture
def simulated(make_simulation):
    return make_simulation(days=3)


def failures(path, report):
    """Messages of the CF-1.8 checker."""
    runner = pytest.importorskip("compliance_checker.runner")
    runner.CheckSuite.load_all_available_checkers()
    runner.ComplianceChecker.run_checker(str(path), ["cf:1.8"], 0, "strict", output_filename=str(report),
                                         output_format="json")
    result = json.loads(report.read_text())["cf:1.8"]
    return [message for level in ("high_priorities", "medium_priorities", "low_priorities")
            for check in result[level] if check["value"][0] < check["value"][1] for message in check["msgs"]]


@pytest.mark.parametrize("names", ["alma", "cf", "terraflux"])
def test_files_pass_the_cf_checker(simulated, tmp_path, names):
    path = write_netcdf(simulated, tmp_path / "run.nc", names=names)
    assert failures(path, tmp_path / "report.json") == []


def test_files_without_layers_are_time_series_and_pass_the_checker(simulated, tmp_path):
    path = write_netcdf(simulated.drop_dims("soil"), tmp_path / "run.nc")
    assert failures(path, tmp_path / "report.json") == []
    with xr.open_dataset(path) as made:
        assert made.attrs["featureType"] == "timeSeries"
        assert made["station_id"].attrs["cf_role"] == "timeseries_id"


def test_every_variable_with_a_standard_name_passes_the_checker(simulated, tmp_path):
    whole = simulated.copy()
    time, soil = simulated.sizes["time"], simulated.sizes["soil"]
    for name, variable in VARIABLES.items():
        if variable.standard_name and variable.dimension != "deep":
            layers = {"soil": soil, "snow": 3}.get(variable.dimension)
            dims, values = ("time",), np.ones(time)
            if layers:
                dims, values = ("time", variable.dimension), np.ones((time, layers))
            whole[name] = (dims, values, {"units": variable.unit})
    path = write_netcdf(whole, tmp_path / "run.nc")
    assert failures(path, tmp_path / "report.json") == []


def test_every_unit_of_the_table_is_known_to_udunits():
    units = pytest.importorskip("cf_units")
    for variable in VARIABLES.values():
        assert not units.Unit(variable.unit).is_unknown(), variable.name


def test_alma_files_have_alma_names_and_si_units(simulated, tmp_path):
    with xr.open_dataset(write_netcdf(simulated, tmp_path / "run.nc", precision="float64")) as made:
        assert {"Qle", "Qh", "Qg", "Rnet", "GPP", "NEE", "SoilTemp", "SWE"} <= set(made.data_vars)
        assert made["GPP"].attrs["units"] == "kg m-2 s-1"
        assert made["GPP"].attrs["terraflux_name"] == "gross_primary_production"
        assert made["GPP"].to_numpy() == pytest.approx(1e-3 * simulated["gross_primary_production"].to_numpy())
        assert made["SoilTemp"].to_numpy() == pytest.approx(simulated["soil_temperature"].to_numpy() + 273.15)
        assert made["SoilTemp"].dims == ("time", "soil_depth")


def test_carbon_can_be_written_in_moles(simulated, tmp_path):
    with xr.open_dataset(write_netcdf(simulated, tmp_path / "run.nc", carbon_unit="umol", precision="float64")) as made:
        assert made["NEE"].attrs["units"] == "umol m-2 s-1"
        expected = simulated["net_ecosystem_exchange"].to_numpy() / 12.011 * 1e6
        assert made["NEE"].to_numpy() == pytest.approx(expected)


def test_our_names_keep_our_units_and_every_bit(simulated, tmp_path):
    path = write_netcdf(simulated, tmp_path / "run.nc", names="terraflux", precision="float64")
    with xr.open_dataset(path) as made:
        for name in simulated.data_vars:
            assert np.array_equal(made[name].to_numpy(), simulated[name].to_numpy()), name
        assert np.array_equal(made["time"], simulated["time"])
        assert made["soil_temperature"].attrs["units"] == "degC"


def test_time_and_layers_have_bounds_and_depth_points_down(simulated, tmp_path):
    path = write_netcdf(simulated, tmp_path / "run.nc")
    with netCDF4.Dataset(path) as file:
        assert file["time"].bounds == "time_bnds"
        assert file["time"].units == "seconds since 2005-01-01"
        assert file["time_bnds"][1].tolist() == [1800.0, 3600.0]
        assert file["soil_depth"].positive == "down"
        assert file["soil_depth"].bounds == "soil_bnds"
        assert file["Qle"].cell_methods == "time: mean"
        assert "coordinates" not in file["time_bnds"].ncattrs()


def test_time_can_be_written_in_utc(simulated, tmp_path):
    with xr.open_dataset(write_netcdf(simulated, tmp_path / "run.nc", time_reference="utc")) as made:
        assert made["time"].to_numpy()[0] == np.datetime64("2004-12-31T23:00")
        assert made["time_bnds"].to_numpy()[0, 1] == np.datetime64("2004-12-31T23:30")


def test_missing_values_stay_missing(simulated, tmp_path):
    simulated["latent_heat"][5] = np.nan
    with xr.open_dataset(write_netcdf(simulated, tmp_path / "run.nc")) as made:
        assert np.flatnonzero(made["Qle"].isnull()).tolist() == [5]
    with netCDF4.Dataset(tmp_path / "run.nc") as file:
        assert file["Qle"].getncattr("_FillValue") == np.float32(1e20)


def test_provenance_travels_with_the_file(simulated, tmp_path):
    simulated.attrs |= {"history": ["longwave estimated by brutsaert"], "options": {"stomata": "medlyn"},
                        "synthetic": 1}
    with xr.open_dataset(write_netcdf(simulated, tmp_path / "run.nc", history="terraflux site XX-Tst")) as made:
        assert made.attrs["Conventions"] == "CF-1.8"
        assert f"numpy {np.__version__}" in made.attrs["versions"]
        assert "SYNTHETIC" in made.attrs["title"]
        assert "terraflux site XX-Tst" in made.attrs["history"]
        assert "longwave estimated by brutsaert" in made.attrs["history"]
        assert json.loads(made.attrs["options"]) == {"stomata": "medlyn"}
        assert made.attrs["parameters"] == simulated.attrs["parameters"]
        assert made.attrs["water_closure_mm"] == 1e-12


def test_a_failed_write_leaves_the_old_file_and_no_litter(simulated, tmp_path, monkeypatch):
    path = write_netcdf(simulated, tmp_path / "run.nc")
    before = path.read_bytes()

    def full_disk(self, target, **_):
        with open(target, "wb") as file:
            file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_netcdf(simulated, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.nc"]


def test_two_variables_never_share_a_name():
    fields = ["leaf_area_index", "prescribed_leaf_area_index", "latent_heat"]
    assert file_names(fields, "alma") == {"leaf_area_index": "LAI", "latent_heat": "Qle",
                                          "prescribed_leaf_area_index": "prescribed_leaf_area_index"}
    for names in ("alma", "cf", "terraflux"):
        renamed = file_names(list(VARIABLES), names)
        assert len(set(renamed.values())) == len(VARIABLES)


def test_unknown_choices_and_variables_without_unit_are_refused(simulated, tmp_path):
    for choice in ({"names": "cmip"}, {"precision": "float16"}, {"carbon_unit": "t"}, {"time_reference": "CET"}):
        with pytest.raises(ValueError, match="unknown"):
            write_netcdf(simulated, tmp_path / "run.nc", **choice)
    with pytest.raises(ValueError, match="'mystery' stands not in the variable table"):
        cf_dataset(simulated.assign(mystery=simulated["latent_heat"].drop_attrs()))
    with pytest.raises(ValueError, match="increases"):
        cf_dataset(simulated.isel(time=slice(None, None, -1)))
    assert os.listdir(tmp_path) == []
