"""Conventions of time, place and packing: whatever the file, the weather is the same."""

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.calendars import date_text, seconds_of, source_days
from terraflux.drivers.grid.grid_units import plain_unit
from terraflux.drivers.grid.prepare import prepare

UNITS = {"air_temperature": "degC", "air_pressure": "Pa", "vapour_pressure": "kPa", "wind_speed": "m s-1",
         "shortwave_down": "W m-2", "longwave_down": "W m-2", "precipitation": "kg m-2 s-1"}
FIELDS = tuple(UNITS)


def by_place(store, name, day=1):
    """{(latitude, longitude): value} of one day."""
    values = store.slab(day, day, variables=(name,), dtype="f8")[0, 0]
    return {(round(float(lat), 3), round(float(lon), 3)): value
            for lat, lon, value in zip(store.cells.latitude, store.cells.longitude, values)}


@pytest.fixture
def reference(products, write, choices):
    """Store of the WFDE5-like files as they are."""
    write(products["wfde5"], "reference.nc")
    return prepare(choices("wfde5", files=["reference.nc"], store="reference.zarr"))


def test_longitudes_from_0_to_360_and_rows_from_the_south_change_nothing(reference, products, write, choices):
    dataset = products["wfde5"].sortby("latitude")
    dataset = dataset.assign_coords(longitude=("longitude", dataset.longitude.values + 360.0, dataset.longitude.attrs))
    write(dataset)
    store = prepare(choices("wfde5"))
    for name in reference.layout.variables:
        assert by_place(store, name) == by_place(reference, name), name


def test_order_of_dimensions_changes_nothing(reference, products, write, choices):
    write(products["wfde5"].transpose("longitude", "latitude", "time"))
    store = prepare(choices("wfde5"))
    for name in reference.layout.variables:
        assert by_place(store, name) == by_place(reference, name), name


def test_packed_integers_give_the_weather_to_their_resolution(reference, products, write, choices):
    dataset = products["wfde5"].copy(deep=True)
    dataset["Tair"].encoding = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280.0, "_FillValue": np.int16(-32767)}
    dataset["Tair"][100:, 0, 0] = np.nan
    write(dataset)
    store = prepare(choices("wfde5", last="2001-02-28"))
    packed, exact = by_place(store, "air_temperature", 0), by_place(reference, "air_temperature", 0)
    assert all(abs(packed[place] - exact[place]) < 0.006 for place in packed)


def test_many_files_in_any_order_are_one_series(reference, products, write, choices):
    whole = products["wfde5"]
    for name, rows in (("a.nc", slice(120, None)), ("b.nc", slice(0, 50)), ("c.nc", slice(50, 120))):
        write(whole[["Tair", "Qair", "PSurf", "Wind"]].isel(time=rows), f"state_{name}")
        write(whole[["SWdown", "LWdown", "Rainf", "Snowf"]].isel(time=rows), f"flux_{name}")
    store = prepare(choices("wfde5", files=["state_*.nc", "flux_*.nc"]))
    assert np.array_equal(store.slab(0, 2), reference.slab(0, 2))
    assert len(store.provenance["sources"][0]["files"]) == 6


def test_a_grid_shifted_by_half_a_cell_in_one_file_is_refused(products, write, choices):
    whole = products["wfde5"]
    write(whole.isel(time=slice(0, 60)), "a.nc")
    shifted = whole.isel(time=slice(60, None)).assign_coords(latitude=("latitude", whole.latitude.values + 0.5,
                                                                       whole.latitude.attrs))
    write(shifted, "b.nc")
    with pytest.raises(ForcingError, match=r"shifted by 0\.5 cells"):
        prepare(choices("wfde5", files=["*.nc"]))


def test_coordinates_half_a_cell_off_their_bounds_are_refused(products, write, choices):
    dataset = products["wfde5"].copy()
    lower = dataset.latitude.values
    dataset["latitude"].attrs["bounds"] = "lat_bnds"
    dataset["lat_bnds"] = (("latitude", "bnds"), np.stack([lower, lower + 1.0], axis=1))
    write(dataset)
    with pytest.raises(ForcingError, match=r"0\.5 cells off the middle"):
        prepare(choices("wfde5"))


