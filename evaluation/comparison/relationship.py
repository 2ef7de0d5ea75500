"""Functional responses: does a flux depend on its driver as it should? ILAMB's relationship score (Collier et al. 2018).

Time means of cells are sorted into 25 bins of the driver over the range that both products span; the mean of the flux in a bin
is the response, over bins that hold 0.3 % of the cells. Score = exp(-|f_r - f_m| / |f_r|) with the Euclidean norm over bins
that both have. Cells count alike, whatever their area, as in ILAMB 2.7.3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
BINS = 25
LEAST_SHARE = 3e-3
SLACK = 1e-8


@dataclass(frozen=True, eq=False)
class Relationship:
    """Responses of the reference and of the simulation at bin `edges` of the driver, NaN in bins with too few cells."""

    edges: Floats
    reference: Floats
    simulated: Floats
    score: float


def relationship(driver_simulated: ArrayLike, flux_simulated: ArrayLike, driver_reference: ArrayLike, flux_reference: ArrayLike,
                 bins: int = BINS, held: ArrayLike | None = None) -> Relationship:
    """Responses and their score from maps of time means (any shape, each driver like its flux); `held` marks the cells of a
    region.

    Raises ValueError where a product has no cell with both, and gives a NaN score where no bin is shared.

    >>> x = np.linspace(0.0, 10.0, 500)
    >>> round(relationship(x, 1.5 * x, x, x).score, 4)
    0.6065
    """
    parts = []
    given = ((driver_simulated, flux_simulated, "simulation"), (driver_reference, flux_reference, "reference"))
    for driver, flux, name in given:
        x, y = np.asarray(driver, dtype=float), np.asarray(flux, dtype=float)
        if x.shape != y.shape:
            raise ValueError(f"driver and flux of the {name} have the shapes {x.shape} and {y.shape}")
        both = np.isfinite(x) & np.isfinite(y) & (np.ones(x.shape, bool) if held is None else np.asarray(held, dtype=bool))
        if not both.any():
            raise ValueError(f"no cell of the {name} has values of driver and flux")
        parts.append((x[both], y[both]))
    low = min(_reach(x)[0] for x, _ in parts)
    high = max(_reach(x)[1] for x, _ in parts)
    edges = np.linspace(low, high, bins + 1)
    simulated, reference = (_response(x, y, edges) for x, y in parts)
    shared = np.isfinite(simulated) & np.isfinite(reference)
    norm = float(np.linalg.norm(reference[shared]))
    score = float(np.exp(-np.linalg.norm(reference[shared] - simulated[shared]) / norm)) if norm > 0.0 else np.nan
    return Relationship(edges, reference, simulated, score)


def _reach(x: Floats) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    return low - SLACK * (high - low), high + SLACK * (high - low)


def _response(x: Floats, y: Floats, edges: Floats) -> Floats:
    place = np.clip(np.digitize(x, edges), 1, edges.size - 1) - 1
    counts = np.bincount(place, minlength=edges.size - 1)
    sums = np.bincount(place, weights=y, minlength=edges.size - 1)
    enough = counts >= LEAST_SHARE * counts.sum()
    return np.where(enough & (counts > 0), sums / np.maximum(counts, 1), np.nan)
