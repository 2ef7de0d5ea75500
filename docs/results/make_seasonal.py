"""Does a season of photosynthetic capacity raise the skill of gross primary production? Writes seasonal.md and seasonal.json.

    python docs/results/make_seasonal.py --data-folder PATH_TO_SHARED_DATA [--sites DE-Tha ...]
    python docs/results/make_seasonal.py --data-folder PATH_TO_SHARED_DATA --work FOLDER --runs forms shared capacity

At every tower of the half-hourly FLUXNET2015 subset with two years or more, the light-use scheme is calibrated without and
with a season (periodic spline) on up to two years and compared on the years after them, which neither has seen. Years are
chosen by how much was measured, before anything is run. Sites already in seasonal.json are not run again; remove it to
start anew. Further runs keep what each tower gave in the folder --work, and go on from there when they are begun again:

- `forms`: spline, months, harmonics and acclimated temperature against each other, by left-out weeks;
- `shared`, after `forms`: one season for a plant type, fitted jointly, judged at the tower left out;
- `capacity`: carboxylation capacity at 25 degC in the biochemical scheme, without and with a season.

Processor time, once the models are compiled (four minutes): 12 s a tower, 2 to 3 minutes in all, 8 s a tower.
"""

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import terraflux as tf
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.seasonal_choice import accepted, week_blocks
from terraflux.assimilation.seasonal_fit import pointwise
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import write_text

sys.path.insert(0, str(Path(__file__).resolve().parent))

from seasonal_light_use import LEAST_HALF_HOURS, OPTIONS, SETTLED, chosen_years, daily_scores, posed, settled_fit
from seasonal_runs import run_capacity, run_forms
from seasonal_sections import sections, table
from seasonal_shared import run_shared

HERE = Path(__file__).resolve().parent
FORM = "spline"
DRAWS = 400
MORE = {"forms": run_forms, "shared": run_shared, "capacity": run_capacity}
Row = dict[str, Any]


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
        "# Seasons of light-use efficiency and of carboxylation capacity", "",
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


def write_page(kept: Row, known: dict[str, str]) -> None:
    """The page from everything that is kept."""
    missing = {site: "not run yet" for site in known if site not in kept["towers"]}
    text = page(kept["towers"], missing | kept["left_out"])
    write_text(HERE / "seasonal.md", "\n".join([text, *sections(kept)]))


def main() -> None:
    """Runs what has not been run and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--sites", nargs="*", default=[])
    parser.add_argument("--work", type=Path, help="folder of further runs: each goes on from what it holds")
    parser.add_argument("--runs", nargs="*", choices=list(MORE), default=[])
    chosen = parser.parse_args()
    if chosen.runs and chosen.work is None:
        parser.error("--runs needs --work FOLDER, where towers are kept")
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
    for name in MORE:
        if name in chosen.runs:
            clock = time.process_time()
            sites = [site for site in kept["towers"] if not chosen.sites or site in chosen.sites]
            kept[name] = MORE[name](sites, chosen.data_folder, chosen.work)
            print(f"{name}: {time.process_time() - clock:.0f} s of processor time in this run", flush=True)
            write_text(store, json.dumps(kept, indent=1, allow_nan=False) + "\n")
    write_page(kept, known)


if __name__ == "__main__":
    main()
