"""Light-use efficiency: assimilation proportional to absorbed light, cut by cold, dry air and dry soil.

Two leaf classes after He et al. (2013), each with its own efficiency, and the big leaf of MOD17 (Running et al. 2004).
Both multiply the efficiency by linear ramps in temperature and vapour pressure deficit. MOD17 takes the day's lowest
temperature; within a step the temperature of the air at that time stands for it.
"""

from terraflux.model.constants import CARBON_MOLAR_MASS, GAS_CONSTANT, PHOTONS_PER_JOULE
from terraflux.model.photosynthesis import (
    DARK_RESPIRATION_ENERGY,
    farquhar,
    photorespiration_compensation,
    warmth,
)
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp

LIGHT_TO_CARBON = 1.0 / (PHOTONS_PER_JOULE * CARBON_MOLAR_MASS)  # (g MJ-1)(umol m-2 s-1) to umol m-2 s-1 of carbon
NARROWEST_TEMPERATURES, NARROWEST_DEFICITS = 0.01, 1.0  # K, Pa


def rising_ramp(value, low, high, narrowest):
    """0 below `low`, 1 above `high`, linear between; a ramp narrower than `narrowest` is widened to it."""
    return min(max((value - low) / max(high - low, narrowest), 0.0), 1.0)


def big_leaf_production(absorbed_radiation, efficiency, minimum_temperature, deficit, temperature_low, temperature_high,
                        deficit_low, deficit_high):
    """MOD17 gross primary production (g m-2 s-1 of carbon).

    From absorbed photosynthetically active radiation (W m-2), efficiency (g MJ-1), the day's lowest temperature (degC),
    vapour pressure deficit (Pa) and the ends of both ramps.
    """
    warm = rising_ramp(minimum_temperature, temperature_low, temperature_high, NARROWEST_TEMPERATURES)
    dry = rising_ramp(deficit, deficit_low, deficit_high, NARROWEST_DEFICITS)
    return 1e-6 * efficiency * absorbed_radiation * warm * (1.0 - dry)


@process(returns=("gross_assimilation", "dark_respiration", "assimilation_slope", "compensation_point"))
def light_use(absorbed_light, light_use_efficiency, air_temperature, vapour_pressure_deficit, moisture_stress,
              minimum_temperature_low, minimum_temperature_high, vapour_deficit_low, vapour_deficit_high,
              leaf_trial_temperature, capacity, dark_respiration_ratio, light_inhibition, c4_pathway):
    """Gross assimilation of one leaf class from its absorbed light; the other results are as in `farquhar`.

    Assimilation does not depend on intercellular carbon dioxide, so its slope is 0. Soil moisture stress acts on the
    efficiency wherever the recipe places it otherwise.
    """
    warm = rising_ramp(air_temperature, minimum_temperature_low, minimum_temperature_high, NARROWEST_TEMPERATURES)
    deficit = 1000.0 * vapour_pressure_deficit
    dry = rising_ramp(deficit, vapour_deficit_low, vapour_deficit_high, NARROWEST_DEFICITS)
    gross = light_use_efficiency * LIGHT_TO_CARBON * absorbed_light * warm * (1.0 - dry) * moisture_stress
    distance = warmth(leaf_trial_temperature, GAS_CONSTANT)
    dark = light_inhibition * dark_respiration_ratio * capacity * exp(DARK_RESPIRATION_ENERGY * distance)
    compensation = 0.0 if c4_pathway > 0.5 else photorespiration_compensation(distance)
    return max(gross, 0.0), dark, 0.0, compensation


PHOTOSYNTHESIS = {"farquhar": farquhar, "light_use_efficiency": light_use}
