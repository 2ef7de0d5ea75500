"""Where the cells of a grid lie: latitudes and longitudes by any convention, as edges that overlaps are computed from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.grid_file import GridFile, GridVariable

Floats = NDArray[np.float64]
SAME = 1e-3  # of a cell; coordinates in float32 agree to 1e-5 degrees
LATITUDE_NAMES = ("lat", "latitude", "nav_lat", "y", "Y", "LAT", "Latitude")
LONGITUDE_NAMES = ("lon", "longitude", "nav_lon", "x", "X", "LON", "Longitude", "long")


@dataclass(frozen=True, eq=False)
class HorizontalGrid:
    """A grid with `latitude` and `longitude` of cell centres (degrees), as stored: in either order, 0..360 or -180..180.

    Regular grids have 1-D coordinates and edges (n + 1; latitudes clipped at the poles). Curvilinear grids have 2-D
    coordinates and no edges. `dims` are the names of the vertical and the horizontal dimension in the file.
    """

    latitude: Floats
    longitude: Floats
    latitude_edges: Floats | None
    longitude_edges: Floats | None
    dims: tuple[str, str] = ("latitude", "longitude")
    file: str = ""

    @property
    def regular(self) -> bool:
        """Whether rows are parallels and columns meridians."""
        return self.latitude_edges is not None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return (self.latitude.size, self.longitude.size) if self.latitude.ndim == 1 else self.latitude.shape  # type: ignore

    def centres(self) -> tuple[Floats, Floats]:
        """Latitude and longitude (-180..180) of every cell, flattened in stored order."""
        if self.latitude.ndim == 1:
            latitude, longitude = np.meshgrid(self.latitude, self.longitude, indexing="ij")
        else:
            latitude, longitude = self.latitude, self.longitude
        return latitude.ravel(), wrapped(longitude.ravel())

    def require_same(self, other: "HorizontalGrid", variable: str = "") -> None:
        """Raise ForcingError, naming the shift in cells, unless `other` has the same cells in the same order."""
        if self.shape == other.shape and self.latitude.ndim == other.latitude.ndim:
            shifts = []
            for own, its in ((self.latitude, other.latitude), (self.longitude, other.longitude)):
                step = float(np.median(np.abs(np.diff(own.ravel())))) or 1.0
                shifts.append(float(np.max(np.abs(own - its))) / step)
            if max(shifts) <= SAME:
                return
            how = f"shifted by {shifts[0]:.2g} cells in latitude and {shifts[1]:.2g} in longitude"
        else:
            how = f"of {other.shape} instead of {self.shape} cells"
        raise ForcingError(f"the grid is not that of {self.file or 'the first file'}: {how}", file=other.file,
                           variable=variable,
                           remedy="make it a source of its own, so that it is regridded by its own coordinates")


def wrapped(longitude: ArrayLike) -> Floats:
    """Longitude in -180..180 (180 becomes -180)."""
    return (np.asarray(longitude, dtype=np.float64) + 180.0) % 360.0 - 180.0


def regular_grid(west: float, east: float, south: float, north: float, resolution: float) -> HorizontalGrid:
    """A grid of square cells (degrees) that fill a box, rows from north to south; a box that is no multiple is refused."""
    if not (resolution > 0 and south < north and south >= -90 and north <= 90 and 0 < east - west <= 360):
        raise ForcingError(f"the box {west}..{east} E, {south}..{north} N at {resolution} degrees holds no cells",
                           variable="target", unit="degrees", remedy="give west < east, south < north, resolution > 0")
    rows, columns = (north - south) / resolution, (east - west) / resolution
    if abs(rows - round(rows)) > 1e-6 or abs(columns - round(columns)) > 1e-6:
        raise ForcingError(f"the box is {columns:.3f} x {rows:.3f} cells of {resolution} degrees, not a whole number",
                           variable="target", unit="degrees", remedy="move an edge of the box by part of a cell")
    latitude_edges = np.linspace(north, south, round(rows) + 1)
    longitude_edges = np.linspace(west, east, round(columns) + 1)
    return HorizontalGrid(0.5 * (latitude_edges[:-1] + latitude_edges[1:]), 0.5 * (longitude_edges[:-1] + longitude_edges[1:]),
                          latitude_edges, longitude_edges)


def grid_of(opened: GridFile, variable: GridVariable) -> HorizontalGrid:
    """The grid of a variable from the coordinates of its file.

    Coordinates are found by axis, standard_name, units or name. Raises ForcingError for coordinates that are missing,
    not finite, out of order, out of range, or half a cell off their bounds.
    """
    latitude = _coordinate(opened, variable, "latitude", LATITUDE_NAMES, "degrees_north", "degree_north")
    longitude = _coordinate(opened, variable, "longitude", LONGITUDE_NAMES, "degrees_east", "degree_east")
    north, east = latitude.read(), longitude.read()
    for name, values in ((latitude.name, north), (longitude.name, east)):
        if not np.isfinite(values).all():
            raise ForcingError("a coordinate is missing", file=opened.path, variable=name, remedy="repair the coordinates")
    if np.abs(north).max() > 90.0 + 1e-6:
        swapped = " (are latitude and longitude exchanged?)" if np.abs(east).max() <= 90.0 else ""
        raise ForcingError(f"latitudes of {north.min():g}..{north.max():g} lie beyond the poles{swapped}", file=opened.path,
                           variable=latitude.name, unit="degrees_north", remedy="repair the coordinates")
    if east.min() < -360.0 - 1e-6 or east.max() > 720.0:
        raise ForcingError(f"longitudes of {east.min():g}..{east.max():g} are no degrees east", file=opened.path,
                           variable=longitude.name, unit="degrees_east", remedy="repair the coordinates")
    if north.ndim == 2:
        rows, columns = latitude.dims
        return HorizontalGrid(north, east, None, None, (rows, columns), str(opened.path))
    edges = (_edges(opened, latitude, north), _edges(opened, longitude, east))
    span = abs(edges[1][-1] - edges[1][0])
    if span > 360.0 * (1.0 + SAME):
        raise ForcingError(f"the columns span {span:g} degrees of longitude", file=opened.path, variable=longitude.name,
                           unit="degrees_east", remedy="drop the columns that repeat others")
    return HorizontalGrid(north, east, np.clip(edges[0], -90.0, 90.0), edges[1], (latitude.name, longitude.name)
                          if latitude.dims == (latitude.name,) and longitude.dims == (longitude.name,)
                          else (latitude.dims[0], longitude.dims[0]), str(opened.path))


def _coordinate(opened: GridFile, variable: GridVariable, kind: str, names: tuple[str, ...], *units: str) -> GridVariable:
    """The coordinate of a kind that spans dimensions of the variable."""
    mentioned = str(variable.attributes.get("coordinates", "")).split()

    def fits(one: GridVariable) -> bool:
        return 1 <= len(one.dims) <= 2 and set(one.dims) <= set(variable.dims) and one.dtype.kind in "fiu"

    tests = (lambda one: one.attributes.get("standard_name") == kind, lambda one: one.unit in units,
             lambda one: one.name in mentioned and one.name in names, lambda one: one.name in names)
    for test in tests:
        found = [one for one in opened.variables.values() if fits(one) and test(one)]
        if found:
            # A one-dimensional coordinate is the axis itself, others are auxiliary.
            return min(found, key=lambda one: (len(one.dims), one.name not in variable.dims))
    raise ForcingError(f"there is no {kind} for the dimensions {', '.join(variable.dims)}", file=opened.path,
                       variable=variable.name, remedy=f"give a coordinate with units {units[0]}")


def _edges(opened: GridFile, coordinate: GridVariable, centres: Floats) -> Floats:
    """Edges of cells: the bounds of the file, else the middles between centres."""
    name = coordinate.name
    if centres.size < 2:
        raise ForcingError("a grid of one row or column has no cell size", file=opened.path, variable=name,
                           remedy="give two rows and columns at least")
    steps = np.diff(centres)
    if not ((steps > 0).all() or (steps < 0).all()):
        row = int(np.argmax(steps * np.sign(steps[0]) <= 0)) + 1
        raise ForcingError(f"the coordinate turns or repeats at number {row} ({centres[row]:g})", file=opened.path,
                           variable=name, unit=coordinate.unit, remedy="sort the rows and columns")
    bounds_name = str(coordinate.attributes.get("bounds", ""))
    if bounds_name in opened.variables:
        bounds = opened.variables[bounds_name].read()
        if bounds.shape == (centres.size, 2) and np.isfinite(bounds).all():
            low, high = bounds.min(axis=1), bounds.max(axis=1)
            off = np.abs(centres - 0.5 * (low + high)) / (high - low)
            inner = (np.abs(low) < 90.0 - 1e-9) & (np.abs(high) < 90.0 - 1e-9) if "lat" in name.lower() else off >= 0.0
            if (off[inner] > 0.05).any():
                raise ForcingError(f"the coordinate lies {off[inner].max():.2g} cells off the middle of its bounds",
                                   file=opened.path, variable=name, unit=coordinate.unit,
                                   remedy="the grid is shifted by part of a cell: store cell centres")
            if np.allclose(np.sort(low)[1:], np.sort(high)[:-1], atol=SAME * float(np.abs(steps).min())):
                return np.append(low, high[-1]) if steps[0] > 0 else np.append(high, low[-1])
    middles = 0.5 * (centres[:-1] + centres[1:])
    return np.concatenate([[centres[0] - 0.5 * steps[0]], middles, [centres[-1] + 0.5 * steps[-1]]])
