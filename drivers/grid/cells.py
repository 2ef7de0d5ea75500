"""The land cells of a store: where they lie, how large they are, and what grows on them, in the order they are stored in."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError

Floats = NDArray[np.float64]
CELL_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "latitude": {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude of the cell centre"},
    "longitude": {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude of the cell centre"},
    "area": {"units": "m2", "standard_name": "cell_area", "long_name": "area of the whole cell"},
    "land_fraction": {"units": "1", "standard_name": "land_area_fraction", "long_name": "land share of the cell"},
    "elevation": {"units": "m", "standard_name": "surface_altitude", "long_name": "mean elevation of the cell"},
    "row": {"units": "1", "long_name": "row of the cell in the grid"},
    "column": {"units": "1", "long_name": "column of the cell in the grid"},
    "tile": {"units": "1", "long_name": "number of the tile, a square of cells along the Hilbert curve"},
    "sand_fraction": {"units": "1", "long_name": "sand share of the mineral topsoil"},
    "clay_fraction": {"units": "1", "long_name": "clay share of the mineral topsoil"},
    "clumping_index": {"units": "1", "long_name": "clumping index of the foliage"},
}


@dataclass(frozen=True, eq=False)
class Cells:
    """Land cells, one value per cell in stored order.

    `latitude`, `longitude` (degrees), `area` (m2, the whole cell), `land_fraction` (0-1), `elevation` (m), `row`, `column` in
    the grid whose `grid_latitude` and `grid_longitude` are kept for maps, `tile`, `sand_fraction`, `clay_fraction` and
    `clumping_index` (0-1), NaN where unknown. `plant_fraction` [plant type, cell] are shares of the land by `plant_types`;
    what they lack to 1 has no plants. `soil_class` are numbers in `soil_classes`, -1 where unknown.
    """

    latitude: Floats
    longitude: Floats
    area: Floats
    land_fraction: Floats
    elevation: Floats
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    tile: NDArray[np.int32]
    sand_fraction: Floats
    clay_fraction: Floats
    clumping_index: Floats
    soil_class: NDArray[np.int8]
    plant_fraction: Floats
    grid_latitude: Floats
    grid_longitude: Floats
    plant_types: tuple[str, ...] = ()
    soil_classes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.latitude.size)

    @property
    def land_area(self) -> Floats:
        """Land area of every cell (m2), the weight of totals."""
        return self.area * self.land_fraction

    def soil_of(self, cell: int) -> str:
        """Soil class of a cell, "" where unknown."""
        number = int(self.soil_class[cell])
        return self.soil_classes[number] if number >= 0 else ""

    def take(self, chosen: NDArray[np.int64] | slice) -> "Cells":
        """Some of the cells, in the order chosen."""
        per_cell = {one.name: getattr(self, one.name)[..., chosen] for one in fields(self)
                    if one.name not in ("grid_latitude", "grid_longitude", "plant_types", "soil_classes")}
        return replace(self, **per_cell)

    def on_grid(self, values: NDArray[Any], fill: float = np.nan) -> NDArray[Any]:
        """Values [..., cell] on the grid [..., row, column], `fill` where there is no land."""
        given = np.asarray(values)
        result = np.full((*given.shape[:-1], self.grid_latitude.shape[0], self.grid_longitude.shape[-1]), fill,
                         dtype=given.dtype if given.dtype.kind == "f" else np.float64)
        result[..., self.row, self.column] = given
        return result

    def nearest(self, latitude: float, longitude: float) -> int:
        """Number of the cell nearest to a place (degrees); places more than two cells away are refused."""
        east = (self.longitude - longitude + 180.0) % 360.0 - 180.0
        distance = np.hypot(self.latitude - latitude, east * np.cos(np.radians(latitude)))
        cell = int(np.argmin(distance))
        if distance[cell] > 2.0 * np.sqrt(self.area[cell]) / 111_195.0:
            raise ForcingError(f"no land cell lies near {latitude:g} N, {longitude:g} E; the nearest is "
                               f"{self.latitude[cell]:.3f} N, {self.longitude[cell]:.3f} E", variable="cell",
                               remedy="check latitude and longitude")
        return cell
