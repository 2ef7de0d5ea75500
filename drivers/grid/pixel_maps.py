"""Maps of pixels, of classes or numbers, in degrees or in a projection, and how much of each pixel lies in which cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import EARTH_RADIUS
from terraflux.drivers.grid.grid_file import open_grid_file
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, grid_of, wrapped
from terraflux.drivers.grid.regridding import CellEdges, overlap_matrices, unit_sphere

Floats = NDArray[np.float64]
PIXELS_AT_ONCE = 20_000_000
NETCDF_SUFFIXES = (".nc", ".nc4", ".zarr", ".cdf")


@dataclass(frozen=True)
class PixelMap:
    """An open map: shape, a reader of rows, and where its pixels lie (a grid in degrees, or a projection)."""

    path: str
    shape: tuple[int, int]
    rows: Callable[[int, int], NDArray[Any]]
    grid: HorizontalGrid | None
    transform: Any = None
    crs: Any = None
    nodata: float | None = None


def open_pixel_map(path: str | Path, *, variable: str = "", crs: str = "") -> tuple[PixelMap, Callable[[], None]]:
    """A GeoTIFF or other raster, or a variable of a netCDF file, as a pixel map, and the function that closes it."""
    place = Path(path)
    if place.is_dir() or place.suffix.lower() in NETCDF_SUFFIXES:
        opened = open_grid_file(place)
        found = opened.variable(variable)
        grid = grid_of(opened, found)
        if not grid.regular:
            opened.close()
            raise ForcingError("a map in netCDF needs rows along parallels", file=place, variable=variable,
                               remedy="give a GeoTIFF in its projection")

        def read(first: int, after: int) -> NDArray[Any]:
            window: Mapping[str, slice | int] = {dim: 0 for dim in found.dims if dim not in grid.dims} | {
                grid.dims[0]: slice(first, after)}
            return found.read(window)
        return PixelMap(str(place), grid.shape, read, grid), opened.close
    import rasterio
    from rasterio.errors import RasterioIOError
    from rasterio.windows import Window

    if not place.is_file():
        raise ForcingError("the file does not exist", file=place, remedy="check the path and the data folder")
    try:
        source = rasterio.open(f"/vsigzip/{place}" if place.suffix == ".gz" else place)
    except RasterioIOError as trouble:
        raise ForcingError(f"the raster cannot be opened: {trouble}", file=place, remedy="fetch it again") from trouble
    reference = rasterio.crs.CRS.from_string(crs) if crs else source.crs
    if reference is None:
        source.close()
        raise ForcingError("the raster has no coordinate reference system", file=place, remedy='declare crs = "EPSG:..."')

    def read_window(first: int, after: int) -> NDArray[Any]:
        try:
            return np.asarray(source.read(1, window=Window(0, first, source.width, after - first)))
        except RasterioIOError as trouble:
            raise ForcingError(f"the raster cannot be read: {trouble}", file=place, remedy="fetch it again") from trouble
    pixels: HorizontalGrid | None = None
    move = source.transform
    if reference.is_geographic and move.b == 0.0 and move.d == 0.0:
        ns, we = move.f + move.e * np.arange(source.height + 1), move.c + move.a * np.arange(source.width + 1)
        pixels = HorizontalGrid(0.5 * (ns[:-1] + ns[1:]), 0.5 * (we[:-1] + we[1:]), np.clip(ns, -90.0, 90.0), we,
                                file=str(place))
    found_map = PixelMap(str(place), (source.height, source.width), read_window, pixels, move, reference, source.nodata)
    return found_map, source.close


Adder = Callable[[Floats], Floats]
"""Sum over the pixels of some rows, weighted by area (m2, or pixels for projections), for every cell."""


def placing_of(pixels: PixelMap, target: CellEdges) -> Callable[[int, int], Adder | None]:
    """For rows first..after of a map: how to sum them into target cells, None where they lie outside."""
    return _overlaps(pixels, target) if pixels.grid is not None and target.south is not None else _centres(pixels, target)


def row_blocks(pixels: PixelMap) -> list[tuple[int, int]]:
    """Rows first..after in pieces that fit in memory."""
    block = max(1, PIXELS_AT_ONCE // pixels.shape[1])
    return [(first, min(first + block, pixels.shape[0])) for first in range(0, pixels.shape[0], block)]


def mean_of_pixels(pixels: PixelMap, target: CellEdges) -> Floats:
    """Area-weighted mean of a map of numbers in every cell, NaN where it has none."""
    placing = placing_of(pixels, target)
    total, weight = np.zeros(target.latitude.size), np.zeros(target.latitude.size)
    for first, after in row_blocks(pixels):
        add = placing(first, after)
        if add is None:
            continue
        values = np.asarray(pixels.rows(first, after), dtype=np.float64)
        present = np.isfinite(values) & (values != (np.nan if pixels.nodata is None else pixels.nodata))
        total += add(np.where(present, values, 0.0))
        weight += add(present.astype(np.float64))
    return np.where(weight > 0.0, total / np.where(weight > 0.0, weight, 1.0), np.nan)


def _overlaps(pixels: PixelMap, target: CellEdges) -> Callable[[int, int], Adder | None]:
    """Exact overlaps of pixels in degrees with cells."""
    assert pixels.grid is not None and target.south is not None and target.north is not None
    assert target.west is not None and target.east is not None
    bands, row = np.unique(np.stack([target.south, target.north], axis=1), axis=0, return_inverse=True)
    strips, column = np.unique(np.stack([target.west, target.east], axis=1), axis=0, return_inverse=True)
    vertical, horizontal = overlap_matrices(pixels.grid, bands[:, 0], bands[:, 1], strips[:, 0], strips[:, 1])
    vertical = vertical.tocsc()

    def placing(first: int, after: int) -> Adder | None:
        part = vertical[:, first:after].tocsr()
        if part.nnz == 0:
            return None

        def add(weights: Floats) -> Floats:
            return ((horizontal @ (part @ weights).T).T * EARTH_RADIUS**2)[row.ravel(), column.ravel()]
        return add
    return placing


def _centres(pixels: PixelMap, target: CellEdges) -> Callable[[int, int], Adder | None]:
    """Pixels of a projection, each in the cell whose centre is nearest."""
    from pyproj import Transformer
    from scipy.spatial import cKDTree

    if pixels.grid is None:
        to_degrees = Transformer.from_crs(pixels.crs, "EPSG:4326", always_xy=True)

    centres = unit_sphere(target.latitude, target.longitude)
    tree = cKDTree(centres)
    spacing = float(np.median(tree.query(centres, k=2)[0][:, 1])) if target.latitude.size > 1 else 0.01
    # With edges the cell is checked below; without, half the diagonal of a square cell is the reach of its centre.
    reach = spacing * (4.0 if target.south is not None else 0.71)

    def placing(first: int, after: int) -> Adder | None:
        if pixels.grid is not None:
            latitude, longitude = np.meshgrid(pixels.grid.latitude[first:after], pixels.grid.longitude, indexing="ij")
        else:
            columns, rows = np.meshgrid(np.arange(pixels.shape[1]) + 0.5, np.arange(first, after) + 0.5)
            move = pixels.transform
            east, north = move.a * columns + move.b * rows + move.c, move.d * columns + move.e * rows + move.f
            longitude, latitude = to_degrees.transform(east, north)
        good = np.isfinite(latitude) & np.isfinite(longitude)
        latitude, longitude = np.where(good, latitude, 0.0), np.where(good, longitude, 0.0)
        cell = np.full(latitude.shape, -1, dtype=np.int64)
        distance, place = tree.query(unit_sphere(latitude.ravel(), longitude.ravel()), distance_upper_bound=reach)
        inside = np.isfinite(distance) & good.ravel()
        if target.south is not None and target.north is not None and target.west is not None and target.east is not None:
            own = np.where(inside, place, 0)
            turn = np.abs(wrapped(longitude.ravel() - target.longitude[own]))
            inside &= ((latitude.ravel() >= target.south[own]) & (latitude.ravel() < target.north[own])
                       & (turn <= 0.5 * (target.east - target.west)[own]))
        cell.ravel()[inside] = place[inside]
        if not inside.any():
            return None

        def add(weights: Floats) -> Floats:
            sums = np.bincount(cell[cell >= 0], weights=weights[cell >= 0], minlength=target.latitude.size)
            return sums.astype(np.float64)
        return add
    return placing
