"""CalLMIP files: read with their uncertainties, written as the protocol's template."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.callmip import (
    MICROMOLES_PER_GRAM_DAY,
    VARIABLES,
    callmip_name,
    callmip_observations,
    write_callmip,
)
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import Problem, StreamChoice
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.synthetic_tower import synthetic_tower

FIRST, DAYS = "2021-06-01", 14
STREAMS = [StreamChoice(name, average="day") for name in ("NEE", "LE", "H")]


@pytest.fixture(scope="module")
def tower():
    return synthetic_tower("forest").between(FIRST, "2021-06-14")


@pytest.fixture
def daily_file(tmp_path, tower):
    """Daily fluxes with a missing value, a missing uncertainty and a day before the forcing, in the form of the project."""
    def write(units="gC/m2/d", site=tower.site.site_id, leave_out=""):
        days = DAYS + 1
        path = tmp_path / "daily.nc"
        columns = {"NEE": (units, -3.0), "Qle": ("W/m2", 80.0), "Qh": ("W/m2", 40.0)}
        with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as file:
            file.createDimension("time", days)
            file.site_code = site
            time = file.createVariable("time", "f8", ("time",))
            time.units, time.calendar = "seconds since 2021-05-31 00:00:00", "standard"
            time[:] = np.arange(days) * 86400.0
            for name, (unit, level) in columns.items():
                for suffix, values in (("daily", level + 0.1 * np.arange(days)), ("uc_daily", np.full(days, 0.1 * abs(level)))):
                    if f"{name}_{suffix}" == leave_out:
                        continue
                    one = file.createVariable(f"{name}_{suffix}", "f4", ("time",), fill_value=1e20)
                    one.units = unit
                    one[:] = np.where(np.arange(days) == (3 if suffix == "daily" else 5), 1e20, values)
        return path

    return write


def test_days_come_with_the_values_and_uncertainties_of_the_file(daily_file, tower):
    observed = callmip_observations(daily_file(), tower)
    columns = tower_columns(tower, spin_up_cycles=0)
    target = TowerProblem(Problem([ParameterRow("carboxylation_capacity")], STREAMS, [2021]), columns, observations=observed)
    kept = np.setdiff1d(np.arange(1, DAYS + 1), [3, 5])
    for stream, level, factor in zip(target.streams, (-3.0, 80.0, 40.0), (MICROMOLES_PER_GRAM_DAY, 1.0, 1.0), strict=True):
        np.testing.assert_array_equal(stream.when, np.datetime64("2021-05-31") + kept)
        np.testing.assert_allclose(stream.observed, (level + 0.1 * kept) * factor, rtol=1e-6)
        np.testing.assert_allclose(stream.sigma, 0.1 * abs(level) * factor, rtol=1e-6)
        predicted = target.predict(target.space.default_control()[None])[0, target.parts[stream.name]]
        assert np.isfinite(predicted).all()


def test_a_gram_of_carbon_a_day_is_so_many_micromoles():
    assert pytest.approx(0.9645, abs=1e-4) == MICROMOLES_PER_GRAM_DAY


def test_files_that_do_not_fit_are_refused_by_name(daily_file, tower):
    with pytest.raises(ForcingError, match="NEE_daily"):
        callmip_observations(daily_file(units="kg m-2 s-1"), tower)
    with pytest.raises(ForcingError, match="Qle_uc_daily"):
        callmip_observations(daily_file(leave_out="Qle_uc_daily"), tower)
    with pytest.raises(ProblemError, match="is of DK-Sor, the tower is SYN-For"):
        callmip_observations(daily_file(site="DK-Sor"), tower)
    late = synthetic_tower("forest", year=2023).between("2023-01-01", "2023-01-02")
    with pytest.raises(ProblemError, match="forcing of the same years"):
        callmip_observations(daily_file(), late)


def test_names_follow_the_protocol():
    assert callmip_name("terraflux.v1", 2, "DK-Sor", "Val", "Posterior") == "terraflux.v1_Phase1b_Scen2_DK-Sor_Val_Posterior.nc"
    for wrong in (("terraflux", 1, "DK-Sor", "Cal", "Prior"), ("a.b", 0, "DK-Sor", "Cal", "Prior"),
                  ("a.b", 1, "../x", "Cal", "Prior"), ("a.b", 1, "DK-Sor", "cal", "Prior"),
                  ("a.b", 1, "DK-Sor", "Cal", "Map")):
        with pytest.raises(ProblemError):
            callmip_name(*wrong)


@pytest.fixture(scope="module")
def written(tower, tmp_path_factory):
    columns = tower_columns(tower, spin_up_cycles=1)
    target = TowerProblem(Problem([ParameterRow("carboxylation_capacity")], [StreamChoice("NEE")], [2021]), columns, threads=1)
    draws = target.space.default_control() + np.array([[-0.3], [0.0], [0.3]])
    folder = tmp_path_factory.mktemp("callmip")
    return (write_callmip(target, folder, scenario=1, period="Cal", stage="Prior"),
            write_callmip(target, folder, scenario=1, period="Cal", stage="Posterior", draws=draws, model="terraflux.v9"))


def test_written_fluxes_balance_and_keep_their_signs(written):
    prior, posterior = (xr.open_dataset(path, drop_variables=["lat", "lon"]) for path in written)
    assert written[1].name == "terraflux.v9_Phase1b_Scen1_SYN-For_Cal_Posterior.nc"
    assert prior["nep"].shape == (DAYS, 1, 1)
    assert str(prior["time"].values[0])[:10] == FIRST
    np.testing.assert_allclose(prior["nep"], prior["gpp"] - prior["reco"], atol=1e-12)
    assert float(prior["gpp"].min()) >= 0.0
    assert 250.0 < float(prior["ts"].mean()) < 310.0
    assert (prior["mrsos"] < prior["mrso"]).all()
    assert not np.array_equal(prior["gpp"], posterior["gpp"])
    assert posterior.attrs["draws"] == "3 (0 failed)"
    assert posterior.attrs["Calibration_stage"] == "Posterior"


def test_validation_needs_years(written, tower):
    target = TowerProblem(Problem([ParameterRow("carboxylation_capacity")], [StreamChoice("NEE")], [2021]),
                          tower_columns(tower, spin_up_cycles=0))
    with pytest.raises(ProblemError, match="give years"):
        write_callmip(target, ".", scenario=1, period="Val", stage="Prior")


@pytest.mark.real_data
def test_output_has_the_variables_units_and_attributes_of_the_template(written, shared_data):
    template = shared_data / "references" / "callmip" / "template_CLASSIC.v2_Phase1b_Scen1_DK-Sor_Cal_Prior.nc"
    with netCDF4.Dataset(template) as wanted, netCDF4.Dataset(written[0]) as made:
        assert made.data_model == wanted.data_model
        assert set(made.variables) == set(wanted.variables)
        assert set(made.dimensions) == set(wanted.dimensions)
        for name, one in wanted.variables.items():
            mine = made[name]
            assert mine.dimensions == one.dimensions, name
            assert mine.dtype == one.dtype, name
            if "units" in one.ncattrs() and name != "time":
                assert mine.units == one.units.strip("\u200b"), name
            if "_FillValue" in one.ncattrs():
                assert mine._FillValue == one._FillValue
        assert made["time"].units.split(" since ")[0] == wanted["time"].units.split(" since ")[0]
        assert made["time"].calendar == wanted["time"].calendar
        assert made["time"][0] == wanted["time"][0]
        for name in ("Model", "CalLMIP_Phase", "Calibration_Scenario", "Calibration_stage", "Cal_Val"):
            assert name in made.ncattrs(), name
        for name in ("CalLMIP_Phase", "Calibration_Scenario", "Calibration_stage", "Cal_Val"):
            assert made.getncattr(name) == wanted.getncattr(name), name
        # the same quantities: of the size of those of another model of a temperate forest
        for one in VARIABLES:
            ratio = float(np.abs(made[one.name][:]).max() / np.abs(wanted[one.name][:]).max())
            assert 0.05 < ratio < 20.0, (one.name, ratio)
    assert template.name.removeprefix("template_").split("_")[1:] == written[0].name.replace("SYN-For", "DK-Sor").split("_")[1:]


@pytest.mark.real_data
def test_all_files_of_the_project_are_read(shared_data):
    import terraflux

    folder = shared_data / "references" / "callmip"
    for site in ("DK-Sor", "CA-Qfo"):
        path = next(folder.glob(f"{site}_daily*.nc"))
        tower = terraflux.open_tower(shared_data / "towers" / site, first="2005-01-01", last="2005-12-31")
        observed = callmip_observations(path, tower)
        with xr.open_dataset(path) as raw:
            year = raw.sel(time="2005")
            count = int((np.isfinite(year["NEE_daily"]) & (year["NEE_uc_daily"] > 0)).sum())
            mean = float(year["NEE_daily"].where(np.isfinite(year["NEE_uc_daily"])).mean())
        used = observed["net_ecosystem_exchange"].values.reshape(365, -1)
        assert int(np.isfinite(used).all(axis=1).sum()) == count > 100
        assert np.nanmean(used) / MICROMOLES_PER_GRAM_DAY == pytest.approx(mean, rel=1e-5)
