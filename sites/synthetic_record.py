"""An invented raw tower file and invented land around it, so that processing can be tried without a download.

The numbers are those of `terraflux.drivers.synthetic_tower` with wind direction and turbulence added by a seeded generator:
no measurement, no claim on any real place. Night-time NEE is made to drain away below a u* of 0.3 m s-1, so that a
threshold can be found. The land is a forest (code 5) with a grassland (code 10) west of x = -120 m, and their NDVI.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.safe_write import replacing
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.constants import CARBON_MOLAR_MASS
from terraflux.model.humidity import saturation_pressure_at
from terraflux.sites.raster_grid import local_axis, local_crs

SITE = "XX-Syn"
LATITUDE, LONGITUDE, UTC_OFFSET_HOURS = 50.5, 12.0, 1.0
CANOPY_HEIGHT, MEASUREMENT_HEIGHT, ELEVATION = 20.0, 32.0, 350.0
FACTS = {"site_id": SITE, "latitude": LATITUDE, "longitude": LONGITUDE, "elevation": ELEVATION,
         "canopy_height": CANOPY_HEIGHT, "measurement_height": MEASUREMENT_HEIGHT, "utc_offset_hours": UTC_OFFSET_HOURS}
RECORD_FILE, COVER_FILE, NDVI_FILE = f"AMF_{SITE}_BASE_HH_1-5.csv", "cover.tif", "ndvi.tif"
FOREST, GRASS, EDGE = 5, 10, -120.0  # IGBP codes; m east of the tower
DRAINS_BELOW = 0.3  # m s-1
MISSING = -9999.0

Floats = NDArray[np.float64]


def synthetic_table(days: int = 365, seed: int = 1, first_day: int = 0) -> pd.DataFrame:
    """The half hours of an invented raw record, columns and units of AmeriFlux BASE, -9999 where missing.

    `first_day` days after 1 January 2021 are left out at the beginning.
    """
    tower = synthetic_tower("forest", seed=seed)
    weather, seen = tower.forcing, tower.observations
    random = np.random.default_rng(seed + 7)
    count = weather.sizes["time"]
    stamps = pd.DatetimeIndex(weather["time"].values)
    air, wind = weather["air_temperature"].values, weather["wind_speed"].values
    heat, light = seen["sensible_heat"].values, weather["shortwave_down"].values
    ustar = np.maximum(seen["friction_velocity"].values, 0.02)
    nee = 1e6 / CARBON_MOLAR_MASS * seen["net_ecosystem_exchange"].values
    drained = (light < 10.0) & (ustar < DRAINS_BELOW)
    nee = np.where(drained, nee * ustar / DRAINS_BELOW, nee)
    columns = {
        "TIMESTAMP_START": stamps.strftime("%Y%m%d%H%M"),
        "TIMESTAMP_END": (stamps + pd.Timedelta(minutes=30)).strftime("%Y%m%d%H%M"),
        "NEE_PI": nee, "LE": seen["latent_heat"].values, "H": heat, "G": seen["ground_heat_flux"].values,
        "NETRAD": seen["net_radiation"].values, "SW_IN": light, "TA": air, "PA": 1e-3 * weather["air_pressure"].values,
        "VPD_PI": 10.0 * (saturation_pressure_at(air) - weather["vapour_pressure"].values), "USTAR": ustar, "WS": wind,
        "WD": wind_directions(count, random), "V_SIGMA": ustar * np.where(light > 100.0, 2.4, 1.9),
    }
    table = pd.DataFrame(columns).fillna(MISSING)
    return table.iloc[48 * first_day: 48 * (first_day + days)].round(dict.fromkeys(table.columns[2:], 5))


def wind_directions(count: int, random: np.random.Generator) -> Floats:
    """Directions (degrees the wind blows from) that wander, mostly around west, with easterly spells."""
    course = np.cumsum(random.normal(0.0, 9.0, count))
    slow = 70.0 * np.sin(np.arange(count) * 2.0 * np.pi / (48 * 9.3))
    return np.asarray((260.0 + slow + 0.5 * course) % 360.0)


def write_synthetic_tower(folder: str | os.PathLike[str], days: int = 365, seed: int = 1, first_day: int = 0
                          ) -> list[Path]:
    """Write an invented AmeriFlux BASE file, a land-cover and an NDVI GeoTIFF into a folder; returns their paths.

    The position is that of `FACTS`, which the reader needs to be told: the tower is in no catalogue.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with replacing(place / RECORD_FILE) as draft:
        text = synthetic_table(days, seed, first_day).to_csv(index=False, lineterminator="\n")
        draft.write_text(f"# Site: {SITE}\n# Version: 1-5\n{text}", encoding="utf-8")
    axis = local_axis(1500.0, 30.0)
    grass = np.broadcast_to(axis[None, :] < EDGE, (axis.size, axis.size))
    speckle = np.random.default_rng(seed).normal(0.0, 0.02, grass.shape)
    _write_geotiff(place / COVER_FILE, np.where(grass, GRASS, FOREST).astype(np.uint8), axis, 255)
    _write_geotiff(place / NDVI_FILE, (np.where(grass, 0.55, 0.8) + speckle).astype(np.float32), axis, -9.0)
    return [place / name for name in (RECORD_FILE, COVER_FILE, NDVI_FILE)]


def _write_geotiff(path: Path, values: NDArray[np.generic], axis: Floats, nodata: float) -> None:
    """A raster on the local grid of the tower, north at the top."""
    import rasterio
    from rasterio.transform import Affine

    step = float(axis[1] - axis[0])
    corner = float(axis[-1]) + 0.5 * step
    with replacing(path) as draft, rasterio.open(
            draft, "w", driver="GTiff", height=axis.size, width=axis.size, count=1, dtype=values.dtype, nodata=nodata,
            crs=local_crs(LATITUDE, LONGITUDE), transform=Affine(step, 0.0, -corner, 0.0, -step, corner)) as file:
        file.write(values[::-1], 1)
