"""Two stages over sites: between-site spread is recovered, bands cover, and no model runs."""

import numpy as np
import pytest
from scipy.stats import norm

from terraflux.assimilation.hierarchy import (
    by_plant_type,
    hierarchy,
    leave_one_site_out,
    no_wider_than_prior,
    normal_draws,
)
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.priors import Uniform
from terraflux.model.parameters import parameters

NAMES = ("a", "b", "c")
PRIOR_SD = 1.5


def wide_prior(u):
    """Normal prior of each parameter; (R, p)."""
    return norm.logpdf(u, 0.0, PRIOR_SD)


def twin(seed, sites=12, tau=0.2, size=3, count=1000, most_noise=0.25):
    """True u of the sites and draws from each site's own posterior, under a normal prior and normal data."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(0.4, tau, (sites, size))
    draws = {}
    for number, one in enumerate(truth):
        sigma = generator.uniform(0.05, most_noise, size)
        data = generator.normal(one, sigma)
        precision = sigma**-2 + PRIOR_SD**-2
        middle = data / sigma**2 / precision
        draws[f"site{number}"] = generator.normal(middle, precision**-0.5, (count, size))
    return truth, draws


@pytest.mark.slow
def test_spread_between_twelve_sites_is_recovered():
    """A fraction of twins, since twelve sites drawn from a spread of 0.2 may by chance lie closer together."""
    inside, converged = [], []
    for seed in range(1, 7):
        _, draws = twin(seed, most_noise=0.12)
        found = hierarchy(draws, wide_prior, NAMES, seed=seed)
        assert found.runs == 0
        medians = np.median(found.spread, axis=0)
        inside += list((medians > 0.1) & (medians < 0.35))
        converged.append(found.status == "converged")
        np.testing.assert_allclose(np.median(found.mean, axis=0), 0.4, atol=0.25)
    assert np.mean(inside) >= 0.9
    assert sum(converged) >= 5


def test_both_ways_with_site_posteriors_agree():
    _, draws = twin(4)
    by_draws = hierarchy(draws, wide_prior, NAMES, seed=4, site_posterior="draws")
    by_normal = hierarchy(draws, wide_prior, NAMES, seed=4, site_posterior="normal")
    assert len(by_normal.normal_sites) == 12
    np.testing.assert_allclose(np.median(by_draws.spread, axis=0), np.median(by_normal.spread, axis=0), atol=0.02)
    np.testing.assert_allclose(by_draws.mean.mean(axis=0), by_normal.mean.mean(axis=0), atol=0.03)


@pytest.mark.parametrize("tau", [0.03, 0.2])
def test_stage_two_agrees_with_the_exact_posterior_of_the_normal_model(tau):
    _, draws = twin(5, size=1, tau=tau)
    found = hierarchy(draws, wide_prior, NAMES[:1], seed=5, sweeps=10000)
    middles = np.array([one.mean() for one in draws.values()])
    variances = np.array([one.var() for one in draws.values()])
    likelihood_precision = 1.0 / variances - PRIOR_SD**-2  # the site prior taken out again
    data, noise = middles / variances / likelihood_precision, 1.0 / likelihood_precision
    mu, spread = np.meshgrid(np.linspace(-0.2, 1.0, 241), np.linspace(1e-3, 1.0, 400), indexing="ij")
    log_density = norm.logpdf(mu, 0.0, PRIOR_SD) - 0.5 * (spread / 0.5) ** 2
    for value, variance in zip(data, noise, strict=True):
        log_density = log_density + norm.logpdf(value, mu, np.sqrt(variance + spread**2))
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    assert found.mean.mean() == pytest.approx(float((weight * mu).sum()), abs=0.01)
    assert found.spread.mean() == pytest.approx(float((weight * spread).sum()), abs=0.01)
    variance = float((weight * spread**2).sum() - (weight * spread).sum() ** 2)
    assert found.spread.std() == pytest.approx(variance**0.5, rel=0.12)


def test_sites_borrow_strength():
    alone, shared = [], []
    for seed in range(20, 26):
        truth, draws = twin(seed)
        found = hierarchy(draws, wide_prior, NAMES, seed=seed, sweeps=600)
        alone += [((one.mean(axis=0) - true) ** 2).mean() for one, true in zip(draws.values(), truth, strict=True)]
        shared += [((found.sites[site].mean(axis=0) - true) ** 2).mean() for site, true in zip(draws, truth, strict=True)]
    assert np.mean(shared) < np.mean(alone)


def test_many_parameters_with_a_small_spread_fall_back_to_normal_posteriors():
    generator = np.random.default_rng(7)
    truth = generator.normal(0.0, 0.05, (8, 10))
    names = tuple(f"p{number}" for number in range(10))
    draws = {f"s{k}": generator.normal(one, 0.5, (600, 10)) for k, one in enumerate(truth)}
    found = hierarchy(draws, lambda u: norm.logpdf(u, 0.0, PRIOR_SD), names, seed=7, sweeps=1500)
    assert found.normal_sites
    assert "taken to be normal" in found.message


def test_the_band_of_a_new_site_covers_sites_left_out():
    inside = []
    for seed in range(5):
        truth, draws = twin(100 + seed, size=2)
        predicted = leave_one_site_out(draws, wide_prior, NAMES[:2], seed=seed, sweeps=300)
        for site, one in zip(draws, truth, strict=True):
            low, high = np.quantile(predicted[site], [0.05, 0.95], axis=0)
            inside += list((one >= low) & (one <= high))
    assert 0.85 <= np.mean(inside) <= 0.95


def test_a_parameter_space_gives_the_prior_and_takes_the_draws():
    space = ParameterSpace([ParameterRow("carboxylation_capacity"), ParameterRow("stomatal_slope_medlyn",
                                                                                 prior=Uniform(0.5, 8.0))], parameters("ENF"))
    generator = np.random.default_rng(8)
    centre = space.default_control()
    draws = {f"s{k}": centre + generator.normal(0.0, 0.2, 2) + generator.normal(0.0, 0.1, (500, 2)) for k in range(8)}
    assert space.separable
    found = hierarchy(draws, space.log_prior_terms, space.names, seed=8, sweeps=1500)
    joint = hierarchy(draws, space.log_prior, space.names, seed=9, sweeps=1500)
    np.testing.assert_allclose(found.mean.mean(axis=0), joint.mean.mean(axis=0), atol=0.03)
    theta = space.physical(found.predictive(generator, 200))
    assert ((theta[:, 1] > 0.5) & (theta[:, 1] < 8.0)).all()
    assert set(found.summary()) == set(space.names)


def test_plant_types_do_not_share_and_draws_do_not_depend_on_order_of_calls():
    _, draws = twin(9)
    kinds = {site: "ENF" if number < 6 else "GRA" for number, site in enumerate(draws)}
    both = by_plant_type(draws, kinds, wide_prior, NAMES, seed=3, sweeps=400)
    grass = {site: one for site, one in draws.items() if kinds[site] == "GRA"}
    alone = hierarchy(grass, wide_prior, NAMES, seed=3, sweeps=400)
    np.testing.assert_array_equal(both["GRA"].spread, alone.spread)
    assert set(both["ENF"].sites) == {site for site, kind in kinds.items() if kind == "ENF"}


def test_two_sites_say_that_the_spread_rests_on_its_prior():
    _, draws = twin(10, sites=2)
    found = hierarchy(draws, wide_prior, NAMES, seed=10)
    assert found.status in ("few_sites", "not_converged")
    assert "rests on its prior" in found.message


@pytest.mark.parametrize(("change", "words"), [
    (lambda draws: draws["site1"].__setitem__((0, 0), np.nan), "site1"),
    (lambda draws: draws.update(site1=draws["site1"][:30]), "site1 has 30 draws"),
    (lambda draws: draws.update(site1=draws["site1"][:, :2]), r"site1 have the shape \(1000, 2\)"),
    (lambda draws: [draws.pop(f"site{k}") for k in range(1, 12)], "two sites or more"),
])
def test_draws_that_do_not_fit_are_refused_by_site(change, words):
    _, draws = twin(11)
    change(draws)
    with pytest.raises(ValueError, match=words):
        hierarchy(draws, wide_prior, NAMES)


def test_chains_meet_where_few_sites_tell_little():
    """Three sites and eight parameters, half of them as wide as the prior: tau and the sites are tied by little else."""
    generator = np.random.default_rng(11)
    names = tuple("abcdefgh")
    deviation = np.array([0.1, 0.2, 0.3, 0.5, 1.4, 1.4, 1.45, 1.45])
    draws = {f"site{k}": generator.normal(generator.normal(0.0, 0.2, 8), deviation, (800, 8)) for k in range(3)}
    found = hierarchy(draws, wide_prior, names, seed=3, sweeps=4000, site_posterior="normal")
    assert found.status == "converged", found.message
    told = found.spread[:, 4:]  # of what no site tells, tau keeps its half-normal prior
    np.testing.assert_allclose(np.median(told, axis=0), 0.5 * norm.ppf(0.75), rtol=0.25)


def test_a_posterior_is_never_wider_than_its_prior():
    prior = np.array([[4.0, 1.0, 0.25]])
    narrow = np.array([[[40.0, 3.0, 0.0], [3.0, 9.0, 0.2], [0.0, 0.2, 2.5]]])
    np.testing.assert_allclose(no_wider_than_prior(narrow, prior), narrow, rtol=1e-9, atol=1e-9)
    found = no_wider_than_prior(np.array([np.diag([40.0, 0.5, 0.1])]), prior)[0]
    np.testing.assert_allclose(found, np.diag([40.0, 1.1, 0.275]), rtol=1e-6, atol=1e-12)


def test_sites_that_seem_wider_than_their_prior_do_not_drive_tau_away():
    generator = np.random.default_rng(5)
    draws = {f"site{k}": generator.normal(0.0, 1.15 * PRIOR_SD, (500, 3)) for k in range(6)}
    found = hierarchy(draws, wide_prior, NAMES, seed=2, sweeps=3000, site_posterior="normal")
    assert (np.quantile(found.spread, 0.95, axis=0) < 1.2).all()  # of the half-normal prior: 0.98
    assert np.abs(found.mean.mean(axis=0)).max() < PRIOR_SD


def test_normal_draws_have_the_mean_and_covariance_that_were_asked_for():
    covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, -0.02], [0.0, -0.02, 1.0]])
    draws = normal_draws([1.0, -2.0, 0.5], covariance, 60, np.random.default_rng(3))
    np.testing.assert_allclose(draws.mean(axis=0), [1.0, -2.0, 0.5], rtol=1e-12)
    np.testing.assert_allclose(np.cov(draws.T), covariance, rtol=1e-10, atol=1e-14)


def test_what_sites_hardly_know_does_not_widen_what_they_know_well():
    """Three sites agree on one parameter; of seven others they know little more than the prior, but lie far out.

    The one keeps the spread that it has alone. Draws with correlations by chance make it 1.5 to 2.5 times as wide.
    """
    known, names = np.array([0.3, 0.5, 0.4]), tuple("abcdefgh")
    covariance = np.diag([0.07] + [0.93] * 7) ** 2
    generator = np.random.default_rng(1)
    whole = {f"site{k}": normal_draws([one] + [2.5] * 7, covariance, 400, generator) for k, one in enumerate(known)}
    alone = {site: draws[:, :1] for site, draws in whole.items()}
    spread = [np.median(hierarchy(draws, lambda u: norm.logpdf(u), names[:size], seed=1, sweeps=1500,
                                  site_posterior="normal").spread[:, 0]) for draws, size in ((whole, 8), (alone, 1))]
    assert spread[0] == pytest.approx(spread[1], rel=0.25)
