"""Real grids: the mHM test domain on the Moselle, HWSD soils, ERA-Interim, an ERA5 GRIB file."""

import shutil

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import cell_area
from terraflux.drivers.grid.configuration import choices_from
from terraflux.drivers.grid.grid_file import open_grid_file
from terraflux.drivers.grid.horizontal_grid import grid_of, regular_grid
from terraflux.drivers.grid.pixel_maps import mean_of_pixels, open_pixel_map
from terraflux.drivers.grid.prepare import prepare
from terraflux.drivers.grid.regridding import cells_of, regridder
from terraflux.drivers.grid.soil_texture import usda_class
from terraflux.drivers.grid.target_cells import inside
from terraflux.model.parameter_table import soil_classes

pytestmark = pytest.mark.real_data
MOSELLE = "grids/mhm_moselle"
# The temperature extremes and radiation of the domain are placeholders: they contradict the mean temperature and the sun.
INVENTED = {"vapour_pressure": (0.6, "kPa"), "wind_speed": (3.0, "m s-1"), "longwave_down": (300.0, "W m-2"),
            "shortwave_down": (60.0, "W m-2")}


@pytest.fixture
def moselle(shared_data, tmp_path):
    """Choices of a build on the cells of the Moselle domain, with real precipitation, temperature and heights.

    The coordinates are those of the precipitation file. `real` names real variables {ours: file} besides these; what is
    left is invented.
    """
    for name in ("pre.nc", "tavg.nc", "tmin.nc", "tmax.nc", "ssrd.nc", "eabs.nc", "dem.asc.gz"):
        shutil.copyfile(shared_data / MOSELLE / name, tmp_path / name)
    with xr.open_dataset(tmp_path / "pre.nc") as opened:
        shape = opened["pre"].dims, np.ones(opened["pre"].shape)
        fields = {name: (shape[0], value * shape[1], {"units": unit}) for name, (value, unit) in INVENTED.items()}
        xr.Dataset(fields, {"time": opened.time, "lat": opened.lat, "lon": opened.lon}).to_netcdf(tmp_path / "invented.nc")

    def make(real=(), grid=True, unit="", **changes):
        files = {"air_temperature": "tavg", "precipitation": "pre", **dict(real)}
        placed = {"grid": {"file": "pre.nc", "variable": "pre"}} if grid else {}
        first = {"profile": "cf", "files": [f"{file}.nc" for file in files.values()], **placed,
                 "variables": {name: {"name": file} | ({"unit": unit} if unit and name == "vapour_pressure" else {})
                               for name, file in files.items()}}
        table = {"title": "Moselle", "first": "1990-06-01", "last": "1991-05-31",
                 "target": {"like": "source", "tile_side": 4},
                 "source": [first, {"profile": "cf", "files": ["invented.nc"], **placed}],
                 "surface": {"elevation": {"file": "dem.asc.gz", "crs": "EPSG:3035"}}} | changes
        return choices_from(table, folder=tmp_path, file="moselle.toml")
    return make


def test_real_rain_and_temperature_become_a_store_with_their_own_values(moselle, shared_data):
    store = prepare(moselle())
    assert store.cells.count == 54
    assert store.verify() == []
    for name, file, factor in (("precipitation", "pre", 86400.0), ("air_temperature", "tavg", 1.0)):
        with open_grid_file(shared_data / MOSELLE / f"{file}.nc") as opened:
            raw = opened.variable(file).read({"time": slice(516, 881)})
        weather = store.slab("1990-06-01", "1991-05-31", variables=(name,), dtype="f8")[:, 0]
        expected = raw[:, store.cells.row, store.cells.column] / factor
        assert weather == pytest.approx(expected, rel=2e-7, abs=1e-12), name
    # The Moselle: 600-1300 mm a year, 6-12 degC, below 1300 m, west of the Rhine.
    water = store.slab(0, 364, variables=("precipitation",), dtype="f8").sum(axis=0)[0] * 86400.0
    assert 600.0 < water.mean() < 1300.0
    assert 6.0 < store.slab(0, 364, variables=("air_temperature",)).mean() < 12.0
    assert 150.0 < store.cells.elevation.min() < store.cells.elevation.max() < 1300.0
    # Cells of 24 km in an equal-area projection.
    assert store.cells.area == pytest.approx(576e6, rel=0.02)
    assert store.repairs["air_pressure"]["from_the_standard_atmosphere"] == 54 * 365
    assert store.slab(0, 0, variables=("air_pressure",)).min() > 88_000.0


