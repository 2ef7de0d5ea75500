"""Reader of the half-hourly FLUXNET2015 subset: a netCDF of temperature, humidity, light and carbon fluxes, and a CSV
of monthly means (FLUXNET2015 SUBSET MM) for what the half-hours lack.

The netCDF names its clock (utc_offset_hours, interval start). Monthly columns are rates or means over the month;
their quality figures are fractions of measured and well filled data and are not flags. A mean flux of which less than
LEAST_GOOD is good is left out: a month without a measurement is what filling makes of it (100 W m-2 of sensible heat
into a wood in January, say).
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FLUXNET_FLAGS, flags_from
from terraflux.drivers.record import Record, series
from terraflux.drivers.safe_files import header_of, netcdf_values, open_netcdf, read_table
from terraflux.drivers.time_axis import regular_axis
from terraflux.drivers.units import conversion

FORCING_NAMES = {"air_temperature": "TA", "vapour_pressure_deficit": "VPD", "shortwave_down": "SW_IN"}
OBSERVED_NAMES = {"net_ecosystem_exchange": ("NEE", "NEE_QC"), "gross_primary_production": ("GPP_NT", "NEE_QC"),
                  "gross_primary_production_daytime": ("GPP_DT", "NEE_QC")}

# Column and unit of the monthly file by variable.
MONTHLY_COLUMNS = {
    "air_temperature": ("TA_F", "degC"), "shortwave_down": ("SW_IN_F", "W m-2"), "longwave_down": ("LW_IN_F", "W m-2"),
    "vapour_pressure_deficit": ("VPD_F", "hPa"), "air_pressure": ("PA_F", "kPa"), "precipitation": ("P_F", "mm d-1"),
    "wind_speed": ("WS_F", "m s-1"), "carbon_dioxide": ("CO2_F_MDS", "umol mol-1"),
    "friction_velocity": ("USTAR", "m s-1"), "net_radiation": ("NETRAD", "W m-2"),
    "soil_temperature_observed": ("TS_F_MDS_1", "degC"), "soil_moisture_observed": ("SWC_F_MDS_1", "%"),
    "ground_heat_flux": ("G_F_MDS", "W m-2"), "latent_heat": ("LE_F_MDS", "W m-2"),
    "sensible_heat": ("H_F_MDS", "W m-2"), "latent_heat_corrected": ("LE_CORR", "W m-2"),
    "sensible_heat_corrected": ("H_CORR", "W m-2"), "net_ecosystem_exchange": ("NEE_VUT_REF", "gC m-2 d-1"),
    "ecosystem_respiration": ("RECO_NT_VUT_REF", "gC m-2 d-1"),
    "gross_primary_production": ("GPP_NT_VUT_REF", "gC m-2 d-1"),
    "gross_primary_production_daytime": ("GPP_DT_VUT_REF", "gC m-2 d-1"),
}

LEAST_GOOD = 0.5
CARBON_QUALITY = ("NEE_VUT_REF_QC",)
MONTHLY_QUALITY = {
    "latent_heat": ("LE_F_MDS_QC",), "sensible_heat": ("H_F_MDS_QC",),
    "latent_heat_corrected": ("LE_F_MDS_QC", "H_F_MDS_QC"), "sensible_heat_corrected": ("LE_F_MDS_QC", "H_F_MDS_QC"),
    "net_ecosystem_exchange": CARBON_QUALITY, "ecosystem_respiration": CARBON_QUALITY,
    "gross_primary_production": CARBON_QUALITY, "gross_primary_production_daytime": CARBON_QUALITY,
}
"""Columns of the fraction of good data of the fluxes; where a file lacks one, every month is taken."""
MEASURED_SHARES = {"longwave_down_measured": "LW_IN_F_QC"}
"""Columns of the fraction of good data that are passed on, because what completes forcing asks for them."""


def read_monthly(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Monthly means of a FLUXNET SUBSET MM file in canonical units, indexed by month (datetime64, first of the month).

    Precipitation is a rate (kg m-2 s-1). Columns that are absent or empty are left out; months must be in order. Fluxes
    of months with too little good data are NaN. `longwave_down_measured` is the share of a month (0-1) in which longwave
    was measured or well filled.
    """
    header = header_of(path)
    if "TIMESTAMP" not in header:
        raise ForcingError("the column TIMESTAMP is missing", file=path, variable="TIMESTAMP",
                           remedy="use the monthly (MM) file")
    qualities = {name for names in MONTHLY_QUALITY.values() for name in names} | set(MEASURED_SHARES.values())
    table = read_table(path, columns=[*(column for column, _ in MONTHLY_COLUMNS.values()), *sorted(qualities)],
                       text_columns=("TIMESTAMP",))
    stamps = table["TIMESTAMP"].str.strip()
    if not stamps.str.fullmatch(r"\d{6}").all():
        raise ForcingError("the stamps are not of the form YYYYMM", file=path, variable="TIMESTAMP",
                           remedy="use the monthly (MM) file")
    months = (stamps.str[:4] + "-" + stamps.str[4:]).to_numpy().astype("datetime64[M]")
    if (np.diff(months).astype(int) <= 0).any():
        raise ForcingError("the months are not in order", file=path, variable="TIMESTAMP", remedy="sort the file")
    columns = {}
    for variable, (column, unit) in MONTHLY_COLUMNS.items():
        if column in table:
            values = conversion(variable, unit, file=path).apply(table[column].to_numpy(dtype=float), 1.0)
            for quality in MONTHLY_QUALITY.get(variable, ()):
                if quality in table:
                    values = np.where(table[quality].to_numpy(dtype=float) < LEAST_GOOD, np.nan, values)
            if np.isfinite(values).any():
                columns[variable] = values
    columns |= {share: table[column].to_numpy(dtype=float) for share, column in MEASURED_SHARES.items() if column in table}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(months.astype("datetime64[ns]"), name="month"))


