"""Moving windows: edges, distances to the centre, sums."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel

Array = NDArray[np.float64]
Edge = Literal["reflect", "zero"]
STRIP = 512  # rows
LANES = 64  # columns worked on side by side, so that their sums stay in the first-level cache


def strips(rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that are worked on one after the other, so that a large scene needs little memory beside itself."""
    for first in range(0, rows, STRIP):
        yield first, min(first + STRIP, rows)


def padded_strip(image: Array, first: int, last: int, half: int, edge: Edge = "reflect") -> Array:
    """Rows first..last of an image [row, column] and `half` more pixels at each side.

    Beyond the edge of the image lie zeros, or the image mirrored at its outermost pixel.
    """
    rows, columns = image.shape
    if edge == "zero":
        inside = image[max(first - half, 0):min(last + half, rows)]
        return np.pad(inside, ((max(half - first, 0), max(last + half - rows, 0)), (half, half)))
    along, across = (np.pad(np.arange(size), half, mode="reflect") for size in (rows, columns))
    return image[np.ix_(along[first:last + 2 * half], across)]


def centres(strip: Array, half: int) -> Array:
    """A padded strip without its padding."""
    return strip[half:strip.shape[0] - half, half:strip.shape[1] - half]


def distances(half: int) -> Array:
    """Distance to the centre of a window [row, column], pixels."""
    offset = np.arange(-half, half + 1.0)
    return np.hypot(offset[:, None], offset[None, :])


@kernel
def window_sums(image: Array, half: int) -> Array:
    """Sum over the window of every pixel. `image` is padded by `half` pixels at each side.

    Along rows, then along columns, each afresh: no rounding is carried from window to window.
    """
    window = 2 * half + 1
    rows, columns = image.shape[0], image.shape[1] - 2 * half
    along = np.zeros((rows, columns))
    for i in range(rows):
        for b in range(window):
            for j in range(columns):
                along[i, j] += image[i, j + b]
    sums = np.zeros((rows - 2 * half, columns))
    for i in range(rows - 2 * half):
        for a in range(window):
            for j in range(columns):
                sums[i, j] += along[i + a, j]
    return sums


def window_spread(image: Array, counted: NDArray[np.bool_], half: int) -> Array:
    """Standard deviation in the window of every pixel, of the counted pixels; NaN where there are none.

    `image` and `counted` are padded by `half` pixels; the divisor is the number of counted pixels. Values are taken from their
    mean, so that squares do not cancel; whole numbers from a whole number, so that their sums have no rounding at all.
    """
    if not counted.any():
        return np.full((image.shape[0] - 2 * half, image.shape[1] - 2 * half), np.nan)
    kept = np.where(counted, image, 0.0)
    mean = kept.sum() / counted.sum()
    middle = np.rint(mean) if (kept == np.rint(kept)).all() else mean
    shifted = np.where(counted, kept - middle, 0.0)
    number = window_sums(counted.astype(np.float64), half)
    first, second = window_sums(shifted, half), window_sums(shifted * shifted, half)
    number[number == 0.0] = np.nan
    return np.sqrt(np.maximum(number * second - first * first, 0.0)) / number
