"""Skill on towers and years that were left out: better than the prior, never better informed than the site's own fit."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.assimilation.fit import fit
from terraflux.assimilation.full_twins import observed_twin
from terraflux.assimilation.left_out import scored, sites_left_out, skill_table, transferred, years_left_out
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.problem import SCALE_PRIOR, Problem, SigmaRule, StreamChoice
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.synthetic_tower import synthetic_tower

SIGMA = SigmaRule("line", offset=1.0, slope_positive=0.1, slope_negative=0.1)
PROBLEM = Problem([ParameterRow("carboxylation_capacity"), ParameterRow("decomposition_scale")],
                  [StreamChoice("NEE", sigma=SIGMA, scale=SCALE_PRIOR)], [2021])
MEAN, SPREAD = np.array([0.6, -0.5]), 0.1
SITES = 4


@pytest.fixture(scope="module")
def fits():
    """Four meadows of one plant type under different weather; their parameters lie 0.1 (in u) about a common mean."""
    random = np.random.default_rng(8)
    made = {}
    for number in range(SITES):
        tower = synthetic_tower("grassland", seed=number + 1).between("2021-06-05", "2021-06-16")
        tower = replace(tower, site=tower.site.with_facts(site_id=f"SYN-G{number}"))
        columns = tower_columns(tower, spin_up_cycles=1)
        space = PROBLEM.space(columns.sets)
        truth = space.default_control()
        truth[:2] += MEAN + random.normal(0.0, SPREAD, 2)
        values = dict(zip(space.keys, map(float, space.expand(truth[None])[0]), strict=True))
        columns = replace(columns, tower=observed_twin(columns, PROBLEM, values, number))
        made[tower.site.site_id] = fit(TowerProblem(PROBLEM, columns, threads=1), "gn", starts=1, draws=300, check_draws=60)
    return made


@pytest.fixture(scope="module")
def rows(fits):
    return sites_left_out(PROBLEM, fits, count=60, sweeps=1000)


def of(rows, source, every="step"):
    return np.array([row.skill.rmse for row in rows if row.source == source and row.every == every])


def test_other_towers_say_more_of_a_tower_than_the_prior(rows):
    assert {row.site for row in rows} == {f"SYN-G{number}" for number in range(SITES)}
    assert of(rows, "transferred").mean() < of(rows, "prior").mean()
    assert (of(rows, "site") <= 1.02 * of(rows, "transferred")).all()


def test_bands_of_towers_left_out_cover_their_observations(rows):
    covered = np.mean([row.skill.coverage for row in rows if row.source == "transferred" and row.every == "step"])
    assert 0.85 <= covered <= 0.95
    own = np.mean([row.skill.coverage for row in rows if row.source == "site" and row.every == "step"])
    assert 0.85 <= own <= 0.95


def test_a_tower_left_out_needs_no_run_but_its_prediction(fits):
    sites = list(fits)
    target = fits[sites[0]].target
    before = [one.target.runs for one in fits.values()]
    space = ParameterSpace(PROBLEM.parameters, target.columns.sets)
    draws = transferred({site: fits[site] for site in sites[1:]}, space, target, count=200, sweeps=1000)
    assert [one.target.runs for one in fits.values()] == before
    assert draws.shape == (200, 3)
    centre = space.default_control() + MEAN
    np.testing.assert_allclose(draws[:, :2].mean(axis=0), centre, atol=0.3)
    with pytest.raises(ValueError, match="other parameters or priors"):
        other = Problem([ParameterRow("carboxylation_capacity")], PROBLEM.streams, [2021])
        transferred(fits, ParameterSpace(other.parameters, target.columns.sets), TowerProblem(other, target.columns))


def test_two_towers_of_a_plant_type_are_too_few_to_leave_one_out(fits):
    assert sites_left_out(PROBLEM, dict(list(fits.items())[:2])) == []


def test_a_year_left_out_is_predicted_from_the_others():
    tower = synthetic_tower("grassland", years=2).between("2021-12-20", "2022-01-12")
    problem = replace(PROBLEM, parameters=[ParameterRow("decomposition_scale")], calibration=[2021, 2022])
    columns = tower_columns(tower, spin_up_cycles=1)
    space = problem.space(columns.sets)
    truth = space.default_control() + np.array([0.7, 0.0])
    values = dict(zip(space.keys, map(float, space.expand(truth[None])[0]), strict=True))
    columns = replace(columns, tower=observed_twin(columns, problem, values, 1))
    rows = years_left_out(problem, columns, method="gn", count=60, starts=1, threads=1, check_draws=60)
    assert [row.left_out for row in rows if row.source == "prior" and row.every == "step"] == ["2021", "2022"]
    assert (of(rows, "other years") < of(rows, "prior")).all()
    with pytest.raises(ValueError, match="give two or more"):
        years_left_out(replace(problem, calibration=[2021]), columns)


def test_scores_of_known_series():
    observed = np.array([1.0, 2.0, 3.0, 4.0])
    perfect = scored(observed, observed)
    assert (perfect.rmse, perfect.bias, perfect.r2, perfect.kge) == pytest.approx((0.0, 0.0, 1.0, 1.0))
    shifted = scored(observed + 1.0, observed)
    assert (shifted.rmse, shifted.bias, shifted.r2) == pytest.approx((1.0, 1.0, 1.0))
    assert shifted.kge == pytest.approx(1.0 - 1.0 / 2.5)
    doubled = scored(2.0 * observed, observed)
    assert doubled.kge == pytest.approx(1.0 - np.sqrt(2.0))
    assert np.isnan(scored(np.ones(4), observed).kge)


def test_the_table_has_a_line_for_every_row(rows):
    text = skill_table(rows)
    assert len(text.splitlines()) == len(rows) + 2
    assert "transferred" in text
