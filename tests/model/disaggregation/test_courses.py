"""The courses of a day and the random numbers behind them, as plain functions."""

import numpy as np
import pytest

from terraflux.model.disaggregation import PRECIPITATION_COURSE, TEMPERATURE_COURSE
from terraflux.model.disaggregation.random_numbers import MODULUS, absorbed, branched, cell_keys, cubed, remainder, share_of
from terraflux.model.disaggregation.temperature_course import sine_of_turns


def test_remainders_and_cubes_are_exact():
    random = np.random.default_rng(1)
    for number in (0, 1, 67108858, 67108859, 2**52, *random.integers(0, 2**52, 200).tolist()):
        assert remainder(float(number)) == number % int(MODULUS)
    for number in random.integers(0, int(MODULUS), 200).tolist():
        assert cubed(float(number)) == pow(number, 3, int(MODULUS))


def test_cubing_forgets_nothing():
    """The modulus is a prime with remainder 2 by 3, so that cubing is a permutation."""
    modulus = int(MODULUS)
    assert modulus % 3 == 2 and all(modulus % factor for factor in range(2, 8193))


def test_numbers_of_neighbouring_keys_are_uniform_and_unrelated():
    shares = np.array([[share_of(absorbed(absorbed(float(key), float(date)), 77.0)) for date in range(60)]
                       for key in range(1000, 1060)])
    assert abs(shares.mean() - 0.5) < 4.0 / np.sqrt(12.0 * shares.size)
    counts = np.histogram(shares, 16, (0.0, 1.0))[0]
    assert ((counts - shares.size / 16) ** 2 / (shares.size / 16)).sum() < 37.7  # chi2, 15 degrees, 0.1 %
    for one, other in ((shares[1:], shares[:-1]), (shares[:, 1:], shares[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.0 / np.sqrt(one.size)
    branches = np.array([[share_of(branched(absorbed(float(key), 5.0), float(k))) for k in range(1, 32)] for key in range(60)])
    assert abs(branches.mean() - 0.5) < 0.03 and abs(np.corrcoef(branches[:, 0], branches[:, 1])[0, 1]) < 0.5


def test_cells_have_keys_of_their_own():
    longitude, latitude = np.meshgrid(np.arange(73.05, 136.0, 0.1), np.arange(18.05, 54.0, 0.1))
    keys = cell_keys(latitude.ravel(), longitude.ravel(), 1)
    pairs = np.unique(keys[0] * MODULUS + keys[1])
    assert pairs.size == longitude.size and keys.min() >= 0.0 and keys.max() < MODULUS
    assert np.array_equal(keys[:, :3], cell_keys(latitude.ravel()[:3], longitude.ravel()[:3] + 360.0, 1))
    assert not np.array_equal(keys, cell_keys(latitude.ravel(), longitude.ravel(), 2))


@pytest.mark.parametrize("course", list(PRECIPITATION_COURSE))
def test_rain_never_falls_back_and_adds_up(course):
    fall = PRECIPITATION_COURSE[course]
    for key in range(40):
        until = [fall(edge, absorbed(float(key), 3.0)) for edge in np.linspace(0.0, 1.0, 49).tolist()]
        assert abs(until[0]) < 1e-15 and abs(until[-1] - 1.0) < 1e-15 and min(np.diff(until)) >= -1e-15


def test_a_cascade_is_intermittent_as_its_chances_say():
    """Rain stays in both halves of an interval with the chance 1/2, so 45 minutes are wet with (3/4)**5."""
    fall = PRECIPITATION_COURSE["cascade"]
    parts = np.array([np.diff([fall(edge / 32.0, absorbed(float(key), 9.0)) for edge in range(33)]) for key in range(300)])
    wet = (parts > 0.0).mean()
    assert abs(wet - 0.75**5) < 0.03
    assert abs(parts[:, :16].sum(axis=1).mean() - 0.5) < 0.08


@pytest.mark.parametrize("course", list(TEMPERATURE_COURSE))
@pytest.mark.parametrize("day_length", [0.0, 8.0, 12.0, 16.5, 24.0])
def test_temperature_courses_have_the_mean_one_half_and_reach_both_ends(course, day_length):
    warmth = TEMPERATURE_COURSE[course]
    until = np.array([warmth(float(hour), day_length) for hour in np.linspace(0.0, 48.0, 4801)])
    assert np.allclose(until[2400:] - until[:2401], 12.0, rtol=1e-11)
    shape = np.diff(until) / 0.01
    assert shape.min() > -1e-6 and shape.max() < 1.0 + 1e-6
    assert shape.min() < 1e-4 and shape.max() > 1.0 - 1e-4


def test_the_sine_is_a_sine():
    turns = np.linspace(-2.0, 2.0, 1001)
    assert np.allclose([sine_of_turns(one) for one in turns.tolist()], np.sin(2.0 * np.pi * turns), atol=2e-11)
