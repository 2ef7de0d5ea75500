"""Sums of footprints over half hours, or over the classes of a raster, without keeping any single footprint.

Rows of the closed kernel go through the compiled loops of `climatology_kernel`; tabulated rows, as of Horst and
Weil's solution, are evaluated one after the other and take longer. Results have the same bits for any number of threads:
lines (of a climatology) or rows (of class fractions) are shared out whole.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.threads import available_cores, run_ranges
from terraflux.sites.footprint.climatology_kernel import EXACT, compiled, packed, padded_nodes
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.kernel import SATURATION, FootprintRows, wind_coordinates
from terraflux.sites.footprint.tabulated import TabulatedRows
from terraflux.sites.footprint.validity import counts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCKS = 32  # of lines; whose masses are added up in order
MOST_REFINED = 32
Rows = FootprintRows | TabulatedRows


class AliasingWarning(UserWarning):
    """Node values do not resolve the footprints of some rows on this grid."""


@dataclass(frozen=True)
class Sampling:
    """How densities are taken on a grid.

    `mode` "fast" may leave out nodes where a row's density is below `tolerance` times the row's largest density; "exact"
    leaves out only what is 0 in double precision. `cells` "point" takes the value at the node (as the published FFP
    climatology does), "integrated" the mean over the cell from 2 x 2 to 32 x 32 points, as many as each row needs.
    `threads`: None for all cores.
    """

    mode: str = "fast"
    tolerance: float = 1e-12
    cells: str = "point"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("fast", "exact"):
            raise ValueError(f'mode of a climatology is "fast" or "exact", not "{self.mode}"')
        if self.cells not in ("point", "integrated"):
            raise ValueError(f'cells of a climatology are "point" or "integrated", not "{self.cells}"')
        if not 0.0 < self.tolerance < 1e-3:
            raise ValueError(f"tolerance {self.tolerance} of a climatology must lie between 0 and 0.001")

    @property
    def depth(self) -> float:
        """-ln of the density, relative to the largest of its row, below which nodes may be left out (-)."""
        return EXACT if self.mode == "exact" else -float(np.log(self.tolerance))

    @property
    def workers(self) -> int:
        """Threads to run on."""
        return available_cores() if self.threads is None else max(1, self.threads)


def usable_rows(rows: Rows, weights: Floats | None) -> tuple[Integers, dict[str, int]]:
    """Indices of rows with a footprint and a weight, and {reason: number of rows} of the others.

    Reasons are names of `validity.Reason`, PARAMETERS_MISSING, WEIGHT_MISSING and WEIGHT_ZERO (which changes no mean). A row
    may break several rules and then counts under each. Negative or infinite weights are an error.
    """
    reason = np.asarray(rows.reason)
    dropped = counts(reason)
    good = (reason == 0) & np.isfinite(rows.wind_direction)
    if isinstance(rows, FootprintRows):
        numbers = [rows.scale, rows.offset, rows.decay, rows.exponent, rows.log_normalisation, rows.spread_coefficient]
        good &= np.isfinite(np.sum(numbers, axis=0)) & (rows.saturating | np.isfinite(rows.spread_exponent))
        good &= (rows.scale > 0.0) & (rows.decay > 0.0) & (rows.spread_coefficient > 0.0)
    unflagged = int(np.sum((reason == 0) & ~good))
    if unflagged:
        dropped["PARAMETERS_MISSING"] = unflagged
    if weights is not None:
        if weights.shape != (len(rows),):
            raise ValueError(f"weights have shape {weights.shape}; one weight per row is needed: ({len(rows)},)")
        bad = np.flatnonzero((weights < 0.0) | np.isinf(weights))
        if bad.size:
            raise ValueError(f"{bad.size} weights are negative or infinite, first {weights[bad[0]]:g} in row {bad[0]}; weights "
                             "must not be below 0: take |NEE| (weights.flux_weights), set night-time PAR to 0, or use NaN")
        missing = np.isnan(weights)
        if np.any(missing & good):
            dropped["WEIGHT_MISSING"] = int(np.sum(missing & good))
        if np.any((weights == 0.0) & good):
            dropped["WEIGHT_ZERO"] = int(np.sum((weights == 0.0) & good))
        good &= weights > 0.0
    return np.flatnonzero(good), dropped


def refinement(rows: Rows, grid: Grid, sampling: Sampling) -> Integers:
    """Points per cell and direction that every row needs (-): 1 for node values, else a power of 2; shape (rows,).

    Warns where node values alias: a step above a third of the distance of the peak (footprint.md 0), or above twice the
    spread there, at which the sum over nodes of a Gaussian is off by 1.4 %.
    """
    if len(rows) == 0:
        return np.zeros(0, np.int64)
    step = max(grid.step)
    peak = rows.peak_distance()
    spread = _spread_at_peak(rows, peak)
    if sampling.cells == "point":
        coarse = (step > peak / 3.0) | (step > 2.0 * spread)
        if coarse.any():
            warnings.warn(f"a grid step of {step:g} m does not resolve {int(coarse.sum())} of {len(rows)} footprints (nearest "
                          f"peak {np.nanmin(peak):.3g} m from the tower): node values alias; use cells=\"integrated\" or a "
                          "finer grid", AliasingWarning, stacklevel=5)
        return np.ones(len(rows), np.int64)
    needed = step / np.minimum(peak / 8.0, spread / 3.0)
    count = np.exp2(np.ceil(np.log2(np.clip(needed, 2.0, MOST_REFINED)))).astype(np.int64)
    beyond = needed > 2.0 * MOST_REFINED
    if beyond.any():
        warnings.warn(f"{MOST_REFINED} x {MOST_REFINED} points per cell of {step:g} m are too few for {int(beyond.sum())} of "
                      f"{len(rows)} footprints: use a finer grid", AliasingWarning, stacklevel=5)
    return count


def _spread_at_peak(rows: Rows, peak: Floats) -> Floats:
    if isinstance(rows, FootprintRows):
        along = peak / rows.scale
        saturating = along / np.sqrt(1.0 + SATURATION * along)
        power = peak ** np.nan_to_num(rows.spread_exponent)
        return np.asarray(rows.spread_coefficient * np.where(rows.saturating, saturating, power))
    return np.array([rows.select(slice(t, t + 1)).spread(peak[t]) for t in range(len(peak))], float).reshape(-1)


def group_sums(rows: Rows, grid: Grid, weights: Floats, group: Integers, groups: int, sampling: Sampling,
               lines: tuple[int, int] | None = None) -> tuple[Floats, Floats]:
    """Sums of weight times density of the rows of every group, and the mass of every row on the grid.

    rows: usable ones only; weights (rows,); group (rows,): number of the group, -1 for none; lines: first and end of the
    lines of the grid to do. Returns (groups, lines, columns) in m-2 times the weight, and (rows,) in m2 m-2 (that is, -).
    """
    first, last = (0, grid.y.size) if lines is None else lines
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    count = refinement(rows, grid, sampling)
    sums = np.zeros((groups, last - first, grid.x.size))
    masses = np.zeros(len(rows))
    for each in np.unique(count[order]) if order.size else ():
        chosen = order[count[order] == each]
        fine = grid.refined(int(each))
        found, mass = _sums(rows.select(chosen), fine, weights[chosen], np.searchsorted(group[chosen], np.arange(groups + 1)),
                            sampling, (first * int(each), last * int(each)))
        columns = fine.x.size // int(each)
        sums += found.reshape(groups, last - first, int(each), columns, int(each)).mean(axis=(2, 4))
        masses[chosen] = mass * fine.cell_area
    return sums, masses


def _sums(rows: Rows, grid: Grid, weights: Floats, edges: Integers, sampling: Sampling,
          lines: tuple[int, int]) -> tuple[Floats, Floats]:
    first, last = lines
    sums = np.zeros((edges.size - 1, last - first, grid.x.size))
    y = np.ascontiguousarray(grid.y[first:last])
    if not isinstance(rows, FootprintRows):
        masses = np.zeros(len(rows))
        for index in range(edges.size - 1):
            for t in range(edges[index], edges[index + 1]):
                density = _density(rows, t, grid.x, y, grid.true_north)
                sums[index] += weights[t] * density
                masses[t] = density.sum()
        return sums, masses
    x = padded_nodes(grid.x)
    parameters = packed(rows, grid.reach, sampling.depth, grid.true_north)
    blocks = min(BLOCKS, y.size)
    cuts = [y.size * k // blocks for k in range(blocks + 1)]
    masses_of = np.zeros((blocks, len(rows)))
    run = compiled("line_sums")
    ordered = np.ascontiguousarray(weights, dtype=np.float64)

    def work(begin: int, end: int) -> None:
        for block in range(begin, end):
            run(parameters, ordered, edges, x, y, grid.step[0], cuts[block], cuts[block + 1], grid.x.size, sums,
                masses_of[block])

    run_ranges(work, blocks, sampling.workers)
    return sums, masses_of.sum(axis=0)


def class_totals(rows: Rows, grid: Grid, classes: NDArray[np.uint8], number: int, sampling: Sampling) -> Floats:
    """Integral of the density of every row over the cells of classes 0 .. number - 1; shape (rows, number), -."""
    count = refinement(rows, grid, sampling)
    totals = np.zeros((len(rows), number))
    for each in np.unique(count):
        chosen = np.flatnonzero(count == each)
        fine = grid.refined(int(each))
        raster = np.repeat(np.repeat(classes, int(each), axis=0), int(each), axis=1)
        totals[chosen] = _totals(rows.select(chosen), fine, raster, number, sampling) * fine.cell_area
    return totals


def _totals(rows: Rows, grid: Grid, classes: NDArray[np.uint8], number: int, sampling: Sampling) -> Floats:
    totals = np.zeros((len(rows), number))
    if not isinstance(rows, FootprintRows):
        for t in range(len(rows)):
            density = _density(rows, t, grid.x, grid.y, grid.true_north)
            totals[t] = np.bincount(classes.ravel(), density.ravel(), minlength=number)
        return totals
    x = padded_nodes(grid.x)
    padded = np.zeros((grid.y.size, x.size), np.uint8)
    padded[:, : grid.x.size] = classes
    parameters = packed(rows, grid.reach, sampling.depth, grid.true_north)
    run = compiled("class_sums")

    def work(begin: int, end: int) -> None:
        run(parameters, padded, x, grid.y, grid.step[0], begin, end, grid.x.size, totals)

    run_ranges(work, len(rows), sampling.workers)
    return totals


def _density(rows: Rows, t: int, x: Floats, y: Floats, turn: float) -> Floats:
    upwind, crosswind = wind_coordinates(x[np.newaxis, :], y[:, np.newaxis], rows.wind_direction[t] + turn)
    return np.asarray(rows.select(slice(t, t + 1)).density(upwind, crosswind)[0], float)
