"""Footprints of tower records: what is missing is named, estimated with a mark, or gives its rows a reason."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.footprint.models import footprint_rows
from terraflux.sites.footprint.validity import Caution, Reason
from terraflux.sites.land_cover import legend_of
from terraflux.sites.raster_grid import Raster, RasterError, local_axis
from terraflux.sites.records import read_record
from terraflux.sites.synthetic_record import FACTS, write_synthetic_tower
from terraflux.sites.tower_footprints import footprint_classes, footprint_values, tower_footprints


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Six invented days, without gaps in sensible heat."""
    one = read_record(write_synthetic_tower(tmp_path_factory.mktemp("raw"), days=6)[0], facts=FACTS)
    heat = one.values("sensible_heat")
    return one.with_variable("sensible_heat", np.interp(np.arange(heat.size), np.flatnonzero(np.isfinite(heat)),
                                                        heat[np.isfinite(heat)]))


def without(record, *names):
    return replace(record, data=record.data.drop_vars(list(names)))


def told(record, **facts):
    return replace(record, facts=dict(record.facts) | facts)


def cover(axis, west=10, east=5):
    return Raster(np.broadcast_to(np.where(axis < -0.5, west, east), (axis.size, axis.size)), axis, axis, kind="classes")


def test_rows_are_those_of_the_model_with_the_inputs_that_are_given_back(record):
    made = tower_footprints(record, "ffp")
    inputs = made.inputs
    again = footprint_rows("ffp", **{name if name != "wind_speed" else "mean_wind_speed": inputs[name].to_numpy()
                                     for name in inputs.data_vars})
    assert made.counts()["valid"] == len(made.rows)
    assert np.array_equal(again.scale, made.rows.scale)
    assert float(inputs["measurement_height"][0]) == pytest.approx(32.0 - 40.0 / 3.0)


def test_estimates_are_marked_row_by_row_and_told(record):
    made = tower_footprints(without(record, "sigma_v"), "ffp")
    marks = made.cautions()
    assert marks["OBUKHOV_LENGTH_FROM_FLUXES"] == len(made.rows)
    assert marks["SIGMA_V_NEUTRAL"] + marks.get("SIGMA_V_CONVECTIVE", 0) == len(made.rows)
    assert "1.9 friction velocities" in made.provenance["sigma_v"] and "sigma_v" not in made.missing
    assert "estimated" not in tower_footprints(record).provenance["sigma_v"]


@pytest.mark.parametrize("lost, reason", [
    ("friction_velocity", Reason.MISSING_FRICTION_VELOCITY), ("wind_direction", Reason.MISSING_WIND_DIRECTION),
    ("sensible_heat", Reason.MISSING_OBUKHOV_LENGTH),
])
def test_what_cannot_be_estimated_gives_every_row_a_reason_and_is_named(record, lost, reason):
    made = tower_footprints(without(record, lost))
    assert made.counts()["valid"] == 0
    assert (made.rows.reason & np.uint32(reason.value) != 0).all()
    name = {"sensible_heat": "obukhov_length"}.get(lost, lost)
    assert lost in made.missing[name] or name in made.missing[name]


def test_without_estimates_rows_keep_their_reasons(record):
    made = tower_footprints(without(record, "sigma_v"), estimate=False)
    assert made.counts()["MISSING_SIGMA_V"] == len(made.rows) == made.counts()["MISSING_BOUNDARY_LAYER_HEIGHT"]
    assert set(made.missing) >= {"sigma_v", "boundary_layer_height", "obukhov_length"}


def test_calm_and_lost_rows_are_left_out_one_by_one(record):
    speed, direction = record.values("wind_speed").copy(), record.values("wind_direction").copy()
    speed[3], direction[5], direction[7] = 0.0, np.nan, 400.0
    made = tower_footprints(record.with_variable("wind_speed", speed).with_variable("wind_direction", direction))
    assert np.flatnonzero(~made.rows.valid).tolist() == [3, 5, 7]
    assert made.rows.reason[3] == Reason.CALM and made.rows.reason[5] == Reason.MISSING_WIND_DIRECTION
    assert made.rows.reason[7] == Reason.WIND_DIRECTION_OUTSIDE_CIRCLE


def test_rows_without_wind_speed_take_a_tenth_of_the_canopy_as_roughness(record):
    low = told(record, canopy_height=6.0)
    speed = low.values("wind_speed").copy()
    speed[:10] = np.nan
    made = tower_footprints(low.with_variable("wind_speed", speed))
    z0 = made.inputs["roughness_length"].to_numpy()
    assert z0[:10] == pytest.approx(0.6) and np.isnan(z0[10:]).all()
    assert made.counts()["valid"] == len(made.rows)
    assert "10 of 288 rows" in made.provenance["roughness_length"]
    given = tower_footprints(low, roughness_length=0.4)
    assert (given.inputs["roughness_length"] == 0.4).all() and "as given" in given.provenance["roughness_length"]


