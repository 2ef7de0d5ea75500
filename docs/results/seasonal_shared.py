"""One season of light-use efficiency for the towers of a plant type, fitted jointly, and judged at a tower left out.

Each tower has its own efficiency, ramps and scale of errors; the weights of the season are the same for all. A Newton step
of the joint posterior eliminates what is a tower's own (Schur complement), so that towers need never be run together. Light,
leaves and stress are held as the whole model has them at each tower's best constant: a constant, the tower's own season and
that of the others are compared by the same means.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from seasonal_light_use import OPTIONS, Floats, Row, daily_scores, held_fit, posed, with_optics
from seasonal_runs import DRAWS, choice_row, columns_at

from terraflux.assimilation.fit import estimated_noise
from terraflux.assimilation.residuals import LeastSquares, sensitivity
from terraflux.assimilation.seasonal_choice import week_blocks
from terraflux.assimilation.seasonal_fit import pointwise
from terraflux.assimilation.seasonal_space import FIRST_WIDTH, SeasonalSpace, best_width
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.safe_write import write_text
from terraflux.drivers.seasonal_terms import GROWING_PHASE, SeasonalBasis, growing_season

LEAST_TOWERS = 3
FORM = "spline"
PASSES, LARGEST_STEP, DIFFERENCE = 25, 1.0, 2e-3
SMALL_STEP = 0.05
"""The search ends where the next step is shorter (standard deviations) and the logarithm of the width moves less."""
SOUTH = (0.5, GROWING_PHASE)
"""The calendar of the southern hemisphere, half a year later, in the words of a growing season."""
PHASES = ("calendar", "growing season")


@dataclass(eq=False)
class Member:
    """A tower with its production in closed form: problems without (`constant`) and with season, in fitted and held-out
    years, and the terms [time, term] of the season in both by each phase."""

    site: str
    constant: TowerProblem
    seasonal: TowerProblem
    test: TowerProblem
    held: dict[str, Row]
    terms: dict[str, dict[str, Floats]]
    start: Floats


def run_shared(sites: Sequence[str], folder: Path, work: Path) -> dict[str, Row]:
    """{plant type: joint fits} of every plant type with three towers or more; SHARED_PLANT.json in the folder of the work."""
    plants: dict[str, list[str]] = {}
    for site in sites:
        path = work / f"forms_{site}.json"
        if (work / f"optics_{site}.npz").is_file() and path.is_file():
            row = json.loads(path.read_text(encoding="utf-8"))
            if "plant" in row:
                plants.setdefault(row["plant"], []).append(site)
    found: dict[str, Row] = {}
    for plant, members in sorted(plants.items()):
        path = work / f"shared_{plant}.json"
        if len(members) < LEAST_TOWERS:
            continue
        if not path.is_file():
            row = joint_study([member_of(site, folder, work) for site in members])
            write_text(path, json.dumps(row, indent=1, allow_nan=False) + "\n")
            print("shared", plant, len(members), "towers", flush=True)
        found[plant] = json.loads(path.read_text(encoding="utf-8"))
    return found


def member_of(site: str, folder: Path, work: Path) -> Member:
    """A tower as `forms` left it; the model is not run."""
    columns, fitted, held_out = columns_at(site, folder, OPTIONS, spin_up_cycles=0)
    with np.load(work / f"optics_{site}.npz", allow_pickle=False) as kept:
        held = {part: {name: kept[f"{part}_{name}"] for name in ("supply", "air", "deficit", "leaves")}
                for part in ("fitted", "held_out")}
        start = kept["control"]
    constant, test = posed(columns, "constant", fitted), posed(columns, "constant", held_out)
    calendar = SOUTH if columns.tower.site.latitude < 0.0 else None
    growing = growing_season(columns.times[constant.span], held["fitted"]["leaves"])
    air = columns.tower.forcing["air_temperature"].values
    terms: dict[str, dict[str, Floats]] = {}
    for phase, season in zip(PHASES, (calendar, growing or calendar), strict=True):
        whole = SeasonalBasis(FORM, season).terms(columns.times, air)
        terms[phase] = {part: whole[one.span][np.flatnonzero(one.streams[0].index >= 0)]
                        for part, one in (("fitted", constant), ("held_out", test))}
    return Member(site, constant, posed(columns, FORM, fitted), test, held, terms, start)


def joint_study(members: list[Member]) -> Row:
    """For every tower: a constant, its own season, and the season of the others, in both phases."""
    found: Row = {"towers": {one.site: {} for one in members}, "season": {}, "width": {}}
    constants = {one.site: own_fit(one, one.constant, with_optics(one.constant, one.held["fitted"]), one.start)
                 for one in members}
    for phase in PHASES:
        weights, width, done = joint_weights(members, phase, np.zeros(members[0].terms[phase]["fitted"].shape[1]))
        months = SeasonalBasis(FORM).terms(np.datetime64("2001-01-15") + 30 * np.arange(12))
        found["season"][phase] = [float(one) for one in np.exp(months @ weights)]
        found["width"][phase] = {"width": width, "converged": done}
        for one in members:
            row = found["towers"][one.site].setdefault(phase, {})
            others = [other for other in members if other is not one]
            left, _, settled = joint_weights(others, phase, weights)
            fits = {"constant": constants[one.site],
                    "own": own_fit(one, one.seasonal, with_optics(one.seasonal, one.held["fitted"], one.terms[phase]["fitted"]),
                                   np.concatenate([one.start, weights])),
                    "shared": own_fit(one, one.constant, with_optics(
                        one.constant, one.held["fitted"], logarithm=one.terms[phase]["fitted"] @ left), one.start, left)}
            week = week_blocks(one.constant.streams[0].when)
            for name, (control, terms, own) in fits.items():
                logarithm = one.terms[phase]["held_out"] @ own
                test = with_optics(one.test, one.held["held_out"], logarithm=logarithm)
                row[name] = daily_scores(test, test.predict(control[np.newaxis, :len(one.test.names)])[0])
                if name != "constant":
                    row[name]["gain"] = choice_row(constants[one.site][1], terms, week)
            row["converged"] = settled
    return found


def own_fit(one: Member, target: TowerProblem, held: TowerProblem, start: Floats, weights: Floats | None = None
            ) -> tuple[Floats, Floats, Floats]:
    """Control vector, log-likelihoods (draws, observations) and weights of a fit that costs no runs."""
    control, normal, _ = held_fit(held, start)
    draws = np.repeat(control[np.newaxis], DRAWS, axis=0)
    draws[:, target.mean_columns] = normal.draws(DRAWS, seed=1)
    terms = one.terms[PHASES[0]]["fitted"].shape[1]
    if isinstance(target.space, SeasonalSpace):
        weights = target.space.weights(control)[0, 0]
    return control, pointwise(held, draws), np.zeros(terms) if weights is None else weights


def joint_weights(members: list[Member], phase: str, weights: Floats) -> tuple[Floats, float, bool]:
    """Weights (K,) of the season that all of them share, its smoothing width, and whether the search arrived."""
    width, weights = FIRST_WIDTH, weights.copy()
    twins = [with_optics(one.seasonal, one.held["fitted"], one.terms[phase]["fitted"]) for one in members]
    controls = [np.concatenate([one.start, np.zeros(weights.size)]) for one in members]
    for _ in range(PASSES):
        total, pull, eliminated = np.eye(weights.size) / width**2, -weights / width**2, []
        for k, twin in enumerate(twins):
            controls[k][-weights.size:] = weights  # they come last, as they are
            controls[k] = estimated_noise(twin, controls[k])
            gradient, curvature, season, own = derivatives(twin, controls[k])
            inverse = np.linalg.inv(curvature[np.ix_(own, own)])
            across = curvature[np.ix_(own, season)]
            total = total + curvature[np.ix_(season, season)] - across.T @ inverse @ across
            pull = pull + gradient[season] - across.T @ inverse @ gradient[own]
            eliminated.append((inverse, across, gradient[own], own))
        step = np.clip(np.linalg.solve(total, pull), -LARGEST_STEP, LARGEST_STEP)
        size = float(np.sqrt(step @ total @ step))
        weights = weights + step
        for k, (inverse, across, slope, own) in enumerate(eliminated):
            columns = twins[k].mean_columns[own]
            move = np.clip(inverse @ (slope - across @ step), -LARGEST_STEP, LARGEST_STEP)
            size = max(size, float(np.sqrt(move @ np.linalg.inv(inverse) @ move)))
            controls[k][columns] += move
        found = best_width(weights, np.linalg.inv(total), width)
        change, width = abs(float(np.log(found / width))), found
        if size < SMALL_STEP and change < SMALL_STEP:
            return weights, width, True
    return weights, width, False


def derivatives(twin: TowerProblem, control: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Gradient and curvature (minus the Hessian) of a tower's log posterior in its mean columns, the prior of the weights left
    out, with the places of weights and of its own parameters among them."""
    columns, space = twin.mean_columns, twin.space
    assert isinstance(space, SeasonalSpace)
    squares, point = LeastSquares(twin.with_noise(control)), control[columns]
    predicted = squares.predict(point[np.newaxis])
    slopes = sensitivity(squares, point, DIFFERENCE)
    residual = squares.residual(predicted)
    first, second = (part[0] for part in squares.prior_slopes(point[np.newaxis]))
    season = np.searchsorted(columns, space.season_columns)
    own = np.setdiff1d(np.arange(columns.size), season)
    first, second = first.copy(), np.array(second)
    first[season] = 0.0
    second[season] = 0.0
    second[:, season] = 0.0
    gradient = slopes @ (squares.attraction(residual)[0] * residual[0]) + first
    return gradient, (slopes * squares.information()) @ slopes.T - second, season, own
