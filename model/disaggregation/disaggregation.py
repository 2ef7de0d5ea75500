"""How coarse forcing becomes the forcing of every step: places, first day, and the courses of a day.

>>> import numpy as np
>>> daily = Disaggregation(latitude=[35.0], longitude=[105.0], first="2001-01-01", precipitation="cascade")
>>> daily.variables()[:4]
('shortwave_down', 'longwave_down', 'air_temperature', 'air_temperature_range')
"""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.constants import KELVIN, SOLAR_CONSTANT
from terraflux.model.diffuse_fraction import erbs
from terraflux.model.disaggregation import rows
from terraflux.model.disaggregation.precipitation_course import LEVELS, PRECIPITATION_COURSE, cascade_fall, cascade_share
from terraflux.model.disaggregation.random_numbers import absorbed, cell_keys
from terraflux.model.disaggregation.temperature_course import TEMPERATURE_COURSE
from terraflux.model.growth_temperature import growth_temperature
from terraflux.model.humidity import saturation_vapour_pressure
from terraflux.model.solar import centuries_since_2000, sun_position
from terraflux.model.variables import FORCING, SETTINGS, variable_table
from terraflux.model.weave import Table, Variable
from terraflux.model.weave.lane_choice import Model
from terraflux.model.weave.refinement import Refinement, RefinementPlan, copied_text

AIR_TEMPERATURE_RANGE = "air_temperature_range"  # K, maximum less minimum of the day
DAY = 86400
MADE = ("cosine_zenith", "diffuse_fraction", "photoperiod")  # by the sun alone
SHAPED = ("shortwave_down", "longwave_down", "air_temperature", "vapour_pressure", "precipitation")  # follow a course
NOONS = np.arange(-2, 3)  # days whose noons in Greenwich surround a local noon
SHARED_FILES, DAILY_FILE, HOURS_FILE = ("refine_sun.py", "refine_common.py"), "refine_daily.py", "refine_hours.py"
COURSE_FILE, CASCADE_FILE = "refine_course.py", "refine_cascade.py"


class DisaggregationError(ValueError):
    """A disaggregation that does not fit its forcing or its steps."""


