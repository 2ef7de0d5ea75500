"""Observations of one tower in the form that assimilation reads: values, errors, quality, footprints, weights.

The schema is documented in docs/towers/observations.md and versioned: `SCHEMA_VERSION` is "major.minor". A reader takes
any minor version of its own major version. Units are those of tower files: NEE and GPP in umol m-2 s-1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import nearest
from terraflux.sites.observation_weights import OPERATORS, REJECTION_TEXTS, ObservationWeights, effective_sample_size
from terraflux.sites.records.variables import TOWER_VARIABLES

SCHEMA = "terraflux observations"
SCHEMA_VERSION = "1.1"
QUALITY = {-1: "missing", 0: "measured", 1: "filled_good", 2: "filled_medium", 3: "filled_poor"}
FRACTION_TOLERANCE = 1e-6
LARGEST_MASS = 1.05
"""Points on a coarse grid may add up to a little more than the mass of a footprint."""


@dataclass(frozen=True)
class Stream:
    """One observed variable: values, standard deviation of the random error and quality, each of shape (rows,).

    `name` is one of the tower variables; values NaN where missing. `quality` is 0 for measured and 1 to 3 for good,
    medium and poor gap filling. `representativeness_sigma` is for the operator 'inflation' only.
    """

    name: str
    value: ArrayLike
    random_sigma: ArrayLike
    quality: ArrayLike
    representativeness_sigma: ArrayLike | None = None


@dataclass(frozen=True)
class ClassFractions:
    """Land cover in the footprint of every half hour.

    `fraction` has shape (rows, classes) and holds the share of unit footprint mass on each class, NaN without footprint;
    `code`, `name` and `plant_type` describe the classes (plant type "" for water, cities and the like).
    """

    fraction: ArrayLike
    code: Sequence[int]
    name: Sequence[str]
    plant_type: Sequence[str]

    def captured(self) -> NDArray[np.float64]:
        """Share of each footprint on any class; shape (rows,)."""
        return np.asarray(self.fraction, float).sum(axis=1)

    def of(self, code: int) -> NDArray[np.float64]:
        """Share of the captured footprint on one class; shape (rows,); NaN where nothing is captured."""
        if code not in self.code:
            raise ValueError(f"class {code} is not among the classes {', '.join(map(str, self.code))}")
        captured = self.captured()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.fraction, float)[:, list(self.code).index(code)] / np.where(captured > 0.0, captured, np.nan)


def observations(time: ArrayLike, step_seconds: int, streams: Sequence[Stream], weights: ObservationWeights, *,
                 site_id: str, utc_offset_hours: float, classes: ClassFractions | None = None,
                 target_class: int | None = None, footprint_model: str = "", maximum_quality: int = 0,
                 attributes: Mapping[str, str | float | int] | None = None) -> xr.Dataset:
    """Put everything one tower gives into one dataset of the documented schema.

    `time` holds interval starts in local standard time (datetime64, shape (rows,), increasing). `weights` come from
    `observation_weights`. A value counts with weight rho where it is present, its error is known and positive and its
    quality is at most `maximum_quality` (0: measured values only); elsewhere its `<stream>_weight` is 0, the value stays.

    Raises ValueError, naming the stream, for unknown names, shapes that differ, errors that are negative, class fractions
    outside 0..1 or above 1 in sum, a time axis out of order, or a footprint operator without class fractions.
    """
    stamps = np.asarray(time, "datetime64[ns]")
    rows = stamps.size
    if stamps.ndim != 1 or rows == 0 or (rows > 1 and not np.all(np.diff(stamps) > np.timedelta64(0, "ns"))):
        raise ValueError("time must be a non-empty, increasing row of interval starts")
    if weights.weight.shape != (rows,):
        raise ValueError(f"weights are for {weights.weight.size} rows, time has {rows}")
    if not streams:
        raise ValueError("no stream: observations need at least one observed variable")
    if weights.operator not in ("site",) and classes is None:
        raise ValueError(f"the operator {weights.operator!r} needs the class fractions of every footprint; "
                         "give classes, or use the operator 'site'")
    made = xr.Dataset(coords={"time": ("time", stamps, {"standard_name": "time", "long_name": "start of the interval",
                                                        "bounds": "time_bounds", "axis": "T"})})
    ends = stamps + np.timedelta64(step_seconds, "s")
    made["time_bounds"] = (("time", "bound"), np.stack([stamps, ends], axis=1))
    sizes: dict[str, float] = {}
    for stream in streams:
        _add_stream(made, stream, weights, maximum_quality, sizes)
    made["weight"] = ("time", weights.weight, {"units": "1", "long_name": "weight rho by representativeness"})
    made["rejection"] = ("time", weights.rejection.astype(np.int8), {
        "long_name": "why a row has no weight", "flag_masks": np.array([int(one) for one in REJECTION_TEXTS], np.int8),
        "flag_meanings": " ".join(str(one.name).lower() for one in REJECTION_TEXTS)})
    if classes is not None:
        _add_classes(made, classes, rows)
    made.attrs = {
        "Conventions": "CF-1.8", "title": f"Observations of {site_id} for assimilation", "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION, "site_id": site_id, "utc_offset_hours": float(utc_offset_hours),
        "step_seconds": int(step_seconds), "operator": weights.operator, "footprint_model": footprint_model or "none",
        "history": f"observations assembled for the operator {weights.operator}",
        "maximum_quality": int(maximum_quality),
        "streams": " ".join(stream.name for stream in streams), **dict(attributes or {})}
    if target_class is not None:
        made.attrs["target_class"] = int(target_class)
    return check_observations(made)


def _add_stream(made: xr.Dataset, stream: Stream, weights: ObservationWeights, maximum_quality: int,
                sizes: dict[str, float]) -> None:
    name = stream.name
    if name not in TOWER_VARIABLES:
        raise ValueError(f"stream {name!r} is not a tower variable; {nearest(name, TOWER_VARIABLES)}")
    if name in made:
        raise ValueError(f"stream {name!r} is given twice")
    rows = made.sizes["time"]
    columns = {"value": np.asarray(stream.value, float), "random_sigma": np.asarray(stream.random_sigma, float),
               "quality": np.asarray(stream.quality)}
    if stream.representativeness_sigma is not None:
        if weights.operator != "inflation":
            raise ValueError(f"stream {name!r} has a representativeness error, which belongs to the operator 'inflation', "
                             f"not to {weights.operator!r}: the two would count the same mismatch twice")
        columns["representativeness_sigma"] = np.asarray(stream.representativeness_sigma, float)
    elif weights.operator == "inflation":
        raise ValueError(f"stream {name!r} lacks the representativeness_sigma that the operator 'inflation' needs")
    for column, values in columns.items():
        if values.shape != (rows,):
            raise ValueError(f"{column} of stream {name!r} has shape {values.shape}, time has {rows} rows")
    quality = np.where(np.isfinite(columns["value"]), columns["quality"], -1)
    quality = np.where(np.isfinite(quality.astype(float)), quality, -1).astype(np.int8)
    if not np.isin(quality, list(QUALITY)).all():
        raise ValueError(f"quality of stream {name!r} has values other than {', '.join(map(str, QUALITY))}")
    sigma = columns["random_sigma"]
    if np.nanmin(sigma, initial=0.0) < 0.0:
        raise ValueError(f"random_sigma of stream {name!r} reaches {np.nanmin(sigma):g}; an error is not negative")
    used = (quality >= 0) & (quality <= maximum_quality) & np.isfinite(sigma) & (sigma > 0.0)
    extra = columns.get("representativeness_sigma")
    if extra is not None:
        used &= np.isfinite(extra)
    known = TOWER_VARIABLES[name]
    unit = known.unit
    weight = np.where(used, weights.weight, 0.0)
    made[name] = ("time", columns["value"], {
        "units": unit, "long_name": known.long_name, "cell_methods": known.cell_methods,
        "ancillary_variables": " ".join(f"{name}_{column}" for column in (*list(columns)[1:], "weight")),
        "effective_sample_size": effective_sample_size(weight), "values_used": int(np.count_nonzero(weight)),
        **({"standard_name": known.standard_name} if known.standard_name else {})})
    made[f"{name}_random_sigma"] = ("time", sigma, {"units": unit, "long_name": f"random error of {known.long_name}"})
    if extra is not None:
        made[f"{name}_representativeness_sigma"] = ("time", extra, {
            "units": unit, "long_name": f"error of {known.long_name} by the footprint seen in place of the cell"})
    made[f"{name}_quality"] = ("time", quality, {
        "long_name": f"quality of {known.long_name}", "flag_values": np.array(list(QUALITY), np.int8),
        "flag_meanings": " ".join(QUALITY.values())})
    made[f"{name}_weight"] = ("time", weight, {"units": "1", "long_name": f"weight of {known.long_name} in a likelihood"})


def _add_classes(made: xr.Dataset, classes: ClassFractions, rows: int) -> None:
    fraction = np.asarray(classes.fraction, float)
    if fraction.shape != (rows, len(classes.code)) or not len(classes.code) == len(classes.name) == len(classes.plant_type):
        raise ValueError(f"class fractions have shape {fraction.shape} for {rows} rows and {len(classes.code)} codes, "
                         f"{len(classes.name)} names, {len(classes.plant_type)} plant types")
    made["class_code"] = ("land_cover_class", np.asarray(classes.code, np.int32),
                          {"long_name": "code in the land-cover raster"})
    made["class_name"] = ("land_cover_class", np.asarray(classes.name, object), {"long_name": "name of the class"})
    made["class_plant_type"] = ("land_cover_class", np.asarray(classes.plant_type, object),
                                {"long_name": "plant type of the model; empty where nothing is modelled"})
    made["class_fraction"] = (("land_cover_class", "time"), fraction.T,
                              {"units": "1", "long_name": "share of the footprint on each class"})
    made["uncaptured_fraction"] = ("time", 1.0 - fraction.sum(axis=1), {
        "units": "1", "long_name": "share of unit footprint mass on no class: outside the raster or without data"})


def check_observations(made: xr.Dataset) -> xr.Dataset:
    """The dataset, if it follows the schema; ValueError saying what does not."""
    problems = []
    if made.attrs.get("schema") != SCHEMA:
        problems.append(f"attribute schema is {made.attrs.get('schema')!r}, not {SCHEMA!r}")
    major = str(made.attrs.get("schema_version", "")).partition(".")[0]
    if major != SCHEMA_VERSION.partition(".")[0]:
        problems.append(f"schema version {made.attrs.get('schema_version')!r} cannot be read; this is {SCHEMA_VERSION}")
    if made.attrs.get("operator") not in OPERATORS:
        problems.append(f"operator {made.attrs.get('operator')!r} is none of {', '.join(OPERATORS)}")
    needed = ["time", "time_bounds", "weight", "rejection"]
    for name in str(made.attrs.get("streams", "")).split():
        needed += [name, *(f"{name}_{part}" for part in ("random_sigma", "quality", "weight"))]
        if made.attrs.get("operator") == "inflation":
            needed.append(f"{name}_representativeness_sigma")
    if made.attrs.get("operator") not in (None, "site"):
        needed += ["class_fraction", "class_code", "class_name", "class_plant_type", "uncaptured_fraction"]
    problems += [f"{name} is missing" for name in needed if name not in made.variables]
    if not problems:
        weight = made["weight"].to_numpy()
        if not ((weight >= 0.0) & (weight <= 1.0)).all():
            problems.append("weight leaves 0..1")
        if "class_fraction" in made:
            fraction = made["class_fraction"].to_numpy()
            known = np.isfinite(fraction).all(axis=0)
            if (fraction[:, known] < -FRACTION_TOLERANCE).any() or (fraction[:, known].sum(axis=0) > LARGEST_MASS).any():
                problems.append(f"class fractions leave 0..1 or sum to more than {LARGEST_MASS}")
            if (weight[~known] > 0.0).any():
                problems.append("a row without footprint has weight")
    if problems:
        raise ValueError("these observations do not follow their schema: " + "; ".join(problems))
    return made
