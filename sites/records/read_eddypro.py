"""Reader of the full output file of EddyPro.

Three header lines (groups, names, units in brackets), missing -9999. `date` and `time` are the END of each averaging
interval (EddyPro manual, "Beginning of dataset"), on the clock of the raw files, which should be local standard time.
Units are those of the third line. (z-d)/L, L and u* are there; sigma_v is the root of v_var. Quality flags are those of
Mauder and Foken (0, 1, 2), or of Foken (1-9) where a flag exceeds 2. The footprint distances of the file (x_peak ..
x_90%) stay in the source.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import stamps_from_text
from terraflux.sites.records.cells import MISSING, cells_of, table_of, text_of
from terraflux.sites.records.read_fluxnet import site_in_name
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import Column, TowerRecord, add_variable, record_from, rows_taken
from terraflux.sites.records.variables import unit_key

COLUMNS: dict[str, tuple[str, ...]] = {
    "air_temperature": ("air_temperature",), "air_pressure": ("air_pressure",), "relative_humidity": ("RH",),
    "vapour_pressure_deficit": ("VPD",), "vapour_pressure": ("e",), "specific_humidity": ("specific_humidity",),
    "carbon_dioxide": ("co2_mixing_ratio", "co2_mole_fraction"), "vapour_mole_fraction": ("h2o_mole_fraction",),
    "wind_speed": ("wind_speed",), "wind_direction": ("wind_dir",), "friction_velocity": ("u*", "ustar", "us"),
    "obukhov_length": ("L",), "stability_parameter": ("(z-d)/L", "z_d_L", "zL"),
    "sensible_heat": ("H",), "latent_heat": ("LE",), "carbon_dioxide_flux": ("co2_flux",),
    "carbon_dioxide_storage_flux": ("co2_strg",),
    "sensible_heat_random_error": ("rand_err_H",), "latent_heat_random_error": ("rand_err_LE",),
    "net_ecosystem_exchange_random_error": ("rand_err_co2_flux",),
}
"""Variable: names in the file, in order of preference."""
QUALITY = {"sensible_heat": "qc_H", "latent_heat": "qc_LE", "carbon_dioxide_flux": "qc_co2_flux",
           "net_ecosystem_exchange": "qc_co2_flux"}
TEXTS = ("filename", "date", "time")
HEADER_LINES = 3


def detect(lines: list[str], path: Path) -> bool:
    """Whether the first lines are those of such a file."""
    return len(lines) > 2 and "date" in cells_of(lines[1]) and "time" in cells_of(lines[1]) and "[" in lines[2]


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, line, column and time for whatever does not fit.

    Net ecosystem exchange is the turbulent flux plus its storage where both are there, else the turbulent flux.
    """
    text = text_of(path, options.maximum_bytes)
    if len(text.lines) <= HEADER_LINES:
        raise ForcingError("the file has not three header lines and data", file=path, remedy="use a full output file")
    _, header, units = (cells_of(line) for line in text.lines[:HEADER_LINES])
    for name in ("date", "time"):
        if name not in header:
            raise ForcingError(f"the second line has no column {name}", file=path, variable=name,
                               remedy="use a full output file, or name another format")
    if len(units) != len(header):
        raise ForcingError(f"the third line has {len(units)} units for {len(header)} columns", file=path,
                           remedy="the header is damaged; fetch the file again")
    texts = [name for name in header if name in TEXTS or units[header.index(name)].startswith("[8")
             or re.match(r"(spikes|amplitude|drop_out|absolute|skewness|discont|timelag|attack|non_steady)", name)]
    source = table_of(text, header, HEADER_LINES, missing=(*MISSING, "Infinity", *options.missing), text_columns=texts)
    times = [f"{date} {hour}" for date, hour in zip(source["date"], source["time"])]
    ends = stamps_from_text(times, file=path)
    step = _step(ends, path)
    axis, rows, notes = options.axis(ends - step, path, HEADER_LINES + 1, step)
    source = rows_taken(source, rows)
    _fill_stamps(source, axis.start + step)
    unit_of = dict(zip(header, units))
    columns = []
    for variable, names in COLUMNS.items():
        column = next((name for name in names if name in header and source[name].notna().any()), None)
        if column is not None:
            unit = options.unit_of(variable, column, _declared(unit_of[column], variable))
            flag = QUALITY.get(variable, "")
            columns.append(Column(variable, column, unit, flag if flag in header else "", _sense(source, flag)))
    options.check_units_used(header, [one.variable for one in columns], path)
    code = site_in_name(path)
    record = record_from(source, axis.start, axis.start + axis.step_seconds, format="eddypro",
                         resolution="HR" if step == 3600 else "HH", step_seconds=axis.step_seconds, columns=columns,
                         facts=options.site_facts({"site_id": code} if code else {}), files=[Path(path).name],
                         history=notes)
    derived = _add_derived(record, unit_of)
    record.data.attrs |= {"history": "\n".join((*record.history, *derived)),
                          "header_lines": "\n".join(text.lines[:HEADER_LINES])}
    return record


