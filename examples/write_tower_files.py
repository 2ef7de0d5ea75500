"""Writes a small tower in the layout of real ones: a FLUXNET2015 half-hourly CSV, leaf area, and a tower file.

    python examples/write_tower_files.py my_tower

The numbers are those of the synthetic tower: made up, with gaps and noise, and said to be so in every file. What is real
is the format, so that the tutorial needs no download: with a file of your own, write the same tower.toml beside it.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import terraflux as tf
from terraflux.drivers.tower import Tower
from terraflux.model.constants import CARBON_MOLAR_MASS
from terraflux.model.humidity import saturation_pressure_at

SITE = "XX-Syn"
DATA, LEAF_AREA, TOWER_FILE = f"FLX_{SITE}_FLUXNET2015_FULLSET_HH_2021-2021_1-4.csv", "leaf_area.csv", "tower.toml"
MISSING = -9999.0
MICROMOLES = 1e6 / CARBON_MOLAR_MASS  # umol of carbon dioxide per g of carbon
DIGITS = 5

TOWER_TEXT = f"""\
# A tower file says everything about a tower except the numbers. Unknown keys are refused.
format = "fluxnet"
file = "{DATA}"

[site]
site_id = "{SITE}"
name = "synthetic mixed forest, invented numbers"
latitude = 50.5
longitude = 12.0
elevation = 350.0
utc_offset_hours = 1
plant_type = "MF"
soil_class = "loam"
canopy_height = 20.0
measurement_height = 32.0
leaf_area = "invented seasonal course, every eight days"
source = "invented by terraflux.synthetic_tower; no measurement"
synthetic = true

[completion]
leaf_area = "{LEAF_AREA}"
"""


def fluxnet_table(tower: Tower) -> pd.DataFrame:
    """Forcing and observations of a tower as a table with the columns, units and flags of FLUXNET2015."""
    weather, seen = tower.forcing, tower.observations
    stamps = pd.DatetimeIndex(weather["time"].values)
    step = pd.Timedelta(seconds=int(weather.attrs["time_step_seconds"]))
    air = weather["air_temperature"].values
    deficit = saturation_pressure_at(air) - weather["vapour_pressure"].values
    columns = {
        "TIMESTAMP_START": stamps.strftime("%Y%m%d%H%M"),
        "TIMESTAMP_END": (stamps + step).strftime("%Y%m%d%H%M"),
        "TA_F": air,
        "SW_IN_F": weather["shortwave_down"].values,
        "LW_IN_F": weather["longwave_down"].values,
        "VPD_F": 10.0 * deficit,
        "PA_F": 1e-3 * weather["air_pressure"].values,
        "P_F": weather["precipitation"].values * step.total_seconds(),
        "WS_F": weather["wind_speed"].values,
        "CO2_F_MDS": weather["carbon_dioxide"].values,
        "NETRAD": seen["net_radiation"].values,
        "LE_F_MDS": seen["latent_heat"].values,
        "H_F_MDS": seen["sensible_heat"].values,
        "G_F_MDS": seen["ground_heat_flux"].values,
        "NEE_VUT_REF": MICROMOLES * seen["net_ecosystem_exchange"].values,
        "GPP_NT_VUT_REF": MICROMOLES * seen["gross_primary_production"].values,
        "RECO_NT_VUT_REF": MICROMOLES * seen["ecosystem_respiration"].values,
        "TS_F_MDS_1": seen["soil_temperature_observed"].values,
        "SWC_F_MDS_1": 100.0 * seen["soil_moisture_observed"].values,
    }
    for name in ("TA_F", "SW_IN_F", "LW_IN_F", "VPD_F", "PA_F", "P_F", "WS_F", "CO2_F_MDS", "LE_F_MDS", "H_F_MDS",
                 "G_F_MDS", "NEE_VUT_REF"):
        columns[f"{name}_QC"] = np.zeros(stamps.size, dtype=int)
    return pd.DataFrame(columns).fillna(MISSING)


def leaf_area_table(tower: Tower, days: int = 8) -> pd.DataFrame:
    """Leaf area index every so many days, with the columns `date` and `lai`."""
    apart = days * round(86400 / tower.forcing.attrs["time_step_seconds"])
    chosen = tower.forcing["prescribed_leaf_area_index"][::apart]
    return pd.DataFrame({"date": pd.DatetimeIndex(chosen["time"].values).strftime("%Y-%m-%d"), "lai": chosen.values})


def write(folder: Path) -> list[Path]:
    """Writes the three files into a folder, made where missing, and returns their paths."""
    tower = tf.synthetic_tower("forest")
    folder.mkdir(parents=True, exist_ok=True)
    fluxnet_table(tower).round(DIGITS).to_csv(folder / DATA, index=False)
    leaf_area_table(tower).round(DIGITS).to_csv(folder / LEAF_AREA, index=False)
    (folder / TOWER_FILE).write_text(TOWER_TEXT, encoding="utf-8")
    return [folder / name for name in (DATA, LEAF_AREA, TOWER_FILE)]


def main() -> None:
    """Reads the folder from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder to write into")
    for path in write(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
