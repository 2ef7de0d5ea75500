"""Seasonal weights in the control vector: their prior, their places, and the smoothing width that the data ask for."""

import numpy as np
import pytest
from scipy import stats

from terraflux.assimilation.parameter_rows import NoiseRow, ParameterRow, ProblemError
from terraflux.assimilation.priors import PriorError, lognormal
from terraflux.assimilation.seasonal_space import WIDTH, HalfCauchy, SeasonalSpace, best_width, season_of
from terraflux.drivers.seasonal_terms import FORMS
from terraflux.model.options import Options
from terraflux.model.parameters import parameters

ROWS = [ParameterRow("carboxylation_capacity", seasonal="spline"), ParameterRow("stomatal_slope_medlyn")]
NOISE = [NoiseRow(("GPP",), "scale", 1.0, lognormal(1.0, spread=0.3))]
LIGHT_USE = Options(photosynthesis="light_use_efficiency")


def test_half_cauchy_is_that_of_scipy():
    prior, theta = HalfCauchy(0.3), np.array([0.0, 0.05, 0.3, 2.0])
    known = stats.halfcauchy(scale=0.3)
    np.testing.assert_allclose(prior.log_density(theta), known.logpdf(theta))
    np.testing.assert_allclose(prior.cumulative(theta), known.cdf(theta))
    np.testing.assert_allclose(prior.quantile([0.1, 0.5, 0.9]), known.ppf([0.1, 0.5, 0.9]))
    assert prior.tail(2.0) == pytest.approx(known.sf(2.0)) and prior.log_density(-1.0) == -np.inf
    step = 1e-5
    first, second = prior.slopes(theta[1:])
    ahead, behind = prior.log_density(theta[1:] + step), prior.log_density(theta[1:] - step)
    np.testing.assert_allclose(first, (ahead - behind) / (2.0 * step), rtol=1e-6)
    bend = (ahead - 2.0 * prior.log_density(theta[1:]) + behind) / step**2
    np.testing.assert_allclose(second, bend, rtol=1e-3, atol=1e-5)  # rounding of the difference
    with pytest.raises(PriorError, match="not cut off"):
        prior.cut(0.0, 1.0)


def test_weights_come_last_after_the_noise_with_the_width_as_their_prior():
    space = SeasonalSpace(ROWS, parameters("DBF"), NOISE, form="spline", width=0.2)
    assert space.names[:3] == ("carboxylation_capacity", "stomatal_slope_medlyn", "GPP.scale")
    assert space.names[3:] == tuple(f"seasonal_weight_{term + 1}" for term in range(FORMS["spline"]))
    draws = space.draw(np.random.default_rng(1), 4000)
    weights = space.weights(draws)
    assert weights.shape == (4000, 1, 5)
    np.testing.assert_allclose(weights.std(axis=(0, 1)), 0.2, rtol=0.05)
    assert (space.weights(space.default_control()) == 0.0).all()
    np.testing.assert_allclose(space.control(space.physical(draws[:9])), draws[:9], rtol=1e-9)
    assert set(space.noise(draws[:9])["GPP"]) == {"scale"}


@pytest.mark.parametrize("width", [0.2, None])
def test_slopes_of_the_prior_are_those_of_its_density(width):
    space = SeasonalSpace(ROWS, parameters("DBF"), NOISE, form="harmonic", width=width)
    u = space.draw(np.random.default_rng(2), 3)
    gradient, hessian = space.prior_gradient_hessian(u)
    step = 1e-4
    for column in range(space.size):
        move = np.zeros(space.size)
        move[column] = step
        slope = (space.log_prior(u + move) - space.log_prior(u - move)) / (2.0 * step)
        np.testing.assert_allclose(gradient[:, column], slope, rtol=1e-5, atol=1e-6)
        bend = (space.prior_gradient_hessian(u + move)[0] - space.prior_gradient_hessian(u - move)[0]) / (2.0 * step)
        np.testing.assert_allclose(hessian[:, column], bend, rtol=1e-5, atol=1e-6)


