"""A twin of the full model over a mosaic: a tower between a wood and a meadow, whose footprints turn with the wind.

    twin = mosaic_twin()
    columns = tower_columns(twin.tower, classes=twin.observations)
    TowerProblem(twin.problem("mixture"), columns, observations=twin.observations)

Land, weather and errors are invented. Wood (DBF) fills 60 % of all directions, meadow (GRA) the rest; the wind turns through
all of them. Every half hour sees the classes within the spread of its footprint, and the model's own gross production, with
capacities away from their defaults, is mixed accordingly. So the truth is known, and so is how far a homogeneous run is off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.assimilation.observed_streams import PARTITIONING_SHARE, WOODY
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.prediction import correlated
from terraflux.assimilation.problem import FootprintChoice, Problem, StreamChoice
from terraflux.assimilation.representativeness import class_fluxes
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.drivers.tower import Tower
from terraflux.sites.observation_weights import observation_weights
from terraflux.sites.observations import ClassFractions, Stream, observations
from terraflux.sites.processing.random_error import linear_error

Floats = NDArray[np.float64]
CLASSES = MappingProxyType({1: ("wood", "DBF"), 2: ("meadow", "GRA")})
"""Land-cover codes with names and plant types."""
WOOD, WOOD_SHARE = 1, 0.6
PREVAILING = 250.0
WANDERING = 120.0
"""Direction the wind mostly comes from, and how far it wanders (degrees)."""
WIND_MEMORY_HOURS = 12.0
SPREAD = 25.0
"""Angular standard deviation of a footprint (degrees)."""
WOOD_CENTRE = 220.0
TRUTH = MappingProxyType({"DBF": 0.75, "GRA": 1.3})
"""True carboxylation capacity over the default of each plant type."""
STREAM = "gross_primary_production"
PARAMETER = "carboxylation_capacity"
CORRELATION = 0.5
LOST = 0.3
"""Share of half hours without a measurement."""


@dataclass(frozen=True, eq=False)
class MosaicTwin:
    """A tower (described as all wood), its observations for the operator mixture, columns of both classes, and the truth.

    `truth` {plant type: carboxylation capacity, umol m-2 s-1}.
    """

    tower: Tower
    observations: xr.Dataset
    columns: TowerColumns
    truth: Mapping[str, float]

    def problem(self, operator: str) -> Problem:
        """Gross production by day for the carboxylation capacities of both plant types (mixture), or of wood alone."""
        plants = list(self.truth) if operator == "mixture" else [""]
        choice = (FootprintChoice(operator) if operator in ("mixture", "site")
                  else FootprintChoice(operator, target_class=WOOD))
        year = int(self.tower.forcing["time"].values[0].astype("datetime64[Y]").astype(int)) + 1970
        return Problem([ParameterRow(PARAMETER, plant_type=plant) for plant in plants],
                       [StreamChoice(STREAM, hours="day", correlation=CORRELATION)], [year], footprint=choice)


def wood_in_footprint(direction: Floats) -> Floats:
    """Share of wood in footprints from some directions (degrees): a normal spread in angle over the sector of wood."""
    from scipy.special import ndtr

    half = 180.0 * WOOD_SHARE
    away = (direction - WOOD_CENTRE + 180.0) % 360.0 - 180.0
    turns = np.array([-360.0, 0.0, 360.0])[:, None]
    return np.asarray((ndtr((half - away + turns) / SPREAD) - ndtr((-half - away + turns) / SPREAD)).sum(axis=0))


def mosaic_twin(first: str = "2021-05-15", last: str = "2021-07-15", seed: int = 0) -> MosaicTwin:
    """The twin over some days of an invented year; `seed` is that of wind, errors and gaps."""
    tower = synthetic_tower("forest", year=2021).between(first, last)
    tower = replace(tower, site=tower.site.with_facts(site_id="SYN-Mos", plant_type="DBF"))
    times = tower.forcing["time"].values
    rows, random = times.size, np.random.default_rng(seed)
    step = float(tower.forcing.attrs["time_step_seconds"])
    wander = _remembering(random, rows, float(np.exp(-step / 3600.0 / WIND_MEMORY_HOURS)))
    direction = (PREVAILING + WANDERING * wander) % 360.0
    wood = wood_in_footprint(direction)
    captured = 0.92 - 0.3 * random.random(rows) ** 3
    classes = ClassFractions(np.stack([wood, 1.0 - wood], axis=1) * captured[:, None], list(CLASSES),
                             [name for name, _ in CLASSES.values()], [plant for _, plant in CLASSES.values()])
    quality = np.where(random.random(rows) < LOST, 1, 0)
    weights = observation_weights("mixture", captured, np.ones(rows))

    def dataset(value: Floats, sigma: Floats) -> xr.Dataset:
        made = observations(times, int(step), [Stream(STREAM, value, sigma, quality)], weights,
                            site_id=tower.site.site_id, utc_offset_hours=tower.site.utc_offset_hours, classes=classes,
                            footprint_model="invented")
        return made.assign(wind_direction=("time", direction, {"units": "degree", "standard_name": "wind_from_direction"}))

    columns = tower_columns(tower, classes=dataset(np.zeros(rows), np.ones(rows)))
    truth = {plant: TRUTH[plant] * float(np.ravel(one[PARAMETER])[0]) for plant, one in columns.sets.items()}
    fluxes = class_fluxes(columns, (STREAM,), {plant: {PARAMETER: value} for plant, value in truth.items()})
    clean = wood * fluxes[STREAM][0, 0] + (1.0 - wood) * fluxes[STREAM][1, 0]
    surface = "forest" if tower.site.plant_type in WOODY else "grass"
    sigma = np.hypot(linear_error(-clean, "nee", surface), PARTITIONING_SHARE * clean)
    noisy = clean + sigma * _remembering(random, rows, CORRELATION)
    return MosaicTwin(tower, dataset(noisy, sigma), columns, truth)


def _remembering(random: np.random.Generator, rows: int, correlation: float) -> Floats:
    """Errors (rows,) of unit variance with first-order autocorrelation."""
    memory = np.full((1, rows), correlation)
    memory[0, 0] = 0.0
    return np.asarray(correlated(random.standard_normal((1, rows)), memory, np.zeros(1))[0])
