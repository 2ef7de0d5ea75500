"""Photosynthesis of a leaf at given temperature, light and intercellular carbon dioxide.

C3 plants: Farquhar, von Caemmerer and Berry (1980) with the kinetics of Bernacchi et al. (2001) and acclimation after
Kattge and Knorr (2007). C4 plants: Collatz, Ribas-Carbo and Berry (1992). The pathway is chosen per column by a select,
so one compiled step serves both. Limiting rates are joined by smooth minima (Collatz et al. 1991). All rates are
umol m-2 s-1 per leaf area, carbon dioxide is umol mol-1, oxygen mmol mol-1, energies J mol-1, temperatures degC.

Every Arrhenius term is exp(energy * warmth) of the same warmth = (1/T25 - 1/T)/R, and the deactivation of carboxylation
and of electron transport share one exponential: only their entropies differ, and these do not change within a step.
"""

import math

from terraflux.model.constants import GAS_CONSTANT, KELVIN, OXYGEN
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, sqrt

REFERENCE_KELVIN = 298.15  # K
CARBOXYLASE_CONSTANT, CARBOXYLASE_ENERGY = 404.9, 79430.0  # Kc: umol mol-1, J mol-1
OXYGENASE_CONSTANT, OXYGENASE_ENERGY = 278.4, 36380.0  # Ko: mmol mol-1, J mol-1
COMPENSATION, COMPENSATION_ENERGY = 42.75, 37830.0  # Gamma*: umol mol-1, J mol-1
CARBOXYLATION_ENERGY, TRANSPORT_ENERGY, DARK_RESPIRATION_ENERGY = 65330.0, 43540.0, 46390.0  # J mol-1
DEACTIVATION_ENERGY = 200000.0  # J mol-1
OXYGENATION = OXYGEN / OXYGENASE_CONSTANT

LIGHT_TO_ELECTRONS = 0.5 * 0.85  # electrons of photosystem II per absorbed photon
TRANSPORT_CURVATURE = 0.7
PRODUCT_USE = 3.0 * 0.167  # triose-phosphate limit per carboxylation capacity
SMALLEST_SQUARE = 1e-20  # (umol m-2 s-1)^2: keeps slopes finite where nothing is assimilated
CURVATURE_C3, CURVATURE_C4, CURVATURE_PRODUCT = 0.98, 0.80, 0.95

C4_QUANTUM_YIELD = 0.05  # mol mol-1
C4_INITIAL_SLOPE = 0.02  # mol m-2 s-1 per umol m-2 s-1 of capacity: 2e4 times 1e-6
LN2_TENTH = 0.06931471805599453  # Q10 = 2
C4_COLD = math.exp(0.3 * (13.0 - 25.0))  # exp(0.3 (13 - T)) at 25 degC
C4_HOT = math.exp(0.2 * (25.0 - 36.0))  # exp(0.2 (T - 36)) at 25 degC

ACCLIMATION_COLDEST, ACCLIMATION_WARMEST = 11.0, 35.0  # degC, range of the data of Kattge and Knorr
INHIBITED_RESPIRATION = 0.6  # share of dark respiration left in light
INHIBITION_START, INHIBITION_END = 15.0, 25.0  # umol m-2 s-1 of absorbed light


def warmth(temperature, gas_constant):
    """(1/T25 - 1/T)/R in mol J-1: an Arrhenius term is exp(energy * warmth)."""
    return (temperature + (KELVIN - REFERENCE_KELVIN)) / (REFERENCE_KELVIN * gas_constant * (temperature + KELVIN))


def deactivation(entropy, gas_constant):
    """Inactive to active enzyme at 25 degC from the entropy (J mol-1 K-1); grows as exp(Hd * warmth)."""
    return exp((entropy - DEACTIVATION_ENERGY / REFERENCE_KELVIN) / gas_constant)


def peaked_arrhenius(energy, inactive, warm):
    """Capacity relative to 25 degC with deactivation by heat (Medlyn et al. 2002, eq. 17); 1 at `warm` = 0."""
    return exp(energy * warm) * (1.0 + inactive) / (1.0 + inactive * exp(DEACTIVATION_ENERGY * warm))


