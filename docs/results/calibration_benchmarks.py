"""The PLUMBER test on what was left out: default and calibrated model beside regressions learned at all other towers.

Benchmarks are those of `terraflux.evaluation.empirical_benchmarks`. They learn from the same number of measured steps of
every other tower, evenly spread over its usable years, so that a long record does not outvote a short one. Where heat is
public as monthly means only, they learn from monthly means of weather and flux at the other towers ("LE monthly").
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from calibration_study import FLUXES, HEAT, opened, usable_years

from terraflux.assimilation.observed_streams import CARBON_PER_MICROMOLE
from terraflux.drivers.tower import Tower
from terraflux.evaluation.empirical_benchmarks import EMPIRICAL
from terraflux.evaluation.metrics import METRICS, PLUMBER_COMMON

STEPS = 1000
"""Measured steps of each tower that benchmarks learn from."""
PAIRS = (("GPP", "1lin"), ("GPP", "3km27"), ("LE", "1lin"), ("LE", "3km27"), ("H", "1lin"), ("H", "3km27"))
MONTHLY = " monthly"
WEATHER = ("shortwave_down", "air_temperature", "vapour_pressure")


def learned_from(forcing: xr.Dataset, observations: xr.Dataset, flux: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Forcing and observations at STEPS measured steps, evenly spread."""
    measured = np.flatnonzero(np.isfinite(observations[flux].values) & (observations[f"{flux}_quality"].values == 0))
    chosen = measured[np.linspace(0, measured.size - 1, min(STEPS, measured.size)).astype(int)]
    return forcing.isel(time=chosen), observations.isel(time=chosen)


def monthly_weather(forcing: xr.Dataset) -> xr.Dataset:
    """Means of the weather over calendar months, stamped with their first instant."""
    return forcing.groupby(forcing["time"].astype("datetime64[M]").astype("datetime64[ns]")).mean()


def monthly_flux(tower: Tower, name: str) -> xr.Dataset:
    """Monthly means of a flux that the source gives, stamped with the first instant of the month; measured where finite."""
    assert tower.monthly is not None
    stamps = tower.monthly.index.to_numpy().astype("datetime64[M]").astype("datetime64[ns]")
    return xr.Dataset({name: ("time", tower.monthly[name].to_numpy())}, {"time": stamps})


def monthly_scores(data: Path, series: dict[str, dict[str, dict[str, np.ndarray]]]) -> list[tuple[object, ...]]:
    """Rows as of `benchmark_scores` for the heat fluxes of towers that give only their monthly means."""
    learning: dict[str, dict[str, tuple[xr.Dataset, xr.Dataset]]] = {name: {} for name in HEAT}
    for site in series:
        tower = opened(site, data)
        of = tower.forcing["time"].values.astype("datetime64[Y]").astype(int) + 1970
        weather = monthly_weather(tower.forcing[list(WEATHER)].isel(time=np.isin(of, usable_years(tower))))
        for name in HEAT:
            if FLUXES[name] in series[site] and name not in tower.observations:
                learning[name][site] = (weather, monthly_flux(tower, name))
    rows: list[tuple[object, ...]] = []
    for name in HEAT:
        short = FLUXES[name]
        for site, (weather, _) in learning[name].items():
            one = series[site][short]
            contenders = {which: one[which] for which in ("default", "fitted")}
            others = [pair for other, pair in learning[name].items() if other != site]
            months = one["when"].astype("datetime64[M]").astype("datetime64[ns]")
            for flux, benchmark in PAIRS:
                if flux == short and others:
                    contenders[benchmark] = EMPIRICAL[benchmark]().fit(others, name).predict(weather.sel(time=months)).values
            rows += [(short + MONTHLY, site, contender, metric, METRICS[metric].function(values, one["observed"]), values.size)
                     for contender, values in contenders.items() for metric in PLUMBER_COMMON]
        print(f"benchmarks of monthly {short}: {len(learning[name])} sites", flush=True)
    return rows


def benchmark_scores(data: Path, series: dict[str, dict[str, dict[str, np.ndarray]]]) -> pd.DataFrame:
    """Columns flux, site, contender, metric, value, n; `series` {site: {flux: {when, observed, default, fitted}}}."""
    names = {short: name for name, short in FLUXES.items()}
    shorts = tuple(dict.fromkeys(short for short, _ in PAIRS))
    learning: dict[str, dict[str, tuple[xr.Dataset, xr.Dataset]]] = {short: {} for short in shorts}
    weather: dict[tuple[str, str], xr.Dataset] = {}
    for site in series:
        tower = opened(site, data)
        of = tower.observations["time"].values.astype("datetime64[Y]").astype(int) + 1970
        forcing = tower.forcing[list(WEATHER)].isel(time=np.isin(of, usable_years(tower)))
        observations = tower.observations.isel(time=np.isin(of, usable_years(tower)))
        for short in shorts:
            if names[short] in observations and short in series[site]:
                learning[short][site] = learned_from(forcing, observations, names[short])
                weather[site, short] = forcing.sel(time=series[site][short]["when"])
    rows: list[tuple[object, ...]] = []
    for short in shorts:
        per_unit = 1.0 / CARBON_PER_MICROMOLE if short == "GPP" else 1.0
        for site in learning[short]:
            one = series[site][short]
            contenders = {name: one[name] for name in ("default", "fitted")}
            others = [pair for other, pair in learning[short].items() if other != site]
            for flux, benchmark in PAIRS:
                if flux == short and others:
                    fitted = EMPIRICAL[benchmark]().fit(others, names[short])
                    contenders[benchmark] = fitted.predict(weather[site, short]).values * per_unit
            rows += [(short, site, contender, metric, METRICS[metric].function(values, one["observed"]), values.size)
                     for contender, values in contenders.items() for metric in PLUMBER_COMMON]
        print(f"benchmarks of {short}: {len(learning[short])} sites", flush=True)
    rows += monthly_scores(data, series)
    return pd.DataFrame(rows, columns=["flux", "site", "contender", "metric", "value", "n"])
