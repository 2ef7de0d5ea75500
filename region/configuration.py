"""What a regional run is asked for: a TOML file, checked key by key.

    [forcing]
    store = "forcing.zarr"              # or: synthetic = 0.5 (degrees), seed = 1
    precipitation = "cascade"           # courses within the day, see docs/region/disaggregation.md
    [model]
    step = 3600                         # s
    photosynthesis = "farquhar"         # any option of the column
    [parameters]
    file = "parameters.toml"            # of `terraflux fit`; statistic = "mode"
    map = "maps.nc"                     # values by plant type or place, with members = 10 of its posterior
    [parameters.plant.GRA]
    carboxylation_capacity = 45.0
    [run]
    first = "1979-01-01"
    last = "2012-12-31"
    spin_up_years = 10
    [output]
    folder = "china"                    # beside this file; default: its name with _run
    monthly = ["gross_primary_production"]
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import refuse_unknown_keys
from terraflux.drivers.safe_files import read_toml
from terraflux.model.disaggregation import PRECIPITATION_COURSE, TEMPERATURE_COURSE
from terraflux.model.options import OptionError, Options
from terraflux.region.errors import RegionError

MONTHLY = ("gross_primary_production", "net_primary_production", "autotrophic_respiration", "heterotrophic_respiration",
           "net_ecosystem_exchange", "evapotranspiration", "transpiration", "latent_heat", "sensible_heat", "net_radiation",
           "leaf_area_index", "surface_runoff", "drainage", "soil_moisture_stored", "snow_water_equivalent",
           "soil_temperature_top", "air_temperature", "precipitation", "shortwave_down")
ANNUAL = ("labile_carbon", "foliage_carbon", "stem_carbon", "coarse_root_carbon", "fine_root_carbon", "coarse_wood_litter",
          "slow_carbon", "passive_carbon", "stored_carbon", "active_layer_depth", "frozen_day")
STATISTICS = ("mode", "mean", "q05", "q25", "q50", "q75", "q95", "default")
EXECUTORS = ("threads", "dask")
WHERE_ONLY = ("executor", "threads", "workers", "scheduler", "slab_days", "failed_columns")  # results do not depend on them
FAILED_COLUMNS = ("mask", "stop")


@dataclass(frozen=True)
class ForcingChoice:
    """A `store` of forcing, or the `synthetic` nation of so many degrees made with a `seed`; the courses within a day, whose
    random ones follow `random_seed`."""

    store: str = ""
    synthetic: float = 0.0
    seed: int = 1
    precipitation: str = "cascade"
    temperature: str = "daylight"
    random_seed: int = 1


@dataclass(frozen=True)
class ParameterChoice:
    """Where parameters come from beyond the defaults of plant types and soils, each before the next: `file`, a
    parameters.toml (its `statistic`); `map`, a netCDF; `plant`, values by plant type. `members` of the map
    are run side by side."""

    file: str = ""
    statistic: str = "mode"
    map: str = ""
    members: int = 1
    plant: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunChoice:
    """Days `first` to `last`; `spin_up_years` of forcing from the first are recycled before (0: none) in `spin_up_cycles` for
    carbon after `physical_cycles` for heat and water. `box` is west, east, south, north; `every` keeps each so many-th cell.
    Plants below `minimum_fraction` of a cell's land are left out. Tiles hold `tile_cells` (0: a block of the store) and go
    `slab_days` (0: a slab of the store) at a time. A column that leaves the bounds of its states takes its cell out of the run
    (`failed_columns` "mask"), or stops its tile ("stop")."""

    first: str = ""
    last: str = ""
    spin_up_years: int = 10
    spin_up_cycles: int = 5
    physical_cycles: int = 2
    box: tuple[float, ...] = ()
    every: int = 1
    minimum_fraction: float = 0.05
    tile_cells: int = 0
    slab_days: int = 0
    executor: str = "threads"
    threads: int = 0
    workers: int = 0
    scheduler: str = ""
    failed_columns: str = "mask"


@dataclass(frozen=True)
class OutputChoice:
    """The `folder` of the run, and the variables of the column that are kept as means of months, years and days, in float32
    or float64."""

    folder: str = ""
    monthly: tuple[str, ...] = MONTHLY
    annual: tuple[str, ...] = ANNUAL
    daily: tuple[str, ...] = ()
    precision: str = "float32"


@dataclass(frozen=True)
class RegionChoices:
    """A whole run; `folder` holds the file of choices, paths begin there. `step` is the model step in s."""

    folder: Path
    forcing: ForcingChoice
    run: RunChoice
    step: float = 3600.0
    options: Options = field(default_factory=Options)
    parameters: ParameterChoice = field(default_factory=ParameterChoice)
    results: OutputChoice = field(default_factory=OutputChoice)
    title: str = ""
    file: str = ""

    def path(self, name: str) -> Path:
        """A path given in the file: absolute, or from the folder of the file."""
        return (self.folder / name).resolve()

    @property
    def output(self) -> Path:
        """Folder of the run."""
        return self.path(self.results.folder or (f"{Path(self.file).stem}_run" if self.file else "region_run"))

    def as_table(self) -> dict[str, Any]:
        """Nested tables from which `choices_from` makes the same choices."""
        def plain(part: Any, given: type) -> dict[str, Any]:
            return {one.name: getattr(part, one.name) for one in fields(given)}
        return {"title": self.title, "forcing": plain(self.forcing, ForcingChoice),
                "model": {"step": self.step, **self.options.differences()},
                "parameters": plain(self.parameters, ParameterChoice) | {
                    "plant": {name: dict(values) for name, values in self.parameters.plant.items()}},
                "run": plain(self.run, RunChoice), "output": plain(self.results, OutputChoice)}


def read_choices(path: str | os.PathLike[str]) -> RegionChoices:
    """The choices of a TOML file. Raises ForcingError for what is malformed, unknown or impossible, by name."""
    content = read_toml(path)
    return choices_from(content, folder=Path(path).resolve().parent, file=str(path))


def choices_from(content: Mapping[str, Any], *, folder: str | os.PathLike[str], file: str = "") -> RegionChoices:
    """Choices from nested tables. Unknown keys are refused with the nearest known one, impossible values by name."""
    table = dict(content)
    refuse_unknown_keys(table, ("title", "output", "forcing", "model", "parameters", "run"), file=file)
    model = dict(table.get("model", {}))
    step = model.pop("step", 3600.0)
    if isinstance(step, bool) or not isinstance(step, (int, float)):
        raise RegionError(f"step = {step!r} is no number", file=file, variable="step", unit="s", remedy="choose 3600 or 1800")
    try:
        options = Options.from_mapping(model)
    except OptionError as trouble:
        raise RegionError(str(trouble), file=file, variable="[model]", remedy="correct the option") from trouble
    run = _part(RunChoice, table.get("run", {}), "[run]", file)
    for name in ("first", "last"):
        try:
            np.datetime64(str(getattr(run, name)) or "?", "D")
        except ValueError as trouble:
            raise RegionError(f"{name} = {getattr(run, name)!r} is no date", file=file, variable=name,
                              remedy="write YYYY-MM-DD in [run]") from trouble
    choices = RegionChoices(Path(folder), _part(ForcingChoice, table.get("forcing", {}), "[forcing]", file), run,
                            float(step), options, _part(ParameterChoice, table.get("parameters", {}), "[parameters]", file),
                            _part(OutputChoice, table.get("output", {}), "[output]", file), str(table.get("title", "")), file)
    _check(choices)
    return choices


def _part(kind: Any, given: object, place: str, file: str) -> Any:
    """A dataclass from a table: names checked, lists made tuples, types held to those of the defaults."""
    if not isinstance(given, Mapping):
        raise RegionError(f"{place} is no table", file=file, variable=place, remedy="write name = value lines below it")
    refuse_unknown_keys(given, [one.name for one in fields(kind)], file=file, place=place)
    blank: Any = kind()
    values: dict[str, Any] = {}
    for name, value in given.items():
        default = getattr(blank, name)
        if isinstance(default, tuple) and isinstance(value, (list, tuple)):
            values[name] = tuple(value)
            continue
        right = (isinstance(value, Mapping) if isinstance(default, Mapping)
                 else not isinstance(value, bool) and isinstance(value, (int, float)) if isinstance(default, float)
                 else not isinstance(value, bool) and isinstance(value, int) if isinstance(default, int)
                 else isinstance(value, str) or (name in ("first", "last") and hasattr(value, "isoformat")))
        if not right or isinstance(default, tuple):
            raise RegionError(f"{name} = {value!r} in {place} must be like {default!r}", file=file, variable=name,
                              remedy=f"correct {name}")
        values[name] = str(value) if isinstance(default, str) else value
    return kind(**values)


def _check(choices: RegionChoices) -> None:
    """Refuse values that make no sense."""
    file, run = choices.file, choices.run

    def refuse(name: str, problem: str, remedy: str) -> None:
        raise RegionError(problem, file=file, variable=name, remedy=remedy)
    if bool(choices.forcing.store) == bool(choices.forcing.synthetic):
        refuse("[forcing]", "a run needs either a store or the synthetic nation", 'give store = "..." or synthetic = 0.5')
    for name, value, known in (("precipitation", choices.forcing.precipitation, PRECIPITATION_COURSE),
                               ("temperature", choices.forcing.temperature, TEMPERATURE_COURSE),
                               ("statistic", choices.parameters.statistic, STATISTICS),
                               ("executor", run.executor, EXECUTORS),
                               ("failed_columns", run.failed_columns, FAILED_COLUMNS), ("precision", choices.results.precision,
                                                                       ("float32", "float64"))):
        if value not in known:
            refuse(name, f"{name} = {value!r} is unknown", f"choose {', '.join(known)}")
    if np.datetime64(run.last, "D") < np.datetime64(run.first, "D"):
        refuse("last", f"the days {run.first} to {run.last} hold no day", "exchange first and last")
    if choices.step <= 0.0 or 86400.0 % choices.step:
        refuse("step", f"a step of {choices.step:g} s does not divide the day", "choose 1800 or 3600")
    for name, low, high in (("spin_up_years", 0, 200), ("spin_up_cycles", 0, 100), ("physical_cycles", 1, 100),
                            ("every", 1, 10**9), ("minimum_fraction", 0.0, 1.0), ("tile_cells", 0, 10**6),
                            ("slab_days", 0, 3660), ("threads", 0, 1024), ("workers", 0, 10**4)):
        if not low <= getattr(run, name) <= high:
            refuse(name, f"{name} = {getattr(run, name)!r} lies outside {low}..{high}", f"correct {name}")
    if run.box and (len(run.box) != 4 or not (run.box[0] < run.box[1] and run.box[2] < run.box[3])):
        refuse("box", f"box = {list(run.box)} is no box", "give west, east, south, north in degrees")
    if not 1 <= choices.parameters.members <= 1000:
        refuse("members", f"members = {choices.parameters.members} lies outside 1..1000", "correct members")
    if choices.parameters.members > 1 and not choices.parameters.map:
        refuse("members", "members are asked for, but there is no map", 'give map = "....nc" with a dimension member')
    if not (choices.results.monthly or choices.results.annual or choices.results.daily):
        refuse("[output]", "nothing is to be kept", "name variables in monthly, annual or daily")
