"""Autotrophic respiration."""

import math

import numpy as np
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


STEP = 1800.0


def plant(gpp, needed=4e-5, *, kept=0.0, labile=0.0, organs=400.0, share=0.25, step=STEP):
    """Results by name of a plant whose four organs hold and respire the same."""
    results = respiration.plant_respiration(gpp, *[0.25 * needed] * 4, share, kept, labile, *[0.25 * organs] * 4, step)
    return dict(zip(respiration.plant_respiration.returns, results, strict=True))


def test_without_turnover_time_growth_takes_its_share_of_what_maintenance_leaves_at_once():
    kept = respiration.labile_retention(0.0, STEP)
    found = plant(10e-5, kept=kept)
    assert found["maintenance_respiration"] == pytest.approx(4e-5)
    assert found["growth_respiration"] == pytest.approx(0.25 * 6e-5)
    assert found["autotrophic_respiration"] == found["maintenance_respiration"] + found["growth_respiration"]
    assert found["net_primary_production"] == pytest.approx(4.5e-5)
    assert found["allocated_production"] == pytest.approx(4.5e-5) and found["labile_carbon"] < 1e-300
    night = plant(0.0, kept=kept)
    assert night["growth_respiration"] == 0.0
    assert night["net_primary_production"] == night["allocated_production"] == pytest.approx(-4e-5)


def test_growth_uses_labile_carbon_up_exponentially_whatever_the_step():
    in_one = respiration.labile_retention(5.0, 86400.0)
    assert in_one == pytest.approx(math.exp(-0.2), rel=1e-14)
    assert respiration.labile_retention(5.0, STEP) ** 48 == pytest.approx(in_one, rel=1e-12)
    assert plant(0.0, 0.0, kept=in_one, labile=100.0)["labile_carbon"] == pytest.approx(100.0 * math.exp(-0.2))


def test_maintenance_at_night_is_paid_from_labile_carbon_and_organs_still_grow():
    kept = respiration.labile_retention(5.0, STEP)
    night = plant(0.0, kept=kept, labile=20.0)
    ready = 20.0 - 4e-5 * STEP
    assert night["labile_carbon"] == pytest.approx(kept * ready, rel=1e-14)
    assert night["growth_respiration"] * STEP == pytest.approx(0.25 * (1.0 - kept) * ready, rel=1e-12)
    assert night["allocated_production"] == pytest.approx(3.0 * night["growth_respiration"], rel=1e-12)
    assert night["net_primary_production"] < 0.0 < night["allocated_production"]


def test_organs_pay_what_labile_carbon_cannot():
    found = plant(0.0, 4e-3, kept=0.9, labile=3.0)
    assert found["labile_carbon"] == found["growth_respiration"] == 0.0
    assert found["allocated_production"] * STEP == pytest.approx(3.0 - 4e-3 * STEP)


def test_bare_plants_respire_nothing_they_do_not_hold():
    found = plant(0.0, 2e-5, organs=0.009)
    assert found["maintenance_respiration"] == pytest.approx(0.009 / STEP)
    assert found["net_primary_production"] == -found["maintenance_respiration"]


def repeated(days, turnover, sun=2e-4, needed=4e-5):
    """Labile carbon (g m-2) and growth respiration of each step, under half a day of steady light every day."""
    kept, labile, growth = respiration.labile_retention(turnover, STEP), 0.0, []
    for step in range(48 * days):
        found = plant(sun if step % 48 >= 24 else 0.0, needed, kept=kept, labile=labile, organs=1e4)
        labile = found["labile_carbon"]
        growth.append(found["growth_respiration"])
    return labile, np.array(growth)


def test_growth_respires_at_midnight_nearly_as_at_noon():
    """Half a day brings the pool at most half a day of sunlight's 1e-4 above or below the mean of 6e-5 times 5 days."""
    _, growth = repeated(60, 5.0)
    day = growth[-48:]
    assert 0.0 < (day.max() - day.min()) / day.mean() < (1e-4 * 0.5) / (6e-5 * 5.0)
    _, at_once = repeated(2, 0.0)
    assert at_once.min() == 0.0


@pytest.mark.parametrize("turnover", [0.5, 5.0, 20.0])
def test_in_balance_growth_respires_its_share_of_production_less_maintenance(turnover):
    _, growth = repeated(400, turnover)
    assert growth[-48:].mean() == pytest.approx(0.25 * (0.5 * 2e-4 - 4e-5), rel=1e-6)


def test_in_steady_light_growth_comes_to_the_old_rule():
    """Constant production and maintenance: after many turnover times the same as growth at once."""
    kept, labile = respiration.labile_retention(5.0, STEP), 0.0
    for _ in range(48 * 200):
        found = plant(1e-4, kept=kept, labile=labile)
        labile = found["labile_carbon"]
    assert found["growth_respiration"] == pytest.approx(plant(1e-4)["growth_respiration"], rel=1e-12)
    assert labile == pytest.approx(6e-5 * 5.0 * 86400.0, rel=0.003)  # supply times turnover time, to half a step


@given(fluxes, fluxes, st.floats(0.0, 0.6), st.floats(0.0, 1.0), st.floats(0.0, 200.0), pools, st.floats(1.0, 86400.0))
def test_labile_carbon_and_organs_gain_what_production_leaves(gpp, needed, share, kept, labile, organs, step):
    found = plant(gpp, 4.0 * needed, kept=kept, labile=labile, organs=organs, share=share, step=step)
    assert found["autotrophic_respiration"] == found["maintenance_respiration"] + found["growth_respiration"]
    assert found["net_primary_production"] == gpp - found["autotrophic_respiration"]
    assert found["growth_respiration"] >= 0.0 and found["labile_carbon"] >= 0.0
    gained = found["labile_carbon"] - labile + found["allocated_production"] * step
    assert gained == pytest.approx(found["net_primary_production"] * step, abs=1e-10)
    assert found["allocated_production"] * step >= -organs * (1.0 + 1e-12) - 1e-12


@given(fluxes, fluxes, fluxes)
def test_ecosystem_fluxes_are_exact_sums(autotrophic, heterotrophic, gpp):
    reco, nee = respiration.ecosystem_exchange(autotrophic, heterotrophic, gpp)
    assert reco == autotrophic + heterotrophic
    assert nee == reco - gpp
