"""Rasters as they come: GeoTIFF, netCDF or a plain array, cut to a window and given as values with a georeference.

Only local files of known formats are opened; virtual rasters, which may point anywhere, are refused.
"""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import nearest
from terraflux.drivers.safe_files import existing, open_netcdf
from terraflux.sites.raster_grid import SPACING_TOLERANCE, RasterError

GDAL_FORMATS = ["GTiff", "AAIGrid", "ENVI", "HFA"]
NETCDF_SUFFIXES = (".nc", ".nc4", ".cdf")
MAXIMUM_CELLS = 50_000_000  # of one window as read and of one window as given; 400 MB in float64
MAXIMUM_FILE_BYTES = 200_000_000_000
MARGIN_CELLS = 4  # read around a window, so that interpolation at its edge sees its neighbours
_X_NAMES = ("x", "lon", "longitude", "easting", "projection_x_coordinate")
_Y_NAMES = ("y", "lat", "latitude", "northing", "projection_y_coordinate")

Bounds = tuple[float, float, float, float]
BoundsOf = Callable[[Any], Bounds]


@dataclass(frozen=True)
class GeoArray:
    """A plain array with a georeference.

    `values` (rows, columns); `transform` the six numbers (a, b, c, d, e, f) of x = a column + b row + c,
    y = d column + e row + f at the outer corner of cell (0, 0), as rasterio's Affine; `crs` anything that rasterio
    understands ("EPSG:32650", PROJ text, WKT). Cells equal to `nodata` become NaN. Raises RasterError without a crs, for
    an identity transform (the mark of a missing one) and for values that are not two-dimensional.
    """

    values: np.ndarray
    transform: tuple[float, float, float, float, float, float]
    crs: Any
    nodata: float | None = None
    units: str = "1"
    name: str = "array"
    file: str = ""
    full_bounds: Bounds | None = None  # of the whole raster, where `values` is a window of it

    def __post_init__(self) -> None:
        if np.ndim(self.values) != 2 or min(np.shape(self.values)) < 1:
            raise RasterError(f"the values have shape {np.shape(self.values)}, not rows by columns", file=self.file,
                              variable=self.name, remedy="choose one band or one time")
        object.__setattr__(self, "transform", tuple(float(number) for number in tuple(self.transform)[:6]))
        object.__setattr__(self, "crs", known_crs(self.crs, self.file, self.name))
        refuse_missing_transform(self.transform, self.file, self.name)

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) of the whole raster in its own crs."""
        if self.full_bounds is not None:
            return self.full_bounds
        return bounds_of(self.transform, np.shape(self.values))


def bounds_of(transform: tuple[float, ...], shape: tuple[int, ...]) -> Bounds:
    """(west, south, east, north) of a grid of `shape` (rows, columns) under a six-number transform."""
    a, b, c, d, e, f = transform[:6]
    corners = [(column, row) for column in (0, shape[1]) for row in (0, shape[0])]
    xs = [a * column + b * row + c for column, row in corners]
    ys = [d * column + e * row + f for column, row in corners]
    return (min(xs), min(ys), max(xs), max(ys))


def known_crs(crs: Any, file: object, name: str) -> Any:
    """A rasterio CRS, or a RasterError that says how to give one."""
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if crs is None or crs == "" or (isinstance(crs, CRS) and not crs):
        raise RasterError("the raster has no coordinate reference system", file=file, variable=name,
                          remedy="give crs='EPSG:...' if you know it, or write it into the file (rio edit-info --crs)")
    try:
        return CRS.from_user_input(crs)
    except CRSError as trouble:
        raise RasterError(f"the coordinate reference system {str(crs)[:80]!r} is not understood: {trouble}", file=file,
                          variable=name, remedy="give crs='EPSG:...'") from trouble


def refuse_missing_transform(transform: tuple[float, ...], file: object, name: str) -> None:
    """Raise RasterError for a transform that places no cell on Earth."""
    a, b, c, d, e, f = transform[:6]
    identity = (b, c, d, f) == (0, 0, 0, 0) and abs(a) == 1 and abs(e) == 1
    if identity or not np.isfinite(transform[:6]).all() or a * e - b * d == 0:
        raise RasterError("the raster has no georeference (its cells are numbered, not placed)", file=file, variable=name,
                          remedy="give values, transform and crs as a GeoArray, or use a file that holds them")


def windowed_geotiff(path: str | os.PathLike[str], bounds_in: BoundsOf, *, band: int = 1, crs: Any = None,
                     nodata: float | None = None, maximum_cells: int = MAXIMUM_CELLS) -> GeoArray:
    """The part of one band that covers a window, float64 with NaN where masked, scale and offset of the file applied.

    `bounds_in(crs)` gives the window (west, south, east, north) in the raster's crs. Rotated rasters are read whole.
    """
    from rasterio.errors import RasterioIOError
    from rasterio.windows import Window

    found = existing(path, MAXIMUM_FILE_BYTES)
    with _opened(found) as dataset:
        if not 1 <= band <= dataset.count:
            raise RasterError(f"band {band} does not exist", file=found, remedy=f"choose band 1..{dataset.count}")
        name = dataset.descriptions[band - 1] or f"band {band}"
        source_crs = known_crs(dataset.crs if crs is None else crs, found, name)
        transform = tuple(dataset.transform)[:6]
        refuse_missing_transform(transform, found, name)
        full = bounds_of(transform, dataset.shape)
        wanted = Window(0, 0, dataset.width, dataset.height)
        if transform[1] == 0 and transform[3] == 0:
            bounds = within_longitudes(bounds_in(source_crs), full, source_crs)
            first, last = _index_range(bounds[0], bounds[2], transform[2] + transform[0] / 2, transform[0], dataset.width)
            top, end = _index_range(bounds[1], bounds[3], transform[5] + transform[4] / 2, transform[4], dataset.height)
            wanted = Window(first, top, last - first, end - top)
        if wanted.width * wanted.height > maximum_cells:
            raise _too_large(wanted.width * wanted.height, maximum_cells, found, name)
        if wanted.width < 1 or wanted.height < 1:
            return GeoArray(np.full((1, 1), np.nan), transform, source_crs, name=name, file=str(found), full_bounds=full)
        try:
            masked = dataset.read(band, window=wanted, masked=True)
        except RasterioIOError as trouble:
            raise RasterError(f"the values cannot be read: {trouble}", file=found, variable=name,
                              remedy="the file is damaged; fetch it again") from trouble
        values = masked.data.astype(np.float64)
        missing = np.ma.getmaskarray(masked) | (values == nodata if nodata is not None else False)
        values = values * dataset.scales[band - 1] + dataset.offsets[band - 1]
        values[missing] = np.nan
        a, b, c, d, e, f = transform
        corner = (a, b, c + a * wanted.col_off + b * wanted.row_off, d, e, f + d * wanted.col_off + e * wanted.row_off)
        return GeoArray(values, corner, source_crs, units=dataset.units[band - 1] or "1",
                        name=name, file=str(found), full_bounds=full)


def _opened(path: Path) -> Any:
    """A rasterio dataset of one of the known formats; virtual rasters are none of them."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    troubles = []
    for form in GDAL_FORMATS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # an error of ours says it, with a remedy
                return rasterio.open(path, driver=form)
        except RasterioIOError as trouble:
            troubles.append(str(trouble))
    raise RasterError(f"the raster cannot be opened: {troubles[0]}", file=path,
                      remedy=f"convert it to GeoTIFF; read are {', '.join(GDAL_FORMATS)} and netCDF")


