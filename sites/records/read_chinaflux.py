"""Reader of ChinaFLUX-style CSV: calendar columns, Chinese or English headers, CO2 flux in mg m-2 s-1.

Time is China standard time (UTC+8) whatever the longitude. Missing is -99999, or -9999. Units in brackets of the header
(or in a second line of units) count; without them the network's habits do: CO2 flux mg CO2 m-2 s-1, deg C, kPa, %,
W m-2, m s-1, mm. 1 mg CO2 m-2 s-1 is 1000/44.0095 = 22.722 umol m-2 s-1. Whether stamps mark the start or the end of the
interval is told from the first and last of them where the record holds whole days (00:00 .. 23:30 starts, 00:30 ..
24:00 ends); otherwise the caller must say (`marks`). Chinese text is read as UTF-8 or GB 18030.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import infer_step, stamps_from_columns
from terraflux.sites.records.cells import MISSING, cells_of, comma_lines, table_of, text_of
from terraflux.sites.records.read_fluxnet import site_in_name
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import Column, TowerRecord, record_from, rows_taken

UTC_OFFSET_HOURS = 8.0
MISSING_CODES = ("-99999", "-99999.0", "-99999.00", "-99999.000", "-6999", "-6999.0")
CLOCK = {
    "year": ("year", "yyyy", "年", "年份"), "month": ("month", "mon", "mm", "月", "月份"),
    "day": ("day", "dd", "日", "日期"), "hour": ("hour", "hh", "时", "小时"), "minute": ("min", "minute", "mi", "分", "分钟"),
}
# Variable: habitual unit, then headers without units, lower case, in order of preference.
COLUMNS: dict[str, tuple[str, ...]] = {
    "net_ecosystem_exchange": ("mg m-2 s-1", "nee", "净生态系统碳交换量", "净生态系统co2交换量", "净生态系统二氧化碳交换量",
                               "净生态系统交换量"),
    "carbon_dioxide_flux": ("mg m-2 s-1", "fc", "co2flux", "co2_flux", "fco2", "f_co2", "co2通量", "二氧化碳通量", "碳通量"),
    "gross_primary_production": ("mg m-2 s-1", "gpp", "gep", "总初级生产力", "生态系统总初级生产力"),
    "ecosystem_respiration": ("mg m-2 s-1", "re", "reco", "er", "生态系统呼吸", "生态系统呼吸量"),
    "latent_heat": ("W m-2", "le", "lambdae", "潜热", "潜热通量"),
    "sensible_heat": ("W m-2", "hs", "h", "显热", "显热通量", "感热", "感热通量"),
    "ground_heat_flux": ("W m-2", "g", "shf", "土壤热通量"),
    "net_radiation": ("W m-2", "rn", "netrad", "净辐射"),
    "shortwave_down": ("W m-2", "rg", "dr", "sw_in", "swin", "总辐射", "太阳总辐射", "太阳辐射"),
    "reflected_shortwave": ("W m-2", "ur", "sw_out", "反射辐射"),
    "longwave_down": ("W m-2", "dlr", "lw_in", "大气长波辐射", "向下长波辐射"),
    "longwave_up": ("W m-2", "ulr", "lw_out", "地面长波辐射", "向上长波辐射"),
    "photosynthetic_photon_flux_density": ("umol m-2 s-1", "par", "ppfd", "光合有效辐射"),
    "air_temperature": ("degC", "ta", "tair", "airtemp", "air_temperature", "空气温度", "气温"),
    "relative_humidity": ("%", "rh", "相对湿度", "空气相对湿度"),
    "vapour_pressure": ("kPa", "ea", "e", "vapor", "水汽压"),
    "vapour_pressure_deficit": ("kPa", "vpd", "饱和水汽压差", "饱和差"),
    "air_pressure": ("kPa", "p_air", "pa", "press", "pressure", "气压", "大气压", "大气压强"),
    "precipitation": ("mm", "rain", "prec", "precipitation", "p", "降水", "降水量", "降雨量"),
    "wind_speed": ("m s-1", "ws", "wind_speed", "u", "风速"),
    "wind_direction": ("degree", "wd", "wind_dir", "wind_direction", "风向"),
    "friction_velocity": ("m s-1", "ustar", "u*", "u_star", "摩擦风速", "摩擦速度"),
    "obukhov_length": ("m", "mo_length", "l", "莫宁奥布霍夫长度"),
    "sigma_v": ("m s-1", "v_sigma", "sigma_v", "sigmav", "横向风速标准差"),
    "soil_temperature_observed": ("degC", "ts", "ts1", "ts_1", "ts_5cm", "土壤温度", "土壤温度_5cm", "5cm土壤温度"),
    "soil_moisture_observed": ("m3 m-3", "sm", "swc", "sm1", "swc_1", "smc", "vwc", "土壤含水量", "土壤水分", "土壤含水量_5cm",
                               "土壤体积含水量"),
}


def detect(lines: list[str], path: Path) -> bool:
    """Whether the first lines are those of such a file: calendar columns and a flux of carbon or heat."""
    names = [plain(cell)[0] for cell in cells_of(lines[0] if lines else "")]
    if not all(set(CLOCK[part]) & set(names) for part in ("year", "month", "day", "hour")):
        return False
    return any(set(COLUMNS[name][1:]) & set(names) for name in
               ("net_ecosystem_exchange", "carbon_dioxide_flux", "latent_heat", "sensible_heat"))


def plain(cell: str) -> tuple[str, str]:
    """Header cell as (name in lower case, unit in brackets or "").

    >>> plain("CO2通量（mg m-2 s-1）"), plain("Ta [degC]")
    (('co2通量', 'mg m-2 s-1'), ('ta', 'degC'))
    """
    match = re.match(r"^(.*?)\s*[(（\[]([^)）\]]*)[)）\]]?\s*$", cell)
    name, unit = (match.group(1), match.group(2)) if match else (cell, "")
    return re.sub(r"\s+", "_", name.strip().strip("\ufeff").lower()), unit.strip()


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, line, column and time for whatever does not fit."""
    text = text_of(path, options.maximum_bytes, fallback="gb18030")
    separator = options.separator or ("\t" if "\t" in text.lines[0] else ",")
    header = cells_of(text.lines[0], separator)
    second = cells_of(text.lines[1], separator) if len(text.lines) > 1 else []
    has_units = bool(second) and not re.fullmatch(r"\d{4}(\.0)?", second[0])
    units = second if has_units and len(second) == len(header) else [""] * len(header)
    names = [plain(cell)[0] for cell in header]
    clock = {part: next((header[names.index(one)] for one in known if one in names), None) for part, known in CLOCK.items()}
    for part in ("year", "month", "day", "hour"):
        if clock[part] is None:
            raise ForcingError(f"no column for the {part}", file=path, variable=part,
                               remedy=f"name one {CLOCK[part][0].capitalize()} or {CLOCK[part][-1]}")
    first = 2 if has_units else 1
    source = table_of(text, header, first, separator=separator, missing=(*MISSING, *MISSING_CODES, *options.missing))
    cells = {part: source[column].to_numpy(dtype=float) for part, column in clock.items() if column is not None}
    stamps = stamps_from_columns(cells["year"], month=cells["month"], day=cells["day"], hour=cells["hour"],
                                 minute=cells.get("minute", 0.0), file=path)
    step = infer_step(stamps, file=path)
    marks = options.marks or _marks(stamps, step, path)
    starts = stamps - step if marks == "end" else stamps
    axis, rows, notes = options.axis(starts, path, first + 1, step)
    source = rows_taken(source, rows)
    _fill_clock(source, clock, axis.start + (step if marks == "end" else 0))
    columns = _columns(header, names, units, source, options, notes)
    options.check_units_used(header, [one.variable for one in columns], path)
    code = site_in_name(path)
    facts = options.site_facts({"site_id": code} if code else {})
    # A file of the network keeps its clock even where the catalogue knows another.
    facts["utc_offset_hours"] = float(options.facts.get("utc_offset_hours", UTC_OFFSET_HOURS))
    notes.append(f"stamps are interval {marks}s" + ("" if options.marks else ", told from whole days"))
    record = record_from(source, axis.start, axis.start + step, format="chinaflux",
                         resolution="HR" if step == 3600 else "HH", step_seconds=step, columns=columns, facts=facts,
                         files=[Path(path).name], history=notes)
    record.data.attrs["header_lines"] = "\n".join(comma_lines(text.lines[:first], separator))
    return record


