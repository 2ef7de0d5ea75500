"""The ten-parameter twins."""

import numpy as np
import pytest

from terraflux.assimilation.residuals import LeastSquares, finite_slopes
from terraflux.assimilation.twin_models import HIGH, LOW, TRUTH, dense_twin, sparse_twin, to_control, to_parameters


@pytest.mark.parametrize("make", [dense_twin, sparse_twin])
def test_fused_cost_equals_that_of_kept_predictions(make):
    """To 1e-12."""
    twin = make()
    u = twin.prior_draws(40, 2)
    np.testing.assert_allclose(twin.log_density(u), LeastSquares(twin).log_density(u), rtol=1e-12)


def test_a_row_has_the_same_bits_in_any_batch_and_on_any_threads():
    """R = 1, 20, 33, 128, one thread and two."""
    twin = sparse_twin()
    u = twin.prior_draws(128, 6)
    whole = twin.log_density(u)
    for rows in (1, 20, 33):
        np.testing.assert_array_equal(twin.log_density(u[:rows]), whole[:rows])
    np.testing.assert_array_equal(twin.log_density(u[::-1]), whole[::-1])
    twin.threads = 2
    np.testing.assert_array_equal(twin.log_density(u), whole)
    assert twin.runs == 128 * 3 + 54


def test_a_missing_parameter_fails_its_own_replica_only():
    """-inf for that row."""
    twin = sparse_twin()
    u = twin.prior_draws(5, 1)
    clean = twin.log_density(u)
    u[2, 3] = np.nan
    values = twin.log_density(u)
    assert values[2] == -np.inf
    np.testing.assert_array_equal(np.delete(values, 2), np.delete(clean, 2))


def test_noise_has_the_size_it_claims():
    """chi2 of the truth within 3 standard deviations of its expectation."""
    twin = dense_twin(3)
    chi2 = np.sum(LeastSquares(twin).residual(twin.predict(twin.truth[np.newaxis])) ** 2)
    assert abs(chi2 - twin.observed.size) < 3.0 * np.sqrt(2.0 * twin.observed.size)


def test_controls_and_parameters_go_back_and_forth():
    """And slopes of the prior are those of its density."""
    np.testing.assert_allclose(to_parameters(to_control(TRUTH)), TRUTH, rtol=1e-12)
    assert np.all((TRUTH > LOW) & (TRUTH < HIGH))
    twin, u = sparse_twin(), np.random.default_rng(0).logistic(size=(3, TRUTH.size))
    gradient, hessian = finite_slopes(twin.log_prior, u)
    np.testing.assert_allclose(twin.prior_gradient_hessian(u)[0], gradient, atol=1e-6)
    np.testing.assert_allclose(twin.prior_gradient_hessian(u)[1], np.diagonal(hessian, axis1=1, axis2=2), atol=1e-5)
