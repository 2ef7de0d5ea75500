"""The series that processing needs, taken from a record of any format: measured values only, in one set of units.

What a record lacks is derived where that is safe (NEE from turbulent and storage flux, vapour pressure deficit from
humidity, radiation from photon flux), and each derivation is told in the notes. Values that the source itself filled are
kept apart: they are no measurements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.humidity import saturation_pressure_at
from terraflux.sites.processing.potential_radiation import potential_radiation
from terraflux.sites.processing.time_step import steps_per_day
from terraflux.sites.records.tower_record import TowerRecord

Floats = NDArray[np.float64]

SERIES: dict[str, tuple[str, str]] = {
    "nee": ("net_ecosystem_exchange", "umol m-2 s-1"), "le": ("latent_heat", "W m-2"), "h": ("sensible_heat", "W m-2"),
    "temperature": ("air_temperature", "degC"), "vpd": ("vapour_pressure_deficit", "hPa"),
    "radiation": ("shortwave_down", "W m-2"), "ustar": ("friction_velocity", "m s-1"),
    "net_radiation": ("net_radiation", "W m-2"), "ground_heat": ("ground_heat_flux", "W m-2"),
}
"""Short name of a series: variable of the record and unit."""

PHOTONS_PER_ENERGY = 0.5 * 4.57
"""umol of photons per J of sunlight: half of its energy is photosynthetic, at 4.57 umol J-1 (McCree 1972)."""
KPA_TO_HPA = 10.0


@dataclass(frozen=True)
class TowerSeries:
    """Series of one record on its rows.

    `measured` holds the measured values by short name (see `SERIES`; NaN where missing, all NaN where the record has
    none), `source_filled` the values that the source filled, `absent` the reason of each series that is not there.
    `potential` is potential radiation (W m-2), NaN without a position; `middle_time` the middle of each interval.
    """

    middle_time: NDArray[np.datetime64]
    step_seconds: int
    measured: dict[str, Floats]
    source_filled: dict[str, Floats]
    absent: dict[str, str]
    potential: Floats
    facts: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of intervals."""
        return self.middle_time.size

    @property
    def step_minutes(self) -> float:
        """Length of the intervals (min)."""
        return self.step_seconds / 60.0

    @property
    def records_per_day(self) -> int:
        """48 for half hours."""
        return steps_per_day(self.step_minutes)

    @property
    def rows_after_midnight(self) -> int:
        """Number of intervals between midnight and the first one."""
        start = self.middle_time[0] - np.timedelta64(self.step_seconds // 2, "s")
        return int((start - start.astype("datetime64[D]")) / np.timedelta64(self.step_seconds, "s"))


def tower_series(record: TowerRecord, facts: Mapping[str, Any] | None = None) -> TowerSeries:
    """Series of a record; `facts` (latitude, longitude, utc_offset_hours ...) replace those that the record knows.

    Raises ForcingError for a record of days or longer, of a step that does not divide an hour, or without any flux.
    """
    step = record.step_seconds
    file = record.data.attrs.get("source_files", "")
    if step is None or step > 3600 or 3600 % step:
        raise ForcingError(f"the record has the resolution {record.resolution}; processing needs half-hourly or hourly rows",
                           file=file, remedy="use the half-hourly file of the tower")
    known = dict(record.facts) | dict(facts or {})
    if known.get("utc_offset_hours") is None and record.utc_offset_hours is not None:
        known["utc_offset_hours"] = record.utc_offset_hours
    middle = record.time + np.timedelta64(step // 2, "s")
    notes: list[str] = []
    measured: dict[str, Floats] = {}
    filled: dict[str, Floats] = {}
    absent: dict[str, str] = {}
    for name, (variable, unit) in SERIES.items():
        values, own, note = _taken(record, name, variable, unit)
        measured[name] = own
        filled[name] = np.where(np.isfinite(own), np.nan, values)
        if note:
            notes.append(note)
        if not np.isfinite(own).any():
            absent[name] = ("the record has " + ("no measured value of " if np.isfinite(values).any() else
                                                 "no value of " if variable in record.variables else "no ") + variable)
    if all(name in absent for name in ("nee", "le", "h")):
        raise ForcingError("the record has no measured NEE, latent or sensible heat flux: there is nothing to process",
                           file=file, remedy="use the file of the tower that holds fluxes; values that another program "
                           "filled do not count as measured")
    potential, note = _potential(record, middle, known)
    if note:
        notes.append(note)
    return TowerSeries(middle, step, measured, filled, absent, potential, known, tuple(notes))


def _taken(record: TowerRecord, name: str, variable: str, unit: str) -> tuple[Floats, Floats, str]:
    """(values, measured values, note) of a series, derived from other variables where the record has it not."""
    if variable in record.variables:
        values = record.values(variable, unit)
        if not np.isfinite(values).any():
            return values, values, ""
        try:
            return values, np.where(record.measured(variable), values, np.nan), ""
        except ForcingError:
            return values, values, (f"flags of {variable} ({record.quality_sense(variable)}) do not tell measured from "
                                    "filled values: all values count as measured")
    empty = np.full(record.time.size, np.nan)
    derived = _DERIVED.get(name)
    return derived(record, empty) if derived is not None else (empty, empty, "")


def _nee(record: TowerRecord, empty: Floats) -> tuple[Floats, Floats, str]:
    if "carbon_dioxide_flux" not in record.variables:
        return empty, empty, ""
    flux, measured, _ = _taken(record, "", "carbon_dioxide_flux", "umol m-2 s-1")
    if "carbon_dioxide_storage_flux" not in record.variables:
        return flux, measured, "NEE is the turbulent flux of carbon dioxide; the record has no storage flux"
    storage = record.values("carbon_dioxide_storage_flux", "umol m-2 s-1")
    return flux + storage, measured + storage, "NEE is turbulent plus storage flux of carbon dioxide"


def _deficit(record: TowerRecord, empty: Floats) -> tuple[Floats, Floats, str]:
    if not {"relative_humidity", "air_temperature"} <= set(record.variables):
        return empty, empty, ""
    _, temperature, _ = _taken(record, "", "air_temperature", "degC")
    _, humidity, _ = _taken(record, "", "relative_humidity", "1")
    values = KPA_TO_HPA * np.maximum(saturation_pressure_at(temperature) * (1.0 - humidity), 0.0)
    return values, values, "vapour pressure deficit from relative humidity and air temperature"


def _radiation(record: TowerRecord, empty: Floats) -> tuple[Floats, Floats, str]:
    if "photosynthetic_photon_flux_density" not in record.variables:
        return empty, empty, ""
    _, photons, _ = _taken(record, "", "photosynthetic_photon_flux_density", "umol m-2 s-1")
    values = photons / PHOTONS_PER_ENERGY
    return values, values, f"shortwave radiation from photosynthetic photon flux density over {PHOTONS_PER_ENERGY:g} umol J-1"


_DERIVED = {"nee": _nee, "vpd": _deficit, "radiation": _radiation}


def _potential(record: TowerRecord, middle: NDArray[np.datetime64], facts: Mapping[str, Any]) -> tuple[Floats, str]:
    lacking = [name for name in ("latitude", "longitude", "utc_offset_hours") if facts.get(name) is None]
    if not lacking:
        return potential_radiation(middle, *(float(facts[name]) for name in ("latitude", "longitude", "utc_offset_hours"))), ""
    if "potential_shortwave" in record.variables:
        return record.values("potential_shortwave", "W m-2"), "potential radiation is that of the record"
    return np.full(middle.size, np.nan), (f"potential radiation is unknown without {', '.join(lacking)}: give them as facts, "
                                          "or name the tower's code")
