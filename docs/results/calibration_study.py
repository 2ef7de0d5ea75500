"""How a tower is calibrated and judged on years left out: the choices of the study, made once for every site.

    outcome = study("CN-HaM", Path("shared/data"))      # a dictionary of plain numbers; nothing is written

The choices and their grounds stand in `CHOICES`, which the results page prints.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import terraflux as tf
from terraflux.assimilation.fit import Fit, fit
from terraflux.assimilation.lasting_errors import lasting_errors
from terraflux.assimilation.observed_streams import CARBON_PER_MICROMOLE, DARK
from terraflux.assimilation.parameter_space import ParameterRow
from terraflux.assimilation.prediction import coverage, predict_posterior
from terraflux.assimilation.priors import lognormal
from terraflux.assimilation.problem import SCALE_PRIOR, Problem, SigmaRule, StreamChoice
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.tower import Tower

ROOT = Path(__file__).resolve().parents[2]
Series = dict[str, np.ndarray]
LEAST_MEASURED = 1000
"""Measured half hours of net exchange (or hours, halved) that make a year usable."""
MOST_YEARS = 3
FLUXES = {"net_ecosystem_exchange": "NEE", "gross_primary_production": "GPP", "latent_heat": "LE", "sensible_heat": "H"}
HEAT = ("latent_heat", "sensible_heat")
FREE = ("carboxylation_capacity", "electron_transport_ratio", "electron_quantum_yield", "stomatal_slope_medlyn",
        "dark_respiration_ratio", "growth_respiration_fraction", "stress_potential_half", "maximum_root_depth",
        "root_warming_rate", "ground_albedo_dry", "respiration_q10", "fine_root_maintenance_rate", "decomposition_scale")
FREE_WOODY = ("stem_maintenance_rate",)
FREE_LEAF = ("maximum_leaf_area_index", "minimum_leaf_area_index")
FREE_SEASON = ("leaf_onset_temperature", "leaf_fall_vapour_deficit", "leaf_onset_photoperiod", "leaf_response_time")
FREE_DROUGHT = ("leaf_full_moisture_stress",)
ERROR_SHARE = 0.5
LEAF_SPREAD = 0.4
"""Log spread of leaf area where only the plant type is known; the table's own where the site's leaf area is."""
WOODY = ("ENF", "EBF", "DNF", "DBF", "MF", "WSA")
STARTS, DRAWS, JUDGED = 2, 128, 64
LEAST_GOOD_MONTHS = 6
"""Good monthly means of heat that the years of calibration, and those left out, must hold for them to be a stream."""
DAY_SHARE = 0.5
"""Share of a day's steps that must be measured for its mean to be scored."""
CHOICES = (
    "**Years.** A year is usable with 1000 measured half hours of net exchange. Of the last three usable years two are "
    "calibrated on and the last is left out (of two years, one and one). A tower with a single year cannot leave one out: "
    "days 1 to 15 of every month are calibrated on, the rest judged, and such towers are marked; neighbouring days are no "
    "independent years.",
    "**Streams.** Net exchange by day and by night. Gross production is derived from it with a respiration that follows "
    "temperature, so it is judged but not calibrated on. Raw latent and sensible heat: half hours where public, else monthly "
    "means. A closure factor multiplies each, estimated within its prior N(1, 0.1); they are part of the fitted model when "
    "judged. Months of which less than half is measured or well filled are left out (15 towers have some); six others must "
    "be there.",
    "**Errors.** Normal and of constant width (half the standard deviation of the calibrated flux, times a sampled scale): "
    "the errors of a model are larger than those of the instruments and do not shrink with the flux. With widths that "
    "follow the flux, as random errors do, the fit at CN-Cha gave up the summer to please the winter.",
    "**Weights.** The errors of a model last for days. From daily (monthly) mean residuals with correlation phi of neighbours, "
    "a stream counts as n (1 - phi)/(1 + phi) days: at first with the residuals of the defaults, anew with those that the "
    "first optimum leaves, from where the search goes on. What parameters mend lasts longer than what they cannot, so weights "
    "of the defaults alone leave the priors too strong. With thousands of half hours taken as independent, parameters at "
    "CN-HaM ran to the edges of their priors.",
    "**Parameters.** The same rows everywhere, priors of the parameter table: leaf photosynthesis (capacities and the yield"
    " of electrons in weak light) and respiration, stomata, water stress, rooting depth and how fast uptake rises with the "
    "warmth of the soil, ground albedo, respiration of roots, stems, growth and soil; where leaf area is prognostic its "
    "range, with log spread 0.4 where only the plant type speaks for it, and its season: temperature, day length and dryness "
    "of the air at which leaves come and fall, the memory of the index and, for plants that drought strips, the stress that "
    "does.",
    "**Bands of means.** Half hours of a day share a part of their error and days remember it, as the residuals of the years "
    "of calibration say (`assimilation/lasting_errors.py`); bands of single half hours are not touched by it.",
    "**Method.** Gauss-Newton from two starts, normal posterior, 128 weighted draws, 64 of them for the bands. "
    "The best point is judged.",
)


