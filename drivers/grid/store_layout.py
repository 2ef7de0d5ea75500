"""How a forcing store is laid out: which arrays, how long, in which chunks, and what it declares about itself.

A store is a Zarr group. Weather lies as float32 (time, cell), one chunk per slab of days and block of cells; leaf area as
(leaf_area_time, cell) at its own dates and carbon dioxide as (day), unless they are stored as weather is; the rest is one
value per cell. Times are begins of steps,
UTC unless `day_offset_hours` says otherwise. The folder also holds `manifest.json`, present only when all chunks are there:
the checksum of every chunk, the counts of repairs and where everything comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cells import CELL_ATTRIBUTES, Cells
from terraflux.drivers.grid.zarr_chunks import array_metadata
from terraflux.model.variables import variable_table

SCHEMA = "terraflux forcing store 1"
WEATHER = ("air_temperature", "air_temperature_minimum", "air_temperature_maximum", "vapour_pressure", "air_pressure",
           "wind_speed", "shortwave_down", "longwave_down", "precipitation", "carbon_dioxide", "prescribed_leaf_area_index")
EXTREMES = ("air_temperature_minimum", "air_temperature_maximum")
DAY = 86400
_CELL_TYPES = {"row": "int32", "column": "int32", "tile": "int32", "soil_class": "int8"}


@dataclass(frozen=True, eq=False)
class StoreLayout:
    """Facts that fix every array of a store.

    `first_day` (datetime64[D]), `days`, `step_seconds` (86400 for daily values), `variables` in stored order, `slab_days` and
    `block_cells` (the chunk), `day_offset_hours` (hours by which stored days begin before those of UTC; NaN where every
    cell has its own, the nearest whole hour of local solar time), `synthetic` (whether the weather is invented).
    """

    first_day: np.datetime64
    days: int
    variables: tuple[str, ...]
    cells: int
    step_seconds: int = DAY
    slab_days: int = 73
    block_cells: int = 2048
    day_offset_hours: float = 0.0
    synthetic: bool = False
    title: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.variables if name not in WEATHER]
        if unknown or not self.variables:
            raise ForcingError(f"{unknown[0] if unknown else 'nothing'} is no weather of a store", variable="variables",
                               remedy=f"choose among {', '.join(WEATHER)}")
        if min(self.days, self.cells, self.slab_days, self.block_cells) < 1 or DAY % self.step_seconds:
            raise ForcingError("a store needs days, cells, a slab and a block of one at least, and steps that divide the day",
                               variable="layout", remedy="check period, target, slab_days and block_cells")

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return DAY // self.step_seconds

    @property
    def slabs(self) -> int:
        """Number of slabs; the last may be short."""
        return -(-self.days // self.slab_days)

    @property
    def blocks(self) -> int:
        """Number of blocks of cells; the last may be short."""
        return -(-self.cells // self.block_cells)

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """Steps and cells of a chunk as stored; short ones are padded with NaN."""
        return self.slab_days * self.steps_per_day, min(self.block_cells, self.cells)

    def days_of(self, slab: int) -> tuple[int, int]:
        """First day and day after the last of a slab, counted from the first of the store."""
        return slab * self.slab_days, min((slab + 1) * self.slab_days, self.days)

    def cells_of(self, block: int) -> slice:
        """Cells of a block."""
        return slice(block * self.block_cells, min((block + 1) * self.block_cells, self.cells))

    def dates(self, first: int, after: int) -> NDArray[np.datetime64]:
        """Days (datetime64[D]) from number `first` to before `after`."""
        return self.first_day + np.arange(first, after)

    def chunk_names(self) -> list[str]:
        """Names of all weather chunks, by variable, slab and block."""
        return [chunk_name(name, slab, block) for name in self.variables for slab in range(self.slabs)
                for block in range(self.blocks)]

    def uncompressed_bytes(self) -> int:
        """Bytes of all weather before compression."""
        return 4 * len(self.variables) * self.slabs * self.blocks * self.chunk_shape[0] * self.chunk_shape[1]


def chunk_name(variable: str, slab: int, block: int) -> str:
    """Path of a weather chunk below the store, as Zarr names it."""
    return f"{variable}/c/{slab}/{block}"


def weather_attributes(name: str, layout: StoreLayout) -> dict[str, Any]:
    """Unit, names and bounds of a weather array, from the variable table."""
    declared = variable_table()["air_temperature" if name in EXTREMES else name]
    kind = name.rpartition("_")[2]
    long_name = f"{kind} air temperature of the day" if name in EXTREMES else declared.long_name
    assert declared.bounds is not None
    return {"units": declared.unit, "long_name": long_name, "standard_name": declared.standard_name,
            "cell_methods": f"time: {kind}" if name in EXTREMES else "time: mean", "valid_range": list(declared.bounds),
            "coordinates": "latitude longitude", "synthetic": int(layout.synthetic)}


def time_values(layout: StoreLayout) -> tuple[NDArray[np.int64], str]:
    """Begins of all steps, as seconds since the first day, and their unit."""
    steps = np.arange(layout.days * layout.steps_per_day, dtype=np.int64) * layout.step_seconds
    return steps, f"seconds since {layout.first_day} 00:00:00"


def static_arrays(layout: StoreLayout, cells: Cells, *, carbon_dioxide: NDArray[np.float64] | None = None,
                  leaf_area: NDArray[np.float32] | None = None, leaf_area_time: NDArray[np.float64] | None = None,
                  leaf_area_by_plant: NDArray[np.float32] | None = None
                  ) -> dict[str, tuple[NDArray[Any], tuple[str, ...], dict[str, Any]]]:
    """Everything but weather: {name: (values, dimensions, attributes)}."""
    times, unit = time_values(layout)
    arrays: dict[str, tuple[NDArray[Any], tuple[str, ...], dict[str, Any]]] = {
        "time": (times, ("time",), {"units": unit, "calendar": "standard", "standard_name": "time", "axis": "T",
                                    "long_name": "begin of the step"}),
    }
    for name, attributes in CELL_ATTRIBUTES.items():
        values = np.asarray(getattr(cells, name))
        arrays[name] = (values.astype(_CELL_TYPES.get(name, "float64")), ("cell",), dict(attributes))
    arrays["soil_class"] = (cells.soil_class.astype(np.int8), ("cell",), {
        "long_name": "soil class", "flag_values": list(range(len(cells.soil_classes))),
        "flag_meanings": " ".join(cells.soil_classes)})
    if cells.plant_types:
        arrays["plant_fraction"] = (cells.plant_fraction.astype(np.float64), ("plant_type", "cell"), {
            "units": "1", "long_name": "share of plant types in the land of the cell", "plant_types": list(cells.plant_types)})
    two = cells.grid_latitude.ndim == 2
    arrays["grid_latitude"] = (cells.grid_latitude, ("grid_row", "grid_column") if two else ("grid_row",),
                               {"units": "degrees_north", "long_name": "latitude of the rows of the grid"})
    arrays["grid_longitude"] = (cells.grid_longitude, ("grid_row", "grid_column") if two else ("grid_column",),
                                {"units": "degrees_east", "long_name": "longitude of the columns of the grid"})
    if carbon_dioxide is not None:
        declared = variable_table()["carbon_dioxide"]
        arrays["carbon_dioxide"] = (np.asarray(carbon_dioxide, dtype=np.float64), ("day",), {
            "units": declared.unit, "long_name": declared.long_name, "standard_name": declared.standard_name})
    if leaf_area is not None and leaf_area_time is not None:
        periodic = leaf_area_time.size > 1 and bool(leaf_area_time.max() < 366.5)
        arrays["leaf_area_index"] = (np.asarray(leaf_area, dtype=np.float32), ("leaf_area_time", "cell"), {
            "units": "m2 m-2", "standard_name": "leaf_area_index", "long_name": "leaf area index given from outside"})
        if leaf_area_by_plant is not None:
            arrays["leaf_area_index_of_plants"] = (
                np.asarray(leaf_area_by_plant, dtype=np.float32), ("leaf_area_time", "plant_type", "cell"), {
                    "units": "m2 m-2", "standard_name": "leaf_area_index", "plant_types": list(cells.plant_types),
                    "long_name": "leaf area index of plant types, given from outside"})
        arrays["leaf_area_time"] = (np.asarray(leaf_area_time, dtype=np.float64), ("leaf_area_time",), {
            "long_name": "day of the year of the climatology" if periodic else "middle of the composite",
            "units": "1" if periodic else "days since 1970-01-01 00:00:00", "climatology": int(periodic)})
    return arrays


def metadata_of(layout: StoreLayout, arrays: Mapping[str, tuple[NDArray[Any], tuple[str, ...], dict[str, Any]]]
                ) -> dict[str, dict[str, Any]]:
    """Zarr metadata of every array, weather first."""
    shape = (layout.days * layout.steps_per_day, layout.cells)
    found = {name: array_metadata(shape, layout.chunk_shape, "float32", ("time", "cell"), weather_attributes(name, layout))
             for name in layout.variables}
    for name, (values, dims, attributes) in arrays.items():
        found[name] = array_metadata(values.shape, values.shape, str(values.dtype), dims, attributes)
    return found


def group_attributes(layout: StoreLayout, identity: str) -> dict[str, Any]:
    """What the store declares about itself; `identity` is the checksum of what it is built from."""
    offset: float | str = "solar" if np.isnan(layout.day_offset_hours) else float(layout.day_offset_hours)
    return {"Conventions": "CF-1.8", "schema": SCHEMA, "title": layout.title, "synthetic": int(layout.synthetic),
            "first_day": str(layout.first_day), "days": layout.days, "step_seconds": layout.step_seconds,
            "slab_days": layout.slab_days, "block_cells": layout.block_cells, "variables": list(layout.variables),
            "day_offset_hours": offset, "identity": identity, **layout.attributes}
