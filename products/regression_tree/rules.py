"""Rules: conditions on attributes and a linear model each, made from the paths of a model tree and simplified.

A condition is dropped while the expected error of the rule's model, root mean square residual x (n + v)/(n - v) over the
rows the rule then covers, does not grow; v counts the coefficients. Rules may overlap: the prediction is the mean of
those that cover a row. Since conditions are only dropped, every row is covered. Attributes that enter a model, and its value,
are clamped to what the rule has seen, widened by a share of the range over all rows.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.products.regression_tree.growth import Tree
from terraflux.products.regression_tree.linear_models import EXACT, TIE, error_factor
from terraflux.products.regression_tree.model_tree import LeafModels

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RuleSet:
    """Rules of one committee member; a rule covers a row where lower < x <= upper for every attribute."""

    lower: Array
    """[rule, attribute]; -inf where there is no condition."""
    upper: Array
    """[rule, attribute]; inf where there is no condition."""
    intercept: Array
    """[rule], unit of the target."""
    coefficients: Array
    """[rule, attribute], unit of the target per unit of the attribute."""
    lowest: Array
    """[rule] Smallest value a rule may predict."""
    highest: Array
    """[rule] Largest value a rule may predict."""
    least: Array
    """[rule, attribute] Smallest value of an attribute that enters the linear model; one below counts as this."""
    most: Array
    """[rule, attribute] Largest value of an attribute that enters the linear model."""
    rows: Array
    """[rule] Weight of the training rows covered."""
    mean: Array
    """[rule] Mean target of these."""
    error: Array
    """[rule] Root mean square residual of these."""

    def predict(self, x: Array) -> Array:
        """Prediction [row] for C-contiguous `x` [row, attribute] without NaN."""
        lists = _conditions(self.lower, self.upper)
        terms = _terms(self.coefficients)
        given = self.coefficients != 0.0
        return np.asarray(_predict(x, *lists, self.intercept, *terms, self.least[given], self.most[given], self.lowest,
                                   self.highest))

    def __len__(self) -> int:
        return self.intercept.size


def _conditions(lower: Array, upper: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]:
    """Conditions as lists: where those of each rule begin, their attribute, lower and upper limit."""
    given = np.isfinite(lower) | np.isfinite(upper)
    begin = np.concatenate([[0], np.cumsum(given.sum(axis=1))])
    return begin, np.nonzero(given)[1], lower[given], upper[given]


def _terms(coefficients: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    given = coefficients != 0.0
    return np.concatenate([[0], np.cumsum(given.sum(axis=1))]), np.nonzero(given)[1], coefficients[given]


@kernel
def _predict(x: Any, begin: Any, attribute: Any, lower: Any, upper: Any, intercept: Any, term_begin: Any, term_attribute: Any,
             coefficient: Any, least: Any, most: Any, lowest: Any, highest: Any) -> Any:
    prediction = np.empty(x.shape[0])
    for row in range(x.shape[0]):
        total = 0.0
        covering = 0
        for rule in range(intercept.size):
            covers = True
            for place in range(begin[rule], begin[rule + 1]):
                value = x[row, attribute[place]]
                if value <= lower[place] or value > upper[place]:
                    covers = False
                    break
            if covers:
                value = intercept[rule]
                for place in range(term_begin[rule], term_begin[rule + 1]):
                    inside = min(max(x[row, term_attribute[place]], least[place]), most[place])
                    value += coefficient[place] * inside
                total += min(max(value, lowest[rule]), highest[rule])
                covering += 1
        prediction[row] = total / covering
    return prediction


def rules_of(tree: Tree, leaves: LeafModels, x: Array, y: Array, weight: Array, extrapolation: float) -> RuleSet:
    """Simplified rules of a pruned tree; each may go beyond its own targets by `extrapolation` times the range of `y`."""
    lower, upper = _paths(tree.threshold, tree.left, tree.parent, leaves.attribute, leaves.leaf, x.shape[1])
    rows, mean, error, least, most = _simplified(x, y, weight, lower, upper, leaves.intercept, leaves.coefficients)
    margin = extrapolation * (y.max() - y.min())
    first, last = _attribute_ranges(x, lower, upper)
    room = extrapolation * np.ptp(x, axis=0)
    return RuleSet(lower, upper, leaves.intercept, leaves.coefficients, least - margin, most + margin, first - room,
                   last + room, rows, mean, error)


@kernel
def _attribute_ranges(x: Any, lower: Any, upper: Any) -> Any:
    """Least and largest value of every attribute among the rows a rule covers, [rule, attribute]."""
    least = np.full(lower.shape, np.inf)
    most = np.full(lower.shape, -np.inf)
    for rule in range(lower.shape[0]):
        for row in range(x.shape[0]):
            covers = True
            for j in range(x.shape[1]):
                if x[row, j] <= lower[rule, j] or x[row, j] > upper[rule, j]:
                    covers = False
                    break
            if covers:
                for j in range(x.shape[1]):
                    least[rule, j] = min(least[rule, j], x[row, j])
                    most[rule, j] = max(most[rule, j], x[row, j])
    return least, most


@kernel
def _paths(threshold: Any, left: Any, parent: Any, attribute: Any, leaf: Any, d: int) -> Any:
    lower = np.full((leaf.size, d), -np.inf)
    upper = np.full((leaf.size, d), np.inf)
    for rule in range(leaf.size):
        node = leaf[rule]
        while parent[node] >= 0:
            above = parent[node]
            j = attribute[above]
            if left[above] == node:
                upper[rule, j] = min(upper[rule, j], threshold[above])
            else:
                lower[rule, j] = max(lower[rule, j], threshold[above])
            node = above
    return lower, upper


@kernel
def _simplified(x: Any, y: Any, weight: Any, lower: Any, upper: Any, intercept: Any, coefficients: Any) -> Any:
    """Drops conditions in `lower` and `upper`; returns weight, mean target, error, least and largest target per rule."""
    count = intercept.size
    d = x.shape[1]
    rows = np.zeros(count)
    mean = np.zeros(count)
    error = np.zeros(count)
    least = np.zeros(count)
    most = np.zeros(count)
    names = np.empty(2 * d, np.int64)
    limits = np.empty(2 * d)
    gained = np.empty(2 * d)
    gained_square = np.empty(2 * d)
    terms = np.empty(d, np.int64)
    floor = EXACT * ((y - y.mean()) ** 2).mean()
    for rule in range(count):
        size = 0
        for j in range(d):
            if coefficients[rule, j] != 0.0:
                terms[size] = j
                size += 1
        while True:
            conditions = 0
            for j in range(d):
                if lower[rule, j] > -np.inf:
                    names[conditions] = -j - 1
                    limits[conditions] = lower[rule, j]
                    conditions += 1
                if upper[rule, j] < np.inf:
                    names[conditions] = j
                    limits[conditions] = upper[rule, j]
                    conditions += 1
            covered = 0.0
            square = 0.0
            first = 0.0
            least[rule] = np.inf
            most[rule] = -np.inf
            gained[:conditions] = 0.0
            gained_square[:conditions] = 0.0
            for row in range(x.shape[0]):
                failed = -1
                more = False
                for k in range(conditions):
                    j = names[k]
                    holds = x[row, j] <= limits[k] if j >= 0 else x[row, -j - 1] > limits[k]
                    if not holds:
                        if failed >= 0:
                            more = True
                            break
                        failed = k
                if more:
                    continue
                residual = y[row] - intercept[rule]
                for k in range(size):
                    residual -= coefficients[rule, terms[k]] * x[row, terms[k]]
                residual *= residual * weight[row]
                if failed >= 0:
                    gained[failed] += weight[row]
                    gained_square[failed] += residual
                else:
                    covered += weight[row]
                    square += residual
                    first += weight[row] * y[row]
                    least[rule] = min(least[rule], y[row])
                    most[rule] = max(most[rule], y[row])
            rows[rule] = covered
            mean[rule] = first / covered
            error[rule] = np.sqrt(square / covered)
            expected = max(error[rule], np.sqrt(floor)) * error_factor(covered, size + 1.0)
            best = -1
            for k in range(conditions):
                more_rows = covered + gained[k]
                without = np.sqrt(max((square + gained_square[k]) / more_rows, floor))
                without *= error_factor(more_rows, size + 1.0)
                if without <= expected * (1.0 + TIE):
                    expected = without
                    best = k
            if best < 0:
                break
            j = names[best]
            if j >= 0:
                upper[rule, j] = np.inf
            else:
                lower[rule, -j - 1] = -np.inf
    return rows, mean, error, least, most


def used_attributes(rules: RuleSet) -> tuple[Array, Array]:
    """Share of rows [attribute] whose rules test an attribute, and share whose models contain it."""
    share = rules.rows / rules.rows.sum()
    tested = np.isfinite(rules.lower) | np.isfinite(rules.upper)
    return share @ tested, share @ (rules.coefficients != 0.0)


def widened(rules: RuleSet, columns: NDArray[np.int64], count: int) -> RuleSet:
    """Rules over some `columns` as rules over all `count` attributes."""
    absent = {"lower": -np.inf, "upper": np.inf, "coefficients": 0.0, "least": 0.0, "most": 0.0}
    parts = {}
    for name, value in absent.items():
        parts[name] = np.full((len(rules), count), value)
        parts[name][:, columns] = getattr(rules, name)
    return replace(rules, **parts)
