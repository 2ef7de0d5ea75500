"""How sure a climatology or mean class fractions are: bootstrap over days, and over uncertain inputs.

Half hours of a day are alike, so days are drawn with replacement, not half hours (footprint.md 6). Where inputs such as z0,
h or sigma_v are uncertain, `rebuild` makes the rows anew for every replicate from inputs it draws itself; `perturbation`
writes such a function. A seed gives the same bands again, for any number of threads.

    bands = bootstrap_climatology(rows, grid, by_period(times, "day"), replicates=200, seed=1)
    bands.standard_error, bands.quantiles[0], bands.captured_mass
    rebuild = perturbation(inputs, {"roughness_length": 0.3, "boundary_layer_height": 0.2, "sigma_v": 0.15},
                           lambda **given: footprint_rows("ffp", **given))
    bands = bootstrap_climatology(rows, grid, days, rebuild=rebuild)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.model.weave.lane_math import fma
from terraflux.sites.footprint.class_fractions import ClassFractions
from terraflux.sites.footprint.climatology import climatology, grouped
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.streaming import Rows, Sampling, group_sums, usable_rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MEMORY = 2**28
"""Bytes that the daily fields, and the replicates, of a part of the grid may take each."""
MOST_MEMORY = 2**31


@dataclass(frozen=True, eq=False)
class ClimatologyBands:
    """Spread of a climatology over replicates.

    `density` of the full sample, `standard_error` of the replicates (m-2), both (lines, columns); `quantiles` (levels,
    lines, columns) at `levels`; `captured_mass` (replicates,): mass on the grid of each (-); `blocks` days that had rows;
    `empty` replicates that drew no weight at all, which count nowhere.
    """

    grid: Grid
    density: Floats
    standard_error: Floats
    levels: tuple[float, ...]
    quantiles: Floats
    captured_mass: Floats
    blocks: int
    empty: int
    seed: int


@dataclass(frozen=True, eq=False)
class FractionBands:
    """Spread of mean class fractions over replicates; the last column is the remainder.

    `mean` and `standard_error` (classes + 1,), `quantiles` (levels, classes + 1), `replicates` (replicates, classes + 1).
    """

    names: tuple[str, ...]
    mean: Floats
    standard_error: Floats
    levels: tuple[float, ...]
    quantiles: Floats
    replicates: Floats
    blocks: int
    seed: int


def bootstrap_climatology(rows: Rows, grid: Grid, days: "Sequence[Any] | NDArray[Any]", weights: ArrayLike | None = None, *,
                          replicates: int = 200, seed: int = 0, levels: Sequence[float] = (0.05, 0.5, 0.95),
                          rebuild: Callable[[Generator], Rows] | None = None, **sampling: Any) -> ClimatologyBands:
    """Bands of `climatology` from days drawn with replacement.

    days (rows,): label of the block of every row (weights.by_period(times, "day")), None for none. rebuild: called with a
    random generator for every replicate, returns rows with uncertain inputs drawn anew, as many as `rows`; the climatology
    is then done anew as well, which takes a climatology's time per replicate. sampling: mode, tolerance, cells, threads.
    """
    chosen = Sampling(**sampling)
    probabilities = _levels(levels)
    labels, number = grouped(days, len(rows))
    given = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    full = climatology(rows, grid, np.where(number >= 0, given, np.nan), **sampling)
    generator = np.random.default_rng(seed)
    if rebuild is not None:
        fields, empty = _rebuilt(rebuild, grid, number, len(labels), given, replicates, generator, sampling)
        return ClimatologyBands(grid, full.density, _spread(fields), probabilities, np.quantile(fields, probabilities, axis=0),
                                fields.sum(axis=(1, 2)) * grid.cell_area, len(labels), empty, seed)
    usable, _ = usable_rows(rows, np.where(number >= 0, given, np.nan))
    kept, block = np.unique(number[usable], return_inverse=True)
    block = block.reshape(-1).astype(np.int64)
    draws = generator.multinomial(kept.size, np.full(kept.size, 1.0 / kept.size), size=replicates).astype(np.float64)
    weight = draws @ np.bincount(block, given[usable])
    selected = rows.select(usable)
    spread = np.empty(grid.shape)
    quantiles = np.empty((len(probabilities), *grid.shape))
    mass = np.zeros(replicates)
    lines = max(1, MEMORY // (8 * grid.x.size * max(kept.size, replicates)))
    for first in range(0, grid.y.size, lines):
        last = min(first + lines, grid.y.size)
        sums, _ = group_sums(selected, grid, given[usable], block, kept.size, chosen, (first, last))
        fields = np.zeros((replicates, (last - first) * grid.x.size))
        _resample(draws, sums.reshape(kept.size, -1), fields)
        fields /= weight[:, np.newaxis]
        mass += fields.sum(axis=1) * grid.cell_area
        spread[first:last] = _spread(fields).reshape(last - first, -1)
        quantiles[:, first:last] = np.quantile(fields, probabilities, axis=0).reshape(len(probabilities), last - first, -1)
    return ClimatologyBands(grid, full.density, spread, probabilities, quantiles, mass, kept.size, 0, seed)


def bootstrap_fractions(fractions: ClassFractions, days: "Sequence[Any] | NDArray[Any]", weights: ArrayLike | None = None, *,
                        replicates: int = 1000, seed: int = 0, levels: Sequence[float] = (0.05, 0.5, 0.95),
                        rebuild: Callable[[Generator], ClassFractions] | None = None) -> FractionBands:
    """Bands of the weighted mean class fractions and of the remainder from days drawn with replacement.

    days (rows,) as in `bootstrap_climatology`; rebuild: called with a random generator for every replicate, returns class
    fractions of rows with uncertain inputs drawn anew.
    """
    probabilities = _levels(levels)
    labels, number = grouped(days, len(fractions.remainder))
    given = np.ones(number.size) if weights is None else np.asarray(weights, dtype=np.float64)
    generator = np.random.default_rng(seed)
    sums, weight = _daily_sums(fractions, number, len(labels), given)
    kept = weight > 0.0
    if not kept.any():
        raise ValueError("no day has a row with class fractions and a weight above 0")
    mean = sums.sum(axis=0) / weight.sum()
    found = np.empty((replicates, mean.size))
    for k in range(replicates):
        if rebuild is not None:
            sums, weight = _daily_sums(rebuild(generator), number, len(labels), given)
            kept = weight > 0.0
        count = int(kept.sum())
        draw = generator.multinomial(count, np.full(count, 1.0 / count)) if count else np.zeros(0)
        total = float(np.sum(draw * weight[kept]))
        found[k] = np.sum(draw[:, np.newaxis] * sums[kept], axis=0) / total if total > 0.0 else np.nan
    return FractionBands((*fractions.names, "remainder"), mean, np.nanstd(found, axis=0, ddof=1), probabilities,
                         np.nanquantile(found, probabilities, axis=0), found, int(kept.sum()), seed)


def perturbation(inputs: Mapping[str, Any], relative_sigma: Mapping[str, float],
                 build: Callable[..., Rows]) -> Callable[[Generator], Rows]:
    """A `rebuild` that multiplies inputs by a lognormal factor each, one for all rows, as for a bias of the input.

    inputs: keywords of `build`; relative_sigma {input: standard deviation of the logarithm of its factor (-)}.
    """
    unknown = [name for name in relative_sigma if inputs.get(name) is None]
    if unknown:
        raise ValueError(f"cannot perturb {', '.join(unknown)}: not among the inputs given ({', '.join(inputs)})")

    def rebuild(generator: Generator) -> Rows:
        factors = {name: np.exp(sigma * generator.standard_normal()) for name, sigma in relative_sigma.items()}
        return build(**{**inputs, **{name: np.asarray(inputs[name]) * factor for name, factor in factors.items()}})

    return rebuild


@kernel
def _resample(draws: Any, daily: Any, out: Any) -> None:
    """out[replicate] += sum over days of draws times the day's field, in the order of the days."""
    for replicate in range(draws.shape[0]):
        row = out[replicate]
        for day in range(draws.shape[1]):
            count = draws[replicate, day]
            if count != 0.0:
                field = daily[day]
                for i in range(row.size):
                    row[i] = fma(count, field[i], row[i])


