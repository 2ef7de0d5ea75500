"""CalLMIP, the calibration intercomparison of land models: its daily fluxes as observations, its files as output.

    tower = open_tower("towers/DK-Sor")
    observed = callmip_observations("DK-Sor_daily_aggregated_1997-2014_FLUXNET2015_Flux.nc", tower)
    fitted = fit(TowerProblem(problem, tower_columns(tower), observations=observed))     # streams with average = "day"
    write_callmip(fitted, "submission", scenario=1, period="Cal", stage="Posterior")

Phase 1b asks for `<model>.<version>_Phase1b_Scen<k>_<site>_<Cal|Val>_<Prior|Posterior>.nc`, daily means on the site clock,
(time, lat, lon), signs and units of CMIP: nep is positive into the land, kgC m-2 s-1.
"""

import importlib.metadata
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.observed_streams import mean_inflation
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.predicted_fluxes import predicted_fluxes
from terraflux.assimilation.prediction import MOST_DRAWS
from terraflux.assimilation.problem import STREAM_VARIABLES
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import open_netcdf
from terraflux.drivers.safe_write import replacing
from terraflux.drivers.tower import Tower
from terraflux.model.constants import KELVIN
from terraflux.sites.observation_weights import observation_weights
from terraflux.sites.observations import Stream, observations

Floats = NDArray[np.float64]
MICROMOLES_PER_GRAM_DAY = 1.0 / (1e-6 * 12.0 * 86400.0)
"""From gC m-2 d-1 to umol m-2 s-1 with the molar mass of 12 g that the files were made with."""
STREAMS: Mapping[str, tuple[str, str, float]] = {
    "net_ecosystem_exchange": ("NEE", "gC/m2/d", MICROMOLES_PER_GRAM_DAY),
    "latent_heat": ("Qle", "W/m2", 1.0),
    "sensible_heat": ("Qh", "W/m2", 1.0),
}
"""Stream: name in the files, unit there, factor to the unit of the stream."""
STAGES, PERIODS = ("Prior", "Posterior"), {"Cal": "Calibration", "Val": "Validation"}
TOP_SOIL = 0.1
FILL = 1e38
GRAMS = 1e-3


@dataclass(frozen=True)
class CallmipVariable:
    """One variable of the output files: how it comes from outputs of the model, {name: value (time, ...)} and layer depths."""

    name: str
    units: str
    long_name: str
    outputs: tuple[str, ...]
    value: Callable[[Mapping[str, Floats], Floats], Floats]


def _times(factor: float, *names: str) -> Callable[[Mapping[str, Floats], Floats], Floats]:
    return lambda given, thickness: np.asarray(factor * np.sum([given[name] for name in names], axis=0))


def _top(given: Mapping[str, Floats], thickness: Floats) -> Floats:
    bottom = np.cumsum(thickness)
    share = np.clip((TOP_SOIL - (bottom - thickness)) / thickness, 0.0, 1.0)
    return np.asarray(given["soil_moisture"] @ share)


def _made(name: str, units: str, long_name: str, factor: float, *outputs: str) -> CallmipVariable:
    return CallmipVariable(name, units, long_name, outputs, _times(factor, *outputs))


VARIABLES: tuple[CallmipVariable, ...] = (
    _made("nep", "kgC m-2 s-1", "net ecosystem production: carbon that the land takes up", -GRAMS, "net_ecosystem_exchange"),
    _made("hfls", "W m-2", "surface upward latent heat flux", 1.0, "latent_heat"),
    _made("hfss", "W m-2", "surface upward sensible heat flux", 1.0, "sensible_heat"),
    _made("gpp", "kgC m-2 s-1", "gross primary production", GRAMS, "gross_primary_production"),
    _made("tran", "kg m-2 s-1", "transpiration", 1.0, "transpiration"),
    _made("evspsblsoi", "kg m-2 s-1", "evaporation from soil and sublimation from snow on it", 1.0, "soil_evaporation",
          "snow_sublimation"),
    _made("hfg", "W m-2", "ground heat flux, positive downward", 1.0, "ground_heat_flux"),
    CallmipVariable("ts", "K", "surface (skin) temperature", ("radiative_temperature",),
                    lambda given, thickness: given["radiative_temperature"] + KELVIN),
    CallmipVariable("mrso", "kg m-2", "water of all phases in all soil layers", ("soil_moisture",),
                    lambda given, thickness: np.asarray(given["soil_moisture"].sum(axis=1))),
    CallmipVariable("mrsos", "kg m-2", "water of all phases in the top 0.1 m of soil", ("soil_moisture",), _top),
    _made("lai", "m2 m-2", "leaf area index", 1.0, "leaf_area_index"),
    _made("cSoil", "kg m-2", "carbon in soil organic matter", GRAMS, "soil_microbial_carbon", "slow_carbon", "passive_carbon"),
    _made("cLiveBioAbove", "kg m-2", "carbon in above-ground live biomass", GRAMS, "foliage_carbon", "stem_carbon"),
    _made("reco", "kgC m-2 s-1", "ecosystem respiration", GRAMS, "ecosystem_respiration"),
)


