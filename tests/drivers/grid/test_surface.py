"""Land cover, soil, leaf area, heights and boundaries on cells."""

import json

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.hilbert import hilbert_number, hilbert_order
from terraflux.drivers.grid.horizontal_grid import regular_grid
from terraflux.drivers.grid.land_cover import class_areas, shares_from_areas
from terraflux.drivers.grid.lapse_rate import moved_pressure, moved_temperature, moved_vapour_pressure
from terraflux.drivers.grid.leaf_area_maps import leaf_area_nodes
from terraflux.drivers.grid.legends import legend_from, legends, map_legend
from terraflux.drivers.grid.pixel_maps import mean_of_pixels, open_pixel_map
from terraflux.drivers.grid.prepare import prepare
from terraflux.drivers.grid.regridding import cells_of
from terraflux.drivers.grid.soil_texture import usda_class
from terraflux.drivers.grid.target_cells import areas_of, inside
from terraflux.model.parameter_table import plant_types, soil_classes


@pytest.fixture
def raster(tmp_path):
    """Write values [row, column] as a GeoTIFF from the north-west corner; returns the path."""
    def write(values, west, north, size, name="map.tif", crs="EPSG:4326", nodata=None):
        rasterio = pytest.importorskip("rasterio")
        path = tmp_path / name
        place = rasterio.Affine(size, 0.0, west, 0.0, -size, north)
        with rasterio.open(path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
                           dtype=values.dtype, crs=crs, transform=place, nodata=nodata) as file:
            file.write(values, 1)
        return path
    return write


def shares(path, cells, legend="modis_igbp", whole=None, **keywords):
    """Plant shares of cells from a class map."""
    classes, close = open_pixel_map(path, **keywords)
    try:
        chosen = map_legend(legend) if isinstance(legend, str) else legend
        return shares_from_areas(class_areas(classes, cells, chosen), cells, chosen, whole)
    finally:
        close()


def test_shares_of_plants_are_shares_of_area(raster):
    grid = regular_grid(100, 102, 30, 31, 1.0)
    cells = cells_of(grid)
    codes = np.full((10, 20), 10, dtype="u1")
    codes[:, :5] = 12       # half of the first cell is crop
    codes[:5, 10:] = 17     # the northern half of the second is water
    codes[5:, 18:] = 13     # a tenth of it is town
    found = shares(raster(codes, 100, 31, 0.1), cells, whole=areas_of(grid, "sphere"))
    of = dict(zip(found.plant_types, found.fractions))
    assert of["CRO"] == pytest.approx([0.5, 0.0], abs=1e-12)
    assert of["GRA"] == pytest.approx([0.5, 0.8], abs=1e-12)
    assert found.land == pytest.approx([1.0, 0.5], abs=3e-3)
    assert found.known == pytest.approx([1.0, 1.0], abs=1e-9)
    # The northern half of a cell is smaller than the southern.
    assert found.land[1] > 0.5


def test_pixels_across_edges_are_split_exactly(raster):
    cells = cells_of(regular_grid(100, 102, 30, 31, 1.0))
    codes = np.array([[10, 10, 10], [10, 10, 10]], dtype="u1")
    codes[:, 1] = 12
    found = shares(raster(codes, 100, 31, 2.0 / 3.0, name="thirds.tif"), cells)
    of = dict(zip(found.plant_types, found.fractions))
    assert of["CRO"] == pytest.approx([1.0 / 3.0, 1.0 / 3.0], abs=1e-9)


def test_projected_maps_agree_with_maps_in_degrees(raster):
    pyproj = pytest.importorskip("pyproj")
    cells = cells_of(regular_grid(100, 104, 30, 33, 0.5))
    crs = "+proj=laea +lat_0=31.5 +lon_0=102 +datum=WGS84"
    size, rows, columns = 1000.0, 400, 460
    east, north = np.meshgrid(-230000 + size * (np.arange(columns) + 0.5), 200000 - size * (np.arange(rows) + 0.5))
    longitude, latitude = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(east, north)
    codes = np.where(longitude + latitude > 133.5, 10, 12).astype("u1")
    found = shares(raster(codes, -230000, 200000, size, name="laea.tif", crs=crs), cells)
    lon = 100 + 0.01 * (np.arange(400) + 0.5)
    lat = 33 - 0.01 * (np.arange(300) + 0.5)
    plain = np.where(lon[None, :] + lat[:, None] > 133.5, 10, 12).astype("u1")
    expected = shares(raster(plain, 100, 33, 0.01, name="plain.tif"), cells)
    assert found.plant_types == expected.plant_types
    assert found.fractions == pytest.approx(expected.fractions, abs=0.02)


