"""R5, of areas: no total hides a constant with a unit of area."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.region import forcing
from terraflux.region.results import open_results
from terraflux.region.run import run_region


@pytest.mark.parametrize("power", [-20, 20])
def test_areas_by_a_power_of_two_scale_totals_and_nothing_else(choices, reference, tmp_path, monkeypatch, power):
    nation, chosen = forcing.NationForcing(6.0, choices().forcing.seed), choices()
    nation.cells = replace(nation.cells, area=nation.cells.area * 2.0**power)
    monkeypatch.setattr(forcing, "_nation", lambda resolution, seed: nation)
    result = run_region(chosen, folder=tmp_path / "run")
    assert result.status == "done", result.troubles
    one, other = open_results(reference), open_results(tmp_path / "run")
    for kind in one.groups:
        for name in one.variables(kind):
            assert np.array_equal(one.values(kind, name), other.values(kind, name)), name
            assert np.array_equal(one.totals(kind, name) * 2.0**power, other.totals(kind, name)), name
