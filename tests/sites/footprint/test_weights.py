"""Weights and groups of half hours."""

import numpy as np
import pytest

from terraflux.sites.footprint import weights


def test_weights_are_never_negative():
    values = np.array([-3.0, 0.0, 2.0, np.nan])
    for name in weights.WEIGHTINGS:
        found = weights.flux_weights(name, values)
        assert (found[:3] >= 0.0).all()
    assert weights.flux_weights("nee", values)[0] == 3.0 and weights.flux_weights("gpp", values)[0] == 0.0
    assert np.isnan(weights.flux_weights("le", values)[3]) and weights.flux_weights("uniform", values)[3] == 1.0


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="nee: size of the net exchange"):
        weights.flux_weights("nep", [1.0])
    with pytest.raises(ValueError, match="month_of_year"):
        weights.by_period(["2020-01-01"], "week")


def test_masks_set_weights_to_zero():
    assert weights.mask_weights([True, False]).tolist() == [1.0, 0.0]
    assert weights.mask_weights([True, False], [5.0, 6.0]).tolist() == [5.0, 0.0]
    with pytest.raises(ValueError, match="shape"):
        weights.mask_weights([True, False], [1.0])


@pytest.mark.parametrize(("period", "expected"), [
    ("day", ["1998-12-31", "1999-01-01", "1999-06-30"]),
    ("month", ["1998-12", "1999-01", "1999-06"]),
    ("season", ["1999-DJF", "1999-DJF", "1999-JJA"]),
    ("year", ["1998", "1999", "1999"]),
    ("month_of_year", ["12", "01", "06"]),
    ("season_of_year", ["DJF", "DJF", "JJA"]),
    ("all", ["all", "all", "all"]),
])
def test_periods_follow_the_calendar(period, expected):
    times = ["1998-12-31T23:30", "1999-01-01T00:00", "1999-06-30T12:00", "NaT"]
    assert weights.by_period(times, period).tolist() == [*expected, None]


def test_every_month_is_in_its_season():
    times = np.arange("2001-01", "2002-01", dtype="datetime64[M]")
    found = weights.by_period(times, "season_of_year").tolist()
    assert found == ["DJF"] * 2 + ["MAM"] * 3 + ["JJA"] * 3 + ["SON"] * 3 + ["DJF"]


def test_sectors_are_centred_on_north():
    found = weights.by_sector([0.0, 22.0, 23.0, 337.4, 337.6, 360.0, np.nan, -10.0])
    assert found.tolist() == [0.0, 0.0, 45.0, 315.0, 0.0, 0.0, None, None]
    assert sorted(set(weights.by_sector(np.arange(0.0, 360.0), 4))) == [0.0, 90.0, 180.0, 270.0]


def test_stability_classes_are_symmetric():
    assert weights.by_stability([-1.0, -0.05, 0.0, 0.05, 0.06, np.nan]).tolist() == [
        "unstable", "neutral", "neutral", "neutral", "stable", None]


def test_daylight_and_classes():
    assert weights.by_daylight([0.0, 500.0, np.nan]).tolist() == ["night", "day", None]
    assert weights.by_class([0.1, 0.2, 0.3], [0.2]).tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="ascend"):
        weights.by_class([1.0], [2.0, 1.0])
    with pytest.raises(ValueError, match="make 2 classes, but 3 names"):
        weights.by_class([1.0], [2.0], ["a", "b", "c"])
