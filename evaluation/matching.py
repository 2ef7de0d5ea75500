"""Which simulated quantity an observed one is compared with.

Fluxes and states carry one name on both sides. Three kinds need more:
`<name>_corrected` and `<name>_daytime` are further versions of the observed `<name>`; `soil_temperature_observed` and
`soil_moisture_observed` are sensors at a depth (attribute `depth`, m positive down, default 0.05 m); soil moisture is
compared as liquid water in m3 m-3, which is what dielectric sensors see.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

VERSIONS = ("_corrected", "_daytime")
DEFAULT_SENSOR_DEPTH = 0.05
SOIL_SENSORS = {"soil_temperature_observed": "soil_temperature", "soil_moisture_observed": "soil_liquid"}


@dataclass(frozen=True)
class Match:
    """One comparison: aligned values of the simulation and the observation, in the table's unit, NaN = missing."""

    name: str
    unit: str
    time: np.ndarray
    simulated: np.ndarray
    observed: np.ndarray


def matches(simulated: xr.Dataset, observed: xr.Dataset, maximum_quality: int = 0) -> Iterator[Match]:
    """Every observed quantity that the simulation has too, on the steps both have.

    An observation is used where its `<name>_quality` is at most `maximum_quality` (0 = measured only). Raises
    ValueError when the two have no time in common or steps of different length.
    """
    here = simulated.get_index("time")
    there = observed.get_index("time")
    steps = axis_spacing(here.to_numpy()), axis_spacing(there.to_numpy())
    if None not in steps and steps[0] != steps[1]:
        raise ValueError(f"the simulation has steps of {steps[0]:g} s and the observations of {steps[1]:g} s; "
                         "compare series of the same step")
    common = here.intersection(there)
    if common.empty:
        raise ValueError(f"simulation ({here[0]} to {here[-1]}) and observations ({there[0]} to {there[-1]}) "
                         "have no time in common; are both in local standard time?")
    simulated = simulated.isel(time=here.get_indexer(common))
    observed = observed.isel(time=there.get_indexer(common))
    for key in observed.data_vars:
        name = str(key)
        if name.endswith("_quality") or observed[name].dims != ("time",) or observed[name].dtype.kind != "f":
            continue
        twin = simulated_twin(name, simulated, observed[name])
        if twin is None:
            continue
        values = observed[name].to_numpy().astype(float)
        quality = quality_of(name, observed)
        if quality is not None:
            values = np.where((quality >= 0) & (quality <= maximum_quality), values, np.nan)
        yield Match(name, str(observed[name].attrs.get("units", twin.attrs.get("units", ""))), common.to_numpy(),
                    twin.to_numpy().astype(float), values)


def axis_spacing(time: np.ndarray) -> float | None:
    """Most common spacing of a time axis (s), None for fewer than two times."""
    if time.size < 2:
        return None
    return float(np.median(np.diff(time).astype("timedelta64[ms]").astype(float))) / 1e3


def quality_of(name: str, observed: xr.Dataset) -> np.ndarray | None:
    """Quality flags of an observed quantity; fluxes partitioned from net exchange inherit its flags."""
    base = base_name(name)
    candidates = [f"{name}_quality", f"{base}_quality"]
    if base in ("gross_primary_production", "ecosystem_respiration"):
        candidates.append("net_ecosystem_exchange_quality")
    for candidate in candidates:
        if candidate in observed:
            return observed[candidate].to_numpy()
    return None


def base_name(name: str) -> str:
    """Name without a version ending: latent_heat_corrected -> latent_heat."""
    for ending in VERSIONS:
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def simulated_twin(name: str, simulated: xr.Dataset, observed: xr.DataArray | None = None) -> xr.DataArray | None:
    """Simulated series of an observed quantity, or None where the simulation does not have it."""
    sensor = re.sub(r"_\d+$", "", name)
    if sensor in SOIL_SENSORS:
        variable = SOIL_SENSORS[sensor]
        if variable not in simulated:
            return None
        depth = DEFAULT_SENSOR_DEPTH
        if observed is not None:
            depth = abs(float(observed.attrs.get("depth", depth)))
        return at_depth(simulated, variable, depth)
    base = base_name(name)
    if base in simulated and simulated[base].dims == ("time",):
        return simulated[base]
    return None


def at_depth(simulated: xr.Dataset, variable: str, depth: float) -> xr.DataArray:
    """A soil variable at a depth (m, positive down), linear between layer midpoints, constant beyond the outermost."""
    midpoints = simulated["soil_depth"].to_numpy().astype(float)
    axis = str(simulated["soil_depth"].dims[0])
    data = simulated[variable].transpose("time", axis)
    upper = int(np.clip(np.searchsorted(midpoints, depth) - 1, 0, midpoints.size - 1))
    lower = min(upper + 1, midpoints.size - 1)
    span = midpoints[lower] - midpoints[upper]
    share = float(np.clip((depth - midpoints[upper]) / span, 0.0, 1.0)) if span > 0.0 else 0.0
    values = (1.0 - share) * data.to_numpy()[:, upper] + share * data.to_numpy()[:, lower]
    return xr.DataArray(values, dims="time", coords={"time": simulated["time"]}, attrs=dict(data.attrs))
