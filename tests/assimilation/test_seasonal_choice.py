"""A season is accepted only when the predictive density of left-out weeks says so."""

import numpy as np
import pytest

from terraflux.assimilation.seasonal_choice import accepted, leave_blocks_out, week_blocks

DAYS, DRAWS = 364, 2000


def linear_posterior(design, observed, sigma, prior, random):
    """Draws of a linear model with normal errors and priors, and their pointwise log-likelihoods."""
    precision = design.T @ design / sigma**2 + np.diag(1.0 / np.asarray(prior) ** 2)
    mean = np.linalg.solve(precision, design.T @ observed / sigma**2)
    draws = mean + random.standard_normal((DRAWS, mean.size)) @ np.linalg.cholesky(np.linalg.inv(precision)).T
    residual = (observed - draws @ design.T) / sigma
    return -0.5 * residual**2 - np.log(sigma) - 0.5 * np.log(2.0 * np.pi)


def two_models(amplitude, seed):
    """Log-likelihoods of a constant and a seasonal model of data with a season of an amplitude; sigma is 1."""
    random = np.random.default_rng(seed)
    angle = 2.0 * np.pi * np.arange(DAYS) / 365.0
    observed = 5.0 + amplitude * np.cos(angle) + random.standard_normal(DAYS)
    flat = np.ones((DAYS, 1))
    waves = np.stack([np.ones(DAYS), np.cos(angle), np.sin(angle), np.cos(2.0 * angle), np.sin(2.0 * angle)], axis=1)
    return (linear_posterior(flat, observed, 1.0, [10.0], random),
            linear_posterior(waves, observed, 1.0, [10.0, 1.0, 1.0, 1.0, 1.0], random))


def test_weeks_left_out_are_predicted_as_by_models_refitted_without_them():
    random = np.random.default_rng(3)
    observed = 2.0 + random.standard_normal(70)
    week = np.repeat(np.arange(10), 7)
    found = leave_blocks_out(linear_posterior(np.ones((70, 1)), observed, 1.0, [10.0], random), week)
    exact = []
    for number in range(10):
        kept, out = observed[week != number], observed[week == number]
        precision = kept.size + 0.01
        covariance = np.eye(7) + 1.0 / precision
        gap = out - kept.sum() / precision
        exact.append(-0.5 * (gap @ np.linalg.solve(covariance, gap) + np.linalg.slogdet(covariance)[1]
                             + 7.0 * np.log(2.0 * np.pi)))
    np.testing.assert_allclose(found.density, exact, atol=0.1)
    assert found.total == pytest.approx(sum(exact), abs=0.3) and (found.shape < 0.7).all()


def test_a_strong_season_is_accepted():
    for seed in range(5):
        choice = accepted(*two_models(1.0, seed), week_blocks(np.datetime64("2021-01-07") + np.arange(DAYS)))
        assert choice.accepted and choice.gain > 50.0 and choice.blocks == 52, choice.message


def test_without_a_season_the_constant_is_kept():
    kept = sum(not accepted(*two_models(0.0, seed), np.arange(DAYS) // 7).accepted for seed in range(40))
    assert kept >= 38


def test_a_gain_within_two_standard_errors_is_not_enough():
    random = np.random.default_rng(0)
    base = -np.ones((500, 70)) + 0.01 * random.standard_normal((500, 70))
    better = base.copy()
    better[:, :7] += 1.0  # all of it in one week
    choice = accepted(base, better, np.repeat(np.arange(10), 7))
    assert choice.gain > 4.0 and choice.gain < 2.0 * choice.error and not choice.accepted
    assert "does not add enough" in choice.message


def test_weeks_have_seven_days_and_go_on_over_new_year():
    weeks = week_blocks(np.datetime64("2020-12-01T00:30") + np.arange(0, 70 * 48) * np.timedelta64(30, "m"))
    assert np.bincount(weeks - weeks[0])[1:-1].tolist() == [336] * (np.unique(weeks).size - 2)


def test_wrong_shapes_and_failed_draws_are_refused_with_words():
    with pytest.raises(ValueError, match="do not fit blocks"):
        leave_blocks_out(np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(ValueError, match="1 draws have log-likelihoods that are not finite"):
        leave_blocks_out(np.where(np.arange(12).reshape(3, 4) == 5, np.nan, 0.0), np.zeros(4))
