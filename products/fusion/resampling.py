"""Coarse images on the fine grid, as image fusion wants them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
METHODS = ("nearest", "bilinear", "cubic", "average")


def on_fine_grid(coarse: ArrayLike, shape: tuple[int, int], *, coarse_transform: Sequence[float] | None = None,
                 fine_transform: Sequence[float] | None = None, coarse_crs: Any = None, fine_crs: Any = None,
                 method: str = "nearest", nodata: float | None = None) -> Array:
    """A coarse image resampled to a fine grid, [row, column] or [band, row, column]; NaN where it has no data.

    shape: rows and columns of the fine grid. Without transforms both grids cover the same area.
    coarse_transform, fine_transform: affine transforms of rasterio, (a, b, c, d, e, f), from column and row to x and y.
    coarse_crs, fine_crs: coordinate systems, anything rasterio reads ("EPSG:32650"); both or none.
    method: nearest (keeps blocks), bilinear, cubic, or average. nodata: number that means none, besides NaN.
    Raises ValueError where only one of the two grids is told.
    """
    from rasterio.crs import CRS
    from rasterio.transform import Affine
    from rasterio.warp import Resampling, reproject

    if method not in METHODS:
        raise ValueError(f"no resampling method {method!r}; choose one of {', '.join(METHODS)}")
    if (coarse_transform is None) != (fine_transform is None):
        raise ValueError("coarse_transform and fine_transform belong together: give both, or none if both cover the same area")
    if (coarse_crs is None) != (fine_crs is None):
        raise ValueError("coarse_crs and fine_crs belong together: without both, coordinates cannot be compared")
    if coarse_crs is not None and coarse_transform is None:
        raise ValueError("coordinate systems are of no use without coarse_transform and fine_transform")
    values = np.array(coarse, dtype=np.float64)
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise ValueError(f"coarse image has shape {values.shape}; give [row, column] or [band, row, column], none empty")
    values[~np.isfinite(values) | (values == nodata if nodata is not None else False)] = np.nan
    if coarse_transform is None or fine_transform is None:
        source, destination = (Affine(1.0 / columns, 0.0, 0.0, 0.0, -1.0 / rows, 1.0)
                               for rows, columns in (values.shape[-2:], shape))
    else:
        source, destination = Affine(*coarse_transform[:6]), Affine(*fine_transform[:6])
    same = CRS.from_epsg(3857)  # any projected system will do where both grids share one
    result = np.full((*values.shape[:-2], *shape), np.nan)
    reproject(values, result, src_transform=source, dst_transform=destination, src_nodata=np.nan, dst_nodata=np.nan,
              src_crs=same if coarse_crs is None else CRS.from_user_input(coarse_crs),
              dst_crs=same if fine_crs is None else CRS.from_user_input(fine_crs), resampling=Resampling[method])
    return result
