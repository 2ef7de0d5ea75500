"""Thermal conductivity and heat capacity of soil layers (Johansen 1975, as in Farouki 1981)."""

from terraflux.model.constants import (
    ICE_HEAT_CAPACITY,
    WATER_DENSITY,
    WATER_HEAT_CAPACITY,
)
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

LOG_ICE = 0.8285518159733945  # ln of the conductivity of ice
LOG_WATER = -0.5621189181535412  # ln of the conductivity of water
PER_LN10 = 0.4342944819032518
WATER_VOLUME_HEAT = WATER_DENSITY * WATER_HEAT_CAPACITY  # J m-3 K-1
ICE_VOLUME_HEAT = WATER_DENSITY * ICE_HEAT_CAPACITY  # J K-1 per m3 of liquid equivalent


@process(returns="solid_log_conductivity")
def solid_logarithm(solid_conductivity, porosity):
    """Volume share of the solids times the logarithm of their conductivity; does not change within a run."""
    return (1.0 - porosity) * log(solid_conductivity)


@process(returns=("thermal_conductivity", "heat_capacity", "soil_half_resistance"))
def johansen(soil_liquid, soil_ice, porosity, solid_log_conductivity, dry_conductivity, solid_heat_capacity,
             layer_thickness):
    """Conductivity between dry and saturated by the Kersten number: log10 S + 1 thawed, S frozen (W m-1 K-1)."""
    water = soil_liquid + soil_ice
    some = max(water, 1e-6)
    per = 1.0 / (porosity * some)  # one division for two quotients
    wetness = min(max(water * (some * per), 1e-3), 1.0)
    frozen_share = soil_ice * (porosity * per)
    thawed = max(log(wetness) * PER_LN10 + 1.0, 0.0)
    kersten = thawed + (wetness - thawed) * frozen_share
    saturated = exp(solid_log_conductivity + porosity * (LOG_WATER + (LOG_ICE - LOG_WATER) * frozen_share))
    conductivity = dry_conductivity + (saturated - dry_conductivity) * kersten
    capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * soil_liquid + ICE_VOLUME_HEAT * soil_ice
    return conductivity, capacity, 0.5 * layer_thickness / conductivity


@process(returns=("thermal_conductivity", "heat_capacity", "soil_half_resistance"))
def cote_konrad(soil_liquid, soil_ice, porosity, solid_log_conductivity, dry_conductivity, solid_heat_capacity,
                sand_fraction, layer_thickness):
    """As `johansen` with the normalised conductivity kappa S / (1 + (kappa - 1) S) of Cote and Konrad (2005)."""
    water = soil_liquid + soil_ice
    wetness = min(max(water / porosity, 0.0), 1.0)
    frozen_share = soil_ice / max(water, 1e-6)
    thawed_kappa = 1.90 + (3.55 - 1.90) * sand_fraction
    frozen_kappa = 0.85 + (0.95 - 0.85) * sand_fraction
    kappa = thawed_kappa + (frozen_kappa - thawed_kappa) * frozen_share
    kersten = kappa * wetness / (1.0 + (kappa - 1.0) * wetness)
    saturated = exp(solid_log_conductivity + porosity * (LOG_WATER + (LOG_ICE - LOG_WATER) * frozen_share))
    conductivity = dry_conductivity + (saturated - dry_conductivity) * kersten
    capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * soil_liquid + ICE_VOLUME_HEAT * soil_ice
    return conductivity, capacity, 0.5 * layer_thickness / conductivity


SOIL_CONDUCTIVITY = {"johansen": johansen, "cote_konrad": cote_konrad}
