"""A column that leaves its bounds takes its cell out of the run, by name; all other cells keep their bits."""

import json

import numpy as np
import pytest

from terraflux.cli.errors import run as command
from terraflux.model.spinup_run import state_rows
from terraflux.region import spin_up, tile
from terraflux.region.results import open_results
from terraflux.region.run import MANIFEST, MASKED_EXIT, region_status, run_region

COLUMN = 2  # of the only tile: of its first cells


@pytest.fixture
def spoilt(monkeypatch):
    """The soil of one column is made impossibly hot on the first day of a slab that begins with day 10 or later."""
    whole = tile._Work._step

    def step(self, slab):
        if slab.first_day == 10:
            self.state[state_rows(self.plan.model, "soil_temperature"), COLUMN] = 89.9
            self.state[state_rows(self.plan.model, "surface_temperature"), COLUMN] = np.nan
        return whole(self, slab)
    monkeypatch.setattr(tile._Work, "_step", step)


def test_the_cell_is_missing_from_then_on_and_others_keep_their_bits(choices, reference, spoilt, tmp_path):
    result = run_region(choices(run__slab_days=5), folder=tmp_path / "run")
    assert result.status == "done" and len(result.masked) == 1
    one, = result.masked
    assert one.time.startswith("1984-03-01") and one.day == 10 and one.variable
    found, expected = open_results(tmp_path / "run"), open_results(reference)
    others = np.arange(expected.static("area").size) != one.place
    for kind in expected.groups:
        begins = (expected.edges(kind)[:-1] - np.datetime64("1984-02-20")).astype(int)
        ends = (expected.edges(kind)[1:] - np.datetime64("1984-02-20")).astype(int)
        for name in expected.variables(kind):
            ours, sound = found.values(kind, name), expected.values(kind, name)
            assert np.array_equal(ours[..., others], sound[..., others])
            assert np.isnan(ours[ends > 10][..., one.place]).all()
            assert np.array_equal(ours[ends <= 10][..., one.place], sound[ends <= 10][..., one.place]) and begins[0] == 0


def test_it_is_told_by_status_manifest_results_and_exit_code(choices, reference, spoilt, tmp_path, capsys):
    folder = tmp_path / "run"
    run_region(choices(run__slab_days=10), folder=folder)
    told, = region_status(folder)["masked"]
    assert told in json.loads((folder / MANIFEST).read_text())["masked"]
    for name in ("file", "cell", "latitude", "longitude", "plant_type", "time", "variable", "unit"):
        assert told[name] != ""
    results = open_results(folder)
    assert str(results.masked[0]).startswith(told["plant_type"]) and 0.0 < results.masked_share < 0.5
    whole, ours = (one.totals("monthly", "evapotranspiration") for one in (open_results(reference), results))
    assert np.isfinite(ours).all() and (ours < whole).all()
    assert command(["region", "status", str(folder)]) == 0
    assert "the cell is missing from then on" in capsys.readouterr().out


def test_the_command_leaves_with_3_where_cells_are_masked(spoilt, tmp_path, capsys):
    path = tmp_path / "tiny.toml"
    path.write_text('[forcing]\nsynthetic = 6.0\n[run]\nfirst = "1984-02-20"\nlast = "1984-03-05"\nspin_up_years = 0\n'
                    'every = 9\nslab_days = 10\n[output]\nmonthly = ["gross_primary_production"]\nannual = []\n')
    assert command(["region", "run", str(path), "--threads", "1"]) == MASKED_EXIT
    words = capsys.readouterr().out
    assert "masked: " in words and "1 cells are missing from some day on" in words


def test_a_mask_outlives_restarts_and_slabs_of_any_length(choices, spoilt, digest, stop_after, tmp_path):
    from terraflux.region import run as runs

    run_region(choices(run__slab_days=10), folder=tmp_path / "whole")
    chosen = choices(run__slab_days=2)
    runs._prepare(chosen, tmp_path / "cut", False)
    for _ in range(30):
        if tile.run_tile(tmp_path / "cut", 0, stop=stop_after(0)).status == "done":
            break
    result = run_region(chosen, folder=tmp_path / "cut")
    assert result.status == "done" and len(result.masked) == 1
    assert digest(tmp_path / "whole") == digest(tmp_path / "cut")
    first, second = (region_status(tmp_path / name)["masked"][0] for name in ("whole", "cut"))
    assert {k: v for k, v in first.items() if k != "commit"} == {k: v for k, v in second.items() if k != "commit"}


def test_a_strict_run_stops_its_tile_and_may_go_on_with_a_mask(choices, spoilt, digest, tmp_path):
    folder = tmp_path / "run"
    result = run_region(choices(run__slab_days=10, run__failed_columns="stop"), folder=folder)
    assert result.status == "failed" and region_status(folder)["tiles"][0]["next_day"] == 10
    for word in ("1 columns left the bounds", "in cell", " N ", " E", "1984-03-01", "failed_columns"):
        assert word in result.troubles[0]
    assert run_region(choices(run__slab_days=10), folder=folder).status == "done"
    run_region(choices(run__slab_days=10), folder=tmp_path / "masked")
    assert digest(folder) == digest(tmp_path / "masked")


def test_a_column_that_fails_in_spin_up_masks_its_cell_from_the_first_day(choices, tmp_path, monkeypatch):
    spun = choices(run__spin_up_years=1, run__spin_up_cycles=1, run__physical_cycles=1, run__every=9)
    run_region(spun, folder=tmp_path / "sound")
    whole = spin_up.first_states

    def hot(*arguments):
        state = whole(*arguments)
        state[:, COLUMN] = 1e9
        return state
    monkeypatch.setattr(spin_up, "first_states", hot)
    result = run_region(spun, folder=tmp_path / "run")
    one, = result.masked
    assert result.status == "done" and one.day == 0 and one.time.startswith("spin-up, 1984-02-20")
    found, expected = open_results(tmp_path / "run"), open_results(tmp_path / "sound")
    others = np.arange(expected.static("area").size) != one.place
    for kind in expected.groups:
        for name in expected.variables(kind):
            assert np.isnan(found.values(kind, name)[..., one.place]).all()
            assert np.array_equal(found.values(kind, name)[..., others], expected.values(kind, name)[..., others])


def test_all_columns_may_fail(choices, tmp_path, monkeypatch):
    whole = spin_up.first_states
    monkeypatch.setattr(spin_up, "first_states", lambda *arguments: whole(*arguments) * np.nan)
    result = run_region(choices(run__every=9, run__last="1984-02-24"), folder=tmp_path / "run")
    assert result.status == "done" and len(result.masked) == open_results(result.folder).static("area").size
    assert np.isnan(open_results(tmp_path / "run").values("daily", "latent_heat")).all()
