"""The hierarchy of a plant type where no parameter is tied to another: by quadrature, without chains.

Where sites' posteriors are known by a mean and a width of each parameter only, and priors are separate, the posterior of
`hierarchy` falls apart into one of two numbers, mu and tau, for every parameter. A site's normal posterior, with the prior
it had taken out (`normal_likelihood`), is a likelihood exp(b u - w u^2/2), and u integrates out in closed form:

    p(mu, tau | data) = p0(mu) HalfNormal(tau) prod_s (1 + w tau^2)^(-1/2) exp((b mu - w mu^2/2 + b^2 tau^2/2)/(1 + w tau^2)).

It is evaluated where it is: at levels of ln tau and, for each, of mu about its normal approximation. Draws are taken evenly
from the cumulated posterior (systematic sampling), so that a few thousand stand for it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.hierarchy import LEAST_SITES, SPREAD_SCALE, Hierarchy, normal_likelihood

Floats = NDArray[np.float64]

DRAWS = 2000
LOG_SPREAD = np.linspace(np.log(1e-4), np.log(8.0), 201)
"""Levels of ln tau; the prior has a five-thousandth of its mass at narrower spreads, which for a map are no different."""
ABOUT = np.linspace(-7.0, 7.0, 141)
"""Levels of mu, in standard deviations of its normal approximation about its mean."""
PRIOR_GRID = np.linspace(-12.0, 12.0, 1201)
"""Where a prior is summed, in its standard deviations about its mean, both found in PRIOR_PASSES."""
PRIOR_PASSES = 8


def hierarchy_by_quadrature(mean: ArrayLike, deviation: ArrayLike, log_prior: Callable[[Floats], Floats], names: Sequence[str],
                            sites: Sequence[str], *, seed: int = 0, draws: int = DRAWS,
                            spread_scale: float = SPREAD_SCALE) -> Hierarchy:
    """The hierarchy of sites with normal posteriors `mean` and `deviation`, (sites, p) in u, without correlations.

    `log_prior(u)` gives the separate log densities (R, p) of the prior the sites had (`ParameterSpace.log_prior_terms`).
    Where covariances are diagonal, `hierarchy` with `site_posterior = "normal"` has the same posterior. Status is converged
    or few_sites. Raises ValueError for shapes that do not fit, deviations that are not positive, fewer than two sites and
    priors that are not separate.
    """
    centre, width = np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
    shape = (len(sites), len(names))
    if centre.shape != shape or width.shape != shape:
        raise ValueError(f"means {centre.shape} and deviations {width.shape} of sites; expected {shape}")
    if not (np.isfinite(centre).all() and np.isfinite(width).all() and (width > 0.0).all()):
        raise ValueError("means and deviations of sites must be finite and deviations positive")
    if len(sites) < 2:
        raise ValueError(f"a hierarchy needs two sites or more, not {len(sites)}")
    if np.shape(log_prior(centre)) != shape:
        raise ValueError("the prior must give separate densities (R, p); a joint prior needs `hierarchy`")
    pull, own = normal_likelihood(log_prior, centre, np.eye(shape[1]) / width[:, :, np.newaxis] ** 2)
    precision = np.diagonal(own, axis1=1, axis2=2)
    middle, reach = _moments(log_prior, centre.mean(axis=0), width.mean(axis=0))
    generator = np.random.default_rng(seed)
    spread = np.exp(LOG_SPREAD)[:, np.newaxis]
    told = 1.0 / (spread**2 + 1.0 / precision[:, np.newaxis])  # (sites, levels of tau, p)
    total = told.sum(axis=0) + reach**-2
    about = ((told * (pull / precision)[:, np.newaxis]).sum(axis=0) + middle * reach**-2) / total
    mu = about + ABOUT[:, np.newaxis, np.newaxis] / np.sqrt(total)  # (levels of mu, levels of tau, p)
    log_density = np.asarray(log_prior(mu.reshape(-1, shape[1])), np.float64).reshape(mu.shape)
    log_density += LOG_SPREAD[:, np.newaxis] - 0.5 * (spread / spread_scale) ** 2 - 0.5 * np.log(total)
    for w, b in zip(precision, pull, strict=True):
        softer = 1.0 + w * spread**2
        log_density += (b * mu - 0.5 * w * mu**2 + 0.5 * b**2 * spread**2) / softer - 0.5 * np.log(softer)
    kept_mean, kept_spread = _drawn(log_density, about, total**-0.5, draws, generator)
    both = precision[:, np.newaxis] + kept_spread**-2
    of_sites = (pull[:, np.newaxis] + kept_mean * kept_spread**-2) / both + generator.normal(size=both.shape) / np.sqrt(both)
    few = len(sites) < LEAST_SITES
    notes = [f"{len(sites)} sites tell little of the spread between sites: it rests on its prior"] if few else []
    return Hierarchy(tuple(names), kept_mean, kept_spread, dict(zip(sites, of_sites, strict=True)),
                     dict.fromkeys(sites, float(draws)), tuple(sites), np.ones(2 * shape[1]),
                     np.full(2 * shape[1], float(draws)), "few_sites" if few else "converged",
                     "; ".join([*notes, "by quadrature, posteriors of sites taken to be normal without correlations"]))


def _drawn(log_density: Floats, about: Floats, width: Floats, draws: int, generator: np.random.Generator
           ) -> tuple[Floats, Floats]:
    """Draws (draws, p) of mu and tau of log_density (levels of mu, levels of tau, p), evenly within each cell."""
    size = log_density.shape[2]
    mean, spread = np.empty((draws, size)), np.empty((draws, size))
    for number in range(size):
        share = np.exp(log_density[..., number] - log_density[..., number].max()).ravel()
        evenly = (np.arange(draws) + generator.random()) / draws
        cell = np.searchsorted(np.cumsum(share) / share.sum(), evenly).clip(max=share.size - 1)
        level, row = np.divmod(generator.permutation(cell), LOG_SPREAD.size)
        jitter = generator.random((2, draws)) - 0.5
        spread[:, number] = np.exp(LOG_SPREAD[row] + jitter[0] * (LOG_SPREAD[1] - LOG_SPREAD[0]))
        mean[:, number] = about[row, number] + width[row, number] * (ABOUT[level] + jitter[1] * (ABOUT[1] - ABOUT[0]))
    return mean, spread


def _moments(log_prior: Callable[[Floats], Floats], middle: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations (p,) of a separate prior, from a guess of them."""
    for _pass in range(PRIOR_PASSES):
        u = middle + PRIOR_GRID[:, np.newaxis] * width
        log_density = np.asarray(log_prior(u), np.float64)
        share = np.exp(log_density - log_density.max(axis=0))
        share /= share.sum(axis=0)
        middle = (share * u).sum(axis=0)
        width = np.sqrt((share * (u - middle) ** 2).sum(axis=0))
    return middle, width
