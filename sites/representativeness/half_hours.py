"""The half hours of a tower as footprints need them: from a plain table or from any tower record.

A plain table is a CSV (gzipped or not) with a header of these names, capital or small:

| column | also | unit |
|---|---|---|
| zm | | m, sensor above displacement |
| z0 | | m, roughness length |
| umean | wind_speed, ws | m s-1 |
| h | blh, boundary_layer_height | m, boundary-layer height |
| ol | l, obukhov_length, mo_length | m |
| sigmav | sigma_v, v_sigma | m s-1 |
| ustar | u*, friction_velocity | m s-1 |
| wind_dir | wd, wind_direction | degrees from north, clockwise, that the wind blows FROM |
| nee, gpp, reco, par, le | ppfd | any, weights are relative |
| sensible_heat_flux | shf | W m-2, upward; with the next two, for estimates of L and h where they are missing |
| air_temperature | ta | degC |
| air_pressure | pa | kPa |
| time | timestamp, timestamp_start | start of the interval: 2019-07-01T00:30 or 201907010030 |

Other columns are left alone. Records (`terraflux.sites.records`) bring their own names and units.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.safe_files import existing, header_of, read_table

Floats = NDArray[np.float64]

COLUMNS: dict[str, tuple[str, ...]] = {
    "measurement_height": ("zm",), "roughness_length": ("z0",), "mean_wind_speed": ("umean", "wind_speed", "ws"),
    "boundary_layer_height": ("h", "blh", "boundary_layer_height"),
    "obukhov_length": ("ol", "l", "obukhov_length", "mo_length"), "sigma_v": ("sigmav", "sigma_v", "v_sigma"),
    "friction_velocity": ("ustar", "u*", "friction_velocity"), "wind_direction": ("wind_dir", "wd", "wind_direction"),
}
"""Input of the footprint models: columns of a plain table that hold it, in lower case."""
FLUX_COLUMNS = {"nee": ("nee",), "gpp": ("gpp",), "reco": ("reco",), "par": ("par", "ppfd"), "le": ("le",)}
FLUX_VARIABLES = {"nee": "net_ecosystem_exchange", "gpp": "gross_primary_production", "reco": "ecosystem_respiration",
                  "par": "photosynthetic_photon_flux_density", "le": "latent_heat"}
MEDIUM_COLUMNS = {"sensible_heat_flux": ("sensible_heat_flux", "shf"), "air_temperature": ("air_temperature", "ta"),
                  "air_pressure": ("air_pressure", "pa")}
MEDIUM = {"sensible_heat_flux": (1.0, 0.0), "air_temperature": (1.0, 273.15), "air_pressure": (1e3, 0.0)}
"""Factor and offset to W m-2, K and Pa, from W m-2, degC and kPa."""
TIME_COLUMNS = ("time", "timestamp", "timestamp_start", "datetime")
TABLE_MARKS = ("zm", "sigmav", "sigma_v")
"""Columns by which a plain table is told from a record."""
DISPLACEMENT, ROUGHNESS = 2.0 / 3.0, 0.1
"""Displacement height and roughness length as shares of the canopy height (Brutsaert 1982)."""
LEAST_ROWS_FOR_RADIANS = 48
WIND = ("from", "to", "from_radians")
MISSING = -9999.0


@dataclass(frozen=True)
class HalfHours:
    """Inputs of footprints, one value per interval.

    `inputs` {name of an argument of `footprint_rows`: values, NaN where missing}; `time` interval starts in local standard
    time, or None where nobody says; `step_seconds`; `fluxes` {nee, gpp, reco, par, le: values}; `facts` of the tower where
    the file or the catalogue has them; `provenance` where every input comes from; `file`; `medium` {sensible_heat_flux W m-2,
    air_temperature K, air_pressure Pa} for estimates.
    """

    inputs: Mapping[str, Floats]
    time: "NDArray[np.datetime64] | None" = None
    step_seconds: int = 1800
    fluxes: Mapping[str, Floats] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    medium: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return max((np.size(values) for values in self.inputs.values()), default=0)

    def flux(self, name: str) -> Floats:
        """A flux to weigh by. Raises ForcingError naming those that the file has."""
        if name not in self.fluxes:
            have = ", ".join(self.fluxes) or "none"
            raise ForcingError(f"the file has no {name} to weigh the half hours by", file=self.file, variable=name,
                               remedy=f"weights it has: {have}; add the column, or leave weights at none")
        return self.fluxes[name]


def read_half_hours(path: str | os.PathLike[str], *, format: str | None = None, site_id: str = "",
                    height: float | None = None, canopy: float | None = None, displacement: float | None = None,
                    roughness: float | None = None, boundary_layer: float | None = None, wind: str | None = None,
                    first_time: str | None = None, step_minutes: float = 30.0, **options: Any) -> HalfHours:
    """Half hours from a plain table (format "table") or a tower record (a format of `read_record`); told apart if not named.

    height: sensor above ground (m); canopy: canopy height (m), from which displacement (2/3) and roughness (1/10) follow
    where they are not given; boundary_layer: one boundary-layer height (m) for all rows where the file has none. Columns of
    the file go before these. wind: "from" (degrees the wind blows from), "to" (blows towards) or "from_radians"; without it
    "from" is taken and directions that look like radians are refused. first_time: start of the first row of a table without
    a time column. `options` are those of `read_record`.

    Raises ForcingError for what cannot be used at all; single bad rows stay and get a reason later.
    """
    if wind is not None and wind not in WIND:
        raise ForcingError(f"the wind convention {wind!r} is unknown", variable="wind_direction", remedy=nearest(wind, WIND))
    if format == "table" or (format is None and _is_table(path)):
        found = _from_table(path, first_time, step_minutes)
    else:
        found = _from_record(path, format, site_id, height, displacement, canopy, options)
    inputs, told = dict(found.inputs), dict(found.provenance)
    facts = dict(found.facts)
    _complete_heights(inputs, told, height if height is not None else facts.get("measurement_height"),
                      canopy if canopy is not None else facts.get("canopy_height"), displacement, roughness, found.file)
    if boundary_layer is not None and not _has(inputs, "boundary_layer_height"):
        inputs["boundary_layer_height"] = np.full(len(found), float(boundary_layer))
        told["boundary_layer_height"] = "one value for all rows, as given"
    if "wind_direction" in inputs:
        inputs["wind_direction"] = from_direction(inputs["wind_direction"], wind, found.file)
    return replace(found, inputs=inputs, facts=facts, provenance=told)


def from_direction(direction: Floats, wind: str | None, file: object = "") -> Floats:
    """Directions in degrees that the wind blows from. Without a convention, radians are refused rather than believed.

    >>> from_direction(np.array([90.0, 350.0]), "to").tolist()
    [270.0, 170.0]
    """
    values = np.asarray(direction, dtype=np.float64)
    if wind == "to":
        return np.asarray((values + 180.0) % 360.0)
    if wind == "from_radians":
        return np.asarray(np.degrees(values) % 360.0)
    known = values[np.isfinite(values)]
    if wind is None and known.size >= LEAST_ROWS_FOR_RADIANS and np.abs(known).max() <= 2.0 * np.pi + 1e-3 \
            and np.ptp(known) > 1.0:
        raise ForcingError(f"all {known.size} wind directions lie between {known.min():.2f} and {known.max():.2f}: these look "
                           "like radians", file=file, variable="wind_direction", unit="degrees",
                           remedy="say wind='from_radians', or wind='from' if they are degrees indeed")
    return values


def _is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a plain table of footprint inputs."""
    with open(existing(path), "rb") as stream:
        start = stream.read(4)
    if start[:3] == b"CDF" or start == b"\x89HDF":
        return False
    return any(name.lower() in TABLE_MARKS for name in header_of(path))


