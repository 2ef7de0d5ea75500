"""Area of applicability: where a map lies within what the training towers cover.

Meyer & Pebesma 2021, Methods in Ecology and Evolution 12:1620, doi:10.1111/2041-210X.13650.

The dissimilarity index of a place is its distance to the nearest training row, in predictors scaled to standard deviations and
multiplied with their importance, over the mean distance between training rows. The threshold is the largest dissimilarity
of training rows to rows of other blocks, outliers (above the third quartile + 1.5 interquartile ranges) left out. A
prediction outside is one for which the cross-validated error says nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
BLOCK = 4096
"""Rows whose distances are held at once."""


@dataclass(frozen=True)
class AreaOfApplicability:
    """Coverage of predictor space by training rows; made by `area_of_applicability`."""

    centre: Array
    """[predictor]"""
    scale: Array
    """[predictor] Importance / standard deviation."""
    mean_distance: float
    """Mean distance between training rows, scaled."""
    threshold: float
    """Largest dissimilarity index that counts as inside."""
    training: Array
    """[row] Dissimilarity index of training rows to other blocks."""
    tree: Any

    def dissimilarity(self, x: ArrayLike) -> Array:
        """Dissimilarity index [row] of `x` [row, predictor]: 0 at a training row, NaN where a predictor is missing."""
        scaled = (np.asarray(x, np.float64) - self.centre) * self.scale
        known = np.isfinite(scaled).all(axis=1)
        index = np.full(len(scaled), np.nan)
        if known.any():
            index[known] = self.tree.query(scaled[known])[0] / self.mean_distance
        return index

    def inside(self, x: ArrayLike) -> NDArray[np.bool_]:
        """Whether rows lie inside, [row]; rows with a missing predictor do not."""
        return np.asarray(self.dissimilarity(x) <= self.threshold)


def area_of_applicability(x: ArrayLike, blocks: ArrayLike, importance: ArrayLike | None = None) -> AreaOfApplicability:
    """Learns coverage from training rows `x` [row, predictor] without NaN.

    `blocks` [row] are the folds of the cross-validation (sites), `importance` [predictor] is not negative, such as
    `feature_importances_`; without it all predictors count alike.
    """
    from scipy.spatial import cKDTree

    rows = np.asarray(x, np.float64)
    block = np.asarray(blocks)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("training predictors must be a table without missing values; leave out rows with gaps")
    if block.shape != (len(rows),) or np.unique(block).size < 2:
        raise ValueError("blocks must name the fold of every row, and there must be two folds at least")
    weight = np.ones(rows.shape[1]) if importance is None else np.asarray(importance, np.float64)
    if weight.shape != (rows.shape[1],) or not np.isfinite(weight).all() or (weight < 0.0).any() or not weight.any():
        raise ValueError(f"importance must be {rows.shape[1]} numbers, one per predictor, none negative, not all zero")
    centre, deviation = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(deviation > 0.0, weight / np.where(deviation > 0.0, deviation, 1.0), 0.0)
    scaled = (rows - centre) * scale
    mean_distance = _mean_distance(scaled)
    if mean_distance == 0.0:
        raise ValueError("all training rows are equal in every predictor of importance")
    nearest = np.empty(len(rows))
    for kind in np.unique(block):
        own = block == kind
        nearest[own] = cKDTree(scaled[~own]).query(scaled[own])[0]
    training = nearest / mean_distance
    lower, upper = np.quantile(training, [0.25, 0.75])
    threshold = float(training[training <= upper + 1.5 * (upper - lower)].max())
    return AreaOfApplicability(centre, scale, mean_distance, threshold, training, cKDTree(scaled))


def _mean_distance(rows: Array) -> float:
    """Mean Euclidean distance over pairs of different rows, exact, in blocks."""
    from scipy.spatial.distance import cdist

    total = 0.0
    for start in range(0, len(rows), BLOCK):
        for other in range(0, len(rows), BLOCK):
            total += float(cdist(rows[start:start + BLOCK], rows[other:other + BLOCK]).sum())
    return total / (len(rows) * (len(rows) - 1))
