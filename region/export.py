"""Months of a run as the files other tools read: CF netCDF on the grid, one variable each, with CMIP names and ILAMB units.

    gpp_Lmon_terraflux_197901-201212.nc   ...   areacella.nc   sftlf.nc
"""

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import nearest
from terraflux.drivers.safe_write import replacing
from terraflux.region.errors import RegionError
from terraflux.region.ilamb_names import EXPORTED, ExportedVariable
from terraflux.region.output_store import TIME_UNIT
from terraflux.region.results import RegionResults, open_results

FILL = np.float32(1e20)
AT_ONCE = 12  # months held on the grid
MODEL = "terraflux"
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def exportable(results: RegionResults, kind: str = "monthly") -> list[ExportedVariable]:
    """What can be exported: all parts of it were kept."""
    kept = results.variables(kind) if kind in results.groups else []
    return [one for one in EXPORTED if all(part in kept for part in one.parts)]


def export_region(folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *,
                  variables: Sequence[str] = (), model: str = MODEL, member: int | None = None,
                  progress: Callable[[int, int, str], None] | None = None) -> list[Path]:
    """Write `variables` (CMIP names; default: all that can be made) and areacella, sftlf; returns the files.

    Months come from monthly output, carbon pools from annual output where they were kept yearly. Of an ensemble the mean is
    written, or one `member`. Every file appears whole or not at all. Raises RegionError for a run that is not complete, a
    name that is not known, or cells that lie on no regular grid.
    """
    results = open_results(folder)
    if not results.complete:
        raise RegionError("the run is not finished", file=folder, remedy="run terraflux region run until it is")
    target = Path(out) if out is not None else Path(folder) / "export"
    known = {one.name: ("annual", one) for one in exportable(results, "annual")}
    known |= {one.name: ("monthly", one) for one in exportable(results, "monthly")}
    for name in variables:
        if name not in known:
            raise RegionError(f"{name!r} cannot be exported from this run", file=folder, variable=name,
                              remedy=nearest(name, known))
    chosen = [known[name] for name in (variables or known)]
    grid = _Grid(results)
    files = [_fixed(target, grid, results, "areacella", "m2", "cell_area", "area of the grid cell", grid.area),
             _fixed(target, grid, results, "sftlf", "%", "land_area_fraction", "land share of the cell", 100.0 * grid.land)]
    for number, (kind, one) in enumerate(chosen):
        if progress is not None:
            progress(number, len(chosen), one.name)
        files.append(_series(target, grid, results, kind, one, model, member))
    return files


