"""Rain or snow: precipitation is split along a ramp of wet-bulb temperature.

A falling flake takes the wet-bulb temperature of the air it falls through, so dry air snows at warmer temperatures than
humid air. The ramp from 0 to 2 degC follows Jin et al. (1999), there on air temperature.
"""

from terraflux.model.humidity import wet_bulb_temperature
from terraflux.model.weave import process

ALL_SNOW, ALL_RAIN = 0.0, 2.0  # degC


def snow_share(temperature):
    """Share of precipitation that falls as snow (0..1) at a temperature (degC)."""
    return min(max((ALL_RAIN - temperature) * (1.0 / (ALL_RAIN - ALL_SNOW)), 0.0), 1.0)


@process(returns=("rainfall", "snowfall", "precipitating"))
def dry_step(precipitation):
    """Rain and snow (kg m-2 s-1) where nothing falls, and whether something does."""
    return precipitation + 0.0, 0.0, 1.0 if precipitation != 0.0 else 0.0


@process(returns=("rainfall", "snowfall"))
def rain_and_snow(precipitation, air_temperature, saturation_pressure, saturation_slope, vapour_pressure_deficit,
                  psychrometric_constant):
    """Rain and snow (kg m-2 s-1); their sum is precipitation to the last bit or two."""
    wet_bulb = wet_bulb_temperature(
        air_temperature, saturation_pressure, saturation_slope, vapour_pressure_deficit, psychrometric_constant
    )
    snowfall = precipitation * snow_share(wet_bulb)
    return precipitation - snowfall, snowfall


@process(returns=("rainfall", "snowfall"))
def rain_and_snow_by_air_temperature(precipitation, air_temperature):
    """As `rain_and_snow`, on air temperature (degC) itself (Jin et al. 1999)."""
    snowfall = precipitation * snow_share(air_temperature)
    return precipitation - snowfall, snowfall


PRECIPITATION_PHASE = {"wet_bulb": rain_and_snow, "air_temperature": rain_and_snow_by_air_temperature}
