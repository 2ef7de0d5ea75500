"""Forcing of every three hours from files with accumulated amounts, through the store, into a run."""

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.grid import prepare
from terraflux.model.solar import extraterrestrial_radiation
from terraflux.region import tile
from terraflux.region.results import open_results
from terraflux.region.run import run_region

FIRST, DAYS = np.datetime64("2001-05-27"), 12
LATITUDE, LONGITUDE = np.array([31.5, 30.5]), np.array([100.5, 101.5, 102.5])


@pytest.fixture(scope="module")
def truth():
    """Means of every hour of the days, and a day on either side [hour, latitude, longitude]; fluxes in W m-2 and mm s-1."""
    hours = (FIRST - 1).astype("datetime64[s]") + np.arange((DAYS + 2) * 24) * np.timedelta64(3600, "s")
    sun = extraterrestrial_radiation(hours[:, None, None], 3600.0, LATITUDE[None, :, None], LONGITUDE[None, None, :], 0.0)
    random = np.random.default_rng(3)
    rain = np.maximum(random.gamma(0.3, 3e-4, sun.shape) - 1e-4, 0.0)
    swing = 6.0 * np.cos(2 * np.pi * (np.arange(hours.size) - 7) / 24.0)[:, None, None]
    return {"hours": hours, "shortwave_down": 0.6 * sun, "longwave_down": np.full(sun.shape, 320.0), "precipitation": rain,
            "air_temperature": 14.0 + swing - np.arange(2)[None, :, None] + np.zeros(sun.shape)}


def running(values, hours_apart):
    """Amounts since the last reset, at the end of each hour."""
    total = np.empty_like(values)
    for hour in range(len(values)):
        total[hour] = values[hour] + (total[hour - 1] if hour % hours_apart else 0.0)
    return total


@pytest.fixture(scope="module", params=["era_interim", "era5_land"])
def store(request, truth, tmp_path_factory):
    """ERA-Interim: totals of forecasts of 12 hours, every 3 hours. ERA5-Land: totals since 00 UTC, every 3 hours."""
    home, name = tmp_path_factory.mktemp("three"), request.param
    hours, shape = truth["hours"], truth["precipitation"].shape
    late = hours + np.timedelta64(3600, "s")
    reset = 12 if name == "era_interim" else 24
    every = slice(2, None, 3)  # the ends of every third hour

    def dataset(parts, times):
        made = xr.Dataset({key: (("time", "latitude", "longitude"), values, {"units": unit})
                           for key, (values, unit) in parts.items()},
                          {"time": times.astype("datetime64[ns]"),
                           "latitude": ("latitude", LATITUDE, {"units": "degrees_north"}),
                           "longitude": ("longitude", LONGITUDE, {"units": "degrees_east"})})
        made["time"].encoding = {"units": "hours since 1900-01-01 00:00:00", "dtype": "f8"}
        return made
    states = dataset({"t2m": (truth["air_temperature"][::3] + 273.15, "K"), "d2m": (np.full(shape, 279.0)[::3], "K"),
                      "sp": (np.full(shape, 85000.0)[::3], "Pa"), "u10": (np.full(shape, 2.0)[::3], "m s**-1"),
                      "v10": (np.full(shape, 1.0)[::3], "m s**-1")}, hours[::3])
    amounts = dataset({"ssrd": (running(truth["shortwave_down"] * 3600.0, reset)[every], "J m**-2"),
                       "strd": (running(truth["longwave_down"] * 3600.0, reset)[every], "J m**-2"),
                       "tp": (running(truth["precipitation"] * 3.6, reset)[every], "m")}, late[every])
    states.merge(amounts, join="inner").to_netcdf(home / "data.nc")
    half = np.full((2, 3), 0.5)
    axes = {"lat": ("lat", LATITUDE, {"units": "degrees_north"}), "lon": ("lon", LONGITUDE, {"units": "degrees_east"})}
    xr.Dataset({"forest": (("lat", "lon"), half), "grass": (("lat", "lon"), half)}, axes).to_netcdf(home / "cover.nc")
    xr.Dataset({"lai": (("month", "lat", "lon"), np.full((12, 2, 3), 2.5), {"units": "1"})}, axes).to_netcdf(home / "leaves.nc")
    (home / "build.toml").write_text(f'''
store = "forcing.zarr"
first = "{FIRST}"
last = "{FIRST + (DAYS - 1)}"
step = "source"
slab_days = 5
[target]
like = "source"
[[source]]
profile = "{name}"
files = ["data.nc"]
[surface.land_cover]
file = "cover.nc"
fractions = {{ DBF = "forest", GRA = "grass" }}
[surface.leaf_area]
files = ["leaves.nc"]
variable = "lai"
climatology = true
''')
    return prepare(home / "build.toml")


@pytest.fixture
def chosen(choices, store):
    def make(**changes):
        kept = ["precipitation", "shortwave_down", "longwave_down", "air_temperature", "evapotranspiration"]
        return choices(forcing__synthetic=0.0, forcing__store=str(store.path), run__first=str(FIRST),
                       run__last=str(FIRST + (DAYS - 1)), run__every=1, output__daily=kept, output__annual=[], **changes)
    return make


def test_amounts_become_means_of_three_hours(store, truth):
    assert store.layout.step_seconds == 10800
    found = store.slab(0, DAYS - 1, variables=("precipitation", "shortwave_down"), dtype="f8")
    for row, name in enumerate(("precipitation", "shortwave_down")):
        means = truth[name][24:-24].reshape(DAYS * 8, 3, 2, 3).mean(axis=1)
        assert np.allclose(store.cells.on_grid(found[:, row]), means, rtol=1e-5, atol=1e-6 * means.max())


def test_a_run_keeps_the_amounts_of_every_day(store, truth, chosen, tmp_path):
    result = run_region(chosen(), folder=tmp_path / "run")
    assert result.status == "done" and not result.masked, result.troubles
    results = open_results(tmp_path / "run")
    for name in ("precipitation", "shortwave_down", "longwave_down"):
        stored = store.slab(0, DAYS - 1, variables=(name,), dtype="f8")[:, 0].reshape(DAYS, 8, -1).mean(axis=1)
        assert np.allclose(results.values("daily", name)[:, 0], stored, rtol=1e-12, atol=1e-12 * stored.max())
    warmth = results.values("daily", "air_temperature")[:, 0]
    daily = truth["air_temperature"][24:-24].reshape(DAYS, 24, 2, 3).mean(axis=1)
    assert np.allclose(store.cells.on_grid(warmth), daily, atol=0.2)  # instants of every third hour, joined
    assert (results.values("monthly", "evapotranspiration") > 0.0).all()


def test_slabs_pieces_and_stops_give_the_same_bits(chosen, digest, stop_after, tmp_path, monkeypatch):
    from terraflux.region import run as runs

    run_region(chosen(), folder=tmp_path / "whole")
    monkeypatch.setattr(tile, "PIECE_BYTES", 1)
    runs._prepare(chosen(run__slab_days=2), tmp_path / "cut", False)
    for _ in range(20):
        if tile.run_tile(tmp_path / "cut", 0, stop=stop_after(0)).status == "done":
            break
    assert digest(tmp_path / "whole") == digest(tmp_path / "cut")