def test_placeholders_among_real_files_are_told_by_the_sun_and_by_the_mean(moselle):
    """The radiation of the domain is a cosine of 100 to 400 W m-2, in winter more than the sun gives; its temperature extremes
    lie up to 21 K off its mean temperature."""
    with pytest.raises(ForcingError, match="above the atmosphere") as caught:
        prepare(moselle({"shortwave_down": "ssrd"}, first="1990-12-01"))
    assert "ssrd.nc" in caught.value.file
    with pytest.raises(ForcingError, match="contradict each other"):
        prepare(moselle({"air_temperature_minimum": "tmin", "air_temperature_maximum": "tmax"}))


def test_files_that_place_the_same_cells_differently_are_refused(moselle):
    with pytest.raises(ForcingError, match="the grid is not that of") as caught:
        prepare(moselle({"vapour_pressure": "eabs"}, grid=False))
    assert "eabs.nc" in caught.value.file


def test_pascal_taken_for_kilopascal_is_refused_on_real_vapour(moselle):
    with pytest.raises(ForcingError, match="look like Pa"):
        prepare(moselle({"vapour_pressure": "eabs"}, unit="kPa"))


def test_soil_of_china_has_the_area_and_mean_texture_of_its_source(shared_data):
    with open_grid_file(shared_data / "grids" / "soil_china_0p05.nc") as opened:
        sand = opened.variable("T_SAND")
        fine = grid_of(opened, sand)
        field = sand.read().reshape(1, -1)
    target = regular_grid(73, 136, 18, 54, 0.25)
    way = regridder(fine, cells_of(target))
    coarse = way(field[:, way.used], 0.0)[0]
    area = way.weights @ np.isfinite(field[0, way.used])
    known = np.isfinite(coarse)
    total = (coarse[known] * area[known]).sum()
    rows, columns = np.divmod(way.used, fine.shape[1])
    latitude, longitude = fine.latitude[rows], fine.longitude[columns]
    inside_box = (latitude > 18) & (latitude < 54) & (longitude > 73) & (longitude < 136)
    areas = cell_area(fine.latitude_edges, fine.longitude_edges).ravel()[way.used]
    values = field[0, way.used]
    expected = np.nansum(np.where(inside_box, areas * values, 0.0))
    assert total == pytest.approx(expected, rel=1e-9)


def test_usda_classes_of_real_soils_are_known_and_varied(shared_data):
    cells = cells_of(regular_grid(75, 135, 20, 50, 1.0))
    parts = []
    for name in ("T_SAND", "T_CLAY"):
        pixels, close = open_pixel_map(shared_data / "grids" / "soil_global_0p5.nc", variable=name)
        parts.append(mean_of_pixels(pixels, cells) / 100.0)
        close()
    found = usda_class(*parts)
    land = inside(shared_data / "grids" / "boundaries" / "china_outline.geojson", cells)
    assert (found[land] >= 0).mean() > 0.97
    names, counts = np.unique(np.array(soil_classes())[found[land & (found >= 0)]], return_counts=True)
    assert "loam" in names[np.argsort(-counts)][:3]
    assert names.size >= 5


def test_packed_era_interim_winds_are_regridded_with_their_mean(shared_data):
    with open_grid_file(shared_data / "grids" / "era" / "eraint_uvz.nc") as opened:
        wind = opened.variable("u")
        grid = grid_of(opened, wind)
        field = wind.read({"month": 0, "level": 0}).reshape(1, -1)
    assert grid.latitude_edges[0] == 90.0
    assert field.max() == pytest.approx(79.0, abs=25.0)
    target = regular_grid(-180, 180, -90, 90, 2.5)
    way = regridder(grid, cells_of(target))
    coarse = way(field[:, way.used])[0]
    fine_area = cell_area(grid.latitude_edges, grid.longitude_edges).ravel()
    coarse_area = cell_area(target.latitude_edges, target.longitude_edges).ravel()
    assert coarse @ coarse_area == pytest.approx(field[0] @ fine_area, rel=1e-12)


def test_grib_is_refused_with_what_to_do(shared_data):
    with pytest.raises(ForcingError, match="grib_to_netcdf"):
        open_grid_file(shared_data / "grids" / "era" / "era5-2mt-2019-03-uk.grib")

