"""What the data can tell: eigen-directions of the posterior against the prior, and degrees of freedom for signal.

With the Hessian G of the data misfit and P of the prior (both of negative log densities, in u), posterior covariance
A = (G + P)^-1 and prior covariance B = P^-1, the generalised eigenvalues of G v = lambda P v say how much more the data know
of a direction than the prior does: below 1 the prior dominates and the direction is not identified. The degrees of freedom
for signal (Rodgers 2000, Inverse Methods for Atmospheric Sounding, ch. 2) are tr(I - A B^-1) = sum of lambda/(1 + lambda).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

Floats = NDArray[np.float64]
PRIOR_DOMINATED = 1.0
NAMED_SHARE = 0.1
"""A parameter with less than this share of a direction (squared, in prior standard deviations) is not named in it."""


@dataclass(frozen=True)
class Direction:
    """One eigen-direction: `eigenvalue` (data over prior information), `components` (p,) in prior standard deviations, of
    length 1, and a `label` that names the parameters with their signs."""

    eigenvalue: float
    components: Floats
    label: str

    @property
    def identified(self) -> bool:
        """Whether data know more of it than the prior."""
        return self.eigenvalue >= PRIOR_DOMINATED


@dataclass(frozen=True)
class Information:
    """Information of the data, by direction and parameter.

    `directions` come from the best known to the least. `degrees_of_freedom` is between 0 and p, `share` (p,) that of each
    parameter, the diagonal of I - A B^-1, which sums to it. `shrinkage` (p,) is posterior over prior standard deviation.
    `posterior_covariance` and `prior_covariance` are (p, p), in u.
    """

    names: tuple[str, ...]
    directions: tuple[Direction, ...]
    degrees_of_freedom: float
    share: Floats
    shrinkage: Floats
    posterior_covariance: Floats
    prior_covariance: Floats

    @property
    def eigenvalues(self) -> Floats:
        """Eigenvalues from largest to smallest; shape (p,)."""
        return np.array([one.eigenvalue for one in self.directions])

    @property
    def unidentified(self) -> tuple[Direction, ...]:
        """Directions that the prior dominates, the least known last."""
        return tuple(one for one in self.directions if not one.identified)

    def describe(self) -> str:
        """Text: degrees of freedom, each direction, and the directions that are not identified."""
        lines = [f"degrees of freedom for signal {self.degrees_of_freedom:.2f} of {len(self.names)}"]
        for one in self.directions:
            lines.append(f"{one.eigenvalue:12.4g}  {'' if one.identified else 'not identified: '}{one.label}")
        return "\n".join(lines)


def information(data_hessian: ArrayLike, prior_hessian: ArrayLike, names: Sequence[str]) -> Information:
    """Information of data beside a prior; both Hessians (p, p) of negative log densities in u at the optimum.

    `prior_hessian` may be a row (p,) for a diagonal. For a Gauss-Newton Hessian H of the posterior, `data_hessian` is
    H - prior_hessian, J^T R^-1 J. Small negative eigenvalues of the data Hessian count as no information.

    Raises ValueError for shapes that differ, and for a prior whose Hessian is not positive definite at this point (as may
    be far out in its tails): give the inverse of the prior's covariance in u then.
    """
    g, p = np.asarray(data_hessian, np.float64), np.asarray(prior_hessian, np.float64)
    if p.ndim == 1:
        p = np.diag(p)
    size = len(names)
    if g.shape != (size, size) or p.shape != (size, size):
        raise ValueError(f"Hessians have the shapes {g.shape} and {p.shape}; expected ({size}, {size}) for {', '.join(names)}")
    if not (np.isfinite(g).all() and np.isfinite(p).all()):
        raise ValueError("a Hessian holds values that are not finite; compute it at a point where the model runs")
    g, p = 0.5 * (g + g.T), 0.5 * (p + p.T)
    try:
        values, vectors = eigh(g, p)
    except LinAlgError as error:
        raise ValueError("the Hessian of the prior is not positive definite here; give the inverse of the prior's covariance "
                         "in u in its place") from error
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    prior_covariance = cho_solve(cho_factor(p), np.eye(size))
    spread = np.sqrt(np.diag(prior_covariance))
    posterior_covariance = (vectors / (1.0 + values)) @ vectors.T
    resolution = np.eye(size) - posterior_covariance @ p
    directions = []
    for value, vector in zip(values, vectors.T, strict=True):
        components = vector / spread
        components = components / np.linalg.norm(components)
        components = components * np.sign(components[np.argmax(np.abs(components))])
        directions.append(Direction(float(value), components, _label(components, names)))
    return Information(
        names=tuple(names), directions=tuple(directions), degrees_of_freedom=float((values / (1.0 + values)).sum()),
        share=np.diag(resolution).copy(), shrinkage=np.sqrt(np.diag(posterior_covariance)) / spread,
        posterior_covariance=posterior_covariance, prior_covariance=prior_covariance)


def _label(components: Floats, names: Sequence[str]) -> str:
    """The parameters of a direction, the largest first, with their parts in prior standard deviations."""
    chosen = [number for number in np.argsort(-np.abs(components)) if components[number] ** 2 >= NAMED_SHARE]
    chosen = chosen or [int(np.argmax(np.abs(components)))]
    text = " ".join(f"{'+' if components[number] > 0.0 else '-'} {abs(components[number]):.2f} {names[number]}"
                    for number in chosen)
    return text.removeprefix("+ ")
