"""Vertical flow of soil water: Richards' equation in flux form, infiltration, ponding, runoff and drainage.

Moisture is the unknown. Each sub-step linearises the fluxes about the present moisture (one Newton iteration of backward
Euler on d theta/dt = -dq/dz - sink, with q = K (1 - dpsi/dz); Celia et al. 1990 for the flux form) and solves one
tridiagonal system; a wet or fast-changing step takes several sub-steps. The moisture of each layer changes by its
fluxes alone, so water is conserved however well the linearisation holds. After every sub-step, what overshoots
saturation is handed to the layer above and at last to the pond; what undershoots the driest moisture is borrowed from
the layer below and at last from drainage. Rates are in m s-1 of liquid water, positive downward.
"""

from terraflux.model.constants import WATER_DENSITY, WATER_HEAT_CAPACITY
from terraflux.model.soil_hydraulics import ICE_IMPEDANCE
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, floor

PER_WATER = 1.0 / WATER_DENSITY
LARGEST_CHANGE = 0.02  # m3 m-3 within one sub-step
MOST_SUBSTEPS = 8
DRIEST_LIQUID = 1e-3  # m3 m-3 that never leaves a layer


@process(returns=("per_layer_thickness", "per_layer_distance"))
def reciprocals_top(layer_thickness):
    """Of the thickness of the top layer and of the depth of its centre (m-1)."""
    return 1.0 / layer_thickness, 2.0 / layer_thickness


@process(returns=("per_layer_thickness", "per_layer_distance"))
def reciprocals(layer_thickness, layer_thickness_above):
    """Of the thickness of a layer and of the distance to the centre of the layer above (m-1)."""
    return 1.0 / layer_thickness, 2.0 / (layer_thickness + layer_thickness_above)


def driest(residual_moisture, soil_ice):
    """Liquid moisture (m3 m-3) below which a layer gives no water."""
    return max(residual_moisture - soil_ice, DRIEST_LIQUID)


@process(returns=("water_heat_before", "water_heat_after", "largest_moisture_change", "infiltrated_water", "drained_water",
                  "water_supply", "pond_evaporation", "moisture_excess", "moisture_deficit"))
def begin_soil_water(throughfall_rain, snow_melt, soil_evaporation, ponded_water, time_step):
    """Supply to the ground and the share of evaporation that standing water can give; sums start at zero."""
    pond = min(max(soil_evaporation, 0.0) * PER_WATER, ponded_water * PER_WATER / time_step)
    return 0.0, 0.0, 0.0, 0.0, 0.0, (throughfall_rain + snow_melt + max(-soil_evaporation, 0.0)) * PER_WATER, pond, 0.0, 0.0


@process(returns="soil_moisture_sink")
def layer_sinks(root_uptake_share, transpiration):
    """Root uptake per layer."""
    return root_uptake_share * transpiration * PER_WATER


@process(returns="water_heat_before")
def heat_before_flow(water_heat_before, soil_liquid, soil_temperature, layer_thickness):
    """Heat carried by liquid before it moves (J m-2)."""
    return water_heat_before + WATER_DENSITY * WATER_HEAT_CAPACITY * layer_thickness * soil_liquid * soil_temperature


@process(returns="soil_moisture_sink_top")
def evaporation_sink(soil_moisture_sink_top, soil_evaporation, pond_evaporation):
    """Evaporation that standing water does not cover comes from the top layer."""
    return soil_moisture_sink_top + max(soil_evaporation, 0.0) * PER_WATER - pond_evaporation


@process(returns="largest_moisture_change")
def estimate_change(largest_moisture_change, water_potential, water_potential_above, hydraulic_conductivity,
                    hydraulic_conductivity_above, per_layer_thickness, per_layer_thickness_above, per_layer_distance,
                    time_step):
    """Moisture that the present flux from above would move into or out of the thinner layer within the step."""
    between = 0.5 * (hydraulic_conductivity + hydraulic_conductivity_above)
    flux = between * ((water_potential_above - water_potential) * per_layer_distance + 1.0)
    return max(largest_moisture_change, abs(flux) * time_step * max(per_layer_thickness, per_layer_thickness_above))


