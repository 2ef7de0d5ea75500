"""An invented weather on a small grid, and writers that put it into files of every product, and spoil them."""

import os

import numpy as np
import pytest
import xarray as xr

from terraflux.model.solar import extraterrestrial_radiation

LATITUDE = np.array([32.0, 31.0, 30.0, 29.0])
LONGITUDE = np.array([100.0, 101.0, 102.0, 103.0, 104.0])
DAYS = 9
FIRST = np.datetime64("2001-02-27")


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Nothing waits for the disk: fsync guards against loss of power, which no test can bring about."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="session")
def world():
    """Hourly states (instants) and fluxes (means of the hour that follows) [time, latitude, longitude], canonical units."""
    hours = np.arange((DAYS + 2) * 24)
    times = (FIRST - 1).astype("datetime64[s]") + hours * np.timedelta64(3600, "s")
    generator = np.random.default_rng(7)
    shape = (hours.size, LATITUDE.size, LONGITUDE.size)
    place = np.add.outer(-0.4 * LATITUDE, 0.1 * LONGITUDE)
    swing = 6.0 * np.cos(2 * np.pi * (hours - 7) / 24.0)[:, None, None]
    temperature = 12.0 + place + swing + generator.normal(0, 0.3, shape)
    pressure = 85000.0 + 300.0 * place + generator.normal(0, 20.0, shape)
    dew_point = temperature - 4.0 - generator.uniform(0, 2, shape)
    sun = extraterrestrial_radiation(times[:, None, None], 3600.0, LATITUDE[None, :, None], LONGITUDE[None, None, :], 0.0)
    return {
        "times": times, "air_temperature": temperature, "air_pressure": pressure, "dew_point_temperature": dew_point,
        "eastward_wind": 3.0 + generator.normal(0, 1, shape), "northward_wind": -1.0 + generator.normal(0, 1, shape),
        "shortwave_down": 0.6 * sun, "longwave_down": 290.0 + generator.normal(0, 5, shape),
        "precipitation": np.maximum(generator.gamma(0.3, 2e-4, shape) - 5e-5, 0.0),
    }


