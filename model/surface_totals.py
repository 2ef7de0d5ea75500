"""Fluxes of the whole land surface, from the parts that left the stores."""

from terraflux.model.constants import KELVIN, STEFAN_BOLTZMANN
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, sqrt


@process(returns=("net_shortwave", "net_longwave", "net_radiation", "longwave_up", "albedo", "radiative_temperature"))
def radiation_totals(shortwave_down, reflected_shortwave, longwave_down, canopy_net_longwave, ground_net_radiation,
                     absorbed_shortwave_ground):
    """Net radiation is what canopy and ground take; the longwave that they do not take goes up."""
    shortwave = shortwave_down - reflected_shortwave
    longwave = canopy_net_longwave + ground_net_radiation - absorbed_shortwave_ground
    up = longwave_down - longwave
    kelvin = sqrt(sqrt(max(up, 1.0) * (1.0 / STEFAN_BOLTZMANN)))
    return (shortwave, longwave, shortwave + longwave, up,
            reflected_shortwave / shortwave_down if shortwave_down > 1.0 else 0.0, kelvin - KELVIN)


@process(returns=("latent_heat", "sensible_heat", "evapotranspiration"))
def turbulent_totals(canopy_latent_heat, ground_latent_heat, canopy_sensible_heat, ground_sensible_heat, transpiration,
                     canopy_evaporation, canopy_sublimation, soil_evaporation, snow_sublimation):
    """Latent heat and evapotranspiration are sums over the same fluxes."""
    return (canopy_latent_heat + ground_latent_heat, canopy_sensible_heat + ground_sensible_heat,
            transpiration + canopy_evaporation + canopy_sublimation + soil_evaporation + snow_sublimation)


@process(returns="exchange_temperature")
def mixed_temperature(canopy_temperature, surface_temperature, leaf_area_index):
    """Temperature whose difference from the air sets the stability of the next step, by the leaves' share of the cover."""
    bare = exp(-0.5 * leaf_area_index)
    return canopy_temperature + bare * (surface_temperature - canopy_temperature)


@process(returns="advected_heat")
def advected_heat(snow_heat_added, water_heat_before, water_heat_after, time_step):
    """Heat that water carried in or out of the column (W m-2)."""
    return (snow_heat_added + (water_heat_after - water_heat_before)) / time_step


@process(returns="soil_moisture_stored")
def begin_stored_moisture():
    """The sum starts at zero."""
    return 0.0


@process(returns="soil_moisture_stored")
def stored_moisture(soil_moisture_stored, soil_moisture):
    """Sum over the soil layers (kg m-2)."""
    return soil_moisture_stored + soil_moisture
