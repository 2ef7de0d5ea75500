"""Calibration with a season at twins of the full model: a true season is found, an absent one is not invented."""

import copy
from dataclasses import fields, replace

import numpy as np
import pytest

from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import Problem, SigmaRule, StreamChoice
from terraflux.assimilation.seasonal import SeasonalProblem, SeasonalSpace, seasonal_columns, with_season
from terraflux.assimilation.seasonal_choice import accepted, week_blocks
from terraflux.assimilation.seasonal_fit import fit_season, pointwise
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.seasonal_terms import calendar_phase
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.weave.streams import Stream

OPTIONS = {"photosynthesis": "light_use_efficiency"}
SUNLIT, SHADED_RATIO, AMPLITUDE = 1.1, 2.9, 0.3
REALISATIONS = 40


def problem(form, year=2021, **more):
    """Daily production of a year; three free parameters, errors of known size and independent from day to day."""
    sigma = SigmaRule("line", offset=1.0, slope_positive=0.1)
    return Problem([ParameterRow("light_use_efficiency_sunlit", seasonal=form),
                    ParameterRow("light_use_efficiency_shaded", status="tied", tie="light_use_efficiency_sunlit",
                                 factor=SHADED_RATIO),
                    ParameterRow("minimum_temperature_high"), ParameterRow("vapour_deficit_high")],
                   [StreamChoice("GPP", average="day", sigma=sigma)], [year], options=OPTIONS, weights="sum", **more)


@pytest.fixture(scope="module")
def plain():
    """Two years of an invented mixed forest, spun up."""
    return tower_columns(synthetic_tower("forest", years=2), OPTIONS, spin_up_cycles=3)


def true_logarithm(columns, amplitude):
    """Logarithm of a season that peaks in the middle of the year."""
    return np.log(1.0 + amplitude * np.cos(2.0 * np.pi * (calendar_phase(columns.times) - 0.5)))


def observed_by(plain, amplitude):
    """The columns with a tower that observed the model itself under a season, without error."""
    truth = seasonal_columns(plain, "acclimation")  # one term: the true logarithm takes its place
    truth = replace(truth, forcing=np.column_stack([plain.forcing, true_logarithm(plain, amplitude)]))
    names = ("light_use_efficiency_sunlit", "light_use_efficiency_shaded", "seasonal_weight_1")
    parts = []
    for year in (2021, 2022):
        span = truth.span([year])
        stream = Stream("gross_primary_production", np.arange(span.stop - span.start))
        found = truth.evaluator("MF", names, span, [stream], 1).evaluate([[SUNLIT, SUNLIT * SHADED_RATIO, 1.0]])
        parts.append(found.values["gross_primary_production"][0])
    observations = plain.tower.observations.copy()
    series = observations["gross_primary_production"]
    observations["gross_primary_production"] = ("time", np.concatenate(parts), dict(series.attrs))
    observations["gross_primary_production_quality"] = ("time", np.zeros(series.size, np.int8))
    return replace(plain, tower=replace(plain.tower, observations=observations))


def target(columns, form, year=2021, noise=None):
    """A tower problem on columns that `observed_by` made, with errors drawn with the seed `noise`."""
    posed = problem(form, year)
    if form != "constant":
        posed = SeasonalProblem(**{one.name: getattr(posed, one.name) for one in fields(Problem)}, form=form)
        columns = seasonal_columns(columns, form)
    made = TowerProblem(posed, columns, threads=1)
    return made if noise is None else seen(made, made.observed + made.sigma * np.random.default_rng(noise).standard_normal(
        made.observed.size))


def seen(made, values, predict=None):
    """The same problem with other observations, and with other predictions in place of the model's."""
    twin = copy.copy(made)
    twin.observed, twin.streams = values, [replace(made.streams[0], observed=values)]
    twin.space, twin._fused = copy.copy(made.space), None
    if isinstance(twin.space, SeasonalSpace):
        twin.space.width = 0.3
    if predict is not None:
        twin.predict = predict
    return twin


def efficiency(found):
    """Maximum light-use efficiency of each step of the calibration year."""
    made = found.target
    return made.space.physical(found.control)[0, 0] * found.factor(made.columns.terms[made.span])[0]


def monthly(columns, span, values):
    month = columns.times[span].astype("datetime64[M]").astype(int) % 12
    return np.bincount(month, values) / np.bincount(month)


@pytest.fixture(scope="module")
def twin(plain):
    """Constant and seasonal fits to a year with a season of 30 %."""
    columns = observed_by(plain, AMPLITUDE)
    return columns, {form: fit_season(target(columns, form, noise=1)) for form in ("constant", "spline")}


@pytest.mark.slow
@pytest.mark.parametrize("noise", [1, 2, 3])
def test_monthly_light_use_efficiency_is_found_within_five_percent(twin, noise):
    """Where the year tells it: the forest makes next to nothing in winter, and the posterior says so (a tenth in January).

    Every month is within three of its standard deviations.
    """
    columns, fits = twin
    found = fits["spline"] if noise == 1 else fit_season(target(columns, "spline", noise=noise))
    assert found.status == "converged" and 0.1 < found.width < 1.0
    span = found.target.span
    expected = monthly(columns, span, SUNLIT * np.exp(true_logarithm(columns, AMPLITUDE)[span]))
    mode = monthly(columns, span, efficiency(found))
    draws = found.draws(200, noise)
    steps = found.target.space.physical(draws)[:, :1] * found.factor(found.target.columns.terms[span], draws)
    spread = np.std([monthly(columns, span, one) for one in steps], axis=0)
    told = spread < 0.03 * expected
    assert told.sum() >= 7
    np.testing.assert_allclose(mode[told], expected[told], rtol=0.05)
    assert (np.abs(mode - expected) < 3.0 * spread).all()


