"""Figures of a posterior: traces, pairs of parameters, prior against posterior, what the data can tell."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.posterior_file import unit_of
from terraflux.report.fit_review import Review
from terraflux.report.style import INK, OBSERVED, QUIET, SIMULATED, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
MOST_TRACES = 16
MOST_IN_CORNER = 12
WALKERS = 12
"""Walkers of all ensembles that a trace shows."""
CELL = 28
"""Bins along one side of a panel of the corner plot, at most."""
COLOURS = ("#0b6e74", "#d9622b", "#6a51a3", "#8a9299")


def label_of(name: str, width: int = 22) -> str:
    """A name of the control vector on short lines."""
    stream, _, what = name.rpartition(".")
    text = f"{what} of {stream}" if stream else name
    return "\n".join(textwrap.wrap(text.replace("_", " ").replace("@", " of "), width))


def traces(review: Review) -> "Figure":
    """Steps of some walkers of every ensemble, kept part; raises ValueError where no chain was run."""
    sampling = review.fit.sampling
    if sampling is None or sampling.weights is not None:
        raise ValueError("no chain was run: the draws are independent")
    names = [*review.names[:MOST_TRACES], "log posterior"]
    every = max(sampling.controls.shape[1] // 1000, 1)
    chosen = np.unique(np.linspace(0, sampling.controls.shape[0] - 1, WALKERS).astype(int))
    controls = sampling.controls[chosen, ::every]
    steps = np.arange(controls.shape[1]) * every
    physical = review.fit.target.space.physical(controls.reshape(-1, controls.shape[-1])).reshape(controls.shape)
    rows = -(-len(names) // 2)
    with drawing(9.0, 1.25 * rows + 0.4) as figure:
        panels = figure.subplots(rows, 2, sharex=True, squeeze=False).ravel()
        for k, (panel, name) in enumerate(zip(panels, names, strict=False)):
            values = sampling.log_density[chosen, ::every] if name == "log posterior" else physical[:, :, k]
            for row, ensemble in zip(values, sampling.ensemble[chosen], strict=True):
                panel.plot(steps, row, lw=0.5, color=COLOURS[int(ensemble) % len(COLOURS)])
            panel.set_title(label_of(name, 48))
        for panel in panels[len(names):]:
            panel.set_axis_off()
        figure.supxlabel("step after burn-in")
    return figure


def corner(review: Review) -> "Figure":
    """Densities of pairs below the diagonal, of each parameter on it, correlations (in control space) above."""
    fit = review.fit
    chosen = _most_related(fit.draws)
    draws, count = fit.physical()[:, chosen], len(chosen)
    if count < 2:
        raise ValueError("fewer than two parameters vary")
    low, high = np.quantile(draws, 0.003, axis=0), np.quantile(draws, 0.997, axis=0)
    place = (draws - low) / np.where(high > low, high - low, 1.0)
    bins = int(np.clip(np.sqrt(len(draws)) / 1.5, 8, CELL))
    picture = np.full((count * bins, count * bins), np.nan)
    for i in range(count):
        for j in range(i):
            found = np.histogram2d(place[:, i], place[:, j], bins, ((0, 1), (0, 1)))[0]
            picture[i * bins:(i + 1) * bins, j * bins:(j + 1) * bins] = found / max(found.max(), 1.0)
    rank = np.atleast_2d(np.corrcoef(fit.draws[:, chosen].T))
    side = 1.2 + 0.72 * max(count, 4)
    with drawing(side + 0.6, side) as figure:
        axes = figure.subplots()
        axes.imshow(np.where(np.isnan(picture), 0.0, picture), cmap="GnBu", origin="lower", vmin=0.0, vmax=1.0,
                    extent=(0, count, 0, count), aspect="equal", interpolation="nearest")
        for i in range(count):
            heights, edges = np.histogram(np.clip(place[:, i], 0, 1), bins, (0, 1))
            axes.stairs(i + 0.9 * heights / heights.max(), i + edges, baseline=i, fill=True, color=SIMULATED)
            for j in range(i + 1, count):
                axes.text(j + 0.5, i + 0.5, f"{rank[i, j]:.2f}", ha="center", va="center", fontsize=8.0,
                          color=INK if abs(rank[i, j]) > 0.5 else QUIET)
        for edge in range(count + 1):
            axes.axhline(edge, color="white", lw=2.0)
            axes.axvline(edge, color="white", lw=2.0)
        names = [label_of(fit.target.names[k], 16) for k in chosen]
        axes.grid(False)
        axes.set_xticks(np.arange(count) + 0.5, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
        ranges = [f"{name}\n{a:.3g} – {b:.3g}" for name, a, b in zip(names, low, high, strict=True)]
        axes.set_yticks(np.arange(count) + 0.5, ranges, fontsize=7.5)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def _most_related(draws: Floats) -> list[int]:
    """All columns that vary, or those most correlated with another where there are too many, in their order."""
    moving = np.flatnonzero(np.ptp(draws, axis=0) > 0.0)
    if moving.size <= MOST_IN_CORNER:
        return [int(k) for k in moving]
    related = np.abs(np.corrcoef(draws[:, moving].T) - np.eye(moving.size)).max(axis=1)
    return sorted(int(k) for k in moving[np.argsort(-related)[:MOST_IN_CORNER]])


def prior_posterior(review: Review) -> "Figure":
    """Prior density, histogram of the posterior, default and mode of every parameter."""
    fit, space = review.fit, review.fit.target.space
    draws, best = fit.physical(), space.physical(fit.mode[None])[0]
    prior_draws = space.physical(space.draw(np.random.default_rng([fit.seed, 7]), 4000))
    rows = -(-space.size // 3)
    with drawing(9.0, 1.75 * rows + 0.5) as figure:
        panels = figure.subplots(rows, 3, squeeze=False).ravel()
        for k, (panel, name) in enumerate(zip(panels, space.names, strict=False)):
            low, high = np.quantile(np.concatenate([np.quantile(prior_draws[:, k], (0.01, 0.99)),
                                                    np.quantile(draws[:, k], (0.001, 0.999)), [space.default[k]]]), (0, 1))
            edges = np.linspace(low, high, 61)
            for values, colour, fill, label in ((prior_draws[:, k], QUIET, False, "prior"),
                                                (draws[:, k], SIMULATED, True, "posterior")):
                heights = np.histogram(values, edges, density=True)[0]
                panel.stairs(heights / max(heights.max(), 1e-300), edges, fill=fill, color=colour, lw=1.2, label=label,
                             alpha=0.85)
            panel.axvline(space.default[k], color=INK, lw=1.0, ls=":", label="default")
            panel.axvline(best[k], color=OBSERVED, lw=1.2, label="mode")
            unit = unit_of(name)
            panel.set_title(label_of(name, 34) + (f" ({unit})" if unit not in ("1", "") else ""), fontsize=8.0)
            panel.set_yticks([])
        for panel in panels[space.size:]:
            panel.set_axis_off()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=4)
    return figure


def what_data_tell(review: Review) -> "Figure":
    """Eigenvalues with the names of their directions, and posterior over prior standard deviation of each parameter."""
    found = review.information
    if found is None:
        raise ValueError("no normal posterior is known, so neither are its directions")
    count = len(found.names)
    with drawing(9.0, 0.34 * count + 1.3) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
        values = np.maximum(found.eigenvalues, 1e-3)
        colours = [SIMULATED if one.identified else OBSERVED for one in found.directions]
        left.barh(np.arange(count), values, color=colours, left=1e-3)
        left.set_xscale("log")
        left.axvline(1.0, color=INK, lw=1.0, ls=":")
        labels = ["\n".join(textwrap.wrap(one.label.replace("_", " "), 44)) for one in found.directions]
        left.set_yticks(np.arange(count), labels, fontsize=7.0)
        left.invert_yaxis()
        left.set_title("Information of data over prior")
        right.barh(np.arange(count), found.shrinkage, color=SIMULATED)
        right.axvline(1.0, color=INK, lw=1.0, ls=":")
        right.set_yticks(np.arange(count), [label_of(name, 30) for name in found.names], fontsize=7.0)
        right.invert_yaxis()
        right.set_title("Posterior / prior standard deviation")
    return figure


def sensitivities(review: Review) -> "Figure":
    """Root mean square change of each stream over its errors, per prior standard deviation of each parameter."""
    columns = review.fit.target.mean_columns
    table = review.sensitivity[:, columns]
    names = [label_of(review.names[k], 18) for k in columns]
    streams = [label_of(one.name, 18) for one in review.fit.target.streams]
    with drawing(2.4 + 0.62 * len(names), 1.6 + 0.42 * len(streams)) as figure:
        axes = figure.subplots()
        shade = np.log10(np.maximum(table, 1e-3 * max(table.max(), 1e-12)))
        axes.imshow(shade, cmap="GnBu", aspect="auto")
        middle = 0.5 * (shade.min() + shade.max())
        for i, row in enumerate(table):
            for j, value in enumerate(row):
                axes.text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=7.5,
                          color="white" if shade[i, j] > middle else INK)
        axes.grid(False)
        axes.set_xticks(np.arange(len(names)), names, rotation=50, ha="right", rotation_mode="anchor", fontsize=7.5)
        axes.set_yticks(np.arange(len(streams)), streams, fontsize=8.0)
    return figure
