"""Which cells of a map are significant when thousands are tested (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def significant(p: ArrayLike, alpha: float = 0.05, correlated: bool = True) -> NDArray[np.bool_]:
    """True where a p of a map is significant with the false-discovery rate under control; False where p is NaN.

    Of the m ordered p, all up to the last with p_(i) <= (i / m) alpha_FDR are. With `correlated`, alpha_FDR = 2 alpha: in
    fields that are correlated in space the procedure is so strict that this gives about the global level alpha (Wilks
    2016, Bull. Amer. Meteor. Soc. 97:2263). A national p never comes from counting such cells, but from the national
    series.

    >>> significant([0.001, 0.02, 0.04, 0.6], correlated=False).tolist()
    [True, True, False, False]
    """
    values = np.asarray(p, dtype=float)
    threshold = significance_threshold(values, alpha, correlated)
    with np.errstate(invalid="ignore"):
        return np.asarray(values <= threshold)


def significance_threshold(p: ArrayLike, alpha: float = 0.05, correlated: bool = True) -> float:
    """The largest p that is significant; -1 where none is. Raises ValueError for p or alpha outside 0..1."""
    values = np.asarray(p, dtype=float).ravel()
    values = np.sort(values[np.isfinite(values)])
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; it lies between 0 and 0.5")
    if values.size and (values[0] < 0.0 or values[-1] > 1.0):
        raise ValueError(f"p values lie between 0 and 1; these reach from {values[0]:g} to {values[-1]:g}")
    limit = (2.0 * alpha if correlated else alpha) * np.arange(1, values.size + 1) / max(values.size, 1)
    passed = np.flatnonzero(values <= limit)
    return float(values[passed[-1]]) if passed.size else -1.0
