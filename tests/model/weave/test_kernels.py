"""Kernels outside the time step: compiled once, and anew after an edit in any file they use."""

import subprocess
import sys

from terraflux.model.weave.kernels import files_behind, imported_modules, kernel_folder

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import terraflux
terraflux.__path__.append({folder!r})
from terraflux.caller import doubled_constant
print(doubled_constant(1.0), sum(doubled_constant.stats.cache_hits.values()))
"""
CALLER = """
from terraflux.callee import constant
from terraflux.model.weave.kernels import kernel


@kernel
def doubled_constant(x):
    return 2.0 * constant(x)
"""
CALLEE = """
from numba import njit


@njit
def constant(x):
    return {value} * x
"""


def run(folder, value):
    (folder / "caller.py").write_text(CALLER)
    (folder / "callee.py").write_text(CALLEE.format(value=value))
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(folder=str(folder))], capture_output=True, text=True, check=True)
    result, hits = ran.stdout.split()
    return float(result), int(hits)


def test_an_edited_callee_in_another_file_is_compiled_anew_and_an_unchanged_one_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TERRAFLUX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "code"
    folder.mkdir()
    assert run(folder, 3.0) == (6.0, 0)
    assert run(folder, 3.0) == (6.0, 1)
    assert run(folder, 5.0) == (10.0, 0)


def test_files_behind_a_module_are_those_it_imports_through_others():
    behind = files_behind("terraflux.model.weave.kernels")
    assert {"terraflux.model.weave.kernels", "terraflux.model.weave.cache", "terraflux.model.weave.lane_math"} <= set(behind)
    assert "terraflux.model.canopy_radiation" not in behind


def test_members_imported_from_a_package_count_as_modules():
    assert "terraflux.model.weave.compiling" in set(imported_modules("from terraflux.model.weave import compiling"))


def test_the_folder_of_a_module_is_the_same_when_asked_again():
    assert kernel_folder("terraflux.model.weave.lane_math") == kernel_folder("terraflux.model.weave.lane_math")
