"""Decomposition of litter and soil organic matter in nine pools.

Pools and maximum rates of Century (Parton et al. 1987) as used by CASA (Potter et al. 1993) and BEPS (Ju & Chen 2005).
Rates follow temperature after Lloyd & Taylor (1994) and the liquid share of the pores. The maximum rates hold at the
optimum, so the temperature factor is 1 at `decomposition_reference_temperature` (35 degC). It has no floor: frozen soil
respires what its little liquid and the temperature allow, instead of a fixed third of the maximum as in BEPS.
Coarse wood, surface litter and surface microbes follow the top soil layer, all others the shallow soil.

Every pool decays exponentially within a step. What decays is respired, passed on or leached to the last gram.
"""

from terraflux.model.carbon_allocation import PER_YEAR
from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, expm1

ACTIVATION = 308.56  # K (Lloyd & Taylor 1994)
COLDEST_OFFSET = 46.02  # K: rates vanish at -46.02 degC (Lloyd & Taylor 1994)
COLDEST = -40.0  # degC below which the response is held
SURFACE_STRUCTURAL, SURFACE_METABOLIC, SURFACE_MICROBIAL = 3.9, 14.8, 6.0  # yr-1
ROOT_STRUCTURAL, ROOT_METABOLIC, SOIL_MICROBIAL = 4.8, 18.5, 7.3  # yr-1
COARSE_WOOD, SLOW, PASSIVE = 2.4, 0.25, 0.007  # yr-1
FOLIAGE_LIGNIN, FINE_ROOT_LIGNIN = 0.302, 0.280  # of litter mass
LIGNIN_PER_NITROGEN = 0.018 * 0.6  # lignin to nitrogen ratio is 0.6 times that of carbon to nitrogen
LARGEST_METABOLIC = 0.85
LEACHING = 5.0 / 18.0  # 5 cm of water per month, of the 18 cm of Parton et al. 1987
OPTIMUM_WETNESS = 0.55  # where the moisture response is near its peak in any texture


def lloyd_taylor(temperature, reference):
    """Respiration relative to that at the reference temperature (degC), Lloyd & Taylor (1994), equation 11."""
    warmth = max(temperature, COLDEST) + COLDEST_OFFSET
    reference_warmth = reference + COLDEST_OFFSET
    return exp(ACTIVATION * (warmth - reference_warmth) / (warmth * reference_warmth))


def moisture_response(wetness, sand_fraction, anaerobic_decomposition):
    """Decomposition relative to its best moisture, 0..1, from the liquid share of the pores (Ju et al. 2006).

    Parabolas for fine and coarse soil are blended by the share of sand. Where water fills the pores,
    `anaerobic_decomposition` is the least.
    """
    fine = (5.44 - 5.03 * wetness) * wetness - 0.472
    coarse = (5.63 - 4.64 * wetness) * wetness - 0.71
    least = anaerobic_decomposition if wetness > OPTIMUM_WETNESS else 0.0
    return min(max(fine + (coarse - fine) * sand_fraction, least), 1.0)


def litter_quality_of(lignin, carbon_nitrogen):
    """Metabolic share of litter, and lignin share of its structural part, from lignin and C:N (Parton et al. 1987)."""
    structural = 1.0 - LARGEST_METABOLIC + LIGNIN_PER_NITROGEN * carbon_nitrogen
    return max(1.0 - structural, 0.0), min(lignin / structural, 1.0)


@process(returns=("foliage_metabolic_share", "foliage_lignin", "fine_root_metabolic_share", "fine_root_lignin",
                  "surface_structural_rate", "root_structural_rate", "coarse_wood_rate"))
def litter_quality(carbon_nitrogen_leaf, carbon_nitrogen_fine_root, wood_lignin):
    """Quality of leaf and root litter (1) and the maximum rates that lignin slows (s-1)."""
    foliage_metabolic, foliage_lignin = litter_quality_of(FOLIAGE_LIGNIN, carbon_nitrogen_leaf)
    root_metabolic, root_lignin = litter_quality_of(FINE_ROOT_LIGNIN, carbon_nitrogen_fine_root)
    return (foliage_metabolic, foliage_lignin, root_metabolic, root_lignin,
            SURFACE_STRUCTURAL * exp(-3.0 * foliage_lignin) * PER_YEAR,
            ROOT_STRUCTURAL * exp(-3.0 * root_lignin) * PER_YEAR,
            COARSE_WOOD * exp(-3.0 * wood_lignin) * PER_YEAR)


@process(returns=("decomposition_warmth", "decomposition_wetness", "decomposition_pace_surface",
                  "decomposition_pace_soil"))
def decomposition_pace(soil_temperature_top, soil_liquid_top, porosity_top, shallow_soil_temperature,
                       shallow_soil_wetness, decomposition_reference_temperature, sand_fraction,
                       anaerobic_decomposition, decomposition_scale):
    """Temperature and moisture factor of the soil, and pace of surface and soil pools relative to maximum rates."""
    wetness_top = soil_liquid_top / porosity_top
    surface = (lloyd_taylor(soil_temperature_top, decomposition_reference_temperature)
               * moisture_response(wetness_top, sand_fraction, anaerobic_decomposition))
    warmth = lloyd_taylor(shallow_soil_temperature, decomposition_reference_temperature)
    wetness = moisture_response(shallow_soil_wetness, sand_fraction, anaerobic_decomposition)
    return warmth, wetness, surface * decomposition_scale, warmth * wetness * decomposition_scale


