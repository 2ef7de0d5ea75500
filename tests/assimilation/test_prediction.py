"""Posterior predictions: bands that mean what they say, in any number of chunks, by step and by day."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from terraflux.assimilation import prediction
from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.assimilation.prediction import (
    QUANTILES,
    correlated,
    coverage,
    independent_errors,
    predict_posterior,
    thinned,
)
from terraflux.assimilation.problem import StreamChoice

DAYS, PER_DAY = 60, 48


def half_hours(observed, kept, correlation=0.5, error_model="gaussian", extra=0.0):
    """A stream of net exchange on the half hours `kept` of DAYS days, with errors of 2 umol m-2 s-1."""
    times = np.datetime64("2021-05-01", "ns") + np.arange(DAYS * PER_DAY) * np.timedelta64(30, "m")
    used = np.flatnonzero(kept)
    index = np.full(kept.size, -1)
    index[used] = np.arange(used.size)
    size = used.size
    choice = StreamChoice("NEE", correlation=correlation, error_model=error_model)
    sigma, further = np.full(size, 2.0), np.full(size, extra)
    return ObservedStream(choice, "net_ecosystem_exchange", 1.0, index, observed[used], sigma, further,
                          np.ones(size), times[used], np.diff(used, prepend=used[0]).astype(float))


def linear_problem(stream, base, noise=None):
    """What predict_posterior asks of a tower problem; the model is base + u, or NaN for u above 50."""
    def predict(u):
        made = base[None] + u[:, :1]
        return np.where(u[:, :1] > 50.0, np.nan, made)

    entry = noise or {"scale": lambda u: np.ones(len(u)), "correlation": lambda u: np.full(len(u), 0.5)}
    return SimpleNamespace(
        streams=[stream], parts={stream.name: slice(0, stream.observed.size)}, observed=stream.observed, predict=predict,
        space=SimpleNamespace(noise=lambda u: {stream.name: {name: of(u) for name, of in entry.items()}}), years=(2021,),
        columns=SimpleNamespace(time_step=1800.0, tower=SimpleNamespace(site=SimpleNamespace(site_id="XX-Lin"))))


@pytest.fixture(scope="module")
def honest():
    """Observations made with exactly the errors that the prediction assumes, gaps included."""
    random = np.random.default_rng(4)
    count = DAYS * PER_DAY
    truth = 5.0 * np.sin(np.arange(count) * 2.0 * np.pi / PER_DAY)
    kept = random.random(count) < 0.8
    stream = half_hours(truth, kept)
    memory = prediction.memory_of(stream, np.array([0.5]))
    z = correlated(random.standard_normal((1, kept.sum())), memory, np.zeros(1))[0]
    stream = replace(stream, observed=truth[kept] + 2.0 * z)
    return stream, truth[kept], random.normal(0.0, 0.1, (400, 1))


def test_the_band_of_an_observation_covers_what_it_says(honest):
    stream, base, draws = honest
    found = predict_posterior(linear_problem(stream, base), draws)
    for level in (0.5, 0.8, 0.9):
        assert coverage(found, level)[stream.name] == pytest.approx(level, abs=0.02)
    one = found[stream.name]
    np.testing.assert_allclose(one.observation.deviation.mean(), np.hypot(2.0, 0.1), rtol=0.01)
    np.testing.assert_allclose(one.parameter.deviation, 0.1, rtol=0.1)
    assert (np.diff(one.observation.quantiles, axis=0) > 0.0).all()
    assert one.observation.quantiles.shape == (len(QUANTILES), base.size)


def test_daily_means_are_covered_where_correlation_is_counted_and_not_where_it_is_ignored(honest):
    stream, base, draws = honest
    daily = coverage(predict_posterior(linear_problem(stream, base), draws), every="day")[stream.name]
    assert 0.8 <= daily <= 0.98
    ignored = linear_problem(stream, base, {"scale": lambda u: np.ones(len(u)), "correlation": lambda u: np.zeros(len(u))})
    assert coverage(predict_posterior(ignored, draws), every="day")[stream.name] < daily - 0.1


def test_a_daily_mean_is_that_of_the_measured_half_hours(honest):
    stream, base, draws = honest
    day = predict_posterior(linear_problem(stream, base), draws).daily[stream.name]
    first = stream.when < np.datetime64("2021-05-02")
    assert day.times.size == DAYS
    np.testing.assert_allclose(day.observed[0], stream.observed[first].mean())
    np.testing.assert_allclose(day.parameter.mean[0], base[first].mean() + thinned(draws, 200).mean(), rtol=1e-5)
    few = half_hours(np.zeros(DAYS * PER_DAY), np.arange(DAYS * PER_DAY) % 48 < 10)
    assert predict_posterior(linear_problem(few, few.observed), draws).daily == {}


def test_neither_chunks_nor_a_temporary_file_change_a_band(honest, monkeypatch):
    stream, base, draws = honest
    whole = predict_posterior(linear_problem(stream, base), draws)
    monkeypatch.setattr(prediction, "IN_MEMORY", 0)
    filed = predict_posterior(linear_problem(stream, base), draws)
    np.testing.assert_array_equal(filed[stream.name].observation.quantiles, whole[stream.name].observation.quantiles)
    monkeypatch.setattr(prediction, "CHUNK", 100)
    pieces = predict_posterior(linear_problem(stream, base), draws)
    np.testing.assert_array_equal(pieces[stream.name].parameter.quantiles, whole[stream.name].parameter.quantiles)
    np.testing.assert_allclose(pieces.daily[stream.name].parameter.mean, whole.daily[stream.name].parameter.mean, rtol=1e-12)
    assert coverage(pieces)[stream.name] == pytest.approx(coverage(whole)[stream.name], abs=0.02)


def test_correlated_errors_have_unit_variance_and_remember_over_gaps():
    random = np.random.default_rng(0)
    memory = np.tile([0.0, 0.5, 0.25], 20000)[None]
    for shape in ("gaussian", "laplace", "student_t"):
        z = correlated(independent_errors(shape, memory.shape, random), memory, np.zeros(1))[0]
        assert z.std() == pytest.approx(1.0, abs=0.03)
        assert np.mean(z[1::3] * z[:-2:3]) == pytest.approx(0.5, abs=0.04)
        assert np.mean(z[2::3] * z[1:-1:3]) == pytest.approx(0.25, abs=0.04)
        assert np.mean(z[3::3] * z[2:-1:3]) == pytest.approx(0.0, abs=0.04)


def test_scale_and_extra_error_widen_the_observation_band_alone(honest):
    stream, base, draws = honest
    wide = replace(stream, extra_sigma=np.full(base.size, 3.0))
    found = predict_posterior(linear_problem(wide, base, {"scale": lambda u: np.full(len(u), 2.0)}), draws)[stream.name]
    np.testing.assert_allclose(found.observation.deviation.mean(), np.hypot(4.0, 3.0), rtol=0.02)
    np.testing.assert_allclose(found.parameter.deviation, 0.1, rtol=0.1)


def test_failed_draws_are_left_out_and_counted(honest):
    stream, base, draws = honest
    some = np.where(np.arange(len(draws))[:, None] % 10 == 0, 99.0, draws)
    found = predict_posterior(linear_problem(stream, base), some, count=400)
    assert found.failed == 40
    assert np.isfinite(found[stream.name].observation.mean).all()
    with pytest.raises(ValueError, match="the model fails for 400 of 400 draws"):
        predict_posterior(linear_problem(stream, base), np.full((400, 1), 99.0), count=400)


def test_what_cannot_be_predicted_is_refused(honest):
    stream, base, draws = honest
    with pytest.raises(ValueError, match="give draws"):
        predict_posterior(linear_problem(stream, base))
    found = predict_posterior(linear_problem(stream, base), draws, count=50)
    assert len(found.draws) == 50
    with pytest.raises(ValueError, match="between 0 and 1"):
        coverage(found, 90.0)
    with pytest.raises(ValueError, match="step, day, month"):
        coverage(found, every="year")


def test_a_prediction_can_be_kept_as_a_labelled_dataset(honest):
    stream, base, draws = honest
    made = predict_posterior(linear_problem(stream, base), draws)[stream.name].dataset()
    assert made["observation_quantiles"].attrs["units"] == "umol m-2 s-1"
    assert made["observation_quantiles"].sel(quantile=0.95).shape == base.shape
