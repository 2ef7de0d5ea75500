"""The PLUMBER test on what was left out: default and calibrated model beside regressions learned at all other towers.

Benchmarks are those of `terraflux.evaluation.empirical_benchmarks`. They learn from the same number of measured steps of
every other tower, evenly spread over its usable years, so that a long record does not outvote a short one.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from calibration_study import FLUXES, opened, usable_years

from terraflux.assimilation.observed_streams import CARBON_PER_MICROMOLE
from terraflux.evaluation.empirical_benchmarks import EMPIRICAL
from terraflux.evaluation.metrics import METRICS, PLUMBER_COMMON

STEPS = 1000
"""Measured steps of each tower that benchmarks learn from."""
PAIRS = (("GPP", "1lin"), ("GPP", "3km27"), ("LE", "1lin"), ("LE", "3km27"), ("H", "1lin"), ("H", "3km27"))
WEATHER = ("shortwave_down", "air_temperature", "vapour_pressure")


def learned_from(forcing: xr.Dataset, observations: xr.Dataset, flux: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Forcing and observations at STEPS measured steps, evenly spread."""
    measured = np.flatnonzero(np.isfinite(observations[flux].values) & (observations[f"{flux}_quality"].values == 0))
    chosen = measured[np.linspace(0, measured.size - 1, min(STEPS, measured.size)).astype(int)]
    return forcing.isel(time=chosen), observations.isel(time=chosen)


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
    rows = []
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
    return pd.DataFrame(rows, columns=["flux", "site", "contender", "metric", "value", "n"])
