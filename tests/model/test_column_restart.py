"""A run cut in two goes on to the last bit, wherever it is cut; every state of the table is needed for that."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.drivers.restart import read_restart, write_restart
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.drivers.tower_columns import tower_parameters
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.simulation import simulate

pytestmark = pytest.mark.xdist_group("column")

STEPS = 480
OUTPUTS = ("latent_heat", "gross_primary_production", "soil_temperature", "heterotrophic_respiration", "albedo",
           "leaf_area_index", "ponded_water")


@pytest.fixture(scope="module", params=["default", "other"])
def batch(request, make_columns, every_pair, other_options):
    """Winter into spring: snow comes and goes, ground freezes and thaws."""
    options = Options() if request.param == "default" else other_options
    return make_columns(options, every_pair[::9], steps=STEPS, seed=2, season_days=20.0)


@pytest.fixture(scope="module")
def whole(batch):
    """Outputs of every step and final state of the run in one piece."""
    return batch.run(outputs=OUTPUTS)


def same_bits(found, expected):
    return np.array_equal(np.ascontiguousarray(found).view(np.int64), np.ascontiguousarray(expected).view(np.int64))


@pytest.mark.parametrize("cut", [1, 47, 48, 131, 240, 319, STEPS - 1])
def test_two_runs_equal_one(batch, whole, cut):
    first, middle = batch.run(steps=slice(0, cut), outputs=OUTPUTS)
    second, end = batch.run(middle, slice(cut, STEPS), outputs=OUTPUTS)
    assert same_bits(np.concatenate([first.out, second.out]), whole[0].out)
    assert same_bits(end, whole[1])


def test_cuts_fall_into_snow_into_freezing_and_thawing_and_into_rain(batch):
    snow, ice, pond = (batch.rows(name) for name in ("snow_mass", "soil_ice", "canopy_liquid"))
    seen = {"snow": False, "freezing": False, "thawing": False, "wet": False}
    for cut in (1, 47, 48, 131, 240, 319):
        _, middle = batch.run(steps=slice(0, cut))
        _, after = batch.run(middle, slice(cut, cut + 1))
        change = after[ice] - middle[ice]
        seen["snow"] |= bool((middle[snow] > 1.0).any())
        seen["freezing"] |= bool((change > 0.0).any())
        seen["thawing"] |= bool((change < 0.0).any())
        seen["wet"] |= bool((middle[pond] > 0.0).any())
    assert all(seen.values()), seen


def test_many_pieces_equal_one(batch, whole):
    state, pieces = None, []
    for start in range(0, STEPS, 37):
        result, state = batch.run(state, slice(start, min(start + 37, STEPS)), outputs=OUTPUTS)
        pieces.append(result.out)
    assert same_bits(np.concatenate(pieces), whole[0].out) and same_bits(state, whole[1])


def test_a_restart_file_keeps_every_bit(batch, whole, tmp_path):
    cut = 201
    _, middle = batch.run(steps=slice(0, cut))
    path = write_restart(tmp_path / "state.nc", batch.model.table, middle, np.datetime64("2001-03-04T05:30:00"))
    back, valid = read_restart(path, batch.model.table)
    assert valid == np.datetime64("2001-03-04T05:30:00")
    assert same_bits(back, middle)
    result, end = batch.run(back, slice(cut, STEPS), outputs=OUTPUTS)
    assert same_bits(result.out, whole[0].out[cut:]) and same_bits(end, whole[1])


def test_the_restart_set_is_the_states_of_the_table(batch):
    assert len(batch.model.table.rows_of("state")) == batch.state.shape[0]


def test_no_state_can_be_left_out(batch, whole):
    """Each state, put back to its first value at a cut, changes what follows; states of other options do not."""
    cut = 251
    _, middle = batch.run(steps=slice(0, cut))
    other = batch.model.table.layers["deep"] > 0
    unfelt = {"growth_temperature"} if other else {
        "day_seconds", "day_minimum_temperature", "day_vapour_deficit", "growing_season_index", "recent_moisture_stress"}
    for variable in batch.model.table.of_kind("state"):
        rows = batch.rows(variable.name)
        forgotten = middle.copy()
        forgotten[rows] = batch.state[rows] + (0.01 if variable.name == "ponded_water" else 0.0)
        result, end = batch.run(forgotten, slice(cut, STEPS), outputs=OUTPUTS, on_error="status")
        others = np.delete(np.arange(len(end)), np.r_[rows])
        noticed = not same_bits(result.out, whole[0].out[cut:]) or not same_bits(end[others], whole[1][others])
        assert noticed != (variable.name in unfelt), variable.name


def test_a_simulation_cut_at_an_odd_time_equals_one_in_one_piece(tmp_path):
    tower = synthetic_tower()
    cut = tower.forcing.sizes["time"] // 7 + 5
    table = column_model().table
    sets = [one for _, one in tower_parameters(tower, Options()).values()]
    first_guess = np.stack([initial_state(table, one, 3.0) for one in sets], axis=1)
    start = write_restart(tmp_path / "start.nc", table, first_guess, tower.forcing["time"].values[0])

    def part(steps):
        return replace(tower, forcing=tower.forcing.isel(time=steps))

    straight = simulate(part(slice(0, 3 * cut)), restart=start, restart_out=tmp_path / "end.nc")
    first = simulate(part(slice(0, cut)), restart=start, restart_out=tmp_path / "middle.nc")
    second = simulate(part(slice(cut, 3 * cut)), restart=tmp_path / "middle.nc", restart_out=tmp_path / "again.nc")
    for name in straight.data_vars:
        if "time" in straight[name].dims:
            joined = np.concatenate([first[name].values, second[name].values])
            assert np.array_equal(joined, straight[name].values), name
    (one, when), (other, then) = (read_restart(tmp_path / name, table) for name in ("end.nc", "again.nc"))
    assert same_bits(one, other) and when == then
    assert "middle.nc" in second.attrs["spin_up"]