@dataclass(frozen=True, eq=False)
class Disaggregation:
    """Forcing of days, or of every few hours, to be refined to the model's step.

    `latitude`, `longitude` (degrees) of every series; `first` is the local date and time at which the first interval of the run
    begins, `interval_seconds` the length of intervals (86400, or less that divides the day). Days are those of
    local mean solar time, or of clocks `utc_offset_hours` ahead of Greenwich (one number or one per series; 0 for days of
    Greenwich). `temperature` and `precipitation` name the courses of a day (TEMPERATURE_COURSE, PRECIPITATION_COURSE); `seed`
    goes with position and date into the random courses. `neighbours` says how many intervals (0 or 1) before the first and
    after the last the forcing holds besides; intervals shorter than a day lean on them, daily ones do not.

    Daily means and totals are kept. See docs/region/disaggregation.md. Raises DisaggregationError for what cannot be used.
    """

    latitude: ArrayLike
    longitude: ArrayLike
    first: object
    interval_seconds: int = DAY
    utc_offset_hours: ArrayLike | None = None
    temperature: str = "daylight"
    precipitation: str = "uniform"
    seed: int = 0
    neighbours: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        latitude, longitude = np.atleast_1d(np.asarray(self.latitude, float)), np.atleast_1d(np.asarray(self.longitude, float))
        if latitude.shape != longitude.shape or latitude.ndim != 1:
            raise DisaggregationError(f"latitude {latitude.shape} and longitude {longitude.shape}: one number per series")
        for name, values, limit in (("latitude", latitude, 90.0), ("longitude", longitude, 360.0)):
            if not (np.abs(values) <= limit).all():
                raise DisaggregationError(f"{name} must lie within -{limit:g}..{limit:g} degrees")
        if not 60 <= self.interval_seconds <= DAY or DAY % self.interval_seconds:
            raise DisaggregationError(f"intervals of {self.interval_seconds} s: they must divide the day")
        for what, registry in (("temperature", TEMPERATURE_COURSE), ("precipitation", PRECIPITATION_COURSE)):
            value = getattr(self, what)
            if value not in registry:
                close = difflib.get_close_matches(str(value), registry, 1)
                raise DisaggregationError(f"the course {value!r} of {what} is unknown; known are {', '.join(registry)}"
                                          + (f"; meant {close[0]!r}?" if close else ""))
        if self.seed < 0:
            raise DisaggregationError(f"the seed {self.seed} is negative")
        if any(count not in (0, 1) for count in self.neighbours):
            raise DisaggregationError(f"neighbours {self.neighbours}: 0 or 1 interval on either side")
        start = np.datetime64(self.first, "s")  # type: ignore[call-overload]
        into = int((start - start.astype("datetime64[D]")).astype(int))
        if into % self.interval_seconds:
            raise DisaggregationError(f"{start} is not where an interval of {self.interval_seconds} s of its day begins")
        object.__setattr__(self, "latitude", latitude)
        object.__setattr__(self, "longitude", longitude)
        object.__setattr__(self, "first", start)

    @property
    def daily(self) -> bool:
        """Is an interval a day?"""
        return self.interval_seconds == DAY

    def variables(self, table: Table | None = None) -> tuple[str, ...]:
        """Names of the rows of the coarse forcing, in order; a layered variable stands once per layer.

        They are the table's forcing without what the sun alone decides, and for days the range of air temperature (K) besides.
        """
        return tuple(name for name, _ in coarse_rows(table or variable_table(), self.daily))

    def starting(self, first: object, neighbours: tuple[int, int] = (0, 0)) -> "Disaggregation":
        """The same for a run that begins later or earlier: the next slab of time."""
        return replace(self, first=first, neighbours=neighbours)

    def of(self, series: ArrayLike) -> "Disaggregation":
        """The same for some of the series, given by number: a tile."""
        chosen = np.asarray(series)
        offset = self.utc_offset_hours
        if offset is not None and np.ndim(offset):
            offset = np.asarray(offset)[chosen]
        return replace(self, latitude=np.asarray(self.latitude)[chosen], longitude=np.asarray(self.longitude)[chosen],
                       utc_offset_hours=offset)

    def refinement(self, table: Table) -> Refinement:
        """What the engine weaves in for these courses and this table."""
        names = tuple((variable.name, layer) for variable, layer in table.rows_of("forcing"))
        if self.daily:
            return _refinement(names, True, self.temperature, self.precipitation)
        return _refinement(names, False, "", "")

    def plan(self, settings: Mapping[str, float], intervals: int, series: int) -> RefinementPlan:
        """Tables of the sun, positions and sizes of a run over `intervals` (neighbours included) of `series`."""
        step = float(settings.get("time_step", 0.0))
        count = round(self.interval_seconds / step) if step > 0.0 else 0
        if count < 1 or abs(count * step - self.interval_seconds) > 1e-6:
            raise DisaggregationError(f"a time_step of {step:g} s does not divide intervals of {self.interval_seconds} s")
        latitude, longitude = np.asarray(self.latitude), np.asarray(self.longitude)
        if latitude.size != series:
            raise DisaggregationError(f"the forcing has {series} series, the disaggregation {latitude.size} places")
        before, after = self.neighbours
        inside = intervals - before - after
        if inside < 0:
            raise DisaggregationError(f"{intervals} intervals do not hold the neighbours {self.neighbours}")
        start = np.datetime64(self.first, "s")  # type: ignore[call-overload]
        first_day = start.astype("datetime64[D]")
        per_day = DAY // self.interval_seconds
        phase = int((start - first_day).astype(int)) // self.interval_seconds
        whole = np.array([count, per_day, phase, before], np.int64)
        return RefinementPlan(inside * count, whole, _calendar(first_day, (phase + inside) // per_day + 1),
                              _turns(count * per_day), self._places(latitude, longitude))

    def _places(self, latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Position, clock and keys of every series, and the weights of the noons around its own (Lagrange)."""
        solar = longitude / 15.0
        offset = solar if self.utc_offset_hours is None else np.asarray(self.utc_offset_hours, float) + np.zeros(solar.shape)
        if offset.shape != solar.shape or not (np.abs(offset) <= 24.0).all():
            raise DisaggregationError("utc_offset_hours must be one number of -24..24, or one per series")
        at = -offset / 24.0
        weights = [np.prod([(at - other) / (noon - other) for other in NOONS if other != noon], axis=0) for noon in NOONS]
        known, of_series = np.unique(np.radians(latitude), return_inverse=True)
        sine, cosine = (np.array([turn(phi) for phi in known.tolist()])[of_series] for turn in (math.sin, math.cos))
        return np.ascontiguousarray(np.stack([sine, cosine, solar - offset, *cell_keys(latitude, longitude, self.seed),
                                              *weights]))


@lru_cache(maxsize=256)
def _noons_of(year: int) -> NDArray[np.float64]:
    """The rows of `_calendar` for a year; whole years, so that a day has the same bits in any run."""
    dates = np.arange(np.datetime64(f"{year:04d}-01-01"), np.datetime64(f"{year + 1:04d}-01-01"))
    noons = dates.astype("datetime64[ms]") + np.timedelta64(12, "h")
    declination, equation, nearness = sun_position(centuries_since_2000(noons))
    return np.stack([np.sin(declination), equation / 60.0, nearness, dates.astype(np.float64)])


def _calendar(first_day: np.datetime64, days: int) -> NDArray[np.float64]:
    """Sine of declination, equation of time (h), nearness of the sun squared at noons of Greenwich, and the number of the day
    since 1970, from two days before the first to two days after the last."""
    low, high = first_day - 2, first_day + days + 2
    years = [int(one.astype("datetime64[Y]").astype(int)) + 1970 for one in (low, high)]
    rows = np.concatenate([_noons_of(year) for year in range(years[0], years[1] + 1)], axis=1)
    into = int((low - np.datetime64(f"{years[0]:04d}-01-01")).astype(int))
    return np.ascontiguousarray(rows[:, into:into + days + 5])


def _turns(steps: int) -> NDArray[np.float64]:
    """Cosine and sine of the angles by which the sun turns until every edge of a step."""
    angle = 2.0 * np.pi * np.arange(steps + 1) / steps
    return np.stack([np.cos(angle), np.sin(angle)])


def coarse_rows(table: Table, daily: bool) -> list[tuple[str, int]]:
    """(name, layer) of the rows of coarse forcing."""
    found: list[tuple[str, int]] = []
    for variable, layer in table.rows_of("forcing"):
        if variable.name not in MADE:
            found.append((variable.name, layer))
        if daily and variable.name == "air_temperature":
            found.append((AIR_TEMPERATURE_RANGE, 0))
    return found


@lru_cache(maxsize=32)
def _refinement(names: Sequence[tuple[str, int]], daily: bool, temperature: str, precipitation: str) -> Refinement:
    """The refinement for forcing rows (name, layer) of a table."""
    lacking = [name for name in (*SHAPED, *MADE) if (name, 0) not in names]
    if lacking:
        raise DisaggregationError(f"the table has no forcing {lacking[0]!r}, which a disaggregation makes")
    fine = {name: row for row, name in enumerate(names)}
    coarse: dict[tuple[str, int], int] = {}
    for name in names:
        if name[0] not in MADE:
            coarse[name] = len(coarse)
        if daily and name[0] == "air_temperature":
            coarse[AIR_TEMPERATURE_RANGE, 0] = len(coarse)
    carried = [name for name in names if name[0] not in (*SHAPED, *MADE)]
    numbers: dict[str, object] = {"SOLAR_CONSTANT": SOLAR_CONSTANT, "KELVIN": KELVIN, "CLEAREST": rows.CLEAREST,
                                  "DARKEST": rows.DARKEST, "N_COARSE": len(coarse),
                                  "HELD_PLACE": len(coarse) * (1 if daily else 3)}
    numbers |= {f"FINE_{name.upper()}": fine[name, 0] for name in (*SHAPED, *MADE)}
    numbers |= {f"COARSE_{name.upper()}": coarse[name, 0] for name in (*SHAPED, *([AIR_TEMPERATURE_RANGE] if daily else []))}
    numbers |= {"CARRIED_COARSE": tuple(coarse[name] for name in carried)}
    numbers |= {"CARRIED_FINE": tuple(fine[name] for name in carried)}
    folder = Path(__file__).parent
    cascade = daily and PRECIPITATION_COURSE[precipitation] is cascade_fall
    course = CASCADE_FILE if cascade else COURSE_FILE
    files = (*SHARED_FILES, *((course, DAILY_FILE) if daily else (HOURS_FILE,)))
    parts = [copied_text(folder / file) for file in files]
    functions: list[Callable[..., float]] = [erbs, saturation_vapour_pressure]
    if daily:
        warmth, fall = TEMPERATURE_COURSE[temperature], PRECIPITATION_COURSE[precipitation]
        functions += [absorbed, warmth, cascade_share if cascade else fall]
        numbers |= {"LEVELS": LEVELS}
        parts.insert(0, f"refine_warmth = {warmth.__name__}" + ("" if cascade else f"\nrefine_fall = {fall.__name__}"))
    return Refinement("\n\n\n".join(parts), tuple(numbers.items()), tuple(functions), len(coarse))


@lru_cache(maxsize=1)
def _forcing_model() -> Model:
    """A model whose only process is the running mean of air temperature: enough to look at its forcing."""
    state = Variable("growth_temperature", "state", "degC", "running mean of air temperature")
    return Model([growth_temperature], Table([*FORCING, *SETTINGS, state]))


def disaggregated(forcing: ArrayLike, disaggregation: Disaggregation, time_step: float) -> dict[str, NDArray[np.float64]]:
    """The forcing [step, series] by name that the model sees, for looking at: a run never holds all of it.

    `forcing` [interval, row, series] has the rows of `disaggregation.variables()`, `time_step` is in s.
    """
    model = _forcing_model()
    coarse = np.asarray(forcing, float)
    series = coarse.shape[2] if coarse.ndim == 3 else 1
    names = [variable.name for variable in FORCING]
    run = model.run(coarse, np.zeros((0, series)), np.zeros((1, series)), {"time_step": time_step}, outputs=names,
                    disaggregation=disaggregation, on_error="status")
    return {name: run[name] for name in names}
