"""Joint uncertainty: the random error and the spread of equally good processing choices, added as variances.

Pastorello et al. (2020, Sci. Data 7:225). For NEE the choice is the u* threshold, and half the distance between the 16th and
84th percentile of the fluxes under different thresholds stands for one standard deviation; for H and LE it is the factor of
energy-balance closure, and the interquartile range over 1.349 does:

    NEE:    sqrt(random^2 + ((NEE_84 - NEE_16) / 2)^2)
    H, LE:  sqrt(random^2 + ((F_75 - F_25) / 1.349)^2)
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

INTERQUARTILE_TO_SD = 1.349  # interquartile range of a normal distribution over its standard deviation

Floats = NDArray[np.float64]


def _joint(random: ArrayLike, spread: Floats) -> Floats:
    return np.asarray(np.hypot(np.asarray(random, dtype=np.float64), spread))


def joint_error_nee(random: ArrayLike, nee_16: ArrayLike, nee_84: ArrayLike) -> Floats:
    """Joint uncertainty (umol m-2 s-1) of NEE from its random error and the 16th and 84th percentile over u* thresholds.

    NaN where any of the three is NaN.
    """
    return _joint(random, 0.5 * (np.asarray(nee_84, dtype=np.float64) - np.asarray(nee_16, dtype=np.float64)))


def joint_error_heat(random: ArrayLike, flux_25: ArrayLike, flux_75: ArrayLike) -> Floats:
    """Joint uncertainty (W m-2) of H or LE from its random error and the quartiles over energy-balance closure factors."""
    return _joint(random, (np.asarray(flux_75, dtype=np.float64) - np.asarray(flux_25, dtype=np.float64)) / INTERQUARTILE_TO_SD)


def threshold_percentiles(fluxes: ArrayLike, percentiles: tuple[float, ...] = (16.0, 50.0, 84.0)) -> Floats:
    """Percentiles over processing choices, shape (len(percentiles), n), of `fluxes` (choices, n); NaN choices are left out.

    A row that is NaN under every choice gives NaN.
    """
    table = np.asarray(fluxes, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"fluxes have {table.ndim} dimensions; give one row per processing choice and one column per time")
    result = np.full((len(percentiles), table.shape[1]), np.nan)
    known = np.isfinite(table).any(axis=0)
    if known.any():
        result[:, known] = np.nanpercentile(table[:, known], percentiles, axis=0)
    return result


def threshold_levels(count: int = 40) -> Floats:
    """Percentiles at which FLUXNET2015 takes its u* thresholds: 1.25, 3.75, ... 98.75 for 40 choices."""
    if count < 1:
        raise ValueError(f"{count} choices are too few; ask for at least one")
    return np.asarray((np.arange(count) + 0.5) * (100.0 / count))