@process(returns=("water_substeps", "water_substep", "per_water_substep", "later_substep"))
def choose_substeps(largest_moisture_change, water_supply, ponded_water, per_layer_thickness_top, time_step, per_time_step):
    """Sub-steps so that no layer changes by more than 0.02 within one, by the fluxes at the start; 8 at most."""
    infiltrating = (water_supply * time_step + ponded_water * PER_WATER) * per_layer_thickness_top
    count = 1.0 + floor(max(largest_moisture_change, infiltrating) * (1.0 / LARGEST_CHANGE))
    count = min(count, MOST_SUBSTEPS + 0.0)
    return count, time_step / count, count * per_time_step, 0.0


def flux_between(potential, potential_below, slope, slope_below, conductivity, conductivity_below, steepness,
                 steepness_below, per_distance):
    """Flux q = K (1 - dpsi/dz) from a layer to the one below (m s-1), and its change per moisture of either (m s-1).

    Conductivity is the mean of both; its change counts where water comes from, so that the slopes keep their sign.
    """
    between = 0.5 * (conductivity + conductivity_below)
    drive = (potential - potential_below) * per_distance + 1.0
    own = between * per_distance * slope + 0.5 * steepness * max(drive, 0.0)
    below = -between * per_distance * slope_below + 0.5 * steepness_below * min(drive, 0.0)
    return between * drive, own, below


@process(returns=("top_flux", "top_flux_slope", "water_flux", "flux_slope_own", "flux_slope_below",
                  "water_sweep_ratio", "water_sweep_value"))
def water_top(water_supply, ponded_water, pond_evaporation, saturated_conductivity, porosity, soil_ice,
              water_potential, water_potential_below, potential_slope, potential_slope_below, hydraulic_conductivity,
              hydraulic_conductivity_below, conductivity_slope, conductivity_slope_below, layer_thickness,
              per_layer_thickness, per_layer_distance_below, soil_moisture_sink, per_water_substep):
    """Infiltration (the lesser of supply and Darcy flow from a pond at zero potential) and the first elimination step."""
    supply = max(water_supply - pond_evaporation + ponded_water * PER_WATER * per_water_substep, 0.0)
    wetted = saturated_conductivity * exp(-ICE_IMPEDANCE * soil_ice / porosity)
    per_half = 2.0 * per_layer_thickness
    capacity = max(wetted * (1.0 - water_potential * per_half), 0.0)
    limited = supply > capacity
    entering = capacity if limited else supply
    entering_slope = -wetted * potential_slope * per_half if limited else 0.0
    flux, own, below = flux_between(water_potential, water_potential_below, potential_slope, potential_slope_below,
                                    hydraulic_conductivity, hydraulic_conductivity_below, conductivity_slope,
                                    conductivity_slope_below, per_layer_distance_below)
    pivot = 1.0 / (layer_thickness * per_water_substep + own - entering_slope)
    value = (entering - flux - soil_moisture_sink) * pivot
    return entering, entering_slope, flux, own, below, below * pivot, value


@process(returns=("water_flux", "flux_slope_own", "flux_slope_below", "water_sweep_ratio", "water_sweep_value"))
def water_forward(water_potential, water_potential_below, potential_slope, potential_slope_below, hydraulic_conductivity,
                  hydraulic_conductivity_below, conductivity_slope, conductivity_slope_below, water_flux_above,
                  flux_slope_own_above, flux_slope_below_above, water_sweep_ratio_above, water_sweep_value_above,
                  layer_thickness, per_layer_distance_below, soil_moisture_sink, per_water_substep):
    """Flux to the layer below and the elimination step; the unknown is the change of moisture."""
    flux, own, below = flux_between(water_potential, water_potential_below, potential_slope, potential_slope_below,
                                    hydraulic_conductivity, hydraulic_conductivity_below, conductivity_slope,
                                    conductivity_slope_below, per_layer_distance_below)
    pivot = 1.0 / (layer_thickness * per_water_substep + own - flux_slope_below_above
                   + flux_slope_own_above * water_sweep_ratio_above)
    value = (water_flux_above - flux - soil_moisture_sink + flux_slope_own_above * water_sweep_value_above) * pivot
    return flux, own, below, below * pivot, value