# ---------------------------------------------------------------------------------------------- the tower and its years


def usable_years(tower: Tower) -> list[int]:
    """Years with enough measured net exchange, at most the last MOST_YEARS of them."""
    observed = tower.observations
    of = observed["time"].values.astype("datetime64[Y]").astype(int) + 1970
    measured = np.isfinite(observed["net_ecosystem_exchange"].values) & (
        observed["net_ecosystem_exchange_quality"].values == 0)
    years, counts = np.unique(of[measured], return_counts=True)
    least = LEAST_MEASURED * 1800.0 / float(tower.forcing.attrs["time_step_seconds"])
    return [int(year) for year, count in zip(years, counts, strict=True) if count >= least][-MOST_YEARS:]


def split_years(years: Sequence[int]) -> tuple[list[int], list[int]]:
    """Years of calibration and years left out: the earlier half (the larger where odd) and the later."""
    half = (len(years) + 1) // 2
    return list(years[:half]), list(years[half:])


def opened(site: str, data: Path) -> Tower:
    """The tower: its entry in examples/towers, else the folder of its data."""
    entry = ROOT / "examples" / "towers" / site / "tower.toml"
    if entry.is_file():
        return tf.open_tower(entry, data_folder=data)
    whole = tf.open_tower(data / "towers" / site)
    years = usable_years(whole)
    first = max(int(str(whole.forcing["time"].values[0])[:4]), years[0] - 1)
    return whole.between(f"{first}-01-01", f"{years[-1]}-12-31")


def half_months(tower: Tower, first: bool) -> Tower:
    """The tower with fluxes of only the first half (days 1-15) of every month, or of only the rest."""
    stamps = tower.observations["time"].values
    day = (stamps.astype("datetime64[D]") - stamps.astype("datetime64[M]")).astype(int)
    keep = (day < 15) == first
    masked = {name: tower.observations[name].where(xr.DataArray(keep, dims="time")) for name in FLUXES
              if name in tower.observations}
    return replace(tower, observations=tower.observations.assign(masked))


# ---------------------------------------------------------------------------------------------- the problem


def problem_of(tower: Tower, calibration: Sequence[int], validation: Sequence[int]) -> Problem:
    """The calibration problem of a site: the same rows and streams everywhere, as far as the site has them."""
    plant = max(tower.site.mixture.items(), key=lambda item: item[1])[0]
    names = FREE + (FREE_WOODY if plant.startswith(WOODY) else ())
    rows = [ParameterRow(name) for name in names]
    if tower.forcing.attrs["leaf_area_option"] != "prescribed":
        from terraflux.drivers.tower_columns import tower_options, tower_parameters

        sets = tower_parameters(tower, tower_options(tower, None))
        default = next(iter(sets.values()))[1]
        rows += [ParameterRow(name, prior=None if name in tower.site.parameters else lognormal(
            float(default[name]), spread=LEAF_SPREAD)) for name in FREE_LEAF]
        rows += [ParameterRow(name) for name in FREE_SEASON]
        rows += [ParameterRow(name) for name in FREE_DROUGHT if float(default[name]) > 0.0]
    heat = heat_streams(tower, calibration, validation)
    return Problem(rows, carbon_streams(tower, calibration) + heat, calibration, validation, weights="days",
                   closure_factor="each" if len(heat) == 2 else None)


