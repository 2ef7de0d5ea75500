"""A regional run as a product to compare: its months on the grid, with the land share and area of its cells."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.fields import Fields, fields_of
from terraflux.evaluation.comparison.flux_units import CANONICAL, rate
from terraflux.evaluation.comparison.quantities import quantity
from terraflux.region.ilamb_names import EXPORTED, ExportedVariable
from terraflux.region.plan import RUN
from terraflux.region.results import RegionResults, open_results

Box = tuple[float, float, float, float]


def run_folder(path: str | os.PathLike[str]) -> Path | None:
    """The folder of the regional run that a path names, itself or one of its Zarr groups; None for anything else."""
    place = Path(path)
    if place.suffix == ".zarr" and not (place / RUN).is_file():
        place = place.parent
    return place if (place / RUN).is_file() else None


def run_fields(folder: str | os.PathLike[str], variable: str, name: str, *, member: int | None = None, box: Box | None = None
               ) -> Fields:
    """A quantity of a finished regional run as monthly fields; the mean of an ensemble, or one `member`.

    Months that the run cuts are left out. Raises ForcingError for a run that is not finished, keeps no such variable, or
    lies on no regular grid.
    """
    wanted = quantity(variable)
    results = open_results(folder)
    if not results.complete:
        raise ForcingError("the run is not finished", file=folder, remedy="run the same terraflux region run again to go on")
    kept = results.variables("monthly") if "monthly" in results.groups else []
    one = next((one for one in EXPORTED if one.name in wanted.names and set(one.parts) <= set(kept)), None)
    if one is None:
        raise ForcingError(f"the run keeps no monthly {wanted.name}", file=folder, variable=wanted.name,
                           remedy=f"run with it in monthly of [output]; there are {', '.join(kept) or 'none'}")
    edges = results.edges("monthly")
    months = edges[:-1].astype("datetime64[M]")
    whole = (edges[:-1] == months.astype("datetime64[D]")) & (edges[1:] == (months + 1).astype("datetime64[D]"))
    inside = np.ones(results.static("latitude").size, bool)
    if box is not None:
        west, east, south, north = box
        inside = ((results.static("longitude") >= west) & (results.static("longitude") <= east)
                  & (results.static("latitude") >= south) & (results.static("latitude") <= north))
    if not (whole.any() and inside.any()):
        raise ForcingError("the run holds no whole month in the box", file=folder, remedy="widen the box, or run longer")
    values = _values(results, one, member)[whole] * _factor(one, wanted.kind)
    latitude, longitude, grid = placed_on_grid(results, values, inside=inside)
    land = placed_on_grid(results, results.static("land_fraction"), 0.0, inside)[2]
    return fields_of(name, wanted.name, grid.astype(np.float32), months[whole], latitude, longitude, land=land,
                     unit=CANONICAL.get(wanted.kind, one.unit), synthetic=bool(results.facts["forcing"]["synthetic"]),
                     source=f"terraflux regional run: {Path(folder).name}")


def placed_on_grid(results: RegionResults, values: NDArray[Any], empty: float = np.nan,
                   inside: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[Any]]:
    """Latitudes, longitudes and values [..., lat, lon] of values [..., cell] of a run, `empty` where it has no cell; only those
    of cells `inside`. Raises ForcingError where cells lie on no regular grid."""
    chosen = slice(None) if inside is None else inside
    latitude, row = _axis(results.static("latitude")[chosen], results)
    longitude, column = _axis(results.static("longitude")[chosen], results)
    made = np.full((*values.shape[:-1], latitude.size, longitude.size), empty, values.dtype)
    made[..., row, column] = values[..., chosen]
    return latitude, longitude, made


def _factor(one: ExportedVariable, kind: str) -> float:
    return one.factor * (rate(one.unit, kind).factor if kind in CANONICAL else 1.0)


def _values(results: RegionResults, one: ExportedVariable, member: int | None) -> NDArray[np.float64]:
    """Sum of the parts [month, cell]."""
    total = np.zeros(())
    for part in one.parts:
        values = results.values("monthly", part).astype(float)
        total = total + (values.mean(axis=1) if member is None else values[:, member])
    return total


def _axis(centres: NDArray[np.float64], results: RegionResults) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres of a regular axis without gaps, and the place of every cell on it."""
    known, place = np.unique(np.round(centres, 9), return_inverse=True)
    if known.size < 2:
        raise ForcingError("the cells of the run lie on one row or column", file=results.folder, unit="degrees",
                           remedy="run a region of two rows and columns at least")
    number = (known - known[0]) / np.diff(known).min()
    if np.abs(number - np.round(number)).max() > 1e-3:
        raise ForcingError("the cells of the run lie on no regular grid", file=results.folder, unit="degrees",
                           remedy="build the forcing on a regular target grid")
    whole = np.round(number).astype(np.int64)
    return known[0] + np.diff(known).min() * np.arange(whole[-1] + 1), whole[place]
