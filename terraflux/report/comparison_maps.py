"""Maps of a comparison: means, differences, measures of agreement, trends; borders are drawn from the polygons given."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.compare import Comparison
from terraflux.evaluation.comparison.fields import Fields, annual_amounts
from terraflux.report.style import INK, QUIET, drawing, readable_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
PANEL_WIDTH, COLUMNS, MOST_PANELS = 3.6, 3, 9
LEVEL_COLOURS, DIFFERENCE_COLOURS, PHASE_COLOURS = "YlGn", "BrBG", "twilight_shifted"
WATER_COLOURS = "YlGnBu"
OUTER = 98.0  # per cent of values that a scale shows
MOST_DOTS = 4000
MEASURES = (("correlation", "Correlation", "viridis"), ("rmse", "Root mean square error", "magma_r"),
            ("phase_shift", "Phase shift (days, positive = later)", PHASE_COLOURS))


class NoFigure(ValueError):
    """A figure that the data do not allow, with the reason."""


def mean_maps(found: Comparison) -> "Figure":
    """Yearly means of every product on common ground, one scale for all."""
    from terraflux.evaluation.comparison.compare import yearly_count

    chosen = [one for one in found.common if yearly_count(one)][:MOST_PANELS]
    if not chosen:
        raise NoFigure("there is no whole year in common")
    means = [_mean(annual_amounts(one)) for one in chosen]
    limit = _scale(means, symmetric=False)
    unit = found.quantity.yearly_unit or chosen[0].unit
    colours = WATER_COLOURS if found.quantity.kind == "water" else LEVEL_COLOURS
    panels = [(f"{one.name}", mean, colours, limit) for one, mean in zip(chosen, means)]
    return _panels(found, chosen[0], panels, f"{readable_name(found.quantity.name)} ({unit})")


def difference_maps(found: Comparison) -> "Figure":
    """Bias of every product against the reference, one scale for all."""
    if not found.maps:
        raise NoFigure("there is only one product")
    chosen = list(found.maps.items())[:MOST_PANELS]
    limit = _scale([one.bias for _, one in chosen], symmetric=True)
    panels = [(f"{name} minus {found.reference}", one.bias, DIFFERENCE_COLOURS, limit) for name, one in chosen]
    return _panels(found, found.common[0], panels, f"Bias ({found.common[0].unit})")


def agreement_panels(found: Comparison, name: str) -> "Figure":
    """Correlation, error and phase shift of one product against the reference."""
    maps = found.maps[name]
    panels = []
    for key, title, colours in MEASURES:
        values = getattr(maps, key)
        if not np.isfinite(values).any():
            continue
        limit = {"correlation": (0.0, 1.0), "phase_shift": (-182.5, 182.5)}.get(key) or _scale([values], symmetric=False)
        panels.append((title if key != "rmse" else f"{title} ({found.common[0].unit})", values, colours, limit))
    return _panels(found, found.common[0], panels, "", each_bar=True)


def trend_maps(found: Comparison) -> "Figure":
    """Trends of cells with dots where they are significant, the false-discovery rate under control."""
    if not found.trends:
        raise NoFigure("there are too few years in common for trends")
    chosen = list(found.trends.items())[:MOST_PANELS]
    slopes = [np.asarray(one.slope, dtype=float) for _, one in chosen]
    limit = _scale(slopes, symmetric=True)
    panels = []
    for (name, _), slope in zip(chosen, slopes):
        mask = found.significance[name]
        share = mask[np.isfinite(slope)].mean() if np.isfinite(slope).any() else 0.0
        panels.append((f"{name}: {share:.0%} of cells significant", slope, DIFFERENCE_COLOURS, limit))
    unit = found.quantity.yearly_unit or found.common[0].unit
    dots = [found.significance[name] for name, _ in chosen]
    return _panels(found, found.common[0], panels, f"Trend ({unit} yr-1)", dots)


def region_map(found: Comparison) -> "Figure":
    """Where the regions of the tables lie: the region that holds most of each cell."""
    names = [one.name for one in found.regions]
    if not names:
        raise NoFigure("no regions are given")
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    shares = np.stack([found.shares[name] for name in names])
    most = np.where(shares.max(axis=0) > 0.0, shares.argmax(axis=0), np.nan)
    with drawing(6.4, 4.6) as figure:
        axes = figure.add_subplot()
        palette = colormaps["tab20" if len(names) > 10 else "tab10"]
        colours = [palette(place % palette.N) for place in range(len(names))]
        from matplotlib.colors import ListedColormap

        axes.pcolormesh(found.common[0].longitude_edges, found.common[0].latitude_edges, most, cmap=ListedColormap(colours),
                        vmin=-0.5, vmax=len(names) - 0.5, alpha=0.7, rasterized=True)
        _frame(axes, found, found.common[0], regions=True)
        axes.legend(handles=[Patch(color=colour, alpha=0.7, label=name) for name, colour in zip(names, colours)],
                    loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8)
        axes.set_title("Regions")
    return figure


def _mean(values: Floats) -> Floats:
    counts = np.isfinite(values).sum(axis=0)
    return np.where(counts > 0, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)


def _scale(fields: Sequence[Floats], symmetric: bool) -> tuple[float, float]:
    """Limits that show nearly all values."""
    values = np.concatenate([one[np.isfinite(one)] for one in fields])
    if values.size == 0:
        raise NoFigure("there are no values in common")
    if symmetric:
        high = float(np.percentile(np.abs(values), OUTER)) or 1.0
        return -high, high
    low, high = (float(np.percentile(values, part)) for part in (100.0 - OUTER, OUTER))
    low = min(low, 0.0) if low > 0.0 and low < 0.3 * high else low
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _panels(found: Comparison, like: Fields, panels: Sequence[tuple[str, Floats, str, tuple[float, float]]], label: str,
            dots: Sequence[NDArray[np.bool_]] = (), each_bar: bool = False) -> "Figure":
    """Maps side by side, with one colour bar for all or one for each."""
    if not panels:
        raise NoFigure("there are no values in common")
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    wide = float(np.ptp(like.longitude_edges)) * max(float(np.cos(np.radians(like.latitude.mean()))), 0.1)
    height = float(np.clip(PANEL_WIDTH * np.ptp(like.latitude_edges) / wide, 1.6, 5.0)) + 0.6
    with drawing(max(PANEL_WIDTH * columns, 5.0), height * rows + 0.5) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.ravel()[len(panels):]:
            axes.set_visible(False)
        for place, (title, values, colours, (low, high)) in enumerate(panels):
            axes = grid.ravel()[place]
            image = axes.pcolormesh(like.longitude_edges, like.latitude_edges, values, cmap=colours, vmin=low, vmax=high,
                                    rasterized=True)
            if len(dots) > place and dots[place].any():
                row, column = np.nonzero(dots[place])
                step = max(1, row.size // MOST_DOTS)
                axes.plot(like.longitude[column[::step]], like.latitude[row[::step]], ".", color=INK, markersize=1.2, alpha=0.7)
            _frame(axes, found, like)
            axes.set_title(title)
            if each_bar:
                figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.9, pad=0.03)
        if not each_bar:
            bar: Any = figure.colorbar(image, ax=grid, orientation="horizontal", shrink=0.6, pad=0.03, aspect=40, extend="both")
            bar.set_label(label)
    return figure


def _frame(axes: "Axes", found: Comparison, like: Fields, regions: bool = False) -> None:
    """Borders, limits, and a degree of longitude as long as it is in the middle of the map.

    Outlines of regions are drawn where asked for, or where there is no boundary.
    """
    border = [found.boundary] if found.boundary else []
    outlines = list(found.regions) if regions or not border else []
    for shape, width in [*((one, 0.4) for one in outlines), *((one, 0.8) for one in border)]:
        for ring in shape.rings:
            axes.plot(ring[:, 0], ring[:, 1], color=INK if width > 0.5 else QUIET, linewidth=width)
    axes.set_xlim(like.longitude_edges[0], like.longitude_edges[-1])
    axes.set_ylim(like.latitude_edges[0], like.latitude_edges[-1])
    axes.set_aspect(1.0 / max(float(np.cos(np.radians(like.latitude.mean()))), 0.1))
    axes.grid(False)