def files_of(folder: Path) -> tuple[Path, Path]:
    """The half-hourly netCDF and the monthly CSV of a folder; each must be there once."""
    found = []
    for pattern in ("*_halfhourly.nc", "*_monthly.csv"):
        matches = sorted(folder.glob(pattern))
        if len(matches) != 1:
            raise ForcingError(f"{len(matches)} files match {pattern}", file=folder,
                               remedy="give a folder with one half-hourly netCDF and one monthly CSV")
        found.append(matches[0])
    return found[0], found[1]


def read(path: str | os.PathLike[str], *, monthly_path: str | os.PathLike[str] | None = None, order: str = "refuse",
         duplicates: str = "refuse", gaps: str = "refuse", **_unused: Any) -> Record:
    """A record from a folder with both files, or from the netCDF (with `monthly_path` or the monthly CSV beside it)."""
    given = Path(path)
    if given.is_dir():
        halfhourly, monthly = files_of(given)
    else:
        halfhourly = given
        beside = given.with_name(given.name.replace("_halfhourly.nc", "_monthly.csv"))
        monthly = Path(monthly_path) if monthly_path is not None else beside
    with open_netcdf(halfhourly) as dataset:
        for name in (*FORCING_NAMES.values(), "time"):
            if name not in dataset.variables:
                raise ForcingError(f"no variable {name}", file=halfhourly, variable=name,
                                   remedy="use a half-hourly subset file")
        axis, rows, notes = regular_axis(dataset["time"].values.astype("datetime64[s]"), file=halfhourly, order=order,
                                         duplicates=duplicates, gaps=gaps)
        record = Record(axis, files=[halfhourly], history=[f"{halfhourly.name}: {note}" for note in notes])
        pairs = {variable: (name, f"{name}_QC") for variable, name in FORCING_NAMES.items()}
        for group, wanted in ((record.forcing, pairs), (record.observations, OBSERVED_NAMES)):
            for variable, (name, quality) in wanted.items():
                if name not in dataset:
                    continue
                flags = (flags_from(netcdf_values(dataset, quality, halfhourly), FLUXNET_FLAGS)
                         if quality in dataset else None)
                one = series(variable, netcdf_values(dataset, name, halfhourly), str(dataset[name].attrs["units"]),
                             axis.step_seconds, flags=flags, file=halfhourly, column=name)
                if group is record.forcing or np.isfinite(one.values).any():
                    group[variable] = one.taken(rows)
        for fact, attribute in (("site_id", "site_id"), ("name", "site_name"), ("igbp", "IGBP")):
            if attribute in dataset.attrs:
                record.facts[fact] = str(dataset.attrs[attribute])
        if "utc_offset_hours" in dataset.attrs:
            record.facts["utc_offset_hours"] = float(dataset.attrs["utc_offset_hours"])
        for fact in ("latitude", "longitude"):
            if fact in dataset.variables:
                record.facts[fact] = float(dataset[fact].values)
    record.monthly = read_monthly(monthly)
    record.files.append(monthly)
    return record
