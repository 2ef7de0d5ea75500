"""Grids around a tower."""

import numpy as np
import pytest

from terraflux.sites.footprint.grid import Grid


def test_nodes_are_those_of_the_published_climatology():
    grid = Grid.nodes(-100.0, 1000.0, 1100)
    assert grid.shape == (1101, 1101) and grid.x[0] == -100.0 and grid.x[-1] == 1000.0
    assert grid.step == (1.0, 1.0) and grid.cell_area == 1.0


def test_square_has_a_node_at_the_tower():
    assert 0.0 in Grid.square(100.0, 30.0).x
    assert Grid.square(90.0, 30.0).shape == (7, 7)


def test_refined_cells_tile_the_cells():
    grid = Grid(np.arange(-2.0, 3.0), np.arange(3.0, -4.0, -2.0))
    fine = grid.refined(4)
    assert fine.cell_area == pytest.approx(grid.cell_area / 16.0)
    assert grid.mean_of_refined(np.broadcast_to(fine.x, fine.shape), 4) == pytest.approx(np.broadcast_to(grid.x, grid.shape))
    assert grid.mean_of_refined(np.broadcast_to(fine.y[:, None], fine.shape), 4)[:, 0] == pytest.approx(grid.y)


def test_raster_cells_lie_where_their_transform_says():
    grid = Grid.of_raster((30.0, 0.0, 500000.0, 0.0, -30.0, 4000000.0), (4, 6), 500075.0, 3999955.0)
    assert grid.x == pytest.approx([-60.0, -30.0, 0.0, 30.0, 60.0, 90.0])
    assert grid.y == pytest.approx([30.0, 0.0, -30.0, -60.0])


def test_bad_grids_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="not evenly spaced"):
        Grid(np.array([0.0, 1.0, 3.0]), np.arange(3.0))
    with pytest.raises(ValueError, match="ascend from west"):
        Grid(np.array([1.0, 0.0]), np.arange(3.0))
    with pytest.raises(ValueError, match="finite"):
        Grid(np.array([0.0, np.nan]), np.arange(3.0))
    with pytest.raises(ValueError, match="rotated"):
        Grid.of_raster((30.0, 1.0, 0.0, 0.0, -30.0, 0.0), (4, 6), 0.0, 0.0)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) but the grid has \(3, 4\)"):
        Grid(np.arange(4.0), np.arange(3.0)).checked(np.zeros((2, 2)), "land cover")
