"""Moves of a hierarchy parameter by parameter: tau stretches all sites about mu, mu shifts them, each site walks for itself.

Where sites know little of a parameter, u_s follows tau and tau follows u_s: in turns neither gets far, and chains take tens of
thousands of sweeps. Seen as z = (u - mu)/tau the same posterior has no such ties, and changing tau or mu at fixed z is a
stretch or a shift of all sites at once (interweaving; Yu and Meng 2011, J. Comput. Graph. Stat. 20, 531-570). For a site
whose posterior is taken to be normal, its change of likelihood along one parameter is a parabola, so that no sweep of
parameters costs more than one product with the precision. Sites that tell little of many parameters seldom accept all of
them at once, for each must please the prior; one at a time they do.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRETCH = 0.8
"""Standard deviation of the proposed change of ln tau."""
SHIFT = 1.5
"""The same of mu, in standard deviations of a site of pooled data."""
WALK = 2.4
"""The same of a parameter of a site, in standard deviations given all others."""


def stretch_and_shift(sites: Floats, mean: Floats, spread: Floats, centre: Floats, precision: Floats,
                      log_prior: Callable[[Floats], Floats], spread_scale: float, generator: np.random.Generator) -> None:
    """Moves `sites` (chains, sites, p), `spread` and `mean` (chains, p) in place, each parameter once by either move.

    `centre` (sites, p) and `precision` (sites, p, p) are of the sites' normal posteriors, made under the prior whose
    separate densities are `log_prior(u)` (R, p).
    """
    own = np.diagonal(precision, axis1=1, axis2=2)
    step = STRETCH * generator.normal(size=mean.shape)
    gain = step - 0.5 * spread**2 * np.expm1(2.0 * step) / spread_scale**2
    moved = (sites - mean[:, None]) * np.exp(step)[:, None] + mean[:, None]
    spread *= np.exp(np.where(_move(sites, moved, gain, centre, precision, own, log_prior, generator), step, 0.0))
    step = SHIFT / np.sqrt(own.sum(axis=0)) * generator.normal(size=mean.shape)
    gain = log_prior(mean + step) - log_prior(mean)
    mean += np.where(_move(sites, sites + step[:, None], gain, centre, precision, own, log_prior, generator), step, 0.0)


def walk(sites: Floats, mean: Floats, spread: Floats, centre: Floats, precision: Floats, log_prior: Callable[[Floats], Floats],
         generator: np.random.Generator) -> None:
    """Moves every parameter of every site in place, one after the other; arguments as of `stretch_and_shift`."""
    size = mean.shape[1]
    own = np.diagonal(precision, axis1=1, axis2=2)
    weight = spread[:, None] ** -2
    change = WALK / np.sqrt(own + weight) * generator.normal(size=sites.shape)
    moved = sites + change
    rise = (log_prior(moved.reshape(-1, size)) - log_prior(sites.reshape(-1, size))).reshape(sites.shape)
    rise += 0.5 * weight * change * (moved + sites - 2.0 * mean[:, None])
    level = np.log(generator.random(sites.shape))
    pull = np.einsum("sij,csj->csi", precision, sites - centre)
    for k in range(size):
        by = change[:, :, k]
        misfit = by * (pull[:, :, k] + 0.5 * by * own[:, k])
        by = np.where(level[:, :, k] < -misfit - rise[:, :, k], by, 0.0)
        sites[:, :, k] += by
        pull += by[:, :, None] * precision[None, :, :, k]


def _move(sites: Floats, moved: Floats, gain: Floats, centre: Floats, precision: Floats, own: Floats,
          log_prior: Callable[[Floats], Floats], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Takes the columns of `moved` that are accepted into `sites`, one parameter after the other; which, (chains, p)."""
    chains, _, size = sites.shape
    rise = (log_prior(moved.reshape(-1, size)) - log_prior(sites.reshape(-1, size))).reshape(sites.shape)
    level = np.log(generator.random((chains, size)))
    gain = gain - rise.sum(axis=1)  # the sites' posteriors hold this prior already
    pull = np.einsum("sij,csj->csi", precision, sites - centre)
    change = moved - sites
    accepted = np.empty((chains, size), np.bool_)
    for k in range(size):
        by = change[:, :, k]
        misfit = (by * (pull[:, :, k] + 0.5 * by * own[:, k])).sum(axis=1)
        accepted[:, k] = level[:, k] < gain[:, k] - misfit
        by = by * accepted[:, k, None]
        sites[:, :, k] += by
        pull += by[:, :, None] * precision[None, :, :, k]
    return accepted
