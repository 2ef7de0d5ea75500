"""Series over a posterior: those of the model, whatever the stretches of time, with failed draws left out."""

import numpy as np
import pytest

from terraflux.assimilation import predicted_fluxes as module
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.predicted_fluxes import predicted_fluxes
from terraflux.assimilation.prediction import coverage, predict_posterior
from terraflux.assimilation.problem import Problem, StreamChoice
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.synthetic_tower import synthetic_tower


@pytest.fixture(scope="module")
def target():
    """A fortnight of the invented grassland and a parameter of leaves and one of soil."""
    tower = synthetic_tower("grassland").between("2021-06-01", "2021-06-14")
    rows = [ParameterRow("carboxylation_capacity"), ParameterRow("decomposition_scale")]
    problem = Problem(rows, [StreamChoice("NEE"), StreamChoice("LE")], [2021])
    return TowerProblem(problem, tower_columns(tower, spin_up_cycles=1), threads=1)


@pytest.fixture(scope="module")
def draws(target):
    return target.space.default_control() + np.random.default_rng(0).normal(0.0, 0.2, (30, 2))


def test_series_are_those_that_the_observations_are_compared_with(target, draws):
    every = predicted_fluxes(target, ["latent_heat"], draws, every="step", members=True)
    stream = target.streams[1]
    place = np.searchsorted(every["time"].values, stream.when)
    expected = target.predict(draws)[:, target.parts[stream.name]]
    np.testing.assert_allclose(every["latent_heat_members"].values[place].T, expected, rtol=1e-12)
    found = predict_posterior(target, draws)
    np.testing.assert_allclose(found[stream.name].parameter.mean, every["latent_heat"].values[place], rtol=1e-5)
    np.testing.assert_allclose(found[stream.name].parameter.quantiles[4], every["latent_heat_q95"].values[place], rtol=1e-5)


def test_stretches_of_time_change_nothing(target, draws, monkeypatch):
    outputs = ["gross_primary_production", "soil_moisture"]
    whole = predicted_fluxes(target, outputs, draws)
    monkeypatch.setattr(module, "LARGEST_BLOCK", 700)
    pieces = predicted_fluxes(target, outputs, draws)
    for name in whole.data_vars:
        np.testing.assert_array_equal(pieces[name], whole[name])
    assert whole.sizes["time"] == 14
    assert whole["soil_moisture"].dims == ("time", "soil")
    assert whole["gross_primary_production_sd"].attrs["units"] == "g m-2 s-1"


def test_a_draw_that_is_no_parameter_vector_is_left_out_and_counted(target, draws):
    some = draws.copy()
    some[3, 0] = np.nan
    made = predicted_fluxes(target, ["latent_heat"], some)
    assert made.attrs["draws_failed"] == 1
    assert made.attrs["draws"] == 29
    kept = predicted_fluxes(target, ["latent_heat"], np.delete(draws, 3, axis=0))
    np.testing.assert_array_equal(made["latent_heat"], kept["latent_heat"])
    with pytest.raises(ProblemError, match="fails at SYN-Gra for all"):
        predicted_fluxes(target, ["latent_heat"], np.full((3, 2), np.nan))


def test_a_prediction_of_the_full_model_has_wider_bands_for_observations(target, draws):
    found = predict_posterior(target, draws, seed=3)
    for one in found.streams.values():
        assert (one.observation.deviation > one.parameter.deviation).mean() > 0.9
    assert set(coverage(found)) == {"net_ecosystem_exchange", "latent_heat"}


def test_what_does_not_exist_is_refused_with_a_hint(target, draws):
    with pytest.raises(ProblemError, match="gross_primary_production"):
        predicted_fluxes(target, ["gross_primary_productoin"], draws)
    with pytest.raises(ProblemError, match="known are step, day"):
        predicted_fluxes(target, ["latent_heat"], draws, every="week")
    with pytest.raises(ProblemError, match="holds nothing of 1999"):
        predicted_fluxes(target, ["latent_heat"], draws, years=[1999])
