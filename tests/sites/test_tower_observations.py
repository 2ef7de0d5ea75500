"""From a processed tower to its observations: streams, errors, weights of every operator, and clear refusals."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.observation_weights import Rejection
from terraflux.sites.observations import check_observations
from terraflux.sites.observations_file import read_observations, write_observations
from terraflux.sites.processed_tower import processed_from_record
from terraflux.sites.raster_grid import RasterError
from terraflux.sites.rasters import read_raster
from terraflux.sites.records import read_record, write_record
from terraflux.sites.synthetic_record import FACTS, FOREST, GRASS, LATITUDE, LONGITUDE, write_synthetic_tower
from terraflux.sites.tower_footprints import footprint_classes, footprint_values, tower_footprints
from terraflux.sites.tower_observations import Vegetation, tower_observations
from terraflux.sites.tower_processing import process_tower

NEE, LE = "net_ecosystem_exchange", "latent_heat"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Forty processed invented days of summer, its footprints, classes and vegetation index."""
    files = write_synthetic_tower(tmp_path_factory.mktemp("tower"), days=40, first_day=150)
    tower = process_tower(read_record(files[0], facts=FACTS), ustar_threshold=0.3)
    footprints = tower_footprints(tower.to_record())
    where = {"half_width": 900.0, "resolution": 30.0}
    cover = read_raster(files[1], LATITUDE, LONGITUDE, legend="modis_igbp", **where)
    ndvi = read_raster(files[2], LATITUDE, LONGITUDE, name="NDVI", **where)
    return tower, footprints, footprint_classes(footprints, cover, "modis_igbp"), ndvi


def made(place, operator="mixture", **changes):
    tower, footprints, classes, _ = place
    given = {"operator": operator, "target": "MF"} | changes
    if operator == "site":
        return tower_observations(tower, **(given | {"target": None}))
    return tower_observations(tower, footprints, classes, **given)


def test_mixture_counts_every_measured_half_hour_with_a_footprint(place, tmp_path):
    tower, _, classes, _ = place
    one = made(place)
    good = (tower.quality["nee"] == 0) & (tower.results["nee_random_error"] > 0)
    captured = classes.captured()
    assert np.array_equal(one[f"{NEE}_weight"] > 0, good & (captured >= 0.7))
    assert np.array_equal(one[NEE], tower.filled["nee"])
    assert one.attrs["target_class"] == FOREST and one.attrs["footprint_model"] == "ffp"
    assert "USTAR" in one.attrs["footprint_friction_velocity"]
    back = read_observations(write_observations(one, tmp_path / "observations.nc"))
    whole = back["class_fraction"].sum("land_cover_class") + back["uncaptured_fraction"]
    assert whole.values == pytest.approx(np.ones(captured.size), abs=1e-12)


def test_the_file_of_a_tower_passes_the_cf_checker(place, tmp_path):
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    path = write_observations(made(place), tmp_path / "observations.nc")
    CheckSuite.load_all_available_checkers()
    passed, errors = ComplianceChecker.run_checker(str(path), ["cf:1.8"], 0, "strict", output_filename=str(tmp_path / "cf.txt"))
    assert passed and not errors, (tmp_path / "cf.txt").read_text()


def test_a_stricter_operator_never_counts_more(place):
    sizes = {name: made(place, name)[LE].attrs["effective_sample_size"] for name in ("site", "mixture", "hard_filter")}
    assert sizes["site"] >= sizes["mixture"] >= sizes["hard_filter"] > 0


def test_tempered_weighs_by_share_and_location_bias(place):
    ndvi = place[3]
    vegetation = Vegetation(ndvi, radius=500.0)
    one = made(place, "tempered", vegetation=vegetation)
    bias = (footprint_values(place[1], ndvi) / vegetation.target_mean() - 1.0) * 100.0
    used = one["weight"].values > 0
    share = np.minimum(place[2].of(FOREST), 1.0)
    assert one["weight"].values[used] == pytest.approx((share * (1.0 - np.abs(bias) / 25.0))[used], rel=1e-9)
    out = one["rejection"].values & Rejection.LOCATION_BIAS > 0
    assert np.array_equal(out, np.abs(bias) >= 25.0)


