"""A snowpack of three layers that always exist and may be empty.

A layer is its mass (ice and liquid, kg m-2), its heat (J m-2, liquid water at 0 degC is zero, ice is -Lf per kg) and its
thickness. Ice, liquid and temperature follow from mass and heat. Layers are kept in shape by moving mass, with its heat
and thickness, across the interfaces: at most 10 kg m-2 on top, 30 below it, the rest at the bottom. An empty layer is a
conductor without heat, so "no snow" needs no branch.
"""

from terraflux.model.constants import (
    ICE_DENSITY,
    ICE_HEAT_CAPACITY,
    LATENT_HEAT_FUSION,
    WATER_HEAT_CAPACITY,
)
from terraflux.model.ground_heat import SETTLED, SOLVED
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

TOP_MASS = 10.0  # kg m-2, so that the surface layer follows the day
MIDDLE_MASS = 30.0  # kg m-2
EMPTY_LAYER = 1e-6  # kg m-2, less than this is handed on
TRACE = 0.5  # kg m-2, less than this melts within a step
MELTING_RANGE = 0.1  # K, of a trace
ICE_CONDUCTIVITY_YEN = 2.22  # W m-1 K-1
HOLDING = 0.04  # kg of liquid that a kg of ice holds (0.03-0.05)
SNOW_LAYERS = 3
PER_ICE_HEAT = 1.0 / ICE_HEAT_CAPACITY
PER_FUSION = 1.0 / LATENT_HEAT_FUSION


def fresh_snow_density(air_temperature):
    """Density of new snow (kg m-3): 50 + 1.7 (T + 15)**1.5 between -15 and 2 degC (Anderson 1976)."""
    warmth = min(max(air_temperature, -15.0), 2.0) + 15.0
    return 50.0 + 1.7 * exp(1.5 * log(max(warmth, 1e-9)))


def specific_heat_of_ice(temperature):
    """Heat of ice (J kg-1) relative to liquid water at 0 degC."""
    return ICE_HEAT_CAPACITY * min(temperature, 0.0) - LATENT_HEAT_FUSION


@process(returns=("snow_present", "snow_heat_added", "snow_melt"))
def begin_snow(snow_mass_top, snow_mass_layer2, snow_mass_layer3, throughfall_snow):
    """Is there snow to care for in this step?"""
    return 1.0 if snow_mass_top + snow_mass_layer2 + snow_mass_layer3 + throughfall_snow > 0.0 else 0.0, 0.0, 0.0


@process(returns=("snow_mass_top", "snow_enthalpy_top", "snow_thickness_top", "snow_heat_added"))
def snowfall(snow_mass_top, snow_enthalpy_top, snow_thickness_top, throughfall_snow, air_temperature, time_step):
    """New snow joins the top layer at air temperature, or at 0 degC if the air is warmer."""
    mass = throughfall_snow * time_step
    heat = mass * specific_heat_of_ice(air_temperature)
    return (snow_mass_top + mass, snow_enthalpy_top + heat,
            snow_thickness_top + mass / fresh_snow_density(air_temperature), heat)


def moved_share(low, high, start, mass):
    """Share of a layer that spans start .. start + mass and lies within low .. high, both in kg m-2 from the surface."""
    inside = max(min(high, start + mass) - max(low, start), 0.0)
    return inside / max(mass, 1e-30)


@process(returns=("snow_mass_top", "snow_mass_layer2", "snow_mass_layer3",
                  "snow_enthalpy_top", "snow_enthalpy_layer2", "snow_enthalpy_layer3",
                  "snow_thickness_top", "snow_thickness_layer2", "snow_thickness_layer3"))
