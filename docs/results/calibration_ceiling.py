"""How far any model could lower the error: a flexible regression in the same tower, and the random error of measurements.

Boosted trees learn a flux at the tower itself from the weather of the moment and of the days and weeks before, leaf area,
the day of the year and the hour, and are judged on the half hours, days and months that the calibrated model is judged on.
They know every fact of the place that its fluxes hold and are bound by no process. "years before" learns from the years of
calibration alone; "weeks beside" also from every second week of the year left out, for the weeks between: what a model
would reach that knew also what was particular in that year. The random error of the half hours is that of rows with like
weather (FLUXNET2015), below which nothing can come.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from calibration_study import (
    FLUXES,
    HEAT,
    daily_means,
    half_months,
    heat_streams,
    opened,
    problem_of,
    root_mean_square,
    split_years,
    usable_years,
)

from terraflux.assimilation.observed_streams import ObservedStream, observed_streams
from terraflux.assimilation.problem import Problem, StreamChoice
from terraflux.drivers.safe_write import write_text
from terraflux.drivers.tower import Tower
from terraflux.evaluation.physical_benchmarks import saturation_pressure

DAYS_BEFORE = {"shortwave_down": (1, 7), "air_temperature": (1, 7, 30), "vapour_pressure_deficit": (1, 7, 30),
               "precipitation": (1, 7, 30, 90)}
"""Means over the days before, which stand for the warmth and water of the soil and the state of the leaves."""
NOW = ("shortwave_down", "air_temperature", "vapour_pressure_deficit", "longwave_down", "wind_speed", "diffuse_fraction",
       "prescribed_leaf_area_index")
TREES: dict[str, Any] = {"max_iter": 90, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 60,
                         "l2_regularization": 1.0, "early_stopping": False, "random_state": 1}
MONTHLY_TREES: dict[str, Any] = {"n_estimators": 100, "min_samples_leaf": 2, "n_jobs": 1, "random_state": 1}
LEAST_MONTHS = 10
Scores = dict[str, dict[str, float]]


def predictors(forcing: xr.Dataset) -> np.ndarray:
    """What the regression sees at each step, shape (steps, predictors)."""
    seconds = float(forcing.attrs["time_step_seconds"])
    series = {name: forcing[name].values.astype(np.float64) for name in forcing if forcing[name].dims == ("time",)
              and np.issubdtype(forcing[name].dtype, np.number)}
    series["vapour_pressure_deficit"] = np.maximum(saturation_pressure(series["air_temperature"])
                                                   - series["vapour_pressure"], 0.0)
    when = forcing["time"].values
    hour = (when - when.astype("datetime64[D]")) / np.timedelta64(1, "h")
    of_year = (when.astype("datetime64[D]") - when.astype("datetime64[Y]")).astype(float)
    columns = [hour, of_year, *(series[name] for name in NOW if name in series)]
    for name, spans in DAYS_BEFORE.items():
        total = np.concatenate([[0.0], np.cumsum(series[name])])
        for days in spans:
            first = np.maximum(np.arange(when.size) + 1 - round(days * 86400.0 / seconds), 0)
            columns.append((total[1:] - total[first]) / (np.arange(when.size) + 1 - first))
    return np.column_stack(columns).astype(np.float64)


def measured(tower: Tower, years: Sequence[int], problem: Problem) -> dict[str, ObservedStream]:
    """{flux: what is measured of it in some years}, as the study scores it, on the steps of the forcing."""
    streams = [StreamChoice("NEE", name="NEE"), *heat_streams(tower, problem.calibration, problem.validation)]
    groups = [streams, [StreamChoice("GPP", name="GPP")] if "gross_primary_production" in tower.observations else []]
    found = [one for group in groups if group for one in observed_streams(
        Problem(problem.parameters, group, years), tower, years, tower.forcing["time"].values, np.ones(9))]
    return {one.name: one for one in found}


def of_stream(stream: ObservedStream, seen: np.ndarray) -> np.ndarray:
    """Predictors of each observation of a stream (n, predictors): of its step, or the mean over its month."""
    inside = stream.index >= 0
    number = stream.index[inside]
    counts = np.bincount(number)
    return np.column_stack([np.bincount(number, column) / counts for column in seen[inside].T])


def learned(x: np.ndarray, y: np.ndarray, monthly: bool) -> Any:
    """A fitted regression: boosted trees, for a few monthly means a forest of small trees."""
    from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    model = ExtraTreesRegressor(**MONTHLY_TREES) if monthly else HistGradientBoostingRegressor(**TREES)
    with threadpool_limits(1):  # a pool that waits for others' cores is slower than one thread
        return model.fit(x, y)


def ceiling_of(site: str, data: Path) -> Scores:
    """{flux: RMSE of both regressions by step, day or month, and the random error of the half hours} on what was left out."""
    tower = opened(site, data)
    calibration, validation = split_years(usable_years(tower))
    problem = problem_of(tower, calibration, validation)
    parts = (tower, tower) if validation else (half_months(tower, True), half_months(tower, False))
    before = measured(parts[0], calibration, problem)
    after = measured(parts[1], validation or calibration, problem)
    seen = predictors(tower.forcing)
    per_day = round(86400.0 / float(tower.forcing.attrs["time_step_seconds"]))
    scores: Scores = {}
    for name, judged in after.items():
        monthly = judged.choice.average == "month"
        x, y = of_stream(before[name], seen), before[name].observed
        if monthly and y.size < LEAST_MONTHS:
            continue
        there = of_stream(judged, seen)
        found = {"before": learned(x, y, monthly).predict(there), "beside": np.empty(judged.observed.size)}
        unit = "datetime64[M]" if monthly else "datetime64[W]"
        odd = judged.when.astype(unit).astype(int) % 2 == 1
        for part in (odd, ~odd):
            if part.any() and (~part).any():
                grown = learned(np.concatenate([x, there[~part]]), np.concatenate([y, judged.observed[~part]]), monthly)
                found["beside"][part] = grown.predict(there[part])
        scores[name] = scored_regressions(judged, found, per_day)
        if not monthly:
            scores[name]["random_error"] = random_error_of(parts[1], name, judged, validation or calibration, problem)
    return scores


def scored_regressions(judged: ObservedStream, found: dict[str, np.ndarray], per_day: int) -> dict[str, float]:
    """RMSE of each regression by step (or month) and by day, with the number of values."""
    monthly = judged.choice.average == "month"
    entry = {"n": float(judged.observed.size)}
    for kind, values in found.items():
        entry[f"rmse_{'month' if monthly else 'step'}_{kind}"] = root_mean_square(values - judged.observed)
        if not monthly:
            model, seen = (daily_means(row, judged.when, per_day) for row in (values, judged.observed))
            if seen.size > 9:
                entry[f"rmse_day_{kind}"] = root_mean_square(model - seen)
    return entry


def random_error_of(tower: Tower, name: str, judged: ObservedStream, years: Sequence[int], problem: Problem) -> float:
    """Root mean square of the random error of the judged half hours (unit of the flux)."""
    if FLUXES_BY_SHORT[name] not in HEAT:
        return root_mean_square(judged.sigma)
    plain = Problem(problem.parameters, [StreamChoice(name, name=name)], years)
    one = observed_streams(plain, tower, years, tower.forcing["time"].values, np.ones(9))[0]
    return root_mean_square(one.sigma[np.isin(one.when, judged.when)])


FLUXES_BY_SHORT = {short: long for long, short in FLUXES.items()}


def all_ceilings(sites: Sequence[str], data: Path, work: Path) -> dict[str, Scores]:
    """{site: scores of the regressions}; finished sites are read from the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    made: dict[str, Scores] = {}
    for site in sites:
        path = work / f"{site}.ceiling.json"
        if not path.is_file():
            begun = time.process_time()
            write_text(path, json.dumps(ceiling_of(site, data)) + "\n")
            print(f"{site}: regressions in the tower, {time.process_time() - begun:.1f} s of CPU", flush=True)
        made[site] = json.loads(path.read_text(encoding="utf-8"))
    return made
