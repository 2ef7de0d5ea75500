"""Simulations as CF-1.8 netCDF files with ALMA names on request.

Names and units of the file, by `names`:
`alma` (default): the ALMA name where the variable table has one, else ours; `cf`: the CF standard name where it is
unique in the file, else ours; `terraflux`: ours; `plumber`: ALMA names and umol of CO2 on a grid of one cell, as PLUMBER2 and
modelevaluation.org have them (`alma.on_one_cell`). All but `terraflux` write SI: K for degC, Pa for kPa, carbon in kg m-2 s-1
of carbon, as ALMA 3 and CMIP ask (`carbon_unit="umol"` gives umol m-2 s-1 of CO2, the unit of the PLUMBER2 flux files
and modelevaluation.org). `terraflux` keeps the units of the variable table.

Times are window starts in local standard time with bounds, as tower files have them; the offset to UTC stands in the
attributes, and `time_reference="utc"` writes UTC instead, which is what CF assumes where a file names no zone.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from terraflux.drivers.safe_write import replacing
from terraflux.evaluation.alma import on_one_cell
from terraflux.evaluation.cf_attributes import global_attributes, text_attribute
from terraflux.model.constants import CARBON_MOLAR_MASS, KELVIN
from terraflux.model.variables import GROUPS
from terraflux.model.weave.table import Variable

NAMES = ("alma", "cf", "terraflux", "plumber")
CARBON_UNITS = ("kg", "umol")
PRECISIONS = ("float32", "float64")
TIME_REFERENCES = ("local", "utc")
FILL = 1e20
LAYERS = ("soil", "snow", "deep")
VARIABLES: dict[str, Variable] = {variable.name: variable for group in GROUPS for variable in group}
SI = {"degC": ("K", 1.0, KELVIN), "kPa": ("Pa", 1e3, 0.0), "g m-2": ("kg m-2", 1e-3, 0.0),
      "g m-2 s-1": ("kg m-2 s-1", 1e-3, 0.0), "g m-2 d-1": ("kg m-2 s-1", 1e-3 / 86400.0, 0.0)}
LAYER_NAMES = {"soil": "soil layers", "snow": "snow layers", "deep": "layers below the soil"}


def write_netcdf(dataset: xr.Dataset, path: str | os.PathLike[str], names: str = "alma", precision: str = "float32",
                 carbon_unit: str = "kg", time_reference: str = "local", title: str = "", institution: str = "",
                 history: str = "") -> Path:
    """Write a simulation as a compressed CF-1.8 netCDF4 file and return its path.

    The file appears whole or not at all: it is written beside its place under another name, then renamed; a file of
    that name is replaced. `precision` is float32 or float64. Raises ValueError for an unknown choice, a variable
    without a unit, or a time axis that is missing or not increasing, and OSError where the folder cannot be written.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}; known are {', '.join(PRECISIONS)}")
    target = Path(path)
    made = cf_dataset(dataset, names, carbon_unit, time_reference, title, institution, history)
    encoding = _encoding(made, precision)
    with replacing(target) as temporary:
        made.to_netcdf(temporary, format="NETCDF4", engine="netcdf4", encoding=encoding)
    return target


def cf_dataset(dataset: xr.Dataset, names: str = "alma", carbon_unit: str = "kg", time_reference: str = "local",
               title: str = "", institution: str = "", history: str = "") -> xr.Dataset:
    """The simulation with the names, units and attributes of the file. Choices and errors as for `write_netcdf`."""
    for choice, known, what in ((names, NAMES, "names"), (carbon_unit, CARBON_UNITS, "carbon unit"),
                                (time_reference, TIME_REFERENCES, "time reference")):
        if choice not in known:
            raise ValueError(f"unknown {what} {choice!r}; known are {', '.join(known)}")
    if "time" not in dataset.indexes or not dataset.indexes["time"].is_monotonic_increasing:
        raise ValueError("the simulation needs a coordinate `time` that increases")
    if names == "plumber":
        return on_one_cell(cf_dataset(dataset, "alma", "umol", time_reference, title, institution, history))
    fields = [str(name) for name in dataset.data_vars if name not in _bounds(dataset)]
    renamed = file_names(fields, names)
    made = xr.Dataset(coords={"time": dataset["time"].variable})
    for name in fields:
        made[renamed[name]] = _field(name, dataset[name], names, carbon_unit)
    made = _with_axes(made, dataset, time_reference)
    made = _with_station(made, dataset.attrs)
    made.attrs = global_attributes(dataset.attrs, title, institution, history, datetime.now(UTC))
    if set(made.dims) <= {"time", "bnds"} and "station_id" in made.coords:
        made.attrs["featureType"] = "timeSeries"
    return made


