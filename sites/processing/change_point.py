"""Change-point detection: the u* where night-time flux stops growing with u* (Barr et al. 2013).

The flux of a class, averaged in up to 50 classes of u* of at least five rows, is fitted by a line that turns level at u_c,

    F = a + b min(u*, u_c),

the operational two-parameter model of Barr et al. (2013, Agric. For. Meteorol. 171-172:31). Every inner class is tried as u_c;
the least squares one is kept where the line beats a constant flux at 95 % (the largest F of all trials) and b > 0.

The critical F is our own table: 100,000 series of normal noise without change per length, equally spaced u*, the same trials,
F = (S0 - S) / (S / (n - 3)) with S0 and S the sums of squares about the constant and the broken line. It agrees in kind with
the published idea (a maximum over trials needs a higher bar than one F test), not with its printed table, whose F is defined
otherwise.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.processing.moving_point import class_means

MOST_CLASSES = 50
ROWS_PER_CLASS = 5
LEAST_CLASSES = 10
EDGE = 2  # classes at either end that cannot be the change point

TABLE_LENGTH = np.array([10.0, 15.0, 20.0, 30.0, 40.0, 50.0])
TABLE_F_95 = np.array([7.02, 6.69, 6.54, 6.48, 6.50, 6.47])

Floats = NDArray[np.float64]


def broken_line(ustar: Floats, flux: Floats) -> tuple[float, float, float]:
    """(u_c, slope b, largest F) of the best broken line through class means; ascending `ustar`, both shape (n >= 6,)."""
    size = ustar.size
    trials = ustar[EDGE : size - EDGE]
    reduced = np.minimum(ustar[None, :], trials[:, None])
    reduced = reduced - reduced.mean(axis=1, keepdims=True)
    centred = flux - flux.mean()
    total = float(centred @ centred)
    squares = np.einsum("ij,ij->i", reduced, reduced)
    product = reduced @ centred
    explained = np.divide(product**2, squares, out=np.zeros_like(squares), where=squares > 0.0)
    best = int(np.argmax(explained))
    remaining = max(total - float(explained[best]), 0.0)
    ratio = float(explained[best]) * (size - 3) / remaining if remaining > 0.0 else float("inf")
    slope = float(product[best] / squares[best]) if squares[best] > 0.0 else 0.0
    return float(trials[best]), slope, ratio if total > 0.0 else 0.0


def change_point(ustar: Floats, flux: Floats) -> tuple[float, str]:
    """(threshold in m s-1, reason) of one class; the threshold is NaN unless the reason is "found".

    `ustar` m s-1 and night-time `flux` (NEE, umol m-2 s-1), shape (n,), no NaN. Reasons: "few_rows" too few u* classes,
    "not_significant" a constant flux does as well, "falls_with_ustar" the flux falls where it should rise.
    """
    mean_ustar, mean_flux = class_means(ustar, flux, max(1, min(MOST_CLASSES, ustar.size // ROWS_PER_CLASS)))
    if mean_ustar.size < LEAST_CLASSES:
        return float("nan"), "few_rows"
    place, slope, ratio = broken_line(mean_ustar, mean_flux)
    if ratio < np.interp(mean_ustar.size, TABLE_LENGTH, TABLE_F_95):
        return float("nan"), "not_significant"
    if slope <= 0.0:
        return float("nan"), "falls_with_ustar"
    return place, "found"
