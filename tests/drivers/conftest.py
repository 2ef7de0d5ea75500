"""A short invented record, and writers that put it into files of every known format."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.drivers import synthetic_tower

FACTS = {"site_id": "XX-Tst", "latitude": 50.5, "longitude": 12.0, "utc_offset_hours": 1.0, "elevation": 350.0,
         "plant_type": "MF", "soil_class": "loam"}
CARBON = 12.011e-6


@pytest.fixture(scope="session")
def facts():
    """Facts of the invented site."""
    return dict(FACTS)


@pytest.fixture(scope="session")
def tower():
    """The invented forest from May to June 2021."""
    return synthetic_tower("forest", year=2021, seed=3).between("2021-05-01", "2021-06-30")


@pytest.fixture(scope="session")
def table(tower):
    """The tower as columns of a half-hourly FLUXNET file (numbers, their usual units)."""
    forcing, seen = tower.forcing, tower.observations
    start = pd.DatetimeIndex(forcing.time.values)
    temperature = forcing.air_temperature.values
    saturation = 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))
    columns = {
        "TIMESTAMP_START": start.strftime("%Y%m%d%H%M"),
        "TIMESTAMP_END": (start + pd.Timedelta("30min")).strftime("%Y%m%d%H%M"),
        "TA_F": temperature, "SW_IN_F": forcing.shortwave_down.values, "LW_IN_F": forcing.longwave_down.values,
        "VPD_F": 10.0 * (saturation - forcing.vapour_pressure.values), "PA_F": forcing.air_pressure.values * 1e-3,
        "P_F": forcing.precipitation.values * 1800.0, "WS_F": forcing.wind_speed.values,
        "CO2_F_MDS": forcing.carbon_dioxide.values, "LE_F_MDS": seen.latent_heat.values,
        "H_F_MDS": seen.sensible_heat.values, "NETRAD": seen.net_radiation.values,
        "G_F_MDS": seen.ground_heat_flux.values, "NEE_VUT_REF": seen.net_ecosystem_exchange.values / CARBON,
        "GPP_NT_VUT_REF": seen.gross_primary_production.values / CARBON,
        "SWC_F_MDS_1": 100.0 * seen.soil_moisture_observed.values,
    }
    return pd.DataFrame(columns)


@pytest.fixture
def write_fluxnet(tmp_path, table):
    """Write a FLUXNET CSV after an optional change of the columns; returns its path."""
    def write(change=None, name="FLX_XX-Tst_FLUXNET2015_FULLSET_HH_2021-2021_1-4.csv"):
        frame = table.copy()
        frame = frame if change is None else (change(frame) if change(frame.copy()) is not None else frame)
        path = tmp_path / name
        frame.round(6).fillna(-9999).to_csv(path, index=False)
        return path
    return write


@pytest.fixture
def write_plumber(tmp_path, tower):
    """Write a PLUMBER2 pair (Met and Flux) after an optional change of the Met dataset; returns the Met path."""
    def write(change=None):
        forcing, seen = tower.forcing, tower.observations
        steps = forcing.sizes["time"]

        def point(values, unit):
            return (("time", "y", "x"), np.asarray(values, dtype="f4").reshape(-1, 1, 1), {"units": unit})
        met = xr.Dataset(
            {"Tair": point(forcing.air_temperature + 273.15, "K"), "SWdown": point(forcing.shortwave_down, "W/m2"),
             "LWdown": point(forcing.longwave_down, "W/m2"), "Psurf": point(forcing.air_pressure, "Pa"),
             "Precip": point(forcing.precipitation, "kg/m2/s"), "Wind": point(forcing.wind_speed, "m/s"),
             "CO2air": point(forcing.carbon_dioxide, "ppm"), "LAI": point(forcing.prescribed_leaf_area_index, "1"),
             "Qair": point(0.622 * forcing.vapour_pressure / (forcing.air_pressure * 1e-3
                                                              - 0.378 * forcing.vapour_pressure), "kg/kg"),
             "Tair_qc": point(np.arange(steps) % 4, "1"),
             "latitude": (("y", "x"), [[50.5]]), "longitude": (("y", "x"), [[12.0]]),
             "elevation": (("y", "x"), [[350.0]])},
            {"time": ("time", 1800.0 * np.arange(steps), {"units": "seconds since 2021-05-01 00:00:00"})},
            {"site_code": "XX-Tst"})
        met = met if change is None else change(met)
        path = tmp_path / "XX-Tst_Met.nc"
        met.to_netcdf(path)
        flux = xr.Dataset(
            {"Qle": point(seen.latent_heat, "W/m2"), "Qle_qc": point(np.arange(steps) % 2, "1"),
             "NEE": point(seen.net_ecosystem_exchange / CARBON, "umol/m2/s")}, {"time": met["time"]})
        flux.to_netcdf(tmp_path / "XX-Tst_Flux.nc")
        return path
    return write


@pytest.fixture(scope="session")
def mapping():
    """Make a mapping of the FLUXNET table as a plain CSV with end stamps; keywords replace parts of its table."""
    def make(**changes):
        """A mapping of the FLUXNET table as a plain CSV with end stamps."""
        table = {
            "files": ["plain.csv"], "time": {"stamp": "TIMESTAMP_END", "marks": "end"},
            "forcing": {"air_temperature": {"column": "TA_F", "unit": "degC"},
                        "shortwave_down": {"column": "SW_IN_F", "unit": "W m-2"},
                        "longwave_down": {"column": "LW_IN_F", "unit": "W m-2"},
                        "vapour_pressure_deficit": {"column": "VPD_F", "unit": "hPa"},
                        "air_pressure": {"column": "PA_F", "unit": "kPa"},
                        "precipitation": {"column": "P_F", "unit": "mm"},
                        "wind_speed": {"column": "WS_F", "unit": "m s-1"},
                        "carbon_dioxide": {"column": "CO2_F_MDS", "unit": "ppm"}},
            "observations": {"latent_heat": {"column": "LE_F_MDS", "unit": "W m-2"},
                             "net_ecosystem_exchange": {"column": "NEE_VUT_REF", "unit": "umol m-2 s-1"}},
        }
        return {"table": [table | changes]}
    return make
