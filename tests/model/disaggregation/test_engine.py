"""Disaggregation inside runs: the same bits in any lane, thread, tile and slab; steps count as they do without it."""

import numpy as np
import pytest

from terraflux.model.disaggregation import Disaggregation, DisaggregationError, disaggregated
from terraflux.model.growth_temperature import growth_temperature
from terraflux.model.variables import FORCING, SETTINGS, variable_table
from terraflux.model.weave import Model, RecipeError, Stream, Table, Variable

NAMES = [variable.name for variable in FORCING]
HOURLY = {"time_step": 3600.0}


def small_table(*more):
    return Table([*FORCING, *SETTINGS, Variable("growth_temperature", "state", "degC", "running mean"), *more])


@pytest.fixture(scope="module")
def model():
    return Model([growth_temperature], small_table())


def run(model, forcing, one, columns=None, state=None, **options):
    """(outputs of every step, state) of a run."""
    columns = forcing.shape[2] if columns is None else columns
    state = np.zeros((1, columns)) if state is None else state
    result = model.run(forcing, np.zeros((0, columns)), state, HOURLY, outputs=[*NAMES, "growth_temperature"],
                       disaggregation=one, **options)
    return result.out, state


@pytest.fixture(scope="module")
def daily(make):
    return make("1999-12-29", 6, latitude=np.linspace(-60.0, 75.0, 75), precipitation="cascade", temperature="cosine")


@pytest.fixture(scope="module")
def reference(model, daily):
    return run(model, daily[1], daily[0], threads=1)


@pytest.mark.parametrize(("lanes", "threads"), [(1, 1), (32, 2), (8, 2)])
def test_lanes_and_threads_change_no_bit(model, daily, reference, lanes, threads):
    out, state = run(model, daily[1], daily[0], lanes=lanes, threads=threads)
    assert np.array_equal(out, reference[0]) and np.array_equal(state, reference[1])


def test_plain_python_has_the_same_bits(daily, reference):
    plain = Model([growth_temperature], small_table(), python=True)
    out, _ = run(plain, daily[1][:2, :, 40:42], daily[0].of([40, 41]), lanes=1)
    assert np.array_equal(out, reference[0][:48, :, 40:42])


def test_tiles_of_any_size_have_the_bits_of_the_whole(model, daily, reference):
    for chosen in (np.arange(33), np.array([74, 3, 40, 41, 42, 9, 60, 12, 70])):
        out, _ = run(model, np.ascontiguousarray(daily[1][:, :, chosen]), daily[0].of(chosen))
        assert np.array_equal(out, reference[0][:, :, chosen])


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_restart_at_a_day_is_exact(model, daily, reference, cut):
    """Slabs of any length: the second run begins with the state of the first and the date of its first day."""
    one, forcing = daily
    first, state = run(model, forcing[:cut], one)
    second, state = run(model, forcing[cut:], one.starting(np.datetime64("1999-12-29") + cut), state=state)
    assert np.array_equal(np.concatenate([first, second]), reference[0]) and np.array_equal(state, reference[1])


def test_columns_share_the_weather_of_a_series(model, daily, reference):
    """A mosaic: several columns of one cell, side by side or not."""
    for series in (np.zeros(40, np.int64), np.repeat(np.arange(25), 3), np.random.default_rng(0).integers(0, 75, 50)):
        out, _ = run(model, daily[1], daily[0], columns=series.size, forcing_of=series)
        assert np.array_equal(out, reference[0][:, :, series])


def test_windows_and_streams_count_steps(model, daily, reference):
    one, forcing = daily
    state = np.zeros((1, 75))
    stream = Stream("air_temperature", np.repeat(np.arange(6), 24), np.full((6, 75), 10.0), np.full((6, 75), 2.0))
    found = model.run(forcing, np.zeros((0, 75)), state, HOURLY, outputs={"air_temperature": "maximum"}, windows=24,
                      streams=[stream], disaggregation=one)
    air = reference[0][:, NAMES.index("air_temperature")].reshape(6, 24, 75)
    assert np.array_equal(found["air_temperature"], air.max(axis=1))
    assert np.allclose(found.values["air_temperature"], forcing[:, one.variables().index("air_temperature")], rtol=1e-13)
    residual = (found.values["air_temperature"] - 10.0) / 2.0
    assert np.allclose(found.misfit, (0.5 * residual**2 + np.log(2.0) + 0.5 * np.log(2.0 * np.pi)).sum(axis=0))


