"""`terraflux observations`: the weighted observations of a tower, the input of assimilation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import xarray as xr

    from terraflux.sites.tower_footprints import TowerFootprints

THRESHOLDS = ("least_captured_mass", "least_target_fraction", "largest_location_bias")


def observations(
    tower: Annotated[Path, typer.Argument(help="processed.nc of `terraflux process`, or a raw file of a tower, which is "
                                               "processed on the way.")],
    land_cover: Annotated[Path | None, typer.Option(help="Raster of land-cover classes; not needed for --operator "
                                                         "site.")] = None,
    legend: Annotated[str, typer.Option(help="Legend of the land cover: {legends}, or a TOML file.")] = "modis_igbp",
    target: Annotated[list[str] | None, typer.Option(help="Target class: code, name or plant type, may be repeated; the class "
                                                          "that holds most of all footprints without it.")] = None,
    model: Annotated[str, typer.Option(help="Footprint model: {footprint_models}")] = "ffp",
    solution: Annotated[str | None, typer.Option(help="Solution of safe_f: powerlaw or horst_weil.")] = None,
    operator: Annotated[str, typer.Option(help="How footprints enter: {operators}")] = "mixture",
    stream: Annotated[list[str] | None, typer.Option(help="Observed variable, may be repeated: {streams}")] = None,
    vegetation: Annotated[Path | None, typer.Option(help="Raster of a vegetation index, for the operators tempered and "
                                                         "inflation.")] = None,
    sensitivity: Annotated[list[str] | None, typer.Option(help="STREAM=NUMBER, flux per unit of the vegetation raster, for "
                                                               "inflation; may be repeated.")] = None,
    target_radius: Annotated[float, typer.Option(help="Radius of the land that the target stands for, m.", min=1.0)] = 500.0,
    maximum_quality: Annotated[int, typer.Option(help="Worst quality that counts: 0 measured, 1 to 3 filled.", min=0,
                                                 max=3)] = 0,
    error: Annotated[str, typer.Option(help="random, or joint (with the spread of u* thresholds or closure).")] = "random",
    heat: Annotated[str, typer.Option(help="measured, or corrected for energy closure.")] = "measured",
    threshold: Annotated[list[str] | None, typer.Option(help="NAME=NUMBER, may be repeated: least_captured_mass, "
                                                             "least_target_fraction, largest_location_bias.")] = None,
    site: Annotated[str, typer.Option(help="Code of the tower where the file does not say.")] = "",
    file: Annotated[Path | None, typer.Option(help="Your own towers (CSV or TOML), put on top of the catalogue.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of the file where it is ambiguous: {records}")] = None,
    badm: Annotated[Path | None, typer.Option(help="BADM (BIF) file of an AmeriFlux record.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude of the tower, degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of the tower, degrees east.")] = None,
    utc_offset: Annotated[float | None, typer.Option(help="Hours that local standard time is ahead of UTC.")] = None,
    height: Annotated[float | None, typer.Option(help="Sensor above ground, m.")] = None,
    canopy: Annotated[float | None, typer.Option(help="Canopy height, m.")] = None,
    displacement: Annotated[float | None, typer.Option(help="Displacement height, m; 2/3 of the canopy without it.")] = None,
    roughness: Annotated[float | None, typer.Option(help="Roughness length, m.")] = None,
    boundary_layer: Annotated[float | None, typer.Option(help="Boundary-layer height, m, for rows without one; estimated "
                                                              "without it.")] = None,
    estimate: Annotated[bool, typer.Option(help="Estimate what footprints need and the record lacks.")] = True,
    resolution: Annotated[float, typer.Option(help="Cells of the local grid, m.", min=0.1)] = 30.0,
    half_width: Annotated[float, typer.Option(help="Reach of the local grid, m.", min=1.0)] = 1500.0,
    choice: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a processing choice for a raw file, may be repeated: "
                                                          "{processing_choices}")] = None,
    read: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the reader, may be repeated.")] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("observations.nc"),
) -> None:
    """Make the observations of a tower: values, errors, quality, land cover in each footprint, and weights.

    The schema is described in docs/towers/observations.md; the file appears whole or not at all.
    """
    from terraflux.cli.assignments import numbers
    from terraflux.cli.progress import Progress
    from terraflux.cli.record_reading import processing_choices, read_with_facts
    from terraflux.drivers.errors import refuse_unknown_keys
    from terraflux.sites.footprint.models import MODELS
    from terraflux.sites.land_cover import read_legend
    from terraflux.sites.observation_weights import OPERATORS
    from terraflux.sites.observations_file import write_observations
    from terraflux.sites.processed_tower import FORMAT, processed_from_record
    from terraflux.sites.tower_footprints import footprint_classes, tower_footprints
    from terraflux.sites.tower_observations import DEFAULT_STREAMS, Vegetation, tower_observations
    from terraflux.sites.tower_processing import process_tower

    for value, known, flag in ((operator, OPERATORS, "--operator"), (model, MODELS, "--model")):
        if value not in known:
            raise ValueError(f"{flag} {value!r} is unknown; known are {', '.join(known)}")
    if solution is not None and model != "safe_f":
        raise ValueError(f"--solution {solution} belongs to --model safe_f, not {model}")
    refuse_unknown_keys(numbers(threshold or [], "--threshold"), THRESHOLDS, place="--threshold")
    if operator != "site" and land_cover is None:
        raise ValueError(f"--operator {operator} needs --land-cover FILE; without land cover use --operator site")
    choices = processing_choices(choice)
    limits: dict[str, Any] = dict(numbers(threshold or [], "--threshold"))
    options: dict[str, Any] = {} if solution is None else {"solution": solution}
    slopes, book = numbers(sensitivity or [], "--sensitivity"), read_legend(legend)
    facts = {"latitude": lat, "longitude": lon, "utc_offset_hours": utc_offset, "measurement_height": height,
             "canopy_height": canopy}
    with Progress() as progress:
        progress.start("reading the record")
        record = read_with_facts(tower, format, site, file, badm, facts, read)
        if record.format == FORMAT and choice:
            raise ValueError("--choice is for raw files; this file is processed already")
        progress.start("processing")
        done = processed_from_record(record) if record.format == FORMAT else \
            process_tower(record, choices=choices, progress=progress.update)
        footprints = classes = index = None
        if operator != "site":
            where = _window(done.series.facts, half_width, resolution)
            from terraflux.sites.rasters import read_raster

            progress.start("reading the rasters")
            cover = read_raster(land_cover or "", **where, name="land cover", legend=book)
            if vegetation is not None:
                index = Vegetation(read_raster(vegetation, **where), target_radius, slopes or None)
            progress.start("footprints")
            footprints = tower_footprints(done.to_record(), model, measurement_height=height, canopy_height=canopy,
                                          displacement_height=displacement, roughness_length=roughness,
                                          boundary_layer_height=boundary_layer, estimate=estimate, **options)
            classes = footprint_classes(footprints, cover, book)
        progress.start("writing")
        made = tower_observations(done, footprints, classes, operator=operator, target=target,
                                  streams=tuple(stream) if stream else DEFAULT_STREAMS, vegetation=index,
                                  maximum_quality=maximum_quality, error=error, heat=heat, **limits)
        path = write_observations(made, out)
    tell(made, footprints)
    print(f"observations {path.resolve()}")


def _window(facts: Any, half_width: float, resolution: float) -> dict[str, Any]:
    if facts.get("latitude") is None or facts.get("longitude") is None:
        raise ValueError("the position of the tower is not known: give --site CODE, or --lat and --lon in degrees")
    return {"latitude": float(facts["latitude"]), "longitude": float(facts["longitude"]), "half_width": half_width,
            "resolution": resolution}


def tell(made: "xr.Dataset", footprints: "TowerFootprints | None") -> None:
    """Print streams, classes, where inputs came from and why rows were left out."""
    import numpy as np

    from terraflux.cli.listing import print_rows
    from terraflux.sites.footprint.validity import CAUTION_TEXT, REASON_TEXT, Caution, Reason
    from terraflux.sites.observation_weights import REJECTION_TEXTS

    rows = []
    for name in str(made.attrs["streams"]).split():
        one, sigma = made[name], made[f"{name}_random_sigma"].to_numpy()
        used = made[f"{name}_weight"].to_numpy() > 0.0
        rows.append((name.replace("_", " "), f"{int(one.notnull().sum())}", f"{int(used.sum())}",
                     f"{one.attrs['effective_sample_size']:.1f}", f"{np.median(sigma[used]):.3g}" if used.any() else "–",
                     str(one.attrs["units"])))
    print_rows(("stream", "values", "with weight", "effective sample size", "median error", "unit"), rows,
               f"Observations of {made.attrs['site_id']}, operator {made.attrs['operator']}", right=(1, 2, 3, 4))
    if "class_fraction" in made:
        share = made["class_fraction"].mean("time").to_numpy()
        target = made.attrs.get("target_class")
        print_rows(("code", "class", "plant type", "share of footprints", "target"), [
            (str(int(code)), str(name), str(kind), f"{value:.3f}", "yes" if int(code) == target else "")
            for code, name, kind, value in zip(made["class_code"].values, made["class_name"].values,
                                               made["class_plant_type"].values, share, strict=True)],
            f"Land cover in footprints, {made.attrs['footprint_model']}", right=(0, 3))
    if footprints is not None:
        for name, text in footprints.provenance.items():
            print(f"{name.replace('_', ' ')}: {text}")
        for name, text in footprints.missing.items():
            print(f"note: no {name.replace('_', ' ')}: {text}")
        for name, number in footprints.counts().items():
            if name != "valid":
                print(f"no footprint: {number} rows, {REASON_TEXT[Reason[name]]}")
        for name, number in footprints.cautions().items():
            print(f"with caution: {number} rows, {CAUTION_TEXT[Caution[name]]}")
    codes = made["rejection"].to_numpy()
    for reason, text in REJECTION_TEXTS.items():
        number = int(np.count_nonzero(codes & int(reason)))
        if number:
            print(f"no weight: {number} rows, {text}")
