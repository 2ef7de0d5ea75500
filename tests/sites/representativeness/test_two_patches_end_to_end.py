"""From half hours to a report on a landscape of two patches: every measure follows the wind."""

import numpy as np
import pytest

from terraflux.sites.footprint.climatology import climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.half_hours import HalfHours, read_half_hours
from terraflux.sites.representativeness.ranking import rank_towers
from terraflux.sites.representativeness.tower import represent

AXIS = np.arange(-595.0, 600.0, 10.0)  # m; the border runs between two cells
WEST_TO_EAST = (270.0, 315.0, 0.0, 45.0, 90.0)
FOREST, CROP = 4, 12


def two_patches():
    """NDVI 0.8 and forest west of the tower, 0.4 and cropland east of it."""
    east = np.sign(AXIS)[None, :] * np.ones((AXIS.size, 1))
    ndvi = Raster(0.6 - 0.2 * east, AXIS, AXIS, name="NDVI")
    cover = Raster(np.where(east < 0, FOREST, CROP).astype(float), AXIS, AXIS, name="cover", kind="classes")
    return {"NDVI": ndvi, "cover": cover}


def half_hours(direction, spread=60.0, days=20, start="2019-07-01", **fluxes):
    """Half hours of mild air with winds evenly within a spread about a direction (degrees from; one, or one per half hour)."""
    count = 48 * days
    random = np.random.default_rng(7)
    wind = (np.broadcast_to(direction, count) + random.permutation(np.linspace(-spread, spread, count))) % 360.0
    inputs = {"measurement_height": np.full(count, 10.0), "roughness_length": np.full(count, 0.1),
              "obukhov_length": np.full(count, -80.0), "sigma_v": np.full(count, 0.55),
              "friction_velocity": np.full(count, 0.35), "boundary_layer_height": np.full(count, 900.0), "wind_direction": wind}
    time = np.datetime64(start, "s") + np.arange(count) * np.timedelta64(1800, "s")
    return HalfHours(inputs, time, 1800, fluxes)


def tower(hours, **options):
    """A tower at 42 N, 128 E, whose target is the forest."""
    given = {"latitude": 42.0, "longitude": 128.0, "code": "two", "period": "all", "legend": "modis_igbp",
             "target_class": "DBF", "radii": (250, 500), "target_radius": 500.0, "cells": "point", "shape": "square"}
    return represent(hours, two_patches(), **(given | options))


@pytest.fixture(scope="module")
def turning():
    """Reports with the wind from the west, over north, to the east."""
    return [tower(half_hours(direction)).report for direction in WEST_TO_EAST]


def falls(values):
    """Whether values fall at every step."""
    return bool((np.diff(values) < 0).all())


def test_bias_turns_with_the_wind_from_the_green_to_the_bare_patch(turning):
    bias = [one.bias_at_target("NDVI") for one in turning]
    assert falls([one.percent for one in bias]) and falls([one.footprint_value for one in bias])
    assert bias[0].percent > 25.0 and bias[-1].percent < -25.0 and bias[0].rating == bias[-1].rating == "biased"
    assert all(one.area_value == pytest.approx(0.6, abs=1e-12) for one in bias)
    assert abs(bias[2].percent) < 1.0


def test_target_vegetation_and_class_share_fall_as_the_wind_leaves_the_forest(turning):
    ftvt = [next(one for one in report.periods["all"].target["cover"] if one.share == 0.8) for report in turning]
    assert falls([one.by_footprint for one in ftvt]) and falls([one.by_area for one in ftvt])
    assert ftvt[0].by_footprint > 90.0 and ftvt[-1].by_footprint < 10.0
    shares = [report.periods["all"].class_shares["cover"][FOREST] for report in turning]
    assert falls(shares)


@pytest.mark.parametrize("measure", ["hellinger", "kolmogorov_smirnov", "bray_curtis"])
def test_distances_of_footprint_and_surroundings_are_least_with_the_wind_along_the_border(turning, measure):
    def value(report):
        period = report.periods["all"]
        return {"hellinger": period.distributions["NDVI"].hellinger,
                "kolmogorov_smirnov": period.distributions["NDVI"].kolmogorov_smirnov,
                "bray_curtis": period.similarity["cover"].bray_curtis}[measure]

    found = [value(report) for report in turning]
    assert falls(found[:3]) and falls(found[:1:-1])