def test_failures_name_the_step(model, make):
    one, forcing = make("2001-01-01", 3, latitude=[40.0], longitude=[0.0])
    forcing[1, 2] = np.nan
    result = model.run(forcing, np.zeros((0, 1)), np.zeros((1, 1)), HOURLY, disaggregation=one, on_error="status")
    assert result.failures[0].step == 24


def test_rows_that_no_course_knows_are_carried(make):
    """Terms of a season are forcing rows with layers."""
    terms = Variable("seasonal_basis", "forcing", "1", "seasonal terms", dimension="season")
    table = Table([*FORCING, terms, *SETTINGS, Variable("growth_temperature", "state", "degC", "running mean")], {"season": 2})
    one, forcing = make("2001-01-01", 2, latitude=[40.0], longitude=[0.0])
    assert one.variables(table)[-2:] == ("seasonal_basis", "seasonal_basis")
    given = np.concatenate([forcing, [[[0.5], [-1.0]], [[2.0], [3.0]]]], axis=1)
    found = Model([growth_temperature], table).run(given, np.zeros((0, 1)), np.zeros((1, 1)), HOURLY, windows=24,
                                                   outputs=["seasonal_basis", "precipitation"], disaggregation=one)
    assert np.allclose(found["seasonal_basis"][:, :, 0], [[0.5, -1.0], [2.0, 3.0]], rtol=1e-14)
    assert np.allclose(found["precipitation"], forcing[:, 7], rtol=1e-14)


def test_variables_are_forcing_without_what_the_sun_decides():
    one = Disaggregation([0.0], [0.0], "2001-01-01")
    made = {"cosine_zenith", "diffuse_fraction", "photoperiod"}
    assert set(one.variables()) == {name for name in NAMES if name not in made} | {"air_temperature_range"}
    assert set(one.variables(variable_table())) == set(one.variables())


@pytest.mark.parametrize(("choices", "words"), [
    ({"temperature": "daylite"}, "daylight"), ({"precipitation": "cascades"}, "cascade"), ({"seed": -1}, "negative"),
    ({"latitude": [91.0]}, "degrees"), ({"latitude": [1.0, 2.0]}, "per series"), ({"latitude": [np.nan]}, "latitude"),
    ({"interval_seconds": 50000}, "divide the day"), ({"first": "2001-01-01T06:00"}, "begins"),
    ({"neighbours": (2, 0)}, "neighbours"),
])
def test_what_cannot_be_is_refused(choices, words):
    with pytest.raises(DisaggregationError, match=words):
        Disaggregation(**{"latitude": [0.0], "longitude": [0.0], "first": "2001-01-01", **choices})


def test_what_does_not_fit_a_run_is_refused(model, make):
    one, forcing = make("2001-01-01", 2, latitude=[40.0], longitude=[0.0])
    with pytest.raises(DisaggregationError, match="does not divide"):
        disaggregated(forcing, one, 7000.0)
    with pytest.raises(DisaggregationError, match="1 places"):
        disaggregated(np.repeat(forcing, 2, axis=2), one, 3600.0)
    with pytest.raises(DisaggregationError, match="utc_offset_hours"):
        disaggregated(forcing, Disaggregation([40.0], [0.0], "2001-01-01", utc_offset_hours=[1.0, 2.0]), 3600.0)
    with pytest.raises(DisaggregationError, match="neighbours"):
        disaggregated(forcing[:1], one.starting("2001-01-01", (1, 1)), 3600.0)
    with pytest.raises(ValueError, match="expected 10 rows"):
        disaggregated(forcing[:, :9], one, 3600.0)
    with pytest.raises(ValueError, match="another disaggregation"):
        model.woven(1).run(forcing, np.zeros((0, 1)), np.zeros((1, 1)), HOURLY, disaggregation=one)
    lacking = Table([variable for variable in small_table().values() if variable.name != "photoperiod"])
    with pytest.raises(DisaggregationError, match="photoperiod"):
        Model([growth_temperature], lacking).run(forcing, np.zeros((0, 1)), np.zeros((1, 1)), HOURLY, disaggregation=one)


def test_a_run_without_disaggregation_is_as_before(model):
    forcing = np.zeros((3, len(NAMES), 1))
    result = model.run(forcing, np.zeros((0, 1)), np.full((1, 1), 5.0), HOURLY, outputs=["growth_temperature"])
    assert (np.diff(result["growth_temperature"][:, 0]) < 0.0).all()
    with pytest.raises(RecipeError):
        Model([growth_temperature], small_table()).run(forcing, np.zeros((0, 1)), np.zeros((1, 1)), HOURLY, outputs=["rain"])
