"""Priors are densities: they integrate to one in theta and in u, and quantiles, draws and derivatives belong to them."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_of
from scipy.stats import halfnorm, kstest, lognorm, norm, truncnorm

from terraflux.assimilation.prior_tables import prior_from, table_prior
from terraflux.assimilation.priors import Beta, Normal, PriorError, Uniform, halfnormal, lognormal, normal
from terraflux.model.parameter_table import parameter_entries

PRIORS = {
    "uniform": Uniform(2.0, 5.0), "normal": normal(3.0, 0.5), "cut": normal(0.3, 0.1, 0.0, 0.5),
    "one end": normal(1.0, 2.0, 0.0),
    "below": normal(1.0, 2.0, high=2.0), "far tail": normal(0.0, 1.0, 9.0, 11.0), "lower tail": normal(0.0, 1.0, -13.0, -9.0),
    "lognormal": lognormal(60.0, 1.35), "lognormal cut": lognormal(60.0, 1.8, 1.0, 300.0),
    "lognormal below": lognormal(0.001, 2.0, high=0.2), "lognormal above": lognormal(3.0, 2.0, low=2.0),
    "negative": lognormal(-0.2, 2.0), "negative cut": lognormal(-0.2, 2.0, -10.0, -1e-4), "halfnormal": halfnormal(0.5),
    "beta": Beta(5.0, 5.0), "beta elsewhere": Beta(2.0, 3.0, -1.0, 3.0),
}
SCIPY = {
    "normal": norm(3.0, 0.5), "cut": truncnorm(-3.0, 2.0, 0.3, 0.1), "lognormal": lognorm(np.log(1.35), scale=60.0),
    "halfnormal": halfnorm(scale=0.5), "beta elsewhere": beta_of(2.0, 3.0, -1.0, 4.0),
}
EACH = pytest.mark.parametrize("name", PRIORS)
CONTROLS = np.linspace(-3.0, 3.0, 13)


@EACH
def test_density_on_the_control_integrates_to_one(name):
    prior = PRIORS[name]
    middle = float(prior.transform.control(prior.quantile(0.5)))
    total = sum(quad(lambda u: float(np.exp(prior.log_density_control(u))), *ends, limit=400)[0]
                for ends in ((middle - 60.0, middle), (middle, middle + 60.0)))
    assert total == pytest.approx(1.0, abs=1e-6)


@EACH
def test_density_on_theta_integrates_to_the_cumulative(name):
    prior = PRIORS[name]
    low, high = prior.quantile([0.2, 0.9])
    mass = quad(lambda theta: float(np.exp(prior.log_density(theta))), low, high)[0]
    assert mass == pytest.approx(0.7, abs=1e-7)


@EACH
def test_quantile_is_the_inverse_of_the_cumulative(name):
    prior = PRIORS[name]
    shares = np.array([1e-4, 0.01, 0.3, 0.5, 0.9, 0.9999])
    np.testing.assert_allclose(prior.cumulative(prior.quantile(shares)), shares, rtol=1e-6, atol=1e-9)


@EACH
def test_draws_follow_the_cumulative(name):
    prior = PRIORS[name]
    draws = prior.draw(np.random.default_rng(7), 4000)
    assert kstest(draws, prior.cumulative).pvalue > 0.001
    assert ((draws >= prior.low) & (draws <= prior.high)).all()


@EACH
def test_slopes_in_the_control_agree_with_differences(name):
    prior, step = PRIORS[name], 1e-4
    first, second = prior.slopes_control(CONTROLS)

    def difference(of):
        return (8.0 * (of(CONTROLS + step) - of(CONTROLS - step)) - (of(CONTROLS + 2 * step) - of(CONTROLS - 2 * step))) / (
            12.0 * step)
    inside = np.isfinite(prior.log_density_control(CONTROLS))
    assert inside.any()
    np.testing.assert_allclose(first[inside], difference(prior.log_density_control)[inside], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(second[inside], difference(lambda u: prior.slopes_control(u)[0])[inside], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", SCIPY)
def test_density_is_that_of_scipy(name):
    theta = PRIORS[name].quantile([0.01, 0.2, 0.6, 0.99])
    np.testing.assert_allclose(PRIORS[name].log_density(theta), SCIPY[name].logpdf(theta), rtol=1e-10)
    np.testing.assert_allclose(PRIORS[name].cumulative(theta), SCIPY[name].cdf(theta), rtol=1e-9)


@EACH
def test_density_is_zero_outside_the_support(name):
    prior = PRIORS[name]
    outside = [end for end in (prior.low - 1.0, prior.high + 1.0) if np.isfinite(end)]
    assert (prior.log_density(outside) == -np.inf).all()


@EACH
def test_a_prior_is_read_back_from_its_table(name):
    prior = PRIORS[name]
    again = prior_from(prior.as_table())
    assert again == prior
    assert again.name == prior.name


def test_lognormal_is_normal_in_the_logarithm():
    prior = lognormal(60.0, 1.35)
    u = np.log([40.0, 60.0, 90.0])
    np.testing.assert_allclose(prior.transform.control([40.0, 60.0, 90.0]), u)
    np.testing.assert_allclose(prior.log_density_control(u), norm.logpdf(u, np.log(60.0), np.log(1.35)))


def test_uniform_is_logistic_in_the_control():
    u = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(Uniform(-3.0, 8.0).log_density_control(u), -u - 2.0 * np.log1p(np.exp(-u)))


@pytest.mark.parametrize(("table", "words"), [
    ({"distribution": "lognormall", "median": 1.0, "gsd": 2.0}, "lognormal"),
    ({"distribution": "normal", "mean": 1.0, "std": 2.0}, "sd"),
    ({"distribution": "normal", "mean": 1.0}, "lacks sd"),
    ({"distribution": "uniform", "low": 3.0, "high": 1.0}, "not below"),
    ({"distribution": "normal", "mean": 1.0, "sd": -1.0}, "positive spread"),
    ({"distribution": "normal", "mean": "much", "sd": 1.0}, "not a number"),
    ({"distribution": "normal", "mean": True, "sd": 1.0}, "not a number"),
    ({"distribution": "lognormal", "median": 1.0, "gsd": 0.3}, "above 1"),
    ({"distribution": "beta", "a": 0.0, "b": 1.0}, "positive shapes"),
    ({"distribution": "truncnormal", "mean": 0.0, "sd": 1.0, "low": 60.0, "high": 70.0}, "nothing of"),
    ({"distribution": "lognormal", "median": 1.0}, "either gsd"),
    ({}, "unknown prior"),
])
def test_what_is_no_prior_is_refused(table, words):
    with pytest.raises(PriorError, match=words):
        prior_from(table)


def test_chosen_ends_are_not_cut_and_tails_are():
    assert normal(0.3, 0.1).cut(0.0, 0.5) == normal(0.3, 0.1, 0.0, 0.5)
    with pytest.raises(PriorError, match="reaches beyond"):
        Uniform(0.0, 2.0).cut(0.0, 1.0)
    with pytest.raises(PriorError, match="reaches beyond"):
        Beta(2.0, 2.0).cut(0.2, 1.0)


def test_every_prior_of_the_parameter_table_can_be_drawn_and_holds_its_default():
    generator = np.random.default_rng(3)
    seen = 0
    for entry in parameter_entries().values():
        for value in set(entry.values.values()):
            prior = table_prior(entry, value)
            if prior is None:
                continue
            seen += 1
            assert prior.holds(value), (entry.name, value)
            draws = prior.draw(generator, 50)
            assert ((draws >= entry.bounds[0]) & (draws <= entry.bounds[1])).all(), entry.name
            control = prior.transform.control(draws)
            assert np.isfinite(prior.log_density_control(control)).all(), entry.name
            np.testing.assert_allclose(prior.transform.physical(control), draws, rtol=1e-6, atol=1e-6, err_msg=entry.name)
    assert seen > 100


def test_a_cut_normal_keeps_its_centre_and_spread():
    prior = normal(0.3, 0.1).cut(0.0, 0.5)
    assert isinstance(prior, Normal)
    assert (prior.centre, prior.spread, prior.low, prior.high) == (0.3, 0.1, 0.0, 0.5)