def reshape_layers(snow_mass_top, snow_mass_layer2, snow_mass_layer3,
                   snow_enthalpy_top, snow_enthalpy_layer2, snow_enthalpy_layer3,
                   snow_thickness_top, snow_thickness_layer2, snow_thickness_layer3):
    """Layers cut anew from the surface down; what a new layer does not take from an old one stays below, so nothing is lost."""
    second = snow_mass_top
    third = snow_mass_top + snow_mass_layer2
    total = third + snow_mass_layer3
    first_cut = min(total, TOP_MASS)
    second_cut = min(total, TOP_MASS + MIDDLE_MASS)
    a1 = moved_share(0.0, first_cut, 0.0, snow_mass_top)
    a2 = moved_share(0.0, first_cut, second, snow_mass_layer2)
    a3 = moved_share(0.0, first_cut, third, snow_mass_layer3)
    b1 = moved_share(first_cut, second_cut, 0.0, snow_mass_top)
    b2 = moved_share(first_cut, second_cut, second, snow_mass_layer2)
    b3 = moved_share(first_cut, second_cut, third, snow_mass_layer3)
    mass1 = a1 * snow_mass_top + a2 * snow_mass_layer2 + a3 * snow_mass_layer3
    mass2 = b1 * snow_mass_top + b2 * snow_mass_layer2 + b3 * snow_mass_layer3
    heat1 = a1 * snow_enthalpy_top + a2 * snow_enthalpy_layer2 + a3 * snow_enthalpy_layer3
    heat2 = b1 * snow_enthalpy_top + b2 * snow_enthalpy_layer2 + b3 * snow_enthalpy_layer3
    thick1 = a1 * snow_thickness_top + a2 * snow_thickness_layer2 + a3 * snow_thickness_layer3
    thick2 = b1 * snow_thickness_top + b2 * snow_thickness_layer2 + b3 * snow_thickness_layer3
    heat = snow_enthalpy_top + snow_enthalpy_layer2 + snow_enthalpy_layer3
    thick = snow_thickness_top + snow_thickness_layer2 + snow_thickness_layer3
    deep = total > TOP_MASS + MIDDLE_MASS
    shallow = total <= TOP_MASS
    mass2 = 0.0 if shallow else mass2
    return (total if shallow else mass1, mass2 if deep | shallow else total - mass1, total - mass1 - mass2 if deep else 0.0,
            heat if shallow else heat1, heat2 if deep else 0.0 if shallow else heat - heat1,
            heat - heat1 - heat2 if deep else 0.0,
            thick if shallow else thick1, thick2 if deep else 0.0 if shallow else max(thick - thick1, 0.0),
            max(thick - thick1 - thick2, 0.0) if deep else 0.0)


@process(returns="holds_snow")
def holds_snow(snow_mass):
    """Condition: is there snow in the layer? Elsewhere `empty_layer` says all."""
    return snow_mass > 0.0


@process(returns="snow_thickness")
def compaction(snow_thickness, snow_mass, snow_enthalpy, snow_load, time_step):
    """Settling by metamorphism and by the load above (Anderson 1976), never denser than ice."""
    mass, thickness = max(snow_mass, EMPTY_LAYER), max(snow_thickness, 1e-12)
    per = 1.0 / (mass * thickness)  # one division for two quotients
    density = mass * (mass * per)
    below_freezing = max(-(snow_enthalpy * (thickness * per) + LATENT_HEAT_FUSION) * PER_ICE_HEAT, 0.0)
    settled = exp(-0.046 * max(density - 100.0, 0.0) - 0.04 * below_freezing)
    fluidity = (1.0 / 9e5) * exp(-0.08 * below_freezing - 0.023 * min(density, 600.0))
    rate = 2.777e-6 * settled + (snow_load + 0.5 * snow_mass) * fluidity
    thickness = snow_thickness / (1.0 + rate * time_step)
    return max(thickness, snow_mass * (1.0 / ICE_DENSITY))


@process(returns="snow_load")
def load_above(snow_load_above, snow_mass_above):
    """Mass that lies on a layer (kg m-2)."""
    return snow_load_above + snow_mass_above


@process(returns="snow_load")
def no_load():
    """Nothing lies on the top layer."""
    return 0.0


@process(returns=("snow_half_resistance", "snow_heat_start", "snow_heat", "snow_ice"))
def empty_layer():
    """A layer without snow conducts without resistance and holds no heat."""
    return 0.0, 0.0, 0.0, 0.0


@process(returns=("snow_half_resistance", "snow_heat_start", "snow_heat", "snow_ice"))
def snow_conduction(snow_mass, snow_enthalpy, snow_thickness):
    """Thermal resistance by Yen (1981), 2.22 (density / ice density)**1.88, and the ice before conduction."""
    density = min(max(snow_mass / max(snow_thickness, 1e-9), 10.0), ICE_DENSITY)
    resistivity = (1.0 / ICE_CONDUCTIVITY_YEN) * exp(-1.88 * log(density * (1.0 / ICE_DENSITY)))
    ice = min(max(-snow_enthalpy * PER_FUSION, 0.0), snow_mass)
    return 0.5 * snow_thickness * resistivity, snow_enthalpy, snow_enthalpy, ice


