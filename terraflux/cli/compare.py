"""`terraflux compare`: products side by side, region by region."""

from pathlib import Path
from typing import Annotated, Any

import typer

RASTERS = (".tif", ".tiff", ".hdf", ".hdf4", ".h4")
OPTIONS = {"profile": str, "unit": str, "step": str, "quality": str, "variable": str, "resolution": float, "least_share": float}


def compare(
    product: Annotated[list[str], typer.Argument(
        help="NAME=FILES for each product: a netCDF file, a Zarr folder, the folder of a regional run, a GeoTIFF, or a pattern "
             "with * (in quotes); several patterns by comma. The product that is judged first, the reference last.")],
    variable: Annotated[str, typer.Option(help="What to compare: {quantities}, or a name that files use, such as gpp or "
                                               "et.")] = "gross_primary_production",
    product_option: Annotated[list[str] | None, typer.Option(
        help="NAME.KEY=VALUE for one product, may be repeated; keys are profile ({products}), unit, step (day, 8day, month, "
             "year), quality ({qualities}), variable (name in the file), resolution (degrees, of rasters), "
             "least_share.")] = None,
    reference: Annotated[str, typer.Option(help="Name of the product the others are held against; the last without "
                                                "it.")] = "",
    regions: Annotated[str, typer.Option(help="china (Tibetan Plateau, Northeast, ...), none, or a file: GeoJSON, shapefile, "
                                              "TOML.")] = "china",
    boundary: Annotated[Path | None, typer.Option(help="GeoJSON or shapefile that cuts cells and is drawn on maps.")] = None,
    boundary_name: Annotated[list[str] | None, typer.Option(help="Area of the boundary file to use, may be repeated; all "
                                                                 "without it.")] = None,
    box: Annotated[str, typer.Option(help="west,east,south,north in degrees; only that part is read.")] = "",
    years: Annotated[str, typer.Option(help="First and last year, such as 2001-2010.")] = "",
    area: Annotated[str, typer.Option(help="Cell areas: sphere (6371.0 km) or wgs84.")] = "sphere",
    confidence: Annotated[float, typer.Option(help="Of intervals.", min=0.5, max=0.999)] = 0.95,
    every_step: Annotated[bool, typer.Option(help="A cell counts only where all have values at every step; otherwise step by "
                                                  "step.")] = True,
    factorial: Annotated[bool, typer.Option("--factorial", help="The products are runs named by what varies in them, such as "
                                                                "co2+climate+lai, co2+lai, none: tell the effect of each "
                                                                "factor.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the output.")] = Path("comparison"),
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
) -> None:
    """Compare gridded products: totals, trends, agreement and scores by region, maps and a page.

    Every product is told on its own cells and years; then all are brought to the coarsest grid, the common years and the
    common cells. One product alone gets its tables and trends.
    """
    from terraflux.cli.assignments import year_range
    from terraflux.cli.listing import print_rows
    from terraflux.cli.progress import Progress
    from terraflux.evaluation.comparison.compare import compare as compare_products
    from terraflux.evaluation.comparison.quantities import quantity
    from terraflux.evaluation.comparison.regions import read_boundary, read_regions, region_sources, regions_of_china
    from terraflux.report.comparison_page import number
    from terraflux.report.write_comparison import write_comparison

    wanted = quantity(variable)
    given = _products(product)
    options = _options(product_option or [], given)
    corners = _box(box)
    if boundary_name and boundary is None:
        raise ValueError("--boundary-name needs --boundary FILE")
    shapes: Any = () if regions == "none" else regions_of_china() if regions == "china" else read_regions(regions)
    border = read_boundary(boundary, boundary_name or []) if boundary is not None else None
    with Progress() as progress:
        fields = []
        for name, files in given.items():
            progress.start(f"reading {name}")
            fields.append(_read(name, files, variable, options.get(name, {}), corners))
        if years:
            fields = [one.of_years(*year_range(years)) for one in fields]
        found = compare_products(fields, shapes, border, reference=reference, method=area, confidence=confidence,
                                 whole_series=every_step, factorial=factorial, progress=progress.start)
        written = write_comparison(found, out, figures=figures, sources=region_sources() if regions == "china" else None,
                                   progress=progress.start)
    ground = "common" if len(fields) > 1 else "own"
    rows = [(row["region"], row["product"], f"{row['first_year']}-{row['last_year']}",
             *(number(row[key]) for key in ("mean", "total", "trend", "p", "p_plain")))
            for row in found.regional if row["ground"] == ground and row["area_km2"] > 0.0]
    unit = wanted.yearly_unit or fields[0].unit
    print_rows(("region", "product", "years", f"mean ({unit})", f"total ({wanted.total_unit or '-'})", "trend (per year)", "p",
                "p, plain"), rows, f"{wanted.title}, {ground} cells and years", right=(3, 4, 5, 6, 7))
    for note in found.notes:
        print(f"note: {note}")
    print(f"page {written.page}")


