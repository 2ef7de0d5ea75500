"""Errors that half hours of a day share are found in residuals, and bands of means widen by them."""

from types import SimpleNamespace

import numpy as np
import pytest

from terraflux.assimilation.lasting_errors import NONE, LastingError, lasting_error, lasting_errors, lasting_part
from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.assimilation.prediction import coverage, predict_posterior
from terraflux.assimilation.problem import StreamChoice

PER_DAY, SIGMA = 48, 2.0
TRUTH = LastingError(0.3, 0.8)


def stream_of(errors, kept, average="step"):
    """A stream whose model is zero and whose errors (steps,) are those given, on the steps kept."""
    used = np.flatnonzero(kept)
    times = np.datetime64("2001-01-01", "ns") + np.arange(kept.size) * np.timedelta64(30, "m")
    index = np.full(kept.size, -1)
    index[used] = np.arange(used.size)
    return ObservedStream(StreamChoice("NEE", correlation=0.0, average=average), "net_ecosystem_exchange", 1.0, index,
                          errors[used], np.full(used.size, SIGMA), np.zeros(used.size), np.ones(used.size), times[used],
                          np.diff(used, prepend=used[0]).astype(float))


def made_with(truth, years, seed):
    """Errors of some years with a share in common, and the stream of which three fifths are measured."""
    random = np.random.default_rng(seed)
    days = 365 * years
    common = lasting_part(np.arange(days), truth, 1, random)[0]
    z = np.sqrt(truth.share) * np.repeat(common, PER_DAY) + np.sqrt(1.0 - truth.share) * random.standard_normal(days * PER_DAY)
    return stream_of(SIGMA * z, random.random(z.size) < 0.6)


def problem_of(stream):
    """What predictions ask of a tower problem whose model is zero."""
    return SimpleNamespace(
        streams=[stream], parts={stream.name: slice(0, stream.observed.size)}, observed=stream.observed, years=(2001,),
        predict=lambda u: np.zeros((len(u), stream.observed.size)), space=SimpleNamespace(noise=lambda u: {}),
        columns=SimpleNamespace(time_step=1800.0, tower=SimpleNamespace(site=SimpleNamespace(site_id="XX-Lin"))))


def test_share_and_memory_are_found_in_residuals():
    found = [lasting_errors(problem_of(made_with(TRUTH, 4, seed)), np.zeros(1))["net_ecosystem_exchange"] for seed in range(8)]
    assert np.mean([one.share for one in found]) == pytest.approx(TRUTH.share, abs=0.03)
    assert np.mean([one.memory for one in found]) == pytest.approx(TRUTH.memory, abs=0.04)


def test_independent_errors_share_next_to_nothing():
    found = lasting_errors(problem_of(made_with(NONE, 2, 1)), np.zeros(1))["net_ecosystem_exchange"]
    assert found.share < 0.01


def test_memory_that_the_likelihood_knows_is_not_counted_twice():
    random = np.random.default_rng(3)
    from scipy.signal import lfilter

    fresh = random.standard_normal(365 * PER_DAY * 2) * np.sqrt(1.0 - 0.7**2)
    stream = stream_of(SIGMA * lfilter([1.0], [1.0, -0.7], fresh), np.ones(fresh.size, bool))
    known = lasting_error(stream, np.zeros((1, fresh.size)), {"correlation": np.array([0.7])})
    ignored = lasting_error(stream, np.zeros((1, fresh.size)), {})
    assert known.share < 0.03 < ignored.share


def test_means_by_day_and_month_are_covered_and_half_hours_stay_so():
    fitted, left_out = made_with(TRUTH, 5, 11), made_with(TRUTH, 8, 12)
    lasting = lasting_errors(problem_of(fitted), np.zeros(1))
    found = predict_posterior(problem_of(left_out), np.zeros((100, 1)), count=100, lasting=lasting)
    alone = predict_posterior(problem_of(left_out), np.zeros((100, 1)), count=100)
    for every, tolerance in (("step", 0.03), ("day", 0.05), ("month", 0.08)):  # 96 months: two and a half binomial errors
        assert coverage(found, 0.9, every=every)["net_ecosystem_exchange"] == pytest.approx(0.9, abs=tolerance), every
    assert coverage(alone, 0.9, every="step")["net_ecosystem_exchange"] == pytest.approx(0.9, abs=0.03)
    assert coverage(alone, 0.9, every="day")["net_ecosystem_exchange"] < 0.6
    assert alone.lasting == {"net_ecosystem_exchange": NONE}


def test_streams_of_means_and_few_days_share_nothing():
    stream = made_with(TRUTH, 1, 5)
    assert lasting_error(stream_of(np.ones(480), np.ones(480, bool), "day"), np.zeros((1, 480)), {}) == NONE
    few = stream_of(np.ones(5 * PER_DAY), np.ones(5 * PER_DAY, bool))
    assert lasting_error(few, np.zeros((1, few.observed.size)), {}) == NONE
    failing = problem_of(stream)
    failing.predict = lambda u: np.full((1, stream.observed.size), np.nan)
    with pytest.raises(ValueError, match="XX-Lin: the model fails"):
        lasting_errors(failing, np.zeros(1))
