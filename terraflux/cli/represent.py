"""`terraflux represent`: how well a tower stands for its surroundings."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

MARGIN = 1.02
"""Share by which the grid reaches beyond the largest radius."""
NUMBERS_OF_RASTER = ("band", "nodata", "scale", "offset")
TEXTS_OF_RASTER = ("variable", "crs", "units", "resampling")


def represent(
    half_hours: Annotated[Path, typer.Argument(help="Table with footprint columns (zm z0 umean h ol sigmav ustar wind_dir, "
                                                    "time), or a tower record of any known format.")],
    raster: Annotated[list[str] | None, typer.Option(
        help="NAME=FILE of a raster such as NDVI (GeoTIFF, netCDF), may be repeated; NAME@PERIOD=FILE for a scene of one "
             "period.")] = None,
    land_cover: Annotated[Path | None, typer.Option(help="Raster of land-cover classes.")] = None,
    legend: Annotated[str, typer.Option(help="Legend of the land cover: {legends}, or a TOML file.")] = "modis_igbp",
    target: Annotated[list[str] | None, typer.Option(help="Target class: code, name or plant type, may be repeated; the class "
                                                          "that holds most of the footprint without it.")] = None,
    site: Annotated[str, typer.Option(help="Code of the tower; position and heights then come from the catalogue.")] = "",
    file: Annotated[Path | None, typer.Option(help="Your own towers (CSV or TOML), put on top of the catalogue.")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude of the tower, degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of the tower, degrees east.")] = None,
    height: Annotated[float | None, typer.Option(help="Sensor above ground, m; a column zm goes first.")] = None,
    canopy: Annotated[float | None, typer.Option(help="Canopy height, m.")] = None,
    displacement: Annotated[float | None, typer.Option(help="Displacement height, m; 2/3 of the canopy without it.")] = None,
    roughness: Annotated[float | None, typer.Option(help="Roughness length, m, where the file has none.")] = None,
    boundary_layer: Annotated[float | None, typer.Option(help="Boundary-layer height, m, where the file has none; without it "
                                                              "it is estimated.")] = None,
    model: Annotated[str, typer.Option(help="Footprint model: {footprint_models}")] = "ffp",
    solution: Annotated[str | None, typer.Option(help="Solution of safe_f: powerlaw or horst_weil.")] = None,
    model_option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the footprint model, may be repeated.")] = None,
    radii: Annotated[str, typer.Option(help="Target areas for the bias, m, by comma.")] = "250,500,1000,1500,2000,3000",
    target_radius: Annotated[float | None, typer.Option(help="Target area that decides, m; 1000 without it.")] = None,
    target_shape: Annotated[str, typer.Option(help="square (a model cell) or circle.")] = "square",
    resolution: Annotated[float, typer.Option(help="Cells of the local grid, m.", min=0.1)] = 30.0,
    half_width: Annotated[float | None, typer.Option(help="Reach of the local grid, m; the largest radius without it.")] = None,
    period: Annotated[str, typer.Option(help="Climatologies beside that of all half hours: month, season, year, "
                                             "month_of_year, season_of_year or all.")] = "season",
    weights: Annotated[str, typer.Option(help="Weights of half hours: none, nee, gpp, reco, par or le.")] = "none",
    sensitivity: Annotated[list[str] | None, typer.Option(help="NAME=NUMBER: flux per unit of a raster, to give its bias in "
                                                               "flux, may be repeated.")] = None,
    raster_option: Annotated[list[str] | None, typer.Option(
        help="NAME=VALUE for every raster but land cover: band, nodata, scale, offset, variable, crs, units, resampling."
    )] = None,
    land_cover_option: Annotated[list[str] | None, typer.Option(help="The same for the land cover: band, nodata, variable, "
                                                                     "crs.")] = None,
    format: Annotated[str | None, typer.Option(help="Format of the half hours where it is ambiguous: table, {records}")] = None,
    wind: Annotated[str | None, typer.Option(help="What the wind direction says: from (degrees it blows FROM, the default), to "
                                                  "or from_radians.")] = None,
    first_time: Annotated[str | None, typer.Option(help="Start of the first row of a table without time, such as "
                                                        "2019-01-01T00:00.")] = None,
    step: Annotated[float, typer.Option(help="Minutes between rows of a table without time.", min=1.0)] = 30.0,
    utc_offset: Annotated[float | None, typer.Option(help="Hours of the times ahead of UTC; tells day from night.")] = None,
    cells: Annotated[str, typer.Option(help="integrated (means over cells) or point (values at cell centres).")] = "integrated",
    estimate: Annotated[bool, typer.Option(help="Estimate the Obukhov length, boundary-layer height and sigma_v where they are "
                                                "missing; half hours without them are left out otherwise.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder for the output; ./represent_CODE without it.")] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> None:
    """Assess how well a tower stands for its surroundings: one table, maps, figures and a page.

    Footprints of all half hours are laid over rasters around the tower. Written are representativeness.csv and .json,
    source_areas.geojson, climatology.tif, figures and representativeness.html, each whole or not at all.
    """
    import warnings

    from terraflux.cli.assignments import assignments, guessed, numbers
    from terraflux.cli.listing import print_rows
    from terraflux.cli.progress import Progress
    from terraflux.report.representativeness_page import summary
    from terraflux.report.representativeness_page import warnings as page_warnings
    from terraflux.report.write_representativeness import write_representativeness
    from terraflux.sites.representativeness.half_hours import read_half_hours
    from terraflux.sites.representativeness.tower import represent as represent_tower

    if not raster and land_cover is None:
        raise ValueError("there is nothing to compare with: give --raster NAME=FILE, --land-cover FILE, or both")
    wanted = _radii(radii)
    facts = _facts(site, file, half_hours, {"latitude": lat, "longitude": lon, "measurement_height": height,
                                            "canopy_height": canopy})
    chosen = assignments(model_option or [], "--model-option")
    options: dict[str, Any] = {name: guessed(value) for name, value in chosen.items()}
    if solution is not None:
        if model != "safe_f":
            raise ValueError(f"--solution {solution} belongs to --model safe_f, not {model}")
        options["solution"] = solution
    slopes = numbers(sensitivity or [], "--sensitivity")
    with Progress() as progress:
        progress.start("reading the half hours")
        read = read_half_hours(half_hours, format=format, site_id=site, height=facts.get("measurement_height"),
                               canopy=facts.get("canopy_height"), displacement=displacement, roughness=roughness,
                               boundary_layer=boundary_layer, wind=wind, first_time=first_time, step_minutes=step)
        latitude, longitude = _position(facts, read.facts)
        code = site or str(read.facts.get("site_id", "")) or half_hours.name.split(".")[0]
        progress.start("reading the rasters")
        reach = half_width if half_width is not None else MARGIN * max([*wanted, target_radius or 0.0])
        place: dict[str, Any] = {"latitude": latitude, "longitude": longitude, "half_width": reach, "resolution": resolution}
        from terraflux.sites.land_cover import read_legend

        book = read_legend(legend)
        rasters = _rasters(raster or [], place, _raster_options(raster_option, "--raster-option"))
        if land_cover is not None:
            from terraflux.sites.rasters import read_raster

            rasters["land cover"] = read_raster(land_cover, **place, name="land cover", legend=book,
                                                **_raster_options(land_cover_option, "--land-cover-option"))
        progress.start("footprints and measures")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            tower = represent_tower(
                read, rasters, latitude=latitude, longitude=longitude, code=code, model=model, model_options=options,
                period=period, weights=weights, legend=book if land_cover is not None else None,
                target_class=_targets(target), radii=wanted, target_radius=target_radius, shape=target_shape,
                sensitivity=slopes, cells=cells, estimate=estimate,
                utc_offset=utc_offset if utc_offset is not None else facts.get("utc_offset_hours"))
        told = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
        tower = replace(tower, notes=(*tower.notes, *dict.fromkeys(told)))
        folder = out or Path(f"represent_{code}")
        written = write_representativeness(tower, folder, figures=figures, progress=progress.start)
    print_rows(("question", "answer", "verdict"), summary(tower), f"{code}: {tower.used} of {len(tower.rows)} half hours, "
                                                                  f"{tower.model}")
    for note in page_warnings(tower):
        print(f"note: {note}")
    for name, number in tower.reasons.items():
        print(f"left out: {number} half hours, {name}")
    print(f"page {written.page}{os.linesep}table {folder / 'representativeness.csv'}")


def _radii(text: str) -> tuple[float, ...]:
    """Radii (m) of "250,500"."""
    try:
        found = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise ValueError(f"--radii {text!r} is no list of numbers such as 250,500,1000") from None
    if not found or not all(0.0 < radius < 1e5 for radius in found):
        raise ValueError(f"--radii {text!r}: radii lie between 0 and 100000 m")
    return found


def _facts(site: str, file: Path | None, half_hours: Path, given: dict[str, float | None]) -> dict[str, Any]:
    """Facts of the catalogue with those given on top."""
    known: dict[str, Any] = {}
    if site:
        from terraflux.sites.catalogue import catalogue, tower_facts

        # a tower outside the catalogue is fine where its position is given
        if given["latitude"] is None or site in catalogue(file):
            found = tower_facts(site, file)
            known = {name: getattr(found, name) for name in ("latitude", "longitude", "measurement_height", "canopy_height",
                                                             "utc_offset_hours")}
    return known | {name: value for name, value in given.items() if value is not None}


def _position(facts: dict[str, Any], own: Any) -> tuple[float, float]:
    """Latitude and longitude, as given, of the catalogue or of the record."""
    both = [facts.get(name, own.get(name)) for name in ("latitude", "longitude")]
    if None in both:
        raise ValueError("the position of the tower is not known: give --site CODE, or --lat and --lon in degrees")
    return float(both[0]), float(both[1])


def _targets(target: list[str] | None) -> list[int | str] | None:
    return [int(one) if one.lstrip("-").isdigit() else one for one in target] if target else None


def _raster_options(words: list[str] | None, flag: str) -> dict[str, Any]:
    from terraflux.cli.assignments import assignments
    from terraflux.drivers.errors import nearest

    found: dict[str, Any] = {}
    for name, value in assignments(words or [], flag).items():
        if name in TEXTS_OF_RASTER:
            found[name] = value
        elif name in NUMBERS_OF_RASTER:
            try:
                found[name] = int(value) if name == "band" else float(value)
            except ValueError:
                raise ValueError(f"{flag} {name}={value!r}: {value!r} is not a number") from None
        else:
            raise ValueError(f"{flag} {name}: no such option; {nearest(name, (*NUMBERS_OF_RASTER, *TEXTS_OF_RASTER))}")
    return found


def _rasters(words: list[str], place: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Rasters by name, scenes by period where the name says so."""
    from terraflux.sites.rasters import read_raster

    found: dict[str, Any] = {}
    for word in words:
        label, equals, path = word.partition("=")
        if not equals:
            label, path = Path(word).stem, word
        name, at, period = label.strip().partition("@")
        scene = read_raster(path, **place, name=name, **options)
        if (name in found and not (at and isinstance(found[name], dict))) or (at and period in found.get(name, {})):
            raise ValueError(f"--raster {label} is given twice")
        if at:
            found.setdefault(name, {})[period] = scene
        else:
            found[name] = scene
    return found
