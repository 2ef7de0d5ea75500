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

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing import light_response as light
from terraflux.sites.processing.daytime_windows import (
    REASONS,
    DaytimeOptions,
    DaytimeWindows,
    Series,
    checked_series,
    fit_windows,
)
from terraflux.sites.processing.lloyd_taylor import REFERENCE_TEMPERATURE, T0, respiration

__all__ = ["REASONS", "DaytimeOptions", "DaytimePartitioning", "DaytimeWindows", "partition_daytime"]

Floats = NDArray[np.float64]


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


def _fluxes(series: Series, theta: Floats, e0: float, covariance: Floats, rows: slice):
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
    by_e0 = rref * unit * (1.0 / (REFERENCE_TEMPERATURE - T0) - 1.0 / np.maximum(t - T0, 1.0))
    pull = np.stack([unit, by_e0])
    variance_gpp = np.einsum("in,ij,jn->n", slope, covariance[:3, :3], slope)
    variance_reco = np.einsum("in,ij,jn->n", pull, covariance[3:, 3:], pull)
    return np.stack([rref * unit, gpp, np.maximum(variance_reco, 0.0), np.maximum(variance_gpp, 0.0)])


def _predicted(series: Series, windows: DaytimeWindows, theta: Floats, valid: NDArray) -> Floats:
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
    nee_spread: ArrayLike | None,
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
        Standard deviation of NEE under like weather (`sd` of `gap_filling.fill_gaps` for all rows), umol m-2 s-1: the weight
        of a record. None weighs all records the same.
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
    spread = np.full(np.size(np.asarray(nee)), np.nan) if nee_spread is None else nee_spread
    series = checked_series(
        dict(
            nee=nee, nee_quality=nee_quality, nee_spread=spread, temperature=temperature,
            vapour_pressure_deficit=vapour_pressure_deficit, radiation=radiation, potential_radiation=potential_radiation,
        ),
        records_per_day, rules,
    )
    windows = fit_windows(series, rules)
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
