"""What is read and written again is the same: every value, flag and column, bit for bit."""

import struct
import warnings

import numpy as np
import pandas as pd
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records import read_record, write_record
from terraflux.sites.records.written_table import texts


def bits(values):
    return np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)


def assert_same_source(left, right):
    assert list(left.columns) == list(right.columns)
    for name in left.columns:
        if left[name].dtype == np.float64:
            missing = left[name].isna().to_numpy()
            assert np.array_equal(missing, right[name].isna().to_numpy()), name
            assert np.array_equal(bits(left[name])[~missing], bits(right[name])[~missing]), name
        else:
            assert left[name].tolist() == right[name].tolist(), name


def assert_same_record(left, right):
    assert_same_source(left.source, right.source)
    assert left.variables == right.variables and dict(left.facts) == dict(right.facts)
    for name in left.data.variables:
        assert left.data[name].dtype == right.data[name].dtype, name
        assert left.data[name].equals(right.data[name]), name
        assert left.data[name].attrs == right.data[name].attrs, name


@pytest.fixture(params=["fluxnet", "ameriflux", "eddypro", "chinaflux", "reddyproc"])
def any_file(request, tmp_path, as_csv, weather):
    """One file of each text format, with its options."""
    if request.param == "fluxnet":
        return request.getfixturevalue("fluxnet_file")(), {}
    if request.param in ("ameriflux", "eddypro"):
        return request.getfixturevalue(f"{request.param}_file"), {}
    if request.param == "chinaflux":
        path = tmp_path / "china.csv"
        path.write_text(as_csv(request.getfixturevalue("chinaflux_columns"), missing="-99999"), encoding="utf-8")
        return path, {}
    path = tmp_path / "table.txt"
    end = weather["start"] + pd.Timedelta(minutes=30)
    path.write_text(as_csv({"Year": end.dt.year, "DoY": end.dt.day_of_year, "Hour": end.dt.hour + end.dt.minute / 60.0,
                            "NEE": weather["nee"], "Rg": weather["sw"], "Ustar": weather["ustar"]}).replace(",", "\t"))
    return path, {"site_id": "DE-Tha"}


def test_own_format_again_keeps_every_column_bit_for_bit(any_file, tmp_path):
    path, options = any_file
    record = read_record(path, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = read_record(write_record(record, tmp_path / f"again_{path.name}"), format=record.format, **options)
    assert_same_source(record.source, again.source)
    for name in record.data.variables:
        assert record.data[name].equals(again.data[name]), name


def test_netcdf_keeps_the_whole_record(any_file, tmp_path):
    path, options = any_file
    record = read_record(path, **options)
    again = read_record(write_record(record, tmp_path / "record.nc"))
    assert_same_record(record, again)
    assert record.data.attrs == again.data.attrs
    back = read_record(write_record(again, tmp_path / "back.csv"), format=record.format, **options)
    assert_same_source(record.source, back.source)


@pytest.mark.parametrize("resolution", ["DD", "MM"])
def test_coarse_files_keep_fractions_through_csv_and_netcdf(tmp_path, as_csv, resolution):
    moments = pd.date_range("2019-01-01", periods=40, freq="D" if resolution == "DD" else "MS")
    generator = np.random.default_rng(3)
    path = tmp_path / f"FLX_DE-Tha_FLUXNET2015_FULLSET_{resolution}_2019-2022_1-4.csv"
    path.write_text(as_csv({"TIMESTAMP": moments.strftime("%Y%m%d" if resolution == "DD" else "%Y%m"),
                            "TA_F": generator.normal(size=40), "TA_F_QC": generator.random(40),
                            "NEE_VUT_REF": generator.normal(size=40), "NEE_VUT_REF_QC": generator.random(40)}))
    record = read_record(path)
    for target in (tmp_path / "again.csv", tmp_path / "again.nc"):
        again = read_record(write_record(record, target), **({"site_id": "DE-Tha"} if target.suffix == ".csv" else {}))
        assert again.resolution == resolution and again.quality_sense("air_temperature") == "fraction"
        assert_same_source(record.source, again.source)
        assert record.data["time_bnds"].equals(again.data["time_bnds"])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["DE-Tha/Example_DETha98.txt", "CN-Cha/CN-Cha_halfhourly.nc", "CN-Qia/CN-Qia_monthly.csv",
                                  "US-Bi1/AMF_US-Bi1_FLUXNET_FULLSET_MM_2016-2021_3-5.csv"])
def test_shared_files_come_back_bit_for_bit(shared_data, tmp_path, name):
    record = read_record(shared_data / "towers" / name)
    assert_same_record(record, read_record(write_record(record, tmp_path / "record.nc")))
    if record.format != "subset":
        assert_same_source(record.source, read_record(write_record(record, tmp_path / "again.csv"),
                                                      format=record.format).source)


