"""R3, R8: full disks, damaged files, other runners and bad forcing end in a clear word or a retried slab; nothing is lost."""

import errno
import json
import os

import numpy as np
import pytest

from terraflux.region import checkpoint, forcing, ledger, output_store
from terraflux.region.checkpoint import SLOTS, newest_checkpoint
from terraflux.region.errors import DiskFull, RegionError
from terraflux.region.lock import RUN_LOCK, exclusive
from terraflux.region.run import region_status, run_region


def test_a_full_disk_stops_the_run_and_loses_nothing(choices, reference, digest, tmp_path, monkeypatch):
    chosen, left = choices(run__slab_days=10, run__tile_cells=4), [150_000]
    whole = output_store.write_durably

    def within_quota(path, content, **options):
        if len(content) > left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        left[0] -= len(content)
        whole(path, content, **options)
    with monkeypatch.context() as patch:
        for home in (output_store, checkpoint):
            patch.setattr(home, "write_durably", within_quota)
        result = run_region(chosen, folder=tmp_path / "run")
    assert result.status == "full" and "No space left" in result.troubles[0]
    assert region_status(tmp_path / "run", verify=True)["damaged"] == []
    assert run_region(chosen, folder=tmp_path / "run").status == "done"
    one, other = digest(reference), digest(tmp_path / "run")
    assert one.keys() != other.keys() and region_status(tmp_path / "run", verify=True)["damaged"] == []


def test_a_disk_that_cannot_hold_the_output_is_refused_before_work(choices, tmp_path, monkeypatch):
    monkeypatch.setattr("terraflux.region.run.SPARE_BYTES", 10**18)
    with pytest.raises(DiskFull, match=r"needs about .* GB .*Remedy"):
        run_region(choices(), folder=tmp_path / "run")


