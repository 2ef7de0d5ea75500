"""Climatologies of very many half hours from bins of like footprints, with the error this makes measured on lines of the grid.

Rows that differ little in ln ell, ln of the spread coefficient, wind direction and, where these vary, ln q, mu and p are
replaced by their weighted mean. A climatology never bins by itself: it pays beyond some 1e5 rows, and on a coarse error.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.climatology import Climatology, climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.streaming import Sampling, group_sums, usable_rows

Floats = NDArray[np.float64]
SPREAD_OUT = ("decay", "scale", "spread_coefficient")  # positive, binned by their logarithm
PLAIN = ("exponent", "spread_exponent", "offset")


@dataclass(frozen=True)
class BinningError:
    """What binning did: rows before, bins after, and the difference to the full sum on the lines that were checked.

    `largest` and `root_mean_square` are fractions of the peak of the climatology (-).
    """

    rows: int
    bins: int
    lines_checked: int
    largest: float
    root_mean_square: float


def binned_climatology(rows: FootprintRows, grid: Grid, weights: ArrayLike | None = None, *, relative_width: float = 0.03,
                       direction_width: float = 1.5, check_lines: int = 5, **sampling: Any) -> tuple[Climatology, BinningError]:
    """Climatology from bins, and its measured error.

    relative_width: of bins in the logarithm of lengths (-), and of bins of exponents (absolute); direction_width in
    degrees; check_lines: lines of the grid on which the full sum is done as well, evenly spread, one of them nearest to the
    tower. sampling: mode, tolerance, cells, threads of `climatology`. Other arguments as there.
    """
    if not (relative_width > 0.0 and direction_width > 0.0 and check_lines >= 1):
        raise ValueError("widths of bins must be above 0 and at least one line must be checked")
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    usable, dropped = usable_rows(rows, given)
    if usable.size == 0:
        raise ValueError(f"no row of {len(rows)} has a footprint and a weight above 0; dropped: {dropped or 'none'}")
    chosen = rows.select(usable)
    values = np.ones(usable.size) if given is None else given[usable]
    bins, weight, number = binned_rows(chosen, values, relative_width, direction_width)
    found = climatology(bins, grid, weight, **sampling)
    mass = np.full(len(rows), np.nan)
    mass[usable] = found.row_mass[number]
    found = replace(found, row_mass=mass, used=int(usable.size), dropped=dropped)
    return found, _error(found, chosen, values, len(bins), check_lines, Sampling(**sampling))


def binned_rows(rows: FootprintRows, weights: Floats, relative_width: float,
                direction_width: float) -> tuple[FootprintRows, Floats, NDArray[np.int64]]:
    """Rows of bins, their summed weights, and the bin of every row; rows must be usable, weights above 0."""
    keys = [np.floor(rows.wind_direction % 360.0 / direction_width), rows.saturating.astype(float)]
    keys += [np.floor(np.log(getattr(rows, name)) / relative_width) for name in SPREAD_OUT]
    keys += [np.floor(np.nan_to_num(getattr(rows, name)) / relative_width) for name in PLAIN]
    _, first, number = np.unique(np.stack(keys, axis=1), axis=0, return_index=True, return_inverse=True)
    number = number.reshape(-1)
    weight: Floats = np.bincount(number, weights).astype(np.float64)

    def mean(values: Floats) -> Floats:
        middle = values[first]  # differences from a member keep a constant parameter as it is
        return np.asarray(middle + np.bincount(number, weights * (values - middle[number])) / weight)

    bins = rows.select(first)
    means: dict[str, Any] = {name: np.exp(mean(np.log(getattr(rows, name)))) for name in SPREAD_OUT}
    means |= {name: mean(getattr(rows, name)) for name in (*PLAIN, "log_normalisation")}
    means["wind_direction"] = mean(rows.wind_direction % 360.0)
    return replace(bins, **means), weight, number.astype(np.int64)


def _error(found: Climatology, rows: FootprintRows, weights: Floats, bins: int, check_lines: int,
           sampling: Sampling) -> BinningError:
    grid = found.grid
    spread = np.linspace(0, grid.y.size - 1, check_lines + 1)[:-1].round().astype(int)
    few = check_lines < grid.y.size
    lines = sorted({int(np.argmin(np.abs(grid.y))), *spread.tolist()}) if few else list(range(grid.y.size))
    nowhere = np.zeros(len(rows), np.int64)
    differences = []
    for line in lines:
        full, _ = group_sums(rows, grid, weights, nowhere, 1, sampling, (line, line + 1))
        differences.append(full[0, 0] / weights.sum() - found.density[line])
    relative = np.abs(np.array(differences)) / found.density.max()
    return BinningError(len(rows), bins, len(lines), float(relative.max()), float(np.sqrt(np.mean(relative**2))))
