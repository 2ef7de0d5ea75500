"""Reader of FLUXNET2015 and ONEFlux half-hourly or hourly CSV (FULLSET or SUBSET; AmeriFlux, ICOS and FLUXNET files).

Format: Pastorello et al. (2020), Sci. Data 7, 225. Stamps are local standard time; TIMESTAMP_START is used. Quality
flags of half-hours: 0 measured, 1 good, 2 medium, 3 poor filling. Daily and coarser files, whose flags mean a fraction
of good data, are refused.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FLUXNET_FLAGS, flags_from
from terraflux.drivers.record import Record, Series, series
from terraflux.drivers.safe_files import header_of, read_table
from terraflux.drivers.time_axis import regular_axis, stamps_from_text

# Variable: unit, then columns in order of preference.
FORCING_COLUMNS: dict[str, tuple[str, ...]] = {
    "air_temperature": ("degC", "TA_F", "TA_F_MDS"),
    "shortwave_down": ("W m-2", "SW_IN_F", "SW_IN_F_MDS"),
    "longwave_down": ("W m-2", "LW_IN_F", "LW_IN_F_MDS"),
    "vapour_pressure_deficit": ("hPa", "VPD_F", "VPD_F_MDS"),
    "air_pressure": ("kPa", "PA_F", "PA"),
    "precipitation": ("mm", "P_F", "P"),
    "wind_speed": ("m s-1", "WS_F", "WS"),
    "carbon_dioxide": ("umol mol-1", "CO2_F_MDS"),
}
OBSERVED_COLUMNS: dict[str, tuple[str, ...]] = {
    "net_radiation": ("W m-2", "NETRAD"),
    "latent_heat": ("W m-2", "LE_F_MDS"),
    "latent_heat_corrected": ("W m-2", "LE_CORR"),
    "sensible_heat": ("W m-2", "H_F_MDS"),
    "sensible_heat_corrected": ("W m-2", "H_CORR"),
    "ground_heat_flux": ("W m-2", "G_F_MDS"),
    "net_ecosystem_exchange": ("umol m-2 s-1", "NEE_VUT_REF", "NEE_CUT_REF"),
    "gross_primary_production": ("umol m-2 s-1", "GPP_NT_VUT_REF", "GPP_NT_CUT_REF"),
    "gross_primary_production_daytime": ("umol m-2 s-1", "GPP_DT_VUT_REF", "GPP_DT_CUT_REF"),
    "ecosystem_respiration": ("umol m-2 s-1", "RECO_NT_VUT_REF", "RECO_NT_CUT_REF"),
    "ecosystem_respiration_daytime": ("umol m-2 s-1", "RECO_DT_VUT_REF", "RECO_DT_CUT_REF"),
    "soil_temperature_observed": ("degC", "TS_F_MDS_1"),
    "soil_moisture_observed": ("%", "SWC_F_MDS_1"),
    "friction_velocity": ("m s-1", "USTAR"),
    "reflected_shortwave": ("W m-2", "SW_OUT"),
    "longwave_up": ("W m-2", "LW_OUT"),
}
REQUIRED = ("air_temperature", "shortwave_down", "vapour_pressure_deficit")
# Fluxes without a flag of their own are as good as the exchange they were made from.
QUALITY_OF = dict.fromkeys(("gross_primary_production", "gross_primary_production_daytime", "ecosystem_respiration",
                            "ecosystem_respiration_daytime"), "net_ecosystem_exchange")


def quality_column(column: str) -> str:
    """Name of the flag column of a data column."""
    return "H_F_MDS_QC" if column == "H_CORR" else "LE_F_MDS_QC" if column == "LE_CORR" else f"{column}_QC"


def chosen(wanted: dict[str, tuple[str, ...]], present: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(column, unit) of every variable of `wanted` for which a column is present."""
    found = {}
    for variable, (unit, *columns) in wanted.items():
        column = next((name for name in columns if name in present), None)
        if column is not None:
            found[variable] = (column, unit)
    return found


def read(path: str | os.PathLike[str], *, order: str = "refuse", duplicates: str = "refuse", gaps: str = "refuse",
         **_unused: Any) -> Record:
    """A record from one file; the rules for the time axis are those of `time_axis.regular_axis`.

    Raises ForcingError for missing columns, daily files and whatever is wrong with time or cells.
    """
    header = header_of(path)
    if "TIMESTAMP_START" not in header:
        if "TIMESTAMP" in header:
            raise ForcingError("this is a daily or coarser FLUXNET file; its quality flags are fractions of good data",
                               file=path, variable="TIMESTAMP", remedy="use the half-hourly (HH) or hourly (HR) file")
        raise ForcingError("the column TIMESTAMP_START is missing", file=path, variable="TIMESTAMP_START",
                           remedy="use a FLUXNET file, or describe the file with a mapping (format mapped_csv)")
    forcing, observed = chosen(FORCING_COLUMNS, header), chosen(OBSERVED_COLUMNS, header)
    for variable in REQUIRED:
        if variable not in forcing:
            unit, *columns = FORCING_COLUMNS[variable]
            raise ForcingError(f"no column {' or '.join(columns)}", file=path, variable=variable, unit=unit,
                               remedy="use a FULLSET or SUBSET file")
    names = [column for column, _ in (forcing | observed).values()]
    table = read_table(path, columns=names + [quality_column(name) for name in names],
                       text_columns=("TIMESTAMP_START",))
    starts = stamps_from_text(table["TIMESTAMP_START"].tolist(), file=path)
    axis, rows, notes = regular_axis(starts, file=path, order=order, duplicates=duplicates, gaps=gaps)
    step = axis.step_seconds
    record = Record(axis, files=[Path(path)], history=[f"{Path(path).name}: {note}" for note in notes])
    for group, wanted in ((record.forcing, forcing), (record.observations, observed)):
        for variable, (column, unit) in wanted.items():
            source = observed.get(QUALITY_OF.get(variable, ""), (column, unit))[0]
            group[variable] = _series(table, variable, column, quality_column(source), unit, step, path).taken(rows)
    record.observations = {name: one for name, one in record.observations.items() if pd.notna(one.values).any()}
    record.forcing = {name: one for name, one in record.forcing.items()
                      if name in REQUIRED or pd.notna(one.values).any()}
    match = re.search(r"_([A-Z]{2}-[A-Za-z0-9]{3})_", Path(path).name)
    if match:
        record.facts["site_id"] = match.group(1)
    return record


def _series(table: pd.DataFrame, variable: str, column: str, quality: str, unit: str, step: int,
            path: str | os.PathLike[str]) -> Series:
    flags = flags_from(table[quality].to_numpy(dtype=float), FLUXNET_FLAGS) if quality in table else None
    return series(variable, table[column].to_numpy(dtype=float), unit, step, flags=flags, file=path, column=column)
