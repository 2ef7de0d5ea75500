"""Autotrophic respiration: maintenance of leaves, wood and fine roots, and growth.

Maintenance of an organ is base rate times live carbon times Q10**((T - 20 degC)/10) (Ryan 1991; base rates of MOD17,
Running & Zhao 2015); leaves respire as photosynthesis says. Stems have the temperature of the air, roots that of the
shallow soil. Growth respires a fixed share of what maintenance leaves (Ryan 1991).
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

REFERENCE_TEMPERATURE = 20.0  # degC of the base rates
PER_DAY = 1.0 / 86400.0  # s-1


@process(returns="respiration_q10_log")
def respiration_response(respiration_q10):
    """Exponent (K-1) of the warming response, ln(Q10) / 10 K."""
    return 0.1 * log(respiration_q10)


@process(returns=("stem_respiration", "coarse_root_respiration", "fine_root_respiration"))
def organ_respiration(stem_carbon, coarse_root_carbon, fine_root_carbon, live_wood_fraction, stem_maintenance_rate,
                      fine_root_maintenance_rate, respiration_q10_log, air_temperature, shallow_soil_temperature):
    """Maintenance respiration (g m-2 s-1) of stems, coarse roots and fine roots; only live wood respires."""
    in_air = exp(respiration_q10_log * (air_temperature - REFERENCE_TEMPERATURE)) * PER_DAY
    in_soil = exp(respiration_q10_log * (shallow_soil_temperature - REFERENCE_TEMPERATURE)) * PER_DAY
    live_rate = live_wood_fraction * stem_maintenance_rate
    return (live_rate * stem_carbon * in_air, live_rate * coarse_root_carbon * in_soil,
            fine_root_maintenance_rate * fine_root_carbon * in_soil)


@process(returns=("maintenance_respiration", "growth_respiration", "autotrophic_respiration", "net_primary_production"))
def plant_respiration(gross_primary_production, leaf_respiration, stem_respiration, coarse_root_respiration,
                      fine_root_respiration, growth_respiration_fraction, foliage_carbon, stem_carbon,
                      coarse_root_carbon, fine_root_carbon, time_step):
    """Respiration of the whole plant and net primary production, g m-2 s-1.

    Plants respire no more carbon than they fix and hold, so vegetation pools stay positive; this bites only in a
    column whose pools are nearly empty while its leaf area is prescribed.
    """
    needed = leaf_respiration + stem_respiration + coarse_root_respiration + fine_root_respiration
    held = (foliage_carbon + stem_carbon + coarse_root_carbon + fine_root_carbon) * (1.0 / time_step)
    maintenance = min(needed, gross_primary_production + held)
    growth = max(growth_respiration_fraction * (gross_primary_production - maintenance), 0.0)
    autotrophic = maintenance + growth
    return maintenance, growth, autotrophic, gross_primary_production - autotrophic


@process(returns=("ecosystem_respiration", "net_ecosystem_exchange"))
def ecosystem_exchange(autotrophic_respiration, heterotrophic_respiration, gross_primary_production):
    """Respiration of the ecosystem and net exchange (positive to the atmosphere), g m-2 s-1."""
    respiration = autotrophic_respiration + heterotrophic_respiration
    return respiration, respiration - gross_primary_production
