"""Shares of cells in polygons are exact where they can be, and regions add up."""

import json
import struct

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import cell_area
from terraflux.evaluation.comparison.polygons import Shape, geojson_text, inside, read_shapes
from terraflux.evaluation.comparison.regions import (
    read_boundary,
    read_regions,
    region_shares,
    region_sources,
    regions_of_china,
)

SQUARE = np.array([[100.0, 30.0], [102.0, 30.0], [102.0, 32.0], [100.0, 32.0], [100.0, 30.0]])
HOLE = np.array([[100.5, 30.5], [101.5, 30.5], [101.5, 31.5], [100.5, 31.5], [100.5, 30.5]])
EDGES = np.arange(18.0, 54.1, 0.5), np.arange(73.0, 136.1, 0.5)


def shapefile(path, names, rings_of):
    """A shapefile with its table, by the ESRI technical description."""
    records = b""
    for number, rings in enumerate(rings_of, start=1):
        points = np.concatenate(rings).astype("<f8")
        starts = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])[:-1]]).astype("<i4")
        body = struct.pack("<i4d2i", 5, *points.min(axis=0), *points.max(axis=0), len(rings), len(points)) + starts.tobytes()
        body += points.tobytes()
        records += struct.pack(">2i", number, len(body) // 2) + body
    header = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2) + struct.pack("<2i", 1000, 5) + b"\0" * 64
    path.write_bytes(header + records)
    table = struct.pack("<4BIHH20x", 3, 99, 1, 1, len(names), 32 + 32 + 1, 11)
    table += b"NAME".ljust(11, b"\0") + b"C" + b"\0" * 4 + bytes([10, 0]) + b"\0" * 14 + b"\r"
    path.with_suffix(".dbf").write_bytes(table + b"".join(b" " + name.encode().ljust(10) for name in names))
    return path


def test_points_in_a_square_with_a_hole():
    found = inside([SQUARE, HOLE], np.array([29.0, 30.25, 31.0, 31.75]), np.array([99.0, 100.25, 101.0, 101.9, 103.0]))
    assert found.tolist() == [[False] * 5, [False, True, True, True, False], [False, True, False, True, False],
                              [False, True, True, True, False]]


def test_a_share_is_the_part_of_the_cell():
    shares = region_shares([Shape("square", (SQUARE,))], np.array([29.5, 30.5, 31.5]), np.array([101.5, 102.5, 103.5]))
    assert shares["square"].tolist() == [[0.25, 0.0], [0.5, 0.0]]
    assert (shares["all"] == 1.0).all()


def test_a_ring_across_180_degrees_holds_both_sides():
    ring = np.array([[170.0, 60.0], [190.0, 60.0], [190.0, 70.0], [170.0, 70.0], [170.0, 60.0]])
    found = inside([ring], np.array([65.0]), np.array([-175.0, -165.0, 165.0, 175.0]))
    assert found.tolist() == [[True, False, False, True]]


def test_regions_of_china_fill_the_box_without_overlap():
    shares = region_shares(regions_of_china(), *EDGES)
    total = sum(share for name, share in shares.items() if name != "all")
    assert np.array_equal(total, np.ones_like(total))
    assert list(shares)[1:] == ["Tibetan Plateau", "Northeast", "Northwest", "North", "Southwest", "South"]
    assert set(region_sources()) == set(shares) - {"all"}


@pytest.mark.parametrize(("city", "latitude", "longitude", "region"), [
    ("Lhasa", 29.65, 91.1, "Tibetan Plateau"), ("Haibei", 37.6, 101.3, "Tibetan Plateau"), ("Urumqi", 43.8, 87.6, "Northwest"),
    ("Dunhuang", 40.14, 94.66, "Northwest"), ("Yinchuan", 38.5, 106.2, "Northwest"), ("Beijing", 39.9, 116.4, "North"),
    ("Xi'an", 34.3, 108.9, "North"), ("Harbin", 45.8, 126.6, "Northeast"), ("Changbaishan", 42.4, 128.1, "Northeast"),
    ("Chengdu", 30.7, 104.1, "Southwest"), ("Kunming", 25.0, 102.7, "Southwest"), ("Xishuangbanna", 21.9, 101.3, "Southwest"),
    ("Guangzhou", 23.1, 113.3, "South"), ("Shanghai", 31.2, 121.5, "South"), ("Hainan", 19.2, 109.8, "South"),
])
def test_places_lie_in_the_region_that_everyone_puts_them_in(city, latitude, longitude, region):
    first = next(one.name for one in regions_of_china() if inside(one.rings, np.array([latitude]), np.array([longitude]))[0, 0])
    assert first == region, city


