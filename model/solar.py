"""Where the sun stands: declination, equation of time, zenith angle, its mean over a time step, day length.

Orbit after Meeus (1998), Astronomical Algorithms, as in the NOAA solar calculator: within 0.02 degrees between 1990 and
2030, most of it from the equation of time. Refraction and the size of the disc are left out, so that light, geometry
and day length agree with each other. Times are naive datetime64 in local standard time with an explicit offset from UTC
in hours (east positive). Everything takes scalars or numpy arrays, which broadcast.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.constants import SOLAR_CONSTANT

Array = NDArray[np.float64]

EPOCH = np.datetime64("2000-01-01T12:00:00", "ms")  # J2000
MILLISECONDS_PER_DAY = 86_400_000.0
DAYS_PER_CENTURY = 36525.0
HOURS_TO_RADIANS = np.pi / 12.0
DEGREES = np.pi / 180.0
FULL_TURN = 2.0 * np.pi


def centuries_since_2000(times: ArrayLike, utc_offset_hours: ArrayLike = 0.0) -> Array:
    """Julian centuries since noon of 1 January 2000 UTC, for local standard times."""
    stamps = np.asarray(times, dtype="datetime64[ms]")
    days = (stamps - EPOCH).astype(float) / MILLISECONDS_PER_DAY
    return (days - np.asarray(utc_offset_hours, dtype=float) / 24.0) / DAYS_PER_CENTURY


def sun_position(centuries: ArrayLike) -> tuple[Array, Array, Array]:
    """Declination (rad), equation of time (minutes) and (mean distance / distance)**2 of the sun.

    `centuries` are Julian centuries since 2000. Meeus (1998), ch. 25 (low accuracy) and 28 (Smart's formula).
    """
    century = np.asarray(centuries, dtype=float)
    mean_longitude = DEGREES * (280.46646 + century * (36000.76983 + century * 0.0003032))
    anomaly = DEGREES * (357.52911 + century * (35999.05029 - century * 0.0001537))
    eccentricity = 0.016708634 - century * (0.000042037 + century * 0.0000001267)
    sine, cosine = np.sin(anomaly), np.cos(anomaly)
    centre = DEGREES * (
        sine * (1.914602 - century * (0.004817 + 0.000014 * century))
        + 2.0 * sine * cosine * (0.019993 - 0.000101 * century)
        + sine * (3.0 - 4.0 * sine * sine) * 0.000289
    )
    node = DEGREES * (125.04 - 1934.136 * century)
    apparent_longitude = mean_longitude + centre - DEGREES * (0.00569 + 0.00478 * np.sin(node))
    obliquity = DEGREES * (23.0 + (26.0 + 21.448 / 60.0) / 60.0 - 0.0130042 * century + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(apparent_longitude))

    squared_tangent = np.tan(0.5 * obliquity) ** 2
    sine_twice, cosine_twice = np.sin(2.0 * mean_longitude), np.cos(2.0 * mean_longitude)
    angle = (
        squared_tangent * sine_twice
        - 2.0 * eccentricity * sine
        + 4.0 * eccentricity * squared_tangent * sine * cosine_twice
        - squared_tangent**2 * sine_twice * cosine_twice
        - 2.5 * eccentricity**2 * sine * cosine
    )
    nearness = (1.0 + eccentricity * np.cos(anomaly + centre)) / (1.0 - eccentricity**2)
    return declination, angle / DEGREES * 4.0, nearness**2


def hour_angle(
    times: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike, equation_of_time: ArrayLike
) -> Array:
    """Hour angle of the sun (rad, 0 at solar noon, -pi..pi) from local standard time, longitude (degrees east) and
    equation of time (minutes)."""
    stamps = np.asarray(times, dtype="datetime64[ms]")
    clock = (stamps - stamps.astype("datetime64[D]")).astype(float) * (24.0 / MILLISECONDS_PER_DAY)
    offset = np.asarray(longitude, dtype=float) / 15.0 - np.asarray(utc_offset_hours, dtype=float)
    solar_time = clock + offset + np.asarray(equation_of_time, dtype=float) / 60.0
    angle = (solar_time - 12.0) * HOURS_TO_RADIANS
    return angle - FULL_TURN * np.floor((angle + np.pi) / FULL_TURN)


def cosine_zenith(times: ArrayLike, latitude: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike) -> Array:
    """Cosine of the solar zenith angle at an instant; negative below the horizon. Latitude, longitude in degrees."""
    declination, equation, _ = sun_position(centuries_since_2000(times, utc_offset_hours))
    angle = hour_angle(times, longitude, utc_offset_hours, equation)
    phi = DEGREES * np.asarray(latitude, dtype=float)
    return np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)


def sunset_hour_angle(latitude: ArrayLike, declination: ArrayLike) -> Array:
    """Hour angle of sunset (rad) at a latitude (degrees) and declination (rad): 0 in polar night, pi in polar day."""
    phi = DEGREES * np.asarray(latitude, dtype=float)
    return np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))


def sunlit_overlap(start: Array, end: Array, sunset: Array) -> tuple[Array, Array]:
    """Length of the sunlit part of an interval of hour angles, and the integral of the cosine over it (both rad).

    `start` lies within -pi..pi, `end` at most a turn later; the sun is up between -sunset and sunset, every turn.
    """
    length: Any = 0.0
    cosines: Any = 0.0
    for noon in (0.0, FULL_TURN):
        rise = np.clip(start, noon - sunset, noon + sunset)
        fall = np.clip(end, noon - sunset, noon + sunset)
        length = length + (fall - rise)
        cosines = cosines + (np.sin(fall) - np.sin(rise))
    return length, cosines


def interval_sun(
    times: ArrayLike, step_seconds: float, latitude: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike
) -> tuple[Array, Array, Array]:
    """Mean cosine of the zenith angle over the sunlit part of a step, the sunlit share of the step (both 0..1), and
    extraterrestrial radiation on the horizontal (W m-2, mean of the whole step).

    `times` are the starts of steps of `step_seconds` (above 0, at most a day), in local standard time. The integral
    over the hour angle is exact; declination and equation of time are those of the middle of the step. A step without
    sun has zeros. Raises ValueError for a step outside 0..86400 s.
    """
    if not 0.0 < step_seconds <= 86400.0:
        raise ValueError(f"the step must be above 0 and at most 86400 s, not {step_seconds}")
    starts = np.asarray(times, dtype="datetime64[ms]")
    middle = starts + np.timedelta64(round(500.0 * step_seconds), "ms")
    declination, equation, nearness = sun_position(centuries_since_2000(middle, utc_offset_hours))
    start = hour_angle(starts, longitude, utc_offset_hours, equation)
    end = start + step_seconds / 3600.0 * HOURS_TO_RADIANS
    turn = end - start  # so that the share of a wholly sunlit step is 1 to the last bit
    phi = DEGREES * np.asarray(latitude, dtype=float)
    length, cosines = sunlit_overlap(start, end, sunset_hour_angle(latitude, declination))
    integral = np.sin(phi) * np.sin(declination) * length + np.cos(phi) * np.cos(declination) * cosines
    integral = np.maximum(integral, 0.0)
    sunny = length > 1e-9
    mean = np.where(sunny, np.clip(integral / np.where(sunny, length, 1.0), 0.0, 1.0), 0.0)
    return mean, length / turn, SOLAR_CONSTANT * nearness * integral / turn


def interval_mean_cosine_zenith(
    times: ArrayLike, step_seconds: float, latitude: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike
) -> Array:
    """Mean cosine of the solar zenith angle over the sunlit part of each step (0..1; 0 at night).

    `times` are interval starts in local standard time; see `interval_sun`. Light divided by it does not explode at
    sunrise, because the dark part of the step is left out.
    """
    return interval_sun(times, step_seconds, latitude, longitude, utc_offset_hours)[0]


def extraterrestrial_radiation(
    times: ArrayLike, step_seconds: float, latitude: ArrayLike, longitude: ArrayLike, utc_offset_hours: ArrayLike
) -> Array:
    """Sunlight on a horizontal plane above the atmosphere (W m-2), mean over each whole step; see `interval_sun`."""
    return interval_sun(times, step_seconds, latitude, longitude, utc_offset_hours)[2]


def photoperiod(times: ArrayLike, latitude: ArrayLike, utc_offset_hours: ArrayLike = 0.0) -> Array:
    """Hours (0..24) the centre of the sun stands above a flat horizon on the day of each local standard time.

    The declination is that of local noon, so that every step of a day has the same value.
    """
    noon = np.asarray(times, dtype="datetime64[D]").astype("datetime64[ms]") + np.timedelta64(12, "h")
    declination = sun_position(centuries_since_2000(noon, utc_offset_hours))[0]
    return 24.0 / np.pi * sunset_hour_angle(latitude, declination)
