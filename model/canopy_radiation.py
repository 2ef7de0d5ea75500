"""Sunlight in the canopy: what sunlit leaves, shaded leaves, stems and the ground absorb, and what returns to the sky.

Two-stream theory (Dickinson 1983; Sellers 1985, Int. J. Remote Sensing 6, 1335-1372) for leaves without preferred
direction, in a visible and a near-infrared band, for direct and diffuse light together. With x the leaf area above
times the clumping index (Chen et al. 2005), K = 0.5 / cos z, leaf absorptance a, share b of diffuse light that is
scattered backward (Norman and Jarvis 1975) and share b0 of the beam that is scattered upward,

    dI_down/dx = -(a + c) I_down + c I_up + s (1 - b0) K B exp(-K x)
    dI_up/dx   =  (a + c) I_up - c I_down - s b0 K B exp(-K x),      s = 1 - a, c = s b.

It is solved in its two eigenmodes, u decaying downward and v decaying upward at the rate h = sqrt(a (a + 2 c)):
I_down = u + g v, I_up = g u + v, where g is the albedo of endless canopy. Both modes are driven by the beam with
positive strengths and only decaying exponentials occur, so nothing cancels or overflows. Where two rates meet (K near
h) and for vanishing leaf area a series replaces the difference quotient.

A leaf at depth x is sunlit with probability clumping * exp(-K x), which makes the sunlit area (1 - exp(-K x)) / K (de
Pury and Farquhar 1997; Chen et al. 1999). Sunlit leaves absorb the beam and, like shaded leaves, their share of the
scattered light around them, integrated exactly over depth.

Stems and branches stand among the leaves: x is the area of both, and what scatters is their mean by area (Oleson et al.
2013, eqs. 3.11-3.14). So leafless forest hides snow on the ground (Betts and Ball 1997). Light that wood absorbs
photosynthesises nothing and warms the air (canopy_fluxes.py).
"""

from terraflux.model.constants import PHOTONS_PER_JOULE, SOLAR_CONSTANT
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log, sqrt

VISIBLE_SHARE = 0.45  # of shortwave energy (0.45 to 0.5; 2.0 umol per J of shortwave at US-Bi1, 0.44 of energy at SE-Svb)
LOWEST_SUN = 1e-3  # cosine of zenith below which the beam is treated as if it stood there
LEAST_ABSORPTANCE = 1e-10  # keeps the modes apart for leaves that absorb nothing
SPHERICAL_SQUARED_COSINE = 1.0 / 3.0  # mean squared cosine of leaf inclination, leaves without preferred direction
SERIES_BELOW = 0.02  # the series of mean_between is exact to 2e-14 here, the quotient to 1e-14
LEAST_SHADED_SHARE = 1e-9
STEM_REFLECTANCE_VISIBLE, STEM_REFLECTANCE_INFRARED = 0.16, 0.39  # trees and shrubs (Dorman and Sellers 1989)
STEM_TRANSMITTANCE = 0.001  # of both bands
STEM_ABSORPTANCE_VISIBLE = 1.0 - STEM_REFLECTANCE_VISIBLE - STEM_TRANSMITTANCE
STEM_ABSORPTANCE_INFRARED = 1.0 - STEM_REFLECTANCE_INFRARED - STEM_TRANSMITTANCE
SMALLEST_PLANT_AREA = 1e-12  # m2 m-2
LIGHT = (
    "sunlit_area", "shaded_area", "absorbed_light_sunlit", "absorbed_light_shaded", "absorbed_shortwave_sunlit",
    "absorbed_shortwave_shaded", "absorbed_shortwave_stems", "absorbed_light", "absorbed_shortwave_ground",
    "reflected_shortwave",
)  # fmt: skip


def mean_between(first, last, exponent):
    """Mean over a unit length of an exponential that falls from `first` to `last` = `first` exp(-`exponent`).

    (first - last) / exponent, also where the exponent is 0.
    """
    small = abs(exponent) < SERIES_BELOW
    quotient = (first - last) / (1.0 if small else exponent)
    series = 1.0 - exponent * (1.0 / 5.0) * (1.0 - exponent * (1.0 / 6.0))
    series = 1.0 - exponent * (1.0 / 3.0) * (1.0 - exponent * (1.0 / 4.0) * series)
    return first * (1.0 - exponent * 0.5 * series) if small else quotient


def upward_share_of_beam(cosine):
    """Share (1) of the beam's single scattering that goes up, for a cosine of zenith (1, above 0).

    Sellers (1985) with the single-scattering albedo of a canopy of spherical leaf angles.
    """
    return (0.5 + cosine) * (1.0 - cosine * log(1.0 + 1.0 / cosine))


def mean_of_plant(leaf, stem, leaf_share):
    """Mean by area of a property of leaves and of stems."""
    return stem + leaf_share * (leaf - stem)


