"""Runs of the study of seasons, tower by tower: forms of a season, and seasons of carboxylation capacity.

Each tower's figures lie in the folder of the work as RUN_SITE.json, and are not made again.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from seasonal_light_use import OPTIONS, Row, chosen_years, daily_scores, optics, posed, settled_fit

import terraflux as tf
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import SCALE_PRIOR, Problem, StreamChoice
from terraflux.assimilation.seasonal import SeasonalProblem, seasonal_columns
from terraflux.assimilation.seasonal_choice import accepted, week_blocks
from terraflux.assimilation.seasonal_fit import fit_season, pointwise
from terraflux.assimilation.seasonal_space import SeasonalSpace
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import replacing, write_text

FORMS = ("spline", "monthly", "harmonic", "acclimation")
CAPACITY_FORMS = ("spline", "acclimation")
DRAWS = 400
TOLERANCE = 0.3
"""Rise of the log posterior that a further step of the biochemical scheme may still promise: its runs are dear."""
SPIN_UP_CYCLES = 2
CAPACITY_YEARS = 1
"""Years of each tower to which the biochemical scheme is fitted, and on which it is tested."""


def run_forms(sites: Sequence[str], folder: Path, work: Path) -> dict[str, Row]:
    """Light-use scheme: all forms of a season at every tower."""
    return run_each("forms", sites, work, lambda site: forms_at(site, folder, work))


def run_capacity(sites: Sequence[str], folder: Path, work: Path) -> dict[str, Row]:
    """Biochemical scheme: carboxylation capacity at 25 degC without and with a season, at every tower."""
    return run_each("capacity", sites, work, lambda site: capacity_at(site, folder))


def run_each(name: str, sites: Sequence[str], work: Path, run: Callable[[str], Row]) -> dict[str, Row]:
    """{site: figures}; those that the folder of the work holds are read, others made and written."""
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Row] = {}
    for site in sites:
        path = work / f"{name}_{site}.json"
        if not path.is_file():
            clock = time.process_time()
            try:
                made = run(site)
            except (ProblemError, ForcingError, ValueError, ArithmeticError) as error:
                made = {"left_out": str(error)}
            made["cpu_seconds"] = round(time.process_time() - clock, 1)
            write_text(path, json.dumps(made, indent=1, allow_nan=False) + "\n")
            print(name, site, made["cpu_seconds"], "s of processor time", made.get("left_out", ""), flush=True)
        found[site] = json.loads(path.read_text(encoding="utf-8"))
    return found


def columns_at(site: str, folder: Path, options: dict[str, str], spin_up_cycles: int = SPIN_UP_CYCLES, most: int = 9
               ) -> tuple[TowerColumns, list[int], list[int]]:
    """Columns of a tower, at most `most` years to fit and as many held out."""
    tower = tf.open_tower(folder / "towers" / site, format="subset")
    fitted, held_out = chosen_years(tower)
    fitted, held_out = fitted[-most:], held_out[:most]
    tower = tower.between(f"{fitted[0]}-01-01", f"{held_out[-1]}-12-31")
    return tower_columns(tower, options, spin_up_cycles=spin_up_cycles), fitted, held_out


def choice_row(constant: np.ndarray, seasonal: np.ndarray, week: np.ndarray) -> Row:
    """What left-out weeks say of a season against a constant, or of one form against another."""
    found = accepted(constant, seasonal, week)
    return {"accepted": found.accepted, "gain": found.gain, "error": found.error, "doubtful": found.doubtful}


def forms_at(site: str, folder: Path, work: Path) -> Row:
    """Scores of a constant and of every form, gains over the constant and over the spline; keeps what `shared` needs."""
    columns, fitted, held_out = columns_at(site, folder, OPTIONS)
    found: Row = {"plant": next(iter(columns.sets)), "fitted": fitted, "held_out": held_out, "scores": {}}
    terms: dict[str, np.ndarray] = {}
    constant = np.empty(0)
    for form in ("constant", *FORMS):
        target, test = posed(columns, form, fitted), posed(columns, form, held_out)
        start = None if form == "constant" else np.concatenate([constant, np.zeros(len(target.names) - constant.size)])
        fit = settled_fit(target, start)
        control = fit["control"]
        draws = np.repeat(control[np.newaxis], DRAWS, axis=0)
        draws[:, target.mean_columns] = fit["normal"].draws(DRAWS, seed=1)
        terms[form] = pointwise(fit["held"], draws)
        found["scores"][form] = daily_scores(test, test.predict(control[np.newaxis])[0]) | {
            "status": fit["status"], "left": fit["left"]}
        if form == "constant":
            constant = control
            keep_optics(work / f"optics_{site}.npz", control, {"fitted": optics(target, control), "held_out": optics(
                test, control)})
    week = week_blocks(target.streams[0].when)
    found["gain"] = {form: choice_row(terms["constant"], terms[form], week) for form in FORMS}
    found["over_spline"] = {form: choice_row(terms["spline"], terms[form], week) for form in FORMS[1:]}
    return found


def keep_optics(path: Path, control: np.ndarray, parts: dict[str, Row]) -> None:
    """Write the held light, leaves and stress of a tower for the joint fits."""
    arrays = {f"{part}_{name}": values for part, row in parts.items() for name, values in row.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, control=control, **arrays)


def capacity_at(site: str, folder: Path) -> Row:
    """The biochemical scheme: fits without and with a season of carboxylation capacity, scores and gains."""
    columns, fitted, held_out = columns_at(site, folder, {}, most=CAPACITY_YEARS)
    found: Row = {"plant": next(iter(columns.sets)), "fitted": fitted, "held_out": held_out, "scores": {}, "gain": {}}
    terms: dict[str, np.ndarray] = {}
    constant = np.empty(0)
    for form in ("constant", *CAPACITY_FORMS):
        target, test = capacity_problem(columns, form, fitted), capacity_problem(columns, form, held_out)
        start = None if form == "constant" else np.concatenate([constant, np.zeros(len(target.names) - constant.size)])
        fit = fit_season(target, start, tolerance=TOLERANCE)
        draws = fit.draws(DRAWS, seed=1)
        terms[form] = pointwise(target, draws, fit.predict(draws))
        best, default = test.predict(np.stack([fit.control, test.space.default_control()]))
        found["scores"][form] = daily_scores(test, best) | {"status": fit.status, "runs": fit.runs}
        level = float(target.space.physical(fit.control[np.newaxis])[0, 0])
        if form == "constant":
            constant = fit.control
            found["default"] = daily_scores(test, default)
            found["capacity"] = level
            continue
        found["gain"][form] = choice_row(terms["constant"], terms[form], week_blocks(target.streams[0].when))
        if form == "spline":
            assert isinstance(target.space, SeasonalSpace)
            month = target.columns.times[target.span].astype("datetime64[M]").astype(int) % 12
            factor = fit.factor(target.columns.terms[target.span])[0]  # type: ignore[attr-defined]
            found |= {"season": [float(one) for one in np.bincount(month, factor) / np.bincount(month)],
                      "seasonal_capacity": level, "width": target.space.width}
    return found


def capacity_problem(columns: TowerColumns, form: str, years: Sequence[int]) -> TowerProblem:
    """Production by day in the biochemical scheme: carboxylation capacity and the slope of stomata are free."""
    rows = [ParameterRow("carboxylation_capacity", seasonal=form), ParameterRow("stomatal_slope_medlyn")]
    given: dict[str, Any] = {"parameters": rows, "calibration": list(years), "streams": [
        StreamChoice("GPP", hours="day", scale=SCALE_PRIOR, correlation=0.0)]}
    if form == "constant":
        return TowerProblem(Problem(**given), columns, threads=1)
    return TowerProblem(SeasonalProblem(**given, form=form), seasonal_columns(columns, form), threads=1)
