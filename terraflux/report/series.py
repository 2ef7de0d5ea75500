"""Simulated and observed series as figures need them: one time axis, readable units."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.evaluation.matching import matches
from terraflux.evaluation.readable import readable_unit
from terraflux.evaluation.scores import step_length
from terraflux.report.style import OBSERVED_LABEL, SYNTHETIC_LABEL

FLUXES = ("net_radiation", "latent_heat", "sensible_heat", "ground_heat_flux", "gross_primary_production",
          "ecosystem_respiration", "net_ecosystem_exchange", "evapotranspiration")


@dataclass(frozen=True)
class Series:
    """One quantity in a readable unit; `observed` is all NaN where there is no observation."""

    name: str
    unit: str
    time: np.ndarray
    simulated: np.ndarray
    observed: np.ndarray

    @property
    def has_observed(self) -> bool:
        """Whether any observed value exists."""
        return bool(np.isfinite(self.observed).any())


def series_of(simulated: xr.Dataset, observed: xr.Dataset | None, names: tuple[str, ...],
              maximum_quality: int = 1) -> list[Series]:
    """Series of those `names` that the simulation has, on its own time axis.

    Observations up to `maximum_quality` are shown, 1 (good gap filling) by default: figures show courses, scores use
    measured values only.
    """
    time = simulated["time"].to_numpy()
    found = {}
    if observed is not None:
        found = {match.name: match for match in matches(simulated, observed, maximum_quality) if match.name in names}
    made = []
    for name in names:
        if name not in simulated or simulated[name].dims != ("time",):
            continue
        factor, unit = readable_unit(str(simulated[name].attrs.get("units", "")))
        values = np.full(time.size, np.nan)
        if name in found:
            position = simulated.get_index("time").get_indexer(pd.DatetimeIndex(found[name].time))
            values[position] = found[name].observed * factor
        made.append(Series(name, unit, time, simulated[name].to_numpy().astype(float) * factor, values))
    return made


def observed_label(dataset: xr.Dataset | None) -> str:
    """Word for the observations: those of a synthetic tower are named so."""
    synthetic = dataset is not None and bool(int(dataset.attrs.get("synthetic", 0) or 0))
    return SYNTHETIC_LABEL if synthetic else OBSERVED_LABEL


def steps_per_day(dataset: xr.Dataset) -> int:
    """Steps in a day."""
    return max(1, round(86400.0 / step_length(dataset)))
