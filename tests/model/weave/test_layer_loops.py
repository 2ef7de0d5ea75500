"""Layer loops, twins and renamed variables give what plain numpy gives."""

import numpy as np
import pytest

from terraflux.model.weave import Fused, Layers, SweepDown, SweepUp, Table, Variable, When, process, weave

SNOW, SOIL, DEEP = 2, 4, 3
COUPLING = 0.7


@process(returns=("ratio", "value"))
def first_forward(temperature):
    pivot = 1.0 / (1.0 + COUPLING)
    return COUPLING * pivot, temperature * pivot


@process(returns=("ratio", "value"))
def forward(temperature, ratio_above, value_above):
    pivot = 1.0 / (1.0 + 2.0 * COUPLING - COUPLING * ratio_above)
    return COUPLING * pivot, (temperature + COUPLING * value_above) * pivot


@process(returns="temperature")
def last_forward(temperature, ratio_above, value_above):
    return (temperature + COUPLING * value_above) / (1.0 + COUPLING - COUPLING * ratio_above)


@process(returns="temperature")
def back(temperature_below, ratio, value):
    return value + ratio * temperature_below


def table(deep):
    variables = [Variable("unused", "forcing", "1", "unused")]
    for name in ("snow", "soil", "deep"):
        variables.append(Variable(f"{name}_temperature", "state", "K", name, name))
        variables += [Variable(f"{part}_{name}", "diagnostic", "1", part, name) for part in ("ratio", "value")]
    return Table(variables, {"snow": SNOW, "soil": SOIL, "deep": deep})


def stacked(deep):
    """One implicit conduction step through snow, soil and deep ground, as consecutive sweeps."""
    def under(name):
        return {"ratio_above": f"ratio_{name}_bottom", "value_above": f"value_{name}_bottom"}

    lowest = "deep" if deep else "soil"
    last = last_forward.of(lowest)
    return [
        SweepDown(forward.of("snow"), first=first_forward.of("snow")),
        SweepDown(forward.of("soil"), first=forward.of("soil").with_names(**under("snow")),
                  last=None if deep else last),
        *([SweepDown(forward.of("deep"), first=forward.of("deep").with_names(**under("soil")), last=last),
           SweepUp(back.of("deep"), last_is_done=True),
           SweepUp(back.of("soil"), first=back.of("soil").with_names(temperature_below="deep_temperature_top"))]
          if deep else [SweepUp(back.of("soil"), last_is_done=True)]),
        SweepUp(back.of("snow"), first=back.of("snow").with_names(temperature_below="soil_temperature_top")),
    ]


def run(recipe, layers, state, tmp_path, steps=1):
    model = weave(recipe, layers, lanes=2, python=True, folder=tmp_path)
    model.run(np.zeros((steps, 1, 1)), np.zeros((0, state.shape[1])), state, threads=1)
    return state


@pytest.mark.parametrize("deep", [0, DEEP])
def test_sweeps_over_stacked_dimensions_solve_the_whole_column(deep, tmp_path):
    layers = SNOW + SOIL + deep
    matrix = np.eye(layers)
    for upper in range(layers - 1):
        matrix[upper : upper + 2, upper : upper + 2] += COUPLING * np.array([[1.0, -1.0], [-1.0, 1.0]])
    start = np.random.default_rng(0).normal(280.0, 5.0, (layers, 3))
    solved = run(stacked(deep), table(deep), start.copy(), tmp_path)
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, start), rtol=1e-14)


def test_a_loop_over_a_dimension_without_layers_is_dropped(tmp_path):
    recipe = [*stacked(0), Layers(back_to_zero.of("deep"))]
    start = np.full((SNOW + SOIL, 1), 280.0)
    np.testing.assert_array_equal(run(recipe, table(0), start.copy(), tmp_path),
                                  run(stacked(0), table(0), start.copy(), tmp_path))


@process(returns="temperature")
def back_to_zero(temperature):
    return 0.0 * temperature


@process(returns="temperature")
def warm(temperature):
    return temperature + 1.0


def test_twins_take_the_name_as_suffix_or_prefix(tmp_path):
    names = ("snow_temperature", "temperature_leaf", "temperature")
    variables = [Variable("unused", "forcing", "1", "unused"), *(Variable(name, "state", "K", "") for name in names)]
    recipe = [Fused(warm.of("snow"), warm.of("leaf")), warm, warm.of("leaf")]
    state = run(recipe, Table(variables), np.zeros((3, 1)), tmp_path)
    assert state[:, 0].tolist() == [1.0, 2.0, 1.0]


def test_fixed_layers_count_from_the_top_and_from_one(tmp_path):
    variables = [Variable("unused", "forcing", "1", "unused"), Variable("soil_temperature", "state", "K", "", "soil")]
    places = ("top", "layer2", "layer2", "bottom")
    recipe = [warm.with_names(temperature=f"soil_temperature_{place}") for place in places]
    state = run(recipe, Table(variables, {"soil": 4}), np.zeros((4, 1)), tmp_path)
    assert state[:, 0].tolist() == [1.0, 2.0, 0.0, 1.0]


def test_a_single_layer_needs_no_loop(tmp_path):
    variables = [Variable("unused", "forcing", "1", "unused"), Variable("soil_temperature", "state", "K", "", "soil")]
    recipe = [Layers(warm.of("soil")), SweepUp(warm.of("soil"), last_is_done=True)]
    assert run(recipe, Table(variables, {"soil": 1}), np.zeros((1, 1)), tmp_path)[0, 0] == 1.0


@process(returns="above_limit")
def above_limit(soil_temperature):
    return soil_temperature > 5.0


@process(returns="soil_temperature")
def cooled(soil_temperature):
    return soil_temperature - 3.0


def test_a_condition_on_layers_changes_these_layers_and_columns_alone(tmp_path):
    variables = [Variable("unused", "forcing", "1", "unused"), Variable("soil_temperature", "state", "K", "", "soil"),
                 Variable("open", "state", "1", "")]
    start = np.array([[9.0, 4.0, 9.0], [1.0, 2.0, 3.0], [5.0, 6.0, 7.0], [1.0, 1.0, 0.0]])
    loop = Layers(cooled, where=above_limit)
    for recipe, opened in (([loop], True), ([When("open", loop)], False)):
        for lanes, skip in ((1, True), (2, True), (2, False), (8, True)):
            state = start.copy()
            woven = weave(recipe, Table(variables, {"soil": 3}), lanes=lanes, skip=skip, python=True, folder=tmp_path)
            woven.run(np.zeros((1, 1, 1)), np.zeros((0, 3)), state)
            chosen = (start[:3] > 5.0) & (opened | (start[3] != 0.0))
            np.testing.assert_array_equal(state, np.vstack([np.where(chosen, start[:3] - 3.0, start[:3]), start[3:]]))
