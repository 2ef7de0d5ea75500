"""What the tower sees of a raster: the mean of its values, weighted by the footprint.

    Q_foot = sum f_i Q_i / sum f_i,  over the cells that have data

The weight that falls on cells with data is reported beside it: a mean over half of the footprint is not the footprint's.
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError


@dataclass(frozen=True)
class WeightedValue:
    """`value` in the raster's unit, NaN where no weight falls on data; `standard_deviation` of the values seen, weighted.

    `retained_weight` is the share (0..1) of the footprint on the grid that falls on cells with data; `captured_mass`
    (0..1) the footprint's mass on the whole grid, sum of f dA, data or not.
    """

    value: float
    standard_deviation: float
    retained_weight: float
    captured_mass: float


def checked_footprint(footprint: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The footprint (m-2) as float64 on a grid of `shape` (ny, nx); RasterError for NaN, negative or no weight."""
    density = np.asarray(footprint, dtype=np.float64)
    if density.shape != tuple(shape):
        raise RasterError(f"the footprint has shape {density.shape}, the raster {tuple(shape)}", variable="footprint",
                          remedy="read the raster onto the footprint's axes: read_raster(..., grid=(x, y))")
    if not np.isfinite(density).all():
        raise RasterError(f"the footprint holds {int((~np.isfinite(density)).sum())} cells that are no number",
                          variable="footprint", unit="m-2", remedy="leave out the half hours that have no valid footprint")
    if density.min() < 0:
        raise RasterError("the footprint holds negative weights", variable="footprint", unit="m-2",
                          remedy="weight climatologies by magnitudes, such as |NEE|")
    if not density.any():
        raise RasterError("the footprint has no weight on this grid", variable="footprint", unit="m-2",
                          remedy="use a larger grid, or check wind direction and heights")
    return density


def footprint_weighted_value(footprint: np.ndarray, raster: Raster) -> WeightedValue:
    """Mean of `raster` weighted by `footprint` (ny, nx; m-2, need not sum to 1), with the weight that fell on data."""
    density = checked_footprint(footprint, raster.shape)
    present = np.isfinite(raster.values)
    weight, values = density[present], raster.values[present]
    total, seen = float(density.sum()), float(weight.sum())
    captured = total * raster.cell_area
    if seen <= 0:
        return WeightedValue(float("nan"), float("nan"), 0.0, captured)
    mean = float(weight @ values) / seen
    spread = float(weight @ (values - mean) ** 2) / seen
    return WeightedValue(mean, float(np.sqrt(spread)), seen / total, captured)
