"""The whole column on daily forcing: the same bits as on the forcing that is made of it, closed, restartable."""

import numpy as np
import pytest

from terraflux.model.column import column_model
from terraflux.model.disaggregation import disaggregated
from terraflux.model.initial_state import initial_state
from terraflux.model.parameters import parameters
from terraflux.model.spinup_run import spin_up

pytestmark = pytest.mark.xdist_group("column")

HOURLY = {"time_step": 3600.0}
OUTPUTS = ("gross_primary_production", "latent_heat", "soil_temperature", "growth_temperature", "drainage", "snow_melt")
DAYS = 12


@pytest.fixture(scope="module")
def setting(make):
    """Model, disaggregation, daily forcing, parameters and state of 12 columns from the tropics to the cold north."""
    model = column_model()
    latitude = np.linspace(2.0, 62.0, 12)
    one, forcing = make("2004-02-25", DAYS, latitude=latitude, longitude=np.full(12, 116.0), temperature="cosine",
                        precipitation="cascade", seed=4)
    plants = ("EBF", "GRA", "CRO", "DBF", "MF", "ENF")
    sets = [parameters(plants[k % 6], ("loam", "sand", "clay")[k % 3]) for k in range(12)]
    vectors = np.stack([each.vector(model.table) for each in sets], axis=1)
    mean = 25.0 - 0.5 * latitude
    state = np.stack([initial_state(model.table, each, float(warmth)) for each, warmth in zip(sets, mean, strict=True)], axis=1)
    return model, one, forcing, vectors, np.ascontiguousarray(state), sets


def run(setting, chosen=slice(None), state=None, first=None):
    """(daily outputs, state) of a run over some of the days."""
    model, one, forcing, vectors, begin, _ = setting
    state = begin.copy() if state is None else state.copy()
    disaggregation = one if first is None else one.starting(first)
    result = model.run(forcing[chosen], vectors, state, HOURLY, outputs=OUTPUTS, windows=24, threads=1,
                       disaggregation=disaggregation, lanes=32)
    return result.out, state


@pytest.fixture(scope="module")
def reference(setting):
    return run(setting)


@pytest.fixture(scope="module")
def steps(setting):
    """The forcing [step, row, series] that the model sees."""
    model, one, forcing, _, _, _ = setting
    made = disaggregated(forcing, one, 3600.0)
    return np.ascontiguousarray(np.stack([made[variable.name] for variable in model.table.of_kind("forcing")], axis=1))


def test_daily_forcing_gives_the_bits_of_the_forcing_made_of_it(setting, steps, reference):
    model, _, _, vectors, begin, _ = setting
    state = begin.copy()
    result = model.run(steps, vectors, state, HOURLY, outputs=OUTPUTS, windows=24, threads=1, lanes=32)
    assert np.array_equal(result.out, reference[0]) and np.array_equal(state, reference[1])
    assert result["gross_primary_production"].max() > 1e-6 and np.isfinite(result.out).all()


def test_the_column_restarts_exactly_at_a_day(setting, reference):
    early, state = run(setting, slice(0, 5))
    late, state = run(setting, slice(5, DAYS), state, np.datetime64("2004-02-25") + 5)
    assert np.array_equal(np.concatenate([early, late]), reference[0]) and np.array_equal(state, reference[1])


def test_energy_water_and_carbon_close(setting):
    """The limits of tests/model/test_column_closure.py."""
    model, one, forcing, vectors, begin, _ = setting
    limits = {"water_closure": 1e-9, "heat_closure": 1e-6, "energy_closure": 1e-6, "carbon_closure": 1e-10}
    result = model.run(forcing, vectors, begin.copy(), HOURLY, outputs=list(limits), threads=1, disaggregation=one, lanes=32)
    for name, limit in limits.items():
        assert np.abs(result[name]).max() < limit, name


def test_a_spin_up_may_cycle_daily_forcing(setting, steps):
    model, one, forcing, vectors, begin, sets = setting
    few = {"physical_cycles": 1, "carbon_cycles": 1}
    daily, hourly = begin.copy(), begin.copy()
    first = spin_up(model, forcing, sets, vectors, daily, 3600.0, disaggregation=one, **few)
    second = spin_up(model, steps, sets, vectors, hourly, 3600.0, **few)
    assert np.array_equal(daily, hourly) and np.array_equal(first.drift, second.drift, equal_nan=True)
