"""R2: results do not depend on threads, tiles, slabs, pieces or on which cells run together."""

import numpy as np
import pytest

from terraflux.region import spin_up, tile
from terraflux.region.results import open_results
from terraflux.region.run import run_region


def same(one, other, cells=slice(None)):
    assert one.groups and all(one.variables(kind) for kind in one.groups)
    for kind in one.groups:
        for name in one.variables(kind):
            expected = one.values(kind, name)[:, :, cells]
            assert np.isfinite(expected).all(), name
            assert np.array_equal(expected, other.values(kind, name)), name


@pytest.mark.parametrize("changes", [
    {"run__tile_cells": 1}, {"run__tile_cells": 3, "run__threads": 2}, {"run__slab_days": 1},
    {"run__slab_days": 7, "run__tile_cells": 5}])
def test_tiles_slabs_and_threads_give_the_same_bits(choices, reference, tmp_path, changes):
    result = run_region(choices(**changes), folder=tmp_path / "run")
    assert result.status == "done", result.troubles
    one, other = open_results(reference), open_results(tmp_path / "run")
    same(one, other)
    for kind in one.groups:
        for name in one.variables(kind):
            assert np.array_equal(one.totals(kind, name), other.totals(kind, name))


def test_a_subset_of_cells_is_those_cells_of_the_whole(choices, reference, tmp_path):
    run_region(choices(run__every=8), folder=tmp_path / "run")
    same(open_results(reference), open_results(tmp_path / "run"), cells=slice(None, None, 2))


def test_pieces_of_a_slab_change_nothing(choices, reference, tmp_path, monkeypatch):
    monkeypatch.setattr(tile, "PIECE_BYTES", 1)
    run_region(choices(), folder=tmp_path / "run")
    same(open_results(reference), open_results(tmp_path / "run"))


def test_spin_up_treats_every_column_by_itself(choices, tmp_path, monkeypatch):
    spun = {"run__spin_up_years": 1, "run__spin_up_cycles": 2, "run__physical_cycles": 1, "run__every": 9}
    run_region(choices(**spun), folder=tmp_path / "whole")
    monkeypatch.setattr(spin_up, "FORCING_BYTES", 1)  # cell by cell
    run_region(choices(**spun), folder=tmp_path / "single")
    same(open_results(tmp_path / "whole"), open_results(tmp_path / "single"))


def test_the_store_and_the_nation_agree_to_single_precision(choices, reference, store, tmp_path):
    result = run_region(choices(forcing__synthetic=0.0, forcing__store=str(store)), folder=tmp_path / "run")
    assert result.status == "done", result.troubles
    one, other = (open_results(folder).values("monthly", "evapotranspiration") for folder in (reference, tmp_path / "run"))
    assert not np.array_equal(one, other)
    assert np.allclose(one, other, rtol=1e-3, atol=1e-8)


def test_repeated_runs_write_the_same_bytes(choices, reference, digest, tmp_path):
    run_region(choices(), folder=tmp_path / "run")
    first, second = digest(reference), digest(tmp_path / "run")
    assert first == second and len(first) > 20
