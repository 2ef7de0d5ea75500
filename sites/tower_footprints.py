"""From a tower record to a footprint for every half hour, and to the land cover that each of them saw.

    footprints = tower_footprints(record, model="ffp")
    footprints.counts(), footprints.provenance["sigma_v"]
    cover = read_raster("cover.tif", latitude, longitude, half_width=1500, resolution=30, legend="modis_igbp")
    classes = footprint_classes(footprints, cover, "modis_igbp")

What the record lacks is estimated, and both the row (`rows.caution`) and the input (`provenance`) say so: displacement
height 2/3 and roughness length 1/10 of the canopy height (Brutsaert 1982); the Obukhov length from u*, H, temperature and
pressure; the boundary-layer height after Kljun et al. (2015, Appendix B); sigma_v from u* and stability. What cannot be
estimated is named in `missing`, and its rows carry a reason instead of a footprint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.sites.footprint.class_fractions import class_fractions
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.inputs import complete_inputs
from terraflux.sites.footprint.models import Rows, footprint_rows
from terraflux.sites.footprint.validity import CAUTION_TEXT, Caution, counts
from terraflux.sites.land_cover import Legend
from terraflux.sites.land_cover import legend as known_legend
from terraflux.sites.observations import ClassFractions
from terraflux.sites.raster_grid import Raster
from terraflux.sites.records.footprint_inputs import DISPLACEMENT, footprint_inputs
from terraflux.sites.records.tower_record import TowerRecord

Floats = NDArray[np.float64]

ROUGHNESS = 0.1  # of the canopy height (Brutsaert 1982)
KELVIN, PASCAL = 273.15, 1e3
STANDARD_PRESSURE, SCALE_HEIGHT, PRESSURE_POWER = 101325.0, 44330.8, 5.2559
"""Standard atmosphere: Pa at sea level, m and exponent of (1 - z / 44330.8 m)^5.2559 (ICAO 1993)."""
ESTIMATES = {
    "obukhov_length": (Caution.OBUKHOV_LENGTH_FROM_FLUXES,),
    "boundary_layer_height": (Caution.BOUNDARY_LAYER_STABLE, Caution.BOUNDARY_LAYER_NEUTRAL, Caution.BOUNDARY_LAYER_GROWN),
    "sigma_v": (Caution.SIGMA_V_NEUTRAL, Caution.SIGMA_V_CONVECTIVE),
}


@dataclass(frozen=True)
class TowerFootprints:
    """Footprints of a record, row by row.

    `rows` of the model (`reason` and `caution` codes in `sites.footprint.validity`); `inputs` what went into it, along the
    time of the record; `provenance` {input: where it comes from}; `missing` {input: why it is NaN everywhere}.
    """

    rows: Rows
    inputs: xr.Dataset
    provenance: Mapping[str, str]
    missing: Mapping[str, str]

    @property
    def model(self) -> str:
        """Name of the model as outputs carry it."""
        return self.rows.model

    def counts(self) -> dict[str, int]:
        """Number of rows with a footprint ("valid") and of rows per reason against one; a row may have several reasons."""
        return {"valid": int(self.rows.valid.sum()), **counts(self.rows.reason)}

    def cautions(self) -> dict[str, int]:
        """Number of valid rows per caution: estimated inputs, and rules of a paper that are broken."""
        return counts(np.where(self.rows.valid, self.rows.caution, 0).astype(np.uint32), Caution)


def tower_footprints(record: TowerRecord, model: str = "ffp", *, measurement_height: float | None = None,
                     canopy_height: float | None = None, displacement_height: float | None = None,
                     roughness_length: float | None = None, boundary_layer_height: float | None = None,
                     latitude: float | None = None, estimate: bool = True, **options: Any) -> TowerFootprints:
    """Footprints of all rows of a record by a model of `sites.footprint.models`.

    Heights in m above ground (`measurement_height`, `canopy_height`, `displacement_height`), `roughness_length` in m;
    those not given come from the facts of the record. `boundary_layer_height` (m) is one value for rows without one.
    The roughness length is used where it is given; else each row takes its wind speed, and only rows without one a tenth
    of the canopy height. (In the published FFP a roughness length of a tall canopy rules out all rows, wind speed does
    not.) `estimate=False` leaves Obukhov length, sigma_v and boundary-layer height missing where the record has none. A
    record of `ProcessedTower.to_record` gives series without gaps, which the growth of the boundary layer needs. `options`
    go to the model (safe_f: `solution`).

    Raises ForcingError where no height above displacement is known; ValueError for unknown models and options.
    """
    facts = dict(record.facts)
    sensor = _number(measurement_height, facts.get("measurement_height"))
    canopy = _number(canopy_height, facts.get("canopy_height"))
    displacement, told = _displacement(displacement_height, canopy)
    height = _above_displacement(sensor, displacement, record)
    found = footprint_inputs(record, measurement_height=sensor, displacement_height=displacement)
    count = found.sizes["time"]
    values = {name: found[name].to_numpy().astype(np.float64) for name in found.data_vars}
    provenance = {"measurement_height": f"{sensor:g} m above ground less {told}"}
    missing: dict[str, str] = {}
    for name in values:
        _say(str(name), found[name].attrs, values[name], provenance, missing)
    values["air_temperature"] = values["air_temperature"] + KELVIN
    values["air_pressure"] = _pressure(values["air_pressure"] * PASCAL, facts.get("elevation"), provenance, missing)
    if boundary_layer_height is not None:
        gaps = np.isnan(values["boundary_layer_height"])
        values["boundary_layer_height"][gaps] = boundary_layer_height
        _join(provenance, missing, "boundary_layer_height", f"{boundary_layer_height:g} m as given", int(gaps.sum()), count)
    z0 = _roughness(roughness_length, canopy, values["wind_speed"], provenance, missing)
    given: dict[str, Any] = {"friction_velocity": values["friction_velocity"], "obukhov_length": values["obukhov_length"],
                             "sigma_v": values["sigma_v"], "boundary_layer_height": values["boundary_layer_height"]}
    if estimate:
        place = latitude if latitude is not None else facts.get("latitude")
        given = complete_inputs(**given, sensible_heat_flux=values["sensible_heat_flux"],
                                air_temperature=values["air_temperature"], air_pressure=values["air_pressure"],
                                latitude=None if place is None else float(place), step=float(record.step_seconds or 1800))
        _tell_estimates(given, provenance, missing, place is None)
    rows = footprint_rows(model, measurement_height=np.full(count, height), roughness_length=z0,
                          mean_wind_speed=values["wind_speed"], wind_direction=values["wind_direction"], **given, **options)
    used = {"measurement_height": np.full(count, height), "roughness_length": z0, "wind_speed": values["wind_speed"],
            "wind_direction": values["wind_direction"], **{name: given[name] for name in (
                "friction_velocity", "obukhov_length", "sigma_v", "boundary_layer_height")}}
    return TowerFootprints(rows, _inputs(record, used, provenance, missing), provenance, missing)


def footprint_classes(footprints: TowerFootprints, cover: Raster, legend: str | Legend, *, cells: str = "integrated",
                      threads: int | None = None) -> ClassFractions:
    """Share of every half hour's footprint on each class of a land-cover raster (on the local grid, see `read_raster`).

    Only classes that occur in the raster are kept. Cells without a class and the land beyond the raster belong to none:
    `1 - ClassFractions.captured()`. `cells` "integrated" takes means over cells, "point" the
    values at their centres, which is faster and fit for cells well below the distance of the peak (see `class_fractions`).
    """
    book = known_legend(legend)
    book.check(cover.values, file=cover.source)
    codes = [int(code) for code in np.unique(cover.values[np.isfinite(cover.values)]) if int(code) not in book.missing]
    names = {code: book.classes[code].name for code in codes}
    values = np.where(np.isin(cover.values, codes), cover.values, np.nan)
    found = class_fractions(footprints.rows, values, Grid(cover.x, cover.y), names, cells=cells, threads=threads)
    return ClassFractions(found.fractions, codes, [names[code] for code in codes],
                          [book.classes[code].plant_type for code in codes])


def footprint_values(footprints: TowerFootprints, raster: Raster, *, bins: int = 250, cells: str = "integrated",
                     threads: int | None = None) -> Floats:
    """Footprint-weighted value of a continuous raster for every half hour, in its unit; NaN without footprint or data.

    The raster is taken in `bins` classes of equal numbers of cells, each standing for its mean, so that footprints stream
    against it; the error is below the widest class, and far below it where a footprint covers many cells.
    """
    known = np.isfinite(raster.values)
    if not known.any():
        return np.full(len(footprints.rows), np.nan)
    order = np.argsort(raster.values[known], kind="stable")
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size) * min(bins, order.size) // order.size
    level = np.full(raster.values.shape, np.nan)
    level[known] = rank
    number = int(rank.max()) + 1
    means = np.bincount(rank, raster.values[known]) / np.bincount(rank)
    found = class_fractions(footprints.rows, level, Grid(raster.x, raster.y), list(range(number)), cells=cells,
                            threads=threads)
    seen = found.fractions.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(seen > 0.0, found.fractions @ means / seen, np.nan))


def _number(given: float | None, known: Any) -> float | None:
    value = given if given is not None else known
    return None if value is None else float(value)


def _displacement(given: float | None, canopy: float | None) -> tuple[float | None, str]:
    if given is not None:
        return float(given), f"{given:g} m of displacement as given"
    if canopy is not None:
        height = DISPLACEMENT * canopy
        return height, f"{height:.4g} m of displacement (2/3 of the canopy height of {canopy:g} m)"
    return None, ""


def _above_displacement(sensor: float | None, displacement: float | None, record: TowerRecord) -> float:
    tower = record.site_id or "the tower"
    if sensor is None or displacement is None:
        what, how = (("measurement height", "measurement_height") if sensor is None else
                     ("canopy height, and with it the displacement height,", "canopy_height or displacement_height"))
        raise ForcingError(f"the {what} of {tower} is not known", variable=how, unit="m",
                           remedy=f"give {how} in m above ground")
    if sensor <= displacement:
        raise ForcingError(f"the sensor of {tower} at {sensor:g} m stands no higher than the displacement height of "
                           f"{displacement:g} m", variable="measurement_height", unit="m",
                           remedy="check measurement and canopy height; both are above ground")
    return sensor - displacement


def _say(name: str, attributes: Mapping[str, Any], values: Floats, provenance: dict[str, str], missing: dict[str, str]) -> None:
    if np.isfinite(values).any():
        provenance[name] = str(attributes.get("source") or "record")
    else:
        missing[name] = str(attributes.get("missing_reason", f"the record has no value of {name}"))


def _join(provenance: dict[str, str], missing: dict[str, str], name: str, how: str, rows: int, count: int) -> None:
    if rows:
        before = provenance.get(name)
        provenance[name] = how if rows == count or not before else f"{before}; {how} in {rows} of {count} rows"
        missing.pop(name, None)


def _pressure(pressure: Floats, elevation: Any, provenance: dict[str, str], missing: dict[str, str]) -> Floats:
    gaps = np.isnan(pressure)
    if not gaps.any() or elevation is None:
        return pressure
    standard = STANDARD_PRESSURE * (1.0 - float(elevation) / SCALE_HEIGHT) ** PRESSURE_POWER
    _join(provenance, missing, "air_pressure", f"standard atmosphere at {float(elevation):g} m", int(gaps.sum()), gaps.size)
    return np.where(gaps, standard, pressure)


def _roughness(given: float | None, canopy: float | None, wind_speed: Floats, provenance: dict[str, str],
               missing: dict[str, str]) -> Floats:
    if given is not None:
        provenance["roughness_length"] = f"{given:g} m as given"
        return np.full(wind_speed.shape, float(given))
    without = np.isnan(wind_speed)
    if canopy is not None and without.any():
        provenance["roughness_length"] = (f"{ROUGHNESS * canopy:.4g} m (a tenth of the canopy height of {canopy:g} m) in the "
                                          f"{int(without.sum())} of {without.size} rows without wind speed")
        return np.where(without, ROUGHNESS * canopy, np.nan)
    missing["roughness_length"] = "not needed: every row has a wind speed" if not without.any() else \
        "neither roughness length nor canopy height is known"
    return np.full(wind_speed.shape, np.nan)


def _tell_estimates(given: Mapping[str, Any], provenance: dict[str, str], missing: dict[str, str], no_latitude: bool) -> None:
    for name, marks in ESTIMATES.items():
        for mark in marks:
            rows = int(np.count_nonzero(given["caution"] & np.uint32(mark.value)))
            if rows:
                part = f"{CAUTION_TEXT[mark]} ({rows} rows)"
                provenance[name] = f"{provenance[name]}; {part}" if name in provenance else part
                missing.pop(name, None)
        if name == "boundary_layer_height" and name in missing and no_latitude:
            missing[name] += "; an estimate needs the latitude of the tower"


def _inputs(record: TowerRecord, used: Mapping[str, Floats], provenance: Mapping[str, str], missing: Mapping[str, str]
            ) -> xr.Dataset:
    units = {"wind_speed": "m s-1", "wind_direction": "degree", "friction_velocity": "m s-1", "sigma_v": "m s-1"}
    made = xr.Dataset(coords={"time": record.data["time"]}, attrs={"site_id": record.site_id})
    for name, values in used.items():
        told = {"provenance": provenance[name]} if name in provenance else {"missing_reason": missing.get(name, "")}
        made[name] = ("time", values, {"units": units.get(name, "m")} | told)
    return made
