"""The own format of tower records: netCDF4 with CF-1.8 attributes; the group `source` keeps the table of the origin.

Variables and flags are float64, unpacked, so that every bit returns. Schema version 1:

- root: `time` (interval start, local standard time), `time_bnds`, one variable per observed quantity with `units`,
  `source_column`, `source_unit` and, where flagged, `<name>_quality` with `quality_sense`; attributes with resolution,
  clock, format of origin, history; facts of the site as attributes `site_...`.
- group `source`: one variable per column (`column_0001` ...), its name in the attribute `column`; numbers float64 with
  NaN for missing, text as strings.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import existing, open_netcdf
from terraflux.drivers.safe_write import replacing
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import TowerRecord

VERSION = 1
WRITTEN = "record written by terraflux"
TIME_UNITS = "seconds since 1900-01-01 00:00:00"


def detect(attributes: dict[str, Any]) -> bool:
    """Whether a netCDF file with these root attributes is a tower record."""
    return "tower_record_version" in attributes


def write(record: TowerRecord, path: str | Path) -> Path:
    """Write a record; the file appears whole or not at all. Returns the path."""
    data = record.data.copy()
    facts = {f"site_{name}": value for name, value in record.facts.items()}
    data.attrs = {"Conventions": "CF-1.8", "title": f"tower record {record.site_id}".strip(),
                  "tower_record_version": VERSION} | data.attrs | facts
    if not data.attrs.get("history"):
        data.attrs["history"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {WRITTEN}"
    encoding: dict[str, dict[str, Any]] = {
        str(name): {"zlib": True, "complevel": 4, "shuffle": True, "dtype": "float64", "_FillValue": np.nan}
        for name in data.data_vars if name != "time_bnds"}
    for name in ("time", "time_bnds"):
        encoding[name] = {"units": TIME_UNITS, "calendar": "standard", "dtype": "float64", "_FillValue": None}
        data[name].encoding = {}
    table = xr.Dataset()
    for number, column in enumerate(record.source.columns, 1):
        values = record.source[column].to_numpy()
        if values.dtype != np.float64:
            values = values.astype(object)
        table[f"column_{number:04d}"] = ("row", values, {"column": str(column)})
    packed = {name: {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": np.nan}
              for name in table.data_vars if table[name].dtype == np.float64}
    with replacing(path) as draft:
        data.to_netcdf(draft, mode="w", format="NETCDF4", engine="netcdf4", encoding=encoding)
        table.to_netcdf(draft, mode="a", group="source", format="NETCDF4", engine="netcdf4", encoding=packed)
    return Path(path)


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record as it was written. Raises ForcingError for a damaged file, or one of a later version."""
    with open_netcdf(path, options.maximum_bytes) as stored:
        version = stored.attrs.get("tower_record_version")
        if version is None or int(version) > VERSION:
            raise ForcingError(f"the tower record has version {version}; this program reads up to {VERSION}", file=path,
                               remedy="update terraflux" if version else "use a file that write_record has made")
        data = stored.load()
    source = _source(existing(path, options.maximum_bytes))
    if len(source.columns) and len(source) != data.sizes["time"]:
        raise ForcingError(f"the group source has {len(source)} rows, the record {data.sizes['time']}", file=path,
                           remedy="the file is damaged; write it again")
    facts: dict[str, Any] = {}
    for name in [name for name in data.attrs if name.startswith("site_") and name != "site_id"]:
        value = data.attrs.pop(name)
        facts[name.removeprefix("site_")] = value.item() if isinstance(value, np.generic) else value
    for name in ("Conventions", "title", "tower_record_version"):
        data.attrs.pop(name, None)
    if str(data.attrs.get("history", "")).endswith(WRITTEN):
        data.attrs["history"] = ""
    data.attrs = {name: value.item() if isinstance(value, np.generic) else value for name, value in data.attrs.items()}
    facts |= options.facts
    if options.site_id:
        facts["site_id"] = options.site_id
    data = data.reset_coords([name for name in ("time_bnds",) if name in data.coords])
    for name in data.variables:
        data[name].encoding = {}
        data[name].attrs.pop("_FillValue", None)
    return TowerRecord(data, source, facts)


def _source(path: Path) -> pd.DataFrame:
    """The table of the group `source`."""
    try:
        with xr.open_dataset(path, group="source", engine="netcdf4") as stored:
            table = stored.load()
    except (OSError, ValueError, KeyError) as trouble:
        raise ForcingError(f"the group source cannot be read: {trouble}", file=path,
                           remedy="the file is damaged; write it again") from trouble
    columns = {}
    for name in sorted(str(one) for one in table.data_vars):
        values = table[name].to_numpy()
        columns[str(table[name].attrs["column"])] = values if values.dtype == np.float64 else \
            np.array([str(value) for value in values], dtype=object)
    return pd.DataFrame(columns)
