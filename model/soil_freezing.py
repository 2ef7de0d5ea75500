"""Heat content of soil layers and its way back to temperature and ice.

The heat of a layer (J m-2) counts from liquid water and solids at 0 degC: H = C T dz - Lf * ice. Conduction changes H;
temperature and ice follow from it, so energy is kept however abruptly water freezes. Liquid that can exist below
freezing follows from the Clapeyron equation and Campbell's retention (Niu and Yang 2006): with the freezing point
Tf = -g Tk / Lf * |psi| of the layer's water, liquid = water * (Tf / T)**(1/b). Tk is taken as 273.15 K.
"""

from dataclasses import dataclass

from terraflux.model.constants import GRAVITY, KELVIN, LATENT_HEAT_FUSION, WATER_DENSITY
from terraflux.model.ground_heat import (
    bottom_first,
    bottom_responding,
    forward_first,
    forward_responding,
    heat_bottom,
    heat_forward,
)
from terraflux.model.soil_thermal import ICE_VOLUME_HEAT, WATER_VOLUME_HEAT
from terraflux.model.weave import Process, process
from terraflux.model.weave.lane_math import exp, log

FUSION_VOLUME = LATENT_HEAT_FUSION * WATER_DENSITY  # J m-3
DEPRESSION = GRAVITY * KELVIN / LATENT_HEAT_FUSION  # K per m of suction
NEAR_FREEZING = 2.0  # degC: a warmer column without ice is not asked for ice in this step
FAR_FROM_FREEZING = 4.0  # degC: in a warmer layer without ice, water begins to freeze at the smallest depression
SMALLEST_DEPRESSION = 1e-4  # K
LARGEST_DEPRESSION = 20.0  # K
LOST_CAPACITY = WATER_VOLUME_HEAT - ICE_VOLUME_HEAT  # J m-3 K-1 that water loses by freezing
COLDEST_GROUND = -120.0  # degC
LONGEST_STEP = 6.0  # of an iteration towards the cold, in y
STILL = 5e-4  # step in y after which the next one is of the size of rounding
WIDEST_RATIO = 14.0  # ln(T / Tf) at the smallest depression and the coldest temperature


@process(returns="freezing_temperature")
def far_from_freezing():
    """Where water begins to freeze in layers that are not asked (degC)."""
    return -SMALLEST_DEPRESSION


@process(returns=("soil_heat_start", "ground_freezing"))
def begin_freezing(soil_temperature, soil_ice, heat_capacity, layer_thickness, ground_freezing):
    """Heat of the layer before conduction, and whether water in the column is or may become frozen in this step."""
    heat = (heat_capacity * soil_temperature - FUSION_VOLUME * soil_ice) * layer_thickness
    cold = (soil_temperature < NEAR_FREEZING) | (soil_ice > 0.0)
    return heat, 1.0 if cold else ground_freezing


@process(returns="ground_freezing")
def frozen_air(surface_temperature):
    """A frozen surface may freeze the ground below it."""
    return 1.0 if surface_temperature < 0.0 else 0.0


@process(returns="near_freezing")
def near_freezing(soil_temperature, soil_ice):
    """Condition: may water of the layer freeze in this step, or is some of it frozen?"""
    return (soil_temperature < FAR_FROM_FREEZING) | (soil_ice > 0.0)


@process(returns="below_thawed")
def below_thawed(soil_heat_start, soil_heat, soil_ice):
    """Condition: does the layer hold less heat than at 0 degC, or did it before the step? Only there is ice.

    Elsewhere conduction leaves the temperature that holds the heat.
    """
    return (soil_heat_start < 0.0) | (soil_heat < 0.0) | (soil_ice > 0.0)


@process(returns="below_thawed_before")
def below_thawed_before(soil_heat_start, soil_ice):
    """Condition: `below_thawed` before the first solve."""
    return (soil_heat_start < 0.0) | (soil_ice > 0.0)


@process(returns="freezing_temperature")
def freezing_point(soil_liquid, soil_ice, porosity, saturated_potential, retention_exponent):
    """Temperature (degC) at which the layer's whole water begins to freeze."""
    wetness = min(max((soil_liquid + soil_ice) / porosity, 0.01), 1.0)
    suction = -saturated_potential * exp(-retention_exponent * log(wetness))
    return -min(max(DEPRESSION * suction, SMALLEST_DEPRESSION), LARGEST_DEPRESSION)


