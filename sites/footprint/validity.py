"""Why a half hour has no footprint, and what to keep in mind where it has one: bit codes with a text for each.

A row may break several rules; its code holds one bit per broken rule. `Reason` makes the row invalid, `Caution` does
not: it marks rules that the papers give but the published programs do not enforce, and inputs that were estimated.
"""

import enum
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]


class Reason(enum.IntFlag):
    """Rules that a half hour breaks so that it has no footprint."""

    MISSING_MEASUREMENT_HEIGHT = enum.auto()
    MISSING_ROUGHNESS_AND_WIND_SPEED = enum.auto()
    MISSING_OBUKHOV_LENGTH = enum.auto()
    MISSING_SIGMA_V = enum.auto()
    MISSING_FRICTION_VELOCITY = enum.auto()
    MISSING_BOUNDARY_LAYER_HEIGHT = enum.auto()
    MISSING_WIND_DIRECTION = enum.auto()
    MEASUREMENT_HEIGHT_NOT_POSITIVE = enum.auto()
    ABOVE_BOUNDARY_LAYER = enum.auto()
    BOUNDARY_LAYER_TOO_SHALLOW = enum.auto()
    IN_ROUGHNESS_SUBLAYER = enum.auto()
    ROUGHNESS_NOT_POSITIVE = enum.auto()
    BELOW_ROUGHNESS_LENGTH = enum.auto()
    TOO_UNSTABLE = enum.auto()
    OUTSIDE_STABILITY_RANGE = enum.auto()
    OBUKHOV_LENGTH_ZERO = enum.auto()
    SIGMA_V_NOT_POSITIVE = enum.auto()
    CALM = enum.auto()
    FRICTION_VELOCITY_TOO_LOW = enum.auto()
    WIND_DIRECTION_OUTSIDE_CIRCLE = enum.auto()
    PROFILE_UNDEFINED = enum.auto()
    EXPONENTS_UNDEFINED = enum.auto()


class Caution(enum.IntFlag):
    """Marks on valid rows: a rule of the paper broken, or an input estimated."""

    NEAR_ROUGHNESS_SUBLAYER = enum.auto()
    IN_ENTRAINMENT_LAYER = enum.auto()
    OBUKHOV_LENGTH_FROM_FLUXES = enum.auto()
    SIGMA_V_NEUTRAL = enum.auto()
    SIGMA_V_CONVECTIVE = enum.auto()
    BOUNDARY_LAYER_STABLE = enum.auto()
    BOUNDARY_LAYER_NEUTRAL = enum.auto()
    BOUNDARY_LAYER_GROWN = enum.auto()
    ROUGHNESS_FROM_WIND_SPEED = enum.auto()
    WIND_SPEED_FROM_ROUGHNESS = enum.auto()


