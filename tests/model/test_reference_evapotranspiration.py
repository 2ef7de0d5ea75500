"""Evaporative demand: the worked examples of FAO-56 and the limits of Priestley-Taylor."""

import numpy as np
import pytest

from terraflux.model import reference_evapotranspiration as reference
from terraflux.model.humidity import saturation_pressure_at


def test_example_18_daily_evapotranspiration_at_uccle():
    pressure = reference.pressure_from_elevation(100.0)
    outside = reference.daily_extraterrestrial_radiation(50.80, 187)
    daylight = reference.daylight_hours(50.80, 187)
    solar = reference.solar_radiation_from_sunshine(9.25, daylight, outside)
    net = reference.daily_net_radiation(solar, reference.clear_sky_radiation(outside, 100.0), 21.5, 12.3, 1.409)
    wind = reference.wind_at_two_metres(10.0 / 3.6, 10.0)
    assert pressure == pytest.approx(100.12, abs=0.005)
    assert reference.psychrometric_constant_from_pressure(pressure) == pytest.approx(0.06658, abs=5e-6)
    assert reference.saturation_slope_at(16.9) == pytest.approx(0.1221, abs=5e-5)
    assert wind == pytest.approx(2.078, abs=5e-4)
    assert outside == pytest.approx(41.09, abs=0.005)
    assert daylight == pytest.approx(16.10, abs=0.006)
    assert solar == pytest.approx(22.07, abs=0.005)
    assert net == pytest.approx(13.28, abs=0.005)
    found = reference.daily_reference_evapotranspiration(net, 0.0, 21.5, 12.3, wind, 1.409, pressure)
    assert found == pytest.approx(3.88, abs=0.005)


def test_example_17_monthly_evapotranspiration_at_bangkok():
    outside = reference.daily_extraterrestrial_radiation(13.73, 105)
    solar = reference.solar_radiation_from_sunshine(8.5, reference.daylight_hours(13.73, 105), outside)
    net = reference.daily_net_radiation(solar, reference.clear_sky_radiation(outside, 2.0), 34.8, 25.6, 2.85)
    assert net == pytest.approx(14.33, abs=0.005)
    found = reference.daily_reference_evapotranspiration(
        net, 0.14, 34.8, 25.6, 2.0, 2.85, reference.pressure_from_elevation(2.0))
    assert found == pytest.approx(5.72, abs=0.005)


def test_example_19_hourly_evapotranspiration_by_day():
    """N'Diaye, 1 October, 14 to 15 h: T 38, RH 52 %, wind 3.3, solar radiation 2.450 MJ m-2 h-1."""
    outside = reference.hourly_extraterrestrial_radiation(16.0 + 13.0 / 60.0, -16.25, -1.0, 274, 14.5)
    clear = reference.clear_sky_radiation(outside, 8.0)
    vapour = 0.52 * saturation_pressure_at(38.0)
    net = reference.hourly_net_radiation(2.450, 2.450 / clear, 38.0, vapour)
    ground = reference.hourly_ground_heat_flux(net)
    assert outside == pytest.approx(3.543, abs=1e-3)
    assert clear == pytest.approx(2.658, abs=1e-3)
    assert vapour == pytest.approx(3.445, abs=1e-3)
    assert net == pytest.approx(1.749, abs=1e-3)
    assert ground == pytest.approx(0.175, abs=1e-3)
    pressure = reference.pressure_from_elevation(8.0)
    found = reference.hourly_reference_evapotranspiration(net, ground, 38.0, 3.3, vapour, pressure)
    assert found == pytest.approx(0.63, abs=0.005)


def test_example_19_hourly_evapotranspiration_by_night():
    """N'Diaye, 1 October, 2 to 3 h: T 28, RH 90 %, wind 1.9; relative radiation 0.8 from before sunset."""
    assert reference.hourly_extraterrestrial_radiation(16.0 + 13.0 / 60.0, -16.25, -1.0, 274, 2.5) == 0.0
    vapour = 0.90 * saturation_pressure_at(28.0)
    net = reference.hourly_net_radiation(0.0, 0.8, 28.0, vapour)
    ground = reference.hourly_ground_heat_flux(net)
    assert net == pytest.approx(-0.100, abs=1e-3)
    assert ground == pytest.approx(-0.050, abs=1e-3)
    pressure = reference.pressure_from_elevation(8.0)
    found = reference.hourly_reference_evapotranspiration(net, ground, 28.0, 1.9, vapour, pressure)
    assert found == pytest.approx(0.00, abs=0.005)


def test_hours_of_a_day_sum_to_the_daily_extraterrestrial_radiation():
    hours = reference.hourly_extraterrestrial_radiation(35.0, 10.0, 1.0, 200, np.arange(24) + 0.5)
    assert hours.sum() == pytest.approx(reference.daily_extraterrestrial_radiation(35.0, 200), rel=0.01)


def test_polar_night_has_no_radiation_and_polar_day_has_a_full_turn():
    assert reference.daily_extraterrestrial_radiation(80.0, 355) == pytest.approx(0.0, abs=1e-12)
    assert reference.daylight_hours(80.0, 355) == 0.0
    assert reference.daylight_hours(-80.0, 355) == 24.0


def test_demand_grows_with_wind_and_dryness():
    def demand(wind, vapour):
        return reference.daily_reference_evapotranspiration(12.0, 0.0, 25.0, 12.0, wind, vapour, 95.0)

    assert demand(4.0, 1.0) > demand(1.0, 1.0) > 0.0
    assert demand(2.0, 0.8) > demand(2.0, 1.4)


def test_priestley_taylor_is_the_published_multiple_of_equilibrium():
    temperature, pressure, energy = 20.0, 101325.0, 400.0
    latent_heat = 2.501e6 - 2361.0 * temperature
    constant = 1004.65 * 101.325 / (0.622 * latent_heat)
    slope = float(reference.saturation_slope_at(temperature))
    found = reference.priestley_taylor(energy, temperature, pressure)
    assert found * latent_heat / energy == pytest.approx(1.26 * slope / (slope + constant), rel=1e-12)
    assert reference.priestley_taylor(0.0, temperature, pressure) == 0.0


def test_penman_monteith_approaches_priestley_taylor_in_calm_humid_air():
    """Without wind and deficit eq. 6 leaves 0.408 s / (s + gamma) of the available energy: the equilibrium rate."""
    found = reference.daily_reference_evapotranspiration(10.0, 0.0, 20.0, 20.0, 0.0, 2.0, 101.3)
    equilibrium = reference.priestley_taylor(10.0e6 / 86400.0, 20.0, 101300.0, factor=1.0) * 86400.0
    assert found == pytest.approx(equilibrium, rel=0.01)
