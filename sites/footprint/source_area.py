"""Source areas: the smallest area that holds a fraction of a footprint, as a level and as polygons.

Cells are taken from the densest on until they hold the fraction; the density of the last one is the level, and the
polygons are its contour lines. With `rule="nearest"` (Kljun et al. 2015) the level is that whose mass is nearest to the
fraction, with "first" the first whose mass is not below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RULES = ("nearest", "first")


@dataclass(frozen=True)
class SourceArea:
    """Area that holds a `fraction` of `of` = "unit" or "captured" mass.

    `level` (m-2; NaN where the grid holds less), `area` of its cells (m2), `mass` in them (-). `polygons`: each a list
    of rings, the outer one first, then holes; a ring is an array (points, 2) of x and y (m), closed, outer rings
    counterclockwise. `leaves_domain`: the area reaches the edge of the grid and goes on beyond it.
    """

    fraction: float
    of: str
    level: float
    area: float
    mass: float
    polygons: tuple[tuple[Floats, ...], ...]
    leaves_domain: bool


def contour_levels(
    density: Floats, cell_area: float, fractions: Sequence[float], of: str = "unit", rule: str = "nearest"
) -> list[float]:
    """Density (m-2) that bounds each fraction; NaN where the grid does not hold it.

    density: m-2 on a regular grid. cell_area: m2. `of`: "unit", fractions of a mass of one, or "captured", of the sum over
    the grid. `rule`: "nearest" or "first". Raises ValueError for other words and fractions outside 0..1.
    """
    if of not in ("unit", "captured"):
        raise ValueError(f'a source area holds a fraction of "unit" or "captured" mass, not of "{of}"')
    if rule not in RULES:
        raise ValueError(f'rule of a source area must be one of {", ".join(RULES)}, not "{rule}"')
    for fraction in fractions:
        if not 0.0 < fraction <= 1.0:
            raise ValueError(f"a source area holds a fraction between 0 and 1, not {fraction}")
    if not np.isfinite(density).all():
        return [float("nan")] * len(fractions)
    ordered = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(ordered) * cell_area
    return [_level(ordered, mass, fraction * (1.0 if of == "unit" else float(mass[-1])), rule) for fraction in fractions]


def _level(ordered: Floats, mass: Floats, wanted: float, rule: str) -> float:
    if wanted <= 0.0 or mass[-1] < wanted * (1.0 - 1e-12):
        return float("nan")
    after = min(int(np.searchsorted(mass, wanted * (1.0 - 1e-14))), len(mass) - 1)
    before = max(after - 1, 0)
    nearer = rule == "nearest" and abs(mass[before] - wanted) <= abs(mass[after] - wanted)
    return float(ordered[before if nearer else after])


def source_areas(
    x: Floats,
    y: Floats,
    density: Floats,
    fractions: Sequence[float] = (0.5, 0.8),
    of: str = "unit",
    rule: str = "nearest",
) -> list[SourceArea]:
    """Source areas of a density (m-2, shape (len(y), len(x))) at evenly spaced nodes x and y (m)."""
    if density.shape != (len(y), len(x)):
        raise ValueError(f"density has shape {density.shape}, but the nodes make ({len(y)}, {len(x)}) (lines, columns)")
    cell_area = abs(float((x[-1] - x[0]) * (y[-1] - y[0]))) / ((len(x) - 1) * (len(y) - 1))
    levels = contour_levels(density, cell_area, fractions, of, rule)
    pairs = zip(fractions, levels, strict=True)
    return [_source_area(x, y, density, cell_area, fraction, of, level) for fraction, level in pairs]


def _source_area(x: Floats, y: Floats, density: Floats, cell_area: float, fraction: float, of: str, level: float) -> SourceArea:
    if np.isnan(level):
        return SourceArea(fraction, of, level, float("nan"), float("nan"), (), False)
    within = density >= level
    edge = np.concatenate([within[0], within[-1], within[:, 0], within[:, -1]])
    area, mass = float(within.sum()) * cell_area, float(density[within].sum()) * cell_area
    return SourceArea(fraction, of, level, area, mass, polygons(x, y, density, level), bool(edge.any()))


def polygons(x: Floats, y: Floats, density: Floats, level: float) -> tuple[tuple[Floats, ...], ...]:
    """Polygons where the density is at least the level, closed along the edge of the grid where they leave it."""
    from contourpy import FillType, contour_generator

    generator = contour_generator(x, y, density, fill_type=FillType.OuterOffset)
    parts: Any = generator.filled(level, np.inf)
    points, offsets = parts
    found: list[tuple[Floats, ...]] = []
    for corners, starts in zip(points, offsets, strict=True):
        rings = [np.asarray(corners[first:last], float) for first, last in pairwise(starts)]
        kept = [_turned(ring, outer=place == 0) for place, ring in enumerate(rings) if len(ring) >= 4]
        if kept:
            found.append(tuple(kept))
    return tuple(found)


def ring_area(ring: Floats) -> float:
    """Signed area (m2) of a closed ring, positive where it runs counterclockwise."""
    px, py = ring[:, 0], ring[:, 1]
    return float(0.5 * np.sum(px[:-1] * py[1:] - px[1:] * py[:-1]))


def _turned(ring: Floats, outer: bool) -> Floats:
    return ring if (ring_area(ring) > 0.0) == outer else np.ascontiguousarray(ring[::-1])


def as_record(area: SourceArea) -> dict[str, Any]:
    """What is told of a source area beside its polygons: fraction, of, level, area, mass, leaves_domain."""
    return {
        "fraction": area.fraction, "fraction_of": area.of, "level_per_square_metre": _or_none(area.level),
        "area_square_metres": _or_none(area.area), "mass": _or_none(area.mass), "leaves_domain": area.leaves_domain,
    }  # fmt: skip


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
