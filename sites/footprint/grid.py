"""The regular grid around a tower on which footprints are summed: nodes, cells and where they lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
REGULAR = 1e-6
"""Largest departure from even spacing, as a share of the spacing."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Evenly spaced nodes east (`x`) and north (`y`) of the tower, m; node values stand for cells centred on them.

    `x` ascends; `y` may ascend or, as in images with north at the top, descend. Fields have shape (len(y), len(x)).
    `true_north` is the bearing of true north clockwise from the grid's y axis (degrees): minus the meridian convergence
    of a map projection. It turns wind directions, which count from true north, onto the grid.
    """

    x: Floats
    y: Floats
    true_north: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            nodes = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, nodes)
            if nodes.ndim != 1 or nodes.size < 2 or not np.isfinite(nodes).all():
                raise ValueError(f"grid nodes {name} must be a list of at least two finite distances from the tower in m")
            steps = np.diff(nodes)
            if not np.all(np.abs(steps - steps[0]) <= REGULAR * abs(steps[0])) or steps[0] == 0.0:
                raise ValueError(f"grid nodes {name} are not evenly spaced: steps from {steps.min():g} to {steps.max():g} m; "
                                 "resample the raster to a regular grid first")
        if self.x[1] < self.x[0]:
            raise ValueError("grid nodes x must ascend from west to east; flip the columns of the raster")

    @classmethod
    def nodes(cls, minimum: float, maximum: float, intervals: int, y: tuple[float, float, int] | None = None) -> "Grid":
        """Nodes linspace(minimum, maximum, intervals + 1) in m, both ways, or `y` = (minimum, maximum, intervals) for its own.

        >>> Grid.nodes(-500.0, 500.0, 100).shape
        (101, 101)
        """
        south, north, lines = (minimum, maximum, intervals) if y is None else y
        return cls(np.linspace(minimum, maximum, intervals + 1), np.linspace(south, north, lines + 1))

    @classmethod
    def square(cls, half_width: float, step: float) -> "Grid":
        """Nodes a step (m) apart within half_width (m) of the tower, one of them at it.

        >>> Grid.square(1000.0, 30.0).x[[0, -1]]
        array([-990.,  990.])
        """
        count = int(np.floor(half_width / step * (1.0 + 1e-12)))
        nodes: Floats = step * np.arange(-count, count + 1, dtype=np.float64)
        return cls(nodes, nodes)

    @classmethod
    def of_raster(cls, transform: Any, shape: tuple[int, int], easting: float, northing: float,
                  true_north: float = 0.0) -> "Grid":
        """Cell centres of a raster relative to a tower at (easting, northing) in the raster's CRS, in metres.

        `transform` is the affine transform of rasterio (or its first six numbers), shape (lines, columns).
        """
        a, b, c, d, e, f = tuple(transform)[:6]
        if b != 0.0 or d != 0.0:
            raise ValueError("the raster is rotated; reproject it to a grid with north at the top first")
        lines, columns = shape
        return cls(c + a * (np.arange(columns) + 0.5) - easting, f + e * (np.arange(lines) + 0.5) - northing, true_north)

    @property
    def shape(self) -> tuple[int, int]:
        """(lines, columns)."""
        return self.y.size, self.x.size

    @property
    def step(self) -> tuple[float, float]:
        """Distance of neighbouring nodes (m) along x and along y, both positive."""
        return (float((self.x[-1] - self.x[0]) / (self.x.size - 1)), float(abs(self.y[-1] - self.y[0]) / (self.y.size - 1)))

    @property
    def cell_area(self) -> float:
        """Area of a cell (m2)."""
        along_x, along_y = self.step
        return along_x * along_y

    @property
    def reach(self) -> float:
        """Distance of the farthest node from the tower (m)."""
        return float(np.hypot(np.abs(self.x).max(), np.abs(self.y).max()))

    def refined(self, count: int) -> "Grid":
        """The grid whose cells are count x count to every cell of this one, with the same outer edges."""
        if count == 1:
            return self
        offsets = (np.arange(count) + 0.5) / count - 0.5
        x = (self.x[:, np.newaxis] + self.step[0] * offsets).ravel()
        y = (self.y[:, np.newaxis] + (self.y[1] - self.y[0]) * offsets).ravel()
        return Grid(x, y, self.true_north)

    def mean_of_refined(self, field: ArrayLike, count: int) -> Floats:
        """Means over the cells of this grid of a field (..., lines, columns) on `refined(count)`."""
        values = np.asarray(field, float)
        lines, columns = self.shape
        return values.reshape(*values.shape[:-2], lines, count, columns, count).mean(axis=(-3, -1))

    def checked(self, raster: ArrayLike, what: str) -> NDArray[Any]:
        """A raster as an array (masked cells stay masked), or an error that says how its shape differs from the grid's."""
        values: NDArray[Any] = np.ma.asanyarray(raster)
        if values.shape != self.shape:
            raise ValueError(f"{what} has shape {values.shape} but the grid has {self.shape} (lines, columns)")
        return values
