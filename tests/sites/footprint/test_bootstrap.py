"""Bands of climatologies and class fractions, and binning."""

import numpy as np
import pytest

from terraflux.sites.footprint import bootstrap
from terraflux.sites.footprint.binning import binned_climatology
from terraflux.sites.footprint.bootstrap import bootstrap_climatology, bootstrap_fractions, perturbation
from terraflux.sites.footprint.class_fractions import class_fractions
from terraflux.sites.footprint.climatology import climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.models import footprint_rows

GRID = Grid.nodes(-300.0, 300.0, 30)
DAYS, HALF_HOURS = 30, 8
DAY = np.repeat(np.arange(DAYS), HALF_HOURS)
DRAW = np.random.default_rng(6)
INPUTS = {"measurement_height": 30.0, "roughness_length": 0.4, "sigma_v": DRAW.uniform(0.4, 0.9, DAY.size),
          "obukhov_length": DRAW.choice([-120.0, 400.0], DAY.size), "friction_velocity": DRAW.uniform(0.25, 0.6, DAY.size),
          "boundary_layer_height": 900.0,
          "wind_direction": (np.repeat(DRAW.uniform(0.0, 360.0, DAYS), HALF_HOURS) + DRAW.normal(0.0, 10.0, DAY.size)) % 360.0}


def rows_of(**changes):
    return footprint_rows("ffp", **(INPUTS | changes))


def test_bands_are_those_of_resampled_climatologies():
    """Every replicate is the climatology whose weights are how often its day was drawn."""
    rows = rows_of()
    bands = bootstrap_climatology(rows, GRID, DAY, replicates=20, seed=5)
    draws = np.random.default_rng(5).multinomial(DAYS, np.full(DAYS, 1.0 / DAYS), size=20)
    fields = np.array([climatology(rows, GRID, draw[DAY].astype(float)).density for draw in draws])
    assert bands.standard_error == pytest.approx(fields.std(axis=0, ddof=1), rel=1e-9, abs=1e-20)
    assert bands.quantiles == pytest.approx(np.quantile(fields, bands.levels, axis=0), rel=1e-9, abs=1e-20)
    assert bands.captured_mass == pytest.approx(fields.sum(axis=(1, 2)) * GRID.cell_area)
    assert np.array_equal(bands.density, climatology(rows, GRID).density) and bands.blocks == DAYS


def test_a_seed_gives_the_same_bands_in_any_parts_and_threads(monkeypatch):
    rows = rows_of()
    first = bootstrap_climatology(rows, GRID, DAY, replicates=30, seed=1, threads=1)
    monkeypatch.setattr(bootstrap, "MEMORY", 8 * 31 * 30 * 4)
    again = bootstrap_climatology(rows, GRID, DAY, replicates=30, seed=1, threads=2)
    other = bootstrap_climatology(rows, GRID, DAY, replicates=30, seed=2)
    assert np.array_equal(first.quantiles, again.quantiles) and np.array_equal(first.standard_error, again.standard_error)
    assert not np.array_equal(first.quantiles, other.quantiles)


def test_blocks_of_days_are_wider_than_half_hours():
    """Wind persists through a day, so half hours drawn one by one would feign certainty."""
    rows = rows_of()
    by_day = bootstrap_climatology(rows, GRID, DAY, replicates=100, seed=1).standard_error.sum()
    by_half_hour = bootstrap_climatology(rows, GRID, np.arange(DAY.size), replicates=100, seed=1).standard_error.sum()
    assert by_day > 1.5 * by_half_hour


def test_rows_without_day_or_footprint_do_not_count():
    days = np.where(DAY < 3, None, DAY)
    sigma_v = np.where(DAY == 5, np.nan, INPUTS["sigma_v"])
    bands = bootstrap_climatology(rows_of(sigma_v=sigma_v), GRID, days, replicates=5)
    keep = (DAY >= 3) & (DAY != 5)
    assert bands.blocks == DAYS - 4
    assert bands.density == pytest.approx(climatology(rows_of().select(keep), GRID).density, rel=1e-12)


def test_uncertain_inputs_widen_the_bands():
    def build(**given):
        return footprint_rows("ffp", **given)

    rows = rows_of()
    plain = bootstrap_climatology(rows, GRID, DAY, replicates=25, seed=3)
    still = bootstrap_climatology(rows, GRID, DAY, replicates=25, seed=3, rebuild=lambda generator: rows)
    wide = bootstrap_climatology(rows, GRID, DAY, replicates=25, seed=3,
                                 rebuild=perturbation(INPUTS, {"sigma_v": 0.3, "roughness_length": 0.5}, build))
    assert still.captured_mass.std() == pytest.approx(plain.captured_mass.std(), rel=0.6)
    assert wide.captured_mass.std() > 2.0 * still.captured_mass.std()
    same = bootstrap_climatology(rows, GRID, DAY, replicates=25, seed=3,
                                 rebuild=perturbation(INPUTS, {"sigma_v": 0.3, "roughness_length": 0.5}, build))
    assert np.array_equal(wide.quantiles, same.quantiles)


def test_perturbation_and_rebuild_are_checked():
    with pytest.raises(ValueError, match="cannot perturb z0"):
        perturbation(INPUTS, {"z0": 0.1}, rows_of)
    with pytest.raises(ValueError, match="rebuild returned 3 rows"):
        bootstrap_climatology(rows_of(), GRID, DAY, replicates=2, rebuild=lambda generator: rows_of().select(slice(0, 3)))
    with pytest.raises(ValueError, match="levels"):
        bootstrap_climatology(rows_of(), GRID, DAY, replicates=2, levels=(5.0,))


def test_bands_of_mean_fractions_hold_their_mean():
    cover = np.where(GRID.y[:, None] > 0.0, 1, 2) * np.ones(GRID.shape, int)
    fractions = class_fractions(rows_of(), cover, GRID, {1: "north", 2: "south"})
    weights = DRAW.uniform(0.0, 2.0, DAY.size)
    bands = bootstrap_fractions(fractions, DAY, weights, replicates=400, seed=2)
    mean, remainder = fractions.mean(weights)
    assert bands.names == ("north", "south", "remainder") and bands.mean == pytest.approx([*mean, remainder])
    assert bands.mean.sum() == pytest.approx(1.0) and bands.replicates.sum(axis=1) == pytest.approx(np.ones(400))
    assert np.all(bands.quantiles[0] <= bands.mean) and np.all(bands.mean <= bands.quantiles[2])
    field = bootstrap_climatology(rows_of(), GRID, DAY, weights, replicates=400, seed=2)
    assert bands.replicates[:, 2].std() == pytest.approx(field.captured_mass.std(), rel=0.3)


@pytest.mark.parametrize("model", ["ffp", "hsieh"])
def test_binning_reports_its_error(model):
    rows = footprint_rows(model, **{name: np.tile(value, 40) if np.ndim(value) else value for name, value in INPUTS.items()})
    weights = np.tile(DRAW.uniform(0.5, 2.0, DAY.size), 40)
    full = climatology(rows, GRID, weights)
    found, error = binned_climatology(rows, GRID, weights, check_lines=GRID.y.size)
    actual = np.abs(found.density - full.density).max() / full.density.max()
    assert error.bins < error.rows / 30 and error.rows == found.used == len(rows)
    assert error.largest == pytest.approx(actual, rel=0.01) and error.largest < 1e-3
    assert found.row_mass == pytest.approx(full.row_mass, abs=0.02)
    _, smaller = binned_climatology(rows, GRID, weights, relative_width=0.002, direction_width=0.1)
    assert smaller.largest < error.largest
