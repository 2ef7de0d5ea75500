"""The two candidates for SAFE-f: equal to Kormann-Meixner, near each other in neutral air, and never called plain SAFE-f."""

import numpy as np
import pytest
from scipy.integrate import quad

from terraflux.sites.footprint import horst_weil
from terraflux.sites.footprint.models import attributes, footprint_rows

NEUTRAL = {"measurement_height": 20.0, "roughness_length": 0.1, "obukhov_length": -1e6, "sigma_v": 0.6,
           "friction_velocity": 0.4, "wind_direction": 0.0}
LENGTHS = np.array([-10.0, -40.0, -200.0, -1e6, 2000.0, 100.0])


def test_powerlaw_is_kormann_meixner_to_1e_12():
    shared = {**NEUTRAL, "obukhov_length": LENGTHS}
    distance, across = np.geomspace(20.0, 2e4, 60), 15.0
    one, other = footprint_rows("safe_f", **shared), footprint_rows("kormann_meixner", **shared)
    np.testing.assert_allclose(one.crosswind_integrated(distance), other.crosswind_integrated(distance), rtol=1e-12)
    np.testing.assert_allclose(one.density(distance, across), other.density(distance, across), rtol=1e-12)


@pytest.mark.parametrize("solution", ["powerlaw", "horst_weil"])
def test_every_output_names_its_solution_and_says_it_is_unverified(solution):
    rows = footprint_rows("safe_f", solution=solution, **NEUTRAL)
    told = attributes(rows)
    assert told["footprint_model"] == f'safe_f(solution="{solution}")'
    assert "unverified" in told["footprint_model_note"]
    assert "footprint_model_note" not in attributes(footprint_rows("hsieh", **NEUTRAL))


def test_constants_of_the_vertical_profile():
    assert pytest.approx(0.730499, abs=5e-7) == horst_weil.A
    assert pytest.approx(1.516404, abs=5e-7) == horst_weil.B


def test_horst_weil_mass_is_near_one_over_smooth_ground_and_reported_where_it_is_not():
    lengths = 20.0 / np.array([-3.0, -1.0, -0.3, -0.01, 0.01, 0.1, 0.3])
    smooth = footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "obukhov_length": lengths}).total_mass()
    assert np.all((smooth >= 0.95) & (smooth <= 1.05))
    rough = footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "roughness_length": 1.2}).total_mass()[0]
    assert 1.1 < rough < 1.25


def test_horst_weil_mass_tends_to_one_as_shear_vanishes():
    excess = [footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "roughness_length": z0}).total_mass()[0] - 1.0
              for z0 in (1e-1, 1e-3, 1e-6, 1e-12)]
    assert np.all(np.diff(excess) < 0.0) and abs(excess[-1]) < 0.01


def test_horst_weil_table_holds_the_formula_of_the_neutral_plume():
    rows = footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "obukhov_length": np.inf})
    height = 30.0
    p, c, k, z0, zm = 1.55, 0.63, 0.4, 0.1, 20.0

    def growth(z):
        return np.log(p * z / z0) / k**2

    distance = quad(growth, z0, height, epsrel=1e-12)[0]
    expected = 1.0 / growth(height) * zm / height**2 * np.log(zm / z0) / np.log(c * height / z0)
    expected *= horst_weil.A * np.exp(-((zm / (horst_weil.B * height)) ** 1.5))
    assert rows.crosswind_integrated(distance)[0] == pytest.approx(expected, rel=2e-5)
    assert rows.spread(distance)[0] == pytest.approx(0.6 * distance / (0.4 / k * np.log(c * height / z0)), rel=2e-5)


def test_finer_tables_change_little():
    coarse = footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "obukhov_length": LENGTHS})
    inputs = horst_weil_inputs({**NEUTRAL, "obukhov_length": LENGTHS})
    fine = horst_weil.footprint_rows(inputs, "fine", nodes=1024)
    distance = np.geomspace(30.0, 3e4, 200)
    scale = fine.crosswind_integrated(distance).max(axis=1, keepdims=True)
    difference = np.abs(coarse.crosswind_integrated(distance) - fine.crosswind_integrated(distance)) / scale
    unstable = np.abs(LENGTHS) < 50.0
    assert difference[~unstable].max() < 2e-5
    assert difference[unstable].max() < 2e-3
    np.testing.assert_allclose(coarse.fetch([0.5, 0.8]), fine.fetch([0.5, 0.8]), rtol=2e-4)


