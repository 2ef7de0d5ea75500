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


def electron_transport(light, capacity, quantum_yield):
    """J in umol m-2 s-1 from absorbed light Q, Jmax and yield y: smaller root of 0.7 J^2 - (y Q + Jmax) J + y Q Jmax = 0."""
    harvest = quantum_yield * light
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


def c4_kinetics(temperature, active):
    """C4 capacity times its losses, and the losses: Q10 = 2, cut by cold below 13 and by heat above 36 degC."""
    tenth = exp(0.1 * (temperature - 25.0))
    cube = tenth * tenth * tenth
    return active * exp(LN2_TENTH * (temperature - 25.0)) * cube, (cube + C4_COLD) * (1.0 + C4_HOT * tenth * tenth)


def c4_capacity(capacity, temperature):
    """C4 carboxylation capacity at a temperature (degC), in the unit of `capacity`."""
    carboxylation, losses = c4_kinetics(temperature, capacity)
    return carboxylation / losses


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


def dark_rate(warm, capacity, dark_respiration_ratio, light_inhibition):
    """Dark respiration (umol m-2 s-1) of a leaf whose capacity is given at 25 degC."""
    return light_inhibition * dark_respiration_ratio * capacity * exp(DARK_RESPIRATION_ENERGY * warm)


def kinetics(temperature, capacity, stress, transport_ratio, carboxylation_deactivation, transport_deactivation):
    """What temperature makes of a C3 leaf: Vcmax and Jmax times `losses`, `losses`, Kc (1 + O/Ko), Gamma*, warmth.

    `losses` is the product of both deactivations: rates stay multiples of it until one division at the very end.
    """
    warm = warmth(temperature, GAS_CONSTANT)
    active = stress * capacity
    heat = exp(DEACTIVATION_ENERGY * warm)
    carboxylation_loss = 1.0 + carboxylation_deactivation * heat
    transport_loss = 1.0 + transport_deactivation * heat
    carboxylation = active * (1.0 + carboxylation_deactivation) * exp(CARBOXYLATION_ENERGY * warm)
    electrons = active * transport_ratio * (1.0 + transport_deactivation) * exp(TRANSPORT_ENERGY * warm)
    return (carboxylation * transport_loss, electrons * carboxylation_loss, carboxylation_loss * transport_loss,
            michaelis_constant(warm), photorespiration_compensation(warm), warm)


def joined_rates(inside, light, quantum_yield, carboxylation, electrons, losses, michaelis, compensation, c4):
    """Gross assimilation and its slope with carbon dioxide from the results of `kinetics`, for C4 of `c4_kinetics`.

    The smooth minima are those of `smooth_minimum`; their square roots also give the slope of the joined rate, with
    which stomatal conductance finds intercellular carbon dioxide. Divisions cost most here: everything is carried as a
    multiple of `scale`, the product of all divisors, so that one reciprocal serves all rates.
    """
    by_rubisco = inside + michaelis
    by_light = inside + 2.0 * compensation
    excess = inside - compensation
    harvest = quantum_yield * light * losses
    total = harvest + electrons
    root = sqrt(max(total * total - 4.0 * TRANSPORT_CURVATURE * harvest * electrons, 0.0))
    transport = (0.25 * 0.5 / TRANSPORT_CURVATURE) * (total - root)

    is_c4 = c4 > 0.5
    carbon = by_rubisco * by_light
    scale = losses if is_c4 else losses * carbon
    first = carboxylation if is_c4 else carboxylation * by_light * excess
    second = C4_QUANTUM_YIELD * light * losses if is_c4 else transport * by_rubisco * excess
    third = carboxylation * (C4_INITIAL_SLOPE * inside if is_c4 else PRODUCT_USE * carbon)
    # Slopes are multiples of the square of `scale`.
    first_slope = 0.0 if is_c4 else losses * carboxylation * by_light * by_light * (by_rubisco - excess)
    second_slope = 0.0 if is_c4 else losses * transport * by_rubisco * by_rubisco * (by_light - excess)
    third_slope = C4_INITIAL_SLOPE * carboxylation * losses if is_c4 else 0.0
    curvature = CURVATURE_C4 if is_c4 else CURVATURE_C3
    half_per_curvature = 0.5 / CURVATURE_C4 if is_c4 else 0.5 / CURVATURE_C3

    squared = scale * scale
    smallest = SMALLEST_SQUARE * squared
    total = first + second
    bend = sqrt(max(total * total - 4.0 * curvature * first * second, smallest))
    joined = (total - bend) * half_per_curvature
    ends = joined + third
    turn = sqrt(max(ends * ends - 4.0 * CURVATURE_PRODUCT * joined * third, smallest))
    gross = (ends - turn) * (0.5 / CURVATURE_PRODUCT)
    bends = bend * turn
    per = 1.0 / (squared * bends)
    slope = (second - joined) * first_slope + (first - joined) * second_slope
    slope = ((third - gross) * slope + (joined - gross) * third_slope * bend) * per
    return max(gross * (scale * bends * per), 0.0), slope


