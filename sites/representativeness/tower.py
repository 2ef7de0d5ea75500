"""One tower from half hours to a report: footprints, climatologies by period, and every measure on the rasters around it.

    half_hours = read_half_hours("CN-Cha.csv", height=41.5, canopy=26.0)
    ndvi = read_raster("ndvi.tif", 42.4025, 128.0958, half_width=3000, resolution=30, name="NDVI")
    tower = represent(half_hours, {"NDVI": ndvi}, latitude=42.4025, longitude=128.0958, code="CN-Cha", period="season")
    tower.report.table(), tower.climatologies["all"].density, tower.dropped

Footprints are summed once, by period, season and day or night; longer periods are weighted means of these sums.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.footprint.climatology import Climatology, climatologies
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.inputs import complete_inputs
from terraflux.sites.footprint.models import Rows, attributes, footprint_rows
from terraflux.sites.footprint.validity import REASON_TEXT, Caution, Reason, counts
from terraflux.sites.footprint.weights import by_period, flux_weights
from terraflux.sites.land_cover import Legend
from terraflux.sites.processing.potential_radiation import potential_radiation
from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.assessment import Scenes, assess
from terraflux.sites.representativeness.footprint_shape import day_night_overlap, season_overlap
from terraflux.sites.representativeness.half_hours import HalfHours
from terraflux.sites.representativeness.location_bias import RADII
from terraflux.sites.representativeness.report import RepresentativenessReport
from terraflux.sites.representativeness.target_vegetation import SHARES

PERIODS = ("month", "season", "year", "month_of_year", "season_of_year", "all")
WEIGHTS = ("none", "nee", "gpp", "reco", "par", "le")
TARGET_RADIUS = 1000.0  # m
ALL = "all"
"""The climatology of all rows: the reference period."""
MOST_SUMS = 2_000_000_000
"""Bytes that the sums of all periods may take."""


@dataclass(frozen=True)
class TowerRepresentativeness:
    """A tower's footprints and what they say.

    `climatologies` by period, `ALL` first; `rows` the footprint rows of `half_hours`; `report` the measures;
    `dropped` {reason: rows}, `reasons` and `cautions` {name of the code: rows}, `used` rows; `notes` what was left out and
    why; `model` with its solution, `model_note` what must be said with it; `weights` a short name.
    """

    code: str
    latitude: float
    longitude: float
    half_hours: HalfHours
    rows: Rows
    climatologies: Mapping[str, Climatology]
    rasters: Mapping[str, Scenes]
    report: RepresentativenessReport
    weights: str
    used: int
    dropped: Mapping[str, int]
    reasons: Mapping[str, int]
    cautions: Mapping[str, int]
    model: str
    model_note: str = ""
    legend: "str | Legend | None" = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def reference(self) -> Climatology:
        """The climatology of all rows."""
        return self.climatologies[self.report.reference]


def represent(half_hours: HalfHours, rasters: Mapping[str, Scenes], *, latitude: float, longitude: float, code: str = "",
              model: str = "ffp", model_options: Mapping[str, Any] | None = None, period: str = "season", weights: str = "none",
              legend: str | Legend | None = None, target_class: int | str | Iterable[int | str] | None = None,
              radii: Sequence[float] = RADII, target_radius: float | None = None, shape: str = "square",
              shares: Sequence[float] = SHARES, of: str = "unit",
              sensitivity: Mapping[str, float | Mapping[str, float]] | None = None, utc_offset: float | None = None,
              cells: str = "integrated", estimate: bool = True, threads: int | None = None) -> TowerRepresentativeness:
    """Assess how well a tower stands for its surroundings.

    half_hours: see `read_half_hours`. rasters: all on one local grid around the tower (`read_raster`), on which the footprints
    are summed; scenes by period get the mean of all scenes for the reference period. model and model_options: those of
    `footprint_rows`. period: climatologies beside that of all rows, one of `PERIODS`; without times there is only that one.
    weights: one of `WEIGHTS`. utc_offset (h) of the times tells day from night, by default longitude / 15 rounded.
    target_radius (m): default 1000, or the largest that the grid reaches; the others as in `assess`. cells: "integrated" or
    "point" values. estimate: fill in missing L, h and sigma_v (`complete_inputs`); rows with estimates are counted in cautions.

    Raises ForcingError where nothing is left to assess: no row has a footprint (with the reasons counted), no raster.
    """
    if period not in PERIODS:
        raise RasterError(f"the period {period!r} is unknown", variable="period", remedy=f"use one of {', '.join(PERIODS)}")
    if weights not in WEIGHTS:
        raise RasterError(f"the weights {weights!r} are unknown", variable="weights", remedy=f"use one of {', '.join(WEIGHTS)}")
    if not rasters:
        raise RasterError("no raster is given", remedy="give at least one, such as NDVI")
    notes: list[str] = []
    given: dict[str, Any] = dict(half_hours.inputs)
    if estimate:
        medium: dict[str, Any] = dict(half_hours.medium)
        given = complete_inputs(**given, **medium, latitude=latitude, step=half_hours.step_seconds)
        _tell_gaps(half_hours, notes)
    rows = footprint_rows(model, **given, **(model_options or {}))
    found_reasons = counts(rows.reason)
    if not rows.valid.any():
        told = "; ".join(f"{number} {name} ({REASON_TEXT[Reason[name]]})" for name, number in found_reasons.items())
        raise RasterError(f"none of {len(rows)} half hours has a footprint: {told}", file=half_hours.file,
                          variable="footprint", remedy="complete or correct these inputs, or let missing ones be estimated")
    first = _first_scene(rasters)
    grid = Grid(first.x, first.y)
    weight = None if weights == "none" else flux_weights(weights, half_hours.flux(weights))
    labels = _labels(half_hours, period, latitude, longitude, utc_offset, notes)
    number = len(set(labels))
    if number * grid.x.size * grid.y.size * 8 > MOST_SUMS:
        raise RasterError(f"{number} climatologies of {grid.y.size} x {grid.x.size} cells are too many for memory",
                          remedy="choose longer periods, a coarser resolution or smaller radii")
    parts = climatologies(rows, grid, labels, weight, cells=cells, threads=threads)
    periods = {ALL: combined(list(parts.values()))}
    if not periods[ALL].weight > 0.0:
        raise RasterError(f"no half hour has both a footprint and a weight ({weights}) above 0", file=half_hours.file,
                          variable=weights, remedy="check the flux, or leave weights at none")
    for one in sorted({label.split("|")[0] for label in parts} - {"", ALL}):
        periods[one] = combined([part for label, part in parts.items() if label.split("|")[0] == one])
    empty = [name for name, one in periods.items() if not one.weight > 0.0]
    for name in empty:
        notes.append(f"{name} has no usable half hour: {dict(periods[name].dropped)}")
        del periods[name]
    scenes = {name: _with_mean(one) for name, one in rasters.items()}
    radius = TARGET_RADIUS if target_radius is None and first.reaches(TARGET_RADIUS) else target_radius
    report = assess(periods, scenes, code=code, legend=legend, target_class=target_class, radii=radii, target_radius=radius,
                    shape=shape, shares=shares, of=of, sensitivity=sensitivity)
    report.season_overlap, report.day_night_overlap = _overlaps(parts, grid, of, report.notes)
    return TowerRepresentativeness(
        code=code, latitude=latitude, longitude=longitude, half_hours=half_hours, rows=rows, climatologies=periods,
        rasters=scenes, report=report, weights=weights, used=periods[ALL].used, dropped=dict(periods[ALL].dropped),
        reasons=found_reasons, cautions=counts(rows.caution[rows.valid], Caution), model=rows.model,
        model_note=attributes(rows).get("footprint_model_note", ""), legend=legend, notes=tuple(notes))


def combined(parts: Sequence[Climatology]) -> Climatology:
    """The climatology of all rows of some climatologies of disjoint rows: the mean of densities by sum of weights.

    Reads densities that no norm has scaled and no smoothing spread.
    """
    heavy = [one for one in parts if one.weight > 0.0]
    first = (heavy or list(parts))[0]
    weight = float(sum(one.weight for one in heavy))
    mass = np.full(first.row_mass.shape, np.nan)
    dropped: dict[str, int] = {}
    for one in parts:
        mass = np.where(np.isnan(mass), one.row_mass, mass)
        for reason, count in one.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    density = sum((one.density * (one.weight / weight) for one in heavy), np.zeros(first.density.shape))
    if not heavy:
        density = np.full(first.density.shape, np.nan)
    return replace(first, density=density, row_mass=mass, captured_mass=float(density.sum() * first.grid.cell_area),
                   weight=weight, used=sum(one.used for one in parts), dropped=dropped)


def _first_scene(rasters: Mapping[str, Scenes]) -> Raster:
    for one in rasters.values():
        for scene in [one] if isinstance(one, Raster) else one.values():
            return scene
    raise RasterError("the rasters hold no scene", remedy="give at least one")


def _with_mean(scenes: Scenes) -> Scenes:
    """Scenes by period with their mean as scene of the reference period; class rasters lend their first."""
    if isinstance(scenes, Raster) or ALL in scenes:
        return scenes
    every = list(scenes.values())
    if every[0].kind == "classes":
        return {ALL: every[0], **scenes}
    stack = np.stack([one.values for one in every])
    number = np.isfinite(stack).sum(axis=0)
    mean = np.where(number > 0, np.nansum(stack, axis=0) / np.maximum(number, 1), np.nan)
    return {ALL: every[0].with_values(mean), **scenes}


def _labels(half_hours: HalfHours, period: str, latitude: float, longitude: float, utc_offset: float | None,
            notes: list[str]) -> "NDArray[np.object_]":
    """"period|season|day or night" of every row, empty parts where nobody knows."""
    count = len(half_hours)
    if half_hours.time is None:
        if period != ALL:
            notes.append("the half hours have no time: there is only the climatology of all, and no overlap of seasons or of "
                         "day and night (give a time column, or first_time)")
        return np.full(count, "||", dtype=object)
    offset = utc_offset if utc_offset is not None else half_hours.facts.get("utc_offset_hours")
    if offset is None:
        offset = float(round(longitude / 15.0))
        notes.append(f"day and night are told apart with a clock of UTC{offset:+g} h, from the longitude")
    middle = half_hours.time + np.timedelta64(half_hours.step_seconds // 2, "s")
    light = potential_radiation(middle, latitude, longitude, float(offset)) > 0.0
    parts = (by_period(half_hours.time, period), by_period(half_hours.time, "season_of_year"), np.where(light, "day", "night"))
    texts = [["" if one is None else str(one) for one in part] for part in parts]
    return np.array(["|".join(three) for three in zip(*texts, strict=True)], dtype=object)


def _tell_gaps(half_hours: HalfHours, notes: list[str]) -> None:
    """A note where a boundary layer that was estimated may have grown across missing lines."""
    height = half_hours.inputs.get("boundary_layer_height")
    if half_hours.time is None or (height is not None and np.isfinite(height).all()):
        return
    gaps = int((np.diff(half_hours.time).astype(np.int64) != half_hours.step_seconds).sum())
    if gaps:
        notes.append(f"the half hours have {gaps} gaps in time: boundary layers estimated on their mornings grow across them "
                     "(write missing half hours as lines of missing values)")


def _overlaps(parts: Mapping[str, Climatology], grid: Grid, of: str, notes: list[str]) -> tuple[float | None, float | None]:
    """O80 of the seasons, and of day and night within them; None with a note where they cannot be had."""
    seasons: dict[str, dict[str, Climatology]] = {}
    for label in parts:
        _, season, light = label.split("|")
        if season and light not in seasons.setdefault(season, {}):
            same = [one for name, one in parts.items() if name.endswith(f"|{season}|{light}")]
            seasons[season][light] = combined(same)
    usable = {name: {light: one for light, one in both.items() if one.weight > 0.0} for name, both in seasons.items()}
    usable = {name: both for name, both in usable.items() if both}
    of_seasons = of_day_and_night = None
    if len(usable) >= 2:
        of_seasons = _attempt("O80 season", notes, lambda: season_overlap(
            [combined(list(both.values())).density for both in usable.values()], grid.cell_area, of=of))
        if len(usable) < 4:
            notes.append(f"O80 season compares only {', '.join(usable)}: the record has no other season")
    pairs = [(both["day"].density, both["night"].density) for both in usable.values() if len(both) == 2]
    if pairs:
        of_day_and_night = _attempt("O80 day-night", notes, lambda: day_night_overlap(pairs, grid.cell_area, of=of))
    return of_seasons, of_day_and_night


def _attempt(label: str, notes: list[str], measure: Any) -> float | None:
    try:
        return float(measure())
    except RasterError as trouble:
        notes.append(f"{label}: {trouble.problem}")
        return None


