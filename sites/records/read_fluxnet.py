"""Reader of FLUXNET2015, ONEFlux, ICOS and AmeriFlux-FLUXNET CSV files at every resolution: HH, HR, DD, WW, MM, YY.

Format: Pastorello et al. (2020), Sci. Data 7, 225. Stamps are local standard time; half-hourly, hourly and weekly files
have TIMESTAMP_START and TIMESTAMP_END, others one TIMESTAMP (YYYYMMDD, YYYYMM, YYYY). Missing is -9999. The trap of the
flags: at half-hours they are codes (0 measured .. 3 poor), at days and coarser the FRACTION of good data, opposite in
sense; `quality_sense` of every flag says which. FULLSET files have no Obukhov length and no sigma_v.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.read_fluxnet import FORCING_COLUMNS, OBSERVED_COLUMNS, QUALITY_OF, quality_column
from terraflux.drivers.time_axis import stamps_from_text
from terraflux.sites.records.cells import MISSING, cells_of, table_of, text_of
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import RESOLUTIONS, Column, TowerRecord, record_from, rows_taken

COLUMNS: dict[str, tuple[str, ...]] = FORCING_COLUMNS | OBSERVED_COLUMNS | {
    "potential_shortwave": ("W m-2", "SW_IN_POT"),
    "diffuse_shortwave_down": ("W m-2", "SW_DIF"),
    "photosynthetic_photon_flux_density": ("umol m-2 s-1", "PPFD_IN"),
    "relative_humidity": ("%", "RH"),
    "wind_direction": ("degree", "WD"),
    "night": ("1", "NIGHT"),
    "net_ecosystem_exchange_random_error": ("umol m-2 s-1", "NEE_VUT_REF_RANDUNC", "NEE_CUT_REF_RANDUNC"),
    "net_ecosystem_exchange_joint_error": ("umol m-2 s-1", "NEE_VUT_REF_JOINTUNC", "NEE_CUT_REF_JOINTUNC"),
    "latent_heat_random_error": ("W m-2", "LE_RANDUNC"),
    "latent_heat_joint_error": ("W m-2", "LE_CORR_JOINTUNC"),
    "sensible_heat_random_error": ("W m-2", "H_RANDUNC"),
    "sensible_heat_joint_error": ("W m-2", "H_CORR_JOINTUNC"),
}
"""Variable: unit at half-hours, then columns in order of preference."""

TIME_COLUMNS = ("TIMESTAMP", "TIMESTAMP_START", "TIMESTAMP_END")
CARBON_SUM, WATER_SUM = "gC m-2 d-1", "mm d-1"
_SITE = re.compile(r"(?:^|_)([A-Z]{2}-[A-Za-z0-9]{3})(?=[_.])")


def site_in_name(path: str | Path) -> str:
    """Site code in a file name such as FLX_DE-Tha_FLUXNET2015_...csv, or ""."""
    found = _SITE.search(Path(path).name)
    return found.group(1) if found else ""


def resolution_of(header: list[str], first: str, path: str | Path) -> str:
    """HH, HR, DD, WW, MM or YY from the stamps of the first line; HH also for other steps below a day."""
    if "TIMESTAMP_START" in header and "TIMESTAMP_END" in header:
        if len(first) == 8:
            return "WW"
        if len(first) == 12:
            return "HH"
    elif "TIMESTAMP" in header and len(first) in (4, 6, 8):
        return {4: "YY", 6: "MM", 8: "DD"}[len(first)]
    raise ForcingError(f"the stamps are not those of a FLUXNET file (first {first!r})", file=path, variable="TIMESTAMP",
                       remedy="use TIMESTAMP_START and TIMESTAMP_END (YYYYMMDDHHMM), or TIMESTAMP (YYYYMMDD, YYYYMM, YYYY)")


def detect(lines: list[str], path: Path) -> bool:
    """Whether the first lines are those of such a file."""
    if "_BASE_" in path.name:
        return False
    header = set(cells_of(lines[0])) if lines else set()
    known = {column for _, *columns in COLUMNS.values() for column in columns}
    processed = any(re.search(r"_F(_MDS|_QC|$)|_VUT_|_CUT_", name) for name in header)
    return bool(header & {"TIMESTAMP", "TIMESTAMP_START"}) and bool(header & known) and processed


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, line, column and time for whatever does not fit."""
    text = text_of(path, options.maximum_bytes)
    header = cells_of(text.lines[0])
    stamps = [name for name in TIME_COLUMNS if name in header]
    if not stamps:
        raise ForcingError("no column TIMESTAMP or TIMESTAMP_START", file=path, variable="TIMESTAMP",
                           remedy="use a FLUXNET file, or name another format")
    source = table_of(text, header, 1, missing=(*MISSING, *options.missing), text_columns=stamps)
    resolution = resolution_of(header, str(source[stamps[0]].iloc[0]), path)
    starts, ends, source, notes, step = _time(source, resolution, path, options)
    if resolution == "HH" and step == 3600:
        resolution = "HR"
    columns, units = columns_of(source, resolution, options)
    if not columns:
        raise ForcingError("no column of a FLUXNET variable", file=path, remedy="name another format")
    options.check_units_used(header, [one.variable for one in columns], path)
    code = site_in_name(path)
    facts = options.site_facts({"site_id": code} if code else {})
    return record_from(source, starts, ends, format="fluxnet", resolution=resolution, step_seconds=step,
                       columns=columns, facts=facts, files=[Path(path).name], history=notes, units=units)


