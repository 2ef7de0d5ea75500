"""Polygons of regions and borders: GeoJSON and shapefiles in, shares of grid cells out."""

import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import existing, read_text

Floats = NDArray[np.float64]
Ring = Floats
MAXIMUM_POLYGON_BYTES = 200_000_000
MAXIMUM_POINTS = 5_000_000
NAME_KEYS = ("name", "NAME", "Name", "ADMIN", "label", "LABEL", "NAME_1", "id")
POLYGON_SHAPES = (5, 15, 25)


@dataclass(frozen=True, eq=False)
class Shape:
    """A named area: closed rings [point, (longitude, latitude)]; what lies in an even number of rings is outside."""

    name: str
    rings: tuple[Ring, ...]


def read_shapes(path: str | os.PathLike[str]) -> list[Shape]:
    """Areas of a GeoJSON file, or of a shapefile (.shp with its .dbf for names) in degrees.

    Raises ForcingError for damaged files, no polygons, or coordinates that are no degrees.
    """
    found = _shapefile(path) if Path(path).suffix.lower() == ".shp" else _geojson(path)
    if not found:
        raise ForcingError("the file holds no polygons", file=path, remedy="give areas as Polygon or MultiPolygon")
    if sum(ring.shape[0] for one in found for ring in one.rings) > MAXIMUM_POINTS:
        raise ForcingError(f"the polygons have more than {MAXIMUM_POINTS} points", file=path, remedy="simplify them")
    for one in found:
        for ring in one.rings:
            if not np.isfinite(ring).all() or np.abs(ring[:, 1]).max() > 90.0 + 1e-6 or np.abs(ring[:, 0]).max() > 360.0 + 1e-6:
                raise ForcingError(f"the area {one.name!r} has coordinates that are no degrees of longitude and latitude",
                                   file=path, unit="degrees", remedy="convert it to WGS84 longitude and latitude (EPSG:4326)")
    return found


def _geojson(path: str | os.PathLike[str]) -> list[Shape]:
    text = read_text(path, MAXIMUM_POLYGON_BYTES)
    try:
        content = json.loads(text)
        features = content["features"] if content.get("type") == "FeatureCollection" else [content]
        found = []
        for number, feature in enumerate(features, start=1):
            geometry = feature.get("geometry", feature if "coordinates" in feature else None)
            if geometry is None or geometry.get("type") not in ("Polygon", "MultiPolygon"):
                continue
            parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
            rings = tuple(np.array([point[:2] for point in ring], dtype=float) for part in parts for ring in part)
            properties = feature.get("properties") or {}
            named = (str(properties[key]) for key in NAME_KEYS if properties.get(key))
            found.append(Shape(next(named, str(feature.get("id", f"area {number}"))), rings))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as trouble:
        raise ForcingError(f"the GeoJSON is malformed: {trouble}", file=path, remedy="check it against RFC 7946") from trouble
    return [one for one in found if one.rings and all(ring.ndim == 2 and ring.shape[0] >= 4 for ring in one.rings)]