@process(returns=("bottom_flux", "bottom_flux_slope"))
def gravity_drainage(hydraulic_conductivity_bottom, conductivity_slope_bottom, drainage_factor):
    """Flow under gravity out of the bottom, scaled by `drainage_factor`: 1 free drainage, 0 bedrock or zero flux."""
    return drainage_factor * hydraulic_conductivity_bottom, drainage_factor * conductivity_slope_bottom


@process(returns=("bottom_flux", "bottom_flux_slope"))
def water_table(hydraulic_conductivity_bottom, water_potential_bottom, potential_slope_bottom, layer_bottom_bottom,
                layer_thickness_bottom, water_table_depth):
    """Flow to or from a water table, where the potential is zero, at a fixed depth below the bottom layer's centre."""
    distance = max(water_table_depth - layer_bottom_bottom + 0.5 * layer_thickness_bottom, 0.5 * layer_thickness_bottom)
    per_distance = 1.0 / distance
    drive = water_potential_bottom * per_distance + 1.0
    return hydraulic_conductivity_bottom * drive, hydraulic_conductivity_bottom * per_distance * potential_slope_bottom


WATER_BOTTOM = {"free_drainage": gravity_drainage, "water_table": water_table}


@process(returns=("soil_liquid", "water_sweep_value", "layer_inflow", "drained_water"))
def water_bottom(soil_liquid, bottom_flux, bottom_flux_slope, water_flux_above, flux_slope_own_above,
                 flux_slope_below_above, water_sweep_ratio_above, water_sweep_value_above, layer_thickness,
                 per_layer_thickness, soil_moisture_sink, water_substep, per_water_substep, drained_water):
    """The last elimination step: the bottom layer's change, the fluxes that it makes, and the moisture they leave."""
    pivot = 1.0 / (layer_thickness * per_water_substep + bottom_flux_slope - flux_slope_below_above
                   + flux_slope_own_above * water_sweep_ratio_above)
    change = (water_flux_above - bottom_flux - soil_moisture_sink + flux_slope_own_above * water_sweep_value_above) * pivot
    change_above = water_sweep_value_above - water_sweep_ratio_above * change
    inflow = water_flux_above + flux_slope_own_above * change_above + flux_slope_below_above * change
    outflow = bottom_flux + bottom_flux_slope * change
    moisture = soil_liquid + (inflow - outflow - soil_moisture_sink) * water_substep * per_layer_thickness
    return moisture, change, inflow, drained_water + outflow * water_substep


@process(returns=("soil_liquid", "water_sweep_value", "layer_inflow"))
def water_back(soil_liquid, water_sweep_ratio, water_sweep_value, water_sweep_value_below, water_flux_above,
               flux_slope_own_above, flux_slope_below_above, water_sweep_ratio_above, water_sweep_value_above,
               layer_inflow_below, per_layer_thickness, soil_moisture_sink, water_substep):
    """Back substitution. Moisture follows from the fluxes through the layer's faces, so that none is lost to rounding."""
    change = water_sweep_value - water_sweep_ratio * water_sweep_value_below
    change_above = water_sweep_value_above - water_sweep_ratio_above * change
    inflow = water_flux_above + flux_slope_own_above * change_above + flux_slope_below_above * change
    moved = (inflow - layer_inflow_below - soil_moisture_sink) * water_substep
    return soil_liquid + moved * per_layer_thickness, change, inflow