@process(returns="still_freezing")
def still_freezing(freezing_step, soil_heat_start, soil_heat, soil_ice):
    """Condition: was the last step of a layer below thawed too long to be the last?"""
    return (freezing_step > STILL) & ((soil_heat_start < 0.0) | (soil_heat < 0.0) | (soil_ice > 0.0))


STATE_OF_LAYER = ("soil_iterate_temperature", "soil_ice", "soil_liquid", "soil_thermal_inertia")


@process(returns="freezing_step")
def no_step():
    """No layer has moved yet."""
    return 0.0


@process(returns="soil_thermal_inertia")
def thawed_inertia(heat_capacity, layer_thickness):
    """Heat per kelvin of a layer before conduction, where nothing freezes."""
    return heat_capacity * layer_thickness


@process(returns=("soil_heat", "soil_iterate_temperature", "soil_thermal_response"))
def begin_sharp(soil_heat_start, soil_temperature):
    """The first iterate of a layer that may stop responding to heat."""
    return soil_heat_start + 0.0, soil_temperature + 0.0, 1.0


@process(returns="soil_temperature")
def thawed(soil_heat_start, soil_heat, soil_ice, soil_thermal_inertia, soil_iterate_temperature, ground_freezing):
    """Temperature that holds the heat of a layer where nothing is frozen; elsewhere that of conduction, to go on from."""
    frozen = (ground_freezing > 0.0) & ((soil_heat_start < 0.0) | (soil_heat < 0.0) | (soil_ice > 0.0))
    return soil_iterate_temperature if frozen else soil_heat / soil_thermal_inertia


@process(returns="soil_thermal_inertia")
def supercooled_as_it_is(soil_temperature, soil_liquid, heat_capacity, retention_exponent, freezing_temperature,
                         layer_thickness):
    """A layer before conduction: its heat per kelvin with the latent heat of what freezes next."""
    depth = min(soil_temperature, freezing_temperature)
    fusion = (FUSION_VOLUME + LOST_CAPACITY * depth) * soil_liquid / (retention_exponent * -depth)
    fusion = fusion if soil_temperature <= freezing_temperature else 0.0
    return (heat_capacity + fusion) * layer_thickness


def held_by_heat(heat, iterate_temperature, water, freezing_temperature, capacity, retention_exponent, thickness):
    """Temperature (degC) and ice (m3 m-3) that hold the heat of a layer (J m-2), 1/b, the heat that a m3 of freezing
    water releases (J m-3) per degree below zero, and the step taken; thawed `capacity` in J m-3 K-1.

    A step of Halley in y = ln(T / Tf) improves the temperature to about the cube of what it was off, so where the step was
    small (`STILL`) it has arrived. Two find the temperature as well as three of Newton. Ice then takes exactly the
    heat that is left, so that none is lost however far the step came. Divisions cost more than exponentials here, so
    four reciprocals come from one.
    """
    frozen_capacity = capacity - LOST_CAPACITY * water
    layer, curve = thickness * frozen_capacity, retention_exponent * freezing_temperature
    reciprocal = 1.0 / (layer * curve)
    per_b = layer * freezing_temperature * reciprocal
    heat = heat * (frozen_capacity * curve * reciprocal)  # J m-3
    all_frozen = (heat + FUSION_VOLUME * water) * (thickness * curve * reciprocal)  # it cannot be warmer
    start = min(min(iterate_temperature, all_frozen), freezing_temperature)
    ratio = max(start * (layer * retention_exponent * reciprocal), 1.0)
    y = log(ratio)
    guess = max(freezing_temperature * ratio, COLDEST_GROUND)
    liquid = water * exp(-y * per_b)
    ice = water - liquid
    fusion = FUSION_VOLUME + LOST_CAPACITY * guess  # heat that a m3 of freezing water releases at this temperature
    warming = guess * (capacity - LOST_CAPACITY * ice)
    freezing = per_b * liquid
    excess = guess * capacity - fusion * ice - heat
    slope = warming - fusion * freezing
    bend = warming + (fusion * per_b - 2.0 * LOST_CAPACITY * guess) * freezing
    square = slope * slope
    correction = excess * bend
    near = correction < square  # else a step of Newton, lest Halley's turn back
    step = excess * slope * (-2.0 if near else -1.0) / (2.0 * square - correction if near else square)
    found = min(max(y + min(step, LONGEST_STEP), 0.0), WIDEST_RATIO)
    step = abs(found - y)
    guess = max(freezing_temperature * exp(found), COLDEST_GROUND)
    fusion = FUSION_VOLUME + LOST_CAPACITY * guess
    released = guess * capacity - heat
    some = (released > 0.0) & (heat < capacity * freezing_temperature)
    part = some & (released < water * fusion)
    per = 1.0 / (fusion * guess if part else frozen_capacity if some else capacity)
    held = (released * guess if part else heat + FUSION_VOLUME * water if some else heat) * per
    return (guess if part else held, min(held, water) if part else water if some else 0.0, per_b,
            -fusion * fusion * per, step)


