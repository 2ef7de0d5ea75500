"""Figures of a tower's representativeness: footprint over the image, wind rose, bias, vegetation, windows, semivariogram."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from terraflux.report.figures import Drawn
from terraflux.report.style import INK, OBSERVED, QUIET, SIMULATED, drawing, png
from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.footprint_shape import ASYMMETRIC_BELOW, POOR_OVERLAP_BELOW
from terraflux.sites.representativeness.land_cover_similarity import HIGH_SHARE, MEDIUM_SHARE
from terraflux.sites.representativeness.location_bias import ACCEPTED_PERCENT, STRICT_PERCENT
from terraflux.sites.representativeness.tower import TowerRepresentativeness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = (0.5, 0.8, 0.9)
SECTORS = 16
SPEED_EDGES = (0.0, 2.0, 4.0, 6.0, np.inf)
MOST_PERIODS = 12
FRAME = 1.15  # of the farthest contour


class FigureAbsent(ValueError):
    """A figure that the data do not allow, with the reason."""


def footprint_over_image(tower: TowerRepresentativeness, name: str) -> "Figure":
    """Contours of the 50, 80 and 90 % source areas over a raster, with the target area."""
    scene = _scene(tower, name)
    climatology = tower.reference
    radius = tower.report.target_radius
    with drawing(6.2, 5.2) as figure:
        axes = figure.add_subplot()
        _image(figure, axes, scene, tower)
        levels = _contours(axes, scene, climatology.density, [climatology.contour_level(share, "unit") for share in SHARES],
                           (INK, OBSERVED, SIMULATED))
        reach = _reach(scene, climatology.density, levels)
        axes.plot(0.0, 0.0, marker="+", color="red", markersize=12, markeredgewidth=2)
        _target(axes, radius, tower.report.target_shape)
        limit = min(max(FRAME * reach, FRAME * radius), float(np.abs(scene.x).max()))
        _frame(axes, limit)
        shown = [f"{share:.0%}" for share, level in zip(SHARES, levels, strict=True) if np.isfinite(level)]
        unit = "" if scene.units in ("", "1") else f" ({scene.units})"
        axes.set_title(f"{name}{unit}; source areas {', '.join(shown) or 'leave the grid'}")
    return figure


def footprint_periods(tower: TowerRepresentativeness) -> "Figure":
    """The 80 % source area of every period in its own colour."""
    from matplotlib import colormaps

    names = [name for name in tower.climatologies if name != tower.report.reference][:MOST_PERIODS]
    if not names:
        raise FigureAbsent("there is only one period")
    scene = _any_scene(tower)
    with drawing(6.2, 5.2) as figure:
        axes = figure.add_subplot()
        colours = colormaps["twilight_shifted"](np.linspace(0.1, 0.9, len(names)))
        reach = 0.0
        for name, colour in zip(names, colours, strict=True):
            one = tower.climatologies[name]
            level = one.contour_level(0.8, "unit")
            _contours(axes, scene, one.density, [level], (colour,))
            axes.plot([], [], color=colour, label=name if np.isfinite(level) else f"{name}: leaves the grid")
            reach = max(reach, _reach(scene, one.density, [level]))
        axes.plot(0.0, 0.0, marker="+", color="red", markersize=12, markeredgewidth=2)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
        _frame(axes, min(FRAME * reach, float(np.abs(scene.x).max())) if reach else float(np.abs(scene.x).max()))
        axes.set_title("80 % source area by period")
    return figure


def wind_rose(tower: TowerRepresentativeness) -> "Figure":
    """How often the wind blows FROM each sector, by wind speed where it is known; only rows with a footprint."""
    from matplotlib import colormaps

    direction = np.asarray(tower.half_hours.inputs["wind_direction"], dtype=np.float64)
    speed = np.asarray(tower.half_hours.inputs.get("mean_wind_speed", np.full(direction.shape, np.nan)), dtype=np.float64)
    used = tower.rows.valid & np.isfinite(direction)
    sector = np.floor(direction[used] * SECTORS / 360.0 + 0.5).astype(int) % SECTORS
    known = bool(np.isfinite(speed[used]).any())
    classes = np.searchsorted(SPEED_EDGES[1:-1], speed[used], side="right") if known else np.zeros(sector.size, dtype=int)
    with drawing(5.0, 4.6) as figure:
        axes: Any = figure.add_subplot(projection="polar")
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        angle = np.arange(SECTORS) * 2.0 * np.pi / SECTORS
        base = np.zeros(SECTORS)
        number = len(SPEED_EDGES) - 1 if known else 1
        for k in range(number):
            share = np.bincount(sector[classes == k], minlength=SECTORS) * 100.0 / max(1, sector.size)
            top = SPEED_EDGES[k + 1]
            speeds = f"{SPEED_EDGES[k]:g}–{top:g} m s⁻¹" if np.isfinite(top) else f"> {SPEED_EDGES[k]:g} m s⁻¹"
            label = speeds if known else ""
            axes.bar(angle, share, width=2.0 * np.pi / SECTORS * 0.92, bottom=base, label=label,
                     color=colormaps["viridis"](0.15 + 0.7 * k / max(1, number - 1)))
            base += share
        axes.set_title("The wind blows FROM (% of half hours)", pad=22)
        axes.set_xticks(np.arange(8) * np.pi / 4, ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
        if known:
            axes.legend(loc="upper left", bbox_to_anchor=(1.05, 1.0), fontsize=8)
    return figure


def bias_by_radius(tower: TowerRepresentativeness, name: str) -> "Figure":
    """Sensor-location bias against the radius of the target area, the reference period bold, with the usual limits."""
    report = tower.report
    with drawing(6.4, 3.4) as figure:
        axes = figure.add_subplot()
        axes.axhspan(-ACCEPTED_PERCENT, ACCEPTED_PERCENT, color=SIMULATED, alpha=0.08)
        axes.axhspan(-STRICT_PERCENT, STRICT_PERCENT, color=SIMULATED, alpha=0.12)
        axes.axhline(0.0, color=QUIET, linewidth=0.8)
        drawn = False
        for period, one in report.periods.items():
            points = [(bias.radius, bias.percent) for bias in one.bias.get(name, []) if np.isfinite(bias.percent)]
            if not points:
                continue
            drawn = True
            main = period == report.reference
            axes.plot(*zip(*points, strict=True), marker="o", markersize=5 if main else 3, label=period if main else None,
                      color=INK if main else QUIET, linewidth=2.2 if main else 0.9, zorder=3 if main else 2)
        if not drawn:
            raise FigureAbsent("the bias is undefined at every radius")
        axes.axvline(report.target_radius, color=OBSERVED, linestyle=":", label="target area")
        axes.set_xlabel("half width of the target area (m)" if report.target_shape == "square" else "radius (m)")
        axes.set_ylabel("bias (%)")
        axes.set_title(f"Sensor-location bias of {name}; bands ±5 and ±10 %, thin lines other periods")
        axes.legend(fontsize=8)
    return figure


def target_vegetation_bars(tower: TowerRepresentativeness, name: str) -> "Figure":
    """Share of the target class in the source areas of the reference period, by area and weighted by the footprint."""
    found = [one for one in tower.report.periods[tower.report.reference].target.get(name, []) if np.isfinite(one.by_area)]
    if not found:
        raise FigureAbsent("the share of the target class is undefined in every source area")
    place = np.arange(len(found))
    with drawing(6.4, 3.2) as figure:
        axes = figure.add_subplot()
        axes.bar(place - 0.2, [one.by_area for one in found], 0.38, color=QUIET, label="by area (PTVT)")
        axes.bar(place + 0.2, [one.by_footprint for one in found], 0.38, color=SIMULATED, label="by footprint (FTVT)")
        for limit in (HIGH_SHARE, MEDIUM_SHARE):
            axes.axhline(100.0 * limit, color=OBSERVED, linestyle=":", linewidth=1.0)
        axes.set_xticks(place, [f"{one.share:.0%}" for one in found])
        axes.set_ylim(0.0, 105.0)
        axes.set_xlabel("source area")
        axes.set_ylabel(f"{tower.report.target_name or 'target'} (%)")
        axes.set_title("Target vegetation; dotted 50 and 80 %")
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def shape_bars(tower: TowerRepresentativeness) -> "Figure":
    """Symmetry of the footprint and its overlap between seasons and between day and night, with the usual limits."""
    report = tower.report
    every = [("symmetry S80", report.periods[report.reference].shape.symmetry, ASYMMETRIC_BELOW),
             ("overlap of seasons", report.season_overlap, POOR_OVERLAP_BELOW),
             ("overlap of day and night", report.day_night_overlap, POOR_OVERLAP_BELOW)]
    known = [(label, float(value), limit) for label, value, limit in every if value is not None and np.isfinite(value)]
    if not known:
        raise FigureAbsent("symmetry and overlaps are undefined")
    with drawing(6.4, 0.9 + 0.5 * len(known)) as figure:
        axes = figure.add_subplot()
        for k, (_, value, limit) in enumerate(known):
            axes.barh(-k, value, 0.6, color=SIMULATED if value >= limit else OBSERVED)
            axes.plot([limit, limit], [-k - 0.38, -k + 0.38], color=INK, linewidth=2.0)
        axes.set_yticks([-k for k in range(len(known))], [label for label, _, _ in known])
        axes.set_xlim(0.0, 1.0)
        axes.set_title("Shape of the footprint; bars should pass the black mark")
    return figure


def window_size_curve(tower: TowerRepresentativeness, name: str) -> "Figure":
    """Variance and mean of the raster in squares that grow around the tower."""
    found = tower.report.surfaces[name].windows
    if found is None:
        raise FigureAbsent("there is no window-size analysis")
    with drawing(6.4, 3.2) as figure:
        axes = figure.add_subplot()
        axes.plot(found.side, found.variance, color=SIMULATED)
        axes.set_xlabel("side of the window (m)")
        axes.set_ylabel("variance", color=SIMULATED)
        other = axes.twinx()
        other.plot(found.side, found.mean, color=OBSERVED)
        other.set_ylabel("mean", color=OBSERVED)
        other.grid(False)
        if np.isfinite(found.characteristic_scale):
            axes.axvline(found.characteristic_scale, color=INK, linestyle=":")
            axes.set_title(f"Window size: the variance of {name} settles at {found.characteristic_scale:g} m")
        else:
            axes.set_title(f"Window size: the variance of {name} does not settle")
    return figure


def variogram_curve(tower: TowerRepresentativeness, name: str) -> "Figure":
    """Semivariogram with its model, and those of four directions."""
    surface = tower.report.surfaces[name]
    found = surface.variogram
    if found is None or not np.isfinite(found.gamma).any():
        raise FigureAbsent("there is no semivariogram")
    with drawing(6.4, 3.6) as figure:
        axes = figure.add_subplot()
        if surface.anisotropy is not None:
            for angle, one in surface.anisotropy.variograms.items():
                axes.plot(one.mean_lag, one.gamma, linewidth=0.9, alpha=0.8, label=f"{angle:g}°")
        axes.plot(found.mean_lag, found.gamma, "o", color=INK, markersize=3, label="all directions")
        if surface.model is not None:
            lag = np.linspace(0.0, float(np.nanmax(found.mean_lag)), 200)[1:]
            axes.plot(lag, surface.model(lag), color=OBSERVED, linewidth=2.0,
                      label=f"{surface.model.name}, range {surface.model.range:.0f} m")
        axes.set_xlabel("lag (m)")
        axes.set_ylabel("semivariance")
        axes.set_ylim(bottom=0.0)
        axes.set_title(f"Semivariogram of {name}; angles counter-clockwise from east")
        axes.legend(fontsize=8)
    return figure


def draw_footprint_figures(tower: TowerRepresentativeness) -> tuple[list[Drawn], list[str]]:
    """All figures that the tower allows, and a sentence for each that it does not."""
    recipes: list[tuple[str, str, Callable[[], Any]]] = []
    for name in tower.rasters:
        plain = "".join(letter if letter.isalnum() else "_" for letter in name)
        kind = tower.report.surfaces[name].kind
        recipes.append((f"footprint_{plain}", f"Contours of the 50, 80 and 90 % source areas of all half hours over {name}; "
                        "the dashed line is the target area, the cross the tower.",
                        partial(footprint_over_image, tower, name)))
        if kind == "classes":
            recipes.append((f"target_vegetation_{plain}", "Share of the target class in the source areas.",
                            partial(target_vegetation_bars, tower, name)))
            continue
        recipes += [(f"bias_{plain}", f"Sensor-location bias of {name} by target area and period.",
                     partial(bias_by_radius, tower, name)),
                    (f"variogram_{plain}", f"Semivariogram of {name}: exact, with its model and four directions.",
                     partial(variogram_curve, tower, name)),
                    (f"window_size_{plain}", f"Variance and mean of {name} in growing windows.",
                     partial(window_size_curve, tower, name))]
    recipes += [("wind_rose", "Where the wind comes from, half hours with a footprint.", partial(wind_rose, tower)),
                ("footprint_shape", "Symmetry of the footprint and overlaps after Chu et al. (2021).",
                 partial(shape_bars, tower)),
                ("footprint_periods", "The 80 % source area by period.", partial(footprint_periods, tower))]
    drawn, left_out = [], []
    for name, caption, draw in recipes:
        try:
            drawn.append(Drawn(name, caption, png(draw())))
        except FigureAbsent as trouble:
            left_out.append(f"Figure {name.replace('_', ' ')} is left out: {trouble}.")
    return drawn, left_out


def _scene(tower: TowerRepresentativeness, name: str) -> Raster:
    """The scene of the reference period."""
    scenes = tower.rasters[name]
    found = scenes if isinstance(scenes, Raster) else scenes.get(tower.report.reference)
    if found is None:
        raise FigureAbsent(f"{name} has no scene of the reference period")
    return found


def _any_scene(tower: TowerRepresentativeness) -> Raster:
    return _scene(tower, next(iter(tower.rasters)))


def _image(figure: "Figure", axes: "Axes", scene: Raster, tower: TowerRepresentativeness) -> None:
    """The raster, by classes with their names or by value with a colour bar."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap

    half = scene.cell_size[0] / 2.0, scene.cell_size[1] / 2.0
    extent = (scene.x[0] - half[0], scene.x[-1] + half[0], scene.y[0] - half[1], scene.y[-1] + half[1])
    axes.grid(False)
    if scene.kind != "classes":
        drawn = axes.imshow(scene.values, origin="lower", extent=extent, cmap="YlGn")
        figure.colorbar(drawn, ax=axes, shrink=0.8)
        return
    from terraflux.sites.land_cover import legend as known_legend

    codes = np.unique(scene.values[np.isfinite(scene.values)])
    place = np.where(np.isfinite(scene.values), np.searchsorted(codes, np.nan_to_num(scene.values, nan=codes[0])), np.nan)
    colours = ListedColormap([colormaps["tab20"](k % 20) for k in range(codes.size)])
    axes.imshow(place, origin="lower", extent=extent, cmap=colours, alpha=0.75,
                norm=BoundaryNorm(np.arange(codes.size + 1) - 0.5, codes.size))
    book = None if tower.legend is None else known_legend(tower.legend).classes
    for k, code in enumerate(codes):
        text = book[int(code)].name if book is not None and int(code) in book else f"class {code:g}"
        axes.plot([], [], marker="s", linestyle="", color=colours(k), label=text)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7)


