"""A calibration problem at a tower in numbers: fused and host likelihoods agree, failures stay alone, bits stay the same."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.closure_factors import CLOSURE_PRIOR
from terraflux.assimilation.fit import fit
from terraflux.assimilation.full_twins import SIGMA, twin_problem
from terraflux.assimilation.likelihood import misfit
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import SCALE_PRIOR, Beta, FootprintChoice, Problem, StreamChoice
from terraflux.assimilation.residuals import LeastSquares
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.synthetic_tower import synthetic_tower

CAPACITY, SLOPE = ParameterRow("carboxylation_capacity"), ParameterRow("stomatal_slope_medlyn")


@pytest.fixture(scope="module")
def rich(short_twin):
    """All error models, correlated errors over gaps, sampled scales, correlation and closure, daily means, weights."""
    problem = Problem([CAPACITY, SLOPE], [
        StreamChoice("NEE", sigma=SIGMA["net_ecosystem_exchange"], scale=SCALE_PRIOR, correlation=Beta(5.0, 5.0)),
        StreamChoice("LE", sigma=SIGMA["latent_heat"], error_model="laplace", correlation=0.3),
        StreamChoice("H", sigma=SIGMA["latent_heat"], error_model="student_t", correlation=0.0),
        StreamChoice("SWC", depth=0.1, average="day")], [2021])
    made = TowerProblem(problem, short_twin.target.columns)
    for one in made.streams:  # tempered likelihood and representativeness, as footprints bring them
        one.weight[::5] = 0.25
        one.extra_sigma[::3] = 0.4 * one.sigma[::3]
    made._fused = made._fused_evaluator()
    return made


def controls(target, count, seed=0):
    return target.space.draw(np.random.default_rng(seed), count)


def test_the_control_vector_holds_parameters_and_noise(rich):
    assert rich.names == ("carboxylation_capacity", "stomatal_slope_medlyn", "net_ecosystem_exchange.scale",
                          "net_ecosystem_exchange.correlation", "latent_heat+sensible_heat.factor")
    assert [rich.names[k] for k in rich.mean_columns] == [rich.names[k] for k in (0, 1, 4)]
    assert list(rich.noise_columns) == [2, 3]
    assert rich.problem.closure_factor is CLOSURE_PRIOR


def test_fused_and_host_likelihood_agree(rich):
    """All error models, AR(1) over gaps, daily means, weights, extra sigma, scale and closure factor: to 1e-12."""
    u = controls(rich, 9)
    fused, host = rich.misfit(u), misfit(rich.streams, rich.predict(u), rich.space.noise(u))
    assert np.isfinite(fused).all()
    np.testing.assert_allclose(fused, host, rtol=1e-12)


def test_the_log_posterior_is_prior_less_weighted_misfits(rich):
    u = controls(rich, 4)
    total, each = rich.log_density_and_misfits(u)
    np.testing.assert_allclose(total, rich.space.log_prior(u) - each @ rich.stream_weight, rtol=1e-13)
    np.testing.assert_array_equal(rich.log_density(u), total)


def test_closure_multiplies_modelled_heat_and_nothing_else(rich):
    u = np.repeat(controls(rich, 1), 2, axis=0)
    theta = rich.space.physical(u)
    theta[1, 4] = 0.9
    first, second = rich.predict(rich.space.control(theta))
    ratio = 0.9 / theta[0, 4]
    for name, factor in (("net_ecosystem_exchange", 1.0), ("latent_heat", ratio), ("sensible_heat", ratio),
                         ("soil_moisture", 1.0)):
        np.testing.assert_allclose(second[rich.parts[name]], factor * first[rich.parts[name]], rtol=1e-12)


def test_each_heat_flux_is_multiplied_by_its_own_factor(rich):
    """Latent by 0.9 and sensible by 0.8 say, in predictions and, fused or on the host, in the likelihood; to 1e-12."""
    target = TowerProblem(replace(rich.problem, closure_factor="each"), rich.columns)
    assert target.names[-2:] == ("latent_heat.factor", "sensible_heat.factor")
    assert set(target.names[-2:]) <= {target.names[k] for k in target.mean_columns}
    u = np.repeat(controls(target, 1), 3, axis=0)
    theta = target.space.physical(u)
    theta[:, -2:] = (1.0, 1.0), (0.9, 1.0), (0.9, 0.8)
    u = target.space.control(theta)
    plain, one, both = target.predict(u)
    for name, part in target.parts.items():
        np.testing.assert_allclose(one[part], plain[part] * (0.9 if name == "latent_heat" else 1.0), rtol=1e-12)
        np.testing.assert_allclose(both[part], one[part] * (0.8 if name == "sensible_heat" else 1.0), rtol=1e-12)
    u = np.concatenate([u, controls(target, 4, seed=2)])
    fused, host = target.misfit(u), misfit(target.streams, target.predict(u), target.space.noise(u))
    np.testing.assert_allclose(fused, host, rtol=1e-12)
    held = TowerProblem(replace(rich.problem, closure_factor={"LE": 0.9, "H": 0.8}), rich.columns)
    np.testing.assert_allclose(held.predict(u[2:3, :-2])[0], both, rtol=1e-12)


def test_unlike_closure_is_found_by_factors_of_each_flux_and_biases_a_shared_one(short_twin):
    """A tower that misses a quarter of sensible and little of latent heat, the truth known.

    Factors of each flux are recovered and leave stomata alone; a shared one is neither, and stomata make up for it.
    """
    sigma = replace(SIGMA["latent_heat"], slope_positive=0.1, slope_negative=0.1)
    base = Problem([CAPACITY, SLOPE], [StreamChoice(name, sigma=sigma if name != "NEE" else SIGMA["net_ecosystem_exchange"],
                                                    correlation=0.0) for name in ("NEE", "LE", "H")], [2021], weights="sum")
    columns, factors = short_twin.target.columns, (0.97, 0.75)
    true = base.space(columns.sets).default[:2] * (1.15, 0.85)
    made = TowerProblem(replace(base, closure_factor=dict(zip(("LE", "H"), factors, strict=True))), columns)
    clean = made.predict(made.space.control(true[None]))[0]
    observed = clean + np.random.default_rng(8).standard_normal(clean.size) * made.sigma
    posterior, space = {}, {}
    for closure in ("each", "sampled"):
        target = TowerProblem(replace(base, closure_factor=closure), columns)
        target.observed[:] = observed
        for one in target.streams:
            one.observed[:] = observed[target.parts[one.name]]
        target._fused = target._fused_evaluator()
        posterior[closure], space[closure] = fit(target, "gn", starts=1).normal, target.space
    each, shared = posterior["each"], posterior["sampled"]
    wanted = space["each"].control(np.array([*true, *factors]))[0]
    assert (np.abs(each.mean - wanted) < 3.0 * each.deviation).all()
    assert (np.abs(shared.mean[:2] - wanted[:2]) > 5.0 * shared.deviation[:2]).any()
    assert factors[1] < space["sampled"].physical(shared.mean[None])[0, 2] < factors[0]


def test_a_failed_replica_costs_only_itself_and_is_counted(rich):
    u = controls(rich, 5)
    sound, values = rich.log_density(u), rich.predict(u)
    broken = u.copy()
    broken[2, 0] = np.nan
    before, failed = rich.runs, rich.failed
    found = rich.log_density(broken)
    assert found[2] == -np.inf
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(sound, 2))
    predicted = rich.predict(broken)
    assert np.isnan(predicted[2]).all()
    np.testing.assert_array_equal(np.delete(predicted, 2, axis=0), np.delete(values, 2, axis=0))
    assert rich.failed == failed + 1  # in `predict`; outside its prior nothing is run
    assert rich.runs == before + 9


def test_rows_have_the_same_bits_in_any_batch_and_on_any_threads(rich):
    u = controls(rich, 36)
    whole = rich.log_density(u)
    for count in (1, 5, 33):
        np.testing.assert_array_equal(rich.log_density(u[:count]), whole[:count])
    one, two = (TowerProblem(rich.problem, rich.columns, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.misfit(u), two.misfit(u))
    np.testing.assert_array_equal(one.predict(u), two.predict(u))
    host = [misfit(one.streams, one.predict(u[:count]), one.space.noise(u[:count])) for count in (36, 5, 1)]
    for part in host[1:]:
        np.testing.assert_array_equal(part, host[0][: len(part)])


def test_least_squares_at_fixed_noise_has_the_same_posterior(rich):
    u = controls(rich, 3, seed=4)
    u[1:, rich.noise_columns] = u[0, rich.noise_columns]
    fixed = rich.with_noise(u[0])
    squares = LeastSquares(fixed)
    found = squares.log_density(u[:, fixed.columns])
    # the constant of the whitening is not weighted there: differences count
    np.testing.assert_allclose(found - found[0], rich.log_density(u) - rich.log_density(u[:1]), rtol=1e-9, atol=1e-7)
    np.testing.assert_array_equal(fixed.full(u[:, fixed.columns]), u)
    assert fixed.names == tuple(rich.names[k] for k in fixed.columns)
    with pytest.raises(ProblemError, match="a control vector of 5 numbers"):
        rich.with_noise(np.zeros(2))


def test_modelled_values_have_the_size_of_their_units(rich):
    """Soil moisture is a share of the volume, carbon in micromoles, heat in watts."""
    values = rich.predict(rich.space.default_control()[None])[0]
    for name, low, high in (("soil_moisture", 0.05, 0.55), ("net_ecosystem_exchange", -60.0, 30.0),
                            ("latent_heat", -150.0, 800.0)):
        part = values[rich.parts[name]]
        assert low < part.min() < part.max() < high, (name, part.min(), part.max())
    assert np.abs(values[rich.parts["net_ecosystem_exchange"]]).max() > 2.0


def test_streams_describe_themselves(rich):
    text = rich.describe()
    for one in rich.streams:
        assert f"{one.observed.size} observations, {one.unit}" in text
    assert "left out" in text


def test_weights_follow_the_rule(short_twin):
    """Correlation in the likelihood needs no weight; where it is not modelled, neighbours share their information."""
    base = twin_problem("dense", ("carboxylation_capacity",))
    plain = replace(base, streams=[replace(one, correlation=0.0) for one in base.streams], weights="neff")
    weighed = TowerProblem(plain, short_twin.target.columns)
    phi = weighed.residual_correlation
    assert (phi[:2] > 0.3).all()
    np.testing.assert_allclose(weighed.stream_weight, (1.0 - np.maximum(phi, 0.0)) / (1.0 + np.maximum(phi, 0.0)))
    np.testing.assert_array_equal(TowerProblem(replace(plain, weights="sum"), short_twin.target.columns).stream_weight, 1.0)
    assert (short_twin.target.stream_weight[:2] == 1.0).all()


def test_what_is_missing_is_told(short_twin):
    problem = replace(twin_problem("dense", ("carboxylation_capacity",)), calibration=[2019])
    with pytest.raises(ProblemError, match="holds nothing of 2019"):
        TowerProblem(problem, short_twin.target.columns)


# ---------------------------------------------------------------------------------------------- mixtures


@pytest.fixture(scope="module")
def mixture():
    """Two plant types that share the land 70 to 30."""
    tower = synthetic_tower("forest").between("2021-06-01", "2021-06-25")
    return tower_columns(replace(tower, site=replace(tower.site, plant_type={"MF": 0.7, "GRA": 0.3})), spin_up_cycles=0)


MIXED = Problem([ParameterRow("carboxylation_capacity", plant_type="MF"),
                 ParameterRow("carboxylation_capacity", plant_type="GRA")],
                [StreamChoice("NEE", sigma=SIGMA["net_ecosystem_exchange"])], [2021])


def test_a_mixture_is_the_sum_of_its_plant_types(mixture):
    """Predictions are shares times those of each plant type alone; a parameter of one moves only its part."""
    target = TowerProblem(MIXED, mixture)
    u = controls(target, 3)
    theta = target.space.physical(u)
    parts = []
    for column, plant in enumerate(("MF", "GRA")):
        alone = TowerProblem(replace(MIXED, parameters=[CAPACITY]), replace(
            mixture, sets={plant: mixture.sets[plant]}, shares={plant: 1.0}, state=mixture.state[:, [column]]))
        parts.append(alone.predict(alone.space.control(theta[:, [column]])))
    np.testing.assert_allclose(target.predict(u), 0.7 * parts[0] + 0.3 * parts[1], rtol=1e-9)


def test_footprints_mix_the_plant_types_half_hour_by_half_hour(mixture):
    """Where all of a footprint is forest the prediction is the forest's; a class without a plant counts as the rest does."""
    times = mixture.tower.observations["time"].values
    share = np.tile([0.5, 0.3, 0.2], (times.size, 1))
    share[:100] = [1.0, 0.0, 0.0]
    given = xr.Dataset({
        "net_ecosystem_exchange": ("time", np.full(times.size, -3.0)),
        "net_ecosystem_exchange_quality": ("time", np.zeros(times.size)),
        "net_ecosystem_exchange_random_sigma": ("time", np.ones(times.size)),
        "net_ecosystem_exchange_weight": ("time", np.ones(times.size)),
        "class_fraction": (("time", "land_cover_class"), share),
        "class_plant_type": ("land_cover_class", ["MF", "GRA", ""])},
        coords={"time": times}, attrs={"operator": "mixture", "site_id": "SYN-For"})
    problem = replace(MIXED, footprint=FootprintChoice("mixture"))
    target = TowerProblem(problem, mixture, observations=given)
    low, high = controls(target, 1), controls(target, 1)
    high[0, 1] += 0.3  # the grass alone
    first, second = target.predict(np.concatenate([low, high]))
    np.testing.assert_array_equal(first[:100], second[:100])
    assert (first[100:] != second[100:]).any()
    np.testing.assert_allclose(target._mix[0][150], [0.5 / 0.8, 0.3 / 0.8])
    np.testing.assert_allclose(target.misfit(low), misfit(target.streams, target.predict(low), target.space.noise(low)))
    with pytest.raises(ProblemError, match="never"):
        TowerProblem(MIXED, mixture, observations=given)


def test_a_failed_plant_type_fails_its_replica_alone(mixture):
    target = TowerProblem(MIXED, mixture)
    u = controls(target, 3)
    u[1, 1] = np.nan
    values = target.predict(u)
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2]]).all()
    assert target.failed == 1
    assert target.log_density(u)[1] == -np.inf
