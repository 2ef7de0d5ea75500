"""State files: everything a column needs to go on exactly where it stopped, as one netCDF file.

What a file holds is what the variable table calls a state, so nothing is listed by hand. Numbers are stored as they are
(float64, uncompressed by loss), so that a run cut in two gives the same bits as an uninterrupted one.
"""

import os
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.weave import Table

FORMAT = "terraflux restart 1"


def write_restart(path: str | os.PathLike[str], table: Table, state: NDArray[np.float64], time: np.datetime64) -> Path:
    """Writes `state` [row, column], valid at `time`, to a netCDF file that replaces an older one only when complete."""
    target = Path(path)
    variables = {}
    row = 0
    for variable in table.of_kind("state"):
        count = table.layers_of(variable)
        block = state[row : row + count]
        row += count
        dims = (variable.dimension, "column") if variable.dimension else ("column",)
        variables[variable.name] = (dims, block if variable.dimension else block[0],
                                    {"units": variable.unit, "long_name": variable.long_name})
    layers = {f"layers_{name}": count for name, count in table.layers.items()}
    dataset = xr.Dataset(variables, attrs={"format": FORMAT, "valid_at": str(time), **layers})
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        dataset.to_netcdf(draft, engine="netcdf4", encoding={name: {"_FillValue": None} for name in variables})
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def read_restart(path: str | os.PathLike[str], table: Table) -> tuple[NDArray[np.float64], np.datetime64]:
    """State [row, column] in the order of the table, and the time it is valid at.

    Raises ForcingError for a file that is no restart, lacks a state, has other layers or holds values out of bounds.
    """
    source = Path(path)
    try:
        with xr.open_dataset(source, engine="netcdf4") as dataset:
            dataset.load()
    except (OSError, ValueError) as trouble:
        raise ForcingError(f"the restart cannot be read: {trouble}", file=source,
                           remedy="give a file that terraflux wrote with --restart-out") from trouble
    if dataset.attrs.get("format") != FORMAT:
        raise ForcingError("the file is no terraflux restart", file=source, remedy="give a file written by this version")
    parts = []
    for variable in table.of_kind("state"):
        if variable.name not in dataset:
            raise ForcingError("the restart lacks a state of this column", file=source, variable=variable.name,
                               remedy="run with the options the restart was written with")
        values = np.atleast_2d(dataset[variable.name].values).astype(float)
        if values.shape[0] != table.layers_of(variable):
            raise ForcingError(f"the restart has {values.shape[0]} layers, this column {table.layers_of(variable)}",
                               file=source, variable=variable.name, remedy="use the same layers")
        low, high = variable.bounds or (-np.inf, np.inf)
        if not ((values >= low) & (values <= high)).all():
            span = f"{np.nanmin(values):g} to {np.nanmax(values):g}"
            raise ForcingError(f"values ({span}, or NaN) lie outside {low:g}..{high:g}", file=source, variable=variable.name, unit=variable.unit, remedy="write the restart again")
        parts.append(values)
    return np.ascontiguousarray(np.concatenate(parts)), np.datetime64(dataset.attrs["valid_at"])
