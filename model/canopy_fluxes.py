"""From leaves to the canopy: sums over both leaf classes, limits by the stores, and the canopy's energy balance.

Water leaves through stomata no faster than roots can draw, and from wet leaves no faster than the stores hold. Latent
heat is the sum of latent heats times the very fluxes that leave, and sensible heat is what remains of net radiation: that
of stems goes to the air at once.
"""

from terraflux.model.constants import CARBON_MOLAR_MASS, LATENT_HEAT_SUBLIMATION
from terraflux.model.weave import process

CARBON_GRAMS = 1e-6 * CARBON_MOLAR_MASS  # g umol-1
SMALLEST_CANOPY = 1e-6  # m2 m-2


@process(returns=("gross_primary_production", "leaf_respiration", "canopy_conductance", "canopy_temperature"))
def canopy_sums(sunlit_area, shaded_area, gross_assimilation_sunlit, gross_assimilation_shaded, dark_respiration_sunlit,
                dark_respiration_shaded, stomatal_conductance_sunlit, stomatal_conductance_shaded,
                leaf_temperature_sunlit, leaf_temperature_shaded, air_temperature):
    """Carbon fluxes (g m-2 s-1) and stomatal conductance (mol m-2 s-1) per ground area; mean leaf temperature (degC).

    Without leaves the canopy has the temperature of the air.
    """
    area = sunlit_area + shaded_area
    warmer = (sunlit_area * (leaf_temperature_sunlit - air_temperature)
              + shaded_area * (leaf_temperature_shaded - air_temperature)) / max(area, SMALLEST_CANOPY)
    gross = sunlit_area * gross_assimilation_sunlit + shaded_area * gross_assimilation_shaded
    dark = sunlit_area * dark_respiration_sunlit + shaded_area * dark_respiration_shaded
    conductance = sunlit_area * stomatal_conductance_sunlit + shaded_area * stomatal_conductance_shaded
    return CARBON_GRAMS * gross, CARBON_GRAMS * dark, conductance, air_temperature + warmer


@process(returns=("transpiration", "canopy_evaporation", "canopy_sublimation", "canopy_liquid", "canopy_snow",
                  "canopy_net_radiation", "canopy_latent_heat", "canopy_sensible_heat"))
def canopy_fluxes(sunlit_area, shaded_area, leaf_transpiration_heat_sunlit, leaf_transpiration_heat_shaded,
                  leaf_wet_heat_sunlit, leaf_wet_heat_shaded, canopy_temperature, canopy_liquid, canopy_snow,
                  wet_share_of_snow, absorbed_shortwave_sunlit, absorbed_shortwave_shaded, absorbed_shortwave_stems,
                  canopy_net_longwave, latent_heat_vaporisation, root_water_limit, time_step):
    """Transpiration, evaporation and sublimation (kg m-2 s-1), the stores after them, and the energy balance (W m-2).

    Rain and snow on leaves evaporate in proportion to what they wet. Dew (negative) becomes liquid, below 0 degC snow.
    """
    per_latent = 1.0 / latent_heat_vaporisation
    dry_heat = sunlit_area * leaf_transpiration_heat_sunlit + shaded_area * leaf_transpiration_heat_shaded
    wet_heat = sunlit_area * leaf_wet_heat_sunlit + shaded_area * leaf_wet_heat_shaded
    transpiration = min(dry_heat * per_latent, root_water_limit)

    dew_share = 1.0 if canopy_temperature >= 0.0 else 0.0
    liquid_share = 1.0 - wet_share_of_snow if wet_heat > 0.0 else dew_share
    per_step = 1.0 / time_step
    evaporation = min(liquid_share * wet_heat * per_latent, canopy_liquid * per_step)
    sublimation = min((1.0 - liquid_share) * wet_heat * (1.0 / LATENT_HEAT_SUBLIMATION), canopy_snow * per_step)
    liquid = max(canopy_liquid - evaporation * time_step, 0.0)
    snow = max(canopy_snow - sublimation * time_step, 0.0)

    net = absorbed_shortwave_sunlit + absorbed_shortwave_shaded + absorbed_shortwave_stems + canopy_net_longwave
    latent = latent_heat_vaporisation * (transpiration + evaporation) + LATENT_HEAT_SUBLIMATION * sublimation
    return transpiration, evaporation, sublimation, liquid, snow, net, latent, net - latent
