"""Uncertainty of the u* threshold: the estimate repeated on rows drawn anew, and the thresholds a flux product uses.

Rows are drawn with replacement inside each season, so every draw keeps the seasons. A draw that finds no threshold is left
out; where fewer than 40 % of the draws found one, the quantiles are NaN. As in FLUXNET2015 (Pastorello et al. 2020, Sci. Data
7:225) the draws serve two kinds of threshold: variable (VUT), from the draws of a year and of the years beside it, and
constant (CUT), from the draws of all years.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing.ustar_threshold import UstarThreshold, aggregate, night_rows, ustar_method

LEAST_VALID_SHARE = 0.4
QUANTILES = (0.05, 0.5, 0.95)

Floats = NDArray[np.float64]


def _quantiles(draws: Floats, quantiles: tuple[float, ...]) -> Floats:
    found = draws[np.isfinite(draws)]
    if draws.size == 0 or found.size < LEAST_VALID_SHARE * draws.size:
        return np.full(len(quantiles), np.nan)
    return np.asarray(np.quantile(found, quantiles))


@dataclass(frozen=True)
class UstarDistribution:
    """Draws of the threshold (m s-1): `single` (draws,), `year` and `season` {name: (draws,)}; `estimate` from the rows as
    they are. NaN where a draw found none."""

    estimate: UstarThreshold
    single: Floats = field(repr=False)
    year: dict[int, Floats] = field(repr=False)
    season: dict[int, Floats] = field(repr=False)

    def quantiles(self, quantiles: tuple[float, ...] = QUANTILES) -> dict[str, Floats]:
        """{"single": (q,), "year 1998": (q,), "season 1998003": (q,), ...} thresholds (m s-1)."""
        table = {"single": _quantiles(self.single, quantiles)}
        table |= {f"year {name}": _quantiles(draws, quantiles) for name, draws in self.year.items()}
        return table | {f"season {name}": _quantiles(draws, quantiles) for name, draws in self.season.items()}

    def constant(self, quantiles: tuple[float, ...] = QUANTILES) -> Floats:
        """CUT: thresholds (m s-1), shape (q,), from the draws of all years together."""
        return _quantiles(np.concatenate(list(self.year.values())) if self.year else np.zeros(0), quantiles)

    def variable(self, quantiles: tuple[float, ...] = QUANTILES) -> dict[int, Floats]:
        """VUT: {year: thresholds (m s-1), shape (q,)} from the draws of the year, the one before and the one after."""
        return {
            year: _quantiles(np.concatenate([self.year[near] for near in (year - 1, year, year + 1) if near in self.year]),
                             quantiles)
            for year in self.year
        }


def ustar_distribution(
    middle_time: ArrayLike,
    *,
    nee: ArrayLike,
    ustar: ArrayLike,
    temperature: ArrayLike,
    radiation: ArrayLike,
    method: str = "moving_point",
    season: ArrayLike | None = None,
    draws: int = 100,
    seed: int = 0,
) -> UstarDistribution:
    """Thresholds of `draws` resampled records; arguments as in `ustar_threshold`, `seed` makes them repeatable.

    ValueError for `draws` < 1, shapes that do not fit or an unknown method.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws are too few; ask for at least one")
    rows = night_rows(middle_time, nee, ustar, temperature, radiation, season)
    how = ustar_method(method)
    estimate = aggregate(rows, how)
    generator = np.random.default_rng(seed)
    results = [aggregate(rows.draw(generator), how) for _ in range(draws)]
    return UstarDistribution(
        estimate,
        np.array([result.single for result in results]),
        {name: np.array([result.year[name] for result in results]) for name in estimate.year},
        {name: np.array([result.season[name] for result in results]) for name in estimate.season},
    )