def _products(words: list[str]) -> dict[str, list[str]]:
    """{name: patterns} of NAME=FILES words; a bare file is named after itself."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, files = word.partition("=")
        if not equals:
            name, files = Path(word).stem, word
        name = name.strip()
        if not name or not files.strip():
            raise ValueError(f"{word!r} is not of the form NAME=FILES")
        if name in found:
            raise ValueError(f"the product {name!r} is given twice; give each a name of its own")
        found[name] = [part.strip() for part in files.split(",") if part.strip()]
    return found


def _options(words: list[str], known: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """{product: {key: value}} of NAME.KEY=VALUE words."""
    from terraflux.drivers.errors import nearest

    found: dict[str, dict[str, Any]] = {}
    for word in words:
        left, equals, value = word.partition("=")
        name, dot, key = left.rpartition(".")
        key = key.strip().replace("-", "_")
        if not equals or not dot or not value.strip():
            raise ValueError(f"--product-option {word!r} is not of the form NAME.KEY=VALUE")
        if name not in known:
            raise ValueError(f"--product-option {word!r}: there is no product {name!r}; {nearest(name, known)}")
        if key not in OPTIONS:
            raise ValueError(f"--product-option {word!r}: there is no key {key!r}; {nearest(key, OPTIONS)}")
        try:
            found.setdefault(name, {})[key] = OPTIONS[key](value.strip())
        except ValueError:
            raise ValueError(f"--product-option {word!r}: {value!r} is not a number") from None
    return found


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, east, south, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--box {text!r} is not west,east,south,north in degrees") from None
    return west, east, south, north


def _read(name: str, files: list[str], variable: str, options: dict[str, Any], box: Any) -> Any:
    """One product: a regional run by its folder, rasters by the MODIS reader, all else by that of netCDF and Zarr."""
    from terraflux.evaluation.comparison.quantities import quantity
    from terraflux.evaluation.comparison.read_modis import read_modis
    from terraflux.evaluation.comparison.read_product import expanded, read_product

    chosen = dict(options)
    paths = expanded(files)
    if len(paths) == 1 and Path(paths[0]).is_dir():
        from terraflux.region_fields import run_fields, run_folder

        folder = run_folder(paths[0])
        if folder is not None:
            if chosen:
                raise ValueError(f"{name} is a regional run and needs no options; leave out {', '.join(sorted(chosen))}")
            return run_fields(folder, variable, name, box=box)
    if all(path.lower().endswith(RASTERS) for path in paths):
        unknown = sorted(set(chosen) & {"unit", "step", "variable"})
        if "profile" not in chosen or unknown:
            raise ValueError(f"{name}: rasters are read by their profile; give --product-option {name}.profile=mod17a2h or the "
                             "like" + (f", and leave out {', '.join(unknown)}" if unknown else ""))
        return read_modis(paths, variable, profile_name=chosen.pop("profile"), name=name, box=box, **chosen)
    if "resolution" in chosen:
        raise ValueError(f"{name}: a resolution belongs to rasters; netCDF files keep their cells")
    own = chosen.pop("variable", "")
    return read_product(paths, f"{own}:{quantity(variable).name}" if own else variable, name=name, box=box, **chosen)
