"""R3: a runner that a signal has stopped keeps its run; reads and writes that the system fails lose nothing."""

import contextlib
import errno
import os
import signal

import pytest

from terraflux.drivers.grid import zarr_chunks
from terraflux.region import checkpoint, output_store, tile
from terraflux.region.errors import RegionError
from terraflux.region.run import region_status, run_region


def test_a_stopped_runner_keeps_its_run_and_goes_on_when_it_is_let(choices, reference, digest, tmp_path):
    folder = tmp_path / "run"
    child = os.fork()
    if child == 0:
        done = False
        with contextlib.suppress(BaseException):
            whole = tile._Work._step

            def stalling(self, slab):
                if slab.first_day == 5:
                    os.kill(os.getpid(), signal.SIGSTOP)
                return whole(self, slab)
            tile._Work._step = stalling
            done = run_region(choices(run__slab_days=5), folder=folder).status == "done"
        os._exit(0 if done else 1)
    try:
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        words = rf"process {child} on .* is stopped by a signal.*kill -CONT {child}"
        with pytest.raises(RegionError, match=words):
            run_region(choices(run__slab_days=5), folder=folder)
        assert not region_status(folder)["done"]
    finally:
        os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert digest(folder) == digest(reference)


def failing(times, whole, chosen):
    """`whole`, but for its first `times` calls on a chosen path, which fail with EIO."""
    left = [times]

    def made(path, *arguments, **options):
        if left[0] and chosen(path):
            left[0] -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return whole(path, *arguments, **options)
    return made


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tile, "PAUSE", 0.0)


@pytest.mark.parametrize(("home", "part"), [(output_store, "drainage"), (checkpoint, "checkpoint_b")])
def test_a_write_that_fails_once_is_done_again(choices, reference, digest, tmp_path, monkeypatch, quick, home, part):
    writing = failing(1, zarr_chunks.write_durably, lambda path: part in str(path) and path.name != "zarr.json")
    monkeypatch.setattr(home, "write_durably", writing)
    result = run_region(choices(run__slab_days=10), folder=tmp_path / "run")
    assert result.status == "done", result.troubles
    assert digest(tmp_path / "run") == digest(reference)
    lines = tile.read_lines(tmp_path / "run" / "tiles" / "000000")
    assert any("Input/output error" in line.get("failed", "") for line in lines)
    assert region_status(tmp_path / "run", verify=True)["damaged"] == []


def test_a_write_that_always_fails_is_told_and_the_run_goes_on_later(choices, reference, digest, tmp_path, monkeypatch, quick):
    chosen = choices(run__slab_days=10)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_durably", failing(10**6, zarr_chunks.write_durably, lambda path: "_b" in path.name))
        result = run_region(chosen, folder=tmp_path / "run")
    assert result.status == "failed" and "Input/output error" in result.troubles[0] and "checkpoint_b" in result.troubles[0]
    assert region_status(tmp_path / "run")["tiles"][0]["next_day"] == 0  # what the slot before holds
    assert run_region(chosen, folder=tmp_path / "run").status == "done"
    assert digest(tmp_path / "run") == digest(reference)


@pytest.mark.parametrize(("times", "status"), [(2, "done"), (10**6, "failed")])
def test_a_read_that_fails_is_done_again_or_fails_its_tile(choices, store, tmp_path, monkeypatch, quick, times, status):
    chosen = choices(forcing__synthetic=0.0, forcing__store=str(store), run__every=1, run__tile_cells=8)
    reading = failing(times, type(store).read_bytes, lambda path: path.match("*/vapour_pressure/c/2/1"))
    with monkeypatch.context() as patch:
        patch.setattr(type(store), "read_bytes", reading)
        result = run_region(chosen, folder=tmp_path / "run")
    assert result.status == status
    assert [one.status for one in result.reports].count("failed") == (status == "failed")
    if status == "failed":
        for word in ("vapour_pressure/c/2/1", "cannot be read", "Input/output error"):
            assert word in result.troubles[0]
    assert run_region(chosen, folder=tmp_path / "run").status == "done"


def test_a_write_that_breaks_off_leaves_the_file_before_it(tmp_path, monkeypatch):
    path = tmp_path / "chunk"
    zarr_chunks.write_durably(path, b"before")

    def broken(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        zarr_chunks.write_durably(path, b"after, which is longer")
    assert path.read_bytes() == b"before" and [one.name for one in tmp_path.iterdir()] == ["chunk"]
