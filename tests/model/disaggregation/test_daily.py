"""Daily forcing inside the loop: nothing is lost, the sun is exact, days look like days."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.model.diffuse_fraction import clearness_index, diffuse_fraction
from terraflux.model.disaggregation import PRECIPITATION_COURSE, TEMPERATURE_COURSE
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.solar import DEGREES, centuries_since_2000, interval_sun, sun_position, sunlit_overlap, sunset_hour_angle

COURSES = [("daylight", "uniform"), ("cosine", "cascade"), ("daylight", "triangular")]
FIRSTS = ("1996-02-27", "1995-06-19", "2004-12-19")  # a leap day, polar day and polar night of either end


def hours_since_midnight(hours, one, date):
    """Hour angle (rad) of clock hours by declination and equation of time of the local noon; (angle, declination)."""
    offset = np.asarray(one.longitude) / 15.0 if one.utc_offset_hours is None else np.asarray(one.utc_offset_hours, float)
    noon = np.datetime64(date, "ms") + np.timedelta64(12, "h")
    declination, equation, _ = sun_position(centuries_since_2000(noon, offset))
    angle = (hours[:, None] + np.asarray(one.longitude) / 15.0 - offset + equation / 60.0 - 12.0) * np.pi / 12.0
    return angle, declination


@pytest.mark.parametrize(("temperature", "precipitation"), COURSES)
@pytest.mark.parametrize("first", FIRSTS)
def test_daily_means_and_totals_are_kept(make, seen, temperature, precipitation, first):
    one, forcing = make(first, 5, temperature=temperature, precipitation=precipitation, seed=3)
    found = seen(one, forcing)
    for row, name in enumerate(one.variables()):
        if name != "air_temperature_range":
            given, kept = forcing[:, row], found[name].mean(axis=1)
            assert np.allclose(kept, given, rtol=1e-12, atol=1e-12 * np.abs(given).max()), name
            assert np.isfinite(found[name]).all()


@pytest.mark.parametrize("time_step", [1800.0, 10800.0, 86400.0])
def test_means_are_kept_at_other_steps(make, seen, time_step):
    one, forcing = make("2000-02-28", 3, precipitation="triangular")
    found = seen(one, forcing, time_step)
    for row, name in enumerate(one.variables()):
        if name in found:
            assert np.allclose(found[name].mean(axis=1), forcing[:, row], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("offset", [None, 0.0, 8.0])
def test_light_is_the_exact_integral_of_the_cosine(make, seen, offset):
    """Against the closed form with the declination of the local noon, at any latitude, longitude and clock."""
    one, forcing = make("1995-06-19", 3, utc_offset_hours=offset)
    found = seen(one, forcing)
    for day in range(3):
        edges, declination = hours_since_midnight(np.arange(25.0), one, np.datetime64("1995-06-19") + day)
        start = edges[:-1] - 2.0 * np.pi * np.floor((edges[:-1] + np.pi) / (2.0 * np.pi))
        length, cosines = sunlit_overlap(start, start + np.pi / 12.0, sunset_hour_angle(one.latitude, declination))
        phi = DEGREES * np.asarray(one.latitude)
        light = np.maximum(np.sin(phi) * np.sin(declination) * length + np.cos(phi) * np.cos(declination) * cosines, 0.0)
        expected = np.where(length > 1e-9, light / np.maximum(length, 1e-9), 0.0)
        compared = length > 1e-5  # the quotient of two tiny numbers says little
        assert np.allclose(found["cosine_zenith"][day][compared], expected[compared], atol=2e-8)
        clear = light > 0.05
        ratio = np.where(clear, found["shortwave_down"][day] / np.where(clear, light, 1.0), np.nan)
        spread = np.nanmax(ratio, axis=0) / np.nanmin(ratio, axis=0) if clear.any(axis=0).all() else np.array(1.0)
        assert np.nanmax(spread) < 1.0 + 1e-6  # sunlight follows it
        hours = 24.0 / np.pi * sunset_hour_angle(one.latitude, declination)
        assert np.allclose(found["photoperiod"][day], hours, atol=1e-5)


def test_geometry_agrees_with_that_of_every_step(make, seen):
    """The declination of noon serves all day: the cosine differs by less than half a day's change of declination."""
    one, forcing = make("2001-03-18", 4, latitude=[-30.0, 5.0, 40.0, 60.0], longitude=[100.0, -60.0, 116.0, 10.0])
    found = seen(one, forcing)["cosine_zenith"].reshape(-1, 4)
    times = np.datetime64("2001-03-18", "ms") + np.arange(96) * np.timedelta64(1, "h")
    expected, lit, _ = interval_sun(times[:, None], 3600.0, one.latitude, one.longitude, np.asarray(one.longitude) / 15.0)
    whole = lit == 1.0
    assert np.abs(found - expected)[whole].max() < 0.0042


