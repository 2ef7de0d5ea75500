"""An invented tower: a year of weather and observations that owe nothing to the land-surface model.

The observations come from simple empirical relations (a light-response curve, a warming response of respiration,
Priestley-Taylor evaporation, an under-closed energy balance) plus random error and gaps, so that comparing the model
with them is a fair exercise. They carry no information about any real ecosystem and are labelled synthetic everywhere.
"""

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.drivers.completion import complete
from terraflux.drivers.completion_choices import Completion
from terraflux.drivers.datasets import FORCING_NAMES, forcing_dataset, observations_dataset
from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.provenance import ESTIMATED
from terraflux.drivers.record import Record, Series
from terraflux.drivers.site import SiteDescription
from terraflux.drivers.synthetic_weather import synthetic_weather, whole_years
from terraflux.drivers.tower import Tower
from terraflux.model.constants import CARBON_MOLAR_MASS, KELVIN, STEFAN_BOLTZMANN, VON_KARMAN
from terraflux.model.humidity import latent_heat_of_vaporisation, saturation_pressure_at

Floats = NDArray[np.float64]
LABEL = "invented by a seeded generator; no measurement"

# Kinds of vegetation: plant type, canopy and measurement height (m), winter and summer leaf area index, albedo,
# light-saturated assimilation (umol m-2 s-1) at full leaf area, respiration at 10 degC (umol m-2 s-1).
KINDS: dict[str, tuple[str, float, float, float, float, float, float, float]] = {
    "forest": ("MF", 20.0, 32.0, 2.0, 5.0, 0.12, 32.0, 2.6),
    "grassland": ("GRA", 0.4, 3.0, 0.6, 3.5, 0.21, 26.0, 2.2),
}


def synthetic_tower(kind: str = "forest", *, year: int = 2021, years: int = 1, seed: int = 1, step_seconds: int = 1800
                    ) -> Tower:
    """An invented tower of a temperate "forest" (mixed) or "grassland" over whole years; the same seed, the same bits.

    Raises ForcingError for an unknown kind.
    """
    if kind not in KINDS:
        raise ForcingError(f"the kind {kind!r} is unknown", remedy=nearest(kind, KINDS))
    plant, canopy, height, winter_leaves, summer_leaves, *_ = KINDS[kind]
    site = SiteDescription(
        site_id=f"SYN-{kind[:3].title()}", name=f"synthetic {kind}", latitude=50.5, longitude=12.0, elevation=350.0,
        utc_offset_hours=1.0, plant_type=plant, soil_class="loam", canopy_height=canopy, measurement_height=height,
        leaf_area="invented seasonal course", source=LABEL)
    axis = whole_years(year, years, step_seconds)
    record = synthetic_weather(site, axis, seed=seed)
    leaves = leaf_area_course(record, winter_leaves, summer_leaves)
    record.forcing["prescribed_leaf_area_index"] = Series(leaves, np.zeros(leaves.shape, dtype=np.int8), "m2 m-2",
                                                          leaves, "synthetic")
    done = complete(record, site, Completion(leaf_area="record"))
    record.observations = invented_observations(record, {name: one.values for name, one in done.items()}, kind,
                                                seed=seed + 100)
    record.history = [f"weather, leaf area and observations {LABEL} (kind {kind}, seed {seed})", *record.history]
    invented = {name: replace(one, flags=np.full_like(one.flags, ESTIMATED)) for name, one in done.items()}
    return Tower(site, _labelled(forcing_dataset(record, site, invented)),
                 _labelled(observations_dataset(record, site)))


def _labelled(dataset: xr.Dataset) -> xr.Dataset:
    dataset.attrs |= {"synthetic": 1, "title": f"synthetic tower: {LABEL}", "source_files": "none"}
    for name in dataset.data_vars:
        if name in FORCING_NAMES or f"{name}_quality" in dataset:
            dataset[name].attrs["comment"] = f"synthetic: {LABEL}"
    return dataset


def leaf_area_course(record: Record, winter: float, summer: float) -> Floats:
    """Leaf area index of every step: logistic rise around day 125 and fall around day 285."""
    start = record.axis.start
    day = (start - start.astype("datetime64[Y]")).astype("timedelta64[s]").astype(float) / 86400.0
    share = 1.0 / (1.0 + np.exp(-(day - 125.0) / 8.0)) - 1.0 / (1.0 + np.exp(-(day - 285.0) / 9.0))
    return winter + (summer - winter) * share


def damped(values: Floats, days: float, steps_per_day: int) -> Floats:
    """Exponential running mean over so many days: the lag of soil behind air."""
    weight = 1.0 / (days * steps_per_day)
    course = np.empty_like(values)
    state = float(values[: 30 * steps_per_day].mean())
    for place, value in enumerate(values.tolist()):
        state += weight * (value - state)
        course[place] = state
    return course


