"""Result files hold the numbers they were given and change only with them."""

import math

import pytest

from terraflux.drivers.safe_write import replacing
from terraflux.evaluation.results import read_results, tower_results, write_results
from terraflux.evaluation.scores import score_table


@pytest.fixture
def results(make_simulation):
    simulated = make_simulation()
    observed = simulated[["latent_heat", "gross_primary_production"]] * 1.1
    for name in observed.data_vars:
        observed[name].attrs["units"] = simulated[name].attrs["units"]
    return {"XX-Bbb": tower_results(score_table(simulated, observed)),
            "XX-Aaa": {"latent_heat": {"n": 3.0, "nse": math.nan, "rmse": 12.3456789}}}


def test_numbers_survive_the_round_trip_to_six_digits(results, tmp_path):
    _, machine = write_results(results, tmp_path)
    again = read_results(machine)
    assert set(again) == {"XX-Aaa", "XX-Bbb"}
    assert again["XX-Aaa"]["latent_heat"]["rmse"] == 12.3457
    assert math.isnan(again["XX-Aaa"]["latent_heat"]["nse"])
    assert again["XX-Bbb"]["latent_heat"]["n"] == 60
    for metric, value in results["XX-Bbb"]["latent_heat"].items():
        assert again["XX-Bbb"]["latent_heat"][metric] == pytest.approx(value, rel=1e-5, nan_ok=True)


def test_the_table_for_people_lists_every_site_once_per_variable(results, tmp_path):
    text = write_results(results, tmp_path, notes="Nothing calibrated.", units={"latent_heat": "W m-2"})[0].read_text()
    assert "Nothing calibrated." in text
    heat = text.split("## Latent heat (W m-2)")[1].split("##")[0]
    assert "| XX-Aaa | 3 | – | 12.35 | – | – |" in heat
    assert heat.count("| XX-Bbb |") == 1


def test_files_are_the_same_for_the_same_numbers_in_any_order(results, tmp_path):
    first = [path.read_bytes() for path in write_results(results, tmp_path / "a")]
    again = [path.read_bytes() for path in write_results(dict(reversed(results.items())), tmp_path / "b")]
    assert first == again


def test_variables_without_pairs_are_left_out(make_simulation):
    simulated = make_simulation()
    observed = simulated[["latent_heat"]] * float("nan")
    observed["latent_heat"].attrs["units"] = "W m-2"
    assert tower_results(score_table(simulated, observed)) == {}


def test_unknown_metrics_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown metrics mape"):
        write_results({"XX-Aaa": {"latent_heat": {"mape": 1.0}}}, tmp_path)


def test_an_interrupted_write_keeps_the_old_text(tmp_path):
    path = tmp_path / "text.md"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["text.md"]
