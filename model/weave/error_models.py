"""How far a modelled value is from an observed one: the terms of a negative log-likelihood.

Each error model is a scalar function of (modelled, observed, sigma), in the unit of the observation, written like a
process; it is copied into every woven module. To add one, write it here and list it in ERROR_MODELS.
"""

from collections.abc import Callable

from terraflux.model.weave.lane_math import log

HALF_LOG_TWO_PI = 0.9189385332046727


def gaussian(modelled: float, observed: float, sigma: float) -> float:
    """Negative log density of a normal distribution of standard deviation sigma."""
    deviation = (modelled - observed) / sigma
    return 0.5 * deviation * deviation + log(sigma) + HALF_LOG_TWO_PI


ERROR_MODELS: dict[str, Callable[[float, float, float], float]] = {"gaussian": gaussian}
