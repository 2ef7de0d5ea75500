"""`Fields`: monthly or yearly mean rates of one quantity on a regular grid, the form in which products are compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import cell_area
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, wrapped
from terraflux.evaluation.comparison.flux_units import CANONICAL
from terraflux.evaluation.comparison.quantities import Quantity, quantity

Floats = NDArray[np.float64]
PERIODS = ("M", "Y")
BLOCK = 4_000_000
DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=float)


@dataclass(frozen=True, eq=False)
class Fields:
    """Values [time, latitude, longitude] of a quantity as mean rates of months or years, NaN = missing.

    Carbon is in g m-2 d-1, water in mm d-1, energy in W m-2, others in the unit of their file. `time` is datetime64[M] or
    [Y], increasing, `days` the length of each in the calendar of the product. Latitudes rise from south to north,
    longitudes from -180 to 180. `land` is the share of each cell that values stand for (1 without it), `areas` the area of
    cells (m2) where the product states it.
    """

    name: str
    quantity: Quantity
    unit: str
    values: NDArray[Any]
    time: NDArray[np.datetime64]
    days: Floats
    latitude_edges: Floats
    longitude_edges: Floats
    calendar: str = "standard"
    land: Floats | None = None
    areas: Floats | None = None
    synthetic: bool = False
    source: str = ""
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        shape = (self.time.size, self.latitude_edges.size - 1, self.longitude_edges.size - 1)
        if self.values.shape != shape or self.days.shape != (self.time.size,):
            raise ValueError(f"{self.name}: values have the shape {self.values.shape}; time and grid ask for {shape}")
        for part in (self.land, self.areas):
            if part is not None and part.shape != shape[1:]:
                raise ValueError(f"{self.name}: land or area has the shape {part.shape}, the grid {shape[1:]}")
        if self.time.size == 0 or np.any(np.diff(self.time.astype(np.int64)) <= 0):
            raise ValueError(f"{self.name}: times must increase, and there must be one at least")
        for edges in (self.latitude_edges, self.longitude_edges):
            if np.any(np.diff(edges) <= 0.0):
                raise ValueError(f"{self.name}: edges of cells must increase")

    @property
    def monthly(self) -> bool:
        """Whether steps are months; years otherwise."""
        return np.datetime_data(self.time.dtype)[0] == "M"

    @property
    def latitude(self) -> Floats:
        """Latitude of cell centres (degrees north)."""
        return 0.5 * (self.latitude_edges[:-1] + self.latitude_edges[1:])

    @property
    def longitude(self) -> Floats:
        """Longitude of cell centres (degrees east)."""
        return 0.5 * (self.longitude_edges[:-1] + self.longitude_edges[1:])

    def area(self, method: str = "sphere") -> Floats:
        """Area of the land of each cell (m2): that of the product where it states one, else of the sphere or ellipsoid."""
        whole = self.areas if self.areas is not None else cell_area(self.latitude_edges, self.longitude_edges, method)
        return whole if self.land is None else whole * self.land

    def between(self, first: np.datetime64, last: np.datetime64) -> "Fields":
        """The steps from `first` to `last`, both included. Raises ValueError where there are none."""
        inside = (self.time >= first) & (self.time <= last)
        if not inside.any():
            raise ValueError(f"{self.name} ({self.time[0]} to {self.time[-1]}) has nothing between {first} and {last}")
        return replace(self, values=self.values[inside], time=self.time[inside], days=self.days[inside])

    def of_years(self, first: int, last: int) -> "Fields":
        """The steps of the years from `first` to `last`, both included. Raises ValueError where there are none."""
        begin, end = (np.datetime64(year - 1970, "Y") for year in (first, last + 1))
        return self.between(begin.astype(self.time.dtype), end.astype(self.time.dtype) - 1)

    def named(self, name: str) -> "Fields":
        """The same under another name."""
        return replace(self, name=name)


def fields_of(name: str, variable: str, values: ArrayLike, time: ArrayLike, latitude: ArrayLike, longitude: ArrayLike,
              **more: Any) -> Fields:
    """Fields from arrays in the canonical unit: values [time, latitude, longitude], cell centres in any order.

    `time` are months ("2001-01") or years; `more` goes to `Fields` (land, synthetic, ...). For simulations in memory and
    for tests; files are read by `read_product`.

    >>> fields_of("ours", "gpp", [[[1.0, 2.0], [3.0, 4.0]]], ["2001-02"], [30.5, 29.5], [100.5, 101.5]).values[0, 0]
    array([3., 4.])
    """
    what = quantity(variable)
    steps = np.asarray(time, dtype="datetime64")
    step = np.datetime_data(steps.dtype)[0]
    if step not in PERIODS:
        raise ValueError(f"{name}: times are months (2001-01) or years (2001), not steps of {step}")
    north, east = np.asarray(latitude, dtype=float), np.asarray(longitude, dtype=float)
    grid = HorizontalGrid(north, east, edges_of(north, 90.0), edges_of(east))
    array = np.asarray(values)
    array, edges = oriented(array if array.dtype.kind == "f" else array.astype(float), grid)
    shared = {key: more.pop(key) for key in ("land", "areas") if more.get(key) is not None}
    more |= {key: oriented(np.asarray(part, dtype=float), grid)[0] for key, part in shared.items()}
    unit = str(more.pop("unit", CANONICAL.get(what.kind, "1")))
    return Fields(name, what, unit, array, steps, period_days(steps), edges[0], edges[1], **more)


def edges_of(centres: Floats, limit: float | None = None) -> Floats:
    """Edges half way between cell centres, clipped at +-limit. Raises ValueError for a single centre."""
    if centres.size < 2:
        raise ValueError("a grid of one row or column has no cell size; give two rows and columns at least")
    inner = 0.5 * (centres[:-1] + centres[1:])
    edges = np.concatenate([[centres[0] - (inner[0] - centres[0])], inner, [centres[-1] + (centres[-1] - inner[-1])]])
    return edges if limit is None else np.clip(edges, -limit, limit)


def oriented(values: NDArray[Any], grid: HorizontalGrid) -> tuple[NDArray[Any], tuple[Floats, Floats]]:
    """Values [..., row, column] with rows from south to north and columns from -180 to 180, and the edges of both."""
    if grid.latitude_edges is None or grid.longitude_edges is None:
        raise ForcingError("the grid is curvilinear", file=grid.file, variable="latitude, longitude",
                           remedy="remap it to a regular grid of latitude and longitude first")
    south_north = np.sort(np.asarray(grid.latitude_edges, dtype=float))
    if grid.latitude_edges[0] > grid.latitude_edges[-1]:
        values = values[..., ::-1, :]
    edges = np.asarray(grid.longitude_edges, dtype=float)
    if edges[0] > edges[-1]:
        values, edges = values[..., ::-1], edges[::-1]
    width = np.diff(edges)
    west = wrapped(0.5 * (edges[:-1] + edges[1:])) - 0.5 * width
    order = np.argsort(west, kind="stable")
    if np.array_equal(order, np.arange(order.size)):
        return values, (south_north, np.append(west, west[-1] + width[-1]))
    west, width = west[order], width[order]
    if not np.allclose(west[1:], west[:-1] + width[:-1], atol=1e-3 * float(width.min())):
        raise ForcingError("the columns cross 180 degrees of longitude and leave a gap elsewhere", file=grid.file,
                           variable="longitude", unit="degrees_east", remedy="cut the file at 180 degrees")
    return values[..., order], (south_north, np.append(west, west[-1] + width[-1]))


def row_blocks(fields: Fields) -> Iterator[Fields]:
    """The fields in blocks of rows of some million values, south to north, so that work on them needs little memory."""
    rows, columns = fields.values.shape[1:]
    step = max(1, BLOCK // max(1, fields.time.size * columns))
    for first in range(0, rows, step):
        part = slice(first, min(first + step, rows))
        yield replace(fields, values=fields.values[:, part], latitude_edges=fields.latitude_edges[first:part.stop + 1],
                      land=None if fields.land is None else fields.land[part],
                      areas=None if fields.areas is None else fields.areas[part])


def period_days(time: NDArray[np.datetime64]) -> Floats:
    """Days of months or years in the standard calendar, leap years counted.

    >>> period_days(np.array(["2000-02", "1900-02"], dtype="datetime64[M]"))
    array([29., 28.])
    """
    return (time + 1).astype("datetime64[D]").astype(float) - time.astype("datetime64[D]").astype(float)


def noleap_days(time: NDArray[np.datetime64]) -> Floats:
    """Days of months or years in a calendar without leap days."""
    if np.datetime_data(time.dtype)[0] == "Y":
        return np.full(time.size, 365.0)
    return DAYS_OF_MONTH[time.astype(np.int64) % 12]


def yearly(fields: Fields, least_months: int = 12) -> Fields:
    """Yearly mean rates from months, weighted by their days; NaN in cells with fewer than `least_months` in a year.

    Years that do not have all twelve months on the time axis are left out. Yearly fields come back as they are. Raises
    ValueError where no year is whole.
    """
    if not fields.monthly:
        return fields
    number = fields.time.astype("datetime64[Y]")
    years, counts = np.unique(number, return_counts=True)
    whole = years[counts == 12]
    if whole.size == 0:
        raise ValueError(f"{fields.name} ({fields.time[0]} to {fields.time[-1]}) holds no whole year")
    if not 1 <= least_months <= 12:
        raise ValueError(f"least_months is {least_months}; a year has 12")
    out = np.full((whole.size, *fields.values.shape[1:]), np.nan, dtype=fields.values.dtype)
    days = np.empty(whole.size)
    for place, year in enumerate(whole):
        inside = number == year
        values, length = fields.values[inside].astype(float), fields.days[inside]
        there = np.isfinite(values)
        lengths = (there * length[:, None, None]).sum(axis=0)
        total = np.nansum(values * length[:, None, None], axis=0)
        enough = there.sum(axis=0) >= least_months
        out[place] = np.where(enough, total / np.where(enough, lengths, 1.0), np.nan)
        days[place] = length.sum()
    return replace(fields, values=out, time=whole, days=days)


def annual_amounts(fields: Fields) -> Floats:
    """Yearly values [year, latitude, longitude] in the unit in which years are told: sums for carbon and water, else means."""
    years = yearly(fields)
    values = years.values.astype(float)
    return values * years.days[:, None, None] if fields.quantity.accumulates else values


def synthetic_note(products: Sequence[Fields]) -> str:
    """A warning that names products that are synthetic, "" where none is."""
    made = [one.name for one in products if one.synthetic]
    return f"SYNTHETIC: {', '.join(made)} {'is' if len(made) == 1 else 'are'} no observation and no real place." if made else ""
