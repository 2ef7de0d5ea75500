"""Potential radiation: the sunlight (W m-2) that would fall on level ground if there were no atmosphere.

R_pot = S0 E(d) max(0, sin h),   sin h = sin(lat) sin(dec) + cos(lat) cos(dec) cos(omega)

with the solar constant S0 = 1366.1 W m-2, the eccentricity factor E of Spencer (1971, Search 2:172), the declination dec and
the equation of time as the Fourier series of DIN 5034-2 (1985), and omega the hour angle of true solar time. The day angle is
2 pi (d - 1) / 365.24 for day of year d. These series are the ones behind the published processing of REddyProc (Wutzler et
al. 2018, Biogeosciences 15:5015), so that both agree on which half hours are night.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SOLAR_CONSTANT = 1366.1  # W m-2
DAYS_PER_YEAR = 365.24
# constant, then (cos, sin) of one, two and three times the day angle
ECCENTRICITY = (1.00011, (0.034221, 0.00128), (0.000719, 0.000077), (0.0, 0.0))
DECLINATION_DEGREES = (0.33281, (-22.984, 3.7872), (-0.34990, 0.03205), (-0.13980, 0.07187))
EQUATION_OF_TIME_HOURS = (0.0, (0.0072, -0.1229), (-0.0528, -0.1565), (-0.0012, -0.0041))


def _series(angle: NDArray[np.float64], coefficients: tuple[Any, ...]) -> NDArray[np.float64]:
    total = np.full_like(angle, coefficients[0])
    for order, (cosine, sine) in enumerate(coefficients[1:], start=1):
        total += cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    return total


def solar_clock(middle_time: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Day of year (1..366) and hour of day (0 <= h < 24) of `middle_time` (datetime64 of any unit), both float64."""
    time = np.asarray(middle_time, dtype="datetime64[s]")
    day = time.astype("datetime64[D]")
    day_of_year = (day - time.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    hour = (time - day).astype(np.int64) / 3600.0
    return day_of_year.astype(np.float64), hour


def sine_of_elevation(middle_time: ArrayLike, latitude: float, longitude: float, utc_offset: float) -> NDArray[np.float64]:
    """Sine of the solar elevation (-1..1, negative below the horizon), same shape as `middle_time`.

    Arguments as in `potential_radiation`.
    """
    if not -90.0 <= latitude <= 90.0:
        raise ValueError(f"latitude {latitude} is outside -90..90 degrees north")
    if not -180.0 <= longitude <= 360.0:
        raise ValueError(f"longitude {longitude} is outside -180..360 degrees east")
    longitude = (longitude + 180.0) % 360.0 - 180.0
    day_of_year, hour = solar_clock(middle_time)
    angle = 2.0 * np.pi * (day_of_year - 1.0) / DAYS_PER_YEAR
    declination = np.radians(_series(angle, DECLINATION_DEGREES))
    solar_hour = hour + longitude / 15.0 - utc_offset + _series(angle, EQUATION_OF_TIME_HOURS)
    hour_angle = (solar_hour - 12.0) * np.pi / 12.0
    phi = np.radians(latitude)
    sine: NDArray[np.float64] = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    return sine


def extraterrestrial_radiation(middle_time: ArrayLike) -> NDArray[np.float64]:
    """Radiation (W m-2) on a plane facing the sun above the atmosphere, same shape as `middle_time`."""
    day_of_year, _ = solar_clock(middle_time)
    return SOLAR_CONSTANT * _series(2.0 * np.pi * (day_of_year - 1.0) / DAYS_PER_YEAR, ECCENTRICITY)


def potential_radiation(middle_time: ArrayLike, latitude: float, longitude: float, utc_offset: float) -> NDArray[np.float64]:
    """Potential radiation (W m-2, >= 0) on level ground, same shape as `middle_time`.

    `middle_time`: datetime64 of the MIDDLE of each interval on the site clock (local standard time, no daylight saving);
    for stamps at the end of half hours subtract 15 minutes. `latitude` degrees north, `longitude` degrees east,
    `utc_offset` hours the site clock is ahead of UTC. ValueError for a position off the globe.

    >>> import numpy as np
    >>> noon = np.array(["1998-06-21T12:15", "1998-06-21T00:15"], dtype="datetime64[s]")
    >>> potential_radiation(noon, 51.0, 13.6, 1.0).round(1)
    array([1171.1,    0. ])
    """
    upward = np.maximum(sine_of_elevation(middle_time, latitude, longitude, utc_offset), 0.0)
    return extraterrestrial_radiation(middle_time) * upward
