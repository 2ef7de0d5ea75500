"""The solvers by short name, and the ladder up to the question whether the posterior must be sampled.

| name | method | posterior | runs |
|---|---|---|---|
| `gn` | Gauss-Newton with damping, several starts (default) | with `laplace` | (p + 7) an iteration and start |
| `lbfgsb` | quasi-Newton on the log posterior | with `laplace` | (2p + 1) a step |
| `4denvar` | one step from a prior ensemble | ensemble | N + 1 |
| `ienks` | iterative ensemble Kalman smoother | ensemble | (N + 5) an iteration |
| `esmda` | multiple data assimilation | ensemble, rough | N steps |
| `eki_dmc` | ensemble inversion, misfit controlled | ensemble, rough | N steps |
| `cmaes` | evolution strategy, needs `cma` | with `laplace` | thousands |
| `differential_evolution` | global search | with `laplace` | thousands |
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from terraflux.assimilation.ensemble_smoother import misfit_controlled_inversion, multiple_assimilation
from terraflux.assimilation.ensemble_variational import EnsemblePosterior, ensemble_variational, iterative_smoother
from terraflux.assimilation.evolution import covariance_adaptation, differential_evolution
from terraflux.assimilation.gauss_newton import Optimum, gauss_newton
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.pareto_smoothing import ImportanceCheck, importance_check
from terraflux.assimilation.quasi_newton import limited_memory_search, log_density_of
from terraflux.assimilation.screening import MARGIN, logistic_quantiles

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]

SEARCHES: dict[str, Callable[..., Optimum]] = {
    "gn": gauss_newton,
    "lbfgsb": limited_memory_search,
    "cmaes": covariance_adaptation,
    "differential_evolution": differential_evolution,
}
"""Methods that go from starts (S, p) to an `Optimum`."""
ENSEMBLES: dict[str, Callable[..., EnsemblePosterior]] = {
    "4denvar": ensemble_variational,
    "ienks": iterative_smoother,
    "esmda": multiple_assimilation,
    "eki_dmc": misfit_controlled_inversion,
}
"""Methods that go from a prior ensemble to an `EnsemblePosterior`."""
SOLVERS = (*SEARCHES, *ENSEMBLES)
STARTS = 5
RANDOM_SEARCHES = ("cmaes", "differential_evolution")


def starting_controls(
    parameters: int,
    from_quantiles: Callable[[Floats], Floats] = logistic_quantiles,
    count: int = STARTS,
    seed: int | np.random.Generator = 0,
) -> Floats:
    """Starts (count, p): the prior median, and a Latin hypercube of prior quantiles mapped by `from_quantiles`."""
    cube = np.full((count, parameters), 0.5)
    if count > 1:
        cube[1:] = stats.qmc.LatinHypercube(parameters, rng=np.random.default_rng(seed)).random(count - 1)
    return from_quantiles(np.clip(cube, MARGIN, 1.0 - MARGIN))


def solve(
    method: str, problem: Any, starts: ArrayLike | None = None, seed: int | np.random.Generator = 0, **options: Any
) -> Optimum | EnsemblePosterior:
    """Runs the solver `method` (see the table above) on a problem (see `residuals`).

    starts: (S, p) in u-space for searches, the prior ensemble (N, p) for ensemble methods, which otherwise draw it from the
    normal prior of the problem. options: those of the method. Raises ValueError for an unknown name, with the nearest.
    """
    if method in SEARCHES:
        if starts is None:
            raise ValueError(f"method {method!r} needs starts; `starting_controls` gives the prior median and a hypercube")
        if method in RANDOM_SEARCHES:
            options["seed"] = seed
        return SEARCHES[method](problem, starts, **options)
    if method in ENSEMBLES:
        if method == "4denvar":
            options.pop("progress", None)
        return ENSEMBLES[method](problem, starts, seed=seed, **options)
    nearest = difflib.get_close_matches(method, SOLVERS, n=1)
    raise ValueError(f"unknown solver {method!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else f"; one of {SOLVERS}"))


@dataclass(frozen=True)
class Approximation:
    """The optimum, the normal posterior around it, and the check whether its weighted draws suffice.

    `sampling_needed`: go on with a sampler, started from `laplace`. `global_doubt`: starts ended more than 2 apart in log
    posterior, so a global search from the best of them is advised. `runs` of the model in all.
    """

    optimum: Optimum
    laplace: LaplacePosterior
    check: ImportanceCheck
    runs: int
    sampling_needed: bool
    global_doubt: bool
    message: str

    @property
    def status(self) -> str:
        """ "converged" if no sampling is needed, else "not_converged"."""
        return "not_converged" if self.sampling_needed or self.global_doubt else "converged"


def approximate(
    problem: Any, starts: ArrayLike, draws: int = 1000, seed: int | np.random.Generator = 0, progress: Progress | None = None
) -> Approximation:
    """Gauss-Newton from `starts` (S, p), the normal posterior, and the Pareto check with `draws` runs.

    Raises ValueError if no start has a finite posterior.
    """
    optimum = gauss_newton(problem, starts, progress=progress)
    if optimum.status == "failed":
        raise ValueError(optimum.message)
    posterior = laplace_posterior(problem, optimum.u)
    check = importance_check(log_density_of(problem), posterior, draws, seed)
    doubt = optimum.spread > 2.0
    needed = doubt or not check.sufficient or posterior.status != "converged"
    message = f"{optimum.message}; normal posterior: {posterior.message}; {check.message}"
    return Approximation(optimum, posterior, check, optimum.runs + posterior.runs + check.runs, needed, doubt, message)
