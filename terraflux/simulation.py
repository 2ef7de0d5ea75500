"""Run the model at a tower: forcing and site in, a labelled dataset of fluxes and states out."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.restart import read_restart, write_restart
from terraflux.drivers.season import Season
from terraflux.drivers.tower import Tower
from terraflux.drivers.tower_columns import tower_options, tower_parameters, whole_years
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import OptionError, Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.spinup_run import SMALL_DRIFT, SpinUp, spin_up
from terraflux.model.weave import Table

Progress = Callable[[int, int, str], object]

CLOSURE_UNITS = {"water_closure": "mm", "energy_closure": "W_m2", "heat_closure": "W_m2", "carbon_closure": "g_m2",
                 "shortwave_closure": "1"}

DEFAULT_OUTPUTS = (
    "net_radiation", "net_shortwave", "net_longwave", "longwave_up", "reflected_shortwave", "latent_heat",
    "sensible_heat", "ground_heat_flux", "evapotranspiration", "transpiration", "canopy_evaporation",
    "canopy_sublimation", "soil_evaporation", "snow_sublimation", "gross_primary_production",
    "autotrophic_respiration", "heterotrophic_respiration", "ecosystem_respiration", "net_primary_production",
    "net_ecosystem_exchange", "leaf_area_index", "moisture_stress", "canopy_conductance", "friction_velocity",
    "aerodynamic_conductance", "rainfall", "snowfall", "surface_runoff", "drainage", "infiltration", "snow_melt",
    "snow_water_equivalent", "snow_depth", "snow_cover_fraction", "surface_temperature", "radiative_temperature",
    "albedo", "soil_temperature", "soil_liquid", "soil_ice", "soil_moisture", "soil_moisture_stored",
    "active_layer_depth", "frozen_top_5cm", "frozen_top_10cm", "frozen_day",
    "stored_carbon", "foliage_carbon", "stem_carbon", "coarse_root_carbon", "fine_root_carbon", "slow_carbon",
    "passive_carbon",
)
"""What a tower run keeps unless told otherwise."""


def simulate(
    tower: Tower,
    parameters: ParameterSet | Mapping[str, ArrayLike] | None = None,
    options: Options | Mapping[str, object] | None = None,
    *,
    outputs: Sequence[str] | None = None,
    every: str = "step",
    spin_up_cycles: int = 12,
    initial: Mapping[str, ArrayLike] | None = None,
    restart: str | os.PathLike[str] | None = None,
    restart_out: str | os.PathLike[str] | None = None,
    season: Season | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Runs the column at a tower and returns its fluxes and states as an xarray.Dataset.

    `parameters` is a complete ParameterSet, or a mapping of single parameters that replace those of the site's plant
    and soil. `options` chooses processes (see `Options`), on top of what the site calls for; without prescribed leaf
    area the phenology is prognostic unless chosen. `outputs` are names of the variable table (DEFAULT_OUTPUTS if None).
    `every` is "step", "day", "month" or "year": means over that window. The state starts from `restart` (a file) or
    from `initial` values by name on top of a first guess, brought to a steady state by up to `spin_up_cycles` cycles of
    the forcing: two for heat and water, the rest with solved carbon pools until the drift is small; 0 for none.
    `restart_out` is written at the end. Mixtures of plant types run as one column each; the result is their mean
    weighted by area. `season` is that of photosynthetic capacity, such as a parameters.toml holds
    (`read_parameters(file).season()`); spin-up has it too.

    The dataset's attributes hold the largest residual of water, energy, heat and carbon of any step (`*_closure_*`).
    Raises OptionError, ParameterError, ForcingError, and ColumnError naming variable and time where a column fails.
    """
    chosen, weather = tower_options(tower, options), tower.forcing
    if season is not None:
        chosen, weather = season.options(chosen), season.forcing(weather)
    elif chosen.seasonality != "none":
        raise OptionError(f"seasonality = {chosen.seasonality!r} needs a season: give season=, or on the command line the "
                          "parameters.toml of a calibration that has one; without it leave seasonality at \"none\"")
    model = column_model(chosen)
    if isinstance(parameters, ParameterSet):
        mixture = {"given": (1.0, parameters)}
    else:
        mixture = tower_parameters(tower, chosen, parameters)
    sets = [one if season is None else season.parameters(one, one.plant) for _, one in mixture.values()]
    shares = np.array([share for share, _ in mixture.values()])
    table = model.table
    forcing = forcing_array(weather, table)
    time_step = float(tower.forcing.attrs["time_step_seconds"])
    vectors = np.stack([one.vector(table) for one in sets], axis=1)
    if progress is not None:
        model.compile(len(sets), progress)

    spun: SpinUp | None = None
    origin = ""
    if restart is not None:
        state, valid_at = read_restart(restart, table)
        if state.shape[1] != len(sets):
            raise OptionError(f"the restart holds {state.shape[1]} columns, this run has {len(sets)}")
        origin = describe_restart(restart, valid_at, tower.forcing["time"].values[0])
    else:
        mean = float(tower.forcing["air_temperature"].mean())
        state = np.stack([initial_state(table, one, mean, **(initial or {})) for one in sets], axis=1)
        if spin_up_cycles:
            cycle = whole_years(tower.forcing)
            physical = min(2, spin_up_cycles)
            spun = spin_up(model, forcing[cycle], sets, vectors, state, time_step, physical_cycles=physical,
                           carbon_cycles=spin_up_cycles - physical, progress=progress)

    names = list(DEFAULT_OUTPUTS if outputs is None else outputs)
    times = tower.forcing["time"].values
    windows = window_index(times, every)
    reductions = dict.fromkeys(names, "mean") | dict.fromkeys(CLOSURE_UNITS, "maximum")
    if progress is not None:
        progress(0, 1, "simulation")
    result = model.run(forcing, vectors, state, {"time_step": time_step}, outputs=reductions, windows=windows,
                       threads=threads, times=list(times))
    if progress is not None:
        progress(1, 1, "simulation")
    if restart_out is not None:
        write_restart(restart_out, table, state, times[-1] + np.timedelta64(int(time_step), "s"))

    dataset = result_dataset(tower, table, {name: np.asarray(result[name]) for name in names}, shares, windows, sets[0])
    closures = {f"{name}_{unit}": float(np.nanmax(result[name])) for name, unit in CLOSURE_UNITS.items()}
    dataset.attrs |= closures | {
        "options": ", ".join(f"{name}={value}" for name, value in chosen.differences().items()) or "default",
        "plant_types": ", ".join(f"{code} {share:g}" for code, (share, _) in mixture.items()),
        "parameters": "\n".join(one.to_toml() for one in sets),
        "spin_up": origin or describe_spin_up(spun),
    }
    return dataset