def test_exchanged_latitude_and_longitude_are_refused(products, write, choices):
    write(products["wfde5"].assign_coords(latitude=("latitude", np.arange(100.0, 104.0), {"units": "degrees_north"})))
    with pytest.raises(ForcingError, match="beyond the poles"):
        prepare(choices("wfde5"))


def test_three_hourly_instants_and_means_follow_the_product(products, world, write, choices):
    write(products["cmfd"])
    store = prepare(choices("cmfd"))
    weather = store.slab(0, 2, dtype="f8")
    row, column = store.cells.row, store.cells.column
    instants = world["air_temperature"][24:96:3].reshape(3, 8, 4, 5)
    place = store.variables.index("air_temperature")
    assert weather[:, place] == pytest.approx(instants.mean(axis=1)[:, row, column], abs=2e-5)
    rain = world["precipitation"][24:96].reshape(3, 24, 4, 5).mean(axis=1)
    assert weather[:, store.variables.index("precipitation")] == pytest.approx(rain[:, row, column], rel=1e-6, abs=1e-10)


def test_local_days_begin_at_local_midnight(products, world, write, choices):
    write(products["wfde5"])
    store = prepare(choices("wfde5", first="2001-02-28", last="2001-03-02", day=8))
    values = store.slab(0, 2, variables=("air_temperature", "precipitation"), dtype="f8")
    row, column = store.cells.row, store.cells.column
    begin = 24 + 24 - 8  # the world begins a day before the first
    expected = world["air_temperature"][begin:begin + 72].reshape(3, 24, 4, 5).mean(axis=1)[:, row, column]
    assert values[:, 0] == pytest.approx(expected, abs=2e-5)
    solar = prepare(choices("wfde5", first="2001-02-28", last="2001-03-02", day="solar", store="solar.zarr"))
    assert np.array_equal(solar.slab(0, 2, variables=("air_temperature",)), np.where(
        np.round(solar.cells.longitude / 15.0) == 7, prepare(choices("wfde5", first="2001-02-28", last="2001-03-02", day=7,
                                                                     store="seven.zarr")).slab(
            0, 2, variables=("air_temperature",)), store.slab(0, 2, variables=("air_temperature",))))
    assert np.isnan(solar.layout.day_offset_hours)


@pytest.mark.parametrize("product", ["era5", "era5_land", "wfde5"])
def test_hourly_stores_keep_the_hours(product, products, world, write, choices):
    write(products[product])
    store = prepare(choices(product, step="source", last="2001-02-28"))
    assert store.layout.step_seconds == 3600
    assert "air_temperature_minimum" not in store.variables
    weather = store.slab(0, 1, dtype="f8")
    row, column = store.cells.row, store.cells.column
    light = world["shortwave_down"][24:72][:, row, column]
    assert weather[:, store.variables.index("shortwave_down")] == pytest.approx(light, rel=1e-5, abs=2e-4)
    warm = world["air_temperature"]
    between = 0.5 * (warm[24:72] + warm[25:73])[:, row, column]
    assert weather[:, store.variables.index("air_temperature")] == pytest.approx(between, abs=2e-5)


def test_a_last_amount_beyond_the_source_is_refused_or_held_by_rule(products, write, choices):
    dataset = products["era5_land"].sel(time=slice(None, "2001-03-01T23:00"))
    write(dataset)
    with pytest.raises(ForcingError, match='edges = "hold"') as caught:
        prepare(choices("era5_land"))
    assert "2001-03-01 23:00" in caught.value.time
    store = prepare(choices("era5_land", source={"edges": "hold"}))
    assert store.repairs["precipitation"]["steps_held_at_the_edge"] == 20


@pytest.fixture
def daily(daily_truth, dataset_of):
    """A daily dataset with CF names, of nine days from 27 February 2001."""
    days = np.datetime64("2001-02-27") + np.arange(9)
    return dataset_of({name: (daily_truth[name].copy(), UNITS[name]) for name in FIELDS}, days, units="days since 2001-01-01")


