"""Posteriors of posteriordb: means within four Monte Carlo standard errors, standard deviations within a tenth.

The densities are written from the models' descriptions; positive parameters are sampled as logarithms, bounded ones as
logits, ordered ones as a difference, with the derivative of each map. References: 10 x 1000 draws of each posterior.
"""

import csv
import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from terraflux.assimilation.convergence import mean_standard_error
from terraflux.assimilation.ensemble_sampling import sample_ensembles
from terraflux.assimilation.stop_rule import StopRule

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def eight_schools(data):
    """Standardised school effects t, mu and log tau; physical theta, mu, tau."""
    effects, errors = np.array(data["y"], float), np.array(data["sigma"], float)

    def to_physical(u):
        tau = np.exp(u[..., 9:])
        return np.concatenate([u[..., 8:9] + tau * u[..., :8], u[..., 8:9], tau], axis=-1)

    def log_density(u):
        theta = to_physical(u)
        tau = theta[:, 9]
        return (-0.5 * (((effects - theta[:, :8]) / errors) ** 2).sum(axis=1) - 0.5 * (u[:, :8] ** 2).sum(axis=1)
                - 0.5 * (u[:, 8] / 5.0) ** 2 - np.log1p((tau / 5.0) ** 2) + u[:, 9])

    return log_density, to_physical, np.concatenate([np.zeros(8), [4.0, 1.0]])


def garch(data):
    """mu, log a0, logit a1, logit of b1 / (1 - a1); physical mu, a0, a1, b1."""
    series, first = np.array(data["y"], float), float(data["sigma1"])

    def to_physical(u):
        a1 = expit(u[..., 2])
        return np.stack([u[..., 0], np.exp(u[..., 1]), a1, (1.0 - a1) * expit(u[..., 3])], axis=-1)

    def log_density(u):
        mu, a0, a1, b1 = to_physical(u).T
        variance = np.full(mu.size, first**2)
        total = np.zeros(mu.size)
        for step, value in enumerate(series):
            if step:
                variance = a0 + a1 * (series[step - 1] - mu) ** 2 + b1 * variance
            total += -0.5 * np.log(variance) - 0.5 * (value - mu) ** 2 / variance
        share = expit(u[:, 3])
        return total + u[:, 1] + np.log(a1 * (1.0 - a1)) + np.log((1.0 - a1) * share * (1.0 - share))

    return log_density, to_physical, np.array([5.0, 0.3, 0.2, -0.5])


def kilpisjarvi(data):
    """alpha, beta, log sigma; alpha is sampled as the level at the middle year, or the two could not be told apart."""
    years, temperature = np.array(data["x"], float), np.array(data["y"], float)
    middle = years.mean()

    def to_physical(u):
        beta = u[..., 1] / 100.0
        return np.stack([u[..., 0] - beta * middle, beta, np.exp(u[..., 2])], axis=-1)

    def log_density(u):
        alpha, beta, sigma = to_physical(u).T
        gap = temperature - alpha[:, np.newaxis] - beta[:, np.newaxis] * years
        prior = (-0.5 * ((alpha - data["pmualpha"]) / data["psalpha"]) ** 2
                 - 0.5 * ((beta - data["pmubeta"]) / data["psbeta"]) ** 2)
        return -0.5 * (gap**2).sum(axis=1) / sigma**2 - (years.size - 1.0) * u[:, 2] + prior

    return log_density, to_physical, np.array([9.3, 1.5, 0.1])


def mixture(data):
    """mu1, log(mu2 - mu1), log sigmas, logit theta; physical mu1, mu2, sigma1, sigma2, theta."""
    values = np.array(data["y"], float)

    def to_physical(u):
        return np.stack([u[..., 0], u[..., 0] + np.exp(u[..., 1]), np.exp(u[..., 2]), np.exp(u[..., 3]), expit(u[..., 4])],
                        axis=-1)

    def log_density(u):
        one, two, wide, broad, share = (part[:, np.newaxis] for part in to_physical(u).T)
        left = np.log(share) - np.log(wide) - 0.5 * ((values - one) / wide) ** 2
        right = np.log1p(-share) - np.log(broad) - 0.5 * ((values - two) / broad) ** 2
        prior = -(one**2 + two**2 + wide**2 + broad**2) / 8.0 + 4.0 * np.log(share * (1.0 - share))
        return (np.logaddexp(left, right).sum(axis=1) + prior[:, 0] + u[:, 1] + u[:, 2] + u[:, 3]
                + np.log(share[:, 0] * (1.0 - share[:, 0])))

    return log_density, to_physical, np.array([-2.7, 1.7, 0.0, 0.0, 0.5])


CASES = {
    "eight_schools-eight_schools_noncentered": ("eight_schools.data.json", eight_schools),
    "garch-garch11": ("garch.data.json", garch),
    "kilpisjarvi_mod-kilpisjarvi": ("kilpisjarvi_mod.data.json", kilpisjarvi),
    "low_dim_gauss_mix-low_dim_gauss_mix": ("low_dim_gauss_mix.data.json", mixture),
}


def approximation(log_density, start):
    """Mode and inverse Hessian by differences: a stand-in for the Laplace approximation."""
    def cost(u):
        return -float(log_density(u[np.newaxis])[0])

    mode = minimize(cost, start, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000, "xatol": 1e-4}).x
    size, step = mode.size, 1e-3
    grid = [(i, j, a, b) for i in range(size) for j in range(size) for a in (1, -1) for b in (1, -1)]
    moved = np.array([mode + step * (a * np.eye(size)[i] + b * np.eye(size)[j]) for i, j, a, b in grid])
    signs = np.array([a * b for *_, a, b in grid])
    hessian = -(signs * log_density(moved)).reshape(size, size, 4).sum(axis=2) / (4.0 * step**2)
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    return mode, (vectors / np.maximum(values, 0.05 * np.median(np.abs(values)))) @ vectors.T


@pytest.mark.parametrize("case", CASES)
def test_moments_are_those_of_the_reference_draws(case, shared_data):
    folder = shared_data / "references" / "posteriordb"
    file, model = CASES[case]
    log_density, to_physical, start = model(json.loads((folder / file).read_text(encoding="utf-8")))
    mean, covariance = approximation(log_density, start)
    rule = StopRule(autocorrelation_lengths=0.0, minimum_effective_size=4000.0)
    result = sample_ensembles(log_density, mean, covariance, seed=1, rule=rule, maximum_runs=1_500_000)
    assert result.status == "converged", result.message
    physical = to_physical(result.controls)
    error = np.asarray(mean_standard_error(physical))
    with (folder / "moments.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["posterior"] == case]
    assert len(rows) == physical.shape[-1]
    for i, row in enumerate(rows):
        expected, deviation = float(row["mean"]), float(row["sd"])
        theirs = deviation / np.sqrt(10_000.0)  # their draws have an error of their own
        assert abs(physical[..., i].mean() - expected) < 4.0 * np.hypot(error[i], theirs), row["parameter"]
        assert physical[..., i].std() == pytest.approx(deviation, rel=0.10), row["parameter"]