def model_error(tower: Tower, variable: str, calibration: Sequence[int], hours: str = "all") -> SigmaRule:
    """A constant error, ERROR_SHARE of the standard deviation of the measured flux in the years of calibration."""
    observed = tower.observations[variable]
    of = observed["time"].values.astype("datetime64[Y]").astype(int) + 1970
    light = tower.forcing["shortwave_down"].values
    measured = np.isfinite(observed.values) & (tower.observations[f"{variable}_quality"].values == 0)
    use = measured & np.isin(of, list(calibration))
    if hours != "all":
        use &= (light > DARK) == (hours == "day")
    per_unit = 1.0 / CARBON_PER_MICROMOLE if variable in ("net_ecosystem_exchange", "gross_primary_production") else 1.0
    return SigmaRule("constant", value=ERROR_SHARE * float(observed.values[use].std()) * per_unit)


def carbon_streams(tower: Tower, calibration: Sequence[int]) -> list[StreamChoice]:
    """Net exchange by day and by night, each with an error of its own."""
    return [StreamChoice("NEE", name=f"NEE by {hours}", hours=hours, correlation=0.0, scale=SCALE_PRIOR,
                         sigma=model_error(tower, "net_ecosystem_exchange", calibration, hours)) for hours in ("day", "night")]


def good_months(tower: Tower, variable: str, years: Sequence[int]) -> int:
    """Months of some years with a mean of a flux that holds enough good data."""
    if tower.monthly is None or variable not in tower.monthly:
        return 0
    within = np.isin(tower.monthly.index.to_numpy().astype("datetime64[Y]").astype(int) + 1970, list(years))
    return int(np.isfinite(tower.monthly[variable].to_numpy()[within]).sum())


def heat_streams(tower: Tower, calibration: Sequence[int], validation: Sequence[int]) -> list[StreamChoice]:
    """Raw latent and sensible heat, half-hourly where measured so, else monthly means of months with enough good data."""
    made = []
    for name in HEAT:
        if name in tower.observations:
            made.append(StreamChoice(name, name=FLUXES[name], correlation=0.0, scale=SCALE_PRIOR,
                                     sigma=model_error(tower, name, calibration)))
        elif all(good_months(tower, name, years) >= LEAST_GOOD_MONTHS for years in (calibration, validation or calibration)):
            made.append(StreamChoice(name, name=FLUXES[name], average="month", scale=SCALE_PRIOR))
    return made


# ---------------------------------------------------------------------------------------------- scores


def daily_means(values: np.ndarray, when: np.ndarray, per_day: int) -> np.ndarray:
    """Means of days of which DAY_SHARE is there; values (..., n)."""
    counts = np.unique(when.astype("datetime64[D]"), return_counts=True)[1]
    order = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return (np.add.reduceat(values, order, axis=-1) / counts)[..., counts >= DAY_SHARE * per_day]


def root_mean_square(difference: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(difference**2)))


def scored(columns: TowerColumns, problem: Problem, controls: Mapping[str, np.ndarray], years: Sequence[int],
           threads: int) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, np.ndarray]]]:
    """Scores of all measured fluxes of some years for control vectors by name, and the series themselves."""
    heat = [replace(one, scale=1.0) for one in problem.streams if one.variable in HEAT]
    groups = [([StreamChoice("NEE", name="NEE"), *heat], problem.closure_factor)]
    if "gross_primary_production" in columns.tower.observations:
        groups.append(([StreamChoice("GPP", name="GPP")], None))
    scores: dict[str, dict[str, float]] = {}
    series: dict[str, dict[str, np.ndarray]] = {}
    fitted = problem.space(columns.sets)
    for streams, closure in groups:
        asked = Problem(problem.parameters, streams, years, closure_factor=closure)
        target = TowerProblem(asked, columns, years=years, threads=threads)
        taken = [fitted.names.index(name) if name in fitted.names else -1 for name in target.names]
        if strange := [name for name, at in zip(target.names, taken, strict=True) if at < 0 and name.endswith(".factor")]:
            raise ValueError(f"{strange[0]} was not fitted, so the fitted model would be judged without it")
        base = target.space.default_control()
        stacked = np.stack([np.where(np.array(taken) >= 0, u[np.maximum(taken, 0)], base) for u in controls.values()])
        predicted = target.predict(stacked)
        for one in target.streams:
            part, observed = target.parts[one.name], one.observed
            modelled = dict(zip(controls, predicted[:, part], strict=True))
            series[one.name] = {"when": one.when, "observed": observed, **modelled}
            entry = {"n": float(observed.size), "observed_mean": float(observed.mean())}
            monthly = one.choice.average == "month"
            per_day = round(86400.0 / columns.time_step)
            for name, values in modelled.items():
                label = "month" if monthly else "step"
                entry[f"rmse_{label}_{name}"] = root_mean_square(values - observed)
                entry[f"bias_{name}"] = float(np.mean(values - observed))
                if not monthly:
                    model, seen = (daily_means(row, one.when, per_day) for row in (values, observed))
                    if seen.size > 9:
                        entry[f"rmse_day_{name}"] = root_mean_square(model - seen)
                        entry["days"] = float(seen.size)
            scores[one.name] = entry
    return scores, series


