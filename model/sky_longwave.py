"""Longwave from the sky where it is not measured: clear-sky emissivity from humidity, and clouds from sunlight.

A scheme takes air temperature (degC), vapour pressure (kPa) and cloudiness (0..1) at screen height and gives W m-2;
scalars or numpy arrays. Cloudiness is the share of clear-sky sunlight that clouds take away (Crawford and Duchon 1999);
it is known by day only, and the caller carries it through the night.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from terraflux.model.constants import KELVIN, STEFAN_BOLTZMANN

CLEAR_TRANSMISSION, CLEAR_TRANSMISSION_PER_METRE = 0.75, 2.0e-5  # FAO-56 eq. 37
LOWEST_EXTRATERRESTRIAL = 50.0  # W m-2, below it sunlight says little about clouds
CLOUD_ATTENUATION, CLOUD_ATTENUATION_EXPONENT = 0.75, 3.4  # Kasten and Czeplak 1980
CLOUD_ENHANCEMENT = 0.22


def cloudiness_from_sunlight(
    shortwave_down: ArrayLike, extraterrestrial: ArrayLike, elevation: ArrayLike = 0.0
) -> np.ndarray:
    """Cloudiness (0..1): 1 - shortwave / clear-sky shortwave, from step means (W m-2) and elevation (m).

    Clear sky lets (0.75 + 2e-5 elevation) of extraterrestrial radiation on the horizontal through (FAO-56 eq. 37). NaN
    at night and where the sun is too low to tell (extraterrestrial below 50 W m-2).
    """
    outside = np.asarray(extraterrestrial, dtype=float)
    sunny = outside >= LOWEST_EXTRATERRESTRIAL
    transmission = CLEAR_TRANSMISSION + CLEAR_TRANSMISSION_PER_METRE * np.asarray(elevation, dtype=float)
    share = np.asarray(shortwave_down, dtype=float) / (transmission * np.where(sunny, outside, 1.0))
    return np.where(sunny, 1.0 - np.clip(share, 0.0, 1.0), np.nan)


def cloud_cover(cloudiness: ArrayLike) -> np.ndarray:
    """Share of the sky covered by cloud (0..1) from cloudiness: Kasten and Czeplak (1980, Solar Energy 24, 177-189).

    Inverts shortwave = clear-sky shortwave * (1 - 0.75 cover**3.4).
    """
    share = np.clip(np.asarray(cloudiness, dtype=float) / CLOUD_ATTENUATION, 0.0, 1.0)
    return share ** (1.0 / CLOUD_ATTENUATION_EXPONENT)


def black_body(air_temperature: ArrayLike) -> np.ndarray:
    """Black-body radiation (W m-2) at an air temperature (degC)."""
    return STEFAN_BOLTZMANN * (np.asarray(air_temperature, dtype=float) + KELVIN) ** 4


def brutsaert_emissivity(air_temperature: ArrayLike, vapour_pressure: ArrayLike) -> np.ndarray:
    """Clear-sky emissivity 1.24 (e / T)**(1/7), e in hPa, T in K: Brutsaert (1975, Water Resour. Res. 11, 742-744)."""
    kelvin = np.asarray(air_temperature, dtype=float) + KELVIN
    return 1.24 * (10.0 * np.asarray(vapour_pressure, dtype=float) / kelvin) ** (1.0 / 7.0)


def prata_emissivity(air_temperature: ArrayLike, vapour_pressure: ArrayLike) -> np.ndarray:
    """Clear-sky emissivity 1 - (1 + w) exp(-sqrt(1.2 + 3 w)): Prata (1996, Q. J. R. Meteorol. Soc. 122, 1127-1151).

    w = 465 e / T (e in kPa, T in K) is precipitable water in cm.
    """
    water = 465.0 * np.asarray(vapour_pressure, dtype=float) / (np.asarray(air_temperature, dtype=float) + KELVIN)
    return 1.0 - (1.0 + water) * np.exp(-np.sqrt(1.2 + 3.0 * water))


def brutsaert(air_temperature: ArrayLike, vapour_pressure: ArrayLike, cloudiness: ArrayLike = 0.0) -> np.ndarray:
    """Longwave down (W m-2): Brutsaert (1975) times 1 + 0.22 cover**2 (Bolz 1949; Brutsaert 1982, ch. 6).

    Emissivity is held at 1 or below.
    """
    emissivity = brutsaert_emissivity(air_temperature, vapour_pressure)
    emissivity = emissivity * (1.0 + CLOUD_ENHANCEMENT * cloud_cover(cloudiness) ** 2)
    return np.minimum(emissivity, 1.0) * black_body(air_temperature)


def prata(air_temperature: ArrayLike, vapour_pressure: ArrayLike, cloudiness: ArrayLike = 0.0) -> np.ndarray:
    """Longwave down (W m-2): Prata (1996) between the clouds, which are black (Crawford and Duchon 1999)."""
    cloudy = np.clip(np.asarray(cloudiness, dtype=float), 0.0, 1.0)
    emissivity = prata_emissivity(air_temperature, vapour_pressure)
    return (cloudy + (1.0 - cloudy) * emissivity) * black_body(air_temperature)


SKY_LONGWAVE: dict[str, Callable[..., np.ndarray]] = {"brutsaert": brutsaert, "prata": prata}