def windowed_netcdf(path: str | os.PathLike[str], bounds_in: BoundsOf, *, variable: str | None = None,
                    select: Mapping[str, Any] | None = None, crs: Any = None, nodata: float | None = None,
                    maximum_cells: int = MAXIMUM_CELLS) -> GeoArray:
    """The part of one netCDF variable that covers a window, float64 with NaN where missing.

    The variable needs evenly spaced 1-D coordinates: latitude and longitude, or x and y with a CF grid mapping (`crs_wkt`
    or `spatial_ref`). `select` picks along the other dimensions: {"time": "2015-07-01"} takes the nearest label,
    {"band": 0} the position where there are no labels.
    """
    found = existing(path, MAXIMUM_FILE_BYTES)
    with open_netcdf(found, MAXIMUM_FILE_BYTES) as dataset:
        candidates = [str(name) for name, one in dataset.data_vars.items() if one.ndim >= 2]
        name = variable or (candidates[0] if len(candidates) == 1 else "")
        if name not in dataset.data_vars:
            raise RasterError(f"the variable {name!r} does not exist" if name else "the file has several variables",
                              file=found, remedy=nearest(name, candidates) if name else f"choose variable from {candidates}")
        data = dataset[name]
        for dimension, label in (select or {}).items():
            if dimension not in data.dims:
                raise RasterError(f"the variable has no dimension {dimension!r}", file=found, variable=name,
                                  remedy=nearest(dimension, [str(one) for one in data.dims]))
            try:
                data = (data.sel({dimension: label}, method="nearest") if dimension in data.indexes
                        else data.isel({dimension: int(label)}))
            except (KeyError, IndexError, ValueError, TypeError) as trouble:
                raise RasterError(f"{dimension} = {label!r} cannot be selected: {trouble}", file=found, variable=name,
                                  remedy=f"choose a label of {dimension}") from trouble
        data = data.squeeze(drop=True)
        x_name, y_name = (_dimension(data, names, found) for names in (_X_NAMES, _Y_NAMES))
        if data.ndim != 2:
            others = [one for one in data.dims if one not in (x_name, y_name)]
            raise RasterError(f"the variable also runs along {others}", file=found, variable=name,
                              remedy=f"choose one, as in select={{{others[0]!r}: ...}}")
        data = data.transpose(y_name, x_name)
        x, y = (np.asarray(data[axis].values, dtype=np.float64) for axis in (x_name, y_name))
        source_crs = known_crs(crs if crs is not None else _netcdf_crs(dataset, data, x_name, y_name), found, name)
        dx, dy = (_spacing(axis, label, found, name) for axis, label in ((x, x_name), (y, y_name)))
        transform = (dx, 0.0, float(x[0]) - dx / 2, 0.0, dy, float(y[0]) - dy / 2)
        full = bounds_of(transform, data.shape)
        bounds = within_longitudes(bounds_in(source_crs), full, source_crs)
        columns = _index_range(bounds[0], bounds[2], float(x[0]), dx, x.size)
        rows = _index_range(bounds[1], bounds[3], float(y[0]), dy, y.size)
        cells = (columns[1] - columns[0]) * (rows[1] - rows[0])
        if cells > maximum_cells:
            raise _too_large(cells, maximum_cells, found, name)
        if cells < 1:
            return GeoArray(np.full((1, 1), np.nan), transform, source_crs, name=name, file=str(found), full_bounds=full)
        try:
            values = np.asarray(data[rows[0]:rows[1], columns[0]:columns[1]].values, dtype=np.float64)
        except (OSError, RuntimeError, ValueError, TypeError) as trouble:
            raise RasterError(f"the values cannot be read as numbers: {trouble}", file=found, variable=name,
                              remedy="the file is damaged, or the variable is no number") from trouble
        if nodata is not None:
            values[values == nodata] = np.nan
        corner = (dx, 0.0, transform[2] + dx * columns[0], 0.0, dy, transform[5] + dy * rows[0])
        return GeoArray(values, corner, source_crs, units=str(data.attrs.get("units", "1")), name=name, file=str(found),
                        full_bounds=full)