def _from_table(path: str | os.PathLike[str], first_time: str | None, step_minutes: float) -> HalfHours:
    header = header_of(path)
    lower = {name.lower(): name for name in reversed(header)}
    clock = next((lower[one] for one in TIME_COLUMNS if one in lower), None)
    every = COLUMNS | FLUX_COLUMNS | MEDIUM_COLUMNS
    chosen = {name: lower[one] for name, known in every.items() for one in known[::-1] if one in lower}
    table = read_table(path, columns=chosen.values(), text_columns=() if clock is None else (clock,))
    values = {name: table[column].to_numpy(dtype=np.float64, copy=True) for name, column in chosen.items()}
    for one in values.values():
        one[one == MISSING] = np.nan
    lacking = [name for name in ("friction_velocity", "wind_direction") if name not in values]
    if lacking:
        names = "; ".join(f"{name}: {', '.join(COLUMNS[name])}" for name in lacking)
        raise ForcingError(f"the table has no column of {', '.join(lacking)}", file=path, variable=lacking[0],
                           remedy=f"name the columns as follows: {names}")
    time, step = _table_time(table[clock].tolist() if clock else None, len(table), first_time, step_minutes, path)
    return HalfHours({name: values[name] for name in COLUMNS if name in values}, time, step,
                     {name: values[name] for name in FLUX_COLUMNS if name in values},
                     provenance={name: f"column {chosen[name]}" for name in COLUMNS if name in chosen}, file=str(path),
                     medium={name: values[name] * factor + offset for name, (factor, offset) in MEDIUM.items()
                             if name in values})


