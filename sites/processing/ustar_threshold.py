"""Threshold of friction velocity u* below which night-time fluxes miss what drains away unseen.

Valid rows are nights (radiation below 10 W m-2) with NEE, u* and air temperature. Each season is split into classes of air
temperature; a class in which temperature and u* go together (|r| > 0.5) is left out, since a threshold could not be told from
a response to temperature. The method finds a threshold per class; classes are joined to a value per season, seasons to one per
year, years by their median to a single one. Methods by short name in `USTAR_METHODS`:

- "moving_point" (Papale et al. 2006): 7 temperature classes, median of classes, maximum of seasons;
- "change_point" (Barr et al. 2013, Agric. For. Meteorol. 171-172:31): 4 temperature classes, mean of classes and seasons.

Seasons with fewer than 160 valid rows, or where fewer than 20 % of the classes have a threshold, take the value of their year.
A year with fewer than 3000 valid rows, or without any season of its own, is treated as one season; a year that fails even so
takes the single value. The least numbers count rows, whatever the time step, as in REddyProc.
The status of every season and year tells which of these happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.processing.change_point import change_point
from terraflux.sites.processing.moving_point import moving_point
from terraflux.sites.processing.night import night
from terraflux.sites.processing.ustar_seasons import season_years, seasons

LEAST_YEAR_ROWS = 3000
LEAST_SEASON_ROWS = 160
LEAST_CLASS_ROWS = 100
LEAST_CLASS_SHARE = 0.2
HIGHEST_CORRELATION = 0.5

Floats = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True)
class UstarMethod:
    """How a threshold is found: `of_class(ustar, flux) -> (m s-1 or NaN, reason)` and how classes and seasons are joined."""

    of_class: Callable[[Floats, Floats], tuple[float, str]]
    temperature_classes: int
    join_classes: Callable[[Floats], np.floating]
    join_seasons: Callable[[Floats], np.floating]


USTAR_METHODS: dict[str, UstarMethod] = {
    "moving_point": UstarMethod(moving_point, 7, np.median, np.max),
    "change_point": UstarMethod(change_point, 4, np.mean, np.mean),
}


@dataclass(frozen=True)
class UstarThreshold:
    """Thresholds (m s-1) of a record; NaN where none could be found at all.

    `season` {season name: threshold}, `year` {year: threshold}, `single` one for the record; `season_year` {season: year it
    counts for}; `season_status` and `year_status` "own", or why the value is borrowed ("few_rows", "few_classes",
    "one_season", "from_single"), or "none". `classes` {season: [reason of each temperature class]}; `row_season` the season
    of each row.
    """

    single: float
    year: dict[int, float]
    season: dict[int, float]
    season_year: dict[int, int]
    season_status: dict[int, str]
    year_status: dict[int, str]
    classes: dict[int, list[str]] = field(repr=False)
    row_season: NDArray[np.int64] = field(repr=False)

    def of_rows(self, by: str = "year") -> Floats:
        """Threshold of each row (m s-1), shape (n,): by "year", "season" or "single"."""
        if by == "single":
            return np.full(self.row_season.size, self.single)
        if by not in ("year", "season"):
            raise ValueError(f"threshold by '{by}' is unknown; choose year, season or single")
        result = np.full(self.row_season.size, np.nan)
        for name, year in self.season_year.items():
            result[self.row_season == name] = self.season[name] if by == "season" else self.year[year]
        return result


def temperature_class(temperature: Floats, classes: int) -> NDArray[np.int64]:
    """Class 0.. of each temperature, bounded by quantiles; equal temperatures share a class."""
    if classes < 2:
        return np.zeros(temperature.size, dtype=np.int64)
    bounds = np.quantile(temperature, np.arange(1, classes) / classes)
    return np.searchsorted(bounds, temperature, side="left").astype(np.int64)


def _correlation(one: Floats, other: Floats) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0.0 else 0.0


def season_threshold(ustar: Floats, flux: Floats, temperature: Floats, method: UstarMethod) -> tuple[float, str, list[str]]:
    """(threshold or NaN, status, reason per class) of the valid rows of one season, arrays of shape (n,) without NaN."""
    if ustar.size < LEAST_SEASON_ROWS:
        return NAN, "few_rows", []
    belongs = temperature_class(temperature, method.temperature_classes)
    reasons, found = [], []
    for number in range(method.temperature_classes):
        rows = belongs == number
        if np.count_nonzero(rows) < LEAST_CLASS_ROWS:
            value, reason = NAN, "few_rows"
        elif abs(_correlation(temperature[rows], ustar[rows])) > HIGHEST_CORRELATION:
            value, reason = NAN, "follows_temperature"
        else:
            value, reason = method.of_class(ustar[rows], flux[rows])
        reasons.append(reason)
        if np.isfinite(value):
            found.append(value)
    if not found or len(found) < LEAST_CLASS_SHARE * method.temperature_classes:
        return NAN, "few_classes", reasons
    return float(method.join_classes(np.array(found))), "own", reasons


@dataclass(frozen=True)
class NightRows:
    """Valid rows of a record, shape (n,) each, with what the aggregation needs to know about the whole record."""

    ustar: Floats
    flux: Floats
    temperature: Floats
    season: NDArray[np.int64]
    season_year: dict[int, int]
    row_season: NDArray[np.int64]

    def draw(self, generator: np.random.Generator) -> "NightRows":
        """Rows drawn with replacement inside each season."""
        picked = [generator.choice(rows, rows.size) for name in self.season_year
                  if (rows := np.flatnonzero(self.season == name)).size]
        rows = np.concatenate(picked) if picked else np.zeros(0, dtype=np.int64)
        return NightRows(self.ustar[rows], self.flux[rows], self.temperature[rows], self.season[rows], self.season_year,
                         self.row_season)


def night_rows(
    middle_time: ArrayLike,
    nee: ArrayLike,
    ustar: ArrayLike,
    temperature: ArrayLike,
    radiation: ArrayLike,
    season: ArrayLike | None = None,
) -> NightRows:
    """The valid rows of a record; arguments as in `ustar_threshold`."""
    time = np.asarray(middle_time)
    columns = {"nee": nee, "ustar": ustar, "temperature": temperature, "radiation": radiation}
    series = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    for name, values in series.items():
        if values.shape != time.shape:
            raise ValueError(f"{name} has shape {values.shape}, time has {time.shape}; give one value per row")
    names = seasons(time) if season is None else np.asarray(season, dtype=np.int64)
    if names.shape != time.shape:
        raise ValueError(f"season has shape {names.shape}, time has {time.shape}; give one whole number per row")
    flux, velocity, warmth = series["nee"], series["ustar"], series["temperature"]
    valid = night(series["radiation"]) & np.isfinite(flux) & np.isfinite(velocity) & np.isfinite(warmth)
    return NightRows(velocity[valid], flux[valid], warmth[valid], names[valid], season_years(names, time), names)


def aggregate(rows: NightRows, method: UstarMethod) -> UstarThreshold:
    """Thresholds of seasons, years and the record from valid rows."""
    season: dict[int, float] = {}
    season_status: dict[int, str] = {}
    classes: dict[int, list[str]] = {}
    for name in rows.season_year:
        pick = rows.season == name
        season[name], season_status[name], classes[name] = season_threshold(
            rows.ustar[pick], rows.flux[pick], rows.temperature[pick], method)
    year: dict[int, float] = {}
    year_status: dict[int, str] = {}
    for number in sorted(set(rows.season_year.values())):
        members = [name for name, belongs in rows.season_year.items() if belongs == number]
        pick = np.isin(rows.season, members)
        own = np.array([season[name] for name in members if np.isfinite(season[name])])
        if own.size and np.count_nonzero(pick) >= LEAST_YEAR_ROWS:
            year[number], year_status[number] = float(method.join_seasons(own)), "own"
            continue
        year[number], _, _ = season_threshold(rows.ustar[pick], rows.flux[pick], rows.temperature[pick], method)
        year_status[number] = "one_season"
        for name in members:
            season[name] = NAN
            if season_status[name] == "own":
                season_status[name] = "one_season"
    found = np.array([value for value in year.values() if np.isfinite(value)])
    single = float(np.median(found)) if found.size else NAN
    for number, value in year.items():
        if not np.isfinite(value):
            year[number], year_status[number] = single, "from_single" if found.size else "none"
    for name, number in rows.season_year.items():
        if not np.isfinite(season[name]):
            season[name] = year[number]
            if not np.isfinite(season[name]):
                season_status[name] = "none"
    return UstarThreshold(single, year, season, rows.season_year, season_status, year_status, classes, rows.row_season)


def ustar_method(name: str) -> UstarMethod:
    """The method of a short name; ValueError names the choices."""
    if name not in USTAR_METHODS:
        raise ValueError(f"u* method '{name}' is unknown; choose one of {', '.join(sorted(USTAR_METHODS))}")
    return USTAR_METHODS[name]


def ustar_threshold(
    middle_time: ArrayLike,
    *,
    nee: ArrayLike,
    ustar: ArrayLike,
    temperature: ArrayLike,
    radiation: ArrayLike,
    method: str = "moving_point",
    season: ArrayLike | None = None,
) -> UstarThreshold:
    """Thresholds (m s-1) of a record by season, year and overall.

    `middle_time`: datetime64 of the MIDDLE of each interval, ascending, site clock; `nee` umol m-2 s-1 (quality-checked, not
    filled), `ustar` m s-1, `temperature` degC, `radiation` W m-2 measured; all (n,), NaN where missing. `method`: key of
    `USTAR_METHODS`. `season`: whole numbers (n,) naming seasons of your own, such as the periods between harvests of a crop;
    None for those of `ustar_seasons`. A record with nothing to find gives NaN and status "none", never an error; ValueError
    for shapes that do not fit or an unknown method.
    """
    return aggregate(night_rows(middle_time, nee, ustar, temperature, radiation, season), ustar_method(method))
