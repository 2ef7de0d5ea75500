"""How deep the ground is thawed, and how much of its surface is frozen."""

from terraflux.model.weave import process

SHALLOW, DEEPER = 0.05, 0.10  # m


@process(returns=("active_layer_depth", "thaw_open", "top_ice", "top_water", "top_ice_10cm", "top_water_10cm", "frozen_day"))
def begin_thaw(soil_temperature_top):
    """Sums start at zero; nothing is thawed below a frozen surface layer."""
    return 0.0, 1.0 if soil_temperature_top >= 0.0 else 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 if soil_temperature_top < 0.0 else 0.0


@process(returns=("top_ice", "top_water", "top_ice_10cm", "top_water_10cm"))
def frozen_near_surface(top_ice, top_water, top_ice_10cm, top_water_10cm, soil_ice, soil_liquid, layer_bottom,
                        layer_thickness):
    """Ice and water of what a layer holds within the top 5 and 10 cm (m)."""
    top = layer_bottom - layer_thickness
    shallow = max(min(layer_bottom, SHALLOW) - top, 0.0)
    deeper = max(min(layer_bottom, DEEPER) - top, 0.0)
    water = soil_ice + soil_liquid
    return (top_ice + shallow * soil_ice, top_water + shallow * water,
            top_ice_10cm + deeper * soil_ice, top_water_10cm + deeper * water)


@process(returns=("active_layer_depth", "thaw_open"))
def thaw_front(active_layer_depth, thaw_open, temperature, temperature_above, thickness, thickness_above, bottom):
    """Depth of the uppermost 0 degC isotherm, interpolated between layer centres; the layer's bottom while none is met."""
    freezing = temperature < 0.0
    share = temperature_above / max(temperature_above - temperature, 1e-9)
    centre_above = bottom - thickness - 0.5 * thickness_above
    crossing = centre_above + share * 0.5 * (thickness + thickness_above)
    depth = crossing if freezing else bottom
    return depth if thaw_open > 0.0 else active_layer_depth, 0.0 if freezing else thaw_open


@process(returns="active_layer_depth")
def thaw_front_top(active_layer_depth, thaw_open, layer_thickness):
    """A thawed top layer is thawed to its bottom at least, unless the layer below says otherwise."""
    return layer_thickness if thaw_open > 0.0 else active_layer_depth


@process(returns=("frozen_top_5cm", "frozen_top_10cm"))
def frozen_shares(top_ice, top_water, top_ice_10cm, top_water_10cm):
    """Frozen share of the water near the surface."""
    return top_ice / max(top_water, 1e-9), top_ice_10cm / max(top_water_10cm, 1e-9)
