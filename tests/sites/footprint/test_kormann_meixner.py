"""Kormann and Meixner: published closed forms, the peer's values, and properties of fitted exponents."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from terraflux.sites.footprint.kormann_meixner import analytic_power_laws, wind_and_roughness
from terraflux.sites.footprint.models import footprint_rows
from terraflux.sites.footprint.power_law_fit import fitted_power_laws
from terraflux.sites.footprint.row_inputs import RowInputs
from terraflux.sites.footprint.stability import log_profile_speed, scalar_gradient

# zm, z0, umean, L, u*, and then wind speed, xi, mu, x_peak, x50, x80, x90 of the closed form
PUBLISHED = [
    (20, 0.1, None, -100, 0.4, 4.837057, 506.1663, 1.498981, 202.5491, 428.2356, 1008.368, 1734.968),
    (20, None, 3.0, -100, 0.4, 3.0, 252.1373, 1.447184, 103.0316, 222.9578, 535.7551, 935.5835),
    (20, 0.1, None, 50, 0.2, 3.649159, 633.9863, 0.6791355, 377.5671, 1633.682, 7472.874, 21421.47),
    (20, 0.01, None, -1.35, 0.2, 2.381856, 125.0537, 1.896238, 43.17798, 79.38288, 165.5974, 261.1493),
    (25, 1.5, None, 120, 0.25, 2.409423, 295.5691, 0.7498765, 168.9086, 650.9603, 2656.932, 6960.141),
    (100, 0.5, None, -80, 0.5, 5.082486, 1359.391, 1.745564, 495.1228, 953.3576, 2069.910, 3358.528),
    (5, None, 2.2, 40, 0.18, 2.2, 84.21163, 0.7759959, 47.41657, 175.9359, 692.1795, 1761.559),
    (5, None, 2.8, -25, 0.32, 2.8, 79.63782, 1.465354, 32.30279, 69.32281, 165.3728, 287.2554),
]  # fmt: skip
NEUTRAL = {"measurement_height": 20.0, "roughness_length": 0.1, "obukhov_length": np.inf, "sigma_v": 0.6,
           "friction_velocity": 0.4, "wind_direction": 0.0}


def inputs(**changes):
    names = ("measurement_height", "roughness_length", "mean_wind_speed", "obukhov_length", "sigma_v", "friction_velocity",
             "boundary_layer_height", "wind_direction")
    return RowInputs.broadcast(**{**dict.fromkeys(names), **NEUTRAL, **changes})


@pytest.mark.parametrize("case", PUBLISHED)
def test_closed_form_is_as_published(case):
    zm, z0, umean, length, ustar, speed, decay, exponent, *distances = case
    one = {"measurement_height": zm, "roughness_length": z0, "mean_wind_speed": umean, "obukhov_length": length, "sigma_v": 0.5,
           "friction_velocity": ustar, "wind_direction": 0.0}
    rows = footprint_rows("kormann_meixner", stability_limit=np.inf, **one)
    assert wind_and_roughness(inputs(**one))[0][0] == pytest.approx(speed, rel=3e-7)
    found = [rows.decay[0], rows.exponent[0], rows.peak_distance()[0], *rows.fetch([0.5, 0.8, 0.9])[0]]
    np.testing.assert_allclose(found, [decay, exponent, *distances], rtol=1e-6)
    assert rows.total_mass()[0] == pytest.approx(1.0, rel=1e-12)


@pytest.mark.real_data
def test_curve_and_density_equal_the_peer_to_1e_9(shared_data):
    table = pd.read_csv(shared_data / "references/km_hsieh/km_hsieh_reference.csv")
    rows = footprint_rows("kormann_meixner", measurement_height=table["zm"], roughness_length=table["z0"],
                          mean_wind_speed=table["ws"], obukhov_length=table["L"], sigma_v=table["sigmav"],
                          friction_velocity=table["ustar"], wind_direction=0.0, stability_limit=np.inf)
    curve = np.array([rows.select(i).crosswind_integrated(x)[0] for i, x in enumerate(table["x"])])
    density = np.array([rows.select(i).density(x, 15.0)[0] for i, x in enumerate(table["x"])])
    np.testing.assert_allclose(curve, table["km_fy"], rtol=1e-9)
    np.testing.assert_allclose(density, table["km_f_xy15"], rtol=1e-9)


@pytest.mark.real_data
def test_fetch_equals_the_peer_to_1e_9(shared_data):
    folder = shared_data / "references/km_hsieh"
    table = pd.read_csv(folder / "km_hsieh_reference.csv").drop_duplicates("case").set_index("case")
    closed = pd.read_csv(folder / "km_closed_form_xmax_x50_x80_x90.csv").set_index("case")
    table = table.loc[closed.index]
    rows = footprint_rows("kormann_meixner", measurement_height=table["zm"], roughness_length=table["z0"],
                          mean_wind_speed=table["ws"], obukhov_length=table["L"], sigma_v=table["sigmav"],
                          friction_velocity=table["ustar"], wind_direction=0.0, stability_limit=np.inf)
    np.testing.assert_allclose(rows.peak_distance(), closed["x_peak"], rtol=1e-9)
    np.testing.assert_allclose(rows.fetch([0.5, 0.8, 0.9]), closed[["x50", "x80", "x90"]], rtol=1e-9)


@given(st.floats(-3.0, 3.0))
@settings(deadline=None, max_examples=40)
def test_analytic_laws_touch_both_profiles_at_the_sensor(zeta):
    one = inputs(obukhov_length=20.0 / zeta if zeta else np.inf)
    speed, roughness, _ = wind_and_roughness(one)
    m, n, factor, diffusivity = analytic_power_laws(one, speed)
    heights = 20.0 * np.array([0.9999, 1.0, 1.0001])
    wind = log_profile_speed(heights, roughness, one.obukhov_length, 0.4)
    transport = 0.4 * 0.4 * heights / scalar_gradient(heights / one.obukhov_length)
    for exponent, level, profile in ((m[0], factor[0], wind), (n[0], diffusivity[0], transport)):
        law = level * heights**exponent
        assert law[1] == pytest.approx(profile[1], rel=1e-12)
        assert law[2] - law[0] == pytest.approx(profile[2] - profile[0], rel=2e-5, abs=1e-12)


def test_fitted_diffusivity_is_linear_in_neutral_air_and_shear_falls_with_height():
    heights = np.array([5.0, 20.0, 100.0, 1000.0])
    m, n, _, diffusivity = fitted_power_laws(inputs(measurement_height=heights), np.full(4, 0.1), np.ones(4, bool))
    np.testing.assert_allclose(n, 1.0, atol=1e-12)
    np.testing.assert_allclose(diffusivity, 0.4 * 0.4, rtol=1e-10)
    assert np.all(np.diff(m) < 0.0)
    np.testing.assert_allclose(m * np.log(heights / 0.1), 1.0, atol=0.35)


@pytest.mark.parametrize("length", [-30.0, -200.0, 400.0, 60.0])
def test_no_other_power_law_fits_better(length):
    one = inputs(obukhov_length=length)
    m, _, factor, _ = fitted_power_laws(one, np.array([0.1]), np.array([True]))
    height = np.linspace(0.3, 28.0, 20001)
    wind = log_profile_speed(height, 0.1, length, 0.4)

    def misfit(law):
        return float(np.mean((law[0] * height ** law[1] - wind) ** 2))

    options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
    best = minimize(misfit, [factor[0] * 1.1, m[0] * 1.1], method="Nelder-Mead", options=options)
    assert best.x == pytest.approx([factor[0], m[0]], rel=2e-4)


def test_fitted_and_analytic_footprints_are_alike_in_neutral_air():
    analytic, numeric = (footprint_rows("kormann_meixner", exponents=how, **NEUTRAL) for how in ("analytic", "numeric"))
    assert numeric.peak_distance()[0] == pytest.approx(analytic.peak_distance()[0], rel=0.1)
    assert numeric.total_mass()[0] == pytest.approx(1.0, rel=1e-12)


def test_too_little_profile_to_fit_is_a_reason():
    rows = footprint_rows("kormann_meixner", exponents="numeric", **{**NEUTRAL, "roughness_length": 10.0})
    assert not rows.valid[0] and footprint_rows("kormann_meixner", **{**NEUTRAL, "roughness_length": 5.0}).valid[0]


@given(st.floats(3.0, 60.0), st.floats(0.01, 0.15), st.floats(-200.0, -25.0), st.floats(1.05, 1.5))
@settings(deadline=None, max_examples=40)
def test_fetch_grows_with_height_and_stability_and_shrinks_with_roughness(zm, z0, length, more):
    base = {**NEUTRAL, "measurement_height": zm, "roughness_length": z0, "obukhov_length": length, "stability_limit": np.inf}
    changed = ({}, {"measurement_height": zm * more}, {"roughness_length": z0 * more}, {"obukhov_length": length * more})
    fetch = [footprint_rows("kormann_meixner", **{**base, **change}).fetch(0.8)[0] for change in changed]
    assert fetch[1] > fetch[0] > fetch[2]
    assert fetch[3] > fetch[0]


def test_words_that_name_nothing_are_refused():
    with pytest.raises(ValueError, match="exponents must be one of analytic, numeric"):
        footprint_rows("kormann_meixner", exponents="fitted", **NEUTRAL)
    with pytest.raises(ValueError, match="lateral must be one of"):
        footprint_rows("kormann_meixner", lateral="wide", **NEUTRAL)
