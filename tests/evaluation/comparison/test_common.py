"""On common ground no product keeps a cell, a time or an amount that the others do not have."""

import numpy as np
import pytest

from terraflux.evaluation.comparison.common import bring_together, common_mask, common_period, regridded
from terraflux.evaluation.comparison.fields import annual_amounts, fields_of


def test_regridding_keeps_the_total(make_fields):
    fine = make_fields(rows=12, columns=16, cell=0.5)
    edges = 30.0 + np.arange(0.0, 7.0, 1.5), 100.0 + np.arange(0.0, 9.0, 2.0)
    coarse = regridded(fine, *edges)
    assert coarse.values.shape == (36, 4, 4)
    total = [(annual_amounts(one)[0] * one.area()).sum() for one in (fine, coarse)]
    assert total[1] == pytest.approx(total[0], rel=1e-12)


def test_regridding_weighs_by_land(make_fields):
    land = np.random.default_rng(0).random((12, 16))
    fine = make_fields(rows=12, columns=16, cell=0.5, land=land)
    coarse = regridded(fine, 30.0 + np.arange(7.0), 100.0 + np.arange(9.0))
    total = [(annual_amounts(one)[0] * one.area()).sum() for one in (fine, coarse)]
    assert total[1] == pytest.approx(total[0], rel=1e-12)
    assert coarse.land is not None and coarse.area().sum() == pytest.approx(fine.area().sum(), rel=1e-12)


def test_a_cell_that_is_mostly_missing_is_missing(make_fields):
    fine = make_fields(rows=4, columns=4, cell=0.5)
    values = fine.values.copy()
    values[:, :2, :2] = np.nan
    values[:, 0, 2] = np.nan
    holed = fields_of("holed", "gpp", values, fine.time, fine.latitude, fine.longitude)
    coarse = regridded(holed, 30.0 + np.arange(3.0), 100.0 + np.arange(3.0))
    assert np.isnan(coarse.values[:, 0, 0]).all() and np.isfinite(coarse.values[:, 0, 1]).all()


def test_the_same_grid_is_left_alone(make_fields):
    fields = make_fields()
    assert regridded(fields, fields.latitude_edges + 1e-7, fields.longitude_edges) is fields


def test_products_meet_on_the_coarsest_grid_and_the_shared_months(make_fields):
    fine = make_fields("fine", rows=12, columns=16, cell=0.5, years=(2001, 2004))
    coarse = make_fields("coarse", rows=8, columns=10, cell=1.0, south=29.0, west=99.0, years=(2003, 2006))
    ours, theirs = bring_together([fine, coarse])
    assert ours.values.shape == theirs.values.shape == (24, 6, 8)
    assert ours.latitude_edges[0] == 30.0 and ours.longitude_edges[-1] == 108.0
    assert ours.time[0] == np.datetime64("2003-01") and np.array_equal(ours.time, theirs.time)


def test_months_meet_years_as_years(make_fields):
    found = common_period([make_fields("a"), make_fields("b", monthly=False, years=(2002, 2005))])
    assert not found[0].monthly and found[0].time.astype(str).tolist() == ["2002", "2003"]


def test_one_missing_month_of_one_product_drops_the_cell_or_the_month(make_fields):
    ours, theirs = make_fields("a"), make_fields("b", seed=2)
    values = theirs.values.copy()
    values[5, 1, 2] = np.nan
    theirs = fields_of("b", "gpp", values, theirs.time, theirs.latitude, theirs.longitude)
    whole = bring_together([ours, theirs])
    assert np.isnan(whole[0].values[:, 1, 2]).all() and np.isfinite(whole[0].values[:, 0, 0]).all()
    part = bring_together([ours, theirs], whole_series=False)
    assert np.isnan(part[0].values).sum() == np.isnan(part[1].values).sum() == 1


def test_a_month_that_a_product_leaves_empty_everywhere_costs_no_cell(make_fields):
    ours = make_fields("a")
    values = ours.values.copy()
    values[7] = np.nan
    assert common_mask([ours, fields_of("b", "gpp", values, ours.time, ours.latitude, ours.longitude)]).all()


def test_what_has_nothing_in_common_is_refused(make_fields):
    with pytest.raises(ValueError, match="no month in common: a 2001-01 to 2003-12; b 2010-01"):
        bring_together([make_fields("a"), make_fields("b", years=(2010, 2011))])
    with pytest.raises(ValueError, match="do not overlap in latitude"):
        bring_together([make_fields("a"), make_fields("b", south=60.0)])
    with pytest.raises(ValueError, match="different quantities"):
        bring_together([make_fields("a"), make_fields("b", variable="et")])
    with pytest.raises(ValueError, match="one name"):
        bring_together([make_fields("a"), make_fields("a")])
    with pytest.raises(ValueError, match="two products"):
        bring_together([make_fields("a")])
