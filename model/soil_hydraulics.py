"""Water retention and hydraulic conductivity of soil layers, with ice in the pores.

Campbell (1974) with the classes of Clapp and Hornberger (1978), or van Genuchten (1980) with Mualem (1976). Ice narrows
the pores: retention follows the liquid in the space ice leaves open, conductivity falls by 10**(-6 ice / porosity)
(Lundin 1990). Above saturation the potential continues along its tangent, so that over-full layers push water out.
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

ICE_IMPEDANCE = 6.0 * 2.302585092994046  # decades of conductivity per unit of ice-filled pore space
DRIEST = 0.01  # saturation below which retention is not extrapolated
WETTEST_VAN_GENUCHTEN = 0.999  # the slope of van Genuchten's curve is infinite at 1
OPEN_PORES = 0.01  # m3 m-3 that ice always leaves open

RETENTION = ("water_potential", "hydraulic_conductivity", "potential_slope", "conductivity_slope")


@process(returns=RETENTION)
def campbell(soil_liquid, soil_ice, porosity, saturated_potential, retention_exponent, saturated_conductivity):
    """Potential (m), conductivity (m s-1) and their slopes per moisture (m; m s-1): psi = psi_s S**-b, K = K_s S**(2b+3)."""
    per_porosity = 1.0 / porosity
    per_open = 1.0 / max(porosity - soil_ice, OPEN_PORES)
    wetness = soil_liquid * per_open
    inside = min(max(wetness, DRIEST), 1.0)
    per_inside = 1.0 / inside
    log_inside = log(inside)
    potential = saturated_potential * exp(-retention_exponent * log_inside)
    slope = -retention_exponent * potential * per_inside
    power = 2.0 * retention_exponent + 3.0
    conductivity = saturated_conductivity * exp(power * log_inside - ICE_IMPEDANCE * soil_ice * per_porosity)
    steepness = power * conductivity * per_inside * per_open if wetness < 1.0 else 0.0
    return potential + slope * (wetness - inside), conductivity, slope * per_open, steepness


@process(returns=RETENTION)
def van_genuchten(soil_liquid, soil_ice, porosity, residual_moisture, van_genuchten_alpha, van_genuchten_n,
                  saturated_conductivity):
    """As `campbell`, after van Genuchten and Mualem with m = 1 - 1/n and pore connectivity 0.5."""
    per_open = 1.0 / max(porosity - residual_moisture - soil_ice, OPEN_PORES)
    wetness = (soil_liquid - residual_moisture) * per_open
    inside = min(max(wetness, DRIEST), WETTEST_VAN_GENUCHTEN)
    per_n = 1.0 / van_genuchten_n
    m = 1.0 - per_n
    per_m = 1.0 / m
    log_inside = log(inside)
    inner = exp(log_inside * per_m)  # S**(1/m)
    # suction = ((S**(-1/m) - 1)**(1/n)) / alpha
    log_rest = log(1.0 / inner - 1.0)
    potential = -exp(log_rest * per_n) / van_genuchten_alpha
    slope = -potential * per_n * per_m / (inside * (1.0 - inner))
    tail = 1.0 - exp(m * log(1.0 - inner))  # 1 - (1 - S**(1/m))**m
    saturated = saturated_conductivity * exp(-ICE_IMPEDANCE * soil_ice / porosity)
    conductivity = saturated * exp(0.5 * log_inside) * tail * tail
    # d ln K / dS = 1/(2 S) + 2 d ln(tail) / dS
    tail_slope = exp((m - 1.0) * log(1.0 - inner)) * inner / (inside * max(tail, 1e-12))
    steepness = conductivity * (0.5 / inside + 2.0 * tail_slope)
    steepness = steepness * per_open if (wetness < WETTEST_VAN_GENUCHTEN) & (wetness > DRIEST) else 0.0
    return potential + slope * (wetness - inside), conductivity, slope * per_open, steepness


SOIL_HYDRAULICS = {"campbell": campbell, "van_genuchten": van_genuchten}
