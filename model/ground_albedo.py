"""Albedo, emissivity and snow cover of the ground, and the ageing of the snow surface.

Bare ground darkens linearly from its dry to its wet albedo as the top layer fills; it reflects twice as much near
infrared as visible light, with the broadband albedo kept. Snow: BATS (Dickinson, Henderson-Sellers
and Kennedy 1993, NCAR/TN-387+STR) without its dependence on zenith, cover after Niu and Yang (2007, J. Geophys. Res.
112, D21101) with the exponent of the density ratio at 1.
"""

from terraflux.model.canopy_radiation import VISIBLE_SHARE
from terraflux.model.constants import KELVIN
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, tanh

VISIBLE_PART = 1.0 / (2.0 - VISIBLE_SHARE)  # visible over broadband albedo of bare ground, half the near-infrared one
BRIGHTEST_INFRARED = 0.95
FRESH_SNOW_VISIBLE, FRESH_SNOW_INFRARED = 0.95, 0.65
AGED_LOSS_VISIBLE, AGED_LOSS_INFRARED = 0.2, 0.5  # share of albedo that old snow has lost
BARE_EMISSIVITY, SNOW_EMISSIVITY = 0.96, 0.99
GROUND_ROUGHNESS = 0.01  # m
NEW_SNOW_DENSITY = 100.0  # kg m-3
LEAST_SNOW = 1e-9  # kg m-2, only keeps a division safe
AGEING_TIME = 1.0e6  # s
GRAIN_GROWTH = 5000.0  # K, from vapour diffusion
SOOT_GROWTH = 0.3
REFRESHING_SNOW = 10.0  # kg m-2 of new snow that hides the old surface
OLDEST = 1000.0


@process(returns=("ground_albedo_visible", "ground_albedo_infrared", "ground_emissivity", "snow_cover_fraction"))
def ground_albedo(snow_age, snow_depth, snow_water_equivalent, soil_liquid_top, soil_ice_top, porosity_top,
                  ground_albedo_dry, ground_albedo_wet):
    """Albedo of both bands, emissivity and snow cover (all 1), for direct and diffuse light alike."""
    wetness = min(max((soil_liquid_top + soil_ice_top) / porosity_top, 0.0), 1.0)
    bare = ground_albedo_dry + (ground_albedo_wet - ground_albedo_dry) * wetness
    bare_infrared = min(2.0 * VISIBLE_PART * bare, BRIGHTEST_INFRARED)
    bare_visible = (bare - (1.0 - VISIBLE_SHARE) * bare_infrared) * (1.0 / VISIBLE_SHARE)

    aged = snow_age / (1.0 + snow_age)
    snow_visible = FRESH_SNOW_VISIBLE * (1.0 - AGED_LOSS_VISIBLE * aged)
    snow_infrared = FRESH_SNOW_INFRARED * (1.0 - AGED_LOSS_INFRARED * aged)

    # depth / (2.5 z0 density ratio), with density = mass / depth
    cover = tanh(snow_depth * snow_depth * (NEW_SNOW_DENSITY / (2.5 * GROUND_ROUGHNESS))
                 / max(snow_water_equivalent, LEAST_SNOW))
    return (
        bare_visible + cover * (snow_visible - bare_visible),
        bare_infrared + cover * (snow_infrared - bare_infrared),
        BARE_EMISSIVITY + cover * (SNOW_EMISSIVITY - BARE_EMISSIVITY),
        cover,
    )


@process(returns="snow_age")
def snow_ageing(snow_age, surface_temperature, throughfall_snow, snow_water_equivalent, time_step):
    """Age (1) of the snow surface after the step: grows with warmth, is renewed by new snow, 0 without snow.

    Dickinson et al. (1993): grain growth r1 = exp(5000 (1/273.15 - 1/T)), extra growth near melting r2 = r1**10, soot
    r3 = 0.3, per 10**6 s; 10 kg m-2 of new snow make the surface new.
    """
    cold = min(surface_temperature, 0.0)
    growth = exp((GRAIN_GROWTH / KELVIN) * cold / (cold + KELVIN))
    fifth = growth * growth * growth * growth * growth
    older = snow_age + (growth + fifth * fifth + SOOT_GROWTH) * time_step * (1.0 / AGEING_TIME)
    kept = max(1.0 - throughfall_snow * time_step * (1.0 / REFRESHING_SNOW), 0.0)
    return min(older * kept, OLDEST) if snow_water_equivalent > 0.0 else 0.0