def _columns(header: list[str], names: list[str], units: list[str], source: pd.DataFrame, options: ReadOptions,
             notes: list[str]) -> list[Column]:
    columns = []
    for variable, (habit, *known) in COLUMNS.items():
        place = next((names.index(one) for one in known if one in names and source[header[names.index(one)]].notna().any()),
                     None)
        if place is None:
            continue
        column = header[place]
        declared = plain(column)[1] or units[place].strip("[]() ")
        flag = next((one for one in header if plain(one)[0] in (f"qc_{names[place]}", f"{names[place]}_qc",
                                                               f"{names[place]}_flag")), "")
        columns.append(Column(variable, column, options.unit_of(variable, column, declared or habit), flag))
        if not declared and column not in options.units and variable not in options.units:
            notes.append(f"{variable} from {column}, unit {habit} by habit of the network")
    found = {one.variable: one for one in columns}
    if "net_ecosystem_exchange" not in found and "carbon_dioxide_flux" in found:
        flux = found["carbon_dioxide_flux"]
        columns.append(Column("net_ecosystem_exchange", flux.column, flux.unit, flux.quality, flux.sense))
        notes.append(f"net_ecosystem_exchange from {flux.column}, without storage")
    return columns


def _marks(stamps: NDArray[np.datetime64], step: int, path: str | Path) -> str:
    """Whether stamps are starts or ends, told by the time of day of the first and the last."""
    seconds = (stamps - stamps.astype("datetime64[D]")).astype(np.int64)
    ends_of_record = (int(seconds[0]), int(seconds[-1]))
    if ends_of_record == (0, 86400 - step):
        return "start"
    if ends_of_record == (step, 0):
        return "end"
    raise ForcingError("the record does not hold whole days, so that its stamps may be starts or ends of intervals",
                       file=path, variable="time", time=stamps[0], remedy='say marks="start" or marks="end"')


def _fill_clock(source: pd.DataFrame, clock: dict[str, str | None], stamps: NDArray[np.datetime64]) -> None:
    """Calendar columns of the rows that were inserted, in place."""
    empty = source[clock["year"]].isna().to_numpy()
    if empty.any():
        moments = pd.DatetimeIndex(stamps[empty])
        for part, column in clock.items():
            if column is not None:
                value = np.asarray(getattr(moments, part), dtype=float)
                source.loc[empty, column] = value + (moments.minute / 60.0 if part == "hour" and clock["minute"] is None
                                                     else 0.0)
