"""Growth temperature: an exponential running mean of ten days."""

import math

import pytest

from terraflux.model.growth_temperature import growth_temperature


def test_a_step_of_air_temperature_is_taken_up_within_ten_days():
    mean = 0.0
    for _ in range(480):
        mean = growth_temperature(mean, 10.0, 1800.0)
    assert mean == pytest.approx(10.0 * (1.0 - math.exp(-1.0)), rel=1e-12)


def test_the_mean_does_not_depend_on_the_length_of_the_step():
    fine = growth_temperature(growth_temperature(3.0, 12.0, 900.0), 12.0, 900.0)
    assert growth_temperature(3.0, 12.0, 1800.0) == pytest.approx(fine, rel=1e-13)


def test_steady_air_leaves_it_alone():
    assert growth_temperature(17.0, 17.0, 1800.0) == 17.0
