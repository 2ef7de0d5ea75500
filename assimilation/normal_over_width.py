"""The normal posterior as seen over its own width, not at a point: for posteriors that are skew, or rough in the small.

Laplace's method knows the log posterior by its slopes and curvatures at the mode. A model with thresholds has slopes there
that hold for a thousandth of a standard deviation, and a skew posterior has its mean beside its mode. The normal
distribution q that is nearest in the sense of KL(q || posterior) has instead E_q[gradient] = 0 and E_q[Hessian] = -inverse
covariance (Opper and Archambeau 2009, Neural Comput. 21, 786-792). By Stein's lemma both are means of the log density f
itself; along a principal axis of q, with Gauss and Hermite's three nodes 0 and +-sqrt(3) standard deviations,

    E[f'] = (f(+) - f(-)) / (2 sqrt(3)),        E[f''] = (f(+) + f(-) - 2 f(0)) / 3.

Each pass makes these 2p + 1 runs of the model and moves mean and covariance along every axis by them: the first the whole
way, which is exact where the posterior is normal, pass k a share 1/k of it (a natural gradient with falling steps; Khan and
Rue 2023, J. Mach. Learn. Res. 24, 281). Whole steps swing for ever where the posterior falls off a step on one side: a
narrow distribution does not see it, is widened, sees it, and is narrowed again.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.laplace import LaplacePosterior

Floats = NDArray[np.float64]

NODE = np.sqrt(3.0)
"""Standard deviations from the centre to the outer nodes."""
PASSES = 2
LARGEST_MOVE = 1.0
"""Standard deviations along an axis that a pass may move the mean."""
LEAST_CURVATURE, MOST_CURVATURE = 0.25, 4.0
"""Range of the curvature along an axis, in units of the present one: a pass at most doubles or halves a width."""


def over_its_width(normal: LaplacePosterior, log_density: Callable[[Floats], Floats], passes: int = PASSES
                   ) -> LaplacePosterior:
    """The normal posterior moved and shaped by the log density (R,) of controls (R, p) over its own width.

    Exact where the posterior is normal. An axis along which the log density is not finite at a node keeps its place and
    width. `log_posterior` is that of the new mean; status and message are those of `normal`, with how far the mean moved.
    """
    mean, covariance, runs, value = normal.mean, normal.covariance, normal.runs, normal.log_posterior
    for number in range(passes):
        share = 1.0 / (number + 1)
        variances, axes = np.linalg.eigh(covariance)
        root = axes * np.sqrt(variances)
        values = np.asarray(log_density(np.concatenate([mean[np.newaxis], mean + NODE * root.T, mean - NODE * root.T])))
        runs += values.size
        above, below = values[1:mean.size + 1], values[mean.size + 1:]
        known = np.isfinite(above) & np.isfinite(below) & np.isfinite(values[0])
        with np.errstate(invalid="ignore"):
            gradient = np.where(known, (above - below) / (2.0 * NODE), 0.0)
            curvature = np.where(known, np.clip((2.0 * values[0] - above - below) / NODE**2, LEAST_CURVATURE, MOST_CURVATURE),
                                 1.0)
        curvature = 1.0 + share * (curvature - 1.0)
        mean = mean + share * (root @ np.clip(gradient / curvature, -LARGEST_MOVE, LARGEST_MOVE))
        covariance = (root / curvature) @ root.T
    if passes:
        value, runs = float(log_density(mean[np.newaxis])[0]), runs + 1
    moved = float(np.max(np.abs(mean - normal.mean) / normal.deviation, initial=0.0))
    covariance = 0.5 * (covariance + covariance.T)
    return replace(normal, mean=mean, covariance=covariance, hessian=np.asarray(np.linalg.inv(covariance), np.float64),
                   log_posterior=value, runs=runs,
                   message=f"{normal.message}; over its width the mean is up to {moved:.2g} standard deviations beside it")
