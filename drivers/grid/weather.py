"""Weather of days on the target cells, from sources of any step: derived at source cells, regridded, averaged, moved in height.

What is not linear is made where and when the source has it: wind speed from its components, vapour pressure from dew point or
specific humidity, at each source cell and step, before any mean is taken. A daily mean is the mean of the day's steps, and of
the day's instants where a source holds instants (00 to 23 h for hourly data, as in ECMWF's daily statistics); extremes are
those of the steps. Stored steps shorter than a day have the mean of the instants at both ends.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.estimates import standard_pressure
from terraflux.drivers.grid import grid_checks
from terraflux.drivers.grid.lapse_rate import moved_pressure, moved_temperature, moved_vapour_pressure
from terraflux.drivers.grid.regridding import Regridder
from terraflux.drivers.grid.source import GridSource
from terraflux.drivers.grid.source_clock import DAY
from terraflux.drivers.grid.store_layout import EXTREMES, WEATHER
from terraflux.drivers.units import HUMIDITY_FORMS
from terraflux.model import humidity

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
PIECE_BYTES = 150_000_000
LARGEST_EXTREME_CONFLICT = 0.5  # K
COMPANIONS = {"specific_humidity": ("air_pressure",), "vapour_mole_fraction": ("air_pressure",),
              "relative_humidity": ("air_temperature",), "vapour_pressure_deficit": ("air_temperature",),
              "vapour_pressure": (), "dew_point_temperature": ()}


@dataclass(frozen=True, eq=False)
class OpenSource:
    """A source on its way to the target cells: a regridder by variable, and how much higher (m) the cells lie than it."""

    source: GridSource
    ways: Mapping[str, Regridder]
    height_change: Floats | None = None


@dataclass(frozen=True)
class Recipe:
    """How a stored variable is made: from which source, and from which of its variables."""

    name: str
    source: int
    inputs: tuple[str, ...]


def recipes_of(sources: Sequence[GridSource], daily: bool, *, has_height: bool) -> list[Recipe]:
    """How to make every stored variable from what the sources have; the first source that has something gives it.

    Extremes are made where they are given, or the temperature comes several times a day. Pressure may be missing where
    heights are known. Raises ForcingError naming the first variable that cannot be made.
    """
    found: list[Recipe] = []

    def first(name: str, *options: tuple[str, ...]) -> bool:
        for number, source in enumerate(sources):
            for inputs in options:
                if all(one in source.variables for one in inputs):
                    found.append(Recipe(name, number, inputs))
                    return True
        return False
    needed: dict[str, list[tuple[str, ...]]] = {
        "air_temperature": [("air_temperature",)],
        "vapour_pressure": [(form, *COMPANIONS[form]) for form in HUMIDITY_FORMS],
        "wind_speed": [("wind_speed",), ("eastward_wind", "northward_wind")],
        "shortwave_down": [("shortwave_down",)], "longwave_down": [("longwave_down",)],
        "precipitation": [("precipitation",), ("rainfall", "snowfall"), ("rainfall",)],
    }
    for name, options in needed.items():
        if not first(name, *options):
            ways = " or ".join(" with ".join(inputs) for inputs in options)
            raise ForcingError(f"no source has {name.replace('_', ' ')}", file=sources[0].paths[0], variable=name,
                               remedy=f"add a source with {ways} (all of them from the same one), or name the variable in "
                                      "[source.variables]")
    if not first("air_pressure", ("air_pressure",)):
        if not has_height:
            raise ForcingError("no source has air pressure, and heights are not known", file=sources[0].paths[0],
                               variable="air_pressure", remedy="add a source of pressure, or [surface.elevation]")
        found.append(Recipe("air_pressure", -1, ()))
    if daily and not (first("air_temperature_minimum", ("air_temperature_minimum",))
                      and first("air_temperature_maximum", ("air_temperature_maximum",))):
        found[:] = [one for one in found if one.name not in EXTREMES]
        given = next(one for one in found if one.name == "air_temperature")
        if sources[given.source].variables["air_temperature"].clock.steps_per_day > 1:
            found += [Recipe(name, given.source, ("air_temperature",)) for name in EXTREMES]
    return sorted(found, key=lambda one: WEATHER.index(one.name))


@dataclass
class WeatherReader:
    """Reads weather of whole days. `step_seconds` is the stored step (86400: daily), `offset_hours` the hours by which the
    stored day of every cell begins before that of UTC, `heights` (m) of the cells. `trust` leaves out checks of the clock."""

    sources: Sequence[OpenSource]
    recipes: Sequence[Recipe]
    step_seconds: int
    offset_hours: Floats
    heights: Floats
    lapse_rate: float | None = None
    minimum_fraction: float = 0.5
    checked_amounts: set[str] = field(default_factory=set)
    _read: dict[tuple[int, str, int], tuple[Floats, dict[str, int]]] = field(default_factory=dict)
    _fields: dict[tuple[int | str, ...], Floats] = field(default_factory=dict)

    @property
    def days_at_once(self) -> int:
        """Days that are read in one piece so that memory stays bounded."""
        widest = max(way.used.size for one in self.sources for way in one.ways.values())
        steps = max(variable.clock.steps_per_day for one in self.sources for variable in one.source.variables.values())
        return max(1, int(PIECE_BYTES / (8 * steps * (widest + 2 * self.offset_hours.size))))

    def of_days(self, days: Days) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, int]]]:
        """Weather {variable: [step, cell]} of consecutive days, and counts of repairs {variable: {what: number}}."""
        steps = DAY // self.step_seconds
        result = {one.name: np.empty((days.size * steps, self.offset_hours.size), dtype=np.float32) for one in self.recipes}
        counts: dict[str, Counter[str]] = {one.name: Counter() for one in self.recipes}
        piece = self.days_at_once
        for begin in range(0, days.size, piece):
            part = days[begin:begin + piece]
            values = self._piece(part, counts, fresh=begin == 0)
            for name, one in values.items():
                result[name][begin * steps:(begin + part.size) * steps] = one
        return result, {name: dict(found) for name, found in counts.items() if found}

    def _piece(self, days: Days, counts: dict[str, Counter[str]], *, fresh: bool) -> dict[str, Floats]:
        """All variables of a few days, consistent with each other."""
        values: dict[str, Floats] = {}
        self._read, self._fields = {}, {}
        for recipe in self.recipes:
            if recipe.source >= 0:
                values[recipe.name] = self._variable(recipe, days, counts[recipe.name], fresh=fresh)
        if "air_pressure" not in values:
            made = np.array([standard_pressure(float(height)) for height in self.heights])
            values["air_pressure"] = np.broadcast_to(made, values["air_temperature"].shape)
            counts["air_pressure"]["from_the_standard_atmosphere"] += values["air_pressure"].size
        if self.lapse_rate is not None:
            self._lift(values)
        self._reconcile(values, counts, days)
        return values

    def _variable(self, recipe: Recipe, days: Days, counts: Counter[str], *, fresh: bool) -> Floats:
        """One variable on the stored steps of days [step, cell]."""
        one = self.sources[recipe.source]
        wanted, shifts, lead, trapezoid = self._steps(recipe, days)
        clock = one.source.variables[recipe.inputs[0]].clock
        steps_per_day = clock.steps_per_day
        fields = self._regridded(recipe, one, wanted, days, counts, fresh=fresh)
        if trapezoid:
            fields = 0.5 * (fields[:-1] + fields[1:])
        if self.step_seconds < DAY:
            share = self.step_seconds // clock.step_seconds
            return fields.reshape(-1, share, fields.shape[1]).mean(axis=1)
        result = np.empty((days.size, self.offset_hours.size))
        for shift in np.unique(shifts):
            here = shifts == shift
            begin = lead - int(shift)
            block = fields[begin: begin + days.size * steps_per_day, here].reshape(days.size, steps_per_day, -1)
            if recipe.name in EXTREMES and recipe.inputs == ("air_temperature",):
                result[:, here] = block.min(axis=1) if recipe.name == EXTREMES[0] else block.max(axis=1)
            else:
                result[:, here] = block.mean(axis=1)
        return result

    def check_period(self, days: Days) -> None:
        """Raise ForcingError, before anything is read, for the first step of consecutive days that a source lacks."""
        for recipe in self.recipes:
            if recipe.source >= 0:
                source = self.sources[recipe.source].source
                wanted = self._steps(recipe, days)[0]
                for name in recipe.inputs:
                    source.present(source.variables[name], wanted)

    def files_of(self, days: Days) -> list[tuple[int, str]]:
        """Numbers of sources and paths of their files that hold the weather of consecutive days."""
        found: set[tuple[int, str]] = set()
        for recipe in self.recipes:
            if recipe.source < 0:
                continue
            source = self.sources[recipe.source].source
            wanted = self._steps(recipe, days)[0]
            for name in recipe.inputs:
                one = source.variables[name]
                steps, _ = source.present(one, wanted)
                rows = one.clock.find(np.concatenate([steps, steps - 1]) if one.holds == "running_total" else steps)
                found |= {(recipe.source, source.paths[int(file)]) for file in np.unique(one.clock.files[rows[rows >= 0]])}
        return sorted(found)

    def _steps(self, recipe: Recipe, days: Days) -> tuple[NDArray[np.int64], NDArray[np.int64], int, bool]:
        """Source steps that days need, the shift of every cell's day in steps, how many steps lead, and whether one more
        instant is needed at the end."""
        one = self.sources[recipe.source]
        clock = one.source.variables[recipe.inputs[0]].clock
        for name in recipe.inputs[1:]:
            if one.source.variables[name].clock.step_seconds != clock.step_seconds:
                raise ForcingError(f"{recipe.inputs[0]} and {name} have different steps", file=one.source.paths[0],
                                   variable=recipe.name, remedy="give both at the same step")
        steps_per_day = clock.steps_per_day
        shifts = np.round(self.offset_hours * 3600.0 / clock.step_seconds).astype(np.int64) if steps_per_day > 1 else np.zeros(
            self.offset_hours.size, dtype=np.int64)
        lead, tail = int(max(shifts.max(), 0)), int(max(-shifts.min(), 0))
        trapezoid = self.step_seconds < DAY and clock.halfway
        span = np.arange(days[0] - -(-lead // steps_per_day),
                         days[-1] + 1 + -(-(tail + trapezoid) // steps_per_day)) if lead + tail + trapezoid else days
        steps = one.source.steps_of(recipe.inputs[0], span).ravel()
        before = -(-lead // steps_per_day) * steps_per_day - lead
        if self.step_seconds < clock.step_seconds or self.step_seconds % clock.step_seconds:
            raise ForcingError(f"the source has steps of {clock.step_seconds} s, the store of {self.step_seconds} s",
                               file=one.source.paths[0], variable=recipe.name, remedy='choose step = "day"')
        return steps[before: before + lead + days.size * steps_per_day + tail + trapezoid], shifts, lead, trapezoid

    def _regridded(self, recipe: Recipe, one: OpenSource, steps: NDArray[np.int64], days: Days, counts: Counter[str], *,
                   fresh: bool) -> Floats:
        """A variable on source steps [step, cell], derived at source cells and checked there."""
        way = one.ways[recipe.inputs[0]]
        key = (recipe.source, "vapour_pressure" if recipe.name == "vapour_pressure" else "", *recipe.inputs)
        if key in self._fields:
            return self._fields[key]
        parts = []
        for name in recipe.inputs:
            values, repairs = self._values(recipe.source, name, steps, way)
            origin = one.source.origin(name, steps, way)
            missing = np.isnan(values)
            if missing.any():
                raise ForcingError(f"{int(missing.sum())} values are missing where there were some at first",
                                   remedy="fill the gap, choose another period, or leave the cells out", **origin.at(missing))
            if recipe.name not in EXTREMES and (recipe.name == name or name not in WEATHER):
                counts.update(repairs)
            if fresh:
                self._check_clock(name, one, values, origin, steps, days, counts)
            parts.append(values)
        self._fields[key] = way(_derived(recipe, parts), self.minimum_fraction)
        return self._fields[key]

    def _values(self, number: int, name: str, steps: NDArray[np.int64], way: Regridder) -> tuple[Floats, dict[str, int]]:
        """Values at source cells, read once a piece."""
        key = (number, name, id(way))
        if key not in self._read:
            self._read[key] = self.sources[number].source.values(name, steps, way)
        return self._read[key]

    def _check_clock(self, name: str, one: OpenSource, values: Floats, origin: grid_checks.Origin, steps: NDArray[np.int64],
                     days: Days, counts: Counter[str]) -> None:
        """Checks that need a sample: light against the sun, amounts, running totals taken for amounts."""
        variable = one.source.variables[name]
        spd = variable.clock.steps_per_day
        skip = (-int(steps[0])) % spd
        whole = values[skip: skip + min(days.size, 5) * spd]
        if name not in self.checked_amounts and whole.shape[0] >= spd:
            self.checked_amounts.add(name)
            grid_checks.check_amounts(values, origin)
            if name in ("precipitation", "rainfall") and variable.holds in ("total_before", "total_after"):
                grid_checks.check_not_accumulated(whole, spd, origin)
        if name == "shortwave_down" and variable.holds != "instant":
            day = whole[:spd]
            some = np.unique(np.linspace(0, day.shape[1] - 1, min(day.shape[1], 400)).astype(np.int64))
            step = np.timedelta64(variable.clock.step_seconds, "s")
            begins = days[0].astype("datetime64[s]") + np.arange(day.shape[0]) * step
            if variable.clock.halfway:
                begins = begins - step // 2
            sample = grid_checks.Origin(origin.variable, origin.unit, origin.conversion, origin.step_seconds,
                                        origin.files[skip: skip + spd], origin.times[skip: skip + spd], origin.latitude[some],
                                        origin.longitude[some])
            counts.update(grid_checks.check_light(day[:, some], begins, sample))

    def _lift(self, values: dict[str, Floats]) -> None:
        """Move temperature, pressure and humidity to the heights of the cells."""
        assert self.lapse_rate is not None
        change = {recipe.name: self.sources[recipe.source].height_change if recipe.source >= 0 else None
                  for recipe in self.recipes}
        below = values["air_temperature"]
        for name in ("air_temperature", *EXTREMES):
            height = change.get(name)
            if name in values and height is not None:
                values[name] = moved_temperature(values[name], height, self.lapse_rate * 1e-3)
        height = change["air_pressure"]
        before = values["air_pressure"]
        if height is not None:
            values["air_pressure"] = moved_pressure(before, below, values["air_temperature"], values["vapour_pressure"], height)
            values["vapour_pressure"] = moved_vapour_pressure(values["vapour_pressure"], before, values["air_pressure"])

    def _reconcile(self, values: dict[str, Floats], counts: dict[str, Counter[str]], days: Days) -> None:
        """Minimum below mean below maximum; vapour at most saturated. Small conflicts are repaired and counted."""
        mean = values["air_temperature"]
        saturation = humidity.saturation_pressure_at(mean)
        if EXTREMES[0] in values:
            low, high = values[EXTREMES[0]], values[EXTREMES[1]]
            conflict = np.maximum(np.maximum(low - high, low - mean), mean - high)
            if conflict.max() > LARGEST_EXTREME_CONFLICT:
                step, cell = np.unravel_index(int(np.argmax(conflict > LARGEST_EXTREME_CONFLICT)), mean.shape)
                raise ForcingError(f"minimum, mean and maximum temperature contradict each other by {conflict.max():.2f} K in "
                                   f"cell {cell}", variable=EXTREMES[0], unit="degC", time=days[int(step)],
                                   remedy="check that they come from the same product, days and grid")
            wrong = (low > mean) | (high < mean)
            if wrong.any():
                counts[EXTREMES[0]]["extremes_widened_to_the_mean"] += int(wrong.sum())
                values[EXTREMES[0]], values[EXTREMES[1]] = np.minimum(low, mean), np.maximum(high, mean)
            # A day's mean may exceed saturation at the mean temperature, because saturation curves upwards.
            saturation = 0.5 * (humidity.saturation_pressure_at(values[EXTREMES[0]])
                                + humidity.saturation_pressure_at(values[EXTREMES[1]]))
        moist = values["vapour_pressure"] > saturation * (1.0 + 1e-9)
        if moist.any():
            counts["vapour_pressure"]["limited_to_saturation"] += int(moist.sum())
        values["vapour_pressure"] = np.minimum(np.maximum(values["vapour_pressure"], 0.0), saturation)


def _derived(recipe: Recipe, parts: list[Floats]) -> Floats:
    """A variable from its inputs at source cells."""
    if recipe.name == "wind_speed" and len(parts) == 2:
        return np.hypot(parts[0], parts[1])
    if recipe.name == "precipitation":
        return sum(parts[1:], parts[0])
    if recipe.name != "vapour_pressure":
        return parts[0]
    form = recipe.inputs[0]
    if form == "dew_point_temperature":
        return humidity.vapour_pressure_from_dew_point(parts[0])
    if form == "specific_humidity":
        return humidity.vapour_pressure_from_specific_humidity(parts[0], parts[1])
    if form == "vapour_mole_fraction":
        return parts[0] * parts[1] * 1e-3
    if form == "relative_humidity":
        return humidity.vapour_pressure_from_relative_humidity(parts[0], parts[1])
    if form == "vapour_pressure_deficit":
        return np.maximum(humidity.vapour_pressure_from_deficit(parts[0], parts[1]), 0.0)
    return parts[0]
