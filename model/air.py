"""Properties of moist air at measurement height: what the surface exchanges heat and vapour with."""

from terraflux.model.constants import (
    AIR_HEAT_CAPACITY,
    GAS_CONSTANT,
    GAS_CONSTANT_DRY_AIR,
    KELVIN,
    WATER_AIR_MASS_RATIO,
)
from terraflux.model.humidity import (
    latent_heat_of_vaporisation,
    psychrometric_coefficient,
    saturation_vapour_pressure,
    saturation_vapour_pressure_buck,
    saturation_vapour_slope,
    saturation_vapour_slope_buck,
)
from terraflux.model.weave import process

AIR_PROPERTIES = (
    "saturation_pressure",
    "saturation_slope",
    "vapour_pressure_deficit",
    "volumetric_heat_capacity_air",
    "latent_heat_vaporisation",
    "psychrometric_constant",
    "molar_conductance_factor",
)


def moist_air_density(air_temperature, vapour_pressure, air_pressure):
    """Density of moist air (kg m-3) from temperature (degC), vapour pressure (kPa) and air pressure (Pa): ideal gas."""
    dry_equivalent = air_pressure - (1000.0 * (1.0 - WATER_AIR_MASS_RATIO)) * vapour_pressure
    return dry_equivalent / (GAS_CONSTANT_DRY_AIR * (air_temperature + KELVIN))


@process(returns=AIR_PROPERTIES)
def air_properties(air_temperature, vapour_pressure, air_pressure):
    """Saturation (kPa, kPa K-1), deficit (kPa, not below 0), heat capacity (J m-3 K-1), latent heat (J kg-1),
    psychrometric constant (kPa K-1) and molar volume (m3 mol-1) of air.

    Heat capacity and psychrometric constant use the same specific heat, that of dry air, so that their quotient, which
    turns a vapour pressure difference into a flux of water, holds the density of moist air and nothing else.
    """
    pressure = saturation_vapour_pressure(air_temperature)
    slope = saturation_vapour_slope(pressure, air_temperature)
    density = moist_air_density(air_temperature, vapour_pressure, air_pressure)
    latent_heat = latent_heat_of_vaporisation(air_temperature)
    constant = psychrometric_coefficient(air_pressure, latent_heat)
    molar_volume = GAS_CONSTANT * (air_temperature + KELVIN) / air_pressure
    deficit = max(pressure - vapour_pressure, 0.0)
    return pressure, slope, deficit, AIR_HEAT_CAPACITY * density, latent_heat, constant, molar_volume


@process(returns=AIR_PROPERTIES)
def air_properties_buck(air_temperature, vapour_pressure, air_pressure):
    """As `air_properties`, with saturation over ice below 0 degC (Buck 1996)."""
    pressure = saturation_vapour_pressure_buck(air_temperature)
    slope = saturation_vapour_slope_buck(pressure, air_temperature)
    density = moist_air_density(air_temperature, vapour_pressure, air_pressure)
    latent_heat = latent_heat_of_vaporisation(air_temperature)
    constant = psychrometric_coefficient(air_pressure, latent_heat)
    molar_volume = GAS_CONSTANT * (air_temperature + KELVIN) / air_pressure
    deficit = max(pressure - vapour_pressure, 0.0)
    return pressure, slope, deficit, AIR_HEAT_CAPACITY * density, latent_heat, constant, molar_volume


AIR = {"tetens": air_properties, "buck": air_properties_buck}
