"""`terraflux site`: run the model at one tower and compare it with what the tower measured."""

from pathlib import Path
from typing import Annotated

import typer


def site(
    tower: Annotated[Path, typer.Argument(help="A tower file (TOML), a data file, or a folder with either.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the output; ./terraflux_SITE without it.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of the data, if it is ambiguous: {formats}")] = None,
    data_folder: Annotated[Path | None, typer.Option(
        help="Root of the data that a tower file points to; else $TERRAFLUX_SHARED_DATA, else the tower file's folder."
    )] = None,
    plant: Annotated[str | None, typer.Option(help="Plant type in place of the site's own: {plant_types}")] = None,
    soil: Annotated[str | None, typer.Option(help="Soil class in place of the site's own: {soil_classes}")] = None,
    years: Annotated[str | None, typer.Option(help="Years to run: YEAR or FIRST-LAST; all without it.")] = None,
    scheme: Annotated[list[str] | None, typer.Option(help="PROCESS=NAME, may be repeated. {schemes}")] = None,
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, may be repeated; schemes, or numbers: "
                                                          "{options}")] = None,
    parameter: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, may be repeated; names and units: "
                                                             "`terraflux parameters`.")] = None,
    parameters_file: Annotated[Path | None, typer.Option(help="parameters.toml of `terraflux fit`: its parameters, its "
                                                              "season and its processes are used; --parameter and "
                                                              "--option stand above it (--option seasonality=none "
                                                              "leaves the season out).")] = None,
    parameters_statistic: Annotated[str, typer.Option(help="Which of its numbers: mode, mean, default, or a quantile q05, q25, "
                                                           "q50, q75, q95.")] = "mode",
    completion: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, may be repeated: how gaps and missing "
                                                              "forcing are completed. {completions}")] = None,
    spin_up_cycles: Annotated[int, typer.Option(help="Cycles of the forcing before the run, at most; 0 for none.",
                                                min=0)] = 12,
    names: Annotated[str, typer.Option(help="Names and units in the netCDF file: alma, cf, terraflux, or "
                                                     "plumber (ALMA on one cell, carbon in umol).")] = "alma",
    precision: Annotated[str, typer.Option(help="Precision of the netCDF file: float32 or float64.")] = "float32",
    quality: Annotated[int, typer.Option(help="Highest quality flag of observations used in scores; 0 = measured only.",
                                         min=0)] = 0,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> None:
    """Run the model at one tower: netCDF file, scores, figures and a report page.

    Files of an earlier run in the output folder are replaced, each whole or not at all; no other file is touched.
    """
    from terraflux.cli.assignments import assignments, guessed, numbers, year_range
    from terraflux.cli.progress import Progress
    from terraflux.cli.tower_run import check_choices, command_line, default_folder, run_tower
    from terraflux.model.options import ALTERNATIVES

    options: dict[str, object] = dict(assignments(option or [], "--option"))
    for name, value in assignments(scheme or [], "--scheme").items():
        if name not in ALTERNATIVES:
            raise ValueError(f"--scheme {name}={value}: no such process; known are {', '.join(ALTERNATIVES)}")
        if options.get(name, value) != value:
            raise ValueError(f"{name} is given twice: --option {options[name]!r} and --scheme {value!r}")
        options[name] = value
    calibrated: dict[str, float] = {}
    season = None
    if parameters_file is not None:
        from terraflux.assimilation.parameter_file import read_parameters

        found = read_parameters(parameters_file)
        calibrated, season = found.values(parameters_statistic), found.season(parameters_statistic)
        if options.get("seasonality") == "none":
            season = None
        options = {**found.options, **options}
    check_choices(options, names, precision)
    overrides = {**calibrated, **numbers(parameter or [], "--parameter")}
    choices = {name: guessed(value) for name, value in assignments(completion or [], "--completion").items()}
    facts = {name: value for name, value in (("plant_type", plant), ("soil_class", soil)) if value is not None}
    first, last = (None, None) if years is None else year_range(years)

    from terraflux.drivers.tower import open_tower

    with Progress() as progress:
        progress.start("reading the tower")
        opened = open_tower(tower, format=format, site=facts or None, completion=choices or None,
                            data_folder=data_folder, first=None if first is None else f"{first:04d}-01-01",
                            last=None if last is None else f"{last:04d}-12-31")
        folder = out or default_folder(opened.site.site_id)
        run_tower(opened, folder, progress, parameters=overrides, options=options, season=season,
                  spin_up_cycles=spin_up_cycles, names=names, precision=precision, quality=quality, figures=figures,
                  history=command_line())
