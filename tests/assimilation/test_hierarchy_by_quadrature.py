"""The hierarchy by quadrature: closed forms of normal models, and what chains find."""

import numpy as np
import pytest
from scipy.stats import norm

from terraflux.assimilation.hierarchy import FURTHEST, hierarchy, normal_draws, normal_likelihood
from terraflux.assimilation.hierarchy_by_quadrature import hierarchy_by_quadrature
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.model.parameters import parameters

PRIOR_SD = 1.5


def wide_prior(u):
    return norm.logpdf(u, 0.0, PRIOR_SD)


@pytest.mark.parametrize("tau", [0.03, 0.2, 1.2])
def test_the_normal_model_agrees_with_its_closed_form(tau):
    """With normal priors the sites' u integrate out: each tells N(mu, tau^2 + noise)."""
    generator = np.random.default_rng(3)
    noise = generator.uniform(0.05, 0.4, 6)
    data = generator.normal(generator.normal(0.5, tau, 6), noise)
    precision = noise**-2 + PRIOR_SD**-2
    found = hierarchy_by_quadrature((data / noise**2 / precision)[:, None], precision[:, None] ** -0.5, wide_prior, ("a",),
                                    tuple("123456"), seed=1, draws=20000)
    mu, spread = np.meshgrid(np.linspace(-5.0, 6.0, 1101), np.linspace(1e-3, 4.0, 1600), indexing="ij")
    log_density = norm.logpdf(mu, 0.0, PRIOR_SD) + norm.logpdf(spread, 0.0, 0.5)
    for one, sigma in zip(data, noise, strict=True):
        log_density += norm.logpdf(one, mu, np.sqrt(spread**2 + sigma**2))
    share = np.exp(log_density - log_density.max())
    share /= share.sum()
    exact_mu, exact_tau = (share * mu).sum(), (share * spread).sum()
    assert found.mean.mean() == pytest.approx(exact_mu, abs=0.01)
    assert found.mean.std() == pytest.approx(np.sqrt((share * (mu - exact_mu) ** 2).sum()), rel=0.03)
    assert found.spread.mean() == pytest.approx(exact_tau, rel=0.01)
    assert found.spread.std() == pytest.approx(np.sqrt((share * (spread - exact_tau) ** 2).sum()), rel=0.03)
    pulled = (data[0] / noise[0]**2 + mu / spread**2) / (noise[0]**-2 + spread**-2)
    assert found.sites["1"].mean() == pytest.approx((share * pulled).sum(), abs=0.01)
    assert found.runs == 0 and found.status == "converged"


def test_chains_find_the_same_with_the_priors_of_plant_types():
    """Priors that are not normal in u, seven sites, one of which knows little."""
    space = ParameterSpace([ParameterRow(name) for name in ("carboxylation_capacity", "growth_respiration_fraction",
                                                            "root_warming_rate")], parameters("GRA"))
    prior_mean, covariance = space.prior_moments()
    generator = np.random.default_rng(2)
    centre = prior_mean + 0.5 * generator.standard_normal((7, 3)) * np.sqrt(np.diag(covariance))
    width = np.sqrt(np.diag(covariance)) * generator.uniform(0.2, 0.5, (7, 3))
    width[3] = 0.93 * np.sqrt(np.diag(covariance))
    names = tuple(f"s{k}" for k in range(7))
    exact = hierarchy_by_quadrature(centre, width, space.log_prior_terms, space.names, names)
    draws = {name: normal_draws(centre[k], np.diag(width[k] ** 2), 400, generator) for k, name in enumerate(names)}
    chains = hierarchy(draws, space.log_prior_terms, space.names, sweeps=6000, site_posterior="normal")
    wide = chains.mean.std(axis=0)
    np.testing.assert_allclose(exact.mean.mean(axis=0), chains.mean.mean(axis=0), atol=0.1 * wide.min())
    np.testing.assert_allclose(exact.mean.std(axis=0), wide, rtol=0.1)
    np.testing.assert_allclose(np.median(exact.spread, axis=0), np.median(chains.spread, axis=0), rtol=0.08)
    for name in names:
        np.testing.assert_allclose(exact.sites[name].mean(axis=0), chains.sites[name].mean(axis=0),
                                   atol=0.15 * chains.sites[name].std(axis=0).max())
        np.testing.assert_allclose(exact.sites[name].std(axis=0), chains.sites[name].std(axis=0), rtol=0.12)