@process(returns=("carboxylation_potential", "transport_potential", "heat_losses", "michaelis_constant", "compensation_point",
                  "dark_respiration"))
def leaf_kinetics(leaf_trial_temperature, capacity, stress_on_capacity, acclimated_transport_ratio,
                  carboxylation_deactivation, transport_deactivation, dark_respiration_ratio, light_inhibition):
    """Temperature responses of a leaf as those of a C3 plant: `kinetics`, and its dark respiration."""
    carboxylation, electrons, losses, michaelis, compensation, warm = kinetics(
        leaf_trial_temperature, capacity, stress_on_capacity, acclimated_transport_ratio, carboxylation_deactivation,
        transport_deactivation)
    return (carboxylation, electrons, losses, michaelis, compensation,
            dark_rate(warm, capacity, dark_respiration_ratio, light_inhibition))


@process(returns=("carboxylation_potential", "heat_losses", "compensation_point"))
def tropical_kinetics(leaf_trial_temperature, capacity, stress_on_capacity):
    """Temperature responses of C4 plants, which replace those of C3 plants; nothing is photorespired."""
    carboxylation, losses = c4_kinetics(leaf_trial_temperature, stress_on_capacity * capacity)
    return carboxylation, losses, 0.0


@process(returns=("gross_assimilation", "assimilation_slope"))
def leaf_assimilation(intercellular_carbon_dioxide, absorbed_light, electron_quantum_yield, carboxylation_potential,
                      transport_potential, heat_losses, michaelis_constant, compensation_point, c4_pathway):
    """Gross assimilation and its slope with carbon dioxide (mol m-2 s-1): `joined_rates`."""
    gross, slope = joined_rates(intercellular_carbon_dioxide, absorbed_light, electron_quantum_yield, carboxylation_potential,
                                transport_potential, heat_losses, michaelis_constant, compensation_point, c4_pathway)
    return gross, slope


@process(returns=("gross_assimilation", "dark_respiration", "assimilation_slope", "compensation_point"))
def farquhar(leaf_trial_temperature, intercellular_carbon_dioxide, absorbed_light, electron_quantum_yield, capacity,
             stress_on_capacity, acclimated_transport_ratio, carboxylation_deactivation, transport_deactivation,
             dark_respiration_ratio, light_inhibition, c4_pathway):
    """Gross assimilation, dark respiration, slope of assimilation with carbon dioxide (mol m-2 s-1) and Gamma*.

    The whole leaf at once; the column runs it in the parts `leaf_kinetics`, `tropical_kinetics` and `leaf_assimilation`.
    """
    carboxylation, electrons, losses, michaelis, compensation, warm = kinetics(
        leaf_trial_temperature, capacity, stress_on_capacity, acclimated_transport_ratio, carboxylation_deactivation,
        transport_deactivation)
    tropical, tropical_losses = c4_kinetics(leaf_trial_temperature, stress_on_capacity * capacity)
    is_c4 = c4_pathway > 0.5
    carboxylation = tropical if is_c4 else carboxylation
    losses = tropical_losses if is_c4 else losses
    compensation = 0.0 if is_c4 else compensation
    gross, slope = joined_rates(intercellular_carbon_dioxide, absorbed_light, electron_quantum_yield, carboxylation, electrons,
                                losses, michaelis, compensation, c4_pathway)
    return gross, dark_rate(warm, capacity, dark_respiration_ratio, light_inhibition), slope, compensation


@process(returns=("gross_assimilation", "assimilation_slope", "dark_respiration", "stomatal_conductance",
                  "leaf_transpiration_heat", "leaf_wet_heat", "intercellular_before", "carboxylation_potential",
                  "transport_potential", "heat_losses", "michaelis_constant", "compensation_point"))
def shut_leaf(absorbed_light, residual_conductance):
    """A leaf before the first round, and in the dark through all rounds: nothing is assimilated, stomata are shut."""
    nothing = 0.0 * absorbed_light
    return (nothing, nothing, nothing, residual_conductance + 0.0, nothing, nothing, nothing, nothing, nothing, nothing,
            nothing, nothing)


@process(returns=("dark_respiration", "intercellular_carbon_dioxide"))
def leaf_in_the_dark(leaf_temperature, capacity, dark_respiration_ratio, light_inhibition, carbon_dioxide):
    """Dark respiration at the temperature that a leaf has found at night; inside it is the carbon dioxide of the air."""
    return (dark_rate(warmth(leaf_temperature, GAS_CONSTANT), capacity, dark_respiration_ratio, light_inhibition),
            carbon_dioxide + 0.0)


ACCLIMATION = {"kattge_knorr": kattge_knorr, "none": not_acclimated}
LIGHT_INHIBITION = {"none": not_inhibited, "inhibited": inhibited}
