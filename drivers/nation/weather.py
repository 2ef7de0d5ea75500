"""Daily weather of the synthetic nation, computed for any cells and days alone.

Disturbances that travel east make clouds and rain, more clouds where the climate is moist; under clouds the diurnal range is
small, sunlight is taken away and longwave added; the air keeps the moisture of its night. Slow fields make good and bad years,
the climate its seasons and trends. All randomness comes from `noise`, so a value depends on seed, position and date only.
"""

import math

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.nation.climate import MIDDLE_YEAR, WET_DAY_RAIN, WET_DAY_SHARE, Climate, season
from terraflux.drivers.nation.noise import helper, noise, stream
from terraflux.model.constants import KELVIN, SOLAR_CONSTANT, STEFAN_BOLTZMANN
from terraflux.model.humidity import TETENS_FACTOR, TETENS_OFFSET, TETENS_PRESSURE
from terraflux.model.sky_longwave import (
    CLEAR_TRANSMISSION,
    CLEAR_TRANSMISSION_PER_METRE,
    CLOUD_ATTENUATION,
    CLOUD_ATTENUATION_EXPONENT,
    CLOUD_ENHANCEMENT,
)
from terraflux.model.solar import centuries_since_2000, sun_position
from terraflux.model.weave.kernels import kernel
from terraflux.model.weave.lane_math import exp, log

Floats = NDArray[np.float64]
VARIABLES = ("shortwave_down", "longwave_down", "air_temperature", "air_temperature_range", "vapour_pressure", "air_pressure",
             "wind_speed", "precipitation", "carbon_dioxide", "prescribed_leaf_area_index")
SHORTWAVE, LONGWAVE, TEMPERATURE, RANGE, VAPOUR, PRESSURE, WIND, RAIN, CARBON, LEAVES = range(len(VARIABLES))
FIELD_LOW, FIELD_FRONT, FIELD_SHOWER, FIELD_AIR, FIELD_GUST, FIELD_WARM_YEAR, FIELD_WET_YEAR = 21, 22, 23, 24, 25, 26, 27
EASTWARD = 6.0  # degrees of longitude that weather travels in a day
DAY = 86400.0  # s
LOGISTIC = 1.702  # of the logistic curve that stands in for the normal distribution
SHOWERS = 0.85  # standard deviation of the logarithm of a wet day's rain
CLOUD_EDGE = 2.0  # logits of cloud cover for each standard deviation of a disturbance
CO2_SEASON = 5.0  # umol mol-1, half the seasonal swing in the north
# Rows of what a cell brings along, of what leaves a day brings along.
(LONGITUDE, LATITUDE, MEAN, AMPLITUDE, ANNUAL_RAIN, MONSOON, PEAK_COSINE, PEAK_SINE, ARIDITY, CLOUDINESS, STRATUS,
 CLEAR_SKY, CLEAR_RANGE, MEAN_WIND, STANDARD_PRESSURE, WARMING, WETTING, GREENING, STILLING, DORMANT_LEAVES,
 GROWN_LEAVES) = range(21)
DATE, SEASON, COSINE, SINE, YEARS, DECLINATION, NEARNESS, BACKGROUND_CO2, LAGGED_SEASON, LAGGED_COSINE, LAGGED_SINE = range(11)
LEAF_LAG = 12.0  # days that leaves follow warmth and rain


@helper
def saturation(temperature):
    """Saturation vapour pressure (kPa), Tetens."""
    return TETENS_PRESSURE * exp(TETENS_FACTOR * temperature / (temperature + TETENS_OFFSET))


@helper
def rain_pulse(monsoon, cosine):
    """Relative rainfall of a day of the year; mean 1 over the year."""
    pulse = 1.0 + monsoon * cosine
    return pulse * pulse / (1.0 + 0.5 * monsoon * monsoon)


@helper
def leafiness(temperature, pulse, monsoon, aridity):
    """Share (0..1) of the seasonal foliage that is out, from lagged mean temperature (degC) and rainfall pulse."""
    warm = min(max(temperature / 13.0, 0.0), 1.0)
    best = (1.0 + monsoon) * (1.0 + monsoon) / (1.0 + 0.5 * monsoon * monsoon)
    return warm * warm * (3.0 - 2.0 * warm) * (1.0 - aridity * (1.0 - pulse / best))


