"""R1: a run stopped at any slab boundary goes on exactly."""

import numpy as np
import pytest

from terraflux.region import run as runs
from terraflux.region.checkpoint import newest_checkpoint
from terraflux.region.plan import load_plan
from terraflux.region.results import open_results
from terraflux.region.run import region_status, run_region
from terraflux.region.tile import run_tile


def in_steps(choices, folder, slab_days, stop_after, **changes):
    """Run, stopping after every slab; returns the number of starts."""
    chosen = choices(run__slab_days=slab_days, **changes)
    plan = runs._prepare(chosen, folder, False)
    for starts in range(1, 200):
        if run_tile(folder, 0, stop=stop_after(0)).status == "done":
            runs._finish(plan)
            return starts
    raise AssertionError("the run does not end")


@pytest.mark.parametrize("slab_days", [3, 10])
def test_a_stop_at_every_slab_boundary_gives_the_same_bits(choices, reference, digest, stop_after, tmp_path, slab_days):
    """From 20 February over the 29th to the end of March, snow on the ground in the north."""
    starts = in_steps(choices, tmp_path / "run", slab_days, stop_after)
    assert starts > 40 // slab_days
    assert digest(tmp_path / "run") == digest(reference)
    whole, cut = (newest_checkpoint(folder / "tiles" / "000000", load_plan(folder).accepted).arrays
                  for folder in (reference, tmp_path / "run"))
    assert whole.keys() == cut.keys()
    for name in whole:
        assert np.array_equal(whole[name], cut[name], equal_nan=True), name


def test_a_stop_at_new_year_gives_the_same_bits(choices, digest, stop_after, tmp_path):
    days = {"run__first": "1984-12-20", "run__last": "1985-01-10"}
    run_region(choices(**days), folder=tmp_path / "whole")
    in_steps(choices, tmp_path / "cut", 12, stop_after, **days)  # the first slab ends on 31 December
    assert digest(tmp_path / "whole") == digest(tmp_path / "cut")
    assert open_results(tmp_path / "cut").edges("annual").size == 3


def test_a_stopped_spin_up_goes_on_with_the_cells_that_are_left(choices, digest, stop_after, tmp_path, monkeypatch):
    spun = {"run__spin_up_years": 1, "run__spin_up_cycles": 1, "run__physical_cycles": 1, "run__every": 9}
    run_region(choices(**spun), folder=tmp_path / "whole")
    monkeypatch.setattr("terraflux.region.spin_up.FORCING_BYTES", 1)
    starts = in_steps(choices, tmp_path / "cut", 73, stop_after, **spun)
    assert starts > 3
    assert digest(tmp_path / "whole") == digest(tmp_path / "cut")


def test_a_finished_run_is_left_as_it_is(choices, digest, tmp_path):
    chosen = choices(run__last="1984-02-24", run__every=9)
    run_region(chosen, folder=tmp_path / "run")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.zarr/**/*")}
    assert run_region(chosen, folder=tmp_path / "run").status == "done"
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("*.zarr/**/*")}
    status = region_status(tmp_path / "run", verify=True)
    assert status["done"] and status["share"] == 1.0 and not status["damaged"]


def test_a_checkpoint_holds_every_row_of_the_state(choices, tmp_path):
    """Also those that are nought in the runs above, such as ponded water and deeper layers of snow."""
    from terraflux.region import tile

    chosen = choices(run__every=9, run__last="1984-02-24")
    runs._prepare(chosen, tmp_path / "run", False)
    plan = load_plan(tmp_path / "run")

    def work():
        return tile._Work(plan, 0, 1, lambda tile, done, words: None, lambda: False)
    plan.tile_folder(0).mkdir(parents=True)
    first, second = work(), work()
    first.state[:] = np.random.default_rng(1).normal(size=first.state.shape)
    for gatherer in first.gatherers:
        gatherer.sums[:] = np.random.default_rng(2).normal(size=gatherer.sums.shape)
        gatherer.buffer[:] = np.random.default_rng(3).normal(size=gatherer.buffer.shape)
    expected = first._arrays()
    first._commit([], first._checkpoint(3))
    second._restore(newest_checkpoint(plan.tile_folder(0), plan.accepted))
    for name, values in expected.items():
        assert np.array_equal(second._arrays()[name], values) and np.isfinite(values).all(), name
    assert len(expected["state"]) == len(plan.model.table.rows_of("state")) and second.next_day == 3
