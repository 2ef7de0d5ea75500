"""Footprint of Kormann and Meixner (2001), Bound.-Layer Meteorol. 99, 207-224, doi:10.1023/A:1018991015119.

Power laws u = U z^m and K = kap z^n solve the advection-diffusion equation in closed form: with r = 2 + m - n,
mu = (1 + m)/r and xi = U zm^r/(r^2 kap), fy = xi^mu/Gamma(mu) x^-(1+mu) exp(-xi/x) (their Eq. 21). The plume moves with
ubar(x) = Gamma(mu)/Gamma(1/r) (r^2 kap/U)^(m/r) U x^(m/r) (Eq. 18) and spreads by sigma_y = sigma_v x/ubar.

`exponents="analytic"` matches slopes at zm (Eq. 36); `"numeric"` fits both power laws to the similarity profiles by
least squares between 3 z0 and (1 + k) zm (their section 4, Eqs. 39-46; see `power_law_fit`).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.power_law_fit import fitted_power_laws
from terraflux.sites.footprint.row_inputs import RowInputs, rows_where_valid
from terraflux.sites.footprint.stability import (
    log_profile_speed,
    momentum_gradient,
    roughness_from_wind_speed,
    scalar_gradient,
)
from terraflux.sites.footprint.validity import Caution, Reason, flagged

Floats = NDArray[np.float64]

STABILITY_LIMIT = 3.0
"""Largest |zm/L| for which the model is commonly used (-)."""
EXPONENTS = ("analytic", "numeric")
LATERAL = ("plume_speed", "sigma_theta")


def footprint_rows(
    inputs: RowInputs,
    exponents: str = "analytic",
    stability_limit: float = STABILITY_LIMIT,
    lateral: str = "plume_speed",
    model: str = "kormann_meixner",
) -> FootprintRows:
    """Kormann-Meixner rows; needs zm, the mean wind speed at zm (or z0, from which it follows), L, sigma_v, u*, direction.

    A measured wind speed goes before z0. `exponents="numeric"` needs a profile and takes z0 first.
    `stability_limit`: largest |zm/L|; float("inf") lifts the rule.
    `lateral`: "plume_speed" (sigma_v x/ubar, the paper) or "sigma_theta" (sigma_v x/u(zm), a straight cone).
    """
    if exponents not in EXPONENTS:
        raise ValueError(f'exponents must be one of {", ".join(EXPONENTS)}, not "{exponents}"')
    if lateral not in LATERAL:
        raise ValueError(f'lateral must be one of {", ".join(LATERAL)} for rows in closed form, not "{lateral}"')
    one = inputs
    speed, roughness, profile_caution = wind_and_roughness(one)
    reason = one.common_reasons() | flagged(
        (np.isnan(one.roughness_length) & np.isnan(one.mean_wind_speed), Reason.MISSING_ROUGHNESS_AND_WIND_SPEED),
        (one.mean_wind_speed <= 0.0, Reason.CALM),
        (one.roughness_length <= 0.0, Reason.ROUGHNESS_NOT_POSITIVE),
        (one.measurement_height <= one.roughness_length, Reason.BELOW_ROUGHNESS_LENGTH),
        (np.abs(one.zeta) > stability_limit, Reason.OUTSIDE_STABILITY_RANGE),
    )
    reason |= flagged(((reason == 0) & ~(np.isfinite(speed) & (speed > 0.0)), Reason.PROFILE_UNDEFINED))
    with np.errstate(all="ignore"):
        if exponents == "numeric":
            m, n, factor, diffusivity = fitted_power_laws(one, roughness, reason == 0)
        else:
            m, n, factor, diffusivity = analytic_power_laws(one, speed)
        r = 2.0 + m - n
        mu = (1.0 + m) / r
        log_decay = np.log(factor) + r * np.log(one.measurement_height) - 2.0 * np.log(r) - np.log(diffusivity)
        decay = np.exp(log_decay)
        log_plume = gammaln(mu) - gammaln(1.0 / r) + m / r * (2.0 * np.log(r) + np.log(diffusivity / factor)) + np.log(factor)
    fine = np.isfinite(decay) & (decay > 0.0) & (r > 0.0) & (mu > 0.0) & np.isfinite(log_plume)
    reason |= flagged(((reason == 0) & ~fine, Reason.EXPONENTS_UNDEFINED))
    with np.errstate(all="ignore"):
        straight = lateral == "sigma_theta"
        spread = one.sigma_v / speed if straight else one.sigma_v * np.exp(-log_plume)
        spread_exponent = 1.0 if straight else 1.0 - m / r
        log_normalisation = mu * log_decay - gammaln(mu)
    return rows_where_valid(
        model, one, reason, one.caution | profile_caution,
        scale=1.0, offset=0.0, decay=decay, exponent=mu, log_normalisation=log_normalisation,
        spread_coefficient=spread, spread_exponent=spread_exponent, saturating=False,
    )  # fmt: skip


def wind_and_roughness(inputs: RowInputs) -> tuple[Floats, Floats, NDArray[np.uint32]]:
    """Mean wind speed at zm (m s-1) and roughness length (m), each from the other where missing, and the cautions of it."""
    one = inputs
    no_speed, no_roughness = np.isnan(one.mean_wind_speed), np.isnan(one.roughness_length)
    settings = (one.obukhov_length, one.friction_velocity, one.von_karman)
    from_roughness = log_profile_speed(one.measurement_height, one.roughness_length, *settings)
    from_speed = roughness_from_wind_speed(one.measurement_height, one.mean_wind_speed, *settings)
    caution = flagged((no_speed & ~no_roughness, Caution.WIND_SPEED_FROM_ROUGHNESS))
    speed = np.where(no_speed, from_roughness, one.mean_wind_speed)
    return speed, np.where(no_roughness, from_speed, one.roughness_length), caution


def analytic_power_laws(inputs: RowInputs, speed: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """m, n (-), U (m^(1-m) s-1) and kap (m^(2-n) s-1) that match value and slope of both profiles at zm (Eq. 36)."""
    one, zeta = inputs, inputs.zeta
    momentum, scalar = momentum_gradient(zeta), scalar_gradient(zeta)
    m = one.friction_velocity * momentum / (one.von_karman * speed)
    n = np.where(zeta > 0.0, 1.0 / (1.0 + 5.0 * zeta), (1.0 - 24.0 * zeta) / (1.0 - 16.0 * zeta))
    factor = speed / one.measurement_height**m
    diffusivity = one.von_karman * one.friction_velocity * one.measurement_height / (scalar * one.measurement_height**n)
    return m, n, factor, diffusivity
