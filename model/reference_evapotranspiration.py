"""Evaporative demand: FAO-56 Penman-Monteith for the grass reference, its radiation chain, and Priestley-Taylor.

Allen, Pereira, Raes and Smith (1998), Crop evapotranspiration, FAO Irrigation and Drainage Paper 56; equation numbers
are theirs, and so are the units here: MJ m-2 per day or hour, mm per day or hour, kPa, degC, m s-1 at 2 m height.
FAO-56 keeps its own sun and constants; they are used nowhere else. Scalars or numpy arrays.
"""

import numpy as np
from numpy.typing import ArrayLike

from terraflux.model.constants import (
    AIR_HEAT_CAPACITY,
    LATENT_HEAT_VAPORISATION,
    LATENT_HEAT_VAPORISATION_SLOPE,
    WATER_AIR_MASS_RATIO,
)
from terraflux.model.humidity import TETENS_FACTOR, TETENS_OFFSET, saturation_pressure_at

SOLAR_CONSTANT_PER_MINUTE = 0.0820  # MJ m-2 min-1
STEFAN_BOLTZMANN_PER_DAY = 4.903e-9  # MJ K-4 m-2 d-1
FAO_KELVIN = 273.16
REFERENCE_ALBEDO = 0.23
PRIESTLEY_TAYLOR_FACTOR = 1.26


def saturation_slope_at(air_temperature: ArrayLike) -> np.ndarray:
    """Slope (kPa K-1) of saturation vapour pressure at air temperature (degC): eq. 13, whose 4098 is 17.27 * 237.3."""
    temperature = np.asarray(air_temperature, dtype=float)
    return TETENS_FACTOR * TETENS_OFFSET * saturation_pressure_at(temperature) / (temperature + TETENS_OFFSET) ** 2


def pressure_from_elevation(elevation: ArrayLike) -> np.ndarray:
    """Mean air pressure (kPa) at an elevation (m): eq. 7."""
    return 101.3 * ((293.0 - 0.0065 * np.asarray(elevation, dtype=float)) / 293.0) ** 5.26


def psychrometric_constant_from_pressure(pressure: ArrayLike) -> np.ndarray:
    """Psychrometric constant (kPa K-1) from air pressure (kPa), latent heat fixed at 2.45 MJ kg-1: eq. 8."""
    return 0.665e-3 * np.asarray(pressure, dtype=float)


def wind_at_two_metres(wind_speed: ArrayLike, height: ArrayLike) -> np.ndarray:
    """Wind speed (m s-1) at 2 m from wind speed (m s-1) at another height (m) above grass: eq. 47."""
    return np.asarray(wind_speed, dtype=float) * 4.87 / np.log(67.8 * np.asarray(height, dtype=float) - 5.42)


def declination(day_of_year: ArrayLike) -> np.ndarray:
    """Solar declination (rad) on a day of the year: eq. 24."""
    return 0.409 * np.sin(2.0 * np.pi / 365.0 * np.asarray(day_of_year, dtype=float) - 1.39)


def inverse_relative_distance(day_of_year: ArrayLike) -> np.ndarray:
    """Inverse relative distance Earth to sun (1) on a day of the year: eq. 23."""
    return 1.0 + 0.033 * np.cos(2.0 * np.pi / 365.0 * np.asarray(day_of_year, dtype=float))


def sunset_angle(latitude: ArrayLike, day_of_year: ArrayLike) -> np.ndarray:
    """Sunset hour angle (rad) at a latitude (degrees): eq. 25, held to 0 in polar night and pi in polar day."""
    phi = np.radians(np.asarray(latitude, dtype=float))
    return np.arccos(np.clip(-np.tan(phi) * np.tan(declination(day_of_year)), -1.0, 1.0))


def daylight_hours(latitude: ArrayLike, day_of_year: ArrayLike) -> np.ndarray:
    """Hours of daylight at a latitude (degrees): eq. 34."""
    return 24.0 / np.pi * sunset_angle(latitude, day_of_year)


def daily_extraterrestrial_radiation(latitude: ArrayLike, day_of_year: ArrayLike) -> np.ndarray:
    """Extraterrestrial radiation (MJ m-2 d-1) on the horizontal at a latitude (degrees): eq. 21."""
    phi, delta = np.radians(np.asarray(latitude, dtype=float)), declination(day_of_year)
    sunset = sunset_angle(latitude, day_of_year)
    geometry = sunset * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(sunset)
    return 24.0 * 60.0 / np.pi * SOLAR_CONSTANT_PER_MINUTE * inverse_relative_distance(day_of_year) * geometry


