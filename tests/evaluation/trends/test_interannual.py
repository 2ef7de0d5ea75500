"""What regions and drivers add to interannual variability."""

import numpy as np
import pytest

from terraflux.evaluation.trends.interannual import detrended, driver_sensitivity, regional_contributions

YEARS = np.arange(1981, 2011)


def test_contributions_sum_to_one_and_follow_who_moves_with_the_whole():
    generator = np.random.default_rng(0)
    wave = generator.normal(size=30)
    regions = {"semi-arid": 3.0 * wave + 0.1 * YEARS, "against": -wave, "quiet": 1e-6 * generator.normal(size=30)}
    found = regional_contributions(regions, YEARS)
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["semi-arid"] == pytest.approx(1.5, abs=0.05) and found["against"] == pytest.approx(-0.5, abs=0.05)
    assert abs(found["quiet"]) < 1e-5


def test_detrending_takes_line_and_mean_away():
    series = np.random.default_rng(1).normal(size=30)
    both = np.stack([series, series + 0.3 * YEARS + 7.0], axis=1)
    left = detrended(both, YEARS)
    assert left.mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-12)
    assert left[:, 0] == pytest.approx(left[:, 1])


def test_sensitivities_are_recovered():
    generator = np.random.default_rng(2)
    rain, heat = generator.normal(size=(2, 30))
    found = driver_sensitivity(2.0 * rain - 0.5 * heat + 0.05 * YEARS, {"rain": rain, "heat": heat}, YEARS)
    assert found.sensitivity == pytest.approx({"rain": 2.0, "heat": -0.5}, abs=0.1)
    assert found.explained > 0.98


def test_collinear_drivers_are_refused_by_name():
    rain = np.random.default_rng(3).normal(size=30)
    cloud = rain + 0.05 * np.random.default_rng(4).normal(size=30)
    with pytest.raises(ValueError, match="collinear"):
        driver_sensitivity(rain, {"rain": rain, "cloud": cloud}, YEARS)


def test_gaps_are_refused_by_region():
    with pytest.raises(ValueError, match="missing in south"):
        regional_contributions({"north": np.ones(30), "south": np.r_[np.nan, np.ones(29)]}, YEARS)
