"""MODIS primary production and evapotranspiration from GeoTIFF exports and HDF4-EOS tiles.

    et = read_modis("MOD16A2GF/*ET_500m*.tif", "et", profile_name="mod16a2", box=(100, 102, 30, 31), resolution=0.05)

Files are told apart by the date in their name: A2003001, doy2003001 (year and day of year) or 2003-01-01. Rasters in
degrees keep their cells; those on the sinusoidal grid, and several tiles of one date, are averaged onto cells of
`resolution` degrees. netCDF exports are read by `read_product` with the same profiles.
"""

import os
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, regular_grid
from terraflux.drivers.safe_files import existing
from terraflux.evaluation.comparison.accumulate import PeriodMeans
from terraflux.evaluation.comparison.fields import Fields, oriented
from terraflux.evaluation.comparison.flux_units import CANONICAL, rate
from terraflux.evaluation.comparison.product_time import day_number, intervals
from terraflux.evaluation.comparison.profiles import Layer, Profile, profile
from terraflux.evaluation.comparison.quality_bits import QUALITIES, usable
from terraflux.evaluation.comparison.quantities import quantity
from terraflux.evaluation.comparison.read_product import Box, expanded

Floats = NDArray[np.float64]
DAY_OF_YEAR = re.compile(r"(?:[._]A|doy)((?:19|20)\d\d)([0-3]\d\d)")
CALENDAR_DAY = re.compile(r"((?:19|20)\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)")
HDF_SUFFIXES = (".hdf", ".h4", ".hdf4")
MAXIMUM_RASTER_BYTES = 4_000_000_000
MAXIMUM_PIXELS = 100_000_000
SAME_GRID = 1e-6


def read_modis(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], variable: str, *, profile_name: str,
               box: Box | None = None, resolution: float | None = None, quality: str = "all", name: str = "",
               least_share: float = 0.5) -> Fields:
    """A MODIS quantity from rasters as monthly or yearly fields.

    `profile_name` is mod17a2h, mod17a2hgf, mod17a3, mod16a2 or mod16a3; files of its quality layer may be among `paths`.
    Of exported integers the fill values (water, barren, snow, urban, ...) are what lies outside the valid range; floats
    are taken as scaled. `box` (west, east, south, north) and `resolution` (degrees) are needed for sinusoidal tiles.
    Raises ForcingError naming the file and what to do, for HDF4 also where the installed GDAL cannot read it.
    """
    wanted = quantity(variable)
    chosen = profile(profile_name)
    if chosen.step == "auto":
        raise ForcingError(f"{profile_name} is no MODIS product", remedy="choose one of mod17a2h, mod17a2hgf, mod17a3, "
                           "mod16a2, mod16a3, or read netCDF files with read_product")
    if quality not in QUALITIES:
        raise ForcingError(f"the quality rule {quality!r} is unknown", remedy=nearest(quality, QUALITIES))
    layer = chosen.layer(wanted)
    files = expanded(paths)
    by_date = _by_date(files, layer, chosen)
    first_file = next(iter(by_date.values()))[0][0]
    grid = _target(first_file, box, resolution)
    stamps = np.array([day_number(one.year, one.month, one.day, "standard") for one in by_date])
    steps = intervals(stamps, None, "standard", chosen.step, file=first_file)
    means = PeriodMeans(steps, grid.shape, least_share)
    scale = rate(layer.unit, wanted.kind)
    for place, (values_files, quality_files) in enumerate(by_date.values()):
        if quality != "all" and len(quality_files) != len(values_files):
            raise ForcingError(f"the quality rule {quality!r} needs the layer {layer.quality or 'of quality bits'}",
                               file=values_files[0], time=list(by_date)[place],
                               remedy="export it beside the product, or use the rule 'all'")
        total, weight = np.zeros(grid.shape), np.zeros(grid.shape)
        for number, path in enumerate(values_files):
            bits = quality_files[number] if quality != "all" else None
            values = _on_grid(path, layer, bits, quality, grid)
            total += np.nan_to_num(values)
            weight += np.isfinite(values)
        means.add(place, np.where(weight > 0.0, total / np.maximum(weight, 1.0), np.nan), scale)
    mean, time, days = means.finish()
    if mean.shape[0] == 0:
        raise ForcingError("no period has enough values", file=first_file, variable=wanted.name,
                           remedy="lower least_share, loosen the quality rule, or check the box")
    turned, edges = oriented(mean, grid)
    return Fields(name or profile_name, wanted, CANONICAL[wanted.kind], turned, time, days, *edges,
                  source=f"{chosen.title}: {Path(first_file).name} and {len(files) - 1} more")


