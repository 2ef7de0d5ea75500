"""State files: everything a column needs to go on exactly where it stopped, as one netCDF file.

What a file holds is what the variable table calls a state, so nothing is listed by hand. Numbers are stored as they are
(float64, not packed), so that a run cut in two gives the same bits as an uninterrupted one.
"""

import os
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import open_netcdf
from terraflux.model.weave import Table, Variable

FORMAT = "terraflux restart 1"


def write_restart(path: str | os.PathLike[str], table: Table, state: NDArray[np.float64], time: np.datetime64) -> Path:
    """Writes `state` [row, column], valid at `time`, to a netCDF file that replaces an older one only when complete.

    Raises ValueError for a state whose rows are not those of the table, and ForcingError for a folder that is not there.
    """
    target = Path(path)
    expected = len(table.rows_of("state"))
    if state.ndim != 2 or state.shape[0] != expected:
        raise ValueError(f"state has the shape {state.shape}; expected ({expected}, columns)")
    if not target.parent.is_dir():
        raise ForcingError("the folder of the restart does not exist", file=target, remedy="make the folder first")
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

    Raises ForcingError for a file that is damaged or no restart, lacks a state or its time, has other layers or holds
    values out of bounds.
    """
    source = Path(path)
    with open_netcdf(source) as dataset:
        if dataset.attrs.get("format") != FORMAT:
            raise ForcingError("the file is no terraflux restart", file=source,
                               remedy="give a file written by this version")
        parts = [_values(dataset, variable, table.layers_of(variable), source) for variable in table.of_kind("state")]
        time = _valid_at(dataset, source)
    columns = {part.shape[1] for part in parts}
    if len(columns) > 1:
        raise ForcingError(f"the states of the restart have different numbers of columns {sorted(columns)}", file=source,
                           remedy="write the restart again")
    return np.ascontiguousarray(np.concatenate(parts)), time


def _values(dataset: xr.Dataset, variable: Variable, layers: int, source: Path) -> NDArray[np.float64]:
    if variable.name not in dataset:
        raise ForcingError("the restart lacks a state of this column", file=source, variable=variable.name,
                           remedy="run with the options the restart was written with")
    try:
        values = np.atleast_2d(dataset[variable.name].values).astype(float)
    except (OSError, RuntimeError, TypeError, ValueError) as trouble:
        raise ForcingError(f"the values cannot be read: {trouble}", file=source, variable=variable.name,
                           remedy="write the restart again") from trouble
    if values.ndim != 2 or values.shape[0] != layers:
        raise ForcingError(f"the restart has {values.shape[0]} layers, this column {layers}", file=source,
                           variable=variable.name, remedy="use the same layers")
    low, high = variable.bounds or (-np.inf, np.inf)
    wrong = values[~((values >= low) & (values <= high))]
    if wrong.size:
        raise ForcingError(f"the value {wrong[0]:g} lies outside {low:g}..{high:g}", file=source, variable=variable.name,
                           unit=variable.unit, remedy="write the restart again")
    return values


def _valid_at(dataset: xr.Dataset, source: Path) -> np.datetime64:
    stated = dataset.attrs.get("valid_at", "")
    try:
        time = np.datetime64(str(stated))
    except ValueError:
        time = np.datetime64("NaT")
    if np.isnat(time):
        raise ForcingError(f"the restart does not say when it is valid (valid_at is {stated!r})", file=source,
                           remedy="write the restart again")
    return time
