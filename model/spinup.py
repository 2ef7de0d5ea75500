"""Carbon pools in equilibrium with a climate, without stepping through millennia (Xia et al. 2012).

With time-mean paces and net primary production the thirteen pools of organs, litter and soil obey dC/dt = A C + b NPP,
so the steady state is C = -A^-1 b NPP; labile carbon, which turns over in days, settles by itself while cycles run. A is
built from the very functions that step the pools. Net primary production itself depends on the pools, through the
respiration of wood and roots; given the mean respiration of organs at their present pools, that dependence is linear and
is solved along. Warmth and pools vary together over the year, so that a fast pool loses more or less than mean pace times
mean pool says: `rates_of_cycle` takes its rate from what it lost over the cycle. What stays nonlinear (organs pay for
maintenance that labile carbon cannot) is settled by iteration, which the caller drives:

    run a cycle of forcing -> means -> `steady_pools` -> `at_cycle_start` -> repeat until `drift` is small,

usually three to five times, with a last cycle or more to let fast pools find their seasonal course.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.carbon_allocation import PER_YEAR, SECONDS_PER_YEAR, allocation_shares
from terraflux.model.decomposition import (
    PASSIVE,
    ROOT_METABOLIC,
    SLOW,
    SURFACE_METABOLIC,
    SURFACE_MICROBIAL,
    litter_quality,
    passed_on,
    soil_microbial_rate,
)

POOLS = ("foliage_carbon", "stem_carbon", "coarse_root_carbon", "fine_root_carbon", "coarse_wood_litter",
         "surface_structural_litter", "surface_metabolic_litter", "root_structural_litter", "root_metabolic_litter",
         "surface_microbial_carbon", "soil_microbial_carbon", "slow_carbon", "passive_carbon")
SURFACE_POOLS = ("coarse_wood_litter", "surface_structural_litter", "surface_metabolic_litter",
                 "surface_microbial_carbon")
RESPIRING = {"stem_carbon": "stem_respiration", "coarse_root_carbon": "coarse_root_respiration",
             "fine_root_carbon": "fine_root_respiration"}
CENTURY = 100.0 * SECONDS_PER_YEAR  # s

Array = NDArray[np.float64]
Parameters = Mapping[str, ArrayLike]


@dataclass(frozen=True)
class SteadyState:
    """Pools (g m-2) in equilibrium, by name; net primary production (g m-2 s-1) that feeds them.

    `residual` is the largest relative change of a pool per 100 years that the equations still give: rounding only.
    """

    pools: dict[str, float]
    net_primary_production: float
    residual: float


def maximum_rates(parameters: Parameters) -> Array:
    """Turnover and maximum decomposition rates (s-1) of the pools, in the order of POOLS."""
    p = _numbers(parameters)
    quality = _litter_quality(p)
    return np.array([
        p["turnover_foliage"] * PER_YEAR, p["turnover_stem"] * PER_YEAR, p["turnover_coarse_root"] * PER_YEAR,
        p["turnover_fine_root"] * PER_YEAR, quality["coarse_wood_rate"], quality["surface_structural_rate"],
        SURFACE_METABOLIC * PER_YEAR, quality["root_structural_rate"], ROOT_METABOLIC * PER_YEAR,
        SURFACE_MICROBIAL * PER_YEAR, soil_microbial_rate(p["sand_fraction"]), SLOW * PER_YEAR, PASSIVE * PER_YEAR,
    ])


def transfers(parameters: Parameters) -> Array:
    """Share of what pool j loses that enters pool i, as an array [i, j] in the order of POOLS."""
    p = _numbers(parameters)
    quality = _litter_quality(p)
    index = {name: number for number, name in enumerate(POOLS)}
    shares = np.zeros((len(POOLS), len(POOLS)))
    for organ, litter in (("foliage", "surface"), ("fine_root", "root")):
        metabolic = quality[f"{organ}_metabolic_share"]
        shares[index[f"{litter}_metabolic_litter"], index[f"{organ}_carbon"]] = metabolic
        shares[index[f"{litter}_structural_litter"], index[f"{organ}_carbon"]] = 1.0 - metabolic
    for organ in ("stem", "coarse_root"):
        shares[index["coarse_wood_litter"], index[f"{organ}_carbon"]] = 1.0
    decaying = ("coarse_wood_litter", "surface_structural_litter", "surface_metabolic_litter", "root_structural_litter",
                "root_metabolic_litter", "surface_microbial_carbon", "soil_microbial_carbon", "slow_carbon",
                "passive_carbon")
    receiving = [index[name] for name in ("surface_microbial_carbon", "soil_microbial_carbon", "slow_carbon",
                                          "passive_carbon")]
    chemistry = (quality["foliage_lignin"], quality["fine_root_lignin"], p["wood_lignin"], p["sand_fraction"],
                 p["clay_fraction"])
    for name, one in zip(decaying, np.eye(len(decaying)), strict=True):
        shares[receiving, index[name]] = passed_on(*[*one, *chemistry])[: len(receiving)]
    return shares


def transfer_matrix(parameters: Parameters, pace_surface: float, pace_soil: float) -> Array:
    """A (s-1) of dC/dt = A C + b NPP, [pool, pool], from the mean decomposition paces on the ground and in the soil."""
    pace = np.array([1.0 if number < 4 else pace_surface if name in SURFACE_POOLS else pace_soil
                     for number, name in enumerate(POOLS)])
    return (transfers(parameters) - np.eye(len(POOLS))) * (maximum_rates(parameters) * pace)


def production_shares(parameters: Parameters) -> Array:
    """b of dC/dt = A C + b NPP: what each pool receives of net primary production."""
    p = _numbers(parameters)
    shares = np.zeros(len(POOLS))
    shares[:4] = allocation_shares(p["allocation_foliage"], p["allocation_stem"], p["allocation_coarse_root"],
                                   p["allocation_fine_root"])
    return shares


def rates_of_cycle(parameters: Parameters, net_primary_production: float, mean: Mapping[str, float],
                   change: Mapping[str, float], seconds: float) -> Array:
    """Rates (s-1) at which the pools lost carbon over a cycle of `seconds`, relative to their mean (g m-2).

    What pools passed on follows from `change` (g m-2, end minus start) and mean net primary production (g m-2 s-1) by
    balance: change / seconds = b NPP + (S - 1) loss. NaN for a pool that was empty or seems to have lost nothing.
    """
    gained = np.array([change[name] / seconds for name in POOLS])
    supply = production_shares(parameters) * net_primary_production
    loss = np.linalg.solve(np.eye(len(POOLS)) - transfers(parameters), supply - gained)
    stock = np.array([mean[name] for name in POOLS])
    usable = (loss > 0.0) & (stock > 0.0)
    return np.where(usable, loss / np.where(usable, stock, 1.0), np.nan)


def steady_pools(
    parameters: Parameters,
    pace_surface: float,
    pace_soil: float,
    net_primary_production: float,
    pools: Mapping[str, float] | None = None,
    respiration: Mapping[str, float] | None = None,
    growing_share: float = 1.0,
    rates: Array | None = None,
) -> SteadyState:
    """Steady state of the pools for time-mean paces (1) and net primary production (g m-2 s-1).

    `pools` (g m-2) and `respiration` (g m-2 s-1; stem_respiration, coarse_root_respiration, fine_root_respiration) are
    the means of the same run: with them net primary production follows the pools. `growing_share` is the share of
    maintenance that is paid from assimilates, so that growth and its respiration fall as maintenance rises; it changes
    how fast an iteration converges, not where to. `rates` (s-1, as from `rates_of_cycle`) replace maximum rates times
    paces where not NaN.

    Raises ValueError where nothing decomposes (a pace is not above 0) or no production is left for the pools.
    """
    if not (pace_surface > 0.0 and pace_soil > 0.0):
        raise ValueError(f"no steady state: the mean decomposition paces are {pace_surface!r} and {pace_soil!r}; "
                         "soil that never thaws or never wets keeps all its carbon")
    shares = production_shares(parameters)
    burden = np.zeros(len(POOLS))
    if pools is not None and respiration is not None:
        net_of_growth = 1.0 - growing_share * _numbers(parameters)["growth_respiration_fraction"]
        for name, flux in RESPIRING.items():
            burden[POOLS.index(name)] = net_of_growth * respiration[flux] / pools[name] if pools[name] > 0.0 else 0.0
    matrix = transfer_matrix(parameters, pace_surface, pace_soil)
    if rates is not None:
        by_pace = -np.diag(matrix)
        matrix = (transfers(parameters) - np.eye(len(POOLS))) * np.where(np.isnan(rates), by_pace, rates)
    unburdened = net_primary_production + sum(rate * pools[name] for rate, name in zip(burden, POOLS, strict=True)
                                              if pools is not None)
    if not unburdened > 0.0:
        raise ValueError(f"no steady state: net primary production is {net_primary_production!r} g m-2 s-1, so plants "
                         "respire more than they fix; check leaf area, forcing and respiration parameters")
    system = matrix - np.outer(shares, burden)
    carbon = np.linalg.solve(system, -shares * unburdened)
    change = (system @ carbon + shares * unburdened) * CENTURY
    residual = float(np.max(np.abs(change) / np.maximum(carbon, 1e-12)))
    return SteadyState({name: float(value) for name, value in zip(POOLS, carbon, strict=True)},
                       float(unburdened - burden @ carbon), residual)


def at_cycle_start(steady: SteadyState, mean: Mapping[str, float], end: Mapping[str, float]) -> dict[str, float]:
    """Pools (g m-2) with which to begin the next cycle.

    The steady state is one of means; pools that follow the seasons stand elsewhere when the cycle begins. They are put
    at the steady mean times their ratio of end to mean in the cycle just run. Without this, the way back to the
    seasonal course looks like a drift.
    """
    return {name: value * (end[name] / mean[name] if mean[name] > 0.0 else 1.0) for name, value in steady.pools.items()}


def drift(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> float:
    """Relative change of total carbon per 100 years, from the pools (g m-2) before and after a run of whole years.

    Xia et al. (2012) and most protocols accept 0.005.
    """
    start, end = (sum(pools[name] for name in POOLS) for pools in (before, after))
    return abs(end - start) / start * (CENTURY / seconds)


def _numbers(parameters: Parameters) -> dict[str, float]:
    """Parameters without layers as floats."""
    return {name: float(np.asarray(value)) for name, value in parameters.items() if np.ndim(value) == 0}


def _litter_quality(p: Mapping[str, float]) -> dict[str, float]:
    results = litter_quality.plain(p["carbon_nitrogen_leaf"], p["carbon_nitrogen_fine_root"], p["wood_lignin"])
    return dict(zip(litter_quality.returns, map(float, results), strict=True))
