"""The grid on which a tower's surroundings are seen: metres from the tower, x east, y north, both ascending.

Every raster of terraflux's tower work has this one row order: row 0 is the SOUTHERN row and column 0 the western column,
the order of the footprint grids, so that `footprint * raster.values` needs no flip. Plot with `origin="lower"`. Cells
are named by their centres; the tower stands at (0, 0), on a centre where the axis comes from `local_axis`.
"""

from dataclasses import dataclass, replace

import numpy as np

from terraflux.drivers.errors import ForcingError

KINDS = ("continuous", "classes")
SPACING_TOLERANCE = 1e-6  # of the cell size; coordinates written as float32 pass


class RasterError(ForcingError):
    """A raster or a window of it that cannot be used as it is: what is wrong, in which file, and the remedy."""


def local_axis(half_width: float, resolution: float) -> np.ndarray:
    """Cell centres (m) from -half_width to half_width in steps of `resolution` (m), one of them at 0 (the tower).

    The outermost centre is the last multiple of the resolution that does not pass half_width. Raises RasterError for
    sizes that are not positive and finite.
    """
    for name, size in (("half_width", half_width), ("resolution", resolution)):
        if not (np.isfinite(size) and size > 0):
            raise RasterError(f"{name} = {size} is not a positive number", variable=name, unit="m",
                              remedy=f"give {name} in metres")
    steps = int(np.floor(half_width / resolution * (1 + 1e-12)))
    if steps < 1:
        raise RasterError(f"half_width {half_width} m is less than one cell of {resolution} m", variable="half_width",
                          unit="m", remedy="widen the window or refine the resolution")
    return np.arange(-steps, steps + 1, dtype=np.float64) * resolution


def local_crs(latitude: float, longitude: float) -> str:
    """PROJ text of the tower's own map: azimuthal equidistant (Snyder 1987, USGS PP 1395, ch. 25) on WGS 84, metres."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 360):
        raise RasterError(f"latitude {latitude}, longitude {longitude} is no place on Earth", variable="latitude, longitude",
                          unit="degrees", remedy="latitude runs from -90 to 90, longitude from -180 to 180, east positive")
    return f"+proj=aeqd +lat_0={latitude!r} +lon_0={longitude!r} +datum=WGS84 +units=m +no_defs"


@dataclass(frozen=True)
class Raster:
    """Values around a tower.

    `values` (ny, nx) float64, NaN where there is no data; class codes are whole numbers held as float64. `x` (nx) and
    `y` (ny) are the cell centres in m from the tower, east and north, ascending and evenly spaced: `values[0, 0]` is
    the south-western cell. `crs` is the PROJ text of the grid, `kind` "continuous" or "classes", `units` the unit of
    the values ("1" for an index), `source` the file. Raises RasterError for axes and values that do not belong together.
    """

    values: np.ndarray
    x: np.ndarray
    y: np.ndarray
    crs: str = ""
    units: str = "1"
    name: str = ""
    kind: str = "continuous"
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("values", "x", "y"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        if self.kind not in KINDS:
            raise RasterError(f"the kind {self.kind!r} is unknown", variable=self.name, remedy=f"use one of {KINDS}")
        if self.values.shape != (self.y.size, self.x.size) or self.values.ndim != 2:
            raise RasterError(f"values have shape {self.values.shape}, the axes call for {(self.y.size, self.x.size)}",
                              file=self.source, variable=self.name, remedy="give values[ny, nx] with x[nx] and y[ny]")
        for name, axis in (("x", self.x), ("y", self.y)):
            steps = np.diff(axis)
            if axis.size < 2 or not np.isfinite(axis).all() or steps.min() <= 0:
                raise RasterError(f"the axis {name} is not ascending", file=self.source, variable=self.name, unit="m",
                                  remedy="sort the axis, and the values with it: row 0 is the southern row")
            if np.ptp(steps) > SPACING_TOLERANCE * steps.mean() + 1e-9:
                raise RasterError(f"the axis {name} is not evenly spaced", file=self.source, variable=self.name, unit="m",
                                  remedy="reproject the raster to an even grid with read_raster")
        if np.isinf(self.values).any():
            raise RasterError("the values hold infinity", file=self.source, variable=self.name, unit=self.units,
                              remedy="mark missing cells as NaN")

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return (self.y.size, self.x.size)

    @property
    def cell_size(self) -> tuple[float, float]:
        """(dx, dy) in m."""
        return (float((self.x[-1] - self.x[0]) / (self.x.size - 1)), float((self.y[-1] - self.y[0]) / (self.y.size - 1)))

    @property
    def cell_area(self) -> float:
        """Area of one cell, m2."""
        dx, dy = self.cell_size
        return dx * dy

    @property
    def coverage(self) -> float:
        """Share of cells with data, 0..1."""
        return float(np.isfinite(self.values).mean())

    @property
    def distance(self) -> np.ndarray:
        """Distance of every cell centre from the tower, m (ny, nx)."""
        return np.hypot(self.x[None, :], self.y[:, None])

    def area(self, radius: float, shape: str = "circle") -> np.ndarray:
        """Cells (bool, ny by nx) whose centres lie within `radius` (m) of the tower: a "circle", or the "square" around it."""
        if shape == "circle":
            return self.distance <= radius * (1 + 1e-12)
        if shape == "square":
            return np.maximum(np.abs(self.x)[None, :], np.abs(self.y)[:, None]) <= radius * (1 + 1e-12)
        raise RasterError(f"the shape {shape!r} of a target area is unknown", variable="shape",
                          remedy="use 'circle' or 'square'")

    def reaches(self, radius: float) -> bool:
        """Whether the grid holds the whole square of half width `radius` (m), to half a cell."""
        dx, dy = self.cell_size
        return bool(min(-self.x[0], self.x[-1]) >= radius - dx / 2 - 1e-9 and
                    min(-self.y[0], self.y[-1]) >= radius - dy / 2 - 1e-9)

    def window(self, half_width: float) -> "Raster":
        """The part whose cell centres lie within `half_width` (m) of the tower, in x and in y."""
        columns = np.abs(self.x) <= half_width * (1 + 1e-12)
        rows = np.abs(self.y) <= half_width * (1 + 1e-12)
        if columns.sum() < 2 or rows.sum() < 2:
            raise RasterError(f"a window of half width {half_width} m holds fewer than 2 x 2 cells", file=self.source,
                              variable=self.name, unit="m", remedy="widen the window or refine the resolution")
        return replace(self, values=self.values[np.ix_(rows, columns)], x=self.x[columns], y=self.y[rows])

    def with_values(self, values: np.ndarray, **changes: str) -> "Raster":
        """The same grid with other values (and name, units, kind where given)."""
        return replace(self, values=values, **changes)  # type: ignore[arg-type]
