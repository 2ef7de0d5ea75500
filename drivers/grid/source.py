"""A gridded source: files of one product, read step by step in canonical units on the cells that are wanted."""

import os
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.calendars import source_days
from terraflux.drivers.grid.grid_checks import Origin, checked
from terraflux.drivers.grid.grid_file import GridFile, GridVariable, open_grid_file
from terraflux.drivers.grid.grid_units import grid_conversion
from terraflux.drivers.grid.horizontal_grid import HorizontalGrid, grid_of
from terraflux.drivers.grid.profiles import Profile, ProfileVariable
from terraflux.drivers.grid.regridding import Regridder
from terraflux.drivers.grid.source_clock import DAY, FileStamps, SourceClock, file_stamps, source_clock
from terraflux.drivers.units import Conversion

OPEN_FILES = 8
FLUXES = ("shortwave_down", "longwave_down", "precipitation", "rainfall", "snowfall")


@dataclass(frozen=True)
class SourceRules:
    """Rules of reading: `order` ("refuse", "sort"), `duplicates` ("refuse", "first"), `calendar` ("refuse", "stretch"), and
    `edges` ("refuse", "hold"): whether the last step before the source begins or ends may stand for up to a day without
    data, as the last running total of a year does."""

    order: str = "refuse"
    duplicates: str = "refuse"
    calendar: str = "refuse"
    edges: str = "refuse"


@dataclass(frozen=True)
class SourceVariable:
    """A variable of a source: its name in the files, clock, unit with the way from it, and what a value holds."""

    name: str
    in_file: str
    time_name: str
    clock: SourceClock
    unit: str
    conversion: Conversion
    holds: str
    reset_seconds: int


