"""Leaf area of any day from values at dates: a series with its own years, or a climatology that repeats."""

import numpy as np
from numpy.typing import NDArray

LONGEST_CLIMATOLOGY = 366.5


def leaf_area_of_days(values: NDArray[np.float32], nodes: NDArray[np.float64], days: NDArray[np.datetime64]
                      ) -> NDArray[np.float32]:
    """Leaf area index (m2 m-2) [day, cell] at the middle of days by straight lines between nodes [node, cell].

    `nodes` are days of the year, 0 at the begin of 1 January, where the values are a climatology, which then repeats; else
    days since 1970. Before the first and after the last node of a series their values hold.
    """
    real = np.asarray(days, dtype="datetime64[D]")
    if nodes.size == 1:
        return np.repeat(values, real.size, axis=0)
    if nodes.max() < LONGEST_CLIMATOLOGY:
        years = real.astype("datetime64[Y]")
        begin = years.astype("datetime64[D]")
        length = ((years + 1).astype("datetime64[D]") - begin).astype(np.float64)
        wanted = ((real - begin).astype(np.float64) + 0.5) * 365.0 / length
        axis = np.concatenate([[nodes[-1] - 365.0], nodes, [nodes[0] + 365.0]])
        order = np.concatenate([[nodes.size - 1], np.arange(nodes.size), [0]])
    else:
        wanted = real.astype(np.float64) + 0.5
        axis, order = nodes, np.arange(nodes.size)
    upper = np.clip(np.searchsorted(axis, wanted, side="right"), 1, axis.size - 1)
    share = np.clip((wanted - axis[upper - 1]) / (axis[upper] - axis[upper - 1]), 0.0, 1.0).astype(np.float32)[:, None]
    low, high = values[order[upper - 1]], values[order[upper]]
    return low + share * (high - low)
