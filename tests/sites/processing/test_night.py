"""Potential radiation and the rules of night."""

import numpy as np
import pytest

from terraflux.sites.processing.night import night
from terraflux.sites.processing.potential_radiation import extraterrestrial_radiation, potential_radiation, sine_of_elevation
from terraflux.sites.processing.time_step import steps_per_day

HALF_HOURS = np.arange("2001-01-01T00:15", "2002-01-01T00:15", np.timedelta64(30, "m"), dtype="datetime64[m]")


def test_potential_radiation_agrees_with_an_independent_sun():
    pvlib = pytest.importorskip("pvlib")
    import pandas as pd

    times = pd.DatetimeIndex(HALF_HOURS).tz_localize("Etc/GMT-8")
    zenith = pvlib.solarposition.get_solarposition(times, 30.0, 110.0, method="nrel_numpy")["zenith"].to_numpy()
    ours = sine_of_elevation(HALF_HOURS, 30.0, 110.0, 8.0)
    assert np.abs(ours - np.cos(np.radians(zenith))).max() < 0.01  # one sun position per day, not per minute


def test_annual_mean_of_the_globe_is_a_quarter_of_the_solar_constant():
    latitudes = np.arange(-88.0, 90.0, 4.0)
    mean = np.array([potential_radiation(HALF_HOURS, latitude, 0.0, 0.0).mean() for latitude in latitudes])
    weight = np.cos(np.radians(latitudes))
    assert np.average(mean, weights=weight) == pytest.approx(extraterrestrial_radiation(HALF_HOURS).mean() / 4.0, rel=2e-3)


def test_longitude_east_or_west_of_zero_is_the_same_place():
    assert np.array_equal(potential_radiation(HALF_HOURS, 10.0, 350.0, 0.0), potential_radiation(HALF_HOURS, 10.0, -10.0, 0.0))


def test_a_place_off_the_globe_is_refused():
    with pytest.raises(ValueError, match="latitude"):
        potential_radiation(HALF_HOURS, 91.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="longitude"):
        potential_radiation(HALF_HOURS, 0.0, 361.0, 0.0)


def test_rules_of_night_differ_at_their_edges():
    radiation, potential = [10.0, 5.0, 0.0, np.nan], [0.0, 20.0, 0.0, 0.0]
    assert night(radiation).tolist() == [False, True, True, False]
    assert night(potential=potential, rule="sun").tolist() == [True, False, True, True]
    assert night(radiation, potential, rule="both").tolist() == [True, False, True, False]


def test_a_rule_without_its_series_says_what_it_needs():
    with pytest.raises(ValueError, match="needs potential radiation"):
        night([0.0], rule="both")
    with pytest.raises(ValueError, match="choose one of both, radiation, sun"):
        night([0.0], rule="moon")


def test_steps_must_divide_an_hour():
    with pytest.raises(ValueError, match="resample"):
        steps_per_day(45.0)


@pytest.mark.real_data
def test_potential_radiation_matches_the_published_series(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "references/reddyproc/reddyproc_DETha98_mds_nt.csv.gz")
    middle = pd.to_datetime(table["DateTime"]).to_numpy() - np.timedelta64(15, "m")
    ours = potential_radiation(middle, 51.0, 13.6, 1.0)
    assert np.abs(ours - table["PotRad_uStar"].to_numpy()).max() < 1e-9
