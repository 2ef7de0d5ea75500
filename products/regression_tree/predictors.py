"""Predictors as the rules see them: numbers without gaps.

A missing number becomes the weighted median of the training rows. A categorical predictor becomes the mean target of its
category, drawn towards the mean of all rows by `PRIOR_ROWS` rows: a threshold on it divides the categories in two (Quinlan
1992 sorts them so), and in a linear model it is an offset. A category not seen in training, or a missing one, takes the
mean of all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIOR_ROWS = 15.0
"""Rows of the mean of all that a category's mean is blended with; the k of smoothing."""


@dataclass(frozen=True)
class Predictors:
    """How raw columns become numbers."""

    names: tuple[str, ...]
    fill: Array
    """[attribute] What a gap becomes."""
    categories: dict[int, dict[str, float]]
    """{column: {category: number}} of the categorical ones."""
    centre: Array
    """[attribute] Weighted mean of training rows."""
    deviation: Array
    """[attribute] Weighted standard deviation of training rows; 0 for a constant."""

    def encoded(self, x: NDArray[Any]) -> Array:
        """Numbers [row, attribute], C-contiguous and without NaN, of raw predictors [row, column]."""
        if not self.categories:
            numbers = np.array(x, np.float64, order="C")
        else:
            numbers = np.empty(x.shape)
            for column in range(x.shape[1]):
                known = self.categories.get(column)
                if known is None:
                    numbers[:, column] = _numbers(x[:, column], self.names[column])
                else:
                    numbers[:, column] = [known.get(key, np.nan) for key in category_keys(x[:, column])]
        for column in range(x.shape[1]):
            gap = np.isnan(numbers[:, column])
            if gap.any():
                numbers[gap, column] = self.fill[column]
        return numbers


def _numbers(column: NDArray[Any], name: str) -> Array:
    try:
        return np.asarray(column, np.float64)
    except (ValueError, TypeError):
        raise ValueError(f"predictor {name} holds text; name it in categorical_features or turn it into numbers") from None


def category_keys(column: NDArray[Any]) -> list[str]:
    """Category of each entry as text; 1, 1.0 and "1" are one category, a missing entry is ""."""
    keys = []
    for entry in column.tolist():
        if entry is None or entry != entry:
            keys.append("")
        elif isinstance(entry, float) and entry.is_integer():
            keys.append(str(int(entry)))
        else:
            keys.append(str(entry))
    return keys


def weighted_median(values: Array, weight: Array) -> float:
    """Median of finite values with weights, the mean of the two in the middle where the weights tie; 0 of none."""
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    order = np.argsort(values[known], kind="stable")
    value = values[known][order]
    total = np.cumsum(weight[known][order])
    half = 0.5 * total[-1]
    first = int(np.searchsorted(total, half * (1.0 - 1e-12)))
    second = min(int(np.searchsorted(total, half * (1.0 + 1e-12))), value.size - 1)
    return float(0.5 * value[first] + 0.5 * value[second])


def fitted_predictors(x: NDArray[Any], y: Array, weight: Array, names: tuple[str, ...],
                      categorical: tuple[int, ...]) -> Predictors:
    """Learns gap fillers, category numbers and scales from training rows `x` [row, column]."""
    average = float(np.average(y, weights=weight))
    categories = {}
    for column in categorical:
        keys = np.array(category_keys(x[:, column]))
        numbers = {}
        for key in sorted(set(keys.tolist()) - {""}):
            chosen = keys == key
            total = weight[chosen].sum()
            numbers[key] = float((weight[chosen] @ y[chosen] + PRIOR_ROWS * average) / (total + PRIOR_ROWS))
        categories[column] = numbers
    columns = x.shape[1]
    unscaled = Predictors(names, np.full(columns, np.nan), categories, np.zeros(columns), np.ones(columns))
    raw = unscaled.encoded(x)
    fill = np.array([average if column in categories else weighted_median(raw[:, column], weight) for column in range(columns)])
    numbers_only = np.where(np.isnan(raw), fill, raw)
    centre = np.average(numbers_only, axis=0, weights=weight)
    deviation = np.sqrt(np.average((numbers_only - centre) ** 2, axis=0, weights=weight))
    deviation[np.ptp(numbers_only, axis=0) == 0.0] = 0.0
    return Predictors(names, fill, categories, centre, deviation)
