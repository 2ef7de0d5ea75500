"""Single footprints: mass is told and never mended in silence, grids agree, and bad half hours say why."""

import warnings

import numpy as np
import pytest

from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.single import footprint
from terraflux.sites.footprint.streaming import AliasingWarning

HALF_HOUR = {"measurement_height": 20.0, "roughness_length": 0.1, "boundary_layer_height": 2000.0, "obukhov_length": -100.0,
             "sigma_v": 0.6, "friction_velocity": 0.4}
MODELS = [("ffp", {}), ("kormann_meixner", {}), ("hsieh", {}), ("safe_f", {}), ("safe_f", {"solution": "horst_weil"})]


def test_published_ffp_grid_captures_what_the_published_program_does():
    one = footprint("ffp", **HALF_HOUR)
    assert one.frame == "wind" and one.density.shape == (one.y.size, one.x.size)
    assert one.captured_mass == pytest.approx(0.9522946228500926, rel=1e-12)
    assert one.total_mass == pytest.approx(0.9522708, abs=2e-5)
    assert one.source_areas[0].level == pytest.approx(1.0710225004903694e-05, rel=1e-12)
    assert one.source_areas[1].level == pytest.approx(9.80812147530407e-07, rel=1e-12)


@pytest.mark.parametrize(("model", "options"), MODELS)
@pytest.mark.parametrize("direction", [None, 0.0, 217.0])
def test_every_model_gives_a_footprint_on_its_own_grid(model, options, direction):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = footprint(model, wind_direction=direction, **HALF_HOUR, **options)
    assert one.valid and one.why == []
    assert np.all(one.density >= 0.0) and 0.6 < one.captured_mass < 1.1
    assert one.x_max == pytest.approx(one.distance[np.argmax(one.crosswind_integrated)], abs=one.distance[1] - one.distance[0])


def test_rotation_keeps_the_mass_and_turns_the_peak_into_the_wind():
    grid = Grid.square(1500.0, 10.0)
    masses = [footprint("ffp", wind_direction=wind, grid=grid, **HALF_HOUR).captured_mass for wind in (0.0, 90.0, 180.0, 270.0)]
    np.testing.assert_allclose(masses, masses[0], rtol=1e-12)
    north = footprint("ffp", wind_direction=0.0, grid=grid, **HALF_HOUR)
    line, column = np.unravel_index(np.argmax(north.density), north.density.shape)
    assert north.y[line] > 0.0 and north.x[column] == 0.0


def test_points_on_any_grid_equal_the_climatology_of_one_row():
    from terraflux.sites.footprint.climatology import climatology
    from terraflux.sites.footprint.models import footprint_rows

    grid = Grid.square(600.0, 10.0)
    one = footprint("kormann_meixner", wind_direction=130.0, grid=grid, **HALF_HOUR)
    rows = footprint_rows("kormann_meixner", wind_direction=130.0, **HALF_HOUR)
    np.testing.assert_allclose(one.density, climatology(rows, grid, mode="exact").density, rtol=1e-9, atol=1e-300)


def test_coarse_points_alias_and_say_so_while_cell_means_hold_the_mass():
    coarse = Grid.square(3000.0, 60.0)
    with pytest.warns(AliasingWarning):
        points = footprint("ffp", wind_direction=30.0, grid=coarse, **HALF_HOUR)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means = footprint("ffp", wind_direction=30.0, grid=coarse, cells="integrated", **HALF_HOUR)
    fine = footprint("ffp", wind_direction=30.0, grid=coarse.refined(15), **HALF_HOUR)
    assert means.captured_mass == pytest.approx(fine.captured_mass, abs=1e-4)
    assert abs(points.captured_mass - fine.captured_mass) > 10.0 * abs(means.captured_mass - fine.captured_mass)


def test_norms_scale_the_density_and_leave_the_captured_mass_told():
    grid = Grid.square(800.0, 10.0)
    plain, domain, contour = (footprint("ffp", wind_direction=30.0, grid=grid, norm=norm, fractions=(0.3, 0.6), **HALF_HOUR)
                              for norm in ("none", "domain", "contour"))
    assert plain.factor == 1.0 and plain.captured_mass < 0.9
    assert domain.captured_mass == contour.captured_mass == plain.captured_mass
    assert domain.density.sum() * 100.0 == pytest.approx(1.0, rel=1e-12)
    assert domain.factor == pytest.approx(1.0 / plain.captured_mass, rel=1e-12)
    assert contour.density.sum() * 100.0 == pytest.approx(1.0, rel=1e-12)
    inside = contour.density > 0.0
    assert plain.density[inside].sum() * 100.0 == pytest.approx(0.6, abs=2e-3)
    np.testing.assert_allclose(contour.density[inside], plain.density[inside] * contour.factor, rtol=1e-12)


def test_a_contour_the_grid_does_not_hold_cannot_norm():
    with pytest.raises(ValueError, match="wider grid"):
        footprint("ffp", wind_direction=30.0, grid=Grid.square(200.0, 10.0), norm="contour", fractions=(0.9,), **HALF_HOUR)
    with pytest.raises(ValueError, match="none, domain, contour"):
        footprint("ffp", norm="unit", **HALF_HOUR)


def test_smoothing_moves_mass_but_keeps_it():
    grid = Grid.square(2000.0, 10.0)
    plain, smooth = (footprint("ffp", wind_direction=30.0, grid=grid, smooth=one, **HALF_HOUR) for one in (False, True))
    assert smooth.density.max() < plain.density.max()
    assert smooth.captured_mass == pytest.approx(plain.captured_mass, rel=1e-3)


def test_an_impossible_half_hour_says_why():
    one = footprint("ffp", wind_direction=30.0, **{**HALF_HOUR, "boundary_layer_height": 15.0, "sigma_v": None})
    assert not one.valid and np.isnan(one.density).all() and np.isnan(one.captured_mass)
    assert len(one.why) == 2 and all(area.polygons == () for area in one.source_areas)


def test_more_rows_than_one_are_refused():
    with pytest.raises(ValueError, match="make 2; use climatology"):
        footprint("ffp", **{**HALF_HOUR, "sigma_v": [0.5, 0.6]})


def test_dataset_carries_units_masses_and_the_label():
    one = footprint("safe_f", wind_direction=30.0, **HALF_HOUR).to_dataset()
    assert one["density"].attrs["units"] == "m-2" and one["density"].dims == ("y", "x")
    assert one.attrs["footprint_model"] == 'safe_f(solution="powerlaw")' and "unverified" in one.attrs["footprint_model_note"]
    assert float((one["density"]).sum()) > 0.0 and 0.0 < one.attrs["captured_mass"] < 1.0
