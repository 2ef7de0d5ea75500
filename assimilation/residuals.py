"""Least-squares problems: modelled against observed values, in units of their errors, with a prior.

Any object serves that has `predict(u) -> (R, n)` (a row of NaN is a failed replica), `observed` (n,), `sigma` (n,) and
`log_prior(u) -> (R,)`, u being control vectors (R, p) in unconstrained space. It may also have `prior_gradient_hessian(u)
-> (R, p), (R, p, p)` or (R, p) for a diagonal (of the log prior; else finite differences), `prior_mean` (p,) and
`prior_covariance` (p, p) for ensemble methods, `names` (p), `streams` {name: slice of the observations}, `error_model`
(one name of ERROR_SHAPES, or one for each stream), `weight` (n,) for a tempered likelihood and `whiten`, which frees
standardised residuals (R, n) of correlation. `Residuals` is such an object; `LeastSquares` reads one and counts its runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ERROR_SHAPES = ("gaussian", "laplace", "student_t")
FREEDOM = 4.0
"""Degrees of freedom of `student_t`."""
SMALLEST_RESIDUAL = 0.1
"""Below this many standard deviations the double-exponential cost is rounded off in the weights of least squares."""
LONGEST_MEMORY = 48
"""Steps after which correlated errors are forgotten."""
PRIOR_STEP = 1e-3


class Whitening:
    """Frees standardised residuals of first-order autocorrelation over gaps: e = (z_i - phi^k z_(i-1))/(1 - phi^2k)^1/2.

    phi: autocorrelation of one step. steps (n,): steps since the datum before it, 0 where the memory starts anew. Data more
    than LONGEST_MEMORY steps apart are independent. `log_determinant` is the sum of ln(1 - phi^2k)/2.
    """

    def __init__(self, phi: ArrayLike, steps: ArrayLike) -> None:
        lag = np.asarray(steps, np.float64)
        if lag.ndim != 1 or np.any(lag < 0):
            raise ValueError(f"steps since the datum before must be a row of numbers from 0, not of shape {lag.shape}")
        correlation = np.broadcast_to(np.asarray(phi, np.float64), lag.shape)
        if np.any(correlation < 0) or np.any(correlation >= 1):
            raise ValueError(f"autocorrelation must be in [0, 1), not {correlation.min():g}..{correlation.max():g}")
        linked = (lag > 0) & (lag <= LONGEST_MEMORY)
        linked[:1] = False
        self.carried = np.where(linked, correlation ** np.maximum(lag, 1.0), 0.0)
        self.innovation = np.sqrt(1.0 - self.carried**2)
        self.log_determinant = float(np.log(self.innovation).sum())

    def __call__(self, standardised: Floats) -> Floats:
        """Independent residuals of unit variance; shape (R, n) as given."""
        free = np.array(standardised)
        free[:, 1:] -= self.carried[1:] * standardised[:, :-1]
        return free / self.innovation


@dataclass
class Residuals:
    """A problem of least squares made of its parts; see the head of this file."""

    predict: Callable[[Floats], Floats]
    observed: Floats
    sigma: Floats
    log_prior: Callable[[Floats], Floats]
    prior_gradient_hessian: Callable[[Floats], tuple[Floats, Floats]] | None = None
    prior_mean: Floats | None = None
    prior_covariance: Floats | None = None
    names: tuple[str, ...] = ()
    streams: Mapping[str, slice] = field(default_factory=lambda: {"all": slice(None)})
    error_model: str | Mapping[str, str] = "gaussian"
    weight: Floats | None = None
    whiten: Whitening | None = None


def gaussian_prior(mean: ArrayLike, covariance: ArrayLike) -> dict[str, Any]:
    """Arguments of `Residuals` for a normal prior N(mean, covariance) in u."""
    centre, spread = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    precision = np.linalg.inv(spread)
    constant = -0.5 * (np.linalg.slogdet(spread)[1] + centre.size * np.log(2.0 * np.pi))

    def log_prior(u: Floats) -> Floats:
        gap = u - centre
        return np.asarray(constant - 0.5 * np.einsum("ri,ij,rj->r", gap, precision, gap))

    def slopes(u: Floats) -> tuple[Floats, Floats]:
        return -(u - centre) @ precision, np.broadcast_to(-precision, (u.shape[0], *precision.shape))

    return {"log_prior": log_prior, "prior_gradient_hessian": slopes, "prior_mean": centre, "prior_covariance": spread}


class LeastSquares:
    """A problem read for a solver: log posterior, whitened residuals and weights; `runs` counts replicas evaluated."""

    def __init__(self, problem: Any) -> None:
        for name in ("predict", "observed", "sigma", "log_prior"):
            if not hasattr(problem, name):
                raise TypeError(f"a problem of least squares needs `{name}`, which {type(problem).__name__} has not")
        self.problem = problem
        self.observed = np.asarray(problem.observed, np.float64)
        self.sigma = np.broadcast_to(np.asarray(problem.sigma, np.float64), self.observed.shape)
        if self.observed.ndim != 1 or self.observed.size == 0:
            raise ValueError(f"observations must be one row and not empty; their shape is {self.observed.shape}")
        if not np.all(np.isfinite(self.observed)):
            raise ValueError(f"{np.sum(~np.isfinite(self.observed))} observations are missing; leave them out")
        if not np.all(self.sigma > 0):
            raise ValueError(f"{np.sum(~(self.sigma > 0))} standard deviations of errors are not above 0")
        weight = getattr(problem, "weight", None)
        self.weight = np.ones(self.observed.size) if weight is None else np.asarray(weight, np.float64)
        self.whitening = getattr(problem, "whiten", None)
        self.streams = dict(getattr(problem, "streams", None) or {"all": slice(None)})
        self.shapes = self._error_shapes()
        logarithms = np.log(self.sigma) * self.weight
        self.constant = float(logarithms.sum()) + float(getattr(self.whitening, "log_determinant", 0.0))
        self.runs = 0

    def _error_shapes(self) -> list[tuple[slice, str]]:
        model = getattr(self.problem, "error_model", None) or "gaussian"
        shapes = [(slice(None), model)] if isinstance(model, str) else [(self.streams[name], model[name]) for name in model]
        for _, shape in shapes:
            if shape not in ERROR_SHAPES:
                raise ValueError(f"error model {shape!r} is not one of {', '.join(ERROR_SHAPES)}")
        return shapes

    def predict(self, u: Floats) -> Floats:
        """Modelled observations (R, n)."""
        self.runs += u.shape[0]
        return np.asarray(self.problem.predict(u), np.float64)

    def residual(self, predicted: Floats) -> Floats:
        """Residuals, observed less modelled, standardised and freed of correlation; shape (R, n)."""
        return self.scaled(self.observed - predicted)

    def scaled(self, difference: Floats) -> Floats:
        """A difference of observations (R, n) in units of independent errors."""
        standardised = difference / self.sigma
        return standardised if self.whitening is None else np.asarray(self.whitening(standardised))

    def log_likelihood(self, residual: Floats) -> Floats:
        """Log-likelihood of residuals (R, n); shape (R,), -inf where a residual is not finite."""
        total = np.full(residual.shape[0], -self.constant)
        for part, shape in self.shapes:
            total -= negative_log_density(residual[:, part], shape) @ self.weight[part]
        return np.where(np.isfinite(total), total, -np.inf)

    def log_prior(self, u: Floats) -> Floats:
        """Log prior density in u-space; shape (R,)."""
        return np.asarray(self.problem.log_prior(u), np.float64)

    def log_posterior(self, u: Floats, predicted: Floats) -> Floats:
        """Log posterior density (up to the evidence) of replicas with their predictions; shape (R,)."""
        with np.errstate(invalid="ignore"):
            total = self.log_likelihood(self.residual(predicted)) + self.log_prior(u)
        return np.where(np.isfinite(total), total, -np.inf)

    def log_density(self, u: Floats) -> Floats:
        """Log posterior density by running the model; shape (R,)."""
        return self.log_posterior(u, self.predict(u))

    def attraction(self, residual: Floats) -> Floats:
        """Weights of reweighted least squares (R, n): the slope of the cost is weight x residual."""
        weight = np.empty_like(residual)
        for part, shape in self.shapes:
            weight[:, part] = robust_weight(residual[:, part], shape) * self.weight[part]
        return weight

    def information(self) -> Floats:
        """Expected curvature of the cost of each residual (n,): Fisher information of its error model times its weight."""
        curvature = np.empty(self.observed.size)
        for part, shape in self.shapes:
            curvature[part] = FISHER[shape] * self.weight[part]
        return curvature

    def prior_slopes(self, u: Floats) -> tuple[Floats, Floats]:
        """Gradient (R, p) and Hessian (R, p, p) of the log prior."""
        analytic = getattr(self.problem, "prior_gradient_hessian", None)
        if analytic is None:
            return finite_slopes(self.log_prior, u)
        gradient, hessian = analytic(u)
        if np.ndim(hessian) == 2:
            hessian = np.asarray(hessian)[:, :, np.newaxis] * np.eye(u.shape[1])
        return np.asarray(gradient, np.float64), np.asarray(hessian, np.float64)

    def gaussian_prior(self) -> tuple[Floats, Floats]:
        """Mean (p,) and covariance (p, p) of the prior in u-space, for methods that know only normal priors."""
        mean, covariance = (getattr(self.problem, name, None) for name in ("prior_mean", "prior_covariance"))
        if mean is None or covariance is None:
            raise ValueError("ensemble methods need `prior_mean` and `prior_covariance` of the control vector")
        spread = np.asarray(covariance, np.float64)
        return np.asarray(mean, np.float64), np.diag(spread) if spread.ndim == 1 else spread


FISHER = {"gaussian": 1.0, "laplace": 2.0, "student_t": FREEDOM * (FREEDOM + 1.0) / ((FREEDOM + 3.0) * (FREEDOM - 2.0))}
"""Fisher information of the location of an error of unit variance."""
_STUDENT_CONSTANT = 0.6342556627317535


def negative_log_density(residual: Floats, shape: str) -> Floats:
    """Negative log density of errors of unit variance, elementwise."""
    if shape == "gaussian":
        return np.asarray(0.5 * residual**2 + 0.5 * np.log(2.0 * np.pi))
    if shape == "laplace":
        return np.asarray(np.sqrt(2.0) * np.abs(residual) + 0.5 * np.log(2.0))
    return np.asarray(0.5 * (FREEDOM + 1.0) * np.log1p(residual**2 / (FREEDOM - 2.0)) + _STUDENT_CONSTANT)


def robust_weight(residual: Floats, shape: str) -> Floats:
    """Slope of the negative log density divided by the residual, elementwise."""
    if shape == "gaussian":
        return np.ones_like(residual)
    if shape == "laplace":
        return np.asarray(np.sqrt(2.0) / np.maximum(np.abs(residual), SMALLEST_RESIDUAL))
    return np.asarray((FREEDOM + 1.0) / (FREEDOM - 2.0 + residual**2))


def finite_slopes(
    function: Callable[[Floats], Floats], u: Floats, step: float | Floats = PRIOR_STEP
) -> tuple[Floats, Floats]:
    """Gradient (R, p) and Hessian (R, p, p) of a batched scalar function by central differences, in one call.

    step: one, or one for each control (p,). 4p + 2p(p - 1) + 2p evaluations of each row.
    """
    rows, count = u.shape
    first, second = np.triu_indices(count)
    size = np.broadcast_to(np.asarray(step, np.float64), (count,))
    unit = np.diag(size)
    # f(+a+b), f(+a-b), f(-a+b), f(-a-b) for pairs; a = b gives steps of two and the value itself
    moves = np.concatenate([unit, -unit, *(s * unit[first] + t * unit[second] for s in (1, -1) for t in (1, -1))])
    values = function((u[:, np.newaxis] + moves).reshape(-1, count)).reshape(rows, -1)
    gradient = (values[:, :count] - values[:, count : 2 * count]) / (2.0 * size)
    pairs = values[:, 2 * count :].reshape(rows, 4, first.size)
    hessian = np.empty((rows, count, count))
    hessian[:, first, second] = (pairs[:, 0] - pairs[:, 1] - pairs[:, 2] + pairs[:, 3]) / (4.0 * size[first] * size[second])
    hessian[:, second, first] = hessian[:, first, second]
    return gradient, hessian


def sensitivity(squares: LeastSquares, u: Floats, step: float, centre: Floats | None = None) -> Floats:
    """Derivatives (p, n) of whitened modelled observations at one u (p,) by central differences; 2p runs.

    With `centre`, the modelled observations (n,) at u, a jump of the model beside u is no derivative. Land models jump: in
    some half hour snow has just gone, or not quite. It lies on one side of u, so where the two sides differ by more than the
    flatter of them, that one is taken. A jump taken for a slope would make a parameter look many times better known.
    """
    moves = np.eye(u.size) * step
    predicted = squares.predict(np.concatenate([u + moves, u - moves]))
    after, before = predicted[: u.size], predicted[u.size :]
    if centre is None:
        return squares.scaled((after - before) / (2.0 * step))
    ahead, behind = (after - centre) / step, (centre - before) / step
    flatter = np.where(np.abs(ahead) < np.abs(behind), ahead, behind)
    return squares.scaled(np.where(np.abs(ahead - behind) > np.abs(flatter), flatter, 0.5 * (ahead + behind)))


def cost_gradient(problem: Any, u: ArrayLike, step: float = 1e-4) -> Floats:
    """Gradient (p,) of the negative log posterior at one u (p,), by central differences of the model; 2p + 1 runs."""
    squares, point = LeastSquares(problem), np.asarray(u, np.float64)
    residual = squares.residual(squares.predict(point[np.newaxis]))
    slopes = sensitivity(squares, point, step)
    return -slopes @ (squares.attraction(residual)[0] * residual[0]) - squares.prior_slopes(point[np.newaxis])[0][0]
