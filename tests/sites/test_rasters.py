"""Rasters around a tower: placement, missing values, units, and clear refusals."""

import numpy as np
import pytest

from terraflux.sites.land_cover import LEGENDS, legend_of
from terraflux.sites.raster_grid import Raster, RasterError, local_axis, local_crs
from terraflux.sites.rasters import GeoArray, read_raster

LATITUDE, LONGITUDE = 35.0, 105.0


def write_geotiff(path, values, transform, crs, **settings):
    """A GeoTIFF of one band."""
    import rasterio
    from rasterio.transform import Affine

    with rasterio.open(path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype,
                       crs=crs, transform=Affine(*transform), nodata=settings.pop("nodata", None)) as file:
        file.write(values, 1)
        for name, value in settings.items():
            setattr(file, name, value)
    return path


def local_array(size=41, cell=30.0, values=None):
    """A plain array on the tower's own projection, row 0 northern, with its cells on the local grid's."""
    values = np.arange(float(size * size)).reshape(size, size) if values is None else values
    half = size * cell / 2
    return GeoArray(values, (cell, 0, -half, 0, -cell, half), local_crs(LATITUDE, LONGITUDE))


def degrees(values, step=0.001, west=104.95, north=35.05):
    """A plain array in degrees."""
    return GeoArray(values, (step, 0, west, 0, -step, north), "EPSG:4326")


@pytest.mark.parametrize("settings", [{}, {"kind": "classes"}, {"resampling": "average"}])
def test_a_raster_on_the_local_grid_comes_back_unchanged_with_its_southern_row_first(settings):
    array = local_array()
    raster = read_raster(array, LATITUDE, LONGITUDE, half_width=600, resolution=30, **settings)
    np.testing.assert_allclose(raster.values, array.values[::-1], rtol=1e-12)
    assert raster.values[0, 0] == array.values[-1, 0] and raster.y[0] == -600 and raster.x[-1] == 600


def test_values_lie_where_they_lie_on_earth():
    rows, columns = np.mgrid[:101, :101]
    array = degrees(35.05 - 0.001 * (rows + 0.5))  # each cell holds its own latitude
    raster = read_raster(array, LATITUDE, LONGITUDE, half_width=2000, resolution=50)
    north = (raster.values[:, 40] - LATITUDE) * np.pi / 180 * 6_357_800  # meridian radius at 35 N: 6 356.. to 6 358 km
    np.testing.assert_allclose(north, raster.y, atol=6)
    array = degrees(104.95 + 0.001 * (columns + 0.5))
    raster = read_raster(array, LATITUDE, LONGITUDE, half_width=2000, resolution=50)
    parallel = 6_378_137 / np.sqrt(1 - 0.00669438 * np.sin(np.deg2rad(LATITUDE)) ** 2) * np.cos(np.deg2rad(LATITUDE))
    np.testing.assert_allclose((raster.values[40] - LONGITUDE) * np.pi / 180 * parallel, raster.x, atol=6)


@pytest.mark.parametrize("crs", ["EPSG:32648", "+proj=sinu +R=6371007.181 +units=m", "EPSG:3857"])
def test_another_projection_shows_the_same_landscape(crs, tmp_path):
    from rasterio.warp import transform

    (x,), (y,) = transform("EPSG:4326", crs, [LONGITUDE], [LATITUDE])
    cell = 25.0
    size = 401
    left, top = x - size * cell / 2, y + size * cell / 2
    columns, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    longitude, latitude = transform(crs, "EPSG:4326", (left + columns * cell).ravel(), (top - rows * cell).ravel())
    wave = np.sin(40 * (np.array(longitude) - LONGITUDE)) + np.cos(30 * (np.array(latitude) - LATITUDE))
    path = write_geotiff(tmp_path / "wave.tif", wave.reshape(size, size), (cell, 0, left, 0, -cell, top), crs)
    found = read_raster(path, LATITUDE, LONGITUDE, half_width=1500, resolution=25)
    other = read_raster(local_wave(), LATITUDE, LONGITUDE, half_width=1500, resolution=25)
    np.testing.assert_allclose(found.values, other.values, atol=2e-3)


