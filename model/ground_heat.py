"""Heat conduction through snow, soil and the deep ground as one column, coupled to the surface energy balance.

Backward Euler in heat content (J m-2): every layer's change of heat is the difference of the fluxes through its faces,
and temperature responds to heat as melting and freezing allow. Each pass linearises temperature about the present
iterate, T = T* + response * x with heat = H* + inertia * x (response 0 in isothermal melt), and solves one tridiagonal
system from the surface to the bottom: downward elimination writes T = sweep_value + sweep_ratio * T_below.
The same functions serve snow, soil and deep layers; where one kind lies on another, the recipe renames the neighbour.
Fluxes are in W m-2, positive downward.
"""

from terraflux.model.constants import LATENT_HEAT_FUSION
from terraflux.model.weave import process

CONTACT_RESISTANCE = 1e-6  # m2 K W-1 between any two layers, so that an empty snow layer conducts without dividing by zero

SETTLED = 0.5  # K between the temperature of a layer's heat and the one that conduction was solved for
SOLVED = 0.02  # K, the same, before the last of the solves


@process(returns="per_time_step")
def reciprocal_of_time_step(time_step):
    """Steps per second."""
    return 1.0 / time_step


@process(returns="conductance")
def conductance_between(half_resistance, half_resistance_above):
    """Conductance (W m-2 K-1) between the centres of a layer and the layer above."""
    return 1.0 / (half_resistance + half_resistance_above + CONTACT_RESISTANCE)


@process(returns="conductance")
def conductance_to_surface(half_resistance):
    """Conductance (W m-2 K-1) between the surface and the centre of the top layer."""
    return 1.0 / (half_resistance + CONTACT_RESISTANCE)


@process(returns="deep_bottom")
def next_deep_bottom(deep_bottom_above, deep_thickness):
    """Depth of the bottom of a layer below the soil (m)."""
    return deep_bottom_above + deep_thickness


@process(returns=("deep_half_resistance", "deep_heat_start", "deep_heat", "deep_iterate_temperature",
                  "deep_thermal_response", "deep_thermal_inertia"))
def begin_deep(deep_temperature, deep_thickness, deep_conductivity, deep_heat_capacity):
    """Layers below the soil hold no water that freezes."""
    inertia = deep_heat_capacity * deep_thickness
    heat = inertia * deep_temperature
    return 0.5 * deep_thickness / deep_conductivity, heat, heat, deep_temperature, 1.0, inertia


@process(returns="deep_iterate_temperature")
def deep_from_heat(deep_heat, deep_thermal_inertia):
    """Temperature that holds the layer's heat."""
    return deep_heat / deep_thermal_inertia


@process(returns=("skin_value", "skin_ratio", "surface_melting"))
def surface_forward(surface_balance, surface_balance_slope, surface_iterate, snow_mass_top, snow_iterate_temperature_top,
                    conductance, time_step):
    """The surface holds no heat: what the balance leaves goes into the top layer.

    A snow surface is held at 0 degC, and the whole balance at 0 degC enters the snow, where that is more than the snow
    would conduct away, as long as heat from above and below does not melt the top layer within the step. Snow warmed from
    below conducts nothing away: ground that cools at 0 degC is not held there by a trace of it.
    """
    per = 1.0 / (conductance - surface_balance_slope)
    at_zero = surface_balance - surface_balance_slope * surface_iterate
    warming = at_zero + conductance * min(snow_iterate_temperature_top, 0.0) > 0.0
    melt = at_zero + conductance * max(snow_iterate_temperature_top, 0.0)
    melting = warming & (melt * time_step < LATENT_HEAT_FUSION * snow_mass_top)
    return at_zero / conductance if melting else at_zero * per, 1.0 if melting else conductance * per, 1.0 if melting else 0.0


@process(returns=("sweep_value", "sweep_ratio"))
def heat_forward(iterate_temperature, heat, heat_start, thermal_response, thermal_inertia, conductance, conductance_below,
                 sweep_value_above, sweep_ratio_above, per_time_step):
    """Eliminates the layer above."""
    out = conductance * (1.0 - sweep_ratio_above) + conductance_below
    pivot = thermal_response / (thermal_inertia * per_time_step + out * thermal_response)
    gain = (heat_start - heat) * per_time_step + conductance * sweep_value_above
    return iterate_temperature + pivot * (gain - out * iterate_temperature), pivot * conductance_below


@process(returns=("sweep_value", "sweep_ratio"))
def heat_bottom(iterate_temperature, heat, heat_start, thermal_response, thermal_inertia, conductance,
                sweep_value_above, sweep_ratio_above, geothermal_heat_flux, per_time_step):
    """The last layer, with heat from below."""
    out = conductance * (1.0 - sweep_ratio_above)
    pivot = thermal_response / (thermal_inertia * per_time_step + out * thermal_response)
    gain = (heat_start - heat) * per_time_step + conductance * sweep_value_above + geothermal_heat_flux
    return iterate_temperature + pivot * (gain - out * iterate_temperature), 0.0


