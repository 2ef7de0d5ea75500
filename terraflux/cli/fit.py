"""`terraflux fit`: calibrate the parameters of towers, with everything that says how far to trust them."""

from pathlib import Path
from typing import Annotated

import typer


def fit(
    problem: Annotated[Path, typer.Argument(help="Problem file (TOML): parameters, streams, errors, footprint, years.")],
    tower: Annotated[list[str] | None, typer.Option(help="A tower file, a data file or folder, or `synthetic` (invented "
                                                         "weather and observations); may be repeated. Without it the towers "
                                                         "that the problem file names.")] = None,
    observations: Annotated[Path | None, typer.Option(help="observations.nc of the one tower, made by `terraflux "
                                                           "observations`: needed for footprint operators.")] = None,
    method: Annotated[str, typer.Option(help="{fit_methods}")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same posterior.", min=0)] = 0,
    draws: Annotated[int, typer.Option(help="Draws kept from the posterior.", min=50, max=100_000)] = 1000,
    starts: Annotated[int, typer.Option(help="Starting points of the search for the optimum.", min=1, max=1000)] = 5,
    maximum_runs: Annotated[int, typer.Option(help="Runs of the model that a sampler may take.", min=100)] = 20_000,
    band_draws: Annotated[int, typer.Option(help="Draws behind the bands of predictions.", min=2, max=200)] = 100,
    out: Annotated[Path | None, typer.Option(help="Folder for the output; ./fit_SITE without it, ./fit with several towers, "
                                                  "each in a folder of its own.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Where a sampler saves itself; chain.h5 in the output folder without "
                                                         "it. The same command goes on where it was killed.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a chain that was begun; --no-resume begins anew.")] = True,
    overwrite: Annotated[bool, typer.Option(help="Replace the fit of another problem in the output folder.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads of the model; all cores without it.", min=1)] = None,
    format: Annotated[str | None, typer.Option(help="Format of the data, if it is ambiguous: {formats}")] = None,
    data_folder: Annotated[Path | None, typer.Option(
        help="Root of the data that a tower file points to; else $TERRAFLUX_SHARED_DATA, else the tower file's folder."
    )] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> int:
    """Calibrate parameters at one or several towers: posterior.nc, parameters.toml and a page, fit.html.

    Several towers are fitted one after another; one that fails leaves the others alone. Then parameters of every plant type
    with two towers or more are put into a hierarchy (hierarchy.nc). Run with the parameters by `terraflux site
    --parameters-file parameters.toml`. Files of an earlier fit of the same problem are replaced, each whole or not at all.
    """
    from terraflux.assimilation.fit import METHODS
    from terraflux.assimilation.problem_file import read_problem
    from terraflux.cli.fit_towers import FitChoices, fit_towers
    from terraflux.cli.tower_run import command_line
    from terraflux.drivers.errors import nearest

    if method not in METHODS:
        raise ValueError(f"--method {method!r} is unknown; {nearest(method, METHODS)}")
    posed = read_problem(problem)
    names = [*tower] if tower else [str(problem.parent / name) for name in posed.towers]
    if not names:
        raise ValueError(f"{problem} names no tower; give --tower FILE, or --tower synthetic, or towers = [...] in the file")
    choices = FitChoices(method=method, seed=seed, draws=draws, starts=starts, maximum_runs=maximum_runs,
                         band_draws=band_draws, observations=observations, out=out, checkpoint=checkpoint, resume=resume,
                         overwrite=overwrite, threads=threads, format=format, data_folder=data_folder, figures=figures,
                         history=command_line())
    return fit_towers(posed, names, choices)
