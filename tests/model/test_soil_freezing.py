"""Freezing soil: heat and back, the power law of liquid below 0 degC, and the fronts of Neumann."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import erf, erfc

from terraflux.model.soil_freezing import STILL, begin_freezing, freezing_point, sharp, supercooled

FUSION = 3.337e8  # J m-3
WATER, ICE = 4188e3, 2117e3  # J K-1 per m3 of liquid water and of its ice
HARDLY_DEPRESSED = {"saturated_potential": -1e-3, "retention_exponent": 0.5}


def heat_of(temperature, liquid, ice, porosity, solid, thickness=1.0):
    """Heat content (J m-2) by its definition."""
    capacity = (1.0 - porosity) * solid + WATER * liquid + ICE * ice
    return (capacity * temperature - FUSION * ice) * thickness


def solved(heat, start, liquid, ice, *soil):
    """`supercooled` as a column calls it: once more where the step was long."""
    found, ice, liquid, inertia, step = supercooled(heat, start, liquid, ice, *soil)
    return supercooled(heat, found, liquid, ice, *soil)[:4] if step > STILL else (found, ice, liquid, inertia)


def clapeyron(water, porosity, potential, exponent):
    """Clapeyron with Campbell's retention, written anew: Tf = g Tk psi / Lf within 1e-4 and 20 K."""
    suction = -potential * min(max(water / porosity, 0.01), 1.0) ** -exponent
    return -min(max(9.80665 * 273.15 / 3.337e5 * suction, 1e-4), 20.0)


@given(temperature=st.floats(-60.0, 40.0), water=st.floats(0.001, 0.45), frozen=st.floats(0.0, 1.0),
       thickness=st.floats(0.01, 2.0), exponent=st.floats(0.5, 18.0), start=st.floats(-60.0, 40.0))
def test_temperature_and_ice_hold_exactly_the_heat_they_were_made_of(temperature, water, frozen, thickness, exponent, start):
    porosity, solid = 0.46, 2.2e6
    heat = heat_of(temperature, water * (1.0 - frozen), water * frozen, porosity, solid, thickness)
    point = clapeyron(water, porosity, -0.3, exponent)
    layers = (solved(heat, start, water, 0.0, point, porosity, solid, exponent, thickness),
              sharp(heat, water, 0.0, porosity, solid, thickness))
    for found, ice, liquid, inertia, *_ in layers:
        assert liquid + ice == pytest.approx(water, rel=1e-14)
        assert liquid >= 0.0 and ice >= 0.0 and inertia > 0.0
        again = heat_of(found, liquid, ice, porosity, solid, thickness)
        assert again == pytest.approx(heat, rel=1e-9, abs=1e-9 * FUSION * water * thickness)


@given(temperature=st.floats(-50.0, -1e-3), water=st.floats(0.02, 0.45), exponent=st.floats(1.0, 18.0))
def test_liquid_below_freezing_follows_the_power_law_of_niu_and_yang(temperature, water, exponent):
    porosity, solid, potential = 0.46, 2.2e6, -0.3
    point = clapeyron(water, porosity, potential, exponent)
    liquid = water * min(temperature / point, 1e30) ** (-1.0 / exponent) if temperature < point else water
    heat = heat_of(temperature, liquid, water - liquid, porosity, solid)
    found, ice, kept, _ = solved(heat, temperature, water, 0.0, point, porosity, solid, exponent, 1.0)
    assert found == pytest.approx(temperature, rel=1e-9)
    assert kept == pytest.approx(liquid, rel=1e-9)
    assert ice == pytest.approx(water - liquid, abs=1e-9)


@given(temperature=st.floats(-30.0, -0.5), before=st.floats(-1.0, 1.0), water=st.floats(0.1, 0.45))
def test_the_power_law_is_met_from_a_guess_one_kelvin_away(temperature, before, water):
    porosity, solid, exponent = 0.46, 2.2e6, 5.4
    point = clapeyron(water, porosity, -0.3, exponent)
    liquid = water * max(temperature / point, 1.0) ** (-1.0 / exponent)
    heat = heat_of(temperature, liquid, water - liquid, porosity, solid)
    found, *_ = solved(heat, temperature + before, water, 0.0, point, porosity, solid, exponent, 1.0)
    assert found == pytest.approx(temperature, abs=2e-3)


