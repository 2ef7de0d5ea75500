"""An invented nation: land, relief, monsoon climate, plants, soils and daily weather of 1979-2012 at any resolution.

It resembles a large country of East Asia (73-136 E, 18-54 N, about 9.6 million km2) in size and kinds of climate and is no
place on earth. Every value depends on seed, position and date only: subsets, tiles and periods read the same world, to the
last bit. Land share and height of a coarse cell are the means of the fine cells within it; weather is that of the centre, so
that coarse and fine cells differ as a centre differs from a mean. Everything made from it is labelled synthetic.

>>> nation = SyntheticNation(resolution=5.0)
>>> weather = nation.daily("1979-01-01", "1979-01-31")
>>> weather.shape == (31, len(nation.variables), nation.cells.latitude.size)
True
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.co2 import carbon_dioxide_polynomial
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import strip_area
from terraflux.drivers.nation import climate as climates
from terraflux.drivers.nation import cover, relief, weather
from terraflux.model.parameter_table import soil_class
from terraflux.model.variables import variable_table

Floats = NDArray[np.float64]
LABEL = "invented by a seeded generator; no measurement and no real place"
FINEST, COARSEST = 0.01, 6.0
RANGE_NAME = "range of air temperature within the day"


@dataclass(frozen=True)
class NationCells:
    """Land cells, south to north and west to east: positions of centres (degrees), `area` (m2, whole cell, sphere),
    `land_fraction` (0..1), `elevation` and `roughness` (m), `plant_share` [plant type, cell] of the land (sums to 1),
    `soil_class` names, `sand_fraction` and `clay_fraction`, and `climate`."""

    latitude: Floats
    longitude: Floats
    area: Floats
    land_fraction: Floats
    elevation: Floats
    roughness: Floats
    plant_share: Floats
    soil_class: NDArray[np.str_]
    sand_fraction: Floats
    clay_fraction: Floats
    climate: climates.Climate


class SyntheticNation:
    """The nation on a grid of `resolution` degrees with edges on whole multiples of it; `cells` with land are kept.

    `bounds` (west, east, south, north) cut a tile out; a cell belongs to it by its centre. `smallest_land` is the least land
    share of a cell that is kept. Raises ForcingError for a resolution outside 0.01..6 degrees, a negative seed, or a tile
    without land.
    """

    plant_types = cover.PLANT_TYPES
    variables = weather.VARIABLES

    def __init__(self, resolution: float = 0.5, *, seed: int = 1, bounds: tuple[float, float, float, float] | None = None,
                 smallest_land: float = 0.5) -> None:
        if not FINEST <= resolution <= COARSEST:
            raise ForcingError(f"a resolution of {resolution:g} degrees is not usable", variable="resolution", unit="degrees",
                               remedy=f"choose {FINEST:g} to {COARSEST:g} degrees")
        if seed < 0:
            raise ForcingError(f"the seed {seed} is negative", variable="seed", remedy="choose 0 or a positive whole number")
        self.resolution, self.seed = float(resolution), int(seed)
        west, east, south, north = bounds or (-180.0, 180.0, -90.0, 90.0)
        columns = _centres(relief.WEST, relief.EAST, west, east, resolution)
        rows = _centres(relief.SOUTH, relief.NORTH, south, north, resolution)
        longitude, latitude = np.tile(columns, rows.size), np.repeat(rows, columns.size)
        ground = relief.ground_of(longitude, latitude, resolution, self.seed)
        kept = (ground.land_fraction >= smallest_land) & (ground.land_fraction > 0.0)
        if not kept.any():
            raise ForcingError("no cell of the tile has enough land", variable="bounds", unit="degrees",
                               remedy="the nation lies within 73-136 E, 18-54 N; widen the tile or lower smallest_land")
        longitude, latitude = longitude[kept], latitude[kept]
        elevation, roughness = ground.elevation[kept], ground.roughness[kept]
        climate = climates.climate_of(longitude, latitude, elevation, self.seed)
        share = cover.plant_shares(longitude, latitude, elevation, climate, self.seed)
        soil = np.array(cover.SOIL_ORDER)[cover.soil_classes_of(longitude, latitude, climate, self.seed)]
        self.cells = NationCells(
            latitude, longitude, strip_area(latitude - 0.5 * resolution, latitude + 0.5 * resolution, resolution),
            ground.land_fraction[kept], elevation, roughness, share, soil,
            np.array([soil_class(name)["sand_fraction"] for name in soil], dtype=float),
            np.array([soil_class(name)["clay_fraction"] for name in soil], dtype=float), climate)
        dormant, grown = cover.leaf_limits(self.plant_types, climate)
        self._rows = weather.rows_of_cells(longitude, latitude, elevation, climate, (share * dormant).sum(axis=0),
                                           (share * grown).sum(axis=0))
        self._leaves = dormant, grown

    def daily(self, first: object, last: object, cells: ArrayLike | None = None, *, out: Floats | None = None) -> Floats:
        """Weather [day, variable, cell] (float64, units of `units`) of the days first..last, both included.

        `cells` are places in `self.cells` (all by default). Leaf area is the mean over the plants of the cell; see `leaf_area`
        for one plant type. `out` receives the values, if given. Raises ForcingError for days outside 1979-2012.
        """
        days = days_between(first, last)
        rows = self._rows if cells is None else np.ascontiguousarray(self._rows[:, np.asarray(cells)])
        if out is None:
            out = np.empty((days.size, len(self.variables), rows.shape[1]))
        background = carbon_dioxide_polynomial(days.astype("datetime64[s]"))
        weather.daily_weather(weather.rows_of_days(days, background), rows, self.seed, out)
        return out

    def leaf_area(self, plant: str, first: object, last: object, cells: ArrayLike | None = None) -> Floats:
        """Leaf area index (m2 m-2) [day, cell] of one plant type where it grows, and as it would be elsewhere."""
        if plant not in self.plant_types:
            raise ForcingError(f"the nation has no plant type {plant!r}", variable="plant",
                               remedy=f"choose one of {', '.join(self.plant_types)}")
        places = slice(None) if cells is None else np.asarray(cells)
        rows = np.array(self._rows[:, places])
        kind = self.plant_types.index(plant)
        rows[weather.DORMANT_LEAVES], rows[weather.GROWN_LEAVES] = (one[kind, places] for one in self._leaves)
        days = days_between(first, last)
        out = np.empty((days.size, len(self.variables), rows.shape[1]))
        weather.daily_weather(weather.rows_of_days(days, np.zeros(days.size)), np.ascontiguousarray(rows), self.seed, out)
        return out[:, weather.LEAVES].copy()

    def units(self) -> dict[str, str]:
        """Unit of every daily variable; all but the range of temperature are canonical forcing variables."""
        table = variable_table()
        return {name: table[name].unit if name in table else "K" for name in self.variables}

    def surface_dataset(self) -> xr.Dataset:
        """Position, area, relief, plants and soils of the cells as a labelled dataset."""
        cells = self.cells
        def one(values: NDArray, unit: str, name: str) -> tuple:
            return ("cell", values, {"units": unit, "long_name": name, "comment": f"synthetic: {LABEL}"})
        return xr.Dataset({
            "area": one(cells.area, "m2", "area of the cell"),
            "land_fraction": one(cells.land_fraction, "1", "share of the cell that is land of the nation"),
            "elevation": one(cells.elevation, "m", "mean height of the land"),
            "soil_class": one(cells.soil_class, "", "texture class of the soil"),
            "sand_fraction": one(cells.sand_fraction, "1", "sand share of the mineral soil"),
            "clay_fraction": one(cells.clay_fraction, "1", "clay share of the mineral soil"),
            "plant_share": (("plant_type", "cell"), cells.plant_share, {
                "units": "1", "long_name": "share of the land under a plant type", "comment": f"synthetic: {LABEL}"}),
        }, self._coordinates() | {"plant_type": list(self.plant_types)}, self._attributes())

    def forcing_dataset(self, first: object, last: object, cells: ArrayLike | None = None) -> xr.Dataset:
        """Daily weather as a labelled dataset [time, cell]; times are the starts of days in local solar time."""
        places = np.arange(self.cells.latitude.size) if cells is None else np.asarray(cells)
        values, table, units = self.daily(first, last, places), variable_table(), self.units()
        variables = {}
        for row, name in enumerate(self.variables):
            attributes = {"units": units[name], "cell_methods": "time: mean", "comment": f"synthetic: {LABEL}",
                          "long_name": table[name].long_name if name in table else RANGE_NAME}
            if name in table and table[name].standard_name:
                attributes["standard_name"] = table[name].standard_name
            variables[name] = (("time", "cell"), values[:, row], attributes)
        coordinates = {name: ("cell", one[1][places], one[2]) for name, one in self._coordinates().items()}
        time = ("time", days_between(first, last).astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"})
        return xr.Dataset(variables, coordinates | {"time": time}, self._attributes())

    def _coordinates(self) -> dict[str, tuple]:
        return {name: ("cell", getattr(self.cells, name), {"units": unit, "standard_name": name})
                for name, unit in (("latitude", "degrees_north"), ("longitude", "degrees_east"))}

    def _attributes(self) -> dict[str, object]:
        return {"title": f"synthetic nation: {LABEL}", "synthetic": 1, "seed": self.seed,
                "source": "terraflux synthetic nation", "resolution_degrees": self.resolution, "source_files": "none"}


def days_between(first: object, last: object) -> NDArray[np.datetime64]:
    """Every day from first to last; ForcingError outside 1979-2012 or in the wrong order."""
    start, end = np.datetime64(first, "D"), np.datetime64(last, "D")  # type: ignore[call-overload]
    low, high = np.datetime64(f"{climates.FIRST_YEAR}-01-01"), np.datetime64(f"{climates.LAST_YEAR}-12-31")
    if not low <= start <= end <= high:
        raise ForcingError(f"the days {start} to {end} are not within {low} to {high}, first before last", variable="time",
                           time=start, remedy="choose days of 1979-2012")
    return np.arange(start, end + 1)


def _centres(first: float, last: float, low: float, high: float, step: float) -> Floats:
    """Centres within low..high of the cells that touch first..last; edges are whole multiples of the step."""
    places = np.arange(np.floor(first / step), np.ceil(last / step), dtype=np.float64)
    centres = np.asarray((places + 0.5) * step, dtype=np.float64)
    return centres[(centres >= low) & (centres < high)]
