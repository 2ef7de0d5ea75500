"""posterior.nc, parameters.toml and hierarchy.nc hold what the fit found, with units, and are read back."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.hierarchy_file import site_hierarchies, write_hierarchy
from terraflux.assimilation.likelihood import misfit
from terraflux.assimilation.parameter_file import parameters_text, read_parameters
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.posterior_file import data_hash, posterior_groups, read_posterior, write_posterior
from terraflux.assimilation.problem_file import problem_from_text
from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.drivers.errors import ForcingError

ARVIZ_GROUPS = {"posterior", "sample_stats", "prior", "observed_data", "constant_data", "log_likelihood"}


@pytest.fixture(scope="module")
def tree(written):
    with xr.open_datatree(written.folder / "posterior.nc") as opened:
        yield opened.load()


def test_posterior_has_the_groups_that_arviz_reads(tree, small_fit):
    assert set(tree.children) >= ARVIZ_GROUPS
    for group in ("posterior", "prior"):
        for name in small_fit.target.names:
            assert tree[group][name].dims == ("chain", "draw")
    for group in ("observed_data", "constant_data", "log_likelihood"):
        assert "net_ecosystem_exchange_time" in tree[group].dims


def test_posterior_holds_physical_values_with_units_and_the_control_vectors_they_come_from(tree, small_fit):
    space = small_fit.target.space
    controls = np.stack([tree["unconstrained_posterior"][name].values.ravel() for name in space.names], axis=1)
    physical = np.stack([tree["posterior"][name].values.ravel() for name in space.names], axis=1)
    np.testing.assert_allclose(space.physical(controls), physical, rtol=1e-12)
    attributes = tree["posterior"]["respiration_q10"].attrs
    assert attributes["units"] == "1" and "respiration" in attributes["long_name"]
    assert attributes["mode"] == pytest.approx(space.physical(small_fit.mode[None])[0, 0])
    assert attributes["default"] == 2.0


def test_log_posterior_of_the_file_is_that_of_the_draws(tree, small_fit):
    draws = np.stack([tree["unconstrained_posterior"][name].values[0, :5] for name in small_fit.target.names], axis=1)
    if "lp" in tree["sample_stats"]:
        np.testing.assert_allclose(tree["sample_stats"]["lp"].values[0, :5], small_fit.target.log_density(draws), rtol=1e-9)


def test_pointwise_terms_sum_to_the_misfit_of_the_stream(small_fit, written):
    target = small_fit.target
    draws = small_fit.draws[:4]
    predicted = target.predict(draws)
    group = posterior_groups(small_fit, predicted[0], predicted[0], (draws, predicted))["log_likelihood"]
    expected = misfit(target.streams, predicted, target.space.noise(draws))
    for k, stream in enumerate(target.streams):
        np.testing.assert_allclose(-group[stream.name].sum(f"{stream.name}_time").values[0], expected[:, k], rtol=1e-4)


def test_streams_tell_numbers_weights_and_fit(tree, small_fit):
    streams = tree["streams"]
    nee = streams.sel(stream="net_ecosystem_exchange")
    assert int(nee["n"]) == small_fit.target.streams[0].observed.size
    assert float(nee["correlation"]) == 0.5 and float(nee["n_eff"]) == pytest.approx(int(nee["n"]) / 3)
    assert float(nee["misfit_mode"]) < float(nee["misfit_default"])
    assert 0.8 < float(nee["chi2_per_n_mode"]) < 1.2
    assert json.loads(str(nee["left_out"].values))["missing"] == small_fit.target.streams[0].left_out["missing"]
    assert streams.attrs["rule_of_weights"] == "neff"


def test_attributes_say_where_the_posterior_comes_from(tree, small_fit, problem):
    attributes = tree.attrs
    assert attributes["problem_digest"] == problem.digest()
    assert problem_from_text(attributes["problem"]).digest() == problem.digest()
    assert attributes["data_hash"] == data_hash(small_fit.target)
    assert (attributes["seed"], attributes["site_id"], attributes["years"]) == (0, "SYN-For", "2021")
    assert "SYNTHETIC" in attributes["title"] and attributes["inference_library_version"]
    assert attributes["footprint_operator"] == "site"
    assert next(iter(tree["stages"]["stage"].values)) == "defaults"
    assert int(tree["stages"]["runs"].sum()) == small_fit.runs


def test_the_hash_of_the_data_changes_with_a_single_observation(small_fit):
    target = small_fit.target
    before = data_hash(target)
    target.observed[3] += 1e-9
    try:
        assert data_hash(target) != before
    finally:
        target.observed[3] -= 1e-9


def test_posterior_is_read_back_and_other_files_are_refused(written, tmp_path):
    physical, controls, attributes = read_posterior(written.folder / "posterior.nc")
    assert physical.sizes == controls.sizes and attributes["site_id"] == "SYN-For"
    xr.Dataset({"a": 1.0}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(ProblemError, match=r"other\.nc is no 'terraflux posterior 1'"):
        read_posterior(tmp_path / "other.nc")
    (tmp_path / "torn.nc").write_bytes(b"CDF no")
    with pytest.raises(ForcingError, match=r"torn\.nc"):
        read_posterior(tmp_path / "torn.nc")


def test_a_chain_keeps_walkers_ensembles_and_misfits(small_fit, tmp_path):
    target, generator = small_fit.target, np.random.default_rng(1)
    shape = (8, 25)
    sampling = SamplingResult(
        "ensemble", "converged", "made up", target.names, small_fit.mode + 0.01 * generator.normal(size=(*shape, 3)),
        generator.normal(size=shape), np.repeat([0, 1], 4), 200, 0, 25, np.full(2, 0.3),
        companions=generator.normal(size=(*shape, 2)))
    value = target.predict(small_fit.mode[None])[0]
    path = write_posterior(tmp_path / "posterior.nc", replace(small_fit, sampling=sampling), value, value)
    with xr.open_datatree(path) as opened:
        assert dict(opened["posterior"].sizes) == {"chain": 8, "draw": 25}
        np.testing.assert_array_equal(opened["posterior"]["ensemble"].values, np.repeat([0, 1], 4))
        np.testing.assert_array_equal(opened["sample_stats"]["misfit"].values, sampling.companions)
        assert list(opened["sample_stats"]["stream"].values) == ["net_ecosystem_exchange", "latent_heat"]


def test_parameters_are_written_with_defaults_units_priors_and_quantiles(small_fit, written):
    with open(written.folder / "parameters.toml", "rb") as file:
        contents = tomllib.load(file)
    row = contents["parameters"]["respiration_q10"]
    values = small_fit.physical()[:, 0]
    assert row["status"] == "free" and row["prior"]["distribution"] == "lognormal"
    assert row["q05"] == pytest.approx(np.quantile(values, 0.05)) and row["mean"] == pytest.approx(values.mean())
    assert row["q05"] < row["q25"] < row["q50"] < row["q75"] < row["q95"]
    fixed = contents["parameters"]["carboxylation_capacity"]
    assert fixed == {"status": "fixed", "unit": "umol m-2 s-1", "default": 70.0, "mode": 70.0}
    assert "net_ecosystem_exchange.scale" in contents["noise"] and contents["synthetic"] is True
    assert contents["problem_digest"] == small_fit.target.problem.digest()


def test_parameters_are_read_back_by_statistic(small_fit, written):
    read = read_parameters(written.folder / "parameters.toml")
    mode = small_fit.target.space.parameters(small_fit.mode[None])
    assert read.values() == pytest.approx({name: float(value[0]) for name, value in mode.items()})
    assert read.values("q95")["respiration_q10"] > read.values("q50")["respiration_q10"]
    assert read.values("q95")["carboxylation_capacity"] == 70.0
    with pytest.raises(ProblemError, match=r"unknown statistic 'q5'.*q95"):
        read.values("q5")


@pytest.mark.parametrize(("change", "message"), [
    (lambda text: text.replace("terraflux parameters 1", "something else"), "format is 'something else'"),
    (lambda text: text + "[extra]\na = 1\n", "unknown key 'extra'"),
    (lambda text: text.replace("mode = ", "mode = \"x\" # "), "needs a finite number as mode"),
    (lambda text: text.replace("[parameters.", "[noise."), r"no \[parameters\.NAME\]"),
    (lambda text: "format = [", "parameters.toml"),
])
def test_a_spoilt_parameter_file_is_refused_with_its_name(small_fit, tmp_path, change, message):
    path = tmp_path / "parameters.toml"
    path.write_text(change(parameters_text(small_fit)))
    with pytest.raises(ProblemError, match=message) as caught:
        read_parameters(path)
    assert "parameters.toml" in str(caught.value)


def test_a_season_of_an_earlier_format_is_refused_with_the_remedy(small_fit, tmp_path):
    path = tmp_path / "parameters.toml"
    path.write_text(parameters_text(small_fit) + "[season.seasonal_weight_1]\nmode = 0.1\n")
    with pytest.raises(ProblemError, match="names no form; fit the parameters again"):
        read_parameters(path)


def test_without_a_season_a_run_has_none(written):
    assert read_parameters(written.folder / "parameters.toml").run_arguments()["season"] is None


def shifted(fit, amount):
    """The same fit with draws moved in control space: another site."""
    return replace(fit, draws=fit.draws + amount)


def test_towers_of_a_plant_type_make_a_hierarchy_of_model_parameters(problem, small_fit, tmp_path):
    fits = {f"site {k}": shifted(small_fit, 0.15 * (k - 1)) for k in range(3)}
    found, notes = site_hierarchies(problem, fits, sweeps=800)
    assert not notes and list(found) == ["MF"]
    one = found["MF"]
    assert one.hierarchy.names == ("respiration_q10", "decomposition_scale")  # errors of streams stay at their towers
    path = write_hierarchy(tmp_path / "hierarchy.nc", found)
    with xr.open_datatree(path) as opened:
        group = opened["MF"]
        assert group["new_site"].dims == ("member", "parameter") and group["respiration_q10"].attrs["units"] == "1"
        np.testing.assert_allclose(group["respiration_q10"].values, one.physical()[:, 0])
        assert list(group["tower"].values) == list(fits)


def test_a_lone_tower_and_unlike_priors_make_no_hierarchy(problem, small_fit):
    found, notes = site_hierarchies(problem, {"one": small_fit})
    assert not found and "one tower" in notes[0]
    base = small_fit.target.columns
    sets = {code: one.replace(respiration_q10=2.5) for code, one in base.sets.items()}
    other = replace(small_fit, target=type("Target", (), {"columns": replace(base, sets=sets)}))
    found, notes = site_hierarchies(problem, {"one": small_fit, "two": other})
    assert not found and "different priors" in notes[0] and "two" in notes[0]