def horst_weil_inputs(values):
    from terraflux.sites.footprint.row_inputs import RowInputs

    return RowInputs.broadcast(mean_wind_speed=None, boundary_layer_height=None, **values)


def test_the_two_solutions_agree_within_15_percent_in_near_neutral_air():
    for length in (-2000.0, -1e6, 2000.0):
        one, other = (footprint_rows("safe_f", solution=name, **{**NEUTRAL, "obukhov_length": length})
                      for name in ("powerlaw", "horst_weil"))
        assert other.peak_distance()[0] == pytest.approx(one.peak_distance()[0], rel=0.15)
        assert other.fetch(0.5, of="captured")[0] == pytest.approx(one.fetch(0.5)[0], rel=0.15)


@pytest.mark.parametrize("solution", ["powerlaw", "horst_weil"])
def test_peak_grows_with_height_and_falls_with_roughness_and_instability(solution):
    def peak(**changes):
        inputs = {**NEUTRAL, "obukhov_length": -200.0, **changes}
        return footprint_rows("safe_f", solution=solution, **inputs).peak_distance()[0]

    assert peak(measurement_height=24.0) > peak() > peak(roughness_length=0.2)
    assert peak() > peak(obukhov_length=-50.0) > peak(obukhov_length=-15.0)


def test_lateral_options_keep_the_curve_and_change_the_width():
    distance = np.geomspace(100.0, 3000.0, 30)
    laterals = {name: footprint_rows("safe_f", lateral=name, **NEUTRAL) for name in ("plume_speed", "sigma_theta", "pasquill")}
    curve = laterals["plume_speed"].crosswind_integrated(distance)
    np.testing.assert_allclose(laterals["sigma_theta"].crosswind_integrated(distance), curve, rtol=1e-12)
    np.testing.assert_allclose(laterals["pasquill"].crosswind_integrated(distance), curve, rtol=2e-4)
    straight = laterals["sigma_theta"].spread(distance)[0]
    speed = np.log(200.0) - 0.0
    np.testing.assert_allclose(straight, 0.6 / speed * distance, rtol=1e-3)
    ratio = laterals["pasquill"].spread(distance)[0] / straight
    assert np.all(np.diff(ratio) < 0.0) and ratio[0] == pytest.approx(0.8, abs=0.02)


def test_rows_in_tables_carry_reasons_and_can_be_chosen():
    rows = footprint_rows("safe_f", solution="horst_weil", **{**NEUTRAL, "friction_velocity": [0.4, np.nan, 0.3]})
    assert rows.valid.tolist() == [True, False, True]
    assert np.isnan(rows.crosswind_integrated(200.0)[1]) and np.isnan(rows.density(200.0, 3.0)[1])
    assert np.isnan(rows.fetch(0.5)[1])
    last = rows.select([2])
    assert len(last) == 1 and last.peak_distance()[0] == rows.peak_distance()[2]
    assert rows.cumulative(1e12)[0] == rows.captured_mass()[0]
    distance = rows.fetch(0.8)[0]
    assert rows.cumulative(distance)[0] == pytest.approx(0.8, rel=1e-9)


def test_density_of_tables_integrates_across_the_wind():
    rows = footprint_rows("safe_f", solution="horst_weil", **NEUTRAL)
    across = np.linspace(-2000.0, 2000.0, 4001)
    assert rows.density(300.0, across)[0].sum() == pytest.approx(rows.crosswind_integrated(300.0)[0], rel=1e-10)


def test_unknown_solutions_are_refused():
    with pytest.raises(ValueError, match="powerlaw, horst_weil"):
        footprint_rows("safe_f", solution="power", **NEUTRAL)
    with pytest.raises(ValueError, match="horst_weil has no power laws"):
        footprint_rows("safe_f", solution="horst_weil", exponents="numeric", **NEUTRAL)
