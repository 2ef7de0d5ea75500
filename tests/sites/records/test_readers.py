"""Every reader gives the numbers of its file under our names, on interval starts, in the stated units."""

import numpy as np
import pandas as pd
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records import FORMATS, detect_format, read_record
from terraflux.sites.records.variables import TOWER_VARIABLES, converted, unit_key


def same(left, right):
    return np.array_equal(np.asarray(left, dtype=float), np.asarray(right, dtype=float), equal_nan=True)


def test_fluxnet_half_hours_come_bit_for_bit_with_codes(fluxnet_file, weather):
    record = read_record(fluxnet_file())
    assert (record.format, record.resolution, record.step_seconds, record.site_id) == ("fluxnet", "HH", 1800, "DE-Tha")
    assert record.utc_offset_hours == 1.0 and record.facts["measurement_height"] == 42.0
    assert np.array_equal(record.time, weather["start"].to_numpy().astype("datetime64[s]"))
    assert same(record.values("net_ecosystem_exchange"), weather["nee"])
    assert same(record.quality("net_ecosystem_exchange"), weather["flag"])
    assert record.quality_sense("net_ecosystem_exchange") == "fluxnet_code"
    assert same(record.quality("gross_primary_production"), weather["flag"])
    assert np.array_equal(record.measured("air_temperature"), weather["flag"] == 0)
    assert same(record.values("vapour_pressure_deficit", "kPa"), weather["vpd"] * 0.1)
    assert same(record.source["TA_ERA"], weather["ta"] + 0.1)


def test_hourly_fluxnet_is_told_from_its_stamps(tmp_path, as_csv):
    start = pd.date_range("2020-02-28", periods=72, freq="60min")
    path = tmp_path / "FLX_US-MMS_FLUXNET2015_SUBSET_HR_2020-2020_1-4.csv"
    path.write_text(as_csv({"TIMESTAMP_START": start.strftime("%Y%m%d%H%M"),
                            "TIMESTAMP_END": (start + pd.Timedelta("1h")).strftime("%Y%m%d%H%M"),
                            "TA_F": np.linspace(1.0, 9.0, 72)}))
    record = read_record(path)
    assert (record.resolution, record.step_seconds) == ("HR", 3600)
    assert record.time[47] == np.datetime64("2020-02-29T23:00:00")


@pytest.mark.parametrize(("resolution", "texts", "second", "end"), [
    ("DD", ["20200228", "20200229", "20200301"], "2020-02-29", "2020-03-01"),
    ("MM", ["202001", "202002", "202003"], "2020-02-01", "2020-03-01"),
    ("YY", ["2019", "2020", "2021"], "2020-01-01", "2021-01-01"),
])
def test_daily_monthly_and_yearly_files_keep_fractions_and_daily_sums(tmp_path, as_csv, resolution, texts, second, end):
    path = tmp_path / f"FLX_DE-Tha_FLUXNET2015_FULLSET_{resolution}_2019-2021_1-4.csv"
    path.write_text(as_csv({"TIMESTAMP": texts, "TA_F": np.array([1.5, 2.5, np.nan]), "TA_F_QC": np.array([0.2, 1.0, 0.5]),
                            "P_F": np.array([1.0, 2.0, 3.0]), "NEE_VUT_REF": np.array([-1.1, 0.3, 2.0]),
                            "NEE_VUT_REF_QC": np.array([0.1, 0.9, 1.0])}))
    record = read_record(path)
    assert record.resolution == resolution
    assert record.quality_sense("air_temperature") == "fraction"
    assert same(record.quality("air_temperature"), [0.2, 1.0, 0.5])
    with pytest.raises(ForcingError, match="fraction"):
        record.measured("air_temperature")
    bounds = record.data["time_bnds"].to_numpy()
    assert bounds[1, 0] == np.datetime64(second) and bounds[1, 1] == np.datetime64(end)
    if resolution == "YY":
        assert "net_ecosystem_exchange" not in record.variables and "NEE_VUT_REF" in record.source
    else:
        assert record.data["net_ecosystem_exchange"].attrs["units"] == "gC m-2 d-1"
        assert record.data["precipitation"].attrs["units"] == "mm d-1"


