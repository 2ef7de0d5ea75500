"""`terraflux region example`: the synthetic nation from parameters to the page, in one command."""

import os
from pathlib import Path
from typing import Annotated

import typer


def example(folder: Annotated[Path, typer.Argument(help="Folder of the example; the same command in it goes on.")],
            resolution: Annotated[float, typer.Option(help="Degrees, 0.1 to 6.")] = 0.5,
            years: Annotated[str, typer.Option(help="First and last year within 1979-2012.")] = "1979-2012",
            coarse: Annotated[float, typer.Option(help="Degrees of the runs behind products, attribution and members.")] = 2.0,
            attribution: Annotated[bool, typer.Option(
                "--attribution", help="Explain trends by CO2, climate and leaf area: five more coarse runs.")] = False,
            members: Annotated[int, typer.Option(help="Members of the posterior that are run at the coarse resolution.", min=0,
                                                 max=32)] = 0,
            spin_up_years: Annotated[int, typer.Option(help="Years that the spin-up recycles.", min=1, max=30)] = 5,
            every: Annotated[int, typer.Option(help="Only each so many-th cell, for a trial.", min=1)] = 1,
            seed: Annotated[int, typer.Option(help="Seed of the invented country.", min=0)] = 1,
            threads: Annotated[int, typer.Option(help="Threads; default: all cores.", min=0)] = 0,
            data_folder: Annotated[Path | None, typer.Option(
                help="Folder of real data, for MODIS at towers; default: $TERRAFLUX_SHARED_DATA, else left out.")] = None,
            figures: Annotated[bool, typer.Option(help="Draw figures.")] = True) -> None:
    """Run a SYNTHETIC nation for decades: parameters, run, maps, trends, made-up products, comparison, one page.

    Stopped or killed, the same command goes on where it was and gives the same files. Leaves with 75 when it was asked to
    stop.
    """
    from terraflux.cli.assignments import year_range
    from terraflux.cli.progress import Progress
    from terraflux.cli.tower_run import say
    from terraflux.nation_choices import NationChoices
    from terraflux.nation_stages import NationalExample
    from terraflux.region.errors import Stopped
    from terraflux.region.run import STOPPED_EXIT

    first, last = year_range(years)
    shared = os.environ.get("TERRAFLUX_SHARED_DATA")
    data = data_folder or (Path(shared) if shared and Path(shared).is_dir() else None)
    if data is not None and not data.is_dir():
        raise ValueError(f"--data-folder {data} does not exist")
    choices = NationChoices(resolution, first, last, max(coarse, resolution), seed, every, spin_up_years, attribution, members)
    say("SYNTHETIC NATION: country, weather and products are made up. Numbers say nothing about a real place.",
        "bold white on dark_orange3")
    try:
        with Progress() as progress:
            page = NationalExample(folder, choices, threads=threads, data=data, figures=figures, progress=progress).run()
    except Stopped:
        print("Stopped; run the same command again to go on.")
        raise typer.Exit(STOPPED_EXIT) from None
    print(f"page {page}")
