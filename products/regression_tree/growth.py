"""Growth of a regression tree whose leaves will hold linear models.

Every threshold of every attribute is tried, by one of two criteria:

- `deviation`: the largest reduction of standard deviation, SDR = sd(T) - sum_i |T_i| / |T| sd(T_i), of M5 (Quinlan 1992,
  Learning with continuous classes). It splits also where a linear model would do.
- `slope`: a linear model of the node is taken off first; the split is sought after which one line on either side, in
  whichever attribute, explains most of the residuals. Straight relations cause no splits, bends are cut at the bend, and
  a slope that depends on another attribute is seen. (In the spirit of GUIDE, Loh 2002 Statistica Sinica 12:361, and of
  PILOT, Raymaekers et al. 2024 Machine Learning 113.)

Attributes are sorted once; a split divides each sorted list into two that are sorted again. Numbers of rows are sums of
weights, so that weight 2 equals a row given twice.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.products.regression_tree.linear_models import COLLINEAR, EXACT, TIE, cross_products, node_model

LEAF = -1
PLACES = 64
"""Thresholds of an attribute that the criterion `slope` tries at a node."""
CRITERIA = ("slope", "deviation")


class Tree(NamedTuple):
    """A grown tree: one entry per node, children after their parent, node 0 the root."""

    attribute: NDArray[np.int64]
    """Attribute a node splits; -1 at a leaf."""
    threshold: NDArray[np.float64]
    """Rows with attribute <= threshold go left."""
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    parent: NDArray[np.int64]
    """-1 at the root."""
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    """Rows of a node are `rows[start:end]`."""
    rows: NDArray[np.int64]


def sorted_rows(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of `x` [row, attribute] in ascending order of every attribute, [attribute, row]; equal values keep their order."""
    return np.ascontiguousarray(np.argsort(x, axis=0, kind="stable").T)


def grown_tree(x: NDArray[np.float64], order: NDArray[np.int64], y: NDArray[np.float64], weight: NDArray[np.float64],
               centre: NDArray[np.float64], deviation: NDArray[np.float64], *, criterion: str = "slope",
               minimum_leaf: float = 20.0, minimum_spread: float = 0.05) -> Tree:
    """Tree of rows `x` [row, attribute] and targets `y`.

    `order` comes from `sorted_rows`, `centre` and `deviation` are mean and standard deviation of every attribute. No child
    weighs less than `minimum_leaf`; a node with a standard deviation below `minimum_spread` times that of all rows is not
    split (Quinlan: 0.05).
    """
    scale = 1.0 / np.where(deviation > 0.0, deviation, 1.0)
    return Tree(*_grow(x, order.copy(), y, weight, centre, scale, criterion == "slope", float(minimum_leaf),
                       float(minimum_spread)))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _moments(rows: Any, y: Any, weight: Any) -> tuple[float, float, float]:
    total = 0.0
    first = 0.0
    for row in rows:
        total += weight[row]
        first += weight[row] * y[row]
    mean = first / total
    second = 0.0
    for row in rows:
        second += weight[row] * (y[row] - mean) ** 2
    return total, mean, np.sqrt(second / total)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _best_split(x: Any, order: Any, start: int, end: int, y: Any, weight: Any, minimum_leaf: float,
                total: float, mean: float) -> tuple[int, float]:
    """Attribute and threshold with the smallest sum of |T_i| sd(T_i); -1 if no split is allowed."""
    best_attribute = -1
    best_threshold = 0.0
    best = np.inf
    all_first = 0.0
    all_second = 0.0
    for row in order[0, start:end]:
        deviation = y[row] - mean
        all_first += weight[row] * deviation
        all_second += weight[row] * deviation * deviation
    whole = np.sqrt(total * all_second)
    for attribute in range(order.shape[0]):
        rows = order[attribute, start:end]
        if x[rows[0], attribute] == x[rows[-1], attribute]:
            continue
        left = 0.0
        first = 0.0
        second = 0.0
        upper = x[rows[0], attribute]
        for place in range(rows.size - 1):
            row = rows[place]
            value = upper
            deviation = y[row] - mean
            left += weight[row]
            first += weight[row] * deviation
            second += weight[row] * deviation * deviation
            upper = x[rows[place + 1], attribute]
            right = total - left
            if value == upper or left < minimum_leaf or right < minimum_leaf:
                continue
            other = all_first - first
            left_square = max(left * second - first * first, 0.0)
            right_square = max(right * (all_second - second) - other * other, 0.0)
            left_square = left_square if left_square > EXACT * left * all_second else 0.0
            right_square = right_square if right_square > EXACT * right * all_second else 0.0
            spread = np.sqrt(left_square) + np.sqrt(right_square)
            if best_attribute < 0 or spread < best - TIE * whole:
                best = spread
                best_attribute = attribute
                middle = 0.5 * value + 0.5 * upper
                best_threshold = middle if value <= middle < upper else value
    if best >= whole:
        return -1, 0.0
    return best_attribute, best_threshold


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _best_line(weight: float, z: Any, zz: Any, r: float, zr: Any) -> float:
    """Squares explained by the mean and a line in that attribute whose line explains most."""
    most = 0.0
    for k in range(z.size):
        spread = zz[k] - z[k] * z[k] / weight
        slope = zr[k] - z[k] * r / weight
        if spread > COLLINEAR * zz[k] and slope * slope > most * spread:
            most = slope * slope / spread
    return r * r / weight + most


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _best_bend(z: Any, x: Any, order: Any, start: int, end: int, residual: Any, weight: Any, mean: Any,
               minimum_leaf: float, total: float) -> tuple[int, float]:
    """Attribute and threshold after which lines explain most squares of `residual` [row]; -1 if no split is allowed.

    Up to `PLACES` thresholds of an attribute are tried, evenly spaced in rows. `z` are scaled attributes, `mean` theirs.
    """
    d = order.shape[0]
    all_z, all_zz, all_zr = np.zeros(d), np.zeros(d), np.zeros(d)
    all_r = 0.0
    for row in order[0, start:end]:
        all_r += weight[row] * residual[row]
        for k in range(d):
            value = weight[row] * (z[row, k] - mean[k])
            all_z[k] += value
            all_zz[k] += value * (z[row, k] - mean[k])
            all_zr[k] += value * residual[row]
    left_z, left_zz, left_zr = np.zeros(d), np.zeros(d), np.zeros(d)
    step = total / PLACES
    best_attribute = -1
    best_threshold = 0.0
    best = 0.0
    for attribute in range(d):
        rows = order[attribute, start:end]
        if x[rows[0], attribute] == x[rows[-1], attribute]:
            continue
        left, left_r = 0.0, 0.0
        left_z[:], left_zz[:], left_zr[:] = 0.0, 0.0, 0.0
        tried = minimum_leaf - step
        for place in range(rows.size - 1):
            row = rows[place]
            left += weight[row]
            left_r += weight[row] * residual[row]
            for k in range(d):
                deviation = z[row, k] - mean[k]
                value = weight[row] * deviation
                left_z[k] += value
                left_zz[k] += value * deviation
                left_zr[k] += value * residual[row]
            value = x[row, attribute]
            upper = x[rows[place + 1], attribute]
            if value == upper or left < minimum_leaf or total - left < minimum_leaf or left < tried + step:
                continue
            tried = left
            explained = _best_line(left, left_z, left_zz, left_r, left_zr) + _best_line(
                total - left, all_z - left_z, all_zz - left_zz, all_r - left_r, all_zr - left_zr)
            if explained > best * (1.0 + TIE):
                best = explained
                best_attribute = attribute
                half = 0.5 * value + 0.5 * upper
                best_threshold = half if value <= half < upper else value
    return best_attribute, best_threshold


