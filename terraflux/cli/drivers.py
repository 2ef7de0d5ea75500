"""`terraflux drivers`: gridded weather and maps into a forcing store, and what a store holds."""

from pathlib import Path
from typing import Annotated

import typer

Store = Annotated[Path, typer.Argument(help="Folder of the store.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def build(config: Annotated[Path, typer.Argument(help="TOML file of choices: period, target, sources, surface maps.")],
          out: Annotated[Path | None, typer.Option(help="Folder of the store; default: the key `store` of the file.")] = None,
          data_folder: Annotated[Path | None, typer.Option(help="Folder below which the data lie; default: that of the "
                                                                "file.")] = None) -> None:
    """Build a checked forcing store, or go on with one that was interrupted; a finished one is verified and repaired."""
    from terraflux.cli.progress import Progress
    from terraflux.drivers.grid.prepare import prepare

    with Progress() as progress:
        progress.start("forcing store")
        store = prepare(config, out, progress=progress.update, data=data_folder)
    _summary(store)


def nation(out: Annotated[Path, typer.Option(help="Folder of the store.")] = Path("nation.zarr"),
           resolution: Annotated[float, typer.Option(help="Size of cells in degrees.")] = 0.5,
           first: Annotated[str, typer.Option(help="First day.")] = "1979-01-01",
           last: Annotated[str, typer.Option(help="Last day.")] = "2012-12-31",
           seed: Annotated[int, typer.Option(help="Seed of the invented weather.")] = 1) -> None:
    """Build the forcing store of the synthetic nation, an invented country; an interrupted build goes on."""
    from terraflux.cli.progress import Progress
    from terraflux.drivers.grid.nation_store import nation_store
    from terraflux.drivers.synthetic_nation import SyntheticNation

    with Progress() as progress:
        progress.start("synthetic nation")
        store = nation_store(SyntheticNation(resolution, seed=seed), out, first, last, progress=progress.update)
    _summary(store)


def show(store: Store, json: AsJson = False) -> None:
    """Show period, cells, variables, repairs and sources of a store."""
    from terraflux.cli.listing import print_json
    from terraflux.drivers.grid.store import open_forcing_store

    opened = open_forcing_store(store)
    if json:
        print_json({"first_day": str(opened.first_day), "last_day": str(opened.last_day), "cells": opened.cells.count,
                    "step_seconds": opened.layout.step_seconds, "synthetic": opened.layout.synthetic,
                    "variables": list(opened.variables), "repairs": opened.repairs, "provenance": opened.provenance})
        return
    _summary(opened)


def check(store: Store) -> None:
    """Read every chunk of a store and compare checksums; leaves with 1 where something is wrong."""
    from terraflux.drivers.grid.store import open_forcing_store

    wrong = open_forcing_store(store).verify()
    for line in wrong:
        print(line)
    if wrong:
        raise typer.Exit(1)
    print(f"{store}: every checksum is right")


def list_profiles(json: AsJson = False) -> None:
    """List the gridded products that are known by name."""
    from terraflux.cli.listing import print_json, print_rows
    from terraflux.drivers.grid.profiles import profiles

    if json:
        print_json({name: {"title": one.title, "source": one.source, "variables": {
            variable: {"names": list(facts.names), "unit": facts.unit, "holds": facts.holds}
            for variable, facts in one.variables.items()}} for name, one in profiles().items()})
        return
    rows = [(name, one.title, ", ".join(variable.names[0] for variable in one.variables.values()))
            for name, one in profiles().items()]
    print_rows(("profile", "product", "variables in its files"), rows, f"{len(rows)} profiles")


def _summary(store: object) -> None:
    from terraflux.cli.listing import print_rows
    from terraflux.drivers.grid.store import ForcingStore

    assert isinstance(store, ForcingStore)
    layout = store.layout
    label = " SYNTHETIC" if layout.synthetic else ""
    print(f"{store.path}:{label} {store.cells.count} cells, {layout.days} days from {store.first_day} to {store.last_day}, "
          f"steps of {layout.step_seconds} s, land {store.cells.land_area.sum() * 1e-6:.6g} km2")
    rows = []
    for name in store.variables:
        found = store.repairs.get(name, {})
        rows.append((name, ", ".join(store.provenance.get("made_from", {}).get(name, [])),
                     ", ".join(f"{what.replace('_', ' ')}: {number}" for what, number in found.items()) or "none"))
    print_rows(("variable", "made from", "values repaired"), rows, "forcing")
    for what, number in store.provenance.get("cells", {}).items():
        print(f"{what.replace('_', ' ')}: {number}")


def drivers() -> typer.Typer:
    """The group of verbs about gridded forcing."""
    from terraflux.cli.table_help import TableCommand

    group = typer.Typer(name="drivers", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
                        help="Gridded forcing: build a store from products, or of the synthetic nation; show, check, profiles.",
                        context_settings={"help_option_names": ["-h", "--help"]})
    for name, verb in (("build", build), ("nation", nation), ("show", show), ("check", check), ("profiles", list_profiles)):
        group.command(name, cls=TableCommand)(verb)
    return group
