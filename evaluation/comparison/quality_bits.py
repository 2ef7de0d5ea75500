"""Quality bits of MOD17 and MOD16, which are those of the leaf area they were made with (MOD15 user's guide, collection 6).

    bit  0     0 good quality, 1 other quality
    bit  1     0 Terra, 1 Aqua
    bit  2     0 detectors fine, 1 more than half of them dead
    bits 3-4   0 clear, 1 cloudy, 2 mixed, 3 not defined, taken as clear
    bits 5-7   0 main method, 1 main method with saturation, 2 back-up method for geometry, 3 back-up for other reasons,
               4 no value

They say little about evapotranspiration itself, and pixels with fill values may be flagged as fine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError, nearest

QUALITIES = ("all", "produced", "main", "good")
"""Rules: all valid values; those that were produced; by the main method; by it under a clear sky with live detectors."""
Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class QualityBits:
    """The fields of quality bits, arrays of one shape; `there` is False where there are no bits."""

    there: NDArray[np.bool_]
    other_quality: Bits
    aqua: Bits
    dead_detectors: Bits
    cloud: Bits
    method: Bits


def decoded_bits(values: ArrayLike) -> QualityBits:
    """Fields of bytes (0..255; NaN, 255 and what is no byte mean none).

    >>> bits = decoded_bits([0b01001010])
    >>> int(bits.aqua[0]), int(bits.cloud[0]), int(bits.method[0])
    (1, 1, 2)
    """
    raw = np.asarray(values, dtype=float)
    with np.errstate(invalid="ignore"):
        there = np.isfinite(raw) & (raw >= 0.0) & (raw < 255.0) & (raw == np.floor(raw))
    byte = np.where(there, raw, 0.0).astype(np.uint8)
    parts = [((byte >> shift) & mask).astype(np.uint8) for shift, mask in ((0, 1), (1, 1), (2, 1), (3, 3), (5, 7))]
    return QualityBits(there, *parts)


def usable(values: ArrayLike, rule: str) -> NDArray[np.bool_]:
    """True where quality bits pass a rule of `QUALITIES`. Raises ForcingError for an unknown rule."""
    if rule not in QUALITIES:
        raise ForcingError(f"the quality rule {rule!r} is unknown", remedy=nearest(rule, QUALITIES))
    bits = decoded_bits(values)
    if rule == "all":
        return np.ones(bits.there.shape, dtype=bool)
    if rule == "produced":
        return bits.there & (bits.method <= 3)
    main = bits.there & (bits.method <= 1)
    if rule == "main":
        return main
    return main & (bits.other_quality == 0) & (bits.dead_detectors == 0) & ((bits.cloud == 0) | (bits.cloud == 3))