def test_unknown_codes_and_missing_pixels(raster):
    cells = cells_of(regular_grid(100, 102, 30, 31, 1.0))
    codes = np.full((2, 4), 10, dtype="u1")
    codes[0, 0] = 77
    path = raster(codes, 100, 31, 0.5)
    with pytest.raises(ForcingError, match="no class for the codes 77"):
        shares(path, cells)
    own = legend_from({"classes": {"10": {"name": "grass", "plant": "GRA"}}, "missing": [77]}, "own")
    found = shares(path, cells, own, areas_of(regular_grid(100, 102, 30, 31, 1.0), "sphere"))
    assert found.fractions.tolist() == [[1.0, 1.0]]
    assert found.known == pytest.approx([0.75, 1.0], abs=2e-3)
    with pytest.raises(ForcingError, match="did you mean 'GRA'"):
        legend_from({"classes": {"1": {"name": "grass", "plant": "GRAS"}}}, "own")


def test_legends_lead_to_plant_types_of_the_model():
    for legend in legends().values():
        for code in legend.plants:
            for latitude in (0.0, 30.0, 65.0):
                assert legend.plant_of(code, latitude) in {*plant_types(), "bare", "water"}
    assert map_legend("modis_igbp").plant_of(1, 62.0) == "ENF_boreal"
    assert map_legend("modis_igbp").plant_of(2, 10.0) == "EBF_tropical"


@pytest.mark.parametrize(("sand", "clay", "name"), [
    (92, 5, "sand"), (82, 6, "loamy_sand"), (65, 10, "sandy_loam"), (43, 18, "loam"), (20, 15, "silt_loam"), (7, 5, "silt"),
    (58, 27, "sandy_clay_loam"), (32, 34, "clay_loam"), (10, 34, "silty_clay_loam"), (52, 42, "sandy_clay"),
    (6, 47, "silty_clay"), (22, 58, "clay"), (100, 0, "sand"), (0, 100, "clay"), (0, 0, "silt")])
def test_textures_of_the_triangle(sand, clay, name):
    assert soil_classes()[int(usda_class(sand / 100, clay / 100))] == name


def test_every_texture_has_one_class_and_gaps_have_none():
    sand, clay = np.meshgrid(np.arange(0, 1.0001, 0.01), np.arange(0, 1.0001, 0.01))
    whole = sand + clay <= 1.0
    assert (usda_class(sand[whole], clay[whole]) >= 0).all()
    assert usda_class(np.nan, 0.3) == -1
    with pytest.raises(ForcingError, match="sum to up to 70"):
        usda_class(40.0, 30.0)


def test_leaf_area_is_averaged_and_gaps_are_bridged_and_counted(tmp_path):
    months = np.arange(12)
    values = 2.0 + np.cos((months - 6) * np.pi / 6)[:, None, None] + np.zeros((12, 4, 8))
    values[3, :2, :2] = np.nan      # April of the first cell
    values[:, 2:, 6:] = np.nan      # never in the last cell
    dataset = xr.Dataset({"lai": (("month", "lat", "lon"), values * 10.0, {"units": "1"})},
                         {"lat": ("lat", 31.75 - 0.5 * np.arange(4), {"units": "degrees_north"}),
                          "lon": ("lon", 100.25 + 0.5 * np.arange(8), {"units": "degrees_east"})})
    dataset["lai"].encoding = {"dtype": "i2", "scale_factor": 0.1, "_FillValue": np.int16(255)}
    dataset.to_netcdf(tmp_path / "lai.nc")
    cells = cells_of(regular_grid(100, 104, 30, 32, 1.0))
    found, nodes, counts = leaf_area_nodes([tmp_path / "lai.nc"], "lai", cells, climatology=True, scale=0.1)
    assert found.shape == (12, 8)
    assert nodes[0] == 15.5
    assert found[6] == pytest.approx(3.0, abs=0.05)
    assert counts == {"dates_bridged": 1, "cells_from_neighbours": 1}
    assert found[3, 0] == pytest.approx(0.5 * (found[2, 0] + found[4, 0]), abs=0.01)
    with pytest.raises(ForcingError, match="outside 0"):
        leaf_area_nodes([tmp_path / "lai.nc"], "lai", cells, climatology=True, scale=1.0)
    with pytest.raises(ForcingError, match="no dates"):
        leaf_area_nodes([tmp_path / "lai.nc"], "lai", cells)


