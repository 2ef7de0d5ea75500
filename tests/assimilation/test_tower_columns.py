"""Columns of a tower made ready for many runs: years, warm-up, plant types, starting state."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.tower_columns import class_shares, tower_columns
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.weave.streams import Stream

PER_DAY = 48


@pytest.fixture(scope="module")
def two_years():
    return tower_columns(synthetic_tower("grassland", years=2), spin_up_cycles=0)


@pytest.fixture(scope="module")
def short():
    return tower_columns(synthetic_tower("forest").between("2021-06-01", "2021-06-20"), spin_up_cycles=0)


def test_a_span_runs_from_the_first_to_the_last_year(two_years):
    assert two_years.span([2021]) == slice(0, 365 * PER_DAY)
    assert two_years.span([2022, 2021]) == slice(0, 730 * PER_DAY)
    with pytest.raises(ProblemError, match=r"runs from 2021 to 2022 and holds nothing of 2019"):
        two_years.span([2019])


def test_a_warm_up_ends_before_the_span_or_repeats_its_season(two_years):
    later = two_years.warm_up(two_years.span([2022]))
    assert later == slice((365 - 183) * PER_DAY, 365 * PER_DAY)
    first = two_years.warm_up(two_years.span([2021]))
    assert first == slice((365 - 183) * PER_DAY, 365 * PER_DAY)


def test_a_short_record_warms_up_on_itself(short):
    span = short.span([2021])
    assert short.warm_up(span) == span


def test_nothing_is_observed_in_the_warm_up(short):
    """The same span behind another warm-up: an evaluator's observations are those of the span alone."""
    span = short.span([2021])
    steps = span.stop - span.start
    one = short.evaluator("MF", ("stomatal_slope_medlyn",), span, [Stream("latent_heat", np.arange(steps))])
    found = one.evaluate([[3.0]])
    assert found.values["latent_heat"].shape == (1, steps)
    assert one.forcing.shape[0] == steps
    assert (one.warm_up.shape[0], one.warm_up_step) == (steps // 2, 3600.0)
    half = slice(0, steps // 2)
    begun = short.evaluator("MF", ("stomatal_slope_medlyn",), half, [Stream("latent_heat", np.arange(half.stop))])
    assert begun.evaluate([[3.0]]).values["latent_heat"].shape == (1, half.stop)


def test_hourly_steps_of_a_warm_up_are_means_and_change_little(two_years):
    """Fluxes of the month after it, against a warm-up in the half-hourly steps of the forcing."""
    span = two_years.span([2022])
    forcing, step = two_years.warm_up_forcing(span)
    given = two_years.forcing[two_years.warm_up(span)]
    assert step == 3600.0
    np.testing.assert_allclose(forcing, 0.5 * (given[::2] + given[1::2]), rtol=1e-12)
    month = [Stream("latent_heat", np.where(np.arange(span.stop - span.start) < 30 * PER_DAY, 0, -1))]
    made = two_years.evaluator("GRA", ("stomatal_slope_medlyn",), span, month)
    fine = replace(made, warm_up=given, warm_up_step=1800.0)
    coarse, half_hourly = (one.evaluate([[3.0], [5.0]]).values["latent_heat"][:, 0] for one in (made, fine))
    np.testing.assert_allclose(coarse, half_hourly, rtol=0.01)


def test_the_warm_up_forgets_the_starting_state(two_years):
    """Soil water a quarter lower at the start: after half a year latent heat of the year differs by less than 1 %."""
    span = two_years.span([2022])
    table = two_years.model.table
    names = [variable.name for variable, _ in table.rows_of("state")]
    dry = two_years.state.copy()
    rows = np.array([name == "soil_liquid" for name in names])
    assert rows.any()
    dry[rows] *= 0.75
    year = [Stream("latent_heat", np.zeros(span.stop - span.start, np.int64))]
    wet, parched = (replace(two_years, state=state).evaluator("GRA", ("stomatal_slope_medlyn",), span, year)
                    .evaluate([[4.0]]).values["latent_heat"][0, 0] for state in (two_years.state, dry))
    assert parched == pytest.approx(wet, rel=0.01)


def test_a_spin_up_moves_the_state_towards_rest():
    tower = synthetic_tower("forest").between("2021-06-01", "2021-06-20")
    cold, spun = (tower_columns(tower, spin_up_cycles=cycles).state for cycles in (0, 2))
    assert spun.shape == cold.shape
    assert np.isfinite(spun).all()
    assert not np.array_equal(cold, spun)


def test_plant_types_of_a_site_share_the_land(short):
    site = replace(short.tower.site, plant_type={"DBF": 0.6, "GRA": 0.4})
    mixed = tower_columns(replace(short.tower, site=site), spin_up_cycles=0)
    assert dict(mixed.shares) == {"DBF": 0.6, "GRA": 0.4}
    assert mixed.state.shape[1] == 2
    assert mixed.sets["DBF"].plant == "DBF"


def test_land_cover_classes_take_the_place_of_the_sites_own_plants(short):
    """Classes of one plant type go together, those without a plant are left out of the shares."""
    classes = xr.Dataset({"class_fraction": (("time", "land_cover_class"), np.tile([0.5, 0.2, 0.1, 0.2], (4, 1))),
                          "class_plant_type": ("land_cover_class", ["MF", "GRA", "GRA", ""])})
    mixed = tower_columns(short.tower, classes=classes, spin_up_cycles=0)
    assert dict(mixed.shares) == pytest.approx({"MF": 0.625, "GRA": 0.375})
    assert float(mixed.sets["MF"]["canopy_height"]) == short.tower.site.canopy_height
    assert float(mixed.sets["GRA"]["canopy_height"]) != short.tower.site.canopy_height
    np.testing.assert_array_equal(class_shares(classes, list(mixed.sets)), [0, 1, 1, -1])
    classes["class_plant_type"] = ("land_cover_class", ["", "", "", ""])
    with pytest.raises(ProblemError, match="no land-cover class around SYN-For stands for a plant type"):
        tower_columns(short.tower, classes=classes, spin_up_cycles=0)
