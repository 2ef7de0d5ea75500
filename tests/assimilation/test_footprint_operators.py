"""A tower between a wood and a meadow: which operators find the truth, and which are honest about missing it."""

import numpy as np
import pytest

from terraflux.assimilation.fit import fit
from terraflux.assimilation.mosaic_twin import PARAMETER, STREAM, TRUTH, WOOD, mosaic_twin, wood_in_footprint
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem import FootprintChoice, Problem
from terraflux.assimilation.representativeness import (
    class_fluxes,
    class_mismatch,
    for_operator,
    inflated,
    prior_parameters,
    shared_error,
    shares_of_plants,
)
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.sites.observation_weights import OPERATORS


@pytest.fixture(scope="module")
def twin():
    return mosaic_twin("2021-05-20", "2021-07-10")


@pytest.fixture(scope="module")
def wood_columns(twin):
    return tower_columns(twin.tower)


@pytest.fixture(scope="module")
def mismatch(twin):
    """What a run of wood alone lacks, for 20 draws from the prior of both plant types."""
    space = twin.problem("mixture").space(twin.columns.sets)
    return class_mismatch(twin.observations, twin.columns, {"DBF": 1.0}, prior_parameters(space, twin.columns, 20))


def fitted(twin, columns, operator, observations):
    target = TowerProblem(twin.problem(operator), columns, observations=observations, threads=1)
    return fit(target, "gn", starts=1, draws=200, check_draws=60)


def deviations(found, truth, covariance=None):
    """Distance of the mode from the truth in posterior standard deviations, parameter by parameter."""
    spread = found.normal.covariance if covariance is None else covariance
    return (found.normal.mean - found.target.space.control(np.array([truth]))[0]) / np.sqrt(np.diag(spread))


def test_the_mixture_recovers_both_patches_within_two_standard_deviations(twin):
    found = fitted(twin, twin.columns, "mixture", twin.observations)
    names = found.target.space.names
    assert names == tuple(f"{PARAMETER}@{plant}" for plant in twin.truth)
    assert (np.abs(deviations(found, list(twin.truth.values()))) < 2.0).all()
    # ... and tells them apart from their defaults, which are wrong by a quarter and more
    assert (np.abs(deviations(found, [twin.truth[plant] / TRUTH[plant] for plant in twin.truth])) > 3.0).all()


@pytest.fixture(scope="module")
def naive(twin, wood_columns):
    return fitted(twin, wood_columns, "site", for_operator(twin.observations, "site"))


def test_the_naive_operator_is_sure_of_a_wrong_answer(twin, naive):
    assert deviations(naive, [twin.truth["DBF"]])[0] > 5.0


def test_the_naive_answer_is_covered_once_representativeness_is_counted_as_one_error(twin, naive, mismatch):
    extra = shared_error(naive.target, naive.normal, twin.observations, mismatch)
    assert abs(deviations(naive, [twin.truth["DBF"]], naive.normal.covariance + extra)[0]) < 1.96


def test_a_fit_with_a_shared_error_covers_the_truth_and_says_by_how_much_it_was_widened(twin, wood_columns):
    observed = for_operator(twin.observations, "shared_error", target_class=WOOD)
    found = fitted(twin, wood_columns, "shared_error", observed)
    truth = found.target.space.control(np.array([[twin.truth["DBF"]]]))[0]
    assert abs(deviations(found, [twin.truth["DBF"]])[0]) < 1.96
    assert abs(found.draws[:, 0].mean() - truth[0]) < 1.96 * found.draws[:, 0].std()
    assert found.draws[:, 0].std() == pytest.approx(found.normal.deviation[0], rel=0.25)
    assert found.stages[-1].name == "footprints" and found.stages[-1].runs >= 40
    assert found.check.draws.std() < 0.7 * found.draws[:, 0].std()
    assert any("half hours share widens the posterior" in words for words in found.warnings)
    with pytest.raises(ValueError, match="no normal posterior"):
        fit(found.target, "ienks")
    with pytest.raises(ProblemError, match="operators are never mixed"):
        TowerProblem(twin.problem("shared_error"), wood_columns, observations=inflated(twin.observations, twin.columns, WOOD))


