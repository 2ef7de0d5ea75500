"""Weather moved from the height of a coarse cell to that of a fine one: temperature, pressure, humidity.

Temperature follows a constant lapse rate (-6.5 K km-1 by default, the standard atmosphere), pressure the hypsometric equation
with the mean virtual temperature of the layer, and the mixing ratio of water vapour is kept (vapour pressure changes as
pressure does); saturation at the new temperature limits it afterwards. Radiation, wind and precipitation stay as they are.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.constants import GRAVITY, KELVIN

STANDARD_LAPSE_RATE = -0.0065  # K m-1
DRY_AIR_GAS_CONSTANT = 287.05  # J kg-1 K-1
WATER_TO_DRY_AIR = 0.622
LARGEST_STEP = 6000.0  # m

Floats = NDArray[np.float64]


def moved_temperature(air_temperature: ArrayLike, height_change: ArrayLike, lapse_rate: float = STANDARD_LAPSE_RATE) -> Floats:
    """Air temperature (degC) after going up by `height_change` (m) at a lapse rate (K m-1, negative: colder above)."""
    change = np.asarray(height_change, dtype=np.float64)
    if (np.abs(change) > LARGEST_STEP).any():
        raise ForcingError(f"heights differ by up to {np.abs(change).max():.0f} m", variable="elevation", unit="m",
                           remedy="check the elevations of source and target (geopotential is m2 s-2)")
    return np.asarray(air_temperature, dtype=np.float64) + lapse_rate * change


def moved_pressure(air_pressure: ArrayLike, below: ArrayLike, above: ArrayLike, vapour_pressure: ArrayLike,
                   height_change: ArrayLike) -> Floats:
    """Air pressure (Pa) after going up by `height_change` (m) through air of temperatures `below` and `above` (degC).

    p2 = p1 exp(-g dz / (R_d T_v)), with T_v the mean temperature of both ends raised for vapour (kPa) at the lower end.
    """
    pressure = np.asarray(air_pressure, dtype=np.float64)
    mean = 0.5 * (np.asarray(below, dtype=np.float64) + np.asarray(above, dtype=np.float64)) + KELVIN
    share = 1e3 * np.asarray(vapour_pressure, dtype=np.float64) / pressure
    virtual = mean / (1.0 - share * (1.0 - WATER_TO_DRY_AIR))
    return pressure * np.exp(-GRAVITY * np.asarray(height_change, dtype=np.float64) / (DRY_AIR_GAS_CONSTANT * virtual))


def moved_vapour_pressure(vapour_pressure: ArrayLike, old_pressure: ArrayLike, new_pressure: ArrayLike) -> Floats:
    """Vapour pressure (kPa) with the mixing ratio kept, which may exceed saturation at the new height."""
    return (np.asarray(vapour_pressure, dtype=np.float64) * np.asarray(new_pressure, dtype=np.float64)
            / np.asarray(old_pressure, dtype=np.float64))
