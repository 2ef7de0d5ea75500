"""Reader of the text tables of the REddyProc example: Year, DoY and Hour, a line of units, gaps as -9999.

Stamps are the END of the interval in local standard time: hour 0 (or 24) of a day ends the day before. Lines may end
with a bare CR; cells are separated by tabs, commas or semicolons. Names and units are those of the example files
(NEE umol m-2 s-1, LE, H, Rg W m-2, Tair, Tsoil degC, rH %, VPD hPa, Ustar m s-1); the line of units, where there is one,
counts.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import infer_step, stamps_from_columns
from terraflux.sites.records.cells import MISSING, cells_of, comma_lines, table_of, text_of
from terraflux.sites.records.read_fluxnet import site_in_name
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import Column, TowerRecord, record_from, rows_taken

COLUMNS: dict[str, tuple[str, ...]] = {
    "net_ecosystem_exchange": ("umol m-2 s-1", "NEE"), "latent_heat": ("W m-2", "LE"), "sensible_heat": ("W m-2", "H"),
    "shortwave_down": ("W m-2", "Rg"), "air_temperature": ("degC", "Tair"),
    "soil_temperature_observed": ("degC", "Tsoil"), "relative_humidity": ("%", "rH"),
    "vapour_pressure_deficit": ("hPa", "VPD"), "friction_velocity": ("m s-1", "Ustar"),
    "photosynthetic_photon_flux_density": ("umol m-2 s-1", "PPFD"), "precipitation": ("mm", "Precip"),
    "wind_speed": ("m s-1", "WS"), "wind_direction": ("degree", "WD"),
}
CLOCK = ("Year", "DoY", "Hour")
GLUED = {"umolm-2s-1": "umol m-2 s-1", "Wm-2": "W m-2", "ms-1": "m s-1", "mmolm-2s-1": "mmol m-2 s-1"}


def _separator(line: str) -> str:
    return max(("\t", ";", ","), key=line.count)


def detect(lines: list[str], path: Path) -> bool:
    """Whether the first lines are those of such a file."""
    return bool(lines) and set(CLOCK) <= set(cells_of(lines[0], _separator(lines[0])))


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, line, column and time for whatever does not fit."""
    text = text_of(path, options.maximum_bytes)
    separator = options.separator or _separator(text.lines[0])
    header = cells_of(text.lines[0], separator)
    for name in CLOCK:
        if name not in header:
            raise ForcingError(f"the column {name} is missing", file=path, variable=name,
                               remedy="use a table with Year, DoY and Hour, or name another format")
    second = cells_of(text.lines[1], separator) if len(text.lines) > 1 else []
    place = header.index("Year")
    has_units = len(second) == len(header) and re.fullmatch(r"[\d.]+", second[place]) is None
    unit_of = {name: "" if unit in ("-", "--") else GLUED.get(unit, unit) for name, unit in zip(header, second)} \
        if has_units else {}
    first = 2 if has_units else 1
    source = table_of(text, header, first, separator=separator, missing=(*MISSING, *options.missing),
                      text_columns=("date", "DateTime"))
    day, hour = source["DoY"].to_numpy(dtype=float), source["Hour"].to_numpy(dtype=float)
    # The midnight that ends a year stands as hour 0 of day 366 of a common year.
    midnight = (hour == 0.0) & (day > 1.0)
    stamps = stamps_from_columns(source["Year"], day_of_year=np.where(midnight, day - 1.0, day),
                                 hour=np.where(midnight, 24.0, hour), file=path)
    step = infer_step(stamps, file=path)
    shift = 0 if options.marks == "start" else step
    axis, rows, notes = options.axis(stamps - shift, path, first + 1, step)
    source = rows_taken(source, rows)
    empty = source["Year"].isna().to_numpy()
    if empty.any():
        moments = pd.DatetimeIndex(axis.start[empty] + np.timedelta64(shift, "s"))
        source.loc[empty, "Year"], source.loc[empty, "DoY"] = moments.year.astype(float), moments.day_of_year.astype(float)
        source.loc[empty, "Hour"] = moments.hour + moments.minute / 60.0
    columns = [Column(variable, name, options.unit_of(variable, name, unit_of.get(name, "") or unit),
                      f"{name}_fqc" if f"{name}_fqc" in header else "", "fluxnet_code")
               for variable, (unit, name) in COLUMNS.items() if name in header and source[name].notna().any()]
    options.check_units_used(header, [one.variable for one in columns], path)
    code = site_in_name(path)
    record = record_from(source, axis.start, axis.start + step, format="reddyproc",
                         resolution="HR" if step == 3600 else "HH", step_seconds=step, columns=columns,
                         facts=options.site_facts({"site_id": code} if code else {}), files=[Path(path).name],
                         history=notes)
    record.data.attrs["header_lines"] = "\n".join(comma_lines(text.lines[:first], separator))
    return record
