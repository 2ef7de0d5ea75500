"""The sun: published cases, an ephemeris library, and exact step means."""

import time

import numpy as np
import pandas as pd
import pvlib
import pytest

from terraflux.model import solar

GOLDEN = {"latitude": 39.742476, "longitude": -105.1786, "utc_offset_hours": -7.0}
HALF_HOURS_2020 = np.arange("2020-01-01", "2021-01-01", np.timedelta64(30, "m"), dtype="datetime64[m]")


def mean_of_instants(start, step_seconds, latitude, longitude, utc_offset_hours, count=20000):
    """Mean of max(cosine, 0) over a step, and the sunlit share, from many instants."""
    offsets = ((np.arange(count) + 0.5) / count * step_seconds * 1000.0).astype("timedelta64[ms]")
    cosine = solar.cosine_zenith(start + offsets, latitude, longitude, utc_offset_hours)
    return np.maximum(cosine, 0.0).mean(), (cosine > 0.0).mean()


def test_golden_case_of_the_solar_position_algorithm():
    """Reda and Andreas (2004), 2003-10-17 12:30:30 UTC-7: zenith 50.1116; NOAA's values to their last digit."""
    moment = np.datetime64("2003-10-17T12:30:30")
    declination, equation, _ = solar.sun_position(solar.centuries_since_2000(moment, -7.0))
    assert np.degrees(declination) == pytest.approx(-9.3158, abs=1e-4)
    assert equation == pytest.approx(14.647, abs=1e-3)
    assert np.degrees(solar.hour_angle(moment, GOLDEN["longitude"], -7.0, equation)) == pytest.approx(11.108, abs=1e-3)
    zenith = np.degrees(np.arccos(solar.cosine_zenith(moment, **GOLDEN)))
    assert zenith == pytest.approx(50.128, abs=1e-3)
    assert zenith == pytest.approx(50.1116, abs=0.05)


@pytest.mark.parametrize(("latitude", "longitude", "zone"), [(60.0, 20.0, 1), (-33.0, 151.0, 10), (0.0, -78.0, -5)])
def test_zenith_agrees_with_an_ephemeris_library(latitude, longitude, zone):
    times = np.arange("1992-02-28", "2031-01-01", np.timedelta64(997, "h"), dtype="datetime64[h]")
    index = pd.DatetimeIndex(times.astype("datetime64[ns]")).tz_localize(f"Etc/GMT{-zone:+d}")
    oracle = pvlib.solarposition.get_solarposition(index, latitude, longitude)["zenith"].to_numpy()
    found = np.degrees(np.arccos(solar.cosine_zenith(times, latitude, longitude, zone)))
    np.testing.assert_allclose(found, oracle, rtol=0.0, atol=0.02)


def test_distance_factor_agrees_with_an_ephemeris_library():
    times = pd.date_range("2020-01-01", "2020-12-31", freq="11D")
    oracle = pvlib.solarposition.nrel_earthsun_distance(times).to_numpy() ** -2
    _, _, nearness = solar.sun_position(solar.centuries_since_2000(times.to_numpy()))
    np.testing.assert_allclose(nearness, oracle, rtol=2e-4)


@pytest.mark.parametrize("latitude", [-90.0, -69.0, -33.0, 0.0, 60.0, 75.0, 90.0])
@pytest.mark.parametrize("step_seconds", [1800.0, 10800.0, 86400.0])
def test_step_mean_is_the_mean_of_instants(latitude, step_seconds):
    for start in np.array(["2020-03-20T05:40", "2020-06-21T12:00", "2020-12-21T23:50"], dtype="datetime64[ms]"):
        mean, share, light = solar.interval_sun(start, step_seconds, latitude, 20.0, 1.0)
        expected, expected_share = mean_of_instants(start, step_seconds, latitude, 20.0, 1.0)
        # Within a step the declination is held at its middle: worth 2e-3 over a day, 1e-4 over half an hour.
        assert mean * share == pytest.approx(expected, abs=1e-4 + 2e-8 * step_seconds)
        if abs(latitude) < 90.0:
            assert share == pytest.approx(expected_share, abs=2e-3 + 1e-7 * step_seconds)
        assert light == pytest.approx(1361.0 * expected, rel=0.04, abs=2.0)


