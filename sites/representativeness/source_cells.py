"""The cells of a footprint's source area: the smallest set of cells that holds a given share of the flux."""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import RasterError


@dataclass(frozen=True)
class SourceCells:
    """`inside` (ny, nx; bool) the cells; `level` (m-2) the smallest footprint among them; `mass` the sum of f dA in them.

    `reached` is False where the grid does not capture the share asked for; then `inside` is empty.
    """

    inside: np.ndarray
    level: float
    mass: float
    reached: bool


def source_cells(footprint: np.ndarray, cell_area: float, share: float, of: str = "unit") -> SourceCells:
    """Cells of the source area that holds `share` (0..1) of the unit mass, or of the "captured" mass on the grid.

    Cells are taken in descending order of `footprint` (ny, nx; m-2; `cell_area` m2) until the share is reached, ties in
    order of row and column. (Kljun's program takes the nearest cumulative value instead; see the footprint package.)
    """
    if not 0 < share <= 1 or of not in ("unit", "captured"):
        raise RasterError(f"a source area of share {share} of {of!r} mass does not exist", variable="share",
                          remedy="give a share above 0 and up to 1, of 'unit' or 'captured' mass")
    density = np.asarray(footprint, dtype=np.float64)
    order = np.argsort(-density, axis=None, kind="stable")
    mass = np.cumsum(density.ravel()[order]) * cell_area
    wanted = share * (mass[-1] if of == "captured" else 1.0)
    inside = np.zeros(density.size, dtype=bool)
    if mass[-1] < wanted * (1 - 1e-12) or mass[-1] <= 0:
        return SourceCells(inside.reshape(density.shape), float("nan"), float(mass[-1]), False)
    last = min(int(np.searchsorted(mass, wanted * (1 - 1e-12))), mass.size - 1)
    inside[order[:last + 1]] = True
    return SourceCells(inside.reshape(density.shape), float(density.ravel()[order[last]]), float(mass[last]), True)