def _rebuilt(rebuild: Callable[[Generator], Rows], grid: Grid, number: Integers, days: int, weights: Floats, replicates: int,
             generator: Generator, sampling: Mapping[str, Any]) -> tuple[Floats, int]:
    if 8 * replicates * grid.x.size * grid.y.size > MOST_MEMORY:
        raise ValueError(f"{replicates} replicates on {grid.shape} nodes with rebuilt rows need more than "
                         f"{MOST_MEMORY >> 30} GiB: take a coarser grid or fewer replicates")
    fields = []
    for _ in range(replicates):
        rows = rebuild(generator)
        if len(rows) != number.size:
            raise ValueError(f"rebuild returned {len(rows)} rows; it must return as many as it began with, {number.size}")
        draw = generator.multinomial(days, np.full(days, 1.0 / days))
        counted = np.where(number >= 0, weights * draw[number], np.nan)
        usable, _ = usable_rows(rows, counted)
        if usable.size:
            fields.append(climatology(rows, grid, counted, **sampling).density)
    if len(fields) < 2:
        raise ValueError(f"only {len(fields)} of {replicates} replicates had a row with a footprint and a weight above 0")
    return np.array(fields), replicates - len(fields)


def _daily_sums(fractions: ClassFractions, number: Integers, days: int, weights: Floats) -> tuple[Floats, Floats]:
    """Sums by day of weight times fractions and remainder (days, classes + 1), and of weights (days,)."""
    good = np.isfinite(fractions.remainder) & np.isfinite(weights) & (number >= 0)
    if (weights[good] < 0.0).any():
        raise ValueError("weights of class fractions must not be below 0: take |NEE| (weights.flux_weights)")
    values = np.column_stack([fractions.fractions, fractions.remainder])[good] * weights[good, np.newaxis]
    sums = np.stack([np.bincount(number[good], column, minlength=days) for column in values.T], axis=1).astype(np.float64)
    return sums, np.bincount(number[good], weights[good], minlength=days).astype(np.float64)


def _spread(fields: Floats) -> Floats:
    return np.asarray(np.std(fields, axis=0, ddof=1))


def _levels(levels: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(one) for one in levels)
    if not found or any(not 0.0 <= one <= 1.0 for one in found):
        raise ValueError("levels of bands must lie between 0 and 1")
    return found
