"""Transforms keep values in their range, lead back, and have exact derivatives and Jacobians."""

import numpy as np
import pytest

from terraflux.assimilation.transforms import Above, Exponential, Identity, Logistic, LogLogistic

TRANSFORMS = {
    "identity": Identity(), "above 2": Exponential(2.0), "below 3": Exponential(3.0, -1.0), "logistic": Logistic(-4.0, 9.0),
    "positive range": LogLogistic(0.2, 300.0), "negative range": LogLogistic(1e-4, 10.0, -1.0),
}
CONTROLS = np.linspace(-6.0, 6.0, 25)
STEP = 1e-4


def central(of, at, step=STEP):
    """First derivative by a fourth-order central difference."""
    return (8.0 * (of(at + step) - of(at - step)) - (of(at + 2.0 * step) - of(at - 2.0 * step))) / (12.0 * step)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_control_is_the_inverse_of_physical(name):
    transform = TRANSFORMS[name]
    np.testing.assert_allclose(transform.control(transform.physical(CONTROLS)), CONTROLS, atol=1e-8)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_derivatives_agree_with_differences(name):
    transform = TRANSFORMS[name]
    jet = transform.jet(CONTROLS)
    np.testing.assert_allclose(jet.first, central(transform.physical, CONTROLS), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(jet.second, central(lambda u: transform.jet(u).first, CONTROLS), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(jet.log_jacobian, np.log(np.abs(jet.first)), atol=1e-12)
    np.testing.assert_allclose(jet.log_jacobian_first, central(lambda u: transform.jet(u).log_jacobian, CONTROLS), atol=1e-8)
    np.testing.assert_allclose(jet.log_jacobian_second, central(lambda u: transform.jet(u).log_jacobian_first, CONTROLS),
                               atol=1e-8)


@pytest.mark.parametrize("name", ["logistic", "positive range", "negative range"])
def test_values_stay_strictly_inside_two_ends_whatever_the_control(name):
    transform = TRANSFORMS[name]
    ends = sorted((transform.low, transform.high) if name == "logistic" else
                  (transform.sign * transform.low, transform.sign * transform.high))
    values = transform.physical(np.array([-1e6, -40.0, -18.0, 18.0, 40.0, 1e6]))
    assert ((values > ends[0]) & (values < ends[1])).all()
    assert (np.diff(values) * (values[-1] - values[0]) >= 0.0).all()


def test_a_value_at_the_end_has_a_finite_control_and_one_beyond_has_none():
    assert Logistic(0.0, 1.0).control([0.0, 1.0]).tolist() == [-18.0, 18.0]
    assert np.isnan(Logistic(0.0, 1.0).control([-0.1, 1.1])).all()


def test_the_jacobian_goes_on_falling_beyond_the_guard():
    jet = Logistic(0.0, 1.0).jet([18.0, 30.0, 500.0])
    np.testing.assert_allclose(np.diff(jet.log_jacobian), [-12.0, -470.0], atol=1e-6)


def test_no_control_overflows():
    for transform in TRANSFORMS.values():
        assert np.isfinite(transform.physical(np.array([-1e4, 1e4]))).all()


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf)])
def test_a_logistic_refuses_ends_that_are_none(ends):
    with pytest.raises(ValueError, match="two finite ends"):
        Logistic(*ends)


@pytest.mark.parametrize(("low", "high"), [(-np.inf, np.inf), (-np.inf, 0.9), (0.15, 0.9), (0.25, np.inf)])
def test_a_value_above_another_stays_above_and_leads_back(low, high):
    other = np.full(CONTROLS.size, 0.2)
    theta = Above(low, high).jet(other, CONTROLS).theta
    assert ((theta > np.maximum(other, low)) & (theta < high)).all()
    np.testing.assert_allclose(Above(low, high).control(theta, other), CONTROLS, atol=1e-8)


@pytest.mark.parametrize(("low", "high", "other"), [(-np.inf, np.inf, 0.2), (-np.inf, 0.9, 0.2), (0.25, 0.9, 0.2)])
def test_ordered_derivatives_agree_with_differences(low, high, other):
    transform, a = Above(low, high), np.full(CONTROLS.size, other)
    jet = transform.jet(a, CONTROLS)
    first = {"by_other": lambda f: central(lambda x: f(transform.jet(x, CONTROLS)), a),
             "by_control": lambda f: central(lambda x: f(transform.jet(a, x)), CONTROLS)}
    for stem, of in (("", lambda j: j.theta), ("log_jacobian_", lambda j: j.log_jacobian)):
        for by, difference in first.items():
            np.testing.assert_allclose(getattr(jet, stem + by), difference(of), rtol=1e-7, atol=1e-8)

        def slope(of, by):
            return lambda j: getattr(j, of + by)
        np.testing.assert_allclose(getattr(jet, stem + "by_other_twice"), first["by_other"](slope(stem, "by_other")), atol=1e-7)
        np.testing.assert_allclose(getattr(jet, stem + "mixed"), first["by_other"](slope(stem, "by_control")), atol=1e-7)
        np.testing.assert_allclose(getattr(jet, stem + "by_control_twice"), first["by_control"](slope(stem, "by_control")),
                                   atol=1e-7)


def test_no_room_above_another_is_not_a_number():
    assert np.isnan(Above(high=0.5).jet(np.array([0.6]), np.array([0.0])).theta).all()
