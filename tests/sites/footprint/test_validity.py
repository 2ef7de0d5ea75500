"""Every rule has its own bit, its own text, and breaks one row only; bad columns are errors that name the input."""

import numpy as np
import pytest

from terraflux.sites.footprint.models import WindConvention, footprint_rows
from terraflux.sites.footprint.validity import CAUTION_TEXT, REASON_TEXT, Caution, Reason, counts, texts

GOOD = {"measurement_height": 20.0, "roughness_length": 0.1, "boundary_layer_height": 1000.0, "obukhov_length": -100.0,
        "sigma_v": 0.6, "friction_velocity": 0.4, "wind_direction": 30.0, "mean_wind_speed": 4.8}
NAN = float("nan")
SHARED = [
    ({"measurement_height": NAN}, Reason.MISSING_MEASUREMENT_HEIGHT),
    ({"roughness_length": NAN, "mean_wind_speed": NAN}, Reason.MISSING_ROUGHNESS_AND_WIND_SPEED),
    ({"obukhov_length": NAN}, Reason.MISSING_OBUKHOV_LENGTH),
    ({"obukhov_length": 0.0}, Reason.OBUKHOV_LENGTH_ZERO),
    ({"sigma_v": NAN}, Reason.MISSING_SIGMA_V),
    ({"sigma_v": 0.0}, Reason.SIGMA_V_NOT_POSITIVE),
    ({"sigma_v": np.inf}, Reason.MISSING_SIGMA_V),
    ({"friction_velocity": NAN}, Reason.MISSING_FRICTION_VELOCITY),
    ({"friction_velocity": 0.0}, Reason.FRICTION_VELOCITY_TOO_LOW),
    ({"wind_direction": NAN}, Reason.MISSING_WIND_DIRECTION),
    ({"wind_direction": 361.0}, Reason.WIND_DIRECTION_OUTSIDE_CIRCLE),
    ({"wind_direction": -1.0}, Reason.WIND_DIRECTION_OUTSIDE_CIRCLE),
    ({"measurement_height": -2.0}, Reason.MEASUREMENT_HEIGHT_NOT_POSITIVE),
    ({"roughness_length": -0.1}, Reason.ROUGHNESS_NOT_POSITIVE),
    ({"roughness_length": NAN, "mean_wind_speed": 0.0}, Reason.CALM),
]
FFP = [
    ({"boundary_layer_height": NAN}, Reason.MISSING_BOUNDARY_LAYER_HEIGHT),
    ({"boundary_layer_height": 10.0}, Reason.BOUNDARY_LAYER_TOO_SHALLOW),
    ({"boundary_layer_height": 20.0}, Reason.ABOVE_BOUNDARY_LAYER),
    ({"boundary_layer_height": 15.0}, Reason.ABOVE_BOUNDARY_LAYER),
    ({"roughness_length": 20.0 / 12.5}, Reason.IN_ROUGHNESS_SUBLAYER),
    ({"obukhov_length": -20.0 / 15.5}, Reason.TOO_UNSTABLE),
    ({"friction_velocity": 0.1}, Reason.FRICTION_VELOCITY_TOO_LOW),
    ({"measurement_height": 300.0, "obukhov_length": 5000.0}, Reason.PROFILE_UNDEFINED),
]
PROFILE = [({"roughness_length": 20.0}, Reason.BELOW_ROUGHNESS_LENGTH)]
POWER = [
    ({"obukhov_length": 20.0 / 3.01}, Reason.OUTSIDE_STABILITY_RANGE),
    ({"obukhov_length": -20.0 / 3.01}, Reason.OUTSIDE_STABILITY_RANGE),
    ({"mean_wind_speed": -1.0}, Reason.CALM),
]
CASES = [(model, *case) for model, rules in (
    ("ffp", SHARED + FFP), ("kormann_meixner", SHARED + PROFILE + POWER), ("hsieh", SHARED + PROFILE),
    ("safe_f", SHARED + PROFILE + POWER)) for case in rules]


