"""Sensor-location bias: how far what the tower sees differs from the mean of a target area around it.

    SLB = (Q_foot - Q_area) / Q_area x 100 %        (Schmid & Lloyd 1999, AFM 93:195; Kim et al. 2006; Chen et al. 2009, 2011)

SLB is a ratio and means nothing where the area mean is near zero; then it is NaN with a reason, and the absolute bias
Q_foot - Q_area stands. A vegetation index is a proxy: times a local sensitivity dF/dVI the absolute bias becomes a flux.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.weighted_value import footprint_weighted_value

RADII = (250.0, 500.0, 1000.0, 1500.0, 2000.0, 3000.0)  # m
STRICT_PERCENT, ACCEPTED_PERCENT = 5.0, 10.0  # |SLB| strict; Chen et al. 2011 and Chu et al. 2021
NEAR_ZERO = 0.1  # |mean| below this share of the mean magnitude: positive and negative cells cancel


@dataclass(frozen=True)
class LocationBias:
    """Bias of one period against one target area.

    `radius` m; `footprint_value`, `area_value`, `absolute_bias` in the raster's unit; `percent` the SLB (NaN where undefined);
    `flux_bias` in the unit of flux (NaN without a sensitivity); `retained_weight` as in WeightedValue; `area_coverage` the
    share of the area's cells that have data. `rating` is "strict" (|SLB| <= 5 %), "accepted" (<= 10 %), "biased" or
    "undefined"; `reason` says why it is undefined.
    """

    radius: float
    footprint_value: float
    area_value: float
    percent: float
    absolute_bias: float
    flux_bias: float
    retained_weight: float
    area_coverage: float
    rating: str
    reason: str = ""


def location_bias(footprint: np.ndarray, raster: Raster, radii: Sequence[float] = RADII, *, shape: str = "circle",
                  sensitivity: float | None = None) -> list[LocationBias]:
    """Bias of a footprint (ny, nx; m-2) against the area mean within each of `radii` (m; a "circle" or the "square" around).

    `sensitivity` is dF/dVI, flux per unit of the raster. A radius that the raster does not reach gets a reason, not an error.
    """
    seen = footprint_weighted_value(footprint, raster)
    return [_one(seen.value, seen.retained_weight, raster, float(radius), shape, sensitivity) for radius in radii]


def _one(value: float, retained: float, raster: Raster, radius: float, shape: str, sensitivity: float | None) -> LocationBias:
    """Bias against one target area."""
    nan = float("nan")
    if not raster.reaches(radius):
        return LocationBias(radius, value, nan, nan, nan, nan, retained, nan, "undefined",
                            "the raster does not reach this radius")
    inside = raster.values[raster.area(radius, shape)]
    present = inside[np.isfinite(inside)]
    coverage = present.size / inside.size if inside.size else 0.0
    if present.size == 0 or not np.isfinite(value):
        where = "the area" if present.size == 0 else "the footprint"
        return LocationBias(radius, value, nan, nan, nan, nan, retained, coverage, "undefined", f"{where} has no data")
    mean = float(present.mean())
    bias = value - mean
    flux = nan if sensitivity is None else sensitivity * bias
    reason = ""
    if mean == 0 or abs(mean) < NEAR_ZERO * float(np.abs(present).mean()):
        reason = "the area mean is near zero: see the absolute bias"
    elif mean * value < 0:
        reason = "footprint and area differ in sign: see the absolute bias"
    if reason:
        return LocationBias(radius, value, mean, nan, bias, flux, retained, coverage, "undefined", reason)
    percent = 100.0 * bias / mean
    rating = "strict" if abs(percent) <= STRICT_PERCENT else "accepted" if abs(percent) <= ACCEPTED_PERCENT else "biased"
    return LocationBias(radius, value, mean, percent, bias, flux, retained, coverage, rating)
