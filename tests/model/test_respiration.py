"""Autotrophic respiration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model import respiration

fluxes = st.floats(0.0, 1e-3)
pools = st.floats(0.0, 2e4)


def organs(air=20.0, soil=20.0, q10=2.0):
    rate = respiration.respiration_response(q10)
    return respiration.organ_respiration(1000.0, 500.0, 200.0, 0.1, 0.004, 0.005, rate, air, soil)


def test_base_rates_hold_at_20_degrees():
    stem, coarse_root, fine_root = organs()
    assert stem * 86400.0 == pytest.approx(1000.0 * 0.1 * 0.004)
    assert coarse_root * 86400.0 == pytest.approx(500.0 * 0.1 * 0.004)
    assert fine_root * 86400.0 == pytest.approx(200.0 * 0.005)


def test_ten_kelvin_multiply_by_q10():
    cold, warm = organs(5.0, 3.0, 2.3), organs(15.0, 13.0, 2.3)
    assert [w / c for w, c in zip(warm, cold, strict=True)] == pytest.approx([2.3] * 3)


def test_stems_feel_the_air_and_roots_the_soil():
    base, air, soil = organs(10.0, 10.0), organs(20.0, 10.0), organs(10.0, 20.0)
    assert air[0] > base[0] and air[1:] == base[1:]
    assert soil[0] == base[0] and soil[1] > base[1] and soil[2] > base[2]


def test_growth_takes_its_share_of_what_maintenance_leaves():
    maintenance, growth, autotrophic, production = respiration.plant_respiration(
        10e-5, 2e-5, 1e-5, 0.5e-5, 0.5e-5, 0.25, 100.0, 100.0, 100.0, 100.0, 1800.0
    )
    assert maintenance == pytest.approx(4e-5)
    assert growth == pytest.approx(0.25 * 6e-5)
    assert autotrophic == maintenance + growth
    assert production == pytest.approx(4.5e-5)


def test_nothing_grows_at_night():
    maintenance, growth, _, production = respiration.plant_respiration(
        0.0, 2e-5, 1e-5, 0.0, 0.0, 0.25, 100.0, 100.0, 100.0, 100.0, 1800.0
    )
    assert growth == 0.0 and production == -maintenance


def test_bare_plants_respire_nothing_they_do_not_hold():
    maintenance, _, _, production = respiration.plant_respiration(
        0.0, 2e-5, 0.0, 0.0, 0.0, 0.25, 0.009, 0.0, 0.0, 0.0, 1800.0
    )
    assert maintenance == pytest.approx(0.009 / 1800.0)
    assert production == -maintenance


@given(fluxes, fluxes, fluxes, fluxes, fluxes, st.floats(0.0, 0.6), pools, pools, st.floats(1.0, 86400.0))
def test_production_is_assimilation_less_respiration(gpp, leaf, stem, root, fine, share, foliage, wood, step):
    maintenance, growth, autotrophic, production = respiration.plant_respiration(
        gpp, leaf, stem, root, fine, share, foliage, wood, 0.0, 0.0, step
    )
    assert autotrophic == maintenance + growth
    assert production == gpp - autotrophic
    assert growth >= 0.0
    assert production * step >= -(foliage + wood) * (1.0 + 1e-12) - 1e-12


@given(fluxes, fluxes, fluxes)
def test_ecosystem_fluxes_are_exact_sums(autotrophic, heterotrophic, gpp):
    reco, nee = respiration.ecosystem_exchange(autotrophic, heterotrophic, gpp)
    assert reco == autotrophic + heterotrophic
    assert nee == reco - gpp
