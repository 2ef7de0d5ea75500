"""Leaf energy balance: it closes, keeps the limits of Penman and Monteith, and its rounds find the leaf temperature."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import canopy_longwave, canopy_radiation, leaf_energy, leaf_recipe
from terraflux.model.aerodynamics import aerodynamics
from terraflux.model.air import air_properties
from terraflux.model.light_use_efficiency import PHOTOSYNTHESIS
from terraflux.model.parameters import parameters, plant_types
from terraflux.model.photosynthesis import ACCLIMATION, LIGHT_INHIBITION
from terraflux.model.soil_moisture_stress import STRESS_ON
from terraflux.model.stomatal_conductance import STOMATAL_CONDUCTANCE
from terraflux.model.variables import variable_table
from terraflux.model.weave import Fused, Repeat, Table, weave
from terraflux.model.weave.names import place_of
from terraflux.model.weave.recipe import processes_of

LEAVES = ("sunlit", "shaded")
RADIATIVE = 4.0  # W m-2 K-1


def surroundings(air=25.0, vapour=1.5, aerodynamic=0.03, boundary=0.02, radiative=RADIATIVE):
    """Air properties and what leaves share, by name."""
    found = dict(zip(air_properties.returns, air_properties(air, vapour, 1e5), strict=True))
    values = leaf_energy.leaf_exchange(air, found["saturation_pressure"], found["saturation_slope"], aerodynamic, boundary,
                                       found["molar_conductance_factor"], found["volumetric_heat_capacity_air"],
                                       found["psychrometric_constant"], radiative)
    return found | dict(zip(leaf_energy.leaf_exchange.returns, values, strict=True)) | {"air_temperature": air}


def round_of(around, net, conductance, wet=0.0, trial=None, before=None, change=0.0):
    """One call of leaf_energy, results by name."""
    trial = around["air_temperature"] if trial is None else trial
    values = leaf_energy.leaf_energy(
        trial, trial if before is None else before, change, net, wet, conductance, around["air_temperature"],
        around["vapour_pressure_deficit"], around["saturation_slope"], around["saturation_curvature"],
        around["molar_conductance_factor"], around["vapour_resistance"], around["leaf_cooling"],
        around["latent_conductance"])
    return dict(zip(leaf_energy.leaf_energy.returns, values, strict=True))


@settings(deadline=None)
@given(st.floats(-40.0, 50.0), st.floats(0.02, 1.0), st.floats(-150.0, 700.0), st.floats(0.0, 1.5), st.floats(0.0, 1.0),
       st.floats(1e-3, 0.3), st.floats(2e-3, 0.2), st.floats(-8.0, 12.0))
def test_leaf_energy_closes_in_every_round(air, humidity, net, conductance, wet, aerodynamic, boundary, warmer):
    vapour = humidity * 0.6108 * math.exp(17.27 * air / (air + 237.3))
    around = surroundings(air, vapour, aerodynamic, boundary)
    found = round_of(around, net, conductance, wet, air + warmer)
    lost = around["leaf_cooling"] * (found["leaf_temperature"] - air)
    latent = found["leaf_transpiration_heat"] + found["leaf_wet_heat"]
    assert lost + latent == pytest.approx(net, abs=1e-9)


def test_a_leaf_without_conductance_warms_by_net_radiation_over_heat_conductance():
    around = surroundings(radiative=0.0)
    found = round_of(around, 300.0, 0.0)
    heat = around["volumetric_heat_capacity_air"] / (1.0 / 0.03 + 0.5 / 0.02)
    assert found["leaf_transpiration_heat"] == 0.0
    assert found["leaf_temperature"] - 25.0 == pytest.approx(300.0 / heat, rel=1e-12)


def test_open_stomata_and_wet_leaves_evaporate_at_the_penman_rate():
    around = surroundings(radiative=0.0)
    slope, gamma = around["saturation_slope"], around["psychrometric_constant"]
    heat = 1.0 / (1.0 / 0.03 + 0.5 / 0.02)
    vapour = 1.0 / (1.0 / 0.03 + 1.0 / 0.02)
    capacity = around["volumetric_heat_capacity_air"]
    penman = (slope * 300.0 + capacity * heat * around["vapour_pressure_deficit"]) / (slope + gamma * heat / vapour)
    assert round_of(around, 300.0, 1e9)["leaf_transpiration_heat"] == pytest.approx(penman, rel=1e-6)
    assert round_of(around, 300.0, 0.2, wet=1.0)["leaf_wet_heat"] == pytest.approx(penman, rel=1e-12)


def test_a_dry_leaf_follows_penman_and_monteith():
    around = surroundings(radiative=0.0)
    slope, gamma = around["saturation_slope"], around["psychrometric_constant"]
    heat = 1.0 / (1.0 / 0.03 + 0.5 / 0.02)
    vapour = 1.0 / (1.0 / 0.03 + 1.0 / 0.02 + 1.0 / (0.2 * around["molar_conductance_factor"]))
    capacity = around["volumetric_heat_capacity_air"]
    expected = (slope * 300.0 + capacity * heat * around["vapour_pressure_deficit"]) / (slope + gamma * heat / vapour)
    assert round_of(around, 300.0, 0.2)["leaf_transpiration_heat"] == pytest.approx(expected, rel=1e-12)


def test_evaporation_vanishes_with_radiation_and_deficit():
    around = surroundings(vapour=0.6108 * math.exp(17.27 * 25.0 / 262.3))
    found = round_of(around, 0.0, 0.5, wet=0.5)
    assert abs(found["leaf_transpiration_heat"] + found["leaf_wet_heat"]) < 1e-9
    assert found["leaf_temperature"] == pytest.approx(25.0, abs=1e-9)


def test_dew_forms_on_the_whole_leaf_and_not_through_stomata():
    around = surroundings(vapour=0.6108 * math.exp(17.27 * 25.0 / 262.3))
    found = round_of(around, -60.0, 0.5, wet=0.1)
    assert found["leaf_transpiration_heat"] == 0.0
    assert found["leaf_wet_heat"] < -10.0
    assert found["leaf_wet_heat"] == round_of(around, -60.0, 0.0, wet=0.9)["leaf_wet_heat"]


@pytest.mark.parametrize("before", [-8.0, -4.0, 1.0])
def test_the_next_round_tries_where_the_secant_of_two_rounds_is_zero(before):
    """Residuals F(T) - T of the present round and of one that tried 24 degC."""
    around = surroundings()
    first = round_of(around, 300.0, 0.3, trial=27.0)
    residual = first["leaf_temperature"] - 27.0
    earlier = residual + 3.0 - before / 4.0
    found = round_of(around, 300.0, 0.3, trial=27.0, before=24.0 + earlier, change=earlier)
    assert found["leaf_trial_temperature"] == pytest.approx(27.0 - residual * 3.0 / (residual - earlier), rel=1e-9)


def begin(**changed):
    values = {"absorbed_shortwave": 300.0, "isothermal_longwave": -30.0, "area": 1.5, "canopy_liquid": 0.0,
              "canopy_snow": 0.0, "wet_fraction": 0.0, "leaf_area_index": 4.0, "carbon_dioxide": 400.0, "capacity": 50.0,
              "absorbed_light": 900.0, "stress_on_capacity": 1.0, "time_step": 1800.0, **surroundings(), **changed}
    names = leaf_energy.begin_leaf.reads
    return dict(zip(leaf_energy.begin_leaf.returns, leaf_energy.begin_leaf(*(values[name] for name in names)), strict=True))


def test_net_radiation_is_shared_by_leaf_area_and_vanishes_without_leaves():
    assert begin()["isothermal_net_radiation"] == pytest.approx(180.0, rel=1e-12)
    assert begin(absorbed_shortwave=0.0, isothermal_longwave=0.0, area=0.0)["isothermal_net_radiation"] == 0.0


def test_leaves_that_dry_within_the_step_are_wet_for_a_part_of_it():
    assert begin(wet_fraction=0.6, canopy_liquid=5.0)["wet_share"] == 0.6
    nearly_dry = begin(wet_fraction=0.6, canopy_liquid=0.05)
    assert 0.0 < nearly_dry["wet_share"] < 0.3
    around = surroundings()
    wet = round_of(around, 180.0, 0.0, wet=1.0)["leaf_wet_heat"] * nearly_dry["wet_share"]
    assert wet * 4.0 * 1800.0 / around["latent_heat_vaporisation"] == pytest.approx(0.05, rel=1e-9)
    assert begin(wet_fraction=0.6, canopy_liquid=0.0)["wet_share"] == 0.0


# ---- the rounds: leaves of all plant types in random weather ---------------------------------------------------------------

COLUMNS = 40000


def leaf_rounds(rounds, photosynthesis="farquhar", conductance="medlyn", stress="both"):
    """Recipe from weather to leaves."""
    chosen = (PHOTOSYNTHESIS[photosynthesis], STOMATAL_CONDUCTANCE[conductance], leaf_energy.leaf_energy)
    begins = (leaf_energy.begin_leaf, LIGHT_INHIBITION["none"])
    return [
        air_properties, STRESS_ON[stress], canopy_radiation.canopy_radiation, canopy_radiation.leaf_capacity,
        canopy_longwave.canopy_longwave, aerodynamics, ACCLIMATION["kattge_knorr"], leaf_energy.leaf_exchange,
        Fused(*(one.of(twin) for twin in LEAVES for one in begins)),
        Repeat(rounds, Fused(*(one.of(twin) for twin in LEAVES for one in chosen))),
    ]  # fmt: skip


def rounds_of_the_column(rounds):
    """As `leaf_rounds`, as the column does it: no photosynthesis at night, and no more rounds than a leaf needs."""
    return [canopy_radiation.day_or_night, *leaf_rounds(1)[:-1],
            *leaf_recipe.leaf_rounds(rounds, PHOTOSYNTHESIS["farquhar"], STOMATAL_CONDUCTANCE["medlyn"])]


def table_of(recipe):
    """A table in which everything the recipe does not compute is forcing, and what it carries from step to step a state."""
    base = variable_table()
    ones = [one for item in recipe for one in processes_of(item)]
    needed, computed = {}, {}
    for one in ones:
        needed |= {place_of(base, one, name).variable.name: None for name in one.reads
                   if place_of(base, one, name).variable.name not in computed}
        computed |= {place_of(base, one, name).variable.name: None for name in one.returns}
    kinds = {name: "forcing" if base[name].kind != "setting" else "setting" for name in needed}
    kinds |= {name: "state" if name in needed else "diagnostic" for name in computed}
    order = sorted(kinds, key=lambda name: ("forcing", "setting", "state", "diagnostic").index(kinds[name]))
    return Table([replace(base[name], kind=kinds[name], bounds=None) for name in order])


def random_leaves(seed=0):
    """Plants of every type, parameters varied, in weather from -30 to 45 degC with a clear-sky limit of light."""
    random = np.random.default_rng(seed)

    def between(low, high):
        return random.uniform(low, high, COLUMNS)

    sets = [parameters(plant, "loam") for plant in plant_types()]
    pick = random.integers(0, len(sets), COLUMNS)
    values = {name: np.array([one[name] for one in sets])[pick] for name in sets[0] if np.ndim(sets[0][name]) == 0}
    for name in ("carboxylation_capacity", "stomatal_slope_medlyn", "stomatal_slope_ball_berry", "residual_conductance"):
        values[name] = values[name] * np.exp(random.normal(0.0, 0.25, COLUMNS))
    air = np.clip(random.normal(14.0, 12.0, COLUMNS), -30.0, 45.0)
    saturated = 0.6108 * np.exp(17.27 * air / (air + 237.3))
    sun = np.where(random.random(COLUMNS) < 0.7, between(0.0, 1.0), 0.0)
    clear = 1.1 * 1361.0 * sun * 0.7 ** ((1.0 / np.maximum(sun, 0.03)) ** 0.678)  # Meinel and Meinel 1976
    clearness = between(0.05, 1.0)
    light = clear * clearness
    warmth = light * 1e-3
    wet = np.where(random.random(COLUMNS) < 0.7, 0.0, between(0.0, 1.0))
    leaves = np.exp(between(np.log(0.1), np.log(7.0)))
    return values | {
        "air_temperature": air, "vapour_pressure": saturated * np.clip(random.beta(3.0, 2.0, COLUMNS), 0.08, 1.0),
        "air_pressure": between(6.5e4, 1.03e5), "wind_speed": 2.4 * random.weibull(2.0, COLUMNS),
        "longwave_down": between(0.65, 1.0) * 5.67e-8 * (air + 273.15) ** 4, "shortwave_down": light,
        "cosine_zenith": sun, "diffuse_fraction": 1.0 - 0.85 * clearness**2, "carbon_dioxide": between(340.0, 600.0),
        "leaf_area_index": leaves, "exchange_temperature": air + np.where(sun > 0.0, warmth * between(-1.0, 8.0), -2.0),
        "surface_temperature": air + np.where(sun > 0.0, warmth * between(-3.0, 15.0), between(-6.0, 2.0)),
        "growth_temperature": air - random.normal(4.0, 5.0, COLUMNS), "wet_fraction": wet, "canopy_snow": 0.0 * wet,
        "canopy_liquid": wet**1.5 * values["interception_capacity"] * leaves,
        "moisture_stress": np.where(random.random(COLUMNS) < 0.5, 1.0, between(0.0, 1.0)),
        "ground_albedo_visible": between(0.05, 0.3), "ground_albedo_infrared": between(0.1, 0.5),
        "ground_emissivity": np.full(COLUMNS, 0.97),
    }


def run(recipe, values):
    """Diagnostics by name, [column]."""
    table = table_of(recipe)
    forcing = np.array([[values[variable.name] for variable, _ in table.rows_of("forcing")]])
    outputs = [variable.name for variable in table.of_kind("diagnostic")]
    result = weave(recipe, table, lanes=32).run(forcing, np.zeros((0, COLUMNS)), np.zeros((1, COLUMNS)),
                                                {"time_step": 1800.0}, outputs=outputs, threads=1)
    return {name: result[name][0] for name in outputs}


def in_balance(values, passes=3):
    """Leaves of five rounds whose stability belongs to their own temperature, as it does in a running column."""
    for _ in range(passes):
        found = run(leaf_rounds(5), values)
        area = found["sunlit_area"] + found["shaded_area"]
        mean = sum(found[f"{twin}_area"] * found[f"leaf_temperature_{twin}"] for twin in LEAVES) / area
        bare = np.exp(-0.5 * values["leaf_area_index"])
        target = mean + bare * (values["surface_temperature"] - mean)
        values = values | {"exchange_temperature": 0.5 * (values["exchange_temperature"] + target)}
    return values, run(leaf_rounds(5), values)


@pytest.fixture(scope="module")
def balanced():
    return in_balance(random_leaves())


def classes(found, name):
    """Values of both classes where there are leaves."""
    return np.concatenate([found[f"{name}_{twin}"][found[f"{twin}_area"] > 1e-3] for twin in LEAVES])


def test_five_rounds_bring_999_of_1000_leaves_within_a_hundredth_of_a_kelvin(balanced):
    change = np.abs(classes(balanced[1], "leaf_temperature_change"))
    assert np.mean(change < 0.01) >= 0.999


def test_five_rounds_find_the_fluxes_of_forty(balanced):
    values, found = balanced
    settled = run(leaf_rounds(40), values)
    heat = np.abs(classes(found, "leaf_transpiration_heat") - classes(settled, "leaf_transpiration_heat"))
    gross = np.abs(classes(found, "gross_assimilation") - classes(settled, "gross_assimilation"))
    assert np.quantile(heat, 0.999) < 1.0
    assert np.quantile(gross, 0.999) < 0.1
    assert np.quantile(np.abs(classes(settled, "leaf_temperature_change")), 0.999) < 1e-6


def test_rounds_of_the_column_find_the_fluxes_of_forty_rounds_of_every_leaf(balanced):
    values, plain = balanced
    found, settled = run(rounds_of_the_column(5), values), run(leaf_rounds(40), values)
    change = np.abs(classes(found, "leaf_temperature_change"))
    assert np.mean(change < 0.01) >= 0.999
    tenths = {"leaf_temperature": 1e-3, "gross_assimilation": 0.01, "leaf_transpiration_heat": 0.1}  # of the standards above
    for name, bound in tenths.items():
        error = np.abs(classes(found, name) - classes(settled, name))
        assert np.quantile(error[change < leaf_energy.SETTLED_LEAF_CHANGE], 0.999) < bound, name
        of_five = np.abs(classes(plain, name) - classes(settled, name))
        for part in (0.999, 0.9999):
            assert np.quantile(error, part) < np.quantile(of_five, part) + bound, name


def test_leaves_in_the_dark_do_not_photosynthesise_and_go_on_as_before(balanced):
    values, plain = balanced
    found = run(rounds_of_the_column(5), values)
    dark = (values["shortwave_down"] == 0.0) & (values["cosine_zenith"] == 0.0)
    assert dark.sum() > 1000
    assert np.all(found["gross_assimilation_shaded"][dark] == 0.0)
    assert np.array_equal(found["stomatal_conductance_shaded"][dark], plain["stomatal_conductance_shaded"][dark])
    for name, close in (("leaf_temperature_shaded", 1e-4), ("dark_respiration_shaded", 1e-5),
                        ("intercellular_carbon_dioxide_shaded", 1e-9)):
        assert found[name][dark] == pytest.approx(plain[name][dark], abs=close), name


def test_carbon_dioxide_inside_leaves_is_between_compensation_point_and_air(balanced):
    values, found = balanced
    for twin in LEAVES:
        inside = found[f"intercellular_carbon_dioxide_{twin}"]
        assert np.all(inside <= values["carbon_dioxide"])
        assert np.all(inside > found[f"compensation_point_{twin}"])


def test_every_leaf_is_finite_and_nothing_is_negative_that_cannot_be(balanced):
    _, found = balanced
    for name in ("gross_assimilation", "dark_respiration", "stomatal_conductance"):
        assert np.all(classes(found, name) >= 0.0)
    assert all(np.all(np.isfinite(values)) for values in found.values())


@pytest.mark.parametrize(("photosynthesis", "conductance"), [
    ("farquhar", "ball_berry"), ("light_use_efficiency", "medlyn"), ("light_use_efficiency", "ball_berry")])
def test_other_photosynthesis_and_conductance_compose_and_settle(balanced, photosynthesis, conductance):
    found = run(leaf_rounds(6, photosynthesis, conductance, "conductance"), balanced[0])
    assert np.mean(np.abs(classes(found, "leaf_temperature_change")) < 0.01) >= 0.995
    assert np.mean(classes(found, "gross_assimilation")) > 1.0


def test_the_leaf_round_is_woven_into_vector_instructions():
    recipe = leaf_rounds(2)
    operations = weave(recipe, table_of(recipe), lanes=32).vectorised()
    rounds = next(name for name in operations if "leaf_energy" in name)
    assert operations[rounds][0] > 100
    assert all(vector >= scalar for vector, scalar in operations.values())
