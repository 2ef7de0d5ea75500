"""Products from netCDF files and Zarr folders: any grid of latitudes and longitudes, any calendar, any unit of a flux.

    gpp = read_product("GPP.*.nc", "gpp", profile="fluxcom", box=(73, 136, 18, 54))

Files of one product are joined along time. Values become monthly (or yearly) mean rates while they are read, so that daily
files of decades need no more memory than their months.
"""

import glob
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.grid.grid_file import GridFile, GridVariable, open_grid_file
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, grid_of, wrapped
from terraflux.evaluation.comparison.accumulate import PeriodMeans
from terraflux.evaluation.comparison.fields import Fields, oriented
from terraflux.evaluation.comparison.flux_units import CANONICAL, Rate, rate
from terraflux.evaluation.comparison.product_time import Intervals, days_of, intervals
from terraflux.evaluation.comparison.profiles import Layer, profile
from terraflux.evaluation.comparison.quality_bits import QUALITIES, usable
from terraflux.evaluation.comparison.quantities import Quantity, quantity

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]
PIECE = 20_000_000  # values read at once
LAND_NAMES = ("sftlf", "land_area_fraction", "land_fraction", "landfrac", "LandFrac")
AREA_NAMES = ("areacella", "cell_area", "area")
AREA_UNITS = {"m2": 1.0, "m^2": 1.0, "m**2": 1.0, "km2": 1e6, "km^2": 1e6, "km**2": 1e6}


@dataclass(frozen=True, eq=False)
class _Source:
    """The variable of one file with its grid, window and times."""

    opened: GridFile
    variable: GridVariable
    quality: GridVariable | None
    stamps: Floats
    bounds: Floats | None
    calendar: str


def read_product(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], variable: str, *, profile: str = "cf",
                 name: str = "", box: Box | None = None, unit: str = "", step: str = "", quality: str = "all",
                 least_share: float = 0.5) -> Fields:
    """A quantity of a product as monthly or yearly fields.

    `paths` is a file, a Zarr folder, several, or a pattern with `*`. `variable` is a quantity or any of its names (gpp,
    et, ...), or the name of a variable in the file together with a quantity after a colon, such as "GPP_best:gpp".
    Evapotranspiration is also made from latent heat. `box` is west, east, south, north (degrees). `unit` holds against
    the file's. `step` (day, 8day, month, year) says what a stamp without bounds stands for where that is not plain.
    The share of land and areas of cells come from sftlf.nc and areacella.nc beside the file where it has none itself.
    `quality` is a rule for MODIS bits: {rules}. Of each month `least_share` of the days must have values. Raises ForcingError
    naming file, variable, unit, time and what to do.
    """
    wanted_name, _, kind = variable.partition(":")
    wanted = quantity(kind or wanted_name)
    chosen = _profile(profile)
    if quality not in QUALITIES:
        raise ForcingError(f"the quality rule {quality!r} is unknown", remedy=nearest(quality, QUALITIES))
    files = expanded(paths)
    with ExitStack() as stack:
        opened = [stack.enter_context(open_grid_file(path)) for path in files]
        source_quantity, layer, stored = _variable(opened[0], chosen, wanted, wanted_name if kind else "")
        sources = [_source(one, stored, layer) for one in opened]
        grid = grid_of(opened[0], sources[0].variable)
        for one in sources[1:]:
            grid.require_same(grid_of(one.opened, one.variable), stored)
        rows, columns = _window(grid, box)
        steps, order = _steps(sources, step or chosen.step, files[0])
        found, scale = _unit(sources[0].variable, layer, wanted, unit)
        means = PeriodMeans(steps, (rows.stop - rows.start, columns.stop - columns.start), least_share)
        _read(sources, order, means, rows, columns, found, scale, layer, quality)
        values, time, days = means.finish()
        part = replace(grid, latitude=grid.latitude[rows], longitude=grid.longitude[columns],
                       latitude_edges=_part(grid.latitude_edges, rows), longitude_edges=_part(grid.longitude_edges, columns))
        land, areas = (_fixed(opened[0], names, stored, sources[0].variable, grid, rows, columns)
                       for names in (LAND_NAMES, AREA_NAMES))
        land = _fixed_beside(files[0], LAND_NAMES, grid, rows, columns) if land is None else land
        areas = _fixed_beside(files[0], AREA_NAMES, grid, rows, columns) if areas is None else areas
        attributes = opened[0].attributes
    if values.shape[0] == 0:
        raise ForcingError("no period has enough values", file=files[0], variable=stored,
                           remedy="lower least_share, loosen the quality rule, or check the box")
    turned, edges = oriented(values, part)
    notes = [steps.note] if steps.note else []
    if source_quantity.name != wanted.name:
        notes.append(f"{wanted.name} is made from {source_quantity.name} with 2.45 MJ kg-1")
    return Fields(name or Path(files[0]).stem, wanted, CANONICAL.get(wanted.kind, sources[0].variable.unit), turned, time, days,
                  *edges, calendar=steps.calendar, land=None if land is None else oriented(land, part)[0],
                  areas=None if areas is None else oriented(areas, part)[0], synthetic=is_synthetic(attributes),
                  source=f"{chosen.title}: {', '.join(sorted({Path(one).name for one in files})[:3])}"
                         + (f" and {len(files) - 3} more" if len(files) > 3 else ""), notes=tuple(notes))


