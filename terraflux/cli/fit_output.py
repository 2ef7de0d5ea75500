"""What `terraflux fit` says and where it writes: the folder and whose it is, tables, the hierarchy over several towers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from terraflux.cli.listing import print_rows
from terraflux.cli.tower_run import default_folder, say

if TYPE_CHECKING:
    from terraflux.assimilation.fit import Fit
    from terraflux.assimilation.problem import Problem
    from terraflux.report.write_fit import FitFiles

HIERARCHY = "hierarchy.nc"


class FolderTaken(ValueError):
    """The output folder holds the fit of another problem."""


def fit_folder(site: str, out: Path | None, several: bool) -> Path:
    """Folder of a tower's fit. A name from a data file cannot lead out of it."""
    own = default_folder(site).name.replace("terraflux_", "", 1)
    if several:
        return (out or Path("fit")) / own
    return out or Path(f"fit_{own}")


def refuse_other_fit(folder: Path, problem: "Problem", site: str) -> None:
    """Raise FolderTaken where the folder holds a posterior of another problem or site, or one that cannot be read."""
    from terraflux.assimilation.parameter_rows import ProblemError
    from terraflux.assimilation.posterior_file import read_attributes
    from terraflux.drivers.errors import ForcingError
    from terraflux.report.write_fit import POSTERIOR

    path = folder / POSTERIOR
    if not path.exists():
        return
    remedy = "choose another folder with --out, or give --overwrite to replace it"
    try:
        found = read_attributes(path)
    except (ProblemError, ForcingError) as error:
        raise FolderTaken(f"{path} is no fit that could be replaced ({error}); {remedy}") from error
    if found["site_id"] != site:
        raise FolderTaken(f"{folder} holds a fit of {found['site_id']}, not of {site}; {remedy}")
    if found["problem_digest"] != problem.digest():
        raise FolderTaken(f"{folder} holds the fit of another problem (digest {str(found['problem_digest'])[:12]}, this one is "
                          f"{problem.digest()[:12]}); {remedy}")


def write_hierarchies(problem: "Problem", fits: Mapping[str, "Fit"], folder: Path, seed: int, history: str) -> None:
    """hierarchy.nc with a plant type per group, and a table on the terminal; what cannot be done is told."""
    from terraflux.assimilation.hierarchy_file import site_hierarchies, write_hierarchy
    from terraflux.evaluation.cf_attributes import version

    found, notes = site_hierarchies(problem, fits, seed=seed)
    for note in notes:
        say(f"! {note}")
    if not found:
        return
    path = write_hierarchy(folder / HIERARCHY, found, version=version(), history=history)
    for code, one in found.items():
        rows = [(name, *(f"{row[key]:.3g}" for key in ("default", "q05", "q50", "q95", "spread_q50")), str(row["unit"]))
                for name, row in one.table().items()]
        print_rows(("parameter", "default", "5 %", "median", "95 %", "spread in u", "unit"), rows,
                   f"{code}: a site not yet seen, from {', '.join(one.hierarchy.sites)}", right=range(1, 6))
        if one.hierarchy.message:
            say(f"! {code}: {one.hierarchy.message}")
    say(f"hierarchy: {path.resolve()}", "bold")


def tell(fit: "Fit", files: "FitFiles") -> None:
    """Print parameters, scores, warnings and where the files are."""
    import numpy as np

    from terraflux.assimilation.posterior_file import unit_of
    from terraflux.report.fit_footprints import sector_table
    from terraflux.report.fit_page import warnings
    from terraflux.report.fit_review import SCALE_WORDS, unidentified

    site, space = fit.target.columns.tower.site.site_id, fit.target.space
    if fit.target.columns.tower.synthetic:
        say("SYNTHETIC TOWER: weather and observations are made up; nothing here is true of a real place.",
            "bold white on dark_orange3")
    say(f"{site}: {fit.method}, {fit.status.replace('_', ' ')}, {fit.runs} runs in {fit.seconds:.1f} s. {fit.message}")
    values, best = fit.physical(), space.physical(fit.mode[None])[0]
    rows = [(name, *(f"{number:.4g}" for number in (space.default[k], best[k], values[:, k].mean(), *np.quantile(
        values[:, k], (0.05, 0.95)))), unit_of(name)) for k, name in enumerate(space.names)]
    print_rows(("parameter", "default", "mode", "mean", "5 %", "95 %", "unit"), rows, f"Parameters at {site}",
               right=range(1, 6))
    rows = [(one.stream.replace("_", " "), one.period, SCALE_WORDS[one.scale], str(one.n),
             f"{one.rmse[0]:.3g}", f"{one.rmse[1]:.3g}", f"{one.reduction:.0%}", one.unit) for one in files.review.scores]
    print_rows(("stream", "years", "of", "n", "RMSE before", "after", "reduction", "unit"), rows, "Scores", right=range(3, 7))
    header, sectors = sector_table(fit.target.observations, fit.target.years)
    if sectors:
        print_rows(tuple(header), [tuple(row) for row in sectors], "Half hours rejected by their footprints",
                   right=range(1, len(header)))
    for label in unidentified(files.review):
        say(f"! the data do not tell: {label}")
    for text in [*warnings(files.review), *files.notes]:
        say(f"! {text}")
    say(f"{len(files.files)} files in {files.folder.resolve()}")
    say(f"page: {files.page.resolve()}", "bold")
