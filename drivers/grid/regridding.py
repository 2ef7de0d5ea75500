"""From the cells of one grid to those of another: conservative, bilinear, nearest, as one sparse matrix.

Conservative weights are the exact areas of overlap on the sphere, R**2 dlon (sin north - sin south), so that totals are kept to
rounding; the matrices are those of scipy.sparse. ESMF and xESMF do the same and more (curvilinear cells) but come with
compiled libraries that pip does not install; rasterio's average works on the plane. Cells without data are left out of the
mean of those that have some, down to a minimum fraction of covered area.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.grid.cell_area import EARTH_RADIUS
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, wrapped

Floats = NDArray[np.float64]
METHODS = ("conservative", "bilinear", "nearest")


@dataclass(frozen=True, eq=False)
class CellEdges:
    """Target cells of any number: centres and edges (degrees), one value per cell; edges are absent for odd shapes."""

    latitude: Floats
    longitude: Floats
    south: Floats | None = None
    north: Floats | None = None
    west: Floats | None = None
    east: Floats | None = None


def cells_of(grid: HorizontalGrid) -> CellEdges:
    """All cells of a grid, in stored order."""
    latitude, longitude = grid.centres()
    if grid.latitude_edges is None or grid.longitude_edges is None:
        return CellEdges(latitude, longitude)
    rows, columns = grid.shape

    def down(edges: Floats) -> Floats:
        return np.repeat(edges, columns)

    def across(edges: Floats) -> Floats:
        return np.tile(edges, rows)
    ns, we = grid.latitude_edges, grid.longitude_edges
    return CellEdges(latitude, longitude, down(np.minimum(ns[:-1], ns[1:])), down(np.maximum(ns[:-1], ns[1:])),
                     across(np.minimum(we[:-1], we[1:])), across(np.maximum(we[:-1], we[1:])))


@dataclass(frozen=True, eq=False)
class Regridder:
    """Weights [target cell, used source cell] and which source cells are used (flat numbers in stored order).

    `window` (rows, columns) is the part of the source grid that holds them. `whole` is the weight of a target cell that
    is covered wholly: its area (m2) for conservative weights, else 1.
    """

    weights: Any
    used: NDArray[np.int64]
    window: tuple[slice, slice]
    whole: Floats
    method: str

    def covered(self, minimum_fraction: float = 0.5) -> NDArray[np.bool_]:
        """Target cells of which at least the minimum fraction lies in used source cells."""
        weight = np.asarray(self.weights.sum(axis=1)).ravel()
        return (weight >= minimum_fraction * self.whole * (1.0 - 1e-9)) & (weight > 0.0)

    def take(self, piece: Floats, source_columns: int) -> Floats:
        """The used cells [..., used] of a piece [..., rows of the window, columns of the window]."""
        area = (self.window[0].stop - self.window[0].start) * (self.window[1].stop - self.window[1].start)
        if area == self.used.size:
            return np.ascontiguousarray(piece).reshape(*piece.shape[:-2], area)
        rows, columns = self.used // source_columns - self.window[0].start, self.used % source_columns - self.window[1].start
        return np.ascontiguousarray(piece[..., rows, columns])

    def __call__(self, values: Floats, minimum_fraction: float = 0.5) -> Floats:
        """Means [time, target cell] of used source cells [time, used]; NaN where less than the minimum fraction is valid."""
        missing = np.isnan(values)
        if not missing.any():
            weight = np.asarray(self.weights.sum(axis=1)).ravel()
            total = (self.weights @ values.T).T
        else:
            weight = (self.weights @ (~missing).T.astype(np.float64)).T
            total = (self.weights @ np.where(missing, 0.0, values).T).T
        enough = (weight >= minimum_fraction * self.whole * (1.0 - 1e-9)) & (weight > 0.0)
        return np.where(enough, total / np.where(enough, weight, 1.0), np.nan)


def regridder(source: HorizontalGrid, target: CellEdges, method: str = "conservative", *,
              valid: NDArray[np.bool_] | None = None, fill_below: float | None = None) -> Regridder:
    """Weights from a grid to target cells.

    `valid` (flat, stored order) marks source cells that ever hold data; others get no weight. Where `fill_below` is given,
    target cells of which less than that fraction is covered take the nearest valid source cell instead. Raises
    ForcingError for an unknown method or one the grids do not allow.
    """
    if method not in METHODS:
        raise ForcingError(f"the regridding method {method!r} is unknown", variable="regrid", remedy=nearest(method, METHODS))
    if not source.regular and method != "nearest":
        raise ForcingError(f"{method} regridding needs rows along parallels; this grid is curvilinear", file=source.file,
                           remedy='remap it to a latitude-longitude grid first (cdo remapcon), or choose "nearest"')
    build = {"conservative": _conservative, "bilinear": _bilinear, "nearest": _nearest}[method]
    matrix, whole = build(source, target)
    matrix = matrix.tocsr()
    if valid is not None and not valid.all():
        from scipy import sparse

        matrix = (matrix @ sparse.diags(valid.astype(np.float64))).tocsr()
        matrix.eliminate_zeros()
        if fill_below is not None:
            poor = np.asarray(matrix.sum(axis=1)).ravel() < fill_below * whole * (1.0 - 1e-9)
            matrix = _filled(matrix, np.flatnonzero(poor), source, target, valid, whole)
    used = np.unique(matrix.indices).astype(np.int64)
    if used.size == 0:
        raise ForcingError("the target cells lie outside the source grid", file=source.file,
                           remedy="check the box of the target and the longitudes of the source")
    columns = source.shape[1]
    window = (slice(int(used.min() // columns), int(used.max() // columns) + 1),
              slice(int((used % columns).min()), int((used % columns).max()) + 1))
    return Regridder(matrix[:, used].tocsr(), used, window, whole, method)


def _sines(south: Floats, north: Floats) -> Floats:
    """sin north - sin south, as a product that keeps its digits."""
    return 2.0 * np.cos(np.radians(0.5 * (north + south))) * np.sin(np.radians(0.5 * (north - south)))


def overlap_matrices(source: HorizontalGrid, south: Floats, north: Floats, west: Floats, east: Floats) -> tuple[Any, Any]:
    """Overlaps of bands and of meridian strips with rows and columns of a regular grid: differences of sine, and radians."""
    from scipy import sparse

    if source.latitude_edges is None or source.longitude_edges is None:
        raise ForcingError("overlaps need rows along parallels; this grid is curvilinear", file=source.file,
                           remedy="remap it to a latitude-longitude grid first")
    ns, we = source.latitude_edges, source.longitude_edges
    low, high = np.minimum(ns[:-1], ns[1:]), np.maximum(ns[:-1], ns[1:])
    bottom, top = np.maximum(south[:, None], low), np.minimum(north[:, None], high)
    touching = top > bottom
    vertical = sparse.csr_matrix(np.where(touching, _sines(np.where(touching, bottom, 0.0), np.where(touching, top, 0.0)), 0.0))
    left, right = np.minimum(we[:-1], we[1:]), np.maximum(we[:-1], we[1:])
    horizontal = sparse.csr_matrix((west.size, left.size))
    for turn in (-720.0, -360.0, 0.0, 360.0, 720.0):
        if right.max() + turn <= west.min() or left.min() + turn >= east.max():
            continue
        width = np.minimum(east[:, None], right + turn) - np.maximum(west[:, None], left + turn)
        # Edges that differ by rounding are the same edge.
        horizontal = horizontal + sparse.csr_matrix(np.where(width > 1e-9, np.radians(width), 0.0))
    return vertical, horizontal


def _conservative(source: HorizontalGrid, target: CellEdges) -> tuple[Any, Floats]:
    from scipy import sparse

    if target.south is None or target.north is None or target.west is None or target.east is None:
        raise ForcingError("conservative regridding needs target cells with edges", remedy='choose "nearest"')
    bands, row = np.unique(np.stack([target.south, target.north], axis=1), axis=0, return_inverse=True)
    strips, column = np.unique(np.stack([target.west, target.east], axis=1), axis=0, return_inverse=True)
    vertical, horizontal = overlap_matrices(source, bands[:, 0], bands[:, 1], strips[:, 0], strips[:, 1])
    full = sparse.kron(vertical, horizontal, format="csr") * EARTH_RADIUS**2
    whole = EARTH_RADIUS**2 * np.radians(target.east - target.west) * _sines(target.south, target.north)
    return full[row.ravel() * strips.shape[0] + column.ravel()], whole


def _bracket(centres: Floats, wanted: Floats, periodic: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Neighbours of wanted places and the weight of the second; beyond the ends the end cell, NaN beyond half a cell."""
    order = np.argsort(centres)
    axis = centres[order]
    if periodic:
        axis, order = np.concatenate([axis, [axis[0] + 360.0]]), np.concatenate([order, order[:1]])
        wanted = np.where(wanted < axis[0], wanted + 360.0, wanted)
    upper = np.clip(np.searchsorted(axis, wanted, side="right"), 1, axis.size - 1)
    gap = axis[upper] - axis[upper - 1]
    share = (wanted - axis[upper - 1]) / gap
    outside = (share < -0.5 - 1e-9) | (share > 1.5 + 1e-9)
    return order[upper - 1], order[upper], np.where(outside, np.nan, np.clip(share, 0.0, 1.0))