def test_daily_cf_files_are_read_by_standard_name(daily, daily_truth, write, choices):
    names = {"air_temperature": "T", "precipitation": "rain"}
    renamed = daily.rename(names)
    renamed["T"].attrs["standard_name"] = "air_temperature"
    renamed["rain"].attrs["standard_name"] = "precipitation_flux"
    write(renamed)
    store = prepare(choices("cf"))
    assert store.provenance["sources"][0]["variables"]["air_temperature"]["in_file"] == "T"
    found = store.slab(0, 2, variables=FIELDS, dtype="f8")
    for place, name in enumerate(FIELDS):
        assert found[:, place] == pytest.approx(daily_truth[name][:3, store.cells.row, store.cells.column], rel=3e-7), name


def test_stamps_at_noon_and_bounds_mean_the_same_days(daily, write, choices):
    write(daily)
    first = prepare(choices("cf")).slab(0, 2)
    noon = daily.assign_coords(time=daily.time + np.timedelta64(12, "h"))
    write(noon)
    assert np.array_equal(prepare(choices("cf", store="noon.zarr")).slab(0, 2), first)
    ends = daily.assign_coords(time=daily.time + np.timedelta64(24, "h"))
    ends["time"].attrs["bounds"] = "time_bnds"
    ends["time"].encoding = {"units": "days since 2001-01-01"}
    ends["time_bnds"] = (("time", "bnds"), np.stack([daily.time.values, ends.time.values], axis=1))
    write(ends)
    assert np.array_equal(prepare(choices("cf", store="ends.zarr")).slab(0, 2), first)


def test_daily_amounts_with_doubtful_days_are_refused_until_declared(daily, write, choices):
    dataset = daily.rename({"precipitation": "tp"})
    dataset["tp"].values[...] *= 86.4
    dataset["tp"].attrs["units"] = "m"
    write(dataset)
    source = {"variables": {"precipitation": {"name": "tp", "holds": "total_before"}}}
    assert prepare(choices("cf", source=source, first="2001-02-27", last="2001-02-28")).layout.days == 2
    with pytest.raises(ForcingError, match="day before or after"):
        prepare(choices("era5_land", files=["data.nc"]))


def test_subdaily_fluxes_without_any_word_on_their_stamps_are_refused(products, write, choices):
    dataset = products["wfde5"].rename({"SWdown": "rsds"})[["rsds"]]
    write(dataset)
    with pytest.raises(ForcingError, match="begins or ends its step"):
        prepare(choices("cf"))


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "all_leap"])
def test_calendars_without_real_days_are_refused_or_stretched_by_rule(calendar, daily, write, choices, tmp_path):
    dataset = daily.drop_vars("time").isel(time=np.arange(400) % 9)
    dataset = dataset.assign_coords(time=("time", xr.date_range("2000-01-01", periods=400, calendar=calendar, use_cftime=True)))
    dataset["air_temperature"][:] = np.arange(400.0)[:, None, None] / 20.0
    dataset["shortwave_down"][:] = 100.0
    dataset.to_netcdf(tmp_path / "data.nc")
    with pytest.raises(ForcingError, match="no real dates"):
        prepare(choices("cf"))
    store = prepare(choices("cf", first="2000-01-01", last="2000-12-31", slab_days=366, source={"calendar": "stretch"}))
    number = 20.0 * store.slab(0, 365, variables=("air_temperature",), dtype="f8")[:, 0, 0]
    assert (np.diff(number) > -1e-3).all()
    repeats = {"noleap": 1, "360_day": 6, "all_leap": 0}[calendar]
    assert (np.abs(np.diff(number)) < 1e-3).sum() == repeats
    assert store.layout.days == 366


def test_day_numbers_of_calendars():
    days = np.array(["2000-02-28", "2000-02-29", "2000-03-01", "2001-03-01", "2000-12-31", "2001-01-01"], dtype="datetime64[D]")
    for calendar, length in (("noleap", 365), ("all_leap", 366), ("360_day", 360)):
        found = source_days(days, calendar) - 30 * length
        assert found[0] >= 57 * length // 366
        assert found[4] == length - 1
        assert found[5] == length
    assert source_days(days, "noleap").tolist()[0] == source_days(days, "noleap").tolist()[1]
    seconds = seconds_of(np.array([0.0, 36.5]), "days since 1999-12-01 06:00:00", "360_day")
    assert [date_text(one, "360_day") for one in seconds] == ["1999 day 331 of the 360_day calendar 06:00",
                                                             "2000 day 7 of the 360_day calendar 18:00"]


