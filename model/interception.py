"""Rain and snow on leaves: interception, drip, unloading of snow, and the wet share of the canopy.

A share 1 - exp(-LAI/2) of rain and snow meets leaves (Oleson et al. 2013, there for rain). Leaves hold up to a capacity
per leaf area (Dickinson et al. 1993); the rest drips within the step. Snow slides off with warmth and wind (Roesch et
al. 2001): within 17 hours at 0 degC in still air, three times as fast at 6 degC, and hardly ever in cold calm air.
Water films cover leaves, snow lies on them in clumps: trees that Lundberg et al. (1998) weighed lost snow 2.6 times more
slowly than the resistance of rain would let them. A surface f times as open gives f (1 + e)/(1 + f e) of the vapour, with
e = 0.67, the slope of saturation over the psychrometric constant, at 0 degC: hence f = 0.27.
Evaporation is taken off after the leaves are solved (canopy_fluxes.py).
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, pow_positive

HOLDING_START = -3.0  # degC: colder snow stays on the leaves
WARMTH_TIME, WIND_DISTANCE = 1.87e5, 1.56e5  # K s, m
SNOW_EXPOSURE = 0.27  # 1: how open a leaf's snow is to the air, over a leaf's rain
LAST_FLAKES = 1e-3  # kg m-2: so little falls at once, so that snow on leaves has an end
SMALLEST_CAPACITY, SMALLEST_FILL = 1e-9, 1e-12  # kg m-2, 1


def wetness(fill):
    """Share of the canopy that a store covers, from its filling: fill^(2/3) (Deardorff 1978)."""
    return pow_positive(max(min(fill, 1.0), SMALLEST_FILL), 2.0 / 3.0) if fill >= SMALLEST_FILL else 0.0 * fill


@process(returns=("canopy_liquid", "canopy_snow", "wet_fraction", "wet_share_of_snow", "throughfall_rain",
                  "throughfall_snow"))
def interception(canopy_liquid, canopy_snow, rainfall, snowfall, leaf_area_index, interception_capacity,
                 snow_interception_capacity, air_temperature, wind_speed, time_step):
    """Stores (kg m-2) after interception, drip and unloading, wet share, and what reaches the ground (kg m-2 s-1).

    The wet share is that of leaves that evaporate as if wet with rain: snow counts with its exposure. How much of
    it is snow's says from which store vapour is taken.
    """
    met = 1.0 - exp(-0.5 * leaf_area_index)
    per_step = 1.0 / time_step
    liquid_capacity = interception_capacity * leaf_area_index
    caught_rain = met * rainfall
    liquid_held = canopy_liquid + caught_rain * time_step
    liquid = min(liquid_held, liquid_capacity)

    snow_capacity = snow_interception_capacity * leaf_area_index
    caught_snow = met * snowfall
    snow_held = canopy_snow + caught_snow * time_step
    sliding = max(air_temperature - HOLDING_START, 0.0) * (1.0 / WARMTH_TIME) + wind_speed * (1.0 / WIND_DISTANCE)
    snow = min(snow_held / (1.0 + sliding * time_step), snow_capacity)
    snow = snow if snow > LAST_FLAKES else 0.0

    wet = wetness(liquid / max(liquid_capacity, SMALLEST_CAPACITY))
    white = SNOW_EXPOSURE * wetness(snow / max(snow_capacity, SMALLEST_CAPACITY))
    return (liquid, snow, min(wet + white, 1.0), white / max(wet + white, SMALLEST_FILL),
            rainfall - caught_rain + (liquid_held - liquid) * per_step,
            snowfall - caught_snow + (snow_held - snow) * per_step)