def _table_time(stamps: Sequence[str] | None, count: int, first_time: str | None, step_minutes: float, path: object
                ) -> "tuple[NDArray[np.datetime64] | None, int]":
    if stamps is None:
        step = round(60.0 * step_minutes)
        if first_time is None:
            return None, step
        return _moment(first_time, path) + np.arange(count) * np.timedelta64(step, "s"), step
    time = np.array([_moment(text, path, line) for line, text in enumerate(stamps, start=1)], dtype="datetime64[s]")
    steps = np.diff(time).astype(np.int64)
    if steps.size and steps.min() <= 0:
        row = int(np.argmin(steps)) + 1
        raise ForcingError("the time does not ascend", file=path, variable="time", time=time[row],
                           remedy=f"sort the table and delete repeated lines (data line {row + 1})")
    return time, int(np.median(steps)) if steps.size else round(60.0 * step_minutes)


def _moment(text: str, path: object, line: int | None = None) -> np.datetime64:
    """A time from 2019-07-01T00:30, 2019-07-01 00:30 or 201907010030."""
    plain = text.strip()
    if plain.isdigit() and len(plain) in (8, 12):
        plain = "-".join((plain[:4], plain[4:6], plain[6:8])) + (f"T{plain[8:10]}:{plain[10:]}" if len(plain) == 12 else "")
    try:
        return np.datetime64(plain.replace(" ", "T"), "s")
    except ValueError as trouble:
        where = f" in data line {line}" if line else ""
        raise ForcingError(f"{text!r}{where} is not a time", file=path, variable="time",
                           remedy="write 2019-07-01T00:30 or 201907010030") from trouble


def _from_record(path: str | os.PathLike[str], format: str | None, site_id: str, height: float | None,
                 displacement: float | None, canopy: float | None, options: Mapping[str, Any]) -> HalfHours:
    from terraflux.sites.records.footprint_inputs import footprint_inputs
    from terraflux.sites.records.formats import read_record

    record = read_record(path, format, **({"site_id": site_id} if site_id else {}), **options)
    lowered = displacement if displacement is not None else None if canopy is None else DISPLACEMENT * canopy
    found = footprint_inputs(record, measurement_height=height, displacement_height=lowered)
    inputs, told = {}, {}
    for name, variable in (("mean_wind_speed", "wind_speed"), ("wind_direction",) * 2, ("friction_velocity",) * 2,
                           ("obukhov_length",) * 2, ("sigma_v",) * 2, ("boundary_layer_height",) * 2):
        inputs[name] = found[variable].to_numpy().astype(np.float64)
        attributes = found[variable].attrs
        told[name] = str(attributes.get("source") or attributes.get("missing_reason", ""))
    fluxes = {name: record.values(variable) for name, variable in FLUX_VARIABLES.items() if variable in record.variables}
    medium = {name: found[name].to_numpy().astype(np.float64) * factor + offset for name, (factor, offset) in MEDIUM.items()}
    return HalfHours(inputs, record.time, record.step_seconds or 1800, fluxes, dict(record.facts), told, str(path), medium)


def _has(inputs: Mapping[str, Floats], name: str) -> bool:
    return name in inputs and bool(np.isfinite(inputs[name]).any())


def _complete_heights(inputs: dict[str, Floats], told: dict[str, str], height: float | None, canopy: float | None,
                      displacement: float | None, roughness: float | None, file: str) -> None:
    """Put in zm and z0 where the file has none."""
    count = max(np.size(values) for values in inputs.values())
    if not _has(inputs, "measurement_height"):
        lowered = displacement if displacement is not None else None if canopy is None else DISPLACEMENT * float(canopy)
        if height is None or lowered is None:
            lacking = "the sensor height" if height is None else "the canopy or displacement height"
            raise ForcingError(f"{lacking} is not known, so neither is the height above displacement", file=file,
                               variable="zm", unit="m", remedy="give height and canopy in m, or a column zm")
        above = float(height) - lowered
        if not above > 0.0:
            raise ForcingError(f"the sensor at {height:g} m stands no higher than the displacement height of {lowered:g} m",
                               file=file, variable="zm", unit="m", remedy="check height and canopy: both are above ground")
        inputs["measurement_height"] = np.full(count, above)
        told["measurement_height"] = f"{height:g} m above ground less {lowered:g} m of displacement"
    if not _has(inputs, "roughness_length"):
        if roughness is not None:
            inputs["roughness_length"], told["roughness_length"] = np.full(count, float(roughness)), "as given"
        elif not _has(inputs, "mean_wind_speed") and canopy is not None:
            inputs["roughness_length"] = np.full(count, ROUGHNESS * float(canopy))
            told["roughness_length"] = f"a tenth of the canopy height of {canopy:g} m"
