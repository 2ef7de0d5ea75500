"""Maps of footprints: the tower is where it is, north is up, and what is written reads back."""

import json

import numpy as np
import pytest
import rasterio
from pyproj import Geod

from terraflux.sites.footprint.export import geojson, to_longitude_latitude, utm_crs, write_geojson, write_geotiff
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.single import footprint
from terraflux.sites.footprint.source_area import ring_area, source_areas

LATITUDE, LONGITUDE = 50.96256, 13.56515
HALF_HOUR = {"measurement_height": 20.0, "roughness_length": 0.1, "boundary_layer_height": 2000.0, "obukhov_length": -100.0,
             "sigma_v": 0.6, "friction_velocity": 0.4}


@pytest.fixture(scope="module")
def one():
    return footprint("ffp", wind_direction=0.0, grid=Grid.square(1500.0, 20.0), **HALF_HOUR)


def test_distances_and_bearings_from_the_tower_are_true():
    points = np.array([[0.0, 1000.0], [1000.0, 0.0], [-700.0, -700.0]])
    degrees = to_longitude_latitude(points, LATITUDE, LONGITUDE)
    bearing, _, distance = Geod(ellps="WGS84").inv([LONGITUDE] * 3, [LATITUDE] * 3, degrees[:, 0], degrees[:, 1])
    np.testing.assert_allclose(distance, np.hypot(points[:, 0], points[:, 1]), rtol=1e-6)
    np.testing.assert_allclose(np.mod(bearing, 360.0), [0.0, 90.0, 225.0], atol=1e-3)


def test_polygons_lie_upwind_of_the_tower_and_keep_their_area(one, tmp_path):
    path = write_geojson(tmp_path / "areas.geojson", one.source_areas, LATITUDE, LONGITUDE, one.attributes)
    collection = json.loads(path.read_text(encoding="utf-8"))
    tower, area = collection["features"][:2]
    assert tower["geometry"] == {"type": "Point", "coordinates": [LONGITUDE, LATITUDE]}
    ring = np.array(area["geometry"]["coordinates"][0][0])
    assert ring[:, 1].mean() > LATITUDE and np.array_equal(ring[0], ring[-1])
    square_metres, _ = Geod(ellps="WGS84").polygon_area_perimeter(ring[:, 0], ring[:, 1])
    assert square_metres > 0.0
    assert square_metres == pytest.approx(ring_area(one.source_areas[0].polygons[0][0]), rel=1e-5)
    assert area["properties"]["fraction"] == 0.5 and area["properties"]["footprint_model"] == "ffp"


def test_an_area_without_a_level_has_no_geometry(one):
    areas = source_areas(one.x, one.y, one.density, [0.99])
    feature = geojson(areas, LATITUDE, LONGITUDE)["features"][1]
    assert feature["geometry"] is None and feature["properties"]["level_per_square_metre"] is None


def test_geotiff_keeps_values_north_up_and_the_mass(one, tmp_path):
    path = write_geotiff(tmp_path / "f.tif", one.x, one.y, one.density, LATITUDE, LONGITUDE, one.attributes)
    with rasterio.open(path) as file:
        values = file.read(1)
        assert np.array_equal(values, one.density[::-1])
        assert values.sum() * abs(file.transform.a * file.transform.e) == pytest.approx(one.captured_mass, rel=1e-12)
        line, column = np.unravel_index(np.argmax(values), values.shape)
        east, north = file.xy(line, column)
        assert abs(east) < 1e-9 and north > 0.0
        assert file.tags()["footprint_model"] == "ffp" and file.tags(1)["units"] == "m-2"
        assert file.crs.linear_units == "metre"


def test_utm_geotiff_puts_the_tower_where_it_is_and_nearly_keeps_the_mass(one, tmp_path):
    path = write_geotiff(tmp_path / "utm.tif", one.x, one.y, one.density, LATITUDE, LONGITUDE, crs="utm")
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32633
        values = file.read(1)
        mass = np.nansum(values) * abs(file.transform.a * file.transform.e)
        assert mass == pytest.approx(one.captured_mass, rel=0.01)
        line, column = np.unravel_index(np.nanargmax(values), values.shape)
        from pyproj import Transformer

        here = Transformer.from_crs(32633, 4326, always_xy=True).transform(*file.xy(line, column))
    bearing, _, distance = Geod(ellps="WGS84").inv(LONGITUDE, LATITUDE, *here)
    peak = np.abs(one.y[np.unravel_index(np.argmax(one.density), one.density.shape)[0]])
    assert distance == pytest.approx(peak, abs=30.0) and abs(bearing) < 15.0


def test_utm_zones():
    assert (utm_crs(-33.0, 151.0), utm_crs(42.4, 128.1), utm_crs(0.0, -180.0)) == ("EPSG:32756", "EPSG:32652", "EPSG:32601")
    with pytest.raises(ValueError, match="no place on Earth"):
        utm_crs(128.1, 42.4)


def test_a_footprint_in_the_frame_of_the_wind_is_refused(tmp_path):
    one = footprint("kormann_meixner", **HALF_HOUR)
    with pytest.raises(ValueError, match="frame of the wind"):
        geojson(one.source_areas, LATITUDE, LONGITUDE, frame=one.frame)
    with pytest.raises(ValueError, match="frame of the wind"):
        write_geotiff(tmp_path / "f.tif", one.x, one.y, one.density, LATITUDE, LONGITUDE, frame=one.frame)


def test_uneven_nodes_are_refused(one, tmp_path):
    with pytest.raises(ValueError, match="not evenly spaced"):
        write_geotiff(tmp_path / "f.tif", np.sort(one.x**3), one.y, one.density, LATITUDE, LONGITUDE)
