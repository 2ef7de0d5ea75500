"""The study behind docs/results/calibration.md: its splits, its scores, and one tower run anew."""

import importlib
import json

import numpy as np
import pytest

from terraflux.assimilation.plant_type_draws import most_members, plant_type_draws

SITE = "DK-Fou"
TOLERANCE = 3.0
"""Percentage points of a fall of RMSE: the search stops within 0.05 of the log posterior, wherever that leaves it."""


@pytest.fixture
def study(monkeypatch, repository):
    monkeypatch.syspath_prepend(str(repository / "docs" / "results"))
    return importlib.import_module("calibration_study")


def test_years_left_out_are_later_and_fewer(study):
    assert study.split_years([2003, 2004, 2005]) == ([2003, 2004], [2005])
    assert study.split_years([2016, 2017]) == ([2016], [2017])
    assert study.split_years([2019]) == ([2019], [])


def test_daily_means_leave_out_days_with_few_measurements(study):
    when = np.array(["2005-01-01T00:00", "2005-01-01T12:00", "2005-01-02T06:00"], "datetime64[ns]")
    assert study.daily_means(np.array([[1.0, 3.0, 9.0]]), when, 4).tolist() == [[2.0]]
    assert study.daily_means(np.array([1.0, 3.0, 9.0]), when, 2).tolist() == [2.0, 9.0]


@pytest.mark.real_data
def test_half_months_share_no_measurement_and_lose_none(study, shared_data):
    tower = study.opened(SITE, shared_data)
    first, rest = study.half_months(tower, True), study.half_months(tower, False)
    for name in ("net_ecosystem_exchange", "latent_heat"):
        parts = [np.isfinite(one.observations[name].values) for one in (first, rest)]
        assert not (parts[0] & parts[1]).any()
        assert ((parts[0] | parts[1]) == np.isfinite(tower.observations[name].values)).all()
        assert min(part.sum() for part in parts) > 0.4 * max(part.sum() for part in parts)


def test_draws_of_plant_types_are_those_of_the_calibrations_on_the_page(study):
    found = importlib.import_module("make_plant_types").drawn()
    carried = plant_type_draws(most_members())
    assert carried.keys() == found.keys()
    for code, draws in carried.items():
        assert found[code]["status"] == ("few_sites" if len(found[code]["towers"]) < 3 else "converged")
        for name, values in draws.items():
            np.testing.assert_allclose(np.median(values), np.median(found[code]["parameters"][name]), rtol=0.02,
                                       err_msg=f"{code} {name}: run docs/results/make_plant_types.py")


@pytest.mark.real_data
@pytest.mark.slow
def test_error_of_what_was_left_out_falls_as_the_results_say(study, shared_data, repository):
    kept = json.loads((repository / "docs" / "results" / "calibration.json").read_text(encoding="utf-8"))["sites"][SITE]
    columns, judged, problem = study.prepared(SITE, shared_data)
    found = study.calibrated(columns, problem, 1)
    controls = {"default": found.target.space.default_control(), "fitted": found.mode}
    scores, _ = study.scored(judged, problem, controls, problem.calibration, 1)
    for flux in ("GPP", "LE", "H"):
        falls = [100.0 * (1.0 - entry["rmse_step_fitted"] / entry["rmse_step_default"])
                 for entry in (scores[flux], kept["scores"][flux])]
        assert falls[1] > 0.0
        assert abs(falls[0] - falls[1]) < TOLERANCE, f"{flux}: {falls[0]:.1f} %, the page says {falls[1]:.1f} %"
