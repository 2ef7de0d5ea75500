"""What `terraflux site` and `terraflux demo` share: run an opened tower, write everything, say what came out."""

import importlib
import re
import shlex
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terraflux.cli.progress import Progress

if TYPE_CHECKING:
    import xarray as xr

    from terraflux.drivers.season import Season
    from terraflux.drivers.tower import Tower
    from terraflux.report.write import RunFiles

SHOWN_METRICS = ("bias", "rmse", "r", "nse", "kge_2012")


def command_line() -> str:
    """The command as typed, for the history of files."""
    return shlex.join(["terraflux", *sys.argv[1:]])


def default_folder(site_id: str) -> Path:
    """Output folder of a site in the working folder. A name from a data file cannot lead out of it.

    >>> str(default_folder("../../etc"))
    'terraflux_etc'
    """
    name = re.sub(r"[^\w.-]+", "_", site_id).strip("._")
    return Path(f"terraflux_{name or 'site'}")


def check_choices(options: Mapping[str, object], names: str, precision: str) -> None:
    """Refuse options and file choices that do not exist before any work is done (OptionError, ValueError)."""
    from terraflux.evaluation.cf import NAMES, PRECISIONS
    from terraflux.model.options import Options

    Options.from_mapping(options)
    for value, known, flag in ((names, NAMES, "--names"), (precision, PRECISIONS, "--precision")):
        if value not in known:
            raise ValueError(f"{flag} {value!r} is unknown; known are {', '.join(known)}")


def run_tower(tower: "Tower", folder: Path, progress: Progress, *, parameters: Mapping[str, float] | None = None,
              options: Mapping[str, object] | None = None, season: "Season | None" = None, spin_up_cycles: int = 12,
              names: str = "alma", precision: str = "float32", quality: int = 0, figures: bool = True, history: str = ""
              ) -> "RunFiles":
    """Simulate, write all files into a folder, and print closures, scores and where things are.

    `parameters`, `options` and `season` are those of `simulate`; the rest is that of `write_run`. Errors of both pass through.
    """
    _writable(folder)
    if figures:
        threading.Thread(target=_load_drawing, daemon=True).start()  # while compiled code runs, imports cost nothing
    progress.start(f"running {tower.site.site_id}")
    from terraflux.report.write import write_run
    from terraflux.simulation import simulate

    result = simulate(tower, dict(parameters or {}) or None, dict(options or {}) or None, season=season,
                      spin_up_cycles=spin_up_cycles, progress=progress.update)
    progress.start("writing")
    written = write_run(result, folder, tower.observations, tower.forcing, names=names, precision=precision,
                        history=history, figures=figures, maximum_quality=quality,
                        progress=lambda step: progress.update(1, 1, step))
    progress.stop()
    tell(result, written, tower)
    return written


def _load_drawing() -> None:
    """Import what figures need."""
    for module in ("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.dates"):
        importlib.import_module(module)


def _writable(folder: Path) -> None:
    """Refuse an output place that cannot take files before the work of a run is spent (OSError)."""
    import tempfile

    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"the output folder {folder} is a file; choose another with --out")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def tell(result: "xr.Dataset", written: "RunFiles", tower: "Tower") -> None:
    """Print closures, scores, warnings and where the files are."""
    from terraflux.cli.listing import print_rows
    from terraflux.report.summary import closures, is_synthetic, warnings

    synthetic = is_synthetic(result)
    rows = [(one.name, "not told" if one.closes is None else f"{one.value:.2e}", f"{one.limit:g}", one.unit,
             {True: "yes", False: "NO", None: "?"}[one.closes]) for one in closures(result)]
    print_rows(("budget", "largest imbalance in a step", "limit", "unit", "closes"), rows, "Closure", right=(1, 2))
    if written.scores is not None:
        _tell_scores(written.scores, "Scores against SYNTHETIC observations" if synthetic else "Scores", tower)
    for text in [*warnings(result, tower.forcing), *written.notes]:
        say(f"! {text}")
    if result.attrs.get("spin_up"):
        say(f"spin-up: {result.attrs['spin_up']}")
    say(f"{len(written.files)} files in {written.folder.resolve()}"
        + (f"; {written.replaced} of an earlier run were replaced" if written.replaced else ""))
    say(f"report: {written.page.resolve()}", "bold")


def _tell_scores(scores: Any, title: str, tower: "Tower") -> None:
    from terraflux.cli.listing import print_rows
    from terraflux.evaluation.scores import pivot

    daily = pivot(scores, "daily")
    daily = daily[daily["n"] > 0]
    if daily.empty:
        say("no day has enough observations for daily scores")
        return
    units = scores[scores["metric"] == "rmse"].groupby("variable")["unit"].first()
    rows = [(str(name).replace("_", " "), f"{int(row['n'])}",
             *("–" if row[metric] != row[metric] else f"{row[metric]:.3g}" for metric in SHOWN_METRICS),
             str(units.get(name, ""))) for name, row in daily.iterrows()]
    print_rows(("variable", "days", *SHOWN_METRICS, "unit of bias, RMSE"), rows,
               f"{title}, daily means at {tower.site.site_id}", right=range(1, 2 + len(SHOWN_METRICS)))


def say(text: str, style: str = "") -> None:
    """Print a sentence; styles show on terminals only."""
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False, soft_wrap=True).print(Text(text, style=style))
