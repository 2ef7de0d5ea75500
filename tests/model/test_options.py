"""Options of the column: registered alternatives only, helpful refusals, and every alternative runs."""

import dataclasses

import numpy as np
import pytest

from terraflux.model.column import column_model, step
from terraflux.model.leaf_recipe import FIRST_ROUNDS
from terraflux.model.options import ALTERNATIVES, OptionError, Options
from terraflux.model.weave import Model

pytestmark = pytest.mark.xdist_group("options")

CHOICES = [(name, value) for name, registry in ALTERNATIVES.items() for value in registry
           if value != getattr(Options(), name)]


def test_defaults_are_registered_alternatives():
    for name, registry in ALTERNATIVES.items():
        assert getattr(Options(), name) in registry


def test_every_choice_has_an_option_and_every_text_option_is_a_choice():
    text = {field.name for field in dataclasses.fields(Options) if isinstance(field.default, str)}
    assert text == set(ALTERNATIVES)


@pytest.mark.parametrize(("name", "wrong", "meant"), [
    ("stomatal_conductance", "medlin", "medlyn"), ("soil_hydraulics", "van_genuchten2", "van_genuchten"),
    ("freezing", "Sharp", "sharp"), ("photosynthesis", "farqhar", "farquhar"),
])
def test_a_misspelt_alternative_is_refused_with_the_nearest(name, wrong, meant):
    with pytest.raises(OptionError, match=f"option {name} is '{wrong}'; known are .*meant '{meant}'"):
        Options(**{name: wrong})


def test_a_misspelt_option_is_refused_with_the_nearest():
    with pytest.raises(OptionError, match="unknown option 'stomatal_conductanse'; meant 'stomatal_conductance'"):
        Options.from_mapping({"stomatal_conductanse": "medlyn"})


@pytest.mark.parametrize(("name", "value"), [
    ("leaf_rounds", 0), ("leaf_rounds", 21), ("leaf_rounds", 2.5), ("heat_passes", 0), ("soil_layers", 1),
    ("deep_layers", 1), ("deep_layers", -1), ("snow_layers", 5), ("seasonal_terms", 0),
])
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(OptionError, match=f"option {name} is {value}"):
        Options(**{name: value})


def test_numbers_may_be_text_where_a_file_or_command_line_gives_them():
    assert Options.from_mapping({"leaf_rounds": "6", "freezing": "sharp"}) == Options(leaf_rounds=6, freezing="sharp")
    with pytest.raises(OptionError, match="option leaf_rounds is 'six'; a whole number is needed"):
        Options.from_mapping({"leaf_rounds": "six"})


def test_differences_name_what_is_not_default():
    assert Options().differences() == {}
    assert Options(freezing="sharp", deep_layers=8).differences() == {"freezing": "sharp", "deep_layers": 8}


def test_equal_options_share_one_model():
    assert column_model(Options()) is column_model(Options.from_mapping({}))


@pytest.mark.parametrize(("name", "value"), CHOICES)
def test_every_alternative_weaves(name, value):
    options = Options(**{name: value})
    assert column_model(options).woven(1).stages
    assert step(options) is not None


def test_other_options_use_every_alternative_process(other_options):
    for name, registry in ALTERNATIVES.items():
        if len(registry) > 1:
            assert getattr(other_options, name) != getattr(Options(), name), name


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), CHOICES)
def test_every_alternative_by_itself_runs_closes_and_matters(make_columns, every_pair, name, value):
    """In plain compiled form, on a few columns through a short year; the result differs from the default's."""
    closures = ("water_closure", "heat_closure", "energy_closure", "carbon_closure", "shortwave_closure")
    states = []
    for options in (Options(**{name: value}), Options()):
        batch = make_columns(options, every_pair[::19], steps=960, seed=8, season_days=20.0)
        result, state = batch.run(outputs=dict.fromkeys(closures, "maximum"), windows=960, lanes=8)
        for closure, limit in zip(closures, (1e-9, 1e-6, 1e-6, 1e-10, 1e-10), strict=True):
            assert result[closure].max() < limit, closure
        states.append(state)
    assert not np.array_equal(*states)


@pytest.mark.slow
@pytest.mark.parametrize("options", [Options(soil_layers=2), Options(soil_layers=30, deep_layers=2), Options(deep_layers=8),
                                     Options(leaf_rounds=1, heat_passes=1)])
def test_other_numbers_of_layers_and_rounds_close(make_columns, every_pair, options):
    thickness = np.geomspace(0.03, 0.3, options.soil_layers)
    deep = {"deep_thickness": np.full(options.deep_layers, 1.5)} if options.deep_layers else {}
    batch = make_columns(options, every_pair[::19], steps=960, seed=9, season_days=20.0, layer_thickness=thickness, **deep)
    result, _ = batch.run(outputs={"water_closure": "maximum", "heat_closure": "maximum", "energy_closure": "maximum"},
                          windows=960, lanes=8)
    assert result["water_closure"].max() < 1e-9
    assert result["heat_closure"].max() < 1e-6 and result["energy_closure"].max() < 1e-6


def test_the_model_is_woven_from_the_recipe_that_options_give():
    """Leaf rounds and heat passes are loops of the woven step."""
    options = Options(leaf_rounds=FIRST_ROUNDS + 7, heat_passes=6)
    text = column_model(options).woven(1).source_path.read_text(encoding="utf-8")
    assert isinstance(column_model(options), Model)
    assert f"for _ in range({FIRST_ROUNDS}):" in text and "for _ in range(7):" in text, "leaves that have not settled go on"
    assert "for _ in range(5):" in text, "conduction is solved once before the loop"
