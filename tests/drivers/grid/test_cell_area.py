"""Cell areas: exact on the sphere, authalic on the ellipsoid."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import EARTH_RADIUS, cell_area, strip_area


def test_the_cells_of_the_globe_sum_to_the_sphere():
    area = cell_area(np.linspace(-90, 90, 361), np.linspace(-180, 180, 721))
    assert area.shape == (360, 720)
    assert area.sum() == pytest.approx(4 * np.pi * 6.371e6**2, rel=1e-14)


def test_the_cells_of_the_globe_sum_to_the_ellipsoid():
    # WGS84 surface: 510 065 621.724 km2 (authalic radius 6371.0072 km).
    assert cell_area(np.linspace(-90, 90, 181), [0, 360], "wgs84").sum() == pytest.approx(510_065_621.724e6, rel=1e-11)


def test_ellipsoid_agrees_with_geodesic_polygons():
    pyproj = pytest.importorskip("pyproj")
    # A polygon of many small steps along the parallels approaches the cell; meridians are geodesics.
    longitude = np.linspace(100.0, 100.5, 2001)
    geod = pyproj.Geod(ellps="WGS84")
    ring = np.concatenate([longitude, longitude[::-1]]), np.concatenate([np.full(2001, 35.0), np.full(2001, 35.25)])
    found, _ = geod.polygon_area_perimeter(*ring)
    assert cell_area([35.0, 35.25], [100.0, 100.5], "wgs84")[0, 0] == pytest.approx(abs(found), rel=1e-8)


def test_edges_may_run_either_way_and_narrow_strips_keep_their_digits():
    up, down = cell_area([10, 11, 12], [0, 1]), cell_area([12, 11, 10], [1, 0])
    assert np.array_equal(up[::-1], down)
    thin = strip_area(45.0, 45.0 + 1e-9, 1.0)
    assert thin == pytest.approx(EARTH_RADIUS**2 * np.radians(1.0) * np.radians(1e-9) * np.cos(np.radians(45.0)), rel=1e-5)


@pytest.mark.parametrize(("edges", "method"), [([80.0, 91.0], "sphere"), ([0.0, 1.0], "cube"), ([5.0], "sphere")])
def test_impossible_cells_are_refused(edges, method):
    with pytest.raises(ForcingError):
        cell_area(edges, [0.0, 1.0], method)
