"""Footprint of Hsieh, Katul and Chi (2000), Adv. Water Resour. 23, 765-772, with the lateral spread of Detto et al. (2006).

zu = zm (ln(zm/z0) - 1 + z0/zm); q = D zu^P |L|^(1-P) / k^2; fy = q/x^2 exp(-q/x) (their Eq. 17);
sigma_y = 0.3 z0 (sigma_v/u*) (x/z0)^0.86 (Detto et al. 2006, Water Resour. Res. 42, W08419, Appendix B).
"""

import numpy as np

from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.row_inputs import RowInputs, rows_where_valid
from terraflux.sites.footprint.stability import roughness_from_wind_speed
from terraflux.sites.footprint.validity import Caution, Reason, flagged

UNSTABLE, NEUTRAL, STABLE = (0.28, 0.59), (0.97, 1.0), (2.44, 1.33)
"""Similarity constants (D, P) of the three stability classes (-)."""
NEUTRAL_LIMIT = 0.04
"""|zu/L| below which the air counts as neutral (-), as in the paper."""
SPREAD_EXPONENT = 0.86


def footprint_rows(inputs: RowInputs, neutral_limit: float = NEUTRAL_LIMIT) -> FootprintRows:
    """Hsieh rows; needs zm, z0 (or the mean wind speed, from which z0 follows), L, sigma_v, u* and the wind direction."""
    one = inputs
    derived = np.isnan(one.roughness_length) & np.isfinite(one.mean_wind_speed)
    roughness = np.where(
        derived,
        roughness_from_wind_speed(
            one.measurement_height, one.mean_wind_speed, one.obukhov_length, one.friction_velocity, one.von_karman
        ),
        one.roughness_length,
    )
    reason = one.common_reasons() | flagged(
        (np.isnan(one.roughness_length) & np.isnan(one.mean_wind_speed), Reason.MISSING_ROUGHNESS_AND_WIND_SPEED),
        (derived & (one.mean_wind_speed <= 0.0), Reason.CALM),
        (roughness <= 0.0, Reason.ROUGHNESS_NOT_POSITIVE),
        (one.measurement_height <= roughness, Reason.BELOW_ROUGHNESS_LENGTH),
    )
    with np.errstate(all="ignore"):
        relative = roughness / one.measurement_height
        height = one.measurement_height * (-np.log(relative) - 1.0 + relative)
        stability = height / one.obukhov_length
        neutral = np.abs(stability) < neutral_limit
        d = np.where(neutral, NEUTRAL[0], np.where(stability < 0.0, UNSTABLE[0], STABLE[0]))
        p = np.where(neutral, NEUTRAL[1], np.where(stability < 0.0, UNSTABLE[1], STABLE[1]))
        length = np.where(neutral, 1.0, np.abs(one.obukhov_length))
        decay = d * height**p * length ** (1.0 - p) / one.von_karman**2
        spread = 0.3 * one.sigma_v / one.friction_velocity * roughness ** (1.0 - SPREAD_EXPONENT)
        log_normalisation = np.log(decay)
    reason |= flagged(((reason == 0) & ~(np.isfinite(decay) & (decay > 0.0)), Reason.PROFILE_UNDEFINED))
    caution = one.caution | flagged((derived, Caution.ROUGHNESS_FROM_WIND_SPEED))
    return rows_where_valid(
        "hsieh", one, reason, caution,
        scale=1.0, offset=0.0, decay=decay, exponent=1.0, log_normalisation=log_normalisation,
        spread_coefficient=spread, spread_exponent=SPREAD_EXPONENT, saturating=False,
    )  # fmt: skip
