"""Stability of the surface layer: Obukhov length and the similarity functions that the footprint models use.

zeta = z / L, negative in unstable air. These constants belong to the footprint models and differ from the land-surface
model's own (its von Karman constant is 0.41, here 0.4 by default).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.constants import AIR_HEAT_CAPACITY, GAS_CONSTANT_DRY_AIR, GRAVITY, LATENT_HEAT_VAPORISATION

Floats = NDArray[np.float64]

VON_KARMAN = 0.4
NEUTRAL_LENGTH = 5000.0
"""Length (m) beyond which Kljun et al. (2015) treat the air as neutral."""


def obukhov_length(
    friction_velocity: ArrayLike,
    sensible_heat_flux: ArrayLike,
    air_temperature: ArrayLike,
    air_pressure: ArrayLike,
    latent_heat_flux: ArrayLike = 0.0,
    von_karman: float = VON_KARMAN,
) -> Floats:
    """Obukhov length (m): L = -u*^3 T rho cp / (k g H_v), negative in unstable air, +inf where H_v = 0.

    friction_velocity m s-1, fluxes W m-2 upward, air_temperature K, air_pressure Pa. H_v is the buoyancy flux: H plus
    0.61 cp T LE / lambda when a latent heat flux is given (Stull 1988, chapter 5).
    """
    temperature, ustar = np.asarray(air_temperature, float), np.asarray(friction_velocity, float)
    density = air_density(temperature, air_pressure)
    moisture = 0.61 * AIR_HEAT_CAPACITY * temperature * np.asarray(latent_heat_flux, float) / LATENT_HEAT_VAPORISATION
    buoyancy = np.asarray(sensible_heat_flux, float) + moisture
    with np.errstate(divide="ignore", invalid="ignore"):
        length = -density * AIR_HEAT_CAPACITY * ustar**3 * temperature / (von_karman * GRAVITY * buoyancy)
    return np.asarray(np.where(buoyancy == 0.0, np.inf, length))


def air_density(air_temperature: ArrayLike, air_pressure: ArrayLike) -> Floats:
    """Density of dry air (kg m-3) from K and Pa."""
    return np.asarray(np.asarray(air_pressure, float) / (GAS_CONSTANT_DRY_AIR * np.asarray(air_temperature, float)))


def momentum_gradient(zeta: ArrayLike) -> Floats:
    """phi_m (-): 1 + 5 zeta, or (1 - 16 zeta)^-1/4 where unstable (Dyer 1974; Kormann and Meixner 2001, Eq. 33)."""
    z = np.asarray(zeta, float)
    return np.where(z > 0.0, 1.0 + 5.0 * z, (1.0 - 16.0 * np.minimum(z, 0.0)) ** -0.25)


def scalar_gradient(zeta: ArrayLike) -> Floats:
    """phi_c (-): 1 + 5 zeta, or (1 - 16 zeta)^-1/2 where unstable (Dyer 1974; Kormann and Meixner 2001, Eq. 34)."""
    z = np.asarray(zeta, float)
    return np.where(z > 0.0, 1.0 + 5.0 * z, (1.0 - 16.0 * np.minimum(z, 0.0)) ** -0.5)


def momentum_integral(zeta: ArrayLike) -> Floats:
    """psi_M (-) of u = u*/k (ln(z/z0) - psi_M), integral of `momentum_gradient` (Paulson 1970): -5 zeta where stable."""
    z = np.asarray(zeta, float)
    return np.where(z > 0.0, -5.0 * z, _unstable_integral(np.minimum(z, 0.0), 16.0))


def kljun_momentum_integral(measurement_height: ArrayLike, obukhov_length: ArrayLike) -> Floats:
    """psi_M (-) of Kljun et al. (2015), Appendix A: -5.3 zeta where 0 < L < 5000 m, else Hogstrom's unstable form with 19.

    Lengths of 5000 m and more take the unstable form with a positive zeta, as the published program does; NaN where
    1 - 19 zeta is then not positive.
    """
    height, length = np.asarray(measurement_height, float), np.asarray(obukhov_length, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        zeta = height / length
    stable = (length > 0.0) & (length < NEUTRAL_LENGTH)
    usable = np.where(stable | (1.0 - 19.0 * zeta <= 0.0), np.nan, zeta)
    return np.where(stable, -5.3 * zeta, _unstable_integral(usable, 19.0))


def _unstable_integral(zeta: Floats, factor: float) -> Floats:
    chi = (1.0 - factor * zeta) ** 0.25
    return np.asarray(
        np.log((1.0 + chi**2) / 2.0) + 2.0 * np.log((1.0 + chi) / 2.0) - 2.0 * np.arctan(chi) + np.pi / 2.0
    )


def log_profile_speed(
    height: ArrayLike,
    roughness_length: ArrayLike,
    length: ArrayLike,
    friction_velocity: ArrayLike,
    von_karman: float = VON_KARMAN,
) -> Floats:
    """Mean wind speed (m s-1) of the logarithmic profile: u*/k (ln(z/z0) - psi_M(z/L))."""
    z = np.asarray(height, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = np.log(z / np.asarray(roughness_length, float)) - momentum_integral(z / np.asarray(length, float))
    return np.asarray(np.asarray(friction_velocity, float) / von_karman * shape)


def roughness_from_wind_speed(
    height: ArrayLike,
    mean_wind_speed: ArrayLike,
    length: ArrayLike,
    friction_velocity: ArrayLike,
    von_karman: float = VON_KARMAN,
) -> Floats:
    """Roughness length (m) that the logarithmic profile needs for a measured wind speed: z exp(-(k u/u* + psi_M))."""
    z = np.asarray(height, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = von_karman * np.asarray(mean_wind_speed, float) / np.asarray(friction_velocity, float)
        return np.asarray(z * np.exp(-(shape + momentum_integral(z / np.asarray(length, float)))))
