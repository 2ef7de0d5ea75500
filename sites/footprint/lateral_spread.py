"""Spread of the plume across the wind, sigma_y (m): alternatives by short name, and estimates of sigma_v where missing.

`plume_speed`  sigma_v x/ubar(x), the travel time at the speed of the plume (Kormann and Meixner 2001, section 3.3)
`sigma_theta`  sigma_theta x with sigma_theta = sigma_v/u(zm) in radians
`pasquill`     sigma_theta x F(x) (Pasquill 1976), F falling from 0.8 at 100 m to 0.33 at 10 km
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.validity import Caution, flagged

Floats = NDArray[np.float64]
Spread = Callable[[Floats, Floats, Floats, Floats], Floats]


def pasquill_factor(distance: ArrayLike) -> Floats:
    """F(x) (-) of Pasquill (1976): 1/(1 + 0.0308 x^0.4548) to 10 km (Irwin's 1983 fit), 0.333 (10 km/x)^1/2 beyond; x in m."""
    x = np.asarray(distance, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = 0.333 * np.sqrt(1.0e4 / np.maximum(x, 1.0e4))
        return np.where(x <= 1.0e4, 1.0 / (1.0 + 0.0308 * np.maximum(x, 0.0) ** 0.4548), far)


def plume_speed_spread(distance: Floats, sigma_v: Floats, wind_speed: Floats, plume_speed: Floats) -> Floats:
    """sigma_v x/ubar (m)."""
    return np.asarray(sigma_v * distance / plume_speed)


def sigma_theta_spread(distance: Floats, sigma_v: Floats, wind_speed: Floats, plume_speed: Floats) -> Floats:
    """sigma_v/u(zm) x (m)."""
    return np.asarray(sigma_v / wind_speed * distance)


def pasquill_spread(distance: Floats, sigma_v: Floats, wind_speed: Floats, plume_speed: Floats) -> Floats:
    """sigma_v/u(zm) x F(x) (m)."""
    return np.asarray(sigma_v / wind_speed * distance * pasquill_factor(distance))


LATERAL: dict[str, Spread] = {
    "plume_speed": plume_speed_spread,
    "sigma_theta": sigma_theta_spread,
    "pasquill": pasquill_spread,
}
"""Spread (m) from distance (m), sigma_v, wind speed at zm and speed of the plume (m s-1), by short name."""


def estimated_sigma_v(
    friction_velocity: ArrayLike, obukhov_length: ArrayLike, boundary_layer_height: ArrayLike
) -> tuple[Floats, NDArray[np.uint32]]:
    """sigma_v (m s-1) and the caution that says how: a rough stand-in where a tower records none.

    Unstable with a known boundary-layer height: u* (12 - 0.5 h/L)^(1/3) (Panofsky et al. 1977, Bound.-Layer Meteorol. 11,
    355-361); else 1.9 u*, the neutral value. The two meet at 2.3 u*, not 1.9 u*, where L becomes infinite.
    """
    ustar, length, height = np.broadcast_arrays(
        *(np.asarray(one, float) for one in (friction_velocity, obukhov_length, boundary_layer_height))
    )
    convective = (length < 0.0) & np.isfinite(length) & np.isfinite(height)
    with np.errstate(divide="ignore", invalid="ignore"):
        unstable = ustar * np.cbrt(12.0 - 0.5 * height / length)
    sigma_v = np.where(convective, unstable, 1.9 * ustar)
    known = np.isfinite(sigma_v)
    return sigma_v, flagged((known & convective, Caution.SIGMA_V_CONVECTIVE), (known & ~convective, Caution.SIGMA_V_NEUTRAL))
