"""Leaf area of plant types: as maps tell it, else shared out so that the mean of a cell is the leaf area observed there."""

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.grid.nation_store import cells_of_nation
from terraflux.drivers.leaf_area import LARGEST
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.region.leaf_area import seasonal_limits, shared_leaf_area
from terraflux.region.mosaic import mosaic_of
from terraflux.region.results import open_results
from terraflux.region.run import run_region


@pytest.fixture(scope="module")
def cells():
    return cells_of_nation(SyntheticNation(3.0))[0]


def mean(shared, mosaic):
    return mosaic.to_cells(shared)[:, 0]


def test_the_mean_of_a_cell_is_its_observed_leaf_area(cells):
    mosaic = mosaic_of(cells, 0.02)
    values = np.random.default_rng(1).choice([0.0, 1e-6, 0.3, 1.0, 2.5, 4.0, 7.0, 12.0, LARGEST], size=(40, cells.count))
    shared = shared_leaf_area(values, mosaic)
    assert np.abs(mean(shared, mosaic) - values).max() < 1e-12 * LARGEST
    assert (shared >= 0.0).all() and (shared <= LARGEST).all()


def test_all_types_are_at_one_point_of_their_seasons(cells):
    mosaic = mosaic_of(cells, 0.05)
    least, most = seasonal_limits(mosaic)
    for season in (0.0, 0.35, 1.0):
        own = least + season * (most - least)
        assert np.allclose(shared_leaf_area(mosaic.to_cells(own), mosaic)[0], own, rtol=1e-12, atol=1e-13)


def test_a_cell_of_one_plant_type_has_the_leaf_area_of_the_cell(cells):
    mosaic = mosaic_of(cells, 0.99)
    values = np.random.default_rng(2).uniform(0.0, 8.0, (5, cells.count))
    alone = np.bincount(mosaic.cell)[mosaic.cell] == 1
    assert alone.all() and np.allclose(shared_leaf_area(values, mosaic), values[:, mosaic.cell], rtol=1e-14)


def test_evergreens_keep_their_leaves_in_winter_and_denser_types_have_more(cells):
    mosaic = mosaic_of(cells, 0.05)
    names = np.array(mosaic.plant_types)[mosaic.plant]
    winter = shared_leaf_area(np.full((1, cells.count), 1.2), mosaic)[0]
    forests = [cell for cell in range(cells.count) if {"ENF", "DBF"} <= set(names[mosaic.cell == cell])]
    assert forests
    for cell in forests:
        evergreen, deciduous = (winter[(mosaic.cell == cell) & (names == name)][0] for name in ("ENF", "DBF"))
        assert evergreen > deciduous


def test_a_run_keeps_the_leaf_area_of_the_forcing(choices, tmp_path):
    result = run_region(choices(output__monthly=["leaf_area_index"], run__last="1984-02-29", output__annual=[],
                                output__daily=["leaf_area_index"]), folder=tmp_path / "run")
    assert result.status == "done", result.troubles
    nation = SyntheticNation(6.0)
    _, order = cells_of_nation(nation)
    expected = nation.daily("1984-02-20", "1984-02-29", order[::4])[:, nation.variables.index("prescribed_leaf_area_index")]
    assert np.allclose(open_results(tmp_path / "run").values("daily", "leaf_area_index")[:, 0], expected, rtol=1e-12)


