"""Energy balance of sunlit and shaded leaves: leaf temperature, transpiration and evaporation of intercepted water.

Leaves exchange heat (both sides) and vapour (one side, through stomata where dry) with the air at measurement height.
The balance Rn = H + LE is linear in leaf temperature (Monteith 1965; specification, section 5); the saturation curve
enters to second order. Stomata depend on leaf temperature, so rounds of photosynthesis, conductance and this balance
search T = F(T): after the first round by the secant through the last two. The fluxes of a round are those of its own
balance, so energy closes in every round; `leaf_temperature_change` is F(T) - T, how far a round was from the solution.
"""

from terraflux.model.weave import process

CARBON_BOUNDARY_RATIO = 1.37  # boundary-layer resistance for carbon dioxide per that for heat or vapour
FIRST_INTERNAL_SHARE = 0.7  # intercellular per ambient carbon dioxide in the first round
COLDEST_TRIAL, WARMEST_TRIAL = -20.0, 30.0  # K from air temperature; the balance itself is not limited
SMALLEST_AREA = 1e-6  # m2 m-2
SMALLEST_SECANT, LARGEST_SECANT = 0.15, 2.0
LOWEST_SLOPE_SHARE = 0.2


@process(returns=("saturation_curvature", "vapour_resistance", "leaf_heat_conductance", "carbon_dioxide_resistance"))
def leaf_exchange(air_temperature, saturation_pressure, saturation_slope, aerodynamic_conductance,
                  boundary_conductance, molar_conductance_factor):
    """What both leaf classes share: exchange with the air, and the curvature of the Tetens curve at air temperature.

    gh = 1/(1/ga + 0.5/gb) for heat, 1/ga + 1/gb for vapour (s m-1), and (1/ga + 1.37/gb) in molar units for carbon
    dioxide, all per leaf area.
    """
    through_air = 1.0 / aerodynamic_conductance
    through_boundary = 1.0 / boundary_conductance
    steepness = saturation_slope / saturation_pressure - 2.0 / (air_temperature + 237.3)
    return (saturation_slope * steepness, through_air + through_boundary,
            1.0 / (through_air + 0.5 * through_boundary),
            molar_conductance_factor * (through_air + CARBON_BOUNDARY_RATIO * through_boundary))


@process(returns=("isothermal_net_radiation", "wet_share", "leaf_temperature", "leaf_trial_temperature",
                  "leaf_temperature_change", "intercellular_carbon_dioxide"))
def begin_leaf(absorbed_shortwave, isothermal_longwave, area, air_temperature, vapour_pressure_deficit,
               saturation_slope, volumetric_heat_capacity_air, psychrometric_constant, latent_heat_vaporisation,
               vapour_resistance, leaf_heat_conductance, radiative_conductance, wet_fraction, canopy_liquid,
               canopy_snow, leaf_area_index, carbon_dioxide, time_step):
    """Net radiation per leaf area, and how much of leaf and step stays wet; the search starts at air temperature.

    Where the canopy would dry within the step, the wet share is what the stored water can keep wet over the step, so
    that leaves transpire once they are dry.
    """
    net = (absorbed_shortwave + isothermal_longwave) / max(area, SMALLEST_AREA)
    cooling = volumetric_heat_capacity_air * leaf_heat_conductance + radiative_conductance
    vapour = volumetric_heat_capacity_air / (psychrometric_constant * vapour_resistance)
    drive = vapour_pressure_deficit * cooling + saturation_slope * net
    stored = (canopy_liquid + canopy_snow) * latent_heat_vaporisation
    demand = vapour * drive * max(leaf_area_index, SMALLEST_AREA) * time_step
    lasting = stored * (cooling + vapour * saturation_slope) / max(demand, 1e-9)
    wet = min(wet_fraction, lasting) if demand > 1e-9 else wet_fraction
    return net, wet, air_temperature, air_temperature, 0.0, FIRST_INTERNAL_SHARE * carbon_dioxide


def leaf_balance(net, deficit, slope, heat_capacity, psychrometric, heat_conductance, radiative, dry, wet):
    """Leaf minus air temperature (K), latent heat through stomata and of the wet share (W m-2 of leaf).

    `net` is net radiation at air temperature (W m-2), `slope` the mean slope of the saturation curve between air and
    leaf (kPa K-1), `heat_capacity` that of air (J m-3 K-1), `radiative` the longwave lost per kelvin (W m-2 K-1), `dry`
    and `wet` the vapour conductances of the dry and the wet share of the leaf (m s-1). The sum closes:
    net - radiative dT = heat_capacity heat_conductance dT + both latent heats.
    """
    vapour = heat_capacity / psychrometric
    cooling = heat_capacity * heat_conductance + radiative
    opening = vapour * (dry + wet)
    per = 1.0 / (cooling + slope * opening)
    flow = vapour * (deficit * cooling + slope * net) * per
    return (net - opening * deficit) * per, flow * dry, flow * wet


@process(returns=("leaf_trial_temperature", "leaf_temperature", "leaf_temperature_change", "leaf_transpiration_heat",
                  "leaf_wet_heat"))
def leaf_energy(leaf_trial_temperature, leaf_temperature, leaf_temperature_change, isothermal_net_radiation, wet_share,
                stomatal_conductance, air_temperature, vapour_pressure_deficit, saturation_slope, saturation_curvature,
                volumetric_heat_capacity_air, psychrometric_constant, molar_conductance_factor, vapour_resistance,
                leaf_heat_conductance, radiative_conductance):
    """One round: leaf temperature and latent heats at the conductance just found, and where the next round tries.

    Dew needs no stomata: where a saturated leaf would gain water, the whole leaf does so through its boundary layer.
    """
    excess = leaf_trial_temperature - air_temperature
    slope = max(saturation_slope + 0.5 * saturation_curvature * excess, LOWEST_SLOPE_SHARE * saturation_slope)
    cooling = volumetric_heat_capacity_air * leaf_heat_conductance + radiative_conductance
    condensing = vapour_pressure_deficit * cooling + slope * isothermal_net_radiation < 0.0
    stomata = stomatal_conductance * molar_conductance_factor
    open_share = 0.0 if condensing else 1.0 - wet_share
    wet = (1.0 if condensing else wet_share) / vapour_resistance
    dry = open_share * stomata / (1.0 + stomata * vapour_resistance)
    warmer, through_stomata, of_wet = leaf_balance(isothermal_net_radiation, vapour_pressure_deficit, slope,
                                                   volumetric_heat_capacity_air, psychrometric_constant,
                                                   leaf_heat_conductance, radiative_conductance, dry, wet)
    balanced = air_temperature + warmer
    residual = balanced - leaf_trial_temperature
    step = leaf_trial_temperature - (leaf_temperature - leaf_temperature_change)
    rise = residual - leaf_temperature_change
    useful = step * rise < -1e-16
    secant = -step / (rise if useful else 1.0)
    secant = min(max(secant, SMALLEST_SECANT), LARGEST_SECANT) if useful else 1.0
    trial = leaf_trial_temperature + secant * residual
    trial = max(min(trial, air_temperature + WARMEST_TRIAL), air_temperature + COLDEST_TRIAL)
    return trial, balanced, residual, through_stomata, of_wet