@pytest.mark.slow
def test_a_season_predicts_another_year_better_by_a_tenth(twin):
    columns, fits = twin
    errors = {}
    for form, found in fits.items():
        held_out = target(columns, form, 2022, noise=2)
        errors[form] = np.sqrt(np.mean((held_out.predict(found.control)[0] - held_out.observed) ** 2))
    assert errors["spline"] < 0.9 * errors["constant"], errors


@pytest.mark.slow
def test_left_out_weeks_ask_for_the_season(twin):
    _, fits = twin
    terms = {}
    for form, found in fits.items():
        draws = found.draws(1000, seed=1)
        terms[form] = pointwise(found.target, draws, found.predict(draws))
        exact = pointwise(found.target, draws[:24]).sum(axis=1)  # linear enough: within a unit of log-likelihood
        np.testing.assert_allclose(terms[form][:24].sum(axis=1), exact, atol=1.5)
    week = week_blocks(fits["constant"].target.streams[0].when)
    choice = accepted(terms["constant"], terms["spline"], week)
    assert choice.accepted and choice.gain > 20.0 and choice.doubtful < 0.1, choice.message


@pytest.fixture(scope="module")
def without_season(plain):
    """Constant and seasonal problems of a year without a season, with predictions linear about the truth."""
    columns = observed_by(plain, 0.0)
    made = {form: target(columns, form) for form in ("constant", "spline")}
    return {form: (one, fit_season(seen(one, one.observed)).predict) for form, one in made.items()}


def refitted(pair, noise, linear=True):
    made, predict = pair
    values = made.observed + made.sigma * np.random.default_rng(noise).standard_normal(made.observed.size)
    return fit_season(seen(made, values, predict if linear else None))


def null_study(without_season, count):
    """How often the constant is kept, and the amplitudes that the season takes."""
    kept, amplitudes = 0, []
    for number in range(count):
        terms = {}
        for form, pair in without_season.items():
            found = refitted(pair, number)
            draws = found.draws(600, number)
            terms[form] = pointwise(found.target, draws, pair[1](draws))
            if form == "spline":
                season = efficiency(found)
                amplitudes.append((season.max() - season.min()) / (season.max() + season.min()))
        kept += not accepted(terms["constant"], terms["spline"], week_blocks(found.target.streams[0].when)).accepted
    return kept, np.array(amplitudes)


@pytest.mark.parametrize("noise", [1, 2, 3])
def test_linear_refits_are_those_of_the_full_model(without_season, noise):
    """Within 2e-3 of the efficiency; the smoothing width is a standard deviation of its logarithm, so as much of that."""
    whole, linear = (refitted(without_season["spline"], noise, linear) for linear in (False, True))
    np.testing.assert_allclose(efficiency(linear), efficiency(whole), rtol=2e-3)
    assert linear.width == pytest.approx(whole.width, abs=2e-3)


def test_no_season_is_invented(without_season):
    kept, amplitudes = null_study(without_season, 8)
    assert kept == 8 and amplitudes.max() < 0.03


@pytest.mark.slow
def test_no_season_is_invented_in_forty_realisations(without_season):
    kept, amplitudes = null_study(without_season, REALISATIONS)
    assert kept >= 0.95 * REALISATIONS and amplitudes.max() < 0.03


@pytest.mark.slow
def test_weights_of_the_control_vector_are_those_of_the_column(twin):
    columns, fits = twin
    made = target(columns, "spline")
    u = np.array([fits["spline"].control, made.space.default_control()])
    whole = made.predict(u)
    stream = made.streams[0]
    kept = Stream(stream.row, stream.index, name=stream.name)
    for row in range(2):
        base = made.space.parameter_set(u[row])
        alone = replace(made.columns, sets={"MF": base}).evaluator("MF", (), made.span, [kept], 1).evaluate(np.zeros((1, 0)))
        np.testing.assert_allclose(alone.values[stream.name][0] * stream.per_model_unit, whole[row], rtol=1e-12)
    np.testing.assert_allclose(pointwise(made, u).sum(axis=1), -made.misfit(u) @ made.stream_weight, rtol=1e-9)


def test_with_season_does_what_the_rows_say(plain):
    posed, columns = with_season(problem("constant"), plain.tower, spin_up_cycles=0)
    assert type(posed) is Problem and columns.model.table.layers["season"] == 0
    posed, columns = with_season(problem("harmonic"), plain.tower, width=None, phase="growing_season", spin_up_cycles=0)
    assert columns.model.table.layers["season"] == 4 and posed.space(columns.sets).names[-1] == "seasonal_width"
    assert posed.digest() == problem("harmonic").digest()
    by_calendar = seasonal_columns(plain, "harmonic")
    assert np.abs(columns.terms - by_calendar.terms).max() > 0.1


def test_a_season_that_has_nothing_to_follow_is_refused_with_words(plain):
    with pytest.raises(ProblemError, match="it is calendar or growing_season"):
        seasonal_columns(plain, "spline", phase="moon")
    with pytest.raises(ProblemError, match="no prescribed leaf area that a growing season could follow; give leaf_area"):
        seasonal_columns(plain, "spline", phase="growing_season", leaf_area=np.zeros(plain.times.size))
