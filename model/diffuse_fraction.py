"""Diffuse share of sunlight from the clearness of the sky, where diffuse light is not measured.

Erbs, Klein and Duffie (1982), Solar Energy 28, 293-302, hourly correlation.
"""

import numpy as np
from numpy.typing import ArrayLike

OVERCAST, CLEAR = 0.22, 0.80  # clearness below and above which the share changes little
CLEAR_SHARE = 0.165


def erbs_polynomial(clearness):
    """Diffuse share (1) between overcast and clear sky from clearness (1); scalar or array."""
    return 0.9511 + clearness * (-0.1604 + clearness * (4.388 + clearness * (-16.638 + clearness * 12.336)))


def erbs(clearness):
    """Diffuse share (0..1) of shortwave radiation from clearness (surface over extraterrestrial radiation); scalar."""
    index = min(max(clearness, 0.0), 1.0)
    share = erbs_polynomial(index)
    share = 1.0 - 0.09 * index if index <= OVERCAST else share
    return share if index <= CLEAR else CLEAR_SHARE


def diffuse_fraction(clearness: ArrayLike) -> np.ndarray:
    """As `erbs`, for arrays. NaN, as where there is no sun, gives NaN."""
    index = np.clip(np.asarray(clearness, dtype=float), 0.0, 1.0)
    share = np.where(index <= OVERCAST, 1.0 - 0.09 * index, erbs_polynomial(index))
    return np.where(index > CLEAR, CLEAR_SHARE, share)


def clearness_index(shortwave_down: ArrayLike, extraterrestrial: ArrayLike, lowest: float = 10.0) -> np.ndarray:
    """Clearness (0..1): surface over extraterrestrial radiation on the horizontal, both W m-2, step means.

    NaN where extraterrestrial radiation is below `lowest` (W m-2): night and the edges of day say nothing about clouds.
    """
    outside = np.asarray(extraterrestrial, dtype=float)
    surface = np.asarray(shortwave_down, dtype=float)
    sunny = outside >= lowest
    return np.where(sunny, np.clip(surface / np.where(sunny, outside, 1.0), 0.0, 1.0), np.nan)


DIFFUSE_FRACTION = {"erbs": diffuse_fraction}