@pytest.fixture(scope="module")
def plants_store(tmp_path_factory):
    """A store of ten days of one degree, half forest and half grass, built with leaf area of each from maps."""
    from terraflux.drivers.grid import prepare

    home = tmp_path_factory.mktemp("plants")
    latitude, longitude = ("lat", [30.5, 31.5], {"units": "degrees_north"}), ("lon", [100.5, 101.5], {"units": "degrees_east"})
    days = np.arange("2001-06-01", "2001-06-11", dtype="datetime64[D]")
    hours = days.astype("datetime64[h]")[:, None] + np.arange(24)
    sun = np.maximum(0.0, np.sin((np.arange(24) + 6.7 - 6.0) * np.pi / 12.0))  # of 100 E
    shape = (hours.size, 2, 2)

    def field(values):
        return np.broadcast_to(np.asarray(values, float).reshape(-1, 1, 1), shape).copy()
    warm = 15.0 + 8.0 * np.tile(sun, days.size)
    xr.Dataset({name: (("time", "lat", "lon"), field(values), {"units": unit}) for name, values, unit in (
        ("Tair", warm + 273.15, "K"), ("Qair", np.full(hours.size, 0.007), "kg kg-1"),
        ("Wind", np.full(hours.size, 2.0), "m s-1"),
        ("PSurf", np.full(hours.size, 90000.0), "Pa"), ("SWdown", 700.0 * np.tile(sun, days.size), "W m-2"),
        ("LWdown", np.full(hours.size, 330.0), "W m-2"), ("Rainf", np.full(hours.size, 2e-5), "kg m-2 s-1"),
        ("Snowf", np.zeros(hours.size), "kg m-2 s-1"))},
        {"time": hours.ravel().astype("datetime64[ns]"), "lat": latitude, "lon": longitude}).to_netcdf(home / "weather.nc")
    half = np.full((2, 2), 0.5)
    xr.Dataset({"forest": (("lat", "lon"), half), "grass": (("lat", "lon"), half)}, {"lat": latitude, "lon": longitude}
               ).to_netcdf(home / "cover.nc")
    month = np.arange(12)
    forest, grass = 3.0 + 2.0 * np.cos((month - 6) * np.pi / 6), 1.0 + 0.5 * np.cos((month - 6) * np.pi / 6)
    xr.Dataset({name: (("month", "lat", "lon"), np.broadcast_to(values.reshape(-1, 1, 1), (12, 2, 2)), {"units": "1"})
                for name, values in (("forest", forest), ("grass", grass))}, {"lat": latitude, "lon": longitude}
               ).to_netcdf(home / "leaves.nc")
    text = '''store = "forcing.zarr"\nfirst = "2001-06-01"\nlast = "2001-06-10"\n
[target]\nwest = 100\neast = 102\nsouth = 30\nnorth = 32\nresolution = 1.0\n
[[source]]\nprofile = "wfde5"\nfiles = ["weather.nc"]\n
[surface.land_cover]\nfile = "cover.nc"\nfractions = { DBF = "forest", GRA = "grass" }\n
[surface.leaf_area]\nfiles = ["leaves.nc"]\nvariables = { DBF = "forest", GRA = "grass" }\nclimatology = true\n'''
    (home / "build.toml").write_text(text)
    return prepare(home / "build.toml")


def test_maps_of_plant_types_are_stored_and_their_mean_is_that_of_cells(plants_store):
    plants = plants_store.leaf_area_of_plants("2001-06-01", "2001-06-10")
    assert plants.shape == (10, 2, 4) and plants_store.cells.plant_types == ("DBF", "GRA")
    whole = plants_store.slab("2001-06-01", "2001-06-10", variables=("prescribed_leaf_area_index",))[:, 0]
    assert np.allclose(whole, (plants * plants_store.cells.plant_fraction).sum(axis=1), rtol=1e-6)
    assert (plants[:, 0] > 3.0 * plants[:, 1] * 0.99).all()


def test_a_run_gives_each_plant_type_its_own_leaf_area(plants_store, choices, tmp_path):
    import json

    from terraflux.region import tile

    seen = []
    whole = tile.weather_of_columns

    def watched(*arguments):
        made = whole(*arguments)
        seen.append(made[:, list(arguments[3]).index("prescribed_leaf_area_index")])
        return made
    chosen = choices(forcing__synthetic=0.0, forcing__store=str(plants_store.path), run__first="2001-06-01",
                     run__last="2001-06-10", run__every=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tile, "weather_of_columns", watched)
        result = run_region(chosen, folder=tmp_path / "run")
    assert result.status == "done", json.dumps(result.troubles)
    plants = plants_store.leaf_area_of_plants("2001-06-01", "2001-06-10")
    assert np.array_equal(seen[0][:, 0::2], plants[:, 0].astype(float))
    assert np.array_equal(seen[0][:, 1::2], plants[:, 1].astype(float))


def test_plant_types_without_a_map_are_refused_by_name(plants_store):
    from terraflux.drivers.errors import ForcingError
    from terraflux.drivers.grid import prepare

    home = plants_store.path.parent
    text = (home / "build.toml").read_text().replace("forcing.zarr", "other.zarr")
    (home / "lacking.toml").write_text(text.replace('variables = { DBF = "forest", GRA', 'variables = { DBF = "forest", EBF'))
    with pytest.raises(ForcingError, match="add GRA"):
        prepare(home / "lacking.toml")
