"""The carbon part of the step, woven and run over days."""

import numpy as np
import pytest

from terraflux.model.carbon_recipe import carbon, prepare_carbon
from terraflux.model.parameters import parameters, plant_types
from terraflux.model.phenology import PHENOLOGY
from terraflux.model.soil_moisture_stress import ROOTS
from terraflux.model.spinup import POOLS, RESPIRING, at_cycle_start, drift, steady_pools
from terraflux.model.variables import variable_table
from terraflux.model.weave import process, weave

STEP = 1800.0
DAYS = 20
FLUXES = ("gross_primary_production", "autotrophic_respiration", "heterotrophic_respiration", "leached_carbon",
          "ecosystem_respiration", "net_ecosystem_exchange", "net_primary_production", "shallow_soil_temperature",
          "shallow_soil_wetness")  # fmt: skip


@process(returns=("gross_primary_production", "leaf_respiration", "vapour_pressure_deficit"))
def simple_leaves(shortwave_down, air_temperature):
    return 1e-6 * shortwave_down, 2e-5 + 1e-7 * air_temperature, 0.001 * shortwave_down


@pytest.fixture(scope="module")
def table():
    return variable_table()


@pytest.fixture(scope="module")
def model(table):
    step = [simple_leaves, *PHENOLOGY["growing_season_index"], *carbon()]
    return weave(step, table, [*ROOTS, *prepare_carbon()], lanes=16)


def rows(table, kind):
    return [variable.name for variable, _ in table.rows_of(kind)]


def forcing(table, days=DAYS):
    hour = np.arange(days * 48) * 0.5 % 24.0
    series = np.zeros((hour.size, len(rows(table, "forcing")), 1))
    names = rows(table, "forcing")
    series[:, names.index("shortwave_down"), 0] = np.maximum(0.0, 700.0 * np.sin((hour - 6) / 12 * np.pi))
    series[:, names.index("air_temperature"), 0] = 12.0 + 6.0 * np.sin((hour - 9) / 12 * np.pi)
    return series


def columns(table):
    """One column per plant type, each with its own random pools and soil."""
    generator = np.random.default_rng(5)
    state = np.zeros((len(rows(table, "state")), len(plant_types())))
    for number, name in enumerate(rows(table, "state")):
        if name in POOLS:
            state[number] = generator.uniform(0.0, 5000.0, state.shape[1])
        elif name == "labile_carbon":
            state[number] = generator.uniform(0.0, 50.0, state.shape[1])
        elif name == "soil_liquid":
            state[number] = generator.uniform(0.05, 0.4, state.shape[1])
        elif name == "soil_temperature":
            state[number] = generator.uniform(-5.0, 25.0, state.shape[1])
        elif name == "snow_enthalpy":
            state[number] = -1.0
    values = np.column_stack([parameters(plant).vector(table) for plant in plant_types()])
    return values, state


def test_carbon_closes_in_every_column_and_fluxes_are_identities(model, table):
    values, state = columns(table)
    pools = [number for number, name in enumerate(rows(table, "state")) if name in ("labile_carbon", *POOLS)]
    before = state[pools].sum(axis=0)
    one = forcing(table)[:1]
    for _ in range(3):
        result = model.run(one, values, state, {"time_step": STEP}, outputs=FLUXES)
        exchange = (result["gross_primary_production"] - result["autotrophic_respiration"]
                    - result["heterotrophic_respiration"] - result["leached_carbon"])[0] * STEP  # fmt: skip
        after = state[pools].sum(axis=0)
        np.testing.assert_allclose(after - before, exchange, rtol=0.0, atol=1e-10)
        before = after
    long = model.run(forcing(table), values, state, {"time_step": STEP}, outputs=FLUXES)
    np.testing.assert_array_equal(long["ecosystem_respiration"],
                                  long["autotrophic_respiration"] + long["heterotrophic_respiration"])  # fmt: skip
    np.testing.assert_array_equal(long["net_ecosystem_exchange"],
                                  long["ecosystem_respiration"] - long["gross_primary_production"])  # fmt: skip
    assert (state[pools] >= 0.0).all() and np.isfinite(long.out).all()


