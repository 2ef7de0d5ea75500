"""Longwave between sky, canopy and ground: one grey canopy layer, linearised around air temperature.

Before the leaves are solved, everything is known except their warming above the air. `canopy_longwave` gives the net
longwave leaves would have at air temperature, with the ground at its temperature before the step, and the extra they
lose per kelvin; `canopy_longwave_after` closes the budget with the temperatures found. What the ground sends up after
that, and what it reflects of the leaves' warming, goes to the sky: canopy net + ground net + upward = downward exactly.
Stems are part of the layer and have the temperature of the air.
"""

from terraflux.model.canopy_radiation import mean_between
from terraflux.model.constants import KELVIN, STEFAN_BOLTZMANN
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp

LEAF_EMISSIVITY = 0.98
DIFFUSE_EXTINCTION = 0.8  # of isotropic radiation per leaf area, spherical leaf angles; exact 0.98 (thin) .. 0.7 (deep)


@process(
    returns=("canopy_emissivity", "isothermal_longwave_sunlit", "isothermal_longwave_shaded", "longwave_of_stems",
             "radiative_conductance")
)
def canopy_longwave(longwave_down, air_temperature, surface_temperature, ground_emissivity, leaf_area_index,
                    stem_area_index, clumping_index, sunlit_area, shaded_area):
    """Emissivity (1) of the canopy, net longwave of both leaf classes and of stems at air temperature (W m-2 of ground),
    and the loss per kelvin of warming (W m-2 K-1 of leaf): 8 e sigma Ta**3 per area of leaves and stems, two sides."""
    per_leaf = (LEAF_EMISSIVITY * DIFFUSE_EXTINCTION) * clumping_index
    plant_area = leaf_area_index + stem_area_index
    depth = per_leaf * plant_area
    gap = exp(-depth)
    emissivity_per_leaf = per_leaf * mean_between(1.0, gap, depth)
    emissivity = emissivity_per_leaf * plant_area

    air = air_temperature + KELVIN
    ground = surface_temperature + KELVIN
    cube = STEFAN_BOLTZMANN * air * air * air
    black = cube * air
    below = (1.0 - emissivity) * longwave_down + emissivity * black
    emitted = STEFAN_BOLTZMANN * ground * ground * ground * ground
    upward = ground_emissivity * emitted + (1.0 - ground_emissivity) * below
    net_per_leaf = emissivity_per_leaf * (longwave_down + upward - 2.0 * black)
    return (emissivity, net_per_leaf * sunlit_area, net_per_leaf * shaded_area, net_per_leaf * stem_area_index,
            8.0 * emissivity_per_leaf * cube)


@process(returns=("canopy_longwave_to_ground", "canopy_net_longwave"))
def canopy_longwave_after(leaf_temperature_sunlit, leaf_temperature_shaded, sunlit_area, shaded_area, air_temperature,
                          longwave_down, canopy_emissivity, radiative_conductance, isothermal_longwave_sunlit,
                          isothermal_longwave_shaded, longwave_of_stems):
    """Longwave from sky and canopy to the ground, and net longwave of the canopy (W m-2), at leaf temperatures."""
    warming = sunlit_area * (leaf_temperature_sunlit - air_temperature)
    warming = warming + shaded_area * (leaf_temperature_shaded - air_temperature)
    extra = radiative_conductance * warming
    air = air_temperature + KELVIN
    black = STEFAN_BOLTZMANN * air * air * air * air
    to_ground = (1.0 - canopy_emissivity) * longwave_down + canopy_emissivity * black + 0.5 * extra
    return to_ground, isothermal_longwave_sunlit + isothermal_longwave_shaded + longwave_of_stems - extra
