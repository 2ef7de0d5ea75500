"""The model of Lorenz (1996): the usual test bed of ensemble filters, chaotic and quick.

dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F on a circle of states. With F = 8 and 40 states, errors double in about 0.4
time units. The twin is that of Sakov and Oke (2008): everything observed each 0.05 with unit error variance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.transform_filter import EnsembleFilter

Floats = NDArray[np.float64]


def lorenz96_tendency(states: Floats, force: float = 8.0) -> Floats:
    """dx/dt of states (..., n)."""
    return (np.roll(states, -1, -1) - np.roll(states, 2, -1)) * np.roll(states, 1, -1) - states + force


def lorenz96_step(states: Floats, step: float = 0.05, force: float = 8.0) -> Floats:
    """States (..., n) one step later, by the classical Runge-Kutta method of fourth order."""
    first = lorenz96_tendency(states, force)
    second = lorenz96_tendency(states + 0.5 * step * first, force)
    third = lorenz96_tendency(states + 0.5 * step * second, force)
    fourth = lorenz96_tendency(states + step * third, force)
    return states + step / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)


@dataclass(frozen=True)
class TwinScore:
    """Analyses of a twin: root mean square error of the mean and spread (means over cycles), with every cycle's own."""

    error: float
    spread: float
    errors: Floats
    spreads: Floats
    innovations: Floats


def lorenz96_twin(analysis: EnsembleFilter, members: int, *, cycles: int = 4000, skipped: int = 400, states: int = 40,
                  force: float = 8.0, seed: int | np.random.Generator = 0) -> TwinScore:
    """Runs truth, observations and filter for so many cycles after `skipped` ones."""
    random = np.random.default_rng(seed)
    truth = force + random.standard_normal(states)
    for _ in range(1000):
        truth = lorenz96_step(truth, force=force)
    ensemble = truth + np.sqrt(0.001) * random.standard_normal((members, states))
    errors, spreads, innovations = np.empty(cycles), np.empty(cycles), np.empty((cycles, states))
    for cycle in range(-skipped, cycles):
        truth, ensemble = lorenz96_step(truth, force=force), lorenz96_step(ensemble, force=force)
        done = analysis.analyse(ensemble, lambda e: e, truth + random.standard_normal(states), 1.0)
        ensemble = done.ensemble
        if cycle >= 0:
            errors[cycle] = np.sqrt(np.mean((ensemble.mean(0) - truth) ** 2))
            spreads[cycle] = np.sqrt(ensemble.var(0, ddof=1).mean())
            innovations[cycle] = done.innovation
    return TwinScore(float(errors.mean()), float(spreads.mean()), errors, spreads, innovations)
