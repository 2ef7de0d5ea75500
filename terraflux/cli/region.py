"""`terraflux region`: a calibrated model over a country for decades, and its files."""

import os
import shlex
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
           member: Annotated[int | None, typer.Option(help="Member of an ensemble; default: their mean.")] = None,
           model: Annotated[str, typer.Option(help="Name of the model in file names and in ILAMB.")] = "terraflux",
           ilamb: Annotated[bool, typer.Option("--ilamb", help="Lay a study out for ILAMB: MODELS/, ilamb.cfg, regions.nc; "
                                                               "default folder: ilamb/ in the run.")] = False,
           data: Annotated[Path | None, typer.Option(help="With --ilamb: folder that holds DATA/<variable>/<source>/; default: "
                                                          "$ILAMB_ROOT.")] = None,
           regions: Annotated[str, typer.Option(help="With --ilamb: china, none, or a file: GeoJSON, shapefile, "
                                                     "TOML.")] = "china") -> None:
    """Write CF netCDF files, one per variable on the grid, as ILAMB reads them."""
    from terraflux.cli.progress import Progress
    from terraflux.region.export import MODEL_NAME, export_region

    if MODEL_NAME.fullmatch(model) is None:
        raise ValueError(f"--model {model!r}: use letters, digits, dots and hyphens")
    root = data or (Path(os.environ["ILAMB_ROOT"]) if os.environ.get("ILAMB_ROOT") else None)
    if ilamb and root is None:
        raise ValueError("--ilamb needs the references: give --data FOLDER, or set ILAMB_ROOT")
    home = out or folder / ("ilamb" if ilamb else "export")
    with Progress() as progress:
        progress.start("export")
        files = export_region(folder, home / "MODELS" / model if ilamb else home, variables=variable or (), model=model,
                              member=member, progress=progress.update)
    for path in files:
        print(path)
    if ilamb and root is not None:
        _write_ilamb_study(home, root, regions)


def _write_ilamb_study(home: Path, data: Path, regions: str) -> None:
    """Configuration and regions of a study, and the command that runs it."""
    from terraflux.evaluation.comparison.ilamb_study import write_study
    from terraflux.evaluation.comparison.regions import read_regions, regions_of_china

    shapes = () if regions == "none" else regions_of_china() if regions == "china" else read_regions(regions)
    study = write_study(home, data, regions=shapes)
    for name, source in study.confrontations:
        print(f"{name} against {source}")
    print(f"cd {shlex.quote(str(home))} && ILAMB_ROOT={shlex.quote(str(data.resolve()))} MPLBACKEND=Agg ilamb-run "
          f"{shlex.join(study.arguments('_build'))}")


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
