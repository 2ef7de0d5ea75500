"""Stomatal conductance, and the carbon dioxide that it lets into the leaf.

Medlyn et al. (2011): gs = g0 + 1.6 (1 + g1/sqrt(D)) A/Cs. Ball, Woodrow and Berry (1987): gs = g0 + m A hs/Cs. Both
give the conductance for carbon dioxide the form g = p/Cs + a A/Cs with p = g0 Cs/1.6, so one solution serves both: with
assimilation linear about the present intercellular carbon dioxide (its slope comes from photosynthesis), supply
A = g (Cs - Ci) and demand meet in a quadratic. Repeated within the rounds of leaf temperature this is Newton's method;
for g0 = 0 it gives Medlyn's closed form Ci/Cs = g1/(g1 + sqrt(D)) at once, and near the light compensation point, where
substitution would swing, it converges from one side.
"""

from terraflux.model.humidity import saturation_vapour_pressure
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import sqrt

VAPOUR_TO_CARBON = 1.6  # ratio of the diffusivities of water vapour and carbon dioxide in air
SMALLEST_DEFICIT = 0.05  # kPa
SMALLEST_CONDUCTANCE = 1e-9  # mol m-2 s-1: keeps quotients finite where stomata are shut
LOWEST_SURFACE_SHARE = 0.2  # carbon dioxide at the leaf surface per that of the air
ABOVE_COMPENSATION = 1.01
HUMIDITY_PASSES = 2  # assimilation and humidity at the leaf surface raise each other


def leaf_deficit(trial_temperature, air_temperature, deficit, slope, curvature):
    """Vapour pressure deficit from leaf to air (kPa, at least 0.05), with the saturation curve to second order."""
    excess = trial_temperature - air_temperature
    return max(deficit + excess * (slope + 0.5 * curvature * excess), SMALLEST_DEFICIT)


def opened(net, slope, intercellular, compensation, air, resistance, residual, total, inside, scale):
    """Conductance for vapour (mol m-2 s-1), intercellular carbon dioxide and net assimilation for g = g0/1.6 + a A/Cs.

    `net` assimilation and its `slope` hold at `intercellular`; `air` is carbon dioxide of the air and `resistance`
    that between air and leaf surface, `residual` is g0; a = total/scale and a - 1 = inside/scale. Carbon dioxide at the
    leaf surface is first that of the present assimilation, then that of the solution A of
    total A^2 + (p scale - total A0 - slope Cs inside) A = p scale (A0 + slope Cs), with A0 = net - slope Ci. A stays a
    quotient `upper/lower` to the end, so that one division does.
    """
    lowest = LOWEST_SURFACE_SHARE * air
    closed = (residual * (1.0 / VAPOUR_TO_CARBON) + SMALLEST_CONDUCTANCE) * scale
    surface = max(air - resistance * max(net, 0.0), lowest)
    at_zero = net - slope * intercellular
    at_surface = max(at_zero + slope * surface, 0.0)
    linear = closed * surface - total * at_zero - slope * surface * inside
    constant = closed * surface * at_surface
    root = sqrt(max(linear * linear + 4.0 * total * constant, 0.0))
    upper = 2.0 * constant if linear > 0.0 else root - linear
    lower = root + linear if linear > 0.0 else 2.0 * total
    surface = max(air * lower - resistance * upper, lowest * lower)
    flow = closed * surface + total * upper
    per = 1.0 / (flow * surface * scale * lower)
    found = surface * (closed * surface + inside * upper) * (surface * scale * per)
    found = max(min(found, air), min(ABOVE_COMPENSATION * compensation, air))
    return residual + VAPOUR_TO_CARBON * total * upper * (flow * lower * per), found, upper * (flow * surface * scale * per)


@process(returns=("stomatal_conductance", "intercellular_carbon_dioxide"))
def medlyn(gross_assimilation, dark_respiration, assimilation_slope, compensation_point, intercellular_carbon_dioxide,
           leaf_trial_temperature, air_temperature, vapour_pressure_deficit, saturation_slope, saturation_curvature,
           carbon_dioxide, carbon_dioxide_resistance, stomatal_slope_medlyn, stress_on_slope, residual_conductance):
    """Conductance (mol m-2 s-1) and intercellular carbon dioxide (umol mol-1) after Medlyn et al. (2011, eq. 11)."""
    deficit = leaf_deficit(leaf_trial_temperature, air_temperature, vapour_pressure_deficit, saturation_slope,
                           saturation_curvature)
    root = sqrt(deficit)
    inside = stomatal_slope_medlyn * stress_on_slope
    conductance, found, _ = opened(gross_assimilation - dark_respiration, assimilation_slope,
                                   intercellular_carbon_dioxide, compensation_point, carbon_dioxide,
                                   carbon_dioxide_resistance, residual_conductance, root + inside, inside, root)
    return conductance, found


@process(returns=("stomatal_conductance", "intercellular_carbon_dioxide"))
def ball_berry(gross_assimilation, dark_respiration, assimilation_slope, compensation_point,
               intercellular_carbon_dioxide, leaf_trial_temperature, vapour_pressure, carbon_dioxide,
               carbon_dioxide_resistance, vapour_resistance, molar_conductance_factor, stomatal_slope_ball_berry,
               stress_on_slope, residual_conductance):
    """Conductance (mol m-2 s-1) and intercellular carbon dioxide (umol mol-1) after Ball, Woodrow and Berry (1987).

    Humidity at the leaf surface lies between that of the leaf and of the air as the conductances have it, which gives a
    quadratic for the conductance (Collatz et al. 1991).
    """
    net = gross_assimilation - dark_respiration
    opening = stomatal_slope_ball_berry * stress_on_slope
    humidity = min(vapour_pressure / saturation_vapour_pressure(leaf_trial_temperature), 1.0)
    boundary = 1.0 / (vapour_resistance * molar_conductance_factor)
    lowest = LOWEST_SURFACE_SHARE * carbon_dioxide
    met, conductance, found = net, residual_conductance, intercellular_carbon_dioxide
    for _pass in range(HUMIDITY_PASSES):
        surface = max(carbon_dioxide - carbon_dioxide_resistance * max(met, 0.0), lowest)
        gain = opening * max(met, 0.0) / surface
        linear = boundary - residual_conductance - gain
        constant = boundary * (residual_conductance + gain * humidity)
        vapour = 0.5 * (sqrt(max(linear * linear + 4.0 * constant, 0.0)) - linear)
        surface_humidity = (vapour + boundary * humidity) / (vapour + boundary)
        total = opening * surface_humidity * (1.0 / VAPOUR_TO_CARBON) + SMALLEST_CONDUCTANCE
        conductance, found, met = opened(net, assimilation_slope, intercellular_carbon_dioxide, compensation_point,
                                         carbon_dioxide, carbon_dioxide_resistance, residual_conductance, total,
                                         total - 1.0, 1.0)
    return conductance, found


STOMATAL_CONDUCTANCE = {"medlyn": medlyn, "ball_berry": ball_berry}
