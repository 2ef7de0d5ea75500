"""How much a half hour counts in a likelihood, by how well its footprint stands for the modelled land.

Operators (specification of footprints, section 8, and one more), never mixed silently:

mixture     the model is run for every land-cover class and its results are mixed with the fractions of the footprint
shared_error the model is run for one class; what other classes add is one error that all half hours share, which a fit adds
inflation   the model is run for one class; a representativeness variance is added to the error
tempered    the model is run for one class; the log likelihood of a half hour is multiplied by rho = phi_target (1 - |b|/b_max)
hard_filter the model is run for one class; half hours with too little of it in their footprint are left out
site        footprints are not used at all

Before any of them but `site` a half hour must capture enough of its footprint and see enough of the target class.
`tempered` gives a power posterior, not a model of errors; `inflation` is one. They exclude each other.
"""

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

OPERATORS = ("mixture", "shared_error", "inflation", "tempered", "hard_filter", "site")
LEAST_CAPTURED_MASS = 0.7
LEAST_TARGET_FRACTION = 0.5
FILTER_TARGET_FRACTION = 0.8
LARGEST_LOCATION_BIAS = 25.0
"""Sensor-location bias in percent at which a tempered half hour counts no more."""


class Rejection(IntFlag):
    """Why a half hour has no weight; reasons may be joined."""

    NONE = 0
    NO_FOOTPRINT = 1
    LITTLE_CAPTURED = 2
    LITTLE_TARGET = 4
    NO_LOCATION_BIAS = 8
    LOCATION_BIAS = 16


REJECTION_TEXTS = {
    Rejection.NO_FOOTPRINT: "no footprint: the row of the footprint model is invalid",
    Rejection.LITTLE_CAPTURED: "less of the footprint inside the raster than the least captured mass",
    Rejection.LITTLE_TARGET: "less of the target class in the footprint than the least target fraction",
    Rejection.NO_LOCATION_BIAS: "no sensor-location bias for this half hour, which the tempered operator needs",
    Rejection.LOCATION_BIAS: "sensor-location bias beyond the largest allowed",
}


@dataclass(frozen=True)
class ObservationWeights:
    """Weight rho in 0..1 and rejection reasons (bits of `Rejection`) of every half hour, and the operator they serve."""

    operator: str
    weight: NDArray[np.float64]
    rejection: NDArray[np.uint8]

    def counts(self) -> dict[str, int]:
        """Number of half hours per rejection reason; a half hour may count under several."""
        return {str(reason.name).lower(): int(np.count_nonzero(self.rejection & reason)) for reason in REJECTION_TEXTS}


def observation_weights(operator: str, captured_mass: ArrayLike | None = None, target_fraction: ArrayLike | None = None,
                        location_bias: ArrayLike | None = None, *, rows: int | None = None,
                        least_captured_mass: float = LEAST_CAPTURED_MASS,
                        least_target_fraction: float | None = None,
                        largest_location_bias: float = LARGEST_LOCATION_BIAS) -> ObservationWeights:
    """Weights of half hours for an operator.

    `captured_mass` (share of each footprint inside the raster, NaN without footprint) and `target_fraction` (share of the
    captured footprint on the target class) have shape (rows,); `location_bias` is the sensor-location bias in percent,
    for `tempered` only. `site` needs `rows` alone. `least_target_fraction` is 0.5, for `hard_filter` 0.8, unless given.
    For `mixture` no least target fraction applies unless given: every class is modelled.

    Raises ValueError for an unknown operator, a missing or superfluous input, and shapes that differ.
    """
    if operator not in OPERATORS:
        raise ValueError(f"operator {operator!r} is unknown; known are {', '.join(OPERATORS)}")
    if (location_bias is not None) != (operator == "tempered"):
        raise ValueError("location_bias is for the operator 'tempered' and for no other, so that error inflation and a "
                         "tempered likelihood are not mixed; give it there and leave it out elsewhere")
    if operator == "site":
        if rows is None or captured_mass is not None or target_fraction is not None:
            raise ValueError("the operator 'site' takes the number of rows and no footprint")
        return ObservationWeights(operator, np.ones(rows), np.zeros(rows, np.uint8))
    if captured_mass is None or target_fraction is None:
        raise ValueError(f"the operator {operator!r} needs captured_mass and target_fraction of every half hour")
    captured, target = np.asarray(captured_mass, float), np.asarray(target_fraction, float)
    if captured.ndim != 1 or captured.shape != target.shape:
        raise ValueError(f"captured_mass has shape {captured.shape} and target_fraction {target.shape}; both must be (rows,)")
    for name, values in (("captured_mass", captured), ("target_fraction", target)):
        if np.nanmax(values, initial=0.0) > 1.05 or np.nanmin(values, initial=0.0) < 0.0:
            raise ValueError(f"{name} must lie in 0..1; it reaches {np.nanmin(values):g} to {np.nanmax(values):g}")
    default = {"hard_filter": FILTER_TARGET_FRACTION, "mixture": 0.0}.get(operator, LEAST_TARGET_FRACTION)
    least = default if least_target_fraction is None else least_target_fraction

    rejection = np.zeros(captured.shape, np.uint8)
    lost = ~np.isfinite(captured) | ~np.isfinite(target)
    rejection[lost] |= np.uint8(Rejection.NO_FOOTPRINT)
    rejection[~lost & (captured < least_captured_mass)] |= np.uint8(Rejection.LITTLE_CAPTURED)
    rejection[~lost & (target < least)] |= np.uint8(Rejection.LITTLE_TARGET)
    weight = np.ones(captured.shape)
    if location_bias is not None:
        bias = np.abs(np.asarray(location_bias, float))
        if bias.shape != captured.shape:
            raise ValueError(f"location_bias has shape {bias.shape}; it must be {captured.shape}")
        unknown = ~np.isfinite(bias)
        rejection[unknown] |= np.uint8(Rejection.NO_LOCATION_BIAS)
        rejection[~unknown & (bias >= largest_location_bias)] |= np.uint8(Rejection.LOCATION_BIAS)
        weight = np.minimum(target, 1.0) * np.maximum(0.0, 1.0 - bias / largest_location_bias)
    return ObservationWeights(operator, np.where(rejection == 0, weight, 0.0), rejection)


def effective_sample_size(weight: ArrayLike, used: ArrayLike | None = None) -> float:
    """(sum rho)^2 / sum rho^2 over the half hours used; 0 where none counts."""
    rho = np.asarray(weight, float)
    if used is not None:
        rho = rho[np.asarray(used, bool)]
    squares = float(np.sum(rho * rho))
    return float(np.sum(rho)) ** 2 / squares if squares > 0.0 else 0.0


def representativeness_sigma(flux_sensitivity: ArrayLike, dispersion_variance: ArrayLike, value_in_footprint: ArrayLike,
                             value_in_cell: float) -> NDArray[np.float64]:
    """Error of a flux by what the footprint sees in place of the cell, in the unit of the flux; shape (rows,).

    sigma = |dF/dV| sqrt(sigma2_rep + (V_foot - V_cell)^2) with V a vegetation index or another property, `dF/dV` its
    local `flux_sensitivity`, and sigma2_rep the dispersion variance between footprint and cell in units of V squared.
    """
    variance = np.asarray(dispersion_variance, float)
    if np.nanmin(variance, initial=0.0) < 0.0:
        raise ValueError(f"dispersion_variance reaches {np.nanmin(variance):g}; a variance is not negative")
    distance = np.asarray(value_in_footprint, float) - value_in_cell
    return np.asarray(np.abs(flux_sensitivity) * np.sqrt(variance + distance * distance), float)