def test_polar_night_has_no_geometry_and_keeps_its_light(make, seen):
    one, forcing = make("2004-12-20", 2)
    found = seen(one, forcing)
    night = np.asarray(one.latitude) > 70.0
    assert (found["cosine_zenith"][..., night] == 0.0).all() and (found["photoperiod"][..., night] == 0.0).all()
    assert (found["diffuse_fraction"][..., night] == 1.0).all()
    assert (np.ptp(found["shortwave_down"][..., night], axis=1) == 0.0).all()
    day = np.asarray(one.latitude) < -70.0
    assert np.allclose(found["photoperiod"][..., day], 24.0) and (found["cosine_zenith"][..., day] > 0.0).all()


def test_light_beyond_a_clear_sky_is_spread_over_daylight(make, seen):
    one, forcing = make("2001-07-01", 1, latitude=[40.0], longitude=[0.0])
    forcing[:, 0] = 480.0  # W m-2, brighter than a sky of transmission 0.85
    found = seen(one, forcing)
    light, dark = found["shortwave_down"][0, :, 0], found["cosine_zenith"][0, :, 0] == 0.0
    assert np.isclose(light.mean(), 480.0, rtol=1e-13) and (light[dark] == 0.0).all() and dark.any()


def test_diffuse_share_is_that_of_the_clearness_of_the_day(make, seen):
    one, forcing = make("2001-06-01", 1, latitude=[40.0] * 3, longitude=[0.0] * 3)
    forcing[0, 0] = [40.0, 200.0, 340.0]
    found = seen(one, forcing)
    times = np.datetime64("2001-06-01", "ms") + np.arange(24) * np.timedelta64(1, "h")
    outside = interval_sun(times, 3600.0, 40.0, 0.0, 0.0)[2][:, None]
    high = outside[:, 0] > 300.0
    expected = diffuse_fraction(clearness_index(found["shortwave_down"][0], outside))
    assert np.abs(found["diffuse_fraction"][0] - expected)[high].max() < 0.01
    assert np.ptp(found["diffuse_fraction"][0, high], axis=0).max() < 1e-12 and high.sum() > 9


@pytest.mark.parametrize("course", list(TEMPERATURE_COURSE))
def test_temperature_reaches_its_range_after_sunrise_and_noon(make, seen, course):
    one, forcing = make("2001-05-01", 1, latitude=[0.0, 35.0, 50.0], longitude=[0.0, 100.0, -100.0], temperature=course)
    forcing[0, 2], forcing[0, 3] = [20.0, 10.0, 0.0], [8.0, 12.0, 16.0]
    found = seen(one, forcing, 600.0)
    air, sunlit = found["air_temperature"][0], found["cosine_zenith"][0] > 0.0
    assert np.allclose(np.ptp(air, axis=0), forcing[0, 3], rtol=2e-3)
    coldest, warmest = (np.arange(144)[one_of(air, axis=0)] / 6.0 for one_of in (np.argmin, np.argmax))
    if course == "daylight":
        sunrise = np.argmax(sunlit, axis=0) / 6.0
        assert np.abs(coldest - sunrise).max() < 0.4
        assert np.abs(warmest - (sunrise + 2.0 / 3.0 * sunlit.mean(axis=0) * 24.0)).max() < 0.5
    else:
        assert np.abs(warmest - 14.5).max() < 0.3 and np.abs(coldest - 2.5).max() < 0.3
    forcing[0, 3] = [0.0, -1.0, 0.0]
    assert np.ptp(seen(one, forcing)["air_temperature"], axis=1).max() == 0.0


