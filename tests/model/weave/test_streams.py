"""Modelled values at observation times and the likelihood that is summed in the time loop."""

import numpy as np
import pytest
from scipy import stats

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


def innovations(residual, correlation, position, restart=48.0):
    """Residuals freed of what the one before foretells, and the share of variance left, written out row by row."""
    freed, left = np.full_like(residual, np.nan), np.full_like(residual, np.nan)
    for column in range(residual.shape[1]):
        last, at = 0.0, -np.inf
        for row in np.flatnonzero(np.isfinite(residual[:, column])):
            intervals = position[row] - at
            memory = correlation[column] ** intervals if intervals <= restart else 0.0
            left[row, column] = 1.0 - memory**2
            freed[row, column] = (residual[row, column] - memory * last) / np.sqrt(left[row, column])
            last, at = residual[row, column], position[row]
    return freed, left


DENSITIES = {
    "gaussian": lambda r: -stats.norm.logpdf(r),
    "laplace": lambda r: -stats.laplace.logpdf(r, scale=np.sqrt(0.5)),
    "student_t": lambda r: -stats.t.logpdf(r * np.sqrt(2.0), 4.0) - np.log(np.sqrt(2.0)),
}


@pytest.mark.parametrize("error_model", DENSITIES)
def test_scaled_correlated_weighted_errors_agree_with_scipy_row_by_row(toy, every, error_model):
    random = np.random.default_rng(5)
    observed = 280.0 + random.normal(0.0, 3.0, (60, 75))
    observed[random.random(observed.shape) < 0.5] = np.nan
    sigma, extra = random.uniform(0.5, 2.0, (60, 75)), random.uniform(0.0, 1.0, (60, 75))
    weight = random.uniform(0.0, 1.0, (60, 75))
    noise = {"scale": random.uniform(0.5, 2.0, 75), "correlation": random.uniform(0.0, 0.95, 75),
             "factor": random.uniform(0.9, 1.1, 75)}
    noise["correlation"][:5] = 0.0
    stream = Stream("soil_temperature_top", np.arange(60), observed, sigma, error_model, extra_sigma=extra, weight=weight)
    result = run(toy, [stream], noise={"soil_temperature_top": noise})
    total = np.sqrt((noise["scale"] * sigma) ** 2 + extra**2)
    residual = (noise["factor"] * every["soil_temperature"][:, 0] - observed) / total
    freed, left = innovations(residual, noise["correlation"], np.arange(60))
    expected = np.nansum(weight * (DENSITIES[error_model](freed) + np.log(total) + 0.5 * np.log(left)), axis=0)
    np.testing.assert_allclose(result.misfit, expected, rtol=1e-11)


def test_correlation_runs_over_intervals_of_an_observation_and_is_forgotten_after_48(toy, every):
    observed = np.full((12, 75), 300.0)
    observed[[2, 3, 7]] = np.nan
    result = run(toy, [Stream("water", np.arange(60) // 5, observed, 2.0)], noise={"water": {"correlation": 0.7}})
    residual = (every["water"].reshape(12, 5, 75).mean(1) - observed) / 2.0
    freed, left = innovations(residual, np.full(75, 0.7), np.arange(12))
    expected = np.nansum(DENSITIES["gaussian"](freed) + np.log(2.0) + 0.5 * np.log(left), axis=0)
    np.testing.assert_allclose(result.misfit, expected, rtol=1e-11)
    far = np.full((60, 75), np.nan)
    far[[3, 58]] = 280.0
    lonely = run(toy, [Stream("water", np.arange(60), far, 2.0)], noise={"water": {"correlation": 0.99}})
    free = run(toy, [Stream("water", np.arange(60), far, 2.0)])
    np.testing.assert_array_equal(lonely.misfit, free.misfit)


def test_the_misfit_of_each_stream_is_kept_and_their_sum_is_the_misfit(toy):
    streams = [Stream("water", np.arange(60) // 5, toy.observed, 2.0),
               Stream("soil_temperature_top", np.arange(60), np.full((60, 75), 280.0), 1.0)]
    result = run(toy, streams)
    alone = [run(toy, [one]).misfit for one in streams]
    np.testing.assert_array_equal(result.stream_misfit["water"], alone[0])
    np.testing.assert_array_equal(result.stream_misfit["soil_temperature_top"], alone[1])
    np.testing.assert_array_equal(result.misfit, alone[0] + alone[1])


@pytest.mark.parametrize(("noise", "words"), [
    ({"watr": {}}, "unknown stream 'watr'"),
    ({"water": {"scal": 1.0}}, "unknown entry 'scal'"),
    ({"water": {"scale": np.ones(3)}}, "one for each of the 75 columns"),
    ({"water": {"correlation": 1.0}}, "must lie in"),
])
def test_noise_that_does_not_fit_is_refused(toy, noise, words):
    with pytest.raises(ValueError, match=words):
        run(toy, [Stream("water", np.arange(60))], noise=noise)


@pytest.mark.parametrize(("options", "words"), [
    ({"weight": 1.5}, "weight must be 0 or more, at most 1"),
    ({"extra_sigma": -1.0}, "extra_sigma must be 0 or more"),
    ({"extra_sigma": np.ones(7)}, "does not fit"),
])
def test_numbers_beside_observations_that_do_not_fit_are_refused(toy, options, words):
    with pytest.raises(ValueError, match=words):
        run(toy, [Stream("water", np.arange(60) // 5, toy.observed, 2.0, **options)])
