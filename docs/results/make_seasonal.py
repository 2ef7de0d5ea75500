"""Does a season of maximum light-use efficiency raise the skill of gross primary production? Writes seasonal.md and .json.

    python docs/results/make_seasonal.py --data-folder PATH_TO_SHARED_DATA [--sites DE-Tha ...]

At every tower of the half-hourly FLUXNET2015 subset with two years or more, the light-use scheme is calibrated without and
with a season (periodic spline) on up to two years and compared on the years after them, which neither has seen. Years are
chosen by how much was measured, before anything is run. Sites already in seasonal.json are not run again; remove it to
start anew.
"""

import argparse
import copy
import csv
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import terraflux as tf
from terraflux.assimilation.fit import estimated_noise
from terraflux.assimilation.gauss_newton import gauss_newton
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.observed_streams import years_of
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import SCALE_PRIOR, Problem, StreamChoice
from terraflux.assimilation.seasonal import SeasonalColumns, SeasonalProblem, seasonal_columns
from terraflux.assimilation.seasonal_choice import accepted, week_blocks
from terraflux.assimilation.seasonal_fit import pointwise
from terraflux.assimilation.seasonal_space import SeasonalSpace, best_width
from terraflux.assimilation.tower_columns import TowerColumns, tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import write_text
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.light_use_efficiency import LIGHT_TO_CARBON
from terraflux.model.weave.streams import Stream

HERE = Path(__file__).resolve().parent
OPTIONS = {"photosynthesis": "light_use_efficiency"}
FORM = "spline"
MOST_YEARS, FITTED_YEARS = 4, 2
LEAST_HALF_HOURS = 500  # measured by day, in the years that are fitted and in those held out
LEAST_OF_DAY = 8  # measured half hours (4 h) by day for its mean to count
LEAST_DAYS = 30
DRAWS = 400
PASSES, CHANGE = 12, 0.03
ROUNDS = 4
SETTLED = 0.05  # of the standard deviation of an observation, root mean square
OPTICS = ("moisture_stress", "sunlit_area", "shaded_area", "absorbed_light_sunlit", "absorbed_light_shaded")
Row = dict[str, Any]


def chosen_years(tower: tf.Tower) -> tuple[list[int], list[int]]:
    """Years to fit and years held out: of all runs of up to four years in a row, that with most measured half hours by day."""
    known = years_of(tower)
    series = tower.observations["gross_primary_production"]
    measured = np.isfinite(series.values) & (tower.observations["gross_primary_production_quality"].values == 0)
    light = tower.forcing["shortwave_down"].values > 10.0
    year = tower.forcing["time"].values.astype("datetime64[Y]").astype(int) + 1970
    count = {one: int((measured & light & (year == one)).sum()) for one in known}
    length = min(MOST_YEARS, len(known))
    runs = [known[k:k + length] for k in range(len(known) - length + 1) if known[k + length - 1] - known[k] == length - 1]
    if length < 2 or not runs:
        raise ProblemError(f"its record has {len(known)} year{'s' if len(known) != 1 else ''}; two in a row are needed")
    best = max(runs, key=lambda years: (sum(count[one] for one in years), years[0]))
    fitted = max(1, min(FITTED_YEARS, length - 1))
    for years, what in ((best[:fitted], "to fit"), (best[fitted:], "held out")):
        if sum(count[one] for one in years) < LEAST_HALF_HOURS:
            raise ProblemError(f"fewer than {LEAST_HALF_HOURS} measured half hours by day in the years {what}")
    return best[:fitted], best[fitted:]


