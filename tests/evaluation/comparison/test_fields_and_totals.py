"""Totals of regions are sums of area times amount, by the calendar of the product."""

import numpy as np
import pytest

from terraflux.drivers.grid.cell_area import EARTH_RADIUS
from terraflux.evaluation.comparison.fields import annual_amounts, fields_of, yearly
from terraflux.evaluation.comparison.totals import region_series, zonal_means


def whole_earth(value=1.0, variable="gpp", years=("2000", "2002")):
    """A constant on a globe of 10-degree cells."""
    time = np.arange(f"{years[0]}-01", f"{years[1]}-01", dtype="datetime64[M]")
    latitude, longitude = np.arange(-85.0, 90.0, 10.0), np.arange(-175.0, 180.0, 10.0)
    return fields_of("globe", variable, np.full((time.size, 18, 36), value), time, latitude, longitude)


def test_a_constant_flux_over_the_globe_has_the_total_of_the_sphere():
    found = region_series(whole_earth(), {"all": np.ones((18, 36))})["all"]
    sphere = 4.0 * np.pi * EARTH_RADIUS**2
    assert found.area == pytest.approx(sphere, rel=1e-12)
    assert found.years.tolist() == [2000, 2001]
    assert found.total == pytest.approx([sphere * 366e-15, sphere * 365e-15], rel=1e-12)
    assert found.mean == pytest.approx([366.0, 365.0], rel=1e-14)
    assert (found.unit, found.total_unit) == ("g m-2 yr-1", "Pg yr-1")


def test_water_is_told_in_millimetres_and_cubic_kilometres():
    found = region_series(whole_earth(2.0, "et"), {"all": np.ones((18, 36))})["all"]
    assert found.mean[1] == pytest.approx(730.0, rel=1e-14) and (found.unit, found.total_unit) == ("mm yr-1", "km3 yr-1")
    assert found.total[1] == pytest.approx(730.0 * 4.0 * np.pi * 6371.0**2 * 1e-6, rel=1e-12)


def test_energy_is_a_mean_and_has_no_total():
    found = region_series(whole_earth(80.0, "hfls"), {"all": np.ones((18, 36))})["all"]
    assert found.mean == pytest.approx([80.0, 80.0]) and found.total is None and found.unit == "W m-2"


def test_months_weigh_as_many_days_as_they_have():
    fields = whole_earth()
    values = fields.values.copy()
    values[1] = 30.0  # February 2000
    changed = fields_of("globe", "gpp", values, fields.time, fields.latitude, fields.longitude)
    assert annual_amounts(changed)[0, 0, 0] == 366.0 - 29.0 + 29.0 * 30.0
    assert annual_amounts(changed)[1, 0, 0] == 365.0
    assert yearly(changed).days.tolist() == [366.0, 365.0]


def test_the_method_of_cell_areas_is_stated_and_moves_totals_a_little():
    fields = whole_earth()
    share = {"all": np.ones((18, 36))}
    sphere, ellipsoid = (region_series(fields, share, method)["all"].total[1] for method in ("sphere", "wgs84"))
    assert ellipsoid / sphere == pytest.approx(1.0, abs=5e-6) and ellipsoid != sphere


def test_cells_that_come_and_go_do_not_make_a_trend(make_fields):
    fields = make_fields(years=(2001, 2004))
    values = fields.values.copy()
    values[20, 2, 3] = np.nan
    holed = fields_of("holed", "gpp", values, fields.time, fields.latitude, fields.longitude)
    found = region_series(holed, {"all": np.ones((6, 8))})["all"]
    assert 0.97 < found.coverage < 1.0
    without = np.ones((6, 8))
    without[2, 3] = 0.0
    assert found.total == pytest.approx(region_series(fields, {"all": without})["all"].total, rel=1e-12)


def test_land_share_and_region_share_multiply(make_fields):
    plain, half = make_fields(), make_fields(land=np.full((6, 8), 0.5))
    share = np.full((6, 8), 0.25)
    one, other = (region_series(fields, {"r": part})["r"] for fields, part in ((plain, share * 0.5), (half, share)))
    assert other.total == pytest.approx(one.total) and other.mean == pytest.approx(one.mean)


def test_the_mean_year_of_a_region_is_weighted_by_area(make_fields):
    fields = make_fields()
    found = region_series(fields, {"all": np.ones((6, 8))})["all"]
    area = fields.area()
    july = (fields.values[6::12].mean(axis=0) * area).sum() / area.sum()
    assert found.cycle.shape == (12,) and found.cycle[6] == pytest.approx(july)
    assert np.isnan(region_series(yearly(fields), {"all": np.ones((6, 8))})["all"].cycle).all()


def test_a_region_without_values_is_nan(make_fields):
    found = region_series(make_fields(), {"sea": np.zeros((6, 8))})["sea"]
    assert found.area == 0.0 and np.isnan(found.mean).all() and np.isnan(found.coverage)


def test_zonal_means_follow_the_gradient(make_fields):
    found = zonal_means(make_fields(seed=1))
    assert found.shape == (6,) and np.all(np.diff(found) > 0.0)


def test_years_that_are_not_whole_are_left_out(make_fields):
    fields = make_fields(years=(2001, 2003))
    part = fields.between(np.datetime64("2001-03"), np.datetime64("2003-12"))
    assert yearly(part).time.astype(str).tolist() == ["2002", "2003"]
    with pytest.raises(ValueError, match="holds no whole year"):
        yearly(fields.between(np.datetime64("2001-03"), np.datetime64("2002-02")))
    with pytest.raises(ValueError, match="nothing between"):
        fields.between(np.datetime64("1990-01"), np.datetime64("1991-01"))


def test_shapes_and_times_are_checked():
    with pytest.raises(ValueError, match="months"):
        fields_of("x", "gpp", np.ones((1, 2, 2)), ["2001-01-01"], [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="shape"):
        fields_of("x", "gpp", np.ones((2, 2, 2)), ["2001-01"], [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="must increase"):
        fields_of("x", "gpp", np.ones((2, 2, 2)), ["2001-02", "2001-01"], [1.0, 2.0], [1.0, 2.0])
