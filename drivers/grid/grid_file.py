"""A netCDF file or a Zarr folder as named variables, read piece by piece after their declared sizes passed a budget."""

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.grid.packed_values import decoded
from terraflux.drivers.safe_files import MAXIMUM_ATTRIBUTES

MAXIMUM_FILE_BYTES = 2_000_000_000_000
MAXIMUM_CHUNK_BYTES = 1_000_000_000  # of one compressed piece, which is unpacked whole
LARGEST_PACKING = 2000  # declared bytes per byte on disk; deflate reaches 1032
SMALL_FILE_BYTES = 50_000_000  # below this a file may declare anything that fits in memory
MAXIMUM_PIECE_BYTES = 2_000_000_000  # of one read
Reader = Callable[[tuple[slice | int, ...]], NDArray[Any]]


@dataclass(frozen=True)
class GridVariable:
    """One variable of a file: its dimensions, attributes, and a reader of stored numbers."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]
    file: str
    raw: Reader = field(repr=False)
    chunk: tuple[int, ...] = ()

    def read(self, window: Mapping[str, slice | int] | None = None) -> NDArray[np.float64]:
        """Physical values of a window {dimension: slice or index}, float64, NaN where missing.

        Raises ForcingError for a window over the memory budget, or a part of the file that cannot be read.
        """
        chosen = tuple((window or {}).get(dim, slice(None)) for dim in self.dims)
        sizes = [1 if isinstance(part, int) else len(range(*part.indices(size))) for part, size in zip(chosen, self.shape)]
        wanted = 8 * int(np.prod(np.array(sizes, dtype=np.float64))) if sizes else 8
        if wanted > MAXIMUM_PIECE_BYTES:
            raise ForcingError(f"reading {sizes} values at once needs {wanted:.3g} bytes, more than the limit of "
                               f"{MAXIMUM_PIECE_BYTES}", file=self.file, variable=self.name,
                               remedy="cut the file to the region and years you need")
        try:
            stored = np.asarray(self.raw(chosen))
        except (OSError, RuntimeError, ValueError, IndexError) as trouble:
            raise ForcingError(f"the values cannot be read: {trouble}", file=self.file, variable=self.name,
                               remedy="the file is damaged; fetch it again") from trouble
        return decoded(stored, self.attributes, file=self.file, variable=self.name)

    @property
    def unit(self) -> str:
        """The attribute `units`, "" where there is none."""
        return str(self.attributes.get("units", "")).strip()


@dataclass
class GridFile:
    """An open file: variables by name, global attributes. Closed by `close` or as a context manager."""

    path: Path
    variables: dict[str, GridVariable]
    attributes: Mapping[str, Any]
    _close: Callable[[], None] = field(repr=False, default=lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._close()
        self._close = lambda: None

    def variable(self, name: str) -> GridVariable:
        """A variable by name; an absent one is refused with the nearest name."""
        if name not in self.variables:
            raise ForcingError(f"there is no variable {name!r}", file=self.path, variable=name,
                               remedy=nearest(name, self.variables))
        return self.variables[name]


def open_grid_file(path: str | os.PathLike[str]) -> GridFile:
    """Open a netCDF file or a Zarr folder (version 2 or 3). Values are not read yet.

    Raises ForcingError for what is absent, empty, damaged, GRIB, or declares more than its size can hold.
    """
    found = Path(path)
    if found.is_dir():
        opened = _open_zarr(found)
    else:
        opened = _open_netcdf(found)
    try:
        _check_declared(opened)
    except ForcingError:
        opened.close()
        raise
    return opened


def _open_netcdf(path: Path) -> GridFile:
    import netCDF4

    if not path.is_file():
        problem = "this is not a regular file" if path.exists() else "the file does not exist"
        raise ForcingError(problem, file=path, remedy="check the path and the data folder")
    if path.stat().st_size == 0:
        raise ForcingError("the file is empty", file=path, remedy="fetch it again")
    with open(path, "rb") as stream:
        begin = stream.read(8)
    if begin[:4] == b"GRIB":
        raise ForcingError("this is a GRIB file", file=path,
                           remedy="convert it to netCDF first, with grib_to_netcdf, cdo -f nc copy, or the data store's option")
    try:
        dataset = netCDF4.Dataset(path, "r")
        dataset.set_auto_maskandscale(False)
        dataset.set_auto_chartostring(False)
        variables = {name: GridVariable(name, tuple(one.dimensions), tuple(int(size) for size in one.shape),
                                        np.dtype(one.dtype) if one.dtype is not str else np.dtype(object),
                                        {key: one.getncattr(key) for key in one.ncattrs()}, str(path), one.__getitem__,
                                        _chunk(one.chunking()))
                     for name, one in dataset.variables.items()}
        attributes = {key: dataset.getncattr(key) for key in dataset.ncattrs()}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError, KeyError, UnicodeError) as trouble:
        raise ForcingError(f"the netCDF file cannot be opened: {trouble}", file=path,
                           remedy="the file is damaged or no netCDF; fetch it again") from trouble

    def close() -> None:
        dataset.close()
    return GridFile(path, variables, attributes, close)


def _chunk(given: Any) -> tuple[int, ...]:
    """Shape of the chunks of a netCDF variable; none where it is stored in one piece."""
    return tuple(int(size) for size in given) if isinstance(given, list | tuple) else ()


def _open_zarr(path: Path) -> GridFile:
    import zarr

    try:
        group = zarr.open_group(str(path), mode="r")
        variables = {}
        for name, array in group.arrays():
            facts = dict(array.attrs)
            dims: Any = getattr(array.metadata, "dimension_names", None) or facts.pop("_ARRAY_DIMENSIONS", None)
            if dims is None or len(dims) != array.ndim or not all(isinstance(dim, str) for dim in dims):
                continue
            fill: Any = array.fill_value
            read: Any = array.__getitem__
            if isinstance(facts.get("_FillValue"), str):
                facts["_FillValue"] = _fill_from_text(str(facts["_FillValue"]))
            if "_FillValue" not in facts and np.dtype(array.dtype).kind == "f" and fill is not None and fill != 0:
                facts["_FillValue"] = float(fill)
            variables[name] = GridVariable(name, tuple(dims), tuple(array.shape), np.dtype(array.dtype), facts, str(path), read,
                                           tuple(array.chunks))
        attributes = dict(group.attrs)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as trouble:
        raise ForcingError(f"the Zarr folder cannot be opened: {trouble}", file=path,
                           remedy="give the folder that holds zarr.json or .zgroup") from trouble
    return GridFile(path, variables, attributes)


def _fill_from_text(text: str) -> Any:
    """A fill value that xarray wrote into Zarr version 3 as base64 of a little-endian double; other texts stay."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return text
    return float(np.frombuffer(content, dtype="<f8")[0]) if len(content) == 8 else text


