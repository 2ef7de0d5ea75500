"""FFP: figures of the published program, its own mass, its validity rules and its quirks."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from terraflux.sites.footprint import flux_footprint_prediction as ffp
from terraflux.sites.footprint.models import footprint_rows
from terraflux.sites.footprint.source_area import contour_levels

UNSTABLE = {"measurement_height": 20.0, "roughness_length": 0.1, "boundary_layer_height": 2000.0, "obukhov_length": -100.0,
            "sigma_v": 0.6, "friction_velocity": 0.4, "wind_direction": 30.0}

# zm, z0, umean, h, L, sigma_v, u*, x_max: FFP v1.42 (Kljun et al. 2015)
PUBLISHED = [
    (20, 0.1, None, 2000, -100, 0.6, 0.4, 84.0850), (20, None, 3.0, 2000, -100, 0.6, 0.4, 52.7368),
    (20, 0.1, None, 1000, -1e6, 0.6, 0.4, 94.0875), (20, 0.1, None, 1000, 6000, 0.6, 0.4, 94.3761),
    (20, 0.1, None, 300, 50, 0.3, 0.2, 138.324), (20, 0.1, None, 200, 15, 0.2, 0.15, 239.100),
    (20, 0.1, None, 1500, -10, 0.9, 0.35, 65.2971), (20, 0.01, None, 2000, -1.35, 0.9, 0.2, 81.4729),
    (2.5, 0.05, None, 1200, -30, 0.5, 0.3, 7.91453), (25, 1.5, None, 1500, -200, 1.1, 0.6, 53.8942),
    (25, 1.5, None, 300, 120, 0.4, 0.25, 92.9702), (100, 0.5, None, 1500, -80, 1.0, 0.5, 370.388),
    (5, None, 2.2, 250, 40, 0.25, 0.18, 21.7046), (5, None, 2.8, 1800, -25, 0.8, 0.32, 15.2702),
]  # fmt: skip


def of_case(case):
    return footprint_rows(
        "ffp", measurement_height=case["zm"], roughness_length=case["z0"], mean_wind_speed=case["umean"],
        obukhov_length=case["ol"], sigma_v=case["sigmav"], friction_velocity=case["ustar"],
        boundary_layer_height=case["h"], wind_direction=case["wind_dir"])


@pytest.fixture(scope="module")
def cases(shared_data):
    return json.loads((shared_data / "references/ffp/ffp_single_cases_01_10.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("zm", "z0", "speed", "h", "length", "sigma_v", "ustar", "peak"), PUBLISHED)
def test_peak_is_that_of_the_published_program(zm, z0, speed, h, length, sigma_v, ustar, peak):
    rows = footprint_rows("ffp", measurement_height=zm, roughness_length=z0, mean_wind_speed=speed, boundary_layer_height=h,
                          obukhov_length=length, sigma_v=sigma_v, friction_velocity=ustar, wind_direction=0.0)
    assert rows.peak_distance()[0] == pytest.approx(peak, rel=4e-6)


@pytest.mark.real_data
def test_curves_and_peaks_equal_the_reference_to_1e_12(cases):
    for case in cases:
        rows = of_case(case)
        curve = rows.crosswind_integrated(np.array(case["x_ci"]))[0]
        assert rows.peak_distance()[0] == pytest.approx(case["x_ci_max"], rel=1e-12), case["name"]
        np.testing.assert_allclose(curve, case["f_ci"], rtol=1e-12, err_msg=case["name"])


@pytest.mark.real_data
def test_grid_sum_and_contour_levels_equal_the_reference_to_1e_12(cases):
    for case in cases:
        rows = of_case(case)
        upwind, crosswind = ffp.published_grid(rows)
        assert (upwind[0], upwind[-1]) == pytest.approx((case["x_first"], case["x_last"]), rel=1e-12)
        density = rows.density(upwind[np.newaxis, :], crosswind[:, np.newaxis])[0]
        area = (upwind[1] - upwind[0]) ** 2
        assert density.sum() * area == pytest.approx(case["sum_f2d"], rel=1e-12), case["name"]
        levels = contour_levels(density, area, [0.5, 0.6, 0.7, 0.8, 0.9])
        np.testing.assert_allclose(levels, [case[f"fr_{r}"] for r in (50, 60, 70, 80, 90)], rtol=1e-12, err_msg=case["name"])


def test_mass_is_1_0015691_and_0_9522708_of_it_lies_within_30():
    rows = footprint_rows("ffp", **UNSTABLE)
    numerical = quad(lambda s: ffp.A * s**ffp.B * np.exp(-ffp.C / s), 0.0, np.inf, epsabs=1e-13)[0]
    assert rows.total_mass()[0] == pytest.approx(numerical, rel=1e-9)
    assert rows.total_mass()[0] == pytest.approx(1.0015691, abs=5e-8)
    assert rows.truncated(ffp.TRUNCATION).captured_mass()[0] == pytest.approx(0.9522708, abs=2e-5)


def test_scaled_fetch_is_the_closed_form():
    rows = footprint_rows("ffp", **UNSTABLE)
    scaled = rows.fetch([0.5, 0.8, 0.9])[0] / rows.scale[0]
    np.testing.assert_allclose(scaled, [2.26620, 6.76872, 14.15033], rtol=2e-6)
    assert rows.peak_distance()[0] / rows.scale[0] == pytest.approx(ffp.D - ffp.C / ffp.B, rel=1e-14)


def test_long_positive_lengths_take_the_unstable_form_as_the_published_program_does():
    positive = footprint_rows("ffp", **{**UNSTABLE, "obukhov_length": 5000.0})
    stable = footprint_rows("ffp", **{**UNSTABLE, "obukhov_length": 4999.999})
    zeta = 20.0 / 5000.0
    chi = (1.0 - 19.0 * zeta) ** 0.25
    psi = np.log((1 + chi**2) / 2) + 2 * np.log((1 + chi) / 2) - 2 * np.arctan(chi) + np.pi / 2
    assert positive.scale[0] == pytest.approx(20.0 / 0.99 * (np.log(200.0) - psi), rel=1e-13)
    assert stable.scale[0] == pytest.approx(20.0 / 0.99 * (np.log(200.0) + 5.3 * 20.0 / 4999.999), rel=1e-13)


def test_a_tall_tower_in_near_neutral_air_is_a_reason_rather_than_a_nan():
    rows = footprint_rows("ffp", **{**UNSTABLE, "measurement_height": 300.0, "obukhov_length": 5000.0})
    assert rows.reason[0] != 0 and np.isnan(rows.scale[0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_infinite_length_is_the_neutral_limit(sign):
    infinite = footprint_rows("ffp", **{**UNSTABLE, "obukhov_length": sign * np.inf})
    neutral = footprint_rows("ffp", **{**UNSTABLE, "obukhov_length": -1e12})
    assert infinite.valid[0]
    assert infinite.scale[0] == pytest.approx(neutral.scale[0], rel=1e-9)
    assert infinite.spread_coefficient[0] == pytest.approx(neutral.spread_coefficient[0], rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.floats(3.0, 60.0), st.floats(0.01, 0.15), st.floats(-200.0, -10.0), st.floats(1.05, 1.5))
def test_footprints_grow_with_height_and_stability_and_shrink_with_roughness(zm, z0, length, more):
    base = {**UNSTABLE, "measurement_height": zm, "roughness_length": z0, "obukhov_length": length}
    changed = ({}, {"measurement_height": zm * more}, {"roughness_length": z0 * more}, {"obukhov_length": length * more})
    peaks = [footprint_rows("ffp", **{**base, **change}).peak_distance()[0] for change in changed]
    assert peaks[1] > peaks[0] > peaks[2]
    assert peaks[3] > peaks[0]


def test_wind_speed_serves_where_roughness_is_missing_row_by_row():
    changes = {"roughness_length": [0.1, np.nan, np.nan], "mean_wind_speed": [9.0, 3.0, np.nan]}
    rows = footprint_rows("ffp", **{**UNSTABLE, **changes})
    assert rows.valid.tolist() == [True, True, False]
    np.testing.assert_allclose(rows.peak_distance()[:2], [84.0849884, 52.7368065], rtol=1e-8)


def test_a_row_is_either_whole_or_has_a_reason():
    count = 500
    draw = np.random.default_rng(3)
    table = pd.DataFrame({"L": draw.normal(0.0, 60.0, count), "u": draw.uniform(0.0, 0.6, count)})
    rows = footprint_rows("ffp", **{**UNSTABLE, "obukhov_length": table["L"], "friction_velocity": table["u"]})
    assert len(rows) == count
    assert np.array_equal(np.isnan(rows.scale), rows.reason != 0)
