"""Small made-up towers: numbers for tests of arithmetic, no claim on any real place."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr


def made_up_forcing(days=60, start="2005-01-01", seed=0, warm=15.0):
    """Forcing of a made-up tower: a sun of fixed height, seeded weather, rain every few days."""
    generator = np.random.default_rng(seed)
    time = pd.date_range(start, periods=48 * days, freq="30min")
    hour = (time.hour + time.minute / 60.0).to_numpy() + 0.25
    sun = np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)
    clear = np.repeat(generator.uniform(0.3, 1.0, days), 48)
    temperature = warm + 6.0 * np.sin((hour - 9.0) / 12.0 * np.pi) + np.repeat(generator.normal(0.0, 3.0, days), 48)
    pressure = np.minimum(0.6 * 0.6108 * np.exp(17.27 * warm / (warm + 237.3)), 0.6108)
    rain = np.where(generator.uniform(size=time.size) < 0.02, 5e-4, 0.0)
    fields = {
        "shortwave_down": (900.0 * sun * clear, "W m-2"),
        "longwave_down": (np.full(time.size, 300.0), "W m-2"),
        "air_temperature": (temperature, "degC"),
        "vapour_pressure": (np.full(time.size, pressure), "kPa"),
        "air_pressure": (np.full(time.size, 1e5), "Pa"),
        "wind_speed": (generator.uniform(1.0, 4.0, time.size), "m s-1"),
        "precipitation": (rain, "kg m-2 s-1"),
    }
    return xr.Dataset({name: ("time", values, {"units": unit}) for name, (values, unit) in fields.items()},
                      coords={"time": time}, attrs={"time_step_seconds": 1800.0})


@pytest.fixture
def forcing():
    """Sixty days of made-up forcing."""
    return made_up_forcing()


@pytest.fixture
def make_forcing():
    """Maker of made-up forcing."""
    return made_up_forcing


@pytest.fixture
def make_simulation():
    """Maker of a made-up simulation with soil layers, as the model returns it."""
    return made_up_simulation


def made_up_simulation(days=60, seed=1, start="2005-01-01"):
    """A made-up simulation: fluxes with a daily course, five soil layers."""
    generator = np.random.default_rng(seed)
    time = pd.date_range(start, periods=48 * days, freq="30min")
    hour = time.hour.to_numpy() + time.minute.to_numpy() / 60.0
    sun = np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)
    thickness = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
    bottom = np.cumsum(thickness)
    series = {
        "net_radiation": (400.0 * sun - 50.0, "W m-2"),
        "latent_heat": (150.0 * sun + generator.normal(0, 5, time.size), "W m-2"),
        "sensible_heat": (100.0 * sun - 10.0, "W m-2"),
        "ground_heat_flux": (30.0 * sun - 8.0, "W m-2"),
        "gross_primary_production": (1e-4 * sun, "g m-2 s-1"),
        "ecosystem_respiration": (np.full(time.size, 3e-5), "g m-2 s-1"),
        "net_ecosystem_exchange": (3e-5 - 1e-4 * sun, "g m-2 s-1"),
        "evapotranspiration": (150.0 * sun / 2.45e6, "kg m-2 s-1"),
        "snow_water_equivalent": (np.linspace(30.0, 0.0, time.size), "kg m-2"),
        "snow_depth": (np.linspace(0.1, 0.0, time.size), "m"),
    }
    layered = {
        "soil_temperature": (10.0 - np.outer(sun, bottom) + np.zeros((time.size, 5)), "degC"),
        "soil_liquid": (np.full((time.size, 5), 0.25), "m3 m-3"),
        "soil_ice": (np.zeros((time.size, 5)), "m3 m-3"),
    }
    dataset = xr.Dataset({name: ("time", values, {"units": unit}) for name, (values, unit) in series.items()}
                         | {name: (("time", "soil"), values, {"units": unit})
                            for name, (values, unit) in layered.items()},
                         coords={"time": time})
    dataset["time_bnds"] = (("time", "bnds"), np.column_stack([time, time + pd.Timedelta(minutes=30)]))
    dataset = dataset.assign_coords(soil_depth=("soil", bottom - thickness / 2))
    dataset["soil_bnds"] = (("soil", "bnds"), np.column_stack([bottom - thickness, bottom]))
    dataset.attrs |= {
        "site_id": "XX-Tst", "latitude": 50.0, "longitude": 10.0, "elevation": 300.0, "utc_offset_hours": 1.0,
        "time_step_seconds": 1800.0, "synthetic": 0, "water_closure_mm": 1e-12, "energy_closure_W_m2": 2e-11,
        "heat_closure_W_m2": 1e-10, "carbon_closure_g_m2": 3e-14, "parameters": "carboxylation_capacity = 50.0\n",
    }
    return dataset