@process(returns=("soil_liquid", "water_sweep_value", "layer_inflow"))
def water_back_top(soil_liquid, water_sweep_ratio, water_sweep_value, water_sweep_value_below, top_flux, top_flux_slope,
                   layer_inflow_below, per_layer_thickness, soil_moisture_sink, water_substep):
    """Back substitution of the top layer, fed by infiltration."""
    change = water_sweep_value - water_sweep_ratio * water_sweep_value_below
    inflow = top_flux + top_flux_slope * change
    moved = (inflow - layer_inflow_below - soil_moisture_sink) * water_substep
    return soil_liquid + moved * per_layer_thickness, change, inflow


@process(returns=("soil_liquid_top", "ponded_water", "infiltrated_water"))
def end_substep(soil_liquid_top, per_layer_thickness_top, layer_inflow_top, water_supply, pond_evaporation, ponded_water,
                infiltrated_water, water_substep):
    """Water that entered leaves the pond; more than was there is taken back from the top layer."""
    arrived = ponded_water * PER_WATER + (water_supply - pond_evaporation) * water_substep
    entered = layer_inflow_top * water_substep
    over = max(entered - arrived, 0.0)
    entered = entered - over
    pond = max(arrived - entered, 0.0) * WATER_DENSITY  # rounding may leave less than nothing
    return soil_liquid_top - over * per_layer_thickness_top, pond, infiltrated_water + entered


@process(returns=("soil_liquid", "moisture_excess"))
def push_up(soil_liquid, soil_ice, porosity, layer_thickness, per_layer_thickness, moisture_excess):
    """From the bottom up: what exceeds the open pores, with what came from below, goes to the layer above."""
    filled = soil_liquid + moisture_excess * per_layer_thickness
    excess = max(filled - max(porosity - soil_ice, 0.0), 0.0)
    return filled - excess, excess * layer_thickness


@process(returns=("soil_liquid", "moisture_deficit"))
def borrow_below(soil_liquid, soil_ice, porosity, residual_moisture, layer_thickness, per_layer_thickness, moisture_deficit):
    """From the top down: what is missing to the driest moisture is borrowed from the layer below.

    Pores full of ice need no liquid: without that limit, `push_up` and this would pump water out of frozen ground.
    """
    left = soil_liquid - moisture_deficit * per_layer_thickness
    missing = max(min(driest(residual_moisture, soil_ice), max(porosity - soil_ice, 0.0)) - left, 0.0)
    return left + missing, missing * layer_thickness


@process(returns=("ponded_water", "infiltrated_water", "drained_water", "moisture_excess", "moisture_deficit",
                  "later_substep"))
def settle_substep(ponded_water, infiltrated_water, drained_water, moisture_excess, moisture_deficit):
    """What no layer could hold joins the pond; what the bottom layer had to borrow comes off the drainage."""
    return (ponded_water + moisture_excess * WATER_DENSITY, infiltrated_water - moisture_excess,
            drained_water - moisture_deficit, 0.0, 0.0, 1.0)


@process(returns=("ponded_water", "surface_runoff", "drainage", "infiltration"))
def end_soil_water(ponded_water, maximum_ponding, infiltrated_water, drained_water, time_step):
    """The pond keeps what fits, the rest runs off."""
    runoff = max(ponded_water - maximum_ponding, 0.0)
    per_step = 1.0 / time_step
    return (ponded_water - runoff, runoff * per_step, drained_water * WATER_DENSITY * per_step,
            infiltrated_water * WATER_DENSITY * per_step)


@process(returns="water_heat_after")
def heat_after_flow(water_heat_after, soil_liquid, soil_temperature, layer_thickness):
    """Heat carried by liquid after it moved (J m-2)."""
    return water_heat_after + WATER_DENSITY * WATER_HEAT_CAPACITY * layer_thickness * soil_liquid * soil_temperature


@process(returns="soil_moisture")
def layer_moisture(soil_liquid, soil_ice, layer_thickness):
    """Moisture of a layer (kg m-2)."""
    return (soil_liquid + soil_ice) * layer_thickness * WATER_DENSITY
