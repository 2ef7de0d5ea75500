"""A cheap stand-in for a log posterior: a normal density corrected by a Gaussian process.

log pi(u) is close to -1/2 |z|^2 + g(z), z = L^-1 (u - mean) with the covariance L L^T of the Laplace approximation. The
process g (squared exponential, one length a direction, in the principal directions of the covariance) is trained on
evaluations. Far from its training points it returns to a constant, so the tails are those of the normal density.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Floats = NDArray[np.float64]

MOST_FOR_LENGTHS = 160
"""Points on which the lengths of the process are fitted; more only cost time."""
FIRST_STEPS, LATER_STEPS = 40, 8
"""Steps of the search for lengths, from a plain start and from lengths found before."""


@dataclass(frozen=True)
class Surrogate:
    """A trained surrogate.

    `mean` (p,), `whitening` (p, p) with z = (u - mean) @ whitening; `points` (n, p) in z over `lengths` (p,), `pull` (n,) the
    weights of the process there, `level` its constant. Evaluations depend on nothing else, so a saved surrogate is the same.
    """

    mean: Floats
    whitening: Floats
    points: Floats
    lengths: Floats
    pull: Floats
    level: float

    def __call__(self, controls: Floats) -> Floats:
        """Approximate log posterior (R,) of controls (R, p), up to a constant."""
        z = (controls - self.mean) @ self.whitening
        scaled = z / self.lengths
        gaps = (scaled**2).sum(axis=1)[:, np.newaxis] - 2.0 * scaled @ self.points.T + (self.points**2).sum(axis=1)
        return np.asarray(-0.5 * (z**2).sum(axis=1) + np.exp(-0.5 * np.maximum(gaps, 0.0)) @ self.pull + self.level)


def whitening_of(covariance: Floats) -> tuple[Floats, Floats]:
    """Matrices W and S (p, p) with z = (u - mean) @ W standard normal and u = mean + z @ S, along principal directions."""
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(values)
    return vectors / root, (vectors * root).T


def train(mean: Floats, covariance: Floats, controls: Floats, values: Floats, hint: Floats | None,
          generator: np.random.Generator, refit: bool = False) -> tuple[Surrogate, Floats]:
    """A surrogate of the log posterior `values` (n,) at `controls` (n, p), and the logarithms of its settings.

    With `hint`, settings found before, these are kept, or improved where `refit`; without, they are fitted by maximum
    likelihood from a plain start. Values far below the best are raised to a floor: the process need only know that nothing
    is to be found there.
    """
    whitening, _ = whitening_of(covariance)
    z = (controls - mean) @ whitening
    parameters = z.shape[1]
    floor = values.max() - 30.0 - 2.0 * parameters
    target = np.maximum(values, floor) + 0.5 * (z**2).sum(axis=1)
    level, spread = float(np.median(target)), float(max(target.std(), 1e-6))
    standard = (target - level) / spread
    settings = fitted_settings(z, standard, generator, hint) if hint is None or refit else hint
    amplitude, lengths, noise = np.exp(settings[0]), np.exp(settings[1:-1]), np.exp(settings[-1])
    scaled = z / lengths
    square = (scaled**2).sum(axis=1)
    gaps = np.maximum(square[:, np.newaxis] - 2.0 * scaled @ scaled.T + square, 0.0)
    kernel = amplitude * np.exp(-0.5 * gaps)
    kernel[np.diag_indices_from(kernel)] += noise + 1e-8 * amplitude
    pull = cho_solve(cho_factor(kernel, lower=True), standard) * amplitude * spread
    return Surrogate(mean, whitening, scaled, lengths, np.asarray(pull), level), settings


def fitted_settings(z: Floats, standard: Floats, generator: np.random.Generator, hint: Floats | None = None) -> Floats:
    """Logarithms of amplitude, lengths (p) and noise of the process, by maximum marginal likelihood; shape (p + 2,).

    From `hint`, settings of fewer points, a few steps are enough.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    chosen = np.arange(z.shape[0])
    if chosen.size > MOST_FOR_LENGTHS:
        chosen = generator.choice(chosen, MOST_FOR_LENGTHS, replace=False)
    parameters = z.shape[1]
    smooth = ConstantKernel(4.0, (1e-2, 1e5)) * RBF(np.full(parameters, 4.0), (0.3, 100.0))
    form: Any = smooth + WhiteKernel(1e-3, (1e-9, 1.0))
    if hint is not None:
        form = form.clone_with_theta(np.clip(hint, *form.bounds.T))
    most = FIRST_STEPS if hint is None else LATER_STEPS
    process = GaussianProcessRegressor(form, optimizer=functools.partial(_bounded_search, most=most), alpha=1e-10)
    with warnings.catch_warnings():
        # A length at its bound is a direction without correction: wanted, not worth a word.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(z[chosen], standard[chosen])
    return np.asarray(process.kernel_.theta, dtype=np.float64)


def _bounded_search(objective, start, bounds, most):
    from scipy.optimize import minimize

    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": most})
    return found.x, found.fun
