"""Area of grid cells on the sphere or the WGS84 ellipsoid: the one place where terraflux turns degrees into square metres.

Sphere: A = R**2 dlon (sin lat_north - sin lat_south), R = 6371.0 km. Ellipsoid: the authalic integral of Snyder (1987, USGS
Professional Paper 1395, eq. 3-12): A = b**2/2 dlon [q(north) - q(south)] with
q = sin lat/(1 - e**2 sin**2 lat) + atanh(e sin lat)/e. Quarter-degree cells differ by -0.45 % (equator) to +0.90 % (poles)
between the two, the globe by 2e-6; a budget uses one method throughout.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError, nearest

EARTH_RADIUS = 6_371_000.0  # m
WGS84_SEMI_MAJOR = 6_378_137.0  # m
WGS84_FLATTENING = 1.0 / 298.257223563
METHODS = ("sphere", "wgs84")

Floats = NDArray[np.float64]


def strip_area(south: ArrayLike, north: ArrayLike, width: ArrayLike, method: str = "sphere") -> Floats:
    """Area (m2) between two latitudes (degrees) over `width` degrees of longitude; arrays broadcast.

    Raises ForcingError for an unknown method, or latitudes beyond the poles or in the wrong order.
    """
    low, high = np.asarray(south, dtype=np.float64), np.asarray(north, dtype=np.float64)
    if not (np.all(np.abs(low) <= 90.0) and np.all(np.abs(high) <= 90.0) and np.all(low <= high)):
        raise ForcingError("cell edges must lie in -90..90 with south below north", variable="latitude", unit="degrees",
                           remedy="give edges, not centres, and clip them at the poles")
    turn = np.radians(np.asarray(width, dtype=np.float64))
    if method == "sphere":
        # sin n - sin s as a product, which keeps all digits of narrow strips.
        sines = 2.0 * np.cos(np.radians(0.5 * (high + low))) * np.sin(np.radians(0.5 * (high - low)))
        return EARTH_RADIUS**2 * turn * sines
    if method == "wgs84":
        eccentricity = np.sqrt(WGS84_FLATTENING * (2.0 - WGS84_FLATTENING))
        semi_minor = WGS84_SEMI_MAJOR * (1.0 - WGS84_FLATTENING)

        def authalic(latitude: Floats) -> Floats:
            sine = np.sin(np.radians(latitude))
            return sine / (1.0 - (eccentricity * sine) ** 2) + np.arctanh(eccentricity * sine) / eccentricity
        return 0.5 * semi_minor**2 * turn * (authalic(high) - authalic(low))
    raise ForcingError(f"the method {method!r} of cell areas is unknown", variable="cell area", remedy=nearest(method, METHODS))


def cell_area(latitude_edges: ArrayLike, longitude_edges: ArrayLike, method: str = "sphere") -> Floats:
    """Area (m2) of the cells of a grid [latitude, longitude] from its edges (degrees, 1-D, n + 1 for n cells).

    Edges may run either way; `method` is "sphere" (R = 6371.0 km) or "wgs84".

    >>> float(cell_area([-90.0, 90.0], [0.0, 360.0])[0, 0] / (4.0 * np.pi * EARTH_RADIUS**2))
    1.0
    """
    latitude, longitude = (np.asarray(edges, dtype=np.float64) for edges in (latitude_edges, longitude_edges))
    if latitude.ndim != 1 or longitude.ndim != 1 or latitude.size < 2 or longitude.size < 2:
        raise ForcingError("cell areas need edges in one dimension, two at least", variable="latitude, longitude",
                           remedy="give n + 1 edges for n cells")
    south, north = np.minimum(latitude[:-1], latitude[1:]), np.maximum(latitude[:-1], latitude[1:])
    return strip_area(south[:, None], north[:, None], np.abs(np.diff(longitude))[None, :], method)
