"""Water retention and hydraulic conductivity of soil layers, with ice in the pores.

Campbell (1974) with the classes of Clapp and Hornberger (1978), or van Genuchten (1980) with Mualem (1976). Ice narrows
the pores: retention follows the liquid in the space ice leaves open, conductivity falls by 10**(-6 ice / porosity)
(Lundin 1990). Air enters gradually: Campbell's curve ends at 95 % saturation and a parabola with the same value and
slope leads on to zero potential at saturation (Clapp and Hornberger 1978, who put the joint at 92 %; at 95 % the
parabola falls steadily for every class, clay included). Above saturation the potential continues along the tangent, so
that over-full layers push water out; below the moisture of oven-dry soil it continues along the tangent there, because
the power law would put a drained pore in frozen clay at 1e20 m.
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

ICE_IMPEDANCE = 6.0 * 2.302585092994046  # decades of conductivity per unit of ice-filled pore space
OVEN_DRY = 1e5  # m of suction (pF 7), beyond which retention is not extrapolated
DRIEST = 0.01  # saturation that counts as driest in any case
AIR_ENTRY = 0.95  # saturation above which air leaves gradually
WETTEST_VAN_GENUCHTEN = 0.999  # the slope of van Genuchten's curve is infinite at 1
NEAR_FULL = 1.0 - AIR_ENTRY
LOG_AIR_ENTRY = -0.05129329438755058  # ln 0.95
OPEN_PORES = 0.01  # m3 m-3 that ice always leaves open

RETENTION = ("water_potential", "hydraulic_conductivity", "potential_slope", "conductivity_slope")


@process(returns=("air_entry_bend", "air_entry_foot"))
def gradual_air_entry(saturated_potential, retention_exponent):
    """The parabola psi = bend (S - foot) (S - 1) that meets Campbell's curve at 95 % saturation; bend in m, b below 19."""
    joint = saturated_potential * exp(-retention_exponent * LOG_AIR_ENTRY)
    chord = -joint * (1.0 / NEAR_FULL)
    bend = max(chord + retention_exponent * joint * (1.0 / AIR_ENTRY), 0.01 * chord) * (1.0 / NEAR_FULL)
    return bend, AIR_ENTRY - chord / bend


@process(returns=("driest_campbell", "driest_van_genuchten"))
def driest_wetness(saturated_potential, retention_exponent, van_genuchten_alpha, van_genuchten_n):
    """Saturation at the suction of oven-dry soil, by either retention curve; at least 0.01."""
    campbell_dry = exp(log(-saturated_potential * (1.0 / OVEN_DRY)) / retention_exponent)
    inner = 1.0 + exp(van_genuchten_n * log(van_genuchten_alpha * OVEN_DRY))
    return max(campbell_dry, DRIEST), max(exp((1.0 / van_genuchten_n - 1.0) * log(inner)), DRIEST)


@process(returns=RETENTION)
def campbell(soil_liquid, soil_ice, porosity, saturated_potential, retention_exponent, saturated_conductivity,
             air_entry_bend, air_entry_foot, driest_campbell):
    """Potential (m), conductivity (m s-1) and their slopes per moisture (m; m s-1): psi = psi_s S**-b, K = K_s S**(2b+3)."""
    open_pores = max(porosity - soil_ice, OPEN_PORES)
    per_both = 1.0 / (porosity * open_pores)
    per_porosity, per_open = open_pores * per_both, porosity * per_both
    wetness = soil_liquid * per_open
    inside = min(max(wetness, driest_campbell), 1.0)
    per_inside = 1.0 / inside
    log_inside = log(inside)
    power = 2.0 * retention_exponent + 3.0
    conductivity = saturated_conductivity * exp(power * log_inside - ICE_IMPEDANCE * soil_ice * per_porosity)
    steepness = power * conductivity * per_inside * per_open if wetness < 1.0 else 0.0

    potential = saturated_potential * exp(-retention_exponent * log_inside)
    slope = -retention_exponent * potential * per_inside
    full = inside > AIR_ENTRY
    potential = air_entry_bend * (inside - air_entry_foot) * (inside - 1.0) if full else potential
    slope = air_entry_bend * (2.0 * inside - air_entry_foot - 1.0) if full else slope
    return potential + slope * (wetness - inside), conductivity, slope * per_open, steepness


@process(returns=RETENTION)
def van_genuchten(soil_liquid, soil_ice, porosity, residual_moisture, van_genuchten_alpha, van_genuchten_n,
                  saturated_conductivity, driest_van_genuchten):
    """As `campbell`, after van Genuchten and Mualem with m = 1 - 1/n and pore connectivity 0.5.

    Water that does not move counts as frozen first, so ice takes mobile water only beyond the residual moisture.
    """
    per_open = 1.0 / max(porosity - max(residual_moisture, soil_ice), OPEN_PORES)
    wetness = (soil_liquid - max(residual_moisture - soil_ice, 0.0)) * per_open
    inside = min(max(wetness, driest_van_genuchten), WETTEST_VAN_GENUCHTEN)
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
    steepness = steepness * per_open if (wetness < WETTEST_VAN_GENUCHTEN) & (wetness > driest_van_genuchten) else 0.0
    return potential + slope * (wetness - inside), conductivity, slope * per_open, steepness


SOIL_HYDRAULICS = {"campbell": campbell, "van_genuchten": van_genuchten}
