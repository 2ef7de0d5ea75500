"""Reader of the half-hourly FLUXNET2015 subset in netCDF: temperature, humidity, light and carbon fluxes with flags.

The file names its clock (utc_offset_hours, interval start). Packed integers are unpacked to float64; flags are the codes
of half-hours, -1 missing.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import netcdf_values, open_netcdf
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import Column, TowerRecord, record_from, rows_taken

COLUMNS = {
    "air_temperature": ("degC", "TA", "TA_QC"), "vapour_pressure_deficit": ("hPa", "VPD", "VPD_QC"),
    "shortwave_down": ("W m-2", "SW_IN", "SW_IN_QC"), "net_ecosystem_exchange": ("umol m-2 s-1", "NEE", "NEE_QC"),
    "gross_primary_production": ("umol m-2 s-1", "GPP_NT", "NEE_QC"),
    "gross_primary_production_daytime": ("umol m-2 s-1", "GPP_DT", "NEE_QC"),
}
FACTS = {"site_id": "site_id", "name": "site_name", "igbp": "IGBP", "utc_offset_hours": "utc_offset_hours"}


def detect(names: set[str]) -> bool:
    """Whether a netCDF file with these variables is such a file."""
    return {"time", "TA", "NEE"} <= names and "Tair" not in names


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, variable and time for whatever does not fit."""
    with open_netcdf(path, options.maximum_bytes) as dataset:
        if "time" not in dataset.variables or not np.issubdtype(dataset["time"].dtype, np.datetime64):
            raise ForcingError("no variable time", file=path, variable="time", remedy="use a half-hourly subset file")
        starts = dataset["time"].to_numpy().astype("datetime64[s]")
        names = [str(name) for name in dataset.data_vars if dataset[name].dims == ("time",)]
        source = pd.DataFrame({name: netcdf_values(dataset, name, path) for name in names})
        units = {name: str(dataset[name].attrs.get("units", "")) for name in names}
        found = {fact: dataset.attrs[name] for fact, name in FACTS.items() if name in dataset.attrs}
        for fact in ("latitude", "longitude"):
            if fact in dataset.variables:
                found[fact] = float(dataset[fact].to_numpy())
    axis, rows, notes = options.axis(starts, path, None)
    columns = [Column(variable, name, options.unit_of(variable, name, units[name] or unit),
                      flag if flag in names else "", "fluxnet_code")
               for variable, (unit, name, flag) in COLUMNS.items() if name in names]
    options.check_units_used(names, [one.variable for one in columns], path)
    if "utc_offset_hours" in found:
        found["utc_offset_hours"] = float(found["utc_offset_hours"])
    step = axis.step_seconds
    return record_from(rows_taken(source, rows), axis.start, axis.start + step, format="subset",
                       resolution="HR" if step == 3600 else "HH", step_seconds=step, columns=columns,
                       facts=options.site_facts(found), files=[Path(path).name], history=notes)
