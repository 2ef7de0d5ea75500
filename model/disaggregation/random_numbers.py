"""Random numbers from keys, in plain arithmetic: the same bits compiled, in any lane, and in Python.

A key of whole numbers below the prime 2**26 - 5 is mixed by adding constants and cubing modulo the prime, again and again;
cubing is a permutation there, as in the block cipher of Albrecht et al. (2016, MiMC, ASIACRYPT). Products stay below 2**53,
so that numbers of 64 bits hold them exactly. This is for weather, not for secrets.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.lane_math import floor

MODULUS = 67108859.0
PER_MODULUS = 1.0 / 67108859.0
FIRST_CONSTANT, SECOND_CONSTANT, THIRD_CONSTANT = 41132713.0, 9876541.0, 58921757.0
DEGREE_PARTS = 1000.0  # positions are told apart to a thousandth of a degree


def remainder(number):
    """What division by the prime leaves; exact for whole numbers of 0 .. 2**52."""
    left = number - MODULUS * floor(number * PER_MODULUS)
    left = left + MODULUS if left < 0.0 else left
    return left - MODULUS if left >= MODULUS else left


def cubed(number):
    """The cube modulo the prime."""
    return remainder(remainder(number * number) * number)


def absorbed(bits, number):
    """The key that follows from a key and one whole number more (0 .. 2**26), well mixed."""
    first = cubed(remainder(bits + FIRST_CONSTANT))
    return cubed(remainder(cubed(remainder(first + number + SECOND_CONSTANT)) + THIRD_CONSTANT))


def branched(bits, number):
    """As `absorbed`, with less mixing, for keys that are well mixed already."""
    return cubed(remainder(cubed(remainder(bits + number + FIRST_CONSTANT)) + SECOND_CONSTANT))


def share_of(bits):
    """A number above 0 and below 1 from a key."""
    return (bits + 0.5) * PER_MODULUS


def cell_keys(latitude: ArrayLike, longitude: ArrayLike, seed: int) -> NDArray[np.float64]:
    """Two keys [2, cell] of every position (degrees) and seed; positions are rounded to a thousandth of a degree.

    Mixed by the finaliser of splitmix64 (Steele, Lea & Flood 2014).
    """
    row = np.rint((np.asarray(latitude, float) + 90.0) * DEGREE_PARTS).astype(np.uint64)
    column = np.rint((np.asarray(longitude, float) % 360.0) * DEGREE_PARTS).astype(np.uint64)
    mark = np.uint64((seed * 0xA0761D6478BD642F + 0x9E3779B97F4A7C15) % 2**64)
    bits = (row << np.uint64(32)) ^ column ^ mark
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits = bits ^ (bits >> np.uint64(31))
    keys = np.stack([bits >> np.uint64(38), (bits >> np.uint64(10)) & np.uint64(2**26 - 1)]).astype(np.float64)
    return keys % MODULUS
