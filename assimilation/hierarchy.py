"""Parameters of a plant type over many sites, from posteriors of single sites and without further model runs.

In u-space, for site s of plant type f and parameter j:

    u_sj = mu_fj + tau_fj z_sj,   z ~ N(0, 1),   mu ~ the prior that each site had,   tau ~ HalfNormal(0.5)

Stage 1 is what each site was fitted to alone, draws from p(u_s | data_s) under the site prior p0. Stage 2 (Lunn, Barrett,
Sweeting & Thompson 2013, Applied Statistics 62:551) is Metropolis within Gibbs over mu, tau and u_s with the draws of stage
1 as proposals for u_s: the likelihood cancels and only w = N(u_s; mu, tau)/p0(u_s) decides. Here a site takes one of its
present value and many such proposals at once, with probabilities in proportion to w (Tjelmeland 2004, NTNU Statistics
preprint 4/2004), which leaves the same posterior in place and moves further.

Where few draws of a site carry that weight (many parameters, small tau), the site's posterior is taken to be normal and so
is its likelihood, what is left of it without the prior's slope and curvature over its width (as the posterior itself is
found, `normal_over_width`); u_s is then drawn as it is given mu and tau. The result says for which sites. Divided by the
prior point by point, the posterior of a site that knows little would tell most where the prior has its edge. Where all
sites are normal, tau and mu also move all of them at once (`hierarchy_moves`). Joint priors, which have no slope of each
parameter alone, decide by the ratio of p0.

Between-site spread tau, not the small uncertainty of mu, is what a map must carry: `predictive` draws for a new site.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.convergence import bulk_effective_size, rhat
from terraflux.assimilation.hierarchy_moves import stretch_and_shift
from terraflux.model.weave.kernels import kernel

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]

SPREAD_SCALE = 0.5
"""Scale of the half-normal prior of tau, in u."""
MOST_DRAWS = 1000
LEAST_EFFECTIVE_DRAWS = 20.0
PROPOSALS = 40
COUNT_EVERY = 50
INNER_STEPS = 8
THIN = 2
LARGEST_RHAT = 1.05
LEAST_EFFECTIVE_SIZE = 400.0
LEAST_SITES = 3
SMALLEST_SPREAD = 1e-6
LEAST_GAIN = 1.1
"""Least precision of a site's normal posterior, in units of that of its prior."""
FURTHEST = 2.0
"""How far a site's likelihood may lie from its posterior, in standard deviations of its prior."""


@dataclass(frozen=True)
class Hierarchy:
    """Posterior of one plant type.

    `mean` and `spread` are draws of mu and tau, shape (draws, p), in u; `sites` maps each site to draws of its u_s that
    borrow strength from the others, (draws, p). `effective_draws` says how many stage-1 draws of each site carried the
    weight, `normal_sites` for which sites the posterior was taken to be normal. `runs` is the number of model runs: 0.
    """

    names: tuple[str, ...]
    mean: Floats
    spread: Floats
    sites: Mapping[str, Floats]
    effective_draws: Mapping[str, float]
    normal_sites: tuple[str, ...]
    rhat: Floats
    effective_size: Floats
    status: str
    message: str
    runs: int = field(default=0, init=False)

    def predictive(self, generator: np.random.Generator, count: int) -> Floats:
        """Control vectors of sites not yet seen, mu + tau z; shape (count, p)."""
        chosen = generator.integers(len(self.mean), size=count)
        return np.asarray(self.mean[chosen] + self.spread[chosen] * generator.normal(size=(count, self.mean.shape[1])))

    def summary(self) -> dict[str, dict[str, float]]:
        """{parameter: medians and 90 % ranges of mu and tau}, in u."""
        made = {}
        for number, name in enumerate(self.names):
            levels = {what: np.quantile(draws[:, number], [0.05, 0.5, 0.95])
                      for what, draws in (("mean", self.mean), ("spread", self.spread))}
            made[name] = {f"{what}_{label}": float(value) for what, three in levels.items()
                          for label, value in zip(("q05", "median", "q95"), three, strict=True)}
        return made


