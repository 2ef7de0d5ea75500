"""The column as members of a filter: bounds, frozen ground, and heat that goes with added water."""

import numpy as np
import pytest

from terraflux.assimilation.soil_column import SoilColumn
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.spinup_run import state_rows

pytestmark = pytest.mark.xdist_group("column")


@pytest.fixture(scope="module")
def column():
    """A week of an invented grassland, not settled."""
    return SoilColumn.from_tower(synthetic_tower("grassland").between("2021-06-01", "2021-06-07"), cycles=0)


def test_added_water_is_booked_with_its_heat(column):
    states = column.ensemble(3)
    before = column.stored_water(states)
    warmth = states[state_rows(column.model, "soil_temperature")][0, 0]
    water, heat = column.set_moisture(states, column.moisture(states) + np.array([[0.01], [0.0], [-0.01]]))
    assert np.allclose(column.stored_water(states) - before, water, rtol=0, atol=1e-10)
    assert water[0] == pytest.approx(10.0 * column.thickness.sum()) and abs(water[1]) < 1e-10
    assert heat[0] == pytest.approx(water[0] * 4188.0 * warmth, rel=0.01)


def test_wishes_beyond_the_pores_are_clipped(column):
    states = column.ensemble(2)
    least, most = column.moisture_bounds(states)
    column.set_moisture(states, np.array([[2.0], [-2.0]]) * np.ones(len(column.thickness)))
    assert np.allclose(column.moisture(states), [most[0], least[1]])


def test_layers_with_ice_stay_as_they_are(column):
    states = column.ensemble(1)
    states[state_rows(column.model, "soil_ice")][1] = 0.05
    before = column.moisture(states)
    column.set_moisture(states, before + 0.02)
    changed = column.moisture(states) - before
    assert changed[0, 1] == 0.0 and changed[0, 0] == pytest.approx(0.02)


def test_segments_equal_one_run(column):
    whole, parts = column.ensemble(2), column.ensemble(2)
    column.run(whole, 0, 100)
    for first, last in ((0, 30), (30, 31), (31, 100)):
        column.run(parts, first, last)
    assert np.array_equal(whole, parts)


def test_the_trajectory_is_that_of_a_member(column):
    states = column.ensemble(1)
    column.run(states, 0, 60)
    assert np.array_equal(column.trajectory([0, 60])[1], column.moisture(states)[0])
