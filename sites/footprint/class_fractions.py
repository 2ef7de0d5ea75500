"""What share of its flux every half hour had from each land-cover class.

    phi_tk = sum over the cells i of class k of f_t(i) dA,    phi_t0 = 1 - sum_k phi_tk     (footprint.md 6)

The remainder phi_t0 is flux from beyond the raster and from cells without a class. Footprints stream against the raster
and are not stored. Values agree with the climatology of the same rows, grid and sampling to rounding:
sum_t w_t phi_tk / sum_t w_t is the sum of the climatology over the cells of class k times the area of a cell.

    phi = class_fractions(rows, cover, grid, {1: "ENF", 4: "DBF", 10: "GRA"})
    phi.fractions[t], phi.remainder[t], phi.captured_mass[t], phi.dropped
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.streaming import Rows, Sampling, class_totals, usable_rows

Floats = NDArray[np.float64]
MOST_CLASSES = 254


@dataclass(frozen=True, eq=False)
class ClassFractions:
    """Shares of flux by class for every half hour, NaN in rows without a footprint.

    `classes` the codes in the raster and `names` what they mean, in the order of the columns; `fractions` phi (rows,
    classes) and `remainder` phi_0 (rows,), fractions of unit mass (-): FFP has a total mass of 1.0015691, so that a
    remainder may be as low as -0.0016; `captured_mass` (rows,): mass on all cells of the raster, with a class or without (-);
    `dropped` {reason: rows}.
    """

    classes: tuple[int, ...]
    names: tuple[str, ...]
    fractions: Floats
    remainder: Floats
    captured_mass: Floats
    dropped: Mapping[str, int]
    model: str

    def mean(self, weights: ArrayLike | None = None) -> tuple[Floats, float]:
        """Weighted mean of the fractions (classes,) and of the remainder over the rows that have them and a weight."""
        chosen = np.ones(len(self.remainder)) if weights is None else np.asarray(weights, float)
        good = np.isfinite(self.remainder) & np.isfinite(chosen)
        weight = chosen[good]
        if not weight.sum() > 0.0 or (weight < 0.0).any():
            raise ValueError("a mean of class fractions needs weights of at least 0, one of them above 0, on valid rows")
        return weight @ self.fractions[good] / weight.sum(), float(weight @ self.remainder[good] / weight.sum())

    def to_dataset(self, time: ArrayLike | None = None) -> Any:
        """xarray Dataset: phi on time (or row), class, with units."""
        import xarray

        along = "row" if time is None else "time"
        coordinates: dict[str, Any] = {"class": list(self.names), "class_code": ("class", list(self.classes))}
        if time is not None:
            coordinates["time"] = np.asarray(time)
        attributes = {"model": self.model, "rows_dropped": "; ".join(f"{name}: {n}" for name, n in self.dropped.items())}
        if self.model.startswith("safe_f"):
            attributes["comment"] = "the match of this solution to the published SAFE-f is unverified"
        return xarray.Dataset(
            {"class_fraction": ((along, "class"), self.fractions, {"long_name": "share of flux from a class", "units": "1"}),
             "remainder": ((along,), self.remainder, {"long_name": "share of flux from no known class", "units": "1"}),
             "captured_mass": ((along,), self.captured_mass, {"long_name": "mass of the footprint on the raster",
                                                              "units": "1"})},
            coords=coordinates, attrs=attributes)


def class_fractions(rows: Rows, class_raster: ArrayLike, grid: Grid, classes: "Mapping[int, str] | Sequence[int] | None" = None,
                    *, nodata: "int | Sequence[int] | None" = None, mode: str = "fast", tolerance: float = 1e-12,
                    cells: str = "point", threads: int | None = None) -> ClassFractions:
    """Fraction of every row's flux from each class of a raster.

    class_raster (lines, columns): whole numbers on the cells of `grid` (which says in which direction lines run); classes:
    legend {code: name}, a list of codes, or None for all codes in the raster. Cells that are `nodata`, NaN or masked have no
    class and count in the remainder; a code that is neither in the legend nor nodata is an error that names it, as is a
    raster of another shape. mode, tolerance, cells and threads as in `climatology`; a fraction is low by less than
    tolerance times the row's largest density times the area of the class.
    """
    legend = _legend(class_raster, classes, nodata)
    raster = grid.checked(class_raster, "the class raster")
    index = _indices(raster, tuple(legend), nodata)
    usable, dropped = usable_rows(rows, None)
    number = len(legend)
    totals = class_totals(rows.select(usable), grid, index, number + 1, Sampling(mode, tolerance, cells, threads))
    fractions = np.full((len(rows), number), np.nan)
    captured, remainder = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    fractions[usable] = totals[:, :number]
    captured[usable] = totals.sum(axis=1)
    remainder[usable] = 1.0 - totals[:, :number].sum(axis=1)
    return ClassFractions(tuple(legend), tuple(legend.values()), fractions, remainder, captured, dropped, rows.model)


def _nodata(nodata: "int | Sequence[int] | None") -> list[int]:
    return [] if nodata is None else [int(one) for one in np.atleast_1d(np.asarray(nodata)).tolist()]


def _codes(raster: NDArray[Any]) -> NDArray[np.int64]:
    """Distinct codes of a raster, without NaN and masked cells."""
    values = np.ma.compressed(raster)
    values = values[np.isfinite(values)]
    found = np.unique(values)
    broken = found[found != np.round(found)]
    if broken.size:
        raise ValueError(f"the class raster must hold whole numbers, but has {broken[0]:g}: is it a class raster?")
    return found.astype(np.int64)


def _legend(class_raster: ArrayLike, classes: "Mapping[int, str] | Sequence[int] | None",
            nodata: "int | Sequence[int] | None") -> dict[int, str]:
    missing = _nodata(nodata)
    codes = _codes(np.ma.asanyarray(class_raster))
    if classes is None:
        legend = {int(code): str(code) for code in codes if int(code) not in missing}
    elif isinstance(classes, Mapping):
        legend = {int(code): str(name) for code, name in classes.items()}
    else:
        legend = {int(code): str(code) for code in classes}
    unknown = [int(code) for code in codes if int(code) not in legend and int(code) not in missing]
    if unknown:
        known = ", ".join(f"{code} {name}" for code, name in legend.items())
        raise ValueError(f"the class raster has codes {', '.join(map(str, unknown))} that are not in the legend ({known}): add "
                         "them to `classes` or to `nodata`")
    if not 0 < len(legend) <= MOST_CLASSES:
        raise ValueError(f"class fractions take 1 to {MOST_CLASSES} classes, not {len(legend)}")
    return {code: name for code, name in legend.items() if code not in missing}


def _indices(raster: NDArray[Any], codes: tuple[int, ...], nodata: "int | Sequence[int] | None") -> NDArray[np.uint8]:
    """Column of every cell's class, len(codes) for cells without one."""
    index = np.full(raster.shape, len(codes), np.uint8)
    for k, code in enumerate(codes):
        index[np.ma.filled(raster == code, False)] = k
    for code in _nodata(nodata):
        index[np.ma.filled(raster == code, False)] = len(codes)
    return index