def test_composites_stand_for_their_middle(tmp_path):
    times = np.datetime64("2001-01-01") + 8 * np.arange(4)
    dataset = xr.Dataset({"lai": (("time", "lat", "lon"), np.ones((4, 2, 2)))},
                         {"time": times.astype("datetime64[ns]"), "lat": ("lat", [31.5, 30.5], {"units": "degrees_north"}),
                          "lon": ("lon", [100.5, 101.5], {"units": "degrees_east"})})
    dataset.to_netcdf(tmp_path / "lai.nc")
    cells = cells_of(regular_grid(100, 102, 30, 32, 1.0))
    _, nodes, _ = leaf_area_nodes([tmp_path / "lai.nc"], "lai", cells, composite_days=8.0)
    assert nodes.tolist() == [float(np.datetime64("2001-01-05").astype(int) + 8 * number) for number in range(4)]


def test_leaf_area_rasters_are_dated_by_their_names(raster):
    cells = cells_of(regular_grid(100, 102, 30, 31, 1.0))
    paths = []
    for day, code in ((145, 30), (153, 40), (161, 50)):
        codes = np.full((10, 20), code, dtype="u1")
        codes[:5] = 253
        paths.append(raster(codes, 100, 31, 0.1, name=f"LAI_2003{day}.tif"))
    words = {"scale": 0.1, "largest_code": 100, "date_pattern": "LAI_%Y%j.tif", "composite_days": 8.0}
    found, nodes, counts = leaf_area_nodes(paths[::-1], "", cells, **words)
    assert found[:, 0] == pytest.approx([3.0, 4.0, 5.0])
    assert nodes[0] == float(np.datetime64("2003-05-25").astype(int)) + 4.0
    assert counts == {}
    with pytest.raises(ForcingError, match="date_pattern"):
        leaf_area_nodes(paths, "", cells, **words | {"date_pattern": "GLASS_%Y%j.tif"})
    with pytest.raises(ForcingError, match=r"25\.3"):
        leaf_area_nodes(paths, "", cells, **words | {"largest_code": np.inf})


def test_means_of_pixels_leave_out_missing_ones(raster):
    heights = np.array([[100.0, 200.0, -9999.0, 50.0]], dtype="f4")
    pixels, close = open_pixel_map(raster(heights, 100, 31, 1.0, nodata=-9999.0))
    cells = cells_of(regular_grid(100, 104, 30, 31, 0.5 + 0.5))
    assert mean_of_pixels(pixels, cells)[[0, 1, 3]].tolist() == [100.0, 200.0, 50.0]
    assert np.isnan(mean_of_pixels(pixels, cells)[2])
    close()


def test_a_map_without_reference_or_file_is_refused(raster, tmp_path):
    path = raster(np.ones((2, 2), dtype="u1"), 0, 2, 1.0, crs=None)
    with pytest.raises(ForcingError, match="no coordinate reference system"):
        open_pixel_map(path)
    with pytest.raises(ForcingError, match="does not exist"):
        open_pixel_map(tmp_path / "none.tif")


def test_cells_inside_a_boundary_with_a_hole(tmp_path):
    ring = [[100, 30], [104, 30], [104, 34], [100, 34], [100, 30]]
    hole = [[101, 31], [103, 31], [103, 33], [101, 33], [101, 31]]
    path = tmp_path / "land.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring, hole]}}]}))
    found = inside(path, cells_of(regular_grid(98, 106, 28, 36, 1.0))).reshape(8, 8)
    assert found.sum() == 16 - 4
    assert not found[4, 4]
    path.write_text("{}")
    with pytest.raises(ForcingError, match="boundary cannot be read"):
        inside(path, cells_of(regular_grid(98, 106, 28, 36, 1.0)))


