"""Climatologies: the mean of footprints, however it is summed."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numba import njit

from terraflux.model.weave.compiling import lane_loops_kept
from terraflux.sites.footprint import climatology_kernel
from terraflux.sites.footprint.climatology import climatologies, climatology, smoothed
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.kernel import wind_coordinates
from terraflux.sites.footprint.models import footprint_rows
from terraflux.sites.footprint.streaming import AliasingWarning

GRID = Grid.nodes(-400.0, 400.0, 53, y=(-300.0, 350.0, 41))
MODELS = ("ffp", "kormann_meixner", "hsieh", "safe_f")


def some_rows(model="ffp", count=40, seed=3, **changes):
    """Rows of all stabilities and wind directions."""
    draw = np.random.default_rng(seed)
    given = {"measurement_height": 20.0, "roughness_length": draw.uniform(0.05, 0.5, count),
             "obukhov_length": draw.choice([-1.0, 1.0], count) * draw.uniform(25.0, 600.0, count),
             "sigma_v": draw.uniform(0.3, 1.0, count), "friction_velocity": draw.uniform(0.2, 0.6, count),
             "boundary_layer_height": draw.uniform(400.0, 1800.0, count),
             "wind_direction": np.concatenate([[0.0, 90.0, 180.0, 270.0, 360.0, 45.0], draw.uniform(0.0, 360.0, count - 6)])}
    return footprint_rows(model, **(given | changes))


def plain_mean(rows, grid, weights=None):
    """The mean by the definition, one footprint after the other."""
    weights = np.ones(len(rows)) if weights is None else weights
    total = np.zeros(grid.shape)
    for t in range(len(rows)):
        along, across = wind_coordinates(grid.x[None, :], grid.y[:, None], rows.wind_direction[t] + grid.true_north)
        total += weights[t] * rows.select(slice(t, t + 1)).density(along, across)[0]
    return total / weights.sum()


@pytest.mark.parametrize("model", MODELS)
def test_climatology_is_the_weighted_mean_of_footprints(model):
    rows = some_rows(model)
    weights = np.random.default_rng(1).uniform(0.1, 5.0, len(rows))
    expected = plain_mean(rows, GRID, weights)
    exact = climatology(rows, GRID, weights, mode="exact")
    assert np.abs(exact.density - expected).max() <= 5e-15 * expected.max()
    assert exact.captured_mass == pytest.approx(expected.sum() * GRID.cell_area, rel=1e-13)
    assert np.average(exact.row_mass, weights=weights) == pytest.approx(exact.captured_mass, rel=1e-13)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 1e-12])
def test_fast_mode_errs_less_than_its_tolerance(model, tolerance):
    rows = some_rows(model)
    omitted = 0
    for each in (rows.select(slice(t, t + 1)) for t in range(0, len(rows), 5)):
        exact = climatology(each, GRID, mode="exact").density
        fast = climatology(each, GRID, tolerance=tolerance).density
        fine = Grid.square(150.0, 2.0)
        largest = max(exact.max(), climatology(each, fine, mode="exact").density.max())
        assert np.all(fast <= exact) and np.all(exact - fast <= tolerance * largest)
        omitted += np.sum((fast == 0.0) & (exact > 0.0))
    assert omitted > 0


def test_convex_spread_loses_no_node():
    rows = some_rows("hsieh")
    wide = replace(rows, spread_exponent=np.full(len(rows), 1.3))
    expected = plain_mean(wide, GRID)
    assert np.abs(climatology(wide, GRID).density - expected).max() <= 1e-11 * expected.max()


def test_power_spread_may_go_with_an_offset():
    rows = some_rows("ffp")
    mixed = replace(rows, saturating=np.arange(len(rows)) % 2 == 0, spread_exponent=np.full(len(rows), 0.8),
                    spread_coefficient=np.where(np.arange(len(rows)) % 2 == 0, rows.spread_coefficient, 0.6))
    expected = plain_mean(mixed, GRID)
    assert np.abs(climatology(mixed, GRID, mode="exact").density - expected).max() <= 5e-15 * expected.max()


def test_truncated_rows_end_at_their_truncation():
    rows = some_rows("ffp").truncated(3.0)
    expected = plain_mean(rows, GRID)
    assert np.abs(climatology(rows, GRID).density - expected).max() <= 1e-11 * expected.max()


def test_result_has_the_same_bits_for_any_number_of_threads():
    rows = some_rows(count=300)
    one, two, many = (climatology(rows, GRID, threads=threads) for threads in (1, 2, 7))
    assert np.array_equal(one.density, two.density) and np.array_equal(one.density, many.density)
    assert np.array_equal(one.row_mass, two.row_mass) and np.array_equal(one.row_mass, many.row_mass)


def test_order_of_lines_turns_the_field_only():
    rows = some_rows()
    flipped = climatology(rows, Grid(GRID.x, GRID.y[::-1]))
    assert flipped.density[::-1] == pytest.approx(climatology(rows, GRID).density, rel=1e-12, abs=1e-25)


def test_turning_the_grid_turns_the_wind():
    rows = some_rows()
    turned = replace(rows, wind_direction=rows.wind_direction + 12.0)
    expected = climatology(turned, GRID, mode="exact").density
    found = climatology(rows, Grid(GRID.x, GRID.y, true_north=12.0), mode="exact").density
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-25)


def test_wind_from_the_north_puts_the_footprint_in_the_north():
    rows = some_rows(wind_direction=0.0)
    density = climatology(rows, GRID).density
    assert density[GRID.y > 0.0].sum() > 0.0 and density[GRID.y <= 0.0].sum() == 0.0


def test_groups_are_the_climatologies_of_their_rows():
    rows = some_rows()
    label = np.where(np.arange(len(rows)) % 3 == 0, "b", "a").astype(object)
    label[[5, 7]] = None
    found = climatologies(rows, GRID, label)
    assert list(found) == ["a", "b"]
    for name in "ab":
        own = climatology(rows.select(label == name), GRID)
        assert np.array_equal(found[name].density, own.density) and found[name].used == own.used
    assert np.isnan(found["a"].row_mass[5]) and np.isnan(found["b"].row_mass[5])


def test_group_without_footprints_does_not_harm_the_others():
    rows = some_rows(friction_velocity=np.where(np.arange(40) < 10, 0.01, 0.4))
    found = climatologies(rows, GRID, np.arange(40) // 10)
    assert found[0].used == 0 and np.isnan(found[0].density).all() and found[0].dropped["FRICTION_VELOCITY_TOO_LOW"] == 10
    assert found[1].used == 10 and np.isfinite(found[1].density).all()


def test_rows_left_out_are_counted_by_reason():
    sigma_v = np.full(40, 0.5)
    sigma_v[:3] = np.nan
    weights = np.ones(40)
    weights[[4, 5]] = np.nan
    weights[6] = 0.0
    found = climatology(some_rows(sigma_v=sigma_v), GRID, weights)
    assert found.dropped == {"MISSING_SIGMA_V": 3, "WEIGHT_MISSING": 2, "WEIGHT_ZERO": 1}
    assert found.used == 34 and np.isnan(found.row_mass[:7]).sum() == 6


def test_weights_below_zero_and_useless_input_are_errors():
    rows = some_rows()
    with pytest.raises(ValueError, match=r"first -2 in row 1;.*\|NEE\|"):
        climatology(rows, GRID, np.array([1.0, -2.0] + [1.0] * 38))
    with pytest.raises(ValueError, match="one weight per row"):
        climatology(rows, GRID, np.ones(3))
    with pytest.raises(ValueError, match="no row of 40"):
        climatology(some_rows(sigma_v=np.nan), GRID)
    with pytest.raises(ValueError, match='not "unit"'):
        climatology(rows, GRID, norm="unit")
    with pytest.raises(ValueError, match='not "quick"'):
        climatology(rows, GRID, mode="quick")


def test_norms_change_the_mass_only_when_asked():
    rows = some_rows()
    plain, domain, contour = (climatology(rows, GRID, norm=norm) for norm in ("none", "domain", "contour"))
    area = GRID.cell_area
    assert plain.factor == 1.0 and plain.density.sum() * area == pytest.approx(plain.captured_mass)
    assert domain.density.sum() * area == pytest.approx(1.0) and domain.captured_mass == plain.captured_mass
    assert domain.factor == pytest.approx(1.0 / plain.captured_mass)
    assert contour.density.sum() * area == pytest.approx(1.0)
    assert (contour.density > 0.0).sum() < (plain.density > 0.0).sum()


def test_contours_enclose_their_fraction():
    found = climatology(some_rows(), Grid.square(600.0, 5.0))
    for fraction in (0.2, 0.5, 0.8):
        inside = found.source_area(fraction)
        assert found.density[inside].sum() * 25.0 == pytest.approx(fraction, abs=25.0 * found.contour_level(fraction))
        captured = found.source_area(fraction, "captured")
        assert captured.sum() <= inside.sum()
    assert np.isnan(found.contour_level(0.999)) and not found.source_area(0.999).any()
    assert found.contour_is_closed(0.2) and not found.contour_is_closed(0.999)


def test_smoothing_keeps_mass_inside():
    field = np.zeros((9, 9))
    field[4, 4] = 1.0
    soft = smoothed(field)
    assert soft.sum() == pytest.approx(1.0) and soft[4, 4] == pytest.approx(0.4**2 + 4 * 0.1**2 + 4 * 0.05**2)


def test_node_values_of_a_coarse_grid_warn_and_integrated_cells_do_not():
    rows = some_rows()
    coarse = Grid.square(1200.0, 60.0)
    fine = climatology(rows, coarse.refined(30))
    with pytest.warns(AliasingWarning, match="60 m does not resolve 40 of 40 footprints"):
        nodes = climatology(rows, coarse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cells = climatology(rows, coarse, cells="integrated")
    expected = coarse.mean_of_refined(fine.density, 30)
    assert np.abs(cells.density - expected).max() <= 0.01 * expected.max()
    assert cells.captured_mass == pytest.approx(fine.captured_mass, abs=1e-4)
    assert np.abs(nodes.density - expected).max() > 0.1 * expected.max()


@pytest.mark.parametrize("model", ["ffp", "kormann_meixner"])
def test_integrated_mass_approaches_the_closed_form(model):
    """With wind from the east, the mass on a grid much wider than the plume is that of fy up to its eastern edge."""
    rows = some_rows(model, wind_direction=90.0, obukhov_length=-80.0, sigma_v=0.3)
    grid = Grid(np.arange(-20.0, 601.0, 40.0), np.arange(-1200.0, 1201.0, 40.0))
    found = climatology(rows, grid, cells="integrated")
    assert found.row_mass == pytest.approx(rows.cumulative(grid.x[-1] + 20.0), abs=2e-4)


def test_tabulated_rows_have_a_climatology_too():
    rows = some_rows("safe_f", count=12, solution="horst_weil")
    assert rows.valid.any()
    found = climatology(rows, GRID)
    expected = plain_mean(rows.select(rows.valid), GRID)
    assert np.abs(found.density - expected).max() <= 1e-13 * expected.max()
    assert "unverified" in found.to_dataset().attrs["comment"]


def test_dataset_says_how_it_was_made():
    dataset = climatology(some_rows(), GRID).to_dataset()
    assert isinstance(dataset, xr.Dataset) and dataset.footprint.dims == ("y", "x") and dataset.footprint.units == "m-2"
    assert dataset.attrs["model"] == "ffp" and dataset.attrs["rows_used"] == 40 and dataset.attrs["tolerance"] == 1e-12


def test_loops_along_lines_become_vector_instructions():
    """Loads and stores one after the other: a loop that might count from below 0 would gather and scatter instead."""
    plain = njit(nogil=True, error_model="numpy")(climatology_kernel.line_sums.py_func)
    signature = climatology_kernel._SIGNATURES["line_sums"]
    with lane_loops_kept(climatology_kernel.LANES):
        plain.compile(signature)
    code = plain.inspect_llvm(plain.signatures[0])
    assert re.search(r"<\d x double> @llvm\.sqrt", code), "the loop over the saturating spread is not vectorised"
    assert re.search(r"fdiv <\d x double>", code)
    assert "masked.gather" not in code and "masked.scatter" not in code