def hourly_extraterrestrial_radiation(
    latitude: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike, day_of_year: ArrayLike,
    middle_hour: ArrayLike, length_hours: float = 1.0,
) -> np.ndarray:
    """Extraterrestrial radiation (MJ m-2 per period) for a period of an hour or less: eq. 28 to 33.

    Latitude and longitude in degrees (east positive), `middle_hour` the clock time of the middle of the period. As in
    FAO-56 the period ends are not cut at sunset; a period whose middle is dark gives 0.
    """
    day = np.asarray(day_of_year, dtype=float)
    seasonal = 2.0 * np.pi * (day - 81.0) / 364.0
    correction = 0.1645 * np.sin(2.0 * seasonal) - 0.1255 * np.cos(seasonal) - 0.025 * np.sin(seasonal)
    shift = np.asarray(longitude, dtype=float) / 15.0 - np.asarray(utc_offset_hours, dtype=float)
    angle = np.pi / 12.0 * (np.asarray(middle_hour, dtype=float) + shift + correction - 12.0)
    angle = angle - 2.0 * np.pi * np.floor((angle + np.pi) / (2.0 * np.pi))
    half = np.pi * length_hours / 24.0
    phi, delta = np.radians(np.asarray(latitude, dtype=float)), declination(day)
    geometry = 2.0 * half * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * (
        np.sin(angle + half) - np.sin(angle - half)
    )
    radiation = 12.0 * 60.0 / np.pi * SOLAR_CONSTANT_PER_MINUTE * inverse_relative_distance(day) * geometry
    return np.where(np.abs(angle) <= sunset_angle(latitude, day), np.maximum(radiation, 0.0), 0.0)


def solar_radiation_from_sunshine(
    sunshine_hours: ArrayLike, daylight: ArrayLike, extraterrestrial: ArrayLike
) -> np.ndarray:
    """Solar radiation (MJ m-2 d-1) from hours of sunshine and of daylight, and extraterrestrial radiation: eq. 35."""
    share = np.asarray(sunshine_hours, dtype=float) / np.asarray(daylight, dtype=float)
    return (0.25 + 0.50 * share) * np.asarray(extraterrestrial, dtype=float)


def clear_sky_radiation(extraterrestrial: ArrayLike, elevation: ArrayLike) -> np.ndarray:
    """Clear-sky solar radiation from extraterrestrial radiation (same unit) and elevation (m): eq. 37."""
    return (0.75 + 2.0e-5 * np.asarray(elevation, dtype=float)) * np.asarray(extraterrestrial, dtype=float)


def net_longwave_loss(
    emission_temperature_4: ArrayLike, vapour_pressure: ArrayLike, relative_radiation: ArrayLike, days: float = 1.0
) -> np.ndarray:
    """Net longwave (MJ m-2 per period, outgoing positive): eq. 39.

    `emission_temperature_4` is the mean fourth power of temperature (K4), vapour pressure kPa, `relative_radiation`
    solar over clear-sky radiation (held to 1 or below), `days` the length of the period in days (1/24 for an hour).
    """
    humidity = 0.34 - 0.14 * np.sqrt(np.asarray(vapour_pressure, dtype=float))
    clouds = 1.35 * np.minimum(np.asarray(relative_radiation, dtype=float), 1.0) - 0.35
    return STEFAN_BOLTZMANN_PER_DAY * days * np.asarray(emission_temperature_4, dtype=float) * humidity * clouds


def daily_net_radiation(
    solar: ArrayLike, clear_sky: ArrayLike, maximum_temperature: ArrayLike, minimum_temperature: ArrayLike,
    vapour_pressure: ArrayLike,
) -> np.ndarray:
    """Net radiation of the reference grass (MJ m-2 d-1): eq. 38 to 40; radiation MJ m-2 d-1, degC, kPa."""
    warmest = np.asarray(maximum_temperature, dtype=float) + FAO_KELVIN
    coldest = np.asarray(minimum_temperature, dtype=float) + FAO_KELVIN
    ratio = np.asarray(solar, dtype=float) / np.asarray(clear_sky, dtype=float)
    longwave = net_longwave_loss(0.5 * (warmest**4 + coldest**4), vapour_pressure, ratio)
    return (1.0 - REFERENCE_ALBEDO) * np.asarray(solar, dtype=float) - longwave


