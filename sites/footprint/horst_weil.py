"""Footprint of Horst and Weil (1992, Bound.-Layer Meteorol. 59, 279-296; 1994, J. Atmos. Oceanic Technol. 11, 1018-1025).

The mean height z of the plume from a surface source grows as dz/dx = k^2/([ln(p z/z0) - psi_M(p z/L)] phi_c(p z/L)) from
z(0) = z0, and moves at U(z) = u*/k [ln(c z/z0) - psi_M(c z/L)]. With the shape exponent r = 1.5, p = 1.55, c = 0.63,

    fy = (dz/dx) (zm/z^2) (u(zm)/U(z)) A exp(-(zm/(b z))^r),  A = r Gamma(2/r)/Gamma(1/r)^2,  b = Gamma(1/r)/Gamma(2/r).

x(z) is a quadrature of dx/dz on ln z (three Gauss points per interval), never a fixed-step integration in x. The stability
p z/L is not followed below `LEAST_STABILITY`, where the similarity functions were never observed.

Not of kernel form: the rows are tables (`tabulated.TabulatedRows`) from a plume height of zm/60 or 2 z0 to 3000 zm. With
256 nodes they are within 1e-5 of the peak of fy, but for unstable rows within 2e-3 at the one distance where z/L reaches
the bound and the curve has a kink.

The integral of fy is one only for a wind that does not shear: by this closed form it is about 1.04 at zm/z0 = 200 and
1.17 at zm/z0 = 17 in neutral air, more when stable. It is reported as it is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from terraflux.sites.footprint.kormann_meixner import wind_and_roughness
from terraflux.sites.footprint.lateral_spread import LATERAL
from terraflux.sites.footprint.row_inputs import RowInputs
from terraflux.sites.footprint.stability import momentum_integral, scalar_gradient
from terraflux.sites.footprint.tabulated import TabulatedRows
from terraflux.sites.footprint.validity import Reason, flagged

Floats = NDArray[np.float64]

SHAPE, P, C = 1.5, 1.55, 0.63
"""Shape exponent r of the vertical profile of concentration, and the constants p and c that belong to it (-)."""
A = SHAPE * gamma(2.0 / SHAPE) / gamma(1.0 / SHAPE) ** 2
B = gamma(1.0 / SHAPE) / gamma(2.0 / SHAPE)
LEAST_STABILITY = -5.0
"""Lower bound on z/L in the similarity functions (-)."""
_LOWEST, _HIGHEST = 1.0 / 60.0, 3.0e3
_SLOWEST = 0.1
_FINE = 400
_BLOCK = 512
_GAUSS, _GAUSS_WEIGHT = np.polynomial.legendre.leggauss(3)


def footprint_rows(
    inputs: RowInputs, model: str, lateral: str = "plume_speed", stability_limit: float = 3.0, nodes: int = 256
) -> TabulatedRows:
    """Tables of the footprint from about zm/60 to 3000 zm of plume height; needs z0 or the mean wind speed, L, sigma_v, u*.

    z0 goes before the wind speed: the plume grows in the logarithmic profile. `lateral`: a name of `lateral_spread.LATERAL`.
    `stability_limit`: largest |zm/L|; `nodes`: table length per row.
    """
    if lateral not in LATERAL:
        raise ValueError(f'lateral must be one of {", ".join(LATERAL)}, not "{lateral}"')
    one = inputs
    _, roughness, profile_caution = wind_and_roughness(one)
    reason = one.common_reasons() | flagged(
        (np.isnan(one.roughness_length) & np.isnan(one.mean_wind_speed), Reason.MISSING_ROUGHNESS_AND_WIND_SPEED),
        (one.mean_wind_speed <= 0.0, Reason.CALM),
        (roughness <= 0.0, Reason.ROUGHNESS_NOT_POSITIVE),
        (one.measurement_height <= 2.0 * roughness, Reason.BELOW_ROUGHNESS_LENGTH),
        (np.abs(one.zeta) > stability_limit, Reason.OUTSIDE_STABILITY_RANGE),
    )
    blocks = [slice(first, first + _BLOCK) for first in range(0, len(reason), _BLOCK)] or [slice(0, 0)]
    with np.errstate(all="ignore"):
        parts = [_tables(one.select(block), roughness[block], lateral, nodes) for block in blocks]
    log_start, log_step, log_fy, log_sigma = (np.concatenate(column) for column in zip(*parts, strict=True))
    undefined = ~(np.isfinite(log_start) & np.isfinite(log_step) & np.isfinite(log_fy).all(1) & np.isfinite(log_sigma).all(1))
    reason |= flagged(((reason == 0) & undefined, Reason.PROFILE_UNDEFINED))
    valid = reason == 0
    start, step, direction = (np.where(valid, values, np.nan) for values in (log_start, log_step, one.wind_direction))
    fy, sigma = (np.where(valid[:, None], values, np.nan) for values in (log_fy, log_sigma))
    return TabulatedRows(start, step, fy, sigma, direction, reason, model, one.caution | profile_caution)


def _tables(one: RowInputs, roughness: Floats, lateral: str, nodes: int) -> tuple[Floats, Floats, Floats, Floats]:
    """ln of the first distance, step of ln x, ln fy and ln sigma_y."""
    zm, z0 = one.measurement_height[:, None], roughness[:, None]
    log_bottom = np.log(np.maximum(_moving_height(z0, one), _LOWEST * zm))
    log_bottom = np.where(log_bottom < np.log(zm / 3.0), log_bottom, np.nan)
    fine_step = (np.log(_HIGHEST * zm) - log_bottom) / (_FINE - 1)
    log_height = log_bottom + np.arange(_FINE) * fine_step
    x = _distance_to(z0, log_bottom, one)[:, -1:] + _gauss_cumulative(log_height, fine_step, z0, one)
    log_x = np.log(x)
    log_start, log_end = log_x[:, 0], log_x[:, -1]
    step = (log_end - log_start) / (nodes - 1)
    wanted = log_start[:, None] + np.arange(nodes) * step[:, None]
    z = np.exp(_inverse(log_x, log_height, x / _distance_growth(log_height, z0, one), wanted))
    growth = z / _distance_growth(np.log(z), z0, one)
    wind_speed = _wind(zm, z0, 1.0, one)
    plume_speed = _wind(z, z0, C, one)
    log_fy = np.log(growth * zm / z**2 * wind_speed / plume_speed * A) - (zm / (B * z)) ** SHAPE
    sigma = LATERAL[lateral](np.exp(wanted), one.sigma_v[:, None], wind_speed, plume_speed)
    return log_start, step, log_fy, np.log(sigma)


def _wind(z: Floats, z0: Floats, factor: float, one: RowInputs) -> Floats:
    """u*/k [ln(factor z/z0) - psi_M(factor z/L)] (m s-1)."""
    zeta = np.maximum(factor * z / one.obukhov_length[:, None], LEAST_STABILITY)
    shape = np.log(factor * z / z0) - momentum_integral(zeta)
    return np.asarray(one.friction_velocity[:, None] / one.von_karman * shape)


def _distance_growth(log_height: Floats, z0: Floats, one: RowInputs) -> Floats:
    """dx/d(ln z) (m) = z [ln(p z/z0) - psi_M(p z/L)] phi_c(p z/L)/k^2."""
    z = np.exp(log_height)
    zeta = np.maximum(P * z / one.obukhov_length[:, None], LEAST_STABILITY)
    shape = np.maximum(np.log(P * z / z0) - momentum_integral(zeta), _SLOWEST)
    return np.asarray(z * shape * scalar_gradient(zeta) / one.von_karman**2)


def _moving_height(z0: Floats, one: RowInputs) -> Floats:
    """Height (m) where ln(c z/z0) - psi_M(c z/L) is `_SLOWEST`: below it, close to rough ground, the plume has no speed."""
    z = 2.0 * z0
    for _ in range(40):
        zeta = np.maximum(C * z / one.obukhov_length[:, None], LEAST_STABILITY)
        z = np.maximum(2.0 * z0, z0 / C * np.exp(_SLOWEST + momentum_integral(zeta)))
    return z


def _gauss_cumulative(log_height: Floats, step: Floats, z0: Floats, one: RowInputs) -> Floats:
    """Integral of dx/d(ln z) from the first node to each node."""
    middle = log_height[:, :-1] + 0.5 * step
    parts = np.zeros_like(middle)
    for place, weight in zip(_GAUSS, _GAUSS_WEIGHT, strict=True):
        parts += weight * _distance_growth(middle + 0.5 * step * place, z0, one)
    return np.concatenate([np.zeros_like(log_height[:, :1]), np.cumsum(0.5 * step * parts, axis=1)], axis=1)


def _distance_to(z0: Floats, log_bottom: Floats, one: RowInputs) -> Floats:
    """Distance at which the plume has the height exp(log_bottom), starting from z0."""
    step = (log_bottom - np.log(z0)) / 31.0
    return _gauss_cumulative(np.log(z0) + np.arange(32) * step, step, z0, one)


def _inverse(x: Floats, y: Floats, slope: Floats, wanted: Floats) -> Floats:
    """y at the wanted x by cubic Hermite interpolation with slopes dy/dx; x must grow along a row, else the row is NaN."""
    last = x.shape[1] - 2
    place = np.zeros(wanted.shape, np.int64)
    for row, (nodes, points) in enumerate(zip(x, wanted, strict=True)):
        place[row] = np.clip(np.searchsorted(nodes, points, side="right") - 1, 0, last)

    def at(table: Floats, move: int) -> Floats:
        return np.take_along_axis(table, place + move, axis=1)

    width = at(x, 1) - at(x, 0)
    t = (wanted - at(x, 0)) / width
    rise = t * t * (3.0 - 2.0 * t)
    bend = width * t * (1.0 - t) * ((1.0 - t) * at(slope, 0) - t * at(slope, 1))
    grows = (np.diff(x, axis=1) > 0.0).all(1, keepdims=True)
    return np.where(grows, at(y, 0) + (at(y, 1) - at(y, 0)) * rise + bend, np.nan)
