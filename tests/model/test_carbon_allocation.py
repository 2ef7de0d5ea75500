"""Allocation, turnover and litterfall of vegetation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.carbon_allocation import SECONDS_PER_YEAR, allocation_shares, vegetation_carbon

shares = st.floats(0.0, 1.0)
rates = st.floats(0.0, 6.0)
pools = st.floats(0.0, 2e4)


def step(pool, production, allocation=(0.2, 0.3, 0.1, 0.4), turnover=(1.0, 0.03, 0.03, 0.6), seconds=1800.0):
    results = vegetation_carbon(*pool, production, *allocation, *turnover, seconds)
    return results[:4], [flux * seconds for flux in results[4:]]


@given(st.tuples(pools, pools, pools, pools), st.floats(-1.0, 1.0), st.tuples(shares, shares, shares, shares),
       st.tuples(rates, rates, rates, rates), st.sampled_from([1.0, 1800.0, 86400.0]))  # fmt: skip
def test_every_gram_is_kept_or_shed_and_no_pool_is_negative(pool, demand, allocation, turnover, seconds):
    # A production between all that the pools hold (plants respire no more) and a strong gain.
    amount = demand * sum(pool) if demand < 0.0 else 50.0 * demand
    after, shed = step(pool, amount / seconds, allocation, turnover, seconds)
    assert min(after) >= 0.0 and min(shed) >= 0.0
    assert sum(after) + sum(shed) - sum(pool) == pytest.approx(amount, abs=1e-10)


@given(shares, shares, shares, shares)
def test_shares_sum_to_one_and_are_not_negative(foliage, stem, coarse_root, fine_root):
    parts = allocation_shares(foliage, stem, coarse_root, fine_root)
    assert sum(parts) == pytest.approx(1.0, abs=1e-15)
    assert min(parts) >= -1e-15


def test_without_shares_all_goes_to_leaves():
    assert allocation_shares(0.0, 0.0, 0.0, 0.0) == (1.0, 0.0, 0.0, 0.0)


def test_turnover_is_exponential():
    after, shed = step((100.0, 100.0, 100.0, 100.0), 0.0, seconds=SECONDS_PER_YEAR / 12.0)
    for pool, rate in zip(after, (1.0, 0.03, 0.03, 0.6), strict=True):
        assert pool == pytest.approx(100.0 * math.exp(-rate / 12.0), rel=1e-14)
    assert shed[0] == pytest.approx(100.0 * (1.0 - math.exp(-1.0 / 12.0)))


def test_a_night_undoes_an_equal_day():
    full = (500.0, 6000.0, 3000.0, 400.0)
    still = (0.0, 0.0, 0.0, 0.0)
    day, _ = step(full, 2e-4, turnover=still)
    night, _ = step(day, -2e-4, turnover=still)
    assert night == pytest.approx(full, rel=1e-14)


def test_an_empty_pool_is_spared_and_the_others_pay_by_size():
    after, _ = step((0.0, 300.0, 0.0, 100.0), -20.0 / 1800.0, turnover=(0.0, 0.0, 0.0, 0.0))
    # Shares 0.2 and 0.1 of 20 g fall on empty pools: 6 g, drawn from stem 294 and fine root 92 in proportion.
    assert after[0] == 0.0 and after[2] == 0.0
    assert after[1] == pytest.approx(294.0 * (1.0 - 6.0 / 386.0))
    assert after[3] == pytest.approx(92.0 * (1.0 - 6.0 / 386.0))
