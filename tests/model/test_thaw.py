"""Thaw depth and frozen shares of profiles made by hand."""

import numpy as np
import pytest

from terraflux.model.thaw import begin_thaw, frozen_near_surface, frozen_shares, thaw_front, thaw_front_top

BOTTOMS = np.cumsum([0.05, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0])
THICKNESS = np.diff(BOTTOMS, prepend=0.0)
CENTRES = BOTTOMS - 0.5 * THICKNESS


def depth_of(temperatures):
    """Thaw depth of a profile, layer by layer as the recipe does it."""
    depth, still_open, *_ = begin_thaw(temperatures[0])
    depth = thaw_front_top(depth, still_open, THICKNESS[0])
    for k in range(1, len(temperatures)):
        depth, still_open = thaw_front(depth, still_open, temperatures[k], temperatures[k - 1], THICKNESS[k],
                                       THICKNESS[k - 1], BOTTOMS[k])
    return depth


@pytest.mark.parametrize("front", [0.04, 0.3, 0.8, 1.9, 2.8])
def test_the_thaw_depth_of_a_linear_profile_is_where_it_crosses_zero(front):
    assert depth_of(8.0 * (1.0 - CENTRES / front)) == pytest.approx(front, rel=1e-9)


def test_thawed_ground_is_thawed_to_its_bottom():
    assert depth_of(np.full(10, 3.0)) == pytest.approx(BOTTOMS[-1])


def test_ground_frozen_at_the_surface_is_not_thawed_at_all():
    assert depth_of(np.linspace(-5.0, 5.0, 10)) == 0.0
    assert depth_of(np.full(10, -1.0)) == 0.0


def test_the_uppermost_frozen_layer_counts():
    profile = np.array([5.0, 4.0, 2.0, 1.0, -1.0, -0.5, 2.0, 3.0, 1.0, -2.0])
    assert depth_of(profile) == pytest.approx(0.5 * (CENTRES[3] + CENTRES[4]))


def test_a_frozen_top_layer_counts_the_day_as_frozen():
    assert begin_thaw(-0.1)[-1] == 1.0
    assert begin_thaw(0.0)[-1] == 0.0


def test_frozen_shares_weigh_layers_by_what_lies_within_five_and_ten_centimetres():
    sums = (0.0, 0.0, 0.0, 0.0)
    for ice, liquid, bottom, thickness in ((0.3, 0.1, 0.03, 0.03), (0.1, 0.3, 0.08, 0.05), (0.0, 0.2, 0.3, 0.22)):
        sums = frozen_near_surface(*sums, ice, liquid, bottom, thickness)
    shallow, deeper = frozen_shares(*sums)
    assert shallow == pytest.approx((0.03 * 0.3 + 0.02 * 0.1) / (0.05 * 0.4))
    assert deeper == pytest.approx((0.03 * 0.3 + 0.05 * 0.1) / (0.08 * 0.4 + 0.02 * 0.2))


def test_ground_without_water_is_not_frozen():
    assert frozen_shares(0.0, 0.0, 0.0, 0.0) == (0.0, 0.0)


def test_the_column_reports_the_thaw_depth_of_its_own_profile(ground):
    start = {"soil_temperature": 6.0 * (1.0 - CENTRES / 0.9), "soil_liquid": np.where(CENTRES < 0.9, 0.3, 0.05),
             "soil_ice": np.where(CENTRES < 0.9, 0.0, 0.25), "surface_temperature": 5.0}
    ran = ground.ground_column().run(48, {}, start, ("active_layer_depth", "soil_temperature", "frozen_top_10cm"))
    for step in (0, 20, 47):
        assert ran["active_layer_depth"][step, 0] == pytest.approx(depth_of(ran["soil_temperature"][step, :, 0]), rel=1e-12)
    assert (ran["frozen_top_10cm"] == 0.0).all()


def test_the_thaw_depth_goes_on_below_the_soil(ground):
    start = {"soil_temperature": 4.0, "deep_temperature": np.array([3.0, 2.0, 1.0, -1.0, -2.0, -2.0, -2.0, -2.0]),
             "soil_liquid": 0.3, "surface_temperature": 5.0}
    ran = ground.ground_column(10, "supercooled", 8).run(1, {}, start, ("active_layer_depth", "deep_temperature"))
    deep = ran["deep_temperature"][0, :, 0]
    expected = 3.45 + 2.5 + deep[2] / (deep[2] - deep[3])  # between the centres of layers 1 m thick
    assert ran["active_layer_depth"][0, 0] == pytest.approx(expected, rel=1e-9)