@given(temperature=st.floats(-25.0, -0.3), water=st.floats(0.1, 0.45))
def test_the_heat_per_kelvin_of_freezing_soil_is_the_derivative_of_its_heat(temperature, water):
    porosity, solid, exponent = 0.46, 2.2e6, 5.4
    point = clapeyron(water, porosity, -0.3, exponent)

    def heat(at):
        liquid = water * max(at / point, 1.0) ** (-1.0 / exponent)
        return heat_of(at, liquid, water - liquid, porosity, solid)

    assume(temperature < point - 0.01)
    *_, inertia = solved(heat(temperature), temperature, water, 0.0, point, porosity, solid, exponent, 1.0)
    assert inertia == pytest.approx((heat(temperature + 1e-4) - heat(temperature - 1e-4)) / 2e-4, rel=1e-5)


def test_freezing_begins_where_clapeyron_puts_it():
    point = freezing_point(0.2, 0.05, 0.45, -0.478, 5.39)
    assert point == pytest.approx(clapeyron(0.25, 0.45, -0.478, 5.39), rel=1e-12)
    assert point == pytest.approx(-0.008027 * 0.478 * (0.45 / 0.25) ** 5.39, rel=1e-3)
    assert freezing_point(0.0, 0.0, 0.45, -0.478, 5.39) == -20.0
    assert freezing_point(0.45, 0.0, 0.45, -1e-3, 5.39) == -1e-4


def test_the_step_starts_from_the_heat_of_the_layer():
    capacity, thickness = 3e6, 0.1
    start, freezing = begin_freezing(3.0, 0.05, capacity, thickness, 0.0)
    assert start == pytest.approx((capacity * 3.0 - FUSION * 0.05) * thickness, rel=1e-12)
    assert freezing == 1.0
    assert begin_freezing(3.0, 0.0, capacity, thickness, 0.0)[-1] == 0.0


def test_dry_soil_has_no_water_to_freeze():
    point = clapeyron(0.0, 0.45, -0.3, 5.0)
    found, ice, liquid, inertia = solved(-5e6, -2.0, 0.0, 0.0, point, 0.45, 2e6, 5.0, 1.0)
    assert (ice, liquid) == (0.0, 0.0)
    assert found == pytest.approx(-5e6 / (0.55 * 2e6))
    assert inertia == pytest.approx(0.55 * 2e6)


def two_phase(surface, start, frozen, thawed, latent):
    """Neumann's lambda for a freezing half space; `frozen`, `thawed` are (conductivity, heat capacity)."""
    (k_f, c_f), (k_t, c_t) = frozen, thawed
    ratio = (k_f / c_f) / (k_t / c_t)

    def residual(x):
        ahead = k_t / k_f * np.sqrt(ratio) * start / -surface * np.exp(-x * x * ratio) / erfc(x * np.sqrt(ratio))
        return np.exp(-x * x) / erf(x) - ahead - x * latent * np.sqrt(np.pi) / (c_f * -surface)
    return brentq(residual, 1e-3, 3.0)


def one_phase(stefan_number):
    """Neumann's lambda for thaw into ground at its melting point."""
    return brentq(lambda x: np.sqrt(np.pi) * x * np.exp(x * x) * erf(x) - stefan_number, 1e-3, 3.0)


def test_the_transcendental_equations_give_the_published_lambdas():
    assert two_phase(-10.0, 4.0, (2.2, 1.9e6), (1.2, 2.9e6), 0.4 * 1000 * 3.34e5) == pytest.approx(0.240583, abs=1e-6)
    stefan_number = 2.5e6 * 10.0 / (0.4 * 334e6)
    assert stefan_number == pytest.approx(0.18713, abs=1e-5)
    assert one_phase(stefan_number) == pytest.approx(0.29697, abs=1e-5)


@pytest.mark.parametrize("freezing", ["sharp", "supercooled"])
@pytest.mark.parametrize("time_step", [600.0, 1800.0])
def test_the_freezing_front_moves_as_neumann_says(ground, freezing, time_step):
    water, porosity, solid = 0.4, 0.45, 2.0e6
    capacity = (1.0 - porosity) * solid
    frozen, thawed = capacity + ICE * water, capacity + WATER * water
    speed = two_phase(-10.0, 4.0, (2.2, frozen), (1.2, thawed), FUSION * water)
    soil = {"layer_thickness": 0.025, "porosity": porosity, "solid_heat_capacity": solid, "solid_conductivity": 2.2,
            "dry_conductivity": 1.2, **HARDLY_DEPRESSED}
    start = {"soil_temperature": 4.0, "soil_liquid": water}
    ran = ground.heat_column(120, freezing).run(int(30 * 86400 / time_step), soil, start, ("soil_ice", "soil_temperature"),
                                                time_step=time_step, air_temperature=-10.0)
    for day in (10, 30):
        front = ran["soil_ice"][int(day * 86400 / time_step) - 1, :, 0].sum() * 0.025 / water
        assert front == pytest.approx(2.0 * speed * np.sqrt(2.2 / frozen * day * 86400.0), rel=0.03)
    first_day = ran["soil_ice"][int(86400 / time_step) - 1, :, 0].sum() * 0.025 / water
    assert first_day == pytest.approx(2.0 * speed * np.sqrt(2.2 / frozen * 86400.0), abs=0.5 * 0.025)
    assert ran["soil_temperature"].min() >= -10.0 and ran["soil_temperature"].max() <= 4.0 + 1e-9


