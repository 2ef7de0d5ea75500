"""`observations.nc`: the observations of a tower on disk."""

import os
from pathlib import Path

import numpy as np
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import existing
from terraflux.drivers.safe_write import replacing
from terraflux.sites.observations import check_observations

MAXIMUM_BYTES = 4_000_000_000


def write_observations(made: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write observations as compressed netCDF4, whole or not at all, in float64, and return the path.

    Raises ValueError for a dataset that does not follow the schema, OSError where the folder cannot be written.
    """
    check_observations(made)
    encoding: dict[str, dict[str, object]] = {}
    for name in made.variables:
        if np.issubdtype(made[name].dtype, np.floating):
            encoding[str(name)] = {"zlib": True, "complevel": 4, "_FillValue": np.nan}
        elif np.issubdtype(made[name].dtype, np.datetime64):
            encoding[str(name)] = {"units": "seconds since 1970-01-01 00:00:00", "calendar": "standard", "dtype": "float64",
                                   "_FillValue": None}
    with replacing(path) as temporary:
        made.to_netcdf(temporary, format="NETCDF4", engine="netcdf4", encoding=encoding)
    return Path(path)


def read_observations(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read and check observations. Raises ForcingError naming the file for one that cannot be read or breaks the schema."""
    found = existing(path, MAXIMUM_BYTES)
    try:
        with xr.open_dataset(found, engine="netcdf4") as opened:
            return check_observations(opened.load())
    except (OSError, ValueError, KeyError) as error:
        raise ForcingError(f"the observations cannot be read: {error}", file=found,
                           remedy="write the file anew with write_observations of this version") from error
