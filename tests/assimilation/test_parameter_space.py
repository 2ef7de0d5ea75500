"""The parameter space: rows are checked, vectors become parameters, and the prior's derivatives are exact."""

import numpy as np
import pytest

from terraflux.assimilation.parameter_rows import NoiseRow, ParameterRow, ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.priors import Beta, Uniform, lognormal, normal
from terraflux.model.parameter_table import parameter_entries
from terraflux.model.parameters import parameters

ENF, GRA = parameters("ENF", "sandy_loam"), parameters("GRA", "sandy_loam")
V, G1 = "carboxylation_capacity", "stomatal_slope_medlyn"
PLAIN = (ParameterRow(V), ParameterRow(G1, prior=Uniform(0.5, 8.0)), ParameterRow("respiration_q10", "fixed", value=1.9))
ORDERED = (
    ParameterRow("vapour_deficit_low"), ParameterRow("vapour_deficit_high", above="vapour_deficit_low"),
    ParameterRow("minimum_temperature_low"), ParameterRow("minimum_temperature_high", above="minimum_temperature_low"),
)
NOISE = (NoiseRow(("net_ecosystem_exchange",), "scale", 1.0, lognormal(1.0, np.exp(0.3))),
         NoiseRow(("net_ecosystem_exchange",), "correlation", 0.5, Beta(5.0, 5.0)),
         NoiseRow(("latent_heat", "sensible_heat"), "factor", 1.0, normal(1.0, 0.1, 0.7, 1.2)))


def test_free_fixed_and_tied_rows_become_parameters():
    rows = (*PLAIN, ParameterRow("stomatal_slope_ball_berry", "tied", tie=G1, factor=3.0))
    space = ParameterSpace(rows, ENF)
    assert space.names == (V, G1)
    u = space.draw(np.random.default_rng(1), 20)
    values = space.parameters(u)
    assert u.shape == (20, 2)
    assert (values["respiration_q10"] == 1.9).all()
    np.testing.assert_array_equal(values["stomatal_slope_ball_berry"], 3.0 * values[G1])
    np.testing.assert_array_equal(np.stack([values[V], values[G1]], axis=1), space.physical(u))
    np.testing.assert_allclose(space.control(space.physical(u)), u, atol=1e-9)


def test_the_default_control_gives_the_default():
    space = ParameterSpace(PLAIN + ORDERED, ENF, NOISE)
    np.testing.assert_allclose(space.physical(space.default_control())[0], space.default, rtol=1e-9)
    assert space.default[0] == ENF[V]


def test_a_default_at_the_end_of_its_range_starts_inside():
    space = ParameterSpace([ParameterRow("allocation_stem"), ParameterRow("drainage_factor")], GRA)
    start = space.physical(space.default_control())[0]
    assert space.default.tolist() == [0.0, 1.0]
    assert 0.0 < start[0] < 0.01
    assert start[1] == pytest.approx(0.99)
    assert np.isfinite(space.log_prior(space.default_control())).all()


