"""Totals of the land surface are sums of their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.surface_totals import (
    advected_heat,
    mixed_temperature,
    radiation_totals,
    stored_moisture,
    turbulent_totals,
)

flux = st.floats(-500.0, 1000.0)


@given(down=st.floats(50.0, 1200.0), share=st.floats(0.0, 1.0), longwave=st.floats(100.0, 500.0), canopy=flux, ground=flux,
       absorbed=st.floats(0.0, 900.0))
def test_net_radiation_is_what_comes_in_less_what_goes_up(down, share, longwave, canopy, ground, absorbed):
    shortwave, net_longwave, net, up, albedo, _ = radiation_totals(down, share * down, longwave, canopy, ground, absorbed)
    assert net == shortwave + net_longwave
    assert shortwave == down - share * down
    assert net_longwave == pytest.approx(longwave - up, abs=1e-9)
    assert net_longwave == pytest.approx(canopy + ground - absorbed, abs=1e-9)
    assert albedo == pytest.approx(share, abs=1e-12)


def test_the_radiative_temperature_is_that_of_a_black_surface():
    up = 5.670374e-8 * 290.0**4
    *_, temperature = radiation_totals(0.0, 0.0, 350.0, 0.0, 350.0 - up, 0.0)
    assert temperature == pytest.approx(290.0 - 273.15, abs=1e-9)


def test_albedo_is_zero_in_the_dark():
    assert radiation_totals(0.0, 0.0, 300.0, 0.0, -50.0, 0.0)[4] == 0.0


def test_the_radiative_temperature_stays_finite_without_any_longwave():
    assert -274.0 < radiation_totals(0.0, 0.0, 0.0, 0.0, 100.0, 0.0)[5] < 0.0


@given(st.lists(flux, min_size=9, max_size=9))
def test_heat_and_water_are_summed_from_the_same_parts(parts):
    latent, sensible, water = turbulent_totals(*parts)
    assert latent == parts[0] + parts[1]
    assert sensible == parts[2] + parts[3]
    assert water == pytest.approx(sum(parts[4:]), abs=1e-9)


def test_bare_ground_mixes_at_its_own_temperature_and_a_forest_at_its_leaves():
    assert mixed_temperature(10.0, 30.0, 0.0) == 30.0
    assert mixed_temperature(10.0, 30.0, 12.0) == pytest.approx(10.0, abs=0.06)


def test_advected_heat_is_what_snow_and_water_brought_per_second():
    assert advected_heat(-3600.0, 1e6, 1e6 + 7200.0, 1800.0) == 2.0
    assert stored_moisture(100.0, 25.0) == 125.0
