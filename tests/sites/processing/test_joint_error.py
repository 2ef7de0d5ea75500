"""Joint uncertainty of fluxes."""

import numpy as np
import pytest

from terraflux.sites.processing.joint_error import (
    joint_error_heat,
    joint_error_nee,
    threshold_levels,
    threshold_percentiles,
)


def test_without_spread_the_random_error_is_left():
    assert joint_error_nee([1.5, 2.0], [3.0, -4.0], [3.0, -4.0]).tolist() == [1.5, 2.0]
    assert joint_error_heat([15.0], [80.0], [80.0]).tolist() == [15.0]


def test_variances_add():
    assert joint_error_nee(3.0, 0.0, 8.0) == pytest.approx(5.0)
    assert joint_error_heat(3.0, 0.0, 4.0 * 1.349) == pytest.approx(5.0)


def test_normal_choices_give_their_standard_deviation():
    choices = np.random.default_rng(0).normal(7.0, 2.0, (4000, 3))
    low, _, high = threshold_percentiles(choices)
    assert joint_error_nee(0.0, low, high) == pytest.approx(2.0, rel=0.05)
    low, high = threshold_percentiles(choices, (25.0, 75.0))
    assert joint_error_heat(0.0, low, high) == pytest.approx(2.0, rel=0.05)


def test_a_missing_part_makes_the_whole_missing():
    assert np.isnan(joint_error_nee([np.nan, 1.0], [0.0, np.nan], [1.0, 1.0])).all()
    percentiles = threshold_percentiles([[1.0, np.nan], [3.0, np.nan]], (50.0,))
    assert percentiles[0, 0] == 2.0 and np.isnan(percentiles[0, 1])


def test_forty_levels_run_from_one_and_a_quarter_percent():
    levels = threshold_levels()
    assert levels.size == 40 and levels[0] == 1.25 and levels[-1] == 98.75 and (np.diff(levels) == 2.5).all()
    with pytest.raises(ValueError, match="at least one"):
        threshold_levels(0)
    with pytest.raises(ValueError, match="one row per processing choice"):
        threshold_percentiles([1.0, 2.0])
