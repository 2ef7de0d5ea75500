"""Marginal distribution sampling (MDS): a gap takes the mean of what was measured nearby in time in similar weather.

Reichstein et al. (2005, Global Change Biol. 11:1424), in the form of REddyProc (Wutzler et al. 2018, Biogeosciences
15:5015). Three kinds of sample, tried in the order of `mds_plan` until one holds at least two values:

1. look-up table (LUT): radiation, air temperature and vapour pressure deficit all within their tolerances (strictly less);
2. LUT by radiation alone;
3. mean diurnal course (MDC): the same time of day +- 1 h.

The tolerance of radiation is 50 W m-2, reduced where it is dim: max(20, min(50, Rg)). Windows reach +-7 days around the gap
and widen. The quality goes by method and full window: see `quality_of_fill`.

Vekuri et al. (2023, Sci. Rep. 13:1720) found that a skewed distribution of radiation biases the plain mean at high latitudes;
`radiation_balance=True` averages the mean of samples darker and the mean of samples brighter than the gap instead.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.sites.processing.time_step import steps_per_day

RADIATION_TOLERANCE = 50.0  # W m-2
DIM_TOLERANCE = 20.0  # W m-2, the least tolerance of radiation
TEMPERATURE_TOLERANCE = 2.5  # K
VPD_TOLERANCE = 5.0  # hPa
LEAST_SAMPLES = 2
LONGEST_GAP_DAYS = 60.0

LOOK_UP_TABLE, RADIATION_TABLE, DIURNAL_COURSE = 1, 2, 3
NOT_FILLED = -1  # quality of a row that stays a gap


@dataclass(frozen=True)
class GapFill:
    """What MDS made of a series; every array has one entry per row.

    `value`: measured where there was a measurement, else filled, NaN where nothing could be found (units of the input).
    `quality`: int8, 0 measured, 1 good, 2 medium, 3 poor, -1 not filled.
    The rest describe the sample of a row, whether it was a gap or not (only gaps if not all rows were asked for; then NaN or
    0 elsewhere): `estimate` mean, `sd` standard deviation (n - 1), `count` sample size, `method` 1 LUT, 2 LUT by radiation,
    3 MDC, 0 none, `window` full width (days), `estimate_quality` as `quality` but never 0 (0 where not asked for).
    """

    value: NDArray[np.float64]
    quality: NDArray[np.int8]
    estimate: NDArray[np.float64]
    sd: NDArray[np.float64]
    count: NDArray[np.int32]
    method: NDArray[np.int8]
    window: NDArray[np.int32]
    estimate_quality: NDArray[np.int8]

    @property
    def filled(self) -> NDArray[np.bool_]:
        """True where a gap was filled."""
        return np.asarray(self.quality > 0)

    @property
    def unfilled(self) -> NDArray[np.bool_]:
        """True where a gap remains."""
        return np.asarray(self.quality == NOT_FILLED)


def mds_plan() -> NDArray[np.int64]:
    """Stages in order, shape (n, 2): method and half width of the window (days)."""
    look_up, radiation, diurnal = LOOK_UP_TABLE, RADIATION_TABLE, DIURNAL_COURSE
    stages = [(look_up, 7), (look_up, 14), (radiation, 7), (diurnal, 0), (diurnal, 1), (diurnal, 2)]
    stages += [(look_up, days) for days in range(21, 71, 7)]
    stages += [(radiation, days) for days in range(14, 71, 7)]
    stages += [(diurnal, days) for days in range(7, 211, 7)]
    return np.array(stages, dtype=np.int64)


def quality_of_fill(method: int, window: int) -> int:
    """1 good, 2 medium or 3 poor for a method (1, 2, 3) and a full window (days).

    Good up to 14 days by LUT and 1 day by MDC; medium up to 56 days by full LUT, 28 by radiation alone, 5 by MDC.
    """
    good, medium = {LOOK_UP_TABLE: (14, 56), RADIATION_TABLE: (14, 28), DIURNAL_COURSE: (1, 5)}[method]
    return 1 if window <= good else 2 if window <= medium else 3


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def similar_weather(k, radiation, temperature, deficit, target, tolerance, method):  # type: ignore[no-untyped-def]
    """Whether the weather of row k is like the target (radiation, temperature, deficit); False where either is NaN."""
    if not abs(radiation[k] - target[0]) < tolerance[0]:
        return False
    if method == RADIATION_TABLE:
        return True
    return abs(temperature[k] - target[1]) < tolerance[1] and abs(deficit[k] - target[2]) < tolerance[2]


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _gather(row, values, radiation, temperature, deficit, target, tolerance, method, days, per_day, sample):  # type: ignore[no-untyped-def]
    """Rows of the sample of one stage into `sample`; returns how many."""
    rows = values.size
    count = 0
    if method == DIURNAL_COURSE:
        near = per_day // 24  # one hour
        for day in range(-days, days + 1):
            middle = row + day * per_day
            for k in range(max(0, middle - near), min(rows, middle + near + 1)):
                if not np.isnan(values[k]):
                    sample[count] = k
                    count += 1
        return count
    reach = days * per_day
    for k in range(max(0, row - reach), min(rows, row + reach + 1)):
        if not np.isnan(values[k]) and similar_weather(k, radiation, temperature, deficit, target, tolerance, method):
            sample[count] = k
            count += 1
    return count


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _mean(values, sample, count):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(count):
        total += values[sample[j]]
    return total / count


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _balanced_mean(values, radiation, sample, count, bright):  # type: ignore[no-untyped-def]
    """Average of the means on the dark and the bright side of radiation `bright`; equal radiation counts on both sides."""
    dark_total, bright_total, dark_count, bright_count = 0.0, 0.0, 0, 0
    for j in range(count):
        k = sample[j]
        if radiation[k] <= bright:
            dark_total += values[k]
            dark_count += 1
        if radiation[k] >= bright:
            bright_total += values[k]
            bright_count += 1
    if dark_count == 0 or bright_count == 0:
        return (dark_total + bright_total) / count
    return 0.5 * (dark_total / dark_count + bright_total / bright_count)


@kernel
def _fill(wanted, values, radiation, temperature, deficit, tolerances, dim, plan, per_day, least, balance,
          estimate, sd, count_of, method_of, window_of):  # type: ignore[no-untyped-def]
    """Sample statistics of all wanted rows. tolerances: radiation, temperature, deficit; dim: least radiation tolerance."""
    sample = np.empty(values.size, np.int64)
    target = np.empty(3)
    tolerance = tolerances.copy()
    for row in range(values.size):
        if not wanted[row]:
            continue
        target[0], target[1], target[2] = radiation[row], temperature[row], deficit[row]
        tolerance[0] = max(min(tolerances[0], radiation[row]), dim)
        for stage in range(plan.shape[0]):
            method, days = plan[stage, 0], plan[stage, 1]
            known = method == DIURNAL_COURSE or not np.isnan(target[0])
            if method == LOOK_UP_TABLE and (np.isnan(target[1]) or np.isnan(target[2])):
                known = False
            if not known:
                continue
            count = _gather(row, values, radiation, temperature, deficit, target, tolerance, method, days, per_day, sample)
            if count < least:
                continue
            mean = _mean(values, sample, count)
            spread = 0.0
            for j in range(count):
                spread += (values[sample[j]] - mean) ** 2
            estimate[row] = mean
            if balance and method != DIURNAL_COURSE:
                estimate[row] = _balanced_mean(values, radiation, sample, count, target[0])
            sd[row] = np.sqrt(spread / (count - 1)) if count > 1 else np.nan
            count_of[row] = count
            method_of[row] = method
            window_of[row] = 2 * days + 1 if method == DIURNAL_COURSE else 2 * days
            break


def same_rows(given: ArrayLike | None, rows: int, name: str) -> NDArray[np.float64]:
    """A companion series as contiguous float64 of `rows` rows, all NaN if absent; ValueError names it if it does not fit."""
    if given is None:
        return np.full(rows, np.nan)
    values = np.ascontiguousarray(given, dtype=np.float64)
    if values.shape != (rows,):
        raise ValueError(f"{name} has shape {values.shape}, the series to fill has {rows} rows; give one value per row")
    return values


def long_gaps(values: ArrayLike, longest: int) -> NDArray[np.bool_]:
    """True inside runs of more than `longest` consecutive NaN; `values` shape (n,)."""
    gap = np.isnan(np.asarray(values, dtype=np.float64))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], gap, [False])).astype(np.int8)))
    inside = np.zeros(gap.size, dtype=bool)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        inside[first:last] = last - first > longest
    return inside


def fill_gaps(
    values: ArrayLike,
    *,
    radiation: ArrayLike | None = None,
    temperature: ArrayLike | None = None,
    vpd: ArrayLike | None = None,
    step_minutes: float = 30.0,
    all_rows: bool = False,
    radiation_balance: bool = False,
    radiation_tolerance: float = RADIATION_TOLERANCE,
    temperature_tolerance: float = TEMPERATURE_TOLERANCE,
    vpd_tolerance: float = VPD_TOLERANCE,
    longest_gap_days: float = LONGEST_GAP_DAYS,
) -> GapFill:
    """Fills the NaN of a regular series by MDS.

    `values`: (n,) any unit, NaN where missing, equally spaced in time without jumps (multi-year is fine). `radiation` W m-2,
    `temperature` degC, `vpd` hPa: the MEASURED weather, NaN where missing; a row of missing weather goes to the next kind of
    sample, and a series that is absent (None) rules its kinds out for all rows. `step_minutes`: 30 or 60 (any divisor of an
    hour). `all_rows` gives the sample of measured rows too (for their spread); the row itself belongs to its sample.
    Gaps longer than `longest_gap_days` stay gaps. ValueError for shapes or steps that do not fit.

    >>> day = np.arange(48 * 8)
    >>> flux = np.sin(day / 48 * 2 * np.pi)
    >>> flux[100] = np.nan
    >>> fill = fill_gaps(flux)
    >>> int(fill.quality[100]), int(fill.method[100]), round(float(fill.value[100] - np.sin(100 / 48 * 2 * np.pi)), 2)
    (1, 3, -0.01)
    """
    series = np.ascontiguousarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"the series to fill has {series.ndim} dimensions; give one row per time")
    rows = series.size
    per_day = steps_per_day(step_minutes)
    given = {"radiation": radiation, "temperature": temperature, "vpd": vpd}
    weather = [same_rows(column, rows, name) for name, column in given.items()]
    gap = ~np.isfinite(series)
    series = np.where(gap, np.nan, series)
    hopeless = long_gaps(series, round(longest_gap_days * per_day))
    wanted = ~hopeless if all_rows else gap & ~hopeless
    estimate, sd = np.full(rows, np.nan), np.full(rows, np.nan)
    count, window = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    method = np.zeros(rows, np.int8)
    tolerances = np.array([radiation_tolerance, temperature_tolerance, vpd_tolerance], dtype=np.float64)
    _fill(wanted, series, *weather, tolerances, DIM_TOLERANCE, mds_plan(), per_day, LEAST_SAMPLES, radiation_balance,
          estimate, sd, count, method, window)
    estimate_quality = np.where(wanted, NOT_FILLED, 0).astype(np.int8)
    for kind in (LOOK_UP_TABLE, RADIATION_TABLE, DIURNAL_COURSE):
        for width in np.unique(window[method == kind]):
            estimate_quality[(method == kind) & (window == width)] = quality_of_fill(kind, int(width))
    quality = np.where(gap, np.where(method > 0, estimate_quality, NOT_FILLED), 0).astype(np.int8)
    return GapFill(np.where(gap, estimate, series), quality, estimate, sd, count, method, window, estimate_quality)
