"""Water that roots can take up: stress factor, shares of the layers, and the most that a step can draw.

Every layer has a factor 0..1 from its matric potential and warmth. Layers share uptake in proportion to roots times
factor, and the stress of the plant is the mean factor weighted by these shares (Ju et al. 2006; He et al. 2017).
Frozen layers give nothing; a layer that is nearly empty gives less and less, so no layer runs dry of a sudden.
Roots follow Jackson et al. (1996): their share above depth z is 1 - b^z with z in cm.
"""

from terraflux.model.constants import WATER_DENSITY
from terraflux.model.soil_water import driest
from terraflux.model.weave import Item, Layers, SweepDown, process
from terraflux.model.weave.lane_math import exp, log, pow_positive

MARGIN = 1e-4  # m3 m-3 that roots always leave above the driest moisture
EMPTYING = 0.02  # m3 m-3 above the margin from which uptake declines
OPEN_SHARE, CLOSED_SHARE = 0.4, 1.6  # of the suction of half uptake, linear stress
SMALLEST_SHARE = 1e-12
NO_LIMIT = 1.0  # kg m-2 s-1, far above any transpiration
CENTIMETRES = 100.0


@process(returns="layer_bottom")
def first_layer_bottom(layer_thickness):
    """Depth (m) of the bottom of the top layer."""
    return 1.0 * layer_thickness


@process(returns="layer_bottom")
def next_layer_bottom(layer_bottom_above, layer_thickness):
    """Depth (m) of the bottom of a layer below another."""
    return layer_bottom_above + layer_thickness


@process(returns="root_fraction")
def root_fraction(layer_bottom, layer_bottom_bottom, layer_thickness, root_distribution, maximum_root_depth):
    """Share of roots in a layer; shares sum to 1 over the soil, however deep it is."""
    decline = CENTIMETRES * log(root_distribution)
    deepest = min(maximum_root_depth, layer_bottom_bottom)
    top = min(layer_bottom - layer_thickness, deepest)
    bottom = min(layer_bottom, deepest)
    return (exp(decline * top) - exp(decline * bottom)) / (1.0 - exp(decline * deepest))


@process(returns="per_stress_threshold")
def stress_threshold(stress_potential_half):
    """Reciprocal (m-1) of the suction from which `beps` limits uptake, half of that of half uptake."""
    return 2.0 / stress_potential_half


ROOTS: tuple[Item, ...] = (SweepDown(next_layer_bottom, first=first_layer_bottom), Layers(root_fraction), stress_threshold)


def available_moisture(soil_liquid, soil_ice, residual_moisture):
    """Liquid (m3 m-3) that roots may take from a layer."""
    return max(soil_liquid - driest(residual_moisture, soil_ice) - MARGIN, 0.0)


def layer_supply(soil_temperature, soil_liquid, soil_ice, residual_moisture, root_warming_rate):
    """Factor 0..1: 1 - exp(-r T^2) above 0 degC (He et al. 2017, eq. 4), falling to 0 as the layer empties."""
    warm = max(soil_temperature, 0.0)
    left = available_moisture(soil_liquid, soil_ice, residual_moisture) * (1.0 / EMPTYING)
    return (1.0 - exp(-root_warming_rate * warm * warm)) * min(left, 1.0)


def curved_stress(suction, half, exponent):
    """Ju et al. (2006): 1/(1 + ((s - s0)/s0)^a) beyond s0, which is half the suction of half uptake; 1 before it."""
    return curve_beyond(suction * (2.0 / half) - 1.0, exponent)


def curve_beyond(beyond, exponent):
    """`curved_stress` from the suction beyond the threshold, relative to the threshold."""
    return 1.0 / (1.0 + pow_positive(max(beyond, 1e-12), exponent)) if beyond > 0.0 else 1.0


def linear_stress(suction, half):
    """Linear in suction between open and closed stomata, at 0.4 and 1.6 of the suction of half uptake (as CLM4.5)."""
    return min(max((CLOSED_SHARE - suction / half) * (1.0 / (CLOSED_SHARE - OPEN_SHARE)), 0.0), 1.0)


@process(returns=("root_stress_weight", "root_stress_sum"))
def begin_root_stress(time_step):
    """Sums start at zero."""
    return 0.0 * time_step, 0.0 * time_step


@process(returns="root_uptake_share")
def no_uptake():
    """Layers that are frozen or lack roots give nothing."""
    return 0.0


@process(returns="may_give")
def may_give(soil_temperature, root_fraction):
    """Condition: is the layer thawed, and are there roots?"""
    return (soil_temperature > 0.0) & (root_fraction > 0.0)


