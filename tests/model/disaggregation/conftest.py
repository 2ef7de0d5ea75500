"""Coarse forcing of many places and seasons, and what the model sees of it."""

import numpy as np
import pytest

from terraflux.model.disaggregation import Disaggregation, disaggregated
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.solar import extraterrestrial_radiation

LATITUDES = np.array([-90.0, -78.0, -66.6, -35.0, -0.1, 12.0, 23.4, 35.0, 47.5, 54.0, 66.5, 71.0, 83.0, 90.0])
DAY = 86400.0


def coarse(places, first, intervals, interval_seconds, seed=0):
    """Random but plausible forcing [interval, row, series] for the rows of a disaggregation, by name too."""
    random = np.random.default_rng(seed)
    latitude, longitude = np.asarray(places.latitude), np.asarray(places.longitude)
    shape = (intervals, latitude.size)
    times = np.datetime64(first, "ms") + (np.arange(intervals) * interval_seconds * 1000).astype("timedelta64[ms]")
    offset = longitude / 15.0 if places.utc_offset_hours is None else np.asarray(places.utc_offset_hours, float)
    outside = extraterrestrial_radiation(times[:, None], interval_seconds, latitude, longitude, offset)
    air = 25.0 - 0.5 * np.abs(latitude) + random.normal(0.0, 6.0, shape)
    values = {
        "shortwave_down": random.uniform(0.1, 0.78, shape) * outside + random.uniform(0.0, 0.2, shape),
        "longwave_down": random.uniform(150.0, 400.0, shape),
        "air_temperature": air,
        "air_temperature_range": np.where(random.random(shape) < 0.1, 0.0, random.uniform(0.5, 20.0, shape)),
        "vapour_pressure": random.uniform(0.2, 1.0, shape) * saturation_pressure_at(air),
        "air_pressure": random.uniform(5e4, 1.03e5, shape),
        "wind_speed": random.uniform(0.1, 12.0, shape),
        "precipitation": np.where(random.random(shape) < 0.4, random.exponential(1e-4, shape), 0.0),
        "carbon_dioxide": random.uniform(340.0, 400.0, shape),
        "prescribed_leaf_area_index": random.uniform(0.0, 6.0, shape),
    }
    return np.ascontiguousarray(np.stack([values[name] for name in places.variables()], axis=1))


@pytest.fixture(scope="session")
def make():
    """make(first, intervals, **choices) -> (disaggregation, coarse forcing): every latitude at three longitudes."""
    def made(first, intervals, *, latitude=None, longitude=None, seed=0, **choices):
        places = np.repeat(LATITUDES, 3) if latitude is None else np.asarray(latitude)
        around = np.resize([-171.3, 8.9, 120.0], places.size) if longitude is None else np.asarray(longitude)
        one = Disaggregation(places, around, first, **choices)
        return one, coarse(one, first, intervals, one.interval_seconds, seed)
    return made


@pytest.fixture(scope="session")
def seen():
    """seen(disaggregation, forcing, time_step) -> forcing by name [interval, step, series]."""
    def by_interval(one, forcing, time_step=3600.0):
        count = round(one.interval_seconds / time_step)
        return {name: values.reshape(-1, count, values.shape[1])
                for name, values in disaggregated(forcing, one, time_step).items()}
    return by_interval
