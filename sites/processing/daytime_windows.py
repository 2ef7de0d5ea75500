"""Windows of the daytime partitioning: temperature sensitivity by night, light response by day (see `daytime_partitioning`)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing import light_response as light
from terraflux.sites.processing.lloyd_taylor import (
    FITTED,
    REFERENCE_TEMPERATURE,
    fit_reference_respiration,
    fit_respiration,
    respiration,
)
from terraflux.sites.processing.sensitivity_smoothing import smoothed

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

REASONS: Final = {
    0: "ok",
    1: "too few daytime records in the window",
    3: "fit of the light response did not converge",
    4: "alpha, beta or R_ref out of bounds",
    5: "beta above 100 and no better known than its own size",
    6: "no temperature sensitivity anywhere in the series",
    7: "fit not robust: too many resampled fits failed or left the bounds",
}
"""What the reason code of a window says."""


@dataclass(frozen=True)
class DaytimeOptions:
    """Rules of the daytime partitioning; defaults follow the documented defaults of REddyProc 1.3.3."""

    radiation_limit: float = 4.0
    """Day where global radiation is above this, night where it is not and potential radiation is zero, W m-2."""
    window_days: int = 4
    step_days: int = 2
    night_windows: tuple[int, ...] = (12, 24, 48)
    """Days of the window for E0; the next is tried where one fails."""
    minimum_records: int = 10
    """Least records of a window, night and day."""
    sensitivity_bounds: tuple[float, float] = (50.0, 400.0)
    """E0 outside is not used, K."""
    smooth_sensitivity: bool = True
    """Smooth E0 across windows; else a window without E0 takes that of the window before it."""
    fixed_sensitivity: tuple[float, float] | None = None
    """(E0, its standard deviation), K, in place of the fit to night records."""
    bound_low_spread: float = 0.3
    """Spreads of NEE below this quantile within a window are raised to it; 0 leaves them."""
    spread_fallback: tuple[float, float] = (0.2, 0.7)
    """A missing spread is this share of |NEE|, but at least the second number, umol m-2 s-1. Where the whole series has no
    spread all records weigh the same instead: a share of |NEE| everywhere favours small fluxes and biases GPP low."""
    prior_deviation: tuple[float, float, float, float] = (50.0, 600.0, 10.0, 80.0)
    """Standard deviations of the priors of k, beta0, alpha and R_ref (the weak priors of ONEFlux)."""
    beta_guesses: tuple[float, ...] = (1.0, 1.3, 0.8)
    """Factors on the first guess of beta0; the fit of least cost counts."""
    largest_alpha: float = 0.22
    """A larger alpha is replaced by that of the last valid window, umol J-1."""
    largest_beta: float = 250.0
    """umol m-2 s-1."""
    vapour_pressure_effect: bool = True
    """Whether k is fitted at all."""
    bootstraps: int = 30
    """Draws for the errors of parameters and fluxes; 0 takes them from the curvature of the fit."""
    largest_failed_share: float = 1.0
    """A window of which more than this share of draws fails or leaves the bounds is left out; 1 keeps all."""
    seed: int = 0
    """Of the draws; the same seed gives the same bits."""


@dataclass(frozen=True)
class DaytimeWindows:
    """One entry a window; parameters are NaN where the window failed, and `reason` (see REASONS) says why."""

    first_day: NDArray[np.int64]
    position: Floats
    """Mean record number of the records fitted; the parameters hold there. NaN without records."""
    records: NDArray[np.int64]
    sensitivity_fit: Floats
    """E0 from the night records of this window alone, K."""
    sensitivity_fit_error: Floats
    sensitivity: Floats
    """E0 used (smoothed), K."""
    sensitivity_error: Floats
    night_reference: Floats
    """R_ref from night records, umol m-2 s-1: the first guess. NaN without night: then that of an earlier window serves, or
    else the largest fluxes of the day."""
    parameters: Floats
    """(window, 4): k hPa-1, beta0 umol m-2 s-1, alpha umol J-1, R_ref umol m-2 s-1."""
    without_vpd: Floats
    """(window, 4): the same fitted with k = 0, for records without vapour pressure deficit; NaN where not needed."""
    covariance: Floats
    """(window, 5, 5): of the four parameters and E0."""
    refit: NDArray[np.int8]
    """0 as fitted, 1 with k = 0, 2 with alpha of an earlier window, 3 both."""
    reason: NDArray[np.int8]


@dataclass
class Series:
    """Checked input of one run, one value a record: umol m-2 s-1, °C, hPa and W m-2."""

    nee: Floats
    spread: Floats
    temperature: Floats
    deficit: Floats
    radiation: Floats
    day: Flags
    night: Flags
    per_day: int


def checked_series(arrays: dict[str, ArrayLike], per_day: int, rules: DaytimeOptions) -> Series:
    """Arrays of one length with missing spreads replaced and the measured records of day and night marked."""
    made = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in arrays.items()}
    sizes = {name: values.size for name, values in made.items()}
    if len(set(sizes.values())) > 1 or any(values.ndim != 1 for values in made.values()):
        raise ValueError(f"partitioning needs one value a record for every variable; got lengths {sizes}")
    nee, rg, spread = made["nee"], made["radiation"], made["nee_spread"].copy()
    missing = ~(np.isfinite(spread) & (spread > 0.0))
    share, least = rules.spread_fallback
    spread[missing] = 1.0 if missing.all() else np.maximum(np.abs(nee[missing]) * share, least)
    measured = (made["nee_quality"] == 0) & np.isfinite(nee) & np.isfinite(made["temperature"]) & np.isfinite(rg)
    bright = rg > rules.radiation_limit
    return Series(
        nee, spread, made["temperature"], made["vapour_pressure_deficit"], rg,
        measured & bright, measured & ~bright & (made["potential_radiation"] <= 0.0), per_day,
    )


def _night_of(series: Series, first_day: int, days: int, rules: DaytimeOptions) -> NDArray[np.int64]:
    """Night records in a window of `days` days around the window that starts at `first_day`."""
    middle = first_day + rules.window_days // 2
    start = max(0, (middle - days // 2) * series.per_day)
    stop = (middle - days // 2 + days) * series.per_day
    return np.flatnonzero(series.night[start:stop]) + start


def _fit_sensitivities(series: Series, first_days: NDArray, rules: DaytimeOptions) -> tuple[Floats, Floats]:
    """E0 and its standard error in each window, K; NaN where no night window gave one within the bounds."""
    value, error = np.full(first_days.size, np.nan), np.full(first_days.size, np.nan)
    low, high = rules.sensitivity_bounds
    for w, first in enumerate(first_days):
        for days in rules.night_windows:
            rows = _night_of(series, int(first), days, rules)
            if rows.size < rules.minimum_records:
                continue
            t = series.temperature[rows]
            # a reference in the middle of the data keeps R_ref and E0 apart
            _, e0, _, e0_error, status = fit_respiration(t, series.nee[rows], float(np.median(t)), 100.0)
            if status == FITTED and low <= e0 <= high and e0_error > 0.0:
                value[w], error[w] = e0, e0_error
                break
    return value, error


def _carried(values: Floats) -> Floats:
    """The last finite value up to each place; before the first one, the first."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        return values
    last = np.searchsorted(known, np.arange(values.size), side="right") - 1
    return values[known[np.maximum(last, 0)]]


