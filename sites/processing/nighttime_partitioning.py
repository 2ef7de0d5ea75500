"""Night-time partitioning of net ecosystem exchange after Reichstein et al. (2005) Global Change Biol. 11:1424.

At night the measured flux is respiration. Its temperature sensitivity E0 is fitted in windows of 15 days, the three windows
that know it best are averaged, and with this E0 the reference respiration R_ref is fitted every four days and interpolated
in between. Then everywhere

    Reco = R_ref exp(E0 (1 / (15 °C - T0) - 1 / (T - T0)))        GPP = Reco - NEE

The windows follow REddyProc 1.3.3 (Wutzler et al. 2018 Biogeosciences 15:5015) as its results for DE-Tha 1998 show them:

- days are those of the interval's END, so the interval that ends at midnight opens the next day;
- window centres start one day after the first full half window and step by 5 (E0) or 4 days (R_ref);
- the fit of E0 is repeated without the 5 % lowest and 5 % highest residuals, and this second fit counts;
- E0 is rounded to 0.01 K; R_ref holds at the mean record number of its window's night data (rounded half to even).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing.lloyd_taylor import (
    FITTED,
    REFERENCE_TEMPERATURE,
    fit_reference_respiration,
    fit_respiration,
    respiration,
)
from terraflux.sites.processing.night import night

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

REASONS: Final = {
    0: "ok",
    1: "too few night records in the window",
    2: "temperature range of the window too small",
    3: "fit did not converge",
    4: "temperature sensitivity out of bounds",
    5: "no usable night record in the window; R_ref interpolated",
    6: "reference respiration was not positive; set to the smallest allowed",
}
"""What the reason code of a window says."""


@dataclass(frozen=True)
class NighttimeOptions:
    """Rules of the night-time partitioning; defaults are those of REddyProc 1.3.3."""

    radiation_limit: float = 10.0
    """Night where global radiation is at most this (W m-2) and potential radiation is zero."""
    sensitivity_half_window: int = 7
    """Days on each side of the centre of a window for E0."""
    sensitivity_step: int = 5
    """Days between windows for E0."""
    reference_half_window: int = 3
    """Days on each side of the centre of a window for R_ref."""
    reference_step: int = 4
    """Days between windows for R_ref."""
    minimum_records: int = 7
    """Least night records of a window for E0."""
    temperature_range: float = 5.0
    """Least range of night temperature in a window for E0, K."""
    trimmed_percent: float = 5.0
    """Share of residuals cut at either end before the second fit, %."""
    sensitivity_bounds: tuple[float, float] = (30.0, 450.0)
    """E0 outside is not used, K."""
    best_windows: int = 3
    """How many of the best known E0 are averaged."""
    smallest_reference: float = 1e-6
    """Stands for a reference respiration that is not positive, umol m-2 s-1."""
    fixed_sensitivity: float | None = None
    """An E0 (K) that replaces the fit."""


@dataclass(frozen=True)
class SensitivityWindows:
    """One entry a window of the E0 fit; NaN where the window failed, `reason` (see REASONS) says why."""

    centre_day: NDArray[np.int64]
    """Day number of the centre; 0 is the day on which the first interval ends."""
    records: NDArray[np.int64]
    sensitivity: Floats
    """E0 of the trimmed fit, K."""
    sensitivity_error: Floats
    """Its standard error, K."""
    reason: NDArray[np.int8]
    used: Flags
    """Whether this window is in the mean."""


@dataclass(frozen=True)
class ReferenceWindows:
    """One entry a window of the R_ref fit; `reason` as in REASONS."""

    centre_day: NDArray[np.int64]
    records: NDArray[np.int64]
    position: NDArray[np.int64]
    """Record to which the value belongs, -1 where there is none."""
    reference_respiration: Floats
    """umol m-2 s-1."""
    reference_error: Floats
    """Standard error, umol m-2 s-1."""
    reason: NDArray[np.int8]


@dataclass(frozen=True)
class NighttimePartitioning:
    """Result of the night-time partitioning; arrays of one value a record unless said otherwise."""

    reco: Floats
    """Ecosystem respiration, umol m-2 s-1; NaN where the temperature is missing."""
    gpp: Floats
    """Gross primary production, Reco - NEE, umol m-2 s-1; takes both signs at night."""
    reference_respiration: Floats
    """Interpolated R_ref, umol m-2 s-1."""
    sensitivity: float
    """E0, K; NaN where no window gave one: then reco and gpp are NaN and `message` says so."""
    night: Flags
    """Records that served as night-time respiration."""
    sensitivity_windows: SensitivityWindows
    reference_windows: ReferenceWindows
    message: str
    """Empty, or what went wrong."""


def day_number(records: int, records_per_day: int, first_record: int = 1) -> NDArray[np.int64]:
    """Day of the END of each interval, counted from 0.

    `first_record` is the number of intervals from midnight to the end of the first one: 1 for a series that starts at
    midnight (first stamp 00:30).
    """
    return (np.arange(records) + first_record) // records_per_day


def night_records(
    nee: Floats, nee_quality: NDArray, temperature: Floats, temperature_quality: NDArray, radiation: Floats,
    potential_radiation: Floats, radiation_limit: float = 10.0,
) -> Flags:
    """Measured (quality 0) night records of finite flux and temperature, radiation in W m-2."""
    dark = night(radiation, potential_radiation, rule="both", threshold=radiation_limit)
    return dark & (nee_quality == 0) & (temperature_quality == 0) & np.isfinite(nee) & np.isfinite(temperature)


def _same_length(**arrays: ArrayLike) -> list[Floats]:
    made = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in arrays.items()}
    sizes = {name: values.size for name, values in made.items()}
    if len(set(sizes.values())) > 1 or any(values.ndim != 1 for values in made.values()):
        raise ValueError(f"partitioning needs one value a record for every variable; got lengths {sizes}")
    return list(made.values())


def sensitivity_windows(temperature: Floats, flux: Floats, day: NDArray, options: NighttimeOptions) -> SensitivityWindows:
    """E0 in each window, from night records only (arrays of the night records: °C, umol m-2 s-1, ascending day number)."""
    half, last = options.sensitivity_half_window, (int(day[-1]) if day.size else -1)
    centres = np.arange(half + 1, last + 1, options.sensitivity_step)
    count = np.zeros(centres.size, np.int64)
    value, error = np.full(centres.size, np.nan), np.full(centres.size, np.nan)
    reason = np.zeros(centres.size, np.int8)
    low, high = options.sensitivity_bounds
    for w, centre in enumerate(centres):
        first, stop = np.searchsorted(day, [centre - half, centre + half + 1])
        t, f = temperature[first:stop], flux[first:stop]
        count[w] = t.size
        if t.size < options.minimum_records:
            reason[w] = 1
            continue
        if np.ptp(t) < options.temperature_range:
            reason[w] = 2
            continue
        rref, e0, _, _, status = fit_respiration(t, f, REFERENCE_TEMPERATURE, 100.0)
        if status == FITTED:
            residual = f - respiration(t, rref, e0)
            cut = np.quantile(residual, [options.trimmed_percent / 100.0, 1.0 - options.trimmed_percent / 100.0])
            kept = (residual >= cut[0]) & (residual <= cut[1])
            rref, e0, _, e0_error, status = fit_respiration(t[kept], f[kept], REFERENCE_TEMPERATURE, 100.0)
        if status != FITTED:
            reason[w] = 3
            continue
        value[w], error[w] = e0, e0_error
        if not low < e0 < high:
            reason[w] = 4
    good = np.flatnonzero(reason == 0)
    best = good[np.argsort(error[good], kind="stable")[: options.best_windows]]
    used = np.zeros(centres.size, bool)
    used[best] = True
    return SensitivityWindows(centres, count, value, error, reason, used)


def reference_windows(
    temperature: Floats, flux: Floats, day: NDArray, record: NDArray, sensitivity: float, last_day: int,
    options: NighttimeOptions,
) -> ReferenceWindows:
    """R_ref in each window for a given E0 (K), from night records only; `record` is their place in the whole series."""
    half = options.reference_half_window
    centres = np.arange(half + 1, last_day + 1, options.reference_step)
    count = np.zeros(centres.size, np.int64)
    position = np.full(centres.size, -1, np.int64)
    value, error = np.full(centres.size, np.nan), np.full(centres.size, np.nan)
    reason = np.zeros(centres.size, np.int8)
    for w, centre in enumerate(centres):
        first, stop = np.searchsorted(day, [centre - half, centre + half + 1])
        count[w] = stop - first
        if stop == first:
            reason[w] = 5
            continue
        value[w], error[w] = fit_reference_respiration(
            temperature[first:stop], flux[first:stop], sensitivity, REFERENCE_TEMPERATURE
        )
        # record numbers counted from one decide which way a half is rounded
        position[w] = int(np.rint(record[first:stop].mean() + 1.0)) - 1
        if not value[w] > 0.0:
            value[w], reason[w] = options.smallest_reference, 6
    return ReferenceWindows(centres, count, position, value, error, reason)


def partition_nighttime(
    nee: ArrayLike,
    nee_quality: ArrayLike,
    temperature: ArrayLike,
    temperature_quality: ArrayLike,
    radiation: ArrayLike,
    potential_radiation: ArrayLike,
    *,
    records_per_day: int = 48,
    first_record: int = 1,
    options: NighttimeOptions | None = None,
) -> NighttimePartitioning:
    """Partition net ecosystem exchange with respiration learnt at night (Reichstein et al. 2005).

    Parameters
    ----------
    nee
        Gap-filled net ecosystem exchange, positive upward, umol m-2 s-1, one value a record.
    nee_quality, temperature_quality
        0 where measured; other records are never fitted.
    temperature
        Gap-filled air (or soil) temperature, °C.
    radiation, potential_radiation
        Global and extraterrestrial (potential) radiation, W m-2; they decide what is night. A record without radiation is not.
    records_per_day
        48 for half hours, 24 for hours.
    first_record
        Intervals from midnight to the end of the first record; 1 for a series that starts at midnight.
    options
        Rules, `NighttimeOptions()` by default.

    Raises
    ------
    ValueError
        Where the arrays differ in length. A window that fails never raises: it is left out and carries a reason code.
    """
    rules = options or NighttimeOptions()
    flux, quality, t, t_quality, rg, potential = _same_length(
        nee=nee, nee_quality=nee_quality, temperature=temperature, temperature_quality=temperature_quality,
        radiation=radiation, potential_radiation=potential_radiation,
    )
    chosen = night_records(flux, quality, t, t_quality, rg, potential, rules.radiation_limit)
    day = day_number(flux.size, records_per_day, first_record)
    record = np.flatnonzero(chosen)
    windows = sensitivity_windows(t[chosen], flux[chosen], day[chosen], rules)
    message = ""
    if rules.fixed_sensitivity is not None:
        sensitivity = float(rules.fixed_sensitivity)
    elif windows.used.any():
        sensitivity = round(float(windows.sensitivity[windows.used].mean()), 2)
    else:
        sensitivity = np.nan
        message = (
            "no window gave a temperature sensitivity (see sensitivity_windows.reason): widen the windows, lower"
            " temperature_range or give fixed_sensitivity"
        )
    last_day = int(day[-1]) if day.size else -1
    reference = reference_windows(t[chosen], flux[chosen], day[chosen], record, sensitivity, last_day, rules)
    known = (reference.position >= 0) & np.isfinite(reference.reference_respiration)
    rref = np.full(flux.size, np.nan)
    if known.any() and np.isfinite(sensitivity):
        rref = np.interp(np.arange(flux.size), reference.position[known], reference.reference_respiration[known])
    elif not message:
        message = "no window has a usable night record: nothing to learn respiration from"
    reco = respiration(t, rref, sensitivity)
    return NighttimePartitioning(reco, reco - flux, rref, sensitivity, chosen, windows, reference, message)
