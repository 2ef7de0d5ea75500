"""Steady state of the carbon pools."""

import numpy as np
import pytest

from terraflux.model import carbon_allocation, decomposition
from terraflux.model.carbon_allocation import PER_YEAR, SECONDS_PER_YEAR
from terraflux.model.parameters import parameters, plant_types
from terraflux.model.spinup import (
    POOLS,
    SURFACE_POOLS,
    drift,
    maximum_rates,
    production_shares,
    steady_pools,
    transfer_matrix,
    transfers,
)
from terraflux.model.variables import variable_table

PRODUCTION = 600.0 * PER_YEAR  # g m-2 s-1
PACE_SURFACE, PACE_SOIL = 0.13, 0.17
STEP = 86400.0  # a short step hides the slowest losses in the rounding of 1 - k f dt
PARAMETERS = parameters("ENF", "sandy_loam")


def one_step(pools, production=PRODUCTION, p=PARAMETERS, seconds=STEP):
    """The processes of the model, by name, under constant paces."""
    values = {**p, **dict(zip(POOLS, map(float, pools), strict=True)), "time_step": seconds,
              "allocated_production": production, "decomposition_pace_surface": PACE_SURFACE,
              "decomposition_pace_soil": PACE_SOIL}  # fmt: skip
    for one in (decomposition.litter_quality, carbon_allocation.vegetation_carbon, decomposition.decomposition):
        values |= dict(zip(one.returns, one(*(values[name] for name in one.reads)), strict=True))
    return np.array([values[name] for name in POOLS])


def fixed_point(p=PARAMETERS):
    """Brute force: the step of the model as an affine map, repeated 2**40 times by squaring."""
    gain = one_step(np.zeros(13), p=p)
    step = np.zeros((14, 14))
    step[:13, :13] = np.column_stack([one_step(unit, 0.0, p) for unit in np.eye(13)])
    step[:13, 13], step[13, 13] = gain, 1.0
    for _ in range(40):
        step = step @ step
    return step[:13, 13]


def test_pools_are_the_carbon_states_of_the_variable_table():
    states = [variable.name for variable in variable_table().of_kind("state")]
    assert list(POOLS) == [name for name in states if name in POOLS]
    assert [name for name in states if name.endswith(("_carbon", "_litter"))] == ["labile_carbon", *POOLS]


def test_one_pool_alone_holds_input_over_rate():
    p = parameters("GRA").replace(allocation_foliage=1.0, allocation_fine_root=0.0, turnover_foliage=0.5)
    steady = steady_pools(p, PACE_SURFACE, PACE_SOIL, PRODUCTION)
    assert steady.pools["foliage_carbon"] == pytest.approx(600.0 / 0.5, rel=1e-12)


@pytest.mark.parametrize("plant", ["ENF", "DBF", "GRA", "OSH"])
def test_steady_state_equals_integration_over_fifty_thousand_years(plant):
    p = parameters(plant)
    matrix, gain = transfer_matrix(p, PACE_SURFACE, PACE_SOIL), production_shares(p) * PRODUCTION
    decade = 10.0 * SECONDS_PER_YEAR
    backward_euler, integrated = np.linalg.inv(np.eye(13) - matrix * decade), np.zeros(13)
    for _ in range(5000):
        integrated = backward_euler @ (integrated + gain * decade)
    steady = steady_pools(p, PACE_SURFACE, PACE_SOIL, PRODUCTION)
    np.testing.assert_allclose(list(steady.pools.values()), integrated, rtol=1e-10, atol=1e-10)
    assert steady.residual < 1e-10 and steady.net_primary_production == PRODUCTION


@pytest.mark.parametrize("plant", ["ENF", "DBF", "CSH", "SAV"])
def test_steady_state_equals_stepping_the_model_for_ever(plant):
    p = parameters(plant, "sandy_loam")
    # A step loses 1 - exp(-k f dt) of a pool, not k f dt, and vegetation grows before it sheds: both known exactly.
    pace = np.array([1.0] * 4 + [PACE_SURFACE if name in SURFACE_POOLS else PACE_SOIL for name in POOLS[4:]])
    exponent = maximum_rates(p) * pace * STEP
    factor = exponent / -np.expm1(-exponent) * np.where(np.arange(13) < 4, np.exp(-exponent), 1.0)
    steady = np.array(list(steady_pools(p, PACE_SURFACE, PACE_SOIL, PRODUCTION).pools.values()))
    np.testing.assert_allclose(fixed_point(p), steady * factor, rtol=1e-10)
    np.testing.assert_allclose(factor, 1.0, atol=0.01)


