"""Does every budget close? Stores before and after the step against the fluxes between them.

The stores are summed anew from the states, so a flux that no state felt shows. Water in kg m-2 per step, energy in
W m-2, carbon in g m-2 per step, shortwave relative to what came in.
"""

from terraflux.model.constants import LATENT_HEAT_FUSION, WATER_DENSITY
from terraflux.model.soil_thermal import ICE_VOLUME_HEAT, WATER_VOLUME_HEAT
from terraflux.model.weave import Item, Layers, process

FUSION_VOLUME = LATENT_HEAT_FUSION * WATER_DENSITY


@process(returns=("stored_water", "stored_heat"))
def canopy_stores(canopy_liquid, canopy_snow, ponded_water):
    """Water (kg m-2) above the soil; sums of the layers follow."""
    return canopy_liquid + canopy_snow + ponded_water, 0.0


@process(returns=("stored_water", "stored_heat"))
def snow_stores(stored_water, stored_heat, snow_mass, snow_enthalpy):
    """Adds a snow layer (kg m-2, J m-2)."""
    return stored_water + snow_mass, stored_heat + snow_enthalpy


@process(returns=("stored_water", "stored_heat"))
def soil_stores(stored_water, stored_heat, soil_liquid, soil_ice, soil_temperature, porosity, solid_heat_capacity,
                layer_thickness):
    """Adds a soil layer (kg m-2, J m-2)."""
    capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * soil_liquid + ICE_VOLUME_HEAT * soil_ice
    heat = (capacity * soil_temperature - FUSION_VOLUME * soil_ice) * layer_thickness
    return stored_water + (soil_liquid + soil_ice) * layer_thickness * WATER_DENSITY, stored_heat + heat


@process(returns="stored_heat")
def deep_stores(stored_heat, deep_temperature, deep_heat_capacity, deep_thickness):
    """Adds a layer below the soil (J m-2)."""
    return stored_heat + deep_heat_capacity * deep_thickness * deep_temperature


@process(returns="stored_carbon")
def carbon_stores(labile_carbon, foliage_carbon, stem_carbon, coarse_root_carbon, fine_root_carbon, coarse_wood_litter,
                  surface_structural_litter, surface_metabolic_litter, root_structural_litter, root_metabolic_litter,
                  surface_microbial_carbon, soil_microbial_carbon, slow_carbon, passive_carbon):
    """Carbon of the 14 pools (g m-2)."""
    plants = labile_carbon + foliage_carbon + stem_carbon + coarse_root_carbon + fine_root_carbon
    litter = (coarse_wood_litter + surface_structural_litter + surface_metabolic_litter + root_structural_litter
              + root_metabolic_litter)
    return plants + litter + surface_microbial_carbon + soil_microbial_carbon + slow_carbon + passive_carbon


@process(returns=("stored_water_before", "stored_heat_before", "stored_carbon_before"))
def remember(stored_water, stored_heat, stored_carbon):
    """Stores at the start of the step."""
    return stored_water + 0.0, stored_heat + 0.0, stored_carbon + 0.0


@process(returns=("water_closure", "heat_closure", "carbon_closure"))
def stores_close(stored_water, stored_water_before, stored_heat, stored_heat_before, stored_carbon,
                 stored_carbon_before, precipitation, evapotranspiration, surface_runoff, drainage, ground_heat_flux,
                 lower_heat_flux, advected_heat, gross_primary_production, autotrophic_respiration,
                 heterotrophic_respiration, leached_carbon, time_step):
    """What stores changed by and no flux explains, as absolute values."""
    water = (precipitation - evapotranspiration - surface_runoff - drainage) * time_step
    heat = (ground_heat_flux - lower_heat_flux + advected_heat) * time_step
    carbon = (gross_primary_production - autotrophic_respiration - heterotrophic_respiration - leached_carbon) * time_step
    return (abs(stored_water - stored_water_before - water),
            abs(stored_heat - stored_heat_before - heat) / time_step,
            abs(stored_carbon - stored_carbon_before - carbon))


@process(returns=("energy_closure", "shortwave_closure"))
def surface_closes(net_radiation, latent_heat, sensible_heat, ground_heat_flux, shortwave_down, reflected_shortwave,
                   absorbed_shortwave_sunlit, absorbed_shortwave_shaded, absorbed_shortwave_stems,
                   absorbed_shortwave_ground):
    """Net radiation against turbulent and ground heat (W m-2), and shortwave in against out and absorbed (1)."""
    absorbed = (absorbed_shortwave_sunlit + absorbed_shortwave_shaded + absorbed_shortwave_stems
                + absorbed_shortwave_ground)
    gap = abs(shortwave_down - reflected_shortwave - absorbed)
    return (abs(net_radiation - latent_heat - sensible_heat - ground_heat_flux),
            gap / shortwave_down if shortwave_down > 1e-3 else 0.0)


def _sum_of_stores(deep_layers: int) -> list[Item]:
    return [canopy_stores, Layers(snow_stores), Layers(soil_stores), *([Layers(deep_stores)] if deep_layers else []),
            carbon_stores]


def before_step(deep_layers: int) -> list[Item]:
    """Stores at the start of the step."""
    return [*_sum_of_stores(deep_layers), remember]


def after_step(deep_layers: int) -> list[Item]:
    """Stores at its end, and what is left over."""
    return [*_sum_of_stores(deep_layers), stores_close, surface_closes]
