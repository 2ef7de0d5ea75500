"""Water vapour in air: saturation pressure, its slope, wet bulb, and conversions between measures of humidity.

The first part serves the compiled step (scalars), the second the readers of weather (numpy arrays or scalars). Vapour
pressures are kPa, air pressure is Pa, temperatures degC, humidity ratios kg kg-1, relative humidity a fraction 0..1.
Sources: Tetens (1930) with the constants of FAO-56 (Allen et al. 1998, eq. 11, 13); Buck (1981, 1996).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from terraflux.model.constants import (
    AIR_HEAT_CAPACITY,
    LATENT_HEAT_VAPORISATION,
    LATENT_HEAT_VAPORISATION_SLOPE,
    WATER_AIR_MASS_RATIO,
)
from terraflux.model.weave.lane_math import exp

TETENS_PRESSURE, TETENS_FACTOR, TETENS_OFFSET = 0.6108, 17.27, 237.3  # kPa, 1, degC
BUCK_WATER_PRESSURE, BUCK_WATER_FACTOR, BUCK_WATER_CURVE, BUCK_WATER_OFFSET = 0.61121, 18.678, 234.5, 257.14
BUCK_ICE_PRESSURE, BUCK_ICE_FACTOR, BUCK_ICE_CURVE, BUCK_ICE_OFFSET = 0.61115, 23.036, 333.7, 279.82
RATIO_COMPLEMENT = 1.0 - WATER_AIR_MASS_RATIO


def saturation_vapour_pressure(temperature):
    """Saturation vapour pressure over water (kPa) at a temperature (degC): Tetens, FAO-56 eq. 11."""
    return TETENS_PRESSURE * exp(TETENS_FACTOR * temperature / (temperature + TETENS_OFFSET))


def saturation_vapour_slope(pressure, temperature):
    """Slope (kPa K-1) of the Tetens curve where the saturation pressure (kPa) at a temperature (degC) is known.

    The exact derivative; FAO-56 eq. 13 rounds 17.27 * 237.3 to 4098.
    """
    per_distance = 1.0 / (temperature + TETENS_OFFSET)
    return TETENS_FACTOR * TETENS_OFFSET * pressure * per_distance * per_distance


def saturation_vapour_pressure_water(temperature):
    """Saturation vapour pressure over water (kPa) at a temperature (degC), also supercooled: Buck (1996)."""
    exponent = (BUCK_WATER_FACTOR - temperature * (1.0 / BUCK_WATER_CURVE)) * temperature
    return BUCK_WATER_PRESSURE * exp(exponent / (BUCK_WATER_OFFSET + temperature))


def saturation_vapour_pressure_ice(temperature):
    """Saturation vapour pressure over ice (kPa) at a temperature (degC): Buck (1996)."""
    exponent = (BUCK_ICE_FACTOR - temperature * (1.0 / BUCK_ICE_CURVE)) * temperature
    return BUCK_ICE_PRESSURE * exp(exponent / (BUCK_ICE_OFFSET + temperature))


def saturation_vapour_pressure_buck(temperature):
    """Saturation vapour pressure (kPa) at a temperature (degC): over ice below 0 degC, over water above (Buck 1996)."""
    freezing = temperature < 0.0
    pressure = BUCK_ICE_PRESSURE if freezing else BUCK_WATER_PRESSURE
    factor = BUCK_ICE_FACTOR if freezing else BUCK_WATER_FACTOR
    curve = 1.0 / BUCK_ICE_CURVE if freezing else 1.0 / BUCK_WATER_CURVE
    offset = BUCK_ICE_OFFSET if freezing else BUCK_WATER_OFFSET
    return pressure * exp((factor - temperature * curve) * temperature / (offset + temperature))


def saturation_vapour_slope_buck(pressure, temperature):
    """Slope (kPa K-1) of `saturation_vapour_pressure_buck`, whose value (kPa) at the temperature (degC) is given."""
    freezing = temperature < 0.0
    factor = BUCK_ICE_FACTOR if freezing else BUCK_WATER_FACTOR
    curve = 1.0 / BUCK_ICE_CURVE if freezing else 1.0 / BUCK_WATER_CURVE
    offset = BUCK_ICE_OFFSET if freezing else BUCK_WATER_OFFSET
    per_distance = 1.0 / (offset + temperature)
    exponent_slope = (factor - 2.0 * temperature * curve) - (factor - temperature * curve) * temperature * per_distance
    return pressure * exponent_slope * per_distance


def latent_heat_of_vaporisation(temperature):
    """Latent heat of vaporisation (J kg-1) of water at a temperature (degC)."""
    return LATENT_HEAT_VAPORISATION - LATENT_HEAT_VAPORISATION_SLOPE * temperature


def psychrometric_coefficient(air_pressure, latent_heat):
    """Psychrometric constant (kPa K-1) from air pressure (Pa) and latent heat (J kg-1)."""
    return (0.001 * AIR_HEAT_CAPACITY / WATER_AIR_MASS_RATIO) * air_pressure / latent_heat


def wet_bulb_temperature(
    air_temperature, saturation_pressure, saturation_slope, vapour_pressure_deficit, psychrometric_constant
):
    """Wet-bulb temperature (degC) from air temperature (degC), saturation (kPa, kPa K-1), deficit (kPa) and constant.

    Three Newton steps on the psychrometer equation es(Tw) + gamma Tw = e + gamma Ta, the first from air temperature
    with the slope that is known there. The curve is convex, so every step stays on the warm side of the root: by less
    than 0.02 K below 25 degC, by up to 0.3 K in the driest heat (45 degC, 2 % humidity, 600 hPa).
    """
    target = saturation_pressure - vapour_pressure_deficit + psychrometric_constant * air_temperature
    wet_bulb = air_temperature - vapour_pressure_deficit / (saturation_slope + psychrometric_constant)
    for _step in range(2):
        pressure = saturation_vapour_pressure(wet_bulb)
        slope = saturation_vapour_slope(pressure, wet_bulb) + psychrometric_constant
        wet_bulb = wet_bulb - (pressure + psychrometric_constant * wet_bulb - target) / slope
    return wet_bulb


# Saturation curves of the compiled step by short name: pressure, and slope from pressure and temperature.
SATURATION: dict[str, tuple[Callable[..., float], Callable[..., float]]] = {
    "tetens": (saturation_vapour_pressure, saturation_vapour_slope),
    "buck": (saturation_vapour_pressure_buck, saturation_vapour_slope_buck),
}


def saturation_pressure_at(air_temperature: ArrayLike) -> np.ndarray:
    """As `saturation_vapour_pressure`, for arrays: kPa from degC."""
    temperature = np.asarray(air_temperature, dtype=float)
    return TETENS_PRESSURE * np.exp(TETENS_FACTOR * temperature / (temperature + TETENS_OFFSET))


def vapour_pressure_from_deficit(vapour_pressure_deficit: ArrayLike, air_temperature: ArrayLike) -> np.ndarray:
    """Vapour pressure (kPa, not below 0) from vapour pressure deficit (kPa) and air temperature (degC)."""
    return np.maximum(saturation_pressure_at(air_temperature) - np.asarray(vapour_pressure_deficit, dtype=float), 0.0)


def vapour_pressure_from_relative_humidity(relative_humidity: ArrayLike, air_temperature: ArrayLike) -> np.ndarray:
    """Vapour pressure (kPa) from relative humidity over water (fraction 0..1) and air temperature (degC)."""
    return np.asarray(relative_humidity, dtype=float) * saturation_pressure_at(air_temperature)


def vapour_pressure_from_specific_humidity(specific_humidity: ArrayLike, air_pressure: ArrayLike) -> np.ndarray:
    """Vapour pressure (kPa) from specific humidity (kg vapour per kg moist air) and air pressure (Pa)."""
    humidity = np.asarray(specific_humidity, dtype=float)
    pressure = 0.001 * np.asarray(air_pressure, dtype=float)
    return humidity * pressure / (WATER_AIR_MASS_RATIO + RATIO_COMPLEMENT * humidity)


def vapour_pressure_from_dew_point(dew_point: ArrayLike) -> np.ndarray:
    """Vapour pressure (kPa) from dew-point temperature over water (degC)."""
    return saturation_pressure_at(dew_point)


def vapour_pressure_deficit_of(vapour_pressure: ArrayLike, air_temperature: ArrayLike) -> np.ndarray:
    """Vapour pressure deficit (kPa, not below 0) from vapour pressure (kPa) and air temperature (degC)."""
    return np.maximum(saturation_pressure_at(air_temperature) - np.asarray(vapour_pressure, dtype=float), 0.0)


def relative_humidity_of(vapour_pressure: ArrayLike, air_temperature: ArrayLike) -> np.ndarray:
    """Relative humidity over water (fraction) from vapour pressure (kPa) and air temperature (degC)."""
    return np.asarray(vapour_pressure, dtype=float) / saturation_pressure_at(air_temperature)


def specific_humidity_of(vapour_pressure: ArrayLike, air_pressure: ArrayLike) -> np.ndarray:
    """Specific humidity (kg vapour per kg moist air) from vapour pressure (kPa) and air pressure (Pa)."""
    vapour = np.asarray(vapour_pressure, dtype=float)
    return WATER_AIR_MASS_RATIO * vapour / (0.001 * np.asarray(air_pressure, dtype=float) - RATIO_COMPLEMENT * vapour)


def dew_point_of(vapour_pressure: ArrayLike) -> np.ndarray:
    """Dew-point temperature over water (degC) from vapour pressure (kPa, above 0)."""
    logarithm = np.log(np.asarray(vapour_pressure, dtype=float) / TETENS_PRESSURE)
    return TETENS_OFFSET * logarithm / (TETENS_FACTOR - logarithm)