def test_over_the_whole_run_growth_respires_its_share_of_production_less_maintenance(model, table):
    """But for what the labile pool gains."""
    values, state = columns(table)
    state[np.array(rows(table, "state")) == "labile_carbon"] = first = 30.0  # so that organs pay no maintenance
    long = forcing(table, 200)
    long[:, rows(table, "forcing").index("shortwave_down"), 0] *= 2.0  # production exceeds maintenance in all columns
    outputs = ("gross_primary_production", "maintenance_respiration", "growth_respiration", "labile_carbon")
    state[[number for number, name in enumerate(rows(table, "state")) if name in POOLS[:4]]] *= 0.05
    result = model.run(long, values, state, {"time_step": STEP}, outputs=outputs)
    left = (result["gross_primary_production"] - result["maintenance_respiration"]).sum(axis=0) * STEP
    share = values[np.array(rows(table, "parameter")) == "growth_respiration_fraction"][0]
    grown = first + left - result["labile_carbon"][-1]
    np.testing.assert_allclose(result["growth_respiration"].sum(axis=0) * STEP, share * grown, rtol=1e-9)


def test_semi_analytical_spin_up_stops_the_drift_of_woven_columns(model, table):
    values, state = columns(table)
    names = np.array(rows(table, "state"))
    pool_rows = [int(np.flatnonzero(names == name)[0]) for name in POOLS]
    state[names == "soil_temperature"] = 9.0
    state[names == "soil_liquid"] = 0.22
    year = forcing(table, 365)
    season = 1.0 - np.cos(np.arange(365 * 48) / (365 * 48) * 2.0 * np.pi)
    year[:, rows(table, "forcing").index("shortwave_down"), 0] *= season
    year[:, rows(table, "forcing").index("air_temperature"), 0] += 10.0 * (season - 1.0)
    paces = ("decomposition_pace_surface", "decomposition_pace_soil")
    outputs = ("allocated_production", *paces, *RESPIRING.values(), *POOLS)

    def cycle():
        before = state[pool_rows]
        means = model.run(year, values, state, {"time_step": STEP}, outputs=outputs, windows=365 * 48)
        named = [{name: array[number] for number, name in enumerate(POOLS)} for array in (before, state[pool_rows])]
        drifts = [drift(*({name: pools[name][column] for name in POOLS} for pools in named), 365 * 86400.0)
                  for column in range(state.shape[1])]  # fmt: skip
        return means, np.array(drifts)

    _, unsettled = cycle()
    for _ in range(4):
        means, _ = cycle()
        for column, plant in enumerate(plant_types()):
            mean = {name: float(means[name][0, column]) for name in outputs}
            end = dict(zip(POOLS, state[pool_rows, column], strict=True))
            pace_surface, pace_soil = (mean[name] for name in paces)
            production = mean["allocated_production"]
            steady = steady_pools(parameters(plant), pace_surface, pace_soil, production, mean, mean)
            state[pool_rows, column] = list(at_cycle_start(steady, mean, end).values())
    for _ in range(2):
        _, settled = cycle()
    assert unsettled.min() > 0.05
    assert settled.max() < 0.005


def test_shallow_soil_is_the_mean_of_the_top_30_centimetres(model, table):
    values, state = columns(table)
    names = np.array(rows(table, "state"))
    temperature, liquid = state[names == "soil_temperature"], state[names == "soil_liquid"]
    porosity = values[np.array(rows(table, "parameter")) == "porosity"]
    weights = np.array([0.05, 0.05, 0.1, 0.1, 0, 0, 0, 0, 0, 0]) / 0.3
    result = model.run(forcing(table)[:1], values, state.copy(), {"time_step": STEP}, outputs=FLUXES)
    np.testing.assert_allclose(result["shallow_soil_temperature"][0], weights @ temperature, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result["shallow_soil_wetness"][0], weights @ (liquid / porosity), rtol=1e-12)


def test_every_carbon_stage_is_compiled_to_vectors(model):
    counts = {name: count for name, count in model.vectorised().items() if name != "check"}
    assert counts and not {name: count for name, count in counts.items() if count[1] > count[0]}
