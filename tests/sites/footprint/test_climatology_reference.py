"""Climatologies against those of the published FFP program (Kljun et al. 2015), footprint.md 9.3."""

import json

import numpy as np
import pandas as pd
import pytest

from terraflux.sites.footprint.climatology import climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.models import footprint_rows

GRID = Grid.nodes(-500.0, 500.0, 100)


@pytest.fixture(scope="module")
def year(request):
    shared = request.getfixturevalue("shared_data")
    table = pd.read_csv(shared / "references" / "ffp" / "year_drivers.csv.gz")
    return footprint_rows("ffp", measurement_height=table["zm"], roughness_length=table["z0"], obukhov_length=table["ol"],
                          sigma_v=table["sigmav"], friction_velocity=table["ustar"], boundary_layer_height=table["h"],
                          wind_direction=table["wind_dir"])


@pytest.fixture(scope="module")
def known(request):
    folder = request.getfixturevalue("shared_data") / "references" / "ffp"
    return folder, json.loads((folder / "ffp_clim_reference.json").read_text(encoding="utf-8"))


@pytest.mark.real_data
def test_672_half_hours_equal_the_published_program_node_by_node(year, known):
    folder, levels = known
    expected = np.loadtxt(folder / "ffp_clim_672_101x101_unsmoothed.csv.gz", delimiter=",")
    rows = year.select(slice(None, None, 26)).select(slice(0, 672))
    exact = climatology(rows, GRID, mode="exact")
    fast = climatology(rows, GRID)
    assert np.abs(exact.density - expected).max() <= 7.3e-15 * expected.max()
    assert np.abs(fast.density - expected).max() <= 1e-9 * expected.max()
    for found in (exact, fast):
        assert found.captured_mass == pytest.approx(levels["clim672_101"]["sum"], rel=1e-12)
        assert found.peak[0] == pytest.approx(levels["clim672_101"]["max"], rel=1e-12)
        for fraction, level in zip((0.5, 0.6, 0.7, 0.8), levels["clim672_101"]["fr"], strict=False):
            assert found.contour_level(fraction) == pytest.approx(level, rel=1e-11)
        assert np.isnan(found.contour_level(0.9))  # the grid holds 0.866


@pytest.mark.real_data
def test_a_year_equals_the_published_sum_and_peak(year):
    found = climatology(year, GRID)
    assert found.captured_mass == pytest.approx(0.8631306522, abs=1e-10)
    assert found.peak[0] == pytest.approx(5.592901e-5, abs=1e-11)
    assert found.used == 17520 and found.dropped == {}


def test_three_half_hours_of_the_published_example():
    rows = footprint_rows("ffp", measurement_height=20.0, roughness_length=0.01, boundary_layer_height=[2000.0, 1800.0, 1500.0],
                          obukhov_length=[-10.0, -100.0, -500.0], sigma_v=[0.9, 0.7, 0.3], friction_velocity=[0.5, 0.3, 0.4],
                          wind_direction=[30.0, 50.0, 70.0])
    found = climatology(rows, Grid.nodes(-100.0, 1000.0, 1100), smooth=True)
    assert found.density.sum() * 1.0 == pytest.approx(0.8358575251, abs=1e-10)
    assert found.peak == pytest.approx((3.67643477e-5, 102.0, 38.0), rel=1e-9)
    for fraction, level in ((0.2, 1.41472334e-5), (0.4, 6.10021978e-6), (0.6, 1.84110907e-6)):
        assert found.contour_level(fraction) == pytest.approx(level, rel=1e-8)
        assert found.contour_is_closed(fraction)
    assert not found.contour_is_closed(0.8)