def _contours(axes: "Axes", scene: Raster, density: np.ndarray, levels: list[float], colours: tuple[Any, ...]) -> list[float]:
    """Draw the contours that exist; returns the levels as given."""
    for level, colour in zip(levels, colours, strict=True):
        if np.isfinite(level) and density.min() < level < density.max():
            axes.contour(scene.x, scene.y, density, levels=[level], colors=[colour], linewidths=1.6)
    return levels


def _reach(scene: Raster, density: np.ndarray, levels: list[float]) -> float:
    """Distance (m) of the farthest cell within any of the levels."""
    known = [level for level in levels if np.isfinite(level)]
    inside = density >= min(known) if known else np.zeros(density.shape, dtype=bool)
    return float(scene.distance[inside].max()) if inside.any() else 0.0


def _target(axes: "Axes", radius: float, shape: str) -> None:
    from matplotlib.patches import Circle, Rectangle

    outline = Circle((0.0, 0.0), radius) if shape == "circle" else Rectangle((-radius, -radius), 2.0 * radius, 2.0 * radius)
    outline.set(fill=False, linestyle="--", edgecolor=INK, linewidth=1.0)
    axes.add_patch(outline)


def _frame(axes: "Axes", limit: float) -> None:
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.set_xlabel("east of the tower (m)")
    axes.set_ylabel("north of the tower (m)")