@process(returns=("snow_iterate_temperature", "snow_thermal_response", "snow_thermal_inertia"))
def snow_from_heat(snow_mass, snow_heat, surface_temperature):
    """Temperature of a layer with this heat and how it responds: not at all while it melts.

    A layer with more heat than melts it warms as water does, and a trace of snow melts within 0.1 K, so that neither
    holds the ground at 0 degC with heat that it cannot take.
    """
    cold = snow_heat + LATENT_HEAT_FUSION * snow_mass  # J m-2 below ice at 0 degC
    present = snow_mass > EMPTY_LAYER
    width = MELTING_RANGE if snow_mass < TRACE else 0.0
    melting = present & (cold >= 0.0) & (snow_heat <= 0.0)
    held = melting & (snow_mass >= TRACE)
    warmth = snow_heat if snow_heat > 0.0 else cold
    inertia = snow_mass * (WATER_HEAT_CAPACITY if snow_heat > 0.0 else
                           LATENT_HEAT_FUSION / MELTING_RANGE if melting else ICE_HEAT_CAPACITY)
    temperature = warmth / max(inertia, EMPTY_LAYER) + (width if snow_heat > 0.0 else 0.0)
    temperature = temperature if present else min(surface_temperature, 0.0)
    return 0.0 if held else temperature, 0.0 if held else 1.0, 1.0 if held else inertia if present else 0.0


@process(returns="heat_unsettled")
def snow_phase_changed(heat_unsettled, snow_mass, snow_iterate_temperature, snow_solved_temperature):
    """Has a layer begun to melt, or melted through, since conduction was solved?"""
    changed = (abs(snow_iterate_temperature - snow_solved_temperature) > SETTLED) & (snow_mass > EMPTY_LAYER)
    return 1.0 if changed else heat_unsettled


@process(returns="heat_unsolved")
def snow_phase_still_changes(heat_unsolved, snow_mass, snow_iterate_temperature, snow_solved_temperature):
    """As `snow_phase_changed`, more strictly, where one more solve follows anyway."""
    changed = (abs(snow_iterate_temperature - snow_solved_temperature) > SOLVED) & (snow_mass > EMPTY_LAYER)
    return 1.0 if changed else heat_unsolved


@process(returns=("snow_mass_top", "snow_heat_top", "snow_heat_added", "snow_heat_below", "snow_water_below"))
def exchange_with_air(snow_mass_top, snow_heat_top, snow_heat_added, snow_sublimation, time_step):
    """Sublimation takes mass with its own heat from the top layer, frost brings ice at the layer's temperature."""
    taken = min(snow_sublimation * time_step, snow_mass_top)
    present = snow_mass_top > EMPTY_LAYER
    specific = snow_heat_top / max(snow_mass_top, EMPTY_LAYER) if present else -LATENT_HEAT_FUSION
    specific = min(specific, 0.0 if taken > 0.0 else -LATENT_HEAT_FUSION)
    moved = taken * specific
    return snow_mass_top - taken, snow_heat_top - moved, snow_heat_added - moved, 0.0, 0.0


@process(returns=("snow_mass", "snow_enthalpy", "snow_thickness", "snow_heat_below", "snow_water_below"))
def melt_and_drain(snow_mass, snow_heat, snow_thickness, snow_ice, snow_heat_below, snow_water_below):
    """From the top down: heat beyond melting and liquid beyond what ice holds go on; melted ice leaves no space behind."""
    mass = snow_mass + snow_water_below
    heat = snow_heat + snow_heat_below
    gone = mass <= EMPTY_LAYER
    surplus = heat if gone else max(heat, 0.0)
    heat = heat - surplus
    ice = min(-heat * PER_FUSION, mass)
    drained = mass if gone else max(mass - ice * (1.0 + HOLDING), 0.0)
    kept = min(ice / max(snow_ice, EMPTY_LAYER), 1.0)
    left = mass - drained
    thickness = max(snow_thickness * kept, left * (1.0 / ICE_DENSITY))
    return left, heat, 0.0 if gone else thickness, surplus, drained


@process(returns=("snow_melt", "soil_heat_top"))
def hand_to_soil(snow_water_below, snow_heat_below, soil_heat_top, time_step):
    """Water that leaves the snow goes to the ground surface, heat that no snow is left to take goes into the soil."""
    return snow_water_below / time_step, soil_heat_top + snow_heat_below


@process(returns=("snow_water_equivalent", "snow_depth"))
def snow_totals(snow_mass_top, snow_mass_layer2, snow_mass_layer3, snow_thickness_top, snow_thickness_layer2,
                snow_thickness_layer3):
    """Mass (kg m-2) and depth (m) of the pack."""
    return (snow_mass_top + snow_mass_layer2 + snow_mass_layer3,
            snow_thickness_top + snow_thickness_layer2 + snow_thickness_layer3)
