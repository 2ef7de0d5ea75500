"""Inputs of the footprint models completed where a tower lacks them, each estimate marked with a caution.

Only what is missing is estimated: a value that is there is never replaced, and what cannot be estimated stays NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.boundary_layer_height import boundary_layer_height as estimated_height
from terraflux.sites.footprint.lateral_spread import estimated_sigma_v
from terraflux.sites.footprint.stability import VON_KARMAN
from terraflux.sites.footprint.stability import obukhov_length as estimated_length
from terraflux.sites.footprint.validity import Caution

Floats = NDArray[np.float64]


def complete_inputs(
    *,
    friction_velocity: ArrayLike,
    obukhov_length: ArrayLike | None = None,
    sigma_v: ArrayLike | None = None,
    boundary_layer_height: ArrayLike | None = None,
    sensible_heat_flux: ArrayLike | None = None,
    air_temperature: ArrayLike | None = None,
    air_pressure: ArrayLike | None = None,
    latitude: float | None = None,
    step: float = 1800.0,
    von_karman: float = VON_KARMAN,
    **others: Any,
) -> dict[str, Any]:
    """Keyword arguments for `models.footprint_rows`, with L, h and sigma_v estimated where missing, and their cautions.

    friction_velocity m s-1, obukhov_length m, sigma_v m s-1, boundary_layer_height m, sensible_heat_flux W m-2 upward,
    air_temperature K, air_pressure Pa, latitude degrees, step s between the rows, which must be a series without gaps in
    time for the convective growth of h. L needs H, temperature and pressure; h needs them, L and the latitude. Anything in
    `others` passes through.

    >>> filled = complete_inputs(friction_velocity=[0.3], obukhov_length=[50.0], latitude=45.0, measurement_height=10.0)
    >>> filled["sigma_v"].round(3).tolist(), filled["boundary_layer_height"].round(1).tolist()
    ([0.57], [139.0])
    """
    weather = (sensible_heat_flux, air_temperature, air_pressure)
    given = (friction_velocity, obukhov_length, sigma_v, boundary_layer_height, *weather)
    named = np.broadcast_arrays(*(np.atleast_1d(np.asarray(np.nan if one is None else one, float)) for one in given))
    ustar, length, spread, height, heat, temperature, pressure = (np.array(one) for one in named)
    caution = np.zeros(ustar.shape, np.uint32)

    estimate = estimated_length(ustar, heat, temperature, pressure, von_karman=von_karman)
    missing = np.isnan(length) & ~np.isnan(estimate)
    length[missing] = estimate[missing]
    caution[missing] |= np.uint32(Caution.OBUKHOV_LENGTH_FROM_FLUXES.value)

    if latitude is not None:
        grown = estimated_height(ustar, length, heat, temperature, pressure, latitude, step, von_karman=von_karman)
        missing = np.isnan(height) & ~np.isnan(grown.height)
        height[missing] = grown.height[missing]
        caution[missing] |= grown.caution[missing]

    guess, mark = estimated_sigma_v(ustar, length, height)
    missing = np.isnan(spread) & ~np.isnan(guess)
    spread[missing] = guess[missing]
    caution[missing] |= mark[missing]
    return {
        **others,
        "friction_velocity": ustar,
        "obukhov_length": length,
        "sigma_v": spread,
        "boundary_layer_height": height,
        "caution": caution,
        "von_karman": von_karman,
    }
