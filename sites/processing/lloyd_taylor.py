"""Temperature dependence of ecosystem respiration after Lloyd and Taylor (1994), and its fit to night-time fluxes.

    R(T) = R_ref exp(E0 (1 / (T_ref - T0) - 1 / (T - T0)))        Lloyd and Taylor (1994) Funct. Ecol. 8:315, eq. 11

with T in °C, T0 = -46.02 °C, R_ref (umol m-2 s-1) the respiration at T_ref and E0 (K) the temperature sensitivity.
"""

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel

T0 = -46.02
"""Temperature at which respiration stops, °C (227.13 K)."""

REFERENCE_TEMPERATURE = 15.0
"""Temperature at which R_ref is reported, °C."""

FITTED = 0
TOO_FEW = 1
NOT_CONVERGED = 2


@numba.njit(error_model="numpy")
def temperature_response(temperature: float, sensitivity: float, reference_temperature: float) -> float:
    """Respiration relative to that at the reference temperature, dimensionless."""
    if temperature <= T0 + 1.0:
        return 0.0
    return np.exp(sensitivity * (1.0 / (reference_temperature - T0) - 1.0 / (temperature - T0)))


def respiration(
    temperature: ArrayLike,
    reference_respiration: ArrayLike,
    sensitivity: ArrayLike,
    reference_temperature: float = REFERENCE_TEMPERATURE,
) -> NDArray[np.float64]:
    """Ecosystem respiration, unit of `reference_respiration` (umol m-2 s-1); arguments in °C and K broadcast.

    Where the air is at or below T0 + 1 K the respiration is zero; NaN stays NaN.
    """
    t = np.asarray(temperature, dtype=float)
    above = np.maximum(t, T0 + 1.0) - T0
    response = np.exp(np.asarray(sensitivity) * (1.0 / (reference_temperature - T0) - 1.0 / above))
    return np.asarray(reference_respiration) * np.where(t <= T0 + 1.0, 0.0, response)


@kernel
def fit_respiration(temperature, flux, reference_temperature, first_sensitivity):
    """(R_ref, E0, sd of R_ref, sd of E0, status): least-squares fit of both parameters, Levenberg-Marquardt.

    `temperature` °C and `flux` umol m-2 s-1 are finite arrays of one length. Standard errors come from the curvature and
    the residual variance on n - 2 degrees of freedom. Status FITTED, TOO_FEW (under 3 records) or NOT_CONVERGED.
    """
    n = temperature.size
    if n < 3:
        return np.nan, np.nan, np.nan, np.nan, TOO_FEW
    base = 1.0 / (reference_temperature - T0)
    a = 0.0
    for i in range(n):
        a += flux[i] / n
    b = first_sensitivity
    cost = np.inf
    damping = 1e-3
    status = NOT_CONVERGED
    aa = ab = bb = 0.0
    for _ in range(200):
        aa = ab = bb = ga = gb = here = 0.0
        for i in range(n):
            q = base - 1.0 / (temperature[i] - T0)
            e = np.exp(b * q)
            r = flux[i] - a * e
            jb = a * e * q
            aa += e * e
            ab += e * jb
            bb += jb * jb
            ga += e * r
            gb += jb * r
            here += r * r
        cost = here
        accepted = False
        for _ in range(40):
            maa = aa * (1.0 + damping)
            mbb = bb * (1.0 + damping)
            det = maa * mbb - ab * ab
            if not det > 0.0:
                damping = max(damping, 1e-12) * 10.0
                continue
            da = (mbb * ga - ab * gb) / det
            db = (maa * gb - ab * ga) / det
            trial = 0.0
            for i in range(n):
                r = flux[i] - (a + da) * np.exp((b + db) * (base - 1.0 / (temperature[i] - T0)))
                trial += r * r
            if trial <= cost:
                accepted = True
                break
            damping = damping * 10.0
        if not accepted:
            # no step lowers the cost any more: at the minimum to rounding, or nowhere to go
            if damping > 1e10 and np.isfinite(cost) and aa * bb - ab * ab > 0.0:
                status = FITTED
            break
        a += da
        b += db
        damping = damping * 0.1
        if abs(da) <= 1e-10 * (abs(a) + 1e-10) and abs(db) <= 1e-10 * (abs(b) + 1e-10):
            status = FITTED
            break
    det = aa * bb - ab * ab
    if status != FITTED or not det > 0.0:
        return a, b, np.nan, np.nan, NOT_CONVERGED
    variance = cost / (n - 2)
    return a, b, np.sqrt(variance * bb / det), np.sqrt(variance * aa / det), FITTED


@kernel
def fit_reference_respiration(temperature, flux, sensitivity, reference_temperature):
    """(R_ref, its standard error): regression through the origin of the flux on the temperature response.

    `temperature` °C, `flux` umol m-2 s-1, `sensitivity` K. NaN where there is no record; standard error NaN with one.
    """
    xx = xy = 0.0
    n = temperature.size
    for i in range(n):
        x = temperature_response(temperature[i], sensitivity, reference_temperature)
        xx += x * x
        xy += x * flux[i]
    if n == 0 or xx <= 0.0:
        return np.nan, np.nan
    slope = xy / xx
    if n < 2:
        return slope, np.nan
    rest = 0.0
    for i in range(n):
        r = flux[i] - slope * temperature_response(temperature[i], sensitivity, reference_temperature)
        rest += r * r
    return slope, np.sqrt(rest / (n - 1) / xx)
