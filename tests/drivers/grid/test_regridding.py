"""Regridding keeps totals, knows the date line, and leaves out what has no data."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import cell_area
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, regular_grid
from terraflux.drivers.grid.regridding import CellEdges, cells_of, regridder


def grid(latitude_edges, longitude_edges):
    """A regular grid from its edges."""
    ns, we = np.asarray(latitude_edges, dtype=float), np.asarray(longitude_edges, dtype=float)
    return HorizontalGrid(0.5 * (ns[:-1] + ns[1:]), 0.5 * (we[:-1] + we[1:]), ns, we)


def area_of(one):
    """Areas of a grid, flat."""
    return cell_area(one.latitude_edges, one.longitude_edges).ravel()


def applied(way, field, one, **keywords):
    """A field on a grid [time, cell] brought to the target."""
    return way(field[:, way.used] if way.used.size < field.shape[1] else field, **keywords)


@pytest.mark.parametrize("step", [0.5, 0.75, 1.0, 2.5])
def test_totals_are_kept_between_any_two_grids(step):
    generator = np.random.default_rng(1)
    source = grid(np.linspace(54, 18, 37), np.linspace(73, 136, 64))
    target = grid(np.linspace(18, 54, round(36 / step) + 1), np.linspace(73, 136, 64 if step == 0.75 else round(63 / 0.7) + 1))
    values = generator.gamma(1.0, 1.0, (3, source.shape[0] * source.shape[1]))
    way = regridder(source, cells_of(target))
    found = applied(way, values, source)
    before, after = values @ area_of(source), found @ area_of(target)
    assert after == pytest.approx(before, rel=1e-12)


def test_a_global_grid_keeps_totals_whatever_the_longitude_convention():
    generator = np.random.default_rng(2)
    east = grid(np.linspace(90, -90, 73), np.linspace(0, 360, 145))
    west = grid(np.linspace(-90, 90, 61), np.linspace(-180, 180, 101))
    shifted = grid(np.linspace(90, -90, 73), np.linspace(-1.25, 358.75, 145))
    values = generator.normal(size=(2, 72 * 144))
    for source in (east, shifted):
        found = applied(regridder(source, cells_of(west)), values, source)
        assert found @ area_of(west) == pytest.approx(values @ area_of(source), rel=1e-12, abs=1e-12 * 5e14)


def test_a_field_of_one_place_lands_on_that_place():
    source = grid(np.linspace(-90, 90, 181), np.linspace(0, 360, 361))
    latitude, longitude = source.centres()
    values = (100.0 * np.round(latitude, 1) + longitude)[None]
    for west in (-12.0, 348.0, 171.0):
        target = grid([10, 11, 12], [west, west + 1, west + 2])
        at, lon = target.centres()
        for method in ("conservative", "bilinear", "nearest"):
            found = applied(regridder(source, cells_of(target), method), values, source)[0]
            assert found == pytest.approx(100.0 * at + lon, abs=1e-9), (west, method)


def test_flipped_rows_change_nothing():
    generator = np.random.default_rng(3)
    north, south = (grid(edges, np.linspace(70, 140, 71)) for edges in (np.linspace(60, 0, 61), np.linspace(0, 60, 61)))
    field = generator.normal(size=(60, 70))
    target = cells_of(regular_grid(80, 100, 20, 40, 0.3 + 0.2))
    for method in ("conservative", "bilinear", "nearest"):
        one = applied(regridder(north, target, method), field.reshape(1, -1), north)
        other = applied(regridder(south, target, method), field[::-1].reshape(1, -1), south)
        assert one == pytest.approx(other, abs=1e-13), method


def test_conservative_means_equal_brute_force_integration():
    generator = np.random.default_rng(4)
    source = grid([30, 31.3, 33, 34.5], [100, 101.7, 103, 105.5])
    field = generator.normal(size=(3, 3))
    target = CellEdges(*(np.array([value]) for value in (32.0, 102.6, 30.6, 33.4, 100.9, 104.3)))
    phi = np.radians(np.linspace(30.6, 33.4, 4001))
    phi, width = 0.5 * (phi[1:] + phi[:-1]), np.diff(np.sin(phi))
    lam = np.linspace(100.9, 104.3, 4001)
    lam = 0.5 * (lam[1:] + lam[:-1])
    rows, columns = (np.searchsorted(edges, places) - 1 for edges, places in ((source.latitude_edges, np.degrees(phi)),
                                                                              (source.longitude_edges, lam)))
    expected = np.average(field[rows][:, columns].mean(axis=1), weights=width)
    found = applied(regridder(source, target), field.reshape(1, -1), source)[0, 0]
    assert found == pytest.approx(expected, abs=1e-3)


def test_missing_source_cells_are_left_out_down_to_the_minimum_fraction():
    source, target = grid([0, 1, 2], [0, 1, 2]), cells_of(grid([0, 2], [0, 2]))
    way = regridder(source, target)
    values = np.array([[1.0, 3.0, np.nan, np.nan], [1.0, np.nan, np.nan, np.nan], [np.nan] * 4])
    found = way(values, 0.4)
    assert found[0, 0] == pytest.approx(2.0, abs=1e-4)
    assert np.isnan(found[1:]).all()
    assert way(values, 0.2)[1, 0] == 1.0


def test_cells_without_data_take_the_nearest_where_that_is_asked():
    source = grid(np.arange(0, 6), np.arange(0, 6))
    valid = np.zeros((5, 5), dtype=bool)
    valid[:, :2] = True
    target = cells_of(grid(np.arange(0, 6), np.arange(0, 6)))
    field = np.arange(25.0)
    plain = regridder(source, target, valid=valid.ravel())
    assert np.array_equal(plain.covered(), valid.ravel())
    filled = regridder(source, target, valid=valid.ravel(), fill_below=0.5)
    assert filled.covered().all()
    found = filled(field[None, filled.used])[0].reshape(5, 5)
    assert found[3] == pytest.approx([15.0, 16.0, 16.0, 16.0, 16.0], rel=1e-14)


def test_bilinear_is_exact_for_planes_and_stays_inside_the_neighbours():
    source = grid(np.linspace(54, 18, 37), np.linspace(73, 136, 64))
    latitude, longitude = source.centres()
    target = cells_of(regular_grid(80, 120, 20, 50, 0.25))
    plane = (3.0 * latitude - 0.5 * longitude)[None]
    way = regridder(source, target, "bilinear")
    assert way(plane[:, way.used])[0] == pytest.approx(3.0 * target.latitude - 0.5 * target.longitude, abs=1e-9)
    noise = np.random.default_rng(6).normal(size=plane.shape)[:, way.used]
    assert noise.min() <= way(noise).min()
    assert way(noise).max() <= noise.max()


def test_what_cannot_be_regridded_is_refused():
    source = grid([0, 1, 2], [0, 1, 2])
    with pytest.raises(ForcingError, match="outside the source"):
        regridder(source, cells_of(grid([40, 41, 42], [0, 1, 2])))
    with pytest.raises(ForcingError, match="conservative"):
        regridder(source, cells_of(source), "conservativ")
    bent = HorizontalGrid(np.array([[0.0, 0.1], [1.0, 1.1]]), np.array([[0.0, 1.0], [0.1, 1.1]]), None, None)
    with pytest.raises(ForcingError, match="curvilinear"):
        regridder(bent, cells_of(source))