def hierarchy(draws: Mapping[str, ArrayLike], log_prior: Callable[[Floats], Floats], names: Sequence[str], *,
              seed: int = 0, sweeps: int = 6000, chains: int = 4, spread_scale: float = SPREAD_SCALE,
              site_posterior: str = "auto", progress: Progress | None = None) -> Hierarchy:
    """Stage 2 for the sites of one plant type.

    `draws` {site: (n, p)} are independent draws in u of single-site posteriors; `log_prior(u)` is the prior these had, (R,)
    for joint or (R, p) for separate densities (`ParameterSpace.log_prior`, or `log_prior_terms` where separable).
    `site_posterior` is draws, normal or auto (normal where few draws carry the weight). Half the sweeps are discarded, of
    the rest every second is kept.

    Status is converged, not_converged, or few_sites (fewer than three: tau rests on its prior). Raises ValueError for
    draws that do not fit, are too few or not finite, naming the site.
    """
    banks = _banks(draws, len(names), seed)
    if site_posterior not in ("auto", "draws", "normal"):
        raise ValueError(f"site_posterior = {site_posterior!r} is unknown; choose auto, draws or normal")
    state = _Sampler(banks, log_prior, chains, spread_scale, np.random.default_rng(seed))
    if site_posterior == "normal":
        state.normal[:] = True
    burn_in = sweeps // 2
    keep = (sweeps - burn_in) // THIN
    if keep < 20:
        raise ValueError(f"{sweeps} sweeps are too few; take {50 * THIN} or more")
    kept_mean = np.empty((chains, keep, len(names)))
    kept_spread, kept_sites = np.empty_like(kept_mean), np.empty((chains, keep, len(banks), len(names)))
    for sweep in range(burn_in + keep * THIN):
        if sweep == burn_in // 2 and site_posterior == "auto":
            state.normal |= state.effective_mean() < LEAST_EFFECTIVE_DRAWS
        if sweep in (burn_in // 4, burn_in):
            state.forget()
        if sweep % COUNT_EVERY == 0:
            state.count_effective()
        state.sweep()
        place, rest = divmod(sweep - burn_in, THIN)
        if place >= 0 and rest == THIN - 1:
            kept_mean[:, place], kept_spread[:, place], kept_sites[:, place] = state.mean, state.spread, state.sites
        if progress is not None and (sweep + 1) % 500 == 0:
            progress(sweep + 1, sweeps, "hierarchy of sites")
    effective = state.effective_mean()
    quantities = np.concatenate([kept_mean, np.log(kept_spread)], axis=2)
    return _result(tuple(names), tuple(draws), kept_mean, kept_spread, kept_sites, effective, state.normal,
                   np.asarray(rhat(quantities)), np.asarray(bulk_effective_size(quantities)))


def by_plant_type(draws: Mapping[str, ArrayLike], plant_type_of: Mapping[str, str], log_prior: Callable[[Floats], Floats],
                  names: Sequence[str], *, seed: int = 0, sweeps: int = 6000, chains: int = 4,
                  site_posterior: str = "auto") -> dict[str, Hierarchy]:
    """A hierarchy for every plant type {code: Hierarchy}, each from its own sites; arguments as of `hierarchy`.

    Raises ValueError naming sites without a plant type.
    """
    lacking = [site for site in draws if site not in plant_type_of]
    if lacking:
        raise ValueError(f"no plant type is given for {', '.join(lacking)}")
    codes = dict.fromkeys(plant_type_of[site] for site in draws)
    return {code: hierarchy({site: one for site, one in draws.items() if plant_type_of[site] == code}, log_prior, names,
                            seed=seed, sweeps=sweeps, chains=chains, site_posterior=site_posterior) for code in codes}


def leave_one_site_out(draws: Mapping[str, ArrayLike], log_prior: Callable[[Floats], Floats], names: Sequence[str], *,
                       seed: int = 0, sweeps: int = 1500, count: int = 1000,
                       progress: Progress | None = None) -> dict[str, Floats]:
    """{site: predictive control vectors (count, p) from all other sites}: what would be said of it without its data."""
    made = {}
    for number, site in enumerate(draws):
        others = {name: one for name, one in draws.items() if name != site}
        fitted = hierarchy(others, log_prior, names, seed=seed + number, sweeps=sweeps)
        made[site] = fitted.predictive(np.random.default_rng([seed, number]), count)
        if progress is not None:
            progress(number + 1, len(draws), f"without {site}")
    return made


def normal_draws(mean: ArrayLike, covariance: ArrayLike, count: int, generator: np.random.Generator) -> Floats:
    """Draws (count, p) of a normal posterior whose own mean and covariance are exactly those given, (p,) and (p, p).

    For a hierarchy of normal posteriors: correlations by chance, of which 400 draws have up to 0.15, would drag parameters
    that a site knows well after those of which it knows little.
    """
    middle = np.asarray(mean, np.float64)
    drawn = generator.standard_normal((count, middle.size))
    drawn -= drawn.mean(axis=0)
    plain = np.linalg.solve(np.linalg.cholesky(np.atleast_2d(np.cov(drawn.T))), drawn.T)
    return np.asarray(middle + (np.linalg.cholesky(np.atleast_2d(covariance)) @ plain).T)


class _Sampler:
    """State of stage 2: `mean`, `spread` (chains, p), `sites` (chains, sites, p), and one sweep over them."""

    def __init__(self, banks: Floats, log_prior: Callable[[Floats], Floats], chains: int, spread_scale: float,
                 generator: np.random.Generator) -> None:
        self.banks, self.log_prior, self.generator, self.spread_scale = banks, log_prior, generator, spread_scale
        count, draws, size = banks.shape
        terms = np.asarray(log_prior(banks.reshape(-1, size)), np.float64)
        self.separate = terms.ndim == 2
        self.bank_prior = (terms.sum(axis=1) if self.separate else terms).reshape(count, draws)
        if not np.isfinite(self.bank_prior).all():
            raise ValueError("the prior excludes draws of a site; give the prior that the sites were fitted with, in u")
        self.centre = banks.mean(axis=1)
        self.precision = np.stack([np.linalg.inv(np.atleast_2d(np.cov(bank.T)) + 1e-12 * np.eye(size)) for bank in banks])
        self.pull = np.einsum("sij,sj->si", self.precision, self.centre)
        if self.separate:
            self.pull, self.precision = normal_likelihood(log_prior, self.centre, self.precision)
        self.normal = np.zeros(count, np.bool_)
        self.order = np.arange(count)
        self.picked = generator.integers(draws, size=(chains, count))
        self.sites = banks[self.order, self.picked]
        self.mean = self.sites.mean(axis=1)
        self.spread = np.exp(generator.normal(np.log(0.3), 0.7, size=self.mean.shape))
        self.forget()

    def forget(self) -> None:
        """Starts the count of effective draws anew."""
        self.effective_sum, self.counted = np.zeros(len(self.banks)), 0

    def effective_mean(self) -> Floats:
        """Mean number of draws that carry a site's weight, since the last `forget`; shape (sites,)."""
        return np.asarray(self.effective_sum / max(self.counted, 1))

    def sweep(self) -> None:
        """Every site and tau a few times, then mu; where all sites are normal, parameter by parameter too."""
        if self.normal.any():
            self._sites_from_normal()
        self._sites_and_spread()
        self._mean()
        if self.separate and self.normal.all():
            stretch_and_shift(self.sites, self.mean, self.spread, self.pull, self.precision, self._prior, self.spread_scale,
                              self.generator)

    def _prior(self, vectors: Floats) -> Floats:
        """Log prior, (R, p) where separate, else (R, 1)."""
        terms = np.asarray(self.log_prior(vectors), np.float64)
        return terms if self.separate else terms[:, np.newaxis]

    def count_effective(self) -> None:
        """How many of each site's draws carry its weight under the present mu and tau."""
        weight = 0.5 / self.spread**2
        distance = self.banks**2 @ weight.T - 2.0 * self.banks @ (weight * self.mean).T  # (sites, draws, chains)
        log_weight = -distance - self.bank_prior[:, :, np.newaxis]
        share = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        self.effective_sum += (share.sum(axis=1) ** 2 / (share**2).sum(axis=1)).mean(axis=1)
        self.counted += 1

    def _sites_and_spread(self) -> None:
        """Sites among their draws and tau, in turn, a few times."""
        chains, count = self.picked.shape
        shape = (INNER_STEPS, chains, self.mean.shape[1])
        picks = self.generator.integers(self.banks.shape[1], size=(INNER_STEPS, chains, count, PROPOSALS))
        points = self.generator.random((INNER_STEPS, chains, count))
        steps = 1.5 / np.sqrt(count) * self.generator.normal(size=shape)
        sites_and_spread(self.banks, self.bank_prior, self.normal, self.picked, self.sites, self.mean, self.spread,
                         self.spread_scale, picks, points, steps, np.log(self.generator.random(shape)))

    def _sites_from_normal(self) -> None:
        chosen, weight = np.flatnonzero(self.normal), self.spread**-2
        precision = self.precision[chosen] + np.eye(weight.shape[1]) * weight[:, None, None]  # (chains, sites, p, p)
        pull = self.pull[chosen] + (weight * self.mean)[:, None]
        middle = np.linalg.solve(precision, pull[..., np.newaxis])
        noise = self.generator.normal(size=middle.shape)
        proposed = (middle + np.linalg.solve(np.linalg.cholesky(precision).swapaxes(2, 3), noise))[..., 0]
        if self.separate:
            self.sites[:, chosen] = proposed
            return
        present = self.sites[:, chosen]
        size = present.shape[2]
        now, then = (self._prior(one.reshape(-1, size)).sum(axis=1).reshape(present.shape[:2]) for one in (present, proposed))
        accepted = np.log(self.generator.random(now.shape)) < now - then
        self.sites[:, chosen] = np.where(accepted[..., np.newaxis], proposed, present)

    def _mean(self) -> None:
        """mu: proposed from the normal that the sites give it, accepted by the ratio of its prior."""
        proposed = self.sites.mean(axis=1) + self.spread / np.sqrt(self.sites.shape[1]) * self.generator.normal(
            size=self.mean.shape)
        ratio = self._prior(proposed) - self._prior(self.mean)
        accepted = np.log(self.generator.random(ratio.shape)) < ratio
        self.mean = np.where(accepted, proposed, self.mean)


def normal_likelihood(log_prior: Callable[[Floats], Floats], centre: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """What sites' normal posteriors say without their prior: pull b (sites, p) and precision W (sites, p, p).

    The likelihood is exp(b u - u W u/2); `log_prior(u)` gives separate densities (R, p), seen over the width of each
    posterior N(centre, inverse precision) with Gauss and Hermite's three nodes.
    """
    width = np.sqrt(3.0 * np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2))
    middle, above, below = (np.asarray(log_prior(one), np.float64) for one in (centre, centre + width, centre - width))
    slope = (above - below) / (2.0 * width)
    curvature = np.maximum((2.0 * middle - above - below) / width**2, 0.0)
    own = no_wider_than_prior(precision, curvature, slope) - np.eye(centre.shape[1]) * curvature[:, np.newaxis]
    return np.einsum("sij,sj->si", own, centre) - slope, own


def no_wider_than_prior(precision: Floats, prior: Floats, slope: ArrayLike = 0.0) -> Floats:
    """Precisions (sites, p, p) of sites' posteriors, each at least LEAST_GAIN of the prior's (sites, p) in every direction.

    Data never widen a normal posterior, but few draws may say so; divided by its prior it would then grow without end. Nor
    may the likelihood lie further than FURTHEST from the posterior: one that is beside the middle of the prior, where this
    has a `slope` (sites, p), but no narrower would put it there.
    """
    root = np.sqrt(np.maximum(prior, 0.0)) + 1e-9
    share, axes = np.linalg.eigh(precision / (root[:, :, None] * root[:, None, :]))
    along = np.abs(np.einsum("sij,si->sj", axes, np.broadcast_to(slope, prior.shape) / root))
    share = np.maximum(share, np.maximum(LEAST_GAIN, 1.0 + along / FURTHEST))
    return np.asarray((axes * share[:, None, :]) @ axes.swapaxes(1, 2) * root[:, :, None] * root[:, None, :])


@kernel
def sites_and_spread(banks, bank_prior, fixed, picked, sites, mean, spread, spread_scale, picks, points, steps, levels):  # type: ignore[no-untyped-def]
    """Moves `picked`, `sites` and `spread` in place: each site but the `fixed` ones to one of its draws, tau by a random walk.

    Shapes: banks (sites, draws, p), bank_prior (sites, draws), picked (chains, sites), sites (chains, sites, p), mean and
    spread (chains, p), picks (steps, chains, sites, proposals), points (steps, chains, sites), steps and levels (log of
    uniform numbers) (steps, chains, p).
    """
    count, size = banks.shape[0], banks.shape[2]
    proposals = picks.shape[3]
    weight = np.empty(proposals + 1)
    lowest = np.log(SMALLEST_SPREAD)
    for chain in range(mean.shape[0]):
        for turn in range(picks.shape[0]):
            for site in range(count):
                if fixed[site]:
                    continue
                top = -np.inf
                for k in range(proposals + 1):
                    draw = picked[chain, site] if k == proposals else picks[turn, chain, site, k]
                    total = -bank_prior[site, draw]
                    for j in range(size):
                        z = (banks[site, draw, j] - mean[chain, j]) / spread[chain, j]
                        total -= 0.5 * z * z
                    weight[k] = total
                    top = max(top, total)
                whole = 0.0
                for k in range(proposals + 1):
                    weight[k] = np.exp(weight[k] - top)
                    whole += weight[k]
                left = points[turn, chain, site] * whole
                chosen = 0
                while chosen < proposals and left >= weight[chosen]:
                    left -= weight[chosen]
                    chosen += 1
                if chosen < proposals:
                    picked[chain, site] = picks[turn, chain, site, chosen]
                for j in range(size):
                    sites[chain, site, j] = banks[site, picked[chain, site], j]
            for j in range(size):
                squares = 0.0
                for site in range(count):
                    squares += (sites[chain, site, j] - mean[chain, j]) ** 2
                now = np.log(spread[chain, j])
                then = now + steps[turn, chain, j]
                gain = (1.0 - count) * (then - now)
                gain -= 0.5 * squares * (np.exp(-2.0 * then) - np.exp(-2.0 * now))
                gain -= 0.5 * (np.exp(2.0 * then) - np.exp(2.0 * now)) / spread_scale**2
                if levels[turn, chain, j] < gain and then > lowest:
                    spread[chain, j] = np.exp(then)


def _banks(draws: Mapping[str, ArrayLike], size: int, seed: int) -> Floats:
    """Draws of all sites, the same number of each, shape (sites, draws, p)."""
    if len(draws) < 2:
        raise ValueError(f"a hierarchy needs two sites or more, not {len(draws)}")
    arrays = {site: np.asarray(one, np.float64) for site, one in draws.items()}
    for site, one in arrays.items():
        if one.ndim != 2 or one.shape[1] != size:
            raise ValueError(f"draws of site {site} have the shape {one.shape}; expected (draws, {size})")
        if not np.isfinite(one).all():
            raise ValueError(f"draws of site {site} are not all finite; leave failed draws out")
        if len(one) < 20 * size:
            raise ValueError(f"site {site} has {len(one)} draws; {20 * size} or more are needed for {size} parameters")
    count = min(MOST_DRAWS, *(len(one) for one in arrays.values()))
    generator = np.random.default_rng([seed, 1])
    return np.stack([one[generator.choice(len(one), count, replace=False)] for one in arrays.values()])


def _result(names: tuple[str, ...], sites: tuple[str, ...], mean: Floats, spread: Floats, site_draws: Floats,
            effective: Floats, normal: NDArray[np.bool_], worst: Floats, sizes: Floats) -> Hierarchy:
    count = len(names)
    normal_sites = tuple(site for site, one in zip(sites, normal, strict=True) if one)
    notes = []
    largest = float(np.max(worst)) if np.isfinite(worst).all() else np.inf
    smallest = float(np.min(sizes)) if np.isfinite(sizes).all() else 0.0
    converged = largest < LARGEST_RHAT and smallest >= LEAST_EFFECTIVE_SIZE
    if not converged:
        notes.append(f"R-hat reaches {largest:.3f} and the effective size falls to {smallest:.0f}; take more sweeps")
    if len(sites) < LEAST_SITES:
        notes.append(f"{len(sites)} sites tell little of the spread between sites: it rests on its prior")
    if normal_sites:
        notes.append(f"posteriors taken to be normal: {', '.join(normal_sites)}")
    thin = [site for site, one, other in zip(sites, effective, normal, strict=True)
            if one < LEAST_EFFECTIVE_DRAWS and not other]
    if thin:
        notes.append(f"fewer than {LEAST_EFFECTIVE_DRAWS:.0f} draws carry the weight of {', '.join(thin)}; give more draws")
    status = "not_converged" if not converged else "few_sites" if len(sites) < LEAST_SITES else "converged"
    return Hierarchy(
        names=names, mean=mean.reshape(-1, count), spread=spread.reshape(-1, count),
        sites={site: site_draws[:, :, number].reshape(-1, count) for number, site in enumerate(sites)},
        effective_draws=dict(zip(sites, map(float, effective), strict=True)), normal_sites=normal_sites,
        rhat=worst, effective_size=sizes, status=status, message="; ".join(notes))