def test_inflation_takes_most_of_the_bias_away_and_its_shared_error_the_rest(twin, wood_columns, naive, mismatch):
    observed = inflated(twin.observations, twin.columns, WOOD)
    found = fitted(twin, wood_columns, "inflation", observed)
    truth = [twin.truth["DBF"]]
    assert deviations(found, truth)[0] < 0.5 * deviations(naive, truth)[0]
    assert any("too sure" in words for words in found.warnings) and naive.warnings == ()
    extra = shared_error(found.target, found.normal, observed, mismatch)
    assert abs(deviations(found, truth, found.normal.covariance + extra)[0]) < 1.96
    sigma = observed[f"{STREAM}_representativeness_sigma"].values
    seen = shares_of_plants(observed, ["DBF", "GRA"])[:, 0]
    assert sigma[seen > 0.99].max() < 0.1 * sigma[seen < 0.3].max()


def test_tempered_and_hard_filter_run_and_see_less_of_the_meadow(twin, wood_columns, naive):
    wood = shares_of_plants(twin.observations, ["DBF", "GRA"])[:, 0]
    filtered = for_operator(twin.observations, "hard_filter", target_class=WOOD)
    tempered = for_operator(twin.observations, "tempered", target_class=WOOD, location_bias=40.0 * (1.0 - wood))
    for operator, observed in (("hard_filter", filtered), ("tempered", tempered)):
        found = fitted(twin, wood_columns, operator, observed)
        assert found.target.observed.size < naive.target.observed.size
        assert abs(found.normal.mean[0] - naive.normal.mean[0]) > 3.0 * naive.normal.deviation[0]
        assert np.isfinite(found.log_posterior)
    assert (filtered[f"{STREAM}_weight"].values[wood < 0.8] == 0.0).all()
    used = tempered[f"{STREAM}_weight"].values
    assert ((used > 0.0) & (used < 0.9)).any()


def test_operators_are_never_mixed_silently(twin, wood_columns):
    with pytest.raises(ProblemError, match="operators are never mixed"):
        TowerProblem(twin.problem("site"), wood_columns, observations=twin.observations)
    with pytest.raises(ProblemError, match="needs footprints"):
        TowerProblem(twin.problem("mixture"), twin.columns)
    with pytest.raises(ValueError, match="give target_class"):
        for_operator(twin.observations, "hard_filter")
    with pytest.raises(ValueError, match="count the same mismatch twice"):
        for_operator(twin.observations, "mixture", representativeness={STREAM: np.ones(twin.observations.sizes["time"])})
    with pytest.raises(ValueError, match="not mixed"):
        for_operator(twin.observations, "inflation", target_class=WOOD, location_bias=np.zeros(twin.observations.sizes["time"]))
    with pytest.raises(ProblemError, match="models every class"):
        FootprintChoice("mixture", target_class=WOOD)
    with pytest.raises(ValueError, match="class 7 is not among the classes"):
        inflated(twin.observations, twin.columns, 7)


def test_a_mixture_weighs_the_fluxes_of_classes_by_their_shares(twin):
    target = TowerProblem(twin.problem("mixture"), twin.columns, observations=twin.observations, threads=1)
    u = target.space.control(np.array([list(twin.truth.values())]))
    predicted = target.predict(u)[0]
    fluxes = class_fluxes(twin.columns, (STREAM,), {plant: {PARAMETER: value} for plant, value in twin.truth.items()})[STREAM]
    place = np.searchsorted(twin.columns.times, target.streams[0].when)
    seen = shares_of_plants(twin.observations, ["DBF", "GRA"])[place]
    np.testing.assert_allclose(predicted, seen[:, 0] * fluxes[0, 0, place] + seen[:, 1] * fluxes[1, 0, place], rtol=1e-9)


def test_a_mismatch_needs_shares_of_land_that_sum_to_one(twin):
    with pytest.raises(ProblemError, match="must sum to 1"):
        class_mismatch(twin.observations, twin.columns, {"DBF": 0.6})
    same = class_mismatch(twin.observations, twin.columns, {"DBF": 0.6, "GRA": 0.4})[STREAM]
    wood = shares_of_plants(twin.observations, ["DBF", "GRA"])[:, 0]
    nearly = np.abs(wood - 0.6) < 0.01
    assert np.abs(same[0, nearly]).max() < 0.1 * np.abs(same[0]).max()


def test_all_winds_together_see_the_shares_of_the_land():
    directions = np.arange(0.0, 360.0)
    assert wood_in_footprint(directions).mean() == pytest.approx(0.6, abs=1e-3)
    assert wood_in_footprint(np.array([220.0, 40.0])) == pytest.approx([1.0, 0.0], abs=0.01)


def test_a_problem_of_one_class_keeps_its_digest_by_operator(twin):
    problems: list[Problem] = [twin.problem(one) for one in OPERATORS]
    assert len({one.digest() for one in problems}) == len(OPERATORS) == 6
