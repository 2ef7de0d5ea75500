"""The study of seasons at towers: one season shared by towers is found, and its sections can be written."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from terraflux.assimilation.tower_columns import tower_columns
from terraflux.drivers.seasonal_terms import SeasonalBasis
from terraflux.drivers.synthetic_tower import synthetic_tower

TRUTH = np.array([0.35, -0.2, 0.1, 0.05, -0.1])
EFFICIENCIES = (0.9, 1.3, 1.1)


@pytest.fixture(scope="module")
def study(repository):
    """The scripts of the study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "docs" / "results"))
        yield SimpleNamespace(**{name: importlib.import_module(f"seasonal_{name}") for name in (
            "light_use", "sections", "shared")})


@pytest.fixture(scope="module")
def members(study):
    """Three invented towers of one season and their own efficiencies, production in closed form with errors."""
    columns = tower_columns(synthetic_tower("forest", years=2, step_seconds=3600), study.light_use.OPTIONS, spin_up_cycles=0)
    made = []
    for number, efficiency in enumerate(EFFICIENCIES):
        random = np.random.default_rng(number)
        problems = {name: study.light_use.posed(columns, form, [year]) for name, form, year in (
            ("constant", "constant", 2021), ("seasonal", "spline", 2021), ("test", "constant", 2022))}
        held, terms = {}, {}
        basis = SeasonalBasis("spline").terms(columns.times)
        for part, target in (("fitted", problems["constant"]), ("held_out", problems["test"])):
            used = np.flatnonzero(target.streams[0].index >= 0)
            light = columns.tower.forcing["shortwave_down"].values[target.span][used]
            held[part] = {"supply": 0.05 * light, "air": np.full(used.size, 40.0), "deficit": np.zeros(used.size),
                          "leaves": np.ones(target.streams[0].index.size)}
            terms[part] = basis[target.span][used]
        for name, part in (("constant", "fitted"), ("seasonal", "fitted"), ("test", "held_out")):
            true = efficiency * held[part]["supply"] * np.exp(terms[part] @ TRUTH)
            one = problems[name]
            observed = true + one.sigma * np.random.default_rng((number, part == "fitted")).standard_normal(true.size)
            one.observed, one.streams = observed, [replace(one.streams[0], observed=observed)]
        start = problems["constant"].space.default_control() + 0.05 * random.standard_normal()
        made.append(study.shared.Member(f"T{number}", problems["constant"], problems["seasonal"], problems["test"], held,
                                           dict.fromkeys(study.shared.PHASES, terms), start))
    return made


def test_the_joint_season_of_one_tower_is_its_own(study, members):
    one = members[0]
    weights, width, converged = study.shared.joint_weights(members[:1], "calendar", np.zeros(5))
    own = study.shared.own_fit(one, one.seasonal, study.light_use.with_optics(
        one.seasonal, one.held["fitted"], one.terms["calendar"]["fitted"]), np.concatenate([one.start, np.zeros(5)]))[2]
    assert converged and 0.05 < width < 1.0
    np.testing.assert_allclose(weights, own, atol=0.02)


def test_towers_of_one_season_find_it_and_predict_the_tower_left_out(study, members):
    weights, _, converged = study.shared.joint_weights(members, "calendar", np.zeros(5))
    assert converged
    basis = SeasonalBasis("spline").terms(np.datetime64("2021-01-01") + np.arange(365))
    np.testing.assert_allclose(basis @ weights, basis @ TRUTH, atol=0.05)
    found = study.shared.joint_study(members)
    for row in found["towers"].values():
        one = row["calendar"]
        assert one["shared"]["rmse"] < 0.9 * one["constant"]["rmse"] and one["shared"]["gain"]["accepted"]
        assert one["shared"]["rmse"] < 1.05 * one["own"]["rmse"]
    lines = study.sections.sections({"shared": {"MF": found}})
    assert any(line.startswith("| MF | 3 | calendar |") for line in lines)


def test_sections_of_runs_that_were_not_made_are_not_there(study):
    assert study.sections.sections({"towers": {}, "left_out": {}}) == []
    text = "\n".join(study.sections.sections({"capacity": {"XX-Xxx": {"left_out": "no years"}}}))
    assert "XX-Xxx: no years" in text
