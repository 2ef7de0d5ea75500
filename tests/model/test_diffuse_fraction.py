"""Diffuse light: the published correlation, checked against an independent library."""

import numpy as np
import pvlib
import pytest

from terraflux.model.diffuse_fraction import clearness_index, diffuse_fraction, erbs

CLEARNESS = np.linspace(0.0, 1.0, 401)


def test_correlation_agrees_with_an_independent_library():
    """At the sun overhead on the mean distance, light = clearness * solar constant * cosine."""
    zenith, constant = 30.0, 1361.0
    light = CLEARNESS * constant * np.cos(np.radians(zenith))
    oracle = pvlib.irradiance.erbs(
        light, np.full(CLEARNESS.size, zenith), np.full(CLEARNESS.size, 100), min_cos_zenith=0.0)
    share = oracle["dhi"][1:] / light[1:]
    np.testing.assert_allclose(diffuse_fraction(oracle["kt"][1:]), share, rtol=1e-12)


def test_scalar_and_array_forms_agree():
    np.testing.assert_allclose([erbs(float(index)) for index in CLEARNESS], diffuse_fraction(CLEARNESS), rtol=1e-14)


def test_share_lies_between_zero_and_one_and_falls_with_clearness():
    share = diffuse_fraction(CLEARNESS[CLEARNESS <= 0.80])
    assert (share > 0.0).all()
    assert (share <= 1.0).all()
    assert (np.diff(share) <= 1e-3).all()
    assert diffuse_fraction(0.0) == 1.0
    assert diffuse_fraction(1.0) == 0.165


def test_pieces_meet_within_a_thousandth():
    assert erbs(0.22) == pytest.approx(erbs(0.22 + 1e-12), abs=1e-3)
    assert erbs(0.80) == pytest.approx(erbs(0.80 + 1e-12), abs=1e-3)


def test_clearness_is_unknown_at_night():
    clearness = clearness_index([0.0, 400.0, 2000.0, -3.0], [0.0, 800.0, 1000.0, 100.0])
    np.testing.assert_array_equal(clearness, [np.nan, 0.5, 1.0, 0.0])
    assert np.isnan(diffuse_fraction(clearness)[0])
