"""Night: which rows are dark. Alternatives by short name in `NIGHT_RULES`.

- "radiation": measured incoming short-wave below a threshold (10 W m-2; Papale et al. 2006, Biogeosciences 3:571), the rule
  of the u* threshold. Twilight and a dim polar noon count as night.
- "sun": potential radiation is zero, that is, the sun is below the horizon in the middle of the interval (the flag NIGHT of
  FLUXNET2015).
- "both": radiation at most the threshold AND the sun below the horizon, the rule of night-time partitioning (Reichstein et
  al. 2005, Global Change Biol. 11:1424).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

RADIATION_THRESHOLD = 10.0  # W m-2

Mask = NDArray[np.bool_]
Rule = Callable[[NDArray[np.float64] | None, NDArray[np.float64] | None, float], Mask]


def _needed(values: NDArray[np.float64] | None, what: str, rule: str) -> NDArray[np.float64]:
    if values is None:
        raise ValueError(f"night rule '{rule}' needs {what}; give it or choose another rule")
    return values


def _by_radiation(radiation: NDArray[np.float64] | None, potential: NDArray[np.float64] | None, threshold: float) -> Mask:
    dark: Mask = _needed(radiation, "measured radiation (W m-2)", "radiation") < threshold
    return dark


def _by_sun(radiation: NDArray[np.float64] | None, potential: NDArray[np.float64] | None, threshold: float) -> Mask:
    dark: Mask = _needed(potential, "potential radiation (W m-2)", "sun") <= 0.0
    return dark


def _by_both(radiation: NDArray[np.float64] | None, potential: NDArray[np.float64] | None, threshold: float) -> Mask:
    dark: Mask = _needed(radiation, "measured radiation (W m-2)", "both") <= threshold
    return dark & (_needed(potential, "potential radiation (W m-2)", "both") <= 0.0)


NIGHT_RULES: dict[str, Rule] = {"radiation": _by_radiation, "sun": _by_sun, "both": _by_both}


def night(
    radiation: ArrayLike | None = None,
    potential: ArrayLike | None = None,
    *,
    rule: str = "radiation",
    threshold: float = RADIATION_THRESHOLD,
) -> Mask:
    """True where a row is night by `rule` (a key of `NIGHT_RULES`), shape of the input.

    `radiation`: measured incoming short-wave (W m-2); `potential`: potential radiation (W m-2, see
    `potential_radiation`); `threshold` W m-2. A row whose radiation is NaN is not night, since nobody saw that it was dark;
    rule "sun" does not need to see. ValueError for an unknown rule or a missing series.

    >>> night([0.0, 9.9, 10.0, float("nan")]).tolist()
    [True, True, False, False]
    """
    if rule not in NIGHT_RULES:
        raise ValueError(f"night rule '{rule}' is unknown; choose one of {', '.join(sorted(NIGHT_RULES))}")
    measured = None if radiation is None else np.asarray(radiation, dtype=np.float64)
    clear = None if potential is None else np.asarray(potential, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return NIGHT_RULES[rule](measured, clear, threshold)
