"""ILAMB's scores follow their published formulas."""

import numpy as np
import pytest

from terraflux.evaluation import ilamb_scores

MONTH = np.arange(24)
OBSERVED = 3.0 + 2.0 * np.sin(2.0 * np.pi * MONTH / 12.0) + np.repeat([0.1, -0.1], 12)


def test_overall_score_reproduces_the_number_of_an_ilamb_run():
    # Scores and overall of one variable as printed by ILAMB 2.7.3.
    scores = {"bias": 0.927446, "rmse": 0.877083, "phase": 0.953005, "interannual": 0.570871, "spatial": 0.999121}
    assert ilamb_scores.overall_score(scores) == pytest.approx(0.867435, abs=1e-6)


def test_missing_scores_leave_the_mean_of_the_others():
    assert ilamb_scores.overall_score({"bias": 0.5, "rmse": 0.8}) == pytest.approx(2.1 / 3.0)
    with pytest.raises(ValueError, match="must be among"):
        ilamb_scores.overall_score({"kge": 1.0})


def test_a_perfect_series_scores_one():
    for score in (ilamb_scores.bias_score, ilamb_scores.rmse_score, ilamb_scores.phase_score,
                  ilamb_scores.interannual_score):
        assert score(OBSERVED, OBSERVED) == pytest.approx(1.0)


def test_an_offset_of_one_standard_deviation_costs_bias_only():
    shifted = OBSERVED + OBSERVED.std()
    assert ilamb_scores.bias_score(shifted, OBSERVED) == pytest.approx(np.exp(-1.0))
    assert ilamb_scores.rmse_score(shifted, OBSERVED) == pytest.approx(1.0)


def test_half_a_year_out_of_phase_scores_nought():
    assert ilamb_scores.phase_score(6.0 - OBSERVED, OBSERVED) == pytest.approx(0.0, abs=1e-12)
    assert ilamb_scores.phase_score(np.roll(OBSERVED, 3), OBSERVED) == pytest.approx(0.5, abs=1e-12)


def test_doubled_departures_score_one_over_e():
    cycle = np.tile(ilamb_scores.annual_cycle(OBSERVED), 2)
    doubled = cycle + 2.0 * (OBSERVED - cycle)
    assert ilamb_scores.interannual_score(doubled, OBSERVED) == pytest.approx(np.exp(-1.0))


def test_broken_years_are_refused():
    with pytest.raises(ValueError, match="no whole years"):
        ilamb_scores.annual_cycle(OBSERVED[:-1])
