"""Daily agreement and energy-balance closure."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from terraflux.evaluation.averaging import pairs
from terraflux.evaluation.metrics import correlation, nash_sutcliffe, root_mean_square_error
from terraflux.evaluation.scores import step_length
from terraflux.report.series import FLUXES, observed_label, series_of
from terraflux.report.style import INK, OBSERVED, QUIET, SIMULATED, drawing, readable_name, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def daily_scatter(simulated: xr.Dataset, observed: xr.Dataset, maximum_quality: int = 0) -> "Figure":
    """Daily simulated against observed means, with n, r, RMSE and NSE; days need half of their steps measured.

    Raises ValueError when no flux has a day to show.
    """
    step = step_length(simulated)
    shown = []
    for series in series_of(simulated, observed, FLUXES, maximum_quality):
        daily = pairs(series.time, series.simulated, series.observed, "daily", step)
        if len(daily) > 1:
            shown.append((series, daily))
    if not shown:
        raise ValueError("no flux has days with enough measured values")
    columns = min(3, len(shown))
    rows = (len(shown) + columns - 1) // columns
    with drawing(3.45 * columns, 3.3 * rows) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, (series, daily) in zip(panels, shown, strict=False):
            panel.plot(daily.observed, daily.simulated, "o", ms=3, color=SIMULATED, alpha=0.5, mew=0)
            _one_to_one(panel, daily.observed, daily.simulated)
            panel.set_title(titled(series.name, series.unit))
            error = root_mean_square_error(daily.simulated, daily.observed)
            panel.text(0.03, 0.97, f"n = {len(daily)}\nr = {correlation(daily.simulated, daily.observed):.2f}\n"
                       f"RMSE = {error:.3g}\nNSE = {nash_sutcliffe(daily.simulated, daily.observed):.2f}",
                       transform=panel.transAxes, va="top", fontsize=8)
        for panel in panels[len(shown):]:
            panel.set_axis_off()
        figure.supxlabel(f"{observed_label(observed)}, daily mean", fontsize=9)
        figure.supylabel("simulated, daily mean", fontsize=9)
    return figure


def energy_closure(simulated: xr.Dataset, observed: xr.Dataset | None = None) -> "Figure":
    """Turbulent against available energy, H + LE against Rn - G, each step; simulated and, where measured, observed.

    The slope of the line through the origin and the closure ratio (sum over sum) stand in the panels. In the model the
    two differ by what canopy and water store and carry. Raises ValueError when the simulation lacks one of the four.
    """
    names = ("net_radiation", "ground_heat_flux", "sensible_heat", "latent_heat")
    series = {one.name: one for one in series_of(simulated, observed, names, 0)}
    if len(series) < len(names):
        raise ValueError(f"the simulation lacks {', '.join(name for name in names if name not in series)}")
    clouds = [("simulated", SIMULATED, {name: one.simulated for name, one in series.items()})]
    if all(one.has_observed for one in series.values()):
        clouds.append((observed_label(observed), OBSERVED, {name: one.observed for name, one in series.items()}))
    with drawing(4.2 * len(clouds), 4.0) as figure:
        panels = figure.subplots(1, len(clouds), squeeze=False)[0]
        for panel, (label, colour, flux) in zip(panels, clouds, strict=True):
            available = flux["net_radiation"] - flux["ground_heat_flux"]
            turbulent = flux["sensible_heat"] + flux["latent_heat"]
            good = np.isfinite(available) & np.isfinite(turbulent)
            x, y = available[good], turbulent[good]
            panel.plot(x, y, ".", ms=2, color=colour, alpha=0.25, mew=0, rasterized=True)
            panel.set_title(f"Energy balance, {label}")
            panel.set_xlabel("net radiation - ground heat (W m-2)")
            panel.set_ylabel("sensible + latent heat (W m-2)")
            if x.size and np.sum(x * x) > 0.0:
                _one_to_one(panel, x, y)
                slope = np.sum(x * y) / np.sum(x * x)
                ratio = y.sum() / x.sum() if x.sum() else np.nan
                panel.text(0.03, 0.97, f"n = {x.size}\nslope = {slope:.3f}\nclosure ratio = {ratio:.3f}",
                           transform=panel.transAxes, va="top", fontsize=8)
    return figure


def _one_to_one(panel: "Axes", x: np.ndarray, y: np.ndarray) -> None:
    """Equal axes with the line of perfect agreement."""
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    room = 0.05 * (high - low) or 1.0
    panel.plot([low - room, high + room], [low - room, high + room], color=QUIET, lw=0.9, zorder=0)
    panel.set_xlim(low - room, high + room)
    panel.set_ylim(low - room, high + room)
    panel.set_aspect("equal")


def cumulative(simulated: xr.Dataset, observed: xr.Dataset | None = None) -> "Figure":
    """Running sums of carbon and water: GPP, respiration, net exchange (gC m-2) and evapotranspiration, runoff (mm).

    Observed sums are not drawn: gaps would bend them. Raises ValueError when the simulation has none of them.
    """
    carbon = series_of(simulated, None, ("gross_primary_production", "ecosystem_respiration", "net_ecosystem_exchange"))
    water = series_of(simulated, None, ("precipitation", "evapotranspiration", "surface_runoff", "drainage"))
    groups = [(title, group) for title, group in (("Carbon (gC m-2)", carbon), ("Water (mm)", water)) if group]
    if not groups:
        raise ValueError("the simulation has neither carbon nor water fluxes")
    colours = (SIMULATED, OBSERVED, INK, QUIET)
    days = step_length(simulated) / 86400.0
    from terraflux.report.style import date_axis

    with drawing(4.6 * len(groups), 3.2) as figure:
        panels = figure.subplots(1, len(groups), squeeze=False)[0]
        for panel, (title, group) in zip(panels, groups, strict=True):
            for colour, series in zip(colours, group, strict=False):
                panel.plot(series.time, np.nancumsum(series.simulated) * days, color=colour,
                           label=readable_name(series.name))
            panel.set_title(f"Running sum, simulated: {title}")
            panel.legend(fontsize=8)
            date_axis(panel)
    return figure
