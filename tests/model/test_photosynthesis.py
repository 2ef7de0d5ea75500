"""Photosynthesis: published values, limits, and monotone response to light and carbon dioxide."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import photosynthesis as ph

BOOK_GAS_CONSTANT = 8.314  # of the worked table; 8.314462 moves Kc at 35 degC by 6e-5
CAPACITY, RATIO = 50.0, 1.9
YIELD = 0.425  # mol electrons per mol photons


def leaf(temperature=25.0, inside=280.0, light=1000.0, capacity=CAPACITY, stress=1.0, ratio=RATIO, c4=0.0, growth=25.0,
         respiration=0.015, light_inhibition=1.0):
    acclimated, carboxylation, transport = ph.kattge_knorr(growth, ratio)
    values = ph.farquhar(temperature, inside, light, YIELD, capacity, stress, acclimated, carboxylation, transport, respiration,
                         light_inhibition, c4)
    return dict(zip(ph.farquhar.returns, values, strict=True))


@pytest.mark.parametrize(("temperature", "kc", "ko", "compensation", "capacity", "rubisco", "light"), [
    (10.0, 74.15, 127.94, 19.047, 13.376, 7.335, 8.057),
    (25.0, 404.9, 278.4, 42.75, 50.0, 11.978, 14.295),
    (35.0, 1145.4, 448.24, 70.149, 59.927, 6.410, 9.990),
])
def test_worked_table_of_the_farquhar_model(temperature, kc, ko, compensation, capacity, rubisco, light):
    warm = ph.warmth(temperature, BOOK_GAS_CONSTANT)
    inactive = ph.deactivation(650.0, BOOK_GAS_CONSTANT)
    found_kc = ph.CARBOXYLASE_CONSTANT * math.exp(ph.CARBOXYLASE_ENERGY * warm)
    found_ko = ph.OXYGENASE_CONSTANT * math.exp(ph.OXYGENASE_ENERGY * warm)
    found = CAPACITY * ph.peaked_arrhenius(ph.CARBOXYLATION_ENERGY, inactive, warm)
    electrons = CAPACITY * RATIO * ph.peaked_arrhenius(ph.TRANSPORT_ENERGY, inactive, warm)
    point = ph.photorespiration_compensation(warm)
    michaelis = ph.michaelis_constant(warm)
    assert found_kc == pytest.approx(kc, rel=1e-4)
    assert found_ko == pytest.approx(ko, rel=1e-4)
    assert michaelis == pytest.approx(found_kc * (1.0 + 210.0 / found_ko), rel=1e-12)
    assert point == pytest.approx(compensation, rel=1e-4)
    assert found == pytest.approx(capacity, rel=1e-4)
    assert ph.rubisco_limited(280.0, found, point, michaelis) == pytest.approx(rubisco, rel=1e-4)
    transport = ph.electron_transport(1000.0, electrons, YIELD)
    assert ph.light_limited(280.0, transport, point) == pytest.approx(light, rel=1e-4)


def test_worked_values_at_25_degrees():
    assert ph.michaelis_constant(0.0) == pytest.approx(710.32, rel=1e-5)
    assert ph.electron_transport(1000.0, 95.0, YIELD) == pytest.approx(88.09, rel=1e-4)
    assert ph.peaked_arrhenius(ph.CARBOXYLATION_ENERGY, 0.2, 0.0) == pytest.approx(1.0, rel=1e-14)


def test_one_reciprocal_gives_the_same_rates_as_the_textbook_formulas():
    acclimated, carboxylation, transport = ph.kattge_knorr(18.0, RATIO)
    warm = ph.warmth(31.0, ph.GAS_CONSTANT)
    capacity = 0.8 * CAPACITY * ph.peaked_arrhenius(ph.CARBOXYLATION_ENERGY, carboxylation, warm)
    electrons = 0.8 * CAPACITY * acclimated * ph.peaked_arrhenius(ph.TRANSPORT_ENERGY, transport, warm)
    point = ph.photorespiration_compensation(warm)
    first = ph.rubisco_limited(250.0, capacity, point, ph.michaelis_constant(warm))
    second = ph.light_limited(250.0, ph.electron_transport(600.0, electrons, YIELD), point)
    joined = ph.smooth_minimum(first, second, 0.98, 0.5 / 0.98)
    gross = ph.smooth_minimum(joined, 0.501 * capacity, 0.95, 0.5 / 0.95)
    assert leaf(31.0, 250.0, 600.0, stress=0.8, growth=18.0)["gross_assimilation"] == pytest.approx(gross, rel=1e-12)


def test_rates_saturate_at_capacity_and_at_a_quarter_of_electron_transport():
    assert ph.rubisco_limited(1e12, 50.0, 42.75, 710.0) == pytest.approx(50.0, rel=1e-9)
    assert ph.light_limited(1e12, 88.0, 42.75) == pytest.approx(22.0, rel=1e-9)
    assert ph.rubisco_limited(42.75, 50.0, 42.75, 710.0) == 0.0
    assert ph.electron_transport(1e9, 95.0, YIELD) == pytest.approx(95.0, rel=1e-6)
    assert ph.electron_transport(1.0, 95.0, YIELD) == pytest.approx(YIELD, rel=2e-3)


def test_in_the_dark_only_respiration_is_left():
    dark = leaf(light=0.0)
    assert dark["gross_assimilation"] == 0.0
    assert dark["dark_respiration"] == pytest.approx(0.015 * CAPACITY, rel=1e-12)
    assert leaf(light=1e-6)["gross_assimilation"] < 1e-6
    assert leaf(light=0.0, c4=1.0)["gross_assimilation"] == 0.0


def test_nothing_is_assimilated_at_the_compensation_point():
    point = leaf()["compensation_point"]
    assert point == pytest.approx(42.75, rel=1e-12)
    assert leaf(inside=point)["gross_assimilation"] == pytest.approx(0.0, abs=1e-12)
    assert leaf(c4=1.0)["compensation_point"] == 0.0


@settings(deadline=None)
@given(st.floats(-40.0, 60.0), st.floats(20.0, 1500.0), st.floats(0.0, 2500.0), st.floats(1.0, 200.0), st.floats(0.0, 1.0),
       st.sampled_from([0.0, 1.0]), st.floats(-30.0, 45.0))
def test_assimilation_is_finite_not_negative_and_below_every_limit(temperature, inside, light, capacity, stress, c4, growth):
    found = leaf(temperature, inside, light, capacity, stress, c4=c4, growth=growth)
    assert all(math.isfinite(value) for value in found.values())
    assert found["gross_assimilation"] >= 0.0
    assert found["assimilation_slope"] >= -1e-12
    assert found["dark_respiration"] > 0.0
    quantum_yield = ph.C4_QUANTUM_YIELD if c4 else YIELD / 4.0
    assert found["gross_assimilation"] <= quantum_yield * light * (1.0 + 1e-9) + 1e-12


@settings(deadline=None)
@given(st.floats(0.0, 45.0), st.floats(60.0, 800.0), st.floats(0.0, 2000.0), st.floats(0.1, 300.0),
       st.sampled_from([0.0, 1.0]))
def test_assimilation_rises_with_light_and_with_carbon_dioxide(temperature, inside, light, more, c4):
    now = leaf(temperature, inside, light, c4=c4)["gross_assimilation"]
    assert leaf(temperature, inside, light + more, c4=c4)["gross_assimilation"] >= now - 1e-9
    assert leaf(temperature, inside + more, light, c4=c4)["gross_assimilation"] >= now - 1e-9


@pytest.mark.parametrize("c4", [0.0, 1.0])
@pytest.mark.parametrize("light", [40.0, 300.0, 800.0, 2500.0])
@pytest.mark.parametrize("inside", [5.0, 80.0, 250.0, 700.0])
def test_slope_is_the_derivative_of_assimilation(inside, light, c4):
    step = 1e-4
    low, here, high = (leaf(inside=inside + change, light=light, c4=c4) for change in (-step, 0.0, step))
    numeric = (high["gross_assimilation"] - low["gross_assimilation"]) / (2.0 * step)
    if here["gross_assimilation"] > 0.0:
        assert here["assimilation_slope"] == pytest.approx(numeric, rel=1e-4, abs=1e-9)


def test_c4_capacity_doubles_in_ten_degrees_and_is_cut_by_cold_and_heat():
    ratio = ph.c4_capacity(1.0, 30.0) / ph.c4_capacity(1.0, 20.0)
    cut = (1.0 + math.exp(-2.1)) * (1.0 + math.exp(-3.2)) / ((1.0 + math.exp(-5.1)) * (1.0 + math.exp(-1.2)))
    assert ratio == pytest.approx(2.0 * cut, rel=1e-12)
    assert ph.c4_capacity(1.0, 5.0) < 0.03
    assert ph.c4_capacity(1.0, 50.0) < ph.c4_capacity(1.0, 38.0)


def test_growth_temperature_moves_the_optimum_and_the_ratio():
    assert ph.kattge_knorr(25.0, RATIO)[0] == pytest.approx(RATIO, rel=1e-12)
    assert ph.kattge_knorr(11.0, RATIO)[0] / RATIO == pytest.approx((2.59 - 0.385) / (2.59 - 0.875), rel=1e-12)
    assert ph.kattge_knorr(-5.0, RATIO) == ph.kattge_knorr(11.0, RATIO)
    assert ph.kattge_knorr(50.0, RATIO) == ph.kattge_knorr(35.0, RATIO)
    hot = [leaf(40.0, light=2000.0, growth=growth)["gross_assimilation"] for growth in (11.0, 35.0)]
    assert hot[1] > 1.2 * hot[0]
    assert ph.not_acclimated(RATIO) == pytest.approx(ph.kattge_knorr(25.0, RATIO), rel=1e-12)


def test_light_inhibits_respiration_between_15_and_25_umol():
    shares = [ph.inhibited(light) for light in (0.0, 15.0, 20.0, 25.0, 900.0)]
    assert shares == pytest.approx([1.0, 1.0, 0.8, 0.6, 0.6])
    assert ph.not_inhibited(900.0) == 1.0


def test_dry_soil_scales_assimilation_but_not_respiration():
    assert leaf(stress=0.0)["gross_assimilation"] == 0.0
    assert leaf(stress=0.5)["gross_assimilation"] < leaf()["gross_assimilation"]
    assert leaf(stress=0.2)["dark_respiration"] == leaf()["dark_respiration"]
