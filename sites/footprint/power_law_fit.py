"""Power laws of wind and diffusivity fitted to the similarity profiles by least squares (Kormann and Meixner 2001, 39-46).

U and m minimise the integral of (U z^m - u(z))^2, kap and n that of (kap z^n - K(z))^2, over 3 z0 <= z <= (1 + k) zm,
with u = u*/k (ln(z/z0) - psi_M(z/L)) and K = k u* z/phi_c(z/L). For a given exponent the factor follows linearly; the
exponent is the root of the remaining condition.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from terraflux.sites.footprint.row_inputs import RowInputs
from terraflux.sites.footprint.stability import log_profile_speed, scalar_gradient

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_SEARCHED = (-1.0, 4.0)


def fitted_power_laws(inputs: RowInputs, roughness: Floats, wanted: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, Floats]:
    """m, n (-), U (m^(1-m) s-1) and kap (m^(2-n) s-1) per row; NaN where not wanted, 3 z0 >= (1 + k) zm or no root."""
    top = (1.0 + inputs.von_karman) * inputs.measurement_height
    usable = wanted & (3.0 * roughness < top)
    laws = np.full((4, len(usable)), np.nan)
    if not usable.any():
        return laws[0], laws[1], laws[2], laws[3]
    zm, length = inputs.measurement_height[usable, np.newaxis], inputs.obukhov_length[usable, np.newaxis]
    ustar, z0 = inputs.friction_velocity[usable, np.newaxis], roughness[usable, np.newaxis]
    low, high = np.log(3.0 * z0 / zm), np.log(1.0 + inputs.von_karman)
    log_height = 0.5 * (high - low) * _NODES + 0.5 * (high + low)
    height = zm * np.exp(log_height)
    weight = _WEIGHTS * np.exp(log_height)
    speed = log_profile_speed(height, z0, length, ustar, inputs.von_karman)
    diffusivity = inputs.von_karman * ustar * height / scalar_gradient(height / length)
    m, speed_at_zm = _least_squares_power(log_height, weight, speed)
    n, diffusivity_at_zm = _least_squares_power(log_height, weight, diffusivity)
    laws[:, usable] = m, n, speed_at_zm / zm[:, 0] ** m, diffusivity_at_zm / zm[:, 0] ** n
    return laws[0], laws[1], laws[2], laws[3]


def _least_squares_power(log_height: Floats, weight: Floats, profile: Floats) -> tuple[Floats, Floats]:
    """Exponent and value at zm of the power law nearest to a profile; log_height = ln(z/zm), arrays (rows, nodes)."""

    def condition(exponent: Floats, row: Floats) -> Floats:
        at = row.astype(int)
        power = np.exp(exponent[..., np.newaxis] * log_height[at])
        fitted, square = weight[at] * profile[at] * power, weight[at] * power * power
        log_fitted, log_square = fitted * log_height[at], square * log_height[at]
        return np.asarray(fitted.sum(-1) * log_square.sum(-1) - log_fitted.sum(-1) * square.sum(-1))

    rows = np.arange(len(profile), dtype=float)
    with np.errstate(all="ignore"):
        lowest, highest = (np.full(rows.shape, bound) for bound in _SEARCHED)
        found = elementwise.find_root(condition, (lowest, highest), args=(rows,))
        exponent = np.where(found.success, found.x, np.nan)
        power = np.exp(exponent[:, np.newaxis] * log_height)
        return exponent, (weight * profile * power).sum(-1) / (weight * power * power).sum(-1)