def test_weekly_files_have_both_ends(tmp_path, as_csv):
    path = tmp_path / "FLX_DE-Tha_FLUXNET2015_FULLSET_WW_2020-2020_1-4.csv"
    path.write_text(as_csv({"TIMESTAMP_START": ["20200101", "20200108"], "TIMESTAMP_END": ["20200107", "20200114"],
                            "TA_F": np.array([1.0, 2.0])}))
    record = read_record(path)
    assert record.resolution == "WW"
    assert record.data["time_bnds"].to_numpy()[0, 1] == np.datetime64("2020-01-08")


def test_first_column_with_numbers_stands_for_the_flux(fluxnet_file, weather):
    record = read_record(fluxnet_file(lambda columns: columns | {
        "NEE_VUT_REF": np.full(len(weather), np.nan), "NEE_CUT_REF": weather["nee"] + 1.0}))
    assert record.data["net_ecosystem_exchange"].attrs["source_column"] == "NEE_CUT_REF"


def test_latin1_text_in_a_fullset_file_is_read(fluxnet_file):
    path = fluxnet_file(lambda columns: columns | {"T_°": np.arange(len(columns["TA_F"]))})
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    assert "T_°" in read_record(path).source


def test_ameriflux_takes_the_fullest_sensor_and_says_so(ameriflux_file, weather):
    record = read_record(ameriflux_file)
    assert (record.format, record.site_id) == ("ameriflux", "US-Xyz")
    assert record.data["air_temperature"].attrs["source_column"] == "TA_1_1_1"
    assert any("fullest of TA_1_1_1, TA_1_2_1" in line for line in record.history)
    assert same(record.values("net_ecosystem_exchange"), weather["nee"])
    assert any("without storage" in line for line in record.history)
    assert same(record.quality("sensible_heat"), weather["class"])
    assert np.array_equal(record.measured("sensible_heat"), weather["class"] < 2)
    assert same(record.values("sigma_v"), weather["sigma_v"])
    assert same(record.source["TA_1_2_1"], weather["ta"].where(weather.index % 5 > 0))


def test_eddypro_ends_become_starts_and_units_of_the_file_count(eddypro_file, weather):
    record = read_record(eddypro_file)
    assert record.format == "eddypro"
    assert np.array_equal(record.time, weather["start"].to_numpy().astype("datetime64[s]"))
    assert np.allclose(record.values("air_temperature"), weather["ta"], rtol=0, atol=1e-12)
    assert np.allclose(record.values("air_pressure"), weather["pa"], rtol=1e-14)
    assert np.allclose(record.values("vapour_pressure_deficit"), weather["vpd"], rtol=1e-14)
    assert np.allclose(record.values("sigma_v"), weather["sigma_v"], rtol=1e-14)
    assert same(record.values("stability_parameter"), weather["zl"])
    assert same(record.values("carbon_dioxide_flux"), weather["nee"])
    assert same(record.values("net_ecosystem_exchange"), weather["nee"] + weather["nee"] * 0.01)
    assert record.quality_sense("latent_heat") == "three_classes"
    assert {"x_peak", "x_90%", "filename", "spikes_hf"} <= set(record.source.columns)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinaflux_in_chinese_becomes_umol_on_beijing_time(tmp_path, chinaflux_columns, as_csv, weather, encoding):
    path = tmp_path / "site_CN-Cha_2019.csv"
    path.write_bytes(as_csv(chinaflux_columns, missing="-99999").encode(encoding))
    record = read_record(path)
    assert record.format == "chinaflux" and record.utc_offset_hours == 8.0
    assert np.array_equal(record.time, weather["start"].to_numpy().astype("datetime64[s]"))
    assert np.allclose(record.values("net_ecosystem_exchange"), weather["nee"], rtol=1e-12, equal_nan=True)
    assert np.allclose(record.values("soil_moisture_observed"), weather["swc"], rtol=1e-12)
    assert same(record.values("friction_velocity"), weather["ustar"])
    assert any("interval ends, told from whole days" in line for line in record.history)