def soil_bucket(rain: Floats, evaporation: Floats, step_seconds: float, capacity: float = 250.0) -> Floats:
    """Relative wetness (0-1) of a bucket (mm) filled by rain and emptied by evaporation (both kg m-2 s-1)."""
    wetness = np.empty_like(rain)
    water = 0.8 * capacity
    for place, gain in enumerate(((rain - evaporation) * step_seconds).tolist()):
        water = min(max(water + gain, 0.1 * capacity), capacity)
        wetness[place] = water / capacity
    return wetness


def invented_observations(record: Record, weather: dict[str, Floats], kind: str, *, seed: int) -> dict[str, Series]:
    """Observations (canonical units, NaN in gaps) from empirical relations with the weather, error and gaps."""
    _, canopy, height, _, summer_leaves, albedo, best, base = KINDS[kind]
    generator = np.random.default_rng(seed)
    steps = record.axis.steps_per_day
    temperature, light = weather["air_temperature"], weather["shortwave_down"]
    deficit = saturation_pressure_at(temperature) - weather["vapour_pressure"]
    leaves = weather["prescribed_leaf_area_index"] / summer_leaves
    soil_temperature = damped(temperature, 4.0, steps)
    soil_temperature = np.where(soil_temperature < 0.0, 0.25 * soil_temperature, soil_temperature)

    photons = 0.5 * 4.57 * light
    warmth = np.clip((soil_temperature + 1.0) / 12.0, 0.0, 1.0)
    dryness = 1.0 / (1.0 + np.maximum(deficit - 0.8, 0.0) / 1.2)
    capacity = best * leaves * warmth * dryness
    assimilation = 0.045 * photons * capacity / np.maximum(0.045 * photons + capacity, 1e-9)
    respiration = base * 2.1 ** ((soil_temperature - 10.0) / 10.0) * (0.4 + 0.6 * leaves)

    kelvin = temperature + KELVIN
    surface = kelvin + 0.008 * light
    net = (1.0 - albedo) * light + 0.98 * (weather["longwave_down"] - STEFAN_BOLTZMANN * surface**4)
    ground = (0.02 if kind == "forest" else 0.09) * net
    slope = 4098.0 * saturation_pressure_at(temperature) / (temperature + 237.3) ** 2
    gamma = 6.65e-7 * weather["air_pressure"]
    available = net - ground
    evaporated = (1.26 * slope / (slope + gamma) * available * (0.25 + 0.5 * leaves * warmth) + 15.0 * deficit * leaves)
    evaporated = np.where(available > 0.0, evaporated, 0.05 * available)
    sensible = available - evaporated
    wetness = soil_bucket(weather["precipitation"], evaporated / latent_heat_of_vaporisation(temperature),
                          record.axis.step_seconds)
    roughness = 0.1 * canopy
    friction = VON_KARMAN * weather["wind_speed"] / np.log((height - 0.67 * canopy) / roughness)

    calm = (friction < 0.15) & (light < 10.0)
    lost = calm | (generator.uniform(size=calm.shape) < 0.08)
    outage = int(generator.integers(60, 250)) * steps
    lost[outage:outage + 7 * steps] = True
    carbon = CARBON_MOLAR_MASS * 1e-6

    def measured(values: Floats, floor: float, share: float, gaps: bool = True) -> Series:
        error = generator.laplace(size=values.shape) / np.sqrt(2.0) * (floor + share * np.abs(values))
        noisy = np.where(lost, np.nan, values + error) if gaps else values + error
        return Series(noisy, np.zeros(noisy.shape, dtype=np.int8), "invented", noisy, "synthetic")

    exchange = measured((respiration - assimilation) * carbon, 0.6 * carbon, 0.12)
    partitioned = np.where(lost, np.nan, respiration * carbon - exchange.values)
    return {
        "net_radiation": measured(net, 2.0, 0.01, gaps=False),
        "latent_heat": measured(0.88 * evaporated, 6.0, 0.12),
        "sensible_heat": measured(0.88 * sensible, 6.0, 0.12),
        "ground_heat_flux": measured(ground, 1.0, 0.05, gaps=False),
        "net_ecosystem_exchange": exchange,
        "gross_primary_production": Series(partitioned, np.zeros(lost.shape, dtype=np.int8), "invented", partitioned,
                                           "synthetic"),
        "ecosystem_respiration": measured(respiration * carbon, 0.2 * carbon, 0.05),
        "soil_temperature_observed": measured(soil_temperature, 0.1, 0.0, gaps=False),
        "soil_moisture_observed": measured(0.12 + 0.28 * wetness, 0.004, 0.0, gaps=False),
        "friction_velocity": measured(friction, 0.01, 0.03, gaps=False),
    }
