"""All output of a run in one folder: netCDF, scores, figures, page."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from terraflux.drivers.safe_write import replacing, write_text
from terraflux.evaluation.cf import write_netcdf
from terraflux.evaluation.results import tower_results
from terraflux.evaluation.scores import score_table
from terraflux.report.figures import FIGURE_NAMES, Drawn, draw_figures
from terraflux.report.page import page_html

SIMULATION = "simulation.nc"
SCORES_CSV, SCORES_JSON = "scores.csv", "scores.json"
FIGURES = "figures"
PAGE = "report.html"


@dataclass(frozen=True)
class RunFiles:
    """What a run wrote: the files, the scores (None without observations), notes on what was left out, and how many
    files of an earlier run were in its place."""

    folder: Path
    page: Path
    files: tuple[Path, ...]
    scores: pd.DataFrame | None
    notes: tuple[str, ...]
    replaced: int = 0


def write_run(simulated: xr.Dataset, folder: str | os.PathLike[str], observed: xr.Dataset | None = None,
              forcing: xr.Dataset | None = None, *, names: str = "alma", precision: str = "float32",
              history: str = "", figures: bool = True, maximum_quality: int = 0,
              progress: Callable[[str], None] | None = None) -> RunFiles:
    """Write simulation.nc, scores.csv, scores.json, figures/*.png and report.html into a folder, made where missing.

    Files of these names are replaced, each whole or not at all, and those of an earlier run that this one does not
    have are removed; nothing else in the folder is touched. `names` and `precision` are those of `write_netcdf`,
    `maximum_quality` that of `score_table`; `progress` is told each step. Raises ValueError for unknown choices and
    OSError where the folder cannot be written.
    """
    tell = progress or (lambda step: None)
    place = Path(folder)
    earlier = [path for path in _own_files(place) if path.exists()]
    tell("netCDF file")
    files = [write_netcdf(simulated, place / SIMULATION, names=names, precision=precision, history=history)]
    notes: list[str] = []
    scores = None
    if observed is not None:
        tell("scores")
        scores = score_table(simulated, observed, maximum_quality=maximum_quality)
        files += _write_scores(scores, place)
        if scores.empty or not (scores["n"] > 0).any():
            notes.append("No observation has a value to compare with.")
    drawn: list[Drawn] = []
    if figures:
        drawn, left_out = draw_figures(simulated, observed, forcing,
                                       lambda name: tell(f"figure {name.replace('_', ' ')}"))
        notes += left_out
        for one in drawn:
            path = place / FIGURES / f"{one.name}.png"
            with replacing(path) as temporary:
                temporary.write_bytes(one.png)
            files.append(path)
    tell("page")
    beside = [str(path.relative_to(place)) for path in files]
    page = write_text(place / PAGE, page_html(simulated, observed, forcing, scores, drawn, notes, beside))
    for stale in set(earlier) - {*files, page}:
        stale.unlink(missing_ok=True)
    return RunFiles(place, page, (*files, page), scores, tuple(notes), len(earlier))


def _own_files(place: Path) -> list[Path]:
    """Every file that a run may write."""
    figures = [place / FIGURES / f"{name}.png" for name in FIGURE_NAMES]
    return [place / SIMULATION, place / SCORES_CSV, place / SCORES_JSON, place / PAGE, *figures]


def _write_scores(scores: pd.DataFrame, place: Path) -> list[Path]:
    with replacing(place / SCORES_CSV) as temporary:
        scores.to_csv(temporary, index=False, float_format="%.6g")
    by_scale = {scale: tower_results(scores, scale) for scale in scores["scale"].unique()}
    plain = json.loads(json.dumps(by_scale), parse_constant=lambda name: None)
    write_text(place / SCORES_JSON, json.dumps(plain, indent=1, allow_nan=False) + "\n")
    return [place / SCORES_CSV, place / SCORES_JSON]
