"""Regressions in the tower: they see no future, learn nothing of what they are judged on, and their table adds up."""

import importlib
import json

import numpy as np
import pytest

from terraflux.drivers.synthetic_tower import synthetic_tower

SITE = "DK-Fou"


@pytest.fixture
def ceiling(monkeypatch, repository):
    monkeypatch.syspath_prepend(str(repository / "docs" / "results"))
    return importlib.import_module("calibration_ceiling")


@pytest.fixture
def tabled(monkeypatch, repository):
    monkeypatch.syspath_prepend(str(repository / "docs" / "results"))
    return importlib.import_module("calibration_ceiling_table")


def test_predictors_see_no_weather_to_come(ceiling):
    forcing = synthetic_tower("grassland").between("2021-06-01", "2021-07-10").forcing
    seen = ceiling.predictors(forcing)
    later = forcing.copy(deep=True)
    for name in ("shortwave_down", "air_temperature", "precipitation"):
        later[name].values[1000:] += 3.0
    moved = ceiling.predictors(later)
    assert np.isfinite(seen).all()
    np.testing.assert_array_equal(moved[:1000], seen[:1000])
    assert (moved[1000:] != seen[1000:]).any(axis=1).all()


def test_a_month_is_seen_by_the_mean_of_its_steps(ceiling):
    from types import SimpleNamespace

    stream = SimpleNamespace(index=np.array([-1, 0, 0, 1, 1, 1]))
    seen = np.arange(6.0)[:, None]
    np.testing.assert_allclose(ceiling.of_stream(stream, seen), [[1.5], [4.0]])


def test_falls_are_against_the_default_and_only_where_both_are_known(tabled):
    sites = {"A": {"scores": {"NEE": {"rmse_step_default": 4.0, "rmse_step_fitted": 3.0}}},
             "B": {"scores": {"NEE": {"rmse_step_default": 2.0, "rmse_step_fitted": 1.9}}}}
    ceilings = {"A": {"NEE": {"rmse_step_before": 2.0, "rmse_step_beside": 1.0, "random_error": 1.0}}}
    found = tabled.falls(sites, ceilings, "NEE", "step")
    assert {name: values.tolist() for name, values in found.items()} == {
        "fitted": [25.0], "before": [50.0], "beside": [75.0], "random_error": [75.0]}
    assert tabled.ceiling_rows(sites, ceilings) == [["NEE", "half-hourly", "1", "25.0", "50.0", "75.0", "75.0", "0"]]


@pytest.mark.real_data
def test_regressions_are_judged_on_the_values_of_the_study(ceiling, shared_data, repository):
    kept = json.loads((repository / "docs" / "results" / "calibration.json").read_text(encoding="utf-8"))["sites"][SITE]
    found = ceiling.ceiling_of(SITE, shared_data)
    for flux, entry in found.items():
        assert entry["n"] == kept["scores"][flux]["n"], flux
        assert entry["random_error"] < entry["rmse_step_beside"] < kept["scores"][flux]["rmse_step_default"], flux
