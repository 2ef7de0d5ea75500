"""MODIS rasters: dates from names, fill values, quality bits, short composites, the sinusoidal grid."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_bounds, from_origin

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.quality_bits import decoded_bits, usable
from terraflux.evaluation.comparison.read_modis import date_in_name, read_modis

SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
RADIUS = 6371007.181


def write_raster(path, values, transform, crs="EPSG:4326", nodata=None):
    """A made-up GeoTIFF of one band."""
    with rasterio.open(path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype,
                       crs=crs, transform=transform, nodata=nodata) as file:
        file.write(values, 1)
    return path


@pytest.fixture
def exported(tmp_path):
    """Half a year of made-up MOD16A2 composites with quality bits, as ordered in degrees."""
    transform = from_origin(100.0, 31.0, 0.5, 0.5)
    for day in (337, 345, 353, 361):
        values = np.full((2, 3), 80, dtype="int16")  # 8 mm in a composite
        values[0, 0] = 32765
        bits = np.zeros((2, 3), dtype="uint8")
        bits[1, 2] = 0b01100001 if day > 345 else 0
        write_raster(tmp_path / f"MOD16A2.061_ET_500m_doy2003{day:03d}_aid0001.tif", values, transform, nodata=32767)
        write_raster(tmp_path / f"MOD16A2.061_ET_QC_500m_doy2003{day:03d}_aid0001.tif", bits, transform)
        write_raster(tmp_path / f"MOD16A2.061_PET_500m_doy2003{day:03d}_aid0001.tif", values * 2, transform)
    return tmp_path


def test_exports_become_monthly_rates_with_the_short_composite(exported):
    found = read_modis(str(exported / "*.tif"), "et", profile_name="mod16a2")
    assert found.time.astype(str).tolist() == ["2003-12"]
    # 3 December to 26 December at 1 mm a day, then 8 mm in the last five days.
    assert found.values[0, 0, 0] == pytest.approx((24 * 1.0 + 5 * 1.6) / 29.0)
    assert np.isnan(found.values[0, 1, 0]) and np.isfinite(found.values).sum() == 5
    assert found.latitude.tolist() == [30.25, 30.75] and found.unit == "mm d-1"


def test_quality_rules_drop_what_they_say(exported):
    found = read_modis(str(exported / "*.tif"), "et", profile_name="mod16a2", quality="main")
    assert found.values[0, 0, 2] == pytest.approx(1.0)  # two composites of 1 mm a day are left
    for path in exported.glob("*QC*"):
        path.unlink()
    with pytest.raises(ForcingError, match="needs the layer ET_QC_500m"):
        read_modis(str(exported / "*.tif"), "et", profile_name="mod16a2", quality="main")


def test_the_layer_that_is_asked_for_is_read(exported):
    found = read_modis(str(exported / "*.tif"), "pet", profile_name="mod16a2")
    assert found.values[0, 0, 0] == pytest.approx(2.0 * (24 * 1.0 + 5 * 1.6) / 29.0)


def test_annual_products_are_years(tmp_path):
    for year in (2003, 2004):
        values = np.full((2, 2), 4000, dtype="uint16")
        values[1, 1] = 65533
        write_raster(tmp_path / f"MOD17A3HGF.061_Gpp_500m_doy{year}001_aid0001.tif", values, from_origin(100.0, 31.0, 0.5, 0.5))
    found = read_modis(str(tmp_path / "*.tif"), "gpp", profile_name="mod17a3")
    assert not found.monthly and found.days.tolist() == [365.0, 366.0]
    assert found.values[:, 1, 0] * found.days == pytest.approx([400.0, 400.0], rel=1e-6)
    assert np.isnan(found.values[:, 0, 1]).all()


def test_sinusoidal_tiles_are_averaged_onto_degrees(tmp_path):
    # A field that is twice the latitude (in tenths of a millimetre) on the MODIS grid between 30 and 31 N.
    north, south = np.radians(31.0) * RADIUS, np.radians(30.0) * RADIUS
    west, east = (np.radians(lon) * RADIUS * np.cos(np.radians(30.5)) for lon in (100.0, 103.0))
    for tile, (left, right) in {"h26v05": (west, 0.5 * (west + east)), "h27v05": (0.5 * (west + east), east)}.items():
        latitude = 31.0 - (np.arange(200) + 0.5) / 200.0
        values = np.repeat(np.round(20.0 * latitude).astype("int16")[:, None], 300, axis=1)
        for day in (1, 9, 17, 25):
            write_raster(tmp_path / f"MOD16A2.A2003{day:03d}.{tile}.ET_500m.tif", values,
                         from_bounds(left, south, right, north, 300, 200), crs=SINUSOIDAL)
    found = read_modis(str(tmp_path / "*.tif"), "et", profile_name="mod16a2", box=(101.0, 102.0, 30.0, 31.0), resolution=0.25)
    assert found.values.shape == (1, 4, 4) and np.isfinite(found.values).all()
    expected = 2.0 * found.latitude / 8.0
    assert found.values[0].mean(axis=1) == pytest.approx(expected, rel=2e-3)
    with pytest.raises(ForcingError, match="give box"):
        read_modis(str(tmp_path / "*.tif"), "et", profile_name="mod16a2")


def test_hdf4_without_a_driver_says_what_to_do(tmp_path):
    path = tmp_path / "MOD17A2H.A2003361.h25v05.061.hdf"
    path.write_bytes(b"\x0e\x03\x13\x01" + b"\0" * 100)
    with rasterio.Env() as environment:
        able = "HDF4" in environment.drivers()
    with pytest.raises(ForcingError, match="cannot be opened" if able else "no HDF4 driver.*Remedy: order GeoTIFF"):
        read_modis(path, "gpp", profile_name="mod17a2h")


def test_quality_bits_are_those_of_the_guide():
    bits = decoded_bits([0, 0b00000010, 0b00000101, 0b00011000, 0b10000001, 255, np.nan])
    assert bits.aqua[:2].tolist() == [0, 1] and bits.dead_detectors[2] == 1 and bits.other_quality[2] == 1
    assert bits.cloud[3] == 3 and bits.method[4] == 4 and bits.there.tolist() == [True] * 5 + [False] * 2
    raw = [0, 0b00001000, 0b00011000, 0b00100000, 0b01000000, 0b10000000, 255]
    assert usable(raw, "all").all()
    assert usable(raw, "produced").tolist() == [True, True, True, True, True, False, False]
    assert usable(raw, "main").tolist() == [True, True, True, True, False, False, False]
    assert usable(raw, "good").tolist() == [True, False, True, True, False, False, False]


@pytest.mark.parametrize(("name", "day"), [("MOD17A2H.A2003361.h25v05.061.hdf", "2003-12-27"), ("x_doy2004366120000_aid.tif",
                                                                                           "2004-12-31"),
                                           ("ET_2003-01-09.tif", "2003-01-09"), ("20030109_gpp.tif", "2003-01-09")])
def test_dates_are_read_from_names(name, day):
    assert str(date_in_name(name)) == day


def test_refusals_name_the_file(tmp_path):
    plain = write_raster(tmp_path / "ET_500m.tif", np.ones((2, 2), dtype="int16"), from_origin(100.0, 31.0, 0.5, 0.5))
    with pytest.raises(ForcingError, match="name holds no date"):
        read_modis(plain, "et", profile_name="mod16a2")
    with pytest.raises(ForcingError, match="is no MODIS product"):
        read_modis(plain, "et", profile_name="fluxcom")
    broken = tmp_path / "ET_500m_doy2003001.tif"
    broken.write_bytes(b"II*\0nonsense")
    with pytest.raises(ForcingError, match="cannot be opened"):
        read_modis(broken, "et", profile_name="mod16a2")
    with pytest.raises(ForcingError, match="has no gross_primary_production"):
        read_modis(plain, "gpp", profile_name="mod16a2")