def test_inflation_adds_an_error_that_grows_with_the_departure_from_the_target(place):
    ndvi = place[3]
    vegetation = Vegetation(ndvi, sensitivity={NEE: -20.0}, dispersion_variance=1e-3)
    one = made(place, "inflation", streams=(NEE,), vegetation=vegetation)
    seen = footprint_values(place[1], ndvi) - vegetation.target_mean()
    sigma = one[f"{NEE}_representativeness_sigma"].values
    assert sigma == pytest.approx(20.0 * np.sqrt(1e-3 + seen**2), rel=1e-12, nan_ok=True)
    found = made(place, "inflation", streams=(NEE,), vegetation=Vegetation(ndvi, sensitivity={NEE: -20.0}))
    assert 0.0 < found.attrs["dispersion_variance"] < float(np.nanvar(ndvi.values)) * 2


def test_gross_production_is_stored_with_an_error_no_smaller_than_that_of_nee(place):
    one = made(place, streams=(NEE, "gross_primary_production"))
    assert np.array_equal(one["gross_primary_production"], place[0].results["gpp_nighttime"])
    assert np.isfinite(one["gross_primary_production"]).any()
    assert one.attrs["gross_primary_production_partitioning"] == "nighttime"
    both = np.isfinite(one["gross_primary_production_random_sigma"]) & np.isfinite(one[f"{NEE}_random_sigma"])
    assert (one["gross_primary_production_random_sigma"] >= one[f"{NEE}_random_sigma"]).where(both, True).all()


def test_corrected_heat_has_the_error_of_the_factor(place):
    tower = place[0]
    one = made(place, streams=(LE,), heat="corrected")
    assert np.array_equal(one[LE], tower.results["le_corrected"], equal_nan=True)
    factor = tower.details["closure_factor"]
    known = np.isfinite(one[f"{LE}_random_sigma"].values)
    assert one[f"{LE}_random_sigma"].values[known] == pytest.approx(
        (tower.results["le_random_error"] * np.abs(factor))[known], rel=1e-12)
    joint = made(place, streams=(LE,), heat="corrected", error="joint")
    assert np.array_equal(joint[f"{LE}_random_sigma"], tower.results["le_joint_error"], equal_nan=True)


def test_classes_of_one_plant_type_are_joined_and_of_two_refused(place):
    tower, footprints, classes, _ = place
    twin = type(classes)(classes.fraction, classes.code, classes.name, ("MF", "MF"))
    one = tower_observations(tower, footprints, twin, target="MF")
    assert one.sizes["land_cover_class"] == 1 and one.attrs["target_class"] == FOREST
    assert one["class_fraction"].values[0] == pytest.approx(classes.captured(), rel=1e-12, nan_ok=True)
    with pytest.raises(ForcingError, match="different plant types"):
        tower_observations(tower, footprints, classes, target=(FOREST, GRASS))


def test_without_a_target_the_class_that_footprints_see_most_is_taken(place):
    assert made(place, target=None).attrs["target_class"] == FOREST
    assert made(place, target=str(GRASS)).attrs["target_class"] == GRASS


@pytest.mark.parametrize("changes, says", [
    ({"streams": ("nee",)}, "known are|did you mean"), ({"target": "EBF"}, "does not occur around the tower"),
    ({"heat": "closed"}, "unknown"), ({"error": "joint"}, "no value with the joint error"),
    ({"operator": "tempered"}, "needs a vegetation raster"), ({"operator": "tempred"}, "unknown"),
])
def test_what_does_not_fit_is_refused_with_a_remedy(place, changes, says):
    with pytest.raises(ValueError, match=says):
        made(place, **({"operator": "mixture"} | changes))


def test_inflation_without_sensitivity_and_a_small_raster_are_refused(place):
    with pytest.raises(ForcingError, match="sensitivity of latent_heat"):
        made(place, "inflation", streams=(LE,), vegetation=Vegetation(place[3]))
    with pytest.raises(RasterError, match="does not reach the target radius of 5000"):
        made(place, "tempered", vegetation=Vegetation(place[3], radius=5000.0))
    with pytest.raises(ForcingError, match="needs footprints"):
        tower_observations(place[0], operator="mixture")


def test_a_processed_file_gives_the_same_observations(place, tmp_path):
    tower, _, classes, _ = place
    back = processed_from_record(read_record(write_record(tower.to_record(), tmp_path / "processed.nc")))
    footprints = tower_footprints(back.to_record())
    assert np.array_equal(footprints.rows.scale, place[1].rows.scale, equal_nan=True)
    one, other = made(place), tower_observations(back, footprints, classes, target="MF")
    for name in (NEE, f"{NEE}_random_sigma", f"{NEE}_weight", f"{LE}_weight", "footprint_reason", "weight"):
        assert np.array_equal(one[name], other[name], equal_nan=True), name
    check_observations(other)
