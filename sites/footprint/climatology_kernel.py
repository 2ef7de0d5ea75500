"""The compiled heart of climatologies and class fractions: footprint densities along the lines of a grid.

A row (one half hour) touches a line of the grid only where its density is above a tolerance. That region, |yr| < n s(xr),
is convex because the spread s is concave in xr, so a few tangents of s bound it from outside by a polygon, and every line
meets the polygon in one interval that costs a handful of multiplications to find. Within it every node is evaluated in a
loop without branches, which LLVM vectorises (`terraflux.model.weave.lane_math`). Constants that a row needs at every node
are folded into its parameters beforehand (`packed`):

    a = xr / ell,  u = a - s0,  y' = yr / (sqrt(2) c),  s = c shape(a),
    f = exp(K - (1 + mu) ln u - q / u - (y' / shape)^2) / shape,  K = ln(N / (sqrt(2 pi) c)),

where shape(a) = a / sqrt(1 + 20 a) and c = cx (Kljun et al. 2015), or shape(a) = a^p and c = cx ell^p.
"""

import functools
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from terraflux.model.weave.compiling import lane_loops_kept
from terraflux.model.weave.kernels import kernel
from terraflux.model.weave.lane_math import exp, fma, lane_function, log, sqrt
from terraflux.sites.footprint.kernel import LOG_ROOT_TWO_PI, SATURATION, FootprintRows

Floats = NDArray[np.float64]

LANES = 8
"""Nodes evaluated together; intervals on a line are widened to whole groups."""
ROWS_TOGETHER = 1024
TANGENTS = 4
EDGES = 2 * TANGENTS + 2
PARAMETERS = 11
WIDTH = PARAMETERS + 3 * EDGES
SATURATING, POWER, SHIFTED_POWER = 0, 1, 2
EXACT = 745.0
"""-ln of the smallest double: a density below exp(-745) of the peak is 0."""
FLAT = 1e-12  # an edge this parallel to the line bounds nothing on it


def packed(rows: FootprintRows, reach: float, depth: float, turn: float = 0.0) -> Floats:
    """Parameters and polygon of every row for the compiled loops; shape (rows, WIDTH).

    `reach` (m) is the largest distance of a node from the tower; nodes with densities below exp(-depth) times the largest
    of their row may be omitted; `turn` (degrees) is added to the wind direction (grid north is not true north).
    Columns: a per metre east and north, y' per metre east and north, K, s0, q, 1 + mu, p, form, largest a, then for every
    edge of the polygon D, A, B of the inequality D x <= A + B y.
    """
    angle = np.deg2rad(rows.wind_direction + turn)
    sine, cosine = np.sin(angle), np.cos(angle)
    scale, offset, decay = rows.scale, rows.offset, rows.decay
    power = np.where(rows.saturating, 0.0, rows.spread_exponent)
    spread = rows.spread_coefficient * np.where(rows.saturating, 1.0, scale**power)
    out = np.empty((len(rows), WIDTH))
    out[:, 0], out[:, 1] = sine / scale, cosine / scale
    across = 1.0 / (np.sqrt(2.0) * spread)
    out[:, 2], out[:, 3] = cosine * across, -sine * across
    out[:, 4] = rows.log_normalisation - LOG_ROOT_TWO_PI - np.log(spread)
    out[:, 5], out[:, 6], out[:, 7], out[:, 8] = offset, decay, 1.0 + rows.exponent, power
    out[:, 9] = np.where(rows.saturating, SATURATING, np.where(offset == 0.0, POWER, SHIFTED_POWER))
    out[:, 10] = np.inf if np.isnan(rows.truncation) else rows.truncation
    edges = out[:, PARAMETERS:].reshape(len(rows), EDGES, 3)
    edges[:, 0, 0], edges[:, 0, 2] = -out[:, 0], out[:, 1]
    edges[:, 0, 1] = -_nearest(rows, power, depth)
    far = np.minimum(out[:, 10], 1.001 * reach / scale)
    edges[:, 1, 0], edges[:, 1, 1], edges[:, 1, 2] = out[:, 0], far, -out[:, 1]
    sigmas = np.sqrt(depth)
    for k in range(TANGENTS):
        at = far * 0.25**k
        shape, slope = _shape(rows, power, at)
        slope = np.where(power > 1.0, shape / at, slope)  # a convex spread lies below its chord
        start = shape - slope * at
        for side, sign in enumerate((1.0, -1.0)):
            edge = 2 + 2 * k + side
            edges[:, edge, 0] = sign * out[:, 2] - sigmas * slope * out[:, 0]
            edges[:, edge, 1] = sigmas * start
            edges[:, edge, 2] = sigmas * slope * out[:, 1] - sign * out[:, 3]
        if k == 0:
            convex = power > 1.0
        else:  # chords of inner points would cut into a convex spread
            for column in range(3):
                edges[convex, 2 + 2 * k : 4 + 2 * k, column] = edges[convex, 2:4, column]
    return out


