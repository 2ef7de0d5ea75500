"""The observations of a tower: what the dataset must hold, on disk too, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.sites.observation_weights import observation_weights
from terraflux.sites.observations import ClassFractions, Stream, check_observations, observations
from terraflux.sites.observations_file import read_observations, write_observations

ROWS = 6
TIME = np.datetime64("2005-07-01T00:00") + np.arange(ROWS) * np.timedelta64(30, "m")
FRACTION = np.array([[0.8, 0.1], [0.5, 0.4], [0.1, 0.8], [0.3, 0.2], [np.nan, np.nan], [0.9, 0.05]])
CLASSES = ClassFractions(FRACTION, (4, 12), ("deciduous broadleaf forest", "cropland"), ("DBF", "CRO"))
VALUE = np.array([-5.0, -6.0, np.nan, -4.0, -3.0, -2.0])


def stream(**changes):
    given = {"name": "net_ecosystem_exchange", "value": VALUE, "random_sigma": np.full(ROWS, 1.5),
             "quality": np.array([0, 0, 0, 0, 0, 1])}
    return Stream(**{**given, **changes})


def made(operator="mixture", streams=None, classes=CLASSES, **changes):
    weights = observation_weights(operator, CLASSES.captured(), CLASSES.of(4)) if operator != "site" else \
        observation_weights("site", rows=ROWS)
    return observations(TIME, 1800, streams or [stream()], weights, site_id="XX-Abc", utc_offset_hours=8.0,
                        classes=classes, target_class=4, footprint_model="ffp", **changes)


def test_values_count_where_they_are_measured_have_an_error_and_a_footprint():
    one = made()
    assert one["net_ecosystem_exchange_weight"].values.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert one["net_ecosystem_exchange_quality"].values.tolist() == [0, 0, -1, 0, 0, 1]
    assert one["net_ecosystem_exchange"].attrs["effective_sample_size"] == 2.0
    assert np.array_equal(one["net_ecosystem_exchange"].values, VALUE, equal_nan=True), "nothing is deleted"
    filled = made(maximum_quality=1)
    assert filled["net_ecosystem_exchange_weight"].values.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def test_fractions_and_remainder_are_the_whole_footprint():
    one = made()
    whole = one["class_fraction"].sum("land_cover_class", skipna=False) + one["uncaptured_fraction"]
    assert whole.values == pytest.approx([1.0, 1.0, 1.0, 1.0, np.nan, 1.0], nan_ok=True)


def test_the_file_gives_back_every_value_flag_and_attribute(tmp_path):
    one = made()
    back = read_observations(write_observations(one, tmp_path / "observations.nc"))
    xr.testing.assert_identical(back.drop_vars("time_bounds"), one.drop_vars("time_bounds"))
    assert np.array_equal(back["time_bounds"].values.astype("datetime64[s]"), one["time_bounds"].values.astype("datetime64[s]"))


def test_the_file_passes_the_cf_checker_of_its_convention(tmp_path):
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    path = write_observations(made(), tmp_path / "observations.nc")
    CheckSuite.load_all_available_checkers()
    passed, errors = ComplianceChecker.run_checker(str(path), ["cf:1.8"], 0, "strict", output_filename=str(tmp_path / "cf.txt"))
    assert passed and not errors, (tmp_path / "cf.txt").read_text()


def test_a_later_minor_version_is_read_and_a_later_major_one_refused(tmp_path):
    one = made()
    one.attrs["schema_version"] = "1.7"
    assert read_observations(write_observations(one, tmp_path / "a.nc")).attrs["schema_version"] == "1.7"
    one.attrs["schema_version"] = "2.0"
    one.to_netcdf(tmp_path / "b.nc")
    with pytest.raises(ForcingError, match=r"schema version '2\.0' cannot be read"):
        read_observations(tmp_path / "b.nc")


def test_a_file_of_something_else_is_refused_with_what_is_missing(tmp_path):
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(ForcingError, match="attribute schema is None"):
        read_observations(tmp_path / "other.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(ForcingError, match=r"text\.nc"):
        read_observations(tmp_path / "text.nc")


def test_an_error_of_representativeness_belongs_to_inflation_alone():
    extra = stream(representativeness_sigma=np.full(ROWS, 0.5))
    assert "net_ecosystem_exchange_representativeness_sigma" in made("inflation", [extra])
    with pytest.raises(ValueError, match="twice"):
        made("mixture", [extra])
    with pytest.raises(ValueError, match="lacks the representativeness_sigma"):
        made("inflation")


def test_a_site_operator_needs_no_footprint():
    one = made("site", classes=None)
    assert "class_fraction" not in one
    assert one["net_ecosystem_exchange_weight"].values.tolist() == [1.0, 1.0, 0.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(("changes", "message"), [
    ({"name": "net_ecosystem_exchang"}, "did you mean 'net_ecosystem_exchange'"),
    ({"value": VALUE[:3]}, r"value of stream .* has shape \(3,\)"),
    ({"random_sigma": np.full(ROWS, -1.0)}, "an error is not negative"),
    ({"quality": np.full(ROWS, 9)}, "quality of stream"),
])
def test_streams_that_do_not_fit_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        made(streams=[stream(**changes)])


def test_time_out_of_order_and_missing_classes_are_refused():
    weights = observation_weights("mixture", CLASSES.captured(), CLASSES.of(4))
    with pytest.raises(ValueError, match="increasing"):
        observations(TIME[::-1], 1800, [stream()], weights, site_id="X", utc_offset_hours=0.0, classes=CLASSES)
    with pytest.raises(ValueError, match="needs the class fractions"):
        observations(TIME, 1800, [stream()], weights, site_id="X", utc_offset_hours=0.0)
    with pytest.raises(ValueError, match="class 7 is not among"):
        CLASSES.of(7)


def test_weights_and_fractions_out_of_range_break_the_schema():
    one = made()
    one["weight"][0] = 1.5
    with pytest.raises(ValueError, match="weight leaves"):
        check_observations(one)
    two = made()
    two["class_fraction"][:, 0] = 0.9
    with pytest.raises(ValueError, match="class fractions leave"):
        check_observations(two)