def test_one_milligram_of_carbon_dioxide_is_22_722_micromol():
    assert converted("net_ecosystem_exchange", [1.0], "mg m-2 s-1")[0] == pytest.approx(1000.0 / 44.0095, rel=1e-12)


def test_chinaflux_in_english_uses_the_units_of_the_network(tmp_path, as_csv, weather):
    start = weather["start"]
    path = tmp_path / "plain.csv"
    path.write_text(as_csv({"Year": start.dt.year, "Month": start.dt.month, "Day": start.dt.day, "Hour": start.dt.hour,
                            "Min": start.dt.minute, "Fc": weather["nee"], "Ta": weather["ta"]}, missing="-99999"))
    record = read_record(path)
    assert np.array_equal(record.time, start.to_numpy().astype("datetime64[s]"))
    assert np.allclose(record.values("carbon_dioxide_flux"), weather["nee"] * 1000.0 / 44.0095, rtol=1e-12, equal_nan=True)
    assert any("by habit of the network" in line for line in record.history)


def test_chinaflux_with_broken_days_needs_to_be_told_what_stamps_mark(tmp_path, as_csv, weather):
    start = weather["start"][5:]
    path = tmp_path / "plain.csv"
    path.write_text(as_csv({"Year": start.dt.year, "Month": start.dt.month, "Day": start.dt.day, "Hour": start.dt.hour,
                            "Min": start.dt.minute, "LE": weather["le"][5:]}))
    with pytest.raises(ForcingError, match='marks="start"'):
        read_record(path)
    assert read_record(path, marks="end").time[0] == start.iloc[0].to_datetime64() - np.timedelta64(30, "m")


def test_a_carriage_return_table_with_hour_zero_is_read(tmp_path):
    path = tmp_path / "table.txt"
    path.write_bytes(b"Year\tDoY\tHour\tNEE\tUstar\r-\t-\t-\tumolm-2s-1\tms-1\r1999\t365\t23.5\t1.5\t0.2\r"
                     b"1999\t366\t0\t-9999\t0.25\r2000\t1\t0.5\t2.25\t0.3\r")
    record = read_record(path)
    assert record.format == "reddyproc"
    assert list(record.time.astype(str)) == ["1999-12-31T23:00:00", "1999-12-31T23:30:00", "2000-01-01T00:00:00"]
    assert same(record.values("net_ecosystem_exchange"), [1.5, np.nan, 2.25])


@pytest.mark.real_data
def test_tharandt_1998_has_exactly_the_half_hours_of_the_clean_table(shared_data):
    clean = pd.read_csv(shared_data / "references" / "reddyproc" / "DETha98_clean.csv.gz", na_values=[-9999.0])
    record = read_record(shared_data / "towers" / "DE-Tha" / "Example_DETha98.txt", site_id="DE-Tha")
    assert len(record.time) == len(clean) == 17520
    ends = record.data["time_bnds"].to_numpy()[:, 1].astype("datetime64[s]")
    assert np.array_equal(ends, pd.to_datetime(clean["date"]).to_numpy().astype("datetime64[s]"))
    assert record.utc_offset_hours == 1.0
    for column in ("Year", "DoY", "Hour", "NEE", "LE", "H", "Rg", "Tair", "Tsoil", "rH", "VPD", "Ustar"):
        assert same(record.source[column], clean[column]), column
    for name, column in (("net_ecosystem_exchange", "NEE"), ("friction_velocity", "Ustar"), ("shortwave_down", "Rg"),
                         ("relative_humidity", "rH"), ("vapour_pressure_deficit", "VPD")):
        assert same(record.values(name), clean[column]), name