def local_wave():
    """The same landscape in degrees at 0.0002 degree cells."""
    step = 0.0002
    axis = (np.arange(400) + 0.5) * step - 0.04
    wave = np.sin(40 * axis)[None, :] + np.cos(30 * axis)[::-1, None]
    return GeoArray(wave, (step, 0, LONGITUDE - 0.04, 0, -step, LATITUDE + 0.04), "EPSG:4326")


def test_longitudes_of_0_to_360_find_a_western_tower():
    columns = np.mgrid[:200, :200][1]
    array = GeoArray(columns * 1.0, (0.01, 0, 239.0, 0, -0.01, 41.0), "EPSG:4326")
    raster = read_raster(array, 40.0, -120.0, half_width=5000, resolution=500)
    assert raster.coverage == 1.0
    assert raster.values[10, 10] == pytest.approx(99.5, abs=0.02)


def test_missing_scaled_and_shifted_values_of_a_geotiff_are_understood(tmp_path):
    values = np.full((41, 41), 5000, dtype=np.int16)
    values[0, 0] = -3000
    array = local_array()
    path = write_geotiff(tmp_path / "ndvi.tif", values, array.transform, array.crs.to_wkt(), nodata=-3000, scales=(1e-4,),
                         offsets=(0.1,))
    raster = read_raster(path, LATITUDE, LONGITUDE, half_width=600, resolution=30, resampling="nearest", units="1", name="NDVI")
    assert np.isnan(raster.values[-1, 0])
    assert np.isfinite(raster.values).sum() == 41 * 41 - 1
    np.testing.assert_allclose(raster.values[5, 5], 0.6)
    again = read_raster(path, LATITUDE, LONGITUDE, half_width=600, resolution=30, scale=100.0, valid_range=(0, 70))
    assert again.values[5, 5] == pytest.approx(60.0)
    with pytest.raises(RasterError, match="no value"):
        read_raster(path, LATITUDE, LONGITUDE, half_width=600, resolution=30, scale=100.0, valid_range=(0, 50))


def test_values_outside_the_valid_range_are_missing():
    values = np.full((41, 41), 0.5)
    values[:20] = 7.0
    raster = read_raster(local_array(values=values), LATITUDE, LONGITUDE, half_width=600, resolution=30, valid_range=(-1, 1),
                         resampling="nearest")
    assert np.isnan(raster.values[-1]).all() and (raster.values[0] == 0.5).all()


def test_a_south_up_geotiff_is_not_turned_over(tmp_path):
    north_up = local_array()
    half = 41 * 30.0 / 2
    path = write_geotiff(tmp_path / "south_up.tif", north_up.values[::-1].copy(), (30.0, 0, -half, 0, 30.0, -half),
                         north_up.crs.to_wkt())
    raster = read_raster(path, LATITUDE, LONGITUDE, half_width=300, resolution=30, resampling="nearest")
    np.testing.assert_allclose(raster.values, north_up.values[::-1][10:31, 10:31])


@pytest.mark.parametrize("descending", [True, False])
def test_a_netcdf_file_gives_the_same_as_the_array(tmp_path, descending):
    import xarray as xr

    latitude = 35.05 - 0.001 * (np.arange(101) + 0.5)
    longitude = 104.95 + 0.001 * (np.arange(101) + 0.5)
    values = np.random.default_rng(0).random((2, 101, 101))
    data = xr.Dataset({"ndvi": (("time", "lat", "lon"), values, {"units": "1"})},
                      {"time": np.array(["2015-01-01", "2015-07-01"], "datetime64[ns]"), "lat": latitude, "lon": longitude})
    if not descending:
        data = data.isel(lat=slice(None, None, -1))
    data.to_netcdf(tmp_path / "ndvi.nc")
    found = read_raster(tmp_path / "ndvi.nc", LATITUDE, LONGITUDE, half_width=1000, resolution=50,
                        select={"time": "2015-06-28"})
    wanted = read_raster(degrees(values[1]), LATITUDE, LONGITUDE, half_width=1000, resolution=50)
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-9)
    with pytest.raises(RasterError, match=r"also runs along.*time"):
        read_raster(tmp_path / "ndvi.nc", LATITUDE, LONGITUDE, half_width=1000, resolution=50)
    with pytest.raises(RasterError, match="did you mean 'ndvi'"):
        read_raster(tmp_path / "ndvi.nc", LATITUDE, LONGITUDE, half_width=1000, resolution=50, variable="ndwi")


