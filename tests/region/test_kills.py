"""R3: a run killed at any moment and started again gives the bytes of an undisturbed one."""

import contextlib
import os
import shutil
import signal
import time
import traceback

import numpy as np
import pytest

from terraflux.region import checkpoint, ledger, output_store
from terraflux.region.run import region_status, run_region


def start(chosen, folder, sabotage=None):
    """Run in a child of its own, which tells what went wrong; returns its process number. The compiled model is loaded."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if sabotage:
                sabotage()
            result = run_region(chosen, folder=folder)
            code = 0 if result.status == "done" else 1
            if code:
                os.write(2, f"{folder}: {result.status}, {result.troubles}\n".encode())
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return child


def ended_by(child):
    """Exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at_random(chosen, folder, kills, seed, sound):
    """Strike a run so many times, then let it come to its end; each that ends by itself between must be `sound(folder)`."""
    random, struck = np.random.default_rng(seed), 0
    began = time.monotonic()
    child = start(chosen, folder.with_name("timed"))
    assert ended_by(child) == 0
    length = time.monotonic() - began
    while struck < kills:
        child = start(chosen, folder)
        time.sleep(random.uniform(0.0, 0.5) * length)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        code = ended_by(child)
        assert code in (0, -signal.SIGKILL)  # no start may be refused for what the kill before has left
        struck += code == -signal.SIGKILL
        if code == 0:  # came to its end: begin again, so that kills fall everywhere
            sound(folder)
            folder.rename(folder.with_name(f"ended_{struck}_{time.monotonic_ns()}"))
    child = start(chosen, folder)
    assert ended_by(child) == 0
    sound(folder)


@pytest.fixture
def sound(reference, digest):
    """sound(folder): the bytes of the reference, and none damaged by the run's own account."""
    def made(folder):
        assert digest(folder) == digest(reference)
        assert region_status(folder, verify=True)["damaged"] == []
    return made


@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_no_byte(choices, sound, tmp_path, kills):
    killed_at_random(choices(run__slab_days=1), tmp_path / "run", kills, kills, sound)


@pytest.mark.parametrize(("writes", "half"), [(range(3), False), (range(3), True),
                                              pytest.param(range(3, 10**6), True, marks=pytest.mark.slow)])
def test_a_kill_within_any_write_changes_no_byte(choices, sound, tmp_path, writes, half):
    """Each write in turn, from the very first of a new folder to the manifest, is cut off before its name is given."""
    chosen = choices(run__slab_days=20)
    for number in writes:
        folder = tmp_path / f"run_{number}"

        def sabotage(number=number):
            count, whole = iter(range(10**6)), os.replace

            def cut(source, target):
                if next(count) == number:
                    if half:
                        os.truncate(source, os.path.getsize(source) // 2)
                    os.kill(os.getpid(), signal.SIGKILL)
                whole(source, target)
            os.replace = cut
        code = ended_by(start(chosen, folder, sabotage))
        if code == 0:
            break  # it has no more writes
        assert code == -signal.SIGKILL
        assert ended_by(start(chosen, folder)) == 0
        sound(folder)
        shutil.rmtree(folder)
    assert code == (0 if len(writes) > 3 else -signal.SIGKILL)


@pytest.mark.parametrize("moment", ["chunk", "checkpoint", "ledger"])
def test_kills_between_chunk_checkpoint_and_ledger_change_no_byte(choices, sound, tmp_path, moment):
    """The file or the line that is written then is torn: half of it is on the disk."""
    home = {"chunk": output_store, "checkpoint": checkpoint}.get(moment)

    def sabotage():
        count = iter(range(10**6))
        if moment == "ledger":
            def torn_line(folder, entry):
                if next(count) == 2:
                    (folder / ledger.LEDGER).open("a").write('\n{"tile": 0, "chu')
                    os.kill(os.getpid(), signal.SIGKILL)
                ledger.append_line(folder, entry)
            from terraflux.region import tile
            tile.append_line = torn_line
            return
        whole = home.write_durably

        def torn(path, content, **options):
            if path.name != "zarr.json" and (moment == "checkpoint" or "drainage" in path.parts) and next(count) == 2 * (
                    moment == "checkpoint"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(f".{path.name}.partial").write_bytes(content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            whole(path, content, **options)
        home.write_durably = torn
    chosen = choices(run__slab_days=9)
    assert ended_by(start(chosen, tmp_path / "run", sabotage)) == -signal.SIGKILL
    assert ended_by(start(chosen, tmp_path / "run")) == 0
    sound(tmp_path / "run")


def test_a_request_to_stop_commits_the_slab_and_is_gone_on_from(choices, reference, digest, tmp_path):
    chosen, folder = choices(run__slab_days=1), tmp_path / "run"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = {"stopped": 75, "done": 0}.get(run_region(chosen, folder=folder).status, 1)
        finally:
            os._exit(code)
    until = time.monotonic() + 60.0
    while (time.monotonic() < until and not (folder / "tiles").exists()) or not region_status(folder)["share"]:
        time.sleep(0.005)
    os.kill(child, signal.SIGTERM)
    assert ended_by(child) == 75
    assert 0 < region_status(folder)["share"] < 1
    assert run_region(chosen, folder=folder).status == "done"
    assert digest(folder) == digest(reference)
