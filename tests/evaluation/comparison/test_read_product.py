"""Products are read into one form, whatever their unit, calendar, grid and step."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.fields import yearly
from terraflux.evaluation.comparison.read_product import read_product

LATITUDE, LONGITUDE = [31.5, 30.5], [100.5, 101.5, 102.5]


def test_daily_rates_become_monthly_means_of_true_days(tmp_path, write_product):
    days = np.arange(731)
    values = np.zeros((731, 2, 3)) + (days / 86400e3)[:, None, None]  # day number in g m-2 d-1
    path = write_product(tmp_path / "daily.nc", values, days, LATITUDE, LONGITUDE, time_units="days since 2000-01-01",
                         dtype="f8")
    found = read_product(path, "gpp")
    assert found.time.size == 24 and found.days[1] == 29.0
    assert found.values[0, 0, 0] == pytest.approx(15.0) and found.values[1, 1, 2] == pytest.approx(31 + 14.0)
    assert found.unit == "g m-2 d-1" and found.latitude.tolist() == [30.5, 31.5]


def test_rows_and_columns_land_where_they_belong(tmp_path, write_product):
    values = np.arange(6.0).reshape(1, 2, 3).repeat(2, axis=0)
    west = write_product(tmp_path / "a.nc", values, [0, 31], LATITUDE, [260.5, 261.5, 262.5], units="gC m-2 d-1")
    found = read_product(west, "gpp")
    assert found.longitude.tolist() == [-99.5, -98.5, -97.5] and found.values[0].tolist() == [[3, 4, 5], [0, 1, 2]]
    part = read_product(west, "gpp", box=(-99.0, -97.0, 30.0, 32.0))
    assert part.longitude.tolist() == [-98.5, -97.5] and part.values[0, 0].tolist() == [4, 5]


def test_a_globe_from_0_to_360_is_cut_at_180(tmp_path, write_product):
    values = np.zeros((2, 2, 36)) + np.arange(36.0)
    found = read_product(write_product(tmp_path / "globe.nc", values, [0, 31], LATITUDE, np.arange(5.0, 360.0, 10.0),
                                       units="gC m-2 d-1"), "gpp")
    assert found.longitude[0] == -175.0 and found.longitude_edges[-1] == 180.0
    assert found.values[0, 0, 0] == 18.0 and found.values[0, 0, 18] == 0.0


def test_amounts_per_month_are_divided_by_the_days_of_that_month(tmp_path, write_product):
    values = np.array([31.0, 28.0, 31.0])[:, None, None] * np.ones((3, 2, 3))
    path = write_product(tmp_path / "et.nc", values, [0, 31, 59], LATITUDE, LONGITUDE, units="mm month-1", name="E")
    found = read_product(path, "et", profile="gleam")
    assert found.values == pytest.approx(1.0) and found.unit == "mm d-1"


def test_a_year_of_a_calendar_without_leap_days_has_365(tmp_path, write_product):
    values = np.ones((365, 2, 3)) * 2.0
    path = write_product(tmp_path / "gpp.nc", values, np.arange(365), LATITUDE, LONGITUDE, units="gC m-2 d-1",
                         time_units="days since 2004-01-01", calendar="noleap")
    found = read_product(path, "gpp")
    assert found.days[1] == 28.0 and found.calendar == "noleap"
    assert yearly(found).days.tolist() == [365.0]


def test_evapotranspiration_is_made_from_latent_heat_and_says_so(tmp_path, write_product):
    path = write_product(tmp_path / "le.nc", np.full((2, 2, 3), 2.45), [0, 31], LATITUDE, LONGITUDE, units="MJ m-2 d-1",
                         name="LE")
    found = read_product(path, "evapotranspiration", profile="fluxcom")
    assert found.values == pytest.approx(1.0) and "latent_heat" in found.notes[0]


def test_files_are_joined_and_sorted_along_time(tmp_path, write_product):
    starts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    for year in (2002, 2001):
        write_product(tmp_path / f"gpp.{year}.nc", np.full((12, 2, 3), year), starts, LATITUDE, LONGITUDE, units="gC m-2 d-1",
                      time_units=f"days since {year}-01-01")
    found = read_product(tmp_path / "gpp.*.nc", "gpp", profile="mte", name="MTE")
    assert found.time.size == 24 and found.name == "MTE"
    assert found.values[0, 0, 0] == 2001 and found.values[-1, 0, 0] == 2002
    with pytest.raises(ForcingError, match="a time repeats"):
        read_product([tmp_path / "gpp.2001.nc", tmp_path / "gpp.2001.nc"], "gpp")


def test_modis_integers_lose_their_fill_values_and_get_their_scale(tmp_path, write_product):
    stored = np.full((46, 2, 3), 400, dtype="i2")
    stored[:, 0, 0] = 32761  # urban
    stored[10, 1, 1] = 32767
    quality = np.zeros((46, 2, 3), dtype="u1")
    quality[:, 1, 2] = 0b01000000  # back-up method
    path = write_product(tmp_path / "MOD17A2H.nc", stored, np.arange(0, 366, 8), LATITUDE, LONGITUDE, units="kg_C/m^2/8day",
                         name="Gpp_500m", dtype="i2", attributes={"_FillValue": np.int16(32767)},
                         extra={"Psn_QC_500m": (quality, ("time", "lat", "lon"), {})})
    found = read_product(path, "gpp", profile="mod17a2h")
    assert np.isnan(found.values[:, 1, 0]).all() and np.isnan(found.values).sum() == 12
    assert found.values[5, 0, 0] == pytest.approx(5.0)  # 0.04 kg in 8 days
    # The last composite gathered the same amount in five days.
    assert found.values[11, 0, 0] == pytest.approx((26 * 5.0 + 5 * 8.0) / 31.0)
    main = read_product(path, "gpp", profile="mod17a2h", quality="main")
    assert np.isnan(main.values[:, 0, 2]).all() and np.isfinite(main.values[:, 0, 0]).all()


def test_packed_exports_with_their_own_scale_are_not_scaled_twice(tmp_path, write_product):
    stored = np.full((2, 2, 3), 123, dtype="i2")
    stored[0, 0, 0] = 32762
    path = write_product(tmp_path / "MOD16A2.nc", stored, [0, 8], LATITUDE, LONGITUDE, units="kg/m^2/8day",
                         name="_500m_ET_500m", dtype="i2", attributes={"_FillValue": np.int16(32767), "scale_factor": 0.1})
    found = read_product(path, "et", profile="mod16a2", least_share=0.2)
    assert found.values[0, 1, 1] == pytest.approx(12.3 / 8.0)
    assert found.values[0, 1, 0] == pytest.approx(12.3 / 8.0)  # one composite of two is left
    assert read_product(path, "et", profile="mod16a2", least_share=0.5).values[0, 1, 0] != found.values[0, 1, 0]


def test_land_share_and_synthetic_mark_are_kept(tmp_path, write_product):
    land = np.array([[100.0, 50.0, 0.0], [100.0, 100.0, 100.0]])
    path = write_product(tmp_path / "gpp.nc", np.ones((2, 2, 3)), [0, 31], LATITUDE, LONGITUDE, units="gC m-2 d-1",
                         extra={"sftlf": (land, ("lat", "lon"), {"units": "%"})}, title="Synthetic nation")
    found = read_product(path, "gpp")
    assert found.synthetic and found.land[1].tolist() == [1.0, 0.5, 0.0]


def test_refusals_name_what_is_wrong(tmp_path, write_product):
    path = write_product(tmp_path / "gpp.nc", np.ones((2, 2, 3)), [0, 31], LATITUDE, LONGITUDE, units="")
    with pytest.raises(ForcingError, match="states no unit"):
        read_product(path, "gpp")
    assert read_product(path, "gpp", unit="g m-2 d-1").values == pytest.approx(1.0)
    assert read_product(path, "gpp", profile="mte").values == pytest.approx(86400e3)
    with pytest.raises(ForcingError, match="no evapotranspiration that is known by name"):
        read_product(path, "et")
    with pytest.raises(ForcingError, match="did you mean 'fluxcom'"):
        read_product(path, "gpp", profile="fluxcon")
    with pytest.raises(ForcingError, match="no file matches"):
        read_product(tmp_path / "no*.nc", "gpp")
    with pytest.raises(ForcingError, match="quantity 'gppp'"):
        read_product(path, "gppp")
    with pytest.raises(ForcingError, match="holds 0 rows"):
        read_product(path, "gpp", unit="g m-2 d-1", box=(0, 10, 0, 10))
    with pytest.raises(ForcingError, match="quality rule 'best'"):
        read_product(path, "gpp", quality="best")
    with pytest.raises(ForcingError, match="needs the layer"):
        read_product(path, "gpp", unit="g m-2 d-1", quality="main")
    with pytest.raises(ForcingError, match="'GPP_x'"):
        read_product(path, "GPP_x:gpp")


def test_a_zarr_folder_is_read_like_a_file(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "gpp.zarr"), mode="w")
    arrays = {"time": (np.array([0.0, 31.0]), ("time",), {"units": "days since 2001-01-01", "calendar": "standard"}),
              "lat": (np.array(LATITUDE), ("lat",), {"units": "degrees_north"}),
              "lon": (np.array(LONGITUDE), ("lon",), {"units": "degrees_east"}),
              "gpp": (np.arange(12.0).reshape(2, 2, 3), ("time", "lat", "lon"), {"units": "gC m-2 d-1"})}
    for name, (values, dims, facts) in arrays.items():
        made = group.create_array(name, shape=values.shape, dtype=values.dtype, dimension_names=dims, fill_value=np.nan)
        made[...] = values
        made.attrs.update(facts)
    found = read_product(tmp_path / "gpp.zarr", "gpp")
    assert found.values[0].tolist() == [[3, 4, 5], [0, 1, 2]] and found.time[1] == np.datetime64("2001-02")


def test_a_member_dimension_of_one_is_passed_over_and_more_are_refused(tmp_path):
    import xarray as xr

    axes = {"time": ("time", [0.0, 31.0], {"units": "days since 2001-01-01"}),
            "lat": ("lat", LATITUDE, {"units": "degrees_north"}), "lon": ("lon", LONGITUDE, {"units": "degrees_east"})}
    for members in (1, 2):
        path = tmp_path / f"members{members}.nc"
        xr.Dataset({"gpp": (("time", "member", "lat", "lon"), np.ones((2, members, 2, 3)), {"units": "gC m-2 d-1"})},
                   axes).to_netcdf(path)
    assert read_product(tmp_path / "members1.nc", "gpp").values.shape == (2, 2, 3)
    with pytest.raises(ForcingError, match="select a level or member first"):
        read_product(tmp_path / "members2.nc", "gpp")


def test_a_month_with_too_few_days_is_missing(tmp_path, write_product):
    values = np.ones((59, 2, 3))
    values[31:50, 0, 0] = np.nan
    path = write_product(tmp_path / "daily.nc", values, np.arange(59), LATITUDE, LONGITUDE, units="gC m-2 d-1")
    found = read_product(path, "gpp")
    assert np.isnan(found.values[1, 1, 0]) and found.values[1, 1, 1] == 1.0
    assert read_product(path, "gpp", least_share=0.3).values[1, 1, 0] == 1.0
    with pytest.raises(ForcingError, match="no period has enough values"):
        read_product(write_product(tmp_path / "short.nc", np.ones((5, 2, 3)), np.arange(5), LATITUDE, LONGITUDE,
                                   units="gC m-2 d-1"), "gpp")


def test_damaged_and_foreign_files_are_refused(tmp_path, write_product):
    path = write_product(tmp_path / "gpp.nc", np.ones((2, 2, 3)), [0, 31], LATITUDE, LONGITUDE, units="gC m-2 d-1")
    whole = path.read_bytes()
    unreadable = "cannot be opened"
    for content, match in ((b"", "empty"), (b"GRIB" + whole, "GRIB"), (whole[:200], unreadable), (b"text", unreadable)):
        path.write_bytes(content)
        with pytest.raises(ForcingError, match=match):
            read_product(path, "gpp")
    other = write_product(tmp_path / "other.nc", np.ones((2, 2, 3)), [59, 90], [41.5, 40.5], LONGITUDE, units="gC m-2 d-1")
    path.write_bytes(whole)
    with pytest.raises(ForcingError, match="the grid is not that of"):
        read_product([path, other], "gpp")


def test_curvilinear_grids_are_refused(tmp_path):
    import xarray as xr

    xr.Dataset({"gpp": (("time", "y", "x"), np.ones((2, 2, 2)), {"units": "gC m-2 d-1"}),
                "lat": (("y", "x"), [[30.0, 30.1], [31.0, 31.1]], {"units": "degrees_north"}),
                "lon": (("y", "x"), [[100.0, 101.0], [100.1, 101.1]], {"units": "degrees_east"})},
               {"time": ("time", [0.0, 31.0], {"units": "days since 2001-01-01"})}).to_netcdf(tmp_path / "curved.nc")
    with pytest.raises(ForcingError, match="the grid is curvilinear"):
        read_product(tmp_path / "curved.nc", "gpp")
