"""The analysis of an ensemble Kalman filter: prior ensemble and observations in, posterior ensemble out.

"transform" is the deterministic ensemble transform Kalman filter with the symmetric square root (Bishop et al. 2001;
Hunt et al. 2007, Physica D 230, 112) and, if wanted, a random rotation that keeps the mean (Sakov and Oke 2008, Mon. Weather
Rev. 136, 1042). "perturbed" is the stochastic filter with perturbed observations (Burgers et al. 1998). Localisation acts on
the observation errors in the former (each state has its own transform) and on covariances in the latter.

All arrays may have leading axes: independent ensembles are analysed together. An observation that is NaN says nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.inflation import FixedInflation, Inflation
from terraflux.assimilation.localisation import Localisation

Floats = NDArray[np.float64]
Observe = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Analysis:
    """Posterior `ensemble` (..., N, n), with what it was judged by.

    `predicted` (..., N, m) are predictions of the widened prior, `innovation` (..., m) observations less their mean (NaN
    without observation), `predicted_covariance` (..., m, m) and `error_variance` (..., m) what the innovation should vary by.
    """

    ensemble: Floats
    predicted: Floats
    innovation: Floats
    predicted_covariance: Floats
    error_variance: Floats


def transform_analysis(ensemble: Floats, predicted: Floats, observed: Floats, variance: Floats,
                       localisation: Localisation | None = None, rotation: Floats | None = None) -> Floats:
    """Posterior ensemble of the transform filter; `rotation` (N, N) as of `mean_preserving_rotation`."""
    members = ensemble.shape[-2]
    mean = ensemble.mean(-2, keepdims=True)
    anomalies = ensemble - mean
    centre = predicted.mean(-2, keepdims=True)
    seen = np.isfinite(observed)
    root = np.where(seen, 1.0 / np.sqrt(variance), 0.0)
    departure = np.where(seen, observed - centre[..., 0, :], 0.0)
    if localisation is None:
        shift, after = _transformed(anomalies, (predicted - centre) * root[..., None, :], departure * root)
    else:
        own = np.sqrt(localisation.state) * root[..., None, :]  # (..., n, m)
        shift, after = _transformed(np.swapaxes(anomalies, -1, -2)[..., None],
                                    (predicted - centre)[..., None, :, :] * own[..., None, :],
                                    departure[..., None, :] * own)
        shift, after = np.swapaxes(shift[..., 0], -1, -2), np.swapaxes(after[..., 0], -1, -2)
    if rotation is not None:
        after = rotation @ after
    # rounding must not let the mean wander over thousands of analyses
    return mean + shift + (after - after.sum(-2, keepdims=True) / members)


def _transformed(anomalies: Floats, predicted: Floats, departure: Floats) -> tuple[Floats, Floats]:
    """Shift of the mean (..., 1, q) and new anomalies (..., N, q); predictions and departures in units of their error."""
    per_member = 1.0 / np.sqrt(anomalies.shape[-2] - 1.0)
    left, size, right = np.linalg.svd(predicted * per_member, full_matrices=False)
    inside = np.swapaxes(left, -1, -2) @ anomalies
    weight = size / (1.0 + size**2) * (right @ departure[..., None])[..., 0]
    narrowed = 1.0 / np.sqrt(1.0 + size**2) - 1.0
    return per_member * weight[..., None, :] @ inside, anomalies + left @ (narrowed[..., None] * inside)


def perturbed_analysis(ensemble: Floats, predicted: Floats, observed: Floats, variance: Floats, random: np.random.Generator,
                       localisation: Localisation | None = None) -> Floats:
    """Posterior ensemble of the stochastic filter; the perturbations of the observations have a mean of exactly zero."""
    members = ensemble.shape[-2]
    seen = np.isfinite(observed)
    error = np.where(seen, variance, 1.0)
    noise = random.standard_normal(predicted.shape)
    noise = (noise - noise.mean(-2, keepdims=True)) * np.sqrt(members / (members - 1.0))
    departure = np.where(seen[..., None, :], observed[..., None, :] + noise * np.sqrt(error)[..., None, :] - predicted, 0.0)
    anomalies = ensemble - ensemble.mean(-2, keepdims=True)
    departures = np.where(seen[..., None, :], predicted - predicted.mean(-2, keepdims=True), 0.0)
    cross = np.swapaxes(departures, -1, -2) @ anomalies / (members - 1.0)  # (..., m, n)
    own = np.swapaxes(departures, -1, -2) @ departures / (members - 1.0)
    if localisation is not None:
        cross, own = cross * localisation.state.T, own * localisation.observed
    return ensemble + departure @ np.linalg.solve(own + error[..., None] * np.eye(error.shape[-1]), cross)


def mean_preserving_rotation(members: int, random: np.random.Generator) -> Floats:
    """A random orthogonal matrix (N, N) that maps a vector of ones to itself, uniform among those."""
    normal, triangle = np.linalg.qr(random.standard_normal((members - 1, members - 1)))
    inner = np.eye(members)
    inner[1:, 1:] = normal * np.sign(np.diag(triangle))
    ones_first = np.eye(members)
    ones_first[:, 0] = 1.0
    basis = np.linalg.qr(ones_first)[0]
    return basis @ inner @ basis.T


METHODS = ("transform", "perturbed")


class EnsembleFilter:
    """One way to do analyses, with its inflation and random numbers.

    `method` is "transform" or "perturbed"; `rotation` adds a random rotation to the former, which mixes the members: it
    cures outliers but parts a member from what else it carries (its forcing errors, states that are not analysed).
    """

    def __init__(self, method: str = "transform", *, inflation: Inflation | float = 1.0, rotation: bool = False,
                 localisation: Localisation | None = None, seed: int | np.random.Generator = 0) -> None:
        if method not in METHODS:
            raise ValueError(f"unknown analysis {method!r}; known are {', '.join(METHODS)}")
        self.method, self.rotation, self.localisation = method, rotation, localisation
        self.inflation = FixedInflation(inflation) if isinstance(inflation, int | float) else inflation
        self.random = np.random.default_rng(seed)

    def analyse(self, ensemble: ArrayLike, observe: Observe, observed: ArrayLike, variance: ArrayLike, *,
                localisation: Localisation | None = None) -> Analysis:
        """Widens the prior `ensemble` (..., N, n) and corrects it by `observed` (..., m) of error `variance`.

        `observe` maps (..., N, n) to (..., N, m). Raises ValueError for fewer than two members, values that are not
        finite, shapes that do not fit, and variances that are not above zero.
        """
        prior, seen = np.asarray(ensemble, np.float64), np.asarray(observed, np.float64)
        if prior.ndim < 2 or prior.shape[-2] < 2:
            raise ValueError(f"the ensemble has the shape {prior.shape}; expected (..., members, states), two members or more")
        error = np.broadcast_to(np.asarray(variance, np.float64), seen.shape)
        if not (error[np.isfinite(seen)] > 0.0).all():
            raise ValueError("error variances of observations must be above zero")
        near = self.localisation if localisation is None else localisation
        first = np.asarray(observe(prior), np.float64)
        if first.shape != (*prior.shape[:-1], seen.shape[-1]) or first.shape[:-2] != seen.shape[:-1]:
            raise ValueError(f"predictions {first.shape}, ensemble {prior.shape} and observations {seen.shape} do not fit")
        if near is not None and near.state.shape != (prior.shape[-1], seen.shape[-1]):
            raise ValueError(f"the localisation is for {near.state.shape} states by observations, these are "
                             f"{prior.shape[-1]} by {seen.shape[-1]}")
        if not (np.isfinite(prior).all() and np.isfinite(first).all()):
            raise ValueError("the ensemble or its predictions are not finite: replace failed members first")
        wide = self.inflation.widen(prior)
        predicted = np.asarray(observe(wide), np.float64)
        if self.method == "transform":
            turn = mean_preserving_rotation(prior.shape[-2], self.random) if self.rotation else None
            posterior = transform_analysis(wide, predicted, seen, error, near, turn)
        else:
            posterior = perturbed_analysis(wide, predicted, seen, error, self.random, near)
        self.inflation.learn(prior, first, seen, error, None if near is None else near.state)
        anomalies = predicted - predicted.mean(-2, keepdims=True)
        covariance = np.swapaxes(anomalies, -1, -2) @ anomalies / (prior.shape[-2] - 1.0)
        return Analysis(posterior, predicted, seen - predicted.mean(-2), covariance, error)