@pytest.mark.parametrize("freezing", ["sharp", "supercooled"])
@pytest.mark.parametrize("time_step", [600.0, 1800.0])
def test_the_thawing_front_moves_as_neumann_says(ground, freezing, time_step):
    water, porosity, capacity = 0.4, 0.5, 2.5e6
    solid = (capacity - WATER * water) / (1.0 - porosity)
    soil = {"layer_thickness": 0.025, "porosity": porosity, "solid_heat_capacity": solid, "solid_conductivity": 1.5,
            "dry_conductivity": 1.5, **HARDLY_DEPRESSED}
    start = {"soil_temperature": 0.0 if freezing == "sharp" else -0.02, "soil_ice": water}
    ran = ground.heat_column(120, freezing).run(int(90 * 86400 / time_step), soil, start, ("soil_ice", "soil_temperature"),
                                                time_step=time_step, air_temperature=10.0)
    speed = one_phase(capacity * 10.0 / (FUSION * water))
    for day in (1, 10, 30, 90):
        ice = ran["soil_ice"][int(day * 86400 / time_step) - 1, :, 0]
        known = 2.0 * speed * np.sqrt(1.5 / capacity * day * 86400.0)
        assert (water - ice).sum() * 0.025 / water == pytest.approx(known, rel=0.03)
    assert ran["soil_temperature"].max() <= 10.0


@pytest.mark.parametrize("freezing", ["sharp", "supercooled"])
@pytest.mark.parametrize("time_step", [600.0, 1800.0, 3600.0])
def test_energy_closes_in_every_step_through_freeze_and_thaw(ground, freezing, time_step):
    steps = int(120 * 86400 / time_step)
    seconds = (np.arange(steps) + 1) * time_step
    surface = -2.0 + 12.0 * np.sin(2 * np.pi * seconds / (60 * 86400)) + 8.0 * np.sin(2 * np.pi * seconds / 86400)
    soil = {"layer_thickness": 0.025, "solid_conductivity": 2.2, "dry_conductivity": 1.2, "geothermal_heat_flux": 0.06}
    ran = ground.heat_column(120, freezing).run(
        steps, soil, {"soil_temperature": 3.0, "soil_liquid": 0.35},
        ("soil_temperature", "soil_ice", "soil_liquid", "soil_heat_flux", "freezing_temperature"),
        time_step=time_step, air_temperature=surface)
    temperature, ice, liquid = (ran[name][:, :, 0] for name in ("soil_temperature", "soil_ice", "soil_liquid"))
    stored = heat_of(temperature, liquid, ice, 0.451, 2.2e6, 0.025).sum(1)
    assert np.abs(np.diff(stored) / time_step - ran["soil_heat_flux"][1:, 0, 0] - 0.06).max() < 1e-6
    assert ice.min() == 0.0 and ice.max() > 0.15
    beyond = 0.0 if time_step <= 1800.0 else 1.0  # K; an hour is long for two passes in layers of 2.5 cm
    assert temperature.min() >= surface.min() - beyond and temperature.max() <= max(surface.max(), 3.0) + 1e-9
    if freezing == "supercooled":
        point = ran["freezing_temperature"][:, :, 0]
        law = (liquid + ice) * np.maximum(temperature / point, 1.0) ** (-1.0 / 5.39)
        assert np.abs(liquid - law)[temperature < point].max() < 1e-4


def test_a_partly_frozen_layer_stays_at_zero_until_it_is_frozen_when_freezing_is_sharp(ground):
    ran = ground.heat_column(120, "sharp").run(960, {"layer_thickness": 0.025}, {"soil_temperature": 1.0, "soil_liquid": 0.35},
                                               ("soil_temperature", "soil_ice"), air_temperature=-5.0)
    temperature, ice = ran["soil_temperature"], ran["soil_ice"]
    partly = (ice > 0.0) & (ice < 0.35)
    assert partly.any()
    assert (temperature[partly] == 0.0).all()
    assert (temperature[ice == 0.0] >= 0.0).all() and (temperature[ice >= 0.35] <= 0.0).all()