class _Grid:
    """The regular grid of the cells, rows from south to north, with a ring of empty cells around it.

    Tools that carry maps to other grids by the nearest cell, ILAMB among them, would else spread the outermost cells over all
    that lies beyond.
    """

    def __init__(self, results: RegionResults) -> None:
        latitude, longitude = results.static("latitude"), results.static("longitude")
        self.latitude, self.row = np.unique(np.round(latitude, 9), return_inverse=True)
        self.longitude, self.column = np.unique(np.round(longitude, 9), return_inverse=True)
        self.latitude, self.row = _filled(self.latitude, self.row, results, "latitude")
        self.longitude, self.column = _filled(self.longitude, self.column, results, "longitude")
        self.latitude_bounds = np.clip(_bounds(self.latitude, self.longitude), -90.0, 90.0)
        self.longitude_bounds = _bounds(self.longitude, self.latitude)
        self._add_ring()
        self.area = self.on_grid(results.static("area"))
        self.land = np.nan_to_num(self.on_grid(results.static("land_fraction")))
        if np.isnan(self.area).any():  # water within the grid: as wide and high as its row
            self.area = np.where(np.isnan(self.area), _area_of(self), self.area)

    def _add_ring(self) -> None:
        self.latitude_bounds, south = _ringed(self.latitude_bounds, -90.0, 90.0)
        # Around the whole globe there is nothing beyond the first and the last column.
        width = np.ptp(self.longitude_bounds)
        free = 0.5 * (360.0 - width)
        self.longitude_bounds, west = _ringed(self.longitude_bounds, self.longitude_bounds[0, 0] - free,
                                              self.longitude_bounds[-1, 1] + free)
        self.latitude, self.longitude = self.latitude_bounds.mean(axis=1), self.longitude_bounds.mean(axis=1)
        self.row, self.column = self.row + south, self.column + west

    def on_grid(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Values [..., cell] on the grid [..., lat, lon], NaN elsewhere."""
        made = np.full((*values.shape[:-1], self.latitude.size, self.longitude.size), np.nan)
        made[..., self.row, self.column] = values
        return made


def _filled(centres: NDArray[np.float64], place: NDArray[np.int64], results: RegionResults, name: str
            ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres of a regular axis without gaps, and the place of every cell on it."""
    if centres.size < 2:
        return centres, place
    step = float(np.diff(centres).min())
    number = (centres - centres[0]) / step
    if np.abs(number - np.round(number)).max() > 1e-3 or number[-1] > 100_000:
        raise RegionError("the cells lie on no regular grid of latitudes and longitudes", file=results.folder, variable=name,
                          unit="degrees", remedy="build the forcing on a regular target grid")
    whole = np.round(number).astype(np.int64)
    return centres[0] + step * np.arange(whole[-1] + 1), whole[place]


def _bounds(centres: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    half = 0.5 * (centres[1] - centres[0] if centres.size > 1 else other[1] - other[0] if other.size > 1 else 0.5)
    return np.stack([centres - half, centres + half], axis=1)


def _ringed(bounds: NDArray[np.float64], least: float, most: float) -> tuple[NDArray[np.float64], int]:
    """Bounds with a cell more at either end that lies within the limits, and how many came before."""
    width, slack = bounds[0, 1] - bounds[0, 0], 1e-9
    before = bounds[0, 0] - width >= least - slack
    after = bounds[-1, 1] + width <= most + slack
    parts = [*([bounds[:1] - width] if before else []), bounds, *([bounds[-1:] + width] if after else [])]
    return np.concatenate(parts), int(before)


def _area_of(grid: _Grid) -> NDArray[np.float64]:
    from terraflux.drivers.grid.cell_area import strip_area

    south, north = grid.latitude_bounds.T
    west, east = grid.longitude_bounds.T
    return np.asarray(strip_area(south[:, None], north[:, None], (east - west)[None, :]))


def _begin(path: Path, grid: _Grid, results: RegionResults, title: str, *, measured: bool = False) -> Any:
    """A file with the grid; `measured` = it is the file of areas itself."""
    from netCDF4 import Dataset

    file = Dataset(path, "w", format="NETCDF4_CLASSIC")
    facts = results.facts
    synthetic = bool(facts["forcing"]["synthetic"])
    file.setncatts({
        "Conventions": "CF-1.8", "title": title + (" (SYNTHETIC weather, not a real place)" if synthetic else ""),
        "institution": "not stated", "source": "terraflux land-surface model, regional run",
        "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} terraflux region export", "references": "docs/region/running.md",
        "comment": f"forcing: {facts['forcing']['place']}; run {facts['identity']}", "synthetic": np.int32(synthetic)}
        | ({} if measured else {"external_variables": "areacella"}))
    file.createDimension("lat", grid.latitude.size)
    file.createDimension("lon", grid.longitude.size)
    file.createDimension("bnds", 2)
    for name, long_name, unit, axis, centres, bounds in (
            ("lat", "latitude", "degrees_north", "Y", grid.latitude, grid.latitude_bounds),
            ("lon", "longitude", "degrees_east", "X", grid.longitude, grid.longitude_bounds)):
        variable = file.createVariable(name, "f8", (name,))
        variable.setncatts({"units": unit, "standard_name": long_name, "long_name": f"{long_name} of the cell centre",
                            "axis": axis, "bounds": f"{name}_bnds"})
        variable[:] = centres
        file.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = bounds
    return file


def _fixed(target: Path, grid: _Grid, results: RegionResults, name: str, unit: str, standard_name: str, long_name: str,
           values: NDArray[np.float64]) -> Path:
    path = target / f"{name}.nc"
    with replacing(path) as draft:
        with _begin(draft, grid, results, f"terraflux: {long_name}", measured=unit == "m2") as file:
            variable = file.createVariable(name, "f8", ("lat", "lon"))
            # Totals are made of these two, so they keep all digits.
            variable.setncatts({"units": unit, "standard_name": standard_name, "long_name": long_name}
                               | ({"cell_methods": "area: sum"} if unit == "m2" else
                                  {"cell_methods": "area: mean", "cell_measures": "area: areacella"}))
            variable[:] = values
        _on_disk(draft)
    return path


def _series(target: Path, grid: _Grid, results: RegionResults, kind: str, one: ExportedVariable, model: str,
            member: int | None) -> Path:
    """A variable over time, a year at a time."""
    edges = results.edges(kind)
    days = (edges - np.datetime64("1850-01-01")).astype(float)
    first, last = (str(edges[place].astype("datetime64[M]") if place == 0 else (edges[-1] - 1).astype("datetime64[M]"))
                   .replace("-", "") for place in (0, -1))
    table = "Lmon" if kind == "monthly" else "Lyr"
    path = target / f"{one.name}_{table}_{model}_{first}-{last}.nc"
    with replacing(path) as draft:
        with _begin(draft, grid, results, f"{model}: {one.long_name}") as file:
            file.createDimension("time", None)
            time = file.createVariable("time", "f8", ("time",))
            time.setncatts({"units": TIME_UNIT, "calendar": "standard", "standard_name": "time", "axis": "T",
                            "long_name": "middle of the period", "bounds": "time_bnds"})
            bounds = file.createVariable("time_bnds", "f8", ("time", "bnds"))
            variable = file.createVariable(one.name, "f4", ("time", "lat", "lon"), fill_value=FILL, zlib=True, complevel=1,
                                           shuffle=True, chunksizes=(1, grid.latitude.size, grid.longitude.size))
            variable.setncatts({"units": one.unit, "long_name": one.long_name, "missing_value": FILL,
                                "cell_methods": "time: mean area: mean where land", "cell_measures": "area: areacella",
                                "comment": "sum of " + ", ".join(one.parts)}
                               | ({"standard_name": one.standard_name} if one.standard_name else {}))
            for begin in range(0, len(days) - 1, AT_ONCE):
                after = min(begin + AT_ONCE, len(days) - 1)
                total = np.zeros((after - begin, results.static("area").size))
                for part in one.parts:
                    values = results.values(kind, part, begin, after).astype(float)
                    total += values.mean(axis=1) if member is None else values[:, member]
                made = grid.on_grid(total * one.factor + one.offset)
                time[begin:after] = 0.5 * (days[begin:after] + days[begin + 1:after + 1])
                bounds[begin:after] = np.stack([days[begin:after], days[begin + 1:after + 1]], axis=1)
                variable[begin:after] = np.where(np.isnan(made), FILL, made).astype(np.float32)
        _on_disk(draft)
    return path


def _on_disk(path: Path) -> None:
    """Bring a closed file onto the disk before it takes its name."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
