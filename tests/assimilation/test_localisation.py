"""Gaspari and Cohn's function and tapers on a line and on a circle."""

import numpy as np
import pytest

from terraflux.assimilation.localisation import gaspari_cohn, line_localisation


def test_taper_falls_from_one_to_exactly_zero_at_its_reach():
    values = gaspari_cohn(np.linspace(0.0, 2.0, 401), 1.0)
    assert values[0] == 1.0 and (np.diff(values) <= 1e-15).all()
    assert values[199] > 0.0 and (values[200:] == 0.0).all()


def test_both_branches_meet_with_value_and_slope():
    middle = 0.5
    below, at, above = gaspari_cohn([middle - 1e-6, middle, middle + 1e-6], 1.0)
    assert at == pytest.approx(5.0 / 24.0, abs=1e-12)  # both polynomials at z = 1
    assert (at - below) == pytest.approx(above - at, rel=1e-4)


def test_taper_is_the_convolution_of_two_tents():
    """Gaspari and Cohn built it so: in three dimensions, by the self-convolution of a cone; here by Fourier positivity."""
    distance = np.linspace(0.0, 4.0, 8001)
    spectrum = [np.trapezoid(gaspari_cohn(distance, 2.0) * distance * np.sin(k * distance) / k, distance)
                for k in np.linspace(0.1, 30.0, 60)]
    assert min(spectrum) > -1e-6


def test_covariances_times_the_taper_stay_positive_definite():
    depths = np.linspace(0.0, 3.0, 40)
    taper = line_localisation(depths, depths, 1.0).observed
    assert np.linalg.eigvalsh(taper).min() > -1e-12


def test_distances_on_a_circle_go_the_short_way():
    tapers = line_localisation([0.0, 39.0], [0.0, 1.0], 4.0, period=40.0)
    assert tapers.state[1, 0] == pytest.approx(tapers.state[0, 1])
    assert tapers.state[1, 1] == pytest.approx(float(gaspari_cohn(2.0, 4.0)))


def test_a_reach_of_zero_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        gaspari_cohn(1.0, 0.0)