def grid_dataset(variables, times, latitude=LATITUDE, longitude=LONGITUDE, units="hours since 1900-01-01 00:00:00"):
    """A dataset of {name: (values, unit)} on time, latitude and longitude."""
    dataset = xr.Dataset({name: (("time", "latitude", "longitude"), values, {"units": unit})
                          for name, (values, unit) in variables.items()},
                         {"time": times.astype("datetime64[ns]"),
                          "latitude": ("latitude", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
                          "longitude": ("longitude", longitude, {"units": "degrees_east", "standard_name": "longitude"})})
    dataset["time"].encoding = {"units": units, "calendar": "standard", "dtype": "f8"}
    for name in variables:
        dataset[name].encoding = {"_FillValue": None}
    return dataset


@pytest.fixture(scope="session")
def dataset_of():
    """The function `grid_dataset`."""
    return grid_dataset


@pytest.fixture(scope="session")
def daily_truth(world):
    """Daily means that every product must lead to, {variable: [day, latitude, longitude]}, UTC days from FIRST."""
    from terraflux.model.humidity import vapour_pressure_from_dew_point

    def days(values):
        return values[24:-24].reshape(DAYS, 24, *values.shape[1:])
    vapour = vapour_pressure_from_dew_point(world["dew_point_temperature"])
    wind = np.hypot(world["eastward_wind"], world["northward_wind"])
    truth = {name: days(world[name]).mean(axis=1) for name in ("air_temperature", "air_pressure", "shortwave_down",
                                                             "longwave_down", "precipitation")}
    return truth | {"vapour_pressure": days(vapour).mean(axis=1), "wind_speed": days(wind).mean(axis=1),
                    "air_temperature_minimum": days(world["air_temperature"]).min(axis=1),
                    "air_temperature_maximum": days(world["air_temperature"]).max(axis=1)}


@pytest.fixture(scope="session")
def products(world):
    """The invented weather as datasets of products, by profile name."""
    times = world["times"]
    kelvin = world["air_temperature"] + 273.15
    states = {"t2m": (kelvin, "K"), "d2m": (world["dew_point_temperature"] + 273.15, "K"), "sp": (world["air_pressure"], "Pa"),
              "u10": (world["eastward_wind"], "m s**-1"), "v10": (world["northward_wind"], "m s**-1")}
    # The flux of the hour that follows a stamp ends at the next: amounts are stamped by their ends.
    late = times + np.timedelta64(3600, "s")
    amounts = {"ssrd": world["shortwave_down"] * 3600.0, "strd": world["longwave_down"] * 3600.0,
               "tp": world["precipitation"] * 3.6}
    units = {"ssrd": "J m**-2", "strd": "J m**-2", "tp": "m"}
    hour = times.astype("datetime64[h]").astype(int) % 24

    def running_totals(reset):
        running = {}
        for name, values in amounts.items():
            total = np.empty_like(values)
            for step in range(len(times)):
                total[step] = values[step] + (total[step - 1] if step and hour[step] % reset else 0.0)
            running[name] = (total, units[name])
        return grid_dataset(states, times).merge(grid_dataset(running, late), join="inner")
    humid = 0.622 * (e := _vapour(world)) / (world["air_pressure"] * 1e-3 - 0.378 * e)
    wind = np.hypot(world["eastward_wind"], world["northward_wind"])
    return {
        "era5": grid_dataset(states, times).merge(
            grid_dataset({name: (one, units[name]) for name, one in amounts.items()}, late), join="inner"),
        "era5_land": running_totals(24), "era_interim": running_totals(12),
        "gldas": grid_dataset({"Tair_f_inst": (kelvin, "K"), "Qair_f_inst": (humid, "kg kg-1"), "Wind_f_inst": (wind, "m s-1"),
                               "Psurf_f_inst": (world["air_pressure"], "Pa")}, times).merge(
            grid_dataset({"SWdown_f_tavg": (world["shortwave_down"], "W m-2"),
                          "LWdown_f_tavg": (world["longwave_down"], "W m-2"),
                          "Rainf_f_tavg": (world["precipitation"], "kg m-2 s-1")}, late), join="inner"),
        "princeton": grid_dataset({"tas": (kelvin, "K"), "shum": (humid, "kg kg-1"), "pres": (world["air_pressure"], "Pa"),
                                   "wind": (wind, "m s-1"), "dswrf": (world["shortwave_down"], "W m-2"),
                                   "dlwrf": (world["longwave_down"], "W m-2"),
                                   "prcp": (world["precipitation"], "kg m-2 s-1")}, times),
        "wfde5": grid_dataset({"Tair": (kelvin, "K"), "Qair": (humid, "kg kg-1"), "PSurf": (world["air_pressure"], "Pa"),
                               "Wind": (wind, "m s-1"), "SWdown": (world["shortwave_down"], "W m-2"),
                               "LWdown": (world["longwave_down"], "W m-2"),
                               "Rainf": (world["precipitation"] * 0.75, "kg m-2 s-1"),
                               "Snowf": (world["precipitation"] * 0.25, "kg m-2 s-1")}, times),
        "cmfd": _three_hourly(world, humid, wind),
    }


def _vapour(world):
    from terraflux.model.humidity import vapour_pressure_from_dew_point

    return vapour_pressure_from_dew_point(world["dew_point_temperature"])


def _three_hourly(world, humid, wind):
    times = world["times"][::3]
    rain = world["precipitation"].reshape(-1, 3, LATITUDE.size, LONGITUDE.size).mean(axis=1)
    states = grid_dataset({"temp": (world["air_temperature"][::3] + 273.15, "K"), "pres": (world["air_pressure"][::3], "Pa"),
                           "shum": (humid[::3], "kg/kg"), "wind": (wind[::3], "m/s"),
                           "srad": (np.maximum(world["shortwave_down"][::3], 0.0) * 0.5, "W/m2"),
                           "lrad": (world["longwave_down"][::3], "W/m2")}, times)
    return states.merge(grid_dataset({"prec": (rain * 3600.0, "mm hr-1")}, times + np.timedelta64(3, "h")), join="inner")


@pytest.fixture
def write(tmp_path):
    """Write a dataset to a file in the folder of the test; returns the path."""
    def to(dataset, name="data.nc", **keywords):
        path = tmp_path / name
        dataset.to_netcdf(path, **keywords)
        return path
    return to


@pytest.fixture
def choices(tmp_path):
    """Choices of a build in the folder of the test over the middle of the grid; keywords replace parts."""
    from terraflux.drivers.grid.configuration import choices_from

    def make(profile="era5", files=("data.nc",), **changes):
        source = {"profile": profile, "files": list(files), **changes.pop("source", {})}
        table = {"first": "2001-02-27", "last": "2001-03-01", "slab_days": 2, "block_cells": 8,
                 "target": {"like": "source", "tile_side": 2}, "source": [source], "carbon_dioxide": 370.0, **changes}
        return choices_from(table, folder=tmp_path, file="build.toml")
    return make
