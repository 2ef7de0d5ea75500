"""`terraflux region`: a calibrated model over a country for decades, and its files."""

from pathlib import Path
from typing import Annotated

import typer

TOLD = 20  # masked cells that are printed
Folder = Annotated[Path, typer.Argument(help="Folder of the run.")]


def run(config: Annotated[Path, typer.Argument(help="TOML file of choices: forcing, model, parameters, days, output.")],
        out: Annotated[Path | None, typer.Option(help="Folder of the run; default: `folder` of [output].")] = None,
        executor: Annotated[str, typer.Option(help="threads or dask; default: that of the file.")] = "",
        threads: Annotated[int | None, typer.Option(help="Threads of this process; default: all cores.")] = None,
        workers: Annotated[int | None, typer.Option(help="Worker processes of a local dask cluster.")] = None,
        scheduler: Annotated[str, typer.Option(help="Address of a dask scheduler, such as tcp://host:8786.")] = "",
        force: Annotated[bool, typer.Option("--force", help="Go on with checkpoints of other choices or code.")] = False
        ) -> None:
    """Run a region, or go on where it stopped. Leaves with 75 when it was asked to stop, 1 where tiles failed, and 3
    where it is done but for cells that are masked."""
    from terraflux.cli.progress import Progress
    from terraflux.region.run import MASKED_EXIT, STOPPED_EXIT, run_region

    changes = {name: value for name, value in (("executor", executor or ("dask" if scheduler else "")), ("threads", threads),
                                               ("workers", workers), ("scheduler", scheduler)) if value not in ("", None)}
    with Progress() as progress:
        progress.start("region")
        result = run_region(config, folder=out, force=force, progress=progress.update, **changes)
    for line in result.troubles:
        print(line)
    for cell in result.masked[:TOLD]:
        print(f"masked: {cell}")
    if len(result.masked) > TOLD:
        print(f"masked: {len(result.masked) - TOLD} cells more; terraflux region status --json lists them")
    print(f"{result.folder}: {result.status} after {result.seconds:.0f} s, {100.0 * result.waited_share:.1f} % of it waiting "
          "for reading and writing")
    if result.status != "done":
        print("Run the same command again to go on.")
        raise typer.Exit(STOPPED_EXIT if result.status == "stopped" else 1)
    if result.masked:
        print(f"{len(result.masked)} cells are missing from some day on: correct their forcing or parameters and run again in "
              "another folder.")
        raise typer.Exit(MASKED_EXIT)


def status(folder: Folder,
           verify: Annotated[bool, typer.Option("--verify", help="Read every chunk and compare checksums.")] = False,
           json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Show how a run stands, tile by tile; leaves with 1 where chunks are damaged."""
    from terraflux.cli.listing import print_json, print_rows
    from terraflux.region.masking import masked_from
    from terraflux.region.run import region_status

    facts = region_status(folder, verify=verify)
    if json:
        print_json(facts)
    else:
        rows = [(str(one["tile"]), f"{one['next_day']} of {facts['days']}", one["trouble"] or "none") for one in facts["tiles"]]
        print_rows(("tile", "days", "trouble"), rows, f"{facts['cells']} cells, {100.0 * facts['share']:.1f} % done"
                   + (", SYNTHETIC" if facts["synthetic"] else ""))
        for one in masked_from(facts["masked"]):
            print(f"masked: {one}")
        for name in facts["damaged"]:
            print(f"damaged: {name}; delete the folder of its tile below tiles/ and run again")
    if facts["damaged"]:
        raise typer.Exit(1)


def export(folder: Folder, out: Annotated[Path | None, typer.Option(help="Folder of the files; default: export/ in the "
                                                                         "run.")] = None,
           variable: Annotated[list[str] | None, typer.Option(help="CMIP name, such as gpp; several times for more.")] = None,
           member: Annotated[int | None, typer.Option(help="Member of an ensemble; default: their mean.")] = None) -> None:
    """Write CF netCDF files, one per variable on the grid, as ILAMB reads them."""
    from terraflux.cli.progress import Progress
    from terraflux.region.export import export_region

    with Progress() as progress:
        progress.start("export")
        files = export_region(folder, out, variables=variable or (), member=member, progress=progress.update)
    for path in files:
        print(path)


def region() -> typer.Typer:
    """The group of verbs about regional runs."""
    from terraflux.cli.region_example import example
    from terraflux.cli.table_help import TableCommand

    group = typer.Typer(name="region", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
                        help="Regional runs over decades: run, status, export, and a finished example.",
                        context_settings={"help_option_names": ["-h", "--help"]})
    for name, verb in (("run", run), ("status", status), ("export", export), ("example", example)):
        group.command(name, cls=TableCommand)(verb)
    return group