REASON_TEXT: Mapping[Reason, str] = {
    Reason.MISSING_MEASUREMENT_HEIGHT: "measurement height above displacement missing",
    Reason.MISSING_ROUGHNESS_AND_WIND_SPEED: "roughness length and mean wind speed both missing: give one of them",
    Reason.MISSING_OBUKHOV_LENGTH: "Obukhov length missing: derive it with stability.obukhov_length",
    Reason.MISSING_SIGMA_V: "sigma_v missing: estimate it with inputs.complete_inputs",
    Reason.MISSING_FRICTION_VELOCITY: "friction velocity missing",
    Reason.MISSING_BOUNDARY_LAYER_HEIGHT: "boundary-layer height missing: estimate it with inputs.complete_inputs",
    Reason.MISSING_WIND_DIRECTION: "wind direction missing",
    Reason.MEASUREMENT_HEIGHT_NOT_POSITIVE: "measurement height not above the displacement height",
    Reason.ABOVE_BOUNDARY_LAYER: "measurement height at or above the boundary-layer height",
    Reason.BOUNDARY_LAYER_TOO_SHALLOW: "boundary-layer height not above 10 m",
    Reason.IN_ROUGHNESS_SUBLAYER: "measurement height not above 12.5 roughness lengths (roughness sublayer)",
    Reason.ROUGHNESS_NOT_POSITIVE: "roughness length not positive",
    Reason.BELOW_ROUGHNESS_LENGTH: "measurement height not above the roughness length (twice that for horst_weil)",
    Reason.TOO_UNSTABLE: "zm / L not above -15.5",
    Reason.OUTSIDE_STABILITY_RANGE: "|zm / L| above the limit of the model",
    Reason.OBUKHOV_LENGTH_ZERO: "Obukhov length zero",
    Reason.SIGMA_V_NOT_POSITIVE: "sigma_v not positive",
    Reason.CALM: "calm: mean wind speed not positive",
    Reason.FRICTION_VELOCITY_TOO_LOW: "friction velocity at or below the limit of the model (0.1 m s-1 for FFP, else 0)",
    Reason.WIND_DIRECTION_OUTSIDE_CIRCLE: "wind direction outside 0..360: give degrees from north, clockwise, blowing from",
    Reason.PROFILE_UNDEFINED: "wind profile undefined: the stability correction exceeds its range",
    Reason.EXPONENTS_UNDEFINED: "power-law exponents undefined: no positive shape of the profiles fits",
}

CAUTION_TEXT: Mapping[Caution, str] = {
    Caution.NEAR_ROUGHNESS_SUBLAYER: "measurement height not above 20 roughness lengths (rule of the paper)",
    Caution.IN_ENTRAINMENT_LAYER: "measurement height not below 0.8 boundary-layer heights (rule of the paper)",
    Caution.OBUKHOV_LENGTH_FROM_FLUXES: "Obukhov length from friction velocity and sensible heat flux",
    Caution.SIGMA_V_NEUTRAL: "sigma_v estimated as 1.9 friction velocities",
    Caution.SIGMA_V_CONVECTIVE: "sigma_v estimated from friction velocity, boundary-layer height and Obukhov length",
    Caution.BOUNDARY_LAYER_STABLE: "boundary-layer height from the stable diagnostic",
    Caution.BOUNDARY_LAYER_NEUTRAL: "boundary-layer height from the neutral limit",
    Caution.BOUNDARY_LAYER_GROWN: "boundary-layer height from convective growth over the day",
    Caution.ROUGHNESS_FROM_WIND_SPEED: "roughness length from mean wind speed and friction velocity",
    Caution.WIND_SPEED_FROM_ROUGHNESS: "mean wind speed from roughness length and friction velocity",
}


def texts(code: int, kind: type[enum.IntFlag] = Reason) -> list[str]:
    """What each bit of a code says.

    >>> texts(Reason.MISSING_SIGMA_V | Reason.CALM)
    ['sigma_v missing: estimate it with inputs.complete_inputs', 'calm: mean wind speed not positive']
    """
    table: Mapping[Any, str] = REASON_TEXT if kind is Reason else CAUTION_TEXT
    return [table[flag] for flag in kind if int(code) & flag.value]


def counts(codes: Codes, kind: type[enum.IntFlag] = Reason) -> dict[str, int]:
    """How many rows carry each bit, by name, the frequent ones first; bits that no row carries are left out."""
    values = np.asarray(codes, np.uint32)
    found = {str(flag.name): int(np.count_nonzero(values & np.uint32(flag.value))) for flag in kind}
    return {name: number for name, number in sorted(found.items(), key=lambda one: -one[1]) if number}


def flagged(*rules: tuple[NDArray[np.bool_], enum.IntFlag]) -> Codes:
    """Codes with the bit of each rule set where its condition holds; conditions broadcast."""
    conditions = np.broadcast_arrays(*(np.asarray(condition, bool) for condition, _ in rules))
    codes = np.zeros(conditions[0].shape, np.uint32)
    for condition, (_, flag) in zip(conditions, rules, strict=True):
        codes |= np.where(condition, np.uint32(flag.value), np.uint32(0))
    return codes
