"""Sums over pairs of points by distance bin: the direct way, for scattered points and for robust estimators."""

import numpy as np

from terraflux.model.weave.kernels import kernel


@kernel
def pair_sums(x, y, z, edges, east, north, widest, bandwidth, result):  # type: ignore[no-untyped-def]
    """Per bin: number of pairs, sum of squared differences, sum of their square roots, sum of distances.

    `x`, `y` (m) and `z` are points (n); `result` (4, bins) is added to. Pairs whose direction departs from the unit vector
    (`east`, `north`) by more than `widest` (rad), or by more than `bandwidth` (m) across, do not count; inf keeps all.
    """
    bins = edges.size - 1
    for i in range(x.size - 1):
        for j in range(i + 1, x.size):
            dx = x[j] - x[i]
            dy = y[j] - y[i]
            distance = np.sqrt(dx * dx + dy * dy)
            if distance < edges[0] or distance >= edges[bins]:
                continue
            if widest < np.inf:
                across = abs(dx * north - dy * east)
                if np.arctan2(across, abs(dx * east + dy * north)) > widest or across > bandwidth:
                    continue
            k = np.searchsorted(edges, distance, side="right") - 1
            difference = abs(z[j] - z[i])
            result[0, k] += 1.0
            result[1, k] += difference * difference
            result[2, k] += np.sqrt(difference)
            result[3, k] += distance


@kernel
def pair_differences(x, y, z, edges, east, north, widest, bandwidth, place, differences):  # type: ignore[no-untyped-def]
    """Absolute differences of all pairs, sorted by bin: `place` (bins) starts at each bin's first index and is moved on."""
    bins = edges.size - 1
    for i in range(x.size - 1):
        for j in range(i + 1, x.size):
            dx = x[j] - x[i]
            dy = y[j] - y[i]
            distance = np.sqrt(dx * dx + dy * dy)
            if distance < edges[0] or distance >= edges[bins]:
                continue
            if widest < np.inf:
                across = abs(dx * north - dy * east)
                if np.arctan2(across, abs(dx * east + dy * north)) > widest or across > bandwidth:
                    continue
            k = np.searchsorted(edges, distance, side="right") - 1
            differences[place[k]] = abs(z[j] - z[i])
            place[k] += 1
