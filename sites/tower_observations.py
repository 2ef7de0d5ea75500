"""From a processed record and its footprints to the observations that assimilation reads.

    tower = process_tower(read_record("US-Abc.csv"))
    footprints = tower_footprints(tower.to_record(), "ffp")
    classes = footprint_classes(footprints, cover, "modis_igbp")
    made = tower_observations(tower, footprints, classes, operator="mixture", target="DBF")
    write_observations(made, "observations.nc")

The schema is that of `terraflux.sites.observations`. Values are measured and gap-filled alike, told apart by their
quality; only measured ones have weight unless `maximum_quality` says otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.sites.footprint.climatology import climatology
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.models import attributes as model_attributes
from terraflux.sites.observation_weights import observation_weights, representativeness_sigma
from terraflux.sites.observations import ClassFractions, Stream, observations
from terraflux.sites.processed_tower import ProcessedTower
from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.tower_footprints import TowerFootprints, footprint_values

Floats = NDArray[np.float64]

DEFAULT_STREAMS = ("net_ecosystem_exchange", "latent_heat", "sensible_heat")
TARGET_RADIUS = 500.0
"""Radius (m) of the land that the target stands for, where a vegetation raster is compared."""
SOURCES = {"net_ecosystem_exchange": "nee", "gross_primary_production": "nee", "latent_heat": "le", "sensible_heat": "h"}
"""Stream: the measured flux whose gaps and random error it has."""


@dataclass(frozen=True)
class Vegetation:
    """A vegetation index around the tower: what `tempered` and `inflation` compare footprints by.

    `raster` on the local grid of the tower; `radius` (m) of the target area; `sensitivity` {stream: dF/dV, flux per unit of
    the index} and `dispersion_variance` (unit of the index squared) for `inflation`; without the latter it is taken from a
    spherical semivariogram of the raster between the mean footprint and the target area.
    """

    raster: Raster
    radius: float = TARGET_RADIUS
    sensitivity: Mapping[str, float] | None = None
    dispersion_variance: float | None = None

    def target_mean(self) -> float:
        """Mean of the index over the target area. Raises RasterError where the raster does not reach it or has no data."""
        if not self.raster.reaches(self.radius):
            raise RasterError(f"the raster does not reach the target radius of {self.radius:g} m", file=self.raster.source,
                              variable=self.raster.name, unit="m", remedy="read a wider window, or give a smaller radius")
        inside = self.raster.values[self.raster.area(self.radius)]
        if not np.isfinite(inside).any():
            raise RasterError(f"no cell within {self.radius:g} m has a value", file=self.raster.source,
                              variable=self.raster.name, remedy="take another scene")
        return float(np.nanmean(inside))


def tower_observations(tower: ProcessedTower, footprints: TowerFootprints | None = None,
                       classes: ClassFractions | None = None, *, operator: str = "mixture",
                       target: int | str | Iterable[int | str] | None = None, streams: Sequence[str] = DEFAULT_STREAMS,
                       vegetation: Vegetation | None = None, maximum_quality: int = 0, error: str = "random",
                       heat: str = "measured", attributes: Mapping[str, Any] | None = None, **thresholds: Any) -> xr.Dataset:
    """Observations of one tower for an operator: mixture, inflation, tempered, hard_filter or site.

    `target`: class by code, name or plant type; several of one plant type are joined; without it the class with most of
    all footprints. `streams`: of `SOURCES`; NEE and GPP tell the same carbon, so both may be stored but assimilation takes
    one. `error` "random", or "joint" with the spread of u* thresholds (NEE) or closure factors (corrected heat). `heat`
    "measured" or "corrected" (energy closure). `vegetation` is for tempered (location bias per half hour) and inflation.
    `thresholds` (least_captured_mass, least_target_fraction, largest_location_bias) go to `observation_weights`.

    The error of GPP is that of NEE, widened by half the difference of the two partitionings where both are there.
    Raises ForcingError or ValueError for what does not fit together, with the remedy.
    """
    for name in streams:
        if name not in SOURCES:
            raise ForcingError(f"the stream {name!r} is unknown", variable=name, remedy=nearest(name, SOURCES))
    for value, known, what in ((error, ("random", "joint"), "error"), (heat, ("measured", "corrected"), "heat")):
        if value not in known:
            raise ForcingError(f"{what}={value!r} is unknown", variable=what, remedy=nearest(value, known))
    offset = tower.series.facts.get("utc_offset_hours")
    if offset is None:
        raise ForcingError("the offset of local standard time from UTC is not known", variable="utc_offset_hours", unit="h",
                           remedy="give it in the facts of process_tower")
    made = [_stream(tower, name, error, heat) for name in streams]
    told: dict[str, Any] = {"error": error, "heat": heat, "processing": "\n".join(str(one) for one in tower.steps)}
    if "gross_primary_production" in streams:
        told["gross_primary_production_partitioning"] = _partitioning(tower)
    rows = tower.series.rows
    code = None
    if operator == "site":
        weights = observation_weights("site", rows=rows)
    else:
        if footprints is None or classes is None:
            raise ForcingError(f"the operator {operator!r} needs footprints and land-cover classes", variable="operator",
                               remedy="give a land-cover raster, or use the operator site")
        if len(footprints.rows) != rows:
            raise ForcingError(f"the footprints have {len(footprints.rows)} rows, the record {rows}",
                               remedy="make them from tower.to_record()")
        classes, code = _with_target(classes, target)
        told["target_name"] = classes.name[list(classes.code).index(code)]
        bias = _bias(footprints, vegetation) if operator == "tempered" else None
        weights = observation_weights(operator, np.clip(classes.captured(), 0.0, None), classes.of(code), bias, **thresholds)
        if operator == "inflation":
            made = _inflated(made, footprints, vegetation, told)
        told |= model_attributes(footprints.rows)
        told |= {f"footprint_{name}": text for name, text in footprints.provenance.items()}
        told |= {f"footprint_{name}_missing": text for name, text in footprints.missing.items()}
    start = tower.series.middle_time - np.timedelta64(tower.series.step_seconds // 2, "s")
    result = observations(start, tower.series.step_seconds, made, weights, site_id=tower.record.site_id or "unknown",
                          utc_offset_hours=float(offset), classes=None if operator == "site" else classes, target_class=code,
                          footprint_model="" if footprints is None or operator == "site" else footprints.model,
                          maximum_quality=maximum_quality, attributes={**told, **dict(attributes or {})})
    if footprints is not None and operator != "site":
        _add_footprint_codes(result, footprints)
    return result


def _stream(tower: ProcessedTower, name: str, error: str, heat: str) -> Stream:
    """Value, error and quality of a stream; a flux that is not there is refused with the reason of its step."""
    source = SOURCES[name]
    if source not in tower.filled:
        raise ForcingError(f"there is no {name}: {tower.step(f'gap filling {source}').reason}", variable=name,
                           remedy="leave the stream out")
    values, sigma = tower.filled[source], tower.results[f"{source}_random_error"]
    corrected = heat == "corrected" and source in ("le", "h")
    if corrected:
        values = tower.results[f"{source}_corrected"]
        with np.errstate(invalid="ignore"):
            sigma = sigma * np.abs(tower.details.get("closure_factor", np.nan))
    if error == "joint" and (corrected or source == "nee"):
        sigma = tower.results[f"{source}_joint_error"]
    if name == "gross_primary_production":
        night, day = tower.results["gpp_nighttime"], tower.results["gpp_daytime"]
        values = night if _partitioning(tower) == "nighttime" else day
        half = 0.5 * np.abs(night - day)
        sigma = np.hypot(sigma, np.where(np.isfinite(half), half, 0.0))
    if not np.isfinite(values).any() or not np.isfinite(sigma).any():
        reasons = "; ".join(str(one) for one in tower.failed) or "every row lacks a value or an error"
        raise ForcingError(f"{name} has no value with the {error} error: {reasons}", variable=name,
                           remedy="leave the stream out, or choose another error or heat")
    return Stream(name, values, sigma, np.where(np.isfinite(values), tower.quality[source], -1))


def _partitioning(tower: ProcessedTower) -> str:
    """The partitioning that GPP comes from: night-time, or daytime where night-time failed altogether."""
    return "nighttime" if np.isfinite(tower.results["gpp_nighttime"]).any() else "daytime"


def _with_target(classes: ClassFractions, target: int | str | Iterable[int | str] | None) -> tuple[ClassFractions, int]:
    """Classes with those of the target joined into the first of them, and its code."""
    fraction = np.asarray(classes.fraction, float)
    if target is None:
        seen = np.nansum(fraction, axis=0)
        planted = [place for place, kind in enumerate(classes.plant_type) if kind]
        if not planted or not seen[planted].max(initial=0.0) > 0.0:
            raise ForcingError("no footprint sees a class with plants", variable="target", remedy="check raster and legend")
        return classes, int(classes.code[max(planted, key=lambda place: seen[place])])
    wanted = [target] if isinstance(target, int | str | np.integer) else list(target)
    places: list[int] = []
    for one in wanted:
        found = [place for place in range(len(classes.code)) if _means(one, classes, place)]
        if not found:
            known = [f"{code} {name} ({kind or 'no plants'})" for code, name, kind in
                     zip(classes.code, classes.name, classes.plant_type)]
            raise ForcingError(f"the target {one!r} does not occur around the tower", variable="target",
                               remedy=f"classes there are {', '.join(known)}")
        places += [place for place in found if place not in places]
    kinds = {classes.plant_type[place] for place in places}
    if len(kinds) > 1:
        raise ForcingError(f"the target classes have different plant types: {', '.join(sorted(map(repr, kinds)))}",
                           variable="target", remedy="name classes of one plant type; the model runs one for the target")
    keep = [place for place in range(len(classes.code)) if place == places[0] or place not in places]
    joined = fraction[:, keep].copy()
    joined[:, keep.index(places[0])] = fraction[:, places].sum(axis=1)
    names = [" and ".join(classes.name[one] for one in places) if place == places[0] else classes.name[place] for place in keep]
    return ClassFractions(joined, [classes.code[place] for place in keep], names,
                          [classes.plant_type[place] for place in keep]), int(classes.code[places[0]])


def _means(one: int | str, classes: ClassFractions, place: int) -> bool:
    if isinstance(one, str) and not one.lstrip("-").isdigit():
        return one.lower() in (classes.name[place].lower(), classes.plant_type[place].lower())
    return int(classes.code[place]) == int(one)


def _vegetation(vegetation: Vegetation | None, operator: str) -> Vegetation:
    if vegetation is None:
        raise ForcingError(f"the operator {operator!r} needs a vegetation raster", variable="vegetation",
                           remedy="give vegetation=Vegetation(raster), or use the operator mixture or hard_filter")
    return vegetation


def _bias(footprints: TowerFootprints, vegetation: Vegetation | None) -> Floats:
    """Sensor-location bias of every half hour (%)."""
    given = _vegetation(vegetation, "tempered")
    mean = given.target_mean()
    if mean == 0.0:
        raise RasterError("the mean of the vegetation raster over the target area is 0; a bias in percent has no meaning",
                          file=given.raster.source, variable=given.raster.name, remedy="take an index of one sign")
    return np.asarray((footprint_values(footprints, given.raster) - mean) / mean * 100.0)


def _inflated(streams: list[Stream], footprints: TowerFootprints, vegetation: Vegetation | None, told: dict[str, Any]
              ) -> list[Stream]:
    given = _vegetation(vegetation, "inflation")
    sensitivity = dict(given.sensitivity or {})
    lacking = [one.name for one in streams if one.name not in sensitivity]
    if lacking:
        raise ForcingError(f"the sensitivity of {', '.join(lacking)} to the vegetation raster is not given",
                           variable="sensitivity", remedy="give dF/dV for every stream, flux per unit of the raster")
    variance = given.dispersion_variance if given.dispersion_variance is not None else _dispersion(footprints, given)
    seen, mean = footprint_values(footprints, given.raster), given.target_mean()
    told |= {"dispersion_variance": float(variance), "target_value": mean, "target_radius_m": float(given.radius)}
    return [replace(one, representativeness_sigma=representativeness_sigma(sensitivity[one.name], variance, seen, mean))
            for one in streams]


def _dispersion(footprints: TowerFootprints, vegetation: Vegetation) -> float:
    """Dispersion variance between the mean footprint and the target area."""
    from terraflux.sites.representativeness.dispersion_variance import DispersionOperator
    from terraflux.sites.representativeness.variogram import grid_variogram
    from terraflux.sites.representativeness.variogram_models import fit_variogram

    raster = vegetation.raster
    model = fit_variogram(grid_variogram(raster))
    mean = climatology(footprints.rows, Grid(raster.x, raster.y), cells="integrated")
    area = raster.area(vegetation.radius).astype(np.float64)
    return DispersionOperator(model, raster.shape, raster.cell_size).variance(mean.density, area)


def _add_footprint_codes(made: xr.Dataset, footprints: TowerFootprints) -> None:
    """Where the wind came from, why a row has no footprint and what to beware of, bit by bit."""
    from terraflux.sites.footprint.validity import Caution, Reason

    made["wind_direction"] = ("time", np.asarray(footprints.rows.wind_direction, np.float64), {
        "units": "degree", "standard_name": "wind_from_direction", "long_name": "direction the wind comes from"})
    tables = (("footprint_reason", footprints.rows.reason, Reason, "why a row has no footprint; 0: it has one"),
              ("footprint_caution", footprints.rows.caution, Caution, "estimated inputs and rules of the paper broken"))
    for name, codes, kind, words in tables:
        made[name] = ("time", np.asarray(codes).astype(np.int32), {
            "long_name": words, "flag_masks": np.array([one.value for one in kind], np.int32),
            "flag_meanings": " ".join(str(one.name).lower() for one in kind)})
