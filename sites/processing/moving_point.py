"""Moving-point test: the friction velocity above which night-time flux no longer grows (Papale et al. 2006).

Night-time NEE of one class of season and temperature is averaged in 20 classes of u*. Going up, the threshold is the mean u*
of the first class whose NEE reaches 95 % of the mean of the (up to) ten classes above it, if the next class does so too: the
forward-2 mode of Papale et al. (2006, Biogeosciences 3:571) as ONEFlux (Pastorello et al. 2020, Sci. Data 7:225) and REddyProc
(Wutzler et al. 2018, Biogeosciences 15:5015) use it. A class that starts above 0.2 m s-1 cannot show a threshold.
"""

import numpy as np
from numpy.typing import NDArray

USTAR_CLASSES = 20
PLATEAU_CLASSES = 10
LEAST_PLATEAU = 3  # classes above the candidate, fewer say nothing about a plateau
PLATEAU_SHARE = 0.95
HIGHEST_FIRST_CLASS = 0.2  # m s-1

Floats = NDArray[np.float64]


def class_edges(ordered: Floats, classes: int) -> NDArray[np.int64]:
    """Edges of classes of at least n // classes values, equal values never parted; `ordered` ascending, shape (n,).

    The last class may hold fewer. Returns indices from 0 to n.
    """
    size = ordered.size
    least = max(1, size // classes)
    edges = [0]
    while edges[-1] < size:
        end = edges[-1] + least
        if end < size:
            end = int(np.searchsorted(ordered, ordered[end - 1], side="right"))
        edges.append(min(end, size))
    return np.array(edges, dtype=np.int64)


def class_means(ustar: Floats, flux: Floats, classes: int) -> tuple[Floats, Floats]:
    """Mean u* and mean flux of `classes` classes of u*, ascending."""
    order = np.argsort(ustar, kind="stable")
    ordered, carried = ustar[order], flux[order]
    edges = class_edges(ordered, classes)
    counts = np.diff(edges)
    return np.add.reduceat(ordered, edges[:-1]) / counts, np.add.reduceat(carried, edges[:-1]) / counts


def plateau_start(flux: Floats) -> int | None:
    """First index whose flux and the next one reach the plateau above them, or None; `flux` ascending in u*."""
    above = np.concatenate((np.cumsum(flux[::-1])[::-1], [0.0]))
    size = flux.size
    starts = np.arange(size - 1)
    ends = np.minimum(starts + 1 + PLATEAU_CLASSES, size)
    plateau = (above[starts + 1] - above[ends]) / (ends - starts - 1)
    reached = flux[:-1] >= PLATEAU_SHARE * plateau
    for index in range(size - LEAST_PLATEAU):
        if reached[index] and reached[index + 1]:
            return index
    return None


def moving_point(ustar: Floats, flux: Floats) -> tuple[float, str]:
    """(threshold in m s-1, reason) of one class; the threshold is NaN unless the reason is "found".

    `ustar` m s-1 and night-time `flux` (NEE, umol m-2 s-1), shape (n,), no NaN. Reasons: "starts_turbulent" the lowest u*
    class lies above 0.2 m s-1, "no_plateau".
    """
    mean_ustar, mean_flux = class_means(ustar, flux, USTAR_CLASSES)
    if mean_ustar[0] > HIGHEST_FIRST_CLASS:
        return float("nan"), "starts_turbulent"
    start = plateau_start(mean_flux)
    if start is None:
        return float("nan"), "no_plateau"
    return float(mean_ustar[start]), "found"
