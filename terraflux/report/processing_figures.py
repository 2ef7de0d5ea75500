"""Figures of the processing of a tower: u* threshold, and fluxes by day and hour."""

from typing import Any

import numpy as np

from terraflux.report.figures import Drawn
from terraflux.report.style import INK, OBSERVED, QUIET, SIMULATED, drawing, png
from terraflux.sites.processed_tower import ProcessedTower

USTAR_CLASSES = 20
NIGHT_RADIATION = 10.0  # W m-2


def ustar_figure(tower: ProcessedTower) -> Drawn:
    """Night-time NEE against u* (m s-1): means of classes of equal size, and the threshold. ValueError without night data."""
    measured, limits = tower.series.measured, tower.details.get("ustar_limit")
    with np.errstate(invalid="ignore"):
        pick = (measured["radiation"] < NIGHT_RADIATION) & np.isfinite(measured["nee"]) & np.isfinite(measured["ustar"])
    if pick.sum() < 2 * USTAR_CLASSES:
        raise ValueError("there are too few night rows with NEE and u*")
    order = np.argsort(measured["ustar"][pick], kind="stable")
    velocity, flux = measured["ustar"][pick][order], measured["nee"][pick][order]
    groups = np.array_split(np.arange(order.size), USTAR_CLASSES)
    middle = [velocity[rows].mean() for rows in groups]
    mean = [flux[rows].mean() for rows in groups]
    error = [flux[rows].std(ddof=1) / np.sqrt(rows.size) for rows in groups]
    with drawing(6.0, 3.6) as figure:
        axes = figure.add_subplot()
        axes.errorbar(middle, mean, yerr=error, fmt="o", color=SIMULATED, markersize=4,
                      label="mean of 5 % of the rows, ± 1 s.e.")
        if limits is not None and np.isfinite(limits).any():
            for place, value in enumerate(np.unique(limits[np.isfinite(limits)])):
                axes.axvline(value, color=OBSERVED, label=f"threshold {value:.3f}" if place < 8 else None)
        axes.set_xlabel("friction velocity (m s-1)")
        axes.set_ylabel("night-time NEE (umol m-2 s-1)")
        axes.set_title("Night-time flux and turbulence")
        axes.legend(loc="best", fontsize=8)
        return Drawn("ustar_threshold", "Night-time NEE by friction velocity before the filter, and the threshold.",
                     png(figure))


def fingerprint_figure(tower: ProcessedTower, name: str = "nee", title: str = "NEE", unit: str = "umol m-2 s-1") -> Drawn:
    """A flux by day and hour: as measured and kept, and with its gaps filled. ValueError where the flux is not there."""
    if name not in tower.filled:
        raise ValueError(f"{title} was not filled")
    per_day, late = tower.series.records_per_day, tower.series.rows_after_midnight
    kept = np.where(tower.quality[name] == 0, tower.filled[name], np.nan)
    days = -(-(tower.series.rows + late) // per_day)
    start = tower.series.middle_time[0].astype("datetime64[D]")
    panels = [(_by_day(values, days, per_day, late), text) for values, text in (
        (kept, "measured and kept"), (tower.filled[name], "gaps filled"))]
    known = np.abs(tower.filled[name][np.isfinite(tower.filled[name])])
    if known.size == 0:
        raise ValueError(f"{title} has no value")
    largest = float(np.quantile(known, 0.99)) or 1.0
    with drawing(6.4, 5.2) as figure:
        shared: Any = figure.subplots(1, 2, sharey=True)
        for axes, (image, text) in zip(shared, panels, strict=True):
            axes.grid(False)
            axes.set_facecolor("#d9dde0")
            drawn = axes.imshow(image, aspect="auto", cmap="PuOr", vmin=-largest, vmax=largest, interpolation="nearest",
                                extent=(0.0, 24.0, float(days), 0.0))
            axes.set_title(f"{title}, {text}")
            axes.set_xlabel("hour")
            axes.set_xticks([0, 6, 12, 18, 24])
        shared[0].set_ylabel(f"day after {start}")
        bar = figure.colorbar(drawn, ax=list(shared), shrink=0.8)
        bar.set_label(unit, color=INK)
        bar.outline.set_edgecolor(QUIET)  # type: ignore[operator]
        return Drawn(f"{name}_fingerprint", f"{title} by day and hour; grey is missing.", png(figure))


def _by_day(values: np.ndarray, days: int, per_day: int, late: int) -> np.ndarray:
    image = np.full(days * per_day, np.nan)
    image[late: late + values.size] = values
    return image.reshape(days, per_day)


def processing_figures(tower: ProcessedTower) -> tuple[list[Drawn], list[str]]:
    """All figures that the data allow, and a sentence for each that they do not."""
    drawn, left_out = [], []
    recipes = (("u* threshold", lambda: ustar_figure(tower)), ("NEE", lambda: fingerprint_figure(tower)),
               ("latent heat", lambda: fingerprint_figure(tower, "le", "Latent heat", "W m-2")))
    for name, draw in recipes:
        try:
            drawn.append(draw())
        except ValueError as trouble:
            left_out.append(f"Figure of {name} is left out: {trouble}.")
    return drawn, left_out