def posed(columns: TowerColumns, form: str, years: Sequence[int]) -> TowerProblem:
    """Production by day with three free parameters, and a season or none."""
    base = next(iter(columns.sets.values()))
    ratio = float(base["light_use_efficiency_shaded"]) / float(base["light_use_efficiency_sunlit"])
    rows = [ParameterRow("light_use_efficiency_sunlit", seasonal=form),
            ParameterRow("light_use_efficiency_shaded", status="tied", tie="light_use_efficiency_sunlit", factor=ratio),
            ParameterRow("minimum_temperature_high"), ParameterRow("vapour_deficit_high")]
    streams = [StreamChoice("GPP", hours="day", scale=SCALE_PRIOR, correlation=0.0)]
    if form == "constant":
        return TowerProblem(Problem(rows, streams, years, options=OPTIONS), columns, threads=1)
    problem = SeasonalProblem(rows, streams, years, options=OPTIONS, form=form)
    return TowerProblem(problem, seasonal_columns(columns, form), threads=1)


def with_optics(target: TowerProblem, control: NDArray[np.float64]) -> TowerProblem:
    """The same problem with light, leaves and soil moisture stress held as the model has them at a control vector.

    Production of the light-use scheme is then a product in closed form, so that a fit needs no runs of the model.
    """
    plant = next(iter(target.columns.sets))
    names, places = target.space.columns_of(plant)
    seen = target.streams[0]
    streams = [Stream(name, seen.index, name=name) for name in OPTICS]
    run = target.columns.evaluator(plant, names, target.span, streams, 1).evaluate(target.space.expand(control)[:, places])
    stress, sunlit, shaded, light_sunlit, light_shaded = (run.values[name][0] for name in OPTICS)
    used = np.flatnonzero(seen.index >= 0)
    forcing = target.columns.tower.forcing.isel(time=target.span)
    air = forcing["air_temperature"].values[used]
    deficit = 1000.0 * np.maximum(saturation_pressure_at(air) - forcing["vapour_pressure"].values[used], 0.0)
    base = target.columns.sets[plant]
    low, dry_low = float(base["minimum_temperature_low"]), float(base["vapour_deficit_low"])
    ratio = float(base["light_use_efficiency_shaded"]) / float(base["light_use_efficiency_sunlit"])
    supply = LIGHT_TO_CARBON * stress * (sunlit * light_sunlit + ratio * shaded * light_shaded)
    terms = target.columns.terms[target.span][used] if isinstance(target.columns, SeasonalColumns) else None

    def predict(u: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.atleast_2d(u)
        efficiency, warm_high, dry_high = (target.space.physical(rows)[:, [k]] for k in range(3))
        warm = np.clip((air - low) / np.maximum(warm_high - low, 0.01), 0.0, 1.0)
        dry = np.clip((deficit - dry_low) / np.maximum(dry_high - dry_low, 1.0), 0.0, 1.0)
        made = efficiency * supply * warm * (1.0 - dry)
        return made if terms is None else made * np.exp(target.space.weights(rows)[:, 0] @ terms.T)

    twin = copy.copy(target)
    twin.predict, twin._fused = predict, None  # type: ignore[method-assign]
    return twin


def held_fit(held: TowerProblem, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], LaplacePosterior, bool]:
    """Optimum and normal posterior of a problem that costs no runs, noise and smoothing width estimated in between."""
    columns, space, control = held.mean_columns, held.space, start.copy()
    for _ in range(PASSES):
        before = control.copy()
        optimum = gauss_newton(held.with_noise(control), control[columns][np.newaxis])
        control[columns] = optimum.u
        control = estimated_noise(held, control)
        normal = laplace_posterior(held.with_noise(control), control[columns])
        control[columns] = normal.mean
        change = float(np.abs(control - before)[held.noise_columns].max())
        if isinstance(space, SeasonalSpace) and space.width is not None:
            place = np.searchsorted(columns, space.season_columns)
            found = best_width(normal.mean[place], normal.covariance[np.ix_(place, place)], space.width)
            change = max(change, abs(float(np.log(found / space.width))))
            space.width = found
        if change < CHANGE:
            break
    return control, normal, change < CHANGE and optimum.status == normal.status == "converged"


