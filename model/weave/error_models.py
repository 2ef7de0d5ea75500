"""How far modelled values are from observed ones: the terms of a negative log-likelihood.

A residual is first divided by its total standard deviation, then freed of what the residual before it foretells (see
`residual_of` in the time loop). Each error model is the negative log density of what remains, of unit variance; it is
written like a process and copied into every woven module. To add one, write it here and list it in ERROR_MODELS.
"""

from collections.abc import Callable

from terraflux.model.weave.lane_math import log

HALF_LOG_TWO_PI = 0.9189385332046727
ROOT_TWO, LOG_ROOT_TWO = 1.4142135623730951, 0.34657359027997264
STUDENT_FREEDOM = 4.0
STUDENT_HALF_POWER = 2.5  # (nu + 1)/2
PER_STUDENT_SPREAD = 0.5  # 1/(nu - 2)
STUDENT_CONSTANT = 0.6342556627317535  # ln Gamma(nu/2) - ln Gamma((nu + 1)/2) + ln(pi (nu - 2))/2


def gaussian(residual: float) -> float:
    """Normal distribution."""
    return 0.5 * residual * residual + HALF_LOG_TWO_PI


def laplace(residual: float) -> float:
    """Two-sided exponential distribution, which Hollinger and Richardson (2005) find for errors of fluxes."""
    return ROOT_TWO * abs(residual) + LOG_ROOT_TWO


def student_t(residual: float) -> float:
    """Student's distribution with 4 degrees of freedom, scaled to unit variance: outliers weigh little."""
    return STUDENT_HALF_POWER * log(1.0 + residual * residual * PER_STUDENT_SPREAD) + STUDENT_CONSTANT


ERROR_MODELS: dict[str, Callable[[float], float]] = {"gaussian": gaussian, "laplace": laplace, "student_t": student_t}