def two_stream(reflectance, transmittance, ground_albedo, direct, diffuse, extinction, depth, gap, gap_mean,
               upward_share):
    """One band: mean light around leaves, mean around sunlit leaves, and light on the ground.

    `direct` and `diffuse` are the light on top (W m-2 or any unit) on the horizontal; `extinction` is K, `depth` the
    clumped area of leaves and stems, `gap` exp(-K depth), `gap_mean` its mean over depth. The light around leaves is the
    sum of the streams, which a leaf meets per unit area; `sunlit` is its mean weighted by exp(-K x). The light on the
    ground includes the beam.
    """
    absorptance = max(1.0 - reflectance - transmittance, LEAST_ABSORPTANCE)
    scattering = 1.0 - absorptance
    backward = scattering + (reflectance - transmittance) * SPHERICAL_SQUARED_COSINE
    total = absorptance + backward
    rate = sqrt(absorptance * total)  # eta = rate / total
    per = 1.0 / (rate * (rate + total))  # quotients share divisions where they can
    per_rate = per * (rate + total)
    eta, per_eta, per_one_eta = absorptance * per_rate, total * per_rate, total * per * rate
    deep_albedo = (1.0 - eta) * per_one_eta
    spread = 4.0 * eta * per_one_eta * per_one_eta  # 1 - deep_albedo**2

    turn = rate * depth
    slant = extinction * depth
    decay = exp(-turn)
    decay_mean = mean_between(1.0, decay, turn)
    meeting = mean_between(gap, decay, turn - slant)
    parting = mean_between(1.0, gap * decay, turn + slant)

    strength = 0.25 * (1.0 + eta) * per_eta * scattering * extinction * direct
    tilt = eta * (1.0 - 2.0 * upward_share)
    source_down = strength * (1.0 + tilt)
    source_up = strength * (1.0 - tilt)
    gained_down = source_down * meeting * depth
    gained_up = source_up * parting * depth

    beam_below = direct * gap
    lost_twice = turn * decay_mean * (1.0 + decay)  # 1 - decay**2
    returned = deep_albedo * ground_albedo
    closed, kept = spread + deep_albedo * (deep_albedo - ground_albedo) * lost_twice, 1.0 - returned
    per = 1.0 / (closed * kept)
    closing = per * kept
    sky = diffuse - deep_albedo * gained_up
    up_below = ((ground_albedo - deep_albedo) * (decay * sky + gained_down) + ground_albedo * beam_below) * closing
    down_above = sky - deep_albedo * decay * up_below
    down_below = down_above * decay + gained_down

    weighted = (0.5 * gap_mean * (1.0 + gap) - meeting * gap) / (rate + extinction)
    driven = per_rate * (source_down * (gap_mean - meeting) + source_up * (gap_mean - parting))
    around = (1.0 + deep_albedo) * ((down_above + up_below) * decay_mean + driven)
    sunlit = (1.0 + deep_albedo) * (
        down_above * parting + up_below * meeting + (source_down + source_up) * weighted
    )
    diffuse_below = (down_below * spread + returned * beam_below) * (per * closed)
    return max(around, 0.0), max(sunlit, 0.0), max(diffuse_below, 0.0) + beam_below


@process(returns=("daylight", "night"))
def day_or_night(shortwave_down, cosine_zenith):
    """Flags: is there anything for `canopy_radiation` to share out?"""
    day = 1.0 if (cosine_zenith > 0.0) | (shortwave_down != 0.0) else 0.0
    return day, 1.0 - day


@process(returns=LIGHT)
def canopy_at_night(leaf_area_index):
    """What `canopy_radiation` finds without light: all leaves are shaded."""
    nothing = 0.0 * leaf_area_index
    return nothing, leaf_area_index + 0.0, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing


@process(returns=LIGHT)
def canopy_radiation(shortwave_down, diffuse_fraction, cosine_zenith, leaf_area_index, stem_area_index, clumping_index,
                     leaf_reflectance_visible, leaf_transmittance_visible, leaf_reflectance_infrared,
                     leaf_transmittance_infrared, ground_albedo_visible, ground_albedo_infrared):
    """Leaf areas of both classes (m2 m-2), light per leaf area (umol m-2 s-1), shortwave per ground area (W m-2).

    Leaves, stems, ground and reflected light add up to `shortwave_down`; each is at least 0 where that is. The beam is no
    stronger than sunlight above the atmosphere; what measured light exceeds that is taken as diffuse. Without sun
    (cosine 0) all leaves are shaded.
    """
    incoming = max(shortwave_down, 0.0)
    beam = min(incoming * (1.0 - diffuse_fraction), SOLAR_CONSTANT * cosine_zenith)
    scattered = incoming - beam

    cosine = max(cosine_zenith, LOWEST_SUN)
    extinction = 0.5 / cosine
    plant_area = leaf_area_index + stem_area_index
    leaf_share = leaf_area_index / max(plant_area, SMALLEST_PLANT_AREA)
    depth = clumping_index * plant_area
    leaf_depth, stem_depth = clumping_index * leaf_area_index, clumping_index * stem_area_index
    slant = extinction * depth
    gap = exp(-slant)
    gap_mean = mean_between(1.0, gap, slant)
    exposed = clumping_index if cosine_zenith > 0.0 else 0.0
    sunlit_share = exposed * gap_mean
    sunlit_area = leaf_area_index * sunlit_share

    upward = upward_share_of_beam(cosine)
    around_visible, sunlit_visible, ground_visible = two_stream(
        mean_of_plant(leaf_reflectance_visible, STEM_REFLECTANCE_VISIBLE, leaf_share),
        mean_of_plant(leaf_transmittance_visible, STEM_TRANSMITTANCE, leaf_share), ground_albedo_visible,
        VISIBLE_SHARE * beam, VISIBLE_SHARE * scattered, extinction, depth, gap, gap_mean, upward)
    around_infrared, sunlit_infrared, ground_infrared = two_stream(
        mean_of_plant(leaf_reflectance_infrared, STEM_REFLECTANCE_INFRARED, leaf_share),
        mean_of_plant(leaf_transmittance_infrared, STEM_TRANSMITTANCE, leaf_share), ground_albedo_infrared,
        (1.0 - VISIBLE_SHARE) * beam, (1.0 - VISIBLE_SHARE) * scattered, extinction, depth, gap, gap_mean, upward)

    absorptance_visible = max(1.0 - leaf_reflectance_visible - leaf_transmittance_visible, LEAST_ABSORPTANCE)
    absorptance_infrared = max(1.0 - leaf_reflectance_infrared - leaf_transmittance_infrared, LEAST_ABSORPTANCE)
    beam_per_area = beam * extinction * gap_mean
    beam_on_leaves = beam_per_area * leaf_depth
    hidden_visible = max(around_visible - exposed * sunlit_visible, 0.0)
    hidden_infrared = max(around_infrared - exposed * sunlit_infrared, 0.0)
    shortwave_sunlit_visible = absorptance_visible * (
        VISIBLE_SHARE * beam_on_leaves + exposed * leaf_depth * sunlit_visible)
    shortwave_sunlit = shortwave_sunlit_visible + absorptance_infrared * (
        (1.0 - VISIBLE_SHARE) * beam_on_leaves + exposed * leaf_depth * sunlit_infrared)
    shortwave_shaded_visible = absorptance_visible * leaf_depth * hidden_visible
    shortwave_shaded = shortwave_shaded_visible + absorptance_infrared * leaf_depth * hidden_infrared
    shortwave_stems = stem_depth * (
        STEM_ABSORPTANCE_VISIBLE * (VISIBLE_SHARE * beam_per_area + around_visible)
        + STEM_ABSORPTANCE_INFRARED * ((1.0 - VISIBLE_SHARE) * beam_per_area + around_infrared))

    photons = PHOTONS_PER_JOULE * absorptance_visible
    light_sunlit = photons * (VISIBLE_SHARE * beam * extinction + clumping_index * sunlit_visible / gap_mean)
    light_shaded = photons * clumping_index * hidden_visible / max(1.0 - sunlit_share, LEAST_SHADED_SHARE)
    light = PHOTONS_PER_JOULE * (shortwave_sunlit_visible + shortwave_shaded_visible)
    ground = (1.0 - ground_albedo_visible) * ground_visible + (1.0 - ground_albedo_infrared) * ground_infrared
    # Rounding may leave a few ulp less than nothing over a black surface.
    taken = shortwave_sunlit + shortwave_shaded + shortwave_stems + ground
    reflected = max(shortwave_down - taken, min(shortwave_down, 0.0))
    return (sunlit_area, leaf_area_index - sunlit_area, light_sunlit, light_shaded, shortwave_sunlit, shortwave_shaded,
            shortwave_stems, light, ground, reflected)


@process(returns=("capacity_sunlit", "capacity_shaded"))
def leaf_capacity(carboxylation_capacity, nitrogen_extinction, cosine_zenith, leaf_area_index, stem_area_index,
                  clumping_index):
    """Mean carboxylation capacity at 25 degC (umol m-2 s-1, per leaf area) of sunlit and of shaded leaves.

    Capacity falls as exp(-nitrogen_extinction * leaf area above) (de Pury and Farquhar 1997, eq. 22); sunlit leaves lie
    higher on average. Classes follow `canopy_radiation`; without leaves both values are those of the canopy top.
    """
    slant = 0.5 / max(cosine_zenith, LOWEST_SUN) * clumping_index * (leaf_area_index + stem_area_index)
    decline = nitrogen_extinction * leaf_area_index
    gap = exp(-slant)
    nitrogen = exp(-decline)
    gap_mean = mean_between(1.0, gap, slant)
    exposed = clumping_index if cosine_zenith > 0.0 else 0.0
    both_mean = mean_between(1.0, gap * nitrogen, slant + decline)
    shaded_share = 1.0 - exposed * gap_mean
    all_shaded = shaded_share < LEAST_SHADED_SHARE
    hidden = mean_between(1.0, nitrogen, decline) - exposed * both_mean
    shaded = hidden / (1.0 if all_shaded else shaded_share)
    return (carboxylation_capacity * both_mean / gap_mean,
            carboxylation_capacity * (1.0 if all_shaded else shaded))