@pytest.mark.real_data
@pytest.mark.parametrize("site", ["CN-Cha", "US-MMS"])
def test_half_hourly_subset_comes_with_its_clock_and_flags(shared_data, site):
    import xarray as xr

    path = shared_data / "towers" / site / f"{site}_halfhourly.nc"
    record = read_record(path)
    with xr.open_dataset(path) as source:
        assert same(record.values("net_ecosystem_exchange"), source["NEE"])
        assert same(record.quality("air_temperature"), source["TA_QC"])
        assert record.utc_offset_hours == source.attrs["utc_offset_hours"]
        assert record.step_seconds == 60 * source.attrs["time_step_minutes"]


@pytest.mark.real_data
def test_monthly_files_of_every_shared_tower_are_read(shared_data):
    for path in sorted((shared_data / "towers").glob("*/*_monthly.csv"))[::6]:
        record = read_record(path)
        assert record.resolution == "MM" and record.site_id == path.parent.name


def test_every_text_format_is_detected(fluxnet_file, ameriflux_file, eddypro_file, tmp_path):
    assert detect_format(fluxnet_file()) == "fluxnet"
    assert detect_format(ameriflux_file) == "ameriflux"
    assert detect_format(eddypro_file) == "eddypro"
    bare = tmp_path / "flux.csv"
    bare.write_text("TIMESTAMP_START,TIMESTAMP_END,FC_1_1_1\n202001010000,202001010030,1.5\n")
    assert detect_format(bare) == "ameriflux" and read_record(bare).step_seconds == 1800
    filled = tmp_path / "AMF_US-Xyz_BASE_HH_2-5.csv"
    filled.write_text("TIMESTAMP_START,TIMESTAMP_END,TA_F,FC\n202001010000,202001010030,1.5,0.5\n")
    assert detect_format(filled) == "ameriflux"
    unknown = tmp_path / "unknown.csv"
    unknown.write_text("a,b\n1,2\n")
    with pytest.raises(ForcingError, match="not recognised"):
        read_record(unknown)
    with pytest.raises(ForcingError, match="did you mean 'fluxnet'"):
        read_record(unknown, format="fluxnett")
    assert set(FORMATS) == {"fluxnet", "ameriflux", "eddypro", "chinaflux", "reddyproc", "subset", "netcdf"}


def test_units_are_understood_however_they_are_written():
    assert len({unit_key(text) for text in ("[umol+1s-1m-2]", "µmol·m⁻²·s⁻¹", "umolCO2 m-2 s-1", "umol/m2/s")}) == 1
    for name, entry in TOWER_VARIABLES.items():
        assert np.array_equal(converted(name, [0.1, np.nan], entry.unit), [0.1, np.nan], equal_nan=True), name
    with pytest.raises(ForcingError, match="not understood"):
        converted("air_temperature", [1.0], "furlong")
    assert converted("air_pressure", [1013.25], "hPa")[0] == pytest.approx(101.325, rel=1e-14)
    assert converted("precipitation", [1.8], "mm h-1", step_seconds=1800.0)[0] == pytest.approx(0.9, rel=1e-14)


def test_a_piece_of_a_record_and_a_variable_in_place(fluxnet_file, weather):
    record = read_record(fluxnet_file()).between("2019-06-03", "2019-06-04")
    assert len(record.time) == 96 and len(record.source) == 96
    with pytest.raises(ForcingError, match="runs from"):
        record.between("2020-01-01", "2020-01-02")
    with pytest.raises(ForcingError, match="did you mean 'air_temperature'"):
        record.values("air_temperatur")
    changed = record.with_variable("air_temperature", record.values("air_temperature", "K") + 1.0, unit="K")
    assert np.allclose(changed.values("air_temperature"), record.values("air_temperature") + 1.0)
    assert same(record.values("air_temperature"), weather["ta"][96:192])