def within_longitudes(bounds: Bounds, full: Bounds, crs: Any) -> Bounds:
    """Bounds moved by whole turns to the longitudes the raster uses (-180..180 or 0..360); others unchanged."""
    west, south, east, north = bounds
    if not crs.is_geographic:
        return bounds
    if west > east:
        east += 360
    for turn in (0, 360, -360):
        if full[0] <= (west + east) / 2 + turn <= full[2]:
            return (west + turn, south, east + turn, north)
    return (west, south, east, north)


def _too_large(cells: float, maximum: int, file: object, name: str) -> RasterError:
    return RasterError(f"the window has {int(cells)} cells, more than the limit of {maximum}", file=file, variable=name,
                       remedy="narrow half_width, coarsen the raster, or raise maximum_cells")


def _dimension(data: Any, names: tuple[str, ...], file: object) -> str:
    """The dimension that plays x or y, by its name or its CF standard name."""
    for dimension in data.dims:
        standard = data[dimension].attrs.get("standard_name", "") if dimension in data.coords else ""
        if dimension in data.coords and (str(dimension).lower() in names or standard in names):
            return str(dimension)
    raise RasterError(f"no one-dimensional coordinate among {data.dims} is named like {names[:3]}", file=file,
                      variable=str(data.name),
                      remedy="two-dimensional coordinates are not read: regrid the file to even x and y first")


def _netcdf_crs(dataset: Any, data: Any, x_name: str, y_name: str) -> Any:
    """WKT of the CF grid mapping; WGS 84 for degrees of latitude and longitude; None otherwise."""
    mapping = data.attrs.get("grid_mapping", data.encoding.get("grid_mapping", ""))
    for holder in (mapping, "spatial_ref", "crs"):
        if holder and holder in dataset.variables:
            attributes = dataset[holder].attrs
            if attributes.get("crs_wkt") or attributes.get("spatial_ref"):
                return attributes.get("crs_wkt") or attributes.get("spatial_ref")
    degrees = all(str(data[axis].attrs.get("units", "")).startswith("degree") or axis.lower() in ("lat", "lon", "latitude",
                  "longitude") for axis in (x_name, y_name))
    return "EPSG:4326" if degrees else None


def _spacing(axis: np.ndarray, label: str, file: object, name: str) -> float:
    """The one spacing of an axis (negative where it descends)."""
    steps = np.diff(axis)
    if axis.size < 2 or not np.isfinite(axis).all():
        raise RasterError(f"the coordinate {label!r} has {axis.size} usable values", file=file, variable=name,
                          remedy="a raster needs at least 2 x 2 cells")
    spacing = float((axis[-1] - axis[0]) / (axis.size - 1))
    allowed = max(100 * SPACING_TOLERANCE * abs(spacing), 4 * np.spacing(np.float32(np.abs(axis).max())))
    if spacing == 0 or np.abs(steps - spacing).max() > allowed:
        raise RasterError(f"the coordinate {label!r} is not evenly spaced", file=file, variable=name,
                          remedy="regrid the file to even coordinates first")
    return spacing


def _index_range(low: float, high: float, first_centre: float, spacing: float, size: int) -> tuple[int, int]:
    """First and one-past-last of the `size` cells of an axis that touch low..high, with a margin; may be empty."""
    ends = sorted(((low - first_centre) / spacing, (high - first_centre) / spacing))
    first = min(size, max(0, int(np.floor(ends[0])) - MARGIN_CELLS))
    return first, max(first, min(size, int(np.ceil(ends[1])) + MARGIN_CELLS + 1))
