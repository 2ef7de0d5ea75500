"""Footprint climatologies for a map: source areas as GeoJSON polygons, densities as a GeoTIFF with a band per period."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.safe_write import replacing
from terraflux.sites.footprint.climatology import Climatology
from terraflux.sites.raster_grid import local_crs

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
DECIMALS = 7  # of a degree: a centimetre


def source_areas_text(climatologies: Mapping[str, Climatology], latitude: float, longitude: float, *,
                      properties: Mapping[str, Any] | None = None, shares: Sequence[float] = SHARES) -> str:
    """GeoJSON (RFC 7946: longitude, latitude on WGS 84) of the tower and of the source areas of every period.

    A source area is the cells within the contour of a share of unit mass; one that leaves the grid is left out, and one that
    touches its edge says so (`closed` false). `properties` are added to every feature.
    """
    own = dict(properties or {})
    features = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
                 "properties": {"kind": "tower"} | own}]
    for period, one in climatologies.items():
        for share in shares:
            inside = one.source_area(share)
            if inside.any():
                features.append({"type": "Feature", "geometry": _outline(inside, one, latitude, longitude), "properties": {
                    "kind": "source area", "period": period, "share": share, "model": one.model,
                    "level_per_m2": one.contour_level(share), "area_m2": float(inside.sum() * one.grid.cell_area),
                    "closed": one.contour_is_closed(share)} | own})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False) + "\n"


def write_climatology_tiff(path: str | os.PathLike[str], climatologies: Mapping[str, Climatology], latitude: float,
                           longitude: float, *, tags: Mapping[str, str] | None = None) -> Path:
    """GeoTIFF of densities (m-2, float32) on the tower's local grid, north at the top; bands are named after the periods."""
    import rasterio

    first = next(iter(climatologies.values()))
    lines, columns = first.grid.shape
    with replacing(path) as temporary, rasterio.open(
            temporary, "w", driver="GTiff", height=lines, width=columns, count=len(climatologies), dtype="float32",
            crs=local_crs(latitude, longitude), transform=_transform(first), compress="deflate", predictor=3) as raster:
        raster.update_tags(model=first.model, units="m-2", **dict(tags or {}))
        for band, (period, one) in enumerate(climatologies.items(), start=1):
            raster.write(one.density[::-1].astype(np.float32), band)
            raster.set_band_description(band, period)
            raster.update_tags(band, captured_mass=f"{one.captured_mass:.9g}", rows_used=str(one.used))
    return Path(path)


def _transform(one: Climatology) -> Any:
    from rasterio.transform import Affine

    along_x, along_y = one.grid.step
    return Affine(along_x, 0.0, one.grid.x[0] - along_x / 2.0, 0.0, -along_y, one.grid.y[-1] + along_y / 2.0)


def _outline(inside: "np.ndarray[Any, np.dtype[np.bool_]]", one: Climatology, latitude: float, longitude: float) -> Any:
    """MultiPolygon along the edges of the cells."""
    from rasterio.features import shapes
    from rasterio.warp import transform_geom

    north_up = np.ascontiguousarray(inside[::-1]).astype(np.uint8)
    polygons = [shape["coordinates"] for shape, value in shapes(north_up, mask=north_up == 1, transform=_transform(one))
                if value == 1]
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    return transform_geom(local_crs(latitude, longitude), "EPSG:4326", geometry, precision=DECIMALS)
