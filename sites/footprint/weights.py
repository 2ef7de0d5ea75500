"""Weights of half hours in a climatology, and labels that sort half hours into climatologies of their own.

`flux_weights` turns a flux or radiation into weights; `mask_weights` keeps some rows. The functions `by_...` label every
row for `climatology.climatologies`; a label of None (input missing) puts a row into no group.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]


def _size(values: Floats) -> Floats:
    return np.abs(values)


def _positive_part(values: Floats) -> Floats:
    return np.where(values < 0.0, 0.0, values)


def _one(values: Floats) -> Floats:
    return np.ones_like(values)


WEIGHTINGS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "uniform": (_one, "1 for every row"),
    "nee": (_size, "size of the net exchange of CO2, whichever way it goes"),
    "gpp": (_positive_part, "gross primary productivity; estimates below 0 count as 0"),
    "reco": (_positive_part, "ecosystem respiration; estimates below 0 count as 0"),
    "par": (_positive_part, "photosynthetically active radiation; offsets below 0 at night count as 0"),
    "le": (_positive_part, "latent heat flux; dew, below 0, counts as 0"),
}
"""{short name: (function of the flux, meaning)}; any unit, since weights are relative."""

PERIODS = ("day", "month", "season", "year", "month_of_year", "season_of_year", "all")
SEASONS = ("DJF", "MAM", "JJA", "SON")


def flux_weights(name: str, values: ArrayLike) -> Floats:
    """Weights (rows,) from a flux or radiation, by the short name of `WEIGHTINGS`; NaN stays NaN and drops the row.

    >>> flux_weights("nee", [-12.0, 3.0]).tolist(), flux_weights("gpp", [12.0, -0.5]).tolist()
    ([12.0, 3.0], [12.0, 0.0])
    """
    if name not in WEIGHTINGS:
        known = "; ".join(f"{key}: {meaning}" for key, (_, meaning) in WEIGHTINGS.items())
        raise ValueError(f'no weighting "{name}"; known are {known}')
    return np.asarray(WEIGHTINGS[name][0](np.asarray(values, dtype=np.float64)))


def mask_weights(mask: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """The weights (1 if None) where the mask is true, else 0; shape (rows,)."""
    keep = np.asarray(mask, dtype=bool)
    given = np.ones(keep.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != keep.shape:
        raise ValueError(f"mask has shape {keep.shape} but weights {given.shape}")
    return np.where(keep, given, 0.0)


def by_period(times: ArrayLike, period: str) -> Labels:
    """Labels of calendar periods from times (rows,) that lie in the half hour, such as its start: not its end, which at
    midnight belongs to the next day.

    period: "day" 1998-06-30, "month" 1998-06, "season" 1998-JJA (December counts to the next year), "year" 1998,
    "month_of_year" 06, "season_of_year" JJA, "all" for one interannual climatology.
    """
    moments = np.asarray(times, dtype="datetime64[m]")
    if period not in PERIODS:
        raise ValueError(f'no period "{period}"; known are {", ".join(PERIODS)}')
    months = moments.astype("datetime64[M]")
    absent = np.isnat(moments)
    month = np.where(absent, 0, months.astype(np.int64) % 12)
    season = np.array(SEASONS, dtype=object)[(month + 1) // 3 % 4]
    if period in ("day", "month", "year"):
        labels = moments.astype(f"datetime64[{ {'day': 'D', 'month': 'M', 'year': 'Y'}[period] }]").astype(str).astype(object)
    elif period == "season":
        years = (months + 1).astype("datetime64[Y]").astype(str).astype(object)
        labels = years + "-" + season
    elif period == "season_of_year":
        labels = season
    elif period == "month_of_year":
        labels = np.array([f"{one + 1:02d}" for one in month], dtype=object)
    else:
        labels = np.full(moments.shape, "all", dtype=object)
    return _without(labels, absent)


def by_daylight(radiation: ArrayLike, threshold: float = 10.0) -> Labels:
    """"day" where the radiation is above a threshold of the same unit (default 10 W m-2 of shortwave), else "night"."""
    values = np.asarray(radiation, dtype=np.float64)
    return _without(np.where(values > threshold, "day", "night").astype(object), np.isnan(values))


def by_sector(wind_direction: ArrayLike, sectors: int = 8) -> Labels:
    """Centre of the wind sector (degrees) of every row; the first sector is centred on north.

    >>> by_sector([350.0, 44.0, 180.0]).tolist()
    [0.0, 45.0, 180.0]
    """
    values = np.asarray(wind_direction, dtype=np.float64)
    width = 360.0 / sectors
    absent = ~((values >= 0.0) & (values <= 360.0))
    number = np.floor(np.where(absent, 0.0, values) / width + 0.5) % sectors
    return _without((number * width).astype(object), absent)


def by_stability(zeta: ArrayLike, neutral: float = 0.05) -> Labels:
    """"unstable", "neutral" or "stable" from zm/L (-), neutral while |zm/L| is at most `neutral`."""
    return by_class(zeta, (-neutral, neutral), ("unstable", "neutral", "stable"))


def by_class(values: ArrayLike, edges: Sequence[float], names: Sequence[Any] | None = None) -> Labels:
    """Names of the classes between ascending edges (friction velocity, temperature, ...); a value at an edge above 0 goes
    below it, at one below 0 above it, so that classes about 0 are symmetric.

    >>> by_class([0.1, 0.3, 0.9], [0.2, 0.5], ["calm", "fair", "strong"]).tolist()
    ['calm', 'fair', 'strong']
    """
    numbers = np.asarray(values, dtype=np.float64)
    bounds = np.asarray(edges, dtype=np.float64)
    if bounds.ndim != 1 or bounds.size == 0 or np.any(np.diff(bounds) <= 0.0):
        raise ValueError("edges of classes must ascend")
    labels = list(range(bounds.size + 1)) if names is None else list(names)
    if len(labels) != bounds.size + 1:
        raise ValueError(f"{bounds.size} edges make {bounds.size + 1} classes, but {len(labels)} names are given")
    above = (numbers[..., np.newaxis] > bounds) | ((numbers[..., np.newaxis] == bounds) & (bounds < 0.0))
    named = np.empty(len(labels), dtype=object)
    named[:] = labels
    return _without(named[above.sum(axis=-1)], np.isnan(numbers))


def _without(labels: Any, absent: NDArray[np.bool_]) -> Labels:
    out = np.array(labels, dtype=object)
    out[absent] = None
    return out
