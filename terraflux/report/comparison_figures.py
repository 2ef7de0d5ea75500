"""Figures of a comparison besides maps: regional series with trends, mean years, Taylor diagram, zonal means."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from terraflux.evaluation.comparison.compare import COMMON, OWN, Comparison
from terraflux.evaluation.comparison.fields import synthetic_note
from terraflux.evaluation.comparison.regions import WHOLE
from terraflux.evaluation.trends.trend import LEAST_YEARS, trend
from terraflux.report import comparison_maps as maps
from terraflux.report.comparison_maps import NoFigure
from terraflux.report.figures import Drawn
from terraflux.report.style import INK, MOST_TICKS, OBSERVED, QUIET, drawing, png, readable_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0b6e74", "#d9622b", "#6a4c93", "#c9a227", "#3d7dca", "#a63d40", "#5b8e3e", "#7a7a7a")
MARKERS = "oD^svPX*"
MOST_REGIONS = 9
LETTERS = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")


def colour_of(found: Comparison, product: str) -> str:
    """Colour of a product, the same in every figure; the reference is dark."""
    if product == found.reference and len(found.products) > 1:
        return INK
    names = [one.name for one in found.products if one.name != found.reference or len(found.products) == 1]
    return COLOURS[names.index(product) % len(COLOURS)]


def series_figure(found: Comparison, ground: str = COMMON) -> "Figure":
    """Yearly values of every region with their Theil-Sen lines; solid where significant with serial correlation."""
    from matplotlib.ticker import MaxNLocator

    series = found.series[ground]
    names = _regions(found, ground)
    with drawing(10.0, 2.3 * -(-len(names) // 2) + 0.5) as figure:
        grid = figure.subplots(-(-len(names) // 2), min(2, len(names)), squeeze=False, sharex=True)
        for axes in grid.ravel()[len(names):]:
            axes.set_visible(False)
        for axes, region in zip(grid.ravel(), names):
            for product, parts in series.items():
                one = parts[region]
                if not np.isfinite(one.mean).any():
                    continue
                colour = colour_of(found, product)
                axes.plot(one.years, one.mean, color=colour, linewidth=1.1, marker=".", markersize=3.5, label=product)
                if np.isfinite(one.mean).sum() >= LEAST_YEARS:
                    line = trend(one.mean, one.years, found.confidence)
                    ends = one.years[[0, -1]]
                    axes.plot(ends, line.intercept + line.slope * ends, color=colour, linewidth=1.6,
                              linestyle="-" if line.p < 0.05 else ":")
            unit = next(iter(series.values()))[region].unit
            axes.set_title(f"{'All' if region == WHOLE else region} ({unit})")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=MOST_TICKS, steps=[1, 2, 5, 10], integer=True))
        _legend(figure, grid.ravel()[0], len(series))
    return figure


def cycle_figure(found: Comparison) -> "Figure":
    """Mean year of every region."""
    series = found.series[COMMON] or found.series[OWN]
    names = [name for name in _regions(found, COMMON) if any(np.isfinite(parts[name].cycle).any() for parts in series.values())]
    if not names:
        raise NoFigure("the products are yearly")
    with drawing(10.0, 2.2 * -(-len(names) // 3) + 0.5) as figure:
        grid = figure.subplots(-(-len(names) // 3), min(3, len(names)), squeeze=False, sharex=True)
        for axes in grid.ravel()[len(names):]:
            axes.set_visible(False)
        for axes, region in zip(grid.ravel(), names):
            for product, parts in series.items():
                axes.plot(np.arange(1, 13), parts[region].cycle, color=colour_of(found, product), marker=".", label=product)
            axes.set_title(f"{'All' if region == WHOLE else region} ({found.common[0].unit})")
            axes.set_xticks(np.arange(1, 13), LETTERS)
        _legend(figure, grid.ravel()[0], len(series))
    return figure


def taylor_figure(found: Comparison, kind: str = "pattern") -> "Figure":
    """Taylor diagram: the angle is the correlation, the radius the ratio of standard deviations, and the distance to the
    mark on the axis the centred error; `kind` is pattern (maps of means) or series (regional steps). A mark is a region."""
    rows = [row for row in found.agreement if np.isfinite(row[f"{kind}_correlation"]) and row[f"{kind}_correlation"] > 0.0]
    if not rows:
        raise NoFigure("no correlation is positive")
    reach = min(max(1.5, 1.1 * max(row[f"{kind}_deviation_ratio"] for row in rows)), 3.0)
    regions = list(dict.fromkeys(row["region"] for row in rows))
    with drawing(6.0, 5.0) as figure:
        axes = figure.add_subplot()
        angles = np.linspace(0.0, 0.5 * np.pi, 90)
        for radius in np.arange(0.5, reach + 1e-9, 0.5):
            axes.plot(radius * np.cos(angles), radius * np.sin(angles), color=INK if radius == 1.0 else QUIET, linewidth=0.6,
                      linestyle="-" if radius == 1.0 else ":")
        for r in (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99):
            axes.plot([0.0, reach * r], [0.0, reach * np.sqrt(1.0 - r * r)], color="#e3e7ea", linewidth=0.7)
            axes.annotate(f"{r:g}", (1.02 * reach * r, 1.02 * reach * np.sqrt(1.0 - r * r)), fontsize=7, color=QUIET)
        around = np.linspace(0.0, np.pi, 90)
        for error in (0.25, 0.5, 0.75, 1.0):
            axes.plot(1.0 + error * np.cos(around), error * np.sin(around), color="#cfe0e1", linewidth=0.6)
        axes.plot(1.0, 0.0, marker="*", color=INK, markersize=12, clip_on=False, label=f"{found.reference} (reference)")
        for row in rows:
            r, ratio = row[f"{kind}_correlation"], row[f"{kind}_deviation_ratio"]
            if ratio > reach:
                continue
            place = regions.index(row["region"])
            axes.plot(ratio * r, ratio * np.sqrt(max(0.0, 1.0 - r * r)), marker=MARKERS[place % len(MARKERS)], linestyle="none",
                      color=colour_of(found, row["product"]), markersize=7, clip_on=False)
        for place, region in enumerate(regions):
            axes.plot([], [], marker=MARKERS[place % len(MARKERS)], linestyle="none", color=QUIET,
                      label="all" if region == WHOLE else region)
        for name in found.maps:
            axes.plot([], [], color=colour_of(found, name), linewidth=4, label=name)
        axes.set_xlim(0.0, reach)
        axes.set_ylim(0.0, reach)
        axes.set_aspect("equal")
        axes.grid(False)
        axes.set_xlabel("standard deviation over that of the reference; rays: correlation")
        axes.set_title("Pattern of means" if kind == "pattern" else "Regional series")
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.03, 1.0))
    return figure


def zonal_figure(found: Comparison) -> "Figure":
    """Means by latitude."""
    if not any(np.isfinite(values).any() for values in found.zonal.values()):
        raise NoFigure("there is no whole year")
    with drawing(5.0, 4.6) as figure:
        axes = figure.add_subplot()
        for one in found.common:
            if one.name in found.zonal:
                axes.plot(found.zonal[one.name], one.latitude, color=colour_of(found, one.name), label=one.name)
        axes.set_ylabel("latitude (degrees north)")
        unit = found.quantity.yearly_unit or found.common[0].unit
        axes.set_title(f"{readable_name(found.quantity.name)} by latitude ({unit})")
        axes.legend(fontsize=8)
    return figure


def draw_comparison(found: Comparison) -> tuple[list[Drawn], list[str]]:
    """All figures that the data allow, labelled where a product is synthetic, and why others are missing."""
    label = synthetic_note(found.products)
    agreement = [(f"agreement_{place}", f"{name} against {found.reference}, cell by cell.",
                  partial(maps.agreement_panels, found, name)) for place, name in enumerate(found.maps, start=1)]
    recipes: list[tuple[str, str, Callable[[], Figure]]] = [
        ("series", "Yearly values of regions with Theil-Sen lines, dotted where p (with serial correlation) is 0.05 or more.",
         partial(series_figure, found, COMMON if len(found.products) > 1 else OWN)),
        ("mean_maps", "Means of the common years on the common grid.", partial(maps.mean_maps, found)),
        ("difference_maps", f"Differences from {found.reference}.", partial(maps.difference_maps, found)),
        *agreement,
        ("trend_maps", "Theil-Sen trends of cells; dots where significant with the false-discovery rate under control.",
         partial(maps.trend_maps, found)),
        ("cycles", "Mean years of regions.", partial(cycle_figure, found)),
        ("taylor_pattern", "Taylor diagram of the pattern of means.", partial(taylor_figure, found, "pattern")),
        ("taylor_series", "Taylor diagram of regional series.", partial(taylor_figure, found, "series")),
        ("zonal", "Means by latitude.", partial(zonal_figure, found)),
        ("regions", "The regions of the tables.", partial(maps.region_map, found))]
    drawn, missing = [], []
    for name, caption, recipe in recipes:
        try:
            figure = recipe()
            if label:
                figure.suptitle(label, fontsize=8, color=OBSERVED, fontweight="bold")
            drawn.append(Drawn(name, caption, png(figure)))
        except NoFigure as why:
            missing.append(f"No figure {name}: {why}.")
    return drawn, missing


def _regions(found: Comparison, ground: str) -> list[str]:
    series = found.series[ground]
    if not series:
        raise NoFigure("there is no whole year")
    names = [name for name in found.shares if any(np.isfinite(parts[name].mean).any() for parts in series.values())]
    if not names:
        raise NoFigure("no region has values")
    return names[:MOST_REGIONS]


def _legend(figure: "Figure", axes: "Axes", count: int) -> None:
    if count > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(count, 5), fontsize=8)
