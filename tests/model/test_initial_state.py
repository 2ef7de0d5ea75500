"""First states: in bounds for every soil, frozen or thawed by the mean temperature, with errors that name the state."""

import numpy as np
import pytest

from terraflux.model.initial_state import FIRST_POOLS, initial_state, state_vector
from terraflux.model.parameters import parameters, soil_classes
from terraflux.model.variables import variable_table


@pytest.fixture(scope="module")
def table():
    return variable_table()


def of(table, vector, name):
    return vector[[k for k, (variable, _) in enumerate(table.rows_of("state")) if variable.name == name]]


@pytest.mark.parametrize("hydraulics", ["campbell", "van_genuchten", "cosby"])
@pytest.mark.parametrize("soil", soil_classes())
@pytest.mark.parametrize("temperature", [-20.0, 12.0])
def test_every_soil_starts_between_residual_moisture_and_porosity(table, soil, hydraulics, temperature):
    one = parameters("GRA", soil, hydraulics=hydraulics)
    state = initial_state(table, one, temperature)
    water = of(table, state, "soil_liquid") + of(table, state, "soil_ice")
    assert (water > one["residual_moisture"]).all() and (water < one["porosity"]).all()
    for (variable, _), value in zip(table.rows_of("state"), state, strict=True):
        assert variable.bounds is None or variable.bounds[0] <= value <= variable.bounds[1]


def test_field_moisture_of_loam_is_that_of_a_suction_of_three_metres(table):
    liquid = of(table, initial_state(table, parameters("GRA", "loam"), 12.0), "soil_liquid")
    assert liquid == pytest.approx(np.full(10, 0.451 * (0.478 / 3.3) ** (1.0 / 5.39)), rel=1e-9)


def test_cold_ground_starts_frozen_and_warm_ground_thawed(table):
    one = parameters("ENF", "loam")
    cold, warm = initial_state(table, one, -4.0), initial_state(table, one, 4.0)
    assert (of(table, cold, "soil_ice") > 5.0 * of(table, cold, "soil_liquid")).all()
    assert (of(table, warm, "soil_ice") == 0.0).all()
    assert (of(table, cold, "soil_temperature") == -4.0).all()
    assert (of(table, warm, "snow_mass") == 0.0).all()


def test_given_states_replace_the_first_ones(table):
    profile = np.linspace(1.0, 5.0, 10)
    state = initial_state(table, parameters("ENF", "loam"), 4.0, soil_temperature=profile, slow_carbon=1234.0)
    assert np.array_equal(of(table, state, "soil_temperature"), profile)
    assert of(table, state, "slow_carbon") == 1234.0
    assert of(table, state, "passive_carbon") == FIRST_POOLS["passive_carbon"]


def test_the_vector_has_the_tables_rows_and_zero_where_nothing_is_given(table):
    state = state_vector(table, {"soil_temperature": 3.0})
    assert state.shape == (len(table.rows_of("state")),)
    assert state.sum() == pytest.approx(30.0)


@pytest.mark.parametrize(("values", "message"), [
    ({"soil_temprature": 3.0}, "no state"), ({"soil_temperature": np.zeros(7)}, "10 layers"),
    ({"soil_liquid": 1.2}, "outside"), ({"soil_liquid": np.nan}, "outside"), ({"porosity": 0.4}, "no state")])
def test_states_that_cannot_be_are_refused(table, values, message):
    with pytest.raises(ValueError, match=message):
        state_vector(table, values)


def test_states_of_absent_deep_layers_are_left_out(table):
    assert state_vector(table, {"deep_temperature": 4.0}).sum() == 0.0
    deep = variable_table(deep_layers=4)
    state = initial_state(deep, parameters("ENF", "loam", deep_thickness=np.ones(4)), 4.0)
    assert of(deep, state, "deep_temperature").sum() == 16.0
