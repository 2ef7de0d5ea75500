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
GUESSED_YIELD, GUESSED_CAPACITY_SHARE, GUESSED_OPENING = 0.06, 0.4, 5.3
GUESSED_OPTIMUM, GUESSED_WIDTH = 28.0, 28.0  # degC, K
SMALLEST_DEMAND = 1e-9  # W m-2 J m-2
FIRST_SECANT, SMALLEST_SECANT, LARGEST_SECANT = 1.3, 0.15, 3.0
SMALLEST_RISE = 1e-16  # K2
LOWEST_SLOPE_SHARE = 0.2
SETTLED_LEAF_CHANGE = 1e-4  # K: a hundredth of what leaf temperature must be known to
SETTLED_INSIDE_CHANGE = 0.5  # umol mol-1 in the last round: Newton's next one is about 0.02 of its square


@process(returns=("saturation_curvature", "vapour_resistance", "carbon_dioxide_resistance", "leaf_cooling",
                  "latent_conductance"))
def leaf_exchange(air_temperature, saturation_pressure, saturation_slope, aerodynamic_conductance,
                  boundary_conductance, molar_conductance_factor, volumetric_heat_capacity_air, psychrometric_constant,
                  radiative_conductance):
    """What both leaf classes share, per leaf area: exchange with the air, and the curvature of the Tetens curve.

    Resistances are 1/ga + 1/gb for vapour (s m-1) and 1/ga + 1.37/gb in molar units for carbon dioxide. A leaf loses
    rho cp/(1/ga + 0.5/gb) of sensible heat and its longwave per kelvin, and, where wet, latent heat per kPa.
    """
    through_air = 1.0 / aerodynamic_conductance
    through_boundary = 1.0 / boundary_conductance
    vapour = through_air + through_boundary
    steepness = saturation_slope / saturation_pressure - 2.0 / (air_temperature + 237.3)
    return (saturation_slope * steepness, vapour,
            molar_conductance_factor * (through_air + CARBON_BOUNDARY_RATIO * through_boundary),
            volumetric_heat_capacity_air / (through_air + 0.5 * through_boundary) + radiative_conductance,
            volumetric_heat_capacity_air / (psychrometric_constant * vapour))


@process(returns=("isothermal_net_radiation", "wet_share", "leaf_temperature", "leaf_trial_temperature",
                  "leaf_temperature_change", "intercellular_carbon_dioxide"))
def begin_leaf(absorbed_shortwave, isothermal_longwave, area, air_temperature, vapour_pressure_deficit,
               saturation_slope, latent_heat_vaporisation, leaf_cooling, latent_conductance, wet_fraction,
               canopy_liquid, canopy_snow, leaf_area_index, carbon_dioxide, capacity, absorbed_light,
               stress_on_capacity, molar_conductance_factor, vapour_resistance, time_step):
    """Net radiation per leaf area, how much of leaf and step stays wet, and where the search for temperature starts.

    It starts at the balance of a leaf with a rough conductance: assimilation the harmonic sum of light and capacity,
    intercellular carbon dioxide 0.7 of the air's. Where the canopy would dry within the step, the wet share is what the
    stored water can keep wet over the step, so that leaves transpire once they are dry.
    """
    net = (absorbed_shortwave + isothermal_longwave) / max(area, SMALLEST_AREA)
    drive = vapour_pressure_deficit * leaf_cooling + saturation_slope * net
    stored = (canopy_liquid + canopy_snow) * latent_heat_vaporisation
    demand = latent_conductance * drive * max(leaf_area_index, SMALLEST_AREA) * time_step
    lasting = stored * (leaf_cooling + latent_conductance * saturation_slope) / max(demand, SMALLEST_DEMAND)
    wet = min(lasting, wet_fraction) if demand > SMALLEST_DEMAND else wet_fraction
    bright = GUESSED_YIELD * absorbed_light
    cold = (air_temperature - GUESSED_OPTIMUM) * (1.0 / GUESSED_WIDTH)
    able = GUESSED_CAPACITY_SHARE * stress_on_capacity * capacity * max(1.0 - cold * cold, 0.02)
    stomata = GUESSED_OPENING * molar_conductance_factor * bright * able
    through = carbon_dioxide * (bright + able + 1e-3) + stomata * vapour_resistance
    latent = latent_conductance * (wet * through + (1.0 - wet) * vapour_resistance * stomata)
    warmer = (net * through - vapour_pressure_deficit * latent) / (leaf_cooling * through + saturation_slope * latent)
    trial = air_temperature + max(min(warmer, WARMEST_TRIAL), COLDEST_TRIAL)
    return net, wet, trial, trial, 0.0 * net, FIRST_INTERNAL_SHARE * carbon_dioxide


