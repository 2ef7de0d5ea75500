"""Twins of the full land model: a tower whose observations the model made itself, so that the truth is known.

    twin = land_twin("dense")
    found = fit(twin.target)
    found.target.space.physical(twin.truth[None])          # what should be found

The land, weather and leaves are those of the synthetic tower. The model runs one half-hourly year with parameters a little
away from its defaults; errors grow with the flux and remember half of the error half an hour before, gaps come in runs of
some hours, as at real towers. "dense" observes net exchange and latent heat by the half hour and soil water by the day
(nearly normal posterior), "sparse" 60 daily means of net exchange and 30 of soil water (held by its priors).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.observed_streams import CARBON_PER_MICROMOLE, IN_TOWER, row_of
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.problem import STREAM_VARIABLES, Problem, SigmaRule, StreamChoice
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.drivers.tower import Tower
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
DISTANCE: dict[str, float] = {
    "carboxylation_capacity": 0.7,
    "electron_transport_ratio": -0.5,
    "stomatal_slope_medlyn": -0.8,
    "dark_respiration_ratio": 0.6,
    "nitrogen_extinction": 0.5,
    "clumping_index": -0.6,
    "respiration_q10": 0.5,
    "decomposition_scale": -0.6,
    "stress_potential_half": 0.4,
    "retention_exponent": -0.7,
}
"""The ten parameters, each of which dense data see, and how far the truth lies from the median of the prior (normal scores)."""
SIGMA = {"net_ecosystem_exchange": SigmaRule("line", offset=1.0, slope_positive=0.15, slope_negative=0.15),
         "latent_heat": SigmaRule("line", offset=12.0, slope_positive=0.15, slope_negative=0.15),
         "soil_moisture": SigmaRule("constant", value=0.03)}
LOST_SHARE = {"net_ecosystem_exchange": 0.45, "latent_heat": 0.45, "soil_moisture": 0.02}
GAP_STEPS = 12
"""Mean length of a gap (steps)."""
SPARSE_DAYS = {"net_ecosystem_exchange": 60, "soil_moisture": 30}
SENSOR_DEPTH = 0.1
YEAR = 2021


@dataclass(frozen=True, eq=False)
class LandTwin:
    """A tower problem and the control vector (p,) that its observations were made with."""

    target: TowerProblem
    truth: Floats


def twin_problem(kind: str = "dense", names: Sequence[str] = tuple(DISTANCE)) -> Problem:
    """The calibration problem of a twin: free parameters `names`, streams of the kind "dense" or "sparse"."""
    if kind not in ("dense", "sparse"):
        raise ValueError(f"unknown twin {kind!r}; dense and sparse are known")
    wanted = {"net_ecosystem_exchange": "step" if kind == "dense" else "day",
              **({"latent_heat": "step"} if kind == "dense" else {}), "soil_moisture": "day"}
    streams = [StreamChoice(name, sigma=SIGMA[name], average=average, depth=SENSOR_DEPTH if name == "soil_moisture" else None)
               for name, average in wanted.items()]
    return Problem([ParameterRow(name) for name in names], streams, [YEAR])


def land_twin(kind: str = "dense", seed: int = 0, *, names: Sequence[str] = tuple(DISTANCE),
              period: tuple[str, str] | None = None, threads: int | None = None) -> LandTwin:
    """A twin of the kind "dense" or "sparse"; `seed` is that of the errors and gaps, `period` a part of the year."""
    problem = twin_problem(kind, names)
    tower = synthetic_tower("forest", year=YEAR)
    columns = tower_columns(tower if period is None else tower.between(*period))
    space = problem.space(columns.sets)
    scores = np.array([DISTANCE[name] for name in names])
    truth = np.stack([np.asarray(prior.transform.control(prior.quantile(_normal_share(score))))
                      for prior, score in zip(space.priors, scores, strict=True)])
    values = dict(zip(space.keys, map(float, space.expand(truth[None])[0]), strict=True))
    made = observed_twin(columns, problem, values, seed, SPARSE_DAYS if kind == "sparse" else {})
    return LandTwin(TowerProblem(problem, replace(columns, tower=made), threads=threads), truth)


def _normal_share(score: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(score))


def observed_twin(columns: TowerColumns, problem: Problem, values: Mapping[str, float], seed: int,
                  days: Mapping[str, int] | None = None) -> Tower:
    """The tower of `columns` with the streams of a problem as the model gives them for parameter `values`, with errors.

    `days` {stream: number} leaves only so many days of a stream, chosen at random; the others have gaps in runs.
    """
    span = columns.span(problem.calibration)
    steps = span.stop - span.start
    thickness = np.atleast_1d(next(iter(columns.sets.values()))["layer_thickness"])
    places = {choice.name: row_of(choice, thickness) for choice in problem.streams}
    plant = next(iter(columns.sets))
    streams = [Stream(row, np.arange(steps), name=name) for name, (row, _) in places.items()]
    found = columns.evaluator(plant, tuple(values), span, streams).evaluate(np.array([list(values.values())]))
    if found.failed[0]:
        raise ValueError("the model fails with the true parameters of the twin")
    generator = np.random.default_rng(seed)
    observations = columns.tower.observations.copy(deep=True)
    for choice in problem.streams:
        factor = CARBON_PER_MICROMOLE if choice.variable in ("net_ecosystem_exchange", "gross_primary_production") else 1.0
        clean = found.values[choice.name][0] * places[choice.name][1]
        assert choice.sigma is not None
        sigma = choice.sigma.sigma(reference=clean, rows=steps)
        noisy = clean + sigma * remembering(generator, steps, STREAM_VARIABLES[choice.variable].correlation)
        lost = _days_lost(generator, steps, columns.time_step, (days or {})[choice.variable]) if (
            choice.variable in (days or {})) else runs_lost(generator, steps, LOST_SHARE[choice.variable])
        name = IN_TOWER.get(choice.variable, choice.variable)
        series, quality = np.full(columns.times.size, np.nan), np.full(columns.times.size, 0, np.int8)
        series[span] = np.where(lost, np.nan, noisy) * factor
        observations[name] = observations[name].copy(data=series)
        observations[f"{name}_quality"] = observations[f"{name}_quality"].copy(data=quality)
    return replace(columns.tower, observations=observations)


def remembering(generator: np.random.Generator, steps: int, correlation: float) -> Floats:
    """Standard normal errors (steps,) of first-order autocorrelation."""
    from scipy.signal import lfilter

    fresh = generator.standard_normal(steps) * np.sqrt(1.0 - correlation**2)
    fresh[0] /= np.sqrt(1.0 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], fresh))


def runs_lost(generator: np.random.Generator, steps: int, share: float, length: float = GAP_STEPS) -> NDArray[np.bool_]:
    """Steps lost (steps,): runs of a mean `length`, `share` of the steps in all."""
    lost = np.zeros(steps, np.bool_)
    place = 0
    while place < steps:
        place += int(generator.geometric(share / ((1.0 - share) * length)))
        end = place + int(generator.geometric(1.0 / length))
        lost[place:end] = True
        place = end
    return lost


def _days_lost(generator: np.random.Generator, steps: int, time_step: float, kept: int) -> NDArray[np.bool_]:
    per_day = round(86400.0 / time_step)
    chosen = generator.choice(steps // per_day, min(kept, steps // per_day), replace=False)
    return np.asarray(~np.isin(np.arange(steps) // per_day, chosen))