def test_of_what_no_site_tells_spread_keeps_its_prior_and_mean_its_own():
    """Of what they do not tell, sites are still taken to tell a tenth of what the prior does (LEAST_GAIN)."""
    found = hierarchy_by_quadrature(np.zeros((4, 2)), np.full((4, 2), PRIOR_SD), wide_prior, ("a", "b"), tuple("1234"))
    np.testing.assert_allclose(np.median(found.spread, axis=0), 0.5 * norm.ppf(0.75), rtol=0.1)
    assert (np.quantile(found.spread, 0.95, axis=0) < 1.2).all()  # of the half-normal prior: 0.98
    np.testing.assert_allclose(found.mean.std(axis=0), PRIOR_SD / np.sqrt(1.4), rtol=0.03)


def test_a_site_that_knows_nothing_changes_nothing_also_where_the_prior_is_not_normal():
    """Divided by such a prior point by point, its posterior told most at the prior's edge: tau was four times as wide."""
    space = ParameterSpace([ParameterRow("carboxylation_capacity")], parameters("GRA"))
    low, middle, high = space.control(space.prior_quantiles([0.05, 0.5, 0.95]))[:, 0]
    prior_width = (high - low) / 3.29
    centre = np.array([1.23, 0.82, 1.15, 1.12, 1.15, 1.19])[:, None]
    width = np.array([0.11, 0.09, 0.13, 0.12, 0.14, 0.11])[:, None]
    with_it = np.append(centre, [[middle]], axis=0), np.append(width, [[0.98 * prior_width]], axis=0)
    generator = np.random.default_rng(1)

    def by_chains(centre, width):
        draws = {f"s{k}": normal_draws(centre[k], np.diag(width[k] ** 2), 400, generator) for k in range(len(centre))}
        return hierarchy(draws, space.log_prior_terms, space.names, sweeps=3000, site_posterior="normal")

    def by_quadrature(centre, width):
        return hierarchy_by_quadrature(centre, width, space.log_prior_terms, space.names, [f"s{k}" for k in range(len(centre))])

    for way in (by_quadrature, by_chains):
        without, found = way(centre, width), way(*with_it)
        assert np.median(found.spread) == pytest.approx(np.median(without.spread), rel=0.1)
        assert found.mean.mean() == pytest.approx(without.mean.mean(), abs=0.15 * without.mean.std())
        assert abs(found.sites["s6"].mean() - found.mean.mean()) < 0.3 * prior_width


def test_the_likelihood_of_a_normal_model_is_found_again():
    data, noise = np.array([[0.7, -0.2]]), np.array([[[0.30, 0.05], [0.05, 0.20]]])
    told = np.linalg.inv(noise)
    precision = told + np.eye(2) / PRIOR_SD**2
    centre = np.linalg.solve(precision, told @ data[..., None])[..., 0]
    pull, own = normal_likelihood(wide_prior, centre, precision)
    np.testing.assert_allclose(own, told, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.solve(own, pull[..., None])[..., 0], data, rtol=1e-9)


def test_a_likelihood_lies_no_further_from_its_posterior_than_the_prior_can_carry():
    """A posterior three deviations of the prior beside its middle, and as wide: its likelihood would be without end."""
    centre = np.array([[3.0 * PRIOR_SD]])
    pull, own = normal_likelihood(wide_prior, centre, np.array([[[PRIOR_SD**-2]]]))
    assert pull[0, 0] / own[0, 0, 0] - centre[0, 0] == pytest.approx(FURTHEST * PRIOR_SD)


def test_one_seed_gives_one_answer_and_few_sites_are_told():
    centre, width = np.array([[0.1, 0.2], [0.4, -0.1]]), np.full((2, 2), 0.3)
    one, same, other = (hierarchy_by_quadrature(centre, width, wide_prior, ("a", "b"), ("x", "y"),
                                                seed=seed, draws=300) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.mean, same.mean)
    assert not np.array_equal(one.mean, other.mean)
    assert one.status == "few_sites" and "rests on its prior" in one.message
    assert one.predictive(np.random.default_rng(0), 7).shape == (7, 2)


def test_what_does_not_fit_is_refused():
    centre, width = np.zeros((2, 2)), np.full((2, 2), 0.3)

    def call(mean=centre, deviation=width, prior=wide_prior, sites=("x", "y")):
        return hierarchy_by_quadrature(mean, deviation, prior, ("a", "b"), sites)

    with pytest.raises(ValueError, match="expected \\(3, 2\\)"):
        call(sites=("x", "y", "z"))
    with pytest.raises(ValueError, match="positive"):
        call(deviation=0.0 * width)
    with pytest.raises(ValueError, match="two sites"):
        call(mean=centre[:1], deviation=width[:1], sites=("x",))
    with pytest.raises(ValueError, match="separate densities"):
        call(prior=lambda u: wide_prior(u).sum(axis=1))