def test_a_spun_up_column_does_not_drift():
    pools = np.array(list(steady_pools(PARAMETERS, PACE_SURFACE, PACE_SOIL, PRODUCTION).pools.values()))
    after = pools
    for _ in range(365):
        after = one_step(after, seconds=86400.0)
    named = [dict(zip(POOLS, values, strict=True)) for values in (pools, after)]
    assert drift(*named, 365.0 * 86400.0) < 0.005
    half = [dict.fromkeys(POOLS, 100.0), dict.fromkeys(POOLS, 101.0)]
    assert drift(*half, SECONDS_PER_YEAR) == pytest.approx(1.0)


@pytest.mark.parametrize("plant", plant_types())
def test_no_pool_passes_on_more_than_it_loses(plant):
    shares = transfers(parameters(plant))
    assert (shares >= 0.0).all()
    total = shares.sum(axis=0)
    np.testing.assert_allclose(total[:4], 1.0, rtol=1e-14)
    assert (total[4:] < 0.71).all() and (total[4:] > 0.1).all()
    assert sum(production_shares(parameters(plant))) == pytest.approx(1.0)


def test_what_flows_in_flows_out():
    p = PARAMETERS
    steady = np.array(list(steady_pools(p, PACE_SURFACE, PACE_SOIL, PRODUCTION).pools.values()))
    lost = -transfer_matrix(p, PACE_SURFACE, PACE_SOIL).sum(axis=0) @ steady  # respired and leached
    assert lost == pytest.approx(PRODUCTION, rel=1e-12)


def test_production_follows_the_pools_through_respiration():
    p = PARAMETERS
    pools = dict.fromkeys(POOLS, 2000.0)
    fluxes = {"stem_respiration": 2e-6, "coarse_root_respiration": 1e-6, "fine_root_respiration": 8e-6}
    steady = steady_pools(p, PACE_SURFACE, PACE_SOIL, PRODUCTION, pools, fluxes, growing_share=0.0)
    organs = {"stem_carbon": 2e-6, "coarse_root_carbon": 1e-6, "fine_root_carbon": 8e-6}
    respired = sum(flux * steady.pools[name] / 2000.0 for name, flux in organs.items())
    assert steady.net_primary_production == pytest.approx(PRODUCTION + 11e-6 - respired, rel=1e-12)
    alone = steady_pools(p, PACE_SURFACE, PACE_SOIL, steady.net_primary_production)
    np.testing.assert_allclose(list(steady.pools.values()), list(alone.pools.values()), rtol=1e-12)


def test_iteration_with_respiration_settles_within_a_few_rounds():
    """A caller's loop, the means made by a simple plant: it respires by pool size and grows of what is left."""
    p = PARAMETERS
    rates = {"stem_carbon": 1.2e-10, "coarse_root_carbon": 1.2e-10, "fine_root_carbon": 3e-8}
    names = {name: name.replace("_carbon", "_respiration") for name in rates}
    pools, history = dict.fromkeys(POOLS, 500.0), []
    for _ in range(8):
        fluxes = {names[name]: rate * pools[name] for name, rate in rates.items()}
        maintenance = 1e-5 + sum(fluxes.values())
        production = 0.75 * (8e-5 - maintenance)
        steady = steady_pools(p, PACE_SURFACE, PACE_SOIL, production, pools, fluxes)
        change = abs(sum(steady.pools.values()) / sum(pools.values()) - 1.0)
        pools = steady.pools
        history.append(change)
    assert history[2] < 1e-6 and history[-1] < 1e-12


def test_impossible_columns_are_refused_with_a_reason():
    with pytest.raises(ValueError, match="respire more than they fix"):
        steady_pools(PARAMETERS, PACE_SURFACE, PACE_SOIL, -1e-6)
    with pytest.raises(ValueError, match="never thaws or never wets"):
        steady_pools(PARAMETERS, 0.0, PACE_SOIL, PRODUCTION)
    with pytest.raises(ValueError, match="paces are nan"):
        steady_pools(PARAMETERS, float("nan"), PACE_SOIL, PRODUCTION)