def hourly_net_radiation(
    solar: ArrayLike, relative_radiation: ArrayLike, air_temperature: ArrayLike, vapour_pressure: ArrayLike
) -> np.ndarray:
    """Net radiation of the reference grass (MJ m-2 h-1): eq. 38 to 40 with hourly constants.

    At night `relative_radiation` (solar over clear sky) is that of the hours before sunset, as FAO-56 asks.
    """
    kelvin = np.asarray(air_temperature, dtype=float) + FAO_KELVIN
    longwave = net_longwave_loss(kelvin**4, vapour_pressure, relative_radiation, days=1.0 / 24.0)
    return (1.0 - REFERENCE_ALBEDO) * np.asarray(solar, dtype=float) - longwave


def _penman_monteith(
    numerator: float, available: np.ndarray, temperature: np.ndarray, wind: np.ndarray, deficit: np.ndarray,
    pressure: np.ndarray,
) -> np.ndarray:
    slope = saturation_slope_at(temperature)
    constant = psychrometric_constant_from_pressure(pressure)
    demand = 0.408 * slope * available + constant * numerator / (temperature + 273.0) * wind * deficit
    return demand / (slope + constant * (1.0 + 0.34 * wind))


def daily_reference_evapotranspiration(
    net_radiation: ArrayLike, ground_heat_flux: ArrayLike, maximum_temperature: ArrayLike,
    minimum_temperature: ArrayLike, wind_speed: ArrayLike, vapour_pressure: ArrayLike, pressure: ArrayLike,
) -> np.ndarray:
    """Reference evapotranspiration (mm d-1): eq. 6, with saturation averaged over both temperatures (eq. 12).

    Radiation and ground heat flux MJ m-2 d-1, temperatures degC, wind m s-1 at 2 m, vapour and air pressure kPa.
    """
    warmest, coldest = np.asarray(maximum_temperature, dtype=float), np.asarray(minimum_temperature, dtype=float)
    saturation = 0.5 * (saturation_pressure_at(warmest) + saturation_pressure_at(coldest))
    available = np.asarray(net_radiation, dtype=float) - np.asarray(ground_heat_flux, dtype=float)
    return _penman_monteith(
        900.0, available, 0.5 * (warmest + coldest), np.asarray(wind_speed, dtype=float),
        saturation - np.asarray(vapour_pressure, dtype=float), np.asarray(pressure, dtype=float))


def hourly_reference_evapotranspiration(
    net_radiation: ArrayLike, ground_heat_flux: ArrayLike, air_temperature: ArrayLike, wind_speed: ArrayLike,
    vapour_pressure: ArrayLike, pressure: ArrayLike,
) -> np.ndarray:
    """Reference evapotranspiration (mm h-1): eq. 53; radiation and ground heat flux MJ m-2 h-1, else as daily."""
    temperature = np.asarray(air_temperature, dtype=float)
    deficit = saturation_pressure_at(temperature) - np.asarray(vapour_pressure, dtype=float)
    available = np.asarray(net_radiation, dtype=float) - np.asarray(ground_heat_flux, dtype=float)
    return _penman_monteith(
        37.0, available, temperature, np.asarray(wind_speed, dtype=float), deficit, np.asarray(pressure, dtype=float))


def hourly_ground_heat_flux(net_radiation: ArrayLike) -> np.ndarray:
    """Ground heat flux (MJ m-2 h-1) under reference grass: 0.1 of net radiation by day, 0.5 by night (eq. 45, 46)."""
    net = np.asarray(net_radiation, dtype=float)
    return np.where(net > 0.0, 0.1 * net, 0.5 * net)


def priestley_taylor(
    available_energy: ArrayLike, air_temperature: ArrayLike, air_pressure: ArrayLike,
    factor: float = PRIESTLEY_TAYLOR_FACTOR,
) -> np.ndarray:
    """Evaporation of a moist surface (kg m-2 s-1): factor * s / (s + gamma) of available energy (W m-2), as water.

    Air temperature degC, air pressure Pa. Priestley and Taylor (1972, Mon. Weather Rev. 100, 81-92), factor 1.26.
    """
    temperature = np.asarray(air_temperature, dtype=float)
    latent_heat = LATENT_HEAT_VAPORISATION - LATENT_HEAT_VAPORISATION_SLOPE * temperature
    slope = saturation_slope_at(temperature)
    pressure = 0.001 * np.asarray(air_pressure, dtype=float)
    constant = AIR_HEAT_CAPACITY / WATER_AIR_MASS_RATIO * pressure / latent_heat
    return factor * slope / (slope + constant) * np.asarray(available_energy, dtype=float) / latent_heat