def _bilinear(source: HorizontalGrid, target: CellEdges) -> tuple[Any, Floats]:
    from scipy import sparse

    longitude = wrapped(source.longitude)
    assert source.longitude_edges is not None
    periodic = abs(abs(source.longitude_edges[-1] - source.longitude_edges[0]) - 360.0) < 1e-3
    if not periodic and longitude.max() - longitude.min() > abs(source.longitude[-1] - source.longitude[0]) + 1e-6:
        longitude = np.mod(longitude, 360.0)  # the window crosses the date line
        wanted = np.mod(target.longitude, 360.0)
    else:
        wanted = wrapped(target.longitude)
    below, above, up = _bracket(source.latitude, target.latitude, False)
    left, right, over = _bracket(longitude, wanted, periodic)
    valid = np.isfinite(up) & np.isfinite(over)
    up, over = np.nan_to_num(up), np.nan_to_num(over)
    columns = source.shape[1]
    cells = np.arange(target.latitude.size)
    parts = [(below, left, (1 - up) * (1 - over)), (below, right, (1 - up) * over), (above, left, up * (1 - over)),
             (above, right, up * over)]
    values = np.concatenate([np.where(valid, weight, 0.0) for _, _, weight in parts])
    places = np.concatenate([vertical * columns + horizontal for vertical, horizontal, _ in parts])
    matrix = sparse.csr_matrix((values, (np.tile(cells, 4), places)), shape=(cells.size, source.shape[0] * columns))
    matrix.eliminate_zeros()
    return matrix, np.ones(cells.size)