def callmip_observations(path: str | os.PathLike[str], tower: Tower, *, uncertainty_factor: float = 1.0) -> xr.Dataset:
    """Daily fluxes of a CalLMIP file as observations on the steps of a tower, for streams with average = "day".

    Every step of a day carries the value of the day, and an error such that the mean of the day, whose steps are taken to be
    correlated as in the likelihood, has the uncertainty of the file (times `uncertainty_factor`). Days outside the forcing are
    left out. Raises ForcingError naming file and variable for what is missing or in another unit, ProblemError where no day
    of the file lies in the forcing.
    """
    times = tower.forcing["time"].values
    step = float(tower.forcing.attrs["time_step_seconds"])
    per_day = round(86400.0 / step)
    with open_netcdf(path) as opened:
        days = _days(opened, path)
        columns = {name: (_column(opened, path, f"{short}_daily", unit, days.size) * factor,
                          _column(opened, path, f"{short}_uc_daily", unit, days.size) * factor * uncertainty_factor)
                   for name, (short, unit, factor) in STREAMS.items()}
        site = str(opened.attrs.get("site_code", tower.site.site_id))
    if site != tower.site.site_id:
        raise ProblemError(f"{os.fspath(path)} is of {site}, the tower is {tower.site.site_id}; give the tower of that site")
    day = times.astype("datetime64[D]")
    place = np.clip(np.searchsorted(days, day), 0, days.size - 1)
    there = days[place] == day
    if not there.any():
        raise ProblemError(f"{os.fspath(path)} runs from {days[0]} to {days[-1]}, the forcing of {site} from {day[0]} to "
                           f"{day[-1]}; give forcing of the same years")
    streams = []
    for name, (value, spread) in columns.items():
        inflation = float(mean_inflation(STREAM_VARIABLES[name].correlation, np.array([per_day]))[0])
        known = there & (np.isfinite(value) & np.isfinite(spread) & (spread > 0.0))[place]
        sigma = spread[place] * np.sqrt(per_day / inflation)
        streams.append(Stream(name, np.where(known, value[place], np.nan), np.where(known, sigma, np.nan),
                              np.zeros(times.size, np.int8)))
    return observations(times, int(step), streams, observation_weights("site", rows=times.size), site_id=site,
                        utc_offset_hours=tower.site.utc_offset_hours,
                        attributes={"source_file": Path(path).name, "daily_source": 1})


def callmip_name(model: str, scenario: int, site: str, period: str, stage: str) -> str:
    """Name of an output file of phase 1b; ProblemError for what the protocol does not know."""
    if period not in PERIODS or stage not in STAGES:
        raise ProblemError(f"period {period!r} and stage {stage!r}: known are {', '.join(PERIODS)} and {', '.join(STAGES)}")
    if scenario < 1:
        raise ProblemError(f"scenario {scenario} is none; they count from 1")
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", model):
        raise ProblemError(f"model {model!r} must be <name>.<version>, such as terraflux.v1")
    if not re.fullmatch(r"[A-Za-z0-9-]+", site):
        raise ProblemError(f"site {site!r} cannot be part of a file name; use its code, such as DK-Sor")
    return f"{model}_Phase1b_Scen{scenario}_{site}_{period}_{stage}.nc"


