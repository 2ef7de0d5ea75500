"""A save is whole or not there, belongs to one problem, and a killed sampler goes on as if never killed."""

import random
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from terraflux.assimilation.checkpoint import (
    Checkpoint,
    ForeignCheckpoint,
    Saved,
    array_hash,
    configuration_hash,
)

SETTINGS = {"method": "test", "seed": 1}


def saved(steps=3):
    """A small save."""
    random_state = np.random.default_rng(4).bit_generator.state
    return Saved(np.arange(steps * 8.0).reshape(steps, 2, 2, 2), np.zeros((steps, 2, 2)), np.zeros((steps, 2, 2, 0)),
                 {"generator": random_state, "runs": 12}, {"points": np.eye(3)})


def test_what_is_saved_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.h5", {"prior": {"rate": [0.1, 2.0]}}, forcing="f", revision="r")
    assert checkpoint.load(SETTINGS) is None
    checkpoint.save(saved(), SETTINGS)
    found = checkpoint.load(SETTINGS)
    np.testing.assert_array_equal(found.chain, saved().chain)
    np.testing.assert_array_equal(found.arrays["points"], np.eye(3))
    assert found.companions.shape == (3, 2, 2, 0)
    assert found.state == {**saved().state, "code_revision": "r"}


def test_another_configuration_is_refused_and_named(tmp_path):
    path = tmp_path / "run.h5"
    Checkpoint(path, {"prior": {"rate": [0.1, 2.0]}}, forcing="f").save(saved(), SETTINGS)
    with pytest.raises(ForeignCheckpoint, match=r"differs in: problem\.prior\.rate"):
        Checkpoint(path, {"prior": {"rate": [0.1, 3.0]}}, forcing="f").load(SETTINGS)
    with pytest.raises(ForeignCheckpoint, match=r"differs in: sampler\.seed"):
        Checkpoint(path, {"prior": {"rate": [0.1, 2.0]}}, forcing="f").load({**SETTINGS, "seed": 2})
    with pytest.raises(ForeignCheckpoint, match="other forcing or observations"):
        Checkpoint(path, {"prior": {"rate": [0.1, 2.0]}}, forcing="g").load(SETTINGS)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file["chain"] = np.zeros(3)
    with pytest.raises(ForeignCheckpoint, match="not a"):
        Checkpoint(path).load(SETTINGS)
    assert path.exists()


def test_the_backup_stands_in_for_a_broken_file(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.h5")
    checkpoint.save(saved(3), SETTINGS)
    checkpoint.save(saved(5), SETTINGS)
    assert checkpoint.load(SETTINGS).chain.shape[0] == 5
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:700])
    assert checkpoint.load(SETTINGS).chain.shape[0] == 3
    checkpoint.path.unlink()
    assert checkpoint.load(SETTINGS).chain.shape[0] == 3
    checkpoint.backup.write_bytes(b"nothing")
    with pytest.raises(OSError, match="no save can be read"):
        checkpoint.load(SETTINGS)


def test_half_files_of_a_killed_writer_are_cleared_and_others_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.h5")
    (tmp_path / ".run.abcd1234.h5").write_bytes(b"half")
    (tmp_path / ".other.abcd1234.h5").write_bytes(b"half")
    checkpoint.load(SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.abcd1234.h5"]


def test_hashes_tell_configurations_apart_but_not_their_order():
    assert configuration_hash({"a": 1, "b": 2.5}) == configuration_hash({"b": 2.5, "a": 1})
    assert configuration_hash({"a": 0.1}) != configuration_hash({"a": np.nextafter(0.1, 1.0)})
    assert array_hash(np.zeros(3)) != array_hash(np.zeros((3, 1)))
    with pytest.raises(TypeError, match="set"):
        configuration_hash({"a": {1, 2}})


def test_a_long_chain_is_saved_more_seldom(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.h5", every=100)
    assert not checkpoint.is_due(99, 0)
    assert checkpoint.is_due(100, 0)
    assert not checkpoint.is_due(10_100, 10_000)
    assert checkpoint.is_due(10_500, 10_000)


PROGRAM = """
import sys, time
import numpy as np
from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.samplers import sampler
from terraflux.assimilation.delayed_acceptance import DelayedSettings
from terraflux.assimilation.ensemble_sampling import EnsembleSettings
from terraflux.assimilation.adaptive_importance import ImportanceSettings

name, path, out, pause = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
shape = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, 0.3], [0.0, 0.3, 0.5]])
precision = np.linalg.inv(shape)

def log_density(u):
    time.sleep(pause)
    twist = u.copy()
    twist[:, 1] += 0.3 * twist[:, 0] ** 2
    value = -0.5 * np.einsum("ri,ij,rj->r", twist, precision, twist)
    value[u[:, 2] > 1.5] = -np.inf
    return value, np.stack([value, u[:, 0]], axis=1)

given = {
    "ensemble": dict(settings=EnsembleSettings(walkers=16, burn_in=50), maximum_runs=20_000),
    "delayed_acceptance": dict(settings=DelayedSettings(chains=8, first_runs=32, training_runs=48, most_training_runs=48),
                               maximum_runs=4_000),
    "importance": dict(settings=ImportanceSettings(draws=50), maximum_runs=5_000, minimum_effective_size=1e9),
}[name]
result = sampler(name)(log_density, np.zeros(3), shape, seed=7,
                       checkpoint=Checkpoint(path, {"case": "kill"}, every=10), **given)
np.savez(out, controls=result.controls, density=result.log_density, companions=result.companions, runs=result.runs,
         failed=result.failed, acceptance=result.acceptance)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ensemble", "delayed_acceptance", "importance"])
def test_a_sampler_killed_again_and_again_gives_the_identical_chain(name, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    pause = {"ensemble": 0.001, "delayed_acceptance": 0.004, "importance": 0.03}[name]
    straight, broken = tmp_path / "straight.npz", tmp_path / "broken.npz"
    command = [sys.executable, str(program), name]
    subprocess.run([*command, str(tmp_path / "straight.h5"), str(straight), "0"], check=True, timeout=200)
    dice, kills, resumed = random.Random(11), 0, 0
    while kills < 3:
        process = subprocess.Popen([*command, str(tmp_path / "broken.h5"), str(broken), str(pause)])
        path = tmp_path / "broken.h5"
        before = path.stat().st_mtime_ns if path.exists() else 0
        until = time.monotonic() + 60.0
        while process.poll() is None and time.monotonic() < until:  # kill it some time after it has saved anew
            if path.exists() and path.stat().st_mtime_ns > before:
                time.sleep(dice.uniform(0.0, 0.15))
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        ended = process.wait(timeout=60)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, "the sampler stopped by itself"
        kills += 1
        resumed += path.exists()
    assert resumed >= 2, "the sampler was never killed in the midst of its work"
    subprocess.run([*command, str(tmp_path / "broken.h5"), str(broken), "0"], check=True, timeout=200)
    first, second = np.load(straight), np.load(broken)
    assert set(first.files) == set(second.files)
    for part in first.files:
        np.testing.assert_array_equal(first[part], second[part], err_msg=part)