def test_the_hilbert_curve_visits_every_cell_once_and_keeps_squares_together():
    row, column = (part.ravel() for part in np.meshgrid(np.arange(32), np.arange(32), indexing="ij"))
    number = hilbert_number(row, column, 5)
    assert sorted(number.tolist()) == list(range(1024))
    order, tile = hilbert_order(row, column, 8)
    assert (np.abs(np.diff(row[order])) + np.abs(np.diff(column[order])) == 1).all()
    for one in range(16):
        inside_tile = order[tile == one]
        assert np.unique(row[inside_tile] // 8).size == np.unique(column[inside_tile] // 8).size == 1
        assert inside_tile.size == 64
    with pytest.raises(ForcingError, match="power of two"):
        hilbert_order(row, column, 12)


def test_going_up_is_colder_thinner_and_drier_and_coming_back_undoes_it():
    temperature, vapour, pressure = np.array([15.0]), np.array([1.2]), np.array([101325.0])
    up = moved_temperature(temperature, 1000.0)
    assert up[0] == pytest.approx(8.5)
    above = moved_pressure(pressure, temperature, up, np.zeros(1), 1000.0)
    # ICAO standard atmosphere at 1000 m: 89 874.6 Pa, 8.5 degC.
    assert above[0] == pytest.approx(89874.6, rel=2e-5)
    moist = moved_vapour_pressure(vapour, pressure, above)
    assert moist / above == pytest.approx(vapour / pressure)
    down = moved_temperature(up, -1000.0)
    back = moved_pressure(above, up, down, np.zeros(1), -1000.0)
    assert (down[0], back[0]) == pytest.approx((15.0, 101325.0), rel=1e-12)
    with pytest.raises(ForcingError, match="heights differ"):
        moved_temperature(temperature, 30000.0)


def test_a_whole_build_with_surface_and_lapse_rate(products, daily_truth, write, choices, raster, tmp_path):
    dataset = products["wfde5"]
    write(dataset)
    orography = xr.Dataset({"z": (("latitude", "longitude"), np.full((4, 5), 1500.0 * 9.80665), {"units": "m**2 s**-2"})},
                           {"latitude": dataset.latitude, "longitude": dataset.longitude})
    orography.to_netcdf(tmp_path / "orography.nc")
    codes = np.full((80, 100), 10, dtype="u1")
    codes[:, 60:] = 17
    codes[40:, :] = np.where(codes[40:, :] == 17, 17, 4)
    raster(codes, 99.5, 32.5, 0.05, name="cover.tif")
    raster(np.full((80, 100), 2500.0, dtype="f4"), 99.5, 32.5, 0.05, name="height.tif")
    soil = xr.Dataset({"sand": (("latitude", "longitude"), np.full((4, 5), 40.0)),
                       "clay": (("latitude", "longitude"), np.full((4, 5), 20.0))},
                      {"latitude": dataset.latitude, "longitude": dataset.longitude})
    soil.to_netcdf(tmp_path / "soil.nc")
    target = {"west": 99.5, "east": 104.5, "south": 28.5, "north": 32.5, "resolution": 0.5, "tile_side": 4}
    made = choices("wfde5", target=target,
                   source={"elevation": {"file": "orography.nc", "variable": "z"}}, lapse_rate=-6.5,
                   surface={"land_cover": {"file": "cover.tif", "legend": "modis_igbp"}, "elevation": {"file": "height.tif"},
                            "soil": {"file": "soil.nc"}})
    store = prepare(made)
    cells = store.cells
    assert cells.count == 48
    assert cells.plant_types == ("DBF", "GRA")
    assert cells.plant_fraction.sum(axis=0) == pytest.approx(1.0)
    assert cells.elevation == pytest.approx(2500.0)
    assert {cells.soil_of(one) for one in range(cells.count)} == {"loam"}
    weather = store.slab(0, 0, variables=("air_temperature", "air_pressure", "vapour_pressure", "precipitation"), dtype="f8")[0]
    middle = cells.nearest(30.75, 101.25)
    inner = (cells.latitude < 31.9) & (cells.latitude > 29.1) & (cells.longitude > 100.1)
    coarse = daily_truth["air_temperature"][0]
    assert coarse.min() - 6.5 - 1e-3 <= weather[0][inner].min()
    assert weather[0][inner].max() <= coarse.max() - 6.5 + 1e-3
    assert weather[1][middle] == pytest.approx(daily_truth["air_pressure"][0].mean() * np.exp(-1000.0 / 8300.0), rel=5e-3)
    # Precipitation is conservative: the four fine cells of a coarse one have its mean.
    four = (np.abs(cells.latitude - 30.0) < 0.4) & (np.abs(cells.longitude - 101.0) < 0.4)
    assert weather[3][four] == pytest.approx(daily_truth["precipitation"][0, 2, 1], rel=1e-6)
    assert store.provenance["surface_files"]["cover.tif"]["sha256"]


def test_cells_without_weather_are_left_out_filled_or_refused_by_rule(products, write, choices):
    dataset = products["wfde5"].copy(deep=True)
    for name in dataset.data_vars:
        dataset[name].values[:, :, 3:] = np.nan
    write(dataset)
    target = {"west": 99.5, "east": 104.5, "south": 28.5, "north": 32.5, "resolution": 1.0}
    store = prepare(choices("wfde5", target=target))
    assert store.cells.count == 12
    assert store.provenance["cells"] == {"cells_without_weather_left_out": 8}
    with pytest.raises(ForcingError, match="8 land cells have no weather"):
        prepare(choices("wfde5", target=target | {"cells_without_weather": "refuse"}, store="refuse.zarr"))
    near = prepare(choices("wfde5", target=target | {"cells_without_weather": "nearest"}, store="near.zarr"))
    assert near.cells.count == 20
    warm = near.cells.on_grid(near.slab(0, 0, variables=("air_temperature",))[0, 0])
    assert warm[:, 3] == pytest.approx(warm[:, 2])
