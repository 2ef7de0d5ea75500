"""`terraflux process`: from the raw record of a tower to gap-filled, partitioned fluxes with errors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from terraflux.sites.processed_tower import ProcessedTower

PROCESSED, SUMMARY, FIGURES = "processed.nc", "processing.json", "figures"


def process(
    tower: Annotated[Path, typer.Argument(help="Half-hourly or hourly file of a tower, in any format of tower records.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the output; ./processed_SITE without it.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of the file where it is ambiguous: {records}")] = None,
    site: Annotated[str, typer.Option(help="Code of the tower where the file does not say; its facts come from the "
                                           "catalogue.")] = "",
    file: Annotated[Path | None, typer.Option(help="Your own towers (CSV or TOML), put on top of the catalogue.")] = None,
    badm: Annotated[Path | None, typer.Option(help="BADM (BIF) file of an AmeriFlux record.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude of the tower, degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of the tower, degrees east.")] = None,
    utc_offset: Annotated[float | None, typer.Option(help="Hours that local standard time is ahead of UTC.")] = None,
    ustar_by: Annotated[str | None, typer.Option(help="u* thresholds by year (default), season or single, or none.")] = None,
    ustar_threshold: Annotated[float | None, typer.Option(help="A u* threshold of your own, m s-1.")] = None,
    bootstrap: Annotated[int | None, typer.Option(help="Draws of the u* threshold for the joint error of NEE; 0 without it.",
                                                  min=0)] = None,
    choice: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a processing choice, may be repeated: "
                                                          "{processing_choices}")] = None,
    read: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the reader, may be repeated: order=sort, "
                                                        "duplicates=first, gaps=fill, marks=end.")] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> None:
    """Process the record of a tower: quality tests, u* filter, gap filling, partitioning, errors, energy closure.

    Written are processed.nc (the own format of records, with every detail), a CSV with FLUXNET names, processing.json and
    figures, each whole or not at all. A step that cannot be done is told with its reason; the others go on.
    """
    from terraflux.cli.progress import Progress
    from terraflux.cli.record_reading import processing_choices, read_with_facts
    from terraflux.cli.tower_run import _writable
    from terraflux.sites.tower_processing import process_tower

    choices = processing_choices(choice, ustar_by=ustar_by, ustar_threshold=ustar_threshold, ustar_draws=bootstrap)
    with Progress() as progress:
        progress.start("reading the record")
        record = read_with_facts(tower, format, site, file, badm, {"latitude": lat, "longitude": lon,
                                                                   "utc_offset_hours": utc_offset}, read)
        folder = out or default_place(record.site_id or tower.name.split(".")[0])
        _writable(folder)
        progress.start("processing")
        done = process_tower(record, choices=choices, progress=progress.update)
        progress.start("writing")
        files, notes = write_processing(done, folder, figures)
    tell(done)
    for note in notes:
        print(f"note: {note}")
    print(f"{len(files)} files in {folder.resolve()}")


def default_place(name: str) -> Path:
    """Folder of a tower's results in the working folder."""
    from terraflux.cli.tower_run import default_folder

    return Path(str(default_folder(name)).replace("terraflux_", "processed_", 1))


def write_processing(done: "ProcessedTower", folder: Path, figures: bool) -> tuple[list[Path], list[str]]:
    """Write all files; returns them and notes on what a format could not hold."""
    import json
    import warnings
    from dataclasses import replace

    import pandas as pd

    from terraflux.drivers.safe_write import replacing, write_text
    from terraflux.report.processing_figures import processing_figures
    from terraflux.sites.records import write_record

    record = done.to_record()
    code = record.site_id or "tower"
    table = f"{default_place(code).name.removeprefix('processed_')}_processed_{record.resolution}.csv"
    files = [write_record(record, folder / PROCESSED, "netcdf")]
    plain = replace(record, source=pd.DataFrame(index=range(len(record.source))))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        files.append(write_record(plain, folder / table, "fluxnet"))
    notes = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    files.append(write_text(folder / SUMMARY, json.dumps(summary(done), indent=1, ensure_ascii=False, allow_nan=False)))
    if figures:
        drawn, left_out = processing_figures(done)
        notes += left_out
        for one in drawn:
            with replacing(folder / FIGURES / f"{one.name}.png") as draft:
                draft.write_bytes(one.png)
            files.append(folder / FIGURES / f"{one.name}.png")
    return files, notes


def summary(done: "ProcessedTower") -> dict[str, Any]:
    """Steps with their figures, and sums of every year, as plain values; what is not a number is None."""
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not abs(value) < float("inf") else value

    yearly = done.yearly()
    return {
        "site_id": done.record.site_id,
        "steps": [{"step": one.name, "done": one.done, "reason": one.reason,
                   **{name: plain(value) for name, value in one.figures.items()}} for one in done.steps],
        "years": {str(year): {str(name): plain(float(value)) for name, value in row.items()}
                  for year, row in yearly.iterrows()},
        "units": "nee, gpp and reco in gC m-2 over the rows of the year; le and h in W m-2, means",
    }


def tell(done: "ProcessedTower") -> None:
    """Print steps and years."""
    from terraflux.cli.listing import print_rows

    site = done.record.site_id or "the tower"
    rows = []
    for one in done.steps:
        told = str(one).partition(": ")[2]
        rows.append((one.name, "yes" if one.done else "NO", told))
    print_rows(("step", "done", "what it found"), rows, f"Processing of {site}")
    yearly = done.yearly()
    years = [(str(year), *("–" if value != value else f"{value:g}" if value == int(value) else
                           f"{value:.4g}" if abs(value) < 1.0 else f"{value:.2f}" for value in row))
            for year, row in zip(yearly.index, yearly.to_numpy(), strict=True)]
    print_rows(("year", *(str(name).replace("_", " ") for name in yearly.columns)), years,
               "Years: carbon gC m-2, heat W m-2", right=range(1, 1 + len(yearly.columns)))
