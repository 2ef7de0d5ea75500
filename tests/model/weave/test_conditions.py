"""When and RepeatPerLane: no column feels what its neighbours need."""

import numpy as np
import pytest

from terraflux.model.weave import Layers, Repeat, RepeatPerLane, Table, Variable, When, process, weave

TABLE = Table([
    Variable("flag", "forcing", "1", "flag"),
    Variable("rounds", "forcing", "1", "rounds"),
    Variable("total", "state", "1", "total"),
    Variable("turns", "diagnostic", "1", "turns"),
    Variable("extra", "diagnostic", "1", "extra"),
    Variable("early", "diagnostic", "1", "early"),
])
FLAGS = np.array([0.0, 1.0, 0.0, 0.5, 0.0])
ROUNDS = np.array([1.0, 3.0, 2.0, 9.0, -1.0])


@process(returns=("turns", "early"))
def begin(total):
    return 0.0, total


@process(returns=("total", "extra"))
def add(total):
    return total + 1.0, total * 0.0 + 7.0


@process(returns="turns")
def count_turn(turns):
    return turns + 1.0


@process(returns="early")
def overwrite(early):
    return early - 100.0


def run(recipe, tmp_path, lanes, steps=1, chosen=slice(None), skip=True, python=True, flags=None):
    model = weave(recipe, TABLE, lanes=lanes, skip=skip, python=python, folder=tmp_path)
    flags = np.repeat(FLAGS[None], steps, 0) if flags is None else flags
    forcing = np.stack([flags, np.repeat(ROUNDS[None], steps, 0)], 1)[:, :, chosen]
    state = np.full((1, forcing.shape[2]), 5.0)
    computed = [name for name in ("total", "turns", "extra", "early") if name not in model._never]
    result = model.run(forcing, np.zeros((0, state.shape[1])), state, outputs=computed)
    return {name: result[name] for name in computed}


def test_a_flag_guards_states_and_earlier_diagnostics_and_zeroes_its_own(tmp_path):
    out = run([begin, When("flag", add, overwrite)], tmp_path, 8)
    on = FLAGS != 0.0
    np.testing.assert_array_equal(out["total"][0], 5.0 + on)
    np.testing.assert_array_equal(out["extra"][0], 7.0 * on)
    np.testing.assert_array_equal(out["early"][0], 5.0 - 100.0 * on)


def test_a_diagnostic_under_a_flag_does_not_show_an_earlier_step(tmp_path):
    flags = np.array([[1.0] * 5, [0.0] * 5, [0.0, 1.0, 0.0, 0.0, 0.0]])
    out = run([begin, When("flag", add)], tmp_path, 8, 3, flags=flags)
    assert out["extra"].tolist() == [[7.0] * 5, [0.0] * 5, [0.0, 7.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("recipe", [
    [begin, When("flag", add, overwrite)],
    [begin, RepeatPerLane("rounds", 4, count_turn, add)],
    [begin, When("flag", overwrite, RepeatPerLane("rounds", 4, count_turn, add))],
    [begin, RepeatPerLane("rounds", 4, count_turn, When("flag", add))],
    [begin, Repeat(2, When("flag", When("rounds", add)))],
], ids=["when", "rounds", "rounds in when", "when in rounds", "when in when"])
def test_columns_alone_and_blocks_that_never_skip_give_the_same_bits(recipe, tmp_path):
    together = run(recipe, tmp_path, 8, 3)
    unskipped = run(recipe, tmp_path, 8, 3, skip=False)
    for column in range(5):
        alone = run(recipe, tmp_path, 1, 3, slice(column, column + 1))
        for name, values in together.items():
            np.testing.assert_array_equal(alone[name][:, 0], values[:, column])
            np.testing.assert_array_equal(unskipped[name], values)


def test_every_column_gets_its_own_number_of_rounds(tmp_path):
    out = run([begin, RepeatPerLane("rounds", 4, count_turn, add)], tmp_path, 8)
    assert out["turns"][0].tolist() == [1.0, 3.0, 2.0, 4.0, 1.0]
    assert out["extra"][0].tolist() == [7.0] * 5


def test_a_broken_count_means_a_whole_round_more_and_nan_means_one(tmp_path):
    model = weave([begin, RepeatPerLane("rounds", 4, count_turn)], TABLE, lanes=4, python=True, folder=tmp_path)
    forcing = np.array([[[0.0] * 3, [1.5, np.nan, 3.2]]])
    result = model.run(forcing, np.zeros((0, 3)), np.zeros((1, 3)), outputs=["turns"])
    assert result["turns"][0].tolist() == [2.0, 1.0, 4.0]


def test_compiled_conditions_equal_plain_python(tmp_path):
    recipe = [begin, When("flag", overwrite, RepeatPerLane("rounds", 4, count_turn, add))]
    plain, compiled = (run(recipe, tmp_path, 4, 3, python=python) for python in (True, False))
    for name, values in plain.items():
        np.testing.assert_array_equal(compiled[name], values)


def scattered(columns=40):
    """Flags and rounds of many columns: whole groups without a flag, groups with one, a block with many."""
    flags, rounds = np.zeros(columns), np.ones(columns)
    flags[[3, 17, *range(32, columns)]] = 1.0
    rounds[[5, 6, 33]] = 3.0, 2.0, 9.0
    return np.stack([flags, rounds])[None]


@pytest.mark.parametrize("python", [True, False], ids=["plain", "compiled"])
def test_groups_that_rest_change_no_column(tmp_path, python):
    recipe = [begin, When("flag", overwrite, RepeatPerLane("rounds", 4, count_turn), few=True),
              RepeatPerLane("rounds", 4, count_turn, When("flag", add, few=True))]
    forcing = scattered()
    columns = forcing.shape[2]
    names = ("total", "turns", "early", "extra")

    def outputs(lanes, skip=True, python=python):
        model = weave(recipe, TABLE, lanes=lanes, skip=skip, python=python, folder=tmp_path)
        result = model.run(forcing, np.zeros((0, columns)), np.full((1, columns), 5.0), outputs=names)
        return model, {name: result[name] for name in names}

    model, by_groups = outputs(32)
    assert any("of_few" in name for name in model.stages)
    for _, other in (outputs(1, python=True), outputs(32, skip=False)):
        for name, values in other.items():
            np.testing.assert_array_equal(by_groups[name], values)
    flag, rounds = forcing[0] != 0.0, np.minimum(forcing[0, 1], 4.0)
    np.testing.assert_array_equal(by_groups["turns"][0], rounds * (1.0 + flag[0]))
    np.testing.assert_array_equal(by_groups["total"][0], 5.0 + rounds * flag[0])


@process(returns="lit")
def lit(level):
    return level > 0.0


@process(returns="level")
def deepen(level):
    return 2.0 * level + 1.0


@pytest.mark.parametrize("python", [True, False], ids=["plain", "compiled"])
def test_layers_chosen_in_few_or_many_columns_change_alike(tmp_path, python):
    table = Table([Variable("unused", "forcing", "1", "unused"), Variable("level", "state", "1", "level", "soil")], {"soil": 4})
    start = np.random.default_rng(1).uniform(-1.0, 1.0, (4, 40)) - np.array([[-0.9], [0.0], [0.8], [2.0]])
    state = start.copy()
    model = weave([Layers(deepen, where=lit)], table, lanes=32, python=python, folder=tmp_path)
    model.run(np.zeros((1, 1, 1)), np.zeros((0, 40)), state, threads=1)
    np.testing.assert_array_equal(state, np.where(start > 0.0, 2.0 * start + 1.0, start))
