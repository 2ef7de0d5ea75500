"""Soil sections over time and depth, and snow."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.report.series import observed_label, series_of
from terraflux.report.style import INK, OBSERVED, SIMULATED, SIMULATED_LABEL, date_axis, drawing, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SNOW = ("snow_water_equivalent", "snow_depth")


def soil_temperature_section(simulated: xr.Dataset) -> "Figure":
    """Daily mean soil temperature (degC) over time and depth, with the 0 degC line.

    Raises ValueError when the simulation has no soil temperature.
    """
    time, edges, values = _daily_section(simulated, "soil_temperature")
    freezes = bool(np.nanmin(values) < 0.0)
    reach = float(np.nanmax(np.abs(values))) or 1.0
    colours: Any = {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach} if freezes else {"cmap": "YlOrRd"}
    with drawing(9.0, 3.2) as figure:
        panel = figure.subplots()
        mesh = panel.pcolormesh(_time_edges(time), edges, values.T, rasterized=True, **colours)
        if freezes and np.nanmax(values) > 0.0:
            middle = 0.5 * (edges[1:] + edges[:-1])
            panel.contour(time, middle, values.T, levels=[0.0], colors=INK, linewidths=0.8)
        _depth_axis(panel, edges)
        panel.set_title("Soil temperature, simulated (°C)")
        figure.colorbar(mesh, ax=panel, pad=0.01)
    return figure


def soil_moisture_section(simulated: xr.Dataset) -> "Figure":
    """Daily mean soil water, liquid and frozen (m3 m-3), over time and depth.

    Raises ValueError when the simulation has no soil water.
    """
    time, edges, values = _daily_section(simulated, "soil_liquid")
    label = "liquid"
    if "soil_ice" in simulated:
        values = values + _daily_section(simulated, "soil_ice")[2]
        label = "liquid and frozen"
    with drawing(9.0, 3.2) as figure:
        panel = figure.subplots()
        mesh = panel.pcolormesh(_time_edges(time), edges, values.T, cmap="YlGnBu", rasterized=True)
        _depth_axis(panel, edges)
        panel.set_title(f"Soil water, {label}, simulated (m3 m-3)")
        figure.colorbar(mesh, ax=panel, pad=0.01)
    return figure


def snow(simulated: xr.Dataset, observed: xr.Dataset | None = None) -> "Figure":
    """Snow water equivalent (mm) and snow depth (m) over time, with observations where there are any.

    Raises ValueError when the simulation has no snow variable.
    """
    shown = series_of(simulated, observed, SNOW)
    if not shown:
        raise ValueError("the simulation has no snow variable")
    with drawing(9.0, 2.2 * len(shown)) as figure:
        panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for panel, series in zip(panels, shown, strict=True):
            panel.plot(series.time, series.simulated, color=SIMULATED, label=SIMULATED_LABEL)
            panel.fill_between(series.time, series.simulated, color=SIMULATED, alpha=0.15, lw=0)
            if series.has_observed:
                panel.plot(series.time, series.observed, ".", ms=2, color=OBSERVED, label=observed_label(observed))
            panel.set_title(titled(series.name, series.unit))
            panel.legend(fontsize=8)
        date_axis(panels[-1])
    return figure


def _daily_section(simulated: xr.Dataset, name: str) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    """Days, layer edges (m) and daily means (days, layers) of a soil variable."""
    if name not in simulated or "soil_depth" not in simulated.variables:
        raise ValueError(f"the simulation has no {name} over soil layers")
    axis = str(simulated["soil_depth"].dims[0])
    values = simulated[name].transpose("time", axis)
    stamps = pd.DatetimeIndex(values["time"].to_numpy())
    daily = pd.DataFrame(values.to_numpy()).groupby(stamps.normalize()).mean()
    if "soil_bnds" in simulated.variables:
        bounds = simulated["soil_bnds"].to_numpy()
        edges = np.append(bounds[:, 0], bounds[-1, 1])
    else:
        middle = simulated["soil_depth"].to_numpy()
        inner = 0.5 * (middle[1:] + middle[:-1])
        edges = np.concatenate([[0.0], inner, [2.0 * middle[-1] - (inner[-1] if inner.size else 0.0)]])
    return pd.DatetimeIndex(daily.index), edges, daily.to_numpy()


def _time_edges(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([*days, days[-1] + pd.Timedelta(days=1)])


def _depth_axis(panel: "Axes", edges: np.ndarray) -> None:
    panel.set_ylim(edges[-1], edges[0])
    panel.set_ylabel("depth (m)")
    panel.grid(False)
    date_axis(panel)
