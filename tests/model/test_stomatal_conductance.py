"""Stomata: published values, consistency of supply with demand, bounds of intercellular carbon dioxide."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import stomatal_conductance as sc


def medlyn(net=10.0, slope=0.0, inside=280.0, deficit=1.0, air=400.0, resistance=0.0, g1=3.0, stress=1.0, g0=0.0,
           compensation=42.75):
    return sc.medlyn(net, 0.0, slope, compensation, inside, 20.0, 20.0, deficit, 0.1, 0.005, air, resistance, g1, stress, g0)


def ball_berry(net=10.0, slope=0.0, inside=280.0, vapour_pressure=1.6, air=400.0, resistance=0.0, m=8.0, stress=1.0,
               g0=0.0175, vapour_resistance=1e-6):
    return sc.ball_berry(net, 0.0, slope, 42.75, inside, 20.0, vapour_pressure, air, resistance, vapour_resistance, 0.024,
                         m, stress, g0)


def test_worked_value_of_medlyn():
    conductance, inside = medlyn()
    assert conductance == pytest.approx(0.160, rel=1e-9)
    assert inside == pytest.approx(300.0, rel=1e-6)


def test_worked_value_of_ball_berry():
    """Without a boundary layer humidity at the leaf surface is that of the air: g0 + m A hs/Cs."""
    conductance, inside = ball_berry()
    humidity = 1.6 / (0.6108 * math.exp(17.27 * 20.0 / 257.3))
    assert conductance == pytest.approx(0.0175 + 8.0 * 10.0 * humidity / 400.0, rel=1e-4)
    assert inside == pytest.approx(400.0 - 1.6 * 10.0 / conductance, rel=1e-4)


def test_humidity_at_the_surface_lies_between_leaf_and_air():
    free, _ = ball_berry(vapour_resistance=1e-6)
    held, _ = ball_berry(vapour_resistance=1e4)
    assert held > free
    assert held <= 0.0175 + 8.0 * 10.0 / 400.0


@settings(deadline=None)
@given(st.floats(0.05, 6.0), st.floats(0.2, 8.0))
def test_without_residual_conductance_the_closed_form_holds_for_any_assimilation(deficit, g1):
    for net in (0.5, 5.0, 30.0):
        inside = medlyn(net=net, deficit=deficit, g1=g1)[1]
        assert inside == pytest.approx(max(400.0 * g1 / (g1 + math.sqrt(deficit)), 1.01 * 42.75), rel=1e-5)


@settings(deadline=None)
@given(st.floats(0.2, 40.0), st.floats(0.05, 5.0), st.floats(0.5, 8.0), st.floats(0.0, 0.05), st.floats(0.0, 4.0))
def test_diffusion_through_stomata_and_boundary_layer_carries_assimilation(net, deficit, g1, g0, resistance):
    conductance, inside = medlyn(net=net, deficit=deficit, g1=g1, g0=g0, resistance=resistance)
    surface = 400.0 - resistance * net
    if surface > 0.2 * 400.0 and inside > 1.02 * 42.75:
        assert conductance / 1.6 * (surface - inside) == pytest.approx(net, rel=1e-4)


@settings(deadline=None)
@given(st.floats(0.0, 1.0), st.floats(5.0, 120.0), st.floats(0.5, 6.0), st.floats(0.05, 5.0), st.floats(1e-4, 0.02))
def test_newton_steps_settle_on_supply_equal_to_demand(stress, capacity, g1, deficit, g0):
    """Demand A(Ci) = V (Ci - 43)/(Ci + 710) - 1, also near the compensation point where substitution swings."""
    inside = 280.0
    for _ in range(12):
        net = capacity * stress * (inside - 43.0) / (inside + 710.0) - 1.0
        slope = capacity * stress * 753.0 / (inside + 710.0) ** 2
        before = inside
        conductance, inside = medlyn(net, slope, inside, deficit, resistance=1.0, g1=g1, g0=g0, compensation=43.0)
    assert inside == pytest.approx(before, abs=0.05)
    if net > 0.0:
        assert conductance / 1.6 * (400.0 - net - inside) == pytest.approx(net, rel=1e-3, abs=1e-6)
    else:
        assert conductance == pytest.approx(g0, abs=1e-6)


@settings(deadline=None)
@given(st.floats(-5.0, 60.0), st.floats(0.0, 0.3), st.floats(1.0, 900.0), st.floats(0.0, 9.0), st.floats(150.0, 2000.0),
       st.floats(0.0, 20.0), st.floats(0.0, 20.0), st.floats(0.0, 1.0), st.floats(0.0, 0.2))
def test_carbon_dioxide_inside_stays_between_compensation_point_and_air(net, slope, inside, deficit, air, resistance, g1,
                                                                        stress, g0):
    for conductance, found in (
        medlyn(net, slope, inside, deficit, air, resistance, g1, stress, g0),
        ball_berry(net, slope, inside, 1.0, air, resistance, max(g1, 1.0), stress, g0, 50.0),
    ):
        assert 42.75 < found <= air
        assert math.isfinite(conductance)
        assert conductance >= g0


@settings(deadline=None)
@given(st.floats(0.5, 40.0), st.floats(0.05, 4.0), st.floats(0.01, 4.0))
def test_stomata_close_in_dry_air_and_in_dry_soil(net, deficit, drier):
    moist = medlyn(net=net, deficit=deficit, g0=0.001)[0]
    assert medlyn(net=net, deficit=deficit + drier, g0=0.001)[0] <= moist
    assert medlyn(net=net, deficit=deficit, g0=0.001, stress=0.4)[0] < moist


def test_the_deficit_follows_the_leaf_and_never_vanishes():
    assert sc.leaf_deficit(20.0, 20.0, 0.0, 0.1, 0.005) == 0.05
    exact = 0.6108 * (math.exp(17.27 * 26.0 / 263.3) - math.exp(17.27 * 20.0 / 257.3))
    slope = 0.6108 * math.exp(17.27 * 20.0 / 257.3) * 17.27 * 237.3 / 257.3**2
    curvature = slope * (17.27 * 237.3 / 257.3**2 - 2.0 / 257.3)
    assert sc.leaf_deficit(26.0, 20.0, 1.0, slope, curvature) == pytest.approx(1.0 + exact, rel=0.02)
