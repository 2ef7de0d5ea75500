"""The light-use scheme at a tower, fitted to gross production by day without runs of the model between them.

Production of the scheme is a product in closed form once light, leaves and soil moisture stress are held; fits hold them at
the best point of the whole model, and repeat until both agree.
"""

import copy
from collections.abc import Sequence
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
from terraflux.assimilation.seasonal_space import SeasonalSpace, best_width
from terraflux.assimilation.tower_columns import TowerColumns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.light_use_efficiency import LIGHT_TO_CARBON
from terraflux.model.weave.streams import Stream

OPTIONS = {"photosynthesis": "light_use_efficiency"}
MOST_YEARS, FITTED_YEARS = 4, 2
LEAST_HALF_HOURS = 500  # measured by day, in the years that are fitted and in those held out
LEAST_OF_DAY = 8  # measured half hours (4 h) by day for its mean to count
LEAST_DAYS = 30
PASSES, CHANGE = 12, 0.03
ROUNDS = 4
SETTLED = 0.05  # of the standard deviation of an observation, root mean square
OPTICS = ("moisture_stress", "sunlit_area", "shaded_area", "absorbed_light_sunlit", "absorbed_light_shaded")
LEAVES = "leaf_area_index"
Row = dict[str, Any]
Floats = NDArray[np.float64]


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


def optics(target: TowerProblem, control: Floats) -> Row:
    """Light, leaves and soil moisture stress that the whole model has at a control vector, at the observed times.

    `supply` (n,): production per unit of efficiency where neither cold nor dry; `air` (degC), `deficit` (Pa). `leaves`
    (m2 m-2) are those of every step.
    """
    plant = next(iter(target.columns.sets))
    names, places = target.space.columns_of(plant)
    seen = target.streams[0]
    streams = [*(Stream(name, seen.index, name=name) for name in OPTICS),
               Stream(LEAVES, np.arange(seen.index.size), name=LEAVES)]
    run = target.columns.evaluator(plant, names, target.span, streams, 1).evaluate(target.space.expand(control)[:, places])
    stress, sunlit, shaded, light_sunlit, light_shaded, leaves = (run.values[name][0] for name in (*OPTICS, LEAVES))
    used = np.flatnonzero(seen.index >= 0)
    forcing = target.columns.tower.forcing.isel(time=target.span)
    air = forcing["air_temperature"].values[used]
    deficit = 1000.0 * np.maximum(saturation_pressure_at(air) - forcing["vapour_pressure"].values[used], 0.0)
    base = target.columns.sets[plant]
    ratio = float(base["light_use_efficiency_shaded"]) / float(base["light_use_efficiency_sunlit"])
    supply = LIGHT_TO_CARBON * stress * (sunlit * light_sunlit + ratio * shaded * light_shaded)
    return {"supply": supply, "air": air, "deficit": deficit, "leaves": leaves}


def with_optics(target: TowerProblem, held: Row, terms: Floats | None = None, logarithm: Floats | float = 0.0) -> TowerProblem:
    """The same problem with `optics` held: production in closed form, so that a fit needs no runs of the model.

    `terms` (n, K) take the place of those of its season, at the observed times; `logarithm` (n,) is that of a factor that is
    known.
    """
    base = next(iter(target.columns.sets.values()))
    low, dry_low = float(base["minimum_temperature_low"]), float(base["vapour_deficit_low"])
    supply = held["supply"] * np.exp(logarithm)
    if terms is None and isinstance(target.columns, SeasonalColumns):
        terms = target.columns.terms[target.span][np.flatnonzero(target.streams[0].index >= 0)]

    def predict(u: Floats) -> Floats:
        rows = np.atleast_2d(u)
        efficiency, warm_high, dry_high = (target.space.physical(rows)[:, [k]] for k in range(3))
        warm = np.clip((held["air"] - low) / np.maximum(warm_high - low, 0.01), 0.0, 1.0)
        dry = np.clip((held["deficit"] - dry_low) / np.maximum(dry_high - dry_low, 1.0), 0.0, 1.0)
        made = efficiency * supply * warm * (1.0 - dry)
        return made if terms is None else made * np.exp(target.space.weights(rows)[:, 0] @ terms.T)

    twin = copy.copy(target)
    twin.predict, twin._fused = predict, None  # type: ignore[method-assign]
    return twin


def held_fit(held: TowerProblem, start: Floats) -> tuple[Floats, LaplacePosterior, bool]:
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


def settled_fit(target: TowerProblem, start: Floats | None) -> Row:
    """A fit with light and stress of its own best point, and what of them is left (standard deviations of an observation)."""
    control = target.space.default_control() if start is None else start
    for _ in range(ROUNDS):
        held = with_optics(target, optics(target, control))
        control, normal, converged = held_fit(held, control)
        whole = target.predict(control[np.newaxis])[0]
        left = float(np.sqrt(np.mean(((held.predict(control)[0] - whole) / target.sigma) ** 2)))
        if left < SETTLED:
            break
    return {"held": held, "control": control, "normal": normal, "left": left, "status": "converged" if converged else
            "not_converged"}


def daily_scores(held_out: TowerProblem, predicted: Floats) -> Row:
    """RMSE, bias (umol m-2 s-1) and correlation of means of days over their measured half hours by day."""
    day = held_out.streams[0].when.astype("datetime64[D]").astype(np.int64)
    count = np.bincount(day - day[0])
    enough = count >= LEAST_OF_DAY
    model, seen = (np.bincount(day - day[0], values)[enough] / count[enough] for values in (predicted, held_out.observed))
    if enough.sum() < LEAST_DAYS:
        raise ProblemError(f"only {int(enough.sum())} held-out days have {LEAST_OF_DAY} measured half hours by day")
    return {"days": int(enough.sum()), "rmse": float(np.sqrt(np.mean((model - seen) ** 2))),
            "bias": float(np.mean(model - seen)), "r": float(np.corrcoef(model, seen)[0, 1]), "observed": float(seen.mean())}
