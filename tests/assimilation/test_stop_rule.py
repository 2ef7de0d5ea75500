"""The stop rule lets good chains stop and names what keeps bad ones."""

import numpy as np
import pytest

from terraflux.assimilation.stop_rule import StopRule, judge

SHORT = StopRule(autocorrelation_lengths=0.0)


def chain(steps=400, ensembles=4, walkers=8, seed=0):
    """Independent draws (steps, ensembles, walkers, 2) and a log posterior for them."""
    draws = np.random.default_rng(seed).standard_normal((steps, ensembles, walkers, 2))
    return draws, -0.5 * (draws**2).sum(axis=-1)


def test_independent_draws_may_stop():
    verdict = judge(SHORT, *chain(), ("a", "b"))
    assert verdict.satisfied
    assert verdict.reasons == ()
    assert verdict.names == ("a", "b", "log posterior")
    assert verdict.least_effective_size > 4000
    assert verdict.worst_rhat < 1.01


def test_an_ensemble_that_disagrees_is_named():
    draws, density = chain()
    draws[:, 2, :, 1] += 0.7
    verdict = judge(SHORT, draws, density, ("rate", "depth"))
    assert not verdict.satisfied
    assert any("R-hat across ensembles" in words and "depth" in words and "rate" not in words for words in verdict.reasons)


def test_the_first_half_and_the_burn_in_do_not_count():
    draws, density = chain()
    draws[:180] += 50.0
    assert judge(SHORT, draws, density, ("a", "b")).satisfied
    draws[180:220] += 50.0
    assert not judge(SHORT, draws, density, ("a", "b")).satisfied
    assert judge(SHORT, draws, density, ("a", "b"), burn_in=220).satisfied


def test_too_few_draws_do_not_stop():
    assert not judge(SHORT, *chain(steps=20), ("a", "b")).satisfied
    assert judge(SHORT, *chain(steps=5), ("a", "b")).reasons == ("only 2 steps after burn-in",)


def test_walkers_in_separate_modes_do_not_stop_however_many_they_are():
    draws, density = chain(walkers=400)
    draws[:, :, ::2] += 8.0
    verdict = judge(SHORT, draws, density, ("a", "b"))
    assert verdict.least_effective_size > 1000  # so many walkers look like so many effective draws
    assert verdict.worst_rhat < 1.01  # and the ensembles agree
    assert not verdict.satisfied
    assert any("walkers do not mix" in words for words in verdict.reasons)


def test_the_autocorrelation_time_must_be_short_and_settled():
    rule = StopRule()
    draws, density = chain()
    once = judge(rule, draws, density, ("a", "b"))
    assert once.reasons == ("autocorrelation time estimated only once",)
    assert judge(rule, draws, density, ("a", "b"), previous_autocorrelation=once.autocorrelation * 1.005).satisfied
    assert not judge(rule, draws, density, ("a", "b"), previous_autocorrelation=once.autocorrelation * 1.02).satisfied
    short = judge(StopRule(autocorrelation_lengths=500.0), draws, density, ("a", "b"), 0, once.autocorrelation)
    assert any("shorter than 500 autocorrelation times" in words for words in short.reasons)


@pytest.mark.parametrize("wrong", [{"minimum_effective_size": 100}, {"maximum_rhat": 1.0}, {"check_every": 0},
                                   {"discard": 1.0}])
def test_rules_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError):
        StopRule(**wrong)
