"""Ensemble smoothers that reach the data in several damped steps without derivatives.

ES-MDA (Emerick and Reynolds 2013, Comput. Geosci. 55, 3) assimilates the same data `steps` times with errors inflated so
that the inverse inflations sum to 1. EKI-DMC (Iglesias and Yang 2021, Inverse Problems 37, 025008) chooses the inflations by
the misfit. Both are rough: for screening, and for models that are noisy or fail.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.ensemble_variational import EnsemblePosterior, prior_ensemble
from terraflux.assimilation.residuals import LeastSquares

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]


def multiple_assimilation(
    problem: Any,
    ensemble: ArrayLike | None = None,
    members: int = 100,
    steps: int = 4,
    seed: int | np.random.Generator = 0,
    *,
    progress: Progress | None = None,
) -> EnsemblePosterior:
    """ES-MDA with `steps` equal inflations; members x steps runs. The prior is the given ensemble, or normal."""
    if steps < 1:
        raise ValueError(f"the data must be assimilated at least once, not {steps} times")
    random = np.random.default_rng(seed)
    squares = LeastSquares(problem)
    return _smoothed(squares, _members(squares, ensemble, members, random), random, steps, None, progress)


def misfit_controlled_inversion(
    problem: Any,
    ensemble: ArrayLike | None = None,
    members: int = 400,
    seed: int | np.random.Generator = 0,
    *,
    maximum_steps: int = 30,
    progress: Progress | None = None,
) -> EnsemblePosterior:
    """EKI with the data-misfit controller; members runs a step, until the inverse inflations sum to 1."""
    random = np.random.default_rng(seed)
    squares = LeastSquares(problem)
    return _smoothed(squares, _members(squares, ensemble, members, random), random, None, maximum_steps, progress)


def _members(squares: LeastSquares, ensemble: ArrayLike | None, members: int, random: np.random.Generator) -> Floats:
    if ensemble is None:
        return prior_ensemble(*squares.gaussian_prior(), members, random)
    return np.array(ensemble, np.float64)


def _shares(fixed: int | None, most: int | None) -> Iterator[float | None]:
    """Share of the data taken in each step; None leaves it to the misfit."""
    yield from ([1.0 / fixed] * fixed if fixed is not None else [None] * (most or 0))


def controlled_share(misfit: Floats, data: int, taken: float) -> float:
    """Share of the data to take next by the data-misfit controller; misfit: half the sum of squares of members (N,).

    The larger of n/(2 mean) and (n/(2 variance))^1/2, at most what is left (Iglesias and Yang 2021, Eq. 18).
    """
    spread = float(np.var(misfit, ddof=1))
    wanted = max(data / (2.0 * float(np.mean(misfit))), np.sqrt(data / (2.0 * spread)) if spread > 0.0 else 1.0)
    return float(min(wanted, 1.0 - taken))


def _smoothed(
    squares: LeastSquares,
    members: Floats,
    random: np.random.Generator,
    fixed: int | None,
    most: int | None,
    progress: Progress | None,
) -> EnsemblePosterior:
    taken, missing, done = 0.0, 0, 0
    total = fixed if fixed is not None else most or 0
    for share in _shares(fixed, most):
        predicted = squares.predict(members)
        sound = np.all(np.isfinite(predicted), axis=1)
        missing += int(np.sum(~sound))
        if sound.sum() < 3:
            raise ValueError(f"the model fails for {int(np.sum(~sound))} of {sound.size} members in step {done + 1}")
        members, predicted = members[sound], predicted[sound]
        residual = squares.residual(predicted)
        root = np.sqrt(squares.attraction(residual.mean(axis=0, keepdims=True)))
        if share is None:
            share = controlled_share(0.5 * np.sum((residual * root) ** 2, axis=1), residual.shape[1], taken)
        members = _step(squares, members, predicted, root, 1.0 / share, random)
        taken, done = taken + share, done + 1
        if progress is not None:
            progress(done, total, f"{100.0 * taken:.0f} % of the data taken")
        if taken >= 1.0 - 1e-12:
            break
    status = "converged" if taken >= 1.0 - 1e-9 else "not_converged"
    message = f"{done} steps took {100.0 * taken:.0f} % of the data"
    if missing:
        message += f"; {missing} members failed in the model and were left out"
    spread = np.cov(members, rowvar=False, ddof=1).reshape(members.shape[1], -1)
    return EnsemblePosterior(members.mean(axis=0), spread, members, squares.runs, missing, status, message)


def _step(
    squares: LeastSquares, members: Floats, predicted: Floats, root: Floats, inflation: float, random: np.random.Generator
) -> Floats:
    """Members (N, p) after one step with perturbed data, by algebra in the smaller of N members and n data."""
    scale = np.sqrt(members.shape[0] - 1.0)
    anomalies = (members - members.mean(axis=0)) / scale
    modelled = squares.scaled(predicted - predicted.mean(axis=0)) * root / scale
    noise = np.sqrt(inflation) * random.standard_normal(predicted.shape)
    innovation = squares.residual(predicted) * root + noise - noise.mean(axis=0)
    if modelled.shape[0] <= modelled.shape[1]:
        gram = modelled @ modelled.T
        weights = np.linalg.solve(gram + inflation * np.eye(gram.shape[0]), modelled @ innovation.T)
    else:
        gram = modelled.T @ modelled
        weights = modelled @ np.linalg.solve(gram + inflation * np.eye(gram.shape[0]), innovation.T)
    return np.asarray(members + weights.T @ anomalies)
