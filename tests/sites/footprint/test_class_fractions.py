"""Land-cover fractions of half hours, which agree with the climatology."""

import numpy as np
import pytest

from terraflux.sites.footprint.class_fractions import class_fractions
from terraflux.sites.footprint.climatology import climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.models import footprint_rows

GRID = Grid.nodes(-400.0, 400.0, 80)
LEGEND = {1: "ENF", 4: "DBF", 10: "GRA", 200: "WAT"}


def some_rows(model="ffp", count=60, **changes):
    draw = np.random.default_rng(4)
    given = {"measurement_height": 25.0, "roughness_length": 0.3, "sigma_v": draw.uniform(0.3, 0.9, count),
             "obukhov_length": draw.choice([-90.0, 300.0, 1e6], count), "friction_velocity": draw.uniform(0.2, 0.6, count),
             "boundary_layer_height": 900.0, "wind_direction": draw.uniform(0.0, 360.0, count)}
    return footprint_rows(model, **(given | changes))


def some_cover(grid=GRID, seed=2):
    return np.random.default_rng(seed).choice(list(LEGEND), size=grid.shape)


@pytest.mark.parametrize("model", ["ffp", "kormann_meixner", "hsieh"])
@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_weighted_fractions_sum_to_the_climatology_of_each_class(model, mode):
    rows, cover = some_rows(model), some_cover()
    weights = np.random.default_rng(1).uniform(0.0, 3.0, len(rows))
    found = class_fractions(rows, cover, GRID, LEGEND, mode=mode)
    field = climatology(rows, GRID, weights, mode=mode)
    mean, remainder = found.mean(weights)
    for k, code in enumerate(LEGEND):
        assert mean[k] == pytest.approx(field.density[cover == code].sum() * GRID.cell_area, rel=1e-12)
    assert remainder == pytest.approx(1.0 - field.captured_mass, abs=1e-13)
    assert found.captured_mass == pytest.approx(field.row_mass, rel=1e-13)


def test_fractions_and_remainder_sum_to_one():
    found = class_fractions(some_rows(), some_cover(), GRID, LEGEND)
    assert found.fractions.sum(axis=1) + found.remainder == pytest.approx(np.ones(60), abs=1e-14)
    assert (found.fractions >= 0.0).all() and found.names == ("ENF", "DBF", "GRA", "WAT")


def test_integrated_cells_agree_with_the_integrated_climatology():
    grid = Grid.square(600.0, 60.0)
    rows, cover = some_rows(), some_cover(grid)
    mean, _ = class_fractions(rows, cover, grid, LEGEND, cells="integrated").mean()
    field = climatology(rows, grid, cells="integrated")
    assert mean == pytest.approx([field.density[cover == code].sum() * grid.cell_area for code in LEGEND], rel=1e-12)


def test_footprint_over_one_class_sees_that_class():
    east = np.where(np.broadcast_to(GRID.x, GRID.shape) > 0.0, 4, 1)
    found = class_fractions(some_rows(wind_direction=90.0, sigma_v=0.2), east, GRID, {1: "west", 4: "east"})
    assert (found.fractions[:, 1] > 0.5).all() and (found.fractions[:, 0] == 0.0).all()


def test_cells_without_class_count_in_the_remainder():
    rows, cover = some_rows(), some_cover()
    whole = class_fractions(rows, cover, GRID, LEGEND)
    fewer = class_fractions(rows, cover, GRID, LEGEND, nodata=10)
    assert fewer.names == ("ENF", "DBF", "WAT")
    assert fewer.remainder == pytest.approx(whole.remainder + whole.fractions[:, 2], rel=1e-12)
    assert fewer.captured_mass == pytest.approx(whole.captured_mass, rel=1e-13)
    holes = np.where(cover == 10, np.nan, cover)
    masked = np.ma.masked_equal(cover, 10)
    for raster in (holes, masked):
        assert class_fractions(rows, raster, GRID, [1, 4, 200]).remainder == pytest.approx(fewer.remainder, rel=1e-13)


def test_codes_outside_the_legend_are_named():
    with pytest.raises(ValueError, match=r"codes 10, 200 that are not in the legend \(1 ENF, 4 DBF\)"):
        class_fractions(some_rows(), some_cover(), GRID, {1: "ENF", 4: "DBF"})
    with pytest.raises(ValueError, match=r"whole numbers, but has 0\.5"):
        class_fractions(some_rows(), np.full(GRID.shape, 0.5), GRID)
    with pytest.raises(ValueError, match=r"class raster has shape \(3, 3\) but the grid has \(81, 81\)"):
        class_fractions(some_rows(), np.ones((3, 3)), GRID)
    with pytest.raises(ValueError, match="1 to 254 classes, not 0"):
        class_fractions(some_rows(), np.full(GRID.shape, np.nan), GRID)


def test_rows_without_footprint_are_nan_and_counted():
    obukhov = np.full(60, -90.0)
    obukhov[7] = np.nan
    found = class_fractions(some_rows(obukhov_length=obukhov), some_cover(), GRID, LEGEND)
    assert np.isnan(found.fractions[7]).all() and np.isnan(found.remainder[7]) and np.isfinite(found.remainder).sum() == 59
    assert found.dropped == {"MISSING_OBUKHOV_LENGTH": 1}


def test_same_bits_for_any_number_of_threads():
    one, three = (class_fractions(some_rows(), some_cover(), GRID, LEGEND, threads=threads) for threads in (1, 3))
    assert np.array_equal(one.fractions, three.fractions)


def test_tabulated_rows_have_fractions_too():
    rows, cover = some_rows("safe_f", count=8, solution="horst_weil"), some_cover()
    found = class_fractions(rows, cover, GRID, LEGEND)
    assert found.mean()[0].sum() == pytest.approx(climatology(rows, GRID).captured_mass, rel=1e-12)


def test_dataset_has_time_and_class():
    found = class_fractions(some_rows(), some_cover(), GRID, LEGEND)
    times = np.datetime64("2020-06-01") + np.arange(60) * np.timedelta64(30, "m")
    dataset = found.to_dataset(times)
    assert dataset.class_fraction.dims == ("time", "class") and dataset["class"].values.tolist() == list(found.names)
    assert dataset.class_code.values.tolist() == [1, 4, 10, 200]
