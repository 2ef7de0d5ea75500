"""Checks of images and pairs of images: one shape, numbers, no data as NaN, one unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.threads import available_cores

Array = NDArray[np.float64]
Images = ArrayLike | Sequence[ArrayLike]


@dataclass(frozen=True)
class Pairs:
    """Pairs of fine and coarse images and the coarse image of the target date, on one grid: [band, row, column] each."""

    fine: list[Array]
    coarse: list[Array]
    target: Array
    banded: bool
    """whether the input had a band axis"""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows, columns."""
        bands, rows, columns = self.target.shape
        return bands, rows, columns


def pairs(fine: Images, coarse: Images, target: ArrayLike, *, nodata: float | None, scale: float | None) -> Pairs:
    """Reads pairs of images: no data become NaN, values are divided by `scale`.

    fine, coarse: one array, or a list of arrays, one per pair; [row, column] or [band, row, column].
    target: coarse image of the target date, on the same grid.
    nodata: number that stands for no data, besides NaN and infinity. scale: stored value of 1.
    Raises ValueError where shapes, kinds of number or counts do not fit together.
    """
    names = ["coarse_target"]
    raw = [np.ma.asanyarray(target) if np.ma.isMaskedArray(target) else np.asarray(target)]
    lists = []
    for name, given in (("fine_pairs", fine), ("coarse_pairs", coarse)):
        several = list(given) if isinstance(given, list | tuple) else [given]
        lists.append(len(several))
        names += [f"{name}[{k}]" for k in range(len(several))] if len(several) > 1 else [name]
        raw += [np.ma.asanyarray(one) if np.ma.isMaskedArray(one) else np.asarray(one) for one in several]
    if lists[0] != lists[1]:
        raise ValueError(f"{lists[0]} fine but {lists[1]} coarse images: give one coarse image of the same date per fine image")
    for name, image in zip(names, raw, strict=True):
        _check(name, image, raw[0].shape)
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"scale = {scale!r}: give the stored value of reflectance 1, a positive number such as 10000")
    if scale is None and any(np.issubdtype(image.dtype, np.integer) for image in raw):
        raise ValueError("images hold integers: tell their unit, scale=10000 for reflectance times 10000, scale=1 if they are "
                         "in the unit of the uncertainties")
    images = [_numbers(image, nodata, scale or 1.0) for image in raw]
    count = lists[0]
    return Pairs(images[1:1 + count], images[1 + count:], images[0], raw[0].ndim == 3)


def _check(name: str, image: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if image.dtype.kind not in "iuf":
        raise ValueError(f"{name} has values of type {image.dtype}, not real numbers")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"{name} has shape {image.shape}; give [row, column] or [band, row, column], none of them empty")
    if image.shape != shape:
        raise ValueError(f"{name} has shape {image.shape}, coarse_target {shape}: bring all images to the fine grid first, "
                         "coarse ones with terraflux.products.fusion.resampling.on_fine_grid")


def _numbers(image: NDArray[np.generic], nodata: float | None, scale: float) -> Array:
    values = np.ma.getdata(image).astype(np.float64)
    missing = ~np.isfinite(values) | np.ma.getmaskarray(image)
    if nodata is not None:
        missing |= values == nodata
    values = values / scale
    values[missing] = np.nan
    return values if values.ndim == 3 else values[None]


def per_band(name: str, value: float | Sequence[float], bands: int) -> Array:
    """One number, or one per band, as an array [band]; not negative."""
    numbers = np.asarray(value, dtype=np.float64)
    if numbers.ndim > 1 or (numbers.ndim == 1 and len(numbers) != bands):
        raise ValueError(f"{name} has shape {numbers.shape}; give one number, or one for each of {bands} bands")
    if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
        raise ValueError(f"{name} = {value!r} must be finite and not negative")
    return np.broadcast_to(numbers, (bands,)).copy()


def check_positive(**numbers: float) -> None:
    """Raises ValueError for a setting that is not a finite positive number."""
    for name, value in numbers.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} = {value!r} must be a finite number above 0")


def cores(threads: int | None) -> int:
    """Number of threads: as given, or all cores this process may use."""
    if threads is not None and threads < 1:
        raise ValueError(f"threads = {threads!r}: give at least 1, or None for all cores")
    return available_cores() if threads is None else threads


def check_window(window: int) -> None:
    """Raises ValueError for a window that has no centre."""
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window = {window!r}: give an odd number of pixels, at least 3, so that it has a centre")