@process(returns=(*STATE_OF_LAYER, "freezing_step"))
def supercooled(soil_heat, soil_iterate_temperature, soil_liquid, soil_ice, freezing_temperature, porosity,
                solid_heat_capacity, retention_exponent, layer_thickness):
    """Temperature, ice and liquid that hold the layer's heat, with its heat per kelvin (latent heat included); to be called
    once more where the step was long."""
    water = soil_liquid + soil_ice
    thawed_capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * water
    temperature, ice, per_b, steepness, step = held_by_heat(soil_heat, soil_iterate_temperature, water, freezing_temperature,
                                           thawed_capacity, retention_exponent, layer_thickness)
    latent_capacity = steepness * (water - ice) * per_b if ice > 0.0 else 0.0
    return (temperature, ice, water - ice, (thawed_capacity - LOST_CAPACITY * ice + latent_capacity) * layer_thickness,
            step)


@process(returns=("soil_iterate_temperature", "soil_ice", "soil_liquid", "freezing_step"))
def supercooled_in_the_end(soil_heat, soil_iterate_temperature, soil_liquid, soil_ice, freezing_temperature, porosity,
                           solid_heat_capacity, retention_exponent, layer_thickness):
    """As `supercooled` after the last solve, when nobody asks for the heat per kelvin."""
    water = soil_liquid + soil_ice
    thawed_capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * water
    temperature, ice, _, _, step = held_by_heat(soil_heat, soil_iterate_temperature, water, freezing_temperature,
                                                thawed_capacity, retention_exponent, layer_thickness)
    return temperature, ice, water - ice, step


@process(returns=(*STATE_OF_LAYER, "soil_thermal_response"))
def sharp(soil_heat, soil_liquid, soil_ice, porosity, solid_heat_capacity, layer_thickness):
    """As `supercooled`, for water that all freezes at 0 degC: the layer stays there until it is frozen or thawed."""
    water = soil_liquid + soil_ice
    heat = soil_heat / layer_thickness
    ice = min(max(-heat * (1.0 / FUSION_VOLUME), 0.0), water)
    capacity = (1.0 - porosity) * solid_heat_capacity + WATER_VOLUME_HEAT * (water - ice) + ICE_VOLUME_HEAT * ice
    temperature = (heat + FUSION_VOLUME * ice) / capacity
    melting = (ice > 0.0) & (ice < water)
    temperature = 0.0 if melting else temperature
    return (temperature, ice, water - ice, layer_thickness if melting else capacity * layer_thickness,
            0.0 if melting else 1.0)


@dataclass(frozen=True)
class Freezing:
    """What columns do before the step's conduction (`begin`), and those that freeze before its first solve (`point`, `first`),
    between solves and in the end (both once more where `again` holds); and the elimination of a layer and of the last one in
    the first solve and later."""

    begin: tuple[Process, ...]
    point: tuple[Process, ...]
    first: Process
    from_heat: Process
    in_the_end: Process
    again: Process | None
    first_solve: tuple[Process, Process]
    solve: tuple[Process, Process]


FREEZING = {
    "supercooled": Freezing((begin_freezing, thawed_inertia, no_step), (freezing_point,), supercooled_as_it_is, supercooled,
                            supercooled_in_the_end, still_freezing, (forward_first, bottom_first),
                            (forward_responding, bottom_responding)),
    "sharp": Freezing((begin_freezing, thawed_inertia, begin_sharp), (), sharp, sharp, sharp, None, (heat_forward, heat_bottom),
                      (heat_forward, heat_bottom)),
}