def _check_declared(opened: GridFile) -> None:
    """Refuse a file whose declared sizes it cannot hold, or with an absurd number of attributes."""
    itemsizes = {name: max(one.dtype.itemsize, 1) for name, one in opened.variables.items()}
    declared = sum(float(np.prod(np.array(one.shape, dtype=np.float64))) * itemsizes[name]
                   for name, one in opened.variables.items())
    on_disk = MAXIMUM_FILE_BYTES if opened.path.is_dir() else opened.path.stat().st_size
    allowed = min(max(SMALL_FILE_BYTES, on_disk * LARGEST_PACKING), MAXIMUM_FILE_BYTES)
    if declared > allowed:
        raise ForcingError(f"the file declares {declared:.3g} bytes of values but has {on_disk} bytes", file=opened.path,
                           remedy="the file is damaged or was never written to the end; fetch it again")
    for name, one in opened.variables.items():
        whole = float(np.prod(np.array(one.chunk, dtype=np.float64))) * itemsizes[name] if one.chunk else 0.0
        if whole > MAXIMUM_CHUNK_BYTES:
            raise ForcingError(f"a chunk unpacks to {whole:.3g} bytes, more than the limit of {MAXIMUM_CHUNK_BYTES}",
                               file=opened.path, variable=name, remedy="write the file anew with smaller chunks")
    attributes = len(opened.attributes) + sum(len(one.attributes) for one in opened.variables.values())
    if attributes > MAXIMUM_ATTRIBUTES or len(opened.variables) > MAXIMUM_ATTRIBUTES:
        raise ForcingError(f"the file has {len(opened.variables)} variables and {attributes} attributes, more than the limit "
                           f"of {MAXIMUM_ATTRIBUTES}", file=opened.path, remedy="keep the variables you need")
    if not opened.variables:
        raise ForcingError("the file holds no variables with named dimensions", file=opened.path, remedy="fetch it again")