def _sensitivities(fit: Floats, error: Floats, first_days: NDArray, rules: DaytimeOptions) -> tuple[Floats, Floats]:
    if rules.fixed_sensitivity is not None:
        return tuple(np.full(first_days.size, float(v)) for v in rules.fixed_sensitivity)  # type: ignore[return-value]
    if not rules.smooth_sensitivity:
        return _carried(fit), _carried(error)
    smooth, deviation = smoothed(first_days.astype(float), fit, error, first_days.astype(float))
    return np.clip(smooth, *rules.sensitivity_bounds), deviation


def _night_reference(series: Series, first: int, e0: float, rules: DaytimeOptions) -> float:
    for days in (rules.window_days, *rules.night_windows):
        rows = _night_of(series, first, days, rules)
        if rows.size >= rules.minimum_records:
            rref, _ = fit_reference_respiration(series.temperature[rows], series.nee[rows], e0, REFERENCE_TEMPERATURE)
            return max(float(rref), 1e-3)
    return np.nan


def _bounded_fit(data: tuple, prior: Floats, last_alpha: float, vpd: bool, rules: DaytimeOptions):
    """(parameters, covariance, whether k was fitted at all, refit, reason) of one window."""
    vpd = vpd and bool((data[1] > 0.0).any())
    starts = np.tile(prior, (len(rules.beta_guesses), 1))
    starts[:, light.BETA] *= rules.beta_guesses
    theta, covariance, free = np.full(4, np.nan), np.zeros((4, 4)), np.array([vpd, True, True, True])
    status, refit = light.fit_within_bounds(
        *data, np.arange(data[0].size), prior, np.asarray(rules.prior_deviation), free, starts, last_alpha,
        rules.largest_alpha, rules.largest_beta, theta, covariance,
    )
    return theta, covariance, vpd, refit, {light.FITTED: 0, light.NOT_CONVERGED: 3, light.OUT_OF_BOUNDS: 4}[status]