class GridSource:
    """Files of one product on one grid. Values come by `values`; the source is closed by `close`.

    Raises ForcingError when opened: files that cannot be read, differ in grid or unit, or hold none of the profile's
    variables; clocks that are shuffled or doubled without a rule.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], profile: Profile, rules: SourceRules | None = None, *,
                 grid: HorizontalGrid | None = None, wanted: Sequence[str] | None = None) -> None:
        self.paths = [str(path) for path in paths]
        self.profile = profile
        self.rules = rules or SourceRules()
        if self.rules.edges not in ("refuse", "hold"):
            raise ForcingError(f"edges = {self.rules.edges!r} is unknown", remedy="choose refuse or hold")
        if not self.paths:
            raise ForcingError("the source names no file", variable=profile.name,
                               remedy="check the names and wildcards in files")
        self._open: OrderedDict[int, GridFile] = OrderedDict()
        self._given = grid
        self.grid: HorizontalGrid
        self.notes: list[str] = []
        try:
            self.variables = self._index(wanted)
            self._centres = self.grid.centres()
        except ForcingError:
            self.close()
            raise

    def close(self) -> None:
        """Release all files."""
        while self._open:
            self._open.popitem()[1].close()

    def _file(self, number: int) -> GridFile:
        """A file, kept open while it is among the last few used."""
        if number in self._open:
            self._open.move_to_end(number)
        else:
            self._open[number] = open_grid_file(self.paths[number])
            if len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        return self._open[number]

    def _index(self, wanted: Sequence[str] | None) -> dict[str, SourceVariable]:
        """Find the variables and clocks of all files."""
        stamps: dict[str, list[FileStamps]] = {}
        first: dict[str, tuple[GridVariable, str]] = {}
        grid: HorizontalGrid | None = self._given
        for number, path in enumerate(self.paths):
            opened = self._file(number)
            found = self.profile.found_in(opened)
            if not found:
                raise ForcingError(f"the file holds none of the variables of the profile {self.profile.name!r}", file=path,
                                   remedy=f"it holds {', '.join(list(opened.variables)[:12])}; name them in [source.variables]")
            for name, variable in found.items():
                if wanted is not None and name not in wanted:
                    continue
                time_name, part = file_stamps(opened, variable, number, self.rules.calendar)
                grid = self._check_grid(opened, variable, time_name, grid)
                if name in first and first[name][0].unit != variable.unit:
                    raise ForcingError(f"the unit is {variable.unit!r}, in {first[name][0].file} it is {first[name][0].unit!r}",
                                       file=path, variable=variable.name, remedy="make each a source of its own")
                first.setdefault(name, (variable, time_name))
                stamps.setdefault(name, []).append(part)
        if grid is None:
            raise ForcingError("the source holds none of the variables that are wanted", file=self.paths[0],
                               remedy="check the profile and [source.variables]")
        self.grid = grid
        return {name: self._variable(name, *first[name], parts) for name, parts in stamps.items()}

    def _check_grid(self, opened: GridFile, variable: GridVariable, time_name: str, grid: HorizontalGrid | None
                    ) -> HorizontalGrid:
        """The grid of the source; other grids and dimensions besides time and place are refused."""
        own = grid_of(opened, variable) if self._given is None else None
        if own is None:
            places = [dim for dim, size in zip(variable.dims, variable.shape) if dim != time_name and size > 1]
            if self._given is None or tuple(variable.shape[variable.dims.index(dim)] for dim in places) != self._given.shape:
                raise ForcingError("the cells are not those of the grid file given", file=opened.path, variable=variable.name,
                                   remedy="give a grid file with the same rows and columns")
            return self._given
        if grid is not None:
            grid.require_same(own, variable.name)
        extra = [dim for dim, size in zip(variable.dims, variable.shape) if dim not in (time_name, *own.dims) and size != 1]
        if extra:
            hint = "merge final and preliminary data first (expver)" if "expver" in extra else "choose one level"
            raise ForcingError(f"the variable has the dimension {extra[0]} beside time and place", file=opened.path,
                               variable=variable.name, remedy=hint)
        return grid if grid is not None else own

    def _variable(self, name: str, found: GridVariable, time_name: str, parts: list[FileStamps]) -> SourceVariable:
        known = self.profile.variables.get(name, ProfileVariable((name,)))
        unit = known.unit if known.forced_unit or not found.unit else found.unit
        if not unit:
            raise ForcingError("no unit is stated", file=found.file, variable=found.name,
                               remedy=f'declare unit in [source.variables.{name}]')
        conversion = grid_conversion(name, unit, file=found.file)
        holds, declared = self._holds(name, known, found, conversion, parts)
        amount = holds.startswith("total") or holds == "running_total"
        if amount != conversion.per_step:
            kind = "an amount" if conversion.per_step else "a rate"
            raise ForcingError(f"the unit {unit!r} is {kind}, but values hold {holds}", file=found.file,
                               variable=found.name, unit=unit,
                               remedy=f"declare holds and unit in [source.variables.{name}], or choose the right profile")
        clock = source_clock(parts, holds, declared, paths=self.paths, variable=found.name, order=self.rules.order,
                             duplicates=self.rules.duplicates)
        self.notes += clock.notes
        return SourceVariable(name, found.name, time_name, clock, unit, conversion, holds, known.reset_hours * 3600)

    def _holds(self, name: str, known: ProfileVariable, found: GridVariable, conversion: Conversion, parts: list[FileStamps]
               ) -> tuple[str, bool]:
        """What a value stands for: by the profile, else by cell methods, bounds and unit; and whether that is certain."""
        if known.holds:
            return known.holds, self.profile.name == "cf"
        methods = str(found.attributes.get("cell_methods", ""))
        stamps = np.unique(np.concatenate([part.stamps for part in parts]))
        daily = stamps.size > 1 and int(np.median(np.diff(stamps))) == DAY
        bounded = all(part.bounds is not None for part in parts)
        if "time: point" in methods or (name not in FLUXES and not bounded and not daily and "time:" not in methods):
            return "instant", True
        if daily or bounded:
            return ("total_after" if conversion.per_step else "mean_after"), True
        raise ForcingError("neither bounds nor cell_methods say whether a stamp begins or ends its step", file=found.file,
                           variable=found.name, unit=found.unit,
                           remedy=f'declare holds = "mean_before" (or another) in [source.variables.{name}]')

    def days(self, variable: str) -> tuple[int, int]:
        """First and last day number (in the calendar's count) of a variable."""
        clock = self.variables[variable].clock
        return int(clock.steps[0] // clock.steps_per_day), int(clock.steps[-1] // clock.steps_per_day)

    def steps_of(self, variable: str, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Step numbers [day, step of day] for real days (UTC)."""
        clock = self.variables[variable].clock
        return source_days(days, clock.calendar)[:, None] * clock.steps_per_day + np.arange(clock.steps_per_day)

    def values(self, variable: str, steps: NDArray[np.int64], cells: Regridder) -> tuple[NDArray[np.float64], dict[str, int]]:
        """Means of steps [step, used cell] in the canonical unit, checked, and counts of repairs.

        An instant stands for the step that begins with it. Raises ForcingError for steps that are absent, naming the first.
        """
        one = self.variables[variable]
        clock = one.clock
        counts: Counter[str] = Counter()
        usable, held = self.present(one, steps)
        if held:
            counts["steps_held_at_the_edge"] = held * cells.used.size
        distinct, back = np.unique(usable, return_inverse=True)
        if one.holds == "running_total":
            resets = (distinct * clock.step_seconds) % one.reset_seconds == 0
            numbers = np.unique(np.concatenate([distinct, distinct[~resets] - 1]))
            totals = self._records(one, numbers, cells)
            place = np.searchsorted(numbers, distinct)
            raw = totals[place] - np.where(resets[:, None], 0.0, totals[np.maximum(place - 1, 0)])
        else:
            raw = self._records(one, distinct, cells)
        values = one.conversion.apply(raw, clock.step_seconds)
        values, repairs = checked(values, self.origin(variable, distinct, cells))
        counts.update(repairs)
        return values[back], dict(counts)

    def raw_map(self, variable: str, steps: NDArray[np.int64], cells: Regridder) -> NDArray[np.float64]:
        """Numbers as stored of one step on the used cells, NaN where missing; for masks."""
        one = self.variables[variable]
        usable, _ = self.present(one, steps[:1])
        return self._records(one, usable, cells)[0]

    def origin(self, variable: str, steps: NDArray[np.int64], cells: Regridder) -> Origin:
        """Where the values of steps on the used cells come from, for messages."""
        one = self.variables[variable]
        rows = one.clock.find(steps)
        latitude, longitude = self._centres
        return Origin(variable, one.unit, one.conversion, one.clock.step_seconds,
                      [self.paths[int(one.clock.files[row])] for row in rows], [one.clock.text(int(step)) for step in steps],
                      latitude[cells.used], longitude[cells.used])

    def present(self, one: SourceVariable, steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Steps that the source has, the nearest end of it standing for up to a day beyond where edges are held; and how many
        are held. Raises ForcingError naming the first that is absent."""
        clock = one.clock
        first, last = int(clock.steps[0]), int(clock.steps[-1])
        if one.holds == "running_total" and (first * clock.step_seconds) % one.reset_seconds:
            first += 1
        usable = steps
        if self.rules.edges == "hold":
            usable = np.where(steps < first, np.where(steps >= first - clock.steps_per_day, first, steps), steps)
            usable = np.where(steps > last, np.where(steps <= last + clock.steps_per_day, last, usable), usable)
        needed = usable if one.holds != "running_total" else np.concatenate(
            [usable, np.where((usable * clock.step_seconds) % one.reset_seconds == 0, usable, usable - 1)])
        absent = needed[clock.find(needed) < 0]
        if absent.size:
            step = int(absent.min())
            edge = step < first or step > last
            remedy = ('choose a period inside the source, add the neighbouring file, or read with edges = "hold"' if edge
                      else "add the missing file or records")
            raise ForcingError(f"{np.unique(absent).size} time steps are missing; the source runs from {clock.text(first)} to "
                               f"{clock.text(last)}", file=self.paths[int(clock.files[-1])], variable=one.in_file,
                               unit=one.unit, time=clock.text(step), remedy=remedy)
        return usable, int((usable != steps).sum())

    def _records(self, one: SourceVariable, steps: NDArray[np.int64], cells: Regridder) -> NDArray[np.float64]:
        """Numbers in the unit of the file [step, used cell], read in runs of neighbouring records."""
        rows = one.clock.find(steps)
        files, records = one.clock.files[rows], one.clock.records[rows]
        result = np.empty((steps.size, cells.used.size))
        breaks = np.flatnonzero((np.diff(files) != 0) | (np.diff(records) != 1)) + 1
        for begin, end in zip([0, *breaks.tolist()], [*breaks.tolist(), steps.size]):
            variable = self._file(int(files[begin])).variable(one.in_file)
            vertical, horizontal = self._place_dims(variable, one.time_name)
            window: Mapping[str, slice | int] = {
                dim: 0 for dim in variable.dims if dim not in (one.time_name, vertical, horizontal)} | {
                one.time_name: slice(int(records[begin]), int(records[end - 1]) + 1), vertical: cells.window[0],
                horizontal: cells.window[1]}
            piece = variable.read(window)
            kept = [dim for dim in variable.dims if dim in (one.time_name, vertical, horizontal)]
            piece = piece.transpose([kept.index(dim) for dim in (one.time_name, vertical, horizontal)])
            result[begin:end] = cells.take(piece, self.grid.shape[1])
        return result

    def _place_dims(self, variable: GridVariable, time_name: str) -> tuple[str, str]:
        """Names of the dimensions of rows and columns; a grid given from outside has its own names for them."""
        if set(self.grid.dims) <= set(variable.dims):
            return self.grid.dims
        rest = [dim for dim, size in zip(variable.dims, variable.shape) if dim != time_name and size > 1]
        return rest[0], rest[1]
