"""Smooth random fields of position and time that can be read anywhere without making the rest.

A field has random numbers at the corners of a lattice in longitude, latitude and time. The number of a corner is a hash of
the corner, the field and the seed; between corners the field is a weighted sum with smooth weights, divided by the root of
the sum of their squares, so that its variance is 1 everywhere. Any cell, day, tile or resolution reads the same field.
Hash: the finaliser of splitmix64 (Steele, Lea & Flood 2014, OOPSLA).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.model.weave.lane_math import floor, sqrt

FIRST_MIX, SECOND_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
ALONG, ACROSS, AFTER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
OF_FIELD, OF_SEED = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F)
S30, S27, S31, S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
UNIT = 2.0**-53
SPREAD = 2.0 * 3.0**0.5  # a uniform number of this width has variance 1
helper: Any = njit(error_model="numpy", forceinline=True)


@helper
def mixed(bits):
    """64 bits well mixed."""
    bits = (bits ^ (bits >> S30)) * FIRST_MIX
    bits = (bits ^ (bits >> S27)) * SECOND_MIX
    return bits ^ (bits >> S31)


@helper
def stream(field, seed):
    """The bits that mark one field of one world."""
    return mixed(np.uint64(field) * OF_FIELD + np.uint64(seed) * OF_SEED)


@helper
def corner(column, row, layer, bits):
    """Random number of a corner, -0.5..0.5."""
    here = np.uint64(column) * ALONG + np.uint64(row) * ACROSS + np.uint64(layer) * AFTER
    return np.float64(np.int64(mixed(here ^ bits) >> S11)) * UNIT - 0.5


@helper
def eased(share):
    """A weight that rises smoothly from 0 to 1."""
    return share * share * (3.0 - 2.0 * share)


@helper
def noise(x, y, t, bits):
    """The field of `bits` at lattice coordinates x, y, t: mean 0, variance 1, within +-5."""
    column, row, layer = floor(x), floor(y), floor(t)
    east, north, late = eased(x - column), eased(y - row), eased(t - layer)
    west, south, soon = 1.0 - east, 1.0 - north, 1.0 - late
    i, j, k = np.int64(column), np.int64(row), np.int64(layer)
    value = soon * (south * (west * corner(i, j, k, bits) + east * corner(i + 1, j, k, bits))
                    + north * (west * corner(i, j + 1, k, bits) + east * corner(i + 1, j + 1, k, bits)))
    value += late * (south * (west * corner(i, j, k + 1, bits) + east * corner(i + 1, j, k + 1, bits))
                     + north * (west * corner(i, j + 1, k + 1, bits) + east * corner(i + 1, j + 1, k + 1, bits)))
    power = (west * west + east * east) * (south * south + north * north) * (soon * soon + late * late)
    return SPREAD * value / sqrt(power)


@kernel
def field_at(longitude, latitude, width, height, field, seed, out):
    """Fills `out` with a field that does not change in time; `width` and `height` (degrees) are those of its lattice."""
    bits = stream(field, seed)
    for place in range(longitude.size):
        out[place] = noise(longitude[place] / width, latitude[place] / height, 0.5, bits)


def still_field(longitude: NDArray[np.float64], latitude: NDArray[np.float64], width: float, height: float, field: int,
                seed: int) -> NDArray[np.float64]:
    """A field that does not change in time, at positions in degrees: mean 0, variance 1."""
    out = np.empty(longitude.shape)
    field_at(np.ascontiguousarray(longitude).ravel(), np.ascontiguousarray(latitude).ravel(), width, height, field, seed,
             out.reshape(-1))
    return out
