"""A log posterior that counts what it costs and lets no failed replica stop the rest."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LogDensity = Callable[[NDArray[np.float64]], Any]


class CountedDensity:
    """Wraps a batched log posterior u (replicas, parameters) -> (replicas,), counting replicas and failures.

    The function may return instead a pair (log posterior, companions (replicas, k)), such as the misfit of every stream;
    companions travel with the chain. Anything not a number becomes -inf for that replica only and is counted in `failed`,
    as is -inf itself; +inf is refused with ValueError, for it would hold a chain for ever.
    """

    def __init__(self, log_density: LogDensity, runs: int = 0, failed: int = 0) -> None:
        self._log_density = log_density
        self.runs = runs
        self.failed = failed

    def __call__(self, controls: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log posterior (replicas,) and companions (replicas, k), k = 0 where the function gives none."""
        replicas = controls.shape[0]
        given = self._log_density(np.ascontiguousarray(controls))
        companions: Any = np.zeros((replicas, 0))
        if isinstance(given, tuple):
            given, companions = given
        values = np.array(given, dtype=np.float64)
        companions = np.asarray(companions, dtype=np.float64).reshape(replicas, -1) if replicas else np.zeros((0, 0))
        if values.shape != (replicas,):
            raise ValueError(f"the log posterior of {replicas} replicas must have the shape ({replicas},), not {values.shape}; "
                             "write it for a whole batch u (replicas, parameters)")
        if np.isposinf(values).any():
            raise ValueError("the log posterior is +inf for a replica: an error standard deviation or a prior width is zero")
        values[np.isnan(values)] = -np.inf
        self.runs += replicas
        self.failed += int(np.isneginf(values).sum())
        return values, companions
