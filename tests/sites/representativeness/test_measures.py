"""Each measure of representativeness by itself: known answers, limits, missing data, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.dispersion_variance import DispersionOperator, dispersion_variance
from terraflux.sites.representativeness.footprint_shape import day_night_overlap, footprint_shape, season_overlap
from terraflux.sites.representativeness.frequency_distribution import distributions
from terraflux.sites.representativeness.geostatistical_attributes import geostatistical_attributes
from terraflux.sites.representativeness.land_cover_similarity import land_cover_similarity
from terraflux.sites.representativeness.location_bias import location_bias
from terraflux.sites.representativeness.source_cells import source_cells
from terraflux.sites.representativeness.target_vegetation import target_vegetation
from terraflux.sites.representativeness.variogram_models import MODELS, VariogramModel
from terraflux.sites.representativeness.vegetation_index_regression import index_regression
from terraflux.sites.representativeness.weighted_value import footprint_weighted_value
from terraflux.sites.representativeness.window_size import window_sizes


def small(values, kind="continuous"):
    """A raster of 10 m cells around the tower."""
    axis = (np.arange(len(values)) - len(values) // 2) * 10.0
    return Raster(np.asarray(values, float), axis, axis, name="NDVI", kind=kind)


def test_the_weight_on_missing_cells_is_told_and_left_out():
    raster = small([[1, 2, 3], [4, np.nan, 6], [7, 8, 9]])
    footprint = np.zeros((3, 3))
    footprint[0, 0], footprint[1, 1], footprint[2, 2] = 0.001, 0.003, 0.001
    seen = footprint_weighted_value(footprint, raster)
    assert seen.value == pytest.approx(5.0) and seen.retained_weight == pytest.approx(0.4)
    assert seen.standard_deviation == pytest.approx(4.0) and seen.captured_mass == pytest.approx(0.5)
    footprint[0, 0] = footprint[2, 2] = 0
    assert np.isnan(footprint_weighted_value(footprint, raster).value)


def test_footprints_that_are_none_are_refused():
    raster = small(np.ones((3, 3)))
    for footprint, message in ((np.full((3, 3), -1.0), "negative"), (np.full((3, 3), np.nan), "no number"),
                               (np.zeros((3, 3)), "no weight"), (np.ones((4, 4)), "shape")):
        with pytest.raises(RasterError, match=message):
            footprint_weighted_value(footprint, raster)


def test_a_uniform_raster_has_no_bias(grid, landscapes):
    raster = grid.with_values(np.full(grid.shape, 0.4))
    for one in location_bias(landscapes.gaussian_footprint(grid, 100.0), raster, [250.0, 500.0], sensitivity=30.0):
        assert one.percent == pytest.approx(0.0, abs=1e-10) and one.rating == "strict"
        assert one.flux_bias == pytest.approx(0.0, abs=1e-10)


def test_ratings_and_flux_units_follow_the_bias(grid, landscapes):
    footprint = landscapes.gaussian_footprint(grid, east=-300.0)
    for step, rating in ((0.06, "strict"), (0.15, "accepted"), (0.4, "biased")):
        raster = landscapes.two_patches(grid, 1.0 + step / 2, 1.0 - step / 2, border=10.0)
        one = location_bias(footprint, raster, [900.0], shape="square", sensitivity=-20.0)[0]
        assert one.rating == rating, (step, one.percent)
        assert one.flux_bias == pytest.approx(-20.0 * one.absolute_bias)


def test_bias_of_a_mean_near_zero_is_undefined_but_absolute_bias_stands(grid, landscapes):
    footprint = landscapes.gaussian_footprint(grid, east=-300.0)
    for raster in (grid, landscapes.two_patches(grid, 0.5, -0.5)):
        one = location_bias(footprint, raster, [1000.0])[0]
        assert np.isnan(one.percent) and one.rating == "undefined" and "near zero" in one.reason
        assert np.isfinite(one.absolute_bias)


def test_a_radius_beyond_the_raster_is_undefined_not_an_error(grid, landscapes):
    footprint = landscapes.gaussian_footprint(grid)
    near, far = location_bias(footprint, grid.with_values(np.ones(grid.shape)), [500.0, 3000.0])
    assert near.rating == "strict" and far.rating == "undefined" and "does not reach" in far.reason


def test_source_areas_hold_the_share_with_the_fewest_cells():
    footprint = np.array([[0.4, 0.1], [0.3, 0.1]])
    cells = source_cells(footprint, 1.0, 0.7)
    assert cells.inside.tolist() == [[True, False], [True, False]]
    assert cells.level == 0.3 and cells.mass == pytest.approx(0.7) and cells.reached
    assert not source_cells(footprint, 1.0, 0.95).reached
    assert source_cells(footprint, 1.0, 0.95, "captured").reached


def test_target_vegetation_by_area_and_by_weight_differ_as_they_should():
    classes = small([[1, 1, 1], [1, 2, 1], [1, 1, np.nan]], "classes")
    footprint = np.full((3, 3), 0.0005)
    footprint[1, 1] = 0.006
    (one,) = target_vegetation(footprint, classes, (2,), (1.0,), of="captured")
    assert one.by_area == pytest.approx(100 / 8) and one.by_footprint == pytest.approx(100 * 0.006 / 0.0095)
    assert one.classified == pytest.approx(0.95)
    (missing,) = target_vegetation(footprint * 0.5, classes, (2,), (0.9,))
    assert np.isnan(missing.by_area) and "captures 0.500" in missing.reason


def test_a_disc_is_symmetric_and_a_plume_is_not(grid):
    disc = (grid.distance <= 500).astype(float)
    disc *= 0.8 / (disc.sum() * grid.cell_area)
    found = footprint_shape(disc, grid)
    assert found.farthest == pytest.approx(510.0) and found.symmetry == pytest.approx(1.0, abs=0.05)
    plume = ((grid.x[None, :] > 0) & (np.abs(grid.y)[:, None] < 0.2 * grid.x[None, :])).astype(float)
    plume *= 1 / (plume.sum() * grid.cell_area)
    assert footprint_shape(plume, grid).symmetry < 0.3
    assert "captures" in footprint_shape(disc * 0.5, grid).reason


def test_overlap_of_two_gaussians_is_their_bhattacharyya_coefficient(grid, landscapes):
    first, second = (landscapes.gaussian_footprint(grid, east, width=120.0, mass=1.0) for east in (0.0, 120.0))
    found = season_overlap([first, second], grid.cell_area, share=1.0, of="captured")
    assert found == pytest.approx(np.exp(-(120.0**2) / (8 * 120.0**2)), rel=1e-4)
    assert day_night_overlap([(first, second), (first, first)], grid.cell_area, share=1.0, of="captured") == pytest.approx(
        (found + 1) / 2)


def test_distances_of_distributions_are_zero_for_equal_and_one_for_disjoint():
    raster = small(np.arange(9.0).reshape(3, 3))
    every = np.ones((3, 3), bool)
    same = distributions(np.full((3, 3), 0.01), raster, every)
    assert same.kolmogorov_smirnov == pytest.approx(0, abs=1e-12) and same.hellinger == pytest.approx(0, abs=1e-7)
    one = np.zeros((3, 3))
    one[2] = 0.01
    apart = distributions(one, raster, np.arange(9).reshape(3, 3) < 6)
    assert apart.kolmogorov_smirnov == pytest.approx(1.0) and apart.hellinger == pytest.approx(1.0)


def test_kolmogorov_smirnov_of_equal_weights_is_that_of_scipy():
    from scipy.stats import ks_2samp

    raster = small(np.round(np.random.default_rng(2).normal(size=(21, 21)), 1))
    weights = np.zeros((21, 21))
    weights[:8] = 1.0
    area = np.zeros((21, 21), bool)
    area[5:] = True
    found = distributions(weights, raster, area)
    wanted = ks_2samp(raster.values[:8].ravel(), raster.values[5:].ravel()).statistic
    assert found.kolmogorov_smirnov == pytest.approx(wanted, abs=1e-12)


def test_the_chi_square_is_that_of_scipy_for_a_table_of_two_rows():
    from scipy.stats import chi2_contingency

    classes = small([[1, 1, 1], [2, 2, 1], [3, 2, 1]], "classes")
    footprint = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1.0]])
    found = land_cover_similarity(footprint, classes, np.ones((3, 3), bool))
    p, q = np.array([4, 1, 0]) / 5, np.array([5, 3, 1]) / 9
    wanted = chi2_contingency(np.array([p, q]) * 100, correction=False)
    assert found.chi_square == pytest.approx(wanted.statistic, rel=1e-12)
    assert found.probability == pytest.approx(wanted.pvalue, rel=1e-9) and found.degrees == 2
    assert found.bray_curtis == pytest.approx(0.5 * np.abs(p - q).sum())


def test_land_cover_ratings_need_the_class_in_both():
    values = np.ones((11, 11))
    values[:, 9:] = 2
    classes = small(values, "classes")
    everywhere = np.ones((11, 11), bool)
    assert land_cover_similarity(np.ones((11, 11)), classes, everywhere).rating == "HIGH"
    west = np.zeros((11, 11))
    west[:, :9] = 1
    assert land_cover_similarity(west, classes, everywhere).rating == "MEDIUM"  # 100 % against 82 %: told apart
    assert land_cover_similarity(west, classes, everywhere, (2,)).rating == "LOW"
    one = np.zeros((11, 11))
    one[:, 10] = 1
    assert land_cover_similarity(one, classes, everywhere).rating == "LOW"


def test_regression_of_equal_indices_is_the_line_of_identity():
    index = np.array([0.2, 0.3, 0.5, 0.7, 0.8, 0.4, 0.25])
    same = index_regression(index, index)
    assert (same.slope, same.intercept, same.determination, same.rating) == (pytest.approx(1), pytest.approx(0, abs=1e-12),
                                                                            pytest.approx(1), "HIGH")
    steep = index_regression(index, 1.5 * index)
    assert steep.slope == pytest.approx(1.5) and steep.rating == "MEDIUM"
    assert index_regression(index, -index).rating == "LOW"
    assert index_regression(index[:5], index[:5]).rating == "UNDETERMINED"
    assert index_regression(index, np.full(7, 0.5)).rating == "UNDETERMINED"


def test_regression_treats_both_sides_alike():
    from scipy.stats import pearsonr

    rng = np.random.default_rng(4)
    x = rng.random(30)
    y = 0.8 * x + 0.1 + rng.normal(0, 0.05, 30)
    one, other = index_regression(x, y), index_regression(y, x)
    assert one.slope == pytest.approx(1 / other.slope, rel=1e-12)
    assert one.determination == pytest.approx(pearsonr(x, y).statistic ** 2)
    assert one.probability == pytest.approx(pearsonr(x, y).pvalue, rel=1e-6)


def test_window_statistics_are_those_of_the_squares(grid, landscapes):
    raster = landscapes.textured(grid)
    raster.values[40:45, 60:70] = np.nan
    found = window_sizes(raster)
    for k in (0, 1, 7, 50):
        inside = raster.values[50 - k:51 + k, 50 - k:51 + k]
        assert found.side[k] == (2 * k + 1) * 20.0
        assert found.mean[k] == pytest.approx(np.nanmean(inside), rel=1e-12)
        assert found.variance[k] == pytest.approx(np.nanvar(inside), rel=1e-9, abs=1e-15)
        assert found.count[k] == np.isfinite(inside).sum()


def test_the_characteristic_scale_grows_with_the_patches(grid):
    scales = []
    for patch in (60.0, 200.0):
        east, north = (np.floor(axis / patch + 0.5) for axis in (grid.x, grid.y))  # the tower stands amid a patch
        checks = (east[None, :] + north[:, None]) % 2
        scales.append(window_sizes(grid.with_values(0.3 + 0.4 * checks)).characteristic_scale)
    assert scales[0] < scales[1]
    trend = window_sizes(grid.with_values(np.broadcast_to(grid.x, grid.shape).copy()))
    assert np.isnan(trend.characteristic_scale) and "larger scales" in trend.note


def brute_dispersion(f, g, gamma, dx, dy):
    """The double sums of the definition."""
    rows, columns = np.mgrid[:f.shape[0], :f.shape[1]]
    x, y = columns.ravel() * dx, rows.ravel() * dy
    table = gamma(np.hypot(x[:, None] - x, y[:, None] - y))
    f, g = f.ravel() / f.sum(), g.ravel() / g.sum()
    return 2 * f @ table @ g - f @ table @ f - g @ table @ g


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(9, 12), (11, 7), (8, 8)])
def test_dispersion_variance_by_transform_equals_the_double_sums(name, shape):
    rng = np.random.default_rng(3)
    f, g = rng.random(shape) ** 4, np.zeros(shape)
    g[2:7, 1:6] = 1
    gamma = VariogramModel(name, 70.0, 2.0, 0.3, 1.2)
    wanted = brute_dispersion(f, g, gamma, 10.0, 15.0)
    assert dispersion_variance(f, g, gamma, (10.0, 15.0)) == pytest.approx(wanted, rel=1e-10)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_dispersion_variance_is_never_negative_and_zero_only_for_equal_weights(seed):
    rng = np.random.default_rng(seed)
    f, g = rng.random((2, 10, 9))
    operator = DispersionOperator(VariogramModel("exponential", 60.0, 1.0), (10, 9), (10.0, 10.0))
    assert operator.variance(f, g) > 0
    assert operator.variance(f, 2.5 * f) < 1e-15  # scale does not matter
    assert operator.variance(f, f) == 0.0


def test_dispersion_variance_of_a_nugget_is_the_squared_difference():
    f, g = np.random.default_rng(5).random((2, 12, 15))
    nugget = VariogramModel("spherical", 1.0, 0.0, 0.7)
    wanted = 0.7 * ((f / f.sum() - g / g.sum()) ** 2).sum()
    assert dispersion_variance(f, g, nugget, (30.0, 30.0)) == pytest.approx(wanted, rel=1e-10)


def test_an_invalid_semivariogram_is_refused():
    f, g = np.random.default_rng(6).random((2, 12, 15))
    with pytest.raises(RasterError, match="no valid model"):
        dispersion_variance(f, g, lambda lag: -np.asarray(lag), (30.0, 30.0))


def test_dispersion_variance_is_the_mean_square_difference_over_random_fields(grid, landscapes):
    coarse = landscapes.blank(400.0, 20.0)
    footprint = landscapes.gaussian_footprint(coarse, east=100.0, width=60.0)
    cell = coarse.area(300.0, "square").astype(float)
    model = VariogramModel("exponential", 300.0, 1.0)
    distance = np.hypot(*(np.subtract.outer(axis.ravel(), axis.ravel()) for axis in np.meshgrid(coarse.x, coarse.y)))
    root = np.linalg.cholesky(1.0 - model(distance) + 1e-10 * np.eye(len(distance)))
    fields = root @ np.random.default_rng(1).standard_normal((len(distance), 2000))
    difference = (footprint / footprint.sum() - cell / cell.sum()).ravel() @ fields
    wanted = dispersion_variance(footprint, cell, model, coarse.cell_size)
    assert np.mean(difference**2) == pytest.approx(wanted, rel=0.12)  # 2000 fields: 3.2 % standard error


def test_attributes_vanish_on_a_landscape_alike_in_both_windows(landscapes):
    grid = landscapes.blank(800.0, 10.0)
    found = [geostatistical_attributes(landscapes.textured(grid, seed, length=60.0), 5000.0) for seed in range(4)]
    assert np.mean([abs(one.relative_variation) for one in found]) < 0.08
    assert np.mean([abs(one.relative_structure) for one in found]) < 0.1
    assert max(one.scale_requirement for one in found) < 1e-6


def test_attributes_move_with_footprint_and_landscape(landscapes):
    grid = landscapes.blank(800.0, 20.0)
    raster = landscapes.textured(grid, 3, length=200.0)
    scale = [geostatistical_attributes(raster, diameter).scale_requirement for diameter in (0.0, 100.0, 400.0, 2000.0)]
    assert scale[0] == 1.0 and (np.diff(scale) < 0).all()
    framed = raster.with_values(np.where(grid.area(500.0, "square"), raster.values, 0.1))
    assert (geostatistical_attributes(framed, 400.0).relative_variation >
            geostatistical_attributes(raster, 400.0).relative_variation + 0.5)
    assert "recalled" in geostatistical_attributes(raster, 400.0).definitions
    with pytest.raises(RasterError, match="does not reach"):
        geostatistical_attributes(raster, 400.0, cell=2000.0)
