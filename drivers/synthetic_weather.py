"""A seeded year of invented but physically consistent weather, for demonstrations and tests.

Sunlight follows solar geometry and a chain of wet and dry days; temperature follows the season, passing air masses and
sunlight; the air keeps the moisture of its night; rain falls on humid, cloudy days, as snow in winter. No place on
earth had this weather: everything made from it is labelled synthetic.
"""

import math

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.co2 import carbon_dioxide_polynomial
from terraflux.drivers.disaggregation import gusty_wind, month_numbers, precipitation_events
from terraflux.drivers.estimates import standard_pressure, sun_of
from terraflux.drivers.record import Record, Series
from terraflux.drivers.site import SiteDescription
from terraflux.drivers.time_axis import TimeAxis
from terraflux.model.humidity import saturation_pressure_at

Floats = NDArray[np.float64]
MEAN_TEMPERATURE, SEASONAL_AMPLITUDE = 8.0, 10.0  # degC, K; a temperate, moderately continental climate
MEAN_MONTHLY_RAIN = 65.0  # mm


def whole_years(first_year: int, years: int, step_seconds: int) -> TimeAxis:
    """The regular axis of whole calendar years."""
    first, after = np.datetime64(f"{first_year}-01-01", "s"), np.datetime64(f"{first_year + years}-01-01", "s")
    return TimeAxis(np.arange(first, after, np.timedelta64(step_seconds, "s")), step_seconds)


def with_memory(generator: np.random.Generator, count: int, memory: float) -> Floats:
    """Standard normal numbers of which each remembers the one before (first-order autoregression)."""
    shocks = generator.normal(size=count) * math.sqrt(1.0 - memory**2)
    course = np.empty(count)
    value = float(generator.normal())
    for place, shock in enumerate(shocks.tolist()):
        value = memory * value + shock
        course[place] = value
    return course


def between_noons(daily: Floats, axis: TimeAxis) -> Floats:
    """Daily values, taken to hold at noon, joined by straight lines."""
    noon = (np.arange(daily.size) + 0.5) * axis.steps_per_day
    return np.interp(np.arange(axis.start.size) + 0.5, noon, daily)


def synthetic_weather(site: SiteDescription, axis: TimeAxis, *, seed: int) -> Record:
    """A record of invented weather for a site, complete but for longwave, with flags of measured values.

    The same seed gives the same weather, bit for bit.
    """
    generator = np.random.default_rng(seed)
    record = Record(axis)
    sun = sun_of(record, site)
    days = int(axis.day_number[-1]) + 1
    wet = np.empty(days, dtype=bool)
    state = False
    for day, luck in enumerate(generator.uniform(size=days).tolist()):
        state = luck < (0.62 if state else 0.26)
        wet[day] = state
    dull, bright = 0.7 * generator.beta(2.0, 4.0, size=days), 0.35 + 0.4 * generator.beta(3.0, 1.5, size=days)
    clearness = np.where(wet, dull, bright)
    flicker = 0.12 * with_memory(generator, axis.start.size, math.exp(-axis.step_seconds / 5400.0))
    now = np.clip(between_noons(clearness, axis) + flicker * (0.3 + clearness[axis.day_number]), 0.03, 0.78)
    shortwave = now * sun.extraterrestrial

    season = np.cos(2.0 * np.pi * (np.arange(days) % 365.25 - 20.0) / 365.25) * math.copysign(1.0, site.latitude)
    air_mass = 3.5 * with_memory(generator, days, 0.75)
    daily_mean = MEAN_TEMPERATURE - SEASONAL_AMPLITUDE * season + air_mass
    swing = 0.5 + 8.0 * clearness * np.clip(sun.extraterrestrial.reshape(days, -1).mean(axis=1) / 400.0, 0.1, 1.0)
    diurnal = np.cos((sun.solar_hour - 15.0) * np.pi / 12.0)
    temperature = between_noons(daily_mean, axis) + between_noons(swing, axis) * diurnal

    depression = np.where(wet, 0.5, 2.0) + generator.exponential(1.2, size=days)
    dew_point = between_noons(daily_mean - swing - depression, axis)
    moisture = np.minimum(saturation_pressure_at(dew_point), 0.98 * saturation_pressure_at(temperature))

    humid = moisture / saturation_pressure_at(temperature) - now
    months = month_numbers(axis)[1].size
    totals = generator.gamma(4.0, MEAN_MONTHLY_RAIN / 4.0, size=months)
    steps_in_month = np.bincount(month_numbers(axis)[0])
    rain = precipitation_events(totals / (steps_in_month * axis.step_seconds), axis, humid, seed=seed + 1)
    wind = gusty_wind(generator.uniform(2.2, 3.8, size=months), axis, sun.solar_hour, seed=seed + 2)
    pressure = standard_pressure(site.elevation) + 700.0 * between_noons(with_memory(generator, days, 0.8), axis)
    seasonal_gas = 4.0 * np.cos(2.0 * np.pi * (np.arange(axis.start.size) / axis.steps_per_day - 100.0) / 365.25)
    for name, values in {
        "shortwave_down": shortwave, "air_temperature": temperature, "vapour_pressure": moisture,
        "air_pressure": pressure, "wind_speed": wind, "precipitation": rain,
        "carbon_dioxide": carbon_dioxide_polynomial(axis.start) + seasonal_gas,
    }.items():
        record.forcing[name] = Series(values, np.zeros(values.shape, dtype=np.int8), "invented", values, "synthetic",
                                      name)
    return record
