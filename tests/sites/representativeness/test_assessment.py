"""One report of all measures, and the choice of the representative third."""

from types import SimpleNamespace

import numpy as np
import pytest

from terraflux.sites.raster_grid import RasterError
from terraflux.sites.representativeness.assessment import assess
from terraflux.sites.representativeness.ranking import RankingRule, rank_towers, ranking_table
from terraflux.sites.representativeness.report import COLUMNS


@pytest.fixture
def cover(grid):
    """Grassland all around, cropland in a strip far east."""
    return grid.with_values(np.where(grid.x[None, :] > 700.0, 12.0, 10.0) * np.ones(grid.shape), kind="classes", name="cover")


@pytest.fixture
def periods(grid, landscapes):
    """A year, a summer day and night that drift apart."""
    return {name: landscapes.gaussian_footprint(grid, east) for name, east in
            (("year", 0.0), ("summer day", 60.0), ("summer night", -60.0))}


def test_a_report_holds_every_measure(grid, landscapes, cover, periods):
    ndvi = landscapes.textured(grid)
    report = assess(periods, {"NDVI": ndvi, "cover": cover}, code="CN-HaM", legend="modis_igbp", target_class="GRA",
                    radii=(250.0, 500.0), target_radius=900.0, seasons=("summer day", "summer night"),
                    day_night=[("summer day", "summer night")], sensitivity={"NDVI": 20.0})
    assert report.notes == [] and all(not one.notes for one in report.periods.values())
    measures = {row["measure"] for row in report.rows()}
    assert {"captured_mass", "X80", "S80", "location_bias", "flux_bias", "kolmogorov_smirnov", "hellinger", "PTVT_80",
            "FTVT_50", "bray_curtis", "land_cover_rating", "dispersion_variance", "characteristic_scale", "variogram_range",
            "anisotropy_ratio", "R_CV", "Roman_score", "O80_season", "O80_daynight", "class_share_10"} <= measures
    assert all(tuple(row) == COLUMNS for row in report.rows())
    assert report.table().shape == (len(report.rows()), len(COLUMNS))
    assert {row["radius"] for row in report.rows() if row["measure"] == "location_bias"} == {250.0, 500.0, 900.0}
    assert report.target_codes == (10,) and report.target_name == "grassland"
    assert report.bias_at_target("NDVI").radius == 900.0
    assert report.season_overlap == pytest.approx(report.day_night_overlap)


def test_the_class_that_holds_most_of_the_footprint_is_the_target_unless_another_is_named(cover, periods):
    assert assess(periods, {"cover": cover}).target_codes == (10,)
    assert assess(periods, {"cover": cover}, target_class=12).target_codes == (12,)
    with pytest.raises(RasterError, match="no legend is given"):
        assess(periods, {"cover": cover}, target_class="CRO")


def test_a_broken_period_leaves_a_note_and_the_others_stand(grid, landscapes, periods):
    periods["winter"] = np.full(grid.shape, np.nan)
    report = assess(periods, {"NDVI": landscapes.textured(grid)}, radii=(500.0,), seasons=("year", "winter"))
    assert set(report.periods) == {"year", "summer day", "summer night"}
    assert any("winter" in note and "no number" in note for note in report.notes)
    assert report.season_overlap is None
    with pytest.raises(RasterError, match="no climatology can be used"):
        assess({"winter": periods["winter"]}, {"NDVI": grid})


def test_a_scene_with_holes_is_assessed_and_an_empty_one_leaves_notes(grid, landscapes, periods):
    holed = landscapes.textured(grid)
    holed.values[10:30, 10:60] = np.nan
    report = assess(periods, {"NDVI": holed, "LAI": grid.with_values(np.full(grid.shape, np.nan))}, radii=(500.0,))
    assert np.isfinite(report.bias_at_target("NDVI").percent)
    assert report.surfaces["LAI"].variogram is None and report.surfaces["LAI"].notes
    assert report.bias_at_target("LAI").rating == "undefined"