def test_air_is_saturated_at_most_and_keeps_its_moisture(make, seen):
    one, forcing = make("2001-05-01", 2, seed=8)
    row = one.variables().index("vapour_pressure")
    found = seen(one, forcing)
    saturated = saturation_pressure_at(found["air_temperature"])
    possible = forcing[:, row] <= saturated.mean(axis=1)
    assert possible.all()
    assert (found["vapour_pressure"] <= saturated * (1.0 + 1e-14)).all()
    limited = (forcing[:, row][:, None] > saturated).any(axis=1)
    assert limited.any() and (~limited).any()
    assert np.ptp(found["vapour_pressure"], axis=1)[~limited].max() == 0.0


def test_impossible_moisture_is_kept_and_shared_by_saturation(make, seen):
    one, forcing = make("2001-05-01", 1, latitude=[40.0], longitude=[0.0])
    forcing[0, one.variables().index("vapour_pressure")] = 9.0
    found = seen(one, forcing)
    ratio = found["vapour_pressure"] / saturation_pressure_at(found["air_temperature"])
    assert np.isclose(found["vapour_pressure"].mean(), 9.0, rtol=1e-13) and np.ptp(ratio) < 1e-12 * ratio.max()


def test_longwave_follows_warmth_and_moisture(make, seen):
    one, forcing = make("2001-05-01", 1, latitude=[40.0], longitude=[0.0])
    found = seen(one, forcing)
    air, vapour = found["air_temperature"] + 273.15, found["vapour_pressure"]
    ratio = found["longwave_down"] / ((vapour / air) ** (1.0 / 7.0) * air**4)
    assert np.ptp(ratio) < 1e-12 * ratio.max()


@pytest.mark.parametrize("course", [name for name in PRECIPITATION_COURSE if name != "uniform"])
def test_rain_is_drawn_by_cell_date_and_seed(make, seen, course):
    latitude, longitude = np.full(40, 30.0) + 0.25 * np.arange(40), np.full(40, 110.125)
    temperature = "cosine" if course == "cascade" else "daylight"
    choices = {"latitude": latitude, "longitude": longitude, "precipitation": course, "temperature": temperature}
    one, forcing = make("2001-05-01", 6, **choices)
    forcing[:, 7] = 1e-4
    rain = seen(one, forcing)["precipitation"]
    assert (rain >= 0.0).all()
    assert not np.array_equal(rain[0], rain[1]) and not np.array_equal(rain[:, :, 0], rain[:, :, 1])
    again, _ = make("2001-05-03", 4, **choices)
    assert np.array_equal(seen(again, forcing[2:])["precipitation"], rain[2:])
    other, _ = make("2001-05-01", 6, **choices)
    other = other.of([7, 3])
    assert np.array_equal(seen(other, forcing[:, :, [7, 3]])["precipitation"], rain[:, :, [7, 3]])
    wrapped, _ = make("2001-05-01", 6, **{**choices, "longitude": longitude - 360.0})
    assert np.array_equal(seen(wrapped, forcing)["precipitation"], rain)
    assert not np.array_equal(seen(replace(one, seed=5), forcing)["precipitation"], rain)
    wet = (rain > 0.0).sum(axis=1)
    assert (wet < 24).mean() > 0.9 and rain.mean(axis=(0, 2)).min() > 1e-5  # no hour is always dry


def test_uniform_rain_falls_all_day(make, seen):
    one, forcing = make("2001-05-01", 2)
    assert np.ptp(seen(one, forcing)["precipitation"], axis=1).max() < 1e-18


@pytest.mark.parametrize("name", ["shortwave_down", "air_temperature", "vapour_pressure", "precipitation", "longwave_down"])
def test_missing_values_stay_missing(make, seen, name):
    one, forcing = make("2001-05-01", 2, latitude=[40.0, 41.0], longitude=[0.0, 1.0])
    forcing[1, one.variables().index(name), 1] = np.nan
    found = seen(one, forcing)[name]
    assert np.isnan(found[1, :, 1]).all() and np.isfinite(found[0]).all() and np.isfinite(found[:, :, 0]).all()
