"""Which flux rows to leave out for weak turbulence, with a reason per row; nothing is deleted.

By default only rows that are not day are judged: a row is day where radiation is at least 10 W m-2, so a row without radiation
is judged. This is the rule that gives the published DE-Tha 1998 series (REddyProc, Wutzler et al. 2018) row by row.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing.night import RADIATION_THRESHOLD


class Turbulence(IntEnum):
    """Why a row is or is not fit: codes of `weak_turbulence`."""

    ENOUGH = 0
    LOW_USTAR = 1  # u* below the threshold
    AFTER_LOW = 2  # first good row after a spell of low u*, when asked for: it may carry what was stored below
    NO_USTAR = 3  # u* is missing
    NO_THRESHOLD = 4  # no threshold is known


def weak_turbulence(
    ustar: ArrayLike,
    threshold: ArrayLike,
    radiation: ArrayLike,
    *,
    by_day: bool = False,
    after_low: bool = False,
    radiation_threshold: float = RADIATION_THRESHOLD,
) -> NDArray[np.int8]:
    """Code of `Turbulence` for each row, int8; a row is fit where it is 0.

    `ustar` m s-1 (n,), `threshold` m s-1, one or (n,), `radiation` measured W m-2 (n,). `by_day` judges day rows too;
    `after_low` also marks the first row after low u*. A row exactly at the threshold is fit.
    """
    velocity = np.asarray(ustar, dtype=np.float64)
    limit = np.broadcast_to(np.asarray(threshold, dtype=np.float64), velocity.shape)
    light = np.asarray(radiation, dtype=np.float64)
    if light.shape != velocity.shape:
        raise ValueError(f"radiation has shape {light.shape}, ustar has {velocity.shape}; give one value per row")
    codes = np.zeros(velocity.shape, dtype=np.int8)
    with np.errstate(invalid="ignore"):
        codes[velocity < limit] = Turbulence.LOW_USTAR
        judged = np.ones(velocity.shape, dtype=bool) if by_day else ~(light >= radiation_threshold)
    if after_low:
        low = codes == Turbulence.LOW_USTAR
        codes[1:][low[:-1] & ~low[1:]] = Turbulence.AFTER_LOW
    codes[np.isnan(limit)] = Turbulence.NO_THRESHOLD
    codes[np.isnan(velocity)] = Turbulence.NO_USTAR
    codes[~judged] = Turbulence.ENOUGH
    return codes
