"""Scores of a simulation against tower observations, as one tidy table."""

from collections.abc import Iterable

import pandas as pd
import xarray as xr

from terraflux.evaluation.averaging import DEFAULT_RULE, SCALES, MissingRule, pairs
from terraflux.evaluation.matching import axis_spacing, matches
from terraflux.evaluation.metrics import METRICS
from terraflux.evaluation.readable import readable_unit

COLUMNS = ("variable", "scale", "metric", "value", "n", "unit")


def score_table(simulated: xr.Dataset, observed: xr.Dataset, variables: Iterable[str] | None = None,
                scales: Iterable[str] = SCALES, metrics: Iterable[str] | None = None, maximum_quality: int = 0,
                rule: MissingRule = DEFAULT_RULE) -> pd.DataFrame:
    """Scores of every quantity that both have: columns variable, scale, metric, value, n (pairs), unit.

    Values with a unit are given in readable units (gC m-2 d-1, mm d-1, W m-2). `variables` chooses observed names,
    all by default; `maximum_quality` is the highest quality flag of observations used (0 = measured only); `rule` says
    how much of a window may be missing. A scale on which no window is complete enough is listed with n = 0 and NaN.
    Raises ValueError for an unknown variable, scale or metric, or when the two have no time in common.
    """
    chosen = list(METRICS) if metrics is None else list(metrics)
    for metric in chosen:
        if metric not in METRICS:
            raise ValueError(f"unknown metric {metric!r}; known are {', '.join(METRICS)}")
    wanted = None if variables is None else set(variables)
    found = {match.name: match for match in matches(simulated, observed, maximum_quality)}
    if wanted is not None and wanted - set(found):
        raise ValueError(f"no comparison for {', '.join(sorted(wanted - set(found)))}; possible are "
                         f"{', '.join(found) or 'none'}")
    step_seconds = step_length(simulated)
    rows = []
    for name, match in found.items():
        if wanted is not None and name not in wanted:
            continue
        factor, unit = readable_unit(match.unit)
        for scale in scales:
            both = pairs(match.time, match.simulated * factor, match.observed * factor, scale, step_seconds, rule)
            for metric in chosen:
                measure = METRICS[metric]
                value = measure.function(both.simulated, both.observed)
                rows.append((name, scale, metric, value, len(both), unit if measure.has_unit else ""))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def step_length(dataset: xr.Dataset) -> float:
    """Seconds of a step: the spacing of the time axis, for a single time the attribute `time_step_seconds`.

    The axis comes first: means over days carry the attribute of the run they were made from. Raises ValueError when
    neither tells it.
    """
    spacing = axis_spacing(dataset["time"].to_numpy())
    if spacing is not None:
        return spacing
    if "time_step_seconds" not in dataset.attrs:
        raise ValueError("the step length is unknown: give the attribute time_step_seconds")
    return float(dataset.attrs["time_step_seconds"])


def pivot(table: pd.DataFrame, scale: str = "daily") -> pd.DataFrame:
    """One scale of a score table with a row per variable and a column per metric, `n` first."""
    part = table[table["scale"] == scale]
    wide = part.pivot(index="variable", columns="metric", values="value")
    wide = wide.reindex(columns=[metric for metric in METRICS if metric in wide.columns])
    wide.insert(0, "n", part.groupby("variable")["n"].first())
    return wide.reindex(part["variable"].unique())
