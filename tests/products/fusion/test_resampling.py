"""Coarse images on the fine grid: blocks, coordinates, gaps."""

import numpy as np
import pytest

from terraflux.products.fusion.resampling import on_fine_grid

COARSE = np.arange(12.0).reshape(3, 4)


def test_nearest_repeats_blocks_of_the_same_area():
    np.testing.assert_array_equal(on_fine_grid(COARSE, (15, 20)), np.kron(COARSE, np.ones((5, 5))))


def test_bands_are_kept():
    both = on_fine_grid(np.stack([COARSE, -COARSE]), (6, 8))
    np.testing.assert_array_equal(both[1], -both[0])


def test_missing_blocks_stay_missing():
    gap = COARSE.copy()
    gap[1, 2] = -9.0
    expected = np.kron(np.where(gap == -9.0, np.nan, gap), np.ones((5, 5)))
    np.testing.assert_array_equal(on_fine_grid(gap, (15, 20), nodata=-9.0), expected)


def test_area_beyond_the_coarse_image_has_no_data():
    """A fine grid of 50 m whose corner lies 500 m west and north of that of a coarse grid of 500 m."""
    fine = on_fine_grid(COARSE, (20, 20), coarse_transform=(500.0, 0, 1000.0, 0, -500.0, 5000.0),
                        fine_transform=(50.0, 0, 500.0, 0, -50.0, 5500.0))
    assert np.isnan(fine[:10]).all()
    assert np.isnan(fine[:, :10]).all()
    np.testing.assert_array_equal(fine[10:, 10:], 0.0)


def test_coordinate_systems_are_brought_together():
    """A field of longitude, on a grid in metres: each fine pixel has the longitude of its own centre."""
    from pyproj import Transformer

    longitude = np.broadcast_to(116.0 + 0.005 + 0.01 * np.arange(100), (100, 100))
    fine_transform = (500.0, 0.0, 440000.0, 0.0, -500.0, 4460000.0)
    fine = on_fine_grid(longitude, (20, 20), coarse_transform=(0.01, 0, 116.0, 0, -0.01, 40.6), fine_transform=fine_transform,
                        coarse_crs="EPSG:4326", fine_crs="EPSG:32650", method="bilinear")
    x, y = 440000.0 + 500.0 * (np.arange(20) + 0.5), 4460000.0 - 500.0 * (np.arange(20) + 0.5)
    expected, _ = Transformer.from_crs("EPSG:32650", "EPSG:4326", always_xy=True).transform(*np.meshgrid(x, y))
    np.testing.assert_allclose(fine, expected, atol=2e-4)


@pytest.mark.parametrize(("settings", "message"), [
    ({"coarse_transform": (1, 0, 0, 0, -1, 0)}, "fine_transform"), ({"fine_crs": "EPSG:4326"}, "coarse_crs"),
    ({"coarse_crs": "EPSG:4326", "fine_crs": "EPSG:4326"}, "transform"), ({"method": "best"}, "nearest")])
def test_half_told_grids_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        on_fine_grid(COARSE, (6, 8), **settings)