def test_scenes_by_period_are_matched_and_regressed(grid, landscapes):
    footprint = landscapes.gaussian_footprint(grid)
    months = {f"month {k}": footprint for k in range(1, 9)}
    scenes = {name: landscapes.textured(grid, seed=4, mean=0.2 + 0.05 * k, sill=1e-5) for k, name in enumerate(months)}
    report = assess(months, {"NDVI": scenes}, radii=(500.0,))
    assert report.surfaces["NDVI"].regression.rating == "HIGH" and report.surfaces["NDVI"].regression.scenes == 8
    assert report.periods["month 8"].bias["NDVI"][0].area_value > report.periods["month 1"].bias["NDVI"][0].area_value
    del scenes["month 3"]
    missing = assess(months, {"NDVI": scenes}, radii=(500.0,))
    assert any("no scene of this period" in note for note in missing.periods["month 3"].notes)


def test_climatologies_and_rasters_must_share_a_grid(grid, landscapes):
    def climatology(**changes):
        """What the footprint package hands out: density on a grid."""
        axes = SimpleNamespace(**{"x": grid.x, "y": grid.y, "true_north": 0.0, **changes})
        return {"year": SimpleNamespace(density=landscapes.gaussian_footprint(grid), grid=axes, norm="none")}

    ndvi = landscapes.textured(grid)
    assert assess(climatology(), {"NDVI": ndvi}, radii=(500.0,)).periods["year"]
    with pytest.raises(RasterError, match="axis y of the climatology"):
        assess(climatology(y=grid.y[::-1]), {"NDVI": ndvi})
    with pytest.raises(RasterError, match="true north"):
        assess(climatology(true_north=1.5), {"NDVI": ndvi})
    with pytest.raises(RasterError, match="different grids"):
        assess(climatology(), {"NDVI": ndvi, "LAI": landscapes.blank(500.0)})
    scaled = climatology()
    scaled["year"].norm = "domain"
    with pytest.raises(RasterError, match="captured mass is lost"):
        assess(scaled, {"NDVI": ndvi})


def network(grid, landscapes, cover, drifts):
    """Reports of towers whose footprints drift ever farther into cropland of another NDVI."""
    patches = landscapes.two_patches(grid, 0.6, 0.3, border=700.0)
    return [assess({"year": landscapes.gaussian_footprint(grid, east=drift)}, {"NDVI": patches, "cover": cover},
                   code=f"T{k}", legend="modis_igbp", target_class="GRA", radii=(500.0,), target_radius=1000.0)
            for k, drift in enumerate(drifts)]


def test_the_best_third_is_selected_and_every_tower_has_reasons(grid, landscapes, cover):
    towers = rank_towers(network(grid, landscapes, cover, (850.0, 600.0, 540.0, 560.0, 580.0, 900.0)))
    assert [tower.rank for tower in towers] == [1, 2, 3, 4, 5, 6]
    assert sum(tower.selected for tower in towers) <= 2
    assert all(tower.reasons for tower in towers)
    failed = {tower.code: tower.reasons for tower in towers if tower.failed}
    assert {"T0", "T5"} <= set(failed)
    assert any("target class (grassland) holds" in reason for reason in failed["T0"])
    assert any("sensor-location bias" in reason for reason in failed["T0"])
    assert not any(tower.selected for tower in towers if tower.failed)
    table = ranking_table(towers)
    assert list(table["code"]) == [tower.code for tower in towers] and table["reasons"].str.len().min() > 0


def test_nobody_is_selected_where_all_fail(grid, landscapes, cover):
    towers = rank_towers(network(grid, landscapes, cover, (850.0, 880.0, 900.0)))
    assert all(tower.failed and not tower.selected for tower in towers)
    loose = rank_towers(network(grid, landscapes, cover, (850.0, 880.0, 900.0)), RankingRule(0.0, 0.0, 1000.0))
    assert sum(tower.selected for tower in loose) == 1


def test_a_footprint_that_leaves_the_grid_fails(grid, landscapes):
    report = assess({"year": 0.5 * landscapes.gaussian_footprint(grid)}, {"NDVI": landscapes.textured(grid)}, code="T")
    (tower,) = rank_towers([report])
    assert tower.failed and any("captures 0.47" in reason or "captures 0.48" in reason for reason in tower.reasons)
    with pytest.raises(RasterError, match="two reports"):
        rank_towers([report, report])
