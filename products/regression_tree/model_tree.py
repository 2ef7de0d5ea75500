"""From a grown tree to linear models at its leaves: pruning, a limit on leaves, smoothing (Quinlan 1992; Wang & Witten 1997).

From the leaves up, a node takes the place of its subtree where its own linear model is expected to err no more. Smoothing
then blends the prediction of a leaf with those of all nodes above it,

    p' = (n p + k q) / (n + k)

with p the prediction from below, n the rows it rests on, q the prediction of the node and k = 15. As all are linear in the
attributes, the blend is one linear model again.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.products.regression_tree.growth import LEAF, Tree
from terraflux.products.regression_tree.linear_models import TIE, cross_products, error_factor, merge_products, node_model

ATTRIBUTES = {"below": 0, "path": 1, "all": 2}
"""Attributes a node's model may use: those tested below it (Quinlan), also those tested above it, or all."""


class LeafModels(NamedTuple):
    """Linear models of the leaves that are left: y = intercept + sum coefficients x."""

    leaf: NDArray[np.int64]
    """Node of the tree, [leaf]."""
    attribute: NDArray[np.int64]
    """Attribute each node of the pruned tree splits, -1 at leaves, [node]."""
    intercept: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    """[leaf, attribute]."""


def leaf_models(tree: Tree, x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64],
                centre: NDArray[np.float64], deviation: NDArray[np.float64], *, attributes: str = "path",
                smoothing: float = 15.0, maximum_leaves: int = 100, split_cost: float = 3.0) -> LeafModels:
    """Prunes a tree and gives the smoothed models of its leaves.

    `centre` and `deviation` [attribute] are mean and standard deviation of the rows, used to scale the algebra.
    At most `maximum_leaves` stay: nodes whose loss raises the estimated error least are closed first.
    """
    scale = 1.0 / np.where(deviation > 0.0, deviation, 1.0)
    which = ATTRIBUTES[attributes]
    models, attribute, total = _prune(*tree, x, y, weight, centre, scale, which, maximum_leaves, float(split_cost))
    leaf = _open_leaves(attribute, tree.left, tree.right)
    scaled = _smoothed(leaf, tree.parent, models, total, float(smoothing))
    coefficients = scaled[:, :-1] * scale
    return LeafModels(leaf, attribute, scaled[:, -1] - coefficients @ centre, coefficients)


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _upward(left: Any, right: Any) -> Any:
    """Nodes so that both children come right before, in some order, their parent: a stack serves them."""
    order = np.empty(left.size, np.int64)
    waiting = [0]
    place = left.size
    while len(waiting) > 0:
        node = waiting.pop()
        place -= 1
        order[place] = node
        if left[node] >= 0:
            waiting.append(left[node])
            waiting.append(right[node])
    return order


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _deepest(parent: Any) -> int:
    depth = np.zeros(parent.size, np.int64)
    for node in range(1, parent.size):
        depth[node] = depth[parent[node]] + 1
    return depth.max()