@process(returns=("root_uptake_share", "root_stress_weight", "root_stress_sum"))
def beps(root_stress_weight, root_stress_sum, root_fraction, water_potential, soil_temperature, soil_liquid, soil_ice,
         residual_moisture, per_stress_threshold, stress_exponent, root_warming_rate):
    """Adds a layer: roots times factor, and roots times squared factor, with the curved stress."""
    factor = curve_beyond(-water_potential * per_stress_threshold - 1.0, stress_exponent)
    factor = factor * layer_supply(soil_temperature, soil_liquid, soil_ice, residual_moisture, root_warming_rate)
    weight = root_fraction * factor
    return weight, root_stress_weight + weight, root_stress_sum + weight * factor


@process(returns=("root_uptake_share", "root_stress_weight", "root_stress_sum"))
def clm(root_stress_weight, root_stress_sum, root_fraction, water_potential, soil_temperature, soil_liquid, soil_ice,
        residual_moisture, stress_potential_half):
    """Adds a layer: roots times factor, and roots times factor once more, with the linear stress.

    As in CLM the plant's factor is the mean over all roots, so the second sum is that of roots times factor.
    """
    thawed = 1.0 if soil_temperature > 0.0 else 0.0
    left = available_moisture(soil_liquid, soil_ice, residual_moisture) * (1.0 / EMPTYING)
    factor = linear_stress(-water_potential, stress_potential_half) * min(left, 1.0) * thawed
    weight = root_fraction * factor
    return weight, root_stress_weight + weight, root_stress_sum + weight


@process(returns=("moisture_stress", "per_root_stress_weight", "scarce_water", "scarce_share"))
def weighted_stress(root_stress_weight, root_stress_sum, time_step):
    """Mean factor weighted by uptake, for `beps`; 0, and nothing to draw, where no layer gives water."""
    giving = root_stress_weight > SMALLEST_SHARE
    per = 1.0 / (root_stress_weight if giving else 1.0)
    return min(max(root_stress_sum * per, 0.0), 1.0), per if giving else 0.0, NO_LIMIT * time_step if giving else 0.0, 1.0


@process(returns=("moisture_stress", "per_root_stress_weight", "scarce_water", "scarce_share"))
def rooted_stress(root_stress_weight, root_stress_sum, time_step):
    """Mean factor over all roots, for `clm`; 0, and nothing to draw, where no layer gives water."""
    giving = root_stress_weight > SMALLEST_SHARE
    per = 1.0 / (root_stress_weight if giving else 1.0)
    return min(max(root_stress_sum, 0.0), 1.0), per if giving else 0.0, NO_LIMIT * time_step if giving else 0.0, 1.0


@process(returns="gives_water")
def gives_water(root_uptake_share):
    """Condition: do roots draw from the layer?"""
    return root_uptake_share > 0.0


@process(returns=("root_uptake_share", "scarce_water", "scarce_share"))
def share_uptake(root_uptake_share, per_root_stress_weight, scarce_water, scarce_share, soil_liquid, soil_ice,
                 residual_moisture, layer_thickness):
    """Shares that sum to 1 (or are all 0), and the water (kg m-2) of the layer that empties first, with its share."""
    share = root_uptake_share * per_root_stress_weight
    water = available_moisture(soil_liquid, soil_ice, residual_moisture) * layer_thickness * WATER_DENSITY
    first = (share > SMALLEST_SHARE) & (water * scarce_share < scarce_water * share)
    return share, water if first else scarce_water, share if first else scarce_share


@process(returns="root_water_limit")
def uptake_limit(scarce_water, scarce_share, time_step):
    """Transpiration (kg m-2 s-1) that empties no layer within the step."""
    return scarce_water / (scarce_share * time_step)


UPTAKE: tuple[Item, ...] = (Layers(share_uptake, where=gives_water), uptake_limit)
SOIL_MOISTURE_STRESS: dict[str, tuple[Item, ...]] = {
    "beps": (begin_root_stress, Layers(no_uptake), Layers(beps, where=may_give), weighted_stress, *UPTAKE),
    "clm": (begin_root_stress, Layers(no_uptake), Layers(clm, where=may_give), rooted_stress, *UPTAKE),
}


@process(returns=("stress_on_capacity", "stress_on_slope"))
def on_capacity(moisture_stress):
    """Dry soil lowers carboxylation and electron transport (Egea et al. 2011)."""
    return 1.0 * moisture_stress, 1.0 + 0.0 * moisture_stress


@process(returns=("stress_on_capacity", "stress_on_slope"))
def on_conductance(moisture_stress):
    """Dry soil lowers the slope of stomatal conductance (De Kauwe et al. 2015)."""
    return 1.0 + 0.0 * moisture_stress, 1.0 * moisture_stress


@process(returns=("stress_on_capacity", "stress_on_slope"))
def on_both(moisture_stress):
    """Dry soil lowers both by the same factor (Egea et al. 2011)."""
    return 1.0 * moisture_stress, 1.0 * moisture_stress


STRESS_ON = {"capacity": on_capacity, "conductance": on_conductance, "both": on_both}
