"""Leaf area index: given from outside, or from the growing-season index, with or without soil water.

The growing-season index (Jolly et al. 2005) is the product of three ramps between 0 and 1: of the day's minimum air
temperature (-2..5 degC), its mean vapour pressure deficit (900..4100 Pa, falling) and photoperiod (10..11 h). The ends of
the ramps are parameters of the plant; the published ones are their defaults. Jolly et al. smooth the index by a 21-day
running mean; here an exponential filter has the same mean age, 10 days: each day takes a weight of 1/(1 + age). The
day's sums are states, so a restart within a day is exact. A day begins when the run begins and lasts 86400 s, which time
steps must divide.

Where drought sheds leaves, a fourth ramp follows the water in reach of the roots (Jolly and Running 2004): the soil
moisture stress factor of the past day, over the factor from which leaves are not limited (the form is our choice).
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp

DAY = 86400.0  # s
ROUNDING = 1e-3  # s
UNSTRESSED = 1e-3  # full-leaf stress factors below this ask for no water


def ramp(value, foot, width):
    """0 up to the foot, 1 from foot + width on, linear between."""
    return min(max((value - foot) / width, 0.0), 1.0)


@process(returns="leaf_area_index")
def prescribed(prescribed_leaf_area_index):
    """Leaf area index (m2 m-2) as given."""
    return 1.0 * prescribed_leaf_area_index


@process(returns="daily_growing_season_index")
def weather_index(day_seconds, day_minimum_temperature, day_vapour_deficit, air_temperature, vapour_pressure_deficit,
                  photoperiod, time_step, leaf_onset_temperature, leaf_onset_temperature_range, leaf_fall_vapour_deficit,
                  leaf_fall_vapour_deficit_range, leaf_onset_photoperiod, leaf_onset_photoperiod_range):
    """Growing-season index of the day so far: ramps of cold, dry air and short days (Jolly et al. 2005)."""
    coldest = min(air_temperature, day_minimum_temperature) if day_seconds > 0.0 else air_temperature
    deficit = (day_vapour_deficit + vapour_pressure_deficit * time_step) / (day_seconds + time_step)
    warm = ramp(coldest, leaf_onset_temperature, leaf_onset_temperature_range)
    moist = 1.0 - ramp(deficit, leaf_fall_vapour_deficit, leaf_fall_vapour_deficit_range)
    light = ramp(photoperiod, leaf_onset_photoperiod, leaf_onset_photoperiod_range)
    return warm * moist * light


@process(returns="daily_growing_season_index")
def wetness_index(daily_growing_season_index, recent_moisture_stress, leaf_full_moisture_stress):
    """The index times the ramp of soil water (after Jolly and Running 2004); all of it where the plant asks for no water."""
    thirsty = leaf_full_moisture_stress > UNSTRESSED
    wet = min(recent_moisture_stress / (leaf_full_moisture_stress if thirsty else 1.0), 1.0)
    return daily_growing_season_index * (wet if thirsty else 1.0)


@process(returns=("leaf_area_index", "growing_season_index", "day_seconds", "day_minimum_temperature",
                  "day_vapour_deficit"))
def growing_season(growing_season_index, daily_growing_season_index, day_seconds, day_minimum_temperature,
                   day_vapour_deficit, air_temperature, vapour_pressure_deficit, minimum_leaf_area_index,
                   maximum_leaf_area_index, leaf_response_time, time_step):
    """Leaf area index (m2 m-2) between minimum and maximum by the smoothed index; it moves once a day."""
    coldest = min(air_temperature, day_minimum_temperature) if day_seconds > 0.0 else air_temperature
    seconds = day_seconds + time_step
    deficit = day_vapour_deficit + vapour_pressure_deficit * time_step
    complete = seconds >= DAY - ROUNDING
    moved = growing_season_index + (daily_growing_season_index - growing_season_index) / (1.0 + leaf_response_time)
    index = moved if complete else growing_season_index
    return (minimum_leaf_area_index + (maximum_leaf_area_index - minimum_leaf_area_index) * index, index,
            0.0 if complete else seconds, coldest, 0.0 if complete else deficit)


@process(returns="recent_moisture_stress")
def recent_moisture_stress(recent_moisture_stress, moisture_stress, time_step):
    """Soil moisture stress factor of the past day, as an exponential mean."""
    return moisture_stress + (recent_moisture_stress - moisture_stress) * exp(time_step * (-1.0 / DAY))


PHENOLOGY = {
    "prescribed": (prescribed,),
    "growing_season_index": (weather_index, growing_season),
    "growing_season_water": (weather_index, wetness_index, growing_season),
}
AFTER_STRESS = {"prescribed": (), "growing_season_index": (), "growing_season_water": (recent_moisture_stress,)}
"""What each scheme remembers of soil water, once the step knows its stress."""