@helper
def daily_sun(latitude, declination):
    """Mean cosine of the zenith angle over 24 hours, night counted as 0; latitude and declination in radians."""
    sines, cosines = math.sin(latitude) * math.sin(declination), math.cos(latitude) * math.cos(declination)
    sunset = math.acos(min(max(-sines / cosines, -1.0), 1.0))
    return (sunset * sines + cosines * math.sin(sunset)) / math.pi


@kernel
def daily_weather(days, cells, seed, out):
    """Fills out[day, variable, cell] from rows of `days` [row, day] and `cells` [row, cell]."""
    low, front, shower = stream(FIELD_LOW, seed), stream(FIELD_FRONT, seed), stream(FIELD_SHOWER, seed)
    air, gust = stream(FIELD_AIR, seed), stream(FIELD_GUST, seed)
    warm_year, wet_year = stream(FIELD_WARM_YEAR, seed), stream(FIELD_WET_YEAR, seed)
    count = cells.shape[1]
    wet_bias, gusts, showers, airs, warm, wet = (np.empty(count), np.empty(count), np.empty(count), np.empty(count),
                                                 np.empty(count), np.empty(count))
    for day in range(days.shape[1]):
        date, now, years = days[DATE, day], days[SEASON, day], days[YEARS, day]
        for cell in range(count):
            x, y = cells[LONGITUDE, cell], cells[LATITUDE, cell]
            east = x - EASTWARD * date
            wet_bias[cell] = 0.85 * noise(east / 12.0, y / 8.0, date / 3.0, low)
        for cell in range(count):
            east = cells[LONGITUDE, cell] - EASTWARD * date
            wet_bias[cell] += 0.527 * noise(east / 4.0, cells[LATITUDE, cell] / 3.0, date / 1.3, front)
        for cell in range(count):
            showers[cell] = noise(cells[LONGITUDE, cell] / 1.2, cells[LATITUDE, cell] / 1.0, date / 0.9, shower)
        for cell in range(count):
            airs[cell] = noise((cells[LONGITUDE, cell] - EASTWARD * date) / 14.0, cells[LATITUDE, cell] / 9.0, date / 5.0, air)
        for cell in range(count):
            gusts[cell] = noise((cells[LONGITUDE, cell] - EASTWARD * date) / 9.0, cells[LATITUDE, cell] / 7.0, date / 2.0, gust)
        for cell in range(count):
            warm[cell] = noise(cells[LONGITUDE, cell] / 16.0, cells[LATITUDE, cell] / 12.0, date / 300.0, warm_year)
        for cell in range(count):
            wet[cell] = noise(cells[LONGITUDE, cell] / 10.0, cells[LATITUDE, cell] / 8.0, date / 220.0, wet_year)
        for cell in range(count):
            one_cell(out[day], cells, cell, now, years, days, day, wet_bias[cell], showers[cell], airs[cell], gusts[cell],
                     warm[cell], wet[cell])