def window_index(times: NDArray[np.datetime64], every: str) -> NDArray[np.int64] | None:
    """Number of the window each step belongs to; None keeps every step. Raises OptionError for an unknown window."""
    units = {"day": "datetime64[D]", "month": "datetime64[M]", "year": "datetime64[Y]"}
    if every == "step":
        return None
    if every not in units:
        raise OptionError(f"every is {every!r}; known are step, {', '.join(units)}")
    return np.unique(times.astype(units[every]), return_inverse=True)[1].astype(np.int64)


def result_dataset(
    tower: Tower, table: Table, values: Mapping[str, NDArray[np.float64]], shares: NDArray[np.float64],
    windows: NDArray[np.int64] | None, parameters: ParameterSet,
) -> xr.Dataset:
    """Values by name ([window, column] or [window, layer, column]) as a dataset; columns are averaged by area share."""
    times = tower.forcing["time"].values
    step = np.timedelta64(int(tower.forcing.attrs["time_step_seconds"]), "s")
    if windows is None:
        start, end = times, times + step
    else:
        first = np.flatnonzero(np.diff(windows, prepend=-1))
        start, end = times[first], np.append(times[first[1:]], times[-1] + step)
    variables: dict[str, Any] = {"time_bnds": (("time", "bnds"), np.stack([start, end], axis=1))}
    coordinates: dict[str, Any] = {"time": ("time", start, {"standard_name": "time", "axis": "T", "bounds": "time_bnds",
                                                            "long_name": "start of the mean, local standard time"})}
    for axis, thickness in (("soil", parameters["layer_thickness"]), ("deep", parameters.get("deep_thickness"))):
        if table.layers.get(axis) and thickness is not None:
            bottom = np.cumsum(np.broadcast_to(thickness, table.layers[axis]))
            if axis == "deep":
                bottom = bottom + float(np.sum(np.broadcast_to(parameters["layer_thickness"], table.layers["soil"])))
            top = bottom - np.broadcast_to(thickness, table.layers[axis])
            about = {"units": "m", "positive": "down", "standard_name": "depth", "long_name": f"depth of {axis} layers"}
            coordinates[f"{axis}_depth"] = (axis, 0.5 * (top + bottom), about | {"bounds": f"{axis}_bnds"})
            variables[f"{axis}_bnds"] = ((axis, "bnds"), np.stack([top, bottom], axis=1))
    for name, value in values.items():
        variable = table[name]
        mean = value @ shares if len(shares) > 1 else value[..., 0]
        dims = ("time", variable.dimension) if variable.dimension else ("time",)
        attributes = {"units": variable.unit, "long_name": variable.long_name, "cell_methods": "time: mean"}
        if variable.standard_name:
            attributes["standard_name"] = variable.standard_name
        variables[name] = (dims, mean, attributes)
    kept = ("site_id", "site_name", "latitude", "longitude", "elevation", "utc_offset_hours", "time_zone",
            "time_step_seconds", "source_files", "synthetic")
    facts = {name: tower.forcing.attrs[name] for name in kept if name in tower.forcing.attrs}
    return xr.Dataset(variables, coordinates, facts | {"forcing_history": tower.forcing.attrs.get("history", "")})


def describe_restart(restart: str | os.PathLike[str], valid_at: np.datetime64, start: np.datetime64) -> str:
    """One sentence on the restart, which says so if the forcing does not go on where the restart stopped."""
    text = f"started from the restart {os.path.basename(os.fspath(restart))}"
    return text if valid_at == start else f"{text} of {valid_at}; the forcing starts at {start} and does not go on from there"


def describe_spin_up(spun: SpinUp | None) -> str:
    """One sentence on how the first state came about."""
    if spun is None:
        return "none: the run starts from a first guess"
    text = f"{spun.cycles} cycles of the forcing"
    if spun.troubles:
        return f"{text}; carbon pools have no steady state: {next(iter(spun.troubles.values()))}"
    if np.isnan(spun.drift).all():
        return f"{text}; carbon pools not brought to a steady state"
    largest = float(np.nanmax(spun.drift))
    missed = "" if largest < SMALL_DRIFT else f", more than the {100 * SMALL_DRIFT:g} % sought"
    return f"{text}; total carbon drifts by {100 * largest:.2g} % per 100 years{missed}"
