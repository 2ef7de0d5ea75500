"""Water retention and heat conduction of the same layer at once: Campbell's curves and Johansen's share one logarithm.

Layers without ice need one logarithm, one exponential and one division for what `campbell` and `johansen` take two, three and
four for. They are most layers, so all are first computed as if their water were liquid; those that hold ice then conduct as
`johansen` has it, and the uppermost, which evaporates, takes the potential of `campbell`; no root draws from the others. The
potential of all water as liquid is also that by which it begins to freeze.
"""

from terraflux.model.soil_freezing import DEPRESSION, LARGEST_DEPRESSION, SMALLEST_DEPRESSION
from terraflux.model.soil_hydraulics import AIR_ENTRY, RETENTION
from terraflux.model.soil_thermal import ICE_VOLUME_HEAT, LOG_ICE, LOG_WATER, PER_LN10, WATER_VOLUME_HEAT
from terraflux.model.weave import Process, process
from terraflux.model.weave.lane_math import exp, log

DRIEST_THERMAL = 1e-3  # saturation below which conductivity is that of dry soil, as in `johansen`
SMALLEST_EXCESS = 1e-9  # W m-1 K-1 of saturated over dry soil, to divide by


@process(returns=("per_porosity", "log_driest_campbell", "thawed_conductivity", "per_thawed_excess", "solid_volume_heat"))
def thawed_constants(porosity, driest_campbell, solid_log_conductivity, dry_conductivity, solid_heat_capacity):
    """What does not change within a run; thermal conductivity of thawed saturated soil in W m-1 K-1, heat in J m-3 K-1."""
    thawed = exp(solid_log_conductivity + porosity * LOG_WATER)
    excess = thawed - dry_conductivity
    return (1.0 / porosity, log(driest_campbell), thawed, 1.0 / (excess if abs(excess) > SMALLEST_EXCESS else SMALLEST_EXCESS),
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


@process(returns=("thermal_conductivity", "soil_half_resistance"))
def johansen_with_ice(soil_liquid, soil_ice, porosity, per_porosity, solid_log_conductivity, dry_conductivity,
                      per_thawed_excess, thermal_conductivity, layer_thickness):
    """`johansen` of a layer with ice, whose thawed Kersten number follows from the thawed conductivity."""
    water = soil_liquid + soil_ice
    wetness = min(max(water * per_porosity, DRIEST_THERMAL), 1.0)
    frozen_share = soil_ice / max(water, 1e-6)
    thawed = (thermal_conductivity - dry_conductivity) * per_thawed_excess
    kersten = thawed + (wetness - thawed) * frozen_share
    saturated = exp(solid_log_conductivity + porosity * (LOG_WATER + (LOG_ICE - LOG_WATER) * frozen_share))
    conductivity = dry_conductivity + (saturated - dry_conductivity) * kersten
    return conductivity, 0.5 * layer_thickness / conductivity


@process(returns="icy_surface")
def icy_surface(soil_ice_top):
    """1 where the uppermost layer holds ice."""
    return 1.0 if soil_ice_top > 0.0 else 0.0


def on_top(one: Process) -> Process:
    """A process of layers, for the uppermost only."""
    return one.with_names(**{name: f"{name}_top" for name in (*one.reads, *one.returns)})
