"""The forcing of a run and where each value comes from."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.evaluation.readable import readable_unit
from terraflux.report.style import QUIET, SIMULATED, date_axis, drawing, readable_name, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("shortwave_down", "longwave_down", "air_temperature", "vapour_pressure", "wind_speed", "precipitation",
         "air_pressure", "carbon_dioxide", "prescribed_leaf_area_index")
FLAG_COLOURS = ("#0b6e74", "#59a5a0", "#e0b458", "#d9622b", "#7a5195", "#a9a9b8", "#c9d3d8", "#8fb8de")


def provenance_shares(forcing: xr.Dataset) -> dict[str, dict[str, float]]:
    """Share of values (0..1) of each provenance, per forcing variable that has flags."""
    shares = {}
    for key in forcing.data_vars:
        name = str(key)
        if not name.endswith("_provenance"):
            continue
        flags = forcing[name].to_numpy()
        meanings = str(forcing[name].attrs.get("flag_meanings", "")).split()
        values = np.atleast_1d(forcing[name].attrs.get("flag_values", np.arange(len(meanings)))).tolist()
        known = dict(zip(values, meanings, strict=False))
        found, counts = np.unique(flags, return_counts=True)
        shares[name.removesuffix("_provenance")] = {
            known.get(value, f"flag {value}"): float(count) / flags.size
            for value, count in zip(found.tolist(), counts.tolist(), strict=True)}
    return shares


def forcing_overview(forcing: xr.Dataset) -> "Figure":
    """Daily means (sums for precipitation) of the forcing, and a bar of provenance per variable.

    Raises ValueError when the dataset has no forcing variable.
    """
    shown = [name for name in SHOWN if name in forcing]
    if not shown:
        raise ValueError("the dataset has no forcing variable")
    shares = {name: share for name, share in provenance_shares(forcing).items() if name in shown}
    rows = (len(shown) + 2) // 3
    with drawing(10.0, 1.9 * rows + (0.28 * len(shares) + 0.9 if shares else 0.0)) as figure:
        heights = [1.9 * rows, 0.28 * len(shares) + 0.9]
        parts: Any = figure.subfigures(2, 1, height_ratios=heights) if shares else [figure]
        panels = parts[0].subplots(rows, 3, sharex=True, squeeze=False).ravel()
        stamps = pd.DatetimeIndex(forcing["time"].to_numpy())
        for panel, name in zip(panels, shown, strict=False):
            factor, unit = readable_unit(str(forcing[name].attrs.get("units", "")))
            daily = pd.Series(forcing[name].to_numpy() * factor, index=stamps).groupby(stamps.normalize()).mean()
            if name == "precipitation":
                panel.fill_between(daily.index, daily.to_numpy(), step="mid", color=SIMULATED, lw=0)
            else:
                panel.plot(daily.index, daily.to_numpy(), color=SIMULATED, lw=1.0)
            panel.set_title(titled(name, unit))
            date_axis(panel)
        for panel in panels[max(0, len(shown) - 3):len(shown)]:
            panel.tick_params(labelbottom=True)
        for panel in panels[len(shown):]:
            panel.set_axis_off()
        if shares:
            _provenance_bar(parts[1], shares)
    return figure


def _provenance_bar(part: Any, shares: dict[str, dict[str, float]]) -> None:
    """One stacked bar per variable."""
    panel = part.subplots()
    kinds = list(dict.fromkeys(kind for share in shares.values() for kind in share))
    order = ["measured", "filled_good", "filled_medium", "filled_poor", "disaggregated", "estimated", "prescribed",
             "interpolated"]
    kinds.sort(key=lambda kind: order.index(kind) if kind in order else len(order))
    left = np.zeros(len(shares))
    for kind in kinds:
        width = np.array([share.get(kind, 0.0) for share in shares.values()])
        colour = FLAG_COLOURS[order.index(kind)] if kind in order else QUIET
        panel.barh(range(len(shares)), width, left=left, color=colour, label=kind.replace("_", " "), height=0.75)
        left += width
    panel.set_yticks(range(len(shares)), [readable_name(name) for name in shares], fontsize=8)
    panel.invert_yaxis()
    panel.set_xlim(0.0, 1.0)
    panel.xaxis.set_major_formatter("{x:.0%}")
    panel.grid(False)
    panel.set_title("Provenance of the forcing (share of values)")
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=len(kinds), fontsize=8)
