"""A season of photosynthetic capacity: its logarithm is a sum of given terms with weights of the column.

The terms are rows of forcing, shared by every column under the same weather: a periodic spline, months, harmonics or an
acclimated temperature. The weights are parameters, so that each column has a season of its own. The factor multiplies
carboxylation capacity, and with it electron transport and dark respiration, or, in the light-use scheme, both
efficiencies. Seasons of carboxylation capacity at flux towers: Groenendijk et al. (2011, J. Geophys. Res. 116, G04027).
"""

from terraflux.model.photosynthesis import farquhar
from terraflux.model.weave import Item, Layers, Process, process
from terraflux.model.weave.lane_math import exp


@process(returns="seasonal_exponent")
def begin_season(air_temperature):
    """The sum starts at 0; missing air temperature stays missing."""
    return 0.0 * air_temperature


@process(returns="seasonal_exponent")
def seasonal_term(seasonal_exponent, seasonal_weight, seasonal_basis):
    """One term more in the logarithm."""
    return seasonal_exponent + seasonal_weight * seasonal_basis


@process(returns="seasonal_factor")
def seasonal_factor(seasonal_exponent):
    """The factor, 1 where all weights are 0."""
    return exp(seasonal_exponent)


@process(returns="capacity")
def seasonal_capacity(capacity, seasonal_factor):
    """Carboxylation capacity at 25 degC of one leaf class at this time of the year (umol m-2 s-1)."""
    return capacity * seasonal_factor


@process(returns="gross_assimilation")
def seasonal_assimilation(gross_assimilation, seasonal_factor):
    """Assimilation of one leaf class, proportional to its light-use efficiency, at this time of the year (umol m-2 s-1)."""
    return gross_assimilation * seasonal_factor


SEASONALITY: dict[str, tuple[Item, ...]] = {
    "none": (),
    "basis": (begin_season, Layers(seasonal_term), seasonal_factor),
}


def on_capacity(seasonality: str, photosynthesis: Process) -> tuple[Process, ...]:
    """What multiplies the capacity of a leaf class where `photosynthesis` is the biochemical scheme."""
    return (seasonal_capacity,) if seasonality != "none" and photosynthesis is farquhar else ()


def on_assimilation(seasonality: str, photosynthesis: Process) -> tuple[Process, ...]:
    """What multiplies the assimilation of a leaf class where `photosynthesis` is not the biochemical scheme."""
    return (seasonal_assimilation,) if seasonality != "none" and photosynthesis is not farquhar else ()