def _shape(rows: FootprintRows, power: Floats, along: Floats) -> tuple[Floats, Floats]:
    """Spread over its coefficient, and its derivative, at a = along."""
    root = np.sqrt(1.0 + SATURATION * along)
    shape = np.where(rows.saturating, along / root, along**power)
    slope = np.where(rows.saturating, (1.0 + 0.5 * SATURATION * along) / root**3, power * along ** (power - 1.0))
    return shape, slope


def _nearest(rows: FootprintRows, power: Floats, depth: float) -> Floats:
    """a below which the density on the centre line is less than exp(-depth) times its largest.

    With v = q / u the logarithm of the density is at most e ln v - v + constant, e = 1 + mu (+ p where the spread starts
    from the tower), so v = depth + e ln v + constant - peak bounds it; the iteration contracts as e / v < 1.
    """
    exponent = 1.0 + rows.exponent + np.where(rows.saturating, 0.0, power)
    peak = rows.offset + rows.decay / exponent
    first = np.log(_shape(rows, power, peak)[0])
    least = np.where(rows.offset > 0.0, rows.offset, 1.0)
    level = np.where(rows.saturating, first - np.log(_shape(rows, power, least)[0]), 0.0)
    constant = exponent - exponent * np.log(exponent) + level
    v = np.full(len(rows), depth + 10.0)
    for _ in range(8):
        v = depth + exponent * np.log(v) + np.maximum(constant, 0.0)
    return np.asarray(rows.offset + rows.decay / v)


@lane_function
def _interval(row: Any, y: float, first: float, step: float, count: int) -> Any:
    """First and last group of nodes of the line at y that the polygon of a row touches (last < first where none)."""
    low, high = -0.5, count - 0.5
    for k in range(EDGES):
        slope = row[PARAMETERS + 3 * k]
        limit = row[PARAMETERS + 3 * k + 1] + row[PARAMETERS + 3 * k + 2] * y
        if abs(slope) * (step * count) < FLAT * abs(limit):
            high = high if limit >= 0.0 else -1.0
        elif slope > 0.0:
            high = min(high, (limit / slope - first) / step)
        else:
            low = max(low, (limit / slope - first) / step)
    if not high >= low:
        return 0, 0
    return int(max(low, 0.0)) // LANES, int(max(high, 0.0)) // LANES + 1


@lane_function
def _saturating(along: float, across: float, level: float, offset: float, decay: float, power: float, most: float) -> float:
    u = along - offset
    inside = u > 0.0 and along > 0.0 and along <= most
    along = along if inside else 1.0
    u = u if inside else 1.0
    both = 1.0 / (u * along)
    root = sqrt(fma(SATURATION, along, 1.0)) * (both * u)
    ratio = across * root
    density = exp(fma(-ratio, ratio, fma(-decay, both * along, fma(-power, log(u), level)))) * root
    return density if inside else 0.0


@lane_function
def _power(along: float, across: float, level: float, decay: float, power: float, most: float, widening: float) -> float:
    inside = along > 0.0 and along <= most
    along = along if inside else 1.0
    logarithm = log(along)
    spread = widening * logarithm
    ratio = across * exp(-spread)
    density = exp(fma(-ratio, ratio, -spread) + fma(-decay, 1.0 / along, fma(-power, logarithm, level)))
    return density if inside else 0.0


@lane_function
def _shifted_power(along: float, across: float, level: float, offset: float, decay: float, power: float, most: float,
                   widening: float) -> float:
    u = along - offset
    inside = u > 0.0 and along > 0.0 and along <= most
    along = along if inside else 1.0
    u = u if inside else 1.0
    spread = widening * log(along)
    ratio = across * exp(-spread)
    density = exp(fma(-ratio, ratio, -spread) + fma(-decay, 1.0 / u, fma(-power, log(u), level)))
    return density if inside else 0.0


@lane_function
def _fill(row: Any, x: Any, y: float, values: Any) -> None:
    """Densities of a row (m-2) at nodes x of the line at y.

    Parameters are read before the loops, because a store to `values` might change them for all that LLVM knows; loops count
    from 0, because a loop from elsewhere might count from below 0, which numba turns into scattered loads and stores.
    """
    ahead, aside, along0, across0 = row[0], row[2], row[1] * y, row[3] * y
    level, offset, decay, power, widening, most = row[4], row[5], row[6], row[7], row[8], row[10]
    form = int(row[9])
    if form == SATURATING:
        for i in range(values.size):
            values[i] = _saturating(fma(ahead, x[i], along0), fma(aside, x[i], across0), level, offset, decay, power, most)
    elif form == POWER:
        for i in range(values.size):
            values[i] = _power(fma(ahead, x[i], along0), fma(aside, x[i], across0), level, decay, power, most, widening)
    else:
        for i in range(values.size):
            values[i] = _shifted_power(fma(ahead, x[i], along0), fma(aside, x[i], across0), level, offset, decay, power, most,
                                       widening)


