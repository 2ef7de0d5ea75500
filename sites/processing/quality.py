"""Quality tests of raw series: range, repeated values, spikes. Nothing is deleted; every row gets a reason code.

Spikes after Papale et al. (2006, Biogeosciences 3:571): with the double difference of consecutive values of the same kind
(day or night),

    d_i = (x_i - x_(i-1)) - (x_(i+1) - x_i),

x_i is a spike where d_i lies beyond Md -+ z MAD / 0.6745, Md the median of d and MAD the median of |d - Md|, in blocks of
13 days, day and night apart. z is 4 (strict), 5.5 (the usual one) or 7 (lenient).
"""

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing.time_step import steps_per_day

BLOCK_DAYS = 13
Z_STRICT, Z_USUAL, Z_LENIENT = 4.0, 5.5, 7.0
MAD_TO_SD = 0.6745  # MAD of a normal distribution over its standard deviation
LEAST_DIFFERENCES = 5  # fewer in a block give no usable median
LONG_RUN_HOURS = 4.0

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Quality(IntEnum):
    """Reason codes of `quality_flags`; a row is fit where the code is 0."""

    FIT = 0
    MISSING = 1
    OUT_OF_RANGE = 2
    REPEATED = 3  # part of a long run of exactly equal values
    SPIKE = 4


PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "nee": (-100.0, 100.0),  # umol m-2 s-1
    "le": (-200.0, 1000.0),  # W m-2
    "h": (-400.0, 1000.0),  # W m-2
    "radiation": (-20.0, 1400.0),  # W m-2
    "temperature": (-70.0, 55.0),  # degC
    "vpd": (-0.5, 100.0),  # hPa
    "ustar": (0.0, 5.0),  # m s-1
    "wind_speed": (0.0, 60.0),  # m s-1
    "relative_humidity": (0.0, 105.0),  # percent
    "pressure": (400.0, 1100.0),  # hPa
}
"""Bounds of `out_of_range` by short name; wide, meant for broken rows and wrong units, not for weather."""


def _series(values: ArrayLike) -> Floats:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"a series has {series.ndim} dimensions; give one value per row")
    return np.where(np.isfinite(series), series, np.nan)


def out_of_range(values: ArrayLike, lowest: float, highest: float) -> Mask:
    """True where a value (any unit) lies outside [lowest, highest]; NaN is not out of range."""
    series = _series(values)
    with np.errstate(invalid="ignore"):
        return np.asarray((series < lowest) | (series > highest))


def repeated(values: ArrayLike, shortest: int) -> Mask:
    """True inside runs of at least `shortest` exactly equal values, missing values between them notwithstanding.

    Long runs hint at a stuck sensor or at a filler value. For radiation at night they are natural: do not test it.

    >>> repeated([1.0, 2.0, 2.0, float("nan"), 2.0, 3.0], 3).tolist()
    [False, True, True, False, True, False]
    """
    series = _series(values)
    marked = np.zeros(series.size, dtype=bool)
    rows = np.flatnonzero(np.isfinite(series))
    if rows.size == 0:
        return marked
    edges = np.concatenate(([0], np.flatnonzero(np.diff(series[rows]) != 0.0) + 1, [rows.size]))
    long = np.repeat(np.diff(edges) >= shortest, np.diff(edges))
    marked[rows[long]] = True
    return marked


def _block_spikes(difference: Floats, z: float) -> Mask:
    found = np.isfinite(difference)
    if np.count_nonzero(found) < LEAST_DIFFERENCES:
        return np.zeros(difference.size, dtype=bool)
    middle = np.median(difference[found])
    spread = z * np.median(np.abs(difference[found] - middle)) / MAD_TO_SD
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(difference - middle) > spread)


def spikes(values: ArrayLike, is_night: ArrayLike, *, z: float = Z_USUAL, step_minutes: float = 30.0) -> Mask:
    """True where a value (n,) is a spike against its neighbours of the same kind, day or night.

    `is_night` (n,) boolean; `z` 4, 5.5 or 7; `step_minutes` of the regular record. Neighbours are the nearest present values
    of the same kind in the 13-day block; the first and last of a block have only one and are not judged, nor is a block with
    fewer than 5 judged values. Equal neighbours throughout (MAD 0) make every departure a spike.
    """
    series, dark = _series(values), np.asarray(is_night, dtype=bool)
    if dark.shape != series.shape:
        raise ValueError(f"is_night has shape {dark.shape}, the series has {series.shape}; give one value per row")
    block = np.arange(series.size) // (BLOCK_DAYS * steps_per_day(step_minutes))
    marked = np.zeros(series.size, dtype=bool)
    for number in range(int(block[-1]) + 1 if series.size else 0):
        for kind in (True, False):
            rows = np.flatnonzero((block == number) & (dark == kind) & np.isfinite(series))
            present = series[rows]
            difference = np.full(rows.size, np.nan)
            difference[1:-1] = (present[1:-1] - present[:-2]) - (present[2:] - present[1:-1])
            marked[rows] = _block_spikes(difference, z)
    return marked


def quality_flags(
    values: ArrayLike,
    *,
    bounds: tuple[float, float] | None = None,
    is_night: ArrayLike | None = None,
    z: float = Z_USUAL,
    run_hours: float | None = LONG_RUN_HOURS,
    step_minutes: float = 30.0,
) -> NDArray[np.int8]:
    """Code of `Quality` for each row of a series (n,), the first test that a row fails: missing, range, run, spike.

    `bounds` (lowest, highest) in the unit of the series (see `PLAUSIBLE`), None to skip; `is_night` (n,) for the spike test,
    None to skip; `run_hours`: runs of equal values at least this long are marked (4 h, as REddyProc advises for NEE), None to
    skip. Rows that fail one test do not take part in the next.

    >>> quality_flags([1.0, float("nan"), 900.0], bounds=PLAUSIBLE["nee"]).tolist()
    [0, 1, 2]
    """
    series = _series(values)
    flags = np.where(np.isnan(series), Quality.MISSING, Quality.FIT).astype(np.int8)

    def remaining() -> Floats:
        return np.where(flags == Quality.FIT, series, np.nan)

    if bounds is not None:
        flags[out_of_range(remaining(), *bounds)] = Quality.OUT_OF_RANGE
    if run_hours is not None:
        shortest = max(2, round(run_hours * steps_per_day(step_minutes) / 24.0))
        flags[repeated(remaining(), shortest)] = Quality.REPEATED
    if is_night is not None:
        flags[spikes(remaining(), is_night, z=z, step_minutes=step_minutes)] = Quality.SPIKE
    return flags
