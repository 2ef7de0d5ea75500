"""The Hilbert curve: an order of cells in which neighbours in number are neighbours on the map, and squares stay together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError

Counts = NDArray[np.int64]


def hilbert_number(row: ArrayLike, column: ArrayLike, order: int) -> Counts:
    """Place along the Hilbert curve (Hilbert 1891) through a square of 2**order rows and columns.

    All cells of an aligned square of 2**k cells a side follow each other, so that number >> 2k is the number of that square.

    >>> hilbert_number([0, 0, 1, 1], [0, 1, 1, 0], 1).tolist()
    [0, 3, 2, 1]
    """
    y, x = np.array(row, dtype=np.int64), np.array(column, dtype=np.int64)
    side = 1 << order
    if order < 0 or order > 31 or (y.size and (y.min() < 0 or x.min() < 0 or y.max() >= side or x.max() >= side)):
        raise ForcingError(f"cells lie outside the square of {side} rows and columns", variable="order",
                           remedy="take a larger order")
    number = np.zeros_like(y)
    half = side >> 1
    while half:
        right, upper = (x & half) > 0, (y & half) > 0
        number += half * half * ((3 * right) ^ upper)
        turned = ~upper & right
        x, y = np.where(turned, side - 1 - x, x), np.where(turned, side - 1 - y, y)
        x, y = np.where(~upper, y, x), np.where(~upper, x, y)
        half >>= 1
    return number


def hilbert_order(row: ArrayLike, column: ArrayLike, tile_side: int) -> tuple[Counts, NDArray[np.int32]]:
    """Order of cells along the curve, and the tile (numbered from 0 along it) of every cell in that order.

    `tile_side` is a power of two: tiles are aligned squares of so many cells a side.
    """
    if tile_side < 1 or tile_side & (tile_side - 1):
        raise ForcingError(f"tile_side = {tile_side} is no power of two", variable="tile_side", remedy="take, say, 16 or 32")
    y, x = np.asarray(row, dtype=np.int64), np.asarray(column, dtype=np.int64)
    largest = int(max(y.max(initial=0), x.max(initial=0), tile_side - 1))
    number = hilbert_number(y, x, max(largest.bit_length(), 1))
    order = np.argsort(number, kind="stable")
    shift = 2 * (tile_side.bit_length() - 1)
    return order, np.unique(number[order] >> shift, return_inverse=True)[1].ravel().astype(np.int32)