@lane_function
def _add(weight: float, values: Any, total: Any) -> None:
    for i in range(values.size):
        total[i] = fma(weight, values[i], total[i])


@lane_function
def _blank_padding(values: Any, last: int, width: int) -> None:
    if last * LANES > width:
        values[width : last * LANES] = 0.0


@lane_function
def _sum(values: Any, first: int, last: int, lanes: Any) -> float:
    """Sum of whole groups of values, lane by lane, then over the lanes."""
    lanes[:] = 0.0
    for group in range(first, last):
        for k in range(LANES):
            lanes[k] += values[group * LANES + k]
    total = 0.0
    for k in range(LANES):
        total += lanes[k]
    return total


@kernel
def line_sums(parameters: Any, weights: Any, edges: Any, x: Any, y: Any, step: float, first_line: int, last_line: int,
              width: int, sums: Any, masses: Any) -> None:
    """Adds weight times density (m-2) of rows to sums[group, line, node], and densities of rows to masses[row].

    Rows edges[g] to edges[g + 1] form group g. `x` is padded to whole groups of lanes; `width` of its nodes count. Sums
    run through the rows in order for every node on its own, so they do not depend on how lines are shared among threads;
    parts of ROWS_TOGETHER rows keep the parameters in the cache and the rounding error small.
    """
    values = np.zeros(x.size)
    total = np.zeros(x.size)
    lanes = np.zeros(LANES)
    for group in range(edges.size - 1):
        for begin in range(edges[group], edges[group + 1], ROWS_TOGETHER):
            end = min(begin + ROWS_TOGETHER, edges[group + 1])
            for line in range(first_line, last_line):
                total[:] = 0.0
                for t in range(begin, end):
                    first, last = _interval(parameters[t], y[line], x[0], step, width)
                    if last > first:
                        low, high = first * LANES, last * LANES
                        _fill(parameters[t], x[low:high], y[line], values[low:high])
                        _blank_padding(values, last, width)
                        _add(weights[t], values[low:high], total[low:high])
                        masses[t] += _sum(values, first, last, lanes)
                for i in range(width):
                    sums[group, line, i] += total[i]


@kernel
def class_sums(parameters: Any, classes: Any, x: Any, y: Any, step: float, first_row: int, last_row: int, width: int,
               sums: Any) -> None:
    """sums[row, class] = sum over the nodes of a class of the density of a row (m-2).

    `classes` holds the index of the class of every node, padded like `x`. Every lane has sums of its own, because
    neighbouring nodes are mostly of one class and an addition would wait for the one before it.
    """
    values = np.zeros(x.size)
    lanes = np.zeros((sums.shape[1], LANES))
    for t in range(first_row, last_row):
        lanes[:] = 0.0
        for line in range(y.size):
            first, last = _interval(parameters[t], y[line], x[0], step, width)
            if last > first:
                _fill(parameters[t], x[first * LANES : last * LANES], y[line], values[first * LANES : last * LANES])
                _blank_padding(values, last, width)
                for group in range(first, last):
                    for k in range(LANES):
                        i = group * LANES + k
                        lanes[classes[line, i], k] += values[i]
        for index in range(sums.shape[1]):
            total = 0.0
            for k in range(LANES):
                total += lanes[index, k]
            sums[t, index] = total


_ROWS, _VECTOR, _STEP, _INDEX = types.float64[:, ::1], types.float64[::1], types.float64, types.int64
_SIGNATURES = {
    "line_sums": (_ROWS, _VECTOR, types.int64[::1], _VECTOR, _VECTOR, _STEP, _INDEX, _INDEX, _INDEX,
                  types.float64[:, :, ::1], _VECTOR),
    "class_sums": (_ROWS, types.uint8[:, ::1], _VECTOR, _VECTOR, _STEP, _INDEX, _INDEX, _INDEX, _ROWS),
}


@functools.cache
def compiled(name: str) -> Any:
    """The kernel of a name, compiled or loaded for its one set of types, with vectors of the full width."""
    function = {"line_sums": line_sums, "class_sums": class_sums}[name]
    with lane_loops_kept(LANES):
        function.compile(_SIGNATURES[name])
    return function


def padded_nodes(x: Floats) -> Floats:
    """The nodes of a line, continued to whole groups of lanes."""
    step = (x[-1] - x[0]) / (x.size - 1)
    beyond = np.arange(1, -x.size % LANES + 1)
    return np.concatenate([x, x[-1] + step * beyond])