def write_callmip(target: Fit | TowerProblem, folder: str | os.PathLike[str], *, scenario: int, period: str, stage: str,
                  years: Sequence[int] | None = None, draws: ArrayLike | None = None, model: str | None = None,
                  count: int = MOST_DRAWS) -> Path:
    """Write one output file of phase 1b and return its path.

    "Prior" is the run with default parameters, "Posterior" the mean over draws, those of the fit unless given. `years` are
    those of calibration or validation by default. Raises ProblemError for what the protocol or the problem does not know.
    """
    problem = target.target if isinstance(target, Fit) else target
    site = problem.columns.tower.site
    name = callmip_name(model or f"terraflux.v{_version()}", scenario, site.site_id, period, stage)
    if years is None:
        years = problem.problem.calibration if period == "Cal" else problem.problem.validation
        if not years:
            raise ProblemError("the problem names no years of validation; give years")
    if stage == "Prior":
        draws = problem.space.default_control()[None]
    outputs = tuple(dict.fromkeys(output for one in VARIABLES for output in one.outputs))
    series = predicted_fluxes(target, outputs, draws, years=years, every="day", count=count)
    given = {output: series[output].values for output in outputs}
    thickness = np.broadcast_to(next(iter(problem.columns.sets.values()))["layer_thickness"],
                                problem.columns.model.table.layers["soil"])
    values = {one.name: one.value(given, np.asarray(thickness, np.float64)) for one in VARIABLES}
    path = Path(folder) / name
    with replacing(path) as temporary:
        _write(temporary, series["time"].values, values, site.latitude, site.longitude, {
            "title": "terraflux output for CalLMIP", "Conventions": "CF-1.6", "Model": name.split("_")[0],
            "CalLMIP_Phase": "Phase1b", "Calibration_Scenario": f"Scen{scenario}", "Calibration_stage": stage,
            "Cal_Val": PERIODS[period], "site_code": site.site_id, "site_name": site.name,
            "draws": f"{series.attrs['draws']} ({series.attrs['draws_failed']} failed)",
            "plant_types": series.attrs["plant_types"]})
    return path


# ---------------------------------------------------------------------------------------------- inside


def _version() -> str:
    try:
        return importlib.metadata.version("terraflux")
    except importlib.metadata.PackageNotFoundError:
        return "0"


REMEDY = "give a CalLMIP file of daily fluxes"


def _days(opened: xr.Dataset, path: str | os.PathLike[str]) -> NDArray[np.datetime64]:
    if "time" not in opened.variables:
        raise ForcingError("the file has no time", file=str(path), variable="time", remedy=REMEDY)
    days = np.asarray(opened["time"].values).astype("datetime64[D]")
    if days.size == 0 or (days.size > 1 and not (np.diff(days) > np.timedelta64(0, "D")).all()):
        raise ForcingError("time does not rise day by day", file=str(path), variable="time",
                           remedy=REMEDY)
    return days


def _column(opened: xr.Dataset, path: str | os.PathLike[str], name: str, unit: str, size: int) -> Floats:
    if name not in opened.variables:
        raise ForcingError(f"{name} is missing", file=str(path), variable=name, remedy=REMEDY)
    found = opened[name]
    if found.attrs.get("units") != unit:
        raise ForcingError(f"the unit is {found.attrs.get('units')!r}, not {unit!r}", file=str(path), variable=name,
                           remedy="convert it")
    values = np.asarray(found.values, np.float64).ravel()
    if values.size != size:
        raise ForcingError(f"{values.size} values for {size} days", file=str(path), variable=name, remedy=REMEDY)
    return values


def _write(path: Path, times: NDArray[np.datetime64], values: Mapping[str, Floats], latitude: float, longitude: float,
           attributes: Mapping[str, str]) -> None:
    """The dimensions, scalars and time of the protocol's template; netCDF classic."""
    days = times.astype("datetime64[D]")
    before = days[0] - 1
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        for name, size in (("lon", 1), ("lat", 1), ("time", days.size)):
            file.createDimension(name, size)
        for name, place, full, units in (("lat", latitude, "latitude", "degrees_north"),
                                         ("lon", longitude, "longitude", "degrees_east")):
            file.createVariable(name, "f8")[...] = place
            axis = file.createVariable(full, "f8", (name,))
            axis.setncatts({"standard_name": full, "long_name": full, "units": units})
            axis[:] = place
        clock = file.createVariable("time", "f8", ("time",))
        clock.setncatts({"long_name": "time", "standard_name": "time", "units": f"days since {before} 00:00",
                         "calendar": "standard"})
        clock[:] = (days - before).astype(np.float64)
        for one in VARIABLES:
            variable = file.createVariable(one.name, "f8", ("time", "lat", "lon"), fill_value=FILL)
            variable.setncatts({"long_name": one.long_name, "units": one.units, "coordinates": "latitude longitude",
                                "cell_methods": "time: mean"})
            variable[:] = np.where(np.isfinite(values[one.name]), values[one.name], FILL)[:, None, None]
        file.setncatts(dict(attributes))
