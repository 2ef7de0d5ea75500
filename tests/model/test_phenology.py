"""Growing-season index and leaf area."""

import numpy as np
import pytest

from terraflux.model.phenology import (
    DAY,
    PHENOLOGY,
    growing_season,
    prescribed,
    ramp,
    recent_moisture_stress,
    weather_index,
    wetness_index,
)

LIMITS = (0.5, 4.5)
JOLLY = (-2.0, 7.0, 0.9, 3.2, 10.0, 1.0)
"""Feet and widths of the ramps of temperature (degC), deficit (kPa) and photoperiod (h), as published."""
AGE = 10.0
DAILY_WEIGHT = 1.0 / 11.0


def daily_index(temperature, deficit, photoperiod, ramps=JOLLY):
    """The index of a day of one step."""
    return weather_index(0.0, 0.0, 0.0, temperature, deficit, photoperiod, DAY, *ramps)


def run(temperatures, deficits, photoperiod=12.0, index=0.0, seconds=1800.0, state=None, age=AGE):
    """Steps through the series; returns leaf area per step and the state (index, seconds, coldest, deficit)."""
    state = state or (index, 0.0, 0.0, 0.0)
    leaf_area = []
    for temperature, deficit in zip(temperatures, deficits, strict=True):
        index, *day = state
        today = weather_index(*day, temperature, deficit, photoperiod, seconds, *JOLLY)
        area, *state = growing_season(index, today, *day, temperature, deficit, *LIMITS, age, seconds)
        leaf_area.append(area)
    return leaf_area, tuple(state)


@pytest.mark.parametrize(
    ("temperature", "deficit", "photoperiod", "index"),
    [
        (-2.0, 0.5, 14.0, 0.0),
        (5.0, 0.9, 11.0, 1.0),
        (1.5, 0.9, 11.0, 0.5),
        (10.0, 2.5, 14.0, 0.5),
        (10.0, 4.1, 14.0, 0.0),
        (10.0, 0.5, 10.25, 0.25),
        (1.5, 2.5, 10.5, 0.125),
        (30.0, 0.0, 24.0, 1.0),
    ],
)
def test_daily_index_of_jolly(temperature, deficit, photoperiod, index):
    assert daily_index(temperature, deficit, photoperiod) == pytest.approx(index, abs=1e-12)


def test_leaf_area_moves_only_when_a_day_is_complete():
    leaf_area, state = run([10.0] * 48, [0.5] * 48)
    assert leaf_area[:47] == [LIMITS[0]] * 47
    assert leaf_area[47] == pytest.approx(LIMITS[0] + 4.0 * DAILY_WEIGHT)
    assert state[0] == pytest.approx(DAILY_WEIGHT) and state[1] == 0.0 and state[3] == 0.0


def test_the_day_uses_its_coldest_step_and_its_mean_deficit():
    temperatures = [20.0] * 48
    temperatures[7] = 1.5
    _, state = run(temperatures, [2.5, 0.0] * 24)
    assert state[0] == pytest.approx(DAILY_WEIGHT * daily_index(1.5, 1.25, 12.0))


def test_a_new_day_forgets_the_coldest_of_the_old():
    _, first = run([-10.0] * 48, [0.5] * 48)
    _, second = run([20.0] * 48, [0.5] * 48, state=first)
    assert second[0] == pytest.approx(DAILY_WEIGHT)


def test_a_cut_within_the_day_changes_nothing():
    temperatures, deficits = list(np.linspace(0.0, 9.0, 96)), list(np.linspace(0.2, 2.0, 96))
    _, whole = run(temperatures, deficits, index=0.3)
    _, part = run(temperatures[:31], deficits[:31], index=0.3)
    _, rest = run(temperatures[31:], deficits[31:], state=part)
    assert rest == whole


def test_hourly_and_daily_steps_close_the_day_too():
    for seconds in (3600.0, 10800.0, 86400.0):
        steps = round(86400.0 / seconds)
        _, state = run([10.0] * steps, [0.5] * steps, seconds=seconds)
        assert state[0] == pytest.approx(DAILY_WEIGHT) and state[1] == 0.0


def test_filter_has_the_mean_age_of_a_21_day_running_mean():
    weights = DAILY_WEIGHT * (1.0 - DAILY_WEIGHT) ** np.arange(2000)
    assert weights @ np.arange(2000) == pytest.approx(np.mean(np.arange(21)))


def test_leaf_area_stays_within_its_limits_and_reaches_them():
    warm, state = run([15.0] * 48 * 150, [0.5] * 48 * 150)
    assert LIMITS[0] <= min(warm) and max(warm) <= LIMITS[1]
    assert warm[-1] == pytest.approx(LIMITS[1], abs=1e-5)
    cold, _ = run([-15.0] * 48 * 150, [0.5] * 48 * 150, state=state)
    assert cold[-1] == pytest.approx(LIMITS[0], abs=1e-5)


def test_prescribed_leaf_area_is_taken_as_given():
    assert prescribed(3.25) == 3.25


@pytest.mark.parametrize("position", range(6))
def test_each_end_of_a_ramp_is_a_parameter_of_the_plant(position):
    """Halfway up one ramp and full on the others, a later foot or a wider ramp lowers the index by what the ramp says."""
    halfway = [(1.5, 0.5, 14.0), (1.5, 0.5, 14.0), (10.0, 2.5, 14.0), (10.0, 2.5, 14.0), (10.0, 0.5, 10.5), (10.0, 0.5, 10.5)]
    moved = list(JOLLY)
    moved[position] += (1.0, 1.0, -0.4, -0.4, 0.25, 0.25)[position]
    foot, width = moved[position - position % 2], moved[position - position % 2 + 1]
    value = halfway[position][position // 2]
    expected = (value - foot) / width
    expected = 1.0 - expected if position // 2 == 1 else expected
    assert daily_index(*halfway[position]) == pytest.approx(0.5, abs=1e-12)
    assert daily_index(*halfway[position], moved) == pytest.approx(expected, abs=1e-12) != 0.5


def test_leaf_response_time_is_the_mean_age_of_the_weather_that_leaves_follow():
    _, state = run([10.0] * 48, [0.5] * 48, age=4.0)
    assert state[0] == pytest.approx(1.0 / 5.0)


@pytest.mark.parametrize(("stress", "needed", "share"), [(0.25, 0.5, 0.5), (0.5, 0.5, 1.0), (0.9, 0.5, 1.0), (0.0, 0.5, 0.0),
                                                         (0.0, 0.0, 1.0), (0.3, 0.0, 1.0)])
def test_drought_sheds_leaves_of_plants_that_ask_for_water(stress, needed, share):
    assert wetness_index(0.8, stress, needed) == pytest.approx(0.8 * share, abs=1e-12)


def test_recent_stress_forgets_a_day_by_its_exponential_and_does_not_depend_on_the_step():
    hourly = 1.0
    for _ in range(24):
        hourly = recent_moisture_stress(hourly, 0.2, 3600.0)
    assert hourly == pytest.approx(0.2 + 0.8 * np.exp(-1.0), rel=1e-12)
    assert recent_moisture_stress(1.0, 0.2, DAY) == pytest.approx(hourly, rel=1e-12)


def test_ramps_are_flat_outside_their_ends():
    assert [ramp(value, 2.0, 4.0) for value in (1.0, 2.0, 4.0, 6.0, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_schemes_by_name():
    assert set(PHENOLOGY) == {"prescribed", "growing_season_index", "growing_season_water"}