def _bounds(dataset: xr.Dataset) -> set[str]:
    return {"time_bnds", *(f"{layer}_bnds" for layer in LAYERS)} & {str(name) for name in dataset.variables}


def file_names(fields: list[str], names: str) -> dict[str, str]:
    """Name in the file of each variable; where two would share one, diagnostics and states go before forcing."""
    if names == "terraflux":
        return {name: name for name in fields}
    attribute = "alma" if names in ("alma", "plumber") else "standard_name"
    wished = {name: getattr(VARIABLES[name], attribute) for name in fields if name in VARIABLES}
    owners = Counter(wish for wish in wished.values() if wish)
    renamed = {}
    for name in fields:
        wish = wished.get(name, "")
        rivals = [rival for rival in fields if wished.get(rival) == wish and VARIABLES[rival].kind != "forcing"]
        alone = owners[wish] == 1 or rivals == [name]
        renamed[name] = wish if wish and alone and wish not in fields else name
    return renamed


def _field(name: str, values: xr.DataArray, names: str, carbon_unit: str) -> xr.DataArray:
    """One variable with the unit and attributes of the file."""
    variable = VARIABLES.get(name)
    ours = ("_FillValue", "missing_value", "coordinates")
    given = {key: value for key, value in values.attrs.items() if key not in ours}
    unit = str(given.get("units", variable.unit if variable else ""))
    if not unit and values.dtype.kind == "f":
        raise ValueError(f"variable {name!r} stands not in the variable table and has no attribute `units`")
    attrs = {key: text_attribute(value) for key, value in given.items()}
    if variable:
        attrs["long_name"] = variable.long_name
        if variable.standard_name:
            attrs["standard_name"] = variable.standard_name
        attrs.setdefault("cell_methods", variable.cell_methods)
        if names != "terraflux" and variable.alma:
            attrs["terraflux_name"] = name
    if "time" not in values.dims:
        attrs.pop("cell_methods", None)
    data = values.variable.copy(deep=False)
    if names != "terraflux" and data.dtype.kind == "f":
        data, unit = _si(data, unit, variable, carbon_unit, attrs)
    if unit:
        attrs["units"] = unit
    order = [dim for dim in ("time", *LAYERS) if dim in data.dims]
    data = data.transpose(*order, *[dim for dim in data.dims if dim not in order])
    data.attrs = attrs
    data.encoding = {}
    return xr.DataArray(data)


def _si(data: xr.Variable, unit: str, variable: Variable | None, carbon_unit: str,
        attrs: dict[str, object]) -> tuple[xr.Variable, str]:
    """Values and unit in SI, or carbon fluxes in umol of CO2."""
    if unit == "g m-2 s-1" and carbon_unit == "umol":
        # CF units of a mass flux exclude moles, so the standard name of the mass flux cannot stay.
        attrs.pop("standard_name", None)
        return data * (1e6 / CARBON_MOLAR_MASS), "umol m-2 s-1"
    if unit in SI and not (variable and variable.unit == "K"):
        new, factor, offset = SI[unit]
        return data * factor + offset, new
    return data, unit


