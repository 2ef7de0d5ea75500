"""Boundary-layer height (m) where none is measured, after Kljun et al. (2015), Appendix B.

Stable and neutral, Eq. B1 (Nieuwstadt 1981): h = L/3.8 (-1 + sqrt(1 + 2.28 u*/(f L))), which tends to 0.3 u*/f as L
grows (Eq. B2). Convective, Eq. B5 (Batchvarova and Gryning 1991):

    dh/dt = (w'th'/gamma) / (h^2/((1 + 2 A) h - 2 B k L) + C u*^2 T/(gamma g ((1 + A) h - B k L)))

grown from the last stable height while the air is unstable; A = 0.2, B = 2.5, C = 8, gamma = 0.01 K m-1.
f = 2 x 7.2921e-5 |sin(latitude)| s-1. f is 0 at the equator, where no stable or neutral height follows (NaN).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from terraflux.model.constants import AIR_HEAT_CAPACITY, GRAVITY
from terraflux.model.weave.kernels import kernel
from terraflux.sites.footprint.stability import VON_KARMAN, air_density
from terraflux.sites.footprint.validity import Caution, flagged

Floats = NDArray[np.float64]

ROTATION = 7.2921e-5
"""Angular velocity of the Earth (s-1)."""
GROWTH_A, GROWTH_B, GROWTH_C = 0.2, 2.5, 8.0
"""Parameters of convective growth (-)."""
LAPSE = 0.01
"""Default gradient of potential temperature above the boundary layer (K m-1)."""
NEUTRAL_BEYOND = 1.0e6
"""|L| (m) from which the neutral limit is taken; the stable height is then within 0.2 % of it."""
LOWEST_START = 10.0
"""Least height (m) from which growth starts; the stable diagnostic may give less."""
SUBSTEP = 30.0
"""Longest step (s) of the integration of growth."""


@dataclass(frozen=True)
class BoundaryLayerHeight:
    """`height` (m, NaN where unknown) and `caution`, the codes that say which formula gave it; shape (times,)."""

    height: Floats
    caution: NDArray[np.uint32]


def coriolis_parameter(latitude: ArrayLike) -> Floats:
    """|f| (s-1) at a latitude in degrees."""
    return np.asarray(2.0 * ROTATION * np.abs(np.sin(np.deg2rad(np.asarray(latitude, float)))))


def neutral_height(friction_velocity: ArrayLike, latitude: ArrayLike) -> Floats:
    """0.3 u*/f (m), the neutral limit; friction_velocity m s-1, latitude degrees."""
    f = coriolis_parameter(latitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(f > 0.0, 0.3 * np.asarray(friction_velocity, float) / f, np.nan))


def stable_height(friction_velocity: ArrayLike, obukhov_length: ArrayLike, latitude: ArrayLike) -> Floats:
    """Height (m) in stable air, L > 0 in m; NaN elsewhere. From |L| = 1000 km on it is the neutral limit."""
    ustar, length, f = np.broadcast_arrays(
        np.asarray(friction_velocity, float), np.asarray(obukhov_length, float), coriolis_parameter(latitude)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        height = length / 3.8 * (np.sqrt(1.0 + 2.28 * ustar / (f * length)) - 1.0)
    neutral = np.abs(length) >= NEUTRAL_BEYOND
    return np.where(neutral, neutral_height(ustar, latitude), np.where((length > 0.0) & (f > 0.0), height, np.nan))


@njit(error_model="numpy")
def growth_rate(
    height: float,
    heat_flux: float,
    friction_velocity: float,
    length: float,
    temperature: float,
    lapse: float,
    von_karman: float,
) -> float:
    """dh/dt (m s-1) from h (m), w'th' (K m s-1), u* (m s-1), L (m), T (K) and gamma (K m-1)."""
    reach = (1.0 + 2.0 * GROWTH_A) * height - 2.0 * GROWTH_B * von_karman * length
    shear = (1.0 + GROWTH_A) * height - GROWTH_B * von_karman * length
    spin = GROWTH_C * friction_velocity * friction_velocity * temperature / (lapse * GRAVITY * shear)
    return heat_flux / lapse / (height * height / reach + spin)


def boundary_layer_height(
    friction_velocity: ArrayLike,
    obukhov_length: ArrayLike,
    sensible_heat_flux: ArrayLike,
    air_temperature: ArrayLike,
    air_pressure: ArrayLike,
    latitude: float,
    step: float = 1800.0,
    lapse: float = LAPSE,
    von_karman: float = VON_KARMAN,
) -> BoundaryLayerHeight:
    """Heights (m) over a series at equal steps (s): diagnosed when stable or neutral, grown when unstable.

    friction_velocity m s-1, obukhov_length m, sensible_heat_flux W m-2 upward, air_temperature K, air_pressure Pa,
    latitude degrees, lapse K m-1; arrays of one length. The height is that at the end of a step. Growth starts from the
    last diagnosed height when the air turns unstable (L < 0 and H > 0). A gap in the inputs leaves the height unknown
    until the air is stable or neutral again; so does a series that begins unstable. Unstable air with H <= 0 (evening)
    keeps the height reached.
    """
    named = np.broadcast_arrays(
        *(np.asarray(one, float)
          for one in (friction_velocity, obukhov_length, sensible_heat_flux, air_temperature, air_pressure))
    )  # fmt: skip
    ustar, length, heat, temperature, pressure = (np.array(one, ndmin=1) for one in named)
    if not step > 0.0:
        raise ValueError(f"step of the series must be positive, not {step} s")
    stable = stable_height(ustar, length, latitude)
    kinematic = heat / (air_density(temperature, pressure) * AIR_HEAT_CAPACITY)
    height, grown = _series(stable, ustar, length, kinematic, temperature, step, lapse, von_karman)
    neutral = ~grown & (np.abs(length) >= NEUTRAL_BEYOND)
    known = np.isfinite(height)
    marks = flagged(
        (known & grown, Caution.BOUNDARY_LAYER_GROWN),
        (known & neutral, Caution.BOUNDARY_LAYER_NEUTRAL),
        (known & ~grown & ~neutral, Caution.BOUNDARY_LAYER_STABLE),
    )
    return BoundaryLayerHeight(height, marks)


@kernel
def _series(
    stable: Floats,
    ustar: Floats,
    length: Floats,
    heat: Floats,
    temperature: Floats,
    step: float,
    lapse: float,
    von_karman: float,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Heights and whether they were grown, one step after the other; fourth-order Runge-Kutta, 20 % growth a substep."""
    count = len(stable)
    heights = np.full(count, np.nan)
    grown = np.zeros(count, np.bool_)
    height = np.nan
    for t in range(count):
        if np.isfinite(stable[t]):
            height = stable[t]
        elif not (length[t] < 0.0 and np.isfinite(heat[t]) and np.isfinite(ustar[t]) and np.isfinite(temperature[t])):
            height = np.nan
        else:
            grown[t] = True
            left = step if heat[t] > 0.0 else 0.0
            height = max(height, LOWEST_START) if np.isfinite(height) else np.nan
            while left > 0.0 and np.isfinite(height):
                air = (heat[t], ustar[t], length[t], temperature[t], lapse, von_karman)
                first = growth_rate(height, *air)
                size = min(left, SUBSTEP, 0.2 * height / first)
                second = growth_rate(height + 0.5 * size * first, *air)
                third = growth_rate(height + 0.5 * size * second, *air)
                fourth = growth_rate(height + size * third, *air)
                height += size / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)
                left -= size
        heights[t] = height
    return heights, grown