def settled_fit(target: TowerProblem, start: NDArray[np.float64] | None) -> Row:
    """A fit with light and stress of its own best point, and what of them is left (standard deviations of an observation)."""
    control = target.space.default_control() if start is None else start
    for _ in range(ROUNDS):
        held = with_optics(target, control)
        control, normal, converged = held_fit(held, control)
        whole = target.predict(control[np.newaxis])[0]
        left = float(np.sqrt(np.mean(((held.predict(control)[0] - whole) / target.sigma) ** 2)))
        if left < SETTLED:
            break
    return {"held": held, "control": control, "normal": normal, "left": left, "status": "converged" if converged else
            "not_converged"}


def daily_scores(held_out: TowerProblem, predicted: NDArray[np.float64]) -> Row:
    """RMSE, bias (umol m-2 s-1) and correlation of means of days over their measured half hours by day."""
    day = held_out.streams[0].when.astype("datetime64[D]").astype(np.int64)
    count = np.bincount(day - day[0])
    enough = count >= LEAST_OF_DAY
    model, seen = (np.bincount(day - day[0], values)[enough] / count[enough] for values in (predicted, held_out.observed))
    if enough.sum() < LEAST_DAYS:
        raise ProblemError(f"only {int(enough.sum())} held-out days have {LEAST_OF_DAY} measured half hours by day")
    return {"days": int(enough.sum()), "rmse": float(np.sqrt(np.mean((model - seen) ** 2))),
            "bias": float(np.mean(model - seen)), "r": float(np.corrcoef(model, seen)[0, 1]), "observed": float(seen.mean())}


def run_site(site: str, folder: Path) -> Row:
    """Everything found at one tower."""
    clock = time.process_time()
    tower = tf.open_tower(folder / "towers" / site, format="subset")
    fitted, held_out = chosen_years(tower)
    columns = tower_columns(tower.between(f"{fitted[0]}-01-01", f"{held_out[-1]}-12-31"), OPTIONS, spin_up_cycles=2)
    found: Row = {"plant": next(iter(columns.sets)), "fitted": fitted, "held_out": held_out}
    terms, start = {}, None
    for form in ("constant", FORM):
        target = posed(columns, form, fitted)
        if start is not None:
            start = np.concatenate([start, np.zeros(len(target.names) - start.size)])
        fit = settled_fit(target, start)
        start = fit["control"]
        draws = np.repeat(start[np.newaxis], DRAWS, axis=0)
        draws[:, target.mean_columns] = fit["normal"].draws(DRAWS, seed=1)
        terms[form] = pointwise(fit["held"], draws)
        test = posed(columns, form, held_out)
        controls = np.stack([start, test.space.default_control()])
        best, default = test.predict(controls)
        found[form] = daily_scores(test, best) | {"status": fit["status"], "left": fit["left"]}
        if form == "constant":
            found["default"] = daily_scores(test, default)
        else:
            found["season"] = season_of_months(target, start)
            found["width"] = target.space.width
    choice = accepted(terms["constant"], terms[FORM], week_blocks(target.streams[0].when))
    found["choice"] = {"accepted": choice.accepted, "gain": choice.gain, "error": choice.error, "weeks": choice.blocks,
                       "doubtful": choice.doubtful}
    found["cpu_seconds"] = round(time.process_time() - clock, 1)
    return found


def season_of_months(target: TowerProblem, control: NDArray[np.float64]) -> list[float]:
    """Seasonal factor, mean of each calendar month."""
    factor = np.exp(target.columns.terms[target.span] @ target.space.weights(control)[0, 0])
    month = target.columns.times[target.span].astype("datetime64[M]").astype(int) % 12
    return [float(one) for one in np.bincount(month, factor) / np.bincount(month)]


# ---------------------------------------------------------------------------------------------- the page


def median_row(rows: list[Row]) -> list[str]:
    """Medians of a plant type."""
    change = [100.0 * (one[FORM]["rmse"] / one["constant"]["rmse"] - 1.0) for one in rows]
    kept = [one["choice"]["accepted"] for one in rows]
    numbers = [np.median([one[form][score] for one in rows]) for score in ("rmse", "r") for form in ("constant", FORM)]
    return [str(len(rows)), f"{numbers[0]:.2f}", f"{numbers[1]:.2f}", f"{np.median(change):+.1f} %", f"{numbers[2]:.3f}",
            f"{numbers[3]:.3f}", f"{sum(value < 0.0 for value in change)}", f"{sum(kept)}",
            f"{np.median([one['choice']['gain'] for one in rows]):.0f}"]


