"""Do footprint and area hold the same values in the same proportions: Kolmogorov-Smirnov and Hellinger distances."""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.weighted_value import checked_footprint


@dataclass(frozen=True)
class Distributions:
    """Footprint-weighted and area histograms of a raster.

    `edges` of the bins (for classes: the codes), `footprint` and `area` the shares per bin (sum 1). `kolmogorov_smirnov` is
    the greatest distance of the two cumulative distributions, from the values themselves, not the bins (NaN for classes,
    which have no order); `hellinger` sqrt(1 - sum sqrt(p q)), from the bins. Both run from 0 (equal) to 1 (disjoint).
    """

    edges: np.ndarray
    footprint: np.ndarray
    area: np.ndarray
    kolmogorov_smirnov: float
    hellinger: float


def distributions(footprint: np.ndarray, raster: Raster, area: np.ndarray, *, bins: int = 20) -> Distributions:
    """Compares the values that the footprint (ny, nx; m-2) weights with those of the cells in `area` (ny, nx; bool).

    Continuous rasters are binned evenly between the least and the greatest value that either of them holds.
    """
    density = checked_footprint(footprint, raster.shape)
    present = np.isfinite(raster.values)
    seen, target = present & (density > 0), present & np.asarray(area, dtype=bool)
    if not seen.any() or not target.any():
        raise RasterError("footprint or target area has no data", file=raster.source, variable=raster.name,
                          remedy="take another scene or a larger window")
    weight = density[seen] / density[seen].sum()
    values, wanted = raster.values[seen], raster.values[target]
    even = np.full(wanted.size, 1.0 / wanted.size)
    if raster.kind == "classes":
        edges = np.union1d(values, wanted)
        first, second = (np.bincount(np.searchsorted(edges, one), share, edges.size)
                         for one, share in ((values, weight), (wanted, even)))
        distance = float("nan")
    else:
        low, high = min(values.min(), wanted.min()), max(values.max(), wanted.max())
        if low == high:
            high = low + max(abs(low), 1.0) * 1e-9
        edges = np.linspace(low, high, bins + 1)
        first, second = (np.histogram(one, edges, weights=share)[0] for one, share in ((values, weight), (wanted, even)))
        distance = _greatest_distance(values, weight, wanted, even)
    overlap = float(np.sqrt(first * second).sum())
    return Distributions(edges, first, second, distance, float(np.sqrt(max(0.0, 1.0 - overlap))))


def _greatest_distance(a: np.ndarray, a_weight: np.ndarray, b: np.ndarray, b_weight: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of two weighted samples."""
    values = np.concatenate([a, b])
    steps = np.concatenate([a_weight, -b_weight])
    order = np.argsort(values, kind="stable")
    values, difference = values[order], np.cumsum(steps[order])
    last_of_value = np.append(values[1:] != values[:-1], True)
    return float(min(1.0, np.abs(difference[last_of_value]).max()))
