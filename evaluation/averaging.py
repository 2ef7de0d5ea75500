"""Pairs of simulated and observed values on the scales that scores are given for.

Missing data never make a comparison unfair: a step counts only where both the simulation and the observation have a
value, and both are averaged over those same steps. A mean is kept where the share of such steps in its window reaches
`MissingRule`; it then is the mean over the common steps, not an estimate of the window's total. A window at the edge
of a record counts with its full calendar length.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

SCALES = ("half_hourly", "daily", "monthly", "diurnal", "annual")
SECONDS_PER_DAY = 86400


@dataclass(frozen=True)
class MissingRule:
    """How much of a window must hold common values: shares of its steps, and days for a time of day.

    `daily` 0.5 means at least 24 of 48 half-hours. Raises ValueError for a share outside 0..1.
    """

    daily: float = 0.5
    monthly: float = 0.4
    annual: float = 0.4
    diurnal_days: int = 10

    def __post_init__(self) -> None:
        for scale in ("daily", "monthly", "annual"):
            share = getattr(self, scale)
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"the {scale} share of values is {share}; it must lie between 0 and 1")


DEFAULT_RULE = MissingRule()


@dataclass(frozen=True)
class Pairs:
    """Simulated and observed values that belong together, with a label each (time, or hour of day)."""

    label: np.ndarray
    simulated: np.ndarray
    observed: np.ndarray

    def __len__(self) -> int:
        return self.simulated.size


def pairs(time: np.ndarray, simulated: np.ndarray, observed: np.ndarray, scale: str, step_seconds: float,
          rule: MissingRule = DEFAULT_RULE) -> Pairs:
    """Pairs of values on a scale of `SCALES`.

    `time` (datetime64, window starts), `simulated` and `observed` (same unit, NaN = missing) are aligned 1-D arrays;
    `step_seconds` is the length of a step. `half_hourly` is the step itself, also where that is an hour; `diurnal` is
    the mean over the record for each time of day, labelled in hours. Raises ValueError for an unknown scale or arrays
    of different lengths.
    """
    if scale not in SCALES:
        raise ValueError(f"unknown scale {scale!r}; known are {', '.join(SCALES)}")
    if not time.shape == simulated.shape == observed.shape:
        lengths = f"{time.size}, {simulated.size}, {observed.size}"
        raise ValueError(f"time, simulated and observed have the lengths {lengths}")
    common = np.isfinite(simulated) & np.isfinite(observed)
    frame = pd.DataFrame({"simulated": simulated[common], "observed": observed[common]})
    stamps = pd.DatetimeIndex(time[common])
    if scale == "half_hourly":
        return Pairs(stamps.to_numpy(), simulated[common], observed[common])
    if scale == "diurnal":
        hours = (stamps - stamps.normalize()).total_seconds().to_numpy() / 3600.0
        by_hour = frame.groupby(hours)
        means = by_hour.mean()[by_hour.size() >= rule.diurnal_days]
        return Pairs(means.index.to_numpy(dtype=float), means["simulated"].to_numpy(), means["observed"].to_numpy())
    periods = stamps.to_period({"daily": "D", "monthly": "M", "annual": "Y"}[scale])
    groups = frame.groupby(periods)
    counts = groups.size()
    index = pd.PeriodIndex(counts.index)
    full = _days(index, scale) * (SECONDS_PER_DAY / step_seconds)
    kept = counts.to_numpy() >= getattr(rule, scale) * full
    means = groups.mean()[kept]
    return Pairs(index[kept].start_time.to_numpy(), means["simulated"].to_numpy(), means["observed"].to_numpy())


def _days(index: pd.PeriodIndex, scale: str) -> np.ndarray:
    """Days in each period, leap years counted."""
    if scale == "daily":
        return np.ones(len(index))
    if scale == "monthly":
        return index.days_in_month.to_numpy(dtype=float)
    return np.where(index.to_timestamp().is_leap_year, 366.0, 365.0)


def period_means(time: np.ndarray, values: np.ndarray, period: str, step_seconds: float, share: float) -> pd.Series:
    """Mean of one series over `period` ("D", "M" or "Y"), NaN where fewer than `share` of the steps have a value.

    For figures, where a single series is shown; the index is the start of the period.
    """
    scale = {"D": "daily", "M": "monthly", "Y": "annual"}[period]
    series = pd.Series(values, index=pd.DatetimeIndex(time)).groupby(pd.DatetimeIndex(time).to_period(period))
    index = pd.PeriodIndex(series.size().index)
    enough = series.count().to_numpy() >= share * _days(index, scale) * (SECONDS_PER_DAY / step_seconds)
    return pd.Series(np.where(enough, series.mean().to_numpy(), np.nan), index=index.start_time)
