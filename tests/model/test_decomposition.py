"""Decomposition of litter and soil organic matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model import decomposition as d
from terraflux.model.carbon_allocation import PER_YEAR, SECONDS_PER_YEAR
from terraflux.model.parameters import parameters

POOLS = 9
shares = st.floats(0.0, 1.0)


def step(pools, litter=(0.0, 0.0, 0.0), pace=(0.3, 0.2), sand=0.43, clay=0.18, seconds=1800.0,
         carbon_nitrogen=(42.0, 42.0), wood_lignin=0.4):  # fmt: skip
    leaf_metabolic, leaf_lignin, root_metabolic, root_lignin, surface_rate, root_rate, wood_rate = d.litter_quality(
        *carbon_nitrogen, wood_lignin
    )
    return d.decomposition(*pools, *litter, leaf_metabolic, root_metabolic, leaf_lignin, root_lignin, wood_lignin,
                           wood_rate, surface_rate, root_rate, sand, clay, *pace, seconds)  # fmt: skip


@pytest.mark.parametrize(
    ("temperature", "relative"), [(-5.0, 0.1334), (0.0, 0.3021), (10.0, 1.0), (20.0, 2.3032), (30.0, 4.2593)]
)
def test_lloyd_taylor_known_answers(temperature, relative):
    assert d.lloyd_taylor(temperature, 10.0) == pytest.approx(relative, abs=5e-5)


def test_warmth_is_one_at_the_reference_and_vanishes_without_a_floor():
    assert d.lloyd_taylor(35.0, 35.0) == 1.0
    assert d.lloyd_taylor(-30.0, 35.0) < 1e-6
    assert 0.0 < d.lloyd_taylor(-90.0, 35.0) == d.lloyd_taylor(-40.0, 35.0) < 1e-15


@given(shares, shares, shares)
def test_moisture_response_lies_between_nothing_and_one(wetness, sand, anaerobic):
    assert 0.0 <= d.moisture_response(wetness, sand, anaerobic) <= 1.0


def test_moisture_response_peaks_at_middle_wetness_and_ends_when_dry():
    for sand in (0.0, 0.5, 1.0):
        wetness = np.linspace(0.0, 1.0, 201)
        response = [d.moisture_response(float(one), sand, 0.0) for one in wetness]
        square, linear, constant = (np.array(fine) + (np.array(coarse) - np.array(fine)) * sand
                                    for fine, coarse in ((5.03, 4.64), (5.44, 5.63), (0.472, 0.71)))
        assert max(response) == pytest.approx(linear**2 / (4.0 * square) - constant, abs=1e-4)  # vertex of the parabola
        assert wetness[int(np.argmax(response))] == pytest.approx(linear / (2.0 * square), abs=0.005)
        assert response[0] == 0.0 and d.moisture_response(0.09, sand, 0.0) == 0.0


def test_anaerobic_decomposition_counts_only_in_wet_soil():
    assert d.moisture_response(1.0, 0.0, 0.35) == 0.35
    assert d.moisture_response(0.05, 0.0, 0.35) == 0.0
    around = [d.moisture_response(w, 0.5, 0.35) for w in (d.OPTIMUM_WETNESS, d.OPTIMUM_WETNESS + 1e-9)]
    assert around[0] == pytest.approx(around[1], abs=1e-7)


def test_metabolic_and_structural_litter_follow_lignin_and_nitrogen():
    metabolic, lignin = d.litter_quality_of(d.FOLIAGE_LIGNIN, 40.0)
    assert metabolic == pytest.approx(0.85 - 0.018 * 0.6 * 40.0)
    assert lignin == pytest.approx(0.302 / (0.15 + 0.018 * 0.6 * 40.0))
    for carbon_nitrogen in (5.0, 20.0, 78.0, 150.0):
        metabolic, lignin = d.litter_quality_of(d.FOLIAGE_LIGNIN, carbon_nitrogen)
        assert 0.0 <= metabolic <= 0.85 and 0.0 < lignin <= 1.0


@pytest.mark.parametrize("number", range(POOLS))
def test_a_lone_pool_decays_exponentially(number):
    _, _, _, _, surface, root, wood = d.litter_quality(42.0, 42.0, 0.4)
    rates = [wood, surface, 14.8 * PER_YEAR, root, 18.5 * PER_YEAR, 6.0 * PER_YEAR,
             7.3 * (1.0 - 0.75 * 0.57) * PER_YEAR, 0.25 * PER_YEAR, 0.007 * PER_YEAR]  # fmt: skip
    pools = np.zeros(POOLS)
    pools[number] = 1000.0
    after = step(pools, pace=(1.0, 1.0), seconds=SECONDS_PER_YEAR / 100.0)
    # Slow and passive carbon gain nothing here: what they pass on comes back later.
    assert after[number] == pytest.approx(1000.0 * math.exp(-rates[number] * SECONDS_PER_YEAR / 100.0), rel=1e-13)


@pytest.mark.parametrize(
    ("number", "respired"),
    [
        (0, 0.6 * 0.55 + 0.4 * 0.45),  # coarse wood, lignin 0.4
        (2, 0.6),  # surface metabolic
        (4, 0.5),  # root metabolic
        (5, 0.6),  # surface microbes
        (6, 0.85 - 0.68 * 0.57),  # soil microbes, silt and clay 0.57
        (7, 0.55),  # slow
        (8, 0.5),  # passive
    ],
)
def test_respired_fractions(number, respired):
    decayed = np.zeros(POOLS)
    decayed[number] = 1.0
    assert 1.0 - sum(d.passed_on(*decayed, 0.5, 0.5, 0.4, 0.43, 0.18)) == pytest.approx(respired, abs=1e-14)


def test_structural_litter_respires_less_of_its_lignin():
    surface, root = np.eye(POOLS)[1], np.eye(POOLS)[3]
    assert 1.0 - sum(d.passed_on(*surface, 0.5, 0.3, 0.4, 0.43, 0.18)) == pytest.approx(0.5 * 0.6 + 0.5 * 0.3)
    assert 1.0 - sum(d.passed_on(*root, 0.5, 0.3, 0.4, 0.43, 0.18)) == pytest.approx(0.7 * 0.55 + 0.3 * 0.3)


def test_texture_rules_microbes_passive_carbon_and_leaching():
    microbes = np.eye(POOLS)[6]
    _, _, to_slow, to_passive, leached = d.passed_on(*microbes, 0.5, 0.5, 0.4, 0.43, 0.18)
    assert to_passive == pytest.approx(0.003 + 0.032 * 0.18)
    assert leached == pytest.approx((0.01 + 0.04 * 0.43) * 5.0 / 18.0)
    assert to_slow == pytest.approx(1.0 - (0.85 - 0.68 * 0.57) - to_passive - leached)
    slow = np.eye(POOLS)[7]
    assert d.passed_on(*slow, 0.5, 0.5, 0.4, 0.1, 0.6)[3] == 1e-5


@given(st.lists(st.floats(0.0, 2e4), min_size=POOLS, max_size=POOLS), st.tuples(*[st.floats(0.0, 1e-3)] * 3),
       st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 3.0)), shares, shares, st.sampled_from([1.0, 1800.0, 86400.0]),
       st.tuples(st.floats(5.0, 150.0), st.floats(5.0, 150.0)), shares)  # fmt: skip
def test_every_gram_is_accounted_for(pools, litter, pace, sand, clay_share, seconds, carbon_nitrogen, wood_lignin):
    *after, respired, leached = step(pools, litter, pace, sand, clay_share * (1.0 - sand), seconds, carbon_nitrogen,
                                     wood_lignin)  # fmt: skip
    gained = sum(new - old for new, old in zip(after, pools, strict=True))
    assert gained == pytest.approx((sum(litter) - respired - leached) * seconds, abs=1e-10)
    assert min(after) >= 0.0
    assert respired >= -1e-18 and leached >= 0.0


def test_frozen_and_dry_soil_keep_their_carbon():
    p = parameters("ENF")
    shared = (p["decomposition_reference_temperature"], p["sand_fraction"], p["anaerobic_decomposition"], 1.0)
    frozen = d.decomposition_pace(-20.0, 0.03, 0.45, -15.0, 0.06, *shared)
    assert frozen[2] == frozen[3] == 0.0
    warm = d.decomposition_pace(15.0, 0.25, 0.45, 12.0, 0.55, *shared)
    assert warm[3] == warm[0] * warm[1] and warm[2] > warm[3] > 0.1


def test_decomposition_scale_multiplies_the_pace():
    shared = (10.0, 0.25, 0.45, 10.0, 0.55, 35.0, 0.43, 0.0)
    once, twice = d.decomposition_pace(*shared, 1.0), d.decomposition_pace(*shared, 2.0)
    assert twice[2:] == (2.0 * once[2], 2.0 * once[3])