@pytest.mark.real_data
def test_areas_of_china_and_the_plateau_are_about_right(shared_data):
    boundary = read_boundary(shared_data / "grids" / "boundaries" / "china_outline.geojson")
    shares = region_shares(regions_of_china(), *EDGES, boundary)
    area = {name: float((share * cell_area(*EDGES)).sum()) / 1e12 for name, share in shares.items()}
    assert 9.2 < area["all"] < 9.7
    assert area["Tibetan Plateau"] == pytest.approx(2.57, rel=0.06)  # Zhang et al. 2002
    assert sum(area.values()) == pytest.approx(2.0 * area["all"], rel=1e-12)


@pytest.mark.real_data
def test_countries_of_the_world_are_read_by_name(shared_data):
    path = shared_data / "grids" / "boundaries" / "world_countries.geojson"
    assert len(read_shapes(path)) > 150
    mongolia = read_boundary(path, ["Mongolia"])
    share = region_shares([], *EDGES, mongolia)["all"]
    assert float((share * cell_area(*EDGES)).sum()) / 1e12 == pytest.approx(1.564, rel=0.02)
    with pytest.raises(ForcingError, match="did you mean 'Mongolia'"):
        read_boundary(path, ["Mongollia"])


def test_geojson_and_shapefile_give_the_same_areas(tmp_path):
    path = tmp_path / "areas.geojson"
    ring = {"type": "Polygon", "coordinates": [SQUARE.tolist(), HOLE.tolist()]}
    core = {"type": "MultiPolygon", "coordinates": [[HOLE.tolist()]]}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"name": "ring"}, "geometry": ring},
        {"type": "Feature", "properties": {"name": "core"}, "geometry": core},
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [0, 0]}}]}))
    written = shapefile(tmp_path / "areas.shp", ["ring", "core"], [[SQUARE, HOLE], [HOLE]])
    one, other = read_regions(path), read_regions(written)
    assert [area.name for area in one] == [area.name for area in other] == ["ring", "core"]
    for a, b in zip(one, other):
        assert all(np.array_equal(first, second) for first, second in zip(a.rings, b.rings))
    (tmp_path / "again.geojson").write_text(geojson_text(one))
    assert [len(area.rings) for area in read_shapes(tmp_path / "again.geojson")] == [2, 1]


def test_regions_may_be_written_by_hand(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[region]]\nname = "basin"\noutline = [[100, 30], [102, 30], [102, 32]]\n')
    assert read_regions(path)[0].name == "basin"
    path.write_text('[[region]]\nname = "basin"\nutline = [[100, 30], [102, 30], [102, 32]]\n')
    with pytest.raises(ForcingError, match="did you mean 'outline'"):
        read_regions(path)


@pytest.mark.parametrize(("content", "match"), [
    ("{", "malformed"), ('{"type": "FeatureCollection"}', "malformed"),
    ('{"type": "FeatureCollection", "features": []}', "no polygons"),
    (json.dumps({"type": "Polygon", "coordinates": [[[5e5, 4e6], [6e5, 4e6], [6e5, 5e6], [5e5, 4e6]]]}), "no degrees"),
    ("[" * 100000, "malformed"), ("", "empty"),
])
def test_broken_geojson_is_refused(tmp_path, content, match):
    path = tmp_path / "areas.geojson"
    path.write_text(content)
    with pytest.raises(ForcingError, match=match):
        read_shapes(path)


def test_broken_and_projected_shapefiles_are_refused(tmp_path):
    path = shapefile(tmp_path / "areas.shp", ["one"], [[SQUARE]])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ForcingError, match="cut off"):
        read_shapes(path)
    path.write_bytes(b"x" * 200)
    with pytest.raises(ForcingError, match="no shapefile"):
        read_shapes(path)
    path.write_bytes(whole)
    path.with_suffix(".prj").write_text('PROJCS["Albers"]')
    with pytest.raises(ForcingError, match="projected"):
        read_shapes(path)


def test_names_must_differ(tmp_path):
    with pytest.raises(ForcingError, match="appears twice"):
        read_regions(shapefile(tmp_path / "areas.shp", ["one", "one"], [[SQUARE], [HOLE]]))
