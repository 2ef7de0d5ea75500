"""What a run amounts to: closures against their limits, annual budgets, warnings."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.evaluation.averaging import period_means
from terraflux.evaluation.readable import readable_unit
from terraflux.evaluation.scores import step_length
from terraflux.report.style import readable_name
from terraflux.report.weather import provenance_shares


@dataclass(frozen=True)
class Closure:
    """Largest imbalance of one budget in a step, its unit and the limit it is held to."""

    name: str
    attribute: str
    unit: str
    limit: float
    value: float = float("nan")

    @property
    def closes(self) -> bool | None:
        """Whether the limit holds; None where the run does not tell."""
        return None if np.isnan(self.value) else abs(self.value) < self.limit


# Limits of the project per step and column; soil heat is held to the limit of the surface energy balance.
CLOSURES = (
    Closure("Water", "water_closure_mm", "mm", 1e-9),
    Closure("Energy", "energy_closure_W_m2", "W m-2", 1e-6),
    Closure("Heat in snow and soil", "heat_closure_W_m2", "W m-2", 1e-6),
    Closure("Carbon", "carbon_closure_g_m2", "gC m-2", 1e-10),
)
BUDGET = ("precipitation", "rainfall", "snowfall", "evapotranspiration", "surface_runoff", "drainage",
          "gross_primary_production", "ecosystem_respiration", "net_ecosystem_exchange", "net_radiation", "latent_heat",
          "sensible_heat", "ground_heat_flux", "air_temperature")
SUMMED = {"gC m-2 d-1": "gC m-2 yr-1", "mm d-1": "mm yr-1"}
MOSTLY = 0.5
MEASURABLE = ("shortwave_down", "longwave_down", "air_temperature", "vapour_pressure", "air_pressure", "wind_speed",
              "precipitation")


def closures(simulated: xr.Dataset) -> list[Closure]:
    """The closures of a run as its attributes tell them; NaN where they do not."""
    return [Closure(known.name, known.attribute, known.unit, known.limit,
                    float(simulated.attrs.get(known.attribute, np.nan))) for known in CLOSURES]


def annual_budget(simulated: xr.Dataset, forcing: xr.Dataset | None = None) -> pd.DataFrame:
    """Means or yearly sums of each calendar year: a row per quantity, columns `unit` and the years.

    Carbon and water are sums of a whole year (the year's mean rate times its length); a year with less than 90 % of
    its steps is left out, and so is a quantity that neither dataset has. `forcing` supplies weather.
    """
    rows: dict[str, dict[object, object]] = {}
    step = step_length(simulated)
    for name in BUDGET:
        source = simulated if name in simulated else forcing
        if source is None or name not in source or source[name].dims != ("time",):
            continue
        factor, unit = readable_unit(str(source[name].attrs.get("units", "")))
        years = period_means(source["time"].to_numpy(), source[name].to_numpy() * factor, "Y", step, 0.9).dropna()
        if unit in SUMMED:
            length = np.where(pd.DatetimeIndex(years.index).is_leap_year, 366.0, 365.0)
            years, unit = years * length, SUMMED[unit]
        if len(years):
            index = pd.DatetimeIndex(years.index).year
            rows[readable_name(name)] = {"unit": unit, **dict(zip(index, years.to_numpy(), strict=True))}
    table = pd.DataFrame.from_dict(rows, orient="index")
    if table.empty:
        return table
    return table[["unit", *sorted(column for column in table.columns if column != "unit")]]


def warnings(simulated: xr.Dataset, forcing: xr.Dataset | None = None) -> list[str]:
    """Sentences on what a reader should know before trusting the run."""
    said = []
    if is_synthetic(simulated):
        said.append("The tower is SYNTHETIC: weather and observations are made up, and scores say nothing about skill "
                    "at a real place.")
    for closure in closures(simulated):
        if closure.closes is False:
            said.append(f"{closure.name} does not close: {closure.value:.3g} {closure.unit} in the worst step, limit "
                        f"{closure.limit:g}.")
        if closure.closes is None:
            said.append(f"The run does not tell its {closure.name.lower()} closure.")
    if forcing is not None and not is_synthetic(simulated):
        poor = [f"{name.replace('_', ' ')} (measured {shares.get('measured', 0.0):.0%}, " + ", ".join(
                f"{kind.replace('_', ' ')} {share:.0%}" for kind, share in shares.items() if kind != "measured") + ")"
                for name, shares in provenance_shares(forcing).items()
                if name in MEASURABLE and shares.get("measured", 0.0) < MOSTLY]
        if poor:
            said.append(f"Less than half of the forcing is measured for {'; '.join(poor)}.")
    return said


def is_synthetic(dataset: xr.Dataset) -> bool:
    """Whether the data come from the synthetic tower."""
    return bool(int(dataset.attrs.get("synthetic", 0) or 0))
