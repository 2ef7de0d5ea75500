"""Where the land of the synthetic nation lies and how high: an invented outline, plateau, basins and ranges.

Nothing here is a map of any country. Outline and heights are defined at every point; a cell takes the area-weighted mean of
fixed points 1/8 degree apart (1/16 degree off the whole degree), so that cells of 0.25, 0.5, 1 .. 5 degrees nest exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.nation.noise import still_field

Floats = NDArray[np.float64]
WEST, EAST, SOUTH, NORTH = 73.0, 136.0, 18.0, 54.0
SPACING = 0.125  # degrees between the points that make a cell
FIELD_COAST, FIELD_COAST_FINE, FIELD_HILLS, FIELD_RIDGES, FIELD_FINE_RIDGES = 1, 2, 3, 4, 5
OUTLINE = np.array([
    (73.5, 39.5), (80.5, 45.5), (87.0, 49.0), (91.5, 45.0), (98.0, 42.5), (105.0, 41.8), (112.0, 44.0), (117.5, 47.5),
    (120.5, 53.3), (126.0, 52.0), (131.0, 47.8), (134.5, 48.0), (131.0, 43.0), (126.5, 41.0), (121.0, 40.5), (118.0, 38.5),
    (122.5, 37.0), (119.5, 34.5), (122.0, 31.0), (120.0, 26.5), (116.5, 22.8), (110.5, 20.3), (107.5, 21.8), (102.0, 21.8),
    (98.5, 25.0), (97.0, 28.2), (92.0, 27.5), (85.0, 28.2), (79.0, 31.0), (75.5, 36.0),
])  # longitude, latitude of corners, degrees
# Longitude, latitude of the middle, half widths (degrees), height (m), steepness of the edge; negative heights are basins.
LANDFORMS = (
    (89.0, 33.0, 12.5, 4.6, 4500.0, 4.0),
    (101.0, 26.0, 6.0, 3.5, 1700.0, 2.5),
    (101.0, 38.0, 14.0, 8.0, 1150.0, 3.0),
    (108.0, 43.0, 11.0, 5.0, 950.0, 3.0),
    (83.0, 42.5, 8.0, 0.9, 2400.0, 2.0),
    (88.5, 47.5, 2.5, 2.0, 1100.0, 2.0),
    (120.0, 48.5, 2.6, 5.0, 750.0, 2.0),
    (128.5, 43.5, 2.4, 3.0, 500.0, 2.0),
    (114.0, 26.0, 4.0, 2.5, 350.0, 2.0),
    (111.5, 37.0, 3.0, 4.0, 700.0, 2.0),
    (84.0, 42.0, 11.0, 6.0, 1100.0, 3.0),
    (105.3, 30.3, 2.3, 2.0, -250.0, 2.0),
    (83.0, 39.5, 6.0, 1.8, -350.0, 2.5),
    (87.0, 45.0, 3.5, 1.6, -600.0, 2.0),
)
COAST_ROUGHNESS = 0.9, 0.35  # degrees
HIGHEST = 6500.0  # m


@dataclass(frozen=True)
class Ground:
    """Land share (0..1), mean elevation of the land (m, 0 without land) and roughness (m, standard deviation) of cells."""

    land_fraction: Floats
    elevation: Floats
    roughness: Floats


def inside_outline(longitude: Floats, latitude: Floats) -> NDArray[np.bool_]:
    """Is a point within the corners of the outline? (Even number of crossings to the east means outside.)"""
    inside = np.zeros(longitude.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(OUTLINE, np.roll(OUTLINE, -1, axis=0), strict=True):
        crosses = (latitude < y0) != (latitude < y1)
        inside ^= crosses & (longitude < x0 + (latitude - y0) * ((x1 - x0) / (y1 - y0 if y1 != y0 else 1.0)))
    return inside


def land_at(longitude: Floats, latitude: Floats, seed: int) -> NDArray[np.bool_]:
    """Is a point on the nation's land? The outline with a ragged edge."""
    wide, fine = COAST_ROUGHNESS
    east = wide * still_field(longitude, latitude, 3.0, 3.0, FIELD_COAST, seed)
    north = fine * still_field(longitude, latitude, 0.8, 0.8, FIELD_COAST_FINE, seed)
    return inside_outline(longitude + 0.5 * east + north, latitude + 0.4 * east - north)


def landform(longitude: Floats, latitude: Floats, east: float, north: float, wide: float, deep: float, edge: float) -> Floats:
    """Share (0..1) of its height that a landform has at points."""
    distance = ((longitude - east) / wide) ** 2 + ((latitude - north) / deep) ** 2
    return np.exp(-(distance**edge))


def basin_depth(longitude: Floats, latitude: Floats) -> Floats:
    """How far within a basin a point is: 1 in the middle, 0 outside all."""
    depth = np.zeros(longitude.shape)
    for east, north, wide, deep, size, edge in LANDFORMS:
        if size < 0.0:
            depth = np.maximum(depth, landform(longitude, latitude, east, north, wide, deep, edge))
    return depth


def height_at(longitude: Floats, latitude: Floats, seed: int) -> Floats:
    """Height of the land (m, 1 or more) at points."""
    height = np.full(longitude.shape, 90.0)
    for east, north, wide, deep, size, edge in LANDFORMS:
        height = height + size * landform(longitude, latitude, east, north, wide, deep, edge)
    hills = still_field(longitude, latitude, 4.0, 3.0, FIELD_HILLS, seed)
    ridges = still_field(longitude, latitude, 1.5, 1.0, FIELD_RIDGES, seed)
    fine = still_field(longitude, latitude, 0.4, 0.3, FIELD_FINE_RIDGES, seed)
    ruggedness = np.clip(np.maximum(height, 0.0) / 2500.0, 0.02, 1.0)
    height = height + ruggedness * (350.0 * hills + 350.0 * (1.0 - np.abs(ridges)) + 180.0 * fine)
    return np.clip(height, 1.0, HIGHEST)


def ground_of(longitude: Floats, latitude: Floats, resolution: float, seed: int) -> Ground:
    """Land share, height and roughness of cells with these centres and this width (degrees), from points within them."""
    count = max(1, round(resolution / SPACING))
    step = resolution / count
    offsets = (np.arange(count) + 0.5) * step - 0.5 * resolution
    weight, land, height, square = (np.zeros(longitude.shape) for _ in range(4))
    for north in offsets:
        share = np.cos(np.radians(latitude + north))
        for east in offsets:
            there = np.where(land_at(longitude + east, latitude + north, seed), share, 0.0)
            metres = height_at(longitude + east, latitude + north, seed)
            weight += share
            land += there
            height += there * metres
            square += there * metres**2
    some = np.where(land > 0.0, land, 1.0)
    mean = height / some
    return Ground(land / weight, mean, np.sqrt(np.maximum(square / some - mean**2, 0.0)))
