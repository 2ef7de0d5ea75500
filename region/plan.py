"""A run laid out: cells, tiles, days and variables, and what fixes its results. Tasks rebuild it from the run's folder."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import terraflux.model
import terraflux.region
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256
from terraflux.model.column import column_model
from terraflux.model.disaggregation import Disaggregation
from terraflux.model.weave.lane_choice import BLOCK, Model
from terraflux.model.weave.names import resolve
from terraflux.model.weave.recipe import RecipeError
from terraflux.region.configuration import WHERE_ONLY, RegionChoices, choices_from
from terraflux.region.errors import RegionError
from terraflux.region.forcing import Forcing, open_forcing
from terraflux.region.output_store import OutputLayout
from terraflux.region.parameter_sources import ParameterSources, parameter_sources
from terraflux.region.periods import PER_CHUNK, periods

SCHEMA = "terraflux region run 1"
RUN, STOP, TILES = "run.json", "stop", "tiles"


@dataclass(frozen=True, eq=False)
class RegionPlan:
    """Everything a tile needs. `numbers` are the cells of the run in the forcing, `cells` their facts; `variables` are the
    outputs of the column, one row each; `identity` is a checksum of all that decides results, and `accepted` are those of
    checkpoints that may be gone on from."""

    folder: Path
    choices: RegionChoices
    forcing: Forcing
    numbers: NDArray[np.int64]
    cells: Cells
    model: Model
    disaggregation: Disaggregation
    sources: ParameterSources
    layouts: tuple[OutputLayout, ...]
    variables: tuple[str, ...]
    identity: str
    accepted: tuple[str, ...]

    @property
    def start(self) -> np.datetime64:
        """First day of the run."""
        return np.datetime64(self.choices.run.first, "D")

    @property
    def days(self) -> int:
        """Number of days of the run."""
        return int((np.datetime64(self.choices.run.last, "D") - self.start).astype(int)) + 1

    @property
    def spin_up_days(self) -> int:
        """Days of forcing that the spin-up recycles."""
        years = self.choices.run.spin_up_years
        month = self.start.astype("datetime64[M]")
        end = (month + 12 * years).astype("datetime64[D]") + (self.start - month.astype("datetime64[D]"))
        return int((end - self.start).astype(int))

    @property
    def tile_cells(self) -> int:
        """Cells of a tile."""
        return min(self.choices.run.tile_cells or self.forcing.block_cells, self.numbers.size)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return -(-self.numbers.size // self.tile_cells)

    def cells_of(self, tile: int) -> slice:
        """Cells of a tile, counted among those of the run."""
        return slice(tile * self.tile_cells, min((tile + 1) * self.tile_cells, self.numbers.size))

    def tile_folder(self, tile: int) -> Path:
        """Where a tile keeps its checkpoints and its ledger."""
        return self.folder / TILES / f"{tile:06d}"

    def slabs(self, next_day: int) -> Iterator[tuple[int, int]]:
        """Days of the slabs that are left: from `next_day` on, cut where slabs of the whole run begin."""
        length = self.choices.run.slab_days or self.forcing.slab_days
        begins = [next_day, *(day for day in range(0, self.days, length) if day > next_day)]
        ends = [*begins[1:], self.days]
        return ((begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end)

    @property
    def output_bytes(self) -> int:
        """Bytes of all output before compression."""
        return sum(layout.uncompressed_bytes for layout in self.layouts)


@lru_cache(maxsize=1)
def code_checksum() -> str:
    """Checksum of the land model and of this room: their sources and tables."""
    digest = hashlib.sha256()
    for room in (terraflux.model, terraflux.region):
        home = Path(str(room.__file__)).resolve().parent
        for path in sorted([*home.rglob("*.py"), *home.rglob("*.toml")]):
            digest.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make_plan(choices: RegionChoices, folder: Path, accepted: tuple[str, ...] = ()) -> RegionPlan:
    """Lay out a run in a folder; nothing is written. Raises ForcingError for what does not fit, by name."""
    forcing = open_forcing(choices)
    numbers = _chosen(forcing.cells, choices)
    cells = forcing.cells.take(numbers)
    model = column_model(choices.options)
    sources, checksums = parameter_sources(choices)
    chosen = choices.forcing
    disaggregation = Disaggregation(cells.latitude, cells.longitude, choices.run.first, forcing.interval_seconds,
                                    forcing.offsets(cells), chosen.temperature, chosen.precipitation, chosen.random_seed)
    if choices.options.seasonality != "none":
        raise RegionError("a regional run carries no season of parameters", file=choices.file, variable="seasonality",
                          remedy='choose seasonality = "none"')
    table = choices.as_table()
    for name in WHERE_ONLY:
        table["run"].pop(name)
    table["output"].pop("folder")
    for name in ("file", "map"):
        table["parameters"].pop(name)
    table["forcing"].pop("store")
    table.pop("title")
    identity = sha256(json_bytes({"schema": SCHEMA, "code": code_checksum(), "choices": json.loads(json.dumps(table)),
                                  "forcing": forcing.identity, "parameters": checksums}))
    plan = RegionPlan(folder, choices, forcing, numbers, cells, model, disaggregation, sources, (), (), identity,
                      (identity, *accepted))
    layouts, variables = _layouts(choices, plan)
    plan = replace(plan, layouts=layouts, variables=variables)
    end = plan.start + max(plan.spin_up_days, 1) - 1
    if end > forcing.last_day:
        raise RegionError(f"the spin-up needs forcing to {end}, there is some to {forcing.last_day}", file=choices.file,
                          variable="spin_up_years", remedy="recycle fewer years")
    return plan


def _chosen(cells: Cells, choices: RegionChoices) -> NDArray[np.int64]:
    """Numbers of the cells in the box, each so many-th of them."""
    numbers = np.arange(cells.count)
    if choices.run.box:
        west, east, south, north = choices.run.box
        numbers = numbers[(cells.longitude >= west) & (cells.longitude <= east) & (cells.latitude >= south)
                          & (cells.latitude <= north)]
    numbers = numbers[:: choices.run.every]
    if not numbers.size:
        raise RegionError("no cell of the forcing lies in the box", file=choices.file, variable="box", unit="degrees",
                          remedy="widen the box")
    return numbers


def _layouts(choices: RegionChoices, plan: RegionPlan) -> tuple[tuple[OutputLayout, ...], tuple[str, ...]]:
    """Groups of output, and the variables of all of them; each must be one row that the column computes."""
    rows = plan.model.woven(BLOCK, plan.disaggregation).workspace_rows
    wanted = {kind: tuple(dict.fromkeys(getattr(choices.results, kind))) for kind in PER_CHUNK}
    variables = tuple(dict.fromkeys(name for names in wanted.values() for name in names))
    for name in variables:
        try:
            place = resolve(plan.model.table, name, "the output")
        except (RecipeError, ValueError) as trouble:
            raise RegionError(str(trouble), file=choices.file, variable="[output]",
                              remedy="see terraflux variables") from trouble
        if place.variable.dimension and place.fixed is None:
            raise RegionError(f"{name} has layers", file=choices.file, variable=name,
                              remedy=f"choose {name}_top, {name}_bottom or {name}_layer2")
        if place.variable.name not in rows:
            raise RegionError(f"no process of the column computes {name!r}", file=choices.file, variable=name,
                              remedy="leave it out, or choose other options")
    layouts = tuple(OutputLayout(periods(kind, choices.run.first, choices.run.last), names, plan.numbers.size,
                                 choices.parameters.members, plan.tile_cells, choices.results.precision)
                    for kind, names in wanted.items() if names)
    return layouts, variables


def run_facts(plan: RegionPlan) -> dict[str, Any]:
    """What run.json holds."""
    return {"schema": SCHEMA, "identity": plan.identity, "accepted": list(plan.accepted[1:]), "code": code_checksum(),
            "forcing": {"place": plan.forcing.place, "identity": plan.forcing.identity, "synthetic": plan.forcing.synthetic},
            "choices": plan.choices.as_table(), "base": os.fspath(plan.choices.folder), "file": plan.choices.file,
            "cells": int(plan.numbers.size), "tiles": plan.tiles, "tile_cells": plan.tile_cells, "days": plan.days}


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of a run. Raises RegionError where the folder holds none."""
    path = folder / RUN
    if not path.is_file() or path.stat().st_size > 10_000_000:
        raise RegionError("this folder holds no regional run", file=folder, remedy="make one with terraflux region run")
    try:
        facts = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as trouble:
        raise RegionError(f"the file is damaged: {trouble}", file=path,
                          remedy="delete it and run again with the file of choices") from trouble
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise RegionError("the folder holds a run of another version", file=path, remedy="give another folder")
    return facts


@lru_cache(maxsize=4)
def _loaded(folder: str, stamp: str) -> RegionPlan:
    facts = read_facts(Path(folder))
    choices = choices_from(facts["choices"], folder=facts["base"], file=facts["file"])
    plan = make_plan(choices, Path(folder), tuple(facts["accepted"]))
    if plan.identity != facts["identity"]:
        raise RegionError("code, forcing or parameter files are not those that the run was started with", file=folder,
                          remedy="install the same version on every machine, or start the run again")
    return plan


def load_plan(folder: str | os.PathLike[str]) -> RegionPlan:
    """The plan of the run in a folder, as every worker makes it for itself."""
    path = Path(folder)
    return _loaded(os.fspath(path), json.dumps(read_facts(path), sort_keys=True))
