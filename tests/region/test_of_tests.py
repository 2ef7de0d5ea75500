"""R14: the tests of survival and equal bits go red where the run is broken on purpose.

Every mutation is a plugin of a second pytest, which must fail in the test named; without a mutation it must pass.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DROPPED = """
        from terraflux.model.variables import variable_table
        from terraflux.region import tile
        whole = tile.write_checkpoint
        rows = [number for number, (one, _) in enumerate(variable_table().rows_of("state")) if one.name == "%s"]
        assert rows
        def without_a_state(folder, identity, one):
            one.arrays["state"][rows] = 0.0
            return whole(folder, identity, one)
        tile.write_checkpoint = without_a_state
        """
MUTATIONS = {
    "none": ("", ["test_restart.py::test_a_stop_at_every_slab_boundary_gives_the_same_bits[10]",
                  "test_restart.py::test_a_checkpoint_holds_every_row_of_the_state",
                  "test_decomposition.py::test_tiles_slabs_and_threads_give_the_same_bits[changes1]",
                  "test_kills.py::test_kills_between_chunk_checkpoint_and_ledger_change_no_byte[chunk]",
                  "test_stalls.py::test_a_write_that_breaks_off_leaves_the_file_before_it",
                  "test_masking.py::test_the_cell_is_missing_from_then_on_and_others_keep_their_bits",
                  "test_leaf_area.py::test_a_run_keeps_the_leaf_area_of_the_forcing"]),
    "liquid soil water is dropped from the checkpoint": (DROPPED % "soil_liquid", [
        "test_restart.py::test_a_stop_at_every_slab_boundary_gives_the_same_bits[10]"]),
    "ponded water is dropped from the checkpoint": (DROPPED % "ponded_water", [
        "test_restart.py::test_a_checkpoint_holds_every_row_of_the_state"]),
    "sums of periods are dropped from the checkpoint": ("""
        from terraflux.region import tile
        whole = tile.write_checkpoint
        def without_sums(folder, identity, one):
            one.arrays["monthly_sums"][:] = 0.0
            return whole(folder, identity, one)
        tile.write_checkpoint = without_sums
        """, ["test_restart.py::test_a_stop_at_every_slab_boundary_gives_the_same_bits[10]"]),
    "the checkpoint comes before its chunks": ("""
        from dataclasses import replace
        from terraflux.region import tile
        def early(self, chunks, one):
            tile.write_checkpoint(self.home, self.plan.identity, one)
            written = {}
            for layout, index, values in chunks:
                written |= tile.write_chunks(self.plan.folder, layout, self.tile, index, values)
            tile.append_line(self.home, self._line(replace(one, chunks=written)))
        tile._Work._commit = early
        """, ["test_kills.py::test_kills_between_chunk_checkpoint_and_ledger_change_no_byte[chunk]"]),
    "files are written in place": ("""
        import os
        from terraflux.drivers.grid import zarr_chunks
        def in_place(path, content, *, sync_folder=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        zarr_chunks.write_durably = in_place
        """, ["test_stalls.py::test_a_write_that_breaks_off_leaves_the_file_before_it"]),
    "sums run in whatever order comes": ("""
        import numpy as np
        from terraflux.region.mosaic import Mosaic
        random = np.random.default_rng()
        def racy(self, values):
            result = np.zeros((*values.shape[:-1], self.members * self.cells))
            for column in random.permutation(self.columns):
                result[..., self.member[column] * self.cells + self.cell[column]] += self.weight[column] * values[..., column]
            return result.reshape(*values.shape[:-1], self.members, self.cells)
        Mosaic.to_cells = racy
        """, ["test_decomposition.py::test_tiles_slabs_and_threads_give_the_same_bits[changes1]"]),
    "precipitation of the store is read as mm h-1": ("""
        from terraflux.region.forcing import StoreForcing
        whole = StoreForcing.read
        def wrong(self, first, last, cells, names):
            made = whole(self, first, last, cells, names)
            if "precipitation" in names:
                made[:, list(names).index("precipitation")] *= 3.6
            return made
        StoreForcing.read = wrong
        """, ["test_decomposition.py::test_the_store_and_the_nation_agree_to_single_precision"]),
    "a failed column is not masked": ("""
        from terraflux.region.masking import CellMask
        CellMask.blank = lambda self, daily, first_day: None
        """, ["test_masking.py::test_the_cell_is_missing_from_then_on_and_others_keep_their_bits"]),
    "leaf area is shared without its weights": ("""
        from terraflux.region import leaf_area
        whole = leaf_area.shared_leaf_area
        leaf_area.shared_leaf_area = lambda values, mosaic: 1.001 * whole(values, mosaic)
        """, ["test_leaf_area.py::test_a_run_keeps_the_leaf_area_of_the_forcing"]),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_run_turns_its_tests_red(name, tmp_path):
    text, tests = MUTATIONS[name]
    lines = text.splitlines()
    (tmp_path / "broken_on_purpose.py").write_text("\n".join(line[8:] for line in lines) + "\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "broken_on_purpose", "-p", "no:cacheprovider",
             *(str(HERE / one) for one in tests)]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=HERE.parents[1], timeout=540)
    expected = 0 if name == "none" else 1  # 1: tests failed; anything else is no answer
    assert told.returncode == expected, told.stdout[-3000:] + told.stderr[-2000:]
    assert "error" not in told.stdout.splitlines()[-1], told.stdout[-3000:]
