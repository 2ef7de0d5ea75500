"""Seasonal and diurnal courses of the fluxes, simulated and observed."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.report.series import FLUXES, Series, observed_label, series_of
from terraflux.report.style import OBSERVED, SIMULATED, SIMULATED_LABEL, drawing, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEN_DAYS = 36
LEAST_SHARE = 0.2
SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
DIURNAL_FLUXES = ("net_radiation", "latent_heat", "sensible_heat", "gross_primary_production", "net_ecosystem_exchange")


def binned(series: Series, bins: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Simulated and observed mean of each bin, shape (count,).

    Where enough steps of a bin are observed both are means over those steps; elsewhere the observed mean is NaN and
    the simulated one is over all steps.
    """
    measured = np.isfinite(series.observed)
    steps, both = _sums(bins, count), _sums(bins, count, measured)
    enough = (both > 0) & (both >= LEAST_SHARE * steps)
    known = np.isfinite(series.simulated)
    with np.errstate(invalid="ignore"):
        observed = np.where(enough, _sums(bins, count, measured, series.observed) / both, np.nan)
        alike = _sums(bins, count, measured & known, series.simulated) / _sums(bins, count, measured & known)
        simulated = np.where(enough, alike, _sums(bins, count, known, series.simulated) / _sums(bins, count, known))
    return simulated, observed


def _sums(bins: np.ndarray, count: int, chosen: np.ndarray | None = None, values: np.ndarray | None = None) -> np.ndarray:
    """Sum of chosen values in each bin (their number without values); steps of bin -1 count nowhere."""
    chosen = bins >= 0 if chosen is None else chosen & (bins >= 0)
    return np.bincount(bins[chosen], None if values is None else values[chosen], count).astype(float)


def seasonal_cycle(simulated: xr.Dataset, observed: xr.Dataset | None = None) -> "Figure":
    """Mean course over the year in 36 parts of about ten days, averaged over all years.

    Simulated means are taken where observations exist. Raises ValueError when the simulation has no flux to show.
    """
    shown = series_of(simulated, observed, FLUXES)
    if not shown:
        raise ValueError("the simulation has no flux to show")
    days = pd.DatetimeIndex(shown[0].time).dayofyear.to_numpy() - 1
    bins = np.minimum(days * TEN_DAYS // 365, TEN_DAYS - 1)
    middle = (np.arange(TEN_DAYS) + 0.5) * 12.0 / TEN_DAYS
    rows = (len(shown) + 1) // 2
    with drawing(9.0, 2.1 * rows) as figure:
        panels = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel()
        for panel, series in zip(panels, shown, strict=False):
            model, tower = binned(series, bins, TEN_DAYS)
            panel.plot(middle, model, color=SIMULATED, label=SIMULATED_LABEL)
            panel.plot(middle, tower, "o", ms=3.2, color=OBSERVED, label=observed_label(observed))
            panel.set_title(titled(series.name, series.unit))
            panel.set_xlim(0, 12)
            panel.set_xticks(np.arange(12) + 0.5, list("JFMAMJJASOND"))
        for panel in panels[len(shown):]:
            panel.set_axis_off()
        _legend(figure, panels[0], any(series.has_observed for series in shown))
    return figure


def diurnal_cycle(simulated: xr.Dataset, observed: xr.Dataset | None = None) -> "Figure":
    """Mean course over the day, one column per season (three months).

    Means are over steps with an observation where there are enough. Raises ValueError when the simulation has no flux
    to show.
    """
    shown = series_of(simulated, observed, DIURNAL_FLUXES)
    if not shown:
        raise ValueError("the simulation has no flux to show")
    stamps = pd.DatetimeIndex(shown[0].time)
    seconds = (stamps - stamps.normalize()).total_seconds().to_numpy()
    slots = np.unique(seconds)
    slot = np.searchsorted(slots, seconds)
    step = slots[1] - slots[0] if slots.size > 1 else 86400.0
    hours = (slots + 0.5 * step) / 3600.0
    with drawing(10.0, 1.9 * len(shown)) as figure:
        panels = figure.subplots(len(shown), 4, sharex=True, sharey="row", squeeze=False)
        for row, series in zip(panels, shown, strict=True):
            for panel, (season, months) in zip(row, SEASONS.items(), strict=True):
                model, tower = binned(series, np.where(np.isin(stamps.month, months), slot, -1), slots.size)
                panel.plot(hours, model, color=SIMULATED, label=SIMULATED_LABEL)
                panel.plot(hours, tower, "o", ms=2.4, color=OBSERVED, label=observed_label(observed))
                panel.set_xlim(0, 24)
                panel.set_xticks(range(0, 25, 6))
                if series is shown[0]:
                    panel.set_title(season, loc="right", color="#5b646b")
                if season == "DJF":
                    panel.set_title(titled(series.name, series.unit))
        for panel in panels[-1]:
            panel.set_xlabel("hour of day (local standard time)" if panel is panels[-1][0] else "")
        _legend(figure, panels[0][0], any(series.has_observed for series in shown))
    return figure


def _legend(figure: "Figure", panel: Any, with_observed: bool) -> None:
    handles, labels = panel.get_legend_handles_labels()
    count = 2 if with_observed else 1
    figure.legend(handles[:count], labels[:count], loc="outside upper right", ncols=2)
