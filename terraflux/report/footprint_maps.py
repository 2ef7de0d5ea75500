"""Footprint climatologies of a tower for a map: source areas as GeoJSON polygons, densities as a GeoTIFF, a band a period."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.safe_write import replacing
from terraflux.sites.footprint.climatology import Climatology
from terraflux.sites.footprint.export import geojson
from terraflux.sites.footprint.source_area import source_areas
from terraflux.sites.raster_grid import local_crs

SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)


def source_areas_text(climatologies: Mapping[str, Climatology], latitude: float, longitude: float, *,
                      properties: Mapping[str, Any] | None = None, shares: Sequence[float] = SHARES) -> str:
    """GeoJSON (RFC 7946) of the tower and of the source areas of every period, fractions of unit mass.

    `properties` are told with every feature. An area that the grid does not hold has no geometry.
    """
    features: list[dict[str, Any]] = []
    for period, one in climatologies.items():
        areas = source_areas(one.grid.x, one.grid.y, one.density, shares)
        told = dict(properties or {}) | {"period": period, "half_hours": one.used}
        found = geojson(areas, latitude, longitude, told)["features"]
        features += found if not features else found[1:]  # the tower comes once
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False) + "\n"


def write_climatology_tiff(path: str | os.PathLike[str], climatologies: Mapping[str, Climatology], latitude: float,
                           longitude: float, *, tags: Mapping[str, str] | None = None) -> Path:
    """GeoTIFF of densities (m-2, float32) on the tower's local grid, north at the top; bands are named after the periods."""
    import rasterio
    from rasterio.transform import Affine

    grid = next(iter(climatologies.values())).grid
    lines, columns = grid.shape
    along_x, along_y = grid.step
    transform = Affine(along_x, 0.0, grid.x[0] - along_x / 2.0, 0.0, -along_y, grid.y.max() + along_y / 2.0)
    with replacing(path) as temporary, rasterio.open(
            temporary, "w", driver="GTiff", height=lines, width=columns, count=len(climatologies), dtype="float32",
            crs=local_crs(latitude, longitude), transform=transform, compress="deflate", predictor=3) as raster:
        raster.update_tags(units="m-2", **dict(tags or {}))
        for band, (period, one) in enumerate(climatologies.items(), start=1):
            raster.write(one.density[::-1].astype(np.float32), band)
            raster.set_band_description(band, period)
            raster.update_tags(band, captured_mass=f"{one.captured_mass:.9g}", half_hours=str(one.used))
    return Path(path)
