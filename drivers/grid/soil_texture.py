"""USDA soil classes from sand and clay: the texture triangle of the Soil Survey Manual (USDA Handbook 18, 2017, chapter 3)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.parameter_table import soil_classes

LARGEST_EXCESS = 0.02  # packed maps of sand, silt and clay do not sum to 1 exactly


def usda_class(sand: ArrayLike, clay: ArrayLike) -> NDArray[np.int8]:
    """Number of the USDA class in `soil_classes()` from sand and clay (0-1 by mass); -1 where either is missing.

    Silt is the rest. Raises ForcingError for shares below 0 or above 1 by more than rounding, such as percentages.
    """
    s, c = np.asarray(sand, dtype=np.float64), np.asarray(clay, dtype=np.float64)
    known = np.isfinite(s) & np.isfinite(c)
    total = np.where(known, s + c, 0.0)
    if (np.where(known, np.minimum(s, c), 0.0) < -LARGEST_EXCESS).any() or (total > 1.0 + LARGEST_EXCESS).any():
        raise ForcingError(f"sand and clay sum to up to {total.max():g}", variable="sand, clay", unit="1",
                           remedy="give fractions of 0 to 1 (percent is divided by 100)")
    s, c = 100.0 * np.where(known, s, 0.0), 100.0 * np.where(known, c, 0.0)
    z = np.maximum(100.0 - s - c, 0.0)
    loamy = (c >= 7.0) & (c < 27.0)
    # In order of the handbook; the first that holds is the class.
    rules = (
        ("sand", z + 1.5 * c < 15.0),
        ("loamy_sand", (z + 1.5 * c >= 15.0) & (z + 2.0 * c < 30.0)),
        ("sandy_loam", (z + 2.0 * c >= 30.0) & (((c >= 7.0) & (c < 20.0) & (s > 52.0)) | ((c < 7.0) & (z < 50.0)))),
        ("loam", loamy & (z >= 28.0) & (z < 50.0) & (s <= 52.0)),
        ("silt_loam", (z >= 50.0) & (c < 27.0) & ((c >= 12.0) | (z < 80.0))),
        ("silt", (z >= 80.0) & (c < 12.0)),
        ("sandy_clay_loam", (c >= 20.0) & (c < 35.0) & (z < 28.0) & (s > 45.0)),
        ("clay_loam", (c >= 27.0) & (c < 40.0) & (s > 20.0) & (s <= 45.0)),
        ("silty_clay_loam", (c >= 27.0) & (c < 40.0) & (s <= 20.0)),
        ("sandy_clay", (c >= 35.0) & (s > 45.0)),
        ("silty_clay", (c >= 40.0) & (z >= 40.0)),
        ("clay", (c >= 40.0) & (s <= 45.0) & (z < 40.0)),
    )
    names = soil_classes()
    found = np.full(s.shape, -1, dtype=np.int8)
    for name, holds in reversed(rules):
        found = np.where(holds, np.int8(names.index(name)), found)
    return np.where(known, found, np.int8(-1)).astype(np.int8)
