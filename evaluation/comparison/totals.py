"""Area-weighted means and totals of regions, year by year and through the mean year, with the area and calendar they rest on.

With the weight w = area of land x share in the region: mean = sum w v / sum w, total = sum w v. A year is the sum over its
months of mean rate times true days (carbon, water) or their mean (energy, states). Only cells that have values in every year
count, so that no trend comes from cells that come and go; `area` is theirs, `region_area` that of the whole region.
Sums run over cells in a fixed order, so that totals do not depend on how a run was cut into tiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.fields import Fields, yearly
from terraflux.evaluation.comparison.quantities import SQUARE_METRE_TOTALS

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegionSeries:
    """Yearly values of a region: `mean` per area, `total` over it (None where none has a meaning), `cycle` the mean year.

    `mean` is in `unit` (g m-2 yr-1, mm yr-1, ...), `total` in `total_unit` (Pg yr-1, km3 yr-1), `cycle` in the unit of the
    fields for January to December, NaN for yearly products. Areas are in m2.
    """

    region: str
    years: NDArray[np.int64]
    mean: Floats
    total: Floats | None
    unit: str
    total_unit: str
    area: float
    region_area: float
    cycle: Floats
    calendar: str

    @property
    def coverage(self) -> float:
        """Share of the region's land that has values in every year."""
        return self.area / self.region_area if self.region_area > 0.0 else np.nan


def region_series(fields: Fields, shares: Mapping[str, Floats], method: str = "sphere") -> dict[str, RegionSeries]:
    """Series of every region of `shares` (see `region_shares`). Raises ValueError where the fields hold no whole year.

    A region in which no cell has values gives NaN.
    """
    years = yearly(fields)
    values = years.values.astype(float)
    if fields.quantity.accumulates:
        values = values * years.days[:, None, None]
    there = np.isfinite(values).all(axis=0)
    filled = np.where(there, values, 0.0)
    area = fields.area(method)
    unit = fields.quantity.yearly_unit or fields.unit
    scale = SQUARE_METRE_TOTALS.get(fields.quantity.kind)
    monthly_cycle = _cycle(fields)
    found = {}
    for name, share in shares.items():
        if share.shape != there.shape:
            raise ValueError(f"the shares of {name} have the shape {share.shape}, the fields {there.shape}")
        region = area * share
        weight = np.where(there, region, 0.0)
        whole = float(weight.sum())
        sums = np.array([float((weight * one).sum()) for one in filled])
        mean = sums / whole if whole > 0.0 else np.full(sums.size, np.nan)
        total = None if scale is None else np.where(whole > 0.0, sums * scale, np.nan)
        cycle = np.full(12, np.nan)
        if monthly_cycle is not None and whole > 0.0:
            cycle = np.array([float((weight * np.nan_to_num(one)).sum()) / whole for one in monthly_cycle])
        found[name] = RegionSeries(name, years.time.astype(np.int64) + 1970, mean, total, unit, fields.quantity.total_unit,
                                   whole, float(region.sum()), cycle, fields.calendar)
    return found


def _cycle(fields: Fields) -> Floats | None:
    """Mean of each month over all years [12, latitude, longitude]; None for yearly fields."""
    if not fields.monthly:
        return None
    month = fields.time.astype(np.int64) % 12
    cycle = np.full((12, *fields.values.shape[1:]), np.nan)
    for number in range(12):
        part = fields.values[month == number].astype(float)
        counts = np.isfinite(part).sum(axis=0)
        cycle[number] = np.where(counts > 0, np.nansum(part, axis=0) / np.maximum(counts, 1), np.nan)
    return cycle


def zonal_means(fields: Fields, share: Floats | None = None, method: str = "sphere") -> Floats:
    """Yearly values by latitude [latitude]: means over land area and years (g m-2 yr-1, mm yr-1, ...); NaN where none is."""
    years = yearly(fields)
    values = years.values.astype(float)
    if fields.quantity.accumulates:
        values = values * years.days[:, None, None]
    counts = np.isfinite(values).sum(axis=0)
    mean = np.where(counts > 0, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan)
    weight = np.where(counts > 0, fields.area(method) * (1.0 if share is None else share), 0.0)
    row = weight.sum(axis=1)
    return np.where(row > 0.0, (weight * np.nan_to_num(mean)).sum(axis=1) / np.where(row > 0.0, row, 1.0), np.nan)
