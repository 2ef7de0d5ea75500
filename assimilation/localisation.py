"""Localisation: how much an observation may say about a state at a distance.

Small ensembles show chance correlations with what is far away. The fifth-order piecewise rational function of Gaspari and
Cohn (1999, Q. J. R. Meteorol. Soc. 125, 723, eq. 4.10) looks like a Gaussian and is exactly zero beyond its reach.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Localisation:
    """Tapers 0..1: of state by observation `state` (n, m), and of observation by observation `observed` (m, m)."""

    state: Floats
    observed: Floats


def gaspari_cohn(distance: ArrayLike, reach: float) -> Floats:
    """Correlation 1..0 at a distance; zero from `reach` on (same unit; half of it is the c of the paper).

    Raises ValueError unless `reach` is above zero.
    """
    if not reach > 0.0:
        raise ValueError(f"the reach of localisation is {reach}; it must be above zero")
    z = np.abs(np.asarray(distance, np.float64)) / (0.5 * reach)
    near = 1.0 + z**2 * (-5.0 / 3.0 + z * (5.0 / 8.0 + z * (0.5 - 0.25 * z)))
    outer = np.clip(z, 1.0, 2.0)
    far = (4.0 - 5.0 * outer + outer**2 * (5.0 / 3.0 + outer * (5.0 / 8.0 + outer * (-0.5 + outer / 12.0)))
           - 2.0 / (3.0 * outer))
    return np.where(z <= 1.0, near, np.where(z < 2.0, np.maximum(far, 0.0), 0.0))


def line_localisation(state_places: ArrayLike, observed_places: ArrayLike, reach: float, period: float | None = None
                      ) -> Localisation:
    """Tapers for places on a line (depths in m, say), or on a circle of circumference `period`."""
    states, observed = np.asarray(state_places, np.float64), np.asarray(observed_places, np.float64)

    def apart(a: Floats, b: Floats) -> Floats:
        distance = np.abs(a[:, None] - b[None, :])
        return distance if period is None else np.minimum(distance % period, -distance % period)

    return Localisation(gaspari_cohn(apart(states, observed), reach), gaspari_cohn(apart(observed, observed), reach))
