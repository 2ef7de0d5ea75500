"""Leaf area from CSV, constant or phenology."""

import numpy as np
import pytest

from terraflux.drivers import leaf_area
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import INTERPOLATED, PRESCRIBED
from terraflux.drivers.time_axis import TimeAxis

AXIS = TimeAxis(np.arange(np.datetime64("2019-01-01", "s"), np.datetime64("2020-01-01", "s"),
                          np.timedelta64(1800, "s")), 1800)


def write(path, dates, values):
    path.write_text("date,value\n" + "\n".join(f"{date},{value}" for date, value in zip(dates, values)) + "\n")
    return path


def test_points_are_met_and_joined_by_lines(tmp_path):
    path = write(tmp_path / "lai.csv", ["2019-01-01", "2019-07-01", "2019-12-31"], [1.0, 4.0, 1.5])
    values, flags, notes = leaf_area.leaf_area_series(AXIS, path, smoothed=False)
    assert values[0] == 1.0 and values[AXIS.start == np.datetime64("2019-07-01")][0] == pytest.approx(4.0)
    assert (flags == INTERPOLATED).all() and "3 dates" in notes[0]


def test_smoothing_removes_a_cloudy_composite_and_keeps_the_season():
    dates = np.arange(np.datetime64("2019-01-01"), np.datetime64("2020-01-01"), np.timedelta64(4, "D"))
    season = 2.0 - 1.5 * np.cos(2.0 * np.pi * np.arange(dates.size) / dates.size)
    spoiled = season.copy()
    spoiled[[20, 45, 46, 70]] = 0.1
    smoothed = leaf_area.smooth(dates, spoiled)
    assert np.abs(smoothed - season)[2:-2].max() < 0.2 < np.abs(spoiled - season).max()


@pytest.mark.real_data
def test_modis_leaf_area_of_sagebrush_is_low(shared_data):
    axis = TimeAxis(AXIS.start - np.timedelta64(2 * 365, "D"), 1800)
    path = shared_data / "towers/US-Hn1/modis_MCD15A3H_Lai_500m.csv"
    dates, raw = leaf_area.read_leaf_area(path)
    values, _, _ = leaf_area.leaf_area_series(axis, path, composite_days=4.0)
    assert 0.05 < values.min() < values.max() < 1.0 and np.isfinite(values).all()
    year = (dates >= np.datetime64("2017-01-01")) & (dates < np.datetime64("2018-01-01"))
    assert values.mean() == pytest.approx(raw[year].mean(), abs=0.05)


def test_bad_leaf_area_is_refused(tmp_path):
    with pytest.raises(ForcingError, match="outside"):
        leaf_area.read_leaf_area(write(tmp_path / "a.csv", ["2019-01-01", "2019-02-01"], [10.0, 40.0]))
    with pytest.raises(ForcingError, match="order"):
        leaf_area.read_leaf_area(write(tmp_path / "b.csv", ["2019-03-01", "2019-02-01"], [1.0, 2.0]))
    with pytest.raises(ForcingError, match="did you mean 'value'"):
        leaf_area.read_leaf_area(write(tmp_path / "c.csv", ["2019-01-01", "2019-02-01"], [1.0, 2.0]), "values")
    with pytest.raises(ForcingError, match="covers"):
        leaf_area.leaf_area_series(AXIS, write(tmp_path / "d.csv", ["2009-01-01", "2009-02-01"], [1.0, 2.0]))
    with pytest.raises(ForcingError, match="date is not understood"):
        leaf_area.read_leaf_area(write(tmp_path / "e.csv", ["01.02.2019", "01.03.2019"], [1.0, 2.0]))
    with pytest.raises(ForcingError, match="outside"):
        leaf_area.constant_leaf_area(AXIS, 40.0)


def test_constant_and_absent_leaf_area_are_flagged_prescribed():
    values, flags, _ = leaf_area.constant_leaf_area(AXIS, 3.0)
    assert (values == 3.0).all() and (flags == PRESCRIBED).all()
    values, flags, notes = leaf_area.absent_leaf_area(AXIS)
    assert (values == 0.0).all() and "phenology" in notes[0]
