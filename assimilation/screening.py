"""Which parameters do the observations feel? Elementary effects (Morris) and variance shares (Sobol).

Both walk through the unit cube of prior quantiles and call the model in batches. `morris` (Morris 1991, Technometrics 33, 161;
Campolongo et al. 2007) takes N (p + 1) runs; `sobol` (Saltelli et al. 2010, Comput. Phys. Commun. 181, 259; Jansen 1999)
N (p + 2). `screen` runs Morris on each stream of a least-squares problem and on its misfit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from terraflux.assimilation.residuals import LeastSquares

Floats = NDArray[np.float64]
Outputs = Callable[[Floats], Floats]
Progress = Callable[[int, int, str], None]

MARGIN = 0.02
"""Quantiles of the prior are taken from here to 1 - MARGIN, since its ends may lie at infinity."""
KEPT = 0.05
"""Parameters of at least this share of the largest effect on any output are kept."""
LEVELS, TRAJECTORIES = 4, 40


@dataclass(frozen=True)
class Effects:
    """Elementary effects on each output.

    `mean_size` mu* (p, k): mean absolute effect of crossing the whole prior range; `mean` (p, k) and `spread` (p, k): large
    spread means interaction or curvature; `trajectories` that went into them, `failed` ones left out, `runs` of the model.
    """

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    mean_size: Floats
    mean: Floats
    spread: Floats
    trajectories: int
    failed: int
    runs: int

    def kept(self, share: float = KEPT) -> tuple[str, ...]:
        """Names with at least `share` of the largest mu* of some output, in the order of the table."""
        largest = self.mean_size.max(axis=0)
        felt = (self.mean_size >= share * largest) & (largest > 0.0)
        return tuple(name for name, any_output in zip(self.names, felt.any(axis=1), strict=True) if any_output)


@dataclass(frozen=True)
class VarianceShares:
    """Sobol indices: `first` (p, k), a parameter alone, and `total` (p, k), with its interactions.

    `first_error`, `total_error`: half-widths of their 95 % intervals by bootstrap. `failed` base points left out,
    `runs` of the model.
    """

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    first: Floats
    total: Floats
    first_error: Floats
    total_error: Floats
    failed: int
    runs: int


def logistic_quantiles(cube: Floats) -> Floats:
    """Controls of prior quantiles (R, p) where the controls are logits of uniform parameters."""
    return np.asarray(special.logit(cube))


def _within(cube: Floats) -> Floats:
    return np.asarray(MARGIN + (1.0 - 2.0 * MARGIN) * cube)


def _trajectories(count: int, parameters: int, levels: int, random: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Paths (count, p + 1, p) in the unit cube on which one parameter moves at a time, and the order (count, p) of moves."""
    jump = levels // 2
    order = np.argsort(random.random((count, parameters)), axis=1)
    level = random.integers(0, levels, (count, parameters))
    up = level + jump <= levels - 1
    paths = np.repeat(level[:, np.newaxis].astype(np.float64), parameters + 1, axis=1)
    row = np.arange(count)
    for move in range(parameters):
        moved = order[:, move]
        shift = np.where(up[row, moved], jump, -jump)
        paths[row, move + 1 :, moved] += shift[:, np.newaxis]
    return paths / (levels - 1.0), order


def _check(names: tuple[str, ...], levels: int, trajectories: int) -> None:
    if not names:
        raise ValueError("there is no parameter to screen")
    if levels < 2 or levels % 2:
        raise ValueError(f"levels must be an even number from 2, not {levels}")
    if trajectories < 2:
        raise ValueError(f"at least 2 trajectories are needed, not {trajectories}")


def morris(
    outputs: Outputs,
    from_quantiles: Callable[[Floats], Floats],
    names: tuple[str, ...],
    output_names: tuple[str, ...],
    *,
    trajectories: int = TRAJECTORIES,
    levels: int = LEVELS,
    seed: int | np.random.Generator = 0,
    difference: Callable[[Floats, Floats], Floats] = lambda after, before: after - before,
    progress: Progress | None = None,
) -> Effects:
    """Elementary effects of parameters `names` (p) on `outputs(u (R, p)) -> (R, k)`; u = from_quantiles(cube (R, p)).

    difference: that of two batches of outputs; it may reduce long outputs to k numbers. NaN outputs cost their trajectory.
    """
    _check(names, levels, trajectories)
    random, count = np.random.default_rng(seed), len(names)
    paths, order = _trajectories(trajectories, count, levels, random)
    width = np.diff(paths, axis=1).sum(axis=2)[..., np.newaxis]
    effects = np.empty((trajectories, count, len(output_names)))
    for number, (path, moves) in enumerate(zip(paths, order, strict=True)):
        values = np.asarray(outputs(from_quantiles(_within(path))), np.float64)
        effects[number, moves] = difference(values[1:], values[:-1]) / width[number]
        if progress is not None:
            progress(number + 1, trajectories, "Morris trajectories")
    sound = np.all(np.isfinite(effects), axis=(1, 2))
    if sound.sum() < 2:
        raise ValueError(f"the model fails on {int(np.sum(~sound))} of {trajectories} Morris trajectories; narrow the priors")
    good = effects[sound]
    return Effects(
        names, output_names, np.abs(good).mean(axis=0), good.mean(axis=0), good.std(axis=0, ddof=1),
        int(sound.sum()), int(np.sum(~sound)), trajectories * (count + 1),
    )  # fmt: skip


