"""Terms of a season: smooth and periodic, without a mean, of one prior width whatever the form."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from terraflux.assimilation.parameter_rows import SEASONAL
from terraflux.drivers.seasonal_terms import (
    FORMS,
    GROWING_PHASE,
    SeasonalBasis,
    SeasonError,
    calendar_phase,
    growing_season,
    harmonic_terms,
    monthly_terms,
    penalty_roots,
    phase_of,
    seasonal_basis,
    seasonal_terms,
    spline_terms,
)

PHASE = (np.arange(720) + 0.5) / 720.0
PERIODIC = {"spline": spline_terms, "monthly": monthly_terms, "harmonic": harmonic_terms}


def days(first="2021-01-01", count=730):
    return np.datetime64(first) + np.arange(count) * np.timedelta64(1, "D")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_problem_file_has_its_terms(form):
    air = 10.0 - 10.0 * np.cos(2.0 * np.pi * np.arange(730) / 365.0)
    assert seasonal_terms(form, days(), temperature=air).shape == (730, FORMS[form])
    assert {*FORMS, "constant"} == set(SEASONAL)


@pytest.mark.parametrize("form", PERIODIC)
def test_periodic_terms_have_no_mean_over_the_year_and_close(form):
    terms = PERIODIC[form](PHASE)
    assert np.abs(terms.mean(axis=0)).max() < 1e-12
    np.testing.assert_allclose(PERIODIC[form](PHASE + 1.0), terms, atol=1e-9)
    assert np.linalg.matrix_rank(terms) == terms.shape[1]


def test_the_spline_is_the_periodic_cubic_b_spline_of_scipy():
    coefficients = penalty_roots(6) @ np.array([0.3, -0.2, 0.5, 0.1, -0.4])
    assert coefficients.sum() == pytest.approx(0.0, abs=1e-12)
    expected = BSpline(np.arange(-3, 10) / 6.0, coefficients[np.arange(-1, 8) % 6], 3)
    found = spline_terms(PHASE) @ np.array([0.3, -0.2, 0.5, 0.1, -0.4])
    np.testing.assert_allclose(found, expected(PHASE), atol=1e-12)


def test_roots_of_the_penalty_give_its_pseudo_inverse():
    eye = np.eye(6)
    second = np.roll(eye, 1, axis=1) - 2.0 * eye + np.roll(eye, -1, axis=1)
    np.testing.assert_allclose(penalty_roots(6) @ penalty_roots(6).T, np.linalg.pinv(second.T @ second), atol=1e-12)


def test_one_width_means_about_as_much_for_every_periodic_form():
    spreads = {form: np.sqrt((terms(PHASE) ** 2).sum(axis=1).mean()) for form, terms in PERIODIC.items()}
    assert max(spreads.values()) < 1.25 * min(spreads.values()), spreads


def test_acclimation_follows_temperature_with_ten_days_of_memory():
    air = np.where(np.arange(400) < 200, 5.0, 15.0)
    terms = seasonal_terms("acclimation", days(count=400), temperature=air)[:, 0]
    assert terms.mean() == pytest.approx(0.0, abs=1e-12) and terms.std() == pytest.approx(1.0)
    share = (terms - terms[0]) / (terms[-1] - terms[0])
    assert share[209] == pytest.approx(1.0 - np.exp(-1.0), abs=1e-3)  # after ten days


def test_calendar_phase_runs_from_new_year_to_new_year_also_in_leap_years():
    found = calendar_phase(np.array(["2020-01-01", "2020-07-02", "2021-07-02T12:00", "2020-12-31T23:30"], "datetime64[m]"))
    assert found[:3] == pytest.approx([0.0, 0.5, 0.5]) and 0.9999 < found[3] < 1.0


@pytest.mark.parametrize("shift", [0, 183])
def test_growing_season_sets_the_phase_whatever_the_hemisphere(shift):
    times = days()
    day = np.mod(np.arange(730) - shift, 365)
    leaves = 1.0 + 4.0 / (1.0 + np.exp(-(day - 125.0) / 4.0)) - 4.0 / (1.0 + np.exp(-(day - 285.0) / 4.0))
    phase = phase_of(times, growing_season(times, leaves))
    lush, bare = leaves > 2.5, leaves < 1.2
    assert (phase[lush] < GROWING_PHASE).all() and (phase[bare] > GROWING_PHASE).all()
    middle = np.mod(205 + shift, 365)
    assert phase[middle] == pytest.approx(GROWING_PHASE / 2.0, abs=0.03)
    assert ((phase >= 0.0) & (phase <= 1.0)).all()


@pytest.mark.parametrize("leaves", [np.full(730, 4.0), 2.0 - np.cos(4.0 * np.pi * np.arange(730) / 365.0)])
def test_without_one_growing_season_the_calendar_serves(leaves):
    assert growing_season(days(), leaves) is None
    np.testing.assert_array_equal(phase_of(days(), None), calendar_phase(days()))


def test_what_cannot_be_a_season_is_refused_with_words():
    with pytest.raises(SeasonError, match=r"unknown form of a season 'splines'.*spline"):
        seasonal_terms("splines", days())
    with pytest.raises(SeasonError, match="needs the air temperature"):
        seasonal_terms("acclimation", days())
    with pytest.raises(SeasonError, match="has 1 gaps"):
        seasonal_terms("acclimation", days(), temperature=np.where(np.arange(730) == 3, np.nan, 1.0))
    with pytest.raises(SeasonError, match="never changes"):
        seasonal_terms("acclimation", days(), temperature=np.ones(730))
    with pytest.raises(SeasonError, match="every day of a year"):
        growing_season(days(count=100), np.ones(100))


@pytest.mark.parametrize("form", FORMS)
def test_the_recipe_makes_the_same_terms_at_other_times(form):
    air = 10.0 - 10.0 * np.cos(2.0 * np.pi * np.arange(730) / 365.0)
    leaves = 1.0 - np.cos(2.0 * np.pi * np.arange(730) / 365.0)
    basis = seasonal_basis(form, days(), temperature=air, leaf_area=leaves)
    whole, second = basis.terms(days(), air), basis.terms(days()[365:], air[365:])
    # the memory of temperature starts anew; after a hundred days it has forgotten how
    from_day = 100 if form == "acclimation" else 0
    np.testing.assert_allclose(second[from_day:], whole[365 + from_day:], atol=1e-3 if from_day else 1e-12)
    assert basis.size == whole.shape[1]


@pytest.mark.parametrize(("given", "message"), [
    ({"form": "acclimation"}, "needs temperature"),
    ({"form": "spline", "temperature": (10.0, 5.0)}, "has no standard temperature"),
    ({"form": "acclimation", "temperature": (10.0, 0.0)}, "standard deviation above 0"),
    ({"form": "spline", "growing_season": (1.2, 0.5)}, "parts of the calendar year"),
    ({"form": "acclimation", "temperature": (1.0, 1.0), "growing_season": (0.2, 0.5)}, "of a periodic form"),
])
def test_a_recipe_that_does_not_fit_is_refused(given, message):
    with pytest.raises(SeasonError, match=message):
        SeasonalBasis(**given)
