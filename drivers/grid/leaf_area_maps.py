"""Leaf area of cells from maps of composites: 8-day or monthly, of real years or a climatology.

Values are means over the pixels with data; dates without data in a cell are bridged by straight lines between its other dates
(around the year for a climatology), and cells without any take those of the nearest cell that has some. Both are counted.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.calendars import calendar_name, seconds_of
from terraflux.drivers.grid.grid_file import GridFile, GridVariable, open_grid_file
from terraflux.drivers.grid.horizontal_grid import grid_of
from terraflux.drivers.grid.pixel_maps import mean_of_pixels, open_pixel_map
from terraflux.drivers.grid.regridding import CellEdges, regridder, unit_sphere
from terraflux.drivers.leaf_area import LARGEST

Floats = NDArray[np.float64]
MID_MONTH_DAYS = np.array([15.5, 45.0, 74.5, 105.0, 135.5, 166.0, 196.5, 227.5, 258.0, 288.5, 319.0, 349.5])
RASTERS = (".tif", ".tiff", ".vrt", ".img")
FEWEST_CELLS = 0.1  # of the area of a target cell


def leaf_area_nodes(paths: Sequence[str | Path], variable: str, target: CellEdges, *, climatology: bool = False,
                    composite_days: float = 0.0, scale: float = 1.0, date_pattern: str = "", largest_code: float = np.inf,
                    crs: str = "") -> tuple[NDArray[np.float32], Floats, dict[str, int]]:
    """Leaf area index (m2 m-2) [date, cell], the dates (days since 1970, or of the year for a climatology), and counts.

    `composite_days` is the length of a composite whose stamp is its first day: values hold for its middle. Time bounds in
    the file go first. A climatology of 12 maps is monthly; of 46, 8-daily. `scale` multiplies what the file has not scaled.
    Rasters (GeoTIFF) are one map each, dated by their names with `date_pattern`, such as "LAI_%Y%j.tif"; stored values above
    `largest_code` are fill (MODIS: 100). For a climatology the day of the year counts.
    Raises ForcingError for values outside 0..15.
    """
    parts, nodes = [], []
    for path in paths:
        if Path(path).suffix.lower() in RASTERS:
            nodes.append(_date_of_name(Path(path), date_pattern, climatology) + 0.5 * composite_days)
            parts.append(_raster(path, target, scale, largest_code, crs))
            continue
        with open_grid_file(path) as opened:
            found = opened.variable(variable)
            grid = grid_of(opened, found)
            others = [(dim, size) for dim, size in zip(found.dims, found.shape) if dim not in grid.dims]
            time_dim, maps = max(others, key=lambda one: one[1], default=("", 1))
            dates = _dates(opened, found, maps, climatology, composite_days)
            way = regridder(grid, target, "conservative" if grid.regular and target.south is not None else "nearest")
            for number, date in enumerate(dates):
                window: dict[str, slice | int] = {dim: 0 for dim in found.dims if dim not in grid.dims}
                window |= {grid.dims[0]: way.window[0], grid.dims[1]: way.window[1]}
                if time_dim:
                    window[time_dim] = number
                piece = found.read(window) * scale
                values = way.take(piece, grid.shape[1])
                _refuse_impossible(values, path, variable, str(date))
                parts.append(way(values[None], FEWEST_CELLS)[0])
                nodes.append(date)
    dates_found = np.array(nodes)
    order = np.argsort(dates_found)
    if (np.diff(dates_found[order]) <= 0).any():
        raise ForcingError("two maps of leaf area have the same date", file=paths[0], variable=variable,
                           remedy="give each date once")
    values, counts = _without_gaps(np.array(parts)[order], dates_found[order], target, climatology)
    return values.astype(np.float32), dates_found[order], counts


def _refuse_impossible(values: Floats, path: str | Path, variable: str, date: str) -> None:
    """Refuse leaf area outside 0..15."""
    wrong = (values < 0.0) | (values > LARGEST)
    if wrong.any():
        raise ForcingError(f"{int(wrong.sum())} values of leaf area lie outside 0..{LARGEST:g}, the first is "
                           f"{values[wrong][0]:g}", file=path, variable=variable, unit="m2 m-2", time=date,
                           remedy="check scale_factor and _FillValue, or declare scale (and largest_code for rasters)")


def _date_of_name(path: Path, pattern: str, climatology: bool) -> float:
    """Date of a raster by its name: days since 1970, or of the year."""
    try:
        found = np.datetime64(datetime.strptime(path.name, pattern).date(), "D")
    except ValueError as trouble:
        raise ForcingError(f"the name does not follow date_pattern = {pattern!r}", file=path, variable="leaf_area",
                           remedy='write it with %Y, %m, %d or %j, such as "LAI_%Y%j.tif"') from trouble
    begin = found.astype("datetime64[Y]").astype("datetime64[D]") if climatology else np.datetime64("1970-01-01", "D")
    return float((found - begin).astype(np.int64))


def _raster(path: str | Path, target: CellEdges, scale: float, largest_code: float, crs: str) -> Floats:
    """Mean leaf area of cells from one raster."""
    pixels, close = open_pixel_map(path, crs=crs)

    def rows(first: int, after: int) -> Floats:
        stored = np.asarray(pixels.rows(first, after), dtype=np.float64)
        missing = (stored > largest_code) | (stored == (np.nan if pixels.nodata is None else pixels.nodata))
        values = np.where(missing, np.nan, stored * scale)
        _refuse_impossible(values, path, "", "")
        return values
    try:
        return mean_of_pixels(replace(pixels, rows=rows, nodata=None), target)
    finally:
        close()


def _dates(opened: GridFile, variable: GridVariable, count: int, climatology: bool, composite_days: float) -> Floats:
    """Middles of composites."""
    timed = [dim for dim in variable.dims if dim in opened.variables and " since " in opened.variables[dim].unit]
    if climatology:
        if count == 12:
            return MID_MONTH_DAYS
        if count in (45, 46):
            return np.minimum(np.arange(count) * 8.0 + 4.0, 363.0)
        raise ForcingError(f"a climatology of {count} maps is neither monthly nor 8-daily", file=opened.path,
                           variable=variable.name, remedy="give 12 or 46 maps")
    if not timed:
        raise ForcingError("the maps have no dates", file=opened.path, variable=variable.name,
                           remedy="give a time coordinate, or climatology = true")
    axis = opened.variables[timed[0]]
    calendar = calendar_name(axis.attributes.get("calendar"), "refuse", file=opened.path)
    bounds = str(axis.attributes.get("bounds", ""))
    if bounds in opened.variables and opened.variables[bounds].shape == (axis.shape[0], 2):
        seconds = seconds_of(opened.variables[bounds].read().ravel(), axis.unit, calendar, file=opened.path)
        return seconds.reshape(-1, 2).mean(axis=1) / 86400.0
    return seconds_of(axis.read(), axis.unit, calendar, file=opened.path) / 86400.0 + 0.5 * composite_days


def _without_gaps(values: Floats, dates: Floats, target: CellEdges, climatology: bool) -> tuple[Floats, dict[str, int]]:
    """Gaps bridged in time, then empty cells filled from the nearest cell."""
    counts: dict[str, int] = {}
    missing = np.isnan(values)
    empty = np.asarray(missing.all(axis=0))
    if empty.all():
        raise ForcingError("no target cell has leaf area", variable="leaf area", remedy="check the box of the target")
    gaps = missing & ~empty
    if gaps.any():
        counts["dates_bridged"] = int(gaps.sum())
        for cell in np.flatnonzero(gaps.any(axis=0)):
            known = ~missing[:, cell]
            values[~known, cell] = np.interp(dates[~known], dates[known], values[known, cell],
                                             period=365.0 if climatology else None)
    if empty.any():
        counts["cells_from_neighbours"] = int(empty.sum())
        nearest = nearest_known(~empty, target)[empty]
        values[:, empty] = values[:, nearest]
    return values, counts


def nearest_known(known: NDArray[np.bool_], target: CellEdges) -> NDArray[np.int64]:
    """For every cell the number of the nearest cell that is known."""
    from scipy.spatial import cKDTree

    points = unit_sphere(target.latitude, target.longitude)
    chosen = np.flatnonzero(known)
    return chosen[cKDTree(points[chosen]).query(points)[1]]
