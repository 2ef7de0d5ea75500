"""Daytime partitioning of net ecosystem exchange after Lasslop et al. (2010) Global Change Biol. 16:187.

By day the measured flux tells both photosynthesis and respiration: its response to light, humidity and temperature is fitted
in windows of 4 days every 2 days (see `light_response`), in the order of REddyProc (Wutzler et al. 2018 Biogeosciences
15:5015):

1. the temperature sensitivity E0 is fitted to night records in windows of 12 days around each window, wider where that fails;
2. E0 is smoothed across windows by a Gaussian process (`sensitivity_smoothing`);
3. with it, the night's reference respiration gives the first guess of R_ref;
4. k, beta0, alpha and R_ref are fitted to the day's records, weighted by the spread of NEE, E0 held;
5. parameters out of bounds are fixed and the rest fitted again, or the window is left out with a reason code;
6. fluxes of every record are predicted with the parameters of the valid windows before and after it and mixed by distance.
"""

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
    2: "no night record near the window",
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
    """A missing spread is this share of |NEE|, but at least the second number, umol m-2 s-1."""
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
    """R_ref from night records, umol m-2 s-1: the first guess."""
    parameters: Floats
    """(window, 4): k hPa-1, beta0 umol m-2 s-1, alpha umol J-1, R_ref umol m-2 s-1."""
    without_vpd: Floats
    """(window, 4): the same fitted with k = 0, for records without vapour pressure deficit; NaN where not needed."""
    covariance: Floats
    """(window, 5, 5): of the four parameters and E0."""
    refit: NDArray[np.int8]
    """0 as fitted, 1 with k = 0, 2 with alpha of an earlier window, 3 both."""
    reason: NDArray[np.int8]


@dataclass(frozen=True)
class DaytimePartitioning:
    """Result of the daytime partitioning; one value a record unless said otherwise."""

    reco: Floats
    """Ecosystem respiration, umol m-2 s-1."""
    gpp: Floats
    """Gross primary production, umol m-2 s-1; zero in the dark."""
    reco_error: Floats
    """Standard deviation from that of the parameters, umol m-2 s-1."""
    gpp_error: Floats
    windows: DaytimeWindows
    message: str
    """Empty, or what went wrong: then reco and gpp are NaN."""


@dataclass
class _Series:
    """Checked input of one run."""

    nee: Floats
    spread: Floats
    temperature: Floats
    deficit: Floats
    radiation: Floats
    day: Flags
    night: Flags
    per_day: int


def _prepared(arrays: dict[str, ArrayLike], per_day: int, rules: DaytimeOptions) -> _Series:
    made = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in arrays.items()}
    sizes = {name: values.size for name, values in made.items()}
    if len(set(sizes.values())) > 1 or any(values.ndim != 1 for values in made.values()):
        raise ValueError(f"partitioning needs one value a record for every variable; got lengths {sizes}")
    nee, rg, spread = made["nee"], made["radiation"], made["nee_spread"].copy()
    missing = ~(np.isfinite(spread) & (spread > 0.0))
    share, least = rules.spread_fallback
    spread[missing] = np.maximum(np.abs(nee[missing]) * share, least)
    measured = (made["nee_quality"] == 0) & np.isfinite(nee) & np.isfinite(made["temperature"]) & np.isfinite(rg)
    bright = rg > rules.radiation_limit
    return _Series(
        nee, spread, made["temperature"], made["vapour_pressure_deficit"], rg,
        measured & bright, measured & ~bright & (made["potential_radiation"] <= 0.0), per_day,
    )