def columns_of(source: pd.DataFrame, resolution: str, options: ReadOptions) -> tuple[list[Column], dict[str, str]]:
    """Columns of the file as variables, and the units that variables keep at this resolution.

    Of several columns of a variable the first that holds a number is taken.

    Yearly sums of water and carbon stay in the table of the source only: a sum over a year has no unit here.
    """
    columns, units = [], {}
    sense = "fluxnet_code" if RESOLUTIONS[resolution] in (1800, 3600) else "fraction"
    chosen = {}
    for variable, (unit, *names) in COLUMNS.items():
        present = [name for name in names if name in source.columns]
        if present:
            column = next((name for name in present if source[name].notna().any()), present[0])
            chosen[variable] = (column, unit)
    for variable, (column, unit) in chosen.items():
        carbon = unit == "umol m-2 s-1" and variable != "photosynthetic_photon_flux_density"
        if resolution == "YY" and (carbon or variable == "precipitation"):
            continue
        if resolution not in ("HH", "HR"):
            unit = CARBON_SUM if carbon else WATER_SUM if variable == "precipitation" else unit
            units[variable] = unit
        flagged = chosen.get(QUALITY_OF.get(variable, ""), (column, ""))[0]
        quality = quality_column(flagged)
        columns.append(Column(variable, column, options.unit_of(variable, column, unit),
                              quality if quality in source.columns else "", sense))
    return columns, units


def _time(source: pd.DataFrame, resolution: str, path: str | Path, options: ReadOptions
          ) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64], pd.DataFrame, list[str], int]:
    if resolution == "HH":
        starts = stamps_from_text(source["TIMESTAMP_START"].tolist(), file=path)
        ends = stamps_from_text(source["TIMESTAMP_END"].tolist(), file=path)
        axis, rows, notes = options.axis(starts, path, 2, interval_seconds(starts, ends, path))
        source = rows_taken(source, rows)
        fill_stamps(source, axis.start, axis.step_seconds)
        return axis.start, axis.start + axis.step_seconds, source, notes, axis.step_seconds
    if resolution == "WW":
        starts = stamps_from_text(source["TIMESTAMP_START"].tolist(), file=path)
        ends = stamps_from_text(source["TIMESTAMP_END"].tolist(), file=path) + np.timedelta64(86400, "s")
    else:
        texts = source["TIMESTAMP"].tolist()
        dates = [{"DD": f"{one[:4]}-{one[4:6]}-{one[6:]}", "MM": f"{one[:4]}-{one[4:6]}-01", "YY": f"{one}-01-01"}[resolution]
                 for one in texts]
        starts = stamps_from_text(dates, file=path)
        step = {"DD": "D", "MM": "M", "YY": "Y"}[resolution]
        ends = (starts.astype(f"datetime64[{step}]") + 1).astype("datetime64[s]")
    jumps = starts[1:] < ends[:-1]
    if jumps.any():
        row = int(np.argmax(jumps)) + 1
        what = "appears twice" if starts[row] == starts[row - 1] else "runs backwards or overlaps"
        raise ForcingError(f"time {what} in line {row + 2}", file=path, variable="TIMESTAMP", time=starts[row],
                           remedy="sort the file and delete repeats")
    gaps = starts[1:] > ends[:-1] if resolution != "WW" else np.zeros(1, bool)
    if gaps.any():
        row = int(np.argmax(gaps))
        raise ForcingError(f"time jumps after line {row + 2}", file=path, variable="TIMESTAMP", time=ends[row],
                           remedy="add the missing lines")
    return starts, ends, source, [], RESOLUTIONS[resolution] or 0


def interval_seconds(starts: NDArray[np.datetime64], ends: NDArray[np.datetime64], path: str | Path,
                     header_lines: int = 1) -> int:
    """Length of the intervals (s); the first that differs from the others is refused, naming its line."""
    lengths = (ends - starts).astype(np.int64)
    wrong = lengths != np.median(lengths)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ForcingError(f"the interval in line {row + header_lines + 1} lasts {lengths[row]} s, others "
                           f"{int(np.median(lengths))} s", file=path, variable="TIMESTAMP_END", time=starts[row],
                           remedy="correct the stamps")
    return int(lengths[0])


def fill_stamps(source: pd.DataFrame, starts: NDArray[np.datetime64], step: int) -> None:
    """Put stamps into the rows that were inserted, in place."""
    empty = (source["TIMESTAMP_START"] == "").to_numpy()
    if empty.any():
        for name, moments in (("TIMESTAMP_START", starts), ("TIMESTAMP_END", starts + np.timedelta64(step, "s"))):
            source.loc[empty, name] = pd.DatetimeIndex(moments[empty]).strftime("%Y%m%d%H%M")
