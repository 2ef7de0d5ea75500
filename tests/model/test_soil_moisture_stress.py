"""Root uptake: published stress curves, shares that sum to one, and no layer drawn below its driest moisture."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import soil_moisture_stress as sm
from terraflux.model.soil_water import driest
from terraflux.model.variables import variable_table
from terraflux.model.weave import Table, weave

LAYERS = 6
THICKNESS = np.array([0.05, 0.1, 0.2, 0.4, 0.75, 1.5])
SOIL = ("water_potential", "soil_temperature", "soil_liquid", "soil_ice")
PLANT = ("residual_moisture", "layer_thickness", "root_distribution", "maximum_root_depth", "stress_potential_half",
         "stress_exponent", "root_warming_rate")
MADE = ("layer_bottom", "root_fraction", "root_stress_weight", "root_stress_sum", "moisture_stress", "root_water_limit",
        "root_uptake_share", "per_root_stress_weight", "scarce_water", "scarce_share", "per_stress_threshold", "time_step")


@pytest.fixture(scope="module")
def models():
    """The stress recipes woven over a table in which the soil is state, so that a test can set it."""
    base = variable_table(LAYERS)
    variables = [replace(base[name], kind="state", bounds=None) for name in SOIL]
    variables += [base[name] for name in (*PLANT, *MADE)]
    variables.append(base["air_temperature"])
    table = Table(variables, layers={"soil": LAYERS})
    return {name: weave(recipe, table, list(sm.ROOTS), lanes=1) for name, recipe in sm.SOIL_MOISTURE_STRESS.items()}


def draw(model, potential, temperature, liquid, ice, residual=0.05, beta=0.96, depth=2.0, half=20.0, exponent=1.0,
         warming=0.02):
    """Results by name for one column of six layers; arguments may be numbers or one value per layer."""
    layered = [np.broadcast_to(np.asarray(value, float), LAYERS) for value in (potential, temperature, liquid, ice)]
    state = np.concatenate(layered)[:, None].copy()
    plant = np.concatenate([np.full(LAYERS, residual), THICKNESS, [beta, depth, half, exponent, warming]])[:, None]
    names = ("root_fraction", "moisture_stress", "root_water_limit", "root_uptake_share")
    result = model.run(np.zeros((1, 1, 1)), plant, state, {"time_step": 1800.0}, outputs=names)
    return {name: result[name][0, ..., 0] for name in names}


def test_moist_warm_soil_does_not_stress(models):
    for model in models.values():
        found = draw(model, -1.0, 25.0, 0.3, 0.0)
        assert found["moisture_stress"] == pytest.approx(1.0, abs=1e-5)
        assert found["root_uptake_share"] == pytest.approx(found["root_fraction"], rel=1e-4)


def test_roots_follow_jackson_and_sum_to_one(models):
    found = draw(models["beps"], -1.0, 25.0, 0.3, 0.0, beta=0.943, depth=10.0)["root_fraction"]
    bottoms = np.cumsum(THICKNESS) * 100.0
    expected = np.diff(1.0 - 0.943**bottoms, prepend=0.0) / (1.0 - 0.943 ** bottoms[-1])
    assert found == pytest.approx(expected, rel=1e-12)
    shallow = draw(models["beps"], -1.0, 25.0, 0.3, 0.0, depth=0.3)["root_fraction"]
    assert shallow.sum() == pytest.approx(1.0, rel=1e-12)
    assert shallow[3:] == pytest.approx(0.0, abs=1e-15)
    assert shallow[2] > 0.0


def test_stress_curves_are_one_at_the_threshold_and_a_half_where_they_say():
    assert sm.curved_stress(10.0, 20.0, 1.0) == 1.0
    assert sm.curved_stress(20.0, 20.0, 0.4) == pytest.approx(0.5, rel=1e-12)
    assert sm.curved_stress(66.0, 66.0, 1.0) == pytest.approx(0.5, rel=1e-12)
    assert sm.curved_stress(50.0, 20.0, 1.0) == pytest.approx(1.0 / (1.0 + 4.0), rel=1e-12)
    assert sm.linear_stress(160.0, 160.0) == pytest.approx(0.5, rel=1e-12)
    assert [sm.linear_stress(suction, 160.0) for suction in (10.0, 64.0, 256.0, 900.0)] == [1.0, 1.0, 0.0, 0.0]


def test_a_uniform_soil_has_the_stress_of_its_potential(models):
    found = draw(models["beps"], -50.0, 40.0, 0.3, 0.0)
    assert found["moisture_stress"] == pytest.approx(0.2, rel=1e-9)
    assert draw(models["clm"], -20.0, 40.0, 0.3, 0.0)["moisture_stress"] == pytest.approx(0.5, rel=1e-12)


def test_cold_soil_takes_up_little_and_frozen_soil_nothing(models):
    cool = draw(models["beps"], -1.0, 5.0, 0.3, 0.0)["moisture_stress"]
    assert cool == pytest.approx(1.0 - math.exp(-0.5), rel=1e-12)
    half = draw(models["beps"], -1.0, 5.0, 0.3, 0.0, warming=math.log(2.0) / 25.0)["moisture_stress"]
    assert half == pytest.approx(0.5, rel=1e-12)
    for model in models.values():
        frozen = draw(model, -1.0, -1.0, 0.1, 0.2)
        assert frozen["moisture_stress"] == 0.0
        assert frozen["root_water_limit"] == 0.0
        assert np.all(frozen["root_uptake_share"] == 0.0)


def test_uptake_moves_from_dry_to_moist_layers(models):
    potential = np.array([-80.0, -40.0, -20.0, -2.0, -1.0, -1.0])
    for model in models.values():
        found = draw(model, potential, 20.0, 0.3, 0.0)
        assert found["root_uptake_share"][0] < found["root_fraction"][0]
        assert found["root_uptake_share"][4] > found["root_fraction"][4]


layer_values = st.lists(st.tuples(st.floats(-1e4, -0.01), st.floats(-15.0, 35.0), st.floats(0.0, 0.45), st.floats(0.0, 0.4)),
                        min_size=LAYERS, max_size=LAYERS)


@settings(deadline=None, max_examples=200)
@given(layer_values, st.floats(0.0, 0.15), st.sampled_from(["beps", "clm"]), st.floats(0.05, 5.0), st.floats(0.4, 1.5))
def test_shares_sum_to_one_or_none_and_the_limit_empties_no_layer(models, layers, residual, name, depth, exponent):
    potential, temperature, liquid, ice = np.array(layers).T
    found = draw(models[name], potential, temperature, liquid, ice, residual, depth=depth, exponent=exponent)
    shares = found["root_uptake_share"]
    assert np.all(shares >= 0.0)
    assert shares.sum() == pytest.approx(1.0, rel=1e-12) or np.all(shares == 0.0)
    assert 0.0 <= found["moisture_stress"] <= 1.0
    left = liquid - found["root_water_limit"] * shares * 1800.0 / (1000.0 * THICKNESS)
    lowest = np.array([driest(residual, one) for one in ice])
    touched = shares > 0.0
    assert np.all(left[touched] >= lowest[touched] + 0.5 * sm.MARGIN)
    assert np.all(shares[temperature <= 0.0] == 0.0)


def test_stress_can_be_placed_on_capacity_on_conductance_or_on_both():
    assert sm.STRESS_ON["capacity"](0.3) == (0.3, 1.0)
    assert sm.STRESS_ON["conductance"](0.3) == (1.0, 0.3)
    assert sm.STRESS_ON["both"](0.3) == (0.3, 0.3)
