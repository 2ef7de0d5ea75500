"""The normal posterior around the best point: N(u, H^-1), in u-space.

H = J^T W J less the Hessian of the log prior, J by central differences: 2p runs, and one or two more for the centre, which
is moved by a last undamped Newton step where that raises the posterior. W is the Fisher information of the error model, since
the reweighting of a double-exponential or Student error is no curvature. A jump of the model beside the point is no slope
(see `sensitivity`). `laplace_of_density` does without observations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from terraflux.assimilation.gauss_newton import positive
from terraflux.assimilation.residuals import LeastSquares, finite_slopes, sensitivity

Floats = NDArray[np.float64]

DIFFERENCE = 2e-4
"""Step of the central differences in u: short, so that a jump of the model seldom lies within it."""
DENSITY_DIFFERENCE = 2e-3
"""Step in u of second differences of a log density, for a first guess."""
LARGEST_MOVE = 1.0
"""Standard deviations by which the centre may still be moved."""
SMALLEST_CURVATURE = 1e-6
"""Least eigenvalue of H: a flatter direction has no mode, and gets this one with a warning in the message."""


@dataclass(frozen=True)
class LaplacePosterior:
    """A normal distribution of the controls.

    `mean` (p,), `covariance` and `hessian` (p, p) of the negative log posterior, `log_posterior` at the mean, `runs` of the
    model, `status` ("converged" when the mean is at a mode within 0.1 standard deviations, else "not_converged"), `message`.
    """

    mean: Floats
    covariance: Floats
    hessian: Floats
    log_posterior: float
    runs: int
    status: str
    message: str

    @property
    def deviation(self) -> Floats:
        """Standard deviations (p,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    def draws(self, count: int, seed: int | np.random.Generator, inflation: float = 1.0, freedom: float = np.inf) -> Floats:
        """Draws (count, p) of N(mean, inflation x covariance), or of Student's t with `freedom` degrees of freedom."""
        random = np.random.default_rng(seed)
        steps = random.standard_normal((count, self.mean.size)) @ np.linalg.cholesky(inflation * self.covariance).T
        if np.isfinite(freedom):
            steps *= np.sqrt(freedom / random.chisquare(freedom, size=(count, 1)))
        return self.mean + steps

    def log_density(self, u: Floats, inflation: float = 1.0, freedom: float = np.inf) -> Floats:
        """Log density (R,) of the distribution from which `draws` come."""
        count = self.mean.size
        factor = np.linalg.cholesky(inflation * self.covariance)
        square = np.sum(np.linalg.solve(factor, (u - self.mean).T) ** 2, axis=0)
        volume = float(np.log(np.diag(factor)).sum())
        if not np.isfinite(freedom):
            return np.asarray(-0.5 * square - volume - 0.5 * count * np.log(2.0 * np.pi))
        constant = special.gammaln(0.5 * (freedom + count)) - special.gammaln(0.5 * freedom)
        constant -= 0.5 * count * np.log(freedom * np.pi)
        return np.asarray(constant - volume - 0.5 * (freedom + count) * np.log1p(square / freedom))


def laplace_posterior(problem: Any, u: ArrayLike, difference: float = DIFFERENCE) -> LaplacePosterior:
    """Normal posterior around the optimum `u` (p,) of a problem of least squares (see `residuals`); 2p + 2 runs.

    Exact for linear models with normal errors and priors, whatever u. Raises ValueError if the model fails at u.
    """
    squares, point = LeastSquares(problem), np.asarray(u, np.float64)
    predicted = squares.predict(point[np.newaxis])
    value = float(squares.log_posterior(point[np.newaxis], predicted)[0])
    if not np.isfinite(value):
        raise ValueError("the log posterior is not finite at the point around which a normal posterior is asked for")
    residual = squares.residual(predicted)
    slopes = sensitivity(squares, point, difference, predicted[0])
    if not np.all(np.isfinite(slopes)):
        names = getattr(problem, "names", None) or tuple(f"u{number}" for number in range(point.size))
        failed = [names[number] for number in np.flatnonzero(~np.all(np.isfinite(slopes), axis=1))]
        raise ValueError(f"the model fails beside the optimum in {', '.join(failed)}; fix it or narrow its prior")
    prior_gradient, prior_hessian = (part[0] for part in squares.prior_slopes(point[np.newaxis]))
    gradient = slopes @ (squares.attraction(residual)[0] * residual[0]) + prior_gradient
    raw = (slopes * squares.information()) @ slopes.T - prior_hessian
    return _around(point, value, gradient, raw, squares.log_density, lambda: squares.runs)


def laplace_of_density(
    log_density: Callable[[Floats], Floats], u: ArrayLike, difference: float = DENSITY_DIFFERENCE
) -> LaplacePosterior:
    """Normal posterior around the mode `u` (p,) of a batched log density, by second differences; about 2 p^2 + 6 p runs.

    The differences are a tenth of the standard deviation that a first pass along the axes finds.
    """
    point, runs = np.asarray(u, np.float64), 0

    def counted(rows: Floats) -> Floats:
        nonlocal runs
        runs += rows.shape[0]
        return np.asarray(log_density(rows), np.float64)

    moves = np.eye(point.size) * difference
    along = counted(np.concatenate([point[np.newaxis], point + moves, point - moves]))
    value, count = float(along[0]), point.size
    if not np.all(np.isfinite(along)):
        raise ValueError("the log density is not finite at, or beside, the point around which a normal posterior is asked for")
    curvature = (2.0 * value - along[1 : count + 1] - along[count + 1 :]) / difference**2
    step = 0.1 / np.sqrt(np.clip(curvature, 1e-4, 1e8))
    gradient, hessian = (part[0] for part in finite_slopes(counted, point[np.newaxis], step))
    if not np.all(np.isfinite(hessian)):
        raise ValueError("the log density is not finite a tenth of a standard deviation from its mode")
    return _around(point, value, gradient, -hessian, counted, lambda: runs)


def _around(
    point: Floats,
    value: float,
    gradient: Floats,
    raw: Floats,
    log_density: Callable[[Floats], Floats],
    runs: Callable[[], int],
) -> LaplacePosterior:
    """Moves the centre by a Newton step of at most LARGEST_MOVE standard deviations if that is higher, and sums up."""
    lowest = float(np.linalg.eigvalsh(0.5 * (raw + raw.T))[0])
    hessian = positive(raw, SMALLEST_CURVATURE)
    covariance = np.linalg.inv(hessian)
    step = covariance @ gradient
    length = float(np.sqrt(max(float(gradient @ step), 0.0)))
    exact = point + step
    step *= min(1.0, LARGEST_MOVE / max(length, 1e-300))
    moved = float(log_density((point + step)[np.newaxis])[0])
    if moved > value or length < 1e-6:
        point, value = point + step, max(moved, value)
    status, message = "converged", f"the mode was moved by {min(length, LARGEST_MOVE):.2g} standard deviations"
    if length > 0.1 and not np.allclose(point, exact, rtol=0.0, atol=1e-9):
        status, message = "not_converged", f"the point is {length:.2g} standard deviations from where its slopes put the mode"
    if lowest < SMALLEST_CURVATURE:
        status, message = "not_converged", f"the posterior is not curved in every direction (least curvature {lowest:.2g})"
    return LaplacePosterior(point, 0.5 * (covariance + covariance.T), hessian, value, runs(), status, message)