def date_in_name(path: str | os.PathLike[str]) -> date:
    """The date in the name of a MODIS file. Raises ForcingError where there is none.

    >>> date_in_name("MOD17A2H.A2003361.h25v05.061.hdf"), date_in_name("MOD16A2_ET_500m_doy2004009_aid0001.tif")
    (datetime.date(2003, 12, 27), datetime.date(2004, 1, 9))
    """
    text = Path(path).name
    found = DAY_OF_YEAR.search(text)
    if found and 1 <= int(found[2]) <= 366:
        return date(int(found[1]), 1, 1) + timedelta(days=int(found[2]) - 1)
    calendar = CALENDAR_DAY.search(text)
    if calendar and 1 <= int(calendar[2]) <= 12 and 1 <= int(calendar[3]) <= 31:
        return date(int(calendar[1]), int(calendar[2]), int(calendar[3]))
    raise ForcingError("the name holds no date", file=path, remedy="name files like ..._doy2003001... or ...2003-01-01...")


def _by_date(files: Sequence[str], layer: Layer, chosen: Profile) -> dict[date, tuple[list[str], list[str]]]:
    """Files of values and of quality bits by date, in order of time; HDF4 tiles become their layers."""
    found: dict[date, tuple[list[str], list[str]]] = {}
    others = {name for one in chosen.layers.values() for name in (*one.names, one.quality) if name}
    others -= {*layer.names, layer.quality}
    for path in sorted(files):
        existing(path, MAXIMUM_RASTER_BYTES)
        text = Path(path).name
        # Dates and layers alike may stand anywhere in a name.
        if any(re.search(rf"(?<![A-Za-z]){re.escape(other)}", text) for other in others):
            continue
        values, bits = found.setdefault(date_in_name(path), ([], []))
        if Path(path).suffix.lower() in HDF_SUFFIXES:
            values.append(_hdf_layer(path, layer.names))
            if layer.quality:
                bits.append(_hdf_layer(path, (layer.quality,)))
        elif layer.quality and layer.quality in text:
            bits.append(path)
        else:
            values.append(path)
    empty = [str(day) for day, (values, _) in found.items() if not values]
    if not found or empty:
        raise ForcingError(f"there are no files of {layer.names[0]}" + (f" for {', '.join(empty[:3])}" if empty else ""),
                           file=files[0], variable=layer.names[0], remedy="give the layer of values, not only that of quality")
    return dict(sorted(found.items()))


def _hdf_layer(path: str, names: tuple[str, ...]) -> str:
    """GDAL's name of a layer of an HDF4-EOS file."""
    import rasterio
    from rasterio.errors import RasterioIOError

    with rasterio.Env() as environment:
        if "HDF4" not in environment.drivers():
            raise ForcingError("this is an HDF4-EOS file, and the installed GDAL has no HDF4 driver", file=path,
                               remedy="order GeoTIFF or netCDF (AppEEARS), convert with gdal_translate of a GDAL that has "
                                      "HDF4, or install rasterio built on such a GDAL")
        try:
            with rasterio.open(path) as opened:
                layers = list(opened.subdatasets)
        except RasterioIOError as trouble:
            raise ForcingError(f"the file cannot be opened: {trouble}", file=path, remedy="fetch it again") from trouble
    for name in names:
        match = [one for one in layers if one.endswith(f":{name}")]
        if match:
            return match[0]
    raise ForcingError(f"there is no layer {names[0]!r}", file=path, variable=names[0],
                       remedy=nearest(names[0], [one.rpartition(":")[2] for one in layers]))


