"""Longwave between sky, canopy and ground: equilibrium, closure and the linear warming term."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from terraflux.model import canopy_longwave as longwave
from terraflux.model.constants import KELVIN, STEFAN_BOLTZMANN


def black(temperature):
    return STEFAN_BOLTZMANN * (temperature + KELVIN) ** 4


def before(longwave_down=300.0, air=15.0, ground=18.0, ground_emissivity=0.96, sunlit=1.2, shaded=1.8, clumping=0.7,
           stems=0.0):
    found = longwave.canopy_longwave(
        longwave_down, air, ground, ground_emissivity, sunlit + shaded, stems, clumping, sunlit, shaded)
    return dict(zip(longwave.canopy_longwave.returns, found))


def after(found, sunlit_temperature, shaded_temperature, longwave_down=300.0, air=15.0, sunlit=1.2, shaded=1.8):
    return longwave.canopy_longwave_after(
        sunlit_temperature, shaded_temperature, sunlit, shaded, air, longwave_down, found["canopy_emissivity"],
        found["radiative_conductance"], found["isothermal_longwave_sunlit"], found["isothermal_longwave_shaded"],
        found["longwave_of_stems"])


@given(st.floats(-50.0, 45.0), st.floats(0.0, 5.0), st.floats(0.0, 10.0), st.floats(0.3, 1.0), st.floats(0.9, 1.0),
       st.floats(0.0, 3.0))
def test_everything_at_one_temperature_exchanges_nothing(temperature, sunlit, shaded, clumping, ground_emissivity, stems):
    found = before(black(temperature), temperature, temperature, ground_emissivity, sunlit, shaded, clumping, stems)
    to_ground, net = after(found, temperature, temperature, black(temperature), temperature, sunlit, shaded)
    assert to_ground == pytest.approx(black(temperature), rel=1e-12)
    assert net == pytest.approx(0.0, abs=1e-9)


@given(st.floats(100.0, 500.0), st.floats(-40.0, 40.0), st.floats(-40.0, 60.0), st.floats(-5.0, 10.0),
       st.floats(-5.0, 10.0), st.floats(0.0, 5.0), st.floats(0.0, 10.0), st.floats(0.0, 3.0))
def test_longwave_budget_closes_with_leaf_warming(down, air, ground, sunlit_warming, shaded_warming, sunlit, shaded, stems):
    """Down = canopy net + ground net + up, with the streams of the layer written out."""
    found = before(down, air, ground, 0.96, sunlit, shaded, stems=stems)
    to_ground, net = after(found, air + sunlit_warming, air + shaded_warming, down, air, sunlit, shaded)
    emissivity = found["canopy_emissivity"]
    mean_warming = (sunlit * sunlit_warming + shaded * shaded_warming) / max(sunlit + shaded + stems, 1e-12)
    extra = 4.0 * emissivity * STEFAN_BOLTZMANN * (air + KELVIN) ** 3 * mean_warming
    isothermal_below = (1.0 - emissivity) * down + emissivity * black(air)
    from_ground = 0.96 * black(ground) + 0.04 * isothermal_below
    up = (1.0 - emissivity) * from_ground + emissivity * black(air) + extra
    ground_net = to_ground - from_ground
    assert to_ground == pytest.approx(isothermal_below + extra, rel=1e-12)
    assert net + ground_net + up == pytest.approx(down, abs=1e-9)


def test_net_longwave_is_shared_by_leaf_area():
    found = before(sunlit=1.0, shaded=3.0)
    assert found["isothermal_longwave_shaded"] == pytest.approx(3.0 * found["isothermal_longwave_sunlit"], rel=1e-14)


def test_stems_count_as_much_as_leaves_that_stay_as_warm_as_the_air():
    mixed, leaves = before(stems=1.5), before(shaded=1.8 + 1.5)
    assert mixed["canopy_emissivity"] == leaves["canopy_emissivity"]
    assert mixed["longwave_of_stems"] == pytest.approx(leaves["isothermal_longwave_shaded"] * 1.5 / 3.3, rel=1e-14)


def test_warming_loses_the_derivative_of_black_body_emission():
    found = before()
    step = 1e-3
    _, cold = after(found, 15.0, 15.0)
    _, warm = after(found, 15.0 + step, 15.0 + step)
    derivative = 2.0 * found["canopy_emissivity"] * (black(15.0 + step) - black(15.0 - step)) / (2.0 * step)
    assert (cold - warm) / step == pytest.approx(derivative, rel=1e-5)


def test_without_leaves_the_ground_sees_the_sky():
    found = before(sunlit=0.0, shaded=0.0)
    to_ground, net = after(found, 25.0, 20.0, sunlit=0.0, shaded=0.0)
    assert found["canopy_emissivity"] == 0.0
    assert (to_ground, net) == (300.0, 0.0)
    thin = 8.0 * 0.98 * 0.8 * 0.7 * STEFAN_BOLTZMANN * (15.0 + KELVIN) ** 3
    assert found["radiative_conductance"] == pytest.approx(thin, rel=1e-12)


def test_emissivity_grows_with_leaf_area_towards_one():
    emissivities = [before(sunlit=0.0, shaded=area)["canopy_emissivity"] for area in (0.1, 1.0, 3.0, 10.0)]
    assert emissivities == sorted(emissivities)
    assert 0.05 < emissivities[0] < 0.06
    assert 0.99 < emissivities[-1] < 1.0


@pytest.mark.parametrize("leaf_area", [0.5, 1.0, 2.0, 4.0])
def test_extinction_stands_for_isotropic_radiation_through_spherical_leaves(leaf_area):
    exact = 2.0 * quad(lambda mu: mu * math.exp(-0.5 * leaf_area / mu), 0.0, 1.0)[0]
    assert math.exp(-longwave.DIFFUSE_EXTINCTION * leaf_area) == pytest.approx(exact, abs=0.025)


def test_clear_cold_sky_cools_the_canopy():
    found = before(longwave_down=200.0)
    assert found["isothermal_longwave_sunlit"] < 0.0
    assert found["isothermal_longwave_shaded"] < 0.0
