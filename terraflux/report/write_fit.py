"""All output of `terraflux fit` at one tower in one folder."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.parameter_file import parameters_text
from terraflux.assimilation.posterior_file import MOST_POINTWISE, POINTWISE_DRAWS, write_posterior
from terraflux.assimilation.problem_file import problem_text
from terraflux.drivers.safe_write import replacing, write_text
from terraflux.evaluation.cf_attributes import version
from terraflux.report.fit_page import draw_fit_figures, fit_html
from terraflux.report.fit_review import BAND_DRAWS, Review, review_fit

POSTERIOR, PARAMETERS, PROBLEM, PAGE = "posterior.nc", "parameters.toml", "problem.toml", "fit.html"
FIGURES, CHAIN = "figures", "chain.h5"


@dataclass(frozen=True)
class FitFiles:
    """The folder, its page, all files, the numbers on the page, and what was left out."""

    folder: Path
    page: Path
    files: tuple[Path, ...]
    review: Review
    notes: tuple[str, ...]


def write_fit(fit: Fit, folder: str | os.PathLike[str], *, figures: bool = True, band_draws: int = BAND_DRAWS,
              history: str = "", progress: Callable[[str], object] | None = None) -> FitFiles:
    """Write posterior.nc, parameters.toml, problem.toml, figures (PNG) and the page fit.html.

    Everything is made before the first file is written, and each file appears whole or not at all; figures of an earlier
    run that this one does not have are removed. Raises OSError where the folder cannot be written.
    """
    tell = progress or (lambda text: None)
    place = Path(folder)
    review = review_fit(fit, draws=band_draws, progress=tell)
    tell("terms of single observations")
    count = int(np.clip(MOST_POINTWISE // max(fit.target.observed.size, 1), 2, min(POINTWISE_DRAWS, band_draws)))
    chosen = fit.draws[np.linspace(0, len(fit.draws) - 1, min(count, len(fit.draws))).astype(int)]
    predicted = fit.target.predict(chosen)
    drawn, left_out = draw_fit_figures(review, tell) if figures else ([], [])
    tell("files")
    names = [POSTERIOR, PARAMETERS, PROBLEM, *(f"{FIGURES}/{one.name}.png" for one in drawn)]
    page = fit_html(review, drawn, left_out, names)
    texts = {PARAMETERS: parameters_text(fit, version()), PROBLEM: problem_text(fit.target.problem)}
    first = review.periods[0]
    files = [write_posterior(place / POSTERIOR, fit, first.before, first.after, (chosen, predicted), version=version(),
                             history=history)]
    files += [write_text(place / name, text) for name, text in texts.items()]
    for one in drawn:
        path = place / FIGURES / f"{one.name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(one.png)
        files.append(path)
    written = write_text(place / PAGE, page)
    for stale in set((place / FIGURES).glob("*.png")) - set(files):
        stale.unlink()
    return FitFiles(place, written, (*files, written), review, tuple(left_out))
