"""The ladder of a calibration on a twin of the land model: truth found, every method runs, books kept, failures told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from terraflux.assimilation.adaptive_importance import ImportanceSettings
from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.delayed_acceptance import DelayedSettings
from terraflux.assimilation.ensemble_sampling import EnsembleSettings
from terraflux.assimilation.fit import METHODS, WEIGHT_CHANGE, WEIGHT_PASSES, Fit, estimated_noise, fit
from terraflux.assimilation.full_twins import twin_problem
from terraflux.assimilation.laplace import laplace_of_density
from terraflux.assimilation.pareto_smoothing import importance_check
from terraflux.assimilation.problem import SCALE_PRIOR, Beta
from terraflux.assimilation.stop_rule import StopRule
from terraflux.assimilation.tower_problem import TowerProblem

QUICK = {
    "cmaes": {"maximum_runs": 800}, "differential_evolution": {"maximum_runs": 600}, "esmda": {"members": 30},
    "eki_dmc": {"members": 30}, "ienks": {"members": 12}, "4denvar": {"members": 30},
}
SETTINGS = {"ensemble": EnsembleSettings(walkers=32, ensembles=2, burn_in=4),
            "delayed_acceptance": DelayedSettings(groups=2, chains=16, first_runs=32, training_runs=64, most_training_runs=64),
            "importance": ImportanceSettings(populations=2, draws=100)}
EASY = StopRule(minimum_effective_size=400.0, maximum_rhat=1.2, check_every=4, autocorrelation_lengths=0.0)


@pytest.fixture(scope="module")
def found(short_twin):
    return fit(short_twin.target, "auto", seed=1, starts=3)


def test_the_truth_is_found_within_the_posterior(found, short_twin):
    assert found.status == "converged", found.message
    distance = (short_twin.truth - found.draws.mean(axis=0)) / found.draws.std(axis=0)
    assert np.abs(distance).max() < 3.0, distance
    prior = short_twin.target.space.prior_moments()[1]
    assert (found.draws.var(axis=0)[:2] < 0.25 * np.diag(prior)[:2]).all()  # less than half the width of the prior
    assert found.mode_misfit.sum() < found.default_misfit.sum() - 25.0


def test_the_books_are_kept(found, short_twin):
    """Runs of all rungs are those of the problem; draws and log posterior belong to it."""
    names = [stage.name for stage in found.stages]
    rungs = [name for name in names if not name.startswith("gn pass")]
    assert names[:2] == ["defaults", "gn pass 1"]
    assert [name for name in rungs if name != "weights of streams"][:4] == [
        "defaults", "normal posterior", "normal posterior over its width", "weighted draws"]
    assert names[-1] == "best point"
    assert found.runs == sum(stage.runs for stage in found.stages)
    assert found.draws.shape == (1000, 3)
    assert np.isfinite(short_twin.target.log_prior(found.draws)).all()
    assert found.log_posterior == pytest.approx(float(short_twin.target.log_density(found.mode[None])[0]))
    assert found.physical().shape == (1000, 3)
    text = found.summary()
    assert all(name in text for name in short_twin.target.names)


def test_the_mode_beats_its_neighbourhood(found, short_twin):
    around = found.mode + 0.3 * found.normal.deviation * np.random.default_rng(0).standard_normal((20, 3))
    assert (short_twin.target.log_density(around) < found.log_posterior + 0.05).all()


def test_streams_are_weighed_by_what_the_optimum_leaves(short_twin):
    """Parameters beside the truth err for hours together; the errors that are left at the optimum remember less."""
    base = twin_problem("dense", ("carboxylation_capacity", "stomatal_slope_medlyn"))
    streams = [replace(one, correlation=0.0) for one in base.streams if one.average == "step"]
    target = TowerProblem(replace(base, streams=streams, weights="neff"), short_twin.target.columns)
    truth = short_twin.truth[:2]
    assert target.weigh(truth)
    known = target.stream_weight
    assert target.weigh(truth - 1.5)
    assert (known > target.stream_weight).all() and known[0] > 2.0 * target.stream_weight[0], (known, target.stream_weight)
    one = fit(target, "gn", starts=1, draws=50, check_draws=50)
    assert 1 <= [stage.name for stage in one.stages].count("weights of streams") <= WEIGHT_PASSES
    np.testing.assert_allclose(np.log(target.stream_weight / known), 0.0, atol=WEIGHT_CHANGE)
    again = fit(target, "gn", starts=1, draws=50, check_draws=50)  # begins with the weights of the defaults
    np.testing.assert_array_equal(again.mode, one.mode)


def skewed(u):
    """Logarithms of two gamma variables (shape 3): modes at ln 3, means at digamma(3) = 0.9228."""
    return (3.0 * u - np.exp(u)).sum(axis=1)


@pytest.mark.parametrize(("operator", "wide"), [("site", False), ("shared_error", True)])
def test_weighted_draws_move_the_mode_to_the_mean(operator, wide):
    normal = laplace_of_density(skewed, np.log([3.0, 3.0]))
    problem = SimpleNamespace(footprint=SimpleNamespace(operator=operator))
    made = SimpleNamespace(normal=normal, check=importance_check(skewed, normal, 4000, 1),
                           target=SimpleNamespace(problem=problem))
    corrected = Fit.corrected.fget(made)
    assert (np.abs(normal.mean - 0.9228) > 0.25 * normal.deviation).all()
    np.testing.assert_allclose(corrected.mean, 0.9228, atol=0.06 * normal.deviation[0])
    spread = normal.deviation if wide else np.full(2, np.sqrt(0.39493))  # trigamma(3)
    np.testing.assert_allclose(corrected.deviation, spread, rtol=1e-9 if wide else 0.05)


def test_a_normal_posterior_stays_as_it_is_without_draws_to_be_trusted():
    normal = laplace_of_density(skewed, np.log([3.0, 3.0]))
    few = replace(importance_check(skewed, normal, 400, 1), effective_size=50.0)
    for check in (None, few, replace(few, effective_size=300.0, shape=0.9)):
        assert Fit.corrected.fget(SimpleNamespace(normal=normal, check=check)) is normal


def test_the_same_seed_gives_the_same_draws(found, short_twin):
    again = fit(short_twin.target, "auto", seed=1, starts=3)
    np.testing.assert_array_equal(again.draws, found.draws)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("auto", "gn")])
def test_every_method_runs_and_agrees_on_the_capacity(method, found, short_twin):
    """Rough methods within three posterior standard deviations, with few runs."""
    if method == "cmaes":
        pytest.importorskip("cma")
    sampled = {"stop": EASY, "settings": SETTINGS[method], "maximum_runs": 800} if method in SETTINGS else {}
    one = fit(short_twin.target, method, seed=2, starts=1, draws=100, **sampled, **QUICK.get(method, {}))
    assert one.draws.shape == (100, 3)
    assert one.status in ("converged", "approximate", "not_converged")
    assert one.method == method
    if method not in ("esmda", "eki_dmc", "4denvar"):
        gap = (one.mode - found.mode) / found.draws.std(axis=0)
        assert np.abs(gap).max() < 3.0, (one.message, gap)
    assert np.isfinite(one.log_posterior)
    assert one.runs > 0


def test_noise_is_estimated_without_runs_of_the_model(short_twin):
    """Correlation of the errors as they were made; scale above 1, for they grew with the flux, not with the smoothed one."""
    base = twin_problem("dense", ("carboxylation_capacity", "stomatal_slope_medlyn"))
    streams = [replace(one, scale=SCALE_PRIOR, correlation=Beta(5.0, 5.0)) if one.average == "step" else one
               for one in base.streams]
    target = TowerProblem(replace(base, streams=streams), short_twin.target.columns)
    control = target.space.default_control()
    control[:2] = short_twin.truth[:2]
    before = target.runs
    made = target.space.physical(estimated_noise(target, control)[None])[0]
    assert target.runs == before + 1
    residual = (target.predict(control[None])[0] - target.observed) / target.sigma
    spread = [residual[target.parts[name]].std() for name in ("net_ecosystem_exchange", "latent_heat")]
    np.testing.assert_allclose(made[[2, 4]], spread, rtol=0.05)
    assert (made[[2, 4]] > 1.0).all()
    assert (made[[2, 4]] < 1.3).all()
    np.testing.assert_allclose(made[[3, 5]], 0.5, atol=0.08)
    whole = fit(target, "gn", starts=1, draws=50)
    assert [stage.name for stage in whole.stages if stage.name.startswith("gn")][:2] == ["gn pass 1", "gn pass 2"]
    np.testing.assert_allclose(target.space.physical(whole.mode[None])[0][[2, 4]], spread, rtol=0.05)


def test_a_killed_sampler_goes_on_from_its_checkpoint(short_twin, tmp_path):
    """Stopped by its budget and called again with more, the draws are those of one call."""
    wish = {"seed": 3, "starts": 1, "draws": 60, "settings": SETTINGS["ensemble"],
            "stop": StopRule(minimum_effective_size=1e6, check_every=2)}
    checkpoint = Checkpoint(tmp_path / "chain.h5", {"problem": short_twin.target.problem.digest()}, every=2)
    first = fit(short_twin.target, "ensemble", maximum_runs=256, checkpoint=checkpoint, **wish)
    resumed = fit(short_twin.target, "ensemble", maximum_runs=512, checkpoint=checkpoint, **wish)
    whole = fit(short_twin.target, "ensemble", maximum_runs=512, **wish)
    assert first.sampling.steps < resumed.sampling.steps
    np.testing.assert_array_equal(resumed.sampling.controls, whole.sampling.controls)


def test_failures_are_told(short_twin):
    with pytest.raises(ValueError, match=r"unknown method 'gauss'"):
        fit(short_twin.target, "gauss")
    target = short_twin.target

    class Broken(TowerProblem):
        def __init__(self):
            self.__dict__.update(target.__dict__)

        def predict(self, control):
            self.runs += len(control)
            return np.full((len(control), self.observed.size), np.nan)

    with pytest.raises(ValueError, match=r"SYN-For: no start has a finite posterior"):
        fit(Broken(), "gn", starts=2)


def test_a_start_that_fails_costs_only_itself(short_twin):
    target = short_twin.target

    class Fragile(TowerProblem):
        """The model fails at the first start only."""

        def __init__(self):
            self.__dict__.update(target.__dict__)
            self.calls = 1
            self.weigh(self.space.default_control())
            self.calls = 0

        def predict(self, control):
            values = super().predict(control)
            self.calls += 1
            if self.calls == 1:
                values[0] = np.nan
            return values

    found = fit(Fragile(), "gn", starts=3, draws=50)
    starts = found.optimum.starts
    assert starts[0].log_posterior == -np.inf
    assert "not finite at the start" in starts[0].message
    assert all(start.converged for start in starts[1:])