def test_coarse_cells_are_averages_of_fine_ones():
    values = np.random.default_rng(3).random((45, 45))
    raster = read_raster(local_array(45, 10.0, values), LATITUDE, LONGITUDE, half_width=90, resolution=90)
    np.testing.assert_allclose(raster.values[1, 1], values[18:27, 18:27].mean(), rtol=1e-6)


def test_classes_stay_whole_codes():
    values = np.random.default_rng(3).integers(1, 9, (101, 101)).astype(float)
    raster = read_raster(degrees(values), LATITUDE, LONGITUDE, half_width=3000, resolution=37, legend="clcd")
    assert raster.kind == "classes" and set(np.unique(raster.values)) <= set(range(1, 9))
    with pytest.raises(RasterError, match="third class"):
        read_raster(degrees(values), LATITUDE, LONGITUDE, half_width=3000, resolution=37, legend="clcd", resampling="average")


def test_codes_without_a_class_are_named():
    values = np.full((101, 101), 4.0)
    values[50:60, 50:60] = 42
    with pytest.raises(RasterError, match="'clcd' has no class for the codes 42"):
        read_raster(degrees(values), LATITUDE, LONGITUDE, half_width=2000, resolution=100, legend="clcd")
    own = legend_of({4: ("steppe", "GRA"), 42: "road"})
    raster = read_raster(degrees(values), LATITUDE, LONGITUDE, half_width=2000, resolution=100, legend=own)
    assert (raster.values == 42).any()


def test_the_missing_code_of_a_legend_becomes_nan():
    values = np.full((101, 101), 10.0)
    values[:50] = 255
    raster = read_raster(degrees(values), LATITUDE, LONGITUDE, half_width=2000, resolution=100, legend="modis_igbp")
    assert np.isnan(raster.values[-1]).all() and (raster.values[0] == 10).all()


def test_a_raster_without_georeference_is_refused(tmp_path):
    path = write_geotiff(tmp_path / "bare.tif", np.ones((20, 20), np.float32), (1, 0, 0, 0, 1, 0), None)
    with pytest.raises(RasterError, match=r"no coordinate reference system.*bare\.tif.*Remedy"):
        read_raster(path, LATITUDE, LONGITUDE, half_width=500, resolution=50)
    with pytest.raises(RasterError, match=r"no georeference.*bare\.tif"):
        read_raster(path, LATITUDE, LONGITUDE, half_width=500, resolution=50, crs="EPSG:4326")
    with pytest.raises(RasterError, match="not understood"):
        GeoArray(np.ones((3, 3)), (1, 0, 5, 0, -1, 5), "EPSG:999999")


def test_a_tower_outside_the_raster_is_refused():
    with pytest.raises(RasterError, match=r"outside the raster, which spans x 104\.95"):
        read_raster(degrees(np.ones((101, 101))), 36.5, LONGITUDE, half_width=500, resolution=50)


def test_a_tower_outside_a_file_is_refused(tmp_path):
    path = write_geotiff(tmp_path / "tile.tif", np.ones((101, 101)), (0.001, 0, 104.95, 0, -0.001, 35.05), "EPSG:4326")
    with pytest.raises(RasterError, match=r"outside the raster.*tile\.tif"):
        read_raster(path, -35.0, LONGITUDE, half_width=500, resolution=50)