@process(returns=("sweep_value", "sweep_ratio"))
def forward_responding(iterate_temperature, heat, heat_start, thermal_inertia, conductance, conductance_below,
                       sweep_value_above, sweep_ratio_above, per_time_step):
    """As `heat_forward` where temperature always responds to heat."""
    out = conductance * (1.0 - sweep_ratio_above) + conductance_below
    pivot = 1.0 / (thermal_inertia * per_time_step + out)
    gain = (heat_start - heat) * per_time_step + conductance * sweep_value_above
    return iterate_temperature + pivot * (gain - out * iterate_temperature), pivot * conductance_below


@process(returns=("sweep_value", "sweep_ratio"))
def bottom_responding(iterate_temperature, heat, heat_start, thermal_inertia, conductance, sweep_value_above,
                      sweep_ratio_above, geothermal_heat_flux, per_time_step):
    """As `heat_bottom` where temperature always responds to heat."""
    out = conductance * (1.0 - sweep_ratio_above)
    pivot = 1.0 / (thermal_inertia * per_time_step + out)
    gain = (heat_start - heat) * per_time_step + conductance * sweep_value_above + geothermal_heat_flux
    return iterate_temperature + pivot * (gain - out * iterate_temperature), 0.0


@process(returns=("sweep_value", "sweep_ratio"))
def forward_first(temperature, thermal_inertia, conductance, conductance_below, sweep_value_above, sweep_ratio_above,
                  per_time_step):
    """As `forward_responding` in the first solve, from temperature and heat before the step."""
    out = conductance * (1.0 - sweep_ratio_above) + conductance_below
    pivot = 1.0 / (thermal_inertia * per_time_step + out)
    return temperature + pivot * (conductance * sweep_value_above - out * temperature), pivot * conductance_below


@process(returns=("sweep_value", "sweep_ratio"))
def bottom_first(temperature, thermal_inertia, conductance, sweep_value_above, sweep_ratio_above, geothermal_heat_flux,
                 per_time_step):
    """As `bottom_responding` in the first solve."""
    out = conductance * (1.0 - sweep_ratio_above)
    pivot = 1.0 / (thermal_inertia * per_time_step + out)
    gain = conductance * sweep_value_above + geothermal_heat_flux
    return temperature + pivot * (gain - out * temperature), 0.0


@process(returns=("iterate_temperature", "heat_flux", "heat"))
def heat_back(sweep_value, sweep_ratio, iterate_temperature_below, conductance, sweep_value_above, sweep_ratio_above,
              heat_flux_below, heat_start, time_step):
    """Temperature, the flux from above and the new heat content of a layer."""
    temperature = sweep_value + sweep_ratio * iterate_temperature_below
    flux = conductance * (sweep_value_above + (sweep_ratio_above - 1.0) * temperature)
    return temperature, flux, heat_start + (flux - heat_flux_below) * time_step


@process(returns=("iterate_temperature", "heat_flux", "heat"))
def heat_back_bottom(sweep_value, conductance, sweep_value_above, sweep_ratio_above, geothermal_heat_flux, heat_start,
                     time_step):
    """The last layer takes the geothermal flux from below."""
    flux = conductance * (sweep_value_above + (sweep_ratio_above - 1.0) * sweep_value)
    return sweep_value, flux, heat_start + (flux + geothermal_heat_flux) * time_step


@process(returns=("surface_iterate", "lower_heat_flux"))
def surface_back(skin_value, skin_ratio, surface_melting, iterate_temperature, geothermal_heat_flux):
    """Surface temperature; heat leaves the column bottom as minus the geothermal flux."""
    return 0.0 if surface_melting > 0.0 else skin_value + skin_ratio * iterate_temperature, -geothermal_heat_flux


@process(returns="heat_unsettled")
def settled():
    """No layer is known yet to need another solve."""
    return 0.0


@process(returns="solved_temperature")
def solved(iterate_temperature):
    """Keeps the temperature that conduction was solved for."""
    return iterate_temperature + 0.0


@process(returns="heat_unsettled")
def phase_changed(heat_unsettled, iterate_temperature, solved_temperature):
    """Does the layer's heat give another temperature than conduction was solved for, because water froze or thawed?"""
    return 1.0 if abs(iterate_temperature - solved_temperature) > SETTLED else heat_unsettled


@process(returns="heat_unsolved")
def nearly_solved():
    """No layer is known yet to need the last solves."""
    return 0.0


@process(returns="heat_unsolved")
def phase_still_changes(heat_unsolved, iterate_temperature, solved_temperature):
    """As `phase_changed`, more strictly, where one more solve follows anyway."""
    return 1.0 if abs(iterate_temperature - solved_temperature) > SOLVED else heat_unsolved


@process(returns="deep_temperature")
def end_deep(deep_iterate_temperature):
    """The new state."""
    return deep_iterate_temperature + 0.0
