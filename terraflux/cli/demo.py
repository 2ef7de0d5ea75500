"""`terraflux demo`: a year at a made-up tower, in one command and without any data."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the output.")] = Path("terraflux_demo"),
    kind: Annotated[str, typer.Option(help="Vegetation of the tower: {kinds}")] = "forest",
    seed: Annotated[int, typer.Option(help="Seed of the made-up weather.")] = 1,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> None:
    """Run a year at a SYNTHETIC tower: made-up weather and observations, the whole way to the report page.

    Shows that everything works and that water, energy and carbon close. Files of an earlier run in the output folder
    are replaced; no other file is touched.
    """
    from terraflux.cli.progress import Progress
    from terraflux.cli.tower_run import command_line, run_tower, say

    say("SYNTHETIC TOWER: weather and observations are made up. Scores say nothing about skill at a real place.",
        "bold white on dark_orange3")
    from terraflux.drivers.synthetic_tower import synthetic_tower

    with Progress() as progress:
        progress.start("making the synthetic tower")
        tower = synthetic_tower(kind, seed=seed)
        run_tower(tower, out, progress, figures=figures, history=command_line())
