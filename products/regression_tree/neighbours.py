"""Correction of a prediction by its nearest training rows (Quinlan 1993, Combining instance-based and model-based learning).

    corrected = sum_l w_l (t_l + prediction - prediction_l) / sum_l w_l,     w_l = 1 / (D_l + 0.5)

over the nearest rows l with targets t_l, at Manhattan distance D_l in units of standard deviations. Neighbours farther off than
the mean distance between training rows do not count; without any, the prediction stays as it is.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PAIRS = 20_000
"""Pairs of training rows, evenly spread, from which the mean distance is found."""


@dataclass(frozen=True)
class Neighbourhood:
    """Training rows to which a prediction is compared."""

    places: Array
    """[row, attribute] in standard deviations."""
    residual: Array
    """[row] Target less prediction."""
    weight: Array
    """[row] Sample weight."""
    scale: Array
    """[attribute] 1 / standard deviation, 0 for constants."""
    reach: float
    """Mean distance between training rows."""
    tree: Any = field(compare=False, repr=False)

    def correction(self, x: Array, count: int) -> Array:
        """What to add to a prediction [row] for encoded predictors `x` [row, attribute], from `count` neighbours."""
        count = min(count, self.residual.size)
        distance, index = self.tree.query(x * self.scale, k=count)
        weight = np.where(distance <= self.reach, self.weight[index] / (distance + 0.5), 0.0)
        total = weight.sum(axis=1)
        shift = (weight * self.residual[index]).sum(axis=1)
        return np.where(total > 0.0, shift / np.where(total > 0.0, total, 1.0), 0.0)


def neighbourhood(x: Array, residual: Array, weight: Array, deviation: Array) -> Neighbourhood:
    """Neighbourhood of encoded training rows `x` [row, attribute] with residuals and sample weights [row]."""
    scale = np.where(deviation > 0.0, 1.0 / np.where(deviation > 0.0, deviation, 1.0), 0.0)
    places = np.ascontiguousarray(x * scale)
    rows = len(places)
    first = np.arange(PAIRS) * 7919 % rows
    second = (first + 1 + np.arange(PAIRS) * 104729 % max(rows - 1, 1)) % rows
    reach = float(np.abs(places[first] - places[second]).sum(axis=1).mean())
    return remembered(places, residual, weight, scale, reach)


def remembered(places: Array, residual: Array, weight: Array, scale: Array, reach: float) -> Neighbourhood:
    """Neighbourhood from its stored parts."""
    from sklearn.neighbors import KDTree

    return Neighbourhood(places, residual, weight, scale, reach, KDTree(places, metric="manhattan"))
