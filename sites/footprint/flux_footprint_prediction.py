"""Flux Footprint Prediction (FFP) of Kljun et al. (2015), Geosci. Model Dev. 8, 3695-3713, doi:10.5194/gmd-8-3695-2015.

With X* = xr/zm (1 - zm/h)/Pi4 and Pi4 = ln(zm/z0) - psi_M (or k u/u*), the scaled crosswind-integrated footprint is
F* = a (X* - d)^b exp(-c/(X* - d)) (their Eq. 14) and the scaled spread sigma_y* = ac sqrt(bc X*^2/(1 + cc X*)) (Eq. 18).
In the form of `kernel`: ell = zm Pi4/(1 - zm/h), s0 = d, q = c, mu = -b - 1, N = a/ell.

The integral of F* is 1.0015691, not one, and 0.9522708 of it lies at X* <= 30, where the published single footprint
stops; `TRUNCATION` is that bound, and the published climatology has none. Mass is reported as it is.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.row_inputs import RowInputs, rows_where_valid
from terraflux.sites.footprint.stability import NEUTRAL_LENGTH, kljun_momentum_integral
from terraflux.sites.footprint.validity import Caution, Reason, flagged

Floats = NDArray[np.float64]

A, B, C, D = 1.4524, -1.9914, 1.4622, 0.1359
"""Parameters of the scaled crosswind-integrated footprint, Eq. 17 (-)."""
SPREAD_A, SPREAD_B = 2.17, 1.66
"""Parameters ac and bc of the scaled spread, Eq. 19 (-); cc = 20 is `kernel.SATURATION`."""
TRUNCATION = 30.0
"""Largest X* of the published single footprint (-)."""


def footprint_rows(inputs: RowInputs, truncation: float = float("nan")) -> FootprintRows:
    """FFP rows; needs zm, z0 or the mean wind speed (z0 goes first), L, sigma_v, u*, h and the wind direction.

    Rules of the published program give reasons (zm > 0, h > 10 m, zm < h, zm > 12.5 z0, zm/L > -15.5, sigma_v > 0,
    u* > 0.1 m s-1, direction 0..360); rules of the paper (zm > 20 z0, zm < 0.8 h) give cautions. `truncation`: largest X*.
    """
    one = inputs
    reason = one.common_reasons(friction_velocity_above=0.1) | flagged(
        (np.isnan(one.roughness_length) & np.isnan(one.mean_wind_speed), Reason.MISSING_ROUGHNESS_AND_WIND_SPEED),
        (np.isnan(one.roughness_length) & (one.mean_wind_speed <= 0.0), Reason.CALM),
        (one.roughness_length <= 0.0, Reason.ROUGHNESS_NOT_POSITIVE),
        (np.isnan(one.boundary_layer_height), Reason.MISSING_BOUNDARY_LAYER_HEIGHT),
        (one.boundary_layer_height <= 10.0, Reason.BOUNDARY_LAYER_TOO_SHALLOW),
        (one.measurement_height >= one.boundary_layer_height, Reason.ABOVE_BOUNDARY_LAYER),
        (one.measurement_height <= 12.5 * one.roughness_length, Reason.IN_ROUGHNESS_SUBLAYER),
        (one.zeta <= -15.5, Reason.TOO_UNSTABLE),
    )
    with np.errstate(all="ignore"):
        profile = np.log(one.measurement_height / one.roughness_length) - kljun_momentum_integral(
            one.measurement_height, one.obukhov_length
        )
        speed = one.von_karman * one.mean_wind_speed / one.friction_velocity
        pi_4 = np.where(np.isnan(one.roughness_length), speed, profile)
        scale = one.measurement_height / (1.0 - one.measurement_height / one.boundary_layer_height) * pi_4
        spread = SPREAD_A * np.sqrt(SPREAD_B) / _spread_scale(one) * one.measurement_height
        spread = spread * one.sigma_v / one.friction_velocity
    reason |= flagged(((reason == 0) & ~(np.isfinite(pi_4) & (pi_4 > 0.0)), Reason.PROFILE_UNDEFINED))
    caution = one.caution | flagged(
        (one.measurement_height <= 20.0 * one.roughness_length, Caution.NEAR_ROUGHNESS_SUBLAYER),
        (one.measurement_height >= 0.8 * one.boundary_layer_height, Caution.IN_ENTRAINMENT_LAYER),
    )
    with np.errstate(all="ignore"):
        log_normalisation = np.log(A / scale)
    return rows_where_valid(
        "ffp", one, reason, caution,
        scale=scale, offset=D, decay=C, exponent=-B - 1.0, log_normalisation=log_normalisation,
        spread_coefficient=spread, spread_exponent=0.5, saturating=True, truncation=truncation,
    )  # fmt: skip


def _spread_scale(one: RowInputs) -> Floats:
    """ps1 (-) of Eq. 20: min(1, 1e-5/|zeta| + 0.8 or 0.55); beyond 5000 m the air counts as neutral."""
    length = np.where(np.abs(one.obukhov_length) > NEUTRAL_LENGTH, -1e6, one.obukhov_length)
    proportion = np.where(length <= 0.0, 0.8, 0.55)
    return np.asarray(np.minimum(1.0, 1e-5 / np.abs(one.measurement_height / length) + proportion))


def published_grid(rows: FootprintRows, nodes: int = 1000) -> tuple[Floats, Floats]:
    """Upwind and crosswind nodes (m) on which the published program evaluates a single footprint (first row of `rows`).

    X* runs from d to 30 in nodes + 1 steps, the first node left out; crosswind nodes have the same spacing and reach
    3/4 of the number of upwind nodes to each side.
    """
    along: Floats = np.linspace(D, TRUNCATION, nodes + 2)[1:]
    upwind = float(rows.scale[0]) * along
    step = float(upwind[2] - upwind[1])
    half: Floats = np.arange(0.0, len(upwind) / 2.0 * step * 1.5, step)
    return upwind, np.concatenate([-half[:0:-1], half])