def _with_axes(made: xr.Dataset, dataset: xr.Dataset, time_reference: str) -> xr.Dataset:
    """Time with bounds and layer depths with bounds."""
    offset = float(dataset.attrs.get("utc_offset_hours", 0.0))
    shift = np.timedelta64(round(offset * 3600.0) if time_reference == "utc" else 0, "s")
    start = dataset["time"].to_numpy() - shift
    made = made.assign_coords(time=("time", start))
    zone = "UTC" if time_reference == "utc" else f"local standard time, UTC{offset:+g} h, no daylight saving"
    made["time"].attrs = {"standard_name": "time", "long_name": f"start of the time step ({zone})", "axis": "T"}
    if "time_bnds" in dataset.variables:
        made["time_bnds"] = (("time", "bnds"), dataset["time_bnds"].to_numpy() - shift)
        made["time"].attrs["bounds"] = "time_bnds"
    for layer in LAYERS:
        depth, bounds = f"{layer}_depth", f"{layer}_bnds"
        if layer not in made.dims:
            continue
        # Snow layers move; `snow_depth` is the depth of all snow, no axis.
        if layer == "snow" or depth not in dataset.variables:
            made = made.assign_coords({layer: np.arange(1, made.sizes[layer] + 1, dtype="int32")})
            made[layer].attrs = {"standard_name": "model_level_number", "units": "1", "positive": "down", "axis": "Z",
                                 "long_name": f"number of {LAYER_NAMES[layer]} from the top"}
            continue
        # CF wants a coordinate variable named as its dimension, so the layer axis of the file is its depth.
        made = made.rename({layer: depth}).assign_coords({depth: dataset[depth].to_numpy().astype("float64")})
        made[depth].attrs = {"standard_name": "depth", "long_name": f"depth of the middle of {LAYER_NAMES[layer]}",
                             "units": "m", "positive": "down", "axis": "Z"}
        if bounds in dataset.variables:
            made[bounds] = ((depth, "bnds"), dataset[bounds].to_numpy().astype("float64"))
            made[depth].attrs["bounds"] = bounds
    return made


def _with_station(made: xr.Dataset, attrs: dict[str, object]) -> xr.Dataset:
    """Latitude, longitude, elevation and station as scalar coordinates, where the attributes tell them."""
    described = {
        "latitude": {"standard_name": "latitude", "long_name": "latitude of the tower", "units": "degrees_north"},
        "longitude": {"standard_name": "longitude", "long_name": "longitude of the tower", "units": "degrees_east"},
        "elevation": {"standard_name": "surface_altitude", "long_name": "elevation of the ground", "units": "m"},
    }
    for name, attributes in described.items():
        if name in attrs and np.isfinite(float(str(attrs[name]))):
            made = made.assign_coords({name: ((), float(str(attrs[name])), attributes)})
    if attrs.get("site_id") and {"latitude", "longitude"} <= set(made.coords):
        station = np.bytes_(str(attrs["site_id"]).encode("ascii", "replace"))
        made = made.assign_coords(station_id=((), station, {"long_name": "station", "cf_role": "timeseries_id"}))
    return made


def _encoding(made: xr.Dataset, precision: str) -> dict[str, dict[str, object]]:
    """Compression, precision and fill values; coordinates and bounds stay whole float64."""
    year = made["time"].dt.year.to_numpy()[0]
    encoding: dict[str, dict[str, object]] = {}
    for key, values in made.variables.items():
        name = str(key)
        if name in made.coords or name in _bounds(made):
            encoding[name] = {"_FillValue": None}
            if values.dtype.kind == "M":
                encoding[name] |= {"units": f"seconds since {year:04d}-01-01", "dtype": "float64",
                                   "calendar": "standard"}
            if name in _bounds(made):
                values.encoding["coordinates"] = None
            continue
        encoding[name] = {"zlib": True, "complevel": 4, "shuffle": True}
        if values.dtype.kind == "f":
            encoding[name] |= {"dtype": precision, "_FillValue": np.dtype(precision).type(FILL)}
        elif values.dtype.kind == "b":
            encoding[name] |= {"dtype": "int8"}
        elif values.dtype == np.int64:
            encoding[name] |= {"dtype": "int32"}
    return encoding
