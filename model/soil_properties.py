"""Water retention and heat conduction of the same layer at once: Campbell's curves and Johansen's share one logarithm.

Layers without ice need one logarithm, one exponential and one division for what `campbell` and `johansen` take two, three and
four for. They are most layers, so all are first computed as if their water were liquid; those that hold ice then take
`johansen` and, where someone asks for their potential, `campbell`. The potential of all water as liquid is also that by
which it begins to freeze.
"""

from terraflux.model.soil_freezing import DEPRESSION, LARGEST_DEPRESSION, SMALLEST_DEPRESSION
from terraflux.model.soil_hydraulics import AIR_ENTRY, RETENTION
from terraflux.model.soil_thermal import ICE_VOLUME_HEAT, LOG_WATER, PER_LN10, WATER_VOLUME_HEAT
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

DRIEST_THERMAL = 1e-3  # saturation below which conductivity is that of dry soil, as in `johansen`


@process(returns=("per_porosity", "log_driest_campbell", "thawed_conductivity", "solid_volume_heat"))
def thawed_constants(porosity, driest_campbell, solid_log_conductivity, solid_heat_capacity):
    """What does not change within a run; thermal conductivity of thawed saturated soil in W m-1 K-1, heat in J m-3 K-1."""
    return (1.0 / porosity, log(driest_campbell), exp(solid_log_conductivity + porosity * LOG_WATER),
            (1.0 - porosity) * solid_heat_capacity)


@process(returns=(*RETENTION, "thermal_conductivity", "heat_capacity", "soil_half_resistance", "freezing_temperature"))
def campbell_johansen(soil_liquid, soil_ice, per_porosity, saturated_potential, retention_exponent, saturated_conductivity,
                      air_entry_bend, air_entry_foot, driest_campbell, log_driest_campbell, dry_conductivity,
                      thawed_conductivity, solid_volume_heat, layer_thickness):
    """As `campbell` and `johansen` if all water were liquid; heat capacity as it is; and `freezing_point` (degC)."""
    wetness = (soil_liquid + soil_ice) * per_porosity
    log_wetness = log(min(max(wetness, DRIEST_THERMAL), 1.0))
    thermal = dry_conductivity + (thawed_conductivity - dry_conductivity) * max(log_wetness * PER_LN10 + 1.0, 0.0)

    inside = min(max(wetness, driest_campbell), 1.0)
    power = exp(retention_exponent * max(log_wetness, log_driest_campbell))  # S**b
    both = power * inside
    per = 1.0 / (both * thermal)  # one division for three quotients
    per_inside = per * power * thermal
    conductivity = saturated_conductivity * (both * both) * inside
    steepness = (2.0 * retention_exponent + 3.0) * conductivity * per_inside * per_porosity if wetness < 1.0 else 0.0
    law = saturated_potential * (per * inside * thermal)
    full = inside > AIR_ENTRY
    potential = air_entry_bend * (inside - air_entry_foot) * (inside - 1.0) if full else law
    slope = air_entry_bend * (2.0 * inside - air_entry_foot - 1.0) if full else -retention_exponent * law * per_inside
    return (potential + slope * (wetness - inside), conductivity, slope * per_porosity, steepness, thermal,
            solid_volume_heat + WATER_VOLUME_HEAT * soil_liquid + ICE_VOLUME_HEAT * soil_ice,
            0.5 * layer_thickness * (per * both),
            -min(max(-DEPRESSION * law, SMALLEST_DEPRESSION), LARGEST_DEPRESSION))


@process(returns="icy")
def icy(soil_ice):
    """Condition: does the layer hold ice?"""
    return soil_ice > 0.0


@process(returns="icy_in_use")
def icy_in_use(soil_ice, soil_temperature, layer_bottom, layer_thickness):
    """Condition: does a layer with ice need its potential before freezing is solved? On top for evaporation, warm for roots."""
    return (soil_ice > 0.0) & ((soil_temperature > 0.0) | (layer_bottom <= layer_thickness))
