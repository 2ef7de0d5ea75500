"""Every file format gives back what was written, and says what is wrong with it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.drivers import open_tower
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FILLED_GOOD, FILLED_MEDIUM, FILLED_POOR, MEASURED
from terraflux.drivers.read_subset import read_monthly


def assert_close(found, expected, **tolerance):
    np.testing.assert_allclose(found, expected, **({"rtol": 1e-5, "atol": 1e-6} | tolerance))


@pytest.fixture
def assert_same_weather(tower):
    """Check that forcing equals what was written, to the rounding of the file."""
    def check(found):
        for name in ("shortwave_down", "longwave_down", "air_temperature", "vapour_pressure", "air_pressure",
                     "wind_speed", "carbon_dioxide"):
            assert_close(found.forcing[name], tower.forcing[name], rtol=2e-4, atol=1e-4)
        assert_close(found.forcing.precipitation, tower.forcing.precipitation, atol=1e-9)
        assert np.array_equal(found.forcing.time, tower.forcing.time)
        assert_close(found.forcing.cosine_zenith, tower.forcing.cosine_zenith, atol=1e-12)
        seen = np.isfinite(tower.observations.latent_heat.values)
        assert np.array_equal(seen, np.isfinite(found.observations.latent_heat.values))
        assert_close(found.observations.latent_heat.values[seen], tower.observations.latent_heat.values[seen], atol=1e-4)
        assert_close(np.nanmean(found.observations.net_ecosystem_exchange),
              np.nanmean(tower.observations.net_ecosystem_exchange), atol=1e-10)
    return check


def test_fluxnet_reads_back(write_fluxnet, facts, assert_same_weather):
    found = open_tower(write_fluxnet(), site=facts)
    assert_same_weather(found)
    assert found.site.site_id == "XX-Tst" and found.forcing.attrs["leaf_area_option"] == "growing_season_water"


def test_fluxnet_flags_become_provenance(write_fluxnet, facts):
    flags = np.arange(2928) % 4
    found = open_tower(write_fluxnet(lambda table: table.assign(TA_F_QC=flags, NEE_VUT_REF_QC=flags)), site=facts)
    expected = np.array([MEASURED, FILLED_GOOD, FILLED_MEDIUM, FILLED_POOR])[flags]
    assert np.array_equal(found.forcing.air_temperature_provenance, expected)
    assert np.array_equal(found.observations.gross_primary_production_quality, flags)
    assert (found.forcing.wind_speed_provenance == MEASURED).all()


def test_hourly_fluxnet_has_its_step(write_fluxnet, facts, table):
    hourly = write_fluxnet(lambda frame: frame.iloc[::2], "FLX_XX-Tst_FLUXNET2015_FULLSET_HR_2021-2021_1-4.csv")
    found = open_tower(hourly, site=facts, completion={"clock": "trust"})
    assert found.forcing.attrs["time_step_seconds"] == 3600
    assert_close(found.forcing.precipitation[::1].values, table["P_F"].to_numpy()[::2] / 3600.0, atol=1e-9)


@pytest.mark.parametrize("column", ["TA_F", "SW_IN_F", "VPD_F", "TIMESTAMP_START"])
def test_fluxnet_names_the_missing_column(write_fluxnet, facts, column):
    with pytest.raises(ForcingError, match=column):
        open_tower(write_fluxnet(lambda table: table.drop(columns=column)), format="fluxnet", site=facts)


def test_daily_fluxnet_is_refused(tmp_path, facts):
    path = tmp_path / "FLX_XX-Tst_FLUXNET2015_FULLSET_DD_2021-2021_1-4.csv"
    path.write_text("TIMESTAMP,TA_F,TA_F_QC\n20210101,3.0,0.9\n20210102,4.0,1.0\n")
    with pytest.raises(ForcingError, match="daily"):
        open_tower(path, format="fluxnet", site=facts)


def test_plumber_reads_back(write_plumber, facts, assert_same_weather, tower):
    found = open_tower(write_plumber(), site=facts)
    assert_same_weather(found)
    assert_close(found.forcing.prescribed_leaf_area_index, tower.forcing.prescribed_leaf_area_index, rtol=1e-6)
    assert np.array_equal(np.unique(found.forcing.air_temperature_provenance), [0, 1, 2, 3])
    assert np.array_equal(np.unique(found.observations.latent_heat_quality), [0, 1])
    assert found.forcing.attrs["leaf_area_option"] == "prescribed"


def test_plumber_without_units_humidity_or_offset_is_refused(write_plumber, facts):
    def unitless(dataset):
        del dataset["Wind"].attrs["units"]
        return dataset
    with pytest.raises(ForcingError, match="Wind has no units"):
        open_tower(write_plumber(unitless), site=facts)
    with pytest.raises(ForcingError, match="no humidity"):
        open_tower(write_plumber(lambda dataset: dataset.drop_vars("Qair")), site=facts)
    with pytest.raises(ForcingError, match="utc_offset_hours"):
        open_tower(write_plumber(), site={"plant_type": "MF"})
    with pytest.raises(ForcingError, match="no time"):
        open_tower(write_plumber(lambda dataset: dataset.drop_vars("time")), site=facts)


def test_ameriflux_reads_back(tmp_path, table, facts, assert_same_weather):
    renamed = table.rename(columns={
        "TA_F": "TA_1_1_1", "SW_IN_F": "SW_IN_1_1_1", "LW_IN_F": "LW_IN", "VPD_F": "VPD_PI", "PA_F": "PA", "P_F": "P",
        "WS_F": "WS_1_1_1", "CO2_F_MDS": "CO2_1_1_1", "LE_F_MDS": "LE", "H_F_MDS": "H", "G_F_MDS": "G_1_1_A",
        "NEE_VUT_REF": "NEE_PI", "GPP_NT_VUT_REF": "GPP_PI", "SWC_F_MDS_1": "SWC_1_1_1"})
    renamed = renamed.assign(TA_1_2_1=renamed["TA_1_1_1"].where(np.arange(len(renamed)) % 3 > 0) + 1.0)
    path = tmp_path / "AMF_XX-Tst_BASE_HH_1-5.csv"
    path.write_text("# Site: XX-Tst\n# Version: 1-5\n" + renamed.round(6).fillna(-9999).to_csv(index=False))
    found = open_tower(path, site=facts)
    assert_same_weather(found)
    assert "air_temperature from TA_1_1_1" in found.forcing.attrs["history"]


def test_ameriflux_filled_columns_are_flagged(tmp_path, table, facts):
    renamed = table.rename(columns=lambda name: name.replace("_F_MDS", "").replace("_VUT_REF", ""))
    renamed = renamed.rename(columns={"TA_F": "TA_PI_F", "SW_IN_F": "SW_IN", "LW_IN_F": "LW_IN", "VPD_F": "VPD",
                                      "PA_F": "PA", "P_F": "P", "WS_F": "WS"})
    path = tmp_path / "AMF_XX-Tst_BASE_HH_1-5.csv"
    path.write_text("# Site: XX-Tst\n# Version: 1-5\n" + renamed.round(6).fillna(-9999).to_csv(index=False))
    found = open_tower(path, site=facts)
    assert (found.forcing.air_temperature_provenance == FILLED_MEDIUM).all()
    assert (found.forcing.shortwave_down_provenance == MEASURED).all()


@pytest.fixture
def plain(tmp_path, table):
    """The table as a plain CSV."""
    path = tmp_path / "plain.csv"
    table.round(6).fillna(-9999).to_csv(path, index=False)
    return path


def test_mapped_csv_reads_back(plain, facts, assert_same_weather, mapping):
    found = open_tower(plain, format="mapped_csv", site=facts, mapping=mapping())
    assert_same_weather(found)
    assert found.forcing.attrs["time_step_seconds"] == 1800


def test_mapped_csv_in_universal_time_reads_back(plain, facts, table, assert_same_weather, mapping):
    stamps = pd.to_datetime(table["TIMESTAMP_START"], format="%Y%m%d%H%M") - pd.Timedelta("1h")
    table.assign(UTC=stamps.dt.strftime("%Y-%m-%d %H:%M")).round(6).fillna(-9999).to_csv(plain, index=False)
    clock = {"stamp": "UTC", "marks": "start", "utc_offset_hours": 0}
    found = open_tower(plain, format="mapped_csv", site=facts, mapping=mapping(time=clock))
    assert_same_weather(found)
    first = pd.to_datetime(table["TIMESTAMP_START"].iloc[0], format="%Y%m%d%H%M")
    assert pd.Timestamp(found.forcing.time.values[0]) == first  # back on the clock of the site


def test_mapped_csv_with_calendar_columns_reads_back(plain, facts, table, assert_same_weather, mapping):
    stamps = pd.to_datetime(table["TIMESTAMP_END"], format="%Y%m%d%H%M")
    columns = {"y": stamps.dt.year, "doy": stamps.dt.day_of_year, "h": stamps.dt.hour + stamps.dt.minute / 60.0}
    table.assign(**columns).round(6).fillna(-9999).to_csv(plain, index=False)
    clock = {"year": "y", "day_of_year": "doy", "hour": "h", "marks": "end"}
    found = open_tower(plain, format="mapped_csv", site=facts, mapping=mapping(time=clock))
    assert_same_weather(found)
    first = pd.to_datetime(table["TIMESTAMP_START"].iloc[0], format="%Y%m%d%H%M")
    assert pd.Timestamp(found.forcing.time.values[0]) == first  # the end of an interval is not its stamp


@pytest.mark.parametrize(("change", "message"), [
    ({"time": {"stamp": "TIMESTAMP_END"}}, 'marks = "start" or marks = "end"'),
    ({"time": {"stamp": "TIMESTAMP_ENT", "marks": "end"}}, "did you mean 'TIMESTAMP_END'"),
    ({"forcing": {"air_temprature": {"column": "TA_F", "unit": "degC"}}}, "did you mean 'air_temperature'"),
    ({"forcing": {"air_temperature": {"colum": "TA_F", "unit": "degC"}}}, "did you mean 'column'"),
    ({"forcing": {"air_temperature": {"column": "TA_F"}}}, "needs a unit"),
    ({"forcing": {"air_temperature": {"column": "TAF", "unit": "degC"}}}, "did you mean 'TA_F'"),
    ({"forcing": {"air_temperature": {"column": "TA_F", "unit": "deg"}}}, "not understood"),
    ({"files": ["../plain.csv"]}, "leads out"), ({"file": "plain.csv"}, "did you mean 'files'"),
])
def test_mistakes_in_a_mapping_are_named(plain, facts, change, message, mapping):
    with pytest.raises(ForcingError, match=message):
        open_tower(plain, format="mapped_csv", site=facts, mapping=mapping(**change))


def test_two_measures_of_humidity_are_refused(plain, facts, mapping):
    forcing = mapping()["table"][0]["forcing"] | {"vapour_pressure": {"column": "PA_F", "unit": "kPa"}}
    with pytest.raises(ForcingError, match="several forms of humidity"):
        open_tower(plain, format="mapped_csv", site=facts, mapping=mapping(forcing=forcing))
    forcing = {key: value for key, value in mapping()["table"][0]["forcing"].items() if "vapour" not in key}
    with pytest.raises(ForcingError, match="no humidity"):
        open_tower(plain, format="mapped_csv", site=facts, mapping=mapping(forcing=forcing))


def test_format_is_detected_or_asked_for(write_fluxnet, write_plumber, tmp_path, facts):
    assert open_tower(write_fluxnet(), site=facts).site.site_id == "XX-Tst"
    write_plumber()
    with pytest.raises(ForcingError, match="ambiguous"):
        open_tower(tmp_path, site=facts)
    with pytest.raises(ForcingError, match="did you mean 'fluxnet'"):
        open_tower(tmp_path, format="fluxnett", site=facts)
    (tmp_path / "what.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(ForcingError, match="not recognised"):
        open_tower(tmp_path / "what.csv", site=facts)


def test_datasets_hold_to_the_contract(write_fluxnet, facts):
    found = open_tower(write_fluxnet(), site=facts)
    from terraflux.model.variables import FORCING
    for variable in FORCING:
        one = found.forcing[variable.name]
        assert one.dtype == np.float64 and one.dims == ("time",) and one.attrs["units"] == variable.unit
        assert np.isfinite(one.values).all()
        assert one.values.min() >= variable.bounds[0] and one.values.max() <= variable.bounds[1]
        flags = found.forcing[f"{variable.name}_provenance"]
        assert flags.dtype == np.int8 and flags.attrs["flag_meanings"].split()[0] == "measured"
    step = np.timedelta64(1800, "s")
    assert ((found.forcing.time_bnds[:, 1] - found.forcing.time_bnds[:, 0]) == step).all()
    assert (found.forcing.time_bnds[:, 0] == found.forcing.time).all()
    for key in ("site_id", "latitude", "longitude", "elevation", "utc_offset_hours", "time_step_seconds",
                "source_files", "history"):
        assert key in found.forcing.attrs
    assert found.forcing.attrs["synthetic"] == 0 and not found.synthetic


def test_datasets_can_be_stored_and_read_back(write_fluxnet, facts, tmp_path):
    found = open_tower(write_fluxnet(), site=facts)
    found.forcing.to_netcdf(tmp_path / "forcing.nc")
    with xr.open_dataset(tmp_path / "forcing.nc") as again:
        for name in ("air_temperature", "shortwave_down", "photoperiod"):
            assert np.array_equal(again[name], found.forcing[name])
        assert np.array_equal(again.time, found.forcing.time)


def test_a_monthly_flux_needs_half_of_its_data(tmp_path):
    """Unless the file does not say; weather is kept, for it completes forcing."""
    path = tmp_path / "XX-Tst_monthly.csv"
    path.write_text("TIMESTAMP,TA_F,LE_F_MDS,LE_F_MDS_QC,H_F_MDS,H_CORR\n"
                    "202101,-3.0,5.0,0.49,-20.0,-25.0\n202102,1.0,20.0,0.5,-9999,40.0\n", encoding="utf-8")
    found = read_monthly(path)
    assert np.isnan(found["latent_heat"].iloc[0]) and found["latent_heat"].iloc[1] == pytest.approx(20.0)
    assert found["sensible_heat"].iloc[0] == pytest.approx(-20.0) and np.isnan(found["sensible_heat"].iloc[1])
    assert np.isnan(found["sensible_heat_corrected"].iloc[0])
    assert found["sensible_heat_corrected"].iloc[1] == pytest.approx(40.0)
    assert found["air_temperature"].tolist() == pytest.approx([-3.0, 1.0])
