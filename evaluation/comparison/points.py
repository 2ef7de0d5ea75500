"""Products at towers: MODIS subsets around a tower, or the cell a tower stands in, beside the tower's own fluxes.

    points = read_modis_points("modis_MOD16A2GF_ET_500m.csv", "et", profile_name="mod16a2")
    found = compare_at_tower(points, tower.time, tower.latent_heat, "W m-2", step_seconds=1800)
    found.scores["rmse"], found.unit

A tower sees a few hundred metres and a cell averages kilometres; the comparison says how far both agree, not who is right.
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import header_of, read_table
from terraflux.evaluation.comparison.fields import Fields
from terraflux.evaluation.comparison.flux_units import CANONICAL, rate
from terraflux.evaluation.comparison.profiles import profile
from terraflux.evaluation.comparison.quantities import Quantity, quantity
from terraflux.evaluation.metrics import METRICS

Floats = NDArray[np.float64]
SAMPLES = ("center", "mean3x3")
SCORES = ("bias", "rmse", "r", "nse")


@dataclass(frozen=True, eq=False)
class PointSeries:
    """Mean daily rates of periods at a point: `start` and `end` (datetime64[D], end excluded), NaN = missing."""

    name: str
    quantity: Quantity
    unit: str
    start: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    values: Floats


@dataclass(frozen=True, eq=False)
class PointComparison:
    """Periods that both have: the product, the tower, both in `unit`, and scores (product minus tower)."""

    unit: str
    start: NDArray[np.datetime64]
    product: Floats
    tower: Floats
    scores: dict[str, float]

    def __len__(self) -> int:
        return self.product.size


def read_modis_points(path: str | os.PathLike[str], variable: str, *, profile_name: str, sample: str = "center",
                      least_valid: int = 5) -> PointSeries:
    """A fixed-site subset of MODIS as a table: date, NAME_center, NAME_mean3x3, n_valid_3x3, physical amounts a composite.

    `sample` is the pixel of the tower or the mean of the 3 x 3 around it, used where at least `least_valid` of the nine
    are valid. Raises ForcingError for a missing column or dates that do not increase.
    """
    if sample not in SAMPLES:
        raise ForcingError(f"the sample {sample!r} is unknown", file=path, remedy=f"choose one of {', '.join(SAMPLES)}")
    wanted = quantity(variable)
    chosen = profile(profile_name)
    layer = chosen.layer(wanted)
    names = header_of(path)
    column = next((name for name in names if name.endswith(f"_{sample}")), None)
    if column is None or "date" not in names:
        raise ForcingError(f"there is no column date or *_{sample}", file=path, remedy="give a table of date, NAME_center, ...")
    table = read_table(path, columns=[column, "n_valid_3x3"], text_columns=("date",))
    try:
        start = table["date"].to_numpy(dtype=str).astype("datetime64[D]")
    except ValueError as trouble:
        raise ForcingError(f"a date cannot be read: {trouble}", file=path, variable="date",
                           remedy="write YYYY-MM-DD") from trouble
    if np.any(np.diff(start.astype(np.int64)) <= 0):
        raise ForcingError("dates do not increase", file=path, variable="date", remedy="sort the table, each date once")
    turn = (start.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    end = np.minimum(start + 8, turn) if chosen.step == "8day" else turn
    values = table[column].to_numpy(dtype=float)
    if sample == "mean3x3" and "n_valid_3x3" in table:
        values = np.where(table["n_valid_3x3"].to_numpy() >= least_valid, values, np.nan)
    found = rate(layer.unit, wanted.kind)
    days = (end - start).astype(float)
    return PointSeries(profile_name, wanted, CANONICAL[wanted.kind], start, end,
                       values * found.factor / (days if found.per == "step" else 1.0))


def point_of(fields: Fields, latitude: float, longitude: float) -> PointSeries:
    """The cell of gridded fields in which a place lies. Raises ValueError outside the grid."""
    row = int(np.searchsorted(fields.latitude_edges, latitude, side="right")) - 1
    column = int(np.searchsorted(fields.longitude_edges, longitude, side="right")) - 1
    if not (0 <= row < fields.values.shape[1] and 0 <= column < fields.values.shape[2]):
        raise ValueError(f"{latitude:g} N {longitude:g} E lies outside {fields.name}")
    return PointSeries(fields.name, fields.quantity, fields.unit, fields.time.astype("datetime64[D]"),
                       (fields.time + 1).astype("datetime64[D]"), fields.values[:, row, column].astype(float))


def tower_means(time: ArrayLike, values: ArrayLike, start: NDArray[np.datetime64], end: NDArray[np.datetime64],
                step_seconds: float, least_share: float = 0.8) -> Floats:
    """Means of a tower's series over periods, NaN where less than `least_share` of the steps have values.

    `time` (datetime64) are the starts of steps, increasing; days are those of its clock.
    """
    stamps = np.asarray(time, dtype="datetime64[s]")
    series = np.asarray(values, dtype=float)
    if stamps.shape != series.shape:
        raise ValueError(f"there are {stamps.size} times and {series.size} values")
    if np.any(np.diff(stamps.astype(np.int64)) <= 0):
        raise ValueError("times must increase")
    first, last = (np.searchsorted(stamps, edge.astype("datetime64[s]")) for edge in (start, end))
    there = np.isfinite(series)
    sums = np.concatenate([[0.0], np.cumsum(np.where(there, series, 0.0))])
    counts = np.concatenate([[0], np.cumsum(there)])
    number = counts[last] - counts[first]
    full = (end - start).astype(float) * 86400.0 / step_seconds
    enough = number >= least_share * full
    return np.where(enough & (number > 0), (sums[last] - sums[first]) / np.maximum(number, 1), np.nan)


def compare_at_tower(points: PointSeries, time: ArrayLike, values: ArrayLike, unit: str, step_seconds: float,
                     least_share: float = 0.8) -> PointComparison:
    """A product at a tower against the tower's flux (step starts, NaN = missing) in `unit`, such as "W m-2" for
    evapotranspiration from latent heat or "umol m-2 s-1". Raises ValueError where no period has both."""
    found = rate(unit, points.quantity.kind, variable=points.quantity.name)
    if found.per != "second":
        raise ValueError(f"the unit {unit!r} of the tower is an amount; give a rate such as W m-2 or umol m-2 s-1")
    tower = tower_means(time, values, points.start, points.end, step_seconds, least_share) * found.factor
    both = np.isfinite(tower) & np.isfinite(points.values)
    if not both.any():
        raise ValueError(f"{points.name} and the tower have no period in common with enough values")
    product, observed = points.values[both], tower[both]
    scores = {name: METRICS[name].function(product, observed) for name in SCORES}
    return PointComparison(points.unit, points.start[both], product, observed, scores)