def _night_of(series: _Series, first_day: int, days: int, rules: DaytimeOptions) -> NDArray[np.int64]:
    """Night records in a window of `days` days around the window that starts at `first_day`."""
    middle = first_day + rules.window_days // 2
    start = max(0, (middle - days // 2) * series.per_day)
    stop = (middle - days // 2 + days) * series.per_day
    return np.flatnonzero(series.night[start:stop]) + start


def _fit_sensitivities(series: _Series, first_days: NDArray, rules: DaytimeOptions) -> tuple[Floats, Floats]:
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


def _night_reference(series: _Series, first: int, e0: float, rules: DaytimeOptions) -> float:
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


def _window_rows(series: _Series, first: int, rules: DaytimeOptions) -> NDArray[np.int64]:
    start, stop = first * series.per_day, (first + rules.window_days) * series.per_day
    return np.flatnonzero(series.day[start:stop]) + start


def _fit_windows(series: _Series, rules: DaytimeOptions) -> DaytimeWindows:
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
    last_alpha = np.nan
    for w, first in enumerate(first_days):
        rows = _window_rows(series, int(first), rules)
        known = rows[humid_known[rows]] if rules.vapour_pressure_effect else rows
        windows.records[w] = known.size
        if not np.isfinite(e0[w]):
            windows.reason[w] = 6
            continue
        windows.night_reference[w] = _night_reference(series, int(first), float(e0[w]), rules)
        if not np.isfinite(windows.night_reference[w]):
            windows.reason[w] = 2
            continue
        enough = known.size >= rules.minimum_records
        if rows.size > known.size and rows.size >= rules.minimum_records:
            data, prior = _daytime_data(series, rows, np.zeros_like(excess), float(e0[w]), windows.night_reference[w], rules)
            theta, _, _, _, reason = _bounded_fit(data, prior, last_alpha, False, rules)
            if reason == 0:
                windows.without_vpd[w] = theta
        if not enough:
            windows.reason[w] = 1
            continue
        data, prior = _daytime_data(series, known, excess, float(e0[w]), windows.night_reference[w], rules)
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


def _daytime_data(series: _Series, rows: NDArray, excess: Floats, e0: float, rref: float, rules: DaytimeOptions):
    """(arrays the fit needs, prior of the parameters) for the daytime records of a window."""
    nee, sd = series.nee[rows], series.spread[rows]
    if rules.bound_low_spread > 0.0:
        sd = np.maximum(sd, np.quantile(sd, rules.bound_low_spread))
    low, high = np.quantile(nee, [0.03, 0.97])
    prior = np.array([0.0, max(high - low, 1e-3), 0.1, rref])
    return (series.radiation[rows], excess[rows], respiration(series.temperature[rows], 1.0, e0), nee, sd), prior


def _fluxes(series: _Series, theta: Floats, e0: float, covariance: Floats, rows: slice):
    """(Reco, GPP, variance of Reco, variance of GPP) of the records `rows` with the parameters of one window."""
    k, beta, alpha, rref = theta
    t, rg, vpd = series.temperature[rows], series.radiation[rows], series.deficit[rows]
    unit = respiration(t, 1.0, e0)
    gpp = light.light_response(rg, vpd, k, beta, alpha)
    rg0 = np.maximum(rg, 0.0)
    excess = np.zeros_like(rg0) if k == 0.0 else np.maximum(vpd - light.VPD_THRESHOLD, 0.0)
    damp = np.exp(-k * excess)
    below = alpha * rg0 + beta * damp
    with np.errstate(divide="ignore", invalid="ignore"):
        by_saturated = np.where(below > 0.0, (alpha * rg0 / below) ** 2, 0.0)
        by_alpha = np.where(below > 0.0, (beta * damp / below) ** 2 * rg0, 0.0)
    slope = np.stack([-by_saturated * beta * damp * excess, by_saturated * damp, by_alpha])
    by_e0 = rref * unit * (1.0 / (REFERENCE_TEMPERATURE + 46.02) - 1.0 / np.maximum(t + 46.02, 1.0))
    pull = np.stack([unit, by_e0])
    variance_gpp = np.einsum("in,ij,jn->n", slope, covariance[:3, :3], slope)
    variance_reco = np.einsum("in,ij,jn->n", pull, covariance[3:, 3:], pull)
    return np.stack([rref * unit, gpp, np.maximum(variance_reco, 0.0), np.maximum(variance_gpp, 0.0)])


def _predicted(series: _Series, windows: DaytimeWindows, theta: Floats, valid: NDArray) -> Floats:
    """(4, record): Reco, GPP and their variances, mixed of the valid windows before and after each record by distance."""
    n = series.nee.size
    out = np.zeros((4, n))
    place = windows.position[valid]
    edges = np.concatenate([[0], np.ceil(place), [n]]).astype(np.int64)
    for j in range(valid.size + 1):
        rows = slice(edges[j], edges[j + 1])
        if edges[j] >= edges[j + 1]:
            continue
        before, after = valid[max(j - 1, 0)], valid[min(j, valid.size - 1)]
        span = windows.position[after] - windows.position[before]
        record = np.arange(edges[j], edges[j + 1])
        share = np.clip((record - windows.position[before]) / span, 0.0, 1.0) if span > 0.0 else np.ones(record.size)
        for w, weight in {before: 1.0 - share, after: share}.items() if before != after else {after: share}.items():
            out[:, rows] += weight * _fluxes(series, theta[w], windows.sensitivity[w], windows.covariance[w], rows)
    return out


def partition_daytime(
    nee: ArrayLike,
    nee_quality: ArrayLike,
    nee_spread: ArrayLike,
    temperature: ArrayLike,
    vapour_pressure_deficit: ArrayLike,
    radiation: ArrayLike,
    potential_radiation: ArrayLike,
    *,
    records_per_day: int = 48,
    options: DaytimeOptions | None = None,
) -> DaytimePartitioning:
    """Partition net ecosystem exchange with light response curves of the day (Lasslop et al. 2010).

    Parameters
    ----------
    nee
        Net ecosystem exchange, positive upward, umol m-2 s-1, one value a record in equal steps from midnight.
    nee_quality
        0 where measured; only these records are fitted.
    nee_spread
        Standard deviation of NEE under like weather (the spread of gap filling), umol m-2 s-1: the weight of a record.
    temperature, vapour_pressure_deficit, radiation
        Gap-filled air temperature (°C), vapour pressure deficit (hPa) and global radiation (W m-2). A record without
        vapour pressure deficit is predicted by a fit without its effect.
    potential_radiation
        W m-2; night needs it to be zero.
    records_per_day
        48 for half hours, 24 for hours.
    options
        Rules, `DaytimeOptions()` by default.

    Raises
    ------
    ValueError
        Where the arrays differ in length. A window that fails never raises: it carries a reason code and its neighbours
        serve instead.
    """
    rules = options or DaytimeOptions()
    series = _prepared(
        dict(
            nee=nee, nee_quality=nee_quality, nee_spread=nee_spread, temperature=temperature,
            vapour_pressure_deficit=vapour_pressure_deficit, radiation=radiation, potential_radiation=potential_radiation,
        ),
        records_per_day, rules,
    )
    windows = _fit_windows(series, rules)
    valid = np.flatnonzero(windows.reason == 0)
    if valid.size == 0:
        nothing = np.full(series.nee.size, np.nan)
        reasons = "; ".join(REASONS[int(code)] for code in np.unique(windows.reason))
        return DaytimePartitioning(
            nothing, nothing.copy(), nothing.copy(), nothing.copy(), windows, f"no window could be fitted: {reasons}"
        )
    out = _predicted(series, windows, windows.parameters, valid)
    dry = ~np.isfinite(series.deficit)
    spare = np.flatnonzero(np.isfinite(windows.without_vpd[:, 0]) & np.isfinite(windows.position) & (windows.reason == 0))
    if dry.any() and spare.size:
        out[:, dry] = _predicted(series, windows, windows.without_vpd, spare)[:, dry]
    return DaytimePartitioning(out[0], out[1], np.sqrt(out[2]), np.sqrt(out[3]), windows, "")
