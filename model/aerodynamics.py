"""Wind over and within the canopy: friction velocity, and conductances from leaves and ground to measurement height.

Stability follows Louis (1979): functions of the bulk Richardson number, no iteration, with the temperature of the
exchanging surfaces of the step before. Heat and momentum share one roughness length: the boundary layers of leaves and
ground stand in series with the conductance of the air above (Zeng, Zhao and Dickinson 1998; Zeng and Wang 2007), so a
smaller roughness for heat would count them twice. Snow does not bury the canopy.
"""

from terraflux.model.constants import GRAVITY, KELVIN, VON_KARMAN
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log, sqrt

LOWEST_WIND, LOWEST_CONVECTIVE_WIND = 0.5, 1.0  # m s-1
CONVECTIVE_WARMING = 2.0  # K of the surface above the air at which convective gusts are fully developed
DISPLACEMENT, ROUGHNESS = 0.67, 0.1  # per canopy height
GROUND_ROUGHNESS_LOG = -4.605170185988091  # log of 0.01 m
CLOSED_CANOPY_AREA = 2.0  # m2 m-2 of plant area
PER_CLOSED = 1.0 / (1.0 - 0.1353352832366127)  # 1/(1 - exp(-2))
LOWEST_HEIGHT, LOWEST_HEIGHT_SHARE = 0.05, 0.4  # m, per canopy height
MOST_UNSTABLE, MOST_STABLE = -2.0, 0.19  # bulk Richardson number
LOUIS, LOUIS_STABLE, LOUIS_MOMENTUM, LOUIS_HEAT = 9.4, 4.7, 7.4, 5.3
FORCED_TRANSFER = 0.01  # m s-0.5
FREE_TRANSFER = 0.5 * 2.15e-5 * 112.46827  # m0.25 K-0.25 m s-1 m-0.25: 0.5 Dh (1.6e8)^(1/4)
DENSE_TRANSFER = 0.004
LAYERING_TIME = 3600.0  # s, that air between plants and ground takes to follow the surface
BARE_TRANSFER = VON_KARMAN / 0.13
ROUGHNESS_REYNOLDS_FACTOR = 0.01 / 1.5e-5  # s m-1: ground roughness per viscosity of air


def canopy_closure(leaf_area_index, stem_area_index):
    """How far plants cover the ground for the wind, 0..1 (Zeng and Wang 2007), and their plant area (m2 m-2).

    Stems count, so that a leafless forest stays rough.
    """
    area = leaf_area_index + stem_area_index
    return (1.0 - exp(-min(area, CLOSED_CANOPY_AREA))) * PER_CLOSED, area


def stability_factors(richardson, momentum, heat):
    """Louis (1979) factors on neutral exchange coefficients; arguments are C* a^2 b (z/z0)^0.5 of momentum and of heat.

    Where air is stable only the first divisor differs from 1, elsewhere only the others: one division serves all.
    """
    stable = 1.0 + LOUIS_STABLE * max(richardson, 0.0)
    lifting = max(-richardson, 0.0)
    root = sqrt(lifting)
    by_momentum, by_heat = 1.0 + momentum * root, 1.0 + heat * root
    per = 1.0 / (stable * by_momentum * by_heat)
    return (per * per if richardson > 0.0 else 1.0 + LOUIS * lifting * by_heat * per,
            per * per if richardson > 0.0 else 1.0 + LOUIS * lifting * by_momentum * per)


def stability_factor(richardson, transfer):
    """One of `stability_factors`."""
    factor, _ = stability_factors(richardson, transfer, 0.0)
    return factor


@process(returns=("friction_velocity", "aerodynamic_conductance", "boundary_conductance", "ground_conductance",
                  "stable_layering"))
def aerodynamics(wind_speed, measurement_height, canopy_height, leaf_area_index, stem_area_index, leaf_width,
                 air_temperature, exchange_temperature, surface_temperature, stable_layering, time_step):
    """Friction velocity and conductances, all in m s-1.

    Displacement is 0.67 and roughness 0.1 canopy height where plants close the canopy. The distance from displacement
    to measurement is at least 0.4 canopy heights, whatever the site's description says. Wind is at least 0.5 m s-1, over
    a surface warmer than the air 1 m s-1, for gusts of convection (Zeng et al. 1998). A leaf's boundary layer has
    forced (0.01 (u*/d)^0.5; Oleson et al. 2013, eq. 5.122) and free convection (Leuning et al. 1995, eq. E3), per leaf
    side. Below the canopy, transfer lies between bare ground and a dense canopy by exp(-plant area). Where the ground is
    colder than the air it is less (Sakaguchi and Zeng 2009), on both shares: cold air lies in the gaps of a stand as it
    does under the crowns. `stable_layering` (1, 0..10) follows the difference of temperature with a memory of an hour,
    by the implicit step of Euler. Taken from the step before alone, the difference answers the exchange that it sets (snow
    that sublimates cools, comes to rest, warms to melting, mixes again) and turns with every step.
    """
    closure, plant_area = canopy_closure(leaf_area_index, stem_area_index)
    roughness_log = closure * log(ROUGHNESS * canopy_height) + (1.0 - closure) * GROUND_ROUGHNESS_LOG
    height = measurement_height - DISPLACEMENT * closure * canopy_height
    height = max(max(height, LOWEST_HEIGHT_SHARE * canopy_height), LOWEST_HEIGHT)
    decades = log(height) - roughness_log
    lifting = min(max((exchange_temperature - air_temperature) * (1.0 / CONVECTIVE_WARMING), 0.0), 1.0)
    wind = max(wind_speed, LOWEST_WIND + (LOWEST_CONVECTIVE_WIND - LOWEST_WIND) * lifting)
    kelvin, square = air_temperature + KELVIN, wind * wind
    per = 1.0 / (decades * kelvin * square)  # quotients share divisions where they can
    drag = VON_KARMAN * (per * kelvin * square)
    richardson = GRAVITY * height * (air_temperature - exchange_temperature) * (per * decades)
    richardson = max(min(richardson, MOST_STABLE), MOST_UNSTABLE)
    transfer = LOUIS * drag * drag * exp(0.5 * decades)
    on_momentum, on_heat = stability_factors(richardson, LOUIS_MOMENTUM * transfer, LOUIS_HEAT * transfer)
    friction = drag * wind * sqrt(on_momentum)
    through_air = drag * drag * wind * on_heat

    # air below the canopy transfers its neutral coefficient / (1 + 0.5 layering), which tends to lapse / friction^2 in 0..10
    lapse = GRAVITY * canopy_height * (air_temperature - surface_temperature) * (per * decades * square)
    stress = friction * friction
    layering = min(max(lapse / stress, 0.0), 10.0)
    layering = stable_layering + (layering - stable_layering) * (time_step / (time_step + LAYERING_TIME))
    divisor = 1.0 + 0.5 * layering
    bare = BARE_TRANSFER * exp(-0.45 * log(ROUGHNESS_REYNOLDS_FACTOR * friction))
    open_share = exp(-plant_area)
    below = (bare * open_share + DENSE_TRANSFER * (1.0 - open_share)) * friction  # times divisor
    in_series = through_air * divisor + below
    per = 1.0 / (leaf_width * in_series)
    per_width = per * in_series
    free = FREE_TRANSFER * sqrt(sqrt(abs(exchange_temperature - air_temperature) * per_width))
    boundary = FORCED_TRANSFER * sqrt(friction * per_width) + free
    return friction, through_air, boundary, through_air * below * (per * leaf_width), layering
