"""Screening at a tower: which parameters its streams and its likelihood feel at all, before anything is fitted.

    effects = screen_tower(target)               # Morris: 40 (p + 1) runs
    effects.kept()                               # parameters with 5 % of the largest effect on some stream
    shares = share_variance(target, base=512)    # Sobol: 512 (p + 2) runs, the slow check
    tower_information(found).describe()          # Hessian spectrum at the optimum of a fit, no further runs

Both walk through quantiles of the priors of what moves modelled values; noise of streams is held at its defaults.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.information import Information, information
from terraflux.assimilation.screening import LEVELS, TRAJECTORIES, Effects, VarianceShares, screen, sobol
from terraflux.assimilation.tower_problem import TowerProblem

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]


def prior_quantile_controls(target: TowerProblem) -> Callable[[Floats], Floats]:
    """The function from prior quantiles (R, m) to controls (R, m) of what moves modelled values."""
    columns, space = target.mean_columns, target.space

    def controls(cube: Floats) -> Floats:
        theta = np.repeat(space.physical(space.default_control()[None]), len(cube), axis=0)
        for place, column in enumerate(columns):
            theta[:, column] = space.priors[column].quantile(cube[:, place])
        return space.control(theta)[:, columns]

    return controls


def screen_tower(target: TowerProblem, *, trajectories: int = TRAJECTORIES, levels: int = LEVELS, seed: int = 0,
                 progress: Progress | None = None) -> Effects:
    """Morris effects on each stream, in standard deviations of its errors, and on the misfit; see `screening.screen`.

    Points that break an order between parameters count as failed and cost their trajectory.
    """
    return screen(target.with_noise(target.space.default_control()), prior_quantile_controls(target),
                  trajectories=trajectories, levels=levels, seed=seed, progress=progress)


def share_variance(target: TowerProblem, *, base: int = 512, seed: int = 0, progress: Progress | None = None
                   ) -> VarianceShares:
    """Sobol shares of the misfit of each stream and of all together; base (m + 2) runs, `base` a power of 2."""
    fixed = target.with_noise(target.space.default_control())
    names = tuple(target.parts)

    def outputs(v: Floats) -> Floats:
        each = target.misfit(fixed.full(v))
        each = np.where(np.isfinite(each), each, np.nan)
        return np.concatenate([each, (each @ target.stream_weight)[:, None]], axis=1)

    return sobol(outputs, prior_quantile_controls(target), fixed.names, (*names, "misfit"), base=base, seed=seed,
                 progress=progress)


def tower_information(found: Fit) -> Information:
    """Eigen-spectrum of the Hessian at the optimum against the prior, in the columns that move modelled values.

    Where the prior has no curvature at the optimum (in a tail), the inverse of its covariance takes its place. Raises
    ValueError for a fit without a normal posterior.
    """
    if found.normal is None:
        raise ValueError(f"the method {found.method} leaves no Hessian; fit with gn or auto")
    target = found.target
    columns = target.mean_columns
    block = np.ix_(columns, columns)
    at_mode = -target.space.prior_gradient_hessian(found.normal.mean[None])[1][0][block]
    data = found.normal.hessian[block] - at_mode
    prior = at_mode
    if np.linalg.eigvalsh(at_mode).min() <= 0.0:
        prior = np.linalg.inv(target.space.prior_moments()[1][block])
    return information(data, prior, tuple(target.names[k] for k in columns))
