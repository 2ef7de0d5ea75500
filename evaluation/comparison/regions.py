"""Regions that tables are given for: those of China, polygons of the user, and the share of every cell that lies in each."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.safe_files import read_toml
from terraflux.evaluation.comparison.polygons import Shape, inside, read_shapes

Floats = NDArray[np.float64]
WHOLE = "all"
"""Name of the whole: the national boundary where one is given, else all cells."""
FINEST = 0.025  # degrees between sample points
FEWEST_POINTS, MOST_POINTS = 4, 20


@cache
def regions_of_china() -> tuple[Shape, ...]:
    """Tibetan Plateau, Northeast, Northwest, North, Southwest and South, by straight lines (`regions.toml` gives sources)."""
    table = tomllib.loads(files("terraflux.evaluation.comparison").joinpath("regions.toml").read_text(encoding="utf-8"))
    return tuple(Shape(one["name"], (np.array(one["outline"], dtype=float),)) for one in table["region"])


def region_sources() -> dict[str, str]:
    """How each region of China is delimited."""
    table = tomllib.loads(files("terraflux.evaluation.comparison").joinpath("regions.toml").read_text(encoding="utf-8"))
    return {one["name"]: one["source"] for one in table["region"]}


def read_regions(path: str | os.PathLike[str]) -> tuple[Shape, ...]:
    """Regions of a user: GeoJSON, a shapefile, or TOML like `regions.toml` ([[region]] with name and outline).

    Raises ForcingError for two of one name, and the name "all".
    """
    if os.fspath(path).lower().endswith(".toml"):
        table = read_toml(path)
        refuse_unknown_keys(table, ("region",), file=path)
        found = []
        for one in table.get("region", []):
            refuse_unknown_keys(one, ("name", "source", "outline"), file=path, place="region")
            outline = np.array(one.get("outline", []), dtype=float)
            if outline.ndim != 2 or outline.shape[1] != 2 or outline.shape[0] < 3 or not one.get("name"):
                raise ForcingError("a region needs a name and an outline of three points or more", file=path,
                                   remedy="write outline = [[longitude, latitude], ...]")
            found.append(Shape(str(one["name"]), (outline,)))
        if not found:
            raise ForcingError("the file holds no regions", file=path, remedy="add [[region]] with name and outline")
    else:
        found = list(read_shapes(path))
    names = [one.name for one in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or WHOLE in names:
        problem = f"the region {repeated[0]!r} appears twice" if repeated else f"the name {WHOLE!r} stands for the whole"
        raise ForcingError(problem, file=path, remedy="give every region a name of its own")
    return tuple(found)


def read_boundary(path: str | os.PathLike[str], names: Sequence[str] = ()) -> Shape:
    """The areas of a file, or those of some names, as one. Raises ForcingError with the nearest name."""
    shapes = read_shapes(path)
    known = {one.name for one in shapes}
    for name in names:
        if name not in known:
            raise ForcingError(f"there is no area {name!r}", file=path, remedy=nearest(name, known))
    rings = tuple(ring for one in shapes if not names or one.name in names for ring in one.rings)
    return Shape(" and ".join(names) if names else ", ".join(sorted(known))[:60], rings)


def region_shares(regions: Sequence[Shape], latitude_edges: Floats, longitude_edges: Floats, boundary: Shape | None = None,
                  exclusive: bool = True) -> Mapping[str, Floats]:
    """Share (0..1) of every cell [latitude, longitude] in each region, and in the whole under the name "all".

    Cells are sampled by a lattice of 4 to 20 points a side, at most 0.025 degrees apart where that many suffice. With
    `exclusive` a point belongs to the first region that holds it, so that regions do not overlap; `boundary` cuts all.
    """
    spacing = max(float(np.max(np.diff(latitude_edges))), float(np.max(np.diff(longitude_edges))))
    count = int(np.clip(np.ceil(spacing / FINEST), FEWEST_POINTS, MOST_POINTS))
    shape = (latitude_edges.size - 1, longitude_edges.size - 1)
    steps = (np.arange(count) + 0.5) / count
    east = (longitude_edges[:-1, None] + steps * np.diff(longitude_edges)[:, None]).ravel()
    shares = {name: np.zeros(shape) for name in (WHOLE, *(one.name for one in regions))}
    for row in range(shape[0]):
        north = latitude_edges[row] + steps * (latitude_edges[row + 1] - latitude_edges[row])
        free = np.ones((count, east.size), dtype=bool) if boundary is None else inside(boundary.rings, north, east)
        shares[WHOLE][row] = _per_cell(free, count)
        for one in regions:
            if not free.any():
                break
            held = inside(one.rings, north, east) & free
            shares[one.name][row] = _per_cell(held, count)
            if exclusive:
                free = free & ~held
    return shares


def _per_cell(points: NDArray[np.bool_], count: int) -> Floats:
    return points.reshape(count, -1, count).mean(axis=(0, 2))