@pytest.mark.parametrize("rows", [PLAIN, ORDERED, (*PLAIN, *ORDERED)], ids=["plain", "ordered", "both"])
def test_gradient_and_hessian_of_the_prior_agree_with_differences(rows):
    space = ParameterSpace(rows, ENF, NOISE)
    u = space.draw(np.random.default_rng(5), 6)
    gradient, hessian = space.prior_gradient_hessian(u)
    for column in range(space.size):
        step = np.zeros(space.size)
        step[column] = 1e-4
        one = (space.log_prior(u + step) - space.log_prior(u - step)) / 2e-4
        np.testing.assert_allclose(gradient[:, column], one, rtol=1e-5, atol=1e-5)
        two = (space.prior_gradient_hessian(u + step)[0] - space.prior_gradient_hessian(u - step)[0]) / 2e-4
        np.testing.assert_allclose(hessian[:, :, column], two, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(hessian, hessian.transpose(0, 2, 1), atol=1e-12)


def test_ordered_parameters_keep_their_order_in_draws_and_anywhere():
    space = ParameterSpace(ORDERED, ENF)
    for u in (space.draw(np.random.default_rng(2), 500), np.random.default_rng(3).normal(0.0, 5.0, (500, 4))):
        values = space.parameters(u)
        assert (values["vapour_deficit_high"] > values["vapour_deficit_low"]).all()
        assert (values["minimum_temperature_high"] > values["minimum_temperature_low"]).all()


def test_ordered_draws_have_the_density_they_claim():
    space = ParameterSpace([ParameterRow("minimum_temperature_low", prior=normal(3.0, 3.0)), ParameterRow(
        "minimum_temperature_high", prior=normal(6.0, 3.0), above="minimum_temperature_low", value=7.0)], ENF.replace(
            minimum_temperature_low=3.0))
    draws = space.draw(np.random.default_rng(4), 20000)
    wide = np.cov(draws.T) * 1.5
    proposals = np.random.default_rng(5).multivariate_normal(draws.mean(axis=0), wide, 40000)
    offset = proposals - draws.mean(axis=0)
    log_q = -0.5 * np.einsum("ij,jk,ik->i", offset, np.linalg.inv(wide), offset)
    weight = np.exp(space.log_prior(proposals) - log_q)
    weight /= weight.sum()
    theta = space.physical(draws)
    np.testing.assert_allclose(weight @ space.physical(proposals), theta.mean(axis=0), atol=0.1)


def test_a_row_of_the_prior_does_not_depend_on_its_neighbours():
    space = ParameterSpace(PLAIN + ORDERED, ENF, NOISE)
    u = space.draw(np.random.default_rng(6), 33)
    whole = space.log_prior(u)
    assert [float(space.log_prior(one)[0]) for one in u] == whole.tolist()
    np.testing.assert_array_equal(space.physical(u[5:6])[0], space.physical(u)[5])


def test_a_vector_that_is_not_a_number_costs_only_its_own_replica():
    space = ParameterSpace(PLAIN, ENF)
    u = space.draw(np.random.default_rng(7), 3)
    u[1, 0] = np.nan
    density = space.log_prior(u)
    assert density[1] == -np.inf
    assert np.isfinite(density[[0, 2]]).all()


def test_a_tied_parameter_beyond_its_bounds_has_no_density():
    space = ParameterSpace([ParameterRow(G1, prior=Uniform(0.5, 19.0)),
                            ParameterRow("stomatal_slope_ball_berry", "tied", tie=G1, factor=3.0)], ENF)
    density = space.log_prior(space.control([[5.0], [12.0]]))
    assert np.isfinite(density[0])
    assert density[1] == -np.inf


def test_noise_comes_in_the_form_of_the_likelihood():
    fixed = NoiseRow(("soil_moisture",), "correlation", 0.99)
    space = ParameterSpace(PLAIN, ENF, (*NOISE, fixed))
    u = space.draw(np.random.default_rng(8), 7)
    noise = space.noise(u)
    assert set(noise["net_ecosystem_exchange"]) == {"scale", "correlation"}
    np.testing.assert_array_equal(noise["latent_heat"]["factor"], noise["sensible_heat"]["factor"])
    assert (noise["soil_moisture"]["correlation"] == 0.99).all()
    assert space.size == 5
    assert (space.noise(np.full((1, 5), 1e3))["net_ecosystem_exchange"]["correlation"] < 1.0).all()


def test_plant_types_have_their_own_rows_and_share_others():
    space = ParameterSpace([ParameterRow(V, plant_type="ENF"), ParameterRow(V, plant_type="GRA"),
                            ParameterRow("respiration_q10")], {"ENF": ENF, "GRA": GRA})
    assert space.names == (f"{V}@ENF", f"{V}@GRA", "respiration_q10")
    names, columns = space.columns_of("GRA")
    assert names == (V, "respiration_q10")
    u = space.draw(np.random.default_rng(9), 4)
    np.testing.assert_array_equal(space.expand(u)[:, columns], space.physical(u)[:, [1, 2]])
    assert space.parameter_set(u[0], "GRA")[V] == space.physical(u)[0, 1]
    assert space.default.tolist() == [62.5, 78.2, 2.0]


def test_priors_and_defaults_come_from_the_parameter_table():
    space = ParameterSpace([ParameterRow(V), ParameterRow("porosity")], ENF)
    low, middle, high = space.prior_quantiles([0.16, 0.5, 0.84])
    assert middle[0] == pytest.approx(62.5, rel=1e-3)
    assert np.log(high[0] / low[0]) / 2.0 == pytest.approx(parameter_entries()[V].prior.spread, rel=0.02)
    assert space.default[1] == ENF["porosity"][0]


def test_moments_of_the_prior_are_those_of_the_control():
    scale = NoiseRow(("latent_heat",), "scale", 1.0, lognormal(1.1, 1.35))
    mean, covariance = ParameterSpace([ParameterRow(G1, prior=Uniform(0.5, 8.0))], ENF, [scale]).prior_moments()
    np.testing.assert_allclose(mean, [0.0, np.log(1.1)], atol=1e-6)
    np.testing.assert_allclose(np.diag(covariance), [np.pi**2 / 3.0, np.log(1.35) ** 2], rtol=2e-3)
    ordered = ParameterSpace(ORDERED, ENF).prior_moments()
    assert ordered[1].shape == (4, 4)
    assert (np.linalg.eigvalsh(ordered[1]) > 0.0).all()


def row(**changes):
    return (ParameterRow(**{"name": V, **changes}),)


REFUSED = {
    "unknown name": (row(name="carboxylation_capasity"), "did you mean 'carboxylation_capacity'"),
    "default excluded": (row(prior=Uniform(70.0, 90.0)), "excludes the default 62.5"),
    "default far out": (row(prior=normal(80.0, 1.0)), "excludes it"),
    "beyond bounds": (row(prior=Uniform(10.0, 400.0)), "reaches beyond 1..300"),
    "unknown status": (row(status="frei"), "free"),
    "unknown season": (row(seasonal="splines"), "spline"),
    "fixed outside": (row(status="fixed", value=900.0), "outside its bounds"),
    "fixed with prior": (row(status="fixed", prior=Uniform(1.0, 99.0)), "takes no prior"),
    "no prior known": (row(name="c4_pathway"), "give it a prior"),
    "unknown plant": (row(plant_type="ENV"), "ENF"),
    "twice": (row() * 2, "given twice"),
    "both": (row() + row(plant_type="ENF"), "both for every plant type"),
    "tied to itself": (row(status="tied", tie=V), "circle"),
    "tied in a circle": (row(status="tied", tie=G1) + row(name=G1, status="tied", tie=V), f"{V} -> {G1} -> {V}"),
    "tied to nothing known": (row(status="tied", tie="stomatal_slope_medlin") + row(name=G1), G1),
    "tied beyond bounds": (row() + row(name=G1, status="tied", tie=V), "outside its bounds"),
    "tied without tie": (row(status="tied"), "to nothing"),
    "free with tie": (row(tie=G1), "leave out"),
    "wrong order": (row(name="vapour_deficit_high") + row(name="vapour_deficit_low", above="vapour_deficit_high"), "not above"),
    "seasonal and fixed": (row(status="fixed", seasonal="spline"), "only a free parameter"),
    "none": ((), "no parameter"),
    "none free": (row(status="fixed"), "no parameter is free"),
    "factor alone": (row(factor=2.0), "belongs to a tie"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_rows_that_contradict_are_refused_with_words(what):
    rows, words = REFUSED[what]
    with pytest.raises(ProblemError, match=words):
        ParameterSpace(rows, ENF)


def test_a_shared_row_with_different_defaults_is_refused():
    with pytest.raises(ProblemError, match=r"ENF 62\.5, GRA 78\.2"):
        ParameterSpace([ParameterRow(V)], {"ENF": ENF, "GRA": GRA})
    assert ParameterSpace([ParameterRow(V, value=70.0)], {"ENF": ENF, "GRA": GRA}).default.tolist() == [70.0]


@pytest.mark.parametrize(("noise", "words"), [
    (NoiseRow(("le",), "scael", 1.0), "scale"), (NoiseRow(("le",), "correlation", 1.0), "outside"),
    (NoiseRow(("le",), "factor", 1.0, Uniform(1.1, 1.3)), "excludes the default"), (NoiseRow((), "scale", 1.0), "no stream"),
    (NoiseRow(("le",), "correlation", 0.5, Uniform(0.0, 2.0)), "lies beyond"),
])
def test_noise_that_cannot_be_is_refused(noise, words):
    with pytest.raises(ProblemError, match=words):
        ParameterSpace(PLAIN, ENF, [noise])


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match="expected"):
        ParameterSpace(PLAIN, ENF).log_prior(np.zeros((3, 5)))
