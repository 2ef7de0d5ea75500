"""Spin-up brings a column to a steady state, says how far it got, and changes nothing else."""

import numpy as np
import pytest

from terraflux.model.spinup import POOLS
from terraflux.model.spinup_run import SMALL_DRIFT, spin_up, state_rows

pytestmark = pytest.mark.xdist_group("column")

STEPS = 24 * 365


@pytest.fixture(scope="module")
def batch(make_columns):
    """Eight columns of the temperate climate that differ in plant and soil."""
    pairs = [("ENF", "loam"), ("DBF", "sandy_loam"), ("MF", "clay_loam"), ("GRA", "silt_loam"), ("CRO", "loam"),
             ("CSH", "sand"), ("WET", "clay"), ("EBF_tropical", "loam")]
    return make_columns(pairs=pairs, climates=("temperate",), steps=STEPS, time_step=3600.0, seed=1)


def run_spin_up(batch, state, **options):
    return spin_up(batch.model, batch.forcing, batch.sets, batch.vectors, state, batch.time_step,
                   forcing_of=batch.forcing_of, **options)


@pytest.fixture(scope="module")
def spun(batch):
    """The spun-up state and the report."""
    state = batch.state.copy()
    words = []
    report = run_spin_up(batch, state, physical_cycles=2, carbon_cycles=8,
                         progress=lambda done, total, name: words.append((done, total, name)))
    return state, report, words


def pools_of(batch, state):
    return np.stack([state[state_rows(batch.model, name)][0] for name in POOLS])


def test_carbon_hardly_drifts_after_spin_up(batch, spun):
    state, report, _ = spun
    assert report.cycles <= 10 and not report.troubles
    assert report.drift.max() < SMALL_DRIFT
    before = pools_of(batch, state).sum(0)
    _, after = batch.run(state)
    centuries = 100.0 * 365.25 * 86400.0 / (STEPS * batch.time_step)
    change = np.abs(pools_of(batch, after).sum(0) / before - 1.0) * centuries
    assert change.max() < 2.0 * SMALL_DRIFT


def test_fluxes_balance_over_a_cycle_after_spin_up(batch, spun):
    result, _ = batch.run(spun[0], outputs=("net_primary_production", "heterotrophic_respiration", "leached_carbon"),
                          windows=STEPS)
    net, decay, leached = (result[name][0] for name in ("net_primary_production", "heterotrophic_respiration",
                                                        "leached_carbon"))
    assert (net > 0.0).all()
    np.testing.assert_allclose(decay + leached, net, rtol=0.01)


def test_one_more_spin_up_changes_little(batch, spun):
    again = spun[0].copy()
    run_spin_up(batch, again, physical_cycles=1, carbon_cycles=1)
    first, second = (pools_of(batch, state).sum(0) for state in (spun[0], again))
    np.testing.assert_allclose(second, first, rtol=0.01)


def test_progress_counts_up_to_the_end(spun):
    _, _, words = spun
    done = [entry[0] for entry in words]
    assert done == sorted(done) and words[-1][0] == words[-1][1] and words[-1][2] == "done"
    assert words[0][2] == "soil heat and water"


def test_without_carbon_cycles_pools_only_run_on(batch):
    state = batch.state.copy()
    report = run_spin_up(batch, state, physical_cycles=1, carbon_cycles=0)
    _, once = batch.run()
    assert np.array_equal(state, once)
    assert report.cycles == 1 and np.isnan(report.drift).all() and not report.troubles


def test_a_column_without_leaves_has_no_steady_state_and_says_so(batch):
    names = [variable.name for variable in batch.model.table.of_kind("forcing")]
    bare = batch.forcing.copy()
    bare[:, names.index("prescribed_leaf_area_index")] = 0.0
    state = batch.state.copy()
    report = spin_up(batch.model, bare, batch.sets, batch.vectors, state, batch.time_step, forcing_of=batch.forcing_of,
                     physical_cycles=1, carbon_cycles=1)
    assert set(report.troubles) == set(range(len(batch.sets)))
    assert all("no steady state" in text for text in report.troubles.values())
    assert np.isnan(report.drift).all() and np.isfinite(state).all()


def test_rows_of_an_unknown_state_are_refused(batch):
    with pytest.raises(ValueError, match="'soil_carbon' is no state of this column"):
        state_rows(batch.model, "soil_carbon")
