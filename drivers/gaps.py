"""Gaps in forcing are refused or filled by rule, never silently.

Rule `refuse`: any missing value is an error. Rule `fill`: gaps of at most two hours are bridged by a straight line
(flag interpolated); longer ones take the mean of the same time of day over the neighbouring days, in windows widened
from 7 to 14, 28 and 56 days to each side until a value exists (flag filled_poor; Falge et al. 2001, Agric. For.
Meteorol. 107). Precipitation copies the same time of the nearest day that has it, since a mean of wet and dry days is
an endless drizzle. No series may be missing more than `maximum_missing_share`.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FILLED_POOR, INTERPOLATED
from terraflux.drivers.record import Series
from terraflux.drivers.time_axis import TimeAxis

SHORT_GAP_SECONDS = 7200
WINDOWS_DAYS = (7, 14, 28, 56)


def runs(missing: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of true values."""
    edges = np.diff(np.concatenate([[0], missing.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()))


def fill_short(values: NDArray[np.float64], longest: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Bridge inner gaps of at most `longest` steps by a straight line; returns the values and what was filled."""
    missing = np.isnan(values)
    bridged = np.zeros_like(missing)
    for first, end in runs(missing):
        if end - first <= longest and first > 0 and end < values.size:
            bridged[first:end] = True
    if not bridged.any():
        return values, bridged
    places = np.arange(values.size)
    filled = values.copy()
    filled[bridged] = np.interp(places[bridged], places[~missing], values[~missing])
    return filled, bridged


def _by_day(values: NDArray[np.float64], axis: TimeAxis) -> tuple[NDArray[np.float64], int]:
    """Values as (day, step of day), padded with NaN to whole days, and the number of padded steps in front."""
    front = int(axis.step_of_day[0])
    days = int(axis.day_number[-1]) + 1
    padded = np.full(days * axis.steps_per_day, np.nan)
    padded[front:front + values.size] = values
    return padded.reshape(days, axis.steps_per_day), front


def fill_by_diurnal_mean(values: NDArray[np.float64], axis: TimeAxis) -> NDArray[np.float64]:
    """Every missing value as the mean of its time of day over neighbouring days; NaN where 56 each side lack it."""
    table, front = _by_day(values, axis)
    known = np.isfinite(table)
    sums = np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(np.where(known, table, 0.0), axis=0)])
    counts = np.concatenate([np.zeros((1, table.shape[1])), np.cumsum(known, axis=0)])
    days = np.arange(table.shape[0])
    filled = table.copy()
    for window in WINDOWS_DAYS:
        low, high = np.maximum(days - window, 0), np.minimum(days + window + 1, table.shape[0])
        number = counts[high] - counts[low]
        mean = (sums[high] - sums[low]) / np.maximum(number, 1.0)
        open_places = np.isnan(filled) & (number > 0)
        filled[open_places] = mean[open_places]
    return filled.reshape(-1)[front:front + values.size]


def copy_from_nearest_day(values: NDArray[np.float64], axis: TimeAxis) -> NDArray[np.float64]:
    """Every missing value from the same time of the nearest day that has one, the earlier of two."""
    table, front = _by_day(values, axis)
    filled = table.copy()
    days = np.arange(table.shape[0])
    for step in range(table.shape[1]):
        have = np.flatnonzero(np.isfinite(table[:, step]))
        lack = np.flatnonzero(np.isnan(table[:, step]))
        if have.size and lack.size:
            nearest = np.abs(days[lack, None] - have[None, :]).argmin(axis=1)
            filled[lack, step] = table[have[nearest], step]
    return filled.reshape(-1)[front:front + values.size]


def fill_gaps(variable: str, one: Series, axis: TimeAxis, *, rule: str, maximum_missing_share: float = 0.2,
              dark: NDArray[np.bool_] | None = None) -> list[str]:
    """Refuse or fill the gaps of a series in place; returns notes.

    `dark` marks steps without sun: there, missing shortwave is zero. Raises ForcingError where the rule refuses, where
    too much is missing, or where a gap is longer than the neighbouring days can fill.
    """
    if rule not in ("refuse", "fill"):
        raise ForcingError(f"the rule gaps={rule!r} is unknown", remedy="choose refuse or fill")
    missing = np.isnan(one.values)
    if not missing.any():
        return []
    first = axis.start[int(np.argmax(missing))]
    share = float(missing.mean())
    where = {"file": one.file, "variable": variable, "unit": one.declared, "time": first}
    if rule == "refuse":
        raise ForcingError(f"{int(missing.sum())} of {missing.size} values are missing",
                           remedy='fill them, or read with gaps="fill"', **where)
    if share > maximum_missing_share:
        raise ForcingError(f"{100 * share:.0f} % of values are missing, more than {100 * maximum_missing_share:.0f} %",
                           remedy="use a shorter period, another source, or raise maximum_missing_share", **where)
    values, flags = one.values.copy(), one.flags.copy()
    if variable == "shortwave_down" and dark is not None:
        values[missing & dark] = 0.0
        flags[missing & dark] = INTERPOLATED
    values, bridged = fill_short(values, SHORT_GAP_SECONDS // axis.step_seconds)
    flags[bridged] = INTERPOLATED
    rest = np.isnan(values)
    if rest.any():
        way = copy_from_nearest_day if variable == "precipitation" else fill_by_diurnal_mean
        values = np.where(rest, way(values, axis), values)
        flags[rest] = FILLED_POOR
    if np.isnan(values).any():
        raise ForcingError("a gap is longer than the neighbouring days can fill", file=one.file, variable=variable,
                           unit=one.declared, time=axis.start[int(np.argmax(np.isnan(values)))],
                           remedy="use a shorter period or another source")
    one.values, one.flags = values, flags
    bridged_count, rest_count = int((missing & ~rest).sum()), int(rest.sum())
    return [f"{variable}: {int(missing.sum())} missing values filled ({100 * share:.1f} %): {bridged_count} across "
            f"short gaps or in the dark, {rest_count} from neighbouring days"]
