"""Information of data against the prior: known answers of linear problems, and directions named for what they are."""

import numpy as np
import pytest

from terraflux.assimilation.information import information

NAMES = ("slope", "offset", "shape")


def linear_problem(seed=1, rows=40):
    """Data Hessian and prior Hessian of a linear Gaussian problem with correlated prior."""
    generator = np.random.default_rng(seed)
    jacobian = generator.normal(size=(rows, 3)) * [3.0, 0.1, 1.0]
    root = generator.normal(size=(3, 3))
    return jacobian.T @ jacobian, np.linalg.inv(root @ root.T + np.eye(3))


def test_degrees_of_freedom_are_the_trace_of_the_resolution():
    data, prior = linear_problem()
    found = information(data, prior, NAMES)
    posterior = np.linalg.inv(data + prior)
    np.testing.assert_allclose(found.posterior_covariance, posterior, rtol=1e-10)
    assert found.degrees_of_freedom == pytest.approx(np.trace(np.eye(3) - posterior @ prior), rel=1e-10)
    assert found.share.sum() == pytest.approx(found.degrees_of_freedom, rel=1e-10)
    np.testing.assert_allclose(found.shrinkage, np.sqrt(np.diag(posterior) / np.diag(np.linalg.inv(prior))), rtol=1e-10)


def test_eigenvalues_do_not_depend_on_units():
    data, prior = linear_problem()
    scale = np.diag([1e3, 1.0, 1e-4])
    np.testing.assert_allclose(information(scale @ data @ scale, scale @ prior @ scale, NAMES).eigenvalues,
                               information(data, prior, NAMES).eigenvalues, rtol=1e-8)


def test_two_parameters_seen_only_in_sum_have_their_difference_named():
    rows = np.outer(np.ones(50), [1.0, 1.0, 0.0]) + np.outer(np.linspace(-1, 1, 50), [0.0, 0.0, 2.0])
    found = information(rows.T @ rows, np.ones(3), NAMES)
    assert len(found.unidentified) == 1
    assert found.unidentified[0].label in ("0.71 slope - 0.71 offset", "0.71 offset - 0.71 slope")
    assert found.unidentified[0].eigenvalue == pytest.approx(0.0, abs=1e-9)
    assert found.degrees_of_freedom == pytest.approx(2.0, abs=0.05)
    assert "not identified: " in found.describe()


def test_without_data_nothing_is_identified():
    found = information(np.zeros((3, 3)), np.diag([1.0, 4.0, 9.0]), NAMES)
    assert found.degrees_of_freedom == 0.0
    assert len(found.unidentified) == 3
    np.testing.assert_allclose(found.shrinkage, 1.0)


def test_a_prior_that_is_no_minimum_is_refused():
    with pytest.raises(ValueError, match="not positive definite"):
        information(np.eye(3), np.diag([1.0, -0.1, 1.0]), NAMES)
    with pytest.raises(ValueError, match="shapes"):
        information(np.eye(2), np.eye(3), NAMES)
    with pytest.raises(ValueError, match="not finite"):
        information(np.full((3, 3), np.nan), np.eye(3), NAMES)