def _shapefile(path: str | os.PathLike[str]) -> list[Shape]:
    """Polygons by the ESRI technical description (1998): a header of 100 bytes, then records with parts and points."""
    projection = Path(path).with_suffix(".prj")
    if projection.is_file() and not read_text(projection, 100_000).lstrip().upper().startswith(("GEOGCS", "GEOGCRS")):
        raise ForcingError("the shapefile is projected, not in degrees", file=path,
                           remedy="convert it to WGS84 longitude and latitude (EPSG:4326)")
    content = existing(path, MAXIMUM_POLYGON_BYTES).read_bytes()
    try:
        if struct.unpack(">i", content[:4])[0] != 9994:
            raise ForcingError("this is no shapefile", file=path, remedy="give the .shp file, or GeoJSON")
        names = _dbf_names(Path(path).with_suffix(".dbf"))
        found, place, number = [], 100, 0
        while place + 8 <= len(content):
            length = 2 * struct.unpack(">i", content[place + 4:place + 8])[0]
            record = content[place + 8:place + 8 + length]
            if length < 4 or len(record) < length:
                raise ForcingError(f"record {number + 1} is cut off", file=path, remedy="fetch the file again")
            if struct.unpack("<i", record[:4])[0] in POLYGON_SHAPES:
                parts, points = struct.unpack("<2i", record[36:44])
                starts = [*struct.unpack(f"<{parts}i", record[44:44 + 4 * parts]), points]
                both = np.frombuffer(record, dtype="<f8", count=2 * points, offset=44 + 4 * parts).reshape(-1, 2)
                rings = tuple(both[first:last].copy() for first, last in pairwise(starts))
                found.append(Shape(names[number] if number < len(names) else f"area {number + 1}", rings))
            place, number = place + 8 + length, number + 1
    except (struct.error, ValueError) as trouble:
        raise ForcingError(f"the shapefile is damaged: {trouble}", file=path, remedy="fetch it again") from trouble
    return found


def _dbf_names(path: Path) -> list[str]:
    """The column of a dBase table that holds names; [] where there is none."""
    if not path.is_file():
        return []
    content = existing(path, MAXIMUM_POLYGON_BYTES).read_bytes()
    records, header, width = struct.unpack("<IHH", content[4:12])
    fields, offset = {}, 1
    for place in range(32, header - 1, 32):
        if content[place] == 0x0D:
            break
        size = content[place + 16]
        fields[content[place:place + 11].split(b"\0")[0].decode("latin-1")] = (offset, size)
        offset += size
    key = next((one for one in NAME_KEYS if one in fields), None)
    if key is None or header + records * width > len(content) + 1:
        return []
    begin, size = fields[key]
    raw = [content[header + row * width + begin:header + row * width + begin + size] for row in range(records)]
    return [text.strip().decode("utf-8", "replace") or f"area {row + 1}" for row, text in enumerate(raw)]


def inside(rings: Sequence[Ring], latitude: Floats, longitude: Floats) -> NDArray[np.bool_]:
    """True [latitude, longitude] where points lie in an odd number of rings: each parallel is cut by all edges at once.

    Edges are straight in degrees; rings beyond 180 are also looked at one turn further west and east.
    """
    out = np.zeros((latitude.size, longitude.size), dtype=bool)
    if not rings:
        return out
    first = np.concatenate([ring[:-1] if np.array_equal(ring[0], ring[-1]) else ring for ring in rings])
    second = np.concatenate([ring[1:] if np.array_equal(ring[0], ring[-1]) else np.roll(ring, -1, axis=0) for ring in rings])
    low, high = np.minimum(first[:, 1], second[:, 1]), np.maximum(first[:, 1], second[:, 1])
    turns = [turn for turn in (-360.0, 0.0, 360.0)
             if first[:, 0].max() + turn >= longitude.min() and first[:, 0].min() + turn <= longitude.max()]
    for row, north in enumerate(latitude):
        # Half-open, so that an edge that ends on the parallel and the next one count once.
        cut = (low <= north) & (north < high)
        if not cut.any():
            continue
        a, b = first[cut], second[cut]
        crossings = a[:, 0] + (north - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        for turn in turns:
            out[row] ^= (np.searchsorted(np.sort(crossings + turn), longitude, side="right") % 2).astype(bool)
    return out


def geojson_text(shapes: Sequence[Shape], properties: Sequence[dict[str, Any]] | None = None) -> str:
    """Shapes as GeoJSON (each ring a polygon of its own)."""
    facts = properties or [{} for _ in shapes]
    features = [{"type": "Feature", "properties": {"name": one.name, **more},
                 "geometry": {"type": "MultiPolygon", "coordinates": [[ring.tolist()] for ring in one.rings]}}
                for one, more in zip(shapes, facts)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False) + "\n"
