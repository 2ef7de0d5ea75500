"""Target vegetation: what share of the source area, and of the flux from it, is the vegetation the tower stands for.

PTVT is the percentage of cells of the target class inside the r % source area; FTVT the same weighted by the footprint
(Chen et al. 2011, AFM; Wang et al. 2016, Remote Sens. 8:742).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.source_cells import source_cells
from terraflux.sites.representativeness.weighted_value import checked_footprint

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class TargetVegetation:
    """For the source area of `share` (0..1): percent of its cells (`by_area`) and of its weight (`by_footprint`) in the target.

    Both are of the cells with a class; `classified` is the share of the source area's weight on such cells. NaN with a
    `reason` where the grid does not capture the share, or no cell has a class.
    """

    share: float
    by_area: float
    by_footprint: float
    classified: float
    reason: str = ""


def target_vegetation(footprint: np.ndarray, classes: Raster, target: Collection[int], shares: Sequence[float] = SHARES, *,
                      of: str = "unit") -> list[TargetVegetation]:
    """PTVT and FTVT of the class codes `target` inside the source area of each of `shares` (of "unit" or "captured" mass)."""
    density = checked_footprint(footprint, classes.shape)
    hit = np.isin(classes.values, list(target))
    present = np.isfinite(classes.values)
    results = []
    for share in shares:
        cells = source_cells(density, classes.cell_area, share, of)
        known = cells.inside & present
        weight = float(density[known].sum())
        if not cells.reached or weight <= 0:
            reason = (f"the grid captures {cells.mass:.3f} of the flux, less than {share:g}" if not cells.reached
                      else "no cell of the source area has a class")
            results.append(TargetVegetation(share, float("nan"), float("nan"), 0.0, reason))
            continue
        in_target = float(density[known & hit].sum()) / weight
        results.append(TargetVegetation(share, 100.0 * float(hit[known].mean()), 100.0 * in_target,
                                        weight / float(density[cells.inside].sum())))
    return results


def class_shares(footprint: np.ndarray, classes: Raster) -> tuple[dict[int, float], float]:
    """Footprint-weighted share of every class code among the cells with a class, and the weight share without one."""
    density = checked_footprint(footprint, classes.shape)
    present = np.isfinite(classes.values)
    codes, place = np.unique(classes.values[present].astype(np.int64), return_inverse=True)
    weight = np.bincount(place, density[present], codes.size)
    total = float(weight.sum())
    shares = {int(code): float(one) / total for code, one in zip(codes, weight)} if total > 0 else {}
    return shares, 1.0 - total / float(density.sum())
