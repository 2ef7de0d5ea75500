"""A plain longitude-latitude map of towers, coloured by IGBP class, with a graticule and an outline of the user's own."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import read_text
from terraflux.drivers.safe_write import replacing
from terraflux.sites.catalogue import IGBP_NAMES, TowerFacts

COLOURS = {
    "ENF": "#0b5d1e", "EBF": "#1f9d55", "DNF": "#5c7a29", "DBF": "#8cc63f", "MF": "#3c8d7d", "CSH": "#a0522d",
    "OSH": "#c98b5a", "SHR": "#c98b5a", "WSA": "#b5a642", "SAV": "#e0c068", "GRA": "#d4e157", "CRO": "#f4a300",
    "CVM": "#e07b00", "WET": "#2a9d8f", "WAT": "#1e6fd9", "URB": "#b0003a", "SNO": "#9ecae1", "BSV": "#8d8d8d",
    "TUN": "#b39ddb", "": "#ffffff",
}
MAXIMUM_OUTLINE_BYTES = 100_000_000
FORMATS = (".png", ".svg", ".pdf")


def tower_map(towers: Iterable[TowerFacts], path: str | os.PathLike[str], *,
              outline: str | os.PathLike[str] | None = None, labels: bool = True, title: str = "") -> Path:
    """Draw towers into a PNG, SVG or PDF file, which appears whole or not at all; returns its path.

    `outline` is a GeoJSON file (lines or polygons in degrees) drawn below the towers. Raises ForcingError without
    towers, for another kind of file, and for a GeoJSON that is none.
    """
    chosen, target = list(towers), Path(path)
    if not chosen:
        raise ForcingError("no tower to draw", remedy="loosen the filters")
    if target.suffix.lower() not in FORMATS:
        raise ForcingError(f"the kind of figure {target.suffix!r} is unknown", file=target,
                           remedy=f"name a file with one of {', '.join(FORMATS)}")
    lines = outline_lines(outline) if outline is not None else []
    from matplotlib.figure import Figure

    longitudes, latitudes = [one.longitude for one in chosen], [one.latitude for one in chosen]
    west, east, south, north = _frame(longitudes, latitudes)
    shape = min(max((north - south) / (east - west) * 1.25, 0.35), 1.4)
    figure = Figure(figsize=(11.0, 11.0 * shape + 1.0), layout="constrained")
    axes = figure.add_subplot()
    for line in lines:
        axes.plot([point[0] for point in line], [point[1] for point in line], color="#9a9a9a", linewidth=0.6, zorder=1)
    for igbp in [name for name in COLOURS if any(one.igbp == name for one in chosen)]:
        part = [one for one in chosen if one.igbp == igbp]
        axes.scatter([one.longitude for one in part], [one.latitude for one in part], s=34, color=COLOURS[igbp],
                     edgecolors="#222222", linewidths=0.6, zorder=3,
                     label=f"{igbp or '?'}  {IGBP_NAMES.get(igbp, 'not known')} ({len(part)})")
    if labels:
        for text, longitude, latitude in labels_of(chosen, nearer_than=0.014 * (north - south)):
            axes.annotate(text, (longitude, latitude), xytext=(4, 3), textcoords="offset points", fontsize=6,
                          color="#333333", zorder=4)
    axes.set(xlim=(west, east), ylim=(south, north), xlabel="longitude (degrees east)",
             ylabel="latitude (degrees north)", title=title or f"{len(chosen)} flux towers")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", bbox_to_anchor=(1.0, 0.0), fontsize=8, frameon=False, title="IGBP class")
    with replacing(target) as draft:
        figure.savefig(draft, dpi=150)
    return target


def labels_of(towers: Iterable[TowerFacts], nearer_than: float) -> list[tuple[str, float, float]]:
    """Labels (text, longitude, latitude); towers nearer to each other than `nearer_than` (degrees of latitude, twice and
    a half that of longitude, for the length of a label) share one: both codes, or the first and how many more."""
    groups: list[list[TowerFacts]] = []
    for one in towers:
        for group in groups:
            if abs(one.latitude - group[0].latitude) < nearer_than and \
                    abs(one.longitude - group[0].longitude) < 2.5 * nearer_than:
                group.append(one)
                break
        else:
            groups.append([one])
    return [(group[0].code if len(group) == 1 else f"{group[0].code}, {group[1].code}" if len(group) == 2 else
             f"{group[0].code} and {len(group) - 1} more", group[0].longitude, group[0].latitude) for group in groups]


def outline_lines(path: str | os.PathLike[str]) -> list[list[tuple[float, float]]]:
    """Lines (longitude, latitude in degrees) of a GeoJSON file: LineString and Polygon, single and multiple."""
    try:
        content = json.loads(read_text(path, MAXIMUM_OUTLINE_BYTES))
    except (json.JSONDecodeError, RecursionError) as trouble:
        raise ForcingError(f"the outline is no JSON: {trouble}", file=path, remedy="give a GeoJSON file") from trouble
    lines: list[list[tuple[float, float]]] = []
    waiting: list[Any] = [content]
    try:
        while waiting:
            one = waiting.pop()
            kind = one.get("type")
            if kind == "FeatureCollection":
                waiting += one["features"]
            elif kind == "Feature":
                waiting += [one["geometry"]] if one["geometry"] else []
            elif kind == "GeometryCollection":
                waiting += one["geometries"]
            elif kind in ("LineString", "MultiLineString", "Polygon", "MultiPolygon"):
                depth = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}[kind]
                parts = [one["coordinates"]]
                for _ in range(depth):
                    parts = [inner for part in parts for inner in part]
                lines += [[(float(point[0]), float(point[1])) for point in part] for part in parts]
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as trouble:
        raise ForcingError(f"the outline is no GeoJSON: {trouble}", file=path, remedy="give a GeoJSON file") from trouble
    if not lines:
        raise ForcingError("the outline holds no lines or polygons", file=path, remedy="give a GeoJSON file with some")
    return lines


def _frame(longitudes: list[float], latitudes: list[float]) -> tuple[float, float, float, float]:
    """West, east, south and north of the map (degrees), with a margin."""
    across = max(max(longitudes) - min(longitudes), max(latitudes) - min(latitudes), 2.0)
    margin = 0.06 * across
    return (max(min(longitudes) - margin, -180.0), min(max(longitudes) + margin, 180.0),
            max(min(latitudes) - margin, -90.0), min(max(latitudes) + margin, 90.0))