def test_numbers_are_written_so_that_they_read_back_the_same():
    awkward = np.array([0.1, 1 / 3, 1e-300, -0.0, 5e-324, 1.7976931348623157e308, 123456789.123456789, np.nan])
    back = [float(text) for text in texts(awkward, "x")]
    assert [struct.pack("d", value) for value in back[:-1]] == [struct.pack("d", value) for value in awkward[:-1]]
    assert back[-1] == -9999.0
    assert texts(np.array([0.0, 2.0, np.nan]), "QC") == ["0", "2", "-9999"]
    assert next(float(text) for text in texts(np.array([-0.0, 1.0]), "x")).hex() == (-0.0).hex()
    with pytest.raises(ForcingError, match="missing code"):
        texts(np.array([-9999.0]), "x")


def test_a_changed_variable_is_written_in_its_column_and_the_others_stay(fluxnet_file, tmp_path):
    record = read_record(fluxnet_file())
    filled = np.nan_to_num(record.values("net_ecosystem_exchange"), nan=1.25)
    changed = record.with_variable("net_ecosystem_exchange", filled, quality=np.full(filled.size, 1.0), sense="fluxnet_code")
    again = read_record(write_record(changed, tmp_path / "FLX_DE-Tha_again_HH.csv"))
    assert np.array_equal(again.source["NEE_VUT_REF"], filled)
    assert (again.source["NEE_VUT_REF_QC"] == 1.0).all()
    assert np.array_equal(again.source["TA_F_QC"], record.source["TA_F_QC"])
    assert np.array_equal(again.source["GPP_NT_VUT_REF"], record.source["GPP_NT_VUT_REF"], equal_nan=True)


def test_another_format_gets_its_names_and_units_and_tells_what_is_lost(eddypro_file, tmp_path):
    record = read_record(eddypro_file)
    with pytest.warns(UserWarning, match="x_90%"):
        path = write_record(record, tmp_path / "AMF_US-Xyz_BASE_HH_1-5.csv", "ameriflux")
    again = read_record(path)
    assert (again.format, again.site_id) == ("ameriflux", "US-Xyz")
    for name in ("air_temperature", "air_pressure", "net_ecosystem_exchange", "sigma_v", "obukhov_length", "friction_velocity"):
        assert np.array_equal(again.values(name), record.values(name), equal_nan=True), name
    assert np.array_equal(again.quality("sensible_heat"), record.quality("sensible_heat"))


@pytest.mark.real_data
def test_half_hourly_subset_becomes_a_fluxnet_file_with_its_flags(shared_data, tmp_path):
    record = read_record(shared_data / "towers" / "CN-Cng" / "CN-Cng_halfhourly.nc")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = read_record(write_record(record, tmp_path / "FLX_CN-Cng_HH.csv", "fluxnet"))
    for name in record.variables:
        assert np.array_equal(again.values(name), record.values(name), equal_nan=True), name
        assert np.array_equal(again.quality(name), record.quality(name), equal_nan=True), name


def test_flags_of_another_sense_do_not_become_fluxnet_flags(ameriflux_file, tmp_path):
    record = read_record(ameriflux_file)
    with pytest.warns(UserWarning, match="sensible_heat_quality"):
        again = read_record(write_record(record, tmp_path / "out.csv", "fluxnet"), format="fluxnet")
    assert again.quality("sensible_heat") is None
    assert np.array_equal(again.values("latent_heat"), record.values("latent_heat"))


def test_a_file_stays_whole_when_writing_fails(fluxnet_file, tmp_path):
    record = read_record(fluxnet_file())
    target = tmp_path / "kept.csv"
    write_record(record, target)
    before = target.read_bytes()
    broken = record.with_variable("air_temperature", np.full(len(record.time), -9999.0))
    with pytest.raises(ForcingError, match="missing code"):
        write_record(broken, target)
    assert target.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    with pytest.raises(ForcingError, match="cannot become eddypro"):
        write_record(record, target, "eddypro")


def test_netcdf_follows_cf_and_refuses_a_later_version(fluxnet_file, tmp_path):
    import netCDF4

    path = write_record(read_record(fluxnet_file()), tmp_path / "record.nc")
    with netCDF4.Dataset(path) as stored:
        assert stored.Conventions == "CF-1.8" and stored["time"].bounds == "time_bnds"
        assert stored["air_temperature"].units == "degC" and stored["air_temperature"].dtype == np.float64
        assert stored["air_temperature"].ancillary_variables == "air_temperature_quality"
    with netCDF4.Dataset(path, "a") as stored:
        stored.tower_record_version = 2
    with pytest.raises(ForcingError, match="version 2"):
        read_record(path)