def _step(ends: NDArray[np.datetime64], path: str | Path) -> int:
    """Averaging interval (s): the smallest distance between neighbouring stamps."""
    distances = np.abs(np.diff(ends).astype(np.int64))
    distances = distances[distances > 0]
    if distances.size == 0:
        raise ForcingError("fewer than two time stamps", file=path, variable="time", remedy="give a longer record")
    values, counts = np.unique(distances, return_counts=True)
    return int(values[np.argmax(counts)])


def _fill_stamps(source: pd.DataFrame, ends: NDArray[np.datetime64]) -> None:
    empty = (source["date"] == "").to_numpy()
    if empty.any():
        stamps = pd.DatetimeIndex(ends[empty])
        source.loc[empty, "date"], source.loc[empty, "time"] = stamps.strftime("%Y-%m-%d"), stamps.strftime("%H:%M")


def _declared(unit: str, variable: str) -> str:
    """Unit of the third line; pure numbers are written [#]."""
    plain = unit.strip("[] ")
    return "1" if variable == "stability_parameter" else plain


def _sense(source: pd.DataFrame, flag: str) -> str:
    if flag not in source.columns:
        return "source"
    return "nine_classes" if source[flag].max() > 2 else "three_classes"


def _add_derived(record: TowerRecord, unit_of: dict[str, str]) -> list[str]:
    """Put sigma_v from the variance of the crosswind component, and net ecosystem exchange, in place; returns notes."""
    data, source = record.data, record.source
    notes = []
    variance = next((name for name in ("v_var", "var_v") if name in source and source[name].notna().any()), None)
    if variance is not None and unit_key(unit_of[variance]) in (unit_key("m+2s-2"), unit_key("--")):
        negative = (source[variance] < 0).to_numpy()
        if negative.any():
            notes.append(f"{int(negative.sum())} negative variances of {variance} set to missing")
        values = np.sqrt(source[variance].mask(negative).to_numpy(dtype=float))
        add_variable(data, "sigma_v", values, "m s-1", attributes={"comment": f"square root of {variance}",
                                                                     "derived_from": variance})
    if "carbon_dioxide_flux" in data:
        total = record.values("carbon_dioxide_flux")
        comment = "turbulent flux of carbon dioxide, without storage"
        if "carbon_dioxide_storage_flux" in data:
            total = total + record.values("carbon_dioxide_storage_flux")
            comment = "turbulent flux plus storage flux of carbon dioxide"
        notes.append(f"net_ecosystem_exchange: {comment}")
        add_variable(data, "net_ecosystem_exchange", total, "umol m-2 s-1",
                     quality=record.quality("carbon_dioxide_flux"), sense=record.quality_sense("carbon_dioxide_flux") or
                     "source", quality_column=QUALITY["net_ecosystem_exchange"],
                     attributes={"comment": comment, "derived_from": "carbon_dioxide_flux"})
    return notes
