"""Recipes that do not fit their table are refused before anything is compiled, in words that help."""

import pytest

from terraflux.model.weave import (
    Fused,
    Layers,
    RecipeError,
    Repeat,
    RepeatPerLane,
    SweepDown,
    SweepUp,
    Variable,
    When,
    process,
)


def one(name, kind="state", dimension=""):
    return Variable(name, kind, "1", name, dimension)


@process(returns="watr")
def misspelt(water):
    return water


@process(returns="melt")
def melt_of_water(water):
    return water


@process(returns="water")
def water_of_melt(melt):
    return melt


@process(returns="water")
def water_from_layers(soil_temperature):
    return soil_temperature


@process(returns="soil_temperature")
def from_above(soil_temperature_above):
    return soil_temperature_above


@process(returns="soil_temperature")
def mixed(soil_temperature, snow_temperature):
    return soil_temperature + snow_temperature


@process(returns="rate")
def change_rate(rate):
    return rate


@process(returns="snow_flag")
def set_flag(water):
    return water


@process(returns="decay")
def decay_of_water(water):
    return water


@process(returns="temperature")
def cool(temperature):
    return temperature - 1.0


@process(returns="ratio")
def layered_value(soil_temperature):
    return soil_temperature


@process(returns="warm_layer")
def warm_layer(soil_temperature):
    return soil_temperature > 280.0


def test_an_unknown_name_comes_with_the_nearest_one(refused):
    assert refused([misspelt]) == "misspelt uses 'watr', which the table does not declare; meant 'water'?"


def test_a_diagnostic_read_before_it_is_computed_is_refused(refused):
    assert "water_of_melt reads 'melt' before any process has computed it" in refused([water_of_melt, melt_of_water])


def test_a_diagnostic_computed_only_under_a_flag_is_refused_outside(refused):
    message = refused([set_flag, When("snow_flag", melt_of_water), water_of_melt])
    assert "'melt', which is computed only where 'snow_flag' is set" in message
    nested = [set_flag, When("snow_flag", When("water", melt_of_water), water_of_melt)]
    assert "computed only where 'water' is set" in refused(nested)


def test_a_layer_that_was_not_computed_is_refused(refused):
    @process(returns="value")
    def some_value(soil_temperature):
        return soil_temperature

    @process(returns="soil_temperature")
    def use_value(value):
        return value

    message = refused([SweepDown(some_value, first_is_done=True), Layers(use_value)])
    assert "reads 'value' (layer 1) before" in message


def test_a_derived_variable_must_be_prepared_and_only_there(refused):
    @process(returns="water")
    def use_decay(decay):
        return decay

    assert "reads 'decay' before any process has computed it in prepare" in refused([use_decay], prepare=())
    assert "returns 'decay', a derived, which no process may change" in refused([decay_of_water])
    assert "prepare must not depend on time" in refused([], prepare=[decay_of_water])


def test_parameters_are_not_changed_and_states_not_prepared(refused):
    assert "change_rate returns 'rate', a parameter" in refused([change_rate])

    @process(returns="water")
    def first_water(rate):
        return rate

    assert "returns 'water', a state, which no prepare process may change" in refused([], prepare=[first_water])


def test_layers_need_a_loop_and_a_loop_needs_layers(refused):
    assert "outside a loop over layers" in refused([water_from_layers])
    assert "uses no layered variable" in refused([Layers(melt_of_water)])


def test_a_neighbour_that_does_not_exist_is_refused(refused):
    assert "layer 1, which lacks that neighbour; give first= or last=" in refused([SweepDown(from_above)])


def test_an_order_dependent_layer_loop_is_refused(refused):
    assert "which these Layers change: use SweepDown or SweepUp" in refused([Layers(from_above)])


def test_a_condition_on_layers_must_not_leave_layers_without_value(refused):
    assert "which has no value where" in refused([Layers(layered_value, where=warm_layer)])


def test_a_loop_over_two_dimensions_is_refused(refused):
    message = refused([Layers(mixed)])
    assert "mixes dimensions" in message and "'soil'" in message and "'snow'" in message
    message = refused([SweepUp(mixed.with_names(snow_temperature="snow_temperature_top"), first=mixed)])
    assert "mixes dimensions" in message


def test_first_and_last_need_two_layers(refused):
    layers = {"soil": 1, "snow": 2}
    assert "leaves them only one layer" in refused([SweepDown(cool.of("soil"), cool.of("soil"), cool.of("soil"))],
                                                   layers=layers)


def test_both_twin_forms_in_the_table_are_refused(refused):
    variables = [one("temperature_snow"), one("snow_temperature")]
    assert "has both 'temperature_snow' and 'snow_temperature'" in refused([cool.of("snow")], variables, prepare=())


def test_endings_that_do_not_fit_are_refused(refused):
    assert "'water' has no layers" in refused([cool.with_names(temperature="water_top")])
    assert "'soil_temperature' has 4 layers" in refused([cool.with_names(temperature="soil_temperature_layer5")])
    with pytest.raises(RecipeError, match="neither reads nor returns 'wetness'"):
        cool.with_names(wetness="water")


def test_a_flag_or_count_must_be_known_flat_and_left_alone(refused):
    assert "meant 'snow_flag'" in refused([When("snow_flg", melt_of_water)])
    assert "reads 'snow_flag' before" in refused([When("snow_flag", melt_of_water)])
    assert "needs a variable without layers" in refused([When("soil_temperature", melt_of_water)])
    assert "set_flag changes 'snow_flag'" in refused([set_flag, When("snow_flag", set_flag)])
    assert "set_flag changes 'snow_flag'" in refused([set_flag, RepeatPerLane("snow_flag", 3, Repeat(2, set_flag))])


def test_strangers_and_senseless_numbers_in_a_recipe_are_refused(refused):
    assert "a recipe cannot hold 3" in refused([3])
    assert "a recipe cannot hold <function" in refused([Fused(melt_of_water.function)])
    for build in (lambda: Repeat(0, melt_of_water), lambda: RepeatPerLane("water", 0, melt_of_water)):
        with pytest.raises(RecipeError, match="at least 1"):
            build()


def test_a_variable_without_layers_in_this_table_is_named(refused):
    variables = [one("deep_temperature", dimension="deep"), one("water")]
    message = refused([cool.with_names(temperature="deep_temperature_top")], variables, {"deep": 0}, ())
    assert "whose dimension 'deep' has no layers" in message
