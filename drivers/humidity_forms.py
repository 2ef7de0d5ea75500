"""Vapour pressure from whichever single measure of humidity a source has."""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.record import Record, Series
from terraflux.drivers.units import HUMIDITY_FORMS
from terraflux.model import humidity

DRIEST = 0.01  # relative humidity below which a deficit larger than saturation is taken as sensor error
LARGEST_CONFLICT_SHARE = 0.02
WARM = 10.0  # degC


def humidity_form(record: Record) -> str:
    """The one humidity form of a record; none or several are refused."""
    found = [form for form in HUMIDITY_FORMS if form in record.forcing]
    if len(found) != 1:
        raise ForcingError("no humidity was read" if not found else f"several forms of humidity: {', '.join(found)}",
                           file=record.files[0] if record.files else "", variable="humidity",
                           remedy=f"map exactly one of {', '.join(HUMIDITY_FORMS)}")
    return found[0]


def vapour_pressure(record: Record) -> tuple[Series, list[str]]:
    """Vapour pressure (kPa) of a record and notes of repairs; air temperature and, for two forms, pressure are needed.

    Above saturation it is limited to saturation, and below 1 % relative humidity to that, both counted. Where more than
    2 % of steps lie more than a tenth above saturation, or below zero, the unit or the column is wrong: refused. So is
    warm air (above 10 degC, ten days of it) that is never drier than 85 %, or whose median is below 3 %.
    """
    form = humidity_form(record)
    source = record.forcing[form]
    temperature = record.forcing["air_temperature"].values
    pressure = _pressure_of(record, form, source)
    saturation = humidity.saturation_pressure_at(temperature)
    raw = {
        "vapour_pressure": lambda: source.values,
        "vapour_pressure_deficit": lambda: saturation - np.maximum(source.values, 0.0),
        "relative_humidity": lambda: humidity.vapour_pressure_from_relative_humidity(source.values, temperature),
        "specific_humidity": lambda: humidity.vapour_pressure_from_specific_humidity(source.values, pressure),
        "dew_point_temperature": lambda: humidity.vapour_pressure_from_dew_point(source.values),
        "vapour_mole_fraction": lambda: source.values * pressure * 1e-3,
    }[form]()
    _refuse_conflict(raw, saturation, temperature, record, form, source)
    notes = []
    moist, dry = raw > saturation * (1.0 + 1e-9), raw < DRIEST * saturation
    if moist.any():
        notes.append(f"{int(moist.sum())} values of humidity above saturation limited to saturation")
    if dry.any():
        notes.append(f"{int(dry.sum())} values of humidity below 1 % raised to 1 %")
    values = np.clip(raw, DRIEST * saturation, saturation)
    flags = source.flags
    if form not in ("vapour_pressure", "vapour_mole_fraction", "dew_point_temperature", "specific_humidity"):
        flags = np.maximum(source.flags, record.forcing["air_temperature"].flags).astype(np.int8)
    return Series(values, flags, "kPa", values, source.file, source.column), notes


def _pressure_of(record: Record, form: str, source: Series) -> NDArray[np.float64]:
    if form not in ("specific_humidity", "vapour_mole_fraction"):
        return np.zeros(1)
    if "air_pressure" not in record.forcing:
        raise ForcingError(f"{form} needs air pressure", file=source.file, variable="air_pressure",
                           remedy="map a column of air pressure")
    return record.forcing["air_pressure"].values


def _refuse_conflict(raw: NDArray[np.float64], saturation: NDArray[np.float64], temperature: NDArray[np.float64],
                     record: Record, form: str, source: Series) -> None:
    known = np.isfinite(raw) & np.isfinite(saturation)
    if known.sum() < 48:
        return
    relative = raw[known] / saturation[known]
    impossible = (relative > 1.1) | (relative < -0.1)
    where = {"file": source.file, "variable": form, "unit": source.declared}
    if impossible.mean() > LARGEST_CONFLICT_SHARE:
        first = record.axis.start[np.flatnonzero(known)[int(np.argmax(impossible))]]
        raise ForcingError(f"{100 * impossible.mean():.0f} % of steps have an impossible relative humidity (median "
                           f"{100 * np.median(relative):.0f} %)", time=first,
                           remedy="check the units of humidity and air temperature (hPa or kPa, fraction or %)",
                           **where)
    warm = relative[temperature[known] > WARM]
    if warm.size < 480:
        return
    middle, driest = np.percentile(warm, (50, 2))
    if middle < 0.03 or driest > 0.85:
        raise ForcingError(f"in warm air relative humidity has the median {100 * middle:.0f} % and is hardly ever "
                           f"below {100 * driest:.0f} %",
                           remedy="check the unit of humidity (hPa or kPa, fraction or %)", **where)