def test_a_sampled_width_multiplies_the_weights():
    space = SeasonalSpace(ROWS, parameters("DBF"), form="harmonic", width=None)
    assert space.names[-1] == WIDTH and space.size == 2 + 4 + 1
    u = space.draw(np.random.default_rng(3), 5)
    np.testing.assert_allclose(space.weights(u)[:, 0], u[:, 2:6] * np.exp(u[:, 6:]), rtol=1e-12)
    np.testing.assert_array_equal(space.expand(u)[:, 2:], space.weights(u)[:, 0])
    with pytest.raises(ProblemError, match="sampled cannot change"):
        space.width = 0.3


def test_each_plant_type_has_its_own_season_or_all_share_one():
    bases = {"ENF": parameters("ENF"), "GRA": parameters("GRA")}
    own = SeasonalSpace([ParameterRow("carboxylation_capacity", plant_type="GRA", seasonal="acclimation"),
                         ParameterRow("carboxylation_capacity", plant_type="ENF")], bases, form="acclimation")
    assert own.columns_of("ENF")[0] == ("carboxylation_capacity",)
    names, columns = own.columns_of("GRA")
    assert names == ("carboxylation_capacity", "seasonal_weight_1")
    u = own.default_control()
    u[own.season_columns] = 0.4
    assert own.expand(u)[0, columns].tolist() == [pytest.approx(bases["GRA"]["carboxylation_capacity"]), 0.4]
    assert own.parameter_set(u, "GRA")["seasonal_weight"].tolist() == [0.4]
    assert "seasonal_weight" not in own.parameter_set(u, "ENF")
    row = ParameterRow("carboxylation_capacity", value=60.0, seasonal="acclimation")
    shared = SeasonalSpace([row], bases, form="acclimation")
    assert shared.columns_of("ENF")[1].tolist() == shared.columns_of("GRA")[1].tolist() == [0, 1]


def test_the_form_is_read_from_the_rows_and_must_fit_the_scheme():
    assert season_of(ROWS, Options()) == "spline" and season_of(ROWS[1:], Options()) == "constant"
    leaf = [ParameterRow("light_use_efficiency_sunlit", seasonal="monthly"), ParameterRow("light_use_efficiency_shaded")]
    assert season_of(leaf, LIGHT_USE) == "monthly"
    with pytest.raises(ProblemError, match=r"carboxylation_capacity cannot be seasonal.*light_use_efficiency_sunlit and"):
        season_of(ROWS, LIGHT_USE)
    with pytest.raises(ProblemError, match="several seasons, harmonic and monthly"):
        season_of([leaf[0], ParameterRow("light_use_efficiency_shaded", seasonal="harmonic")], LIGHT_USE)
    with pytest.raises(ProblemError, match="no parameter is seasonal"):
        SeasonalSpace(ROWS[1:], parameters("DBF"), form="spline")


def test_the_best_width_is_the_maximum_of_the_marginal_density():
    random = np.random.default_rng(5)
    design = random.standard_normal((30, 2)) * np.array([1.0, 0.3])
    observed = design @ np.array([0.5, -0.4]) + 0.3 * random.standard_normal(30)
    used = 0.7
    covariance = np.linalg.inv(design.T @ design / 0.09 + np.eye(2) / used**2)
    found = best_width(covariance @ (design.T @ observed) / 0.09, covariance, used)

    def marginal(width):
        return stats.multivariate_normal(np.zeros(30), 0.09 * np.eye(30) + width**2 * design @ design.T).logpdf(
            observed) + stats.halfcauchy(scale=0.3).logpdf(width)

    grid = np.geomspace(1e-2, 1.0, 400)
    assert found == pytest.approx(grid[np.argmax([marginal(width) for width in grid])], rel=0.05)


def test_without_a_season_in_the_data_the_best_width_goes_to_nothing():
    covariance = 0.01 * np.eye(4)
    assert best_width(np.zeros(4), covariance, 0.3) < 0.005
    assert best_width(np.full(4, 0.5), covariance, 0.3) > 0.3
