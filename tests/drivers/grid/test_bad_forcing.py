"""What is wrong with gridded files ends in a named error or a counted repair, never in a silent store."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.prepare import prepare

STEP = 40  # inside the first stored day


def refused(write, choices, dataset, product="wfde5", **changes):
    """The error of a build from a dataset."""
    write(dataset)
    with pytest.raises(ForcingError) as caught:
        prepare(choices(product, **changes))
    return caught.value


def spoilt(products, name, change, product="wfde5"):
    """A product with the values of one variable changed in place at one step and cell, or wholly."""
    dataset = products[product].copy(deep=True)
    values = dataset[name].values.copy()
    result = change(values)
    dataset[name].values[...] = values if result is None else result
    return dataset


def put(value, where=(STEP, 1, 2)):
    """A change of one value."""
    def change(values):
        values[where] = value
    return change


@pytest.mark.parametrize(("value", "word"), [(np.inf, "infinite"), (-9999.0, "-9999"), (1e20, "1e+20"), (np.nan, "missing"),
                                             (9.96921e36, "9.96921e+36")])
def test_a_value_that_is_none_is_refused_with_its_time_and_place(value, word, products, write, choices):
    error = refused(write, choices, spoilt(products, "Tair", put(value)))
    assert word in str(error)
    assert "data.nc" in error.file
    assert error.variable == "air_temperature"
    assert error.time.startswith("2001-02-27 16:00")
    assert "31.000 N, 102.000 E" in error.time
    assert error.remedy


def test_kelvin_declared_as_celsius_is_diagnosed(products, write, choices):
    dataset = products["wfde5"].copy(deep=True)
    dataset["Tair"].attrs["units"] = "degC"
    error = refused(write, choices, dataset)
    assert "look like K" in str(error)
    dataset["Tair"].values[...] -= 273.15
    dataset["Tair"].attrs["units"] = "K"
    assert "look like degC" in str(refused(write, choices, dataset))


def test_rain_in_the_wrong_unit_is_refused(products, write, choices):
    dataset = products["wfde5"].copy(deep=True)
    dataset["Rainf"].values[...] *= 86400.0
    error = refused(write, choices, dataset)
    assert error.variable == "rainfall"
    assert "mm d-1" in str(error)
    dataset = products["wfde5"].copy(deep=True)
    dataset["Rainf"].attrs["units"] = "mm d-1"
    assert "wettest" in str(refused(write, choices, dataset, last="2001-03-06", slab_days=8))


def test_an_amount_where_a_rate_is_expected_is_refused(products, write, choices):
    dataset = products["wfde5"].copy(deep=True)
    dataset["Rainf"].attrs["units"] = "mm"
    assert "an amount" in str(refused(write, choices, dataset))
    dataset["Rainf"].attrs["units"] = "furlong"
    assert "not understood" in str(refused(write, choices, dataset))


@pytest.mark.parametrize(("name", "value"), [("Qair", 1.5), ("SWdown", -50.0), ("Rainf", -1e-3), ("PSurf", 850.0),
                                             ("LWdown", 5.0), ("Wind", -1.0)])
def test_impossible_values_are_refused(name, value, products, write, choices):
    error = refused(write, choices, spoilt(products, name, put(value)))
    assert "outside" in str(error)
    assert error.time.startswith("2001-02-27 16:00")


def test_small_negative_light_and_rain_are_set_to_zero_and_counted(products, write, choices):
    dataset = spoilt(products, "Rainf", put(-1e-7))
    dataset["SWdown"].values[30, 0, 0] = -0.4
    write(dataset)
    store = prepare(choices("wfde5"))
    assert store.repairs["precipitation"]["small_negative_set_to_zero"] == 1
    assert store.repairs["shortwave_down"]["small_negative_set_to_zero"] == 1


def test_sunlight_at_night_is_refused(products, write, choices):
    error = refused(write, choices, spoilt(products, "SWdown", lambda values: np.roll(values, 6, axis=0)))
    assert "without sun" in str(error)
    assert "clock" in error.remedy


@pytest.mark.parametrize(("product", "holds"), [("wfde5", "mean_before"), ("era5", "total_after")])
def test_a_stamp_on_the_wrong_side_of_its_step_is_told_by_the_sun(product, holds, products, write, choices):
    source = {"variables": {"shortwave_down": {"name": {"wfde5": "SWdown", "era5": "ssrd"}[product], "holds": holds}}}
    error = refused(write, choices, products[product], product=product, source=source)
    assert error.variable == "shortwave_down"
    assert "begin or end the step" in error.remedy


def test_light_brighter_than_the_sun_is_refused(products, write, choices):
    error = refused(write, choices, spoilt(products, "SWdown", lambda values: values * 1.9))
    assert "above the atmosphere" in str(error)


def test_flipped_longitude_signs_are_told_by_the_sun(products, write, choices):
    dataset = products["wfde5"].assign_coords(longitude=("longitude", -products["wfde5"].longitude.values[::-1],
                                                         products["wfde5"].longitude.attrs))
    assert "without sun" in str(refused(write, choices, dataset))


def test_running_totals_read_as_amounts_are_refused(products, write, choices):
    error = refused(write, choices, products["era5_land"], product="era5")
    assert "running" in str(error) or "without sun" in str(error) or "outside" in str(error)


def test_running_totals_of_rain_are_recognised(products, write, choices):
    dataset = products["era5"].copy(deep=True)
    dataset["tp"] = products["era5_land"]["tp"]
    error = refused(write, choices, dataset, product="era5")
    assert "running totals" in str(error)
    assert error.variable == "precipitation"


def test_amounts_read_as_running_totals_are_refused(products, write, choices):
    error = refused(write, choices, products["era5"], product="era5_land")
    assert error.variable in ("shortwave_down", "precipitation", "longwave_down")


def test_minimum_above_maximum_is_refused(world, daily_truth, dataset_of, write, choices):
    days = np.datetime64("2001-02-27") + np.arange(9)
    variables = {name: (daily_truth[name] + (273.15 if "temp" in name else 0.0), unit) for name, unit in (
        ("air_temperature", "K"), ("air_pressure", "Pa"), ("vapour_pressure", "kPa"), ("wind_speed", "m s-1"),
        ("shortwave_down", "W m-2"), ("longwave_down", "W m-2"), ("precipitation", "kg m-2 s-1"))}
    low, high = (daily_truth[f"air_temperature_{kind}"] + 273.15 for kind in ("minimum", "maximum"))
    variables |= {"tmin": (high, "K"), "tmax": (low, "K")}
    error = refused(write, choices, dataset_of(variables, days, units="days since 2001-01-01"), product="cf")
    assert "contradict" in str(error)
    assert error.time == "2001-02-27"


def test_doubled_missing_and_shuffled_time_is_refused_or_repaired_by_rule(products, write, choices):
    whole = products["wfde5"]
    rows = np.arange(whole.sizes["time"])
    doubled = whole.isel(time=np.insert(rows, 30, 30))
    error = refused(write, choices, doubled)
    assert "appear twice" in str(error)
    assert error.time == "2001-02-27 06:00"
    assert prepare(choices("wfde5", source={"duplicates": "first"})).verify() == []
    gap = refused(write, choices, whole.isel(time=np.delete(rows, 33)), store="gap.zarr")
    assert "1 time steps are missing" in str(gap)
    assert gap.time == "2001-02-27 09:00"
    shuffled = whole.isel(time=np.concatenate([rows[:40], rows[45:50], rows[40:45], rows[50:]]))
    assert "runs backwards" in str(refused(write, choices, shuffled, store="shuffled.zarr"))
    store = prepare(choices("wfde5", source={"order": "sort"}, store="shuffled.zarr"))
    write(whole)
    same = prepare(choices("wfde5", store="whole.zarr"))
    assert np.array_equal(store.slab(0, 2), same.slab(0, 2))
    assert "sorted" in str(store.provenance["sources"][0]["notes"])


def test_a_period_beyond_the_source_is_refused(products, write, choices):
    error = refused(write, choices, products["wfde5"], last="2001-03-09")
    assert "the source runs from 2001-02-26 00:00 to" in str(error)


def test_empty_damaged_absent_and_foreign_files_are_refused(tmp_path, products, write, choices):
    path = tmp_path / "data.nc"
    for content, word in ((b"", "empty"), (b"GRIB0000", "GRIB"), (b"PK\x03\x04 no netcdf at all", "cannot be opened")):
        path.write_bytes(content)
        with pytest.raises(ForcingError, match=word):
            prepare(choices("wfde5"))
    write(products["wfde5"])
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ForcingError):
        prepare(choices("wfde5"))
    path.unlink()
    with pytest.raises(ForcingError, match="does not exist"):
        prepare(choices("wfde5"))
    with pytest.raises(ForcingError, match="no file matches"):
        prepare(choices("wfde5", files=["*.nc4"]))


def test_a_small_file_that_declares_terabytes_is_refused_before_reading(tmp_path, choices):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(tmp_path / "data.nc", "w") as bomb:
        for dim, size in (("time", 1_000_000), ("latitude", 1000), ("longitude", 1000)):
            bomb.createDimension(dim, size)
        bomb.createVariable("Tair", "f8", ("time", "latitude", "longitude"), zlib=True, chunksizes=(1, 1000, 1000))
    assert (tmp_path / "data.nc").stat().st_size < 100_000
    with pytest.raises(ForcingError, match="declares 8e"):
        prepare(choices("wfde5"))


def test_a_missing_variable_is_named_with_what_would_do(products, write, choices):
    error = refused(write, choices, products["wfde5"].drop_vars("LWdown"))
    assert error.variable == "longwave_down"
    assert "longwave_down" in error.remedy


def test_paths_stay_below_the_folder(products, write, choices):
    write(products["wfde5"])
    for bad in ("../data.nc", "/etc/passwd", "a\0b"):
        with pytest.raises(ForcingError, match=r"leads out|relative path"):
            prepare(choices("wfde5", files=[bad]))
    with pytest.raises(ForcingError, match="leads out"):
        prepare(choices("wfde5", store="../outside.zarr"))


def test_unknown_keys_and_choices_suggest_the_nearest(choices):
    with pytest.raises(ForcingError, match="slab_days"):
        choices("wfde5", slab_day=3)
    with pytest.raises(ForcingError, match="era5"):
        prepare(choices("era6"))
    with pytest.raises(ForcingError, match="holds no day"):
        choices("wfde5", last="2000-01-01")
    with pytest.raises(ForcingError, match="mean_before"):
        prepare(choices("wfde5", source={"variables": {"rainfall": {"holds": "mean_befor"}}}))


def test_bytes_changed_in_a_source_never_pass_unseen(tmp_path, products, write, choices):
    """Byte flips end in an error, in the same store, or in values inside the bounds that the checksum of the source tells."""
    path = write(products["wfde5"])
    clean = prepare(choices("wfde5", store="clean.zarr"))
    sound = path.read_bytes()
    generator = np.random.default_rng(5)
    digest = clean.provenance["sources"][0]["files"]["data.nc"]["sha256"]
    for number in range(12):
        flipped = bytearray(sound)
        for place in generator.integers(0, len(sound), 20):
            flipped[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            store = prepare(choices("wfde5", store=f"flipped{number}.zarr"))
        except ForcingError:
            continue
        assert store.provenance["sources"][0]["files"]["data.nc"]["sha256"] != digest
        assert np.isfinite(store.slab(0, 2)).all()
