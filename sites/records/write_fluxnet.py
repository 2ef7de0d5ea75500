"""Writer of FLUXNET CSV files, at the resolution of the record."""

from pathlib import Path

import pandas as pd

from terraflux.drivers.read_fluxnet import QUALITY_OF
from terraflux.sites.records.read_fluxnet import CARBON_SUM, COLUMNS, WATER_SUM, quality_column
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.written_table import table_of_record, write_table

STAMPS = {"HH": "%Y%m%d%H%M", "HR": "%Y%m%d%H%M", "WW": "%Y%m%d", "DD": "%Y%m%d", "MM": "%Y%m", "YY": "%Y"}


def write(record: TowerRecord, path: str | Path) -> Path:
    """Write a record with FLUXNET names and units, -9999 where missing. Returns the path.

    Flags of other senses than FLUXNET's are left out with a warning, and so is what FLUXNET has no name for.
    """
    names = {}
    for variable, (unit, column, *_) in COLUMNS.items():
        if record.resolution not in ("HH", "HR"):
            carbon = unit == "umol m-2 s-1" and variable != "photosynthetic_photon_flux_density"
            unit = CARBON_SUM if carbon else WATER_SUM if variable == "precipitation" else unit
        sense = record.quality_sense(variable)
        flagged = COLUMNS[QUALITY_OF.get(variable, variable)][1]
        names[variable] = (column, unit, quality_column(flagged) if sense in ("fluxnet_code", "fraction") else "")
    table = table_of_record(record, "fluxnet", names)
    return write_table(with_stamps(table, record), path)


def with_stamps(table: pd.DataFrame, record: TowerRecord) -> pd.DataFrame:
    """The table with the columns of time first, where it has none."""
    if {"TIMESTAMP", "TIMESTAMP_START"} & set(table.columns):
        return table
    pattern = STAMPS[record.resolution]
    bounds = record.data["time_bnds"].to_numpy()
    starts, ends = pd.DatetimeIndex(bounds[:, 0]), pd.DatetimeIndex(bounds[:, 1])
    if record.resolution in ("HH", "HR", "WW"):
        last = ends - pd.Timedelta(days=1) if record.resolution == "WW" else ends
        stamps = {"TIMESTAMP_START": starts.strftime(pattern), "TIMESTAMP_END": last.strftime(pattern)}
    else:
        stamps = {"TIMESTAMP": starts.strftime(pattern)}
    return pd.concat([pd.DataFrame(stamps, index=table.index), table], axis=1)