# ---------------------------------------------------------------------------------------------- one site


def prepared(site: str, data: Path) -> tuple[TowerColumns, TowerColumns, Problem]:
    """Columns to calibrate on, columns to judge on (the same, unless a single year is split), and the problem."""
    tower = opened(site, data)
    years = usable_years(tower)
    calibration, validation = split_years(years)
    problem = problem_of(tower, calibration, validation)
    columns = tower_columns(tower, problem.options)
    if validation:
        return columns, columns, problem
    return (replace(columns, tower=half_months(tower, True)), replace(columns, tower=half_months(tower, False)), problem)


def calibrated(columns: TowerColumns, problem: Problem, threads: int, draws: int = DRAWS) -> Fit:
    """The fit of a site."""
    target = TowerProblem(problem, columns, threads=threads)
    return fit(target, "gn", starts=STARTS, draws=draws, check_draws=draws, seed=1, maximum_iterations=12, tolerance=0.05)


def study(site: str, data: Path, threads: int = 1) -> tuple[dict[str, Any], dict[str, Series], Series]:
    """Calibrates a site and judges it on what was left out: plain numbers, the series of what was
    left out, and the posterior: draws, mode, and mean and covariance of the normal posterior."""
    begun = time.monotonic()
    columns, judged, problem = prepared(site, data)
    ready = time.monotonic()
    found = calibrated(columns, problem, threads)
    target = found.target
    done = time.monotonic()
    held_out = problem.validation or problem.calibration
    controls = {"default": target.space.default_control(), "fitted": found.mode}
    before, _ = scored(columns, problem, controls, problem.calibration, threads)
    after, series = scored(judged, problem, controls, held_out, threads)
    fresh = TowerProblem(problem, judged, years=held_out, threads=threads)
    lasting = lasting_errors(target, found.mode)
    predicted = predict_posterior(fresh, found.draws[:JUDGED], count=JUDGED, seed=1, lasting=lasting)
    space = target.space
    quantiles = np.quantile(found.physical(), (0.05, 0.5, 0.95), axis=0)
    outcome = {
        "site": site, "plant_type": "+".join(columns.sets), "calibration": list(problem.calibration),
        "validation": list(problem.validation), "years_left_out": bool(problem.validation),
        "streams": {one.name: {"n": int(one.observed.size), "weight": float(weight), "average": one.choice.average}
                    for one, weight in zip(target.streams, target.stream_weight, strict=True)},
        "parameters": {name: {"default": float(space.default[k]), "mode": float(space.physical(found.mode[None])[0, k]),
                              "q05": float(quantiles[0, k]), "q50": float(quantiles[1, k]), "q95": float(quantiles[2, k])}
                       for k, name in enumerate(space.names)},
        "scores_calibration": before, "scores": after,
        "coverage": coverage(predicted, 0.9), "coverage_day": coverage(predicted, 0.9, every="day"),
        "coverage_month": coverage(predicted, 0.9, every="month"),
        "lasting_errors": {name: {"share": one.share, "memory": one.memory} for name, one in lasting.items()},
        "status": found.status, "message": found.message,
        "pareto_k": None if found.check is None else float(found.check.shape),
        "optimum": None if found.optimum is None else found.optimum.status,
        "runs": found.runs, "seconds": {"open_and_spin_up": ready - begun, "fit": done - ready,
                                        "judge": time.monotonic() - done},
    }
    assert found.normal is not None
    return outcome, series, {"draws": found.draws, "mode": found.mode, "mean": found.normal.mean,
                             "covariance": found.normal.covariance}