def _resampled(data: tuple, t: Floats, best: Floats, prior: Floats, vpd: bool, last_alpha: float, e0: tuple[float, float],
               rules: DaytimeOptions, random: np.random.Generator) -> tuple[Floats, float]:
    """(covariance of the parameters and E0, share of failed draws) from refits of resampled records with E0 drawn anew."""
    n, draws = t.size, rules.bootstraps
    drawn = np.clip(random.normal(*e0, draws), *rules.sensitivity_bounds)
    rows = random.integers(0, n, (draws, n))
    responses = respiration(t[None, :], 1.0, drawn[:, None])
    found = np.empty((draws, 4))
    rg, excess, _, nee, sd = data
    light.bootstrap_light_response(
        rg, excess, responses, nee, sd, rows, prior, np.asarray(rules.prior_deviation), vpd, best, last_alpha,
        rules.largest_alpha, rules.largest_beta, found,
    )
    kept = np.isfinite(found).all(axis=1)
    failed = 1.0 - float(kept.mean())
    if kept.sum() < 3:
        return np.full((5, 5), np.nan), failed
    return np.cov(np.column_stack([found[kept], drawn[kept]]), rowvar=False), failed


def _window_rows(series: Series, first: int, rules: DaytimeOptions) -> NDArray[np.int64]:
    start, stop = first * series.per_day, (first + rules.window_days) * series.per_day
    return np.flatnonzero(series.day[start:stop]) + start


def fit_windows(series: Series, rules: DaytimeOptions) -> DaytimeWindows:
    """E0, R_ref, k, beta0 and alpha of every window; a window that fails carries its reason."""
    days = -(-series.nee.size // series.per_day)
    first_days = np.arange(0, max(days, 0), rules.step_days)
    count = first_days.size
    fit, fit_error = _fit_sensitivities(series, first_days, rules)
    e0, e0_error = _sensitivities(fit, fit_error, first_days, rules)
    windows = DaytimeWindows(
        first_days, np.full(count, np.nan), np.zeros(count, np.int64), fit, fit_error, e0, e0_error, np.full(count, np.nan),
        np.full((count, 4), np.nan), np.full((count, 4), np.nan), np.full((count, 5, 5), np.nan),
        np.zeros(count, np.int8), np.zeros(count, np.int8),
    )
    random = np.random.default_rng(rules.seed)
    excess = np.maximum(series.deficit - light.VPD_THRESHOLD, 0.0)
    humid_known = np.isfinite(series.deficit)
    last_alpha, first_guess = np.nan, np.nan
    for w, first in enumerate(first_days):
        rows = _window_rows(series, int(first), rules)
        known = rows[humid_known[rows]] if rules.vapour_pressure_effect else rows
        windows.records[w] = known.size
        if not np.isfinite(e0[w]):
            windows.reason[w] = 6
            continue
        windows.night_reference[w] = _night_reference(series, int(first), float(e0[w]), rules)
        if np.isfinite(windows.night_reference[w]):
            first_guess = float(windows.night_reference[w])
        enough = known.size >= rules.minimum_records
        if rows.size > known.size and rows.size >= rules.minimum_records:
            data, prior = _daytime_data(series, rows, np.zeros_like(excess), float(e0[w]), first_guess, rules)
            theta, _, _, _, reason = _bounded_fit(data, prior, last_alpha, False, rules)
            if reason == 0:
                windows.without_vpd[w] = theta
        if not enough:
            windows.reason[w] = 1
            continue
        data, prior = _daytime_data(series, known, excess, float(e0[w]), first_guess, rules)
        theta, covariance, vpd, windows.refit[w], reason = _bounded_fit(
            data, prior, last_alpha, rules.vapour_pressure_effect, rules
        )
        if reason == 0:
            if rules.bootstraps > 0:
                covariance, failed = _resampled(
                    data, series.temperature[known], theta, prior, vpd, last_alpha, (float(e0[w]), float(e0_error[w])), rules,
                    random,
                )
                if failed > rules.largest_failed_share:
                    reason = 7
            windows.covariance[w, :, :] = 0.0
            windows.covariance[w, : covariance.shape[0], : covariance.shape[0]] = covariance
            if theta[light.BETA] > 100.0 and windows.covariance[w, light.BETA, light.BETA] >= theta[light.BETA] ** 2:
                reason = 5
        windows.reason[w] = reason
        windows.position[w] = known.mean()
        if reason == 0:
            windows.parameters[w] = theta
            last_alpha = float(theta[light.ALPHA])
    return windows


def _daytime_data(series: Series, rows: NDArray, excess: Floats, e0: float, rref: float, rules: DaytimeOptions):
    """(arrays the fit needs, prior of the parameters) for the daytime records of a window."""
    nee, sd = series.nee[rows], series.spread[rows]
    if rules.bound_low_spread > 0.0:
        sd = np.maximum(sd, np.quantile(sd, rules.bound_low_spread))
    low, high = np.quantile(nee, [0.03, 0.97])
    prior = np.array([0.0, max(high - low, 1e-3), 0.1, rref if np.isfinite(rref) else max(high, 0.5)])
    return (series.radiation[rows], excess[rows], respiration(series.temperature[rows], 1.0, e0), nee, sd), prior