@pytest.mark.parametrize(("model", "change", "expected"), CASES)
def test_a_broken_rule_spoils_its_own_row_only(model, change, expected):
    rows = footprint_rows(model, **{name: [value, change.get(name, value)] for name, value in GOOD.items()})
    assert rows.reason[0] == 0
    assert rows.reason[1] & expected.value
    assert np.isnan(rows.crosswind_integrated(100.0)[1]) and rows.crosswind_integrated(100.0)[0] > 0.0


@pytest.mark.parametrize(("change", "expected"), SHARED + PROFILE + POWER)
def test_tables_follow_the_same_rules(change, expected):
    inputs = {name: [value, change.get(name, value)] for name, value in GOOD.items()}
    rows = footprint_rows("safe_f", solution="horst_weil", **inputs)
    assert rows.reason[0] == 0 and rows.reason[1] & expected.value


@pytest.mark.parametrize("change", [
    {"obukhov_length": -20.0 / 15.4}, {"friction_velocity": 0.1001}, {"boundary_layer_height": 20.1},
    {"roughness_length": 20.0 / 12.6}, {"wind_direction": 360.0}, {"wind_direction": 0.0}, {"sigma_v": 1e-6}])  # fmt: skip
def test_rows_just_inside_the_rules_of_ffp_are_valid(change):
    assert footprint_rows("ffp", **{**GOOD, **change}).valid.all()


def test_rules_of_the_paper_are_cautions_on_valid_rows():
    changes = {"roughness_length": [0.1, 1.0, 0.1], "boundary_layer_height": [1000.0, 1000.0, 25.0]}
    rows = footprint_rows("ffp", **{**GOOD, **changes})
    assert rows.valid.all()
    assert rows.caution.tolist() == [0, Caution.NEAR_ROUGHNESS_SUBLAYER.value, Caution.IN_ENTRAINMENT_LAYER.value]


def test_a_row_tells_all_its_reasons():
    rows = footprint_rows("ffp", **{**GOOD, "sigma_v": None, "friction_velocity": 0.05, "wind_direction": 400.0})
    assert counts(rows.reason) == {"MISSING_SIGMA_V": 1, "FRICTION_VELOCITY_TOO_LOW": 1, "WIND_DIRECTION_OUTSIDE_CIRCLE": 1}
    assert len(texts(int(rows.reason[0]))) == 3


def test_every_code_has_one_bit_and_a_text():
    for kind, table in ((Reason, REASON_TEXT), (Caution, CAUTION_TEXT)):
        assert set(kind) == set(table)
        assert all(flag.value.bit_count() == 1 and flag.value < 2**32 for flag in kind)
        assert len(set(table.values())) == len(table)


def test_no_wind_direction_at_all_is_a_reason_in_every_row():
    rows = footprint_rows("hsieh", **{**GOOD, "wind_direction": None})
    assert rows.reason[0] == Reason.MISSING_WIND_DIRECTION.value


def test_radians_and_negative_angles_raise_a_warning():
    angles = np.linspace(0.0, 2.0 * np.pi, 100)
    with pytest.warns(WindConvention, match="radians"):
        footprint_rows("ffp", **{**GOOD, "wind_direction": angles})
    with pytest.warns(WindConvention, match=r"-180\.\.180"):
        footprint_rows("ffp", **{**GOOD, "wind_direction": np.rad2deg(angles) - 180.0})


def test_mistakes_in_the_call_are_named():
    with pytest.raises(ValueError, match='did you mean "kormann_meixner"'):
        footprint_rows("kormann_meixer", **GOOD)
    with pytest.raises(ValueError, match='unknown option of hsieh "neutral_limits"'):
        footprint_rows("hsieh", neutral_limits=0.02, **GOOD)
    with pytest.raises(ValueError, match=r"sigma_v \(m s-1\) has 3 rows, other inputs have 4"):
        footprint_rows("ffp", **{**GOOD, "sigma_v": [1.0, 1.0, 1.0], "wind_direction": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(ValueError, match=r"obukhov_length .* no number"):
        footprint_rows("ffp", **{**GOOD, "obukhov_length": ["near neutral"]})
    with pytest.raises(ValueError, match="2 dimensions"):
        footprint_rows("ffp", **{**GOOD, "sigma_v": [[1.0]]})