def table(header: str, rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [header, "|---" * header.count(" | ") + "|---|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def site_row(site: str, one: Row) -> list[str]:
    """One tower."""
    constant, season, choice = one["constant"], one[FORM], one["choice"]
    years = f"{one['fitted'][0]}-{one['fitted'][-1] % 100:02d} / {one['held_out'][0]}-{one['held_out'][-1] % 100:02d}"
    return [site, one["plant"], years, str(constant["days"]), f"{one['default']['rmse']:.2f}", f"{constant['rmse']:.2f}",
            f"{season['rmse']:.2f}", f"{100.0 * (season['rmse'] / constant['rmse'] - 1.0):+.1f} %", f"{constant['r']:.3f}",
            f"{season['r']:.3f}", f"{choice['gain']:.0f} ± {choice['error']:.0f}", "yes" if choice["accepted"] else "no",
            f"{max(one['season']) / min(one['season']):.1f}"]


def searches(results: dict[str, Row]) -> list[str]:
    """A line on searches that ended without arriving."""
    open_ends = [f"{site} ({'season' if form == FORM else form})" for site, one in sorted(results.items())
                 for form in ("constant", FORM) if one[form]["status"] != "converged"]
    return [f"Not converged: {', '.join(open_ends)}.", ""] if open_ends else []


def page(results: dict[str, Row], left_out: dict[str, str]) -> str:
    """The whole page from the figures."""
    rows = list(results.values())
    taken = [one for one in rows if one["choice"]["accepted"]]
    kept = [one for one in rows if not one["choice"]["accepted"]]
    change = np.array([one[FORM]["rmse"] / one["constant"]["rmse"] - 1.0 for one in rows])
    chosen = np.array([one[FORM if one["choice"]["accepted"] else "constant"]["rmse"] / one["constant"]["rmse"] - 1.0
                       for one in rows])
    worse = sum(1 for one in taken if one[FORM]["rmse"] > one["constant"]["rmse"])
    plants: dict[str, list[Row]] = {}
    for one in rows:
        plants.setdefault(one["plant"], []).append(one)
    better, chosen_change = int((change < 0.0).sum()), 100.0 * np.median(chosen)
    beaten = {form: sum(one[form]["rmse"] > one["default"]["rmse"] for one in rows) for form in ("constant", FORM)}
    r_constant, r_season = (np.median([one[form]["r"] for one in rows]) for form in ("constant", FORM))
    lines = [
        "# A season of maximum light-use efficiency", "",
        "Made by `docs/results/make_seasonal.py`; do not edit. The light-use scheme is calibrated at each tower without and",
        "with a season (periodic spline, six knots), on up to two years, and compared on up to two later years that neither",
        "has seen.", "",
        f"- {len(rows)} towers. The season lowers the error of daily production on held-out years at {better} and raises it at",
        f"  {len(rows) - better}; the median change is {100.0 * np.median(change):+.1f} %.",
        f"- Left-out weeks of the fitted years accept the season at {len(taken)} towers and keep the constant at {len(kept)}.",
        f"  With the model so chosen the median change is {chosen_change:+.1f} %; of the accepted seasons {worse} predict the",
        "  held-out years worse than the constant.",
        f"- Median correlation of daily means: {r_constant:.3f} without, {r_season:.3f} with a season.",
        f"- The fitted constant predicts the held-out years worse than the defaults do at {beaten['constant']} towers, the",
        f"  season at {beaten[FORM]}: two years do not stand for the next two everywhere.", "",
        "## By plant type (medians)", "",
        *table("| plant type | towers | RMSE constant | RMSE season | change | r constant | r season | better at | accepted at "
               "| gain |", [[plant, *median_row(of)] for plant, of in sorted(plants.items())]),
        "## By tower", "",
        *table("| tower | plant type | fitted / held out | days | RMSE default | RMSE constant | RMSE season | change "
               "| r constant | r season | gain | accepted | max/min |",
               [site_row(site, one) for site, one in sorted(results.items())]),
        "RMSE in umol m-2 s-1, of means of days over their measured half hours by day (8 or more). Gain: change of the log",
        "predictive density of left-out weeks of the fitted years, with its standard error; accepted above 4 and two errors.",
        "Max/min: of the monthly means of the seasonal factor.", "",
        *searches(results),
        "## Season by plant type", "",
        "Median over towers of the seasonal factor of light-use efficiency in each month, those of the southern hemisphere as",
        "they are; 1 is the geometric mean of the year. Months without production are filled by smoothness, not by data.", "",
        *table("| plant type | J | F | M | A | M | J | J | A | S | O | N | D |",
               [[plant, *(f"{value:.2f}" for value in np.median([one["season"] for one in of], axis=0))]
                for plant, of in sorted(plants.items())]),
        "## How, and what this does not show", "",
        "- Free: the efficiency of sunlit leaves (that of shaded ones tied to it), the temperature and the vapour pressure",
        "  deficit at the upper ends of their ramps, and the scale of errors; with a season five weights, their smoothing",
        "  width from the data. Everything else has its default.",
        "- Fits hold light, leaves and soil moisture stress as the whole model has them at the best point, and repeat until",
        f"  these agree (within {SETTLED:g} standard deviations of an observation, root mean square; largest left"
        f" {max(one[form]['left'] for one in rows for form in ('constant', FORM)):.3f});",
        "  scores are those of the whole model.",
        "- Years: of all runs of up to four years in a row the one with most measured half hours by day, known before any run;",
        f"  the first two (one of two) are fitted. At least {LEAST_HALF_HOURS} measured half hours in either part.",
        "- Leaf area is not observed at these towers: the growing-season index of the model makes it from weather. A season",
        "  also mends the timing of leaves, management (cuts, harvests) and drought that the model misses, and must not be",
        "  read as physiology alone.",
        "- Gross production is itself a product of partitioning; its error is that of net exchange and a tenth of its value.",
        "  Neighbouring half hours are not independent: their likelihood counts by its effective share. Residuals of whole",
        "  weeks are still alike, which the standard errors by weeks take in only in part.",
        "- Precipitation, wind and longwave radiation are completed from monthly means; soil water, and with it the stress",
        "  that competes with a season, is uncertain.", "",
    ]
    if left_out:
        lines += ["## Left out", "", *(f"- {site}: {reason}" for site, reason in sorted(left_out.items())), ""]
    return "\n".join(lines)


def main() -> None:
    """Runs what has not been run and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--sites", nargs="*", default=[])
    chosen = parser.parse_args()
    with (chosen.data_folder / "towers" / "sites.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = [row["igbp"] for row in rows]
    turn = [classes[:number].count(one) for number, one in enumerate(classes)]  # one tower of each class, then the next
    known = {rows[k]["site_id"]: rows[k]["hh_first_year"] for k in sorted(range(len(rows)), key=lambda k: turn[k])}
    store = HERE / "seasonal.json"
    kept = json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {"towers": {}, "left_out": {}}
    for site, first in known.items():
        if site in kept["towers"] or site in kept["left_out"] or (chosen.sites and site not in chosen.sites):
            continue
        try:
            if not first:
                raise ProblemError("it is not in the half-hourly FLUXNET2015 subset")
            kept["towers"][site] = run_site(site, chosen.data_folder)
            print(site, kept["towers"][site]["cpu_seconds"], "s of processor time", flush=True)
        except (ProblemError, ForcingError, ValueError) as error:
            kept["left_out"][site] = str(error)
            print(site, "left out:", error, flush=True)
        write_text(store, json.dumps(kept, indent=1, allow_nan=False) + "\n")
    missing = {site: "not run yet" for site in known if site not in kept["towers"]}
    write_text(HERE / "seasonal.md", page(kept["towers"], missing | kept["left_out"]))


if __name__ == "__main__":
    main()
