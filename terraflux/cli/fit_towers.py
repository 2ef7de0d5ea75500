"""What `terraflux fit` does: towers one after another, each with its checks, its chain and its files; then the hierarchy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from terraflux.cli.errors import TOLD, paragraph
from terraflux.cli.fit_output import fit_folder, refuse_other_fit, tell, write_hierarchies
from terraflux.cli.fit_progress import FitProgress
from terraflux.cli.progress import Progress
from terraflux.cli.tower_run import _writable, say

if TYPE_CHECKING:
    from terraflux.assimilation.checkpoint import Checkpoint
    from terraflux.assimilation.fit import Fit
    from terraflux.assimilation.problem import Problem
    from terraflux.assimilation.tower_problem import TowerProblem
    from terraflux.drivers.tower import Tower
    from terraflux.report.write_fit import FitFiles

SYNTHETIC = "synthetic"
SYNTHETIC_STEP = 3600
"""Step (s) of the synthetic tower: hours, so that a first calibration takes seconds."""
LONGEST_SYNTHETIC = 20


@dataclass(frozen=True)
class FitChoices:
    """The options of the verb, by their names."""

    method: str = "auto"
    seed: int = 0
    draws: int = 1000
    starts: int = 5
    maximum_runs: int = 20_000
    band_draws: int = 100
    observations: Path | None = None
    out: Path | None = None
    checkpoint: Path | None = None
    resume: bool = True
    overwrite: bool = False
    threads: int | None = None
    format: str | None = None
    data_folder: Path | None = None
    figures: bool = True
    history: str = ""


def fit_towers(problem: "Problem", names: Sequence[str], choices: FitChoices) -> int:
    """Fit towers by name and write everything; 0, or 1 where some of several towers failed.

    The error of a single tower, or of the last of several that all failed, is raised.
    """
    if len(names) > 1 and (choices.observations is not None or choices.checkpoint is not None):
        raise ValueError("--observations and --checkpoint belong to one tower; fit the towers one by one, or leave them out")
    if len(set(names)) < len(names):
        raise ValueError(f"a tower is named twice: {', '.join(names)}")
    alone = replace(problem, towers=())
    found: dict[str, Fit] = {}
    failed: dict[str, Exception] = {}
    with Progress() as progress:
        for name in names:
            try:
                fit, files = fit_one(alone, name, choices, FitProgress(progress, name if len(names) > 1 else ""),
                                     several=len(names) > 1)
            except TOLD as error:
                if len(names) == 1:
                    raise
                failed[name] = error
                continue
            found[fit.target.columns.tower.site.site_id] = fit
            progress.stop()
            tell(fit, files)
            progress.__enter__()
    for name, trouble in failed.items():
        say(f"! {name} was not fitted: {paragraph(trouble)}")
    if not found:
        raise ValueError(f"none of the {len(names)} towers could be fitted") from next(iter(failed.values()))
    if len(found) > 1:
        write_hierarchies(alone, found, choices.out or Path("fit"), choices.seed, choices.history)
    return 1 if failed else 0


def fit_one(problem: "Problem", name: str, choices: FitChoices, progress: FitProgress, several: bool = False
            ) -> tuple["Fit", "FitFiles"]:
    """Fit one tower and write its folder. All that can be refused is refused before the model is compiled."""
    from terraflux.assimilation.fit import fit
    from terraflux.assimilation.fit_tower import check_problem, pose
    from terraflux.report.write_fit import write_fit
    from terraflux.sites.observations_file import read_observations

    progress.stage("reading the tower")
    tower = opened(problem, name, choices)
    given = None if choices.observations is None else read_observations(choices.observations)
    check_problem(problem, tower, given)
    folder = fit_folder(tower.site.site_id, choices.out, several)
    if not choices.overwrite:
        refuse_other_fit(folder, problem, tower.site.site_id)
    _writable(folder)
    progress.stage("compiling and spinning up")
    target = pose(problem, tower, observations=given, threads=choices.threads, progress=progress)
    chain = checkpoint_of(target, folder, choices)
    progress.stage("calibrating")
    target.watch = progress.runs
    found = fit(target, choices.method, seed=choices.seed, starts=choices.starts, draws=choices.draws,
                maximum_runs=choices.maximum_runs, checkpoint=chain, progress=progress)
    target.watch = None
    progress.stage("writing")
    return found, write_fit(found, folder, figures=choices.figures, band_draws=choices.band_draws, history=choices.history,
                            progress=progress.stage)


def opened(problem: "Problem", name: str, choices: FitChoices) -> "Tower":
    """The tower of a name: `synthetic` covers the years of the problem; else a file or folder."""
    years = sorted({*problem.calibration, *problem.validation})
    if name == SYNTHETIC:
        from terraflux.drivers.synthetic_tower import synthetic_tower

        if years[-1] - years[0] >= LONGEST_SYNTHETIC:
            raise ValueError(f"the synthetic tower makes up to {LONGEST_SYNTHETIC} years, not {years[0]} to {years[-1]}; "
                             "choose years of calibration and validation that lie closer")
        return synthetic_tower(year=years[0], years=years[-1] - years[0] + 1, step_seconds=SYNTHETIC_STEP)
    from terraflux.drivers.tower import open_tower

    return open_tower(name, format=choices.format, data_folder=choices.data_folder)


def checkpoint_of(target: "TowerProblem", folder: Path, choices: FitChoices) -> "Checkpoint":
    """The checkpoint of a sampler; a chain of another problem is refused unless it is to be overwritten."""
    from terraflux.assimilation.checkpoint import ForeignCheckpoint
    from terraflux.assimilation.fit_checkpoint import fit_checkpoint, saved_problem
    from terraflux.evaluation.cf_attributes import version
    from terraflux.report.write_fit import CHAIN

    path = choices.checkpoint or folder / CHAIN
    saved_problem(path)  # what is no checkpoint is refused, never removed
    if not choices.resume:
        _remove(path)
    try:
        return fit_checkpoint(path, target, seed=choices.seed, revision=version())
    except ForeignCheckpoint:
        if not choices.overwrite or choices.checkpoint is not None:
            raise
        _remove(path)
        return fit_checkpoint(path, target, seed=choices.seed, revision=version())


def _remove(path: Path) -> None:
    """Take a checkpoint and its backup away."""
    for one in (path, path.with_name(path.name + ".backup")):
        one.unlink(missing_ok=True)