def test_dispersion_variance_falls_as_the_footprint_widens_and_knows_no_direction(turning):
    found = [tower(half_hours(270.0, spread=spread)).report.periods["all"].dispersion_variance["NDVI"]
             for spread in (5.0, 60.0, 180.0)]
    assert falls(found)
    along, across = (report.periods["all"].dispersion_variance["NDVI"] for report in (turning[2], turning[0]))
    assert along == pytest.approx(across, rel=1e-9)  # it comes from the semivariogram of distances, not from where patches lie


def test_the_network_prefers_the_tower_whose_wind_follows_the_border():
    towers = [tower(half_hours(direction), code=f"wind{direction:g}").report for direction in WEST_TO_EAST]
    ranked = rank_towers(towers)
    assert ranked[0].code == "wind0" and ranked[0].selected
    assert any("bias" in reason for reason in next(one for one in ranked if one.code == "wind90").reasons)


def test_seasons_overlap_less_when_winter_winds_come_from_the_other_side():
    year = np.arange(48 * 365)
    summer = (year // 48 > 100) & (year // 48 < 280)
    apart = tower(half_hours(np.where(summer, 270.0, 90.0), days=365, start="2019-01-01"))
    alike = tower(half_hours(np.full(year.size, 270.0), days=365, start="2019-01-01"))
    assert alike.report.season_overlap > 0.98 and apart.report.season_overlap < 0.6
    assert alike.report.day_night_overlap > 0.98


def test_day_and_night_overlap_falls_with_a_land_breeze():
    clock = (np.arange(48 * 20) % 48) / 2.0
    breeze = tower(half_hours(np.where((clock > 5) & (clock < 20), 270.0, 90.0)), utc_offset=8.0)
    assert breeze.report.day_night_overlap < 0.5


def test_weights_draw_the_footprint_to_where_the_flux_comes_from():
    direction = np.where(np.arange(48 * 20) % 2 == 0, 270.0, 90.0)
    gpp = np.where(direction == 270.0, 20.0, 1.0)
    hours = half_hours(direction, gpp=gpp)
    even, weighted = tower(hours), tower(hours, weights="gpp")
    assert abs(even.report.bias_at_target("NDVI").percent) < 3.0
    assert weighted.report.bias_at_target("NDVI").percent > 20.0
    assert weighted.used == even.used and weighted.weights == "gpp"


def test_periods_are_parts_of_the_whole():
    found = tower(half_hours(300.0, days=62), period="month")
    assert list(found.climatologies) == ["all", "2019-07", "2019-08"]
    months = [found.climatologies[name] for name in ("2019-07", "2019-08")]
    whole = climatology(found.rows, Grid(AXIS, AXIS))
    assert sum(one.used for one in months) == found.used == 48 * 62
    np.testing.assert_allclose(found.reference.density, whole.density, rtol=1e-12, atol=1e-18)
    mean = sum(one.density * one.used for one in months) / found.used
    np.testing.assert_allclose(mean, whole.density, rtol=1e-12, atol=1e-18)


def test_bad_half_hours_are_counted_by_reason_and_change_nothing():
    good = half_hours(270.0)
    bad = {name: values.copy() for name, values in good.inputs.items()}
    bad["sigma_v"][:7] = np.nan
    bad["boundary_layer_height"][7:10] = 8.0
    bad["friction_velocity"][10:15] = 0.0
    bad["wind_direction"][15:17] = 400.0
    bad["obukhov_length"][17] = np.nan
    spoiled = tower(HalfHours(bad, good.time), estimate=False)
    assert spoiled.reasons == {"MISSING_SIGMA_V": 7, "FRICTION_VELOCITY_TOO_LOW": 5, "ABOVE_BOUNDARY_LAYER": 3,
                               "BOUNDARY_LAYER_TOO_SHALLOW": 3, "WIND_DIRECTION_OUTSIDE_CIRCLE": 2,
                               "MISSING_OBUKHOV_LENGTH": 1}
    assert spoiled.used == len(good) - 18
    kept = HalfHours({name: values[18:] for name, values in good.inputs.items()}, good.time[18:])
    np.testing.assert_array_equal(spoiled.reference.density, tower(kept).reference.density)


def test_missing_sigma_v_is_estimated_and_counted_unless_it_shall_not_be():
    hours = half_hours(270.0)
    bare = {name: values for name, values in hours.inputs.items() if name != "sigma_v"}
    found = tower(HalfHours(bare, hours.time))
    assert found.used == len(hours) and found.cautions["SIGMA_V_CONVECTIVE"] == len(hours)
    with pytest.raises(ValueError, match=f"{len(hours)} MISSING_SIGMA_V"):
        tower(HalfHours(bare, hours.time), estimate=False)


def test_a_month_without_a_footprint_leaves_a_note_and_the_others():
    hours = half_hours(270.0, days=62)
    bad = dict(hours.inputs) | {"friction_velocity": np.where(hours.time < np.datetime64("2019-08-01"), 0.01, 0.35)}
    found = tower(HalfHours(bad, hours.time), period="month")
    assert list(found.climatologies) == ["all", "2019-08"]
    assert any("2019-07 has no usable half hour" in note for note in found.notes)


def test_half_hours_without_time_have_one_climatology_and_say_so():
    hours = half_hours(270.0)
    found = tower(HalfHours(hours.inputs), period="season")
    assert list(found.climatologies) == ["all"] and found.report.season_overlap is None
    assert any("no time" in note for note in found.notes)


def test_scenes_by_period_are_matched_and_their_mean_serves_the_whole():
    scene = two_patches()["NDVI"]
    scenes = {"2019-07": scene, "2019-08": scene.with_values(scene.values * 0.5)}
    found = represent(half_hours(270.0, days=62), {"NDVI": scenes}, latitude=42.0, longitude=128.0, period="month",
                      radii=(250, 500), target_radius=500.0, cells="point")
    seen = {name: one.bias["NDVI"][0].footprint_value for name, one in found.report.periods.items()}
    assert seen["2019-08"] == pytest.approx(0.5 * seen["2019-07"], rel=1e-3)
    assert seen["all"] == pytest.approx(0.75 * seen["2019-07"], rel=1e-2)


@pytest.mark.parametrize("model, options", [("kormann_meixner", {}), ("hsieh", {}), ("safe_f", {"solution": "powerlaw"}),
                                            ("safe_f", {"solution": "horst_weil"})])
def test_every_model_sees_the_patch_upwind(model, options):
    hours = half_hours(270.0, days=1)
    found = tower(hours, model=model, model_options=options)
    assert found.report.bias_at_target("NDVI").percent > 20.0
    assert ("unverified" in found.model_note) == (model == "safe_f")
    assert found.model == (f'safe_f(solution="{options["solution"]}")' if options else model)


@pytest.mark.real_data
def test_a_real_year_of_drivers_over_a_real_scene(shared_data):
    drivers = shared_data / "references" / "ffp" / "year_drivers.csv.gz"
    hours = read_half_hours(drivers, first_time="2019-01-01T00:00")
    part = HalfHours({name: values[::13] for name, values in hours.inputs.items()}, hours.time[::13], 1800,
                     {"par": hours.flux("par")[::13]})
    axis = AXIS[10:-10]
    texture = Raster(0.5 + 0.2 * np.sin(axis[None, :] / 90.0) * np.cos(axis[:, None] / 70.0), axis, axis, name="NDVI")
    found = represent(part, {"NDVI": texture}, latitude=50.0, longitude=8.0, radii=(250, 500), weights="par", cells="point",
                      target_radius=500.0)
    assert found.reasons == {} and found.reference.captured_mass == pytest.approx(0.87, abs=0.03)
    assert found.dropped == {"WEIGHT_ZERO": int((part.flux("par") <= 0).sum())}
    assert np.isfinite(found.report.bias_at_target("NDVI").percent)
    assert 0.8 < found.report.season_overlap <= 1.0
