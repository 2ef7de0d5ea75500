"""Rasters around a tower: any file or georeferenced array, brought to the tower's local grid in metres.

    image = read_raster("ndvi.tif", 39.58, -84.5, half_width=3000, resolution=30, name="NDVI")
    cover = read_raster("cover.tif", 39.58, -84.5, half_width=3000, resolution=30, legend="modis_igbp")

The local grid is azimuthal equidistant around the tower: distances from the tower are true, x runs east, y north, row 0
is the southern row (see `terraflux.sites.raster_grid`). Any coordinate reference system of the source is reprojected.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import nearest
from terraflux.sites.georeferenced import (
    MAXIMUM_CELLS,
    NETCDF_SUFFIXES,
    Bounds,
    GeoArray,
    windowed_geotiff,
    windowed_netcdf,
    within_longitudes,
)
from terraflux.sites.land_cover import Legend
from terraflux.sites.land_cover import legend as known_legend
from terraflux.sites.raster_grid import Raster, RasterError, local_axis, local_crs

RESAMPLINGS = ("nearest", "bilinear", "average", "mode", "cubic")
COARSER = 1.5  # average, not interpolate, where the local cells are this many times wider than those of the source


def read_raster(source: str | os.PathLike[str] | GeoArray, latitude: float, longitude: float, *,
                half_width: float | None = None, resolution: float | None = None,
                grid: tuple[np.ndarray, np.ndarray] | None = None, kind: str = "continuous", resampling: str | None = None,
                band: int = 1, variable: str | None = None, select: Mapping[str, Any] | None = None, crs: Any = None,
                nodata: float | None = None, scale: float = 1.0, offset: float = 0.0,
                valid_range: tuple[float, float] | None = None, units: str | None = None, name: str | None = None,
                legend: str | Legend | None = None, maximum_cells: int = MAXIMUM_CELLS) -> Raster:
    """The window of `source` around a tower at `latitude`, `longitude` (degrees north, east) on its local grid.

    The grid is either `half_width` and `resolution` (m), or the axes `grid` = (x, y) (m, ascending cell centres), such as
    those of a footprint climatology. `source` is a GeoTIFF (`band`), a netCDF file (`variable`, and `select` for time and
    other dimensions) or a `GeoArray`; `crs` replaces or supplies the source's own.

    Missing cells become NaN: masked, equal to `nodata`, or outside `valid_range` (in units of the result). Values are
    multiplied by `scale` and `offset` is added, after the scale and offset that the file itself declares. With
    `kind="classes"`, or a `legend` (checked: unknown codes are an error), cells are taken by nearest neighbour; otherwise
    bilinear, or averaged where the local cells are more than 1.5 times as wide as those of the source. `resampling`
    overrides the choice.

    Raises RasterError, naming file and remedy: no georeference, tower outside the raster, no value in the window, codes
    that the legend does not know, windows of more than `maximum_cells`.
    """
    x, y = _axes(half_width, resolution, grid, maximum_cells)
    book = None if legend is None else known_legend(legend)
    classes = kind == "classes" or book is not None
    here = local_crs(latitude, longitude)
    extent = _outer_edges(x, y)
    file = source.file if isinstance(source, GeoArray) else str(source)

    def bounds_in(target: Any) -> Bounds:
        return _bounds_in(target, here, extent, file)

    if isinstance(source, GeoArray):
        data = _array_source(source, crs, nodata)
    elif Path(source).suffix.lower() in NETCDF_SUFFIXES:
        data = windowed_netcdf(source, bounds_in, variable=variable, select=select, crs=crs, nodata=nodata,
                               maximum_cells=maximum_cells)
    else:
        data = windowed_geotiff(source, bounds_in, band=band, crs=crs, nodata=nodata, maximum_cells=maximum_cells)
    _refuse_tower_outside(data, latitude, longitude)
    chosen = resampling or ("nearest" if classes else _continuous_resampling(data, bounds_in(data.crs), x, y))
    if chosen not in RESAMPLINGS:
        raise RasterError(f"the resampling {chosen!r} is unknown", file=data.file, remedy=nearest(chosen, RESAMPLINGS))
    if classes and chosen not in ("nearest", "mode"):
        raise RasterError(f"classes cannot be resampled by {chosen!r}: the mean of two codes is a third class",
                          file=data.file, variable=data.name, remedy="use 'nearest' or 'mode'")
    prepared = np.asarray(data.values, dtype=np.float64)
    if book is not None:
        prepared = book.without_missing(prepared)
    if scale != 1.0 or offset != 0.0:
        prepared = prepared * scale + offset
    if valid_range is not None:
        with np.errstate(invalid="ignore"):
            prepared = np.where((prepared >= valid_range[0]) & (prepared <= valid_range[1]), prepared, np.nan)
    values = _reprojected(prepared, data, here, longitude, x, y, chosen)
    if not np.isfinite(values).any():
        raise RasterError(f"the window around {latitude:g} N, {longitude:g} E has no value (all cells are missing)",
                          file=data.file, variable=name or data.name,
                          remedy="check nodata, valid_range, scale and the tower's position, or take another scene")
    if book is not None:
        book.check(values, file=data.file)
    return Raster(values, x, y, crs=here, units=data.units if units is None else units, name=name or data.name,
                  kind="classes" if classes else "continuous", source=data.file)


def _axes(half_width: float | None, resolution: float | None, grid: tuple[np.ndarray, np.ndarray] | None,
          maximum_cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Cell centres of the local grid, from a width and a resolution or as given; size checked before anything is read."""
    if grid is None:
        if half_width is None or resolution is None:
            raise RasterError("neither a grid nor half_width and resolution are given", remedy="give half_width and "
                              "resolution in metres, or grid=(x, y)")
        cells = (2 * half_width / resolution + 1) ** 2 if resolution > 0 else 0.0
        if cells > maximum_cells:
            raise RasterError(f"the local grid would have {cells:.3g} cells, more than the limit of {maximum_cells}",
                              remedy="narrow half_width, widen resolution, or raise maximum_cells")
        axis = local_axis(half_width, resolution)
        return axis, axis.copy()
    x, y = (np.asarray(axis, dtype=np.float64) for axis in grid)
    blank = Raster(np.zeros((y.size, x.size)), x, y)
    if blank.values.size > maximum_cells:
        raise RasterError(f"the local grid has {blank.values.size} cells, more than the limit of {maximum_cells}",
                          remedy="use a smaller grid, or raise maximum_cells")
    return x, y


