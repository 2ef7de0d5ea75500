"""Sections of the page on seasons that further runs add: forms, shared seasons, carboxylation capacity."""

from typing import Any

import numpy as np

Row = dict[str, Any]
FORMS = ("spline", "monthly", "harmonic", "acclimation")
CAPACITY_FORMS = ("spline", "acclimation")


def sections(kept: Row) -> list[str]:
    """Lines of every section whose run is kept."""
    made: list[str] = []
    for name, section in (("forms", forms_section), ("shared", shared_section), ("capacity", capacity_section)):
        if kept.get(name):
            made += section(kept[name])
    return made


def table(header: str, rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [header, "|---" * header.count(" | ") + "|---|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def left_out(rows: dict[str, Row]) -> list[str]:
    """Towers that could not be run, and why."""
    lines = [f"- {site}: {one['left_out']}" for site, one in sorted(rows.items()) if "left_out" in one]
    return ["Left out:", "", *lines, ""] if lines else []


def change(one: Row, form: str, against: str = "constant") -> float:
    """Change of the held-out error (%) against another model."""
    return float(100.0 * (one[form]["rmse"] / one[against]["rmse"] - 1.0))


def by_plant(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """Rows of each plant type, all of them last."""
    plants = sorted({one["plant"] for one in rows})
    return [*((plant, [one for one in rows if one["plant"] == plant]) for plant in plants), ("all", rows)]


def forms_section(given: dict[str, Row]) -> list[str]:
    """Forms of a season of light-use efficiency against each other."""
    rows = [one for one in given.values() if "left_out" not in one]
    best = {form: sum(1 for one in rows if max(FORMS, key=lambda other: one["gain"][other]["gain"]) == form) for form in FORMS}
    total = []
    for form in FORMS:
        gains = [one["gain"][form] for one in rows]
        over = [0.0 if form == "spline" else one["over_spline"][form]["gain"] for one in rows]
        clear = [0 if form == "spline" else int(np.sign(one["over_spline"][form]["gain"]))
                 * (abs(one["over_spline"][form]["gain"]) > max(4.0, 2.0 * one["over_spline"][form]["error"])) for one in rows]
        total.append([form, str(sum(one["accepted"] for one in gains)), f"{np.median([one['gain'] for one in gains]):.0f}",
                      f"{sum(over):.0f}", f"{clear.count(1)} / {clear.count(-1)}", str(best[form]),
                      f"{np.median([change(one['scores'], form) for one in rows]):+.1f} %",
                      str(sum(change(one["scores"], form) < 0.0 for one in rows)),
                      str(sum(one["scores"][form]["status"] != "converged" for one in rows))])
    return [
        "## Forms of the season", "",
        f"The light-use scheme at {len(rows)} towers, each form on the same years and observations as the spline. Gains are of",
        "the log predictive density of left-out weeks of the fitted years; the columns on RMSE look at held-out years.", "",
        *table("| form | accepted at | median gain over the constant | gain over the spline, summed "
               "| clearly better / worse than the spline at | best at | change of held-out RMSE | RMSE lower at "
               "| not converged |", total),
        *table("| plant type | towers | " + " | ".join(f"{form}: gain" for form in FORMS) + " | "
               + " | ".join(f"{form}: RMSE" for form in FORMS) + " |",
               [[plant, str(len(of)), *(f"{np.median([one['gain'][form]['gain'] for one in of]):.0f}" for form in FORMS),
                 *(f"{np.median([change(one['scores'], form) for one in of]):+.1f} %" for form in FORMS)]
                for plant, of in by_plant(rows)]),
        "Medians over towers. Clearly: by more than 4 and two standard errors. Acclimation has one weight where the spline has",
        "five; it follows the weather of each year, which the others cannot.", "", *left_out(given)]


def shared_section(given: dict[str, Row]) -> list[str]:
    """One season for the towers of a plant type, at the tower left out."""
    lines = ["## One season for a plant type", "",
             "Weights of the spline shared by the towers of a plant type (three towers or more), fitted jointly with each",
             "tower's own efficiency, ramps and errors; then every tower is left out in turn, and the season of the others is",
             "tried at it, with only its own efficiency and ramps fitted. Phases: the calendar (half a year later in the",
             "south), or the growing season of modelled leaf area. Light, leaves and soil moisture stress are held as the best",
             "constant has them, in all three models.", ""]
    rows, seasons = [], []
    for plant, study in sorted(given.items()):
        for phase in next(iter(study["towers"].values())):
            towers = [one[phase] for one in study["towers"].values()]
            rows.append([plant, str(len(towers)), phase,
                         *(f"{np.median([change(one, form) for one in towers]):+.1f} %" for form in ("own", "shared")),
                         *(str(sum(change(one, form) < 0.0 for one in towers)) for form in ("own", "shared")),
                         *(f"{np.median([one[form]['gain']['gain'] for one in towers]):.0f}" for form in ("own", "shared")),
                         *(str(sum(one[form]["gain"]["accepted"] for one in towers)) for form in ("own", "shared")),
                         f"{study['width'][phase]['width']:.2f}",
                         str(sum(not one["converged"] for one in towers) + (not study["width"][phase]["converged"]))])
            seasons.append([plant, phase, *(f"{value:.2f}" for value in study["season"][phase])])
    lines += table("| plant type | towers | phase | held-out RMSE, own season | of the others | better at, own | others "
                   "| gain, own | others | accepted, own | others | width | searches not converged |", rows)
    lines += ["RMSE against the constant, medians over towers left out; gain as above, with the season of the others taken as",
              "known. The joint season itself, at twelve points of its phase (for the growing season: not months):", ""]
    return lines + table("| plant type | phase | " + " | ".join(map(str, range(1, 13))) + " |", seasons)


def capacity_section(given: dict[str, Row]) -> list[str]:
    """A season of carboxylation capacity in the biochemical scheme."""
    rows = {site: one for site, one in given.items() if "left_out" not in one}
    medians = [[plant, str(len(of)),
                *(f"{np.median([change(one['scores'], form) for one in of]):+.1f} %" for form in CAPACITY_FORMS),
                *(str(sum(change(one["scores"], form) < 0.0 for one in of)) for form in CAPACITY_FORMS),
                *(f"{np.median([one['gain'][form]['gain'] for one in of]):.0f}" for form in CAPACITY_FORMS),
                *(str(sum(one["gain"][form]["accepted"] for one in of)) for form in CAPACITY_FORMS)]
               for plant, of in by_plant(list(rows.values()))] if rows else []
    towers = []
    for site, one in sorted(rows.items()):
        scores, gain = one["scores"], one["gain"]["spline"]
        towers.append([site, one["plant"], f"{one['fitted'][-1]} / {one['held_out'][0]}", f"{one['default']['rmse']:.2f}",
                       *(f"{scores[form]['rmse']:.2f}" for form in ("constant", *CAPACITY_FORMS)),
                       f"{scores['constant']['r']:.3f}", f"{scores['spline']['r']:.3f}",
                       f"{gain['gain']:.0f} ± {gain['error']:.0f}", "yes" if gain["accepted"] else "no",
                       f"{one['capacity']:.0f}", f"{one['seasonal_capacity']:.0f}",
                       f"{max(one['season']) / min(one['season']):.1f}",
                       ", ".join(form for form in scores if scores[form]["status"] != "converged") or "none"])
    return [
        "## A season of carboxylation capacity", "",
        "The biochemical scheme, fitted to one year and compared on the next, with carboxylation capacity at 25 degC and the",
        "slope of stomata free: constant, with a spline, and with acclimation to air temperature. Medians of the change of the",
        "held-out RMSE against the constant; how often it is lower; gain of left-out weeks over the constant; accepted at.", "",
        *table("| plant type | towers | " + " | ".join(f"{what}, {form}" for what in ("RMSE", "lower at", "gain", "accepted")
                                                       for form in CAPACITY_FORMS) + " |", medians),
        *table("| tower | plant type | fitted / held out | RMSE default | constant | spline | acclimation | r constant "
               "| r spline | gain, spline | accepted | capacity, constant | spline | max/min | not converged |", towers),
        "Capacity in umol m-2 s-1. Gross production as above; leaves are modelled, and a season of capacity mends their timing",
        "too.", "", *left_out(given)]
