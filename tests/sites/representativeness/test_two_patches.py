"""A landscape of two patches: every measure moves the right way as the footprint drifts or the contrast grows."""

import numpy as np
import pytest

from terraflux.sites.representativeness.dispersion_variance import DispersionOperator
from terraflux.sites.representativeness.footprint_shape import footprint_shape, season_overlap
from terraflux.sites.representativeness.frequency_distribution import distributions
from terraflux.sites.representativeness.land_cover_similarity import land_cover_similarity
from terraflux.sites.representativeness.location_bias import location_bias
from terraflux.sites.representativeness.target_vegetation import class_shares, target_vegetation
from terraflux.sites.representativeness.variogram import grid_variogram
from terraflux.sites.representativeness.variogram_models import VariogramModel
from terraflux.sites.representativeness.weighted_value import footprint_weighted_value
from terraflux.sites.representativeness.window_size import window_sizes

DRIFTS = (-300.0, -150.0, -50.0, 0.0, 50.0, 150.0, 300.0)  # m east of the border


@pytest.fixture
def drifting(grid, landscapes):
    """Footprints from deep in the western patch to deep in the eastern one."""
    return [landscapes.gaussian_footprint(grid, east=drift) for drift in DRIFTS]


@pytest.fixture
def cover(grid, landscapes):
    """Class 1 in the west, class 2 in the east."""
    patches = landscapes.two_patches(grid, 1.0, 2.0)
    return patches.with_values(patches.values, kind="classes", name="cover")


def falls(values):
    """Whether values fall at every step."""
    return bool((np.diff(values) < 0).all())


def test_the_value_seen_falls_towards_the_poorer_patch(grid, landscapes, drifting):
    patches = landscapes.two_patches(grid)
    seen = [footprint_weighted_value(one, patches).value for one in drifting]
    assert falls(seen)
    assert seen[0] == pytest.approx(0.7, abs=0.01) and seen[-1] == pytest.approx(0.3, abs=0.01)


def test_bias_turns_from_positive_to_negative_and_is_the_weight_on_the_patches(grid, landscapes, drifting, cover):
    patches = landscapes.two_patches(grid)
    found = [location_bias(one, patches, [1000.0], shape="square")[0] for one in drifting]
    assert falls([one.percent for one in found])
    assert found[0].percent > 30 and found[-1].percent < -30
    for one, footprint in zip(found, drifting):
        shares, _ = class_shares(footprint, cover)
        area = patches.values.mean()
        assert one.absolute_bias == pytest.approx(0.7 * shares.get(1, 0) + 0.3 * shares.get(2, 0) - area, rel=1e-10)
        assert one.percent == pytest.approx(100 * one.absolute_bias / area, rel=1e-10)


def test_bias_grows_with_contrast_in_proportion(grid, landscapes, drifting):
    contrasts = (0.0, 0.1, 0.2, 0.4)
    biases = [location_bias(drifting[1], landscapes.two_patches(grid, 0.5 + c / 2, 0.5 - c / 2), [1000.0])[0].absolute_bias
              for c in contrasts]
    np.testing.assert_allclose(biases, np.array(contrasts) * biases[-1] / 0.4, atol=1e-12)
    assert biases[-1] > 0.1


def test_target_vegetation_falls_as_the_footprint_leaves_it(drifting, cover):
    found = [target_vegetation(one, cover, (1,), (0.8,))[0] for one in drifting]
    assert found[0].by_area == 100.0 and found[-1].by_area == 0.0
    assert falls([one.by_footprint for one in found[1:-1]])
    assert falls([one.by_area for one in found[1:-1]])


def test_land_cover_is_most_alike_where_both_patches_are_seen(grid, drifting, cover):
    area = grid.area(1000.0, "square")
    distance = [land_cover_similarity(one, cover, area).bray_curtis for one in drifting]
    assert falls(distance[:4]) and falls(distance[:2:-1])
    assert min(distance) == distance[3] < 0.05
    assert land_cover_similarity(drifting[0], cover, area, (1,)).probability < 0.05


def test_distributions_are_most_alike_where_both_patches_are_seen(grid, landscapes, drifting):
    area = grid.area(1000.0, "square")
    patches = landscapes.two_patches(grid)
    found = [distributions(one, patches, area) for one in drifting]
    for distance in ([one.kolmogorov_smirnov for one in found], [one.hellinger for one in found]):
        assert falls(distance[:4]) and falls(distance[:2:-1])


def test_dispersion_variance_grows_as_the_footprint_leaves_the_cell_and_with_the_sill(grid, landscapes):
    cell = grid.area(400.0, "square").astype(float)
    weak, strong = (DispersionOperator(VariogramModel("spherical", 500.0, sill), grid.shape, grid.cell_size)
                    for sill in (0.01, 0.03))
    variances = [weak.variance(landscapes.gaussian_footprint(grid, east=drift), cell) for drift in (0.0, 150.0, 300.0, 600.0)]
    assert (np.diff(variances) > 0).all()
    assert strong.variance(landscapes.gaussian_footprint(grid, east=150.0), cell) == pytest.approx(3 * variances[1], rel=1e-10)


def test_the_window_variance_and_the_variogram_grow_with_contrast(grid, landscapes):
    low, high = landscapes.two_patches(grid, 0.55, 0.45), landscapes.two_patches(grid, 0.7, 0.3)
    assert (window_sizes(high).variance[3:] > window_sizes(low).variance[3:]).all()
    np.testing.assert_allclose(grid_variogram(high).gamma, 16 * grid_variogram(low).gamma, rtol=1e-9)
    along, across = (grid_variogram(high, angle=angle, tolerance=0).gamma for angle in (90, 0))
    np.testing.assert_allclose(along, 0.0, atol=1e-12)
    assert (across > 0).all()


def test_seasons_overlap_less_as_their_footprints_part(grid, landscapes):
    still = landscapes.gaussian_footprint(grid)
    overlaps = [season_overlap([still, landscapes.gaussian_footprint(grid, east=east)], grid.cell_area)
                for east in (0.0, 60.0, 120.0, 300.0, 700.0)]
    assert overlaps[0] == pytest.approx(1.0, abs=1e-12)
    assert (np.diff(overlaps[:4]) < 0).all() and overlaps[-1] == 0.0


def test_a_one_sided_footprint_is_less_symmetric(grid, landscapes):
    symmetry = [footprint_shape(landscapes.gaussian_footprint(grid, east=east), grid).symmetry for east in (0.0, 150.0, 400.0)]
    assert symmetry[0] > 0.8 and falls(symmetry)