def soil_microbial_rate(sand_fraction):
    """Maximum rate (s-1) of soil microbes: silt and clay protect them (Parton et al. 1987)."""
    return SOIL_MICROBIAL * (1.0 - 0.75 * (1.0 - sand_fraction)) * PER_YEAR


def passed_on(coarse_wood, surface_structural, surface_metabolic, root_structural, root_metabolic, surface_microbial,
              soil_microbial, slow, passive, foliage_lignin, fine_root_lignin, wood_lignin, sand_fraction,
              clay_fraction):
    """Where decayed carbon goes: to surface microbes, soil microbes, slow, passive and leached; the rest is respired.

    Lignin becomes slow carbon and loses 0.3 (wood 0.45); the remainder feeds microbes and loses 0.6 (0.55 below ground
    and of wood). Takes the nine decayed amounts in any unit, returns five in the same.
    """
    silt_and_clay = 1.0 - sand_fraction
    microbial_respired = 0.85 - 0.68 * silt_and_clay
    microbial_to_passive = 0.003 + 0.032 * clay_fraction
    microbial_leached = (0.01 + 0.04 * sand_fraction) * LEACHING
    slow_to_passive = max(0.003 - 0.009 * clay_fraction, 1e-5)
    to_surface_microbes = 0.4 * ((1.0 - foliage_lignin) * surface_structural + surface_metabolic)
    to_soil_microbes = (0.45 * ((1.0 - fine_root_lignin) * root_structural + (1.0 - wood_lignin) * coarse_wood)
                        + 0.5 * (root_metabolic + passive) + (0.45 - slow_to_passive) * slow)
    to_slow = (0.7 * (foliage_lignin * surface_structural + fine_root_lignin * root_structural)
               + 0.55 * wood_lignin * coarse_wood + 0.4 * surface_microbial
               + (1.0 - microbial_respired - microbial_to_passive - microbial_leached) * soil_microbial)
    to_passive = microbial_to_passive * soil_microbial + slow_to_passive * slow
    return to_surface_microbes, to_soil_microbes, to_slow, to_passive, microbial_leached * soil_microbial


@process(returns=("coarse_wood_litter", "surface_structural_litter", "surface_metabolic_litter",
                  "root_structural_litter", "root_metabolic_litter", "surface_microbial_carbon",
                  "soil_microbial_carbon", "slow_carbon", "passive_carbon", "heterotrophic_respiration",
                  "leached_carbon"))
def decomposition(coarse_wood_litter, surface_structural_litter, surface_metabolic_litter, root_structural_litter,
                  root_metabolic_litter, surface_microbial_carbon, soil_microbial_carbon, slow_carbon, passive_carbon,
                  wood_litterfall, foliage_litterfall, fine_root_litterfall, foliage_metabolic_share,
                  fine_root_metabolic_share, foliage_lignin, fine_root_lignin, wood_lignin, coarse_wood_rate,
                  surface_structural_rate, root_structural_rate, sand_fraction, clay_fraction,
                  decomposition_pace_surface, decomposition_pace_soil, time_step):
    """Litter and soil pools (g m-2) after one step, heterotrophic respiration and leached carbon (g m-2 s-1)."""
    surface = -decomposition_pace_surface * time_step
    soil = -decomposition_pace_soil * time_step
    wood = -expm1(surface * coarse_wood_rate) * coarse_wood_litter
    surface_structural = -expm1(surface * surface_structural_rate) * surface_structural_litter
    surface_metabolic = -expm1(surface * (SURFACE_METABOLIC * PER_YEAR)) * surface_metabolic_litter
    surface_microbes = -expm1(surface * (SURFACE_MICROBIAL * PER_YEAR)) * surface_microbial_carbon
    root_structural = -expm1(soil * root_structural_rate) * root_structural_litter
    root_metabolic = -expm1(soil * (ROOT_METABOLIC * PER_YEAR)) * root_metabolic_litter
    soil_microbes = -expm1(soil * soil_microbial_rate(sand_fraction)) * soil_microbial_carbon
    slow = -expm1(soil * (SLOW * PER_YEAR)) * slow_carbon
    passive = -expm1(soil * (PASSIVE * PER_YEAR)) * passive_carbon
    to_surface_microbes, to_soil_microbes, to_slow, to_passive, leached = passed_on(
        wood, surface_structural, surface_metabolic, root_structural, root_metabolic, surface_microbes, soil_microbes,
        slow, passive, foliage_lignin, fine_root_lignin, wood_lignin, sand_fraction, clay_fraction)
    decayed = (wood + surface_structural + surface_metabolic + surface_microbes + root_structural + root_metabolic
               + soil_microbes + slow + passive)
    respired = decayed - (to_surface_microbes + to_soil_microbes + to_slow + to_passive + leached)
    per_step = 1.0 / time_step
    leaf_litter = foliage_litterfall * time_step
    root_litter = fine_root_litterfall * time_step
    return (
        coarse_wood_litter - wood + wood_litterfall * time_step,
        surface_structural_litter - surface_structural + (1.0 - foliage_metabolic_share) * leaf_litter,
        surface_metabolic_litter - surface_metabolic + foliage_metabolic_share * leaf_litter,
        root_structural_litter - root_structural + (1.0 - fine_root_metabolic_share) * root_litter,
        root_metabolic_litter - root_metabolic + fine_root_metabolic_share * root_litter,
        surface_microbial_carbon - surface_microbes + to_surface_microbes,
        soil_microbial_carbon - soil_microbes + to_soil_microbes,
        slow_carbon - slow + to_slow,
        passive_carbon - passive + to_passive,
        respired * per_step,
        leached * per_step,
    )
