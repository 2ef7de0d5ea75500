"""The PLUMBER test: does the model beat simple benchmarks at sites they have not seen?

Empirical benchmarks are fitted on every other site (leave one site out). Scores are PLUMBER's common metrics on the
time step, measured values only; a cell is one site and one metric, and the model wins it by lying closer to perfect
(Best et al. 2015, J. Hydrometeorol. 16:1425; Abramowitz et al. 2024, Biogeosciences 21:5517).
"""

from collections.abc import Iterable, Mapping

import pandas as pd
import xarray as xr

from terraflux.evaluation.empirical_benchmarks import EMPIRICAL
from terraflux.evaluation.metrics import METRICS, PLUMBER_COMMON
from terraflux.evaluation.physical_benchmarks import manabe_bucket, penman_monteith
from terraflux.evaluation.scores import score_table, step_length

PHYSICAL = ("penman_monteith", "manabe")
BENCHMARKS = (*PHYSICAL, *EMPIRICAL)
PHYSICAL_FLUXES = ("latent_heat", "sensible_heat")

Sites = Mapping[str, tuple[xr.Dataset, xr.Dataset]]


def leave_one_site_out(sites: Sites, flux: str, benchmark: str) -> dict[str, xr.DataArray]:
    """Predictions of a flux at every site by a benchmark that has not seen it.

    `sites` maps a site to (forcing, observations). Physical benchmarks need no other site and give latent and
    sensible heat only. Raises ValueError for an unknown benchmark, a flux it cannot give, or an empirical benchmark
    with fewer than two sites.
    """
    if benchmark in PHYSICAL:
        if flux not in PHYSICAL_FLUXES:
            raise ValueError(f"{benchmark} gives {' and '.join(PHYSICAL_FLUXES)}, not {flux}")
        return {site: _physical(forcing, benchmark)[flux] for site, (forcing, _) in sites.items()}
    if benchmark not in EMPIRICAL:
        raise ValueError(f"unknown benchmark {benchmark!r}; known are {', '.join(BENCHMARKS)}")
    if len(sites) < 2:
        raise ValueError(f"{benchmark} learns at other sites: give at least two, not {len(sites)}")
    predictions = {}
    for site, (forcing, _) in sites.items():
        others = [pair for other, pair in sites.items() if other != site]
        predictions[site] = EMPIRICAL[benchmark]().fit(others, flux).predict(forcing)
    return predictions


def _physical(forcing: xr.Dataset, benchmark: str) -> xr.Dataset:
    if benchmark == "penman_monteith":
        return penman_monteith(forcing)
    return manabe_bucket(forcing, step_length(forcing))


def benchmark_table(simulations: Mapping[str, xr.Dataset], sites: Sites, flux: str,
                    benchmarks: Iterable[str] = BENCHMARKS,
                    metrics: Iterable[str] = PLUMBER_COMMON) -> pd.DataFrame:
    """Scores of the model ("terraflux") and the benchmarks: columns site, contender, metric, value, n.

    All contenders of a site are scored on the same steps: those the simulation and measured observations share.
    Benchmarks that cannot give the flux are left out. A site whose observations lack the flux, or that was not
    simulated, has no rows; it still serves the training where it has observations.
    """
    chosen = list(metrics)
    predictions = {name: leave_one_site_out(sites, flux, name) for name in benchmarks
                   if name not in PHYSICAL or flux in PHYSICAL_FLUXES}
    rows = []
    for site, simulated in simulations.items():
        forcing, observed = sites[site]
        if flux not in observed or flux not in simulated:
            continue
        contenders = {"terraflux": simulated[flux], **{name: made[site] for name, made in predictions.items()}}
        aligned = xr.align(*contenders.values(), join="inner")
        for contender, series in zip(contenders, aligned, strict=True):
            entry = xr.Dataset({flux: series}, attrs={"time_step_seconds": step_length(forcing)})
            scores = score_table(entry, observed, [flux], ["half_hourly"], chosen)
            rows += [(site, contender, row.metric, row.value, row.n) for row in scores.itertuples()]
    return pd.DataFrame(rows, columns=["site", "contender", "metric", "value", "n"])


def share_won(table: pd.DataFrame, contender: str = "terraflux") -> pd.Series:
    """Share of (site, metric) cells in which the contender beats each other one; cells with NaN on either side do not
    count."""
    distance = _distances(table)
    ours = distance[contender]
    shares = {}
    for other in distance.columns.drop(contender):
        both = ours.notna() & distance[other].notna()
        shares[other] = float((ours[both] < distance[other][both]).mean()) if both.any() else float("nan")
    return pd.Series(shares, name=f"share won by {contender}")


def mean_rank(table: pd.DataFrame) -> pd.Series:
    """Mean rank of each contender over all cells, 1 = best; ties share their mean rank."""
    return _distances(table).rank(axis=1).mean().rename("mean rank").sort_values()


def _distances(table: pd.DataFrame) -> pd.DataFrame:
    """Distance from a perfect score: a row per (site, metric), a column per contender."""
    distance = [METRICS[metric].distance(value) for metric, value in zip(table["metric"], table["value"], strict=True)]
    return table.assign(distance=distance).pivot(index=["site", "metric"], columns="contender", values="distance")
