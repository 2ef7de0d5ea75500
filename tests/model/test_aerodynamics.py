"""Wind and conductances: neutral limits, stability, and safety with any description of a site."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.model import aerodynamics as ad


def conductances(wind=3.0, measured=30.0, canopy=20.0, leaves=4.0, stems=None, width=0.04, air=15.0, exchange=15.0,
                 ground=15.0, layering=0.0, time_step=1e15):
    """By name; the long step lets the layering of air below plants come to rest."""
    stems = min(0.1 * canopy, 1.0) if stems is None else stems
    values = ad.aerodynamics(wind, measured, canopy, leaves, stems, width, air, exchange, ground, layering, time_step)
    return dict(zip(ad.aerodynamics.returns, values, strict=True))


def test_neutral_wind_over_a_closed_canopy_follows_the_logarithm():
    found = conductances()
    height, roughness = 30.0 - 0.67 * 20.0, 0.1 * 20.0
    friction = 0.41 * 3.0 / math.log(height / roughness)
    assert found["friction_velocity"] == pytest.approx(friction, rel=1e-12)
    assert found["aerodynamic_conductance"] == pytest.approx(friction**2 / 3.0, rel=1e-12)


def test_neutral_wind_over_bare_ground_has_its_roughness():
    found = conductances(canopy=0.02, leaves=0.0, measured=10.0)
    assert found["friction_velocity"] == pytest.approx(0.41 * 3.0 / math.log(10.0 / 0.01), rel=0.01)


def test_leafless_forest_stays_rough_and_leafless_meadow_does_not():
    assert ad.canopy_closure(0.0, 1.0)[0] > 0.7
    assert ad.canopy_closure(0.0, 0.03)[0] < 0.05
    assert ad.canopy_closure(5.0, 0.03)[0] == pytest.approx(1.0, rel=1e-12)


def test_stability_factors_are_those_of_louis():
    assert ad.stability_factor(0.0, 10.0) == 1.0
    assert ad.stability_factor(0.1, 10.0) == pytest.approx(1.0 / 1.47**2, rel=1e-12)
    assert ad.stability_factor(-1.0, 10.0) == pytest.approx(1.0 + 9.4 / 11.0, rel=1e-12)
    assert ad.stability_factor(-1e-9, 10.0) == pytest.approx(ad.stability_factor(1e-9, 10.0), rel=1e-7)


@settings(deadline=None)
@given(st.floats(0.5, 15.0), st.floats(0.0, 8.0), st.floats(0.1, 5.0))
def test_warm_surfaces_mix_and_cold_surfaces_do_not(wind, leaves, difference):
    warm = conductances(wind, leaves=leaves, exchange=15.0 + difference)
    cold = conductances(wind, leaves=leaves, exchange=15.0 - difference)
    for name in ("friction_velocity", "aerodynamic_conductance"):
        assert warm[name] > cold[name]


def test_calm_warm_surfaces_have_the_gusts_of_convection():
    assert conductances(0.0, exchange=25.0)["friction_velocity"] > 1.9 * conductances(0.0)["friction_velocity"]
    assert conductances(0.0) == conductances(0.5)


def test_leaf_boundary_layer_adds_forced_and_free_convection():
    forced = conductances()
    assert forced["boundary_conductance"] == pytest.approx(0.01 * math.sqrt(forced["friction_velocity"] / 0.04), rel=1e-12)
    warm = conductances(exchange=20.0)
    free = 0.5 * 2.15e-5 * (1.6e8 * 5.0 * 0.04**3) ** 0.25 / 0.04  # Leuning et al. 1995
    assert warm["boundary_conductance"] == pytest.approx(
        0.01 * math.sqrt(warm["friction_velocity"] / 0.04) + free, rel=1e-6)
    assert conductances(width=0.005)["boundary_conductance"] > forced["boundary_conductance"]


def test_ground_below_a_dense_canopy_is_sheltered():
    dense, bare = conductances(leaves=7.0), conductances(leaves=0.0, canopy=0.02, measured=10.0)
    below = 0.004 * dense["friction_velocity"]
    series = below * dense["aerodynamic_conductance"] / (below + dense["aerodynamic_conductance"])
    assert dense["ground_conductance"] == pytest.approx(series, rel=0.05)
    assert bare["ground_conductance"] > 1.5 * dense["ground_conductance"]
    assert conductances(leaves=7.0, ground=10.0)["ground_conductance"] < dense["ground_conductance"]
    assert conductances(leaves=7.0, ground=20.0) == dense


@pytest.mark.parametrize("leaves", [0.0, 0.5, 2.0, 6.0])
@pytest.mark.parametrize("colder", [1e-4, 0.02, 0.5, 15.0])
def test_stable_air_slows_gaps_and_crowns_alike(leaves, colder):
    """Sakaguchi and Zeng (2009): 1/(1 + 0.5 S), S = g h (Ta - Tg)/(T u*^2) between 0 and 10, whatever share is open."""
    def below(found):
        return 1.0 / (1.0 / found["ground_conductance"] - 1.0 / found["aerodynamic_conductance"])

    mixed, stable = conductances(leaves=leaves), conductances(leaves=leaves, ground=15.0 - colder)
    lapse = 9.80665 * 20.0 * colder / 288.15 / mixed["friction_velocity"] ** 2
    assert below(stable) / below(mixed) == pytest.approx(1.0 / (1.0 + 0.5 * min(lapse, 10.0)), rel=1e-4)


def test_layering_follows_the_surface_with_a_memory_of_an_hour():
    """Implicit steps of Euler: dS/dt = (S* - S)/3600 s; with steps to nothing an exponential."""
    rest = conductances(ground=14.9)["stable_layering"]
    assert 0.0 < rest < 10.0
    assert conductances(ground=14.9, time_step=1800.0)["stable_layering"] == pytest.approx(rest / 3.0, rel=1e-12)
    assert conductances(ground=20.0, time_step=3600.0, layering=4.0)["stable_layering"] == pytest.approx(2.0, rel=1e-12)
    found = 0.0
    for _ in range(3600):
        found = conductances(ground=14.9, time_step=1.0, layering=found)["stable_layering"]
    assert found == pytest.approx(rest * (1.0 - math.exp(-1.0)), rel=2e-4)


@settings(deadline=None)
@given(st.floats(0.0, 75.0), st.floats(0.1, 200.0), st.floats(0.02, 80.0), st.floats(0.0, 15.0), st.floats(1e-3, 0.5),
       st.floats(-75.0, 60.0), st.floats(-110.0, 110.0), st.floats(-110.0, 110.0))
def test_conductances_are_positive_and_finite_whatever_the_site_says(wind, measured, canopy, leaves, width, air, exchange,
                                                                     ground):
    found = conductances(wind, measured, canopy, leaves, None, width, air, exchange, ground)
    assert 0.0 <= found.pop("stable_layering") <= 10.0
    assert all(math.isfinite(value) and value > 0.0 for value in found.values())
    assert found["aerodynamic_conductance"] < 75.0
    assert found["ground_conductance"] < found["aerodynamic_conductance"]


def test_a_measurement_height_below_the_canopy_does_no_harm():
    assert conductances(measured=5.0) == conductances(measured=2.0)
    assert conductances(measured=5.0)["friction_velocity"] < 0.41 * 3.0
