"""All measures of one tower's representativeness in one report.

    report = assess({"year": year, "summer": summer}, {"NDVI": ndvi, "cover": cover}, code="CN-Cha", legend="modis_igbp",
                    target_class="MF", radii=(500, 1000, 1500), target_radius=1500)
    report.table()          # one row per period, raster, radius and measure

A measure that cannot be had (the grid captures too little, a scene is empty) leaves a note and never stops the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from terraflux.sites.land_cover import Legend
from terraflux.sites.land_cover import legend as known_legend
from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.anisotropy import anisotropy
from terraflux.sites.representativeness.dispersion_variance import DispersionOperator
from terraflux.sites.representativeness.footprint_shape import day_night_overlap, footprint_shape, season_overlap
from terraflux.sites.representativeness.frequency_distribution import distributions
from terraflux.sites.representativeness.geostatistical_attributes import CELL, geostatistical_attributes
from terraflux.sites.representativeness.land_cover_similarity import land_cover_similarity
from terraflux.sites.representativeness.location_bias import RADII, location_bias
from terraflux.sites.representativeness.report import PeriodAssessment, RepresentativenessReport, SurfaceAssessment
from terraflux.sites.representativeness.target_vegetation import SHARES, class_shares, target_vegetation
from terraflux.sites.representativeness.variogram import grid_variogram
from terraflux.sites.representativeness.variogram_models import fit_variogram
from terraflux.sites.representativeness.vegetation_index_regression import index_regression
from terraflux.sites.representativeness.weighted_value import checked_footprint, footprint_weighted_value
from terraflux.sites.representativeness.window_size import window_sizes

Scenes = Raster | Mapping[str, Raster]
Result = TypeVar("Result")


def assess(climatologies: Mapping[str, Any], rasters: Mapping[str, Scenes], *, code: str = "",
           legend: str | Legend | None = None, target_class: int | str | Iterable[int | str] | None = None,
           radii: Sequence[float] = RADII, target_radius: float | None = None, shape: str = "square",
           shares: Sequence[float] = SHARES, of: str = "unit",
           sensitivity: Mapping[str, float | Mapping[str, float]] | None = None, seasons: Sequence[str] = (),
           day_night: Sequence[tuple[str, str]] = (), model: str = "spherical",
           attributes_cell: float = CELL) -> RepresentativenessReport:
    """Report on a tower from its footprint climatologies and the rasters around it.

    `climatologies`: period name -> footprint in m-2, as an array (ny, nx) on the rasters' grid or a `Climatology` of the
    footprint package (norm "none"); the first is the reference period. `rasters`: name -> Raster, or period -> Raster where
    each period has its own scene; all on one grid. Rasters of kind "classes" are land cover, read with `legend`;
    `target_class` is a code, class name or plant type, or several (default: the class that holds most of the reference
    footprint).

    Biases are given for each of `radii` (m) and for `target_radius` (default: the largest one the rasters reach), with target
    areas of `shape` "square" (a model cell) or "circle". `shares` are those of the source areas, `of` "unit" or "captured"
    mass. `sensitivity` maps a raster's name to dF/dVI, one number or one per period. `seasons` names the periods whose
    overlap is O80 season, `day_night` the pairs for O80 day-night. `model` is fitted to each continuous raster's
    semivariogram and used for the dispersion variance.

    Raises RasterError where nothing can be assessed: no climatology, no raster, different grids.
    """
    if not climatologies or not rasters:
        raise RasterError("an assessment needs a footprint climatology and a raster", remedy="give at least one of each")
    grid = _one_grid(rasters)
    book = None if legend is None else known_legend(legend)
    notes: list[str] = []
    footprints = {}
    for period, one in climatologies.items():
        footprint = _attempt(lambda one=one: _footprint(one, grid), notes, f"footprint of {period}")  # type: ignore[misc]
        if footprint is not None:
            footprints[period] = footprint
    if not footprints:
        raise RasterError("no climatology can be used: " + "; ".join(notes), remedy="see the reasons")
    reached = [radius for radius in radii if grid.reaches(radius)]
    radius = float(target_radius if target_radius is not None else max(reached, default=min(-grid.x[0], grid.x[-1])))
    area = grid.area(radius, shape)
    every_radius = tuple(sorted({*map(float, radii), radius}))
    if not grid.reaches(radius):
        notes.append(f"the rasters do not reach the target radius of {radius:g} m; the part they hold is used")
    reference = next(iter(footprints))
    codes = _target_codes(rasters, footprints[reference], reference, target_class, book, notes)
    surfaces = {name: _surface(name, _scene(scenes, reference), footprints[reference], model, attributes_cell, of)
                for name, scenes in rasters.items()}
    periods = {}
    for period, footprint in footprints.items():
        periods[period] = _period(period, footprint, grid, rasters, surfaces, area, every_radius, shape, shares, of,
                                  codes, sensitivity or {})
    for name, scenes in rasters.items():
        if not isinstance(scenes, Raster):
            surfaces[name].regression = _regression(scenes, footprints, area)
    season = None if not seasons else _attempt(
        lambda: season_overlap([footprints[one] for one in seasons], grid.cell_area, of=of), notes, "O80 season")
    night = None if not day_night else _attempt(
        lambda: day_night_overlap([(footprints[a], footprints[b]) for a, b in day_night], grid.cell_area, of=of), notes,
        "O80 day-night")
    return RepresentativenessReport(
        code=code, reference=reference, target_radius=radius, target_shape=shape, target_codes=codes,
        target_name=_target_name(codes, book), periods=periods, surfaces=surfaces, season_overlap=season,
        day_night_overlap=night, notes=notes)


def _attempt(measure: Callable[[], Result], notes: list[str], label: str) -> Result | None:
    """The result, or None and a note that says why not."""
    try:
        return measure()
    except RasterError as trouble:
        notes.append(f"{label}: {trouble.problem}")
    except KeyError as missing:
        notes.append(f"{label}: there is no climatology {missing}")
    return None


def _one_grid(rasters: Mapping[str, Scenes]) -> Raster:
    """The first raster, after all were found on its grid."""
    every = [(name, one) for name, scenes in rasters.items()
             for one in ([scenes] if isinstance(scenes, Raster) else list(scenes.values()))]
    if not every:
        raise RasterError("the rasters hold no scene", remedy="give at least one")
    first = every[0][1]
    for name, one in every:
        same = one.shape == first.shape and np.allclose(one.x, first.x, atol=1e-6) and np.allclose(one.y, first.y, atol=1e-6)
        if not same:
            raise RasterError("the rasters lie on different grids", file=one.source, variable=name,
                              remedy="read all of them with the same half_width and resolution, or the same grid")
    return first


def _footprint(one: Any, grid: Raster) -> np.ndarray:
    """Density (ny, nx; m-2) of a climatology, whose axes, if it has any, must be those of the rasters."""
    density, holder = getattr(one, "density", one), getattr(one, "grid", one)
    if getattr(one, "norm", "none") != "none":
        raise RasterError(f"the climatology was scaled (norm {one.norm!r}): its captured mass is lost", variable="footprint",
                          remedy="compute it with norm='none'")
    if getattr(holder, "true_north", 0.0) != 0.0:
        raise RasterError("the climatology's grid is turned away from true north, on which the rasters lie",
                          variable="footprint", unit="degrees", remedy="compute it on a grid with true_north=0")
    for name in ("x", "y"):
        axis = getattr(holder, name, None)
        expected = getattr(grid, name)
        if axis is not None and (np.shape(axis) != expected.shape or not np.allclose(axis, expected, atol=1e-6)):
            raise RasterError(f"the axis {name} of the climatology is not that of the rasters", variable="footprint", unit="m",
                              remedy="read the rasters with grid=(x, y) of the climatology, y ascending")
    return checked_footprint(np.asarray(density), grid.shape)


def _scene(scenes: Scenes, period: str) -> Raster | None:
    """Raster of a period: the only one, or the one of that name, or None."""
    return scenes if isinstance(scenes, Raster) else scenes.get(period)


def _target_codes(rasters: Mapping[str, Scenes], footprint: np.ndarray, reference: str,
                  target: int | str | Iterable[int | str] | None, book: Legend | None, notes: list[str]) -> tuple[int, ...]:
    """Codes of the target class: as asked for, else the class that holds most of the reference footprint; () without any."""
    scenes = [_scene(one, reference) for one in rasters.values()]
    cover = [one for one in scenes if one is not None and one.kind == "classes"]
    if book is not None:
        for one in cover:
            book.check(one.values, file=one.source)
    if target is not None:
        if book is not None:
            return book.codes_of(target)
        wanted = [target] if isinstance(target, int | str) else list(target)
        if any(isinstance(one, str) for one in wanted):
            raise RasterError("the target class is named, but no legend is given", variable="target class",
                              remedy="give legend='modis_igbp', 'clcd' or your own")
        return tuple(int(one) for one in wanted)
    if not cover:
        return ()
    shares, _ = class_shares(footprint, cover[0])
    if not shares:
        notes.append("target class: no cell of the footprint has a class")
        return ()
    return (max(shares, key=lambda code: shares[code]),)


def _target_name(codes: tuple[int, ...], book: Legend | None) -> str:
    return ", ".join(book.classes[code].name if book and code in book.classes else str(code) for code in codes)


def _surface(name: str, scene: Raster | None, footprint: np.ndarray, model: str, cell: float, of: str) -> SurfaceAssessment:
    """What a raster says by itself: window sizes, semivariograms, attributes."""
    result = SurfaceAssessment(name)
    if scene is None:
        result.notes.append("there is no scene of the reference period")
        return result
    result.kind, result.units = scene.kind, scene.units
    if scene.kind == "classes":
        return result
    result.windows = _attempt(lambda: window_sizes(scene), result.notes, "window size")
    result.variogram = _attempt(lambda: grid_variogram(scene), result.notes, "semivariogram")
    if result.variogram is not None:
        experimental = result.variogram
        result.model = _attempt(lambda: fit_variogram(experimental, model), result.notes, "semivariogram model")
        result.anisotropy = _attempt(lambda: anisotropy(scene, model=model), result.notes, "anisotropy")
    shape = footprint_shape(footprint, scene, of=of)
    if np.isfinite(shape.farthest):
        result.attributes = _attempt(lambda: geostatistical_attributes(scene, 2.0 * shape.farthest, cell=cell), result.notes,
                                     "geostatistical attributes")
    else:
        result.notes.append(f"geostatistical attributes: {shape.reason}")
    return result


def _period(period: str, footprint: np.ndarray, grid: Raster, rasters: Mapping[str, Scenes],
            surfaces: Mapping[str, SurfaceAssessment], area: np.ndarray, radii: Sequence[float], shape: str,
            shares: Sequence[float], of: str,
            codes: tuple[int, ...], sensitivity: Mapping[str, float | Mapping[str, float]]) -> PeriodAssessment:
    """All measures of one climatology."""
    result = PeriodAssessment(period, footprint_shape(footprint, grid, of=of))
    for name, scenes in rasters.items():
        scene = _scene(scenes, period)
        if scene is None:
            result.notes.append(f"{name}: there is no scene of this period")
            continue
        differences = _attempt(lambda scene=scene: distributions(footprint, scene, area), result.notes,  # type: ignore[misc]
                               f"{name}, distributions")
        if differences is not None:
            result.distributions[name] = differences
        if scene.kind == "classes":
            result.class_shares[name], _ = class_shares(footprint, scene)
            if codes:
                result.target[name] = target_vegetation(footprint, scene, codes, shares, of=of)
            alike = _attempt(lambda scene=scene: land_cover_similarity(footprint, scene, area, codes),  # type: ignore[misc]
                             result.notes, f"{name}, land-cover similarity")
            if alike is not None:
                result.similarity[name] = alike
            continue
        given = sensitivity.get(name)
        slope = given.get(period) if isinstance(given, Mapping) else given
        result.bias[name] = location_bias(footprint, scene, radii, shape=shape, sensitivity=slope)
        fitted = surfaces[name].model
        if fitted is not None:
            operator = surfaces[name].operator or DispersionOperator(fitted, scene.shape, scene.cell_size)
            surfaces[name].operator = operator
            variance = _attempt(lambda operator=operator: operator.variance(footprint, area),  # type: ignore[misc]
                                result.notes, f"{name}, dispersion variance")
            if variance is not None:
                result.dispersion_variance[name] = variance
    return result


def _regression(scenes: Mapping[str, Raster], footprints: Mapping[str, np.ndarray], area: np.ndarray) -> Any:
    """Model-II regression of area mean on footprint mean over the periods that have both; None for classes."""
    both = [(scenes[period], footprint) for period, footprint in footprints.items() if period in scenes]
    if not both or both[0][0].kind == "classes":
        return None
    seen = [footprint_weighted_value(footprint, scene).value for scene, footprint in both]
    inside = [scene.values[area] for scene, _ in both]
    around = [float(one[np.isfinite(one)].mean()) if np.isfinite(one).any() else float("nan") for one in inside]
    return index_regression(np.array(seen), np.array(around))
