"""Random error of measured fluxes: by similar rows (FLUXNET2015), by paired days, by a line in the flux.

**Similar rows** (Pastorello et al. 2020, Sci. Data 7:225). Method 1: the standard deviation of measured fluxes within +-7 days
and +-1 hour of the same time of day in similar weather (tolerances as in gap filling), from more than five values. Method 2,
where that fails: the median of method 1 over rows of similar flux (+-20 %, at least 2 umol m-2 s-1 for NEE or 10 W m-2 for
heat) within +-14 days.

**Paired days** (Hollinger and Richardson 2005, Tree Physiol. 25:873): two fluxes exactly one day apart in like weather differ
by their errors, so e = (x1 - x2) / sqrt(2) has the spread of one error. It is close to a Laplace density exp(-|e|/b) / 2b,
whose standard deviation is sqrt(2) b.

**A line in the flux** (Richardson et al. 2006, Agric. For. Meteorol. 136:1): sigma = a + c F. The coefficients below are
quoted from memory of that paper and have not been checked against its table; prefer the other two where rows allow.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.sites.processing.gap_filling import (
    DIM_TOLERANCE,
    LOOK_UP_TABLE,
    RADIATION_TOLERANCE,
    TEMPERATURE_TOLERANCE,
    VPD_TOLERANCE,
    same_rows,
    similar_weather,
)
from terraflux.sites.processing.time_step import steps_per_day

HALF_WINDOW_DAYS = 7
SIMILAR_FLUX_DAYS = 14
MOST_TOO_FEW = 5  # method 1 needs more values than this
SIMILAR_FLUX_SHARE = 0.2
LEAST_FLUX_TOLERANCE = {"nee": 2.0, "le": 10.0, "h": 10.0}  # umol m-2 s-1, W m-2, W m-2

PPFD_TOLERANCE = 75.0  # umol m-2 s-1
PAIR_TEMPERATURE_TOLERANCE = 3.0  # K
WIND_TOLERANCE = 1.0  # m s-1

Floats = NDArray[np.float64]


class ErrorMethod(IntEnum):
    """Where the random error of a row comes from."""

    NONE = 0
    SIMILAR_WEATHER = 1
    SIMILAR_FLUX = 2


@dataclass(frozen=True)
class RandomError:
    """`sigma` standard deviation of the random error (unit of the flux), NaN where unknown; `method` codes of `ErrorMethod`
    (int8); `count` rows it rests on (int32). All shape (n,)."""

    sigma: Floats
    method: NDArray[np.int8]
    count: NDArray[np.int32]


@kernel
def _similar_weather_error(flux, radiation, temperature, deficit, tolerances, dim, per_day, days, sigma, count_of):  # type: ignore[no-untyped-def]
    """Method 1 for every measured row."""
    rows, near = flux.size, per_day // 24
    target = np.empty(3)
    tolerance = tolerances.copy()
    for row in range(rows):
        if np.isnan(flux[row]) or np.isnan(radiation[row]) or np.isnan(temperature[row]) or np.isnan(deficit[row]):
            continue
        target[0], target[1], target[2] = radiation[row], temperature[row], deficit[row]
        tolerance[0] = max(min(tolerances[0], radiation[row]), dim)
        count, mean, spread = 0, 0.0, 0.0
        for day in range(-days, days + 1):
            middle = row + day * per_day
            for k in range(max(0, middle - near), min(rows, middle + near + 1)):
                if np.isnan(flux[k]):
                    continue
                if similar_weather(k, radiation, temperature, deficit, target, tolerance, LOOK_UP_TABLE):
                    count += 1
                    step = flux[k] - mean
                    mean += step / count
                    spread += step * (flux[k] - mean)
        if count > MOST_TOO_FEW:
            sigma[row] = np.sqrt(spread / (count - 1))
            count_of[row] = count


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _median(values):  # type: ignore[no-untyped-def]
    values.sort()
    middle = values.size // 2
    return values[middle] if values.size % 2 else 0.5 * (values[middle - 1] + values[middle])


@kernel
def _similar_flux_error(flux, known, share, least, reach, sigma, count_of):  # type: ignore[no-untyped-def]
    """Method 2 for rows with a flux but no `known` error of method 1."""
    rows = flux.size
    found = np.empty(2 * reach + 1)
    for row in range(rows):
        if np.isnan(flux[row]) or not np.isnan(known[row]):
            continue
        tolerance = max(share * abs(flux[row]), least)
        count = 0
        for k in range(max(0, row - reach), min(rows, row + reach + 1)):
            if not np.isnan(known[k]) and abs(flux[k] - flux[row]) <= tolerance:
                found[count] = known[k]
                count += 1
        if count > 0:
            sigma[row] = _median(found[:count].copy())
            count_of[row] = count


def random_error(
    flux: ArrayLike,
    *,
    radiation: ArrayLike,
    temperature: ArrayLike,
    vpd: ArrayLike,
    filled: ArrayLike | None = None,
    kind: str = "nee",
    step_minutes: float = 30.0,
) -> RandomError:
    """Random error of each row from similar rows (methods 1 and 2 of FLUXNET2015).

    `flux`: measured (n,), NaN where missing; `filled`: the same without gaps, so that method 2 can serve filled rows too
    (None: measured rows only). `radiation` W m-2, `temperature` degC, `vpd` hPa, NaN where missing. `kind` "nee", "le" or "h"
    sets the least tolerance of similar flux. Rows without enough company keep NaN and method 0. ValueError for an unknown
    kind or shapes that do not fit.
    """
    if kind not in LEAST_FLUX_TOLERANCE:
        raise ValueError(f"flux kind '{kind}' is unknown; choose one of {', '.join(LEAST_FLUX_TOLERANCE)}")
    measured = np.ascontiguousarray(flux, dtype=np.float64)
    measured = np.where(np.isfinite(measured), measured, np.nan)
    rows, per_day = measured.size, steps_per_day(step_minutes)
    given = {"radiation": radiation, "temperature": temperature, "vpd": vpd}
    weather = [same_rows(column, rows, name) for name, column in given.items()]
    first, first_count = np.full(rows, np.nan), np.zeros(rows, np.int32)
    tolerances = np.array([RADIATION_TOLERANCE, TEMPERATURE_TOLERANCE, VPD_TOLERANCE])
    _similar_weather_error(measured, *weather, tolerances, DIM_TOLERANCE, per_day, HALF_WINDOW_DAYS, first, first_count)
    everywhere = measured if filled is None else np.where(np.isnan(measured), same_rows(filled, rows, "filled"), measured)
    second, second_count = np.full(rows, np.nan), np.zeros(rows, np.int32)
    _similar_flux_error(everywhere, first, SIMILAR_FLUX_SHARE, LEAST_FLUX_TOLERANCE[kind], SIMILAR_FLUX_DAYS * per_day,
                        second, second_count)
    by_weather, by_flux = np.isfinite(first), np.isfinite(second)
    method = np.where(by_weather, ErrorMethod.SIMILAR_WEATHER, np.where(by_flux, ErrorMethod.SIMILAR_FLUX, ErrorMethod.NONE))
    return RandomError(np.where(by_weather, first, second), method.astype(np.int8),
                       np.where(by_weather, first_count, second_count).astype(np.int32))


@dataclass(frozen=True)
class PairedDays:
    """Errors from paired days: `error` (x1 - x2) / sqrt 2 per pair (unit of the flux), `flux` mean of the pair, `row` of the
    first of each pair; `sigma` standard deviation of the errors, `laplace_scale` b their mean absolute deviation from the
    median. NaN with fewer than two pairs."""

    error: Floats
    flux: Floats
    row: NDArray[np.int64]
    sigma: float
    laplace_scale: float


def paired_days(
    flux: ArrayLike,
    *,
    ppfd: ArrayLike,
    temperature: ArrayLike,
    wind_speed: ArrayLike,
    step_minutes: float = 30.0,
    ppfd_tolerance: float = PPFD_TOLERANCE,
    temperature_tolerance: float = PAIR_TEMPERATURE_TOLERANCE,
    wind_tolerance: float = WIND_TOLERANCE,
) -> PairedDays:
    """Random errors from measured fluxes (n,) one day apart with like light (umol m-2 s-1), temperature and wind (m s-1).

    Rows with anything missing form no pair. Two errors add up in a difference, hence the division by sqrt 2.
    """
    measured = np.asarray(flux, dtype=np.float64)
    rows, day = measured.size, steps_per_day(step_minutes)
    near = np.isfinite(measured[day:]) & np.isfinite(measured[: rows - day if rows > day else 0])
    limits = ((ppfd, "ppfd", ppfd_tolerance), (temperature, "temperature", temperature_tolerance),
              (wind_speed, "wind_speed", wind_tolerance))
    for given, name, tolerance in limits:
        series = same_rows(given, rows, name)
        with np.errstate(invalid="ignore"):
            near &= np.abs(series[day:] - series[: near.size]) <= tolerance
    row = np.flatnonzero(near)
    error = (measured[row] - measured[row + day]) / np.sqrt(2.0)
    enough = row.size >= 2
    sigma = float(np.std(error, ddof=1)) if enough else float("nan")
    scale = float(np.mean(np.abs(error - np.median(error)))) if enough else float("nan")
    return PairedDays(error, 0.5 * (measured[row] + measured[row + day]), row, sigma, scale)


# (flux, surface): intercept and slope for F >= 0, then for F < 0; units of the flux
LINEAR_ERROR: dict[tuple[str, str], tuple[float, float, float, float]] = {
    ("nee", "forest"): (0.62, 0.63, 1.42, -0.19),
    ("nee", "grass"): (0.38, 0.30, 0.47, -0.12),
    ("h", "forest"): (19.7, 0.16, 10.0, -0.44),
    ("h", "grass"): (17.3, 0.07, 13.3, -0.16),
    ("le", "forest"): (15.3, 0.23, 6.2, -1.42),
    ("le", "grass"): (8.1, 0.16, 8.0, 0.0),
}


def linear_error(flux: ArrayLike, kind: str, surface: str) -> Floats:
    """Standard deviation (unit of the flux) by a line in the flux: `kind` nee (umol m-2 s-1), h or le (W m-2); `surface`
    forest or grass. The negative branch of LE over grass is a floor of 8 W m-2 of our own. See the warning above."""
    if (kind, surface) not in LINEAR_ERROR:
        raise ValueError(f"no line for flux '{kind}' over '{surface}'; choose nee, h or le and forest or grass")
    above, slope_above, below, slope_below = LINEAR_ERROR[kind, surface]
    values = np.asarray(flux, dtype=np.float64)
    return np.asarray(np.where(values >= 0.0, above + slope_above * values, below + slope_below * values))
