"""Modelled values at observation times and the likelihood that is summed in the time loop."""

import numpy as np
import pytest

from terraflux.model.weave import RecipeError, Stream


def gaussian(modelled, observed, sigma):
    terms = 0.5 * ((modelled - observed) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2.0 * np.pi)
    return np.nansum(np.where(np.isnan(observed * sigma), np.nan, terms), axis=0)


@pytest.fixture(scope="module")
def every(toy):
    """Every step of every output."""
    return toy.woven().run(toy.forcing, toy.parameters, toy.state(), outputs=["water", "soil_temperature"])


def run(toy, streams, **options):
    return toy.woven().run(toy.forcing, toy.parameters, toy.state(), streams=streams, **options)


def test_values_are_means_over_the_steps_of_each_observation(toy, every):
    index = np.repeat([-1, 0, 1, 3], [7, 20, 3, 30])
    index[30:33] = -1
    result = run(toy, [Stream("water", index), Stream("soil_temperature_layer3", np.arange(60), name="third")])
    for observation in (0, 1, 3):
        np.testing.assert_allclose(result.values["water"][observation], every["water"][index == observation].mean(0),
                                   rtol=1e-14)
    assert np.isnan(result.values["water"][2]).all()
    np.testing.assert_array_equal(result.values["third"], every["soil_temperature"][:, 2])


def test_the_likelihood_of_several_streams_agrees_with_numpy(toy, every):
    random = np.random.default_rng(3)
    half_hourly = 280.0 + random.normal(0, 1, (60, 75))
    half_hourly[random.random(half_hourly.shape) < 0.4] = np.nan
    spread = random.uniform(0.5, 2.0, (60, 75))
    spread[3] = np.nan
    streams = [Stream("water", np.arange(60) // 5, toy.observed, 2.0),
               Stream("soil_temperature_top", np.arange(60), half_hourly, spread, keep_values=False)]
    result = run(toy, streams)
    water = every["water"].reshape(12, 5, 75).mean(1)
    expected = (gaussian(water, toy.observed, np.full_like(toy.observed, 2.0))
                + gaussian(every["soil_temperature"][:, 0], half_hourly, spread))
    np.testing.assert_allclose(result.misfit, expected, rtol=1e-12)
    assert list(result.values) == ["water"]


def test_observations_follow_the_series_of_a_column(toy):
    model, series = toy.woven(), np.arange(75) % 2
    observed = np.array([[10.0, 20.0]])
    stream = Stream("water", np.zeros(60, int), observed, [[1.0, 3.0]])
    result = model.run(toy.forcing[:, :, :2], toy.parameters, toy.state(), forcing_of=series, streams=[stream])
    expected = gaussian(result.values["water"], observed[:, series], np.array([[1.0, 3.0]])[:, series])
    np.testing.assert_allclose(result.misfit, expected, rtol=1e-13)


def test_a_plan_serves_many_runs(toy):
    streams = [Stream("water", np.arange(60) // 5, toy.observed, 2.0)]
    plan = toy.woven().plan_streams(streams, 60, 75)
    np.testing.assert_array_equal(run(toy, plan).misfit, run(toy, streams).misfit)


def test_without_observations_the_misfit_is_zero(toy):
    assert (run(toy, [Stream("water", np.arange(60))]).misfit == 0.0).all()


@pytest.mark.parametrize("options, words", [
    ({"index": np.arange(59)}, "one whole number for each of the 60 steps"),
    ({"index": np.arange(60.0)}, "one whole number"),
    ({"index": np.arange(60)[::-1]}, "must not decrease"),
    ({"variable": "soil_temperature"}, "say soil_temperature_layer2"),
    ({"observed": np.zeros((10, 75)), "sigma": 1.0}, "expected \\(60 or more, 75\\)"),
    ({"observed": np.zeros((60, 75))}, "no sigma"),
    ({"observed": np.zeros((60, 75)), "sigma": 0.0}, "above 0"),
    ({"observed": np.full((60, 75), np.inf), "sigma": 1.0}, "finite"),
    ({"observed": np.zeros((60, 75)), "sigma": np.ones(4)}, "does not fit"),
    ({"error_model": "gausian"}, "meant 'gaussian'"),
])
def test_streams_that_do_not_fit_are_refused(toy, options, words):
    with pytest.raises(ValueError, match=words):
        run(toy, [Stream(**{"variable": "water", "index": np.arange(60), **options})])


def test_unknown_variables_and_equal_names_are_refused(toy):
    with pytest.raises(RecipeError, match="meant 'water'"):
        run(toy, [Stream("watr", np.arange(60))])
    with pytest.raises(ValueError, match="two streams are called 'water'"):
        run(toy, [Stream("water", np.arange(60)), Stream("water", np.arange(60))])
