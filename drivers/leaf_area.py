"""Leaf area index of a site: satellite or field series from a CSV, a constant, or none (the model's phenology)."""

import os

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.provenance import INTERPOLATED, PRESCRIBED
from terraflux.drivers.safe_files import header_of, read_table
from terraflux.drivers.time_axis import TimeAxis

LARGEST = 15.0
FEWEST_PIXELS = 3
MEDIAN_COMPOSITES = 5
SMOOTHING_DAYS = 16.0
_DATE_COLUMNS = ("date", "Date", "time")
_VALUE_COLUMNS = ("value", "lai", "LAI", "Lai_mean3x3", "Lai_center")


def read_leaf_area(path: str | os.PathLike[str], column: str | None = None
                   ) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Dates and leaf area index (m2 m-2) of a CSV with a `date` column and a value column, screened.

    `column` names the values; without it the first of value, lai, LAI, Lai_mean3x3, Lai_center is taken. Empty cells
    are left out, and so are pixel means of fewer than 3 valid pixels where a column n_valid_3x3 tells. Values outside
    0..15 and dates out of order are refused.
    """
    header = header_of(path)
    date_name = next((name for name in _DATE_COLUMNS if name in header), None)
    name = column if column is not None else next((known for known in _VALUE_COLUMNS if known in header), None)
    if date_name is None or name is None:
        raise ForcingError("the leaf area file needs a column `date` and a column of values", file=path,
                           variable="prescribed_leaf_area_index",
                           remedy=f"name the column; there are {', '.join(header)}")
    if name not in header:
        raise ForcingError(f"there is no column {name!r}", file=path, variable="prescribed_leaf_area_index",
                           remedy=nearest(name, header))
    table = read_table(path, columns=(name, "n_valid_3x3"), text_columns=(date_name,))
    try:
        dates = table[date_name].str.strip().to_numpy().astype("datetime64[D]")
    except ValueError as trouble:
        raise ForcingError(f"a date is not understood: {trouble}", file=path, variable=date_name,
                           remedy="write dates as YYYY-MM-DD") from trouble
    values = table[name].to_numpy(dtype=float)
    keep = np.isfinite(values)
    if name.endswith("mean3x3") and "n_valid_3x3" in table:
        keep &= table["n_valid_3x3"].to_numpy(dtype=float) >= FEWEST_PIXELS
    dates, values = dates[keep], values[keep]
    if values.size < 2 or (np.diff(dates).astype(int) <= 0).any():
        raise ForcingError("the leaf area series is too short or not in order of time", file=path, variable=name,
                           remedy="give at least two dates in order")
    if values.min() < 0.0 or values.max() > LARGEST:
        raise ForcingError(f"leaf area index of {values.min():g}..{values.max():g} lies outside 0..{LARGEST:g}",
                           file=path, variable=name, unit="m2 m-2", remedy="check the scale factor and the fill value")
    return dates, values


def smooth(dates: NDArray[np.datetime64], values: NDArray[np.float64], days: float = SMOOTHING_DAYS
           ) -> NDArray[np.float64]:
    """A series of composites freed of spikes: running median of five, then a triangular mean of +-`days`.

    Clouds make single composites drop; the median removes them and the mean keeps the seasonal course.
    """
    half = MEDIAN_COMPOSITES // 2
    padded = np.pad(values, half, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_COMPOSITES), axis=1)
    place = dates.astype("datetime64[D]").astype(float)
    result = np.empty_like(median)
    for row in range(place.size):
        low, high = np.searchsorted(place, (place[row] - days, place[row] + days), side="left")
        weight = 1.0 - np.abs(place[low:high] - place[row]) / days
        result[row] = np.average(median[low:high], weights=np.maximum(weight, 1e-9))
    return result


def leaf_area_series(axis: TimeAxis, path: str | os.PathLike[str], *, column: str | None = None, smoothed: bool = True,
                     composite_days: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.int8], list[str]]:
    """Leaf area index of every step, its flags and notes: a series from a CSV, smoothed and interpolated linearly.

    `composite_days` is the length of a composite whose date is its first day (4 for MCD15A3H, 8 for MCD15A2H): values
    hold for its middle. Steps more than 30 days outside the series are refused.
    """
    dates, raw = read_leaf_area(path, column)
    values = smooth(dates, raw) if smoothed else raw
    middle = dates.astype("datetime64[s]").astype(float) + composite_days * 43200.0
    wanted = axis.start.astype("datetime64[s]").astype(float)
    if wanted[0] < middle[0] - 30 * 86400.0 or wanted[-1] > middle[-1] + 30 * 86400.0:
        raise ForcingError(f"the leaf area series covers {dates[0]} to {dates[-1]}, not the record", file=path,
                           variable="prescribed_leaf_area_index", time=axis.start[0],
                           remedy="give a series that covers the record, a constant, or phenology")
    series = np.interp(wanted, middle, values)
    flags = np.full(series.shape, INTERPOLATED, dtype=np.int8)
    how = f"smoothed over +-{SMOOTHING_DAYS:g} days and interpolated" if smoothed else "interpolated"
    return series, flags, [f"leaf area index from {os.path.basename(path)}, {dates.size} dates, {how}"]


def constant_leaf_area(axis: TimeAxis, value: float) -> tuple[NDArray[np.float64], NDArray[np.int8], list[str]]:
    """The same leaf area index (m2 m-2) at every step, flagged prescribed."""
    if not 0.0 <= value <= LARGEST:
        raise ForcingError(f"leaf area index {value:g} lies outside 0..{LARGEST:g}",
                           variable="prescribed_leaf_area_index", unit="m2 m-2",
                           remedy="give one-sided leaf area per ground area")
    shape = axis.start.shape
    flags = np.full(shape, PRESCRIBED, dtype=np.int8)
    return np.full(shape, value), flags, [f"leaf area index prescribed as {value:g}"]


def absent_leaf_area(axis: TimeAxis) -> tuple[NDArray[np.float64], NDArray[np.int8], list[str]]:
    """Zeros, for a run in which the model's phenology makes leaf area."""
    shape = axis.start.shape
    return (np.zeros(shape), np.full(shape, PRESCRIBED, dtype=np.int8),
            ["no leaf area index given: the model's growing-season phenology makes it"])