def test_a_window_at_the_edge_is_missing_beyond_it():
    raster = read_raster(degrees(np.ones((101, 101))), 35.049, LONGITUDE, half_width=1000, resolution=50)
    assert 0.5 < raster.coverage < 0.65
    assert np.isnan(raster.values[-1]).all() and np.isfinite(raster.values[0]).all()


def test_a_window_without_any_value_is_refused():
    with pytest.raises(RasterError, match="all cells are missing"):
        read_raster(degrees(np.full((101, 101), np.nan)), LATITUDE, LONGITUDE, half_width=500, resolution=50)


def test_sizes_are_limited_before_anything_is_read():
    with pytest.raises(RasterError, match="more than the limit"):
        read_raster("does_not_matter.tif", LATITUDE, LONGITUDE, half_width=1e6, resolution=1)


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    (tmp_path / "text.tif").write_text("not a raster")
    with pytest.raises(RasterError, match=r"cannot be opened.*text\.tif"):
        read_raster(tmp_path / "text.tif", LATITUDE, LONGITUDE, half_width=500, resolution=50)
    (tmp_path / "away.tif").write_text('<VRTDataset rasterXSize="5" rasterYSize="5"><SRS>EPSG:4326</SRS></VRTDataset>')
    with pytest.raises(RasterError, match="cannot be opened"):
        read_raster(tmp_path / "away.tif", LATITUDE, LONGITUDE, half_width=500, resolution=50)


def test_targets_are_found_by_code_name_and_plant_type():
    igbp = LEGENDS["modis_igbp"]
    assert igbp.codes_of(5) == (5,)
    assert igbp.codes_of("mixed forest") == (5,)
    assert igbp.codes_of("CRO") == (12, 14)
    assert igbp.codes_of(["ENF", 10]) == (1, 10)
    assert LEGENDS["clcd"].with_plant_types({2: "DBF"}).codes_of("DBF") == (2,)
    with pytest.raises(RasterError, match="did you mean 'grassland'"):
        igbp.codes_of("grasland")


def test_every_plant_type_of_the_legends_is_known_to_the_model():
    from terraflux.model.parameters import plant_types

    for book in LEGENDS.values():
        assert {entry.plant_type for entry in book.classes.values()} - {""} <= set(plant_types())


def test_axes_that_descend_or_do_not_fit_are_refused():
    axis = local_axis(100, 10)
    with pytest.raises(RasterError, match="not ascending"):
        Raster(np.zeros((21, 21)), axis, axis[::-1])
    with pytest.raises(RasterError, match="not evenly spaced"):
        Raster(np.zeros((21, 21)), axis, np.where(axis > 0, 2 * axis, axis))
    with pytest.raises(RasterError, match="shape"):
        Raster(np.zeros((20, 21)), axis, axis)


@pytest.mark.real_data
def test_a_real_elevation_model_in_another_projection_is_read(shared_data):
    found = sorted(shared_data.rglob("dem.tif"))
    assert found, "the shared data hold an elevation model (dem.tif)"
    import rasterio

    with rasterio.open(found[0]) as file:
        longitude, latitude = file.lnglat()
        here = next(file.sample([file.xy(file.height // 2, file.width // 2)]))[0]
    raster = read_raster(found[0], latitude, longitude, half_width=3000, resolution=100, units="m")
    assert raster.coverage == 1.0
    assert raster.values[30, 30] == pytest.approx(here, abs=40)  # a hillside: one cell of 100 m off at most


@pytest.mark.real_data
def test_real_scenes_without_georeference_are_refused(shared_data):
    scene = sorted((shared_data / "references" / "starfm").rglob("*.tif"))[0]
    with pytest.raises(RasterError, match="no coordinate reference system"):
        read_raster(scene, LATITUDE, LONGITUDE, half_width=500, resolution=50)
