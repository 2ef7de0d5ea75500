"""Footprints and source areas as GeoJSON and GeoTIFF, given where the tower stands.

x and y (m, east and north of the tower) are read in the azimuthal equidistant map of the tower (WGS 84): there north is true
north and distances from the tower are true. GeoJSON is in longitude and latitude (RFC 7946: outer rings counterclockwise).
A GeoTIFF keeps the tower's own map, in which the sum over cells is the captured mass; another system, such as "utm",
resamples it bilinearly, which changes the sum a little.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.footprint.source_area import SourceArea, as_record
from terraflux.sites.raster_grid import local_crs

Floats = NDArray[np.float64]


def utm_crs(latitude: float, longitude: float) -> str:
    """EPSG code of the WGS 84 UTM zone of a place (degrees); the exceptions around Norway and Svalbard are not followed.

    >>> utm_crs(51.0, 13.6)
    'EPSG:32633'
    """
    local_crs(latitude, longitude)
    zone = math.floor(((longitude + 180.0) % 360.0) / 6.0) + 1
    return f"EPSG:{32600 + zone if latitude >= 0.0 else 32700 + zone}"


def to_longitude_latitude(points: Floats, latitude: float, longitude: float) -> Floats:
    """Points (n, 2) in m east and north of the tower as degrees of longitude and latitude."""
    from pyproj import Transformer

    transformer = Transformer.from_crs(local_crs(latitude, longitude), "EPSG:4326", always_xy=True)
    east, north = transformer.transform(points[:, 0], points[:, 1])
    return np.column_stack([east, north])


def geojson(
    areas: Sequence[SourceArea],
    latitude: float,
    longitude: float,
    attributes: Mapping[str, Any] | None = None,
    frame: str = "east_north",
) -> dict[str, Any]:
    """Source areas as a GeoJSON FeatureCollection: a MultiPolygon each, and the tower as a Point.

    latitude, longitude: of the tower, degrees. attributes: told with every area (model, period). An area that the grid
    does not hold has no geometry, as RFC 7946 allows. Raises ValueError for a footprint in the frame of the wind.
    """
    _refuse_wind_frame(frame)
    told = dict(attributes or {})
    tower = {"type": "Point", "coordinates": [longitude, latitude]}
    features: list[dict[str, Any]] = [{"type": "Feature", "geometry": tower, "properties": {"name": "tower", **told}}]
    for area in areas:
        rings = [[_degrees(ring, latitude, longitude) for ring in polygon] for polygon in area.polygons]
        geometry = {"type": "MultiPolygon", "coordinates": rings} if rings else None
        features.append({"type": "Feature", "geometry": geometry, "properties": {**as_record(area), **told}})
    return {"type": "FeatureCollection", "features": features}


def write_geojson(
    path: str | os.PathLike[str],
    areas: Sequence[SourceArea],
    latitude: float,
    longitude: float,
    attributes: Mapping[str, Any] | None = None,
    frame: str = "east_north",
) -> Path:
    """Writes `geojson` to a file and returns its path."""
    target = Path(path)
    target.write_text(json.dumps(geojson(areas, latitude, longitude, attributes, frame), allow_nan=False), encoding="utf-8")
    return target


def write_geotiff(
    path: str | os.PathLike[str],
    x: Floats,
    y: Floats,
    density: Floats,
    latitude: float,
    longitude: float,
    attributes: Mapping[str, Any] | None = None,
    crs: str = "local",
    frame: str = "east_north",
) -> Path:
    """Writes a density (m-2, shape (len(y), len(x)), nodes in m from the tower) as a float64 GeoTIFF; returns its path.

    Cells are centred on the nodes. crs: "local" (the tower's azimuthal equidistant map), "utm", or anything rasterio
    understands, which resamples. Raises ValueError for uneven nodes or the frame of the wind.
    """
    import rasterio
    from rasterio.transform import Affine

    _refuse_wind_frame(frame)
    for name, nodes in (("x", x), ("y", y)):
        steps = np.diff(nodes)
        if steps.size == 0 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0.0):
            raise ValueError(f"nodes {name} of the footprint are not evenly spaced; a GeoTIFF needs a regular grid")
    if density.shape != (len(y), len(x)):
        raise ValueError(f"density has shape {density.shape}, but the nodes make ({len(y)}, {len(x)}) (lines, columns)")
    values, lines = (density, y) if y[0] > y[-1] else (density[::-1], y[::-1])
    width, height = float(x[1] - x[0]), float(lines[0] - lines[1])
    transform = Affine(width, 0.0, float(x[0]) - 0.5 * width, 0.0, -height, float(lines[0]) + 0.5 * height)
    here = local_crs(latitude, longitude)
    if crs != "local":
        target_crs = utm_crs(latitude, longitude) if crs == "utm" else crs
        values, transform = _resampled(values, transform, here, target_crs)
        here = target_crs
    target = Path(path)
    profile = {
        "driver": "GTiff", "dtype": "float64", "count": 1, "height": values.shape[0], "width": values.shape[1],
        "crs": here, "transform": transform, "nodata": float("nan"), "compress": "deflate",
    }  # fmt: skip
    with rasterio.open(target, "w", **profile) as file:
        file.write(np.ascontiguousarray(values), 1)
        file.set_band_description(1, "flux footprint (m-2)")
        file.update_tags(
            units="m-2", tower_latitude=repr(latitude), tower_longitude=repr(longitude),
            **{key: str(value) for key, value in (attributes or {}).items()},
        )  # fmt: skip
        file.update_tags(1, units="m-2")
    return target


def _degrees(ring: Floats, latitude: float, longitude: float) -> list[list[float]]:
    """A ring in degrees, rounded to a tenth of a millimetre."""
    rounded: list[list[float]] = to_longitude_latitude(ring, latitude, longitude).round(9).tolist()
    return rounded


def _resampled(values: Floats, transform: Any, source: str, target: str) -> tuple[Floats, Any]:
    from rasterio.transform import array_bounds
    from rasterio.warp import Resampling, calculate_default_transform, reproject

    lines, columns = values.shape
    bounds = array_bounds(lines, columns, transform)
    onto, width, height = calculate_default_transform(source, target, columns, lines, *bounds)
    found = np.full((height, width), np.nan)
    reproject(
        np.ascontiguousarray(values), found, src_transform=transform, src_crs=source, dst_transform=onto, dst_crs=target,
        src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.bilinear,
    )  # fmt: skip
    return found, onto


def _refuse_wind_frame(frame: str) -> None:
    if frame != "east_north":
        raise ValueError("this footprint lies in the frame of the wind: give a wind direction to place it on a map")
