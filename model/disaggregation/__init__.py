"""Daily and three-hourly forcing made into the forcing of every step, inside the compiled time loop."""

from terraflux.model.disaggregation.assembling import coarse_forcing
from terraflux.model.disaggregation.disaggregation import (
    AIR_TEMPERATURE_RANGE,
    Disaggregation,
    DisaggregationError,
    disaggregated,
)
from terraflux.model.disaggregation.precipitation_course import PRECIPITATION_COURSE
from terraflux.model.disaggregation.temperature_course import TEMPERATURE_COURSE

__all__ = ["AIR_TEMPERATURE_RANGE", "PRECIPITATION_COURSE", "TEMPERATURE_COURSE", "Disaggregation", "DisaggregationError",
           "coarse_forcing", "disaggregated"]