@kernel
def _prune(attribute: Any, threshold: Any, left: Any, right: Any, parent: Any, start: Any, end: Any, rows: Any, x: Any, y: Any,
           weight: Any, centre: Any, scale: Any, which: int, maximum_leaves: int,
           split_cost: float) -> Any:
    nodes = attribute.size
    d = centre.size
    attribute = attribute.copy()
    models = np.zeros((nodes, d + 1))
    used = np.zeros((nodes, d), np.bool_)
    totals = np.zeros(nodes)
    own = np.zeros(nodes)
    error = np.zeros(nodes)
    square = np.zeros(nodes)
    freedom = np.zeros(nodes)
    allowed = np.zeros(d, np.bool_)
    room = _deepest(parent) + 3
    stack_total = np.zeros(room)
    stack_mean = np.zeros((room, d + 1))
    stack_products = np.zeros((room, d + 1, d + 1))
    top = 0
    for node in _upward(left, right):
        if left[node] < 0:
            chosen = rows[start[node]:end[node]]
            stack_total[top] = cross_products(chosen, x, centre, scale, y, weight, stack_mean[top], stack_products[top])
            top += 1
        else:
            top -= 1
            stack_total[top - 1] = merge_products(stack_total[top - 1], stack_mean[top - 1], stack_products[top - 1],
                                                  stack_total[top], stack_mean[top], stack_products[top])
        if left[node] >= 0:
            used[node, attribute[node]] = True
            for child in (left[node], right[node]):
                for j in range(d):
                    used[node, j] |= used[child, j]
        for j in range(d):
            allowed[j] = which == 2 or used[node, j]
        if which == 1:
            above = parent[node]
            while above >= 0:
                allowed[attribute[above]] = True
                above = parent[above]
        totals[node] = stack_total[top - 1]
        square[node], terms, own[node] = node_model(totals[node], stack_mean[top - 1], stack_products[top - 1], allowed,
                                                    models[node])
        freedom[node] = terms
        error[node] = own[node]
        if left[node] >= 0:
            free = freedom[left[node]] + freedom[right[node]] + split_cost
            sub = square[left[node]] + square[right[node]]
            below = sub * error_factor(totals[node], free) ** 2
            if own[node] <= below * (1.0 + TIE) or not np.isfinite(below):
                attribute[node] = LEAF
                used[node, :] = False
            else:
                error[node] = below
                square[node] = sub
                freedom[node] = free
        for j in range(d):
            used[node, j] |= models[node, j] != 0.0
    _close_weakest(attribute, left, right, parent, own, error, maximum_leaves)
    return models, attribute, totals


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _close_weakest(attribute: Any, left: Any, right: Any, parent: Any, own: Any, error: Any, maximum_leaves: int) -> None:
    """Closes nodes until `maximum_leaves` are left, that which adds least error per leaf given up first."""
    nodes = attribute.size
    leaves = np.ones(nodes, np.int64)
    price = np.full(nodes, np.inf)
    for node in range(nodes - 1, -1, -1):
        if attribute[node] != LEAF:
            leaves[node] = leaves[left[node]] + leaves[right[node]]
            price[node] = (own[node] - error[node]) / (leaves[node] - 1)
    hidden = np.zeros(nodes, np.bool_)
    for node in range(nodes):
        above = parent[node]
        hidden[node] = above >= 0 and (hidden[above] or attribute[above] == LEAF)
        if hidden[node]:
            price[node] = np.inf
    while leaves[0] > maximum_leaves:
        node = int(np.argmin(price))
        attribute[node] = LEAF
        lost = leaves[node] - 1
        added = own[node] - error[node]
        waiting = [node]
        while len(waiting) > 0:
            below = waiting.pop()
            price[below] = np.inf
            if left[below] >= 0:
                waiting.append(left[below])
                waiting.append(right[below])
        while node >= 0:
            leaves[node] -= lost
            error[node] += added
            if attribute[node] != LEAF:
                price[node] = (own[node] - error[node]) / (leaves[node] - 1)
            node = parent[node]


@kernel
def _open_leaves(attribute: Any, left: Any, right: Any) -> Any:
    """Leaves of a pruned tree from left to right."""
    found = []
    waiting = [0]
    while len(waiting) > 0:
        node = waiting.pop()
        if attribute[node] == LEAF:
            found.append(node)
        else:
            waiting.append(right[node])
            waiting.append(left[node])
    return np.array(found)


@kernel
def _smoothed(leaf: Any, parent: Any, models: Any, total: Any, smoothing: float) -> Any:
    """Models of leaves blended with those of the nodes above."""
    blended = np.empty((leaf.size, models.shape[1]))
    for place in range(leaf.size):
        node = leaf[place]
        blended[place] = models[node]
        while parent[node] >= 0:
            rows = total[node]
            node = parent[node]
            blended[place] = (rows * blended[place] + smoothing * models[node]) / (rows + smoothing)
    return blended