def test_a_tall_canopy_as_roughness_breaks_the_rule_of_the_roughness_sublayer(record):
    made = tower_footprints(record, roughness_length=2.0)
    assert made.counts()["IN_ROUGHNESS_SUBLAYER"] == len(made.rows)


def test_pressure_comes_from_the_elevation_where_it_is_missing(record):
    made = tower_footprints(without(record, "air_pressure"))
    assert "standard atmosphere at 350 m" in made.provenance["air_pressure"]
    one, other = made.inputs["obukhov_length"], tower_footprints(record).inputs["obukhov_length"]
    assert float(np.abs(one / other - 1.0).max()) < 0.06


def test_boundary_layer_height_needs_a_latitude_or_a_value(record):
    nowhere = replace(record, facts={name: value for name, value in record.facts.items() if name != "latitude"})
    made = tower_footprints(nowhere)
    assert "latitude" in made.missing["boundary_layer_height"] and made.counts()["valid"] == 0
    assert tower_footprints(nowhere, boundary_layer_height=800.0).counts()["valid"] == len(made.rows)
    assert tower_footprints(nowhere, "kormann_meixner").counts()["valid"] > 0.9 * len(made.rows)


@pytest.mark.parametrize("changes, says", [
    ({"measurement_height": None}, "measurement height of XX-Syn is not known"), ({"canopy_height": None}, "canopy height"),
    ({"measurement_height": 10.0}, "no higher than the displacement height"),
])
def test_heights_that_do_not_fit_are_an_error_with_a_remedy(record, changes, says):
    with pytest.raises(ForcingError, match=says):
        tower_footprints(told(record, **changes))


def test_unknown_models_are_refused_and_safe_f_keeps_its_label(record):
    with pytest.raises(ValueError, match="kormann_meixner"):
        tower_footprints(record, "kormann_meixne")
    assert tower_footprints(record, "safe_f", solution="powerlaw").model == 'safe_f(solution="powerlaw")'


def test_the_land_upwind_is_what_footprints_see(record):
    axis = local_axis(1500.0, 30.0)
    west = tower_footprints(record.with_variable("wind_direction", np.full(record.time.size, 270.0)))
    east = tower_footprints(record.with_variable("wind_direction", np.full(record.time.size, 90.0)))
    legend = legend_of({5: ("forest", "MF"), 10: ("grass", "GRA")})
    seen_west, seen_east = (footprint_classes(one, cover(axis), legend) for one in (west, east))
    assert seen_west.code == [5, 10] and seen_west.plant_type == ["MF", "GRA"]
    assert (seen_west.of(10) > 0.99).all() and (seen_east.of(5) > 0.99).all()
    assert (seen_west.captured() > 0.7).all() and (seen_west.captured() < 1.05).all()


def test_missing_cells_are_no_class_and_strange_codes_an_error(record):
    axis = local_axis(900.0, 30.0)
    made = tower_footprints(record)
    legend = legend_of({5: ("forest", "MF"), 10: ("grass", "GRA")})
    whole = cover(axis)
    holes = whole.with_values(np.where(axis[None, :] < -0.5, np.nan, whole.values))
    lost = footprint_classes(made, holes, legend)
    full = footprint_classes(made, whole, legend)
    assert lost.code == [5]
    assert lost.captured() == pytest.approx(np.asarray(full.fraction)[:, 0], abs=1e-12)
    with pytest.raises(RasterError, match=r"no class for the codes 77"):
        footprint_classes(made, cover(axis, west=77), legend)


def test_footprint_values_lie_between_those_of_the_land_and_follow_it(record):
    axis = local_axis(900.0, 30.0)
    made = tower_footprints(record)
    ramp = Raster(np.broadcast_to(axis / 1000.0, (axis.size, axis.size)), axis, axis, name="ramp")
    values = footprint_values(made, ramp)
    classes = footprint_classes(made, cover(axis), legend_of({5: ("forest", "MF"), 10: ("grass", "GRA")}))
    assert np.isfinite(values).all() and (np.abs(values) < 0.9).all()
    assert np.corrcoef(values, classes.of(5))[0, 1] > 0.8
    flat = ramp.with_values(np.full(ramp.shape, 0.37))
    assert footprint_values(made, flat) == pytest.approx(np.full(values.size, 0.37), rel=1e-12)
    speckled = ramp.with_values(np.random.default_rng(3).normal(0.5, 0.1, ramp.shape))
    few, many = (footprint_values(made, speckled, bins=bins) for bins in (60, 250))
    assert np.abs(few - many).max() < 0.01


def test_cautions_count_valid_rows_only(record):
    direction = record.values("wind_direction").copy()
    direction[:100] = np.nan
    made = tower_footprints(record.with_variable("wind_direction", direction))
    assert made.cautions()[Caution.OBUKHOV_LENGTH_FROM_FLUXES.name] == len(made.rows) - 100
