"""Temperature and wetness of the shallow soil, the top 0.3 m, where most fine roots respire and most litter decays."""

from terraflux.model.weave import process

SHALLOW_DEPTH = 0.3  # m


@process(returns=("shallow_share", "shallow_pore_share"))
def shallow_layers(layer_bottom, layer_bottom_bottom, layer_thickness, porosity):
    """Share of a layer in the shallow soil, and that share divided by pore volume; shares sum to 1."""
    depth = min(layer_bottom_bottom, SHALLOW_DEPTH)
    inside = max(min(layer_bottom, depth) - (layer_bottom - layer_thickness), 0.0)
    share = inside / depth
    return share, share / porosity


@process(returns=("shallow_soil_temperature", "shallow_soil_wetness"))
def first_shallow_layer(shallow_share, shallow_pore_share, soil_temperature, soil_liquid):
    """Mean temperature (degC) and liquid share of the pores (1), begun with the top layer."""
    return shallow_share * soil_temperature, shallow_pore_share * soil_liquid


@process(returns=("shallow_soil_temperature", "shallow_soil_wetness"))
def next_shallow_layer(shallow_soil_temperature, shallow_soil_wetness, shallow_share, shallow_pore_share,
                       soil_temperature, soil_liquid):
    """The same with one more layer."""
    return (shallow_soil_temperature + shallow_share * soil_temperature,
            shallow_soil_wetness + shallow_pore_share * soil_liquid)