def michaelis_constant(warm):
    """Kc (1 + O/Ko) in umol mol-1."""
    return (CARBOXYLASE_CONSTANT * exp(CARBOXYLASE_ENERGY * warm)
            * (1.0 + OXYGENATION * exp(-OXYGENASE_ENERGY * warm)))


def photorespiration_compensation(warm):
    """Gamma*, carbon dioxide at which carboxylation balances photorespiration, in umol mol-1."""
    return COMPENSATION * exp(COMPENSATION_ENERGY * warm)


def electron_transport(light, capacity):
    """J in umol m-2 s-1 from absorbed light and Jmax: the smaller root of 0.7 J^2 - (I2 + Jmax) J + I2 Jmax = 0."""
    harvest = LIGHT_TO_ELECTRONS * light
    total = harvest + capacity
    root = sqrt(max(total * total - 4.0 * TRANSPORT_CURVATURE * harvest * capacity, 0.0))
    return (total - root) * (0.5 / TRANSPORT_CURVATURE)


def rubisco_limited(intercellular, capacity, compensation, michaelis):
    """Assimilation limited by carboxylation, Vc (Ci - G*)/(Ci + Km)."""
    return capacity * (intercellular - compensation) / (intercellular + michaelis)


def light_limited(intercellular, transport, compensation):
    """Assimilation limited by electron transport, J/4 (Ci - G*)/(Ci + 2 G*)."""
    return 0.25 * transport * (intercellular - compensation) / (intercellular + 2.0 * compensation)


def smooth_minimum(first, second, curvature, half_per_curvature):
    """Smaller root of curvature x^2 - (a + b) x + a b = 0; `half_per_curvature` is 0.5/curvature, to divide nothing."""
    total = first + second
    return (total - sqrt(max(total * total - 4.0 * curvature * first * second, 0.0))) * half_per_curvature


def c4_capacity(capacity, temperature):
    """C4 carboxylation capacity at a temperature: Q10 = 2, cut by cold below 13 and by heat above 36 degC."""
    tenth = exp(0.1 * (temperature - 25.0))
    cube = tenth * tenth * tenth
    cuts = (cube + C4_COLD) * (1.0 + C4_HOT * tenth * tenth)
    return capacity * exp(LN2_TENTH * (temperature - 25.0)) * cube / cuts


@process(returns=("acclimated_transport_ratio", "carboxylation_deactivation", "transport_deactivation"))
def kattge_knorr(growth_temperature, electron_transport_ratio):
    """Acclimation to growth temperature (Kattge and Knorr 2007, eq. 3, 8): entropies, and the ratio Jmax : Vcmax.

    The parameter holds at a growth temperature of 25 degC; the published line scales it.
    """
    growth = min(max(growth_temperature, ACCLIMATION_COLDEST), ACCLIMATION_WARMEST)
    ratio = electron_transport_ratio * (2.59 - 0.035 * growth) * (1.0 / (2.59 - 0.035 * 25.0))
    return (ratio, deactivation(668.39 - 1.07 * growth, GAS_CONSTANT),
            deactivation(659.70 - 0.75 * growth, GAS_CONSTANT))


@process(returns=("acclimated_transport_ratio", "carboxylation_deactivation", "transport_deactivation"))
def not_acclimated(electron_transport_ratio):
    """No acclimation: every leaf responds as one grown at 25 degC."""
    return (electron_transport_ratio, deactivation(668.39 - 1.07 * 25.0, GAS_CONSTANT),
            deactivation(659.70 - 0.75 * 25.0, GAS_CONSTANT))


@process(returns="light_inhibition")
def not_inhibited(absorbed_light):
    """Leaves respire as much in light as in the dark."""
    return 1.0 + 0.0 * absorbed_light


@process(returns="light_inhibition")
def inhibited(absorbed_light):
    """Respiration falls to 0.6 of its dark rate in light (Brooks and Farquhar 1985), between 15 and 25 umol m-2 s-1."""
    lit = (absorbed_light - INHIBITION_START) * (1.0 / (INHIBITION_END - INHIBITION_START))
    return 1.0 - (1.0 - INHIBITED_RESPIRATION) * min(max(lit, 0.0), 1.0)