read_product.__doc__ = str(read_product.__doc__).replace("{rules}", ", ".join(QUALITIES))


def _profile(name: str) -> Any:
    return profile(name)


def expanded(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """Files of a path, a pattern with * or several of them, sorted. Raises ForcingError where there are none."""
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    found: list[str] = []
    for one in given:
        text = os.fspath(one)
        matches = sorted(glob.glob(text)) if "*" in text and not os.path.exists(text) else [text]
        if not matches:
            raise ForcingError("no file matches the pattern", file=text, remedy="check the folder and the pattern")
        found += matches
    if not found:
        raise ForcingError("no files are given", remedy="give one at least")
    return found


def is_synthetic(attributes: Any) -> bool:
    """Whether the attributes of a file say that it is synthetic."""
    flag = str(attributes.get("synthetic", "")).strip().lower()
    return flag not in ("", "0", "0.0", "false", "no") or "synthetic" in str(attributes.get("title", "")).lower()


def _variable(opened: GridFile, chosen: Any, wanted: Quantity, exact: str) -> tuple[Quantity, Layer, str]:
    """The quantity that is read, its layer and its name in the file."""
    fields = {key: one for key, one in opened.variables.items() if len(one.dims) >= 2 and one.dtype.kind in "iuf"}
    if exact:
        if exact not in fields:
            raise ForcingError(f"there is no variable {exact!r}", file=opened.path, variable=exact,
                               remedy=nearest(exact, fields))
        return wanted, chosen.layers.get(wanted.name, Layer((exact,))), exact
    for one in chosen.sources_of(wanted):
        layer = chosen.layer(one)
        for known in layer.names:
            match = [key for key in fields if key == known or key.endswith(f"_{known}")]
            if match:
                return one, layer, match[0]
        standard = [key for key, field in fields.items() if field.attributes.get("standard_name") in one.standard_names]
        if standard:
            return one, layer, standard[0]
    raise ForcingError(f"there is no {wanted.name} that is known by name", file=opened.path, variable=wanted.name,
                       remedy=f"say NAME:{wanted.names[1] if len(wanted.names) > 1 else wanted.name} with NAME one of "
                              f"{', '.join(fields) or 'none'}")


def _source(opened: GridFile, stored: str, layer: Layer) -> _Source:
    variable = opened.variable(stored)
    time = next((one for key, one in opened.variables.items() if len(one.dims) == 1 and one.dims[0] in variable.dims
                 and (one.attributes.get("axis") == "T" or one.attributes.get("standard_name") == "time"
                      or " since " in one.unit or key.lower() == "time")), None)
    if time is None or " since " not in time.unit:
        raise ForcingError("the variable has no time axis with units such as 'days since 2001-01-01'", file=opened.path,
                           variable=stored, remedy="add the time coordinate")
    calendar = str(time.attributes.get("calendar", "standard"))
    stamps, plain = days_of(time.read(), time.unit, calendar, file=opened.path, variable=time.name)
    bounds = None
    named = str(time.attributes.get("bounds", ""))
    if named in opened.variables and opened.variables[named].shape == (stamps.size, 2):
        both = opened.variables[named].read()
        unit = opened.variables[named].unit or time.unit
        bounds = days_of(both.ravel(), unit, calendar, file=opened.path, variable=named)[0].reshape(-1, 2)
    quality = next((one for key, one in opened.variables.items()
                    if layer.quality and (key == layer.quality or key.endswith(f"_{layer.quality}"))), None)
    return _Source(opened, variable, quality, stamps, bounds, plain)


def _steps(sources: Sequence[_Source], step: str, file: str) -> tuple[Intervals, list[tuple[int, int]]]:
    """All intervals in order, and for each the file and the place in it."""
    if len({one.calendar for one in sources}) > 1:
        raise ForcingError("the files have different calendars", file=file, variable="time", remedy="convert them to one")
    stamps = np.concatenate([one.stamps for one in sources])
    places = [(number, place) for number, one in enumerate(sources) for place in range(one.stamps.size)]
    order = np.argsort(stamps, kind="stable")
    bounds = None
    parts = [one.bounds for one in sources if one.bounds is not None]
    if len(parts) == len(sources):
        bounds = np.concatenate(parts)[order]
    # Composites and years of MODIS keep their own length whatever the bounds of an export say.
    found = intervals(stamps[order], None if step != "auto" else bounds, sources[0].calendar, step, file=file)
    return found, [places[place] for place in order]


def _window(grid: HorizontalGrid, box: Box | None) -> tuple[slice, slice]:
    """Rows and columns whose centres lie in a box."""
    if not grid.regular:
        raise ForcingError("the grid is curvilinear", file=grid.file, variable="latitude, longitude",
                           remedy="remap it to a regular grid of latitude and longitude first, such as with cdo remapcon")
    if box is None:
        return slice(0, grid.latitude.size), slice(0, grid.longitude.size)
    west, east, south, north = box
    if not (west < east and south < north):
        raise ForcingError(f"the box {box} holds nothing", variable="box", unit="degrees",
                           remedy="give west, east, south, north")
    rows = np.flatnonzero((grid.latitude >= south) & (grid.latitude <= north))
    columns = np.flatnonzero(wrapped(grid.longitude - west) + 360.0 * (wrapped(grid.longitude - west) < 0.0) <= east - west)
    if rows.size < 2 or columns.size < 2:
        raise ForcingError(f"the box {box} holds {rows.size} rows and {columns.size} columns", file=grid.file, unit="degrees",
                           remedy="give west, east, south, north of the region, two cells at least")
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _part(edges: Floats | None, window: slice) -> Floats | None:
    return None if edges is None else edges[window.start:window.stop + 1]


def _unit(variable: GridVariable, layer: Layer, wanted: Quantity, given: str) -> tuple[Rate, float | None]:
    """Way to canonical rates, and the scale of stored integers that the file does not state."""
    packed = variable.dtype.kind in "iu" and "scale_factor" not in variable.attributes
    scale = layer.scale if packed else None
    if wanted.kind == "state":
        return Rate(1.0), scale
    # A product with integers in its own packing also means its own unit, however an export spells it.
    if given:
        return rate(given, wanted.kind, file=variable.file, variable=variable.name), scale
    if layer.scale is not None:
        return rate(layer.unit, wanted.kind, file=variable.file, variable=variable.name), scale
    if variable.unit:
        return rate(variable.unit, wanted.kind, file=variable.file, variable=variable.name), scale
    if not layer.unit or not layer.names or layer.names[0] == wanted.name:
        raise ForcingError("the variable states no unit", file=variable.file, variable=variable.name,
                           remedy="give the unit, such as 'g m-2 d-1'")
    return rate(layer.unit, wanted.kind, file=variable.file, variable=variable.name), scale


def _read(sources: Sequence[_Source], order: list[tuple[int, int]], means: PeriodMeans, rows: slice, columns: slice,
          found: Rate, scale: float | None, layer: Layer, quality: str) -> None:
    """Read steps in order, several at once where they follow each other in a file."""
    cells = (rows.stop - rows.start) * (columns.stop - columns.start)
    most = max(1, PIECE // cells)
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and end - begin < most and order[end] == (order[begin][0], order[begin][1] + end - begin):
            end += 1
        source = sources[order[begin][0]]
        window = slice(order[begin][1], order[begin][1] + end - begin)
        piece = _values(source.variable, window, rows, columns)
        limits = layer.valid
        if limits is not None:
            factor = 1.0 if scale is not None else layer.scale or 1.0
            # Values that are already scaled keep half a stored unit of room for rounding.
            with np.errstate(invalid="ignore"):
                piece[(piece < (limits[0] - 0.5) * factor) | (piece > (limits[1] + 0.5) * factor)] = np.nan
        if scale is not None:
            piece *= scale
        if quality != "all":
            if source.quality is None:
                raise ForcingError(f"the quality rule {quality!r} needs the layer {layer.quality or 'of quality bits'}",
                                   file=source.opened.path, remedy="export it with the product, or use the rule 'all'")
            piece[~usable(_values(source.quality, window, rows, columns), quality)] = np.nan
        for place in range(begin, end):
            means.add(place, piece[place - begin], found)
        begin = end


def _values(variable: GridVariable, steps: slice, rows: slice, columns: slice) -> Floats:
    """A window [time, row, column]; other dimensions must have one entry."""
    *front, vertical, horizontal = variable.dims
    extra = {dim: 0 for dim, size in zip(front, variable.shape) if size == 1 and dim != front[0]}
    if len(front) - len(extra) != 1:
        raise ForcingError(f"the dimensions are {variable.dims} {variable.shape}, not time, latitude, longitude",
                           file=variable.file, variable=variable.name, remedy="select a level or member first")
    return variable.read({front[0]: steps, vertical: rows, horizontal: columns, **extra})


def _fixed(opened: GridFile, names: tuple[str, ...], stored: str, like: GridVariable, grid: HorizontalGrid, rows: slice,
           columns: slice) -> Floats | None:
    """A field without time: the share of land (0..1), or the area of cells (m2)."""
    for known in names:
        one = opened.variables.get(known)
        if one is None or known == stored or one.dims != like.dims[-2:] or one.shape != grid.shape:
            continue
        if known not in AREA_NAMES or one.unit in AREA_UNITS:
            return _in_unit(one, known, rows, columns)
    return None


def _in_unit(one: GridVariable, known: str, rows: slice, columns: slice) -> Floats:
    """A window of a share of land (0..1) or of areas (m2)."""
    values = np.nan_to_num(one.read({one.dims[0]: rows, one.dims[1]: columns}))
    if known in AREA_NAMES:
        return values * AREA_UNITS[one.unit]
    return np.clip(values / (100.0 if one.unit == "%" else 1.0), 0.0, 1.0)


def _fixed_beside(path: str, names: tuple[str, ...], grid: HorizontalGrid, rows: slice, columns: slice) -> Floats | None:
    """The same from a file of its own beside the product (sftlf*.nc, areacella*.nc), as climate archives and exports of
    regional runs have it; None where there is none on the same grid."""
    found = sorted(Path(path).parent.glob(f"{names[0]}*.nc"))
    if len(found) != 1:
        return None
    with open_grid_file(str(found[0])) as opened:
        one = opened.variables.get(names[0])
        if one is None or len(one.dims) != 2 or (names[0] in AREA_NAMES and one.unit not in AREA_UNITS):
            return None
        own = grid_of(opened, one)
        same = own.shape == grid.shape and all(np.allclose(ours, theirs) for ours, theirs in (
            (own.latitude, grid.latitude), (own.longitude, grid.longitude)))
        return _in_unit(one, names[0], rows, columns) if same else None
