"""False discoveries on maps stay within what was asked for."""

import numpy as np
import pytest

from terraflux.evaluation.trends.false_discovery import significance_threshold, significant


def test_the_worked_example_of_the_paper_keeps_four_of_fifteen():
    # Benjamini and Hochberg (1995), section 4.1: at q = 0.05 the first four hypotheses are rejected.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert significant(p, 0.05, correlated=False).tolist() == [True] * 4 + [False] * 11


def test_a_late_small_p_rescues_those_before_it():
    assert significant([0.04, 0.04, 0.04, 0.04], 0.05, correlated=False).all()


def test_noise_gives_hardly_any_and_signal_stays():
    generator = np.random.default_rng(0)
    noise = generator.uniform(size=(40, 50))
    assert significant(noise).mean() < 0.01 < np.mean(noise < 0.05)
    noise[:10] = generator.uniform(0.0, 1e-4, (10, 50))
    found = significant(noise)
    assert found[:10].mean() > 0.99
    assert found[10:].sum() / found.sum() < 0.15


def test_correlated_fields_use_twice_alpha_and_gaps_are_never_significant():
    p = np.array([0.03, np.nan, 0.09])
    assert significant(p).tolist() == [True, False, True]
    assert significant(p, correlated=False).tolist() == [False, False, False]
    assert significance_threshold([np.nan]) == -1.0


def test_p_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        significant([0.5, 1.5])
    with pytest.raises(ValueError, match="alpha"):
        significant([0.5], alpha=0.6)
