"""Skill where nothing was fitted: towers left out of their plant type, and years left out of a tower.

    rows = sites_left_out(problem, fits)                 # {site: Fit} of the same problem
    rows = years_left_out(problem, columns)              # one fit for each year of calibration
    print(skill_table(rows))

A tower is left out by stage 2 of the hierarchy alone: the other towers' draws give mu and tau, no model runs but those of the
prediction. Its prediction ("transferred") stands beside that of the prior and that of its own fit ("site"). Noise of a tower
never seen is that of the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.fit import Fit, fit
from terraflux.assimilation.hierarchy import hierarchy
from terraflux.assimilation.lasting_errors import LastingError, lasting_errors, typical
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.prediction import Prediction, StreamPrediction, predict_posterior, thinned
from terraflux.assimilation.problem import Problem
from terraflux.assimilation.tower_columns import TowerColumns
from terraflux.assimilation.tower_problem import TowerProblem

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]
DRAWS = 100
SWEEPS = 3000


@dataclass(frozen=True)
class Skill:
    """Scores of a mean prediction against observations, and of its 90 % band.

    `rmse` and `bias` (modelled less observed) are in the unit of the stream; `r2` is the squared correlation; `kge` the
    Kling-Gupta efficiency, 1 - ((r - 1)^2 + (sd ratio - 1)^2 + (mean ratio - 1)^2)^1/2 (Gupta et al. 2009, J. Hydrol.
    377:80); NaN where the observations do not vary or have no mean.
    """

    rmse: float
    bias: float
    r2: float
    kge: float
    coverage: float
    count: int


@dataclass(frozen=True)
class LeftOut:
    """One row: `left_out` is the site or the year that was not used, `source` where parameters came from, `every` step or
    day."""

    site: str
    left_out: str
    stream: str
    source: str
    every: str
    skill: Skill


def skill(one: StreamPrediction, level: float = 0.9) -> Skill:
    """Skill of the mean of a predicted stream."""
    return scored(one.parameter.mean, one.observed, float(one.inside(level).mean()))


def scored(modelled: Floats, observed: Floats, covered: float = np.nan) -> Skill:
    """Skill of modelled values (n,) against observed ones (n,)."""
    gap = modelled - observed
    with np.errstate(invalid="ignore", divide="ignore"):
        varies = modelled.std() > 0.0 and observed.std() > 0.0
        r = float(np.corrcoef(modelled, observed)[0, 1]) if varies else np.nan
        ratios = np.array([r, modelled.std() / observed.std(), modelled.mean() / observed.mean()])
        kge = 1.0 - float(np.sqrt(((ratios - 1.0) ** 2).sum()))
    return Skill(float(np.sqrt((gap**2).mean())), float(gap.mean()), r * r, kge if np.isfinite(kge) else np.nan, covered,
                 observed.size)


def sites_left_out(problem: Problem, fits: Mapping[str, Fit], *, years: Mapping[str, Sequence[int]] | None = None,
                   count: int = DRAWS, seed: int = 0, sweeps: int = SWEEPS, progress: Progress | None = None) -> list[LeftOut]:
    """Every tower predicted from the others of its plant type, from the prior, and from its own fit.

    `years` {site: years to predict}: by default those of validation, or of calibration where there are none. Plant types with
    fewer than three towers are left out, for two others are the least that a spread between sites can be had from.
    """
    groups: dict[str, list[str]] = {}
    for site, one in fits.items():
        shares = one.target.columns.shares
        groups.setdefault(max(shares, key=lambda code: shares[code]), []).append(site)
    rows: list[LeftOut] = []
    whole = [site for sites in groups.values() if len(sites) >= 3 for site in sites]
    for number, site in enumerate(whole):
        if progress is not None:
            progress(number, len(whole), f"{site} left out")
        others = next([other for other in sites if other != site] for sites in groups.values() if site in sites)
        own = fits[site]
        space = ParameterSpace(problem.parameters, own.target.columns.sets)
        draws = transferred({other: fits[other] for other in others}, space, own.target, count=count, seed=seed, sweeps=sweeps)
        wanted = (years or {}).get(site) or problem.validation or problem.calibration
        target = own.target if tuple(wanted) == own.target.years else TowerProblem(
            problem, own.target.columns, years=wanted, observations=own.target.observations, threads=own.target.threads)
        lasting = {"transferred": typical([lasting_errors(fits[other].target, fits[other].mode) for other in others]),
                  "site": lasting_errors(own.target, own.mode)}
        rows += _compared(target, site, {"prior": target.space.draw(np.random.default_rng(seed), count),
                                         "transferred": draws, "site": thinned(own.draws, count)}, seed, lasting)
    return rows


def transferred(others: Mapping[str, Fit], space: ParameterSpace, target: TowerProblem, *, count: int = DRAWS, seed: int = 0,
                sweeps: int = SWEEPS) -> Floats:
    """Control vectors (count, p) of a tower not yet seen from the fits of others; no model runs.

    `space` holds the parameters without noise. Raises ValueError where the towers' parameters differ.
    """
    here = [prior.as_table() for prior in target.space.priors]
    for site, one in others.items():
        if one.target.names != target.names or [prior.as_table() for prior in one.target.space.priors] != here:
            raise ValueError(f"{site} was fitted to other parameters or priors than {target.columns.tower.site.site_id}; give "
                             "them a prior in the problem, the same for all towers")
    random = np.random.default_rng(seed)
    size = space.size
    found = hierarchy({site: one.draws[:, :size] for site, one in others.items()},
                      space.log_prior_terms if space.separable else space.log_prior, space.names, seed=seed, sweeps=sweeps)
    pool = np.concatenate([one.draws[:, size:] for one in others.values()])
    return np.concatenate([found.predictive(random, count), pool[random.integers(len(pool), size=count)]], axis=1)


def years_left_out(problem: Problem, columns: TowerColumns, *, method: str = "auto", count: int = DRAWS, seed: int = 0,
                   observations: Any = None, threads: int | None = None, progress: Progress | None = None,
                   **options: Any) -> list[LeftOut]:
    """Every year of calibration predicted from a fit to the others, and from the prior; one fit a year.

    `options` go to `fit`. Raises ValueError for a problem of one year.
    """
    years = problem.calibration
    if len(years) < 2:
        raise ValueError(f"of {len(years)} year of calibration none can be left out; give two or more")
    site = columns.tower.site.site_id
    rows: list[LeftOut] = []
    for number, year in enumerate(years):
        if progress is not None:
            progress(number, len(years), f"{site} without {year}")
        kept = replace(problem, calibration=[one for one in years if one != year], validation=[year])
        found = fit(TowerProblem(kept, columns, observations=observations, threads=threads), method, seed=seed, **options)
        target = TowerProblem(kept, columns, years=[year], observations=observations, threads=threads)
        rows += _compared(target, str(year), {"prior": target.space.draw(np.random.default_rng(seed), count),
                                              "other years": thinned(found.draws, count)}, seed,
                          {"other years": lasting_errors(found.target, found.mode)})
    return rows


def skill_table(rows: Sequence[LeftOut]) -> str:
    """The rows as a Markdown table."""
    lines = ["| site | left out | stream | from | every | n | RMSE | bias | R2 | KGE | covered by 90 % |", "|---" * 11 + "|"]
    for row in rows:
        one = row.skill
        lines.append(f"| {row.site} | {row.left_out} | {row.stream} | {row.source} | {row.every} | {one.count} "
                     f"| {one.rmse:.3g} | {one.bias:+.3g} | {one.r2:.2f} | {one.kge:.2f} | {one.coverage:.0%} |")
    return "\n".join(lines)


def _compared(target: TowerProblem, left_out: str, sources: Mapping[str, Floats], seed: int,
              lasting: Mapping[str, Mapping[str, LastingError]]) -> list[LeftOut]:
    rows = []
    for source, draws in sources.items():
        predicted: Prediction = predict_posterior(target, draws, count=len(draws), seed=seed, lasting=lasting.get(source))
        for every, streams in (("step", predicted.streams), ("day", predicted.daily)):
            for name, one in streams.items():
                if every == "step" or one is not predicted.streams[name]:
                    rows.append(LeftOut(predicted.site_id, left_out, name, source, every, skill(one)))
    return rows