@pytest.mark.parametrize("damage", ["cut", "flipped", "absent"])
def test_the_older_checkpoint_serves_when_the_newest_is_damaged(choices, reference, digest, stop_after, tmp_path, damage):
    from terraflux.region import run as runs
    from terraflux.region.tile import run_tile

    chosen, folder = choices(run__slab_days=5), tmp_path / "run"
    plan = runs._prepare(chosen, folder, False)
    run_tile(folder, 0, stop=stop_after(4))
    home = plan.tile_folder(0)
    newest = newest_checkpoint(home, plan.accepted)
    path = home / SLOTS[newest.number % 2]
    content = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(content[:-100] if damage == "cut" else content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    assert newest_checkpoint(home, plan.accepted).next_day < newest.next_day
    assert run_region(chosen, folder=folder).status == "done"
    assert digest(folder) == digest(reference)


def test_a_tile_without_any_sound_checkpoint_begins_anew(choices, reference, digest, tmp_path):
    folder = tmp_path / "run"
    run_region(choices(), folder=folder)
    for name in SLOTS:
        path = folder / "tiles" / "000000" / name
        if path.exists():
            path.write_bytes(path.read_bytes()[:50])
    assert run_region(choices(), folder=folder).status == "done"
    assert digest(folder) == digest(reference)


def test_a_second_runner_is_refused(choices, tmp_path):
    with exclusive(tmp_path / "run" / RUN_LOCK), pytest.raises(RegionError, match=rf"process {os.getpid()} on .* is running"):
        run_region(choices(), folder=tmp_path / "run")


def test_a_lock_left_on_another_host_needs_force(choices, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RUN_LOCK).write_text(json.dumps({"pid": 7, "host": "elsewhere", "boot": ""}))
    with pytest.raises(RegionError, match="process 7 on elsewhere holds the lock"):
        run_region(choices(run__last="1984-02-21"), folder=tmp_path / "run")
    assert run_region(choices(run__last="1984-02-21"), folder=tmp_path / "run", force=True).status == "done"
    assert run_region(choices(run__last="1984-02-21"), folder=tmp_path / "run").status == "done"


def test_other_choices_are_refused_in_the_folder_of_a_run(choices, tmp_path):
    run_region(choices(run__last="1984-02-21"), folder=tmp_path / "run")
    other = choices(run__last="1984-02-21", forcing__random_seed=2)
    with pytest.raises(RegionError, match="other choices, parameters, forcing or code"):
        run_region(other, folder=tmp_path / "run")
    assert run_region(other, folder=tmp_path / "run", force=True).status == "done"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with pytest.raises(RegionError, match="taken by something else"):
        run_region(other, folder=tmp_path / "taken")


def test_a_foreign_checkpoint_is_refused(choices, reference, tmp_path):
    chosen, folder = choices(forcing__random_seed=3), tmp_path / "run"
    home = folder / "tiles" / "000000"
    assert run_region(choices(forcing__random_seed=3, run__last="1984-02-21"), folder=tmp_path / "short").status == "done"
    result_of = run_region(chosen, folder=folder)
    assert result_of.status == "done"
    for name in SLOTS:
        source = reference / "tiles" / "000000" / name
        if source.exists():
            (home / name).write_bytes(source.read_bytes())
    (folder / "manifest.json").unlink()
    result = run_region(chosen, folder=folder)
    assert result.status == "failed" and "belongs to another run" in result.troubles[0]


def test_a_corrupt_forcing_chunk_fails_its_tile_only_and_the_ledger_tells(choices, store, tmp_path):
    chosen = choices(forcing__synthetic=0.0, forcing__store=str(store), run__every=1, run__tile_cells=8)
    chunk = store / "vapour_pressure" / "c" / "2" / "1"
    sound = chunk.read_bytes()
    chunk.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        result = run_region(chosen, folder=tmp_path / "run")
    finally:
        chunk.write_bytes(sound)
    assert result.status == "failed" and [one.status for one in result.reports].count("failed") == 1
    assert "vapour_pressure/c/2/1" in result.troubles[0] and "checksum differs" in result.troubles[0]
    told = region_status(tmp_path / "run")["tiles"]
    assert "vapour_pressure" in told[1]["trouble"] and told[1]["next_day"] == 20 and told[0]["done"] and told[2]["done"]
    assert run_region(chosen, folder=tmp_path / "run").status == "done"
    assert region_status(tmp_path / "run")["tiles"][1]["trouble"] == ""


def test_a_block_of_nan_fails_its_tile_by_name(choices, tmp_path, monkeypatch):
    sound = forcing.NationForcing.read

    def with_a_hole(self, first, last, cells, names):
        made = sound(self, first, last, cells, names)
        if "wind_speed" in names and (cells == 8).any():
            made[5:9, list(names).index("wind_speed"), cells == 8] = np.nan
        return made
    with monkeypatch.context() as patch:
        patch.setattr(forcing.NationForcing, "read", with_a_hole)
        result = run_region(choices(run__tile_cells=2), folder=tmp_path / "run")
    assert [one.status for one in result.reports] == ["done", "failed", "done", "done"]
    for word in ("wind_speed", "m s-1", "cell 8", "1984-02-25", "4 values are missing"):
        assert word in result.troubles[0]
    assert run_region(choices(run__tile_cells=2), folder=tmp_path / "run").status == "done"


def test_days_that_the_forcing_lacks_are_refused_before_work(choices, store, tmp_path):
    with pytest.raises(RegionError, match=r"covers 1984-02-20 to 1984-03-31.*1985-01-01"):
        run_region(choices(forcing__synthetic=0.0, forcing__store=str(store), run__last="1985-01-01"), folder=tmp_path / "run")
    with pytest.raises(RegionError, match="spin-up needs forcing to"):
        run_region(choices(forcing__synthetic=0.0, forcing__store=str(store), run__spin_up_years=1), folder=tmp_path / "run")


def test_a_torn_line_of_the_ledger_swallows_nothing(tmp_path):
    ledger.append_line(tmp_path, {"tile": 0, "number": 1})
    with open(tmp_path / ledger.LEDGER, "a") as stream:
        stream.write('\n{"tile": 0, "num')
    ledger.append_line(tmp_path, {"tile": 0, "number": 3})
    assert [line["number"] for line in ledger.read_lines(tmp_path)] == [1, 3]