@kernel
def _grow(x: Any, order: Any, y: Any, weight: Any, centre: Any, scale: Any, on_residuals: bool, minimum_leaf: float,
          minimum_spread: float) -> Any:
    d = order.shape[0]
    averages = np.zeros(d + 1)
    products = np.zeros((d + 1, d + 1))
    coefficients = np.zeros(d + 1)
    every = np.ones(d, np.bool_)
    residual = np.zeros(y.size)
    z = (x - centre) * scale
    count = order.shape[1]
    room = 2 * count + 1
    attribute = np.full(room, LEAF)
    threshold = np.zeros(room)
    left = np.full(room, -1)
    right = np.full(room, -1)
    parent = np.full(room, -1)
    start = np.zeros(room, np.int64)
    end = np.zeros(room, np.int64)
    end[0] = count
    goes_left = np.zeros(count, np.bool_)
    buffer = np.empty(count, np.int64)
    waiting = [0]
    nodes = 1
    least = 0.0
    while len(waiting) > 0:
        node = waiting.pop()
        begin = start[node]
        stop = end[node]
        total, mean, deviation = _moments(order[0, begin:stop], y, weight)
        if node == 0:
            least = max(minimum_spread * deviation, 1e-12 * abs(mean))
        if total < 2.0 * minimum_leaf or stop - begin < 2 or deviation <= least:
            continue
        if on_residuals:
            cross_products(order[0, begin:stop], x, centre, scale, y, weight, averages, products)
            left_over, _, _ = node_model(total, averages, products, every, coefficients)
            if left_over <= EXACT * products[d, d]:
                continue
            for row in order[0, begin:stop]:
                residual[row] = y[row] - coefficients[d]
                for j in range(d):
                    if coefficients[j] != 0.0:
                        residual[row] -= coefficients[j] * z[row, j]
            chosen, limit = _best_bend(z, x, order, begin, stop, residual, weight, averages, minimum_leaf, total)
        else:
            chosen, limit = _best_split(x, order, begin, stop, y, weight, minimum_leaf, total, mean)
        if chosen < 0:
            continue
        middle = begin
        for row in order[0, begin:stop]:
            goes_left[row] = x[row, chosen] <= limit
            middle += goes_left[row]
        for each in range(order.shape[0]):
            to = begin
            kept = 0
            for place in range(begin, stop):
                row = order[each, place]
                if goes_left[row]:
                    order[each, to] = row
                    to += 1
                else:
                    buffer[kept] = row
                    kept += 1
            order[each, to:stop] = buffer[:kept]
        attribute[node] = chosen
        threshold[node] = limit
        left[node] = nodes
        right[node] = nodes + 1
        for child in (nodes, nodes + 1):
            parent[child] = node
        start[nodes] = begin
        end[nodes] = middle
        start[nodes + 1] = middle
        end[nodes + 1] = stop
        waiting.append(nodes + 1)
        waiting.append(nodes)
        nodes += 2
    return (attribute[:nodes].copy(), threshold[:nodes].copy(), left[:nodes].copy(), right[:nodes].copy(),
            parent[:nodes].copy(), start[:nodes].copy(), end[:nodes].copy(), order[0].copy())