def test_counts_from_the_year_one_in_the_standard_calendar_are_understood():
    import cftime

    hours = cftime.date2num(cftime.DatetimeGregorian(2001, 2, 27, 6), "hours since 0001-01-01", "standard")
    seconds = seconds_of(np.array([hours, hours + 3.0]), "hours since 0001-01-01 00:00:0.0", "standard")
    assert [date_text(one, "standard") for one in seconds] == ["2001-02-27 06:00", "2001-02-27 09:00"]
    with pytest.raises(ForcingError, match="unit of time"):
        seconds_of(np.array([1.0]), "months since 2000-01-01", "standard")


def test_zarr_sources_of_both_versions_are_read(reference, products, choices, tmp_path):
    for version in (2, 3):
        dataset = products["wfde5"].copy()
        for name in dataset.variables:
            dataset[name].encoding = {}
        dataset.to_zarr(tmp_path / f"source{version}.zarr", zarr_format=version, consolidated=False)
        store = prepare(choices("wfde5", files=[f"source{version}.zarr"], store=f"from{version}.zarr"))
        assert np.array_equal(store.slab(0, 2), reference.slab(0, 2))


def test_extra_dimensions_are_refused_unless_they_hold_one(reference, products, write, choices):
    write(products["wfde5"].expand_dims(height=[2.0]))
    assert np.array_equal(prepare(choices("wfde5")).slab(0, 2), reference.slab(0, 2))
    write(products["wfde5"].expand_dims(expver=[1, 5]))
    with pytest.raises(ForcingError, match="expver"):
        prepare(choices("wfde5", store="expver.zarr"))


def test_files_as_the_climate_data_store_writes_them_now(products, daily_truth, write, choices):
    """Time is called valid_time, expver is a text along it, number a scalar, attributes tell of GRIB."""
    dataset = products["era5"].rename(time="valid_time")
    dataset = dataset.assign_coords(number=0, expver=("valid_time", np.full(dataset.sizes["valid_time"], "0001")))
    for name in dataset.data_vars:
        dataset[name].attrs["GRIB_missingValue"] = 3.4028234663852886e38
        dataset[name].encoding = {"_FillValue": np.float32(np.nan), "dtype": "f4"}
    dataset["valid_time"].encoding = {"units": "seconds since 1970-01-01", "dtype": "i8"}
    write(dataset)
    store = prepare(choices("era5"))
    warm = store.slab(0, 2, variables=("air_temperature",), dtype="f8")[:, 0]
    assert warm == pytest.approx(daily_truth["air_temperature"][:3, store.cells.row, store.cells.column], abs=3e-5)


def test_a_profile_of_ones_own(reference, products, write, choices, tmp_path):
    names = {"Tair": "a", "Qair": "b", "PSurf": "c", "Wind": "d", "SWdown": "e", "LWdown": "f", "Rainf": "g", "Snowf": "h"}
    write(products["wfde5"].rename(names))
    ours = ("air_temperature", "specific_humidity", "air_pressure", "wind_speed", "shortwave_down", "longwave_down", "rainfall",
            "snowfall")
    lines = [f'{name} = {{ names = ["{short}"], holds = "{"instant" if short in "abcd" else "mean_after"}" }}'
             for name, short in zip(ours, names.values())]
    (tmp_path / "mine.toml").write_text('title = "mine"\n[variables]\n' + "\n".join(lines))
    assert np.array_equal(prepare(choices("mine.toml")).slab(0, 2), reference.slab(0, 2))
    (tmp_path / "mine.toml").write_text('title = "mine"\n[variables]\nair_temperatur = { names = ["a"] }')
    with pytest.raises(ForcingError, match="did you mean 'air_temperature'"):
        prepare(choices("mine.toml", store="other.zarr"))


def test_spellings_of_units():
    for text, plain in (("J m**-2", "J m-2"), ("kg/m^2/s", "kg m-2 s-1"), ("W/m2", "W m-2"), ("degrees_C", "degC"),
                        ("mm/hr", "mm hr-1"), ("m s**-1", "m s-1"), ("%", "%")):
        assert plain_unit(text) == plain
