"""Results are written as arviz reads them, whole, with their diagnostics."""

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.assimilation.stop_rule import StopRule, judge


@pytest.fixture
def result():
    chain = np.random.default_rng(1).standard_normal((100, 4, 2, 2))
    density = -0.5 * (chain**2).sum(axis=-1)
    verdict = judge(StopRule(autocorrelation_lengths=0.0), chain, density, ("rate", "depth"))
    walkers = np.moveaxis(chain, 0, 2).reshape(8, 100, 2)
    return SamplingResult("ensemble", "not_converged", "too short", ("rate", "depth"), walkers,
                          np.moveaxis(density, 0, 2).reshape(8, 100), np.repeat(np.arange(4), 2), 800, 3, 100,
                          np.full(4, 0.3), verdict, warnings=("look out",))


def test_groups_and_dimensions_are_those_arviz_reads(result, tmp_path):
    path = result.to_netcdf(tmp_path / "posterior.nc", transform=np.exp)
    with xr.open_dataset(path, group="posterior") as posterior:
        assert posterior["rate"].dims == ("chain", "draw")
        assert posterior.sizes == {"chain": 8, "draw": 100}
        np.testing.assert_allclose(posterior["depth"], np.exp(result.controls[:, :, 1]))
        assert {"created_at", "inference_library"} <= set(posterior.attrs)
        assert posterior.attrs["status"] == "not_converged"
        np.testing.assert_array_equal(posterior["ensemble"], result.ensemble)
    with xr.open_dataset(path, group="unconstrained_posterior") as controls:
        np.testing.assert_allclose(controls["rate"], result.controls[:, :, 0])
    with xr.open_dataset(path, group="sample_stats") as statistics:
        np.testing.assert_allclose(statistics["lp"], result.log_density)
    with xr.open_dataset(path, group="diagnostics") as diagnostics:
        assert list(diagnostics["quantity"].values) == ["rate", "depth", "log posterior"]
        np.testing.assert_allclose(diagnostics["rhat"], result.verdict.rhat)


def test_many_draws_are_thinned_evenly(result, tmp_path):
    with xr.open_dataset(result.to_netcdf(tmp_path / "p.nc", most_draws=200), group="posterior") as posterior:
        np.testing.assert_allclose(posterior["rate"], result.controls[:, ::4, 0])


def test_weighted_draws_are_written_with_equal_weight(result, tmp_path):
    weights = np.exp(result.controls[:, :, 0])
    result.weights = weights / weights.sum()
    with xr.open_dataset(result.to_netcdf(tmp_path / "p.nc"), group="posterior") as posterior:
        assert posterior.sizes["chain"] == 1
        assert float(posterior["rate"].mean()) == pytest.approx(result.mean()[0], abs=0.15)
    assert result.mean()[0] == pytest.approx(1.0, abs=0.3)  # exp(x) shifts a standard normal by one


def test_equal_draws_are_repeatable_and_in_proportion(result):
    weights = np.zeros((8, 100))
    weights[2, 5], weights[3, 7] = 0.25, 0.75
    result.weights = weights
    draws = result.equal_draws(400, seed=1)
    np.testing.assert_array_equal(draws, result.equal_draws(400, seed=1))
    assert (draws == result.controls[3, 7]).all(axis=1).sum() == 300


def test_the_summary_says_how_it_went(result):
    words = result.summary()
    assert "not_converged after 800 runs (3 failed)" in words
    assert "warning: look out" in words
    assert not result.converged
