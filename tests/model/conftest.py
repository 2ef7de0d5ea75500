"""Whole columns to test with: random weather of several climates, plants on soils, and batches that run.

Tests cannot import this file; the fixtures at its end hand out what it makes.
"""

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameters import parameters, plant_types, soil_classes
from terraflux.model.weave import Model, Result

Array = NDArray[np.float64]
DAY = 86400.0

settings.register_profile("unhurried", deadline=None)  # the first example may compile, and machines are shared
settings.load_profile("unhurried")

OTHER_OPTIONS = Options(
    air="buck", phenology="growing_season_water", precipitation_phase="air_temperature", photosynthesis="light_use_efficiency",
    acclimation="none", light_inhibition="inhibited", stomatal_conductance="ball_berry",
    soil_moisture_stress="clm", stress_on="conductance", soil_hydraulics="van_genuchten", soil_bottom="water_table",
    soil_conductivity="cote_konrad", freezing="sharp", deep_layers=8, seasonality="basis", seasonal_terms=2,
)


@dataclass(frozen=True)
class Climate:
    """What random weather is made of: air temperature (mean, seasonal and daily amplitude, noise; degC), humidity range,
    how often it rains and how hard (kg m-2 s-1), wind range (m s-1), leaf area range, light of a clear noon (W m-2)."""

    mean: float
    season: float
    day: float
    noise: float
    humidity: tuple[float, float]
    rain_chance: float
    rain: float
    wind: tuple[float, float]
    leaves: tuple[float, float]
    noon: float = 1000.0


CLIMATES = {
    "temperate": Climate(7.0, 12.0, 5.0, 2.0, (0.4, 0.95), 0.05, 5e-4, (0.3, 6.0), (0.3, 5.0)),
    "snowy": Climate(-3.0, 14.0, 7.0, 3.0, (0.5, 1.0), 0.12, 4e-4, (0.2, 8.0), (0.5, 3.0), 800.0),
    "hot_dry": Climate(30.0, 8.0, 10.0, 1.0, (0.05, 0.35), 0.002, 1e-3, (0.5, 5.0), (0.05, 0.8), 1100.0),
    "drenched": Climate(22.0, 4.0, 3.0, 1.0, (0.85, 1.0), 0.5, 3e-3, (0.1, 3.0), (3.0, 8.0), 700.0),
    "polar": Climate(-22.0, 20.0, 3.0, 3.0, (0.6, 1.0), 0.06, 1e-4, (0.5, 15.0), (0.0, 0.6), 500.0),
}


def weather(climate: str, steps: int, seed: int = 0, time_step: float = 1800.0, season_days: float = 365.0,
            smooth: bool = False) -> dict[str, Array]:
    """Forcing [time] by name; `season_days` is the length of its year. `smooth` leaves all noise and showers out."""
    c = CLIMATES[climate]
    random = np.random.default_rng([seed, list(CLIMATES).index(climate)])
    middle = (np.arange(steps) + 0.5) * time_step / DAY
    season = -np.cos(2.0 * np.pi * (middle / season_days - 0.04))
    sun = np.clip(np.sin(2.0 * np.pi * (middle % 1.0 - 0.25)) * (0.6 + 0.3 * season) + 0.1 * season, 0.0, 1.0)

    def between(low: float, high: float) -> Array:
        return np.full(steps, 0.5 * (low + high)) if smooth else random.uniform(low, high, steps)

    noise = 0.0 if smooth else random.normal(0.0, c.noise, steps)
    air = c.mean + c.season * season + c.day * np.sin(2.0 * np.pi * (middle - 0.375)) + noise
    saturated = 0.6108 * np.exp(17.27 * air / (air + 237.3))
    showers = random.random(steps) < c.rain_chance
    rain = np.full(steps, c.rain_chance * c.rain) if smooth else np.where(showers, random.exponential(c.rain, steps), 0.0)
    low, high = c.leaves
    return {
        "shortwave_down": c.noon * sun * between(0.2, 0.9),
        "longwave_down": np.maximum(5.67e-8 * (air + 273.15) ** 4 * between(0.65, 0.95), 60.0),
        "air_temperature": air,
        "vapour_pressure": saturated * between(*c.humidity),
        "air_pressure": np.full(steps, 97000.0),
        "wind_speed": between(*c.wind),
        "precipitation": np.minimum(rain, 0.05),
        "carbon_dioxide": np.full(steps, 405.0),
        "cosine_zenith": sun,
        "diffuse_fraction": between(0.2, 1.0),
        "photoperiod": 12.0 + 4.0 * season,
        "prescribed_leaf_area_index": np.clip(0.5 * (low + high) + 0.5 * (high - low) * season, low, high),
    }


