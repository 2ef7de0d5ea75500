"""Autotrophic respiration: maintenance of leaves, wood and fine roots, and growth.

Maintenance of an organ is base rate times live carbon times Q10**((T - 20 degC)/10) (Ryan 1991; base rates of MOD17,
Running & Zhao 2015); leaves respire as photosynthesis says. Stems have the temperature of the air, roots that of the
shallow soil. What maintenance leaves fills a pool of labile carbon; growth draws on that pool over some days and
respires a fixed share of what it draws (Ryan 1991; Dewar et al. 1999; Thornley & Cannell 2000), so that it respires at
night as by day.
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import exp, log

REFERENCE_TEMPERATURE = 20.0  # degC of the base rates
SECONDS_PER_DAY = 86400.0
PER_DAY = 1.0 / SECONDS_PER_DAY  # s-1


@process(returns="respiration_q10_log")
def respiration_response(respiration_q10):
    """Exponent (K-1) of the warming response, ln(Q10) / 10 K."""
    return 0.1 * log(respiration_q10)


@process(returns="labile_kept")
def labile_retention(labile_turnover_time, time_step):
    """Share of labile carbon that growth leaves in the pool over a time step; none where the turnover time is 0."""
    return exp(-time_step / max(labile_turnover_time * SECONDS_PER_DAY, 1.0))


@process(returns=("stem_respiration", "coarse_root_respiration", "fine_root_respiration"))
def organ_respiration(stem_carbon, coarse_root_carbon, fine_root_carbon, live_wood_fraction, stem_maintenance_rate,
                      fine_root_maintenance_rate, respiration_q10_log, air_temperature, shallow_soil_temperature):
    """Maintenance respiration (g m-2 s-1) of stems, coarse roots and fine roots; only live wood respires."""
    in_air = exp(respiration_q10_log * (air_temperature - REFERENCE_TEMPERATURE)) * PER_DAY
    in_soil = exp(respiration_q10_log * (shallow_soil_temperature - REFERENCE_TEMPERATURE)) * PER_DAY
    live_rate = live_wood_fraction * stem_maintenance_rate
    return (live_rate * stem_carbon * in_air, live_rate * coarse_root_carbon * in_soil,
            fine_root_maintenance_rate * fine_root_carbon * in_soil)


@process(returns=("maintenance_respiration", "growth_respiration", "autotrophic_respiration", "net_primary_production",
                  "labile_carbon", "allocated_production"))
def plant_respiration(gross_primary_production, leaf_respiration, stem_respiration, coarse_root_respiration,
                      fine_root_respiration, growth_respiration_fraction, labile_kept, labile_carbon, foliage_carbon,
                      stem_carbon, coarse_root_carbon, fine_root_carbon, time_step):
    """Respiration of the whole plant and net primary production, labile carbon after growth, and what organs receive.

    Fluxes in g m-2 s-1, pools in g m-2. Maintenance comes first, from production and labile carbon; what these cannot
    give the organs pay, and `allocated_production` is negative. Of what is left growth takes 1 - `labile_kept`.

    Plants respire no more carbon than they fix and hold, so vegetation pools stay positive; this bites only in a
    column whose pools are nearly empty while its leaf area is prescribed.
    """
    per_step = 1.0 / time_step
    needed = leaf_respiration + stem_respiration + coarse_root_respiration + fine_root_respiration
    held = (labile_carbon + foliage_carbon + stem_carbon + coarse_root_carbon + fine_root_carbon) * per_step
    maintenance = min(needed, gross_primary_production + held)
    balance = labile_carbon + (gross_primary_production - maintenance) * time_step
    ready = max(balance, 0.0)
    kept = labile_kept * ready
    used = (ready - kept) * per_step
    growth = growth_respiration_fraction * used
    autotrophic = maintenance + growth
    return (maintenance, growth, autotrophic, gross_primary_production - autotrophic, kept,
            (used - growth) + min(balance, 0.0) * per_step)


@process(returns=("ecosystem_respiration", "net_ecosystem_exchange"))
def ecosystem_exchange(autotrophic_respiration, heterotrophic_respiration, gross_primary_production):
    """Respiration of the ecosystem and net exchange (positive to the atmosphere), g m-2 s-1."""
    respiration = autotrophic_respiration + heterotrophic_respiration
    return respiration, respiration - gross_primary_production
