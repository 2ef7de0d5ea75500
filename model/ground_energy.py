"""Energy balance of the ground or snow surface: absorbed radiation = sensible + latent heat + heat into the ground.

The balance is linearised about the present surface temperature and solved together with conduction (ground_heat.py), in
each pass anew. Evaporation from the drying surface follows Sellers et al. (1992): a surface resistance that grows as the
top layer dries, and the pore humidity of Philip (1957). Dew and frost meet no resistance. The snow-covered share of the
ground sublimates at saturation over ice.
"""

from terraflux.model.constants import (
    GAS_CONSTANT_VAPOUR,
    GRAVITY,
    KELVIN,
    LATENT_HEAT_SUBLIMATION,
    STEFAN_BOLTZMANN,
    WATER_DENSITY,
)
from terraflux.model.humidity import TETENS_FACTOR, TETENS_OFFSET, TETENS_PRESSURE
from terraflux.model.soil_water import driest
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp

PER_VAPOUR = GRAVITY / GAS_CONSTANT_VAPOUR  # K m-1
FULL_POND = 1.0  # kg m-2 of standing water that evaporates without soil resistance


def saturation_over_ice(temperature):
    """Saturation vapour pressure over ice (kPa) from degC; Buck (1996)."""
    return 0.61115 * exp((23.036 - temperature * (1.0 / 333.7)) * temperature / (279.82 + temperature))


@process(returns=("soil_evaporation_resistance", "soil_air_humidity", "evaporation_limit", "surface_iterate"))
def drying_surface(soil_liquid_top, soil_ice_top, soil_temperature_top, porosity_top, residual_moisture_top,
                   layer_thickness_top, water_potential_top, ponded_water, surface_temperature, time_step):
    """Resistance (s m-1) and pore humidity of the surface, and the water it can give within the step."""
    wetness = min(max((soil_liquid_top + soil_ice_top) / porosity_top, 0.0), 1.0)
    bare = exp(8.206 - 4.255 * wetness)
    pond = min(ponded_water * (1.0 / FULL_POND), 1.0)
    humidity = exp(max(water_potential_top, -1e5) * PER_VAPOUR / (soil_temperature_top + KELVIN))
    left = max(soil_liquid_top - driest(residual_moisture_top, soil_ice_top), 0.0) * layer_thickness_top * WATER_DENSITY
    return (bare * (1.0 - pond), min(humidity, 1.0) * (1.0 - pond) + pond, (left + ponded_water) / time_step,
            surface_temperature)


@process(returns=("surface_previous", "surface_balance", "surface_balance_slope", "soil_latent", "soil_latent_slope",
                  "snow_latent", "snow_latent_slope"))
def surface_balance(surface_iterate, absorbed_shortwave_ground, canopy_longwave_to_ground, ground_emissivity,
                    air_temperature, vapour_pressure, volumetric_heat_capacity_air, psychrometric_constant,
                    latent_heat_vaporisation, ground_conductance, snow_cover_fraction, soil_evaporation_resistance,
                    soil_air_humidity):
    """Heat left for the ground at the iterated surface temperature (W m-2), its parts and their slopes (W m-2 K-1)."""
    kelvin = surface_iterate + KELVIN
    emitted = ground_emissivity * STEFAN_BOLTZMANN * kelvin * kelvin * kelvin
    sensible = volumetric_heat_capacity_air * ground_conductance
    above, cold = surface_iterate + TETENS_OFFSET, min(surface_iterate, 0.0)
    above_ice, open_soil = 279.82 + cold, 1.0 + ground_conductance * soil_evaporation_resistance
    of_air = psychrometric_constant * latent_heat_vaporisation
    per_all = 1.0 / (above * above_ice * open_soil * of_air)  # one division for five quotients
    vapour = volumetric_heat_capacity_air * (per_all * above * above_ice * open_soil * latent_heat_vaporisation)

    per = per_all * above_ice * open_soil * of_air
    saturated = TETENS_PRESSURE * exp(TETENS_FACTOR * surface_iterate * per)
    slope = 4098.0 * saturated * per * per
    condensing = saturated * soil_air_humidity < vapour_pressure
    dew = saturated < vapour_pressure
    humidity = 1.0 if dew else soil_air_humidity
    closed = condensing & (saturated >= vapour_pressure)  # pores drier than the air, but no dew: nothing moves
    through_soil = 1.0 if dew else per_all * above * above_ice * of_air
    wet = vapour * ground_conductance * through_soil * (1.0 - snow_cover_fraction)
    wet = 0.0 if closed else wet
    soil = wet * (humidity * saturated - vapour_pressure)
    soil_slope = wet * humidity * slope

    per_ice = per_all * above * open_soil * of_air
    over_ice = 0.61115 * exp((23.036 - cold * (1.0 / 333.7)) * cold * per_ice)  # as `saturation_over_ice`
    bend = 23.036 * 279.82 - (2.0 * 279.82 + surface_iterate) * surface_iterate * (1.0 / 333.7)
    ice_slope = over_ice * bend * per_ice * per_ice if surface_iterate < 0.0 else 0.0
    per_latent = per_all * above * above_ice * open_soil * psychrometric_constant
    icy = vapour * ground_conductance * snow_cover_fraction * (LATENT_HEAT_SUBLIMATION * per_latent)
    snow = icy * (over_ice - vapour_pressure)
    snow_slope = icy * ice_slope

    balance = (absorbed_shortwave_ground + ground_emissivity * canopy_longwave_to_ground - emitted * kelvin
               - sensible * (surface_iterate - air_temperature) - soil - snow)
    return surface_iterate, balance, -4.0 * emitted - sensible - soil_slope - snow_slope, soil, soil_slope, snow, snow_slope


@process(returns=("surface_temperature", "ground_net_radiation", "soil_evaporation", "snow_sublimation",
                  "ground_latent_heat", "ground_sensible_heat", "ground_heat_flux"))
def surface_fluxes(surface_iterate, surface_previous, absorbed_shortwave_ground, canopy_longwave_to_ground,
                   ground_emissivity, latent_heat_vaporisation, soil_latent, soil_latent_slope, snow_latent,
                   snow_latent_slope, evaporation_limit, snow_mass_top, snow_heat_flux_top, time_step):
    """Fluxes of the solved balance. Evaporation beyond the stores is held back; sensible heat takes what is left."""
    change = surface_iterate - surface_previous
    kelvin = surface_previous + KELVIN
    emitted = ground_emissivity * STEFAN_BOLTZMANN * kelvin * kelvin * kelvin
    net = (absorbed_shortwave_ground + ground_emissivity * canopy_longwave_to_ground
           - emitted * (kelvin + 4.0 * change))
    evaporation = min((soil_latent + soil_latent_slope * change) / latent_heat_vaporisation, evaporation_limit)
    sublimation = min((snow_latent + snow_latent_slope * change) * (1.0 / LATENT_HEAT_SUBLIMATION),
                      snow_mass_top / time_step)
    latent = evaporation * latent_heat_vaporisation + sublimation * LATENT_HEAT_SUBLIMATION
    return surface_iterate, net, evaporation, sublimation, latent, net - latent - snow_heat_flux_top, snow_heat_flux_top
