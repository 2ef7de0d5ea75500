"""Forcing of every few hours: means of intervals are kept, the sun is followed, slabs may be cut anywhere."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.model.humidity import saturation_pressure_at


@pytest.mark.parametrize(("hours", "time_step"), [(3, 3600.0), (3, 1800.0), (6, 3600.0), (1, 1200.0), (1, 3600.0)])
def test_means_of_intervals_are_kept(make, seen, hours, time_step):
    one, forcing = make("1996-02-28", 3 * 24 // hours, interval_seconds=3600 * hours, utc_offset_hours=0.0, seed=2)
    assert "air_temperature_range" not in one.variables()
    found = seen(one, forcing, time_step)
    for row, name in enumerate(one.variables()):
        given = forcing[:, row]
        assert np.allclose(found[name].mean(axis=1), given, rtol=1e-12, atol=1e-12 * np.abs(given).max()), name


def test_light_follows_the_sun_within_an_interval(make, seen):
    one, forcing = make("2001-06-01", 8, latitude=[40.0], longitude=[0.0], interval_seconds=10800)
    forcing[:, 0, 0] = np.where(np.arange(8) == 2, 300.0, 0.0)  # 6 to 9 h
    found = seen(one, forcing)
    light, cosine = found["shortwave_down"][2, :, 0], found["cosine_zenith"][2, :, 0]
    assert light[0] < light[1] < light[2] and np.allclose(light / cosine, light[0] / cosine[0], rtol=1e-12)
    assert (found["shortwave_down"][3:] == 0.0).all()


def test_others_are_linear_between_their_neighbours_without_new_extremes(make, seen):
    one, forcing = make("2001-06-01", 8, latitude=[40.0], longitude=[0.0], interval_seconds=10800)
    row = one.variables().index("wind_speed")
    forcing[:, row, 0] = [1.0, 2.0, 3.0, 4.0, 4.0, 1.0, 5.0, 5.0]
    wind = seen(one, forcing)["wind_speed"][:, :, 0]
    assert np.allclose(wind[1:3], [[5.0 / 3.0, 2.0, 7.0 / 3.0], [8.0 / 3.0, 3.0, 10.0 / 3.0]], rtol=1e-14)
    assert (np.ptp(wind[[0, 3, 4, 5, 6, 7]], axis=1) == 0.0).all()  # extremes and ends stay as they are
    rain = seen(one, forcing)["precipitation"]
    assert np.ptp(rain, axis=1).max() == 0.0


def test_air_is_saturated_at_most(make, seen):
    one, forcing = make("2001-06-01", 24, interval_seconds=10800, seed=5)
    rows = [one.variables().index(name) for name in ("vapour_pressure", "air_temperature")]
    forcing[:, rows[0]] = 0.999 * saturation_pressure_at(forcing[:, rows[1]])
    found = seen(one, forcing)
    saturated = saturation_pressure_at(found["air_temperature"])
    assert (found["vapour_pressure"] <= saturated * (1.0 + 1e-14)).all()
    assert np.allclose(found["vapour_pressure"].mean(axis=1), forcing[:, rows[0]], rtol=1e-13)


@pytest.mark.parametrize("cut", [1, 5, 8, 13, 23])
def test_slabs_with_neighbours_have_the_bits_of_the_whole(make, seen, cut):
    one, forcing = make("2001-03-30", 24, interval_seconds=10800)
    whole = seen(one, forcing)
    early = seen(one.starting(one.first, (0, 1)), forcing[:cut + 1])
    late = seen(one.starting(one.first + cut * np.timedelta64(10800, "s"), (1, 0)), forcing[cut - 1:])
    for name, values in whole.items():
        assert np.array_equal(np.concatenate([early[name], late[name]]), values), name


def test_a_clock_of_greenwich_and_local_clocks_see_the_same_sun(make, seen):
    """The same instants under two clocks: only the date whose noon gives the declination differs."""
    place = {"latitude": [35.0], "longitude": [120.0], "interval_seconds": 10800}
    east, forcing = make("2001-06-02T00:00", 8, **place, utc_offset_hours=9.0)
    greenwich = replace(east, first="2001-06-01T15:00", utc_offset_hours=0.0)
    found, other = seen(east, forcing), seen(greenwich, forcing)
    assert np.abs(found["cosine_zenith"] - other["cosine_zenith"]).max() < 0.003
    assert np.abs(found["photoperiod"] - other["photoperiod"]).max() < 0.03
