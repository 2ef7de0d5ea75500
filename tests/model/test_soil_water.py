"""Soil water: known profiles and fronts, closure for every soil, runoff, bottoms, convergence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from terraflux.model.infiltration import cumulative_infiltration, infiltration_rate
from terraflux.model.parameters import parameters, soil_classes
from terraflux.model.soil_hydraulics import campbell, driest_wetness, gradual_air_entry

HYDRAULICS = ("campbell", "van_genuchten")
SOILS = tuple(soil_classes())
RATE = 1e-7  # m s-1, of steady rain
FLUXES = ("drainage", "surface_runoff", "infiltration", "ponded_water", "soil_moisture", "soil_liquid")


def soils(hydraulics, *names):
    """Hydraulic parameters [layer, column] of soil classes."""
    sets = [parameters("GRA", name, hydraulics=hydraulics) for name in names]
    return {key: np.array([one[key] for one in sets]).T
            for key in ("porosity", "residual_moisture", "saturated_potential", "retention_exponent",
                        "van_genuchten_alpha", "van_genuchten_n", "saturated_conductivity")}


def moisture_at(potential, hydraulics, soil):
    """Moisture at a potential (m) below air entry."""
    if hydraulics == "campbell":
        return soil["porosity"] * (potential / soil["saturated_potential"]) ** (-1.0 / soil["retention_exponent"])
    n = soil["van_genuchten_n"]
    wetness = (1.0 + (soil["van_genuchten_alpha"] * -potential) ** n) ** (1.0 / n - 1.0)
    return soil["residual_moisture"] + (soil["porosity"] - soil["residual_moisture"]) * wetness


def loam(ground, hydraulics):
    return ground.LOAM | ({"residual_moisture": 0.078} if hydraulics == "van_genuchten" else {})


@pytest.mark.parametrize("hydraulics", HYDRAULICS)
def test_water_at_rest_stays_at_rest(ground, hydraulics):
    soil = loam(ground, hydraulics)
    centre = np.cumsum(ground.TEN_LAYERS) - 0.5 * ground.TEN_LAYERS
    start = moisture_at(centre - 5.0, hydraulics, soil)
    ran = ground.water_column(10, hydraulics).run(480, soil | {"drainage_factor": 0.0}, {"soil_liquid": start})
    assert np.abs(ran.state("soil_liquid")[:, 0] - start).max() < 1e-12


@pytest.mark.parametrize("hydraulics", HYDRAULICS)
def test_steady_rain_drains_through_a_profile_whose_conductivity_is_the_rain(ground, hydraulics):
    soil = loam(ground, hydraulics)
    ran = ground.water_column(10, hydraulics).run(60000, soil, {"soil_liquid": 0.3}, FLUXES, precipitation=1000.0 * RATE)
    wetness = ran["soil_liquid"][-1, :, 0] - soil["residual_moisture"]
    wetness = wetness / (soil["porosity"] - soil["residual_moisture"])
    if hydraulics == "campbell":
        known = (RATE / soil["saturated_conductivity"]) ** (1.0 / (2.0 * soil["retention_exponent"] + 3.0))
    else:
        m = 1.0 - 1.0 / soil["van_genuchten_n"]
        known = brentq(lambda s: s**0.5 * (1 - (1 - s ** (1 / m)) ** m) ** 2 - RATE / soil["saturated_conductivity"], 0.1, 1)
    assert wetness == pytest.approx(np.full(10, known), rel=1e-9)
    assert ran["drainage"][-1, 0] == pytest.approx(1000.0 * RATE, rel=1e-9)


def reference_front(soil, hold, dry, seconds, layers):
    """Moisture [layer] of a metre of van Genuchten soil under a held surface: method of lines, stiff integration."""
    porosity, residual, alpha, n, saturated = (soil[key] for key in (
        "porosity", "residual_moisture", "van_genuchten_alpha", "van_genuchten_n", "saturated_conductivity"))
    m, thickness = 1.0 - 1.0 / n, 1.0 / layers
    top, bottom = (residual + (porosity - residual) * (1 + (alpha * suction) ** n) ** -m for suction in (hold, dry))
    distance = np.full(layers + 1, thickness)
    distance[[0, -1]] = 0.5 * thickness

    def change(_, moisture):
        wetness = (np.concatenate([[top], moisture, [bottom]]) - residual) / (porosity - residual)
        potential = -((wetness ** (-1.0 / m) - 1.0) ** (1.0 / n)) / alpha
        conductivity = saturated * wetness**0.5 * (1.0 - (1.0 - wetness ** (1.0 / m)) ** m) ** 2
        flux = 0.5 * (conductivity[1:] + conductivity[:-1]) * (1.0 - np.diff(potential) / distance)
        return -np.diff(flux) / thickness

    solved = solve_ivp(change, (0.0, seconds), np.full(layers, bottom), method="BDF", rtol=1e-6, atol=1e-8)
    return solved.y[:, -1], top, bottom


def test_the_wetting_front_of_celia_is_that_of_an_independent_solver_and_keeps_mass(ground):
    expected, wet, dry = reference_front(ground.CELIA, 0.75, 10.0, 86400.0, 100)
    parameters_ = ground.CELIA | {"layer_thickness": 0.01, "maximum_ponding": 1e6}
    ran = ground.held_column().run(1440, parameters_, {"soil_liquid": dry, "ponded_water": 2000.0}, FLUXES, time_step=60.0)
    moisture = ran["soil_liquid"][-1, :, 0]
    assert moisture[0] == pytest.approx(wet, abs=2e-3)
    front, known = ((profile > 0.5 * (wet + dry)).sum() for profile in (moisture, expected))
    assert abs(front - known) <= 2  # cm
    assert (moisture - dry).sum() == pytest.approx((expected - dry).sum(), rel=0.02)
    out = 60.0 * (ran["drainage"].sum() + ran["surface_runoff"].sum())
    assert abs(ran.water() - ran.water("before") + out)[0] < 1440 * 1e-9


@pytest.mark.parametrize(("hours", "infiltrated", "rate"), [
    (0.5, 2.1425, 2.3706), (1.0, 3.1648, 1.8148), (2.0, 4.7513, 1.4258), (5.0, 8.4060, 1.0885)])
def test_green_ampt_infiltration_of_silt_loam_has_its_known_answers(hours, infiltrated, rate):
    found = cumulative_infiltration(hours, 0.65, 16.68, 0.34)  # cm and hours
    assert found == pytest.approx(infiltrated, abs=1e-4)
    assert infiltration_rate(found, 0.65, 16.68, 0.34) == pytest.approx(rate, abs=1e-4)


@given(time=st.floats(1e-3, 1e7), conductivity=st.floats(1e-9, 1e-3), suction=st.floats(1e-3, 2.0),
       deficit=st.floats(0.01, 0.5))
def test_green_ampt_infiltration_solves_its_equation(time, conductivity, suction, deficit):
    found = cumulative_infiltration(time, conductivity, suction, deficit)
    sorptive = suction * deficit
    early = found / sorptive < 1e-3  # F - S ln(1 + F/S) = F^2 / 2S - F^3 / 3S^2 + ..
    left = found**2 / (2.0 * sorptive) * (1.0 - 2.0 * found / (3.0 * sorptive)) if early else (
        found - sorptive * np.log1p(found / sorptive))
    assert left == pytest.approx(conductivity * time, rel=1e-5)


def test_green_ampt_limits_are_gravity_alone_and_an_infinite_first_rate():
    assert cumulative_infiltration(100.0, 1e-6, 0.0, 0.3) == 100.0 * 1e-6
    assert cumulative_infiltration(0.0, 1e-6, 0.2, 0.3) == 0.0
    assert infiltration_rate(0.0, 1e-6, 0.2, 0.3) == np.inf
    with pytest.raises(ValueError, match="conductivity"):
        cumulative_infiltration(1.0, 0.0, 0.2, 0.3)
    with pytest.raises(ValueError, match="suction"):
        cumulative_infiltration(1.0, 1e-6, -0.2, 0.3)


def test_a_ponded_column_takes_up_what_green_ampt_gives_for_the_same_capillary_drive(ground):
    exponent, porosity, start = 5.3, 0.486, 0.146

    def drive(potential):
        entry, (dry, _) = gradual_air_entry(potential, exponent), driest_wetness(potential, exponent, 3.0, 1.5)

        def pull(moisture):
            _, conductivity, slope, _ = campbell(moisture, 0.0, porosity, potential, exponent, 1.0, *entry, dry)
            return conductivity * slope
        return quad(pull, start, porosity, limit=500, points=[0.95 * porosity])[0]

    potential = brentq(lambda value: drive(value) - 0.1668, -0.5, -0.01)
    soil = {"layer_thickness": 0.01, "porosity": porosity, "saturated_potential": potential, "maximum_ponding": 1e6,
            "retention_exponent": exponent, "saturated_conductivity": 0.0065 / 3600.0}
    ran = ground.water_column(100).run(300, soil, {"soil_liquid": start, "ponded_water": 2000.0}, ("infiltration",),
                                       time_step=60.0)
    found = np.cumsum(ran["infiltration"][:, 0]) * 60.0 / 1000.0
    for hours in (0.5, 1.0, 2.0, 5.0):
        known = cumulative_infiltration(3600.0 * hours, 0.0065 / 3600.0, 0.1668, 0.34)
        assert found[int(60 * hours) - 1] == pytest.approx(known, rel=0.08)


@pytest.mark.parametrize("time_step", [600.0, 1800.0, 3600.0])
@pytest.mark.parametrize("hydraulics", HYDRAULICS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), wetness=st.floats(0.25, 1.0), rain=st.floats(1e-5, 2e-2), often=st.floats(0.01, 0.9),
       leaves=st.floats(0.0, 8.0), evaporation=st.floats(-2.0, 10.0), bottom=st.sampled_from([0.0, 0.5, 1.0]),
       ice=st.floats(0.0, 0.95))
def test_water_closes_in_every_step_for_every_soil_under_any_rain_and_uptake(
        ground, hydraulics, time_step, seed, wetness, rain, often, leaves, evaporation, bottom, ice):
    steps, random = 96, np.random.default_rng(seed)
    showers = np.where(random.random(steps) < often, random.exponential(rain, steps), 0.0)
    soil = soils(hydraulics, *SOILS)
    water = np.maximum(wetness * soil["porosity"], soil["residual_moisture"] + 0.01)
    frozen = ice * (random.random((10, 1)) < 0.3) * water
    ran = ground.water_column(10, hydraulics).run(
        steps, soil | {"drainage_factor": bottom}, {"soil_liquid": water - frozen, "soil_ice": frozen}, FLUXES,
        columns=len(SOILS), time_step=time_step, precipitation=showers, wind_speed=evaporation,
        prescribed_leaf_area_index=leaves)
    stored = np.concatenate([[ran.water("before")], ran["soil_moisture"].sum(1) + ran["ponded_water"]])
    supply = showers[:, None] - 1e-5 * (evaporation + leaves)
    assert np.abs(np.diff(stored, axis=0) - (supply - ran["drainage"] - ran["surface_runoff"]) * time_step).max() < 1e-9
    assert (ran["soil_liquid"] >= 0.0).all()
    assert (ran["soil_liquid"] + frozen <= soil["porosity"] * (1.0 + 1e-12)).all()
    assert (ran["ponded_water"] <= 10.0 + 1e-9).all() and (ran["surface_runoff"] >= 0.0).all()


@pytest.mark.parametrize("hydraulics", HYDRAULICS)
def test_infiltration_never_exceeds_what_lies_on_the_ground(ground, hydraulics):
    steps, random = 960, np.random.default_rng(4)
    rain = np.where(random.random(steps) < 0.2, random.exponential(3e-3, steps), 0.0)
    soil = soils(hydraulics, *SOILS)
    ran = ground.water_column(10, hydraulics).run(steps, soil, {"soil_liquid": 0.6 * soil["porosity"]}, FLUXES,
                                                  columns=len(SOILS), precipitation=rain)
    before = np.concatenate([np.zeros((1, len(SOILS))), ran["ponded_water"][:-1]])
    assert (ran["infiltration"] * 1800.0 <= rain[:, None] * 1800.0 + before + 1e-9).all()


def test_a_cloudburst_runs_off_clay_and_sinks_into_sand(ground):
    rain = np.where(np.arange(24) < 12, 30.0 / 3600.0, 0.0)  # 30 mm h-1 for 6 h
    soil = soils("campbell", "clay", "sand")
    ran = ground.water_column().run(24, soil, {"soil_liquid": 0.8 * soil["porosity"]}, FLUXES, columns=2, precipitation=rain)
    runoff = ran["surface_runoff"].sum(0) * 1800.0
    suction = 0.405 * (2.0 * 11.4 + 3.0) / (2.0 * 11.4 + 6.0)  # of the front, Neuman (1976) for Campbell's laws
    soaked = 1000.0 * cumulative_infiltration(6 * 3600.0, 1.28e-6, suction, 0.2 * 0.482)
    assert ran["infiltration"][:12, 0].sum() * 1800.0 == pytest.approx(soaked, rel=0.3)
    assert runoff[0] == pytest.approx(180.0 - soaked - 10.0, rel=0.3)
    assert runoff[1] == 0.0
    assert ran["ponded_water"].max(0)[0] == pytest.approx(10.0, abs=1e-9)


def test_ice_in_the_top_layer_keeps_rain_out(ground):
    rain = np.full(8, 5.0 / 3600.0)
    start = {"soil_liquid": np.array([[0.05, 0.25], *(9 * [[0.25, 0.25]])]),
             "soil_ice": np.array([[0.38, 0.0], *(9 * [[0.0, 0.0]])])}
    ran = ground.water_column().run(8, {}, start, FLUXES, columns=2, precipitation=rain)
    assert ran["surface_runoff"].sum(0)[0] * 1800.0 > 5.0
    assert ran["surface_runoff"].sum(0)[1] == 0.0


def test_bedrock_lets_nothing_out(ground):
    ran = ground.water_column().run(480, {"drainage_factor": 0.0}, {"soil_liquid": 0.4}, FLUXES, precipitation=1e-5)
    assert (ran["drainage"] == 0.0).all()


def test_free_drainage_is_the_conductivity_of_the_bottom_layer(ground):
    ran = ground.water_column().run(2000, {}, {"soil_liquid": 0.36}, (*FLUXES, "hydraulic_conductivity"))
    assert ran["drainage"][-1, 0] == pytest.approx(1000.0 * ran["hydraulic_conductivity"][-1, -1, 0], rel=1e-2)


@pytest.mark.parametrize("start", [0.25, 0.40])
def test_above_a_water_table_the_column_comes_to_rest_at_minus_the_height(ground, start):
    ran = ground.water_column(10, "campbell", "water_table").run(
        20000, {"water_table_depth": 5.0, "saturated_conductivity": 6.95e-5}, {"soil_liquid": start},
        ("water_potential", "drainage"))
    centre = np.cumsum(ground.TEN_LAYERS) - 0.5 * ground.TEN_LAYERS
    assert ran["water_potential"][-1, :, 0] == pytest.approx(centre - 5.0, abs=0.02)
    assert abs(ran["drainage"][-1, 0]) * 86400.0 < 0.01  # mm a day


@pytest.mark.parametrize("hydraulics", HYDRAULICS)
def test_water_at_rest_above_a_water_table_stays_at_rest(ground, hydraulics):
    soil = loam(ground, hydraulics)
    centre = np.cumsum(ground.TEN_LAYERS) - 0.5 * ground.TEN_LAYERS
    start = moisture_at(centre - 5.0, hydraulics, soil)
    ran = ground.water_column(10, hydraulics, "water_table").run(480, soil | {"water_table_depth": 5.0},
                                                                 {"soil_liquid": start}, ("drainage",))
    assert np.abs(ran.state("soil_liquid")[:, 0] - start).max() < 1e-9
    assert np.abs(ran["drainage"]).max() * 86400.0 < 1e-6


def test_drainage_converges_with_the_time_step_at_first_order(ground):
    def after_two_days(time_step):
        ran = ground.water_column().run(int(2 * 86400 / time_step), {"layer_thickness": 0.2}, {"soil_liquid": 0.40},
                                        time_step=time_step)
        return ran.state("soil_liquid")[:, 0]

    exact = after_two_days(7.5)
    errors = [np.abs(after_two_days(time_step) - exact).max() for time_step in (1800.0, 900.0, 450.0)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert (orders > 0.9).all()
    assert errors[0] < 5e-4


def test_drainage_converges_with_the_number_of_layers(ground):
    def drained(layers):
        ran = ground.water_column(layers).run(576, {"layer_thickness": 2.0 / layers}, {"soil_liquid": 0.40}, ("drainage",),
                                              time_step=300.0)
        return ran["drainage"].sum() * 300.0

    exact = drained(100)
    errors = [abs(drained(layers) - exact) for layers in (5, 10, 20)]
    assert errors[0] > 2.0 * errors[1] > 4.0 * errors[2]
    assert errors[1] < 0.01 * exact
