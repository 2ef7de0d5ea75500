"""A small made-up run for reports: numbers for tests of arithmetic, no claim on any real place."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

DAYS = 40
MEANINGS = "measured filled_good filled_medium filled_poor disaggregated estimated prescribed interpolated"


def _time():
    return pd.date_range("2005-01-10", periods=48 * DAYS, freq="30min")


def _sun():
    hour = _time().hour.to_numpy() + _time().minute.to_numpy() / 60.0
    return np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)


@pytest.fixture
def simulated():
    """A made-up simulation with three soil layers and melting snow."""
    sun, time = _sun(), _time()
    series = {
        "net_radiation": (400.0 * sun - 50.0, "W m-2"),
        "latent_heat": (150.0 * sun, "W m-2"),
        "sensible_heat": (200.0 * sun - 40.0, "W m-2"),
        "ground_heat_flux": (50.0 * sun - 10.0, "W m-2"),
        "gross_primary_production": (1e-4 * sun, "g m-2 s-1"),
        "ecosystem_respiration": (np.full(time.size, 3e-5), "g m-2 s-1"),
        "net_ecosystem_exchange": (3e-5 - 1e-4 * sun, "g m-2 s-1"),
        "evapotranspiration": (6e-5 * sun, "kg m-2 s-1"),
        "snow_water_equivalent": (np.linspace(30.0, 0.0, time.size), "kg m-2"),
    }
    dataset = xr.Dataset({name: ("time", values, {"units": unit}) for name, (values, unit) in series.items()},
                         coords={"time": time})
    dataset["time_bnds"] = (("time", "bnds"), np.column_stack([time, time + pd.Timedelta(minutes=30)]))
    dataset["soil_temperature"] = (("time", "soil"), np.outer(sun - 0.5, [5.0, 2.0, 1.0]), {"units": "degC"})
    dataset["soil_liquid"] = (("time", "soil"), np.full((time.size, 3), 0.25), {"units": "m3 m-3"})
    dataset["soil_ice"] = (("time", "soil"), np.full((time.size, 3), 0.05), {"units": "m3 m-3"})
    dataset = dataset.assign_coords(soil_depth=("soil", [0.05, 0.2, 0.5]))
    dataset["soil_bnds"] = (("soil", "bnds"), np.array([[0.0, 0.1], [0.1, 0.3], [0.3, 0.7]]))
    dataset.attrs |= {
        "site_id": "XX-Tst", "latitude": 50.0, "longitude": 10.0, "elevation": 300.0, "utc_offset_hours": 1.0,
        "time_step_seconds": 1800.0, "synthetic": 0, "water_closure_mm": 1e-12, "energy_closure_W_m2": 2e-11,
        "heat_closure_W_m2": 1e-10, "carbon_closure_g_m2": 3e-14, "parameters": "carboxylation_capacity = 50.0\n",
    }
    return dataset


@pytest.fixture
def observed(simulated):
    """Made-up observations: the simulation plus ten per cent, a tenth of it missing."""
    observed = xr.Dataset(coords={"time": simulated["time"]}, attrs={"synthetic": 0})
    for name in ("net_radiation", "latent_heat", "sensible_heat", "ground_heat_flux", "gross_primary_production"):
        values = 1.1 * simulated[name].to_numpy()
        values[::10] = np.nan
        observed[name] = ("time", values, {"units": simulated[name].attrs["units"]})
    return observed


@pytest.fixture
def forcing(simulated):
    """Made-up forcing with provenance flags: temperature measured, longwave estimated."""
    time = simulated["time"]
    fields = {"shortwave_down": (600.0 * _sun(), "W m-2", 0), "longwave_down": (np.full(time.size, 300.0), "W m-2", 5),
              "air_temperature": (10.0 * _sun(), "degC", 0),
              "precipitation": (np.full(time.size, 1e-5), "kg m-2 s-1", 4)}
    dataset = xr.Dataset(coords={"time": time}, attrs={"history": ["longwave estimated by brutsaert"]})
    for name, (values, unit, flag) in fields.items():
        dataset[name] = ("time", values, {"units": unit})
        dataset[f"{name}_provenance"] = ("time", np.full(time.size, flag, dtype="int8"),
                                         {"flag_values": np.arange(8, dtype="int8"), "flag_meanings": MEANINGS})
    return dataset
