"""Leaf area index: given from outside, or from the growing-season index.

The growing-season index (Jolly et al. 2005) is the product of three ramps between 0 and 1: of the day's minimum air
temperature (-2..5 degC), its mean vapour pressure deficit (900..4100 Pa, falling) and photoperiod (10..11 h). Jolly et
al. smooth it by a 21-day running mean; here an exponential filter has the same mean age, 10 days: each day takes a
weight of 1/11. The day's sums are states, so a restart within a day is exact. A day begins when the run begins and
lasts 86400 s, which time steps must divide.
"""

from terraflux.model.weave import process

DAY = 86400.0  # s
MINIMUM_TEMPERATURE = (-2.0, 5.0)  # degC
VAPOUR_DEFICIT = (0.9, 4.1)  # kPa
PHOTOPERIOD = (10.0, 11.0)  # h
PER_TEMPERATURE_RANGE, PER_DEFICIT_RANGE, PER_PHOTOPERIOD_RANGE = 1.0 / 7.0, 1.0 / 3.2, 1.0
DAILY_WEIGHT = 1.0 / 11.0
ROUNDING = 1e-3  # s


def daily_index(minimum_temperature, vapour_deficit, photoperiod):
    """Growing-season index of one day from degC, kPa and h (Jolly et al. 2005)."""
    warm = min(max((minimum_temperature - MINIMUM_TEMPERATURE[0]) * PER_TEMPERATURE_RANGE, 0.0), 1.0)
    moist = min(max((VAPOUR_DEFICIT[1] - vapour_deficit) * PER_DEFICIT_RANGE, 0.0), 1.0)
    light = min(max((photoperiod - PHOTOPERIOD[0]) * PER_PHOTOPERIOD_RANGE, 0.0), 1.0)
    return warm * moist * light


@process(returns="leaf_area_index")
def prescribed(prescribed_leaf_area_index):
    """Leaf area index (m2 m-2) as given."""
    return 1.0 * prescribed_leaf_area_index


@process(returns=("leaf_area_index", "growing_season_index", "day_seconds", "day_minimum_temperature",
                  "day_vapour_deficit"))
def growing_season(growing_season_index, day_seconds, day_minimum_temperature, day_vapour_deficit, air_temperature,
                   vapour_pressure_deficit, photoperiod, minimum_leaf_area_index, maximum_leaf_area_index, time_step):
    """Leaf area index (m2 m-2) between minimum and maximum by the smoothed index; it moves once a day."""
    coldest = min(air_temperature, day_minimum_temperature) if day_seconds > 0.0 else air_temperature
    seconds = day_seconds + time_step
    deficit = day_vapour_deficit + vapour_pressure_deficit * time_step
    complete = seconds >= DAY - ROUNDING
    today = daily_index(coldest, deficit / seconds, photoperiod)
    index = growing_season_index + DAILY_WEIGHT * (today - growing_season_index) if complete else growing_season_index
    return (minimum_leaf_area_index + (maximum_leaf_area_index - minimum_leaf_area_index) * index, index,
            0.0 if complete else seconds, coldest, 0.0 if complete else deficit)


PHENOLOGY = {"prescribed": prescribed, "growing_season_index": growing_season}