def screen(
    problem: Any,
    from_quantiles: Callable[[Floats], Floats] = logistic_quantiles,
    *,
    trajectories: int = TRAJECTORIES,
    levels: int = LEVELS,
    seed: int | np.random.Generator = 0,
    progress: Progress | None = None,
) -> Effects:
    """Morris on a least-squares problem: one output for each stream, and `misfit`.

    The effect on a stream is the root mean square change of its modelled observations in standard deviations of their
    errors, so that rises at one time do not hide falls at another; the effect on `misfit` is that on the
    negative log-likelihood.
    """
    squares = LeastSquares(problem)
    streams = squares.streams
    names = tuple(getattr(problem, "names", ()) or ())

    def outputs(u: Floats) -> Floats:
        return squares.residual(squares.predict(u))

    def change(after: Floats, before: Floats) -> Floats:
        size = [np.sqrt(np.mean((after[:, part] - before[:, part]) ** 2, axis=1)) for part in streams.values()]
        return np.stack([*size, squares.log_likelihood(before) - squares.log_likelihood(after)], axis=1)

    return morris(
        outputs, from_quantiles, names, (*streams, "misfit"),
        trajectories=trajectories, levels=levels, seed=seed, difference=change, progress=progress,
    )  # fmt: skip


def sobol(
    outputs: Outputs,
    from_quantiles: Callable[[Floats], Floats],
    names: tuple[str, ...],
    output_names: tuple[str, ...],
    *,
    base: int = 512,
    bootstrap: int = 200,
    seed: int | np.random.Generator = 0,
    rows_per_call: int = 512,
    progress: Progress | None = None,
) -> VarianceShares:
    """Sobol indices of `outputs(u (R, p)) -> (R, k)` by Saltelli's design on a scrambled Sobol sequence; base (p + 2) runs.

    base: a power of 2. Base points with a failed replica (NaN) are left out.
    """
    if base < 2 or base & (base - 1):
        raise ValueError(f"the number of base points must be a power of 2, not {base}")
    random, count = np.random.default_rng(seed), len(names)
    cube = stats.qmc.Sobol(2 * count, rng=random).random(base)
    first, second = cube[:, :count], cube[:, count:]
    mixed = np.repeat(first[np.newaxis], count, axis=0)
    for number in range(count):
        mixed[number, :, number] = second[:, number]
    points = _within(np.concatenate([first, second, mixed.reshape(-1, count)]))
    parts = []
    for begin in range(0, points.shape[0], rows_per_call):
        parts.append(np.asarray(outputs(from_quantiles(points[begin : begin + rows_per_call])), np.float64))
        if progress is not None:
            progress(min(begin + rows_per_call, points.shape[0]), points.shape[0], "Sobol runs")
    values = np.concatenate(parts).reshape(count + 2, base, len(output_names))
    sound = np.all(np.isfinite(values), axis=(0, 2))
    if sound.sum() < 4:
        raise ValueError(f"the model fails on {int(np.sum(~sound))} of {base} base points of Sobol; narrow the priors")
    values = values[:, sound]
    single, total = _shares(values)
    again = [_shares(values[:, random.integers(0, values.shape[1], values.shape[1])]) for _ in range(bootstrap)]
    errors = 1.96 * np.std(np.array(again), axis=0, ddof=1)
    return VarianceShares(
        names, output_names, single, total, errors[0], errors[1], int(np.sum(~sound)), points.shape[0]
    )


def _shares(values: Floats) -> tuple[Floats, Floats]:
    """First-order (Saltelli et al. 2010) and total (Jansen 1999) indices from outputs of A, B and A with a column of B."""
    at_first, at_second, mixed = values[0], values[1], values[2:]
    variance = np.var(np.concatenate([at_first, at_second]), axis=0)
    variance = np.where(variance > 0.0, variance, np.nan)
    single = np.mean(at_second * (mixed - at_first), axis=1) / variance
    total = 0.5 * np.mean((at_first - mixed) ** 2, axis=1) / variance
    return np.asarray(single), np.asarray(total)
