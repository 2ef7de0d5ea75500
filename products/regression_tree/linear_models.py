"""Linear models of the nodes: least squares from cross products, terms removed while the estimated error falls.

The error a model will make on rows it has not seen is the root mean square of its residuals times (n + v)/(n - v), with n
rows and v coefficients (Quinlan 1992, who takes the mean absolute residual). The mean square needs only the cross products of a
node, and these of a parent follow from its children (Chan et al. 1979), so that a whole tree costs one pass over the rows.
"""

from typing import Any

import numpy as np
from numba import njit

COLLINEAR = 1e-9
"""Share of an attribute's own variance that others must leave unexplained for it to enter a model."""
EXACT = 1e-12
"""Share of the squares of the target that rounding leaves of an exact fit: residuals below it are taken as equal to it."""
TIE = 1e-9
"""Relative difference below which two errors are equal, so that rounding does not choose between them."""
CONSTANT = 1e-14
"""Variance within a node, in units of the variance over all rows, below which an attribute is constant there."""


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def cross_products(rows: Any, x: Any, centre: Any, scale: Any, y: Any, weight: Any, mean: Any, products: Any) -> float:
    """Fills `mean` [d + 1] and centred `products` [d + 1, d + 1] of the scaled attributes and y; returns the sum of weights."""
    d = centre.size
    mean[:] = 0.0
    products[:, :] = 0.0
    total = 0.0
    for row in rows:
        total += weight[row]
        for j in range(d):
            mean[j] += weight[row] * (x[row, j] - centre[j]) * scale[j]
        mean[d] += weight[row] * y[row]
    for j in range(d + 1):
        mean[j] /= total
    values = np.empty(d + 1)
    for row in rows:
        for j in range(d):
            values[j] = (x[row, j] - centre[j]) * scale[j] - mean[j]
        values[d] = y[row] - mean[d]
        for i in range(d + 1):
            weighted = weight[row] * values[i]
            for j in range(i + 1):
                products[i, j] += weighted * values[j]
    for i in range(d + 1):
        for j in range(i):
            products[j, i] = products[i, j]
    return total


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def merge_products(total: float, mean: Any, products: Any, other_total: float, other_mean: Any, other_products: Any) -> float:
    """Adds the second set of rows to the first, in place; returns the sum of weights of both."""
    both = total + other_total
    factor = total * other_total / both
    size = mean.size
    for i in range(size):
        for j in range(size):
            products[i, j] += other_products[i, j] + factor * (other_mean[i] - mean[i]) * (other_mean[j] - mean[j])
    for i in range(size):
        mean[i] += (other_mean[i] - mean[i]) * other_total / both
    return both


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def error_factor(total: float, coefficients: float) -> float:
    """(n + v)/(n - v) of n rows and v coefficients; infinite where there are not more rows than coefficients."""
    return (total + coefficients) / (total - coefficients) if total > coefficients else np.inf


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _sweep(a: Any, k: int) -> None:
    """Brings term k into the model, or takes it out again (Goodnight 1979, A tutorial on the SWEEP operator)."""
    pivot = a[k, k]
    size = a.shape[0]
    for j in range(size):
        a[k, j] /= pivot
    for i in range(size):
        if i != k:
            factor = a[i, k]
            for j in range(size):
                a[i, j] -= factor * a[k, j]
            a[i, k] = -factor / pivot
    a[k, k] = 1.0 / pivot


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def node_model(total: float, mean: Any, products: Any, allowed: Any, coefficients: Any) -> tuple[float, int, float]:
    """Least squares on the allowed attributes with backward removal.

    Fills `coefficients` [d + 1], the last being the intercept, for attributes scaled as in `cross_products`.
    Returns the sum of squared residuals, the number of coefficients with the intercept, and the estimated error
    as (root mean square residual x (n + v)/(n - v))^2 n.
    """
    d = mean.size - 1
    names = np.empty(d, np.int64)
    size = 0
    for j in range(d):
        if allowed[j] and products[j, j] > CONSTANT * total:
            names[size] = j
            size += 1
    a = np.empty((size + 1, size + 1))
    for i in range(size + 1):
        for j in range(size + 1):
            a[i, j] = products[names[i] if i < size else d, names[j] if j < size else d]
    own = np.empty(size)
    inside = np.zeros(size, np.bool_)
    terms = 0
    for k in range(size):
        own[k] = a[k, k]
    for k in range(size):
        if a[k, k] > COLLINEAR * own[k]:
            _sweep(a, k)
            inside[k] = True
            terms += 1
    least = EXACT * products[d, d]
    error = max(a[size, size], least) * error_factor(total, terms + 1.0) ** 2
    while terms > 0:
        weakest = -1
        loss = np.inf
        for k in range(size):
            if inside[k]:
                worth = a[k, size] ** 2 / a[k, k]
                if weakest < 0 or worth < loss * (1.0 - TIE):
                    loss = worth
                    weakest = k
        without = max(a[size, size] + loss, least) * error_factor(total, float(terms)) ** 2
        if without > error * (1.0 + TIE):
            break
        _sweep(a, weakest)
        inside[weakest] = False
        terms -= 1
        error = without
    coefficients[:] = 0.0
    intercept = mean[d]
    for k in range(size):
        if inside[k]:
            coefficients[names[k]] = a[k, size]
            intercept -= a[k, size] * mean[names[k]]
    coefficients[d] = intercept
    return max(a[size, size], least), terms + 1, error
