"""`terraflux towers`: the catalogue of flux towers as a list, one tower, or a map; and the choice among them."""

from pathlib import Path
from typing import Annotated

import typer

Igbp = Annotated[str, typer.Option(help="Only towers of this IGBP class, such as GRA.")]
Country = Annotated[str, typer.Option(help="Only towers of this country, two letters, such as CN.")]
Network = Annotated[str, typer.Option(help="Only towers of this network (part of its name), such as ChinaFLUX.")]
Own = Annotated[Path | None, typer.Option("--file", help="Your own towers (CSV or TOML), put on top of the catalogue.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def list_towers(igbp: Igbp = "", country: Country = "", network: Network = "", file: Own = None, json: AsJson = False
                ) -> None:
    """List towers: code, name, position, IGBP class, heights, climate, years and network, Chinese towers first."""
    from dataclasses import asdict

    from terraflux.cli.listing import print_json, print_rows
    from terraflux.sites.catalogue import catalogue, select

    found = select(catalogue(file).values(), igbp=igbp, country=country, network=network)
    if not found:
        raise ValueError("no tower passes all filters; loosen one of --igbp, --country, --network")
    if json:
        print_json([asdict(one) for one in found])
        return

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:g}"

    rows = [(one.code, one.name, f"{one.latitude:.4f}", f"{one.longitude:.4f}", shown(one.elevation), one.igbp,
             shown(one.canopy_height), shown(one.measurement_height), shown(one.mean_annual_temperature),
             shown(one.mean_annual_precipitation),
             f"{one.first_year}-{one.last_year}" if one.first_year and one.last_year else "", ", ".join(one.network))
            for one in found]
    print_rows(("code", "name", "lat", "lon", "m a.s.l.", "IGBP", "canopy m", "sensor m", "MAT degC", "MAP mm", "years",
                "network"), rows, f"{len(found)} towers", right=(2, 3, 4, 6, 7, 8, 9))


def show_tower(code: Annotated[str, typer.Argument(help="Code of the tower, such as CN-Cha, or another code of it.")],
               file: Own = None, json: AsJson = False) -> None:
    """Show every fact of one tower with its unit, where the facts come from, and what to beware of."""
    from dataclasses import asdict

    from terraflux.cli.listing import print_json, print_rows
    from terraflux.sites.catalogue import IGBP_NAMES, tower_facts

    one = tower_facts(code, file)
    if json:
        print_json(asdict(one) | {"plant_type": one.plant_type})
        return
    units = {"latitude": "degrees north", "longitude": "degrees east", "elevation": "m above sea level",
             "canopy_height": "m", "measurement_height": "m above ground", "tower_height": "m",
             "mean_annual_temperature": "degC", "mean_annual_precipitation": "mm per year",
             "utc_offset_hours": "h", "igbp": IGBP_NAMES.get(one.igbp, "")}
    rows = []
    for name, value in (asdict(one) | {"plant_type": one.plant_type}).items():
        text = ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        rows.append((name.replace("_", " "), text or "not known" if name not in ("note", "other_codes") else text,
                     units.get(name, "")))
    print_rows(("fact", "value", "unit or meaning"), rows, f"{one.code} {one.name}")


def map_towers(out: Annotated[Path, typer.Option(help="File of the map: .png, .svg or .pdf.")] = Path("towers.png"),
               igbp: Igbp = "", country: Country = "", network: Network = "", file: Own = None,
               outline: Annotated[Path | None, typer.Option(help="GeoJSON outline drawn below the towers.")] = None,
               labels: Annotated[bool, typer.Option(help="Write the code beside each tower.")] = True) -> None:
    """Draw towers on a longitude-latitude map, coloured by IGBP class."""
    from terraflux.sites.catalogue import catalogue, select
    from terraflux.sites.catalogue_map import tower_map

    found = select(catalogue(file).values(), igbp=igbp, country=country, network=network)
    if not found:
        raise ValueError("no tower passes all filters; loosen one of --igbp, --country, --network")
    print(f"{tower_map(found, out, outline=outline, labels=labels)}: {len(found)} towers")


def towers() -> typer.Typer:
    """The group of verbs about towers."""
    from terraflux.cli.table_help import TableCommand
    from terraflux.cli.towers_rank import rank

    group = typer.Typer(name="towers", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
                        help="The catalogue of flux towers: list, show, map; rank selects the representative ones.",
                        context_settings={"help_option_names": ["-h", "--help"]})
    for name, verb in (("list", list_towers), ("show", show_tower), ("map", map_towers), ("rank", rank)):
        group.command(name, cls=TableCommand)(verb)
    return group
