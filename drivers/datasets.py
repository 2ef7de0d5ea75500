"""Forcing and observations as labelled datasets: names, units and attributes of the variable table, CF time bounds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers import provenance
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.record import Record, Series
from terraflux.drivers.site import SiteDescription
from terraflux.drivers.time_axis import TimeAxis
from terraflux.drivers.units import canonical_unit
from terraflux.model.variables import FORCING, variable_table
from terraflux.model.weave.table import Table

FORCING_NAMES = tuple(variable.name for variable in FORCING)
# Observables that are not variables of the model have a name of their own.
EXTRA_LONG_NAMES = {
    "soil_temperature_observed": "soil temperature at the uppermost sensor",
    "soil_moisture_observed": "soil water content at the uppermost sensor",
    "gross_primary_production_daytime": "gross primary production, daytime partitioning",
    "ecosystem_respiration_daytime": "ecosystem respiration, daytime partitioning",
    "latent_heat_corrected": "latent heat corrected for energy closure",
    "sensible_heat_corrected": "sensible heat corrected for energy closure",
    "soil_respiration": "soil respiration",
}


def time_coordinates(axis: TimeAxis) -> dict[str, Any]:
    """Coordinate `time` (interval start, local standard time) and variable `time_bnds`."""
    start = axis.start.astype("datetime64[ns]")
    bounds = np.stack([start, start + np.timedelta64(axis.step_seconds, "s")], axis=1)
    attributes = {"standard_name": "time", "long_name": "start of the interval, local standard time",
                  "bounds": "time_bnds", "axis": "T"}
    encoding = {"units": f"seconds since {axis.start[0].astype('datetime64[s]').item():%Y-%m-%d %H:%M:%S}",
                "calendar": "standard", "dtype": "int64"}
    return {"time": ("time", start, attributes, encoding), "time_bnds": (("time", "bnds"), bounds, {}, encoding)}


def site_attributes(site: SiteDescription, axis: TimeAxis, record: Record) -> dict[str, Any]:
    """Attributes both datasets carry: where, when, from which files, and what was done to the values."""
    return {
        "site_id": site.site_id, "site_name": site.name, "latitude": site.latitude, "longitude": site.longitude,
        "elevation": site.elevation, "utc_offset_hours": site.utc_offset_hours,
        "time_step_seconds": axis.step_seconds, "time_zone": f"local standard time, UTC{site.utc_offset_hours:+g} h",
        "source_files": ", ".join(path.name for path in record.files), "history": "; ".join(record.history),
        "synthetic": int(site.synthetic),
    }


def _variable_attributes(name: str) -> dict[str, Any]:
    declared = variable_table().get(name)
    if declared is None:
        return {"units": canonical_unit(name), "long_name": EXTRA_LONG_NAMES.get(name, name.replace("_", " ")),
                "cell_methods": "time: mean"}
    attributes = {"units": declared.unit, "long_name": declared.long_name, "cell_methods": declared.cell_methods}
    if declared.standard_name:
        attributes["standard_name"] = declared.standard_name
    return attributes


def forcing_dataset(record: Record, site: SiteDescription, done: Mapping[str, Series]) -> xr.Dataset:
    """The forcing: every variable of kind forcing (float64) with `<name>_provenance` (int8), in table order."""
    coordinates = time_coordinates(record.axis)
    variables: dict[str, Any] = {"time_bnds": coordinates.pop("time_bnds")}
    for name in FORCING_NAMES:
        one = done[name]
        companion = f"{name}_provenance"
        attributes = _variable_attributes(name) | {"ancillary_variables": companion}
        variables[name] = ("time", np.ascontiguousarray(one.values, dtype=np.float64), attributes)
        variables[companion] = ("time", one.flags.astype(np.int8), provenance.attributes(name))
    dataset = xr.Dataset(variables, coordinates, site_attributes(site, record.axis, record))
    phenology = not done["prescribed_leaf_area_index"].values.any()
    dataset.attrs["leaf_area_option"] = "growing_season_water" if phenology else "prescribed"
    return dataset


def observations_dataset(record: Record, site: SiteDescription) -> xr.Dataset:
    """The observations: NaN where missing, with `<name>_quality` (int8, 0 measured, 1 and more filled)."""
    coordinates = time_coordinates(record.axis)
    variables: dict[str, Any] = {"time_bnds": coordinates.pop("time_bnds")}
    for name, one in record.observations.items():
        attributes = _variable_attributes(name) | {"ancillary_variables": f"{name}_quality"}
        if one.depth is not None:
            attributes["depth"] = one.depth
        variables[name] = ("time", np.ascontiguousarray(one.values, dtype=np.float64), attributes)
        variables[f"{name}_quality"] = ("time", one.flags.astype(np.int8),
                                        provenance.attributes(name) | {"long_name": f"quality of {name}"})
    return xr.Dataset(variables, coordinates, site_attributes(site, record.axis, record))


def forcing_array(forcing: xr.Dataset, table: Table) -> NDArray[np.float64]:
    """Forcing [time, row, 1] in the order of the table; terms of a season (time, season) take a row each.

    Raises ForcingError for a missing variable, a gap, or terms that the table has no rows for.
    """
    columns = []
    for variable in table.of_kind("forcing"):
        name, rows = variable.name, table.layers_of(variable)
        if name not in forcing:
            raise ForcingError("the forcing lacks a variable", variable=name, unit=variable.unit,
                               remedy="give the season whose terms it holds" if variable.dimension else
                               "open the tower with open_tower, which completes what is missing")
        values = forcing[name].values.astype(np.float64).reshape(forcing.sizes["time"], -1)
        if values.shape[1] != rows:
            raise ForcingError(f"the forcing has {values.shape[1]} rows, the model {rows}", variable=name, unit=variable.unit,
                               remedy=f"choose seasonal_terms = {values.shape[1]}")
        if not np.isfinite(values).all():
            gap = forcing["time"].values[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
            raise ForcingError("the forcing has a gap", variable=name, unit=variable.unit, time=gap,
                               remedy="complete it first")
        columns.append(values)
    return np.ascontiguousarray(np.concatenate(columns, axis=1)[:, :, None])