def _opened(path: str) -> Any:
    import rasterio
    from rasterio.errors import RasterioIOError

    try:
        raster = rasterio.open(path)
    except RasterioIOError as trouble:
        raise ForcingError(f"the raster cannot be opened: {trouble}", file=path, remedy="fetch it again") from trouble
    if raster.width * raster.height > MAXIMUM_PIXELS:
        size = f"{raster.width} x {raster.height}"
        raster.close()
        raise ForcingError(f"the raster has {size} pixels, more than the limit of {MAXIMUM_PIXELS}", file=path,
                           remedy="cut it to the region you need")
    if raster.crs is None:
        raster.close()
        raise ForcingError("the raster states no coordinate system", file=path, remedy="export it with one")
    return raster


def _target(path: str, box: Box | None, resolution: float | None) -> HorizontalGrid:
    """Cells of the result: those of the first raster where it is in degrees, else a regular grid of the box."""
    with _opened(path) as raster:
        if resolution is None and raster.crs.is_geographic and raster.transform.b == 0.0 == raster.transform.d:
            left, top, wide, high = raster.transform.c, raster.transform.f, raster.transform.a, raster.transform.e
            east = left + wide * np.arange(raster.width + 1)
            north = top + high * np.arange(raster.height + 1)
            grid = HorizontalGrid(0.5 * (north[:-1] + north[1:]), 0.5 * (east[:-1] + east[1:]), np.clip(north, -90, 90), east)
            if box is None:
                return grid
            rows = np.flatnonzero((grid.latitude >= box[2]) & (grid.latitude <= box[3]))
            columns = np.flatnonzero((grid.longitude >= box[0]) & (grid.longitude <= box[1]))
            if rows.size and columns.size:
                return HorizontalGrid(grid.latitude[rows], grid.longitude[columns], north[rows[0]:rows[-1] + 2],
                                      east[columns[0]:columns[-1] + 2])
            raise ForcingError(f"the box {box} lies outside the raster", file=path, unit="degrees",
                               remedy="give west, east, south, north of a part of it")
    if box is None or resolution is None:
        raise ForcingError("the raster is not in degrees, or a resolution is asked for", file=path,
                           remedy="give box=(west, east, south, north) and resolution, such as 0.05 degrees")
    return regular_grid(*box, resolution)


def _on_grid(path: str, layer: Layer, quality_path: str | None, rule: str, grid: HorizontalGrid) -> Floats:
    """Physical values of a raster on the cells of the result, NaN where none is valid."""
    with _opened(path) as raster:
        stored = raster.read(1)
        values = stored.astype(float)
        if stored.dtype.kind in "iu":
            low, high = layer.valid or (-np.inf, np.inf)
            values[(values < low) | (values > high)] = np.nan
            values *= layer.scale if layer.scale is not None else 1.0
        if raster.nodata is not None and np.isfinite(raster.nodata):
            values[stored == raster.nodata] = np.nan
        if quality_path is not None:
            with _opened(quality_path) as bits:
                if bits.shape != raster.shape or not bits.transform.almost_equals(raster.transform, SAME_GRID):
                    raise ForcingError("the quality layer lies on another grid than the values", file=quality_path,
                                       remedy="export both layers in one order")
                values[~usable(bits.read(1), rule)] = np.nan
        return _averaged(values, raster, grid)


def _averaged(values: Floats, raster: Any, grid: HorizontalGrid) -> Floats:
    """Values as they are where cells agree, else the average of those that fall into each cell."""
    from rasterio.transform import from_bounds
    from rasterio.warp import Resampling, reproject

    north, east = grid.latitude_edges, grid.longitude_edges
    assert north is not None and east is not None
    if raster.crs.is_geographic:
        row, column = (round((edge - origin) / size) for edge, origin, size in
                       ((north[0], raster.transform.f, raster.transform.e), (east[0], raster.transform.c, raster.transform.a)))
        same = (abs(raster.transform.a - (east[1] - east[0])) < SAME_GRID and abs(raster.transform.e - (north[1] - north[0]))
                < SAME_GRID and row >= 0 and column >= 0)
        part = values[row:row + grid.shape[0], column:column + grid.shape[1]] if same else values[:0]
        if part.shape == grid.shape:
            return np.array(part)
    out = np.full(grid.shape, np.nan)
    reproject(values, out, src_transform=raster.transform, src_crs=raster.crs, src_nodata=np.nan, dst_nodata=np.nan,
              dst_transform=from_bounds(east[0], north[-1], east[-1], north[0], grid.shape[1], grid.shape[0]),
              dst_crs="EPSG:4326", resampling=Resampling.average)
    return out