def test_sunrise_inside_a_step_leaves_the_dark_part_out():
    times = HALF_HOURS_2020
    mean, share, _ = solar.interval_sun(times, 1800.0, 45.0, 7.5, 1.0)
    partly = (share > 0.0) & (share < 1.0)
    assert 2 * 360 <= partly.sum() <= 2 * 366
    assert (mean[partly] > 0.0).all()
    middle = solar.cosine_zenith(times + np.timedelta64(15, "m"), 45.0, 7.5, 1.0)
    bend = (np.pi / 24.0) ** 2 / 24.0  # a cosine's mean over half an hour lies at most this below its middle
    assert (mean[partly] > middle[partly] - bend).all()
    assert (mean[partly & (middle < 0.0)] > 0.0).all()
    np.testing.assert_allclose(mean[share == 1.0], middle[share == 1.0], rtol=0.0, atol=bend)


def test_polar_night_is_dark_and_polar_day_has_no_night():
    day = np.arange("2020-12-21", "2020-12-22", np.timedelta64(30, "m"), dtype="datetime64[m]")
    assert (solar.interval_mean_cosine_zenith(day, 1800.0, 78.0, 15.6, 1.0) == 0.0).all()
    _, share, _ = solar.interval_sun(day, 1800.0, -78.0, 15.6, 1.0)
    np.testing.assert_allclose(share, 1.0, rtol=1e-12)
    assert solar.photoperiod(day[0], 78.0) == 0.0
    assert solar.photoperiod(day[0], -78.0) == 24.0


def test_half_hours_of_a_day_sum_to_the_daily_step():
    day = np.datetime64("2020-04-10")
    halves = day + np.arange(48) * np.timedelta64(30, "m")
    light = solar.extraterrestrial_radiation(halves, 1800.0, 50.0, 10.0, 1.0).mean()
    assert light == pytest.approx(solar.extraterrestrial_radiation(day, 86400.0, 50.0, 10.0, 1.0), rel=3e-4)


def test_clock_zone_and_longitude_shift_the_sun_together():
    times = HALF_HOURS_2020[:48]
    here = solar.interval_mean_cosine_zenith(times, 1800.0, 50.0, 15.0, 1.0)
    east = solar.interval_mean_cosine_zenith(times, 1800.0, 50.0, 30.0, 2.0)
    np.testing.assert_allclose(here, east, atol=2e-4)
    assert abs(int(np.argmax(here)) - 24) <= 1


def test_photoperiod_is_half_a_day_at_the_equinox_and_constant_within_a_day():
    assert solar.photoperiod(np.datetime64("2020-03-20"), 52.0) == pytest.approx(12.0, abs=0.05)
    hours = solar.photoperiod(HALF_HOURS_2020, 52.0)
    assert np.unique(hours).size <= 366
    assert hours.max() == pytest.approx(16.5, abs=0.1)
    assert hours.min() == pytest.approx(7.5, abs=0.1)


def test_places_and_times_broadcast():
    latitudes = np.array([0.0, 40.0, 80.0])
    cosine = solar.interval_mean_cosine_zenith(HALF_HOURS_2020[:48, None], 1800.0, latitudes, 0.0, 0.0)
    assert cosine.shape == (48, 3)
    np.testing.assert_array_equal(
        cosine[:, 1], solar.interval_mean_cosine_zenith(HALF_HOURS_2020[:48], 1800.0, 40.0, 0.0, 0.0))


@pytest.mark.parametrize("step_seconds", [0.0, -1800.0, 90000.0])
def test_impossible_steps_are_refused(step_seconds):
    with pytest.raises(ValueError, match="86400"):
        solar.interval_sun(HALF_HOURS_2020[:2], step_seconds, 0.0, 0.0, 0.0)


def test_a_year_of_half_hours_takes_under_fifty_milliseconds():
    durations = []
    for _ in range(5):
        start = time.perf_counter()
        solar.interval_mean_cosine_zenith(HALF_HOURS_2020, 1800.0, 50.0, 10.0, 1.0)
        durations.append(time.perf_counter() - start)
    assert min(durations) < 0.05