@process(returns=("gross_assimilation", "dark_respiration", "assimilation_slope", "compensation_point"))
def farquhar(leaf_trial_temperature, intercellular_carbon_dioxide, absorbed_light, capacity, stress_on_capacity,
             acclimated_transport_ratio, carboxylation_deactivation, transport_deactivation, dark_respiration_ratio,
             light_inhibition, c4_pathway):
    """Gross assimilation, dark respiration, slope of assimilation with carbon dioxide (mol m-2 s-1) and Gamma*.

    The smooth minima are those of `smooth_minimum`; their square roots also give the slope of the joined rate, with
    which stomatal conductance finds intercellular carbon dioxide.
    """
    warm = warmth(leaf_trial_temperature, GAS_CONSTANT)
    active = stress_on_capacity * capacity
    dark = light_inhibition * dark_respiration_ratio * capacity * exp(DARK_RESPIRATION_ENERGY * warm)
    inside = intercellular_carbon_dioxide

    heat = exp(DEACTIVATION_ENERGY * warm)
    carboxylation_loss = 1.0 + carboxylation_deactivation * heat
    transport_loss = 1.0 + transport_deactivation * heat
    compensation = photorespiration_compensation(warm)
    by_rubisco = inside + michaelis_constant(warm)
    by_light = inside + 2.0 * compensation
    tenth = exp(0.1 * (leaf_trial_temperature - 25.0))
    cube = tenth * tenth * tenth
    cuts = (cube + C4_COLD) * (1.0 + C4_HOT * tenth * tenth)

    # Divisions cost most here: one reciprocal of the whole product serves all five.
    losses = carboxylation_loss * transport_loss
    carbon = by_rubisco * by_light
    per_all = 1.0 / (losses * carbon * cuts)
    per_losses = per_all * (carbon * cuts)
    per_carbon = per_all * (losses * cuts)
    tropical = active * exp(LN2_TENTH * (leaf_trial_temperature - 25.0)) * cube * (per_all * (losses * carbon))
    carboxylation = (active * (1.0 + carboxylation_deactivation) * exp(CARBOXYLATION_ENERGY * warm)
                     * (per_losses * transport_loss))
    most_electrons = (active * acclimated_transport_ratio * (1.0 + transport_deactivation)
                      * exp(TRANSPORT_ENERGY * warm) * (per_losses * carboxylation_loss))
    transport = 0.25 * electron_transport(absorbed_light, most_electrons)
    rubisco_share = carboxylation * (per_carbon * by_light)
    light_share = transport * (per_carbon * by_rubisco)
    excess = inside - compensation

    is_c4 = c4_pathway > 0.5
    first = tropical if is_c4 else rubisco_share * excess
    second = C4_QUANTUM_YIELD * absorbed_light if is_c4 else light_share * excess
    third = C4_INITIAL_SLOPE * tropical * inside if is_c4 else PRODUCT_USE * carboxylation
    first_slope = 0.0 if is_c4 else rubisco_share * (per_carbon * by_light) * (by_rubisco - excess)
    second_slope = 0.0 if is_c4 else light_share * (per_carbon * by_rubisco) * (by_light - excess)
    third_slope = C4_INITIAL_SLOPE * tropical if is_c4 else 0.0
    curvature = CURVATURE_C4 if is_c4 else CURVATURE_C3
    half_per_curvature = 0.5 / CURVATURE_C4 if is_c4 else 0.5 / CURVATURE_C3

    total = first + second
    bend = sqrt(max(total * total - 4.0 * curvature * first * second, SMALLEST_SQUARE))
    joined = (total - bend) * half_per_curvature
    ends = joined + third
    turn = sqrt(max(ends * ends - 4.0 * CURVATURE_PRODUCT * joined * third, SMALLEST_SQUARE))
    gross = (ends - turn) * (0.5 / CURVATURE_PRODUCT)
    per = 1.0 / (bend * turn)
    slope = ((second - joined) * first_slope + (first - joined) * second_slope) * (per * turn)
    slope = ((third - gross) * slope + (joined - gross) * third_slope) * (per * bend)
    return max(gross, 0.0), dark, slope, 0.0 if is_c4 else compensation


ACCLIMATION = {"kattge_knorr": kattge_knorr, "none": not_acclimated}
LIGHT_INHIBITION = {"none": not_inhibited, "inhibited": inhibited}
