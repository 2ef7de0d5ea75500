"""What processing made of a tower record: values, errors, flags, thresholds, and a report of every step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.model.constants import CARBON_MOLAR_MASS
from terraflux.sites.processing.ustar_bootstrap import UstarDistribution
from terraflux.sites.processing.ustar_threshold import UstarThreshold
from terraflux.sites.records.tower_record import TowerRecord, add_variable
from terraflux.sites.tower_series import SERIES, TowerSeries, tower_series

Floats = NDArray[np.float64]

CARBON_GRAMS = 1e-6 * CARBON_MOLAR_MASS  # g of carbon per umol
FORMAT = "processed"

RESULTS: dict[str, str] = {
    "nee_random_error": "net_ecosystem_exchange_random_error", "nee_joint_error": "net_ecosystem_exchange_joint_error",
    "reco_nighttime": "ecosystem_respiration", "gpp_nighttime": "gross_primary_production",
    "reco_daytime": "ecosystem_respiration_daytime", "gpp_daytime": "gross_primary_production_daytime",
    "le_random_error": "latent_heat_random_error", "h_random_error": "sensible_heat_random_error",
    "le_corrected": "latent_heat_corrected", "h_corrected": "sensible_heat_corrected",
    "le_joint_error": "latent_heat_joint_error", "h_joint_error": "sensible_heat_joint_error",
}
"""Result of processing: variable of tower records."""


@dataclass(frozen=True)
class StepReport:
    """One step: `done`, the `reason` where it was not, and `figures`, what it found in numbers and words."""

    name: str
    done: bool
    reason: str = ""
    figures: Mapping[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
                         for name, value in self.figures.items())
        if not self.done:
            return f"{self.name}: left out, {self.reason}"
        return f"{self.name}: {told or 'done'}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class ProcessedTower:
    """A processed record.

    `series` what went in; `filled` gap-filled series by short name (nee, le, h, temperature, vpd, radiation) with their
    `quality` (0 measured, 1 good, 2 medium, 3 poor, -1 open); `results` the names of `RESULTS`, NaN where a step failed;
    `details` further columns of one value a row, in words in docs/towers/processing.md; `steps` the report of each step;
    `threshold` and `distribution` of u*, None where there is none.
    """

    record: TowerRecord
    series: TowerSeries
    filled: dict[str, Floats]
    quality: dict[str, NDArray[np.int8]]
    results: dict[str, Floats]
    details: dict[str, NDArray[Any]]
    steps: tuple[StepReport, ...]
    threshold: UstarThreshold | None = None
    distribution: UstarDistribution | None = None

    def step(self, name: str) -> StepReport:
        """The report of a step; ValueError for a name that there is not."""
        for one in self.steps:
            if one.name == name:
                return one
        raise ValueError(f"no step '{name}'; there are {', '.join(one.name for one in self.steps)}")

    @property
    def failed(self) -> tuple[StepReport, ...]:
        """Steps that were left out, with their reasons."""
        return tuple(one for one in self.steps if not one.done)

    def yearly(self) -> pd.DataFrame:
        """Sums and means of every calendar year.

        Carbon in gC m-2 (sum over the rows that have a value, scaled to the length of the record's part of the year),
        heat in W m-2 (mean); `rows` of the year, `measured_nee` the share of NEE rows that were measured and kept. NaN
        where less than 90 % of the rows have a value.
        """
        start = self.series.middle_time.astype("datetime64[Y]").astype(int) + 1970
        carbon = {"nee": self.filled.get("nee")} | {name: self.results.get(name) for name in (
            "gpp_nighttime", "reco_nighttime", "gpp_daytime", "reco_daytime")}
        heat = {"le": self.filled.get("le"), "h": self.filled.get("h"), "le_corrected": self.results.get("le_corrected"),
                "h_corrected": self.results.get("h_corrected")}
        rows = []
        for year in np.unique(start):
            pick = start == year
            seconds = float(pick.sum() * self.series.step_seconds)
            row: dict[str, float] = {"year": int(year), "rows": int(pick.sum())}
            if "nee" in self.quality:
                row["measured_nee"] = float((self.quality["nee"][pick] == 0).mean())
            for name, values in carbon.items():
                row[name] = np.nan if values is None else _mean(values[pick]) * seconds * CARBON_GRAMS
            for name, values in heat.items():
                row[name] = np.nan if values is None else _mean(values[pick])
            rows.append(row)
        return pd.DataFrame(rows).set_index("year")

    def to_record(self) -> TowerRecord:
        """The results as a tower record of the own format.

        Filled series take the place of the raw ones with FLUXNET's flags, results stand beside them, and everything
        else of the record stays. The table `source` holds the raw series and all details.
        """
        data = self.record.data.copy()
        for name, values in self.filled.items():
            variable, unit = SERIES[name]
            flags = np.where(self.quality[name] >= 0, self.quality[name], np.nan)
            add_variable(data, variable, values, unit, quality=flags, sense="fluxnet_code",
                         attributes={"comment": "gaps filled by marginal distribution sampling"})
        for name, variable in RESULTS.items():
            if name in self.results:
                add_variable(data, variable, self.results[name], "W m-2" if name[:2] in ("le", "h_") else "umol m-2 s-1")
        if np.isfinite(self.series.potential).any():
            add_variable(data, "potential_shortwave", self.series.potential, "W m-2")
        if "night" in self.details:
            add_variable(data, "night", self.details["night"], "1")
        source = {f"{SERIES[name][0]}_raw": values for name, values in self.series.measured.items()
                  if name not in self.series.absent}
        source |= {name: np.asarray(values, float) for name, values in self.details.items()}
        lines = [*self.record.history, *(f"{one}" for one in self.steps)]
        data.attrs = {**self.record.data.attrs, "source_format": FORMAT, "history": "\n".join(lines)}
        data.attrs.pop("header_lines", None)
        return TowerRecord(data, pd.DataFrame(source), dict(self.series.facts))


def processed_from_record(record: TowerRecord) -> ProcessedTower:
    """The processed tower that a record of `to_record` holds, say one read from processed.nc; thresholds stay in `details`.

    Raises ForcingError for a record that was not processed.
    """
    if record.format != FORMAT:
        raise ForcingError(f"the record of {record.site_id or 'the tower'} has the format {record.format}; it is not processed",
                           file=record.data.attrs.get("source_files", ""), remedy="process it with process_tower first")
    series = tower_series(record)
    raw = {name: record.source[f"{variable}_raw"].to_numpy(dtype=float) for name, (variable, _) in SERIES.items()
           if f"{variable}_raw" in record.source}
    filled, quality = {}, {}
    for name, (variable, unit) in SERIES.items():
        if variable in record.variables and record.quality_sense(variable) == "fluxnet_code" and name in raw:
            filled[name] = record.values(variable, unit)
            flags = record.quality(variable)
            assert flags is not None
            quality[name] = np.where(np.isfinite(flags), flags, -1).astype(np.int8)
    empty = np.full(series.rows, np.nan)
    results = {name: record.values(variable) if variable in record.variables else empty.copy()
               for name, variable in RESULTS.items()}
    details = {str(name): record.source[name].to_numpy() for name in record.source if not str(name).endswith("_raw")}
    steps = tuple(_step_of(line) for line in record.history)
    return ProcessedTower(record, replace(series, measured=series.measured | raw), filled, quality, results, details, steps)


def _step_of(line: str) -> StepReport:
    """The report that a line of the history tells."""
    name, _, told = line.partition(": ")
    if told.startswith("left out, "):
        return StepReport(name, False, told.removeprefix("left out, "))
    return StepReport(name, True, figures={} if told in ("", "done") else {"found": told})


def _mean(values: Floats) -> float:
    known = np.isfinite(values)
    return float(values[known].mean()) if known.mean() >= 0.9 else float("nan")
