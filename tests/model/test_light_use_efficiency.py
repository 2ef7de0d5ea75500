"""Light-use efficiency: arithmetic of MOD17, ramps, and the same interface as the Farquhar model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import light_use_efficiency as lue
from terraflux.model.photosynthesis import farquhar

ENF = {"efficiency": 0.93, "low": -8.0, "high": 8.31, "moist": 650.0, "arid": 3000.0}


def shaded(light=500.0, temperature=20.0, deficit=0.5, stress=1.0, c4=0.0):
    values = lue.light_use(light, ENF["efficiency"], temperature, deficit, stress, ENF["low"], ENF["high"], ENF["moist"],
                           ENF["arid"], temperature, 60.0, 0.015, 1.0, c4)
    return dict(zip(lue.light_use.returns, values, strict=True))


def test_without_limits_production_is_efficiency_times_light():
    assert lue.big_leaf_production(100.0, 1.2, 20.0, 0.0, -8.0, 8.0, 650.0, 3000.0) == pytest.approx(1.2e-4, rel=1e-12)
    carbon = 12.011e-6 * shaded()["gross_assimilation"]  # g m-2 s-1
    assert carbon == pytest.approx(0.93 * 500.0 / 4.57 * 1e-6, rel=1e-12)


def test_halfway_up_both_ramps_a_quarter_is_left():
    found = lue.big_leaf_production(100.0, 1.0, 0.0, 1825.0, -8.0, 8.0, 650.0, 3000.0)
    assert found == pytest.approx(1e-4 * 0.5 * 0.5, rel=1e-12)


def test_cold_dry_air_and_dry_soil_stop_assimilation():
    assert shaded(temperature=-8.0)["gross_assimilation"] == 0.0
    assert shaded(deficit=3.0)["gross_assimilation"] == 0.0
    assert shaded(stress=0.0)["gross_assimilation"] == 0.0


@settings(deadline=None)
@given(st.floats(0.0, 2500.0), st.floats(-60.0, 60.0), st.floats(0.0, 9.0), st.floats(0.0, 1.0))
def test_two_leaf_form_equals_the_big_leaf_form_for_the_same_light(light, temperature, deficit, stress):
    big = lue.big_leaf_production(light / 4.57, ENF["efficiency"], temperature, 1000.0 * deficit, ENF["low"], ENF["high"],
                                  ENF["moist"], ENF["arid"])
    found = 12.011e-6 * shaded(light, temperature, deficit, stress)["gross_assimilation"]
    assert found == pytest.approx(big * stress, rel=1e-12, abs=1e-18)


def test_a_ramp_without_width_stays_finite():
    assert lue.rising_ramp(5.0, 4.0, 4.0, 0.01) == 1.0
    assert lue.rising_ramp(4.0, 4.0, 4.0, 0.01) == 0.0


def test_it_can_stand_in_for_the_farquhar_model():
    assert lue.light_use.returns == farquhar.returns
    assert set(lue.PHOTOSYNTHESIS) == {"farquhar", "light_use_efficiency"}
    assert shaded()["assimilation_slope"] == 0.0
    assert shaded()["dark_respiration"] > 0.0
    assert shaded(c4=1.0)["compensation_point"] == 0.0
