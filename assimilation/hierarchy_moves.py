"""Moves of a hierarchy parameter by parameter: tau stretches all sites about mu, mu shifts them.

Where sites know little of a parameter, u_s follows tau and tau follows u_s: in turns neither gets far, and chains take tens of
thousands of sweeps. Seen as z = (u - mu)/tau the same posterior has no such ties, and changing tau or mu at fixed z is a
stretch or a shift of all sites at once (interweaving; Yu and Meng 2011, J. Comput. Graph. Stat. 20, 531-570). For a site
whose likelihood is normal its change along one parameter is a parabola, so that no sweep of parameters costs more than one
product with the precision.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRETCH = 0.8
"""Standard deviation of the proposed change of ln tau."""
SHIFT = 1.5
"""The same of mu, in standard deviations of a site of pooled data."""


def stretch_and_shift(sites: Floats, mean: Floats, spread: Floats, pull: Floats, precision: Floats,
                      log_prior: Callable[[Floats], Floats], spread_scale: float, generator: np.random.Generator) -> None:
    """Moves `sites` (chains, sites, p), `spread` and `mean` (chains, p) in place, each parameter once by either move.

    `precision` (sites, p, p) and its product with the centres, `pull` (sites, p), are of the sites' normal likelihoods;
    `log_prior(u)` gives the separate densities (R, p) of the prior of mu.
    """
    own = np.diagonal(precision, axis1=1, axis2=2)
    step = STRETCH * generator.normal(size=mean.shape)
    gain = step - 0.5 * spread**2 * np.expm1(2.0 * step) / spread_scale**2
    moved = (sites - mean[:, None]) * np.exp(step)[:, None] + mean[:, None]
    spread *= np.exp(np.where(_move(sites, moved, gain, pull, precision, own, generator), step, 0.0))
    step = SHIFT / np.sqrt(own.sum(axis=0)) * generator.normal(size=mean.shape)
    gain = log_prior(mean + step) - log_prior(mean)
    mean += np.where(_move(sites, sites + step[:, None], gain, pull, precision, own, generator), step, 0.0)


def _move(sites: Floats, moved: Floats, gain: Floats, pull: Floats, precision: Floats, own: Floats,
          generator: np.random.Generator) -> NDArray[np.bool_]:
    """Takes the columns of `moved` that are accepted into `sites`, one parameter after the other; which, (chains, p)."""
    chains, _, size = sites.shape
    level = np.log(generator.random((chains, size)))
    slope = np.einsum("sij,csj->csi", precision, sites) - pull
    change = moved - sites
    accepted = np.empty((chains, size), np.bool_)
    for k in range(size):
        by = change[:, :, k]
        misfit = (by * (slope[:, :, k] + 0.5 * by * own[:, k])).sum(axis=1)
        accepted[:, k] = level[:, k] < gain[:, k] - misfit
        by = by * accepted[:, k, None]
        sites[:, :, k] += by
        slope += by[:, :, None] * precision[None, :, :, k]
    return accepted
