"""Variational methods that take their derivatives from an ensemble: 4DEnVar and the iterative ensemble Kalman smoother.

Controls are u = mean + X^T w, X (N, p) the anomalies of the prior ensemble over (N - 1)^1/2, and the cost is
w^2/2 + d^2/2 in the N weights w, d being whitened residuals. 4DEnVar (Liu et al. 2008; Pinnington et al. 2020, GMD 13, 55)
is one step with the spread of the prior; IEnKS (Bocquet and Sakov 2014, QJRMS 140, 1521) repeats it with a small bundle
around the present best and a line search. One step is exact for linear models; wide priors need the iterations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.residuals import LeastSquares

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

BUNDLE = 1e-2
"""Size of the bundle, as a share of the spread of the prior ensemble."""
LINE = np.array([1.0, 0.5, 0.25, 0.1, 0.03])
"""Shares of the step that are tried together."""
LARGEST_STEP = 3.0
"""Largest change of one control in an iteration."""
GAIN = 1e-3
"""Fall of the cost below which the iterations end."""


@dataclass(frozen=True)
class EnsemblePosterior:
    """A posterior given by an ensemble.

    `mean` (p,), `covariance` (p, p), `ensemble` (N, p) in u-space; `runs` of the model, `failed` members left out, `status`
    ("converged" or "not_converged"), `message`, and `cost` of the mean after each iteration where the method has one.
    """

    mean: Floats
    covariance: Floats
    ensemble: Floats
    runs: int
    failed: int
    status: str
    message: str
    cost: tuple[float, ...] = ()

    @property
    def deviation(self) -> Floats:
        """Standard deviations (p,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def prior_ensemble(
    mean: ArrayLike, covariance: ArrayLike, members: int, seed: int | np.random.Generator, exact: bool = True
) -> Floats:
    """Ensemble (N, p) of the normal prior.

    exact: its own mean and covariance are those of the prior (needs more members than controls), so that no sampling error
    of the prior remains; else plain draws.
    """
    centre, spread = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if members < 2:
        raise ValueError(f"an ensemble needs at least 2 members, not {members}")
    random = np.random.default_rng(seed)
    draws = random.standard_normal((members, centre.size))
    factor = np.linalg.cholesky(spread)
    if exact and members > centre.size:
        basis = np.linalg.qr(draws - draws.mean(axis=0))[0]
        draws = basis * np.sqrt(members - 1.0)
    return np.asarray(centre + draws @ factor.T)


def weight_update(modelled: Floats, residual: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Step in weight space towards the minimum of w^2/2 + (residual - modelled^T step)^2/2, and S = (I + Y Y^T)^-1.

    modelled Y (N, n): whitened anomalies of the modelled observations over (N - 1)^1/2. residual (n,) at `weights` (N,),
    0 by default. Returns the step (N,) and S (N, N), the covariance of the weights.
    """
    covariance = np.linalg.inv(np.eye(modelled.shape[0]) + modelled @ modelled.T)
    pull = modelled @ residual
    if weights is not None:
        pull = pull - weights
    return np.asarray(covariance @ pull), np.asarray(covariance)


def _posterior(
    centre: Floats, anomalies: Floats, covariance: Floats, runs: int, failed: int, status: str, message: str, cost: list[float]
) -> EnsemblePosterior:
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    ensemble = centre + np.sqrt(anomalies.shape[0] - 1.0) * root @ anomalies
    spread = anomalies.T @ covariance @ anomalies
    return EnsemblePosterior(centre, spread, ensemble, runs, failed, status, message, tuple(cost))


def _start(squares: LeastSquares, ensemble: ArrayLike | None, members: int, seed: int | np.random.Generator) -> Floats:
    if ensemble is None:
        return prior_ensemble(*squares.gaussian_prior(), members, seed)
    given = np.asarray(ensemble, np.float64)
    if given.ndim != 2 or given.shape[0] < 2:
        raise ValueError(f"an ensemble must be (members, controls) with at least 2 members, not {given.shape}")
    return given


def ensemble_variational(
    problem: Any, ensemble: ArrayLike | None = None, members: int = 50, seed: int | np.random.Generator = 0
) -> EnsemblePosterior:
    """4DEnVar: one step from a prior ensemble (N, p), drawn from the normal prior of the problem by default; N + 1 runs.

    Equals the Kalman update with the covariance of the ensemble when the model is linear and errors are normal.
    """
    squares = LeastSquares(problem)
    start = _start(squares, ensemble, members, seed)
    centre = start.mean(axis=0)
    predicted = squares.predict(np.concatenate([centre[np.newaxis], start]))
    if not np.all(np.isfinite(predicted[0])):
        raise ValueError("the model fails at the mean of the prior ensemble")
    sound = np.all(np.isfinite(predicted[1:]), axis=1)
    if sound.sum() < 2:
        raise ValueError(f"the model fails for {int(np.sum(~sound))} of {sound.size} members of the prior ensemble")
    scale = np.sqrt(sound.sum() - 1.0)
    residual = squares.residual(predicted[:1])
    root = np.sqrt(squares.attraction(residual))
    anomalies = (start[sound] - centre) / scale
    modelled = squares.scaled(predicted[1:][sound] - predicted[0]) * root / scale
    weights, covariance = weight_update(modelled, (residual * root)[0])
    best = centre + weights @ anomalies
    missing = int(np.sum(~sound))
    text = "one linear step from the prior ensemble; wide priors need `ienks` or `gn`"
    return _posterior(best, anomalies, covariance, squares.runs, missing, "converged", text, [])


def iterative_smoother(
    problem: Any,
    ensemble: ArrayLike | None = None,
    members: int = 30,
    seed: int | np.random.Generator = 0,
    *,
    bundle: float = BUNDLE,
    tolerance: float = GAIN,
    maximum_iterations: int = 15,
    progress: Progress | None = None,
) -> EnsemblePosterior:
    """IEnKS: minimum of the cost by Gauss-Newton in weight space, with derivatives from a bundle of N members.

    Each iteration takes N runs for the bundle and 5 for the line search. Members at least three times the controls are
    advised. Its prior is normal (`prior_mean`, `prior_covariance` of the problem, or the given ensemble).
    """
    squares = LeastSquares(problem)
    start = _start(squares, ensemble, members, seed)
    count, base = start.shape[0], start.mean(axis=0)
    anomalies = (start - base) / np.sqrt(count - 1.0)
    # more members than controls: only what controls explain is derivative, the rest is curvature seen by the bundle
    explained = anomalies @ np.linalg.pinv(anomalies)
    weights, point = np.zeros(count), base
    predicted = squares.predict(point[np.newaxis])
    cost = [_cost(squares, predicted, weights[np.newaxis])[0]]
    if not np.isfinite(cost[0]):
        raise ValueError("the model fails at the mean of the prior ensemble")
    status, message, missing = "not_converged", f"the cost still falls after {maximum_iterations} iterations", 0
    covariance = np.eye(count)
    for iteration in range(maximum_iterations):
        residual = squares.residual(predicted)
        root = np.sqrt(squares.attraction(residual))
        members_predicted = squares.predict(point + bundle * (start - base))
        sound = np.all(np.isfinite(members_predicted), axis=1)
        missing = max(missing, int(np.sum(~sound)))
        slopes = np.where(sound[:, np.newaxis], members_predicted, members_predicted[sound].mean(axis=0))
        slopes = squares.scaled(slopes - slopes.mean(axis=0)) * root / (bundle * np.sqrt(count - 1.0))
        slopes = explained @ slopes
        step, covariance = weight_update(slopes, (residual * root)[0], weights)
        longest = float(np.max(np.abs(step @ anomalies)))
        trials = weights + (LINE * min(1.0, LARGEST_STEP / max(longest, 1e-300)))[:, np.newaxis] * step
        outcome = squares.predict(base + trials @ anomalies)
        values = _cost(squares, outcome, trials)
        best = int(np.argmin(values))
        fall = cost[-1] - values[best]
        if fall > 0.0:
            weights, predicted = trials[best], outcome[best : best + 1]
            point = base + weights @ anomalies
            cost.append(float(values[best]))
        if progress is not None:
            progress(iteration + 1, maximum_iterations, f"cost {cost[-1]:.2f}")
        if fall < tolerance:
            foretold = 0.5 * float(step @ np.linalg.solve(covariance, step))
            done = foretold < 0.05
            status = "converged" if done else "not_converged"
            message = f"after {iteration + 1} iterations the cost falls by {max(fall, 0.0):.2g}; slopes foretell {foretold:.2g}"
            break
    return _posterior(point, anomalies, covariance, squares.runs, missing, status, message, cost)


def _cost(squares: LeastSquares, predicted: Floats, weights: Floats) -> Floats:
    total = 0.5 * np.sum(weights**2, axis=1) - squares.log_likelihood(squares.residual(predicted))
    return np.where(np.isfinite(total), total, np.inf)
