"""The temperature that leaves are acclimated to: a running mean of air temperature over about ten days.

An exponential mean with a memory of ten days weighs the past as recent work on thermal acclimation does (Kattge and
Knorr 2007 used the mean of the preceding 30 days; ten days is the default of the specification).
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp

MEMORY = 10.0 * 86400.0  # s


@process(returns="growth_temperature")
def growth_temperature(growth_temperature, air_temperature, time_step):
    """Running mean of air temperature (degC); exact for air temperature constant within the step."""
    kept = exp(time_step * (-1.0 / MEMORY))
    return air_temperature + (growth_temperature - air_temperature) * kept