@process(returns=("leaf_trial_temperature", "leaf_temperature", "leaf_temperature_change", "leaf_transpiration_heat",
                  "leaf_wet_heat"))
def leaf_energy(leaf_trial_temperature, leaf_temperature, leaf_temperature_change, isothermal_net_radiation, wet_share,
                stomatal_conductance, air_temperature, vapour_pressure_deficit, saturation_slope, saturation_curvature,
                molar_conductance_factor, vapour_resistance, leaf_cooling, latent_conductance):
    """One round: leaf temperature and latent heats at the conductance just found, and where the next round tries.

    Dew needs no stomata: where a saturated leaf would gain water, the whole leaf does so through its boundary layer.
    """
    excess = leaf_trial_temperature - air_temperature
    slope = max(saturation_slope + 0.5 * saturation_curvature * excess, LOWEST_SLOPE_SHARE * saturation_slope)
    drive = vapour_pressure_deficit * leaf_cooling + slope * isothermal_net_radiation
    stomata = stomatal_conductance * molar_conductance_factor
    wet = 1.0 if drive < 0.0 else wet_share
    through = 1.0 + stomata * vapour_resistance
    dry_heat = latent_conductance * vapour_resistance * stomata * (1.0 - wet)
    wet_heat = latent_conductance * wet * through
    lower = leaf_cooling * through + slope * (dry_heat + wet_heat)
    upper = isothermal_net_radiation * through - vapour_pressure_deficit * (dry_heat + wet_heat)

    step = leaf_trial_temperature - (leaf_temperature - leaf_temperature_change)
    rise = upper - (excess + leaf_temperature_change) * lower
    useful = step * rise < -SMALLEST_RISE * lower
    divisor = rise if useful else 1.0
    per = 1.0 / (lower * divisor)
    warmer = upper * (per * divisor)
    secant = min(max(-step * lower * (per * lower), SMALLEST_SECANT), LARGEST_SECANT) if useful else FIRST_SECANT
    trial = leaf_trial_temperature + secant * (warmer - excess)
    trial = max(min(trial, air_temperature + WARMEST_TRIAL), air_temperature + COLDEST_TRIAL)
    latent = drive * (per * divisor)
    return trial, air_temperature + warmer, warmer - excess, latent * dry_heat, latent * wet_heat


@process(returns="leaves_unsettled")
def leaves_settled(leaf_temperature_change_sunlit, leaf_temperature_change_shaded):
    """1 where the last round was farther than 1e-4 K from the solution for either leaf class, or not a number."""
    change = max(abs(leaf_temperature_change_sunlit), abs(leaf_temperature_change_shaded))
    return 0.0 if change < SETTLED_LEAF_CHANGE else 1.0


@process(returns="intercellular_before")
def remember_inside(intercellular_carbon_dioxide):
    """Intercellular carbon dioxide that the round began with (umol mol-1)."""
    return intercellular_carbon_dioxide + 0.0


@process(returns="leaves_unsettled")
def leaves_settled_by_day(leaf_temperature_change_sunlit, leaf_temperature_change_shaded, intercellular_before_sunlit,
                          intercellular_before_shaded, intercellular_carbon_dioxide_sunlit,
                          intercellular_carbon_dioxide_shaded):
    """As `leaves_settled`, and 1 where carbon dioxide inside leaves moved by more than 0.5 umol mol-1 in the last round."""
    change = max(abs(leaf_temperature_change_sunlit), abs(leaf_temperature_change_shaded))
    inside = max(abs(intercellular_carbon_dioxide_sunlit - intercellular_before_sunlit),
                 abs(intercellular_carbon_dioxide_shaded - intercellular_before_shaded))
    return 0.0 if (change < SETTLED_LEAF_CHANGE) & (inside < SETTLED_INSIDE_CHANGE) else 1.0