def unit_sphere(latitude: Floats, longitude: Floats) -> Floats:
    """Places on the unit sphere [place, 3]."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def _filled(matrix: Any, cells: NDArray[np.int64], source: HorizontalGrid, target: CellEdges, valid: NDArray[np.bool_],
            whole: Floats) -> Any:
    """The matrix with the rows of some cells replaced by the nearest valid source cell, of whole weight."""
    from scipy import sparse
    from scipy.spatial import cKDTree

    if not cells.size or not valid.any():
        return matrix
    latitude, longitude = source.centres()
    known = np.flatnonzero(valid)
    tree = cKDTree(unit_sphere(latitude[known], longitude[known]))
    place = tree.query(unit_sphere(target.latitude[cells], target.longitude[cells]))[1]
    kept = np.ones(matrix.shape[0])
    kept[cells] = 0.0
    return (sparse.diags(kept) @ matrix + sparse.csr_matrix((whole[cells], (cells, known[place])), shape=matrix.shape)).tocsr()


def _nearest(source: HorizontalGrid, target: CellEdges) -> tuple[Any, Floats]:
    from scipy import sparse
    from scipy.spatial import cKDTree

    centres = unit_sphere(*source.centres())
    distance, place = cKDTree(centres).query(unit_sphere(target.latitude, target.longitude))
    grid = centres.reshape(*source.shape, 3)
    spacing = max(float(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).max()) for axis in (0, 1) if source.shape[axis] > 1)
    near = distance <= spacing
    cells = np.flatnonzero(near)
    matrix = sparse.csr_matrix((np.ones(cells.size), (cells, place[near])),
                               shape=(target.latitude.size, source.shape[0] * source.shape[1]))
    return matrix, np.ones(target.latitude.size)
