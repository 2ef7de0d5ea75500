"""Woven modules on disk: never stale, safe between processes, pruned."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from terraflux.model.weave import Table, Variable, cache, process, weave

PACKAGE = {
    "toyland/__init__.py": "",
    "toyland/constants.py": "FACTOR = {factor}\n",
    "toyland/helpers.py": "from toyland.constants import FACTOR\n\n\ndef scaled(x):\n    return {power} * FACTOR * x\n",
    "toyland/growth.py": """
from terraflux.model.weave import process
from toyland.helpers import scaled


@process(returns="biomass")
def growth(biomass, light):
    return biomass + scaled(light)
""",
    "toyland/run.py": """
import numpy as np
from terraflux.model.weave import Table, Variable, weave
from toyland.growth import growth

table = Table([Variable("light", "forcing", "1", "light"), Variable("biomass", "state", "1", "biomass")])
model = weave([growth], table, lanes=4)
state = np.zeros((1, 1))
model.run(np.ones((1, 1, 1)), np.zeros((0, 1)), state)
print(state[0, 0], model.source_path.name)
""",
}


def write(root: Path, **numbers):
    for name, text in PACKAGE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**numbers) if "{" in text else text)


def command():
    return [sys.executable, "-m", "toyland.run"]


def environment(root, folder):
    paths = os.pathsep.join([str(root), *filter(None, sys.path)])
    return {**os.environ, "PYTHONPATH": paths, "TERRAFLUX_CACHE": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def outcome(root, folder):
    value, name = subprocess.check_output(command(), env=environment(root, folder), cwd=root, text=True).split()
    return float(value), name


def test_an_edited_callee_gives_the_new_value_in_a_new_process(tmp_path):
    root, folder = tmp_path / "source", tmp_path / "cache"
    write(root, factor=2.0, power=1.0)
    first = outcome(root, folder)
    assert first[0] == 2.0 and outcome(root, folder) == first
    write(root, factor=5.0, power=1.0)
    assert outcome(root, folder)[0] == 5.0
    write(root, factor=5.0, power=7.0)
    assert outcome(root, folder)[0] == 35.0
    assert len(list(folder.glob("woven_*"))) == 3


def test_processes_that_start_together_share_one_folder(tmp_path):
    root, folder = tmp_path / "source", tmp_path / "cache"
    write(root, factor=3.0, power=1.0)
    runs = [subprocess.Popen(command(), env=environment(root, folder), cwd=root, stdout=subprocess.PIPE, text=True)
            for _ in range(3)]
    answers = [run.communicate()[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len({name for _, name in answers}) == 1 and {float(value) for value, _ in answers} == {3.0}
    assert not list(folder.rglob("*.draft"))


@process(returns="biomass")
def growth(biomass, light):
    return biomass + light


TABLE = Table([Variable("light", "forcing", "1", "light"), Variable("biomass", "state", "1", "biomass")])


def test_the_hash_depends_on_text_lane_mathematics_versions_and_processor(monkeypatch):
    plain = cache.digest("text")
    assert cache.digest("other text") != plain
    for module, name, value in ((cache.numba, "__version__", "0.0"),
                                (cache.llvmlite.binding, "get_host_cpu_name", lambda: "i8086"),
                                (cache.lane_math, "__file__", __file__)):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, value)
            assert cache.digest("text") != plain
    assert cache.digest("text") == plain


def test_lanes_and_skipping_are_part_of_the_name(tmp_path):
    names = {weave([growth], TABLE, lanes=lanes, skip=skip, python=True, folder=tmp_path).source_path.name
             for lanes in (1, 2) for skip in (True, False)}
    assert len(names) == 4


def test_old_modules_are_pruned_and_recent_ones_spared(tmp_path):
    now = time.time()
    for age in range(6):
        home = tmp_path / f"woven_{age}"
        home.mkdir()
        (home / cache.USED).touch()
        os.utime(home / cache.USED, (now - 1000.0 * age, now - 1000.0 * age))
    (tmp_path / "woven_unfinished").mkdir()
    (tmp_path / "something_else").mkdir()
    assert cache.prune(tmp_path, spare="woven_5", keep=2, spared_seconds=2500.0) == ["woven_3", "woven_4"]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["something_else", "woven_0", "woven_1", "woven_2", "woven_5", "woven_unfinished"]


def test_the_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TERRAFLUX_CACHE", str(tmp_path / "named"))
    assert cache.cache_folder() == tmp_path / "named"
    monkeypatch.delenv("TERRAFLUX_CACHE")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
        assert cache.cache_folder() == tmp_path / "user" / "terraflux"
        blocked = tmp_path / "file"
        blocked.touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
        monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
        assert cache.cache_folder().parent == tmp_path / "temporary"
        cache.cache_folder().chmod(0o777)
        assert cache.cache_folder().name.startswith("terraflux-") and cache.cache_folder().stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_written_anew(tmp_path):
    text = "VALUE = 1\n"
    home = tmp_path / f"woven_x_{cache.digest(text)}"
    home.mkdir()
    (home / f"{home.name}.py").write_text("VALU")
    assert cache.module_from(text, "x", tmp_path).VALUE == 1


def test_threads_that_start_together_get_one_compiled_model(tmp_path):
    model = weave([growth], TABLE, lanes=5, folder=tmp_path)

    def run(_):
        state = np.zeros((1, 1))
        model.run(np.ones((3, 1, 1)), np.zeros((0, 1)), state)
        return state[0, 0]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [3.0] * 4


def test_a_second_weave_finds_the_same_module(tmp_path):
    first, second = (weave([growth], TABLE, lanes=3, python=True, folder=tmp_path) for _ in range(2))
    assert first.module is second.module
    state = np.zeros((1, 2))
    second.run(np.ones((5, 1, 1)), np.zeros((0, 2)), state)
    assert state.tolist() == [[5.0, 5.0]]


def test_a_call_costs_little_beside_the_steps(tmp_path):
    model = weave([growth], TABLE, lanes=1, folder=tmp_path)
    state, forcing, parameters = np.zeros((1, 1)), np.ones((1, 1, 1)), np.zeros((0, 1))
    spent = []
    for _ in range(200):
        start = time.perf_counter()
        model.run(forcing, parameters, state, outputs=["biomass"])
        spent.append(time.perf_counter() - start)
    assert min(spent) < 200e-6
    with pytest.raises(ValueError, match="not compiled"):
        weave([growth], TABLE, lanes=1, python=True, folder=tmp_path).vectorised()