def _outer_edges(x: np.ndarray, y: np.ndarray) -> Bounds:
    dx, dy = (x[-1] - x[0]) / (x.size - 1), (y[-1] - y[0]) / (y.size - 1)
    return (x[0] - dx / 2, y[0] - dy / 2, x[-1] + dx / 2, y[-1] + dy / 2)


def _bounds_in(target: Any, here: str, extent: Bounds, file: str) -> Bounds:
    """Bounds of the local window in another crs; edges are followed, not only corners."""
    from rasterio.errors import RasterioError
    from rasterio.warp import transform_bounds

    try:
        bounds = transform_bounds(here, target, *extent, densify_pts=21)
    except (RasterioError, ValueError) as trouble:
        raise RasterError(f"the window around the tower has no place in the raster's crs: {trouble}", file=file,
                          remedy="check the raster's crs and the tower's position") from trouble
    if not np.isfinite(bounds).all():
        raise RasterError("the window around the tower has no place in the raster's crs", file=file,
                          remedy="check the raster's crs and the tower's position")
    return bounds


def _array_source(source: GeoArray, crs: Any, nodata: float | None) -> GeoArray:
    """A GeoArray with its missing cells as NaN, under another crs where one is given."""
    values = np.array(source.values, dtype=np.float64)
    for code in (source.nodata, nodata):
        if code is not None:
            values[values == code] = np.nan
    return replace(source, values=values, crs=source.crs if crs is None else crs)


def _refuse_tower_outside(data: GeoArray, latitude: float, longitude: float) -> None:
    """Raise RasterError where the tower does not stand on the raster."""
    from rasterio.warp import transform

    xs, ys = transform("EPSG:4326", data.crs, [longitude], [latitude])
    west, south, east, north = data.bounds
    x = within_longitudes((xs[0], ys[0], xs[0], ys[0]), data.bounds, data.crs)[0]
    if not (west <= x <= east and south <= ys[0] <= north):
        raise RasterError(f"the tower at {latitude:g} N, {longitude:g} E (x {x:g}, y {ys[0]:g} in the raster's crs) lies "
                          f"outside the raster, which spans x {west:g}..{east:g}, y {south:g}..{north:g}", file=data.file,
                          variable=data.name, remedy="use the tile that holds the tower, and check the order and sign of "
                          "latitude and longitude")


def _continuous_resampling(data: GeoArray, bounds: Bounds, x: np.ndarray, y: np.ndarray) -> str:
    """Average where the local cells are clearly coarser than the source's, else bilinear."""
    west, south, east, north = bounds
    a, b, _, d, e, _ = data.transform
    local = max((east - west) / x.size / np.hypot(a, d), (north - south) / y.size / np.hypot(b, e))
    return "average" if local > COARSER else "bilinear"


def _reprojected(values: np.ndarray, data: GeoArray, here: str, longitude: float, x: np.ndarray, y: np.ndarray,
                 resampling: str) -> np.ndarray:
    """Values (ny, nx) on the local axes, row 0 southern."""
    from rasterio.transform import Affine
    from rasterio.warp import Resampling, reproject

    west, south, east, north = _outer_edges(x, y)
    dx, dy = (east - west) / x.size, (north - south) / y.size
    result = np.full((y.size, x.size), np.nan)
    a, b, c, d, e, f = data.transform
    if data.crs.is_geographic:  # a raster of 0..360 is moved to the turn on which GDAL puts the tower
        middle = ((longitude + 180) % 360) - 180
        centre = c + a * values.shape[1] / 2
        c -= 360 * round((centre - middle) / 360)
    reproject(values, result, src_transform=Affine(a, b, c, d, e, f), src_crs=data.crs, src_nodata=np.nan,
              dst_transform=Affine(dx, 0.0, west, 0.0, -dy, north), dst_crs=here, dst_nodata=np.nan,
              resampling=Resampling[resampling], tolerance=0.0)
    return np.ascontiguousarray(result[::-1])


__all__ = ["GeoArray", "Raster", "RasterError", "read_raster"]
