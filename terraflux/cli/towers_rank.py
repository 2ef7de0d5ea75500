"""`terraflux towers rank`: choose the towers of a network that stand for their surroundings."""

from pathlib import Path
from typing import Annotated, Any

import typer

SHOWN = 60


def rank(
    towers: Annotated[Path, typer.Argument(help="Folder with outputs of `terraflux represent`, or a TOML file with "
                                                "`towers = [folders]` and a `[rule]`.")],
    share: Annotated[float | None, typer.Option(help="Share of all towers to select; a third without it.", min=0.0,
                                                max=1.0)] = None,
    least_mass: Annotated[float | None, typer.Option(help="Least flux that the grid must capture; 0.7 without it.")] = None,
    least_target: Annotated[float | None, typer.Option(help="Least share of the target class in the footprint; 0.5 without "
                                                            "it.")] = None,
    greatest_bias: Annotated[float | None, typer.Option(help="Greatest sensor-location bias, %; 10 without it.")] = None,
    raster: Annotated[str | None, typer.Option(help="Raster that judges the bias; the first of each tower without it.")] = None,
    land_cover: Annotated[str | None, typer.Option(help="Land cover that judges; the first of each tower without it.")] = None,
    out: Annotated[Path, typer.Option(help="File of the ranking, .csv; a page of the same name is written beside it.")
                   ] = Path("ranking.csv"),
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Select the representative part of a network, with the reasons for every tower.

    Towers that fail a hard limit are out; the others are scored by the mean of what is known of them, and the best share of all
    towers is selected. A folder that cannot be read is told and does not stop the rest.
    """
    from terraflux.cli.listing import print_json, print_rows
    from terraflux.drivers.errors import ForcingError
    from terraflux.report.representativeness_page import rule_text
    from terraflux.report.write_representativeness import write_ranking
    from terraflux.sites.representativeness.ranking import RankingRule, rank_towers
    from terraflux.sites.representativeness.table import read_report

    if out.suffix.lower() != ".csv":
        raise ValueError(f"--out {out}: the ranking is a .csv file")
    files, settings = _files(towers)
    given = {"share": share, "least_mass": least_mass, "least_target": least_target, "greatest_bias": greatest_bias}
    rule = RankingRule(**(settings | {name: value for name, value in given.items() if value is not None}))
    reports, notes = [], []
    for file in files:
        try:
            reports.append(read_report(file))
        except ForcingError as trouble:
            notes.append(f"left out: {trouble}")
    if not reports:
        raise ValueError("no tower can be ranked: " + "; ".join(notes))
    ranked = rank_towers(reports, rule, raster=raster, land_cover=land_cover)
    csv, page = write_ranking(ranked, rule, out, notes)
    if json:
        from dataclasses import asdict

        print_json([asdict(one) | {"score": one.score if one.score == one.score else None} for one in ranked])
        return
    rows = [(str(one.rank), one.code, "" if one.score != one.score else f"{one.score:.3f}",
             "yes" if one.selected else "failed" if one.failed else "no", "; ".join(one.reasons)) for one in ranked[:SHOWN]]
    print_rows(("rank", "tower", "score", "selected", "reasons"), rows,
               f"{sum(one.selected for one in ranked)} of {len(ranked)} towers selected", right=(0, 2))
    if len(ranked) > SHOWN:
        print(f"... and {len(ranked) - SHOWN} more in {csv}")
    for note in notes:
        print(f"note: {note}")
    print(rule_text(rule))
    print(f"table {csv}\npage {page}")


def _files(place: Path) -> tuple[list[Path], dict[str, Any]]:
    """Tables of all towers below a folder, or those that a TOML list names, and the rule of the list."""
    from terraflux.drivers.errors import ForcingError, refuse_unknown_keys
    from terraflux.drivers.safe_files import read_toml
    from terraflux.report.write_representativeness import TABLE_JSON

    if place.is_dir():
        found = sorted(place.rglob(TABLE_JSON))
        if not found:
            raise ForcingError(f"the folder holds no {TABLE_JSON}", file=place,
                               remedy="run `terraflux represent` with --out below it")
        return found, {}
    if place.suffix.lower() != ".toml":
        raise ForcingError("this is neither a folder nor a TOML list" if place.exists() else "there is no such folder or file",
                           file=place, remedy="give the folder of the outputs of `terraflux represent`, or a list such as "
                                              "towers = [\"CN-Cha\", \"CN-Din\"]")
    content = read_toml(place)
    refuse_unknown_keys(content, ("towers", "rule"), file=place)
    names, rule = content.get("towers"), content.get("rule", {})
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise ForcingError("the list names no towers", file=place, variable="towers",
                           remedy="write towers = [\"CN-Cha\", \"CN-Din\"], folders beside the list")
    if not isinstance(rule, dict):
        raise ForcingError("the rule is no table", file=place, variable="rule", remedy="write [rule] and below it share = 0.25")
    refuse_unknown_keys(rule, ("least_mass", "least_target", "greatest_bias", "least_parts", "share"), file=place, place="rule")
    wrong = [name for name, value in rule.items() if isinstance(value, bool) or not isinstance(value, int | float)]
    if wrong:
        raise ForcingError(f"{wrong[0]} = {rule[wrong[0]]!r} is no number", file=place, variable=f"rule.{wrong[0]}",
                           remedy="write a number")
    paths = [place.parent / one for one in names]
    return [path / TABLE_JSON if path.is_dir() or not path.suffix else path for path in paths], rule