@dataclass
class Batch:
    """Columns with their weather, ready to run; `state` is copied before each run."""

    model: Model
    forcing: Array
    vectors: Array
    state: Array
    forcing_of: NDArray[np.int64]
    sets: list[ParameterSet]
    time_step: float = 1800.0

    def run(self, state: Array | None = None, steps: slice = slice(None), columns: Any = slice(None), **options: Any
            ) -> tuple[Result, Array]:
        """Result and final state of some steps and columns, from `state` (all columns; the first one if None)."""
        start = np.ascontiguousarray((self.state if state is None else state)[:, columns]).copy()
        vectors = np.ascontiguousarray(self.vectors[:, columns])
        result = self.model.run(self.forcing[steps], vectors, start, {"time_step": self.time_step},
                                forcing_of=self.forcing_of[columns], **options)
        return result, start

    def rows(self, name: str) -> slice:
        """Rows of a state."""
        found = [k for k, (variable, _) in enumerate(self.model.table.rows_of("state")) if variable.name == name]
        return slice(found[0], found[-1] + 1)

    def parameter(self, name: str) -> Array:
        """A parameter as [column], or [layer, column] if it has layers."""
        rows = self.model.table.rows_of("parameter")
        found = [k for k, (variable, _) in enumerate(rows) if variable.name == name]
        return self.vectors[found] if self.model.table[name].dimension else self.vectors[found[0]]


def stacked(table: Any, series: Sequence[Mapping[str, Array]]) -> Array:
    """Forcing [time, row, series] in the order of the table; its seasonal terms are powers of the wave of day length."""
    rows = table.rows_of("forcing")
    return np.ascontiguousarray(np.stack([np.stack(
        [one[variable.name] if variable.name in one else (0.25 * one["photoperiod"] - 3.0) ** (layer + 1)
         for variable, layer in rows], 1) for one in series], 2))


def every_plant_on_every_soil() -> list[tuple[str, str]]:
    """All pairs of plant type and soil class."""
    return [(plant, soil) for plant in plant_types() for soil in soil_classes()]


def columns(
    options: Options = Options(),  # noqa: B008  frozen
    pairs: Iterable[tuple[str, str]] = (("ENF", "loam"),),
    climates: Sequence[str] = tuple(CLIMATES),
    steps: int = 480,
    seed: int = 0,
    time_step: float = 1800.0,
    season_days: float = 365.0,
    smooth: bool = False,
    mean_temperature: float | None = None,
    **overrides: Any,
) -> Batch:
    """A batch: one column for every pair, with the climates in turn; it starts at the mean of its first week of air."""
    model = column_model(options)
    extra: dict[str, Any] = dict(overrides)
    if options.deep_layers:
        extra.setdefault("deep_thickness", f"permafrost{options.deep_layers}")
    if options.soil_hydraulics == "van_genuchten":
        extra.setdefault("hydraulics", "van_genuchten")
    if options.seasonality != "none":
        extra.setdefault("seasonal_weight", np.linspace(0.4, -0.2, options.seasonal_terms))
    sets = [parameters(plant, soil, **extra) for plant, soil in pairs]
    series = [weather(climate, steps, seed, time_step, season_days, smooth) for climate in climates]
    forcing_of = (np.arange(len(sets)) + seed) % len(series)
    week = max(int(7 * DAY / time_step), 1)
    first = [float(one["air_temperature"][:week].mean()) if mean_temperature is None else mean_temperature
             for one in series]
    state = np.stack([initial_state(model.table, one, first[k]) for one, k in zip(sets, forcing_of, strict=True)], 1)
    vectors = np.stack([one.vector(model.table) for one in sets], 1)
    return Batch(model, stacked(model.table, series), vectors, np.ascontiguousarray(state), forcing_of, sets, time_step)


@pytest.fixture(scope="session")
def make_columns():
    """The function `columns` of this file: a batch of columns with their weather."""
    return columns


@pytest.fixture(scope="session")
def climates():
    """Names of the climates of random weather."""
    return tuple(CLIMATES)


@pytest.fixture(scope="session")
def make_weather():
    """The function `weather` of this file: random forcing by name."""
    return weather


@pytest.fixture(scope="session")
def every_pair():
    """All pairs of plant type and soil class."""
    return every_plant_on_every_soil()


@pytest.fixture(scope="session")
def other_options():
    """Options that differ from the default in every process that has an alternative."""
    return OTHER_OPTIONS


@pytest.fixture(scope="session")
def ground():
    """The module ground_columns.py beside this file: columns of ground alone."""
    specification = importlib.util.spec_from_file_location("ground_columns", Path(__file__).with_name("ground_columns.py"))
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module
