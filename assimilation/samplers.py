"""Samplers by short name.

All take `(log_density, mean, covariance, *, names, seed, settings, maximum_runs, checkpoint, progress)`, where `log_density`
is batched over replicas and `mean` and `covariance` are those of a Laplace approximation, and return a `SamplingResult`.
"""

import difflib
from collections.abc import Callable
from importlib import import_module

from terraflux.assimilation.sampling_result import SamplingResult

SAMPLERS: dict[str, tuple[str, str, str]] = {
    "ensemble": ("ensemble_sampling", "sample_ensembles",
                 "four independent ensembles of walkers, differential evolution and snooker moves; the reliable one"),
    "delayed_acceptance": ("delayed_acceptance", "sample_delayed",
                           "many steps on a Gaussian-process surrogate for every run; for costly, nearly normal posteriors"),
    "importance": ("adaptive_importance", "sample_importance",
                   "adaptive mixture of Student-t densities; fewest runs for nearly normal posteriors, no chains"),
}
"""Short name: module, function, what for."""


def sampler(name: str) -> Callable[..., SamplingResult]:
    """The sampler of a short name; raises ValueError with the nearest name for one that does not exist."""
    if name not in SAMPLERS:
        near = difflib.get_close_matches(name, SAMPLERS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no sampler {name!r}: choose one of {', '.join(SAMPLERS)}{hint}")
    module, function, _ = SAMPLERS[name]
    return getattr(import_module(f"terraflux.assimilation.{module}"), function)