@helper
def one_cell(out, cells, cell, now, years, days, day, wetness, shower, air, gust, warm, wet):
    """The weather of one cell and day from its climate and the random fields."""
    aridity, monsoon = cells[ARIDITY, cell], cells[MONSOON, cell]
    cosine = days[COSINE, day] * cells[PEAK_COSINE, cell] + days[SINE, day] * cells[PEAK_SINE, cell]
    rate = cells[ANNUAL_RAIN, cell] / 365.25 * rain_pulse(monsoon, cosine)
    rate *= max(1.0 + cells[WETTING, cell] * years + 0.12 * wet, 0.2)
    share = min(rate / (WET_DAY_RAIN + WET_DAY_SHARE * rate), 0.9)
    threshold = log((1.0 - share) / share) / LOGISTIC
    raining = wetness > threshold
    amount = rate / share * exp(SHOWERS * shower - 0.5 * SHOWERS * SHOWERS)
    overcast = CLOUD_EDGE * (wetness - threshold) + cells[CLOUDINESS, cell] - cells[STRATUS, cell] * now
    cover = 1.0 / (1.0 + exp(-overcast))
    taken = CLOUD_ATTENUATION * exp(CLOUD_ATTENUATION_EXPONENT * log(cover))
    sun = daily_sun(cells[LATITUDE, cell] * (math.pi / 180.0), days[DECLINATION, day])
    temperature = (cells[MEAN, cell] + cells[AMPLITUDE, cell] * now + cells[WARMING, cell] * years + 0.5 * warm
                   + (2.6 - 1.0 * now) * air - 1.8 * now * (cover - 0.6))
    swing = max(cells[CLEAR_RANGE, cell] * (1.0 - 0.6 * cover), 1.0)
    depression = 0.3 + (1.5 + 6.0 * aridity) * (1.0 - cover) - 0.6 * wet
    dew = temperature - 0.5 * swing - max(depression, 0.1)
    vapour = min(saturation(dew), 0.99 * saturation(temperature))
    kelvin = temperature + KELVIN
    emissivity = 1.24 * exp(log(10.0 * vapour / kelvin) * (1.0 / 7.0)) * (1.0 + CLOUD_ENHANCEMENT * cover * cover)
    wind = cells[MEAN_WIND, cell] * exp(0.38 * gust - 0.07) * (1.0 + cells[STILLING, cell] * years) * (1.0 - 0.1 * now)
    pulse = rain_pulse(monsoon, days[LAGGED_COSINE, day] * cells[PEAK_COSINE, cell]
                       + days[LAGGED_SINE, day] * cells[PEAK_SINE, cell])
    lagged = cells[MEAN, cell] + cells[AMPLITUDE, cell] * days[LAGGED_SEASON, day] + 0.5 * warm
    growth = max(1.0 + cells[GREENING, cell] * years + 0.06 * wet, 0.2)
    out[SHORTWAVE, cell] = SOLAR_CONSTANT * days[NEARNESS, day] * sun * cells[CLEAR_SKY, cell] * (1.0 - taken)
    out[LONGWAVE, cell] = min(emissivity, 1.0) * STEFAN_BOLTZMANN * kelvin * kelvin * kelvin * kelvin
    out[TEMPERATURE, cell] = temperature
    out[RANGE, cell] = swing
    out[VAPOUR, cell] = vapour
    out[PRESSURE, cell] = cells[STANDARD_PRESSURE, cell] * (1.0 - 0.004 * now - 0.005 * wetness)
    out[WIND, cell] = min(max(wind, 0.3), 30.0)
    out[RAIN, cell] = amount / DAY if raining else 0.0
    uptake = CO2_SEASON * min(cells[LATITUDE, cell] / 45.0, 1.0) * days[LAGGED_SEASON, day]
    out[CARBON, cell] = days[BACKGROUND_CO2, day] - uptake
    out[LEAVES, cell] = growth * (cells[DORMANT_LEAVES, cell]
                                  + cells[GROWN_LEAVES, cell] * leafiness(lagged, pulse, monsoon, aridity))


def day_of_year(days: NDArray[np.datetime64]) -> Floats:
    """1 for 1 January."""
    return (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + 1.0


def rows_of_days(days: NDArray[np.datetime64], background: Floats) -> Floats:
    """What every day brings along, [row, day]; `background` is carbon dioxide (umol mol-1) without a season."""
    noon = days.astype("datetime64[ms]") + np.timedelta64(12, "h")
    declination, _, nearness = sun_position(centuries_since_2000(noon, 7.0))
    doy = day_of_year(days)
    turn, lagged = 2.0 * np.pi * doy / 365.25, 2.0 * np.pi * (doy - LEAF_LAG) / 365.25
    date = (days - np.datetime64("1970-01-01", "D")).astype(float)
    years = 1970.0 + date / 365.2425 - MIDDLE_YEAR
    return np.stack([date, season(doy), np.cos(turn), np.sin(turn), years, declination, nearness, background,
                     season(doy - LEAF_LAG), np.cos(lagged), np.sin(lagged)])


def rows_of_cells(longitude: Floats, latitude: Floats, elevation: Floats, climate: Climate, dormant: Floats, grown: Floats
                  ) -> Floats:
    """What every cell brings along, [row, cell]; `dormant` and `grown` are leaf area in winter and what summer adds."""
    peak = 2.0 * np.pi * climate.rain_peak / 365.25
    clear_sky = (CLEAR_TRANSMISSION + CLEAR_TRANSMISSION_PER_METRE * elevation) * (1.0 - climate.haze)
    return np.ascontiguousarray(np.stack([
        longitude, latitude, climate.mean_temperature, climate.temperature_amplitude, climate.annual_precipitation,
        climate.monsoon, np.cos(peak), np.sin(peak), climate.aridity, climate.cloudiness, climate.stratus, clear_sky,
        climate.diurnal_range, climate.wind, climate.pressure, climate.warming, climate.wetting, climate.greening,
        climate.stilling, dormant, grown]))
